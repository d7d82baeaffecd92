//! The release in writing that the law of some places wants before a face is measured: what it says, and that it was signed.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::commitments::{Commitments, Language};
use crate::consent::{Consent, ConsentPurpose, GivenBy};
use crate::digest::Digest;
use crate::language_words::LanguageWords;
use crate::moment_text::UtcText;
use crate::notice::{fill, period_in};
use crate::profile::Profile;
use crate::refusal::{Refusal, RefusalCode};
use crate::retention::DataKind;
use crate::signed::VerifiedCommitments;

static WORDS: LazyLock<LanguageWords<Words>> = LazyLock::new(|| {
    LanguageWords::read([
        (
            Language::En,
            include_str!("../data/written_release/en.toml"),
        ),
        (
            Language::Fr,
            include_str!("../data/written_release/fr.toml"),
        ),
        (
            Language::De,
            include_str!("../data/written_release/de.toml"),
        ),
        (
            Language::Es,
            include_str!("../data/written_release/es.toml"),
        ),
        (
            Language::Nl,
            include_str!("../data/written_release/nl.toml"),
        ),
    ])
});

/// Longest name that is taken for a signature, in characters: room for many given and family names.
const MAX_SIGNATURE_LEN: usize = 200;

/// The words of one language; `{name}` stands for what the commitments say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    title: String,
    who: String,
    what: String,
    purposes: String,
    term: String,
    passed_on: String,
    not_passed_on: String,
    voluntary: String,
    alternative: String,
    no_alternative: String,
    policy: String,
    statement: String,
    name_label: String,
    named: BTreeMap<String, String>,
}

impl Words {
    fn of(language: Language) -> &'static Self {
        WORDS.of(language)
    }

    fn named(&self, purpose: ConsentPurpose) -> &str {
        let name = self.named.get(purpose.as_str());
        name.map_or(purpose.as_str(), String::as_str)
    }
}

/// The release in one language, as it is read before it is signed. Plain text: whoever puts it on a page escapes it.
///
/// # Source
/// 740 ILCS 14/10 (an electronic signature, since Public Act 103-0769) and 14/15(b).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseText {
    /// The language.
    pub language: Language,
    /// What it is, in a few words.
    pub title: String,
    /// Who collects what, for which purposes, for how long, who receives it, and that nobody has to sign: a short paragraph each.
    pub lines: Vec<String>,
    /// Where the public retention policy is.
    pub policy: String,
    /// Its path on this server.
    pub policy_path: String,
    /// What whoever signs says.
    pub statement: String,
    /// What stands beside the field for the name; no part of what is signed.
    pub name_label: String,
}

impl ReleaseText {
    /// The release that these commitments call for, in each language of the notice; nothing where the profile wants none, or
    /// nobody can agree to have their face measured.
    pub(crate) fn all(promise: &VerifiedCommitments, profile: &Profile) -> Vec<Self> {
        let document = promise.document();
        let is_offered = |purpose: &ConsentPurpose| {
            let kind = purpose.recognition();
            kind.is_some_and(|kind| profile.may_recognize(kind).is_ok())
        };
        let purposes = document.consent_purposes.iter().copied();
        let purposes: Vec<ConsentPurpose> = purposes.filter(is_offered).collect();
        if !profile.needs_written_release() || purposes.is_empty() {
            return Vec::new();
        }
        let languages = document.notice.languages.iter();
        languages
            .map(|language| Self::new(document, &purposes, *language))
            .collect()
    }

