//! The first-layer notice: who looks, why, on which ground, with which rights, for how long.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::commitments::{Commitments, Language};
use crate::digest::{Digest, canonical_json};
use crate::profile::Profile;
use crate::retention::{DataKind, KeepFor};
use crate::scope::Scope;
use crate::signed::VerifiedCommitments;
use crate::word::word;

const WORDS: [(Language, &str); 5] = [
    (Language::En, include_str!("../data/notice/en.toml")),
    (Language::Fr, include_str!("../data/notice/fr.toml")),
    (Language::De, include_str!("../data/notice/de.toml")),
    (Language::Es, include_str!("../data/notice/es.toml")),
    (Language::Nl, include_str!("../data/notice/nl.toml")),
];

/// What a screen must show while a camera looks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// Version of the commitments it was made from.
    pub version: u32,
    /// Hash of those commitments.
    pub commitments: Digest,
    /// Path of the privacy page on this server.
    pub privacy_path: String,
    /// Whether the texts have a lab banner.
    pub is_lab: bool,
    /// The notice in each language promised, in that order.
    pub texts: Vec<NoticeText>,
}

/// The notice in one language. Plain text: whoever puts it on a page escapes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NoticeText {
    /// The language.
    pub language: Language,
    /// What it is, in a few words.
    pub title: String,
    /// Who, why, ground, how long, rights: one short paragraph each, in this order.
    pub lines: Vec<String>,
    /// Where to read more; goes with the QR code of the privacy page.
    pub more: String,
    /// That this is a laboratory, where it is one.
    pub lab_banner: Option<String>,
    /// Who hears complaints.
    pub authority: String,
    /// What to do against being looked at; goes with the code of the printed sign.
    pub sign_object: String,
    /// The same in easy words: a title, then short sentences of one thought each.
    pub easy: EasyText,
}

/// A notice for people to whom reading comes hard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EasyText {
    /// What it is.
    pub title: String,
    /// What happens, in sentences.
    pub lines: Vec<String>,
    /// What to do against it; goes with the code.
    pub object: String,
    /// Whom to ask, and where to complain.
    pub ask: Vec<String>,
}

/// The words of one language; `{name}` stands for what the commitments say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    title: String,
    who: String,
    what: String,
    waits: String,
    waits_for: String,
    why: String,
    basis: String,
    nothing_kept: String,
    kept: String,
    recipients: String,
    no_recipients: String,
    rights: String,
    rights_consent: String,
    more: String,
    lab_banner: String,
    authority: String,
    sign_object: String,
    and: String,
    hour: String,
    hours: String,
    day: String,
    days: String,
    scopes: BTreeMap<String, String>,
    purposes: BTreeMap<String, String>,
    bases: BTreeMap<String, String>,
    easy: EasyWords,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EasyWords {
    title: String,
    camera: String,
    computer: String,
    waits: String,
    nobody: String,
    no_pictures: String,
    kept: String,
    nothing_kept: String,
    object: String,
    ask: String,
    complain: String,
    scopes: BTreeMap<String, String>,
}

impl Words {
    fn of(language: Language) -> Self {
        let (_, text) = WORDS
            .iter()
            .find(|(known, _)| *known == language)
            .expect("a test reads every language");
        toml::from_str(text).expect("a test reads every language")
    }

    fn list<'a>(&self, items: impl IntoIterator<Item = &'a str>) -> String {
        let items: Vec<&str> = items.into_iter().collect();
        match items.split_last() {
            None => String::new(),
            Some((last, [])) => (*last).to_owned(),
            Some((last, rest)) => format!("{} {} {last}", rest.join(", "), self.and),
        }
    }

    fn period(&self, period: KeepFor) -> String {
        let (amount, is_days) = period.as_written();
        let unit = match (is_days, amount) {
            (true, 1) => &self.day,
            (true, _) => &self.days,
            (false, 1) => &self.hour,
            (false, _) => &self.hours,
        };
        format!("{amount} {unit}")
    }

    fn name<'a>(names: &'a BTreeMap<String, String>, value: &impl Serialize) -> &'a str {
        names
            .get(&word(value))
            .expect("a test looks up every name in every language")
    }
}

/// The kinds of rows that come from people in front of a screen.
const AUDIENCE_KINDS: [DataKind; 4] = [
    DataKind::Decision,
    DataKind::Outcome,
    DataKind::PolicyState,
    DataKind::MinuteAggregate,
];

