//! Where frames wait: one short lane a camera, and the oldest goes.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Frames that wait for an analysis thread, on each camera. When full the oldest goes: a late frame
/// is worth nothing.
pub(crate) const FRAME_QUEUE_LEN: usize = 2;

/// Bounded lanes between threads that prefer the new; takers serve the lanes in turn.
#[derive(Debug)]
pub(crate) struct FreshLanes<T> {
    state: Mutex<State<T>>,
    arrived: Condvar,
    lane_len: usize,
}

#[derive(Debug)]
struct State<T> {
    lanes: Vec<VecDeque<T>>,
    next: usize,
    closed: bool,
}

/// What became of an item offered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pushed<T> {
    /// There was room.
    Kept,
    /// There was none; this, the oldest of its lane, had to go.
    Displaced(T),
    /// Nobody takes items any more.
    Closed,
}

impl<T> FreshLanes<T> {
    /// `n_lanes` empty lanes of up to `lane_len` items each, at least 1.
    pub(crate) fn new(n_lanes: usize, lane_len: usize) -> Self {
        let lanes = (0..n_lanes).map(|_| VecDeque::new()).collect();
        Self {
            state: Mutex::new(State {
                lanes,
                next: 0,
                closed: false,
            }),
            arrived: Condvar::new(),
            lane_len: lane_len.max(1),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // A panic elsewhere cannot leave a list of frames in a bad state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an item to a lane; never waits.
    ///
    /// # Panics
    /// When there is no such lane.
    pub(crate) fn push(&self, lane: usize, item: T) -> Pushed<T> {
        let mut state = self.lock();
        if state.closed {
            return Pushed::Closed;
        }
        let full = state.lanes[lane].len() >= self.lane_len;
        let displaced = if full {
            state.lanes[lane].pop_front()
        } else {
            None
        };
        state.lanes[lane].push_back(item);
        drop(state);
        self.arrived.notify_one();
        displaced.map_or(Pushed::Kept, Pushed::Displaced)
    }

    /// Takes the lane whose turn it is and its oldest item, waiting up to `patience` for one.
    /// Nothing when none came, or when all is closed and empty.
    pub(crate) fn pop(&self, patience: Duration) -> Option<(usize, T)> {
        let empty = |s: &mut State<T>| !s.closed && s.lanes.iter().all(VecDeque::is_empty);
        let (mut state, _) = self
            .arrived
            .wait_timeout_while(self.lock(), patience, empty)
            .unwrap_or_else(PoisonError::into_inner);
        let n = state.lanes.len();
        let lane = (0..n)
            .map(|i| (state.next + i) % n)
            .find(|i| !state.lanes[*i].is_empty())?;
        state.next = (lane + 1) % n;
        state.lanes[lane].pop_front().map(|item| (lane, item))
    }

    /// Whether an item waits in a lane.
    ///
    /// # Panics
    /// When there is no such lane.
    pub(crate) fn is_waiting(&self, lane: usize) -> bool {
        !self.lock().lanes[lane].is_empty()
    }

    /// Turns further items away and wakes everyone who waits.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_all();
    }

    /// Whether [`Self::close`] was called.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_and_lanes_take_turns() {
        let lanes = FreshLanes::new(2, 2);
        assert_eq!(lanes.push(0, 1), Pushed::Kept);
        assert_eq!(lanes.push(0, 2), Pushed::Kept);
        assert!(lanes.is_waiting(0) && !lanes.is_waiting(1));
        assert_eq!(lanes.push(0, 3), Pushed::Displaced(1));
        assert_eq!(lanes.push(1, 10), Pushed::Kept);
        let popped: Vec<_> = std::iter::from_fn(|| lanes.pop(Duration::ZERO)).collect();
        assert_eq!(popped, [(0, 2), (1, 10), (0, 3)]);
        lanes.close();
        assert_eq!(lanes.push(0, 4), Pushed::Closed);
    }

    #[test]
    fn closing_wakes_a_waiter() {
        let lanes = std::sync::Arc::new(FreshLanes::<u8>::new(1, 2));
        let waiter = {
            let lanes = std::sync::Arc::clone(&lanes);
            std::thread::spawn(move || lanes.pop(Duration::from_secs(60)))
        };
        lanes.close();
        assert_eq!(waiter.join().unwrap(), None);
    }
}
