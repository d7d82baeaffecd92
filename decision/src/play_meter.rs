//! Measures what an audience did during a play.

use regard_domain::{DecisionId, Moment, Timestamp};

use crate::Outcome;

/// Measures the plays of one screen from the moments of its cameras.
#[derive(Debug)]
pub struct PlayMeter {}

impl PlayMeter {
    /// A meter that has seen nothing.
    pub fn new() -> Self {
        todo!()
    }
    /// Takes every moment of the screen's cameras, whether or not anything plays.
    pub fn observe(&mut self, moment: &Moment) {
        todo!()
    }
    /// A play begins; returns the outcomes of the one that ended with it.
    pub fn begin(&mut self, decision: DecisionId, at: Timestamp) -> Vec<Outcome> {
        todo!()
    }
    /// The play ends.
    pub fn end(&mut self, at: Timestamp) -> Vec<Outcome> {
        todo!()
    }
}
