//! Why something fails at present.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Why something fails at present, in words for health; nothing while it works.
#[derive(Debug, Default)]
pub(crate) struct Fault(Mutex<Option<String>>);

impl Fault {
    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It failed; whether it had worked before. The newest reason stands.
    pub(crate) fn begin(&self, why: &str) -> bool {
        self.lock().replace(why.to_owned()).is_none()
    }

    /// It worked; whether it had failed before.
    pub(crate) fn end(&self) -> bool {
        self.lock().take().is_some()
    }

    /// The reason.
    pub(crate) fn why(&self) -> Option<String> {
        self.lock().clone()
    }
}
