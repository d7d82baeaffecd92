//! What a policy has learned, as it is stored between starts.

use std::collections::BTreeMap;

use regard_domain::CreativeId;
use serde::{Deserialize, Serialize};

/// Version of the stored form. A state of another version is refused, never guessed at.
pub const POLICY_STATE_FORMAT: u32 = 1;

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
        }
    }

    pub(crate) const fn check_format(&self) -> Result<(), PolicyStateError> {
        if self.format == POLICY_STATE_FORMAT {
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
        if head.format != POLICY_STATE_FORMAT {
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
        }
    }
}
