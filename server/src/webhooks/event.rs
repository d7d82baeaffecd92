//! What is told, and what of it stands in the ledger.

use std::fmt;
use std::str::FromStr;

use regard_commitments::{Digest, EntryBody, LedgerEntry, word};
use regard_domain::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Something that happened to somebody who enrolled, or on a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookEvent {
    /// A face was enrolled.
    Enrolled,
    /// A claim was true.
    Verified,
    /// A consent ended: taken back, run out, or replaced.
    Withdrawn,
    /// A record was erased.
    Erased,
    /// A message began on a screen; nothing about who was there.
    Decision,
    /// A guardrail stopped a message.
    Guardrail,
}

impl WebhookEvent {
    /// Every one.
    pub const ALL: [Self; 6] = [
        Self::Enrolled,
        Self::Verified,
        Self::Withdrawn,
        Self::Erased,
        Self::Decision,
        Self::Guardrail,
    ];

    /// The stable name, in snake case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enrolled => "enrolled",
            Self::Verified => "verified",
            Self::Withdrawn => "withdrawn",
            Self::Erased => "erased",
            Self::Decision => "decision",
            Self::Guardrail => "guardrail",
        }
    }
}

impl fmt::Display for WebhookEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for WebhookEvent {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|event| event.as_str() == text);
        known.ok_or_else(|| {
            "expected enrolled, verified, withdrawn, erased, decision or guardrail".to_owned()
        })
    }
}

/// What a receiver is told.
///
/// # Privacy
/// Names a person by the hash that the ledger has for them, and nothing else; what happens on screens names nobody.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Told {
    /// The same when it is told again, so that a receiver takes it once.
    pub(super) id: String,
    pub(super) event: WebhookEvent,
    at: Timestamp,
    data: Value,
}

impl Told {
    /// What an entry of the ledger is to a receiver; nothing for most.
    pub(super) fn of(entry: &LedgerEntry, index: u64) -> Option<Self> {
        let (event, person, mut data) = match &entry.body {
            EntryBody::TemplateMade {
                subject,
                custody,
                until,
                ..
            } => (
                WebhookEvent::Enrolled,
                subject,
                json!({"custody": word(custody), "until_micros": until.as_micros()}),
            ),
            EntryBody::ConsentEnded {
                subject,
                purpose,
                why,
                ..
            } => (
                WebhookEvent::Withdrawn,
                subject,
                json!({"purpose": purpose, "why": word(why)}),
            ),
            EntryBody::Erased { subject } => (WebhookEvent::Erased, subject, json!({})),
            _ => return None,
        };
        data["person"] = json!(person.to_string());
        Some(Self {
            id: format!("entry-{index}"),
            event,
            at: entry.at,
            data,
        })
    }

    /// Somebody was verified under a grant of that number.
    pub(super) fn verified(person: Digest, number: Digest, at: Timestamp) -> Self {
        Self {
            id: format!("grant-{number}"),
            event: WebhookEvent::Verified,
            at,
            data: json!({"person": person.to_string()}),
        }
    }

    /// Something that stands in no ledger.
    pub(super) fn now(id: String, event: WebhookEvent, data: Value, at: Timestamp) -> Self {
        Self {
            id,
            event,
            at,
            data,
        }
    }

    /// The body.
    pub(super) fn body(&self) -> String {
        json!({"type": self.event, "at_micros": self.at.as_micros(), "data": self.data}).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_agree_with_serialization_and_come_back() {
        for event in WebhookEvent::ALL {
            assert_eq!(serde_json::to_value(event).unwrap(), event.as_str());
            assert_eq!(event.as_str().parse(), Ok(event));
        }
        assert!("looked".parse::<WebhookEvent>().is_err());
    }

    #[test]
    fn an_erasure_is_told_by_the_hash_of_the_ledger_alone() {
        let subject = Digest::of(&[b"somebody"]);
        let entry = LedgerEntry {
            at: Timestamp::from_micros(7),
            body: EntryBody::Erased { subject },
        };
        let told = Told::of(&entry, 12).unwrap();
        assert_eq!((&*told.id, told.event), ("entry-12", WebhookEvent::Erased));
        let body: Value = serde_json::from_str(&told.body()).unwrap();
        assert_eq!(
            body,
            json!({"type": "erased", "at_micros": 7, "data": {"person": subject.to_string()}})
        );
        let entry = LedgerEntry {
            body: EntryBody::Stopped {},
            ..entry
        };
        assert_eq!(Told::of(&entry, 0), None);
    }
}
