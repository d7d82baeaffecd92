//! What counts as success of a campaign: many outcomes, one number in `[0, 1]`.

use serde::{Deserialize, Serialize};

use crate::OutcomeKind;

/// One kind of outcome and its part in the reward.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RewardTerm {
    /// Which kind.
    pub kind: OutcomeKind,
    /// Its part, above 0; parts are divided by their sum.
    #[serde(default = "one")]
    pub weight: f32,
    /// Value that earns the whole part, above 0. Left out: the duration of the message in seconds
    /// for attention seconds and dwell, 1 for the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saturates_at: Option<f32>,
}

fn one() -> f32 {
    1.0
}

/// How outcomes become a reward: the weighted mean of the terms, each `value / saturates_at`
/// clamped to `[0, 1]`. Values of one kind add up; those of `smile_lift` are averaged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RewardRule {
    /// The terms; each kind at most once.
    pub terms: Vec<RewardTerm>,
    /// Whether a term without an outcome counts as 0 when the window closes (the default: nobody
    /// scanned is an answer). Otherwise it is left out of the mean, and a play without any
    /// outcome teaches nothing.
    pub missing_is_zero: bool,
    /// How long after the decision outcomes count.
    pub window_secs: u32,
}

impl Default for RewardRule {
    /// Seconds looked at, full marks for the whole duration, 10 minutes' window.
    fn default() -> Self {
        Self {
            terms: vec![RewardTerm {
                kind: OutcomeKind::AttentionSeconds,
                weight: 1.0,
                saturates_at: None,
            }],
            missing_is_zero: true,
            window_secs: 600,
        }
    }
}