impl Notice {
    /// The notice that these commitments call for.
    pub fn of(commitments: &VerifiedCommitments, profile: &Profile) -> Self {
        let document = commitments.document();
        Self {
            version: document.version,
            commitments: commitments.digest(),
            privacy_path: document.notice.privacy_path.clone(),
            is_lab: profile.shows_lab_banner(),
            texts: document
                .notice
                .languages
                .iter()
                .map(|language| text(document, profile, *language))
                .collect(),
        }
    }

    /// SHA-256 of its canonical form; what a screen must show to be believed.
    pub fn hash(&self) -> Digest {
        let canonical = canonical_json(self).expect("a notice holds texts and integers only");
        Digest::of(&[canonical.as_bytes()])
    }
}

fn text(document: &Commitments, profile: &Profile, language: Language) -> NoticeText {
    let words = Words::of(language);
    let open = profile.allowed_scopes();
    let gated = |scope: Scope| profile.consented_scopes().contains(scope) && !open.contains(scope);
    let name = |scope: Scope| Words::name(&words.scopes, &scope);
    let promised = document.scopes;
    let consented = words.list(promised.iter().filter(|s| gated(*s)).map(name));
    // Where nothing is looked at before somebody agrees, the line after says so; what is looked at then stands here.
    let waits_wholly = gated(Scope::Count);
    let looked_at = promised
        .iter()
        .filter(|s| open.contains(*s) || waits_wholly && gated(*s));
    let scopes = words.list(looked_at.map(name));
    let purposes = words.list(
        document
            .purposes
            .iter()
            .map(|p| Words::name(&words.purposes, p)),
    );
    let longest = AUDIENCE_KINDS
        .iter()
        .filter_map(|kind| document.retention.get(kind))
        .max();
    let recipients = words.list(document.recipients.iter().map(|r| r.name.as_str()));
    let period = longest.map(|period| words.period(*period));
    let named = profile.authority().name.as_deref();
    let authority = named.unwrap_or(&words.authority);
    let fill = |template: &str| {
        fill(
            template,
            &[
                ("controller", document.controller.name.as_str()),
                ("contact", document.controller.contact.as_str()),
                ("site", document.site.name.as_str()),
                ("scopes", &scopes),
                ("consented", &consented),
                ("purposes", &purposes),
                ("basis", Words::name(&words.bases, &document.legal_basis)),
                ("period", period.as_deref().unwrap_or_default()),
                ("recipients", &recipients),
                ("path", document.notice.privacy_path.as_str()),
                ("authority", authority),
            ],
        )
    };
    let kept = if period.is_some() {
        &words.kept
    } else {
        &words.nothing_kept
    };
    let passed_on = if recipients.is_empty() {
        &words.no_recipients
    } else {
        &words.recipients
    };
    let rights = match document.legal_basis {
        crate::LegalBasis::Consent => &words.rights_consent,
        crate::LegalBasis::LegitimateInterest | crate::LegalBasis::PublicTask => &words.rights,
    };
    let waits = if consented.is_empty() {
        None
    } else if waits_wholly {
        Some(&words.waits)
    } else {
        Some(&words.waits_for)
    };
    let lines = [&words.who, &words.what].into_iter().chain(waits).chain([
        &words.why,
        &words.basis,
        kept,
        passed_on,
        rights,
    ]);
    let easy = &words.easy;
    let begin = [&easy.camera].into_iter().chain(waits_wholly.then_some(&easy.waits));
    let seen = promised
        .iter()
        .filter(|scope| open.contains(*scope) || gated(*scope))
        .map(|scope| Words::name(&easy.scopes, &scope));
    let easy_kept = if period.is_some() {
        &easy.kept
    } else {
        &easy.nothing_kept
    };
    let easy_lines = begin
        .chain([&easy.computer])
        .map(String::as_str)
        .chain(seen)
        .chain([easy.nobody.as_str(), easy.no_pictures.as_str(), easy_kept]);
    let easy = EasyText {
        title: fill(&easy.title),
        lines: easy_lines.map(&fill).collect(),
        object: fill(&easy.object),
        ask: vec![fill(&easy.ask), fill(&easy.complain)],
    };
    NoticeText {
        language,
        title: fill(&words.title),
        lines: lines.map(|line| fill(line)).collect(),
        more: fill(&words.more),
        lab_banner: profile.shows_lab_banner().then(|| fill(&words.lab_banner)),
        authority: authority.to_owned(),
        sign_object: fill(&words.sign_object),
        easy,
    }
}

/// Puts values in for `{name}`, once: what a value says is never read as a template.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, tail)) = after.split_once('}') else {
            out.push('{');
            rest = after;
            continue;
        };
        match values.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => out.push_str(value),
            None => {
                out.push('{');
                out.push_str(name);
                out.push('}');
            }
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests;
