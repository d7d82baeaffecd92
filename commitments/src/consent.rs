//! What a person agreed to, each purpose by itself, and whether that still holds.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use regard_domain::{PersonId, Timestamp};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::commitments::Custody;
use crate::date::Date;
use crate::digest::Digest;
use crate::recognition::RecognitionKind;
use crate::refusal::{Answer, Refusal, RefusalCode};

mod live;
mod standing;

pub use self::live::LiveConsent;
pub use self::standing::PromiseStanding;

/// How long before it begins in UTC a day begins somewhere: in Kiribati, UTC+14. Who signs early in the morning there signs
/// for today.
const EARLIEST_DAY: Duration = Duration::from_secs(14 * 3_600);

/// How old an impact assessment may be: 12 months (`dpia_missing`), counted as 365 days.
const DPIA_MAX_AGE: Duration = Duration::from_secs(365 * 86_400);

macro_rules! purposes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal;)+) => {
        /// What a person can agree to. Each is agreed to, expires and is withdrawn by itself.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum ConsentPurpose {
            $($(#[doc = $doc])+ #[serde(rename = $name)] $variant,)+
        }

        impl ConsentPurpose {
            /// Every purpose, in the order of the law table.
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

purposes! {
    /// One-to-one: whether the face in view is that of the token that is shown.
    Verify = "verify";
    /// One-to-many: who of those who agreed is in view, after an act of the person.
    Identify = "identify";
    /// A message is chosen for this person.
    Personalize = "personalise";
    /// What served this person is learned.
    Learn = "learn";
    /// The person is looked for in a library of photographs.
    AnalyzeLibrary = "analyse_library";
    /// A study with participants who agreed.
    Research = "research";
}

impl ConsentPurpose {
    /// Whether it compares faces: then consent is the one of GDPR 9(2)(a), and the profile has to allow recognition.
    pub const fn is_biometric(self) -> bool {
        self.recognition().is_some()
    }

    /// The kind of recognition that it allows, if it is one.
    pub const fn recognition(self) -> Option<RecognitionKind> {
        match self {
            Self::Verify => Some(RecognitionKind::Verify),
            Self::Identify => Some(RecognitionKind::Identify),
            Self::AnalyzeLibrary => Some(RecognitionKind::Library),
            Self::Personalize | Self::Learn | Self::Research => None,
        }
    }

    /// The legal basis as receipts name it.
    pub const fn legal_basis(self) -> &'static str {
        if self.is_biometric() {
            "GDPR 6(1)(a), 9(2)(a): explicit consent"
        } else {
            "GDPR 6(1)(a): consent"
        }
    }

    /// The categories of data that it handles.
    pub const fn categories(self) -> &'static [PersonalCategory] {
        use PersonalCategory::{FaceTemplate, Interactions, Preferences, StudyRecord};
        match self {
            Self::Verify | Self::Identify | Self::AnalyzeLibrary => &[FaceTemplate],
            Self::Personalize => &[Preferences],
            Self::Learn => &[Preferences, Interactions],
            Self::Research => &[StudyRecord],
        }
    }
}

impl fmt::Display for ConsentPurpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is no purpose of consent.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is not one of verify, identify, personalise, learn, analyse_library, research")]
pub struct BadConsentPurpose(String);

impl FromStr for ConsentPurpose {
    type Err = BadConsentPurpose;
    fn from_str(text: &str) -> Result<Self, BadConsentPurpose> {
        let known = Self::ALL.iter().find(|purpose| purpose.as_str() == text);
        known
            .copied()
            .ok_or_else(|| BadConsentPurpose(text.chars().take(40).collect()))
    }
}

/// A category of personal data, as receipts name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PersonalCategory {
    /// A vector made from a face.
    FaceTemplate,
    /// What the person said they prefer.
    Preferences,
    /// Which messages the person was shown, and what came of it.
    Interactions,
    /// What a study measures.
    StudyRecord,
}

impl PersonalCategory {
    /// Whether it is a special category of GDPR 9.
    pub const fn is_special(self) -> bool {
        match self {
            Self::FaceTemplate | Self::StudyRecord => true,
            Self::Preferences | Self::Interactions => false,
        }
    }
}

/// A signed impact assessment (GDPR 35), as the commitments name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dpia {
    /// Where it can be read: a title, a number or an address.
    pub reference: String,
    /// Who signed it.
    pub signed_by: String,
    /// When.
    pub signed_on: Date,
    /// Which configuration it is about, where it was made from one (`regard papers sign-dpia`): while another one runs,
    /// it does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<Digest>,
}

