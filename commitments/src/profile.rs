//! What the law of a place allows, as data.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use thiserror::Error;

use crate::VerifiedCommitments;
use crate::commitments::ProcessingPurpose;
use crate::epsilon::Epsilon;
use crate::parse::{Mistake, locate};
use crate::recognition::RecognitionKind;
use crate::refusal::{Refusal, RefusalCode};
use crate::retention::{DataKind, KeepFor};
use crate::scope::Scopes;

/// The profiles that come with the program. A further one is a file and a line here.
const BUILT_IN: [(&str, &str); 7] = [
    ("eu", include_str!("../data/profiles/eu.toml")),
    ("fr-public", include_str!("../data/profiles/fr-public.toml")),
    (
        "fr-private",
        include_str!("../data/profiles/fr-private.toml"),
    ),
    ("nl", include_str!("../data/profiles/nl.toml")),
    ("es", include_str!("../data/profiles/es.toml")),
    ("us-il", include_str!("../data/profiles/us-il.toml")),
    ("lab", include_str!("../data/profiles/lab.toml")),
];

/// What a site of this jurisdiction may do at most; its commitments may promise less.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    name: String,
    title: String,
    allowed_scopes: Scopes,
    #[serde(default)]
    consented_scopes: Scopes,
    allowed_purposes: BTreeSet<ProcessingPurpose>,
    #[serde(default)]
    consented_purposes: BTreeSet<ProcessingPurpose>,
    needs_notice: bool,
    shows_camera_picture: bool,
    shows_lab_banner: bool,
    recognition: BTreeSet<RecognitionKind>,
    #[serde(default)]
    needs_written_release: bool,
    authority: Authority,
    retention_max: BTreeMap<DataKind, KeepFor>,
    statistics: BudgetTerms,
}

/// What sums that leave the site may tell about one visit, all releases about a day together.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct BudgetTerms {
    /// Where the commitments say nothing.
    epsilon_default: Epsilon,
    /// The most they may promise.
    epsilon_max: Epsilon,
}

/// Who hears complaints.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authority {
    /// Its name in its own language; nothing where it depends on the country of whoever complains.
    pub name: Option<String>,
    /// Its page.
    pub url: String,
}

/// A profile that cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProfileError {
    /// No profile of this name comes with the program.
    #[error("profile {0:?} is not one of {known}", known = Profile::names().join(", "))]
    Unknown(String),
    /// The file is not a profile.
    #[error("profile cannot be read: {0}")]
    Malformed(Mistake),
}

/// Commitments that a profile does not allow.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PromiseFault {
    /// They were made for another profile.
    #[error("commitments are for profile {promised:?}, the site runs under {running:?}")]
    OtherProfile {
        /// Named in the commitments.
        promised: String,
        /// In force.
        running: String,
    },
    /// They keep a kind of data longer than the profile allows, or a kind it does not allow at all.
    #[error("commitments keep {kind} for {promised}, profile {profile} allows {}", allowed.map_or_else(|| "none".to_owned(), |p| p.to_string()))]
    KeptTooLong {
        /// What is kept.
        kind: DataKind,
        /// For how long.
        promised: KeepFor,
        /// The profile.
        profile: String,
        /// What it allows.
        allowed: Option<KeepFor>,
    },
    /// They let releases tell more than the profile allows.
    #[error(
        "commitments let releases about a day spend {promised}, profile {profile} allows {allowed}"
    )]
    BudgetTooLarge {
        /// What is promised.
        promised: Epsilon,
        /// The profile.
        profile: String,
        /// What it allows.
        allowed: Epsilon,
    },
}

impl Profile {
    /// The built-in profile of this name.
    ///
    /// # Errors
    /// [`ProfileError::Unknown`] if there is none.
    pub fn named(name: &str) -> Result<Self, ProfileError> {
        let (_, text) = BUILT_IN
            .iter()
            .find(|(known, _)| *known == name)
            .ok_or_else(|| ProfileError::Unknown(name.chars().take(40).collect()))?;
        Self::parse(text)
    }

