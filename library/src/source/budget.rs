//! Bytes that may wait at a time.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

#[derive(Debug)]
struct State {
    max_bytes: u64,
    n_bytes: Mutex<u64>,
    freed: Condvar,
}

/// A lid on bytes that wait for their turn or are worked on, in memory or on disk. Whoever reads ahead waits when it is used up.
/// All clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<State>);

impl Budget {
    /// So many at a time.
    pub(crate) fn new(max_bytes: u64) -> Self {
        Self(Arc::new(State {
            max_bytes,
            n_bytes: Mutex::new(0),
            freed: Condvar::new(),
        }))
    }

    /// Waits until that many bytes may be held; something larger than the whole lid waits until nothing else is held.
    pub(crate) fn hold(&self, n_bytes: u64) -> Lease {
        let mut held = self
            .0
            .n_bytes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        while *held > 0 && held.saturating_add(n_bytes) > self.0.max_bytes {
            held = self
                .0
                .freed
                .wait(held)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *held += n_bytes;
        Lease {
            budget: self.clone(),
            n_bytes,
        }
    }
}

/// Leave to hold some bytes, given back when dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    budget: Budget,
    n_bytes: u64,
}

impl Drop for Lease {
    fn drop(&mut self) {
        let state = &self.budget.0;
        *state.n_bytes.lock().unwrap_or_else(PoisonError::into_inner) -= self.n_bytes;
        state.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn whoever_reads_ahead_waits() {
        const MAX_BYTES: u64 = 100;
        let budget = Budget::new(MAX_BYTES);
        let first = budget.hold(MAX_BYTES - 1);
        let second = budget.hold(1);
        let (sender, receiver) = mpsc::channel();
        thread::scope(|scope| {
            let other = budget.clone();
            scope.spawn(move || {
                // Larger than all of it: waits for the last one, too.
                let lease = other.hold(MAX_BYTES * 2);
                sender.send(()).unwrap();
                drop(lease);
            });
            assert!(receiver.try_recv().is_err());
            drop(first);
            assert!(receiver.try_recv().is_err());
            drop(second);
            receiver.recv().unwrap();
        });
        drop(budget.hold(1));
    }
}