impl Dpia {
    /// The instant from which it is too old: 12 months after it was signed.
    pub fn holds_until(&self) -> Timestamp {
        self.signed_on.start().plus(DPIA_MAX_AGE)
    }

    /// What it is worth at an instant, to an installation that runs this configuration.
    pub fn standing(&self, configuration: Option<Digest>, now: Timestamp) -> DpiaStanding {
        if now.plus(EARLIEST_DAY) < self.signed_on.start() {
            DpiaStanding::NotYetSigned
        } else if now >= self.holds_until() {
            DpiaStanding::TooOld
        } else if self.configuration.is_some() && self.configuration != configuration {
            DpiaStanding::OfAnotherConfiguration
        } else {
            DpiaStanding::Holds
        }
    }
}

/// What a named impact assessment is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DpiaStanding {
    /// It counts.
    Holds,
    /// The day of its signature has not come.
    NotYetSigned,
    /// It was signed 12 months ago or more.
    TooOld,
    /// It was made for another configuration than the one that runs.
    OfAnotherConfiguration,
}

/// Who gave a consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GivenBy {
    /// The person.
    Person,
    /// A guardian, for a minor.
    Guardian,
}

/// Why a consent ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The person took it back.
    Withdrawn,
    /// Its time was over.
    Expired,
    /// The person agreed anew, and the newer consent took its place.
    Renewed,
}

/// That a consent ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ending {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub why: EndReason,
}

/// One consent: to one purpose, under one version of the commitments, until an instant.
///
/// # Privacy
/// Says what a person agreed to; stored sealed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// What for.
    pub purpose: ConsentPurpose,
    /// By whom.
    pub given_by: GivenBy,
    /// When.
    pub given_at: Timestamp,
    /// The instant from which it no longer holds.
    pub expires_at: Timestamp,
    /// Version of the commitments that the person read.
    pub version: u32,
    /// Their hash.
    pub commitments: Digest,
    /// Hash of the signed receipt.
    pub receipt: Digest,
    /// Whether the person signed a release in writing, as the law of some places wants before a face is measured.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_released: bool,
    /// That it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ending>,
}

impl fmt::Debug for Consent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Consent({}, rest withheld)", self.purpose)
    }
}

impl Consent {
    /// Whether it neither ended nor ran out.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.ended.is_none() && now < self.expires_at
    }
}

/// That a person's consent to a purpose holds. Only [`PersonFile::ask`] makes one.
///
/// # Privacy
/// Names no person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "it is there to be shown"]
pub struct Agreed {
    purpose: ConsentPurpose,
    until: Timestamp,
    receipt: Digest,
}

impl Agreed {
    /// To what.
    pub const fn purpose(&self) -> ConsentPurpose {
        self.purpose
    }

    /// The instant from which it no longer holds, if it is not taken back before.
    pub const fn until(&self) -> Timestamp {
        self.until
    }

    /// Hash of the receipt.
    pub const fn receipt(&self) -> Digest {
        self.receipt
    }
}

/// That a record answers as another one of the same person where people are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MergedInto {
    /// The record that it answers as.
    pub person: PersonId,
    /// Since when.
    pub at: Timestamp,
}

/// What is written about one person beside their key: what they agreed to, and what they asked for.
///
/// # Privacy
/// Stored sealed under the person's key, and does not print.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonFile {
    /// Where a template would be held.
    pub custody: Custody,
    /// Whether a guardian has to agree for them.
    pub is_minor: bool,
    /// When they came.
    pub created_at: Timestamp,
    /// Since when nothing may be done with what is held, if they asked for that (GDPR 18).
    pub frozen_at: Option<Timestamp>,
    /// The record that this one answers as, if its person asked for that. The ledger has to say so, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<MergedInto>,
    /// Records that are known to be of other people: this one never answers as one with them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub other_people: BTreeSet<PersonId>,
    /// The newest consent to each purpose.
    consents: BTreeMap<ConsentPurpose, Consent>,
}

impl fmt::Debug for PersonFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonFile(withheld)")
    }
}

impl PersonFile {
    /// Someone who has agreed to nothing yet.
    pub fn new(custody: Custody, is_minor: bool, created_at: Timestamp) -> Self {
        Self {
            custody,
            is_minor,
            created_at,
            frozen_at: None,
            merged_into: None,
            other_people: BTreeSet::new(),
            consents: BTreeMap::new(),
        }
    }

