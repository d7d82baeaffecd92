//! What a campaign wants to find out, and what stops a message.

use serde::{Deserialize, Serialize};

use crate::{Condition, OutcomeKind};

/// How plays are shared among the messages of an experiment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExperimentKind {
    /// By the weights of the messages, whatever the audience does: the fastest way to know.
    #[default]
    Ab,
    /// By the policy of the campaign: the fastest way to earn.
    Bandit,
}

/// A part of the plays that is looked at by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// Its name, unique in the experiment.
    pub name: String,
    /// Which plays: those that began while this held.
    pub when: Condition,
}

/// An experiment of a campaign. Its intervals may be looked at any time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Experiment {
    /// How plays are shared.
    pub kind: ExperimentKind,
    /// Part of the plays that show the default message instead: what would have been without.
    pub holdout: f32,
    /// What all intervals together may miss.
    pub error: f32,
    /// Parts of the plays in which the uplift is looked at by itself.
    #[serde(
        rename = "segment",
        alias = "segments",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub segments: Vec<Segment>,
}

impl Default for Experiment {
    fn default() -> Self {
        Self {
            kind: ExperimentKind::default(),
            // A tenth is what advertisers hold out as a rule.
            holdout: 0.1,
            error: 0.05,
            segments: Vec::new(),
        }
    }
}

/// What a guardrail looks at, one number a play.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GuardMetric {
    /// Mean probability of an angry expression in the play less that in the second before, −1 to 1.
    NegativeExpression,
    /// Part of those looking when the play began that no longer looked in its last second.
    TurningAway,
    /// Whether anyone complained, 0 or 1.
    Complaints,
    /// Whether anyone asked not to be looked at, 0 or 1.
    Objections,
}

impl GuardMetric {
    /// The kind of outcome it is made of.
    pub const fn outcome(self) -> OutcomeKind {
        match self {
            Self::NegativeExpression => OutcomeKind::NegativeLift,
            Self::TurningAway => OutcomeKind::TurnedAway,
            Self::Complaints => OutcomeKind::Complaint,
            Self::Objections => OutcomeKind::Objection,
        }
    }

    /// Least and greatest value of a play.
    pub const fn range(self) -> (f64, f64) {
        match self {
            Self::NegativeExpression => (-1.0, 1.0),
            Self::TurningAway | Self::Complaints | Self::Objections => (0.0, 1.0),
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NegativeExpression => "negative_expression",
            Self::TurningAway => "turning_away",
            Self::Complaints => "complaints",
            Self::Objections => "objections",
        }
    }
}

/// A bound that stops a message by itself when the mean of its plays exceeds it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guardrail {
    /// What is looked at.
    pub metric: GuardMetric,
    /// Greatest mean that is borne.
    pub at_most: f32,
    /// Probability, at most, that a message that keeps the bound is ever stopped by mistake.
    #[serde(default = "guard_error")]
    pub error: f32,
}

/// One message in a hundred may be stopped by mistake; switching it on again is one change.
fn guard_error() -> f32 {
    0.01
}

/// Whether a campaign's policy sees what faces show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExpressionUse {
    /// Until it is sure that this adds nothing.
    #[default]
    Auto,
    /// Always, where the commitments allow it.
    On,
    /// Never.
    Off,
}
