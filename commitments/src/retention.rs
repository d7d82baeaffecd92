//! How long things are kept. A row is written only as a [`Kept`] row, and only this gate makes one.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use regard_domain::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::refusal::{Answer, Refusal, RefusalCode};
use crate::{Profile, PromiseFault, VerifiedCommitments};

macro_rules! data_kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal;)+) => {
        /// What a stored row is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum DataKind {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl DataKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable name, in snake case.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What it is, in sentences.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim(),)+ }
            }
        }
    };
}

data_kinds! {
    /// Which message was chosen, with which probability, for which (coarse) context.
    Decision = "decision";
    /// What came of a decision: rewards.
    Outcome = "outcome";
    /// That a message was on a screen, and for how long.
    Play = "play";
    /// What a policy has learned; aggregates only.
    PolicyState = "policy_state";
    /// Sums and counts over a minute or more.
    MinuteAggregate = "minute_aggregate";
    /// Noised sums that were released, and with them what was spent of the privacy budget.
    Release = "release";
    /// A custom fact set by the owner, such as the weather.
    Fact = "fact";
    /// What the owner put in: campaigns, creatives, screens; and how often each campaign was chosen
    /// in all, for its budget.
    Content = "content";
    /// Hashes of tokens and passwords of those who operate the site.
    Credential = "credential";
    /// What belongs to a person who enrolled: their key, what they agreed to, what is sealed for them.
    Person = "person";
    /// The ledger and its checkpoints.
    Ledger = "ledger";
    /// Signed commitments, all versions.
    Commitments = "commitments";
}

impl DataKind {
    /// Whether its period is the same everywhere, whatever is promised: ten years.
    pub const fn has_fixed_period(self) -> bool {
        self.fixed_period().is_some()
    }

    /// The period that no promise shortens or lengthens: the proof of what was promised and done.
    const fn fixed_period(self) -> Option<KeepFor> {
        match self {
            // What was spent has to be known for longer than the sums it was spent on, or it could be spent again.
            Self::Ledger | Self::Commitments | Self::Release => Some(PROOF_PERIOD),
            Self::Decision
            | Self::Outcome
            | Self::Play
            | Self::PolicyState
            | Self::MinuteAggregate
            | Self::Fact
            | Self::Content
            | Self::Credential
            | Self::Person => None,
        }
    }
}

impl fmt::Display for DataKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Ten years: how long AI Act 18 has documentation kept. Ledger, releases and signed documents hold no personal data.
pub const PROOF_PERIOD: KeepFor = KeepFor {
    amount: 3_653,
    unit: KeepUnit::Days,
};

/// Longest period that can be written, 100 years: longer is a slip of the pen.
const MAX_HOURS: u32 = 100 * 8_766;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum KeepUnit {
    Hours,
    Days,
}

/// A retention period, written `30 days` or `24 hours`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeepFor {
    amount: u32,
    unit: KeepUnit,
}

/// A text that is not a retention period.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is not a period such as \"24 hours\" or \"30 days\", from 1 hour to 100 years")]
pub struct BadPeriod(String);

impl KeepFor {
    /// The period in hours.
    pub const fn hours(self) -> u32 {
        match self.unit {
            KeepUnit::Hours => self.amount,
            KeepUnit::Days => self.amount * 24,
        }
    }

    /// The number and whether it counts days (else hours), as it was written.
    pub const fn as_written(self) -> (u32, bool) {
        (self.amount, matches!(self.unit, KeepUnit::Days))
    }

    /// The period as a duration.
    pub fn duration(self) -> Duration {
        Duration::from_secs(u64::from(self.hours()) * 3_600)
    }
}

impl PartialEq for KeepFor {
    fn eq(&self, other: &Self) -> bool {
        self.hours() == other.hours()
    }
}

impl Eq for KeepFor {}

impl PartialOrd for KeepFor {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for KeepFor {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.hours().cmp(&other.hours())
    }
}

impl FromStr for KeepFor {
    type Err = BadPeriod;
    fn from_str(text: &str) -> Result<Self, BadPeriod> {
        let bad = || BadPeriod(text.chars().take(40).collect());
        let (number, unit) = text.split_once(' ').ok_or_else(bad)?;
        let (unit, hours_each) = match unit {
            "hour" | "hours" => (KeepUnit::Hours, 1),
            "day" | "days" => (KeepUnit::Days, 24),
            _ => return Err(bad()),
        };
        let digits = number.bytes().all(|b| b.is_ascii_digit());
        let amount: u32 = number.parse().ok().filter(|_| digits).ok_or_else(bad)?;
        let hours = amount.checked_mul(hours_each).ok_or_else(bad)?;
        if (1..=MAX_HOURS).contains(&hours) {
            Ok(Self { amount, unit })
        } else {
            Err(bad())
        }
    }
}

impl fmt::Display for KeepFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match (self.unit, self.amount) {
            (KeepUnit::Hours, 1) => "hour",
            (KeepUnit::Hours, _) => "hours",
            (KeepUnit::Days, 1) => "day",
            (KeepUnit::Days, _) => "days",
        };
        write!(f, "{} {unit}", self.amount)
    }
}

impl TryFrom<String> for KeepFor {
    type Error = BadPeriod;
    fn try_from(text: String) -> Result<Self, BadPeriod> {
        text.parse()
    }
}

impl From<KeepFor> for String {
    fn from(period: KeepFor) -> Self {
        period.to_string()
    }
}

/// Something that can be stored, once it has a date to be gone by.
pub trait Retained {
    /// What it is.
    const KIND: DataKind;
}

/// A row that may be written, and until when it may stay.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a kept row is there to be written"]
pub struct Kept<T> {
    row: T,
    keep_until: Timestamp,
}

