//! The pages before a camera. What they do, they do by script and the API that programs use too.

use askama::Template;
use regard_commitments::{
    ConsentPurpose, Custody, Language, Notice, Refusal, ReleaseText, VerifiedCommitments, word,
};

use super::privacy::languages_of;
use super::words::{FaceWords, OwnWords, face_words, own_words, words};

/// What the page to enrol tells.
pub(crate) struct EnrollAnswers<'a> {
    pub(crate) notice: &'a Notice,
    pub(crate) commitments: &'a VerifiedCommitments,
    /// The screen and its code, where the visitor stands before it.
    pub(crate) at: Option<(String, String)>,
    /// Why nobody can enrol now.
    pub(crate) refusal: Option<Refusal>,
    /// What is signed before a face is measured, where the law of the place wants that.
    pub(crate) release: Option<ReleaseText>,
    /// Whether the certificate was made here, and browsers warn of it.
    pub(crate) made_certificate: bool,
}

/// The page to enrol.
#[derive(Template)]
#[template(path = "enroll.html")]
pub(crate) struct EnrollPage {
    lang: &'static str,
    w: &'static FaceWords,
    words: Vec<(&'static str, &'static str)>,
    languages: Vec<(&'static str, &'static str)>,
    language_label: &'static str,
    query: String,
    screen: String,
    code: String,
    may_enroll: bool,
    refused: Option<String>,
    purposes: Vec<(&'static str, &'static str)>,
    custodies: Vec<(String, &'static str)>,
    release: Option<ReleaseText>,
    can_identify: bool,
    made_certificate: bool,
}

pub(super) fn said(refusal: &Refusal) -> String {
    format!("{}; {} ({})", refusal.reason, refusal.remedy, refusal.code)
}

/// The custodies that the commitments allow, the one nearest to the person first.
fn custodies(most: Custody, w: &OwnWords) -> Vec<(String, &'static str)> {
    let all = [
        Custody::InPersonsHands,
        Custody::Shared,
        Custody::Controller,
    ];
    all.into_iter()
        .zip(w.custodies)
        .filter(|(custody, _)| *custody <= most)
        .map(|(custody, name)| (word(&custody), name))
        .collect()
}

/// The page to enrol in one language.
pub(crate) fn enroll_page(answers: EnrollAnswers<'_>, language: Language) -> EnrollPage {
    let (document, own) = (answers.commitments.document(), own_words(language));
    let refused = answers.refusal.as_ref().map(said);
    let may_enroll = answers.at.is_some() && refused.is_none();
    let query = in_query(["screen", "code"], answers.at.as_ref());
    let (screen, code) = answers.at.unwrap_or_default();
    let w = face_words(language);
    EnrollPage {
        lang: language.tag(),
        w,
        words: w.all(),
        languages: languages_of(answers.notice),
        language_label: words(language).languages,
        query,
        screen,
        code,
        may_enroll,
        refused,
        purposes: document
            .consent_purposes
            .iter()
            .map(|purpose| (purpose.as_str(), own.purpose_name(*purpose)))
            .collect(),
        custodies: custodies(document.custody, own),
        release: answers.release,
        can_identify: document
            .consent_purposes
            .contains(&ConsentPurpose::Identify),
        made_certificate: answers.made_certificate,
    }
}

/// What the page to verify tells.
pub(crate) struct VerifyAnswers<'a> {
    pub(crate) notice: &'a Notice,
    /// Why no claim can be looked into now.
    pub(crate) refusal: Option<Refusal>,
    /// For which application, and what it sent.
    pub(crate) wanted: Option<(String, String)>,
    /// The screen that the visitor stands before, and its code.
    pub(crate) at: Option<(String, String)>,
    /// Whether the certificate was made here, and browsers warn of it.
    pub(crate) made_certificate: bool,
}

/// The page to verify.
#[derive(Template)]
#[template(path = "verify.html")]
pub(crate) struct VerifyPage {
    lang: &'static str,
    w: &'static FaceWords,
    words: Vec<(&'static str, &'static str)>,
    languages: Vec<(&'static str, &'static str)>,
    language_label: &'static str,
    query: String,
    audience: String,
    nonce: String,
    screen: String,
    code: String,
    refused: Option<String>,
    made_certificate: bool,
}

/// The part of an address that tells two texts under their names; nothing where they are not known.
fn in_query(names: [&str; 2], texts: Option<&(String, String)>) -> String {
    let encoded =
        |text| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC);
    texts.map_or_else(String::new, |(first, second)| {
        let [one, other] = names;
        format!("{one}={}&{other}={}&", encoded(first), encoded(second))
    })
}

/// The page to verify in one language.
pub(crate) fn verify_page(answers: VerifyAnswers<'_>, language: Language) -> VerifyPage {
    let query = in_query(["screen", "code"], answers.at.as_ref())
        + &in_query(["audience", "nonce"], answers.wanted.as_ref());
    let (audience, nonce) = answers.wanted.unwrap_or_default();
    let (screen, code) = answers.at.unwrap_or_default();
    let w = face_words(language);
    VerifyPage {
        lang: language.tag(),
        w,
        words: w.all(),
        languages: languages_of(answers.notice),
        language_label: words(language).languages,
        query,
        audience,
        nonce,
        screen,
        code,
        refused: answers.refusal.as_ref().map(said),
        made_certificate: answers.made_certificate,
    }
}
