//! Stopping in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;

/// Longest time a stop waits for what is under way.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// Says to everyone that the end has come, and hears from the last that it has.
#[derive(Clone)]
pub(crate) struct Stopper {
    flag: Arc<AtomicBool>,
    done: watch::Receiver<bool>,
}

impl Stopper {
    /// A stopper and the place where the end is reported.
    pub(crate) fn new() -> (Self, watch::Sender<bool>) {
        let (sender, done) = watch::channel(false);
        (
            Self {
                flag: Arc::new(AtomicBool::new(false)),
                done,
            },
            sender,
        )
    }

    /// The flag that threads look at.
    pub(crate) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.flag)
    }

    /// Whether the end has come.
    pub(crate) fn is_stopping(&self) -> bool {
        self.flag.load(Ordering::Acquire)
    }

    /// Says that the end has come and waits until the last has reported.
    pub(crate) async fn stop(&self) {
        self.flag.store(true, Ordering::Release);
        let mut done = self.done.clone();
        if tokio::time::timeout(STOP_PATIENCE, done.wait_for(|done| *done))
            .await
            .is_err()
        {
            tracing::warn!("the engine did not come to its end within {STOP_PATIENCE:?}");
        }
    }
}
