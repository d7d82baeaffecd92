//! Brings late outcomes home to their decisions, each once.

use regard_domain::{DecisionId, Timestamp};

use crate::{Decision, Outcome, PolicyUpdate, RewardRule};

/// What became of an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// It counts.
    Counted,
    /// It came before, with the same decision, kind and key.
    Duplicate,
    /// The window of its decision is closed.
    Late,
    /// No decision of that id is known.
    Unknown,
    /// Value not finite, or key not 1 to 128 bytes.
    Invalid,
    /// The decision has 1024 outcomes already.
    Full,
}

/// Holds decisions open for their outcomes.
#[derive(Debug)]
pub struct Attributor {}

impl Attributor {
    /// Nothing open.
    pub fn new() -> Self {
        todo!()
    }
    /// Opens a decision of a campaign. Returns what had to close early to make room.
    pub fn open(
        &mut self,
        decision: &Decision,
        rule: &RewardRule,
        duration_millis: u32,
    ) -> Vec<PolicyUpdate> {
        todo!()
    }
    /// Takes an outcome.
    pub fn accept(&mut self, outcome: Outcome, now: Timestamp) -> Acceptance {
        todo!()
    }
    /// The play is over and its meter has reported.
    pub fn play_ended(&mut self, decision: DecisionId) {
        todo!()
    }
    /// Closes what is due.
    pub fn due(&mut self, now: Timestamp) -> Vec<PolicyUpdate> {
        todo!()
    }
    /// How many decisions are open.
    pub fn n_open(&self) -> usize {
        todo!()
    }
}
