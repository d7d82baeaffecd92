//! When the message of a screen may change.

use rand::CryptoRng;
use regard_domain::{MomentCause, ScreenId, Timestamp};

use crate::{Context, Decision, Planner};

/// Watches one screen.
#[derive(Debug)]
pub struct Director {}

impl Director {
    /// A director of a screen that shows nothing yet.
    pub fn new(screen: ScreenId) -> Self {
        todo!()
    }
    /// The screen.
    pub fn screen(&self) -> &ScreenId {
        todo!()
    }
    /// The decision that is shown.
    pub fn current(&self) -> Option<&Decision> {
        todo!()
    }
    /// When the play has lasted its time; the engine may wake then without a moment.
    pub fn ends_at(&self) -> Option<Timestamp> {
        todo!()
    }
    /// Decides if the message may change now; otherwise nothing.
    pub fn consider<R: CryptoRng + ?Sized>(
        &mut self,
        planner: &mut Planner,
        context: &Context,
        cause: MomentCause,
        now: Timestamp,
        rng: &mut R,
    ) -> Option<Decision> {
        todo!()
    }
}