    /// The newest consent to each purpose, ended ones too, in the order of purposes.
    pub fn consents(&self) -> impl Iterator<Item = &Consent> {
        self.consents.values()
    }

    /// The newest consent to a purpose.
    pub fn consent(&self, purpose: ConsentPurpose) -> Option<&Consent> {
        self.consents.get(&purpose)
    }

    /// Whether whoever agrees may do so for this person.
    ///
    /// # Errors
    /// `minor_protection` when a minor would agree without a guardian.
    pub fn may_agree(&self, given_by: GivenBy) -> Result<(), Refusal> {
        if self.is_minor && given_by != GivenBy::Guardian {
            return Err(Refusal::new(
                RefusalCode::MinorProtection,
                "a minor cannot agree without a guardian",
                "have a guardian agree, whose receipt says so",
            ));
        }
        Ok(())
    }

    /// Whether what is held for this person can serve a purpose, where they chose to have it held.
    ///
    /// # Errors
    /// `purpose_not_promised` for identification of somebody whose template the site does not hold.
    pub fn may_serve(&self, purpose: ConsentPurpose) -> Result<(), Refusal> {
        if purpose == ConsentPurpose::Identify && self.custody != Custody::Controller {
            return Err(Refusal::new(
                RefusalCode::PurposeNotPromised,
                "the person keeps their template themselves, and only templates that the site holds can be searched",
                "verify them by their token, or have them enrol anew with custody \"controller\"",
            ));
        }
        Ok(())
    }

    /// Takes a consent down, in place of an older one to the same purpose, which is returned.
    pub fn give(&mut self, consent: Consent) -> Option<Consent> {
        self.consents.insert(consent.purpose, consent)
    }

    /// Ends a consent that has not ended yet; nothing when there is none.
    pub fn end(
        &mut self,
        purpose: ConsentPurpose,
        why: EndReason,
        at: Timestamp,
    ) -> Option<&Consent> {
        let consent = self.consents.get_mut(&purpose)?;
        if consent.ended.is_some() {
            return None;
        }
        consent.ended = Some(Ending { at, why });
        Some(consent)
    }

    /// Whether data may serve a purpose now.
    pub fn ask(
        &self,
        purpose: ConsentPurpose,
        standing: &PromiseStanding<'_>,
        now: Timestamp,
    ) -> Answer<Agreed> {
        match self.rule(purpose, standing, now) {
            Ok(agreed) => Answer::Granted(agreed),
            Err(refusal) => Answer::Refused(refusal),
        }
    }

    fn rule(
        &self,
        purpose: ConsentPurpose,
        standing: &PromiseStanding<'_>,
        now: Timestamp,
    ) -> Result<Agreed, Refusal> {
        const AGAIN: &str = "ask the person to agree anew";
        let consent = self
            .consents
            .get(&purpose)
            .ok_or_else(|| missing(purpose))?;
        let expired = || {
            let reason = format!("the consent to {purpose} has run out");
            Err(Refusal::new(RefusalCode::ConsentExpired, reason, AGAIN))
        };
        match consent.ended.map(|ending| ending.why) {
            Some(EndReason::Withdrawn) => {
                let reason = format!("the consent to {purpose} was withdrawn");
                return Err(Refusal::new(RefusalCode::ConsentWithdrawn, reason, AGAIN));
            }
            Some(EndReason::Expired) => return expired(),
            Some(EndReason::Renewed) => return Err(missing(purpose)),
            None => {}
        }
        if now >= consent.expires_at {
            return expired();
        }
        if self.frozen_at.is_some() {
            return Err(Refusal::new(
                RefusalCode::ObjectionActive,
                "the person asked that what is held be kept and not used",
                "wait until they lift that",
            ));
        }
        self.may_agree(consent.given_by)?;
        standing.may_ask_for(purpose, now)?;
        standing.reaches(consent)?;
        self.may_serve(purpose)?;
        standing.wants_release(purpose, consent.is_released)?;
        Ok(Agreed {
            purpose,
            until: consent.expires_at,
            receipt: consent.receipt,
        })
    }
}

/// The refusal of someone who never agreed to this.
pub(crate) fn missing(purpose: ConsentPurpose) -> Refusal {
    Refusal::new(
        RefusalCode::ConsentMissing,
        format!("no consent to {purpose}"),
        "ask the person",
    )
}

#[cfg(test)]
mod tests;
