//! What a policy has learned, as it is stored between starts.

use std::collections::BTreeMap;

use regard_domain::CreativeId;
use serde::{Deserialize, Serialize};

use crate::policy::Packed;

/// Version of the stored form that is written. A state of a later one is refused, never guessed
/// at. Form 1 had no linear models of learners; what it had is the same in form 2, and read.
pub const POLICY_STATE_FORMAT: u32 = 2;

/// Earliest version that is read.
const FIRST_FORMAT: u32 = 1;

/// What a policy has learned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyState {
    /// [`POLICY_STATE_FORMAT`] when it was written.
    pub format: u32,
    /// Updates seen so far.
    pub version: u64,
    /// What they taught.
    pub learned: Learned,
    /// What the engine keeps beside it in the same breath, such as the evidence of an experiment; a
    /// text that this room does not read.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub evidence: String,
}

/// What the updates taught, by kind of policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Learned {
    /// Nothing.
    Fixed {},
    /// Nothing.
    Rules {},
    /// Successes and failures of each message.
    Thompson {
        /// By message.
        actions: BTreeMap<CreativeId, BetaCounts>,
    },
    /// A linear model of each message.
    Linucb {
        /// Names of the features, in order.
        features: Vec<String>,
        /// Weight of the prior that the inverses began with.
        ridge: f64,
        /// By message.
        actions: BTreeMap<CreativeId, LinearModel>,
    },
    /// The model of the policy `epsilon`.
    Epsilon(ModelState),
    /// The model of the policy `lints`.
    Lints(ModelState),
    /// The model of the policy `squarecb`.
    Squarecb(ModelState),
    /// The models of the policy `bootstrapped`.
    Bootstrapped(ModelState),
}

/// A linear model of rewards: one that messages share, or one each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelState {
    /// Names of the features of a context, in order.
    pub context: Vec<String>,
    /// Names of the features of a message, in order.
    pub action: Vec<String>,
    /// Weight of the prior.
    pub ridge: f64,
    /// Sum of the rewards, faded.
    pub rewards: f64,
    /// Plays, faded.
    pub plays: f64,
    /// Squared surprises, faded.
    pub squares: f64,
    /// The model that messages share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<BeliefState>,
    /// Models by message.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub own: BTreeMap<CreativeId, BeliefState>,
}

/// A Gaussian belief about weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BeliefState {
    /// Mean of each weight.
    pub mean: Packed,
    /// Covariance over the variance of the noise: the lower half, row by row.
    pub covariance: Packed,
    /// Plays learned from, faded.
    pub plays: f64,
    /// Weights of replicates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replicates: Vec<Packed>,
    /// Version of the policy when it last learned here.
    pub updated: u64,
}

/// Rewards of one message, without the prior.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BetaCounts {
    /// Sum of the rewards.
    pub successes: f64,
    /// Sum of what was missing to 1.
    pub failures: f64,
    /// Version of the policy when it last learned about this message.
    pub updated: u64,
}

/// Linear model of the rewards of one message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinearModel {
    /// Inverse of `ridge · I + Σ x xᵀ`, row by row.
    pub inverse: Vec<f64>,
    /// `Σ reward · x`.
    pub response: Vec<f64>,
    /// Version of the policy when it last learned about this message.
    pub updated: u64,
}

/// Why a stored state was not taken up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyStateError {
    /// It is not the text of a state.
    #[error("stored policy state cannot be read: {0}")]
    Unreadable(String),
    /// Written by a program of another version.
    #[error("stored policy state has format {found}, this program reads {expected}")]
    Format {
        /// What this program reads.
        expected: u32,
        /// What was found.
        found: u32,
    },
    /// It belongs to another policy.
    #[error("stored state is of policy {found}, the campaign now has {expected}")]
    Kind {
        /// What the campaign has.
        expected: &'static str,
        /// What was found.
        found: &'static str,
    },
    /// It was learned from other features.
    #[error("stored state was learned from other features, first difference at {at}")]
    Features {
        /// Index of the first difference.
        at: usize,
    },
    /// It was learned with another ridge.
    #[error("stored state was learned with another ridge")]
    Ridge,
    /// It was learned by one model for all messages and is to be one each, or the other way round.
    #[error("stored state was learned in the other shape: shared, or own models")]
    Shape,
    /// The policy has no prior, or the strength is not a share.
    #[error(
        "this policy cannot begin with what another learned, or the strength is not above 0 up to 1"
    )]
    NoPrior,
    /// A number of the shared model is impossible.
    #[error("stored state of the shared model holds impossible numbers")]
    Shared,
    /// A number in it is impossible.
    #[error("stored state of message {creative} holds impossible numbers")]
    Numbers {
        /// Of which message.
        creative: CreativeId,
    },
    /// The campaign is not configured.
    #[error("there is no such campaign")]
    UnknownCampaign,
}

impl PolicyState {
    pub(crate) const fn new(version: u64, learned: Learned) -> Self {
        Self {
            format: POLICY_STATE_FORMAT,
            version,
            learned,
            evidence: String::new(),
        }
    }

    pub(crate) const fn check_format(&self) -> Result<(), PolicyStateError> {
        if FIRST_FORMAT <= self.format && self.format <= POLICY_STATE_FORMAT {
            Ok(())
        } else {
            Err(PolicyStateError::Format {
                expected: POLICY_STATE_FORMAT,
                found: self.format,
            })
        }
    }

    /// The state as text.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("maps with text keys and finite numbers always print")
    }

    /// Reads what [`PolicyState::to_json`] wrote, to the last bit.
    ///
    /// # Errors
    /// [`PolicyStateError::Unreadable`] and [`PolicyStateError::Format`].
    pub fn from_json(text: &str) -> Result<Self, PolicyStateError> {
        /// Read first, so that a state of the future is called that and not unreadable.
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let unreadable = |e: serde_json::Error| PolicyStateError::Unreadable(e.to_string());
        let head: Head = serde_json::from_str(text).map_err(unreadable)?;
        if !(FIRST_FORMAT..=POLICY_STATE_FORMAT).contains(&head.format) {
            return Err(PolicyStateError::Format {
                expected: POLICY_STATE_FORMAT,
                found: head.format,
            });
        }
        serde_json::from_str(text).map_err(unreadable)
    }

    /// Kind of the policy it belongs to.
    pub const fn kind(&self) -> &'static str {
        match self.learned {
            Learned::Fixed {} => "fixed",
            Learned::Rules {} => "rules",
            Learned::Thompson { .. } => "thompson",
            Learned::Linucb { .. } => "linucb",
            Learned::Epsilon(_) => "epsilon",
            Learned::Lints(_) => "lints",
            Learned::Squarecb(_) => "squarecb",
            Learned::Bootstrapped(_) => "bootstrapped",
        }
    }

    /// The linear model of a learner.
    pub const fn model(&self) -> Option<&ModelState> {
        match &self.learned {
            Learned::Fixed {}
            | Learned::Rules {}
            | Learned::Thompson { .. }
            | Learned::Linucb { .. } => None,
            Learned::Epsilon(model)
            | Learned::Lints(model)
            | Learned::Squarecb(model)
            | Learned::Bootstrapped(model) => Some(model),
        }
    }
}
