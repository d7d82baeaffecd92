//! Decisions, with why.

use regard_decision::{Creative as Message, Decision, Reason, Trigger};
use regard_engine::Showing;
use serde::Serialize;
use utoipa::ToSchema;

use super::screen::{Creative, creative};
use crate::app::App;
use crate::qr;

/// Exclusions spelt out; a site with hundreds of messages has hundreds of them.
const MAX_EXCLUDED: usize = 12;

/// Something that could have been chosen.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Candidate {
    /// Of which campaign; nothing for the default message.
    campaign: Option<String>,
    /// Which message.
    creative: String,
    /// The probability with which it was to be chosen.
    propensity: f32,
}

/// A decision as it is in the log.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct LoggedDecision {
    /// Random id.
    id: String,
    /// When it was made.
    at_micros: i64,
    /// For which screen.
    screen: String,
    /// In which slot of it; left out where the message has all of the glass.
    #[serde(skip_serializing_if = "Option::is_none")]
    slot: Option<String>,
    /// Of which campaign; nothing for the default message.
    campaign: Option<String>,
    /// Which message.
    creative: String,
    /// Whether it is the default message.
    is_default: bool,
    /// Kind of the policy that chose.
    policy: String,
    /// Version of that policy.
    policy_version: u64,
    /// The probability with which it was chosen.
    propensity: f32,
    /// All that could have been chosen.
    candidates: Vec<Candidate>,
    /// What the policy saw, in the log rounded to tenths.
    #[schema(value_type = Vec<(String, f32)>)]
    features: Vec<(String, f32)>,
    /// Why, in one sentence.
    reason: String,
    /// Why, in all detail.
    explanation: Vec<String>,
}

impl LoggedDecision {
    /// With the audience in steps of a tenth: a row that is read later, one by one, tells no more of who was there than
    /// what explains the choice.
    pub(crate) fn coarsened(mut self) -> Self {
        for (_, value) in &mut self.features {
            *value = (*value * 10.0).round() / 10.0;
        }
        self
    }
}

impl From<&Decision> for LoggedDecision {
    fn from(decision: &Decision) -> Self {
        let candidates = decision.candidates.iter().map(|one| Candidate {
            campaign: one.campaign.as_ref().map(ToString::to_string),
            creative: one.creative.to_string(),
            propensity: one.propensity,
        });
        Self {
            id: decision.id.to_string(),
            at_micros: decision.at.as_micros(),
            screen: decision.screen.to_string(),
            slot: decision.slot.as_ref().map(ToString::to_string),
            campaign: decision.campaign.as_ref().map(ToString::to_string),
            creative: decision.creative.to_string(),
            is_default: decision.is_default,
            policy: decision.policy.clone(),
            policy_version: decision.policy_version,
            propensity: decision.propensity,
            candidates: candidates.collect(),
            features: decision.features.clone(),
            reason: sentence(decision),
            explanation: explanation(decision),
        }
    }
}

/// Event `decision`: a message on its way to a screen.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct ShownDecision {
    /// Random id.
    id: String,
    /// The play that begins with it; reports carry it.
    play: String,
    /// When it was made.
    at_micros: i64,
    /// Capture time of the frame that led to it.
    captured_at_micros: Option<i64>,
    /// For which screen.
    screen: String,
    /// In which slot of it; left out where the message has all of the glass.
    #[serde(skip_serializing_if = "Option::is_none")]
    slot: Option<String>,
    /// Of which campaign; nothing for the default message.
    campaign: Option<String>,
    /// The message.
    creative: Creative,
    /// The code that leads where the message says, for the player; nothing when it leads nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    scan: Option<Scan>,
    /// Whether it is the default message.
    is_default: bool,
    /// Kind of the policy that chose.
    policy: String,
    /// Version of that policy.
    policy_version: u64,
    /// The probability with which it was chosen.
    propensity: f32,
    /// How long it stays at least.
    min_show_millis: u32,
    /// Why, in one sentence.
    reason: String,
    /// All that could have been chosen; for the console.
    #[serde(skip_serializing_if = "Option::is_none")]
    candidates: Option<Vec<Candidate>>,
    /// What the policy saw; for the console.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<(String, f32)>>)]
    features: Option<Vec<(String, f32)>>,
    /// Why, in all detail; for the console.
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<Vec<String>>,
}

/// A code that leads where a message says.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Scan {
    /// What the code says: an address here that counts the scan and leads on.
    url: String,
    /// Host it leads to in the end, to be read by people.
    host: String,
    /// The code as SVG: in the decision itself, so that nothing is to be fetched when the message changes.
    qr_svg: String,
}

impl Scan {
    /// The code that leads by way of this address to the target of a message.
    fn to(target: &str, url: String) -> Option<Self> {
        let rest = target.split_once("://").map_or(target, |(_, rest)| rest);
        let host = rest.split(['/', '?', '#']).next().unwrap_or(rest);
        let qr_svg = qr::svg(&url)?;
        let host = host.to_owned();
        Some(Self { url, host, qr_svg })
    }

    /// The code of a message that is only looked at: it leads straight there, and nothing is counted.
    pub(crate) fn of_preview(message: &Message) -> Option<Self> {
        let target = message.target_url.as_deref()?;
        Self::to(target, target.to_owned())
    }
}

