//! A person's own page: what is held about them and what they may do about it, in their language, without scripts.

use std::time::Duration;

use askama::Template;
use regard_commitments::{
    ConsentPurpose, DataKind, ErasureProof, KeepFor, Language, Notice, ProvenErasure, ReleaseText,
    UtcText, VerifiedCommitments, WrittenRelease,
};
use regard_decision::FactValue;
use regard_domain::Timestamp;
use regard_engine::{PersonExport, WishSource, Wishes};

use super::preferences;
use super::words::{OwnWords, own_words, words};
use crate::access::MAX_OWN_IDLE;

/// What went well, for the page that follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OwnDone {
    /// A consent was given.
    Agreed,
    /// A consent was taken back.
    Withdrawn,
    /// What was said was replaced.
    Corrected,
    /// One thing was forgotten.
    Forgotten,
    /// A record answers for itself again.
    Parted,
    /// The record is blocked.
    Frozen,
    /// It is no longer blocked.
    Unfrozen,
    /// The page was closed.
    Closed,
}

impl OwnDone {
    /// As it stands in the address.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Agreed => "agreed",
            Self::Withdrawn => "withdrawn",
            Self::Corrected => "corrected",
            Self::Forgotten => "forgotten",
            Self::Parted => "parted",
            Self::Frozen => "frozen",
            Self::Unfrozen => "unfrozen",
            Self::Closed => "closed",
        }
    }

    const fn words(self, w: &OwnWords) -> &'static str {
        match self {
            Self::Agreed => w.done_agreed,
            Self::Withdrawn => w.done_withdrawn,
            Self::Corrected => w.done_corrected,
            Self::Forgotten => w.done_forgotten,
            Self::Parted => w.done_parted,
            Self::Frozen => w.done_frozen,
            Self::Unfrozen => w.done_unfrozen,
            Self::Closed => w.done_closed,
        }
    }
}

/// Why what was asked did not happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OwnMistake {
    FormTooOld,
    Over,
    WrongToken,
    LockedOut,
    TooManyChanges,
    NotSure,
    BadPreferences,
    TooLarge,
    /// A gate refused; why and what helps, in English.
    Refused(String),
    Unrecorded,
    ErasedUnrecorded,
    Unavailable,
}

impl OwnMistake {
    fn words(&self, w: &OwnWords) -> &'static str {
        match self {
            Self::FormTooOld => w.form_too_old,
            Self::Over => w.over,
            Self::WrongToken => w.wrong_token,
            Self::LockedOut => w.locked_out,
            Self::TooManyChanges => w.too_many_changes,
            Self::NotSure => w.not_sure,
            Self::BadPreferences => w.bad_preferences,
            Self::TooLarge => w.too_large,
            Self::Refused(_) => w.refused,
            Self::Unrecorded => w.unrecorded,
            Self::ErasedUnrecorded => w.erased_unrecorded,
            Self::Unavailable => w.unavailable,
        }
    }
}

/// What the page says first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Nothing,
    Done(OwnDone),
    Mistake(OwnMistake),
}

/// What the page is about.
pub(crate) enum OwnView<'a> {
    /// Nobody's record: the form for a token, and what holds for whoever has none.
    Closed,
    /// A record.
    Record {
        held: &'a PersonExport,
        /// Purposes that the person may agree to, with an offer for each.
        offers: Vec<(ConsentPurpose, u128)>,
        /// What was typed and could not be read, to be mended.
        typed: Option<String>,
        /// What decisions may know, where the person agreed to that.
        wishes: Option<Wishes>,
    },
    /// A record that is gone.
    Erased {
        proof: &'a ErasureProof,
        proven: ProvenErasure,
    },
}

/// What the page tells besides its words.
pub(crate) struct OwnAnswers<'a> {
    pub(crate) notice: &'a Notice,
    pub(crate) commitments: &'a VerifiedCommitments,
    /// Address of the authority's page.
    pub(crate) authority_url: &'a str,
    /// What is signed before a face is measured, where the law of the place wants that.
    pub(crate) release: Option<ReleaseText>,
    pub(crate) view: OwnView<'a>,
    pub(crate) said: Said,
    /// What the forms of the page carry hidden.
    pub(crate) form: String,
    pub(crate) now: Timestamp,
}