impl<T> Kept<T> {
    /// The row.
    pub fn row(&self) -> &T {
        &self.row
    }

    /// The instant at which the row must be gone.
    pub fn keep_until(&self) -> Timestamp {
        self.keep_until
    }

    /// The same row, gone by `end` if that comes first. An end is only ever brought forward.
    pub fn no_later_than(mut self, end: Timestamp) -> Self {
        self.keep_until = self.keep_until.min(end);
        self
    }

    /// Row and instant.
    pub fn into_parts(self) -> (T, Timestamp) {
        (self.row, self.keep_until)
    }
}

/// Gives every row its end.
#[derive(Clone, Debug)]
pub struct RetentionGate {
    periods: BTreeMap<DataKind, KeepFor>,
    version: u32,
}

impl RetentionGate {
    /// The gate of these commitments.
    ///
    /// # Errors
    /// Where the commitments are not made for this profile or promise to keep longer than it allows.
    pub fn new(commitments: &VerifiedCommitments, profile: &Profile) -> Result<Self, PromiseFault> {
        profile.accepts(commitments)?;
        Ok(Self {
            periods: commitments.document().retention.clone(),
            version: commitments.document().version,
        })
    }

    /// Leave to write the row, with the instant it must be gone by: `now` and the period promised
    /// for its kind.
    pub fn keep<T: Retained>(&self, row: T, now: Timestamp) -> Answer<Kept<T>> {
        match self.period(T::KIND) {
            Some(period) => Answer::Granted(Kept {
                row,
                keep_until: now.plus(period.duration()),
            }),
            None => Answer::Refused(Refusal::new(
                RefusalCode::PurposeNotPromised,
                format!(
                    "version {} of the commitments promises no retention for {}",
                    self.version,
                    T::KIND
                ),
                format!("add `{}` under [retention] and sign a new version", T::KIND),
            )),
        }
    }

    /// How long rows of this kind are kept; `None` if they are not kept at all.
    pub fn period(&self, kind: DataKind) -> Option<KeepFor> {
        kind.fixed_period()
            .or_else(|| self.periods.get(&kind).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Commitments, SiteKeys, Zeroizing};

    #[derive(Clone, Debug, PartialEq)]
    struct Row<const FACT: bool>;
    impl Retained for Row<false> {
        const KIND: DataKind = DataKind::Decision;
    }
    impl Retained for Row<true> {
        const KIND: DataKind = DataKind::Fact;
    }
    struct Line;
    impl Retained for Line {
        const KIND: DataKind = DataKind::Ledger;
    }

    fn gate(change: impl FnOnce(&mut Commitments)) -> Result<RetentionGate, PromiseFault> {
        let mut document = Commitments::demo();
        change(&mut document);
        let key = SiteKeys::from_seed(Zeroizing::new([1; 32])).commitments_key();
        let verified = document.sign(&key).verify(&key.verifying_key()).unwrap();
        RetentionGate::new(&verified, &Profile::named("lab").unwrap())
    }

    #[test]
    fn a_row_is_kept_as_long_as_promised() {
        let gate = gate(|_| ()).unwrap();
        let now = Timestamp::from_millis(1_000);
        let kept = gate.keep(Row::<false>, now).granted().unwrap();
        let _: &Row<false> = kept.row();
        assert_eq!(kept.keep_until(), Timestamp::from_millis(86_401_000));
        let sooner = now.plus(Duration::from_secs(1));
        assert_eq!(kept.clone().no_later_than(sooner).keep_until(), sooner);
        let never = Timestamp::from_micros(i64::MAX);
        assert_eq!(kept.clone().no_later_than(never), kept);
        let line = gate.keep(Line, now).granted().unwrap();
        assert_eq!(line.into_parts().1, now.plus(PROOF_PERIOD.duration()));
    }

    #[test]
    fn what_is_not_promised_is_not_kept() {
        let gate = gate(|document| {
            document.retention.remove(&DataKind::Fact);
        })
        .unwrap();
        let answer = gate.keep(Row::<true>, Timestamp::from_millis(0));
        let refusal = answer.refusal().unwrap();
        assert_eq!(refusal.code, RefusalCode::PurposeNotPromised);
        assert!(refusal.reason.contains("fact"), "{refusal}");
        assert!(
            gate.keep(Line, Timestamp::from_millis(0))
                .granted()
                .is_some()
        );
    }

    #[test]
    fn longer_than_the_profile_allows_makes_no_gate() {
        let keep = |period: &'static str| {
            gate(move |document| {
                document
                    .retention
                    .insert(DataKind::Decision, period.parse().unwrap());
            })
        };
        assert!(keep("365 days").is_ok());
        let fault = keep("8761 hours").unwrap_err();
        assert_eq!(
            fault.to_string(),
            "commitments keep decision for 8761 hours, profile lab allows 365 days"
        );
    }

    #[test]
    fn periods_are_read_and_printed() {
        for (text, hours) in [
            ("24 hours", Some(24)),
            ("1 hour", Some(1)),
            ("1 day", Some(24)),
            ("36525 days", Some(876_600)),
            ("36526 days", None),
            ("0 hours", None),
            ("4294967295 days", None),
            ("+1 days", None),
            ("1  days", None),
            ("1 week", None),
            ("", None),
        ] {
            let period = text.parse::<KeepFor>();
            assert_eq!(period.as_ref().ok().map(|p| p.hours()), hours, "{text}");
            if let Ok(period) = period {
                assert_eq!(period.to_string(), text);
            }
        }
        assert_eq!("1 day".parse::<KeepFor>(), "24 hours".parse());
    }

    #[test]
    fn names_agree_with_serialization() {
        for kind in DataKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