    fn new(document: &Commitments, purposes: &[ConsentPurpose], language: Language) -> Self {
        let words = Words::of(language);
        let named: Vec<&str> = purposes.iter().map(|one| words.named(*one)).collect();
        let named = named.join("; ");
        let kept = document.retention.get(&DataKind::Person);
        let period = kept.map_or_else(String::new, |period| period_in(language, *period));
        let recipients = document.recipients.iter();
        let recipients: Vec<&str> = recipients.map(|one| one.name.as_str()).collect();
        let recipients = recipients.join(", ");
        let version = document.version.to_string();
        let values = [
            ("controller", document.controller.name.as_str()),
            ("contact", document.controller.contact.as_str()),
            ("purposes", named.as_str()),
            ("period", period.as_str()),
            ("recipients", recipients.as_str()),
            (
                "alternative",
                document.alternative_path.as_deref().unwrap_or_default(),
            ),
            ("path", document.notice.privacy_path.as_str()),
            ("version", version.as_str()),
        ];
        let passed_on = if document.recipients.is_empty() {
            &words.not_passed_on
        } else {
            &words.passed_on
        };
        let instead = match document.alternative_path {
            Some(_) => &words.alternative,
            None => &words.no_alternative,
        };
        let lines = [
            &words.who,
            &words.what,
            &words.purposes,
            &words.term,
            passed_on,
            &words.voluntary,
            instead,
        ];
        Self {
            language,
            title: fill(&words.title, &values),
            lines: lines.map(|line| fill(line, &values)).into(),
            policy: fill(&words.policy, &values),
            policy_path: document.notice.privacy_path.clone(),
            statement: fill(&words.statement, &values),
            name_label: words.name_label.clone(),
        }
    }

    /// All that is signed, paragraph by paragraph.
    pub fn to_text(&self) -> String {
        let mut parts = vec![self.title.as_str()];
        parts.extend(self.lines.iter().map(String::as_str));
        parts.extend([self.policy.as_str(), self.statement.as_str()]);
        parts.join("\n\n")
    }

    /// SHA-256 of that text in UTF-8.
    pub fn digest(&self) -> Digest {
        Digest::of(&[self.to_text().as_bytes()])
    }
}

/// A name that somebody typed below a release, together with the tick that they release: an electronic signature.
///
/// # Privacy
/// Holds a name; does not print, and goes nowhere but into a [`WrittenRelease`].
#[derive(Clone, PartialEq, Eq)]
pub struct ReleaseSignature {
    text: Digest,
    name: String,
}

impl ReleaseSignature {
    /// What was typed below the text of this hash; spaces around the name are left out.
    ///
    /// # Errors
    /// `consent_missing` without a name of 1 to 200 characters, or without the tick.
    pub fn new(text: Digest, name: &str, is_ticked: bool) -> Result<Self, Refusal> {
        let name = name.trim();
        let is_name = (1..=MAX_SIGNATURE_LEN).contains(&name.chars().count())
            && !name.chars().any(char::is_control);
        if !is_name || !is_ticked {
            return Err(Refusal::new(
                RefusalCode::ConsentMissing,
                "the release is not signed: a typed name and the tick are both needed",
                "have the person type their name and tick that they release",
            ));
        }
        Ok(Self {
            text,
            name: name.to_owned(),
        })
    }

    /// Hash of the text that was read.
    pub const fn text(&self) -> Digest {
        self.text
    }
}

impl fmt::Debug for ReleaseSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReleaseSignature(withheld)")
    }
}

/// A release that was signed, kept beside the receipt of its consent for as long as that.
///
/// # Privacy
/// Holds the name of whoever signed: stored sealed under the key of the person's record, shown to them alone, in no ledger and no
/// receipt; does not print.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenRelease {
    /// Which of the purposes that the text names it was signed for.
    pub purpose: ConsentPurpose,
    /// Language of the text.
    pub language: Language,
    /// What was read and signed.
    pub text: String,
    /// Its SHA-256, as the receipt has it.
    pub text_sha256: Digest,
    /// Version of the commitments in force then.
    pub commitments_version: u32,
    /// Their hash.
    pub commitments: Digest,
    /// Hash of the receipt of the consent.
    pub receipt: Digest,
    /// When.
    pub signed_at: UtcText,
    /// By the person or a guardian.
    pub signed_by: GivenBy,
    /// The name that was typed.
    pub name: String,
}

impl WrittenRelease {
    /// The release of a consent.
    pub fn new(text: &ReleaseText, signature: ReleaseSignature, consent: &Consent) -> Self {
        Self {
            purpose: consent.purpose,
            language: text.language,
            text: text.to_text(),
            text_sha256: text.digest(),
            commitments_version: consent.version,
            commitments: consent.commitments,
            receipt: consent.receipt,
            signed_at: UtcText::new(consent.given_at),
            signed_by: consent.given_by,
            name: signature.name,
        }
    }
}

impl fmt::Debug for WrittenRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WrittenRelease({}, rest withheld)", self.purpose)
    }
}

#[cfg(test)]
mod tests;