/// A person's own page in one language.
#[derive(Template)]
#[template(path = "own.html")]
pub(crate) struct OwnPage<'a> {
    lang: &'static str,
    w: &'static OwnWords,
    languages_label: &'static str,
    languages: Vec<(&'static str, &'static str)>,
    done: Option<&'static str>,
    mistake: Option<&'static str>,
    /// More about the mistake, in English.
    detail: Option<String>,
    form: String,
    record: Option<RecordPart<'a>>,
    erased: Option<ErasedPart<'a>>,
    controller: &'a str,
    contact: &'a str,
    authority: (&'a str, &'a str),
    close_note: String,
}

struct RecordPart<'a> {
    held: &'a PersonExport,
    came: String,
    frozen_since: Option<String>,
    custody: &'static str,
    consents: Vec<ConsentPart<'a>>,
    releases: Vec<SignedPart<'a>>,
    offers: Vec<OfferPart>,
    agree: &'static str,
    agree_note: String,
    may_correct: bool,
    preferences: String,
    /// Records of theirs that answer as others.
    merges: Vec<MergePart>,
    /// What decisions go by; nothing without a consent to that.
    wishes: Option<Vec<WishPart>>,
}

/// A record that answers as another one.
struct MergePart {
    line: String,
    from: String,
}

/// One thing that decisions go by.
struct WishPart {
    name: String,
    value: String,
    source: &'static str,
}

struct ConsentPart<'a> {
    purpose: &'static str,
    /// As the form names it.
    id: &'static str,
    given: String,
    until: String,
    by_guardian: bool,
    version: u32,
    receipt: &'a str,
    state: &'static str,
    is_good: bool,
    may_withdraw: bool,
}

struct OfferPart {
    purpose: &'static str,
    offer: String,
    /// What has to be signed for it.
    release: Option<ReleaseText>,
}

/// A release that was signed.
struct SignedPart<'a> {
    release: &'a WrittenRelease,
    lang: &'static str,
    purpose: &'static str,
    at: String,
}

struct ErasedPart<'a> {
    proof: &'a ErasureProof,
    at: String,
    index: u64,
    ledger: String,
    text: String,
}

