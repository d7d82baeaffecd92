//! A mistake in a campaign, said so that its author can mend it.

use std::fmt;

use serde::Serialize;

/// What sort of mistake it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// A value out of range, missing, doubled or contradicting another.
    Invalid,
    /// A slot that no screen has.
    UnknownSlot,
    /// A rule aimed at distress, or a flash under 50 ms.
    VulnerabilityTargeting,
    /// A rule about somebody's race, religion, health, orientation or politics.
    SensitiveInference,
    /// A message that changes a price, a credit, access or another significant matter.
    SignificantEffect,
}

impl FaultKind {
    /// The stable refusal code, where the mistake is a refusal.
    pub const fn code(self) -> Option<&'static str> {
        match self {
            Self::Invalid | Self::UnknownSlot => None,
            Self::VulnerabilityTargeting => Some("vulnerability_targeting"),
            Self::SensitiveInference => Some("sensitive_inference"),
            Self::SignificantEffect => Some("significant_effect"),
        }
    }
}

/// One mistake in the campaigns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct CampaignFault {
    /// Where, such as `campaign[0].creative[1].when.attention.min`; indices from 0.
    pub path: String,
    /// What sort.
    pub kind: FaultKind,
    /// What is allowed there.
    pub expected: String,
    /// What stands there.
    pub found: String,
    /// What to do.
    pub suggestion: String,
}

impl fmt::Display for CampaignFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(code) = self.kind.code() {
            write!(f, "{code}: ")?;
        }
        write!(
            f,
            "{}: expected {}, found {}; {}",
            self.path, self.expected, self.found, self.suggestion
        )
    }
}
