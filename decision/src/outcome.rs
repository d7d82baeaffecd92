//! What came of a decision: looks, smiles, scans.

use std::fmt;

use regard_domain::{DecisionId, Timestamp};
use serde::{Deserialize, Serialize};

/// What was measured or reported. What a face shows within a fraction of a second without its
/// owner's knowing (micro-expressions) has no kind here and never will.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum OutcomeKind {
    /// Seconds looked at the screen during the play, summed over visitors. Passive.
    AttentionSeconds,
    /// Mean probability of a smile in the play less that in the second before, `[-1, 1]`. Passive.
    SmileLift,
    /// Seconds of the play with anyone in view. Passive.
    Dwell,
    /// Mean probability of an angry expression in the play less that in the second before,
    /// `[-1, 1]`. Passive; for guardrails, never a success.
    NegativeLift,
    /// Part of those looking when the play began that no longer look in its last second, `[0, 1]`.
    /// Passive; for guardrails.
    TurnedAway,
    /// Someone complained about the message.
    Complaint,
    /// Someone before the screen asked not to be looked at; noted here, never reported.
    Objection,
    /// Someone scanned the code.
    Scan,
    /// Someone did what the campaign is for.
    Conversion,
    /// Anything else, by name (`custom:<name>`; 1 to 64 of `a-z`, `0-9`, `_`, `-`; none that speaks of micro-expressions).
    Custom(String),
}

/// Not the name of a kind of outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is none of attention_seconds, smile_lift, dwell, scan, conversion, complaint and custom:<name>"
)]
pub struct BadOutcomeKind(String);

impl OutcomeKind {
    /// Whether the meter of the play measures it, so that it is in when the play has ended.
    pub const fn is_passive(&self) -> bool {
        match self {
            Self::AttentionSeconds
            | Self::SmileLift
            | Self::Dwell
            | Self::NegativeLift
            | Self::TurnedAway => true,
            Self::Complaint | Self::Objection | Self::Scan | Self::Conversion | Self::Custom(_) => {
                false
            }
        }
    }

    /// Whether it says that a message did harm: such a thing is never a success.
    pub const fn is_harm(&self) -> bool {
        match self {
            Self::NegativeLift | Self::TurnedAway | Self::Complaint | Self::Objection => true,
            Self::AttentionSeconds
            | Self::SmileLift
            | Self::Dwell
            | Self::Scan
            | Self::Conversion
            | Self::Custom(_) => false,
        }
    }
}

impl fmt::Display for OutcomeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AttentionSeconds => f.write_str("attention_seconds"),
            Self::SmileLift => f.write_str("smile_lift"),
            Self::Dwell => f.write_str("dwell"),
            Self::NegativeLift => f.write_str("negative_lift"),
            Self::TurnedAway => f.write_str("turned_away"),
            Self::Complaint => f.write_str("complaint"),
            Self::Objection => f.write_str("objection"),
            Self::Scan => f.write_str("scan"),
            Self::Conversion => f.write_str("conversion"),
            Self::Custom(name) => write!(f, "custom:{name}"),
        }
    }
}

impl TryFrom<String> for OutcomeKind {
    type Error = BadOutcomeKind;
    fn try_from(text: String) -> Result<Self, BadOutcomeKind> {
        let is_name = |name: &str| {
            (1..=64).contains(&name.len())
                && name
                    .bytes()
                    .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
                && !crate::facts::is_about_the_unknowing(name)
        };
        match text.as_str() {
            "attention_seconds" => Ok(Self::AttentionSeconds),
            "smile_lift" => Ok(Self::SmileLift),
            "dwell" => Ok(Self::Dwell),
            "negative_lift" => Ok(Self::NegativeLift),
            "turned_away" => Ok(Self::TurnedAway),
            "complaint" => Ok(Self::Complaint),
            "objection" => Ok(Self::Objection),
            "scan" => Ok(Self::Scan),
            "conversion" => Ok(Self::Conversion),
            other => match other.strip_prefix("custom:") {
                Some(name) if is_name(name) => Ok(Self::Custom(name.to_owned())),
                Some(_) | None => Err(BadOutcomeKind(text.chars().take(80).collect())),
            },
        }
    }
}

impl From<OutcomeKind> for String {
    fn from(kind: OutcomeKind) -> Self {
        kind.to_string()
    }
}

/// One thing that came of a decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// Of which decision.
    pub decision: DecisionId,
    /// What it is.
    pub kind: OutcomeKind,
    /// How much; the unit is that of the kind, and 1 stands for one scan or conversion.
    pub value: f32,
    /// When it happened.
    pub at: Timestamp,
    /// The same event reported twice carries the same key, 1 to 128 bytes, and counts once.
    pub key: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn micro_expressions_are_no_outcome_under_any_name() {
        let kind = |name: &str| OutcomeKind::try_from(name.to_owned());
        for name in [
            "micro_expression",
            "custom:micro_expression",
            "custom:micro-expression_happy",
            "custom:microexpression2",
        ] {
            assert!(kind(name).is_err(), "{name}");
        }
        assert!(kind("custom:micro_conversion").is_ok());
    }
}