/// The page.
pub(crate) fn own_page(answers: OwnAnswers<'_>, language: Language) -> OwnPage<'_> {
    let w = own_words(language);
    let (document, notice) = (answers.commitments.document(), answers.notice);
    let text = notice.texts.iter().find(|text| text.language == language);
    let languages = notice.texts.iter();
    let languages = languages.map(|t| (t.language.tag(), words(t.language).language));
    let longest = document.retention.get(&DataKind::Person).copied();
    let (record, erased) = match answers.view {
        OwnView::Closed => (None, None),
        OwnView::Record {
            held,
            offers,
            typed,
            wishes,
        } => {
            let ends_by = answers
                .now
                .plus(longest.map_or(Duration::ZERO, KeepFor::duration));
            let offers = (offers, answers.release);
            let part = record(held, offers, (typed, wishes), ends_by, w);
            (Some(part), None)
        }
        OwnView::Erased { proof, proven } => (None, Some(erased(proof, proven))),
    };
    let (done, mistake, detail) = match answers.said {
        Said::Nothing => (None, None, None),
        Said::Done(done) => (Some(done.words(w)), None, None),
        Said::Mistake(mistake) => {
            let said = mistake.words(w);
            let detail = match mistake {
                OwnMistake::Refused(why) => Some(why),
                _ => None,
            };
            (None, Some(said), detail)
        }
    };
    let minutes = (MAX_OWN_IDLE.as_secs() / 60).to_string();
    OwnPage {
        lang: language.tag(),
        w,
        languages_label: words(language).languages,
        languages: languages.collect(),
        done,
        mistake,
        detail,
        form: answers.form,
        record,
        erased,
        controller: &document.controller.name,
        contact: &document.controller.contact,
        authority: (
            text.map_or("", |text| text.authority.as_str()),
            answers.authority_url,
        ),
        close_note: w.close_note.replace("{minutes}", &minutes),
    }
}

fn record<'a>(
    held: &'a PersonExport,
    (offers, release): (Vec<(ConsentPurpose, u128)>, Option<ReleaseText>),
    (typed, wishes): (Option<String>, Option<Wishes>),
    ends_by: Timestamp,
    w: &'static OwnWords,
) -> RecordPart<'a> {
    let is_frozen = held.frozen_at.is_some();
    let consents = held.consents.iter().map(|consent| {
        let state = match (&consent.ended, consent.is_live, is_frozen) {
            (Some((_, why)), _, _) if why == "renewed" => w.renewed,
            (Some((_, why)), _, _) if why == "withdrawn" => w.withdrawn,
            (Some(_), _, _) | (None, false, _) => w.expired,
            (None, true, true) => w.frozen,
            (None, true, false) => w.live,
        };
        ConsentPart {
            purpose: w.purpose_name(consent.purpose),
            id: consent.purpose.as_str(),
            given: when(consent.given_at),
            until: when(consent.expires_at),
            by_guardian: consent.given_by == "guardian",
            version: consent.commitments_version,
            receipt: &consent.receipt,
            state,
            is_good: state == w.live,
            may_withdraw: consent.is_live,
        }
    });
    let personal = held
        .consents
        .iter()
        .find(|one| one.purpose == ConsentPurpose::Personalize);
    let stored = || held.preferences.as_ref().map(preferences::text_of);
    RecordPart {
        held,
        came: when(held.created_at),
        frozen_since: held.frozen_at.map(when),
        custody: match held.custody.as_str() {
            "in_persons_hands" => w.custodies[0],
            "shared" => w.custodies[1],
            _ => w.custodies[2],
        },
        consents: consents.collect(),
        releases: held
            .written_releases
            .iter()
            .map(|release| SignedPart {
                release,
                lang: release.language.tag(),
                purpose: w.purpose_name(release.purpose),
                at: when(release.signed_at),
            })
            .collect(),
        offers: offers
            .into_iter()
            .map(|(purpose, offer)| OfferPart {
                purpose: w.purpose_name(purpose),
                offer: format!("{offer:032x}"),
                release: release.clone().filter(|_| purpose.is_biometric()),
            })
            .collect(),
        agree: if held.is_minor {
            w.agree_as_guardian
        } else {
            w.agree
        },
        agree_note: w.agree_note.replace("{until}", &day_of(ends_by)),
        may_correct: personal.is_some_and(|consent| consent.is_live),
        preferences: typed.or_else(stored).unwrap_or_default(),
        merges: merge_parts(held, w),
        wishes: wishes.map(|wishes| wish_parts(&wishes, w)),
    }
}

fn merge_parts(held: &PersonExport, w: &'static OwnWords) -> Vec<MergePart> {
    let parts = held.merges.iter().map(|merge| {
        let (from, into) = (merge.from.to_string(), merge.into.to_string());
        let line = w.merged_line.replace("{from}", &from);
        let line = line.replace("{into}", &into);
        MergePart {
            line: line.replace("{at}", &when(merge.since)),
            from,
        }
    });
    parts.collect()
}

fn wish_parts(wishes: &Wishes, w: &'static OwnWords) -> Vec<WishPart> {
    let parts = wishes.sources.iter().map(|(name, source)| WishPart {
        name: name.clone(),
        value: match wishes.facts.get(name) {
            Some(FactValue::Text(text)) => text.clone(),
            Some(FactValue::Number(number)) => number.to_string(),
            Some(FactValue::Flag(flag)) => if *flag { w.yes } else { w.no }.to_owned(),
            None => String::new(),
        },
        source: match source {
            WishSource::Preferences => w.you_said,
            WishSource::History => w.counted,
        },
    });
    parts.collect()
}

/// The day of an instant, in UTC.
fn day_of(at: Timestamp) -> String {
    UtcText::new(at).to_string().chars().take(10).collect()
}

/// An instant for people, to the minute; the download has it to the microsecond.
fn when(at: UtcText) -> String {
    let minutes: String = at.to_string().chars().take(16).collect();
    format!("{} UTC", minutes.replace('T', " "))
}

fn erased(proof: &ErasureProof, proven: ProvenErasure) -> ErasedPart<'_> {
    ErasedPart {
        proof,
        at: when(UtcText::new(proven.at)),
        index: proven.index,
        ledger: proven.ledger,
        // Texts and numbers alone: it is always JSON.
        text: serde_json::to_string_pretty(proof).unwrap_or_default(),
    }
}