/// The code of a message that leads somewhere.
fn scan(showing: &Showing, base: &str) -> Option<Scan> {
    let target = showing.creative.target_url.as_deref()?;
    Scan::to(target, format!("{base}/s/{}", showing.decision.id))
}

impl ShownDecision {
    /// As a player needs it; `base` is how people outside reach this server.
    pub(crate) async fn for_player(app: &App, showing: &Showing, base: &str) -> Self {
        Self {
            scan: scan(showing, base),
            ..Self::of(app, showing).await
        }
    }

    async fn of(app: &App, showing: &Showing) -> Self {
        let decision = &showing.decision;
        let creative = creative(app, decision.campaign.as_ref(), &showing.creative).await;
        Self {
            id: decision.id.to_string(),
            play: showing.play.to_string(),
            at_micros: decision.at.as_micros(),
            captured_at_micros: showing.captured_at.map(regard_domain::Timestamp::as_micros),
            screen: decision.screen.to_string(),
            slot: decision.slot.as_ref().map(ToString::to_string),
            campaign: decision.campaign.as_ref().map(ToString::to_string),
            min_show_millis: creative.min_show_millis,
            creative,
            scan: None,
            is_default: decision.is_default,
            policy: decision.policy.clone(),
            policy_version: decision.policy_version,
            propensity: decision.propensity,
            reason: sentence(decision),
            candidates: None,
            features: None,
            explanation: None,
        }
    }

    /// As the console shows it.
    pub(crate) async fn for_console(app: &App, showing: &Showing) -> Self {
        let logged = LoggedDecision::from(&showing.decision);
        Self {
            candidates: Some(logged.candidates),
            features: Some(logged.features),
            explanation: Some(logged.explanation),
            ..Self::of(app, showing).await
        }
    }
}

const fn trigger_words(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Asked => "it was asked for",
        Trigger::Start => "the screen had nothing to show",
        Trigger::DurationElapsed => "the message before had its time",
        Trigger::ConditionEnded => "the message before no longer fitted",
        Trigger::BetterEligible => "it fits better than the message before",
        Trigger::Withdrawn => "the message before was withdrawn",
        Trigger::LedgerUnwritable => "the ledger cannot be written, so no campaign may play",
        Trigger::GaveWay => "a slot before this one took the message before",
    }
}

fn cause_words(reason: &Reason) -> Option<&'static str> {
    match reason.cause.as_deref()? {
        "entered" => Some("someone came into view"),
        "left" => Some("someone left"),
        "looked" => Some("someone began to look"),
        "looked_away" => Some("someone looked away"),
        _ => None,
    }
}

fn sentence(decision: &Decision) -> String {
    let reason = &decision.reason;
    let because = if reason.met.is_empty() {
        trigger_words(reason.trigger).to_owned()
    } else {
        reason
            .met
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(" and ")
    };
    format!("Shown because {because}.")
}

fn explanation(decision: &Decision) -> Vec<String> {
    let reason = &decision.reason;
    let mut lines = vec![match cause_words(reason) {
        Some(cause) => format!("Chosen when {cause}: {}.", trigger_words(reason.trigger)),
        None => format!("Chosen when {}.", trigger_words(reason.trigger)),
    }];
    lines.extend(reason.met.iter().map(|clause| format!("Holds: {clause}.")));
    lines.push(if decision.is_default {
        "No campaign fits: the default message of the site.".to_owned()
    } else {
        let (n, share) = (decision.candidates.len(), 100.0 * decision.propensity);
        format!(
            "Policy {} chose it among {n} with probability {share:.0} %.",
            decision.policy
        )
    });
    let excluded = reason.excluded.iter().take(MAX_EXCLUDED).map(|one| {
        let message = one
            .creative
            .as_ref()
            .map(|id| format!(" / {id}"))
            .unwrap_or_default();
        format!("Not {}{message}: {}.", one.campaign, one.obstacle)
    });
    lines.extend(excluded);
    if reason.excluded.len() > MAX_EXCLUDED {
        lines.push(format!(
            "And {} more that do not fit now.",
            reason.excluded.len() - MAX_EXCLUDED
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_tell_of_the_audience_in_tenths() {
        let decision = Decision {
            id: regard_domain::DecisionId::from_bits(7),
            at: regard_domain::Timestamp::from_millis(0),
            local: regard_decision::LocalTime::new(2026, 1, 1, 0, 0).unwrap(),
            screen: "s".parse().unwrap(),
            slot: None,
            campaign: None,
            creative: "c".parse().unwrap(),
            is_default: true,
            policy: "fixed".to_owned(),
            policy_version: 1,
            propensity: 0.123_456,
            candidates: Vec::new(),
            features: [
                ("n_visitors", 0.571_4),
                ("dwell", 0.049_9),
                ("hour_sin", -0.26),
            ]
            .map(|(name, value)| (name.to_owned(), value))
            .to_vec(),
            held_out: None,
            segments: Vec::new(),
            is_personal: false,
            reason: Reason {
                trigger: Trigger::Start,
                cause: None,
                met: Vec::new(),
                excluded: Vec::new(),
            },
        };
        let row = LoggedDecision::from(&decision).coarsened();
        let values: Vec<f32> = row.features.iter().map(|(_, value)| *value).collect();
        assert_eq!(values, [0.6, 0.0, -0.3]);
        assert_eq!(
            row.propensity, 0.123_456,
            "what weighs an estimate stays exact"
        );
    }
}
