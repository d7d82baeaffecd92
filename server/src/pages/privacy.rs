//! The second layer of the notice: everything, in the reader's language, with the numbers of now.

use askama::Template;
use axum::http::HeaderMap;
use regard_commitments::{
    Custody, DataKind, EasyText, KeepFor, Language, Notice, NoticeText, Profile, Release,
    VerifiedCommitments,
};
use regard_engine::Health;

use super::standing::{Here, HerePart};
use super::words::{Words, language_of, liked, words};
use super::yesterday::Yesterday;

/// What the page tells besides its words.
pub(crate) struct PrivacyAnswers<'a> {
    pub(crate) notice: &'a Notice,
    pub(crate) commitments: &'a VerifiedCommitments,
    pub(crate) profile: &'a Profile,
    /// The reader in front of a screen, where they are known to be.
    pub(crate) here: Option<Here<'a>>,
    pub(crate) health: &'a Health,
    /// Frames captured since start.
    pub(crate) frames: u64,
    /// Decisions since start.
    pub(crate) decisions: u64,
    /// Zones of pictures that are never looked at: those drawn and those of the staff.
    pub(crate) n_zones: usize,
    /// Where frames can come to be.
    pub(crate) whereabouts: Whereabouts,
    /// What the viewers gain, of each campaign that says so.
    pub(crate) benefits: Vec<String>,
    /// What was told about yesterday, if anything was.
    pub(crate) yesterday: Option<&'a Release>,
}

/// Where the picture of a camera can come to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Picture {
    /// Nowhere but in the memory of this computer.
    Nowhere,
    /// In the console, which only this computer reaches.
    ConsoleHere,
    /// In the console, which other computers reach.
    ConsoleElsewhere,
}

/// Where frames can come to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Whereabouts {
    /// Of frames on their way out.
    pub(crate) picture: Picture,
    /// Cameras whose frames a browser sends here.
    pub(crate) pushed: Vec<String>,
}

/// The page in easy words: a few short sentences of one thought each, what may be done, whom to ask.
#[derive(Template)]
#[template(path = "easy.html")]
pub(crate) struct EasyPage<'a> {
    lang: &'static str,
    w: &'static Words,
    languages: Vec<(&'static str, &'static str)>,
    lab_banner: Option<&'a str>,
    here: Option<HerePart>,
    easy: &'a EasyText,
    /// Whether people can enrol here.
    enrolls: bool,
}

/// The page in easy words.
pub(crate) fn easy_page<'a>(answers: PrivacyAnswers<'a>, text: &'a NoticeText) -> EasyPage<'a> {
    let w = words(text.language);
    EasyPage {
        lang: text.language.tag(),
        w,
        languages: languages_of(answers.notice),
        lab_banner: text.lab_banner.as_deref(),
        here: answers
            .here
            .map(|here| here.part(answers.profile, answers.health, w)),
        easy: &text.easy,
        enrolls: !answers.commitments.document().consent_purposes.is_empty(),
    }
}

/// The languages of the notice, each by its own name.
pub(super) fn languages_of(notice: &Notice) -> Vec<(&'static str, &'static str)> {
    let texts = notice.texts.iter();
    texts
        .map(|t| (t.language.tag(), words(t.language).language))
        .collect()
}

/// How a frame comes in, what is done with it and where it can be seen: all of it true of this installation.
fn frame_steps(whereabouts: &Whereabouts, w: &Words) -> Vec<String> {
    let stays = match whereabouts.picture {
        Picture::Nowhere => w.frame_stays,
        Picture::ConsoleHere => w.frame_in_console_here,
        Picture::ConsoleElsewhere => w.frame_in_console_elsewhere,
    };
    let mut steps = Vec::new();
    if !whereabouts.pushed.is_empty() {
        let cameras = whereabouts.pushed.join(", ");
        steps.push(w.frame_from_browser.replace("{cameras}", &cameras));
    }
    steps.push(format!("{} {stays}", w.frame_searched));
    steps
}

