//! Waiting for a database in calls that block.

use std::future::Future;
use std::io;
use std::time::Duration;

use regard_identity::GalleryError;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

/// Longest time that a database may take for what is asked of it while somebody waits. Origin: a search among some ten thousand
/// takes some ten milliseconds; whatever takes a hundred times that is not there.
const PATIENCE: Duration = Duration::from_secs(2);

/// Longest time for what goes through everybody at once. Origin: some hundred thousand rows are removed within a few seconds; whoever wants to
/// withdraw waits meanwhile, and must not wait for ever where the database is gone.
const LONG_PATIENCE: Duration = Duration::from_secs(20);

/// The thread that talks to a database, and those who wait for it. Unlike a bare runtime it may be dropped within an
/// asynchronous task.
pub(super) struct Waiter(Option<Runtime>);

impl Waiter {
    /// Starts the thread.
    pub(super) fn new() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    /// Waits for what somebody waits for: two seconds at most.
    pub(super) fn block_on<T>(
        &self,
        work: impl Future<Output = Result<T, GalleryError>>,
    ) -> Result<T, GalleryError> {
        self.block_for(PATIENCE, work)
    }

    /// Waits for what goes through everybody: twenty seconds at most.
    pub(super) fn block_for_long<T>(
        &self,
        work: impl Future<Output = Result<T, GalleryError>>,
    ) -> Result<T, GalleryError> {
        self.block_for(LONG_PATIENCE, work)
    }

    /// Waits for so long at most: nothing waits for ever, as a machine that is gone says nothing.
    pub(super) fn block_for<T>(
        &self,
        patience: Duration,
        work: impl Future<Output = Result<T, GalleryError>>,
    ) -> Result<T, GalleryError> {
        let runtime = self.0.as_ref().expect("taken by drop alone");
        runtime.block_on(async {
            let late = |_| GalleryError::Index {
                source: "the database did not answer in time".into(),
            };
            timeout(patience, work).await.map_err(late)?
        })
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[test]
    fn nobody_waits_for_ever() {
        let waiter = Waiter::new().unwrap();
        let late = waiter.block_for(Duration::ZERO, pending::<Result<(), GalleryError>>());
        assert!(matches!(late, Err(GalleryError::Index { .. })));
        let done = waiter.block_for_long(async { Ok(7) });
        assert_eq!(done.unwrap(), 7);
    }
}
