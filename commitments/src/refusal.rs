//! A refusal is an answer, not a failure: the same code in the library, over HTTP, on the command line and in the log.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::law::Rule;

macro_rules! refusal_codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $article:literal;)+) => {
        /// Why something is not done. The names are stable: scripts and dashboards rely on them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum RefusalCode {
            $($(#[$doc])* $variant,)+
        }

        impl RefusalCode {
            /// Every code, in the order of the rules.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable name, in snake case.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Where the rule behind the code stands.
            pub const fn article(self) -> &'static str {
                match self { $(Self::$variant => $article,)+ }
            }
        }
    };
}

refusal_codes! {
    /// The notice is not published, not acknowledged, or its screen stopped reporting.
    NoticeMissing = "notice_missing", "GDPR 12-14; AI Act 50(3)";
    /// No consent for this purpose.
    ConsentMissing = "consent_missing", "GDPR 6(1)(a), 9(2)(a)";
    /// The consent for this purpose has run out.
    ConsentExpired = "consent_expired", "GDPR 7";
    /// The consent for this purpose was taken back.
    ConsentWithdrawn = "consent_withdrawn", "GDPR 7(3)";
    /// The commitments in force did not name this purpose, scope or kind of data.
    PurposeNotPromised = "purpose_not_promised", "GDPR 5(1)(b)";
    /// An unknown person would be told apart from others across gaps, cameras or days.
    NoReidentification = "no_reidentification", "GDPR 4(14), 9(1)";
    /// Identification without an equivalent way that needs no biometrics.
    NoAlternativePath = "no_alternative_path", "GDPR 7(4)";
    /// No signed impact assessment younger than 12 months.
    DpiaMissing = "dpia_missing", "GDPR 35";
    /// Expression analysis at a workplace or in education.
    WorkplaceOrEducation = "workplace_or_education", "AI Act 5(1)(f)";
    /// Expression analysis where staff would be analysed.
    StaffInView = "staff_in_view", "AI Act 5(1)(f)";
    /// Something that would output race, religion, health, orientation or politics.
    SensitiveInference = "sensitive_inference", "AI Act 5(1)(g); GDPR 9(1)";
    /// A message aimed at distress, fatigue, age, disability or poverty.
    VulnerabilityTargeting = "vulnerability_targeting", "AI Act 5(1)(a)-(b)";
    /// A decision that changes a price, a credit, access or another significant matter.
    SignificantEffect = "significant_effect", "GDPR 22";
    /// A personal or expression-based choice where viewers may be minors.
    MinorProtection = "minor_protection", "GDPR 8, recital 38";
    /// Bulk embedding or enrolment with no provenance and consent scope.
    UntargetedCollection = "untargeted_collection", "AI Act 5(1)(e)";
    /// The camera is too slow for the claim.
    FpsTooLowForMicroexpression = "fps_too_low_for_microexpression", "GDPR 5(1)(d)";
    /// A model file whose licence is not recorded or not allowed.
    LicenceUnknown = "licence_unknown", "AI Act 11, annex IV";
    /// A one-to-many search without an act of the person behind it.
    ActMissing = "act_missing", "AI Act annex III, recital 17";
    /// Someone asked not to be looked at.
    ObjectionActive = "objection_active", "GDPR 21";
    /// The presentation-attack checks did not pass.
    LivenessFailed = "liveness_failed", "GDPR 32";
    /// A release would exceed the privacy budget of the site and day.
    PrivacyBudgetSpent = "privacy_budget_spent", "GDPR 5(1)(c), 25";
    /// The jurisdiction profile of the site does not allow the feature.
    FeatureNotInProfile = "feature_not_in_profile", "profile of the site";
    /// The ledger cannot be written, and what cannot be recorded is not done.
    LedgerUnavailable = "ledger_unavailable", "GDPR 5(2)";
}