/// The second layer in one language.
#[derive(Template)]
#[template(path = "privacy.html")]
pub(crate) struct PrivacyPage<'a> {
    lang: &'static str,
    w: &'static Words,
    languages: Vec<(&'static str, &'static str)>,
    lab_banner: Option<&'a str>,
    here: Option<HerePart>,
    refused: Vec<(&'a str, u64)>,
    authority: (&'a str, &'a str),
    frame_steps: Vec<String>,
    lines: &'a [String],
    cameras: Vec<CameraNow>,
    looked_per_sec: u64,
    looked_total: u64,
    chosen_total: u64,
    n_zones: usize,
    kept: Vec<(&'static str, String)>,
    recipients: Vec<(&'a str, &'a str)>,
    controller: &'a str,
    contact: &'a str,
    benefits: Vec<String>,
    version: u32,
    effective_from: String,
    profile: &'a str,
    ledger_len: u64,
    commitments_hash: String,
    /// Whether people can enrol here.
    enrolls: bool,
    /// Whether templates of faces can be made here: of people who agreed, or whose service attests that they did.
    recognizes: bool,
    yesterday: Option<Yesterday>,
}

struct CameraNow {
    id: String,
    open: bool,
    why_closed: Option<String>,
}

/// The language for a reader: the one asked for, else the one their browser likes best, else the
/// first of the notice. Always one of the notice's.
pub(crate) fn privacy_language(
    notice: &Notice,
    asked: Option<&str>,
    headers: &HeaderMap,
) -> Language {
    let offered = |language: &Language| notice.texts.iter().any(|t| t.language == *language);
    let asked = asked.and_then(language_of).filter(offered);
    asked
        .or_else(|| liked(headers).filter(offered))
        .or(notice.texts.first().map(|t| t.language))
        .unwrap_or(Language::En)
}

/// The page.
pub(crate) fn privacy_page<'a>(answers: PrivacyAnswers<'a>, language: Language) -> PrivacyPage<'a> {
    let PrivacyAnswers {
        notice,
        commitments,
        profile,
        here,
        health,
        frames,
        decisions,
        benefits,
        n_zones,
        whereabouts,
        yesterday,
    } = answers;
    let (document, w) = (commitments.document(), words(language));
    let text = notice.texts.iter().find(|text| text.language == language);
    let analyzed: f32 = health
        .cameras
        .iter()
        .map(|camera| camera.analyzed_per_sec)
        .sum();
    let cameras = health.cameras.iter().map(|camera| CameraNow {
        id: camera.camera.to_string(),
        open: camera.open,
        why_closed: camera
            .refusal
            .as_ref()
            .map(|r| r.reason.clone())
            .or(camera.fault.clone()),
    });
    PrivacyPage {
        lang: language.tag(),
        w,
        languages: languages_of(notice),
        lab_banner: text.and_then(|text| text.lab_banner.as_deref()),
        here: here.map(|here| here.part(profile, health, w)),
        refused: health
            .refusals
            .iter()
            .map(|(code, n)| (code.as_str(), *n))
            .collect(),
        authority: (
            text.map_or("", |text| text.authority.as_str()),
            &profile.authority().url,
        ),
        frame_steps: frame_steps(&whereabouts, w),
        lines: text.map(|text| text.lines.as_slice()).unwrap_or_default(),
        cameras: cameras.collect(),
        looked_per_sec: analyzed.round().max(0.0) as u64,
        looked_total: frames,
        chosen_total: decisions,
        n_zones,
        kept: kept(
            document
                .retention
                .iter()
                .map(|(kind, period)| (*kind, *period)),
            w,
        ),
        recipients: document
            .recipients
            .iter()
            .map(|one| (one.name.as_str(), one.purpose.as_str()))
            .collect(),
        controller: &document.controller.name,
        contact: &document.controller.contact,
        benefits,
        version: document.version,
        effective_from: document.effective_from.to_string(),
        profile: &health.profile,
        ledger_len: health.ledger_len,
        commitments_hash: commitments.digest().to_string(),
        enrolls: !document.consent_purposes.is_empty(),
        recognizes: document.custody == Custody::Controller
            || document.consent_purposes.iter().any(|p| p.is_biometric()),
        yesterday: yesterday.map(|release| Yesterday::of(release, w)),
    }
}

fn kept(
    promised: impl Iterator<Item = (DataKind, KeepFor)>,
    w: &Words,
) -> Vec<(&'static str, String)> {
    let period = |period: KeepFor| match period.as_written() {
        (amount, true) => format!("{amount} {}", w.days),
        (amount, false) => format!("{amount} {}", w.hours),
    };
    let fixed = DataKind::ALL.iter().filter(|kind| kind.has_fixed_period());
    let proof = fixed.map(|kind| (*kind, regard_commitments::PROOF_PERIOD));
    promised
        .chain(proof)
        .map(|(kind, length)| (w.kind(kind), period(length)))
        .collect()
}