    /// The names of the built-in profiles.
    pub fn names() -> Vec<&'static str> {
        BUILT_IN.iter().map(|(name, _)| *name).collect()
    }

    /// A profile from its TOML text.
    ///
    /// # Errors
    /// [`ProfileError::Malformed`] with the line.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        toml::from_str(text).map_err(|e| ProfileError::Malformed(locate(text, &e)))
    }

    /// Its short name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is, for people.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Who hears complaints about the site.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Which analyses it allows without anybody's agreement.
    pub fn allowed_scopes(&self) -> Scopes {
        self.allowed_scopes
    }

    /// Which analyses it allows only while somebody in front of the camera has agreed: the camera is gated
    /// by consent.
    pub fn consented_scopes(&self) -> Scopes {
        self.consented_scopes
    }

    /// What data about the audience may serve, with or without the agreement of somebody in front of the
    /// camera.
    pub fn allows_purpose(&self, purpose: ProcessingPurpose, has_agreed: bool) -> bool {
        self.allowed_purposes.contains(&purpose)
            || has_agreed && self.consented_purposes.contains(&purpose)
    }

    /// Whether everything this profile allows, the other one allows too, on no more conditions.
    pub fn is_within(&self, other: &Self) -> bool {
        let all = |p: &Self| {
            p.consented_scopes
                .iter()
                .chain(p.allowed_scopes.iter())
                .collect()
        };
        let (mine, others): (Scopes, Scopes) = (all(self), all(other));
        let subset = |a: Scopes, b: Scopes| a.iter().all(|scope| b.contains(scope));
        let purposes = |p: &Self| &p.allowed_purposes | &p.consented_purposes;
        subset(self.allowed_scopes, other.allowed_scopes)
            && subset(mine, others)
            && self.allowed_purposes.is_subset(&other.allowed_purposes)
            && purposes(self).is_subset(&purposes(other))
            && (self.needs_notice || !other.needs_notice)
            && (other.shows_camera_picture || !self.shows_camera_picture)
            && self.recognition.is_subset(&other.recognition)
            && (self.needs_written_release || !other.needs_written_release)
            && self
                .retention_max
                .iter()
                .all(|(kind, most)| other.max_retention(*kind).is_some_and(|o| *most <= o))
            && self.statistics.epsilon_max <= other.statistics.epsilon_max
            && self.statistics.epsilon_default <= other.statistics.epsilon_default
    }

    /// Whether a live camera needs a screen that carries the notice.
    pub fn needs_notice(&self) -> bool {
        self.needs_notice
    }

    /// Whether the console may show the camera picture.
    pub fn shows_camera_picture(&self) -> bool {
        self.shows_camera_picture
    }

    /// Whether screens say that this is a laboratory.
    pub fn shows_lab_banner(&self) -> bool {
        self.shows_lab_banner
    }

    /// How people may be recognised, with their consent.
    pub fn recognition(&self) -> &BTreeSet<RecognitionKind> {
        &self.recognition
    }

    /// Whether it allows a kind of recognition.
    ///
    /// # Errors
    /// `feature_not_in_profile`.
    pub fn may_recognize(&self, kind: RecognitionKind) -> Result<(), Refusal> {
        if self.recognition.contains(&kind) {
            return Ok(());
        }
        Err(Refusal::new(
            RefusalCode::FeatureNotInProfile,
            format!("profile {} does not allow to {}", self.name, kind.verb()),
            "choose a profile that allows it, and publish new commitments",
        ))
    }

    /// Whether people have to sign a release in writing before a face is measured.
    pub fn needs_written_release(&self) -> bool {
        self.needs_written_release
    }

    /// The longest retention it allows; `None` if the kind may not be kept.
    pub fn max_retention(&self, kind: DataKind) -> Option<KeepFor> {
        self.retention_max.get(&kind).copied()
    }

    /// What all releases about one day may tell about one visit where the commitments say nothing.
    pub fn default_privacy_budget(&self) -> Epsilon {
        self.statistics.epsilon_default
    }

    /// Checks that commitments are made for this profile and stay within it.
    ///
    /// # Errors
    /// [`PromiseFault`], the first in the order of kinds.
    pub fn accepts(&self, commitments: &VerifiedCommitments) -> Result<(), PromiseFault> {
        let document = commitments.document();
        if document.profile != self.name {
            return Err(PromiseFault::OtherProfile {
                promised: document.profile.clone(),
                running: self.name.clone(),
            });
        }
        for (&kind, &promised) in &document.retention {
            let allowed = self.max_retention(kind);
            if allowed.is_none_or(|longest| promised > longest) {
                return Err(PromiseFault::KeptTooLong {
                    kind,
                    promised,
                    profile: self.name.clone(),
                    allowed,
                });
            }
        }
        let (promised, allowed) = (document.privacy_budget(self), self.statistics.epsilon_max);
        if promised > allowed {
            return Err(PromiseFault::BudgetTooLarge {
                promised,
                profile: self.name.clone(),
                allowed,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::Scope;

    #[test]
    fn eu_reads_the_law_strictly() {
        let eu = Profile::named("eu").unwrap();
        assert_eq!(eu.name(), "eu");
        assert_eq!(eu.allowed_scopes(), Scopes::AUDIENCE);
        assert!(eu.needs_notice());
        assert!(!eu.shows_camera_picture() && !eu.shows_lab_banner());
        // Of those who agreed, and nobody else; switched on by the commitments, and off until then.
        assert_eq!(eu.recognition().len(), RecognitionKind::ALL.len());
        assert_eq!(eu.max_retention(DataKind::Decision), "90 days".parse().ok());
    }

    #[test]
    fn lab_tries_everything_and_says_so() {
        let lab = Profile::named("lab").unwrap();
        assert!(
            Scope::ALL
                .into_iter()
                .all(|scope| lab.allowed_scopes().contains(scope))
        );
        assert!(lab.needs_notice() && lab.shows_camera_picture() && lab.shows_lab_banner());
        assert_eq!(lab.recognition().len(), RecognitionKind::ALL.len());
    }

    #[test]
    fn the_french_street_is_counted_only() {
        let profile = Profile::named("fr-public").unwrap();
        assert_eq!(
            profile.allowed_scopes(),
            Scopes::NONE.with(Scope::Count),
            "statistics alone, as long as nobody agreed"
        );
        assert_eq!(profile.consented_scopes(), Scopes::AUDIENCE);
        use ProcessingPurpose::{AudienceMeasurement, MessageLearning, MessageSelection};
        assert!(profile.allows_purpose(AudienceMeasurement, false));
        for reactive in [MessageSelection, MessageLearning] {
            assert!(!profile.allows_purpose(reactive, false));
            assert!(profile.allows_purpose(reactive, true));
        }
    }

    #[test]
    fn in_french_private_places_expression_waits_for_agreement() {
        let profile = Profile::named("fr-private").unwrap();
        let open = Scopes::NONE.with(Scope::Count).with(Scope::Attention);
        assert_eq!(profile.allowed_scopes(), open);
        assert!(profile.consented_scopes().contains(Scope::Expression));
        assert!(profile.allows_purpose(ProcessingPurpose::MessageSelection, false));
    }

    #[test]
    fn dutch_and_illinois_cameras_wait_for_agreement() {
        for name in ["nl", "us-il"] {
            let profile = Profile::named(name).unwrap();
            assert!(profile.allowed_scopes().is_empty(), "{name}");
            assert_eq!(profile.consented_scopes(), Scopes::AUDIENCE, "{name}");
            let purpose = ProcessingPurpose::AudienceMeasurement;
            assert!(!profile.allows_purpose(purpose, false), "{name}");
            assert!(profile.allows_purpose(purpose, true), "{name}");
        }
    }

    #[test]
    fn spain_has_no_identification() {
        let (es, eu) = (Profile::named("es").unwrap(), Profile::named("eu").unwrap());
        use RecognitionKind::{Attested, Enroll, Identify, Library, Verify};
        for kind in [Identify, Library, Attested] {
            let refusal = es.may_recognize(kind).unwrap_err();
            assert_eq!(refusal.code, RefusalCode::FeatureNotInProfile, "{kind}");
        }
        assert!(es.may_recognize(Enroll).is_ok() && es.may_recognize(Verify).is_ok());
        assert!(es.is_within(&eu));
    }

    #[test]
    fn where_and_how_people_may_be_recognised() {
        let kinds = |name: &str| {
            let profile = Profile::named(name).unwrap();
            let names = profile.recognition().iter().map(|kind| kind.as_str());
            (
                names.collect::<Vec<_>>().join(" "),
                profile.needs_written_release(),
            )
        };
        for (name, expected, needs_release) in [
            ("eu", "enroll verify identify library attested", false),
            ("lab", "enroll verify identify library attested", false),
            ("us-il", "enroll verify identify library", true),
            ("es", "enroll verify", false),
            ("nl", "enroll verify", false),
            ("fr-private", "enroll verify", false),
            ("fr-public", "", false),
        ] {
            assert_eq!(kinds(name), (expected.to_owned(), needs_release), "{name}");
        }
    }

    #[test]
    fn every_other_place_is_within_the_union_but_the_laboratory() {
        let eu = Profile::named("eu").unwrap();
        for name in Profile::names() {
            let profile = Profile::named(name).unwrap();
            assert_eq!(profile.is_within(&eu), name != "lab", "{name}");
            assert!(profile.is_within(&profile), "{name}");
        }
        let stricter = Profile::named("nl").unwrap();
        assert!(!eu.is_within(&stricter));
    }

    #[test]
    fn built_in_profiles_are_whole() {
        for name in Profile::names() {
            let profile = Profile::named(name).unwrap();
            assert_eq!(profile.name(), name);
            assert!(!profile.title().is_empty());
            let BudgetTerms {
                epsilon_default,
                epsilon_max,
            } = profile.statistics;
            assert!(Epsilon::ZERO < epsilon_default && epsilon_default <= epsilon_max);
            // Showing the picture of a camera is for laboratories, which say so.
            assert!(!profile.shows_camera_picture() || profile.shows_lab_banner());
            for &kind in DataKind::ALL {
                let fixed = kind.has_fixed_period();
                assert_eq!(
                    profile.max_retention(kind).is_none(),
                    fixed,
                    "{name} {kind}"
                );
            }
        }
    }

    #[test]
    fn a_budget_beyond_the_profile_is_not_accepted() {
        use crate::{Commitments, SiteKeys, StatisticsTerms, Zeroizing};
        let lab = Profile::named("lab").unwrap();
        let key = SiteKeys::from_seed(Zeroizing::new([1; 32])).commitments_key();
        let accepted = |epsilon: Option<&str>| {
            let mut document = Commitments::demo();
            document.statistics = epsilon.map(|epsilon| StatisticsTerms {
                epsilon_per_day: epsilon.parse().unwrap(),
            });
            let verified = document.sign(&key).verify(&key.verifying_key()).unwrap();
            lab.accepts(&verified)
        };
        for good in [None, Some("0"), Some("0.5"), Some("10")] {
            assert_eq!(accepted(good), Ok(()), "{good:?}");
        }
        assert_eq!(
            accepted(Some("10.5")).unwrap_err().to_string(),
            "commitments let releases about a day spend 10.5, profile lab allows 10"
        );
    }

    #[test]
    fn what_is_no_profile_is_told_with_its_line() {
        assert_eq!(
            Profile::named("mars").unwrap_err().to_string(),
            "profile \"mars\" is not one of eu, fr-public, fr-private, nl, es, us-il, lab"
        );
        let eu = BUILT_IN[0]
            .1
            .replace("recognition = [\"enroll\", ", "recognition = [\"watch\", ");
        let error = Profile::parse(&eu).unwrap_err();
        assert!(
            error.to_string().contains("column 16: unknown variant"),
            "{error}"
        );
    }
}