impl RefusalCode {
    /// Whether the refusal is one of the ways in which a rule is kept.
    pub fn upholds(self, rule: Rule) -> bool {
        let rules: &[Rule] = match self {
            Self::NoticeMissing => &[Rule::Notice],
            Self::ConsentMissing => &[Rule::Consent, Rule::ConsentGatedCamera, Rule::Bipa],
            Self::ConsentExpired | Self::ConsentWithdrawn => &[Rule::Consent],
            Self::PurposeNotPromised => &[Rule::PurposeLimit, Rule::Scopes],
            Self::NoReidentification => &[Rule::AnonymousTracks],
            Self::NoAlternativePath => &[Rule::Consent, Rule::Identification],
            Self::DpiaMissing => &[Rule::Papers, Rule::Custody],
            Self::WorkplaceOrEducation => &[Rule::Forbidden, Rule::Scopes],
            Self::StaffInView => &[Rule::Forbidden, Rule::Scopes],
            Self::SensitiveInference | Self::VulnerabilityTargeting => &[Rule::Forbidden],
            Self::SignificantEffect => &[Rule::SignificantEffects],
            Self::MinorProtection => &[Rule::Minors],
            Self::UntargetedCollection => &[Rule::Forbidden],
            Self::FpsTooLowForMicroexpression => &[Rule::MicroExpressions],
            Self::LicenceUnknown => &[Rule::ModelLicences],
            Self::ActMissing => &[Rule::Identification],
            Self::ObjectionActive => &[Rule::Objection],
            Self::LivenessFailed => &[Rule::Security, Rule::Identification],
            Self::PrivacyBudgetSpent => &[Rule::LeavingTheSite],
            Self::FeatureNotInProfile => &[Rule::Profiles],
            Self::LedgerUnavailable => &[Rule::Accountability],
        };
        rules.contains(&rule)
    }
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why something is not done, which rule says so, and what would change it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Stable code.
    pub code: RefusalCode,
    /// Where the rule stands.
    pub article: &'static str,
    /// What is the case here, in a fragment without full stop; names no person.
    pub reason: String,
    /// What to do about it, in a fragment without full stop.
    pub remedy: String,
}

impl Refusal {
    /// A refusal with the article that belongs to the code.
    pub fn new(code: RefusalCode, reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            code,
            article: code.article(),
            reason: reason.into(),
            remedy: remedy.into(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} ({}); {}",
            self.code, self.reason, self.article, self.remedy
        )
    }
}

/// What a gate says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "an answer that is not looked at may be a refusal"]
pub enum Answer<G> {
    /// Go ahead, with this.
    Granted(G),
    /// Do without.
    Refused(Refusal),
}

impl<G> Answer<G> {
    /// The grant, if it is one.
    pub fn granted(self) -> Option<G> {
        match self {
            Self::Granted(grant) => Some(grant),
            Self::Refused(_) => None,
        }
    }

    /// The refusal, if it is one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Granted(_) => None,
            Self::Refused(refusal) => Some(refusal),
        }
    }

    /// The same as a `Result`, for callers that stop at a refusal.
    ///
    /// # Errors
    /// The refusal.
    pub fn into_result(self) -> Result<G, Refusal> {
        match self {
            Self::Granted(grant) => Ok(grant),
            Self::Refused(refusal) => Err(refusal),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_agree_with_serialization_and_come_back() {
        for &code in RefusalCode::ALL {
            let json = serde_json::to_string(&code).unwrap();
            assert_eq!(json, format!("\"{code}\""));
            assert_eq!(serde_json::from_str::<RefusalCode>(&json).unwrap(), code);
            assert!(!code.article().is_empty());
        }
    }

    #[test]
    fn every_code_of_the_rules_is_here() {
        let expected = [
            "notice_missing",
            "consent_missing",
            "consent_expired",
            "consent_withdrawn",
            "purpose_not_promised",
            "no_reidentification",
            "no_alternative_path",
            "dpia_missing",
            "workplace_or_education",
            "staff_in_view",
            "sensitive_inference",
            "vulnerability_targeting",
            "significant_effect",
            "minor_protection",
            "untargeted_collection",
            "fps_too_low_for_microexpression",
            "licence_unknown",
            "act_missing",
            "objection_active",
            "liveness_failed",
            "privacy_budget_spent",
            "feature_not_in_profile",
            "ledger_unavailable",
        ];
        let names: Vec<&str> = RefusalCode::ALL.iter().map(|c| c.as_str()).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn a_refusal_prints_in_one_line() {
        let refusal = Refusal::new(RefusalCode::NoticeMissing, "no screen", "open a screen");
        assert_eq!(
            refusal.to_string(),
            "notice_missing: no screen (GDPR 12-14; AI Act 50(3)); open a screen"
        );
        let json = serde_json::to_value(&refusal).unwrap();
        assert_eq!(json["code"], "notice_missing");
        assert_eq!(json["remedy"], "open a screen");
    }
}
