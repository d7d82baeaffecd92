//! What owners and their systems send.

use regard_decision::FactValue;
use regard_domain::DecisionId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::assets::{AssetKind, AssetRef};

/// A fact as it is now.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct FactBody {
    /// True or false, a number, or a word.
    #[schema(value_type = serde_json::Value)]
    pub(crate) value: FactValue,
}

/// A fact to be set.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewFact {
    /// True or false, a number, or a word.
    #[schema(value_type = serde_json::Value)]
    pub(crate) value: FactValue,
    /// For how long it holds; left out: until the retention of facts ends.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub(crate) ttl_secs: Option<u32>,
}

/// Something that came of a decision.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewOutcome {
    /// Of which decision.
    #[schema(value_type = String)]
    pub(crate) decision: DecisionId,
    /// `scan`, `conversion` or `custom:<name>`; the rest is measured here.
    pub(crate) kind: String,
    /// How much; 1 for one scan or conversion.
    pub(crate) value: f32,
    /// The same event reported twice carries the same key and counts once.
    pub(crate) key: String,
}

/// What became of an outcome.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct OutcomeAnswer {
    /// `counted`, `duplicate`, `late`, `unknown`, `invalid` or `full`.
    pub(crate) acceptance: &'static str,
}

/// An asset that was taken.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Upload {
    /// Where it is served.
    url: String,
    /// What a message calls it.
    asset: String,
    /// What it was recognised as.
    kind: AssetKind,
    /// As which kind of message it can be shown.
    message: &'static str,
    /// Of pictures, in pixels.
    width: Option<usize>,
    /// Of pictures, in pixels.
    height: Option<usize>,
}

impl From<&AssetRef> for Upload {
    fn from(asset: &AssetRef) -> Self {
        Self {
            url: asset.url(),
            asset: asset.name.clone(),
            kind: asset.kind,
            message: asset.kind.message(),
            width: asset.size_px.map(|(width, _)| width),
            height: asset.size_px.map(|(_, height)| height),
        }
    }
}
