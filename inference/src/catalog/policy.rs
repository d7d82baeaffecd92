//! What a site demands of the data that a model was trained on.

use serde::Deserialize;

use super::entry::{Consent, ModelEntry, Role};

/// Site policy `models.training_data`. Each step demands what the step before does, and more.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// Any model whose weights are licensed.
    #[default]
    Any,
    /// Only models whose makers say what they were trained on.
    Disclosed,
    /// Only models whose training data holds nobody who did not agree, as documented.
    Consented,
}

/// A model that a site's policy turns away. An answer, not a failure.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "policy models.training_data = {:?} refuses model {id:?}: bring a {} model whose manifest entry says {}",
    policy.as_str(), role.as_str(), policy.demand()
)]
pub struct PolicyRefusal {
    /// The model.
    pub id: String,
    /// What it was for, and what a model must be brought for.
    pub role: Role,
    /// The policy that refuses it.
    pub policy: Policy,
}

impl Policy {
    /// The word of the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Disclosed => "disclosed",
            Self::Consented => "consented",
        }
    }

    /// Whether a site of this policy may use the model of `entry`. One model at a time and whatever
    /// its role: the caller asks for every model it wants to load.
    ///
    /// # Errors
    /// The refusal, with the role for which another model is to be brought.
    pub fn check(self, entry: &ModelEntry) -> Result<(), PolicyRefusal> {
        let disclosed = entry.training_data_disclosed;
        let good = match self {
            Self::Any => true,
            Self::Disclosed => disclosed,
            Self::Consented => disclosed && entry.consent_of_subjects == Consent::Documented,
        };
        if good {
            return Ok(());
        }
        Err(PolicyRefusal {
            id: entry.id.clone(),
            role: entry.role,
            policy: self,
        })
    }

    /// What a manifest entry must say, for messages.
    fn demand(self) -> &'static str {
        match self {
            Self::Any => "nothing in particular",
            Self::Disclosed => "training_data_disclosed = true",
            Self::Consented => {
                "training_data_disclosed = true and consent_of_subjects = \"documented\""
            }
        }
    }
}
