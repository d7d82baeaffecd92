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
        self.block_for_long(async {
            let late = |_| GalleryError::Index {
                source: "the database did not answer in time".into(),
            };
            timeout(PATIENCE, work).await.map_err(late)?
        })
    }

    /// Waits for what goes through everybody, as long as it takes.
    pub(super) fn block_for_long<T>(
        &self,
        work: impl Future<Output = Result<T, GalleryError>>,
    ) -> Result<T, GalleryError> {
        let runtime = self.0.as_ref().expect("taken by drop alone");
        runtime.block_on(work)
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
