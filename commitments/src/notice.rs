//! The first-layer notice: who looks, why, on which ground, with which rights, for how long.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::commitments::{Commitments, Language};
use crate::digest::{Digest, canonical_json};
use crate::language_words::LanguageWords;
use crate::profile::Profile;
use crate::retention::{DataKind, KeepFor};
use crate::scope::Scope;
use crate::signed::VerifiedCommitments;
use crate::word::word;

static WORDS: LazyLock<LanguageWords<Words>> = LazyLock::new(|| {
    LanguageWords::read([
        (Language::En, include_str!("../data/notice/en.toml")),
        (Language::Fr, include_str!("../data/notice/fr.toml")),
        (Language::De, include_str!("../data/notice/de.toml")),
        (Language::Es, include_str!("../data/notice/es.toml")),
        (Language::Nl, include_str!("../data/notice/nl.toml")),
    ])
});

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
    what_recognized: String,
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
    nobody_else: String,
    no_pictures: String,
    kept: String,
    nothing_kept: String,
    object: String,
    ask: String,
    complain: String,
    scopes: BTreeMap<String, String>,
}

impl Words {
    fn of(language: Language) -> &'static Self {
        WORDS.of(language)
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

/// What the texts of one language are made of.
struct Telling {
    words: &'static Words,
    /// Analyses that the commitments promise and the profile allows, with or without an agreement.
    looked_at: Vec<Scope>,
    /// Those of them that wait for one.
    gated: Vec<Scope>,
    /// For how long anything about the audience is kept.
    period: Option<String>,
    is_passed_on: bool,
    rests_on_consent: bool,
    /// Whether those who enrolled may be recognised here.
    recognizes: bool,
    is_lab: bool,
    /// What stands in for `{name}`.
    values: Vec<(&'static str, String)>,
    language: Language,
}

fn text(document: &Commitments, profile: &Profile, language: Language) -> NoticeText {
    Telling::new(document, profile, language).text()
}

impl Telling {
    fn new(document: &Commitments, profile: &Profile, language: Language) -> Self {
        let words = Words::of(language);
        let open = profile.allowed_scopes();
        let waits =
            |scope: Scope| profile.consented_scopes().contains(scope) && !open.contains(scope);
        let (gated, open): (Vec<Scope>, Vec<Scope>) = document
            .scopes
            .iter()
            .filter(|scope| open.contains(*scope) || waits(*scope))
            .partition(|scope| waits(*scope));
        let list = |scopes: &[Scope]| {
            words.list(scopes.iter().map(|scope| Words::name(&words.scopes, scope)))
        };
        // Where nothing is looked at before somebody agrees, the line after says so; what is looked at then stands here.
        let looked_at: Vec<Scope> = [open.as_slice(), gated.as_slice()].concat();
        let scopes = if gated.contains(&Scope::Count) {
            list(&looked_at)
        } else {
            list(&open)
        };
        let consented = list(&gated);
        let purposes = document.purposes.iter();
        let purposes = words.list(purposes.map(|p| Words::name(&words.purposes, p)));
        let longest = AUDIENCE_KINDS
            .iter()
            .filter_map(|kind| document.retention.get(kind))
            .max();
        let period = longest.map(|period| words.period(*period));
        let recipients = words.list(document.recipients.iter().map(|r| r.name.as_str()));
        let named = profile.authority().name.as_deref();
        let authority = named.unwrap_or(&words.authority).to_owned();
        let values = vec![
            ("controller", document.controller.name.clone()),
            ("contact", document.controller.contact.clone()),
            ("site", document.site.name.clone()),
            ("scopes", scopes),
            ("consented", consented),
            ("purposes", purposes),
            (
                "basis",
                Words::name(&words.bases, &document.legal_basis).to_owned(),
            ),
            ("period", period.clone().unwrap_or_default()),
            ("recipients", recipients),
            ("path", document.notice.privacy_path.clone()),
            ("authority", authority),
        ];
        Self {
            looked_at,
            gated,
            period,
            is_passed_on: !document.recipients.is_empty(),
            rests_on_consent: document.legal_basis == crate::LegalBasis::Consent,
            recognizes: document
                .consent_purposes
                .iter()
                .filter_map(|purpose| purpose.recognition())
                .any(|kind| profile.may_recognize(kind).is_ok()),
            is_lab: profile.shows_lab_banner(),
            values,
            language,
            words,
        }
    }

    fn fill(&self, template: &str) -> String {
        let values = self.values.iter();
        let values: Vec<(&str, &str)> = values.map(|(name, v)| (*name, v.as_str())).collect();
        fill(template, &values)
    }

    fn text(&self) -> NoticeText {
        let words = self.words;
        let kept = match self.period {
            Some(_) => &words.kept,
            None => &words.nothing_kept,
        };
        let passed_on = if self.is_passed_on {
            &words.recipients
        } else {
            &words.no_recipients
        };
        let rights = if self.rests_on_consent {
            &words.rights_consent
        } else {
            &words.rights
        };
        let waits = match self.gated.as_slice() {
            [] => None,
            gated if gated.contains(&Scope::Count) => Some(&words.waits),
            _ => Some(&words.waits_for),
        };
        let what = if self.recognizes {
            &words.what_recognized
        } else {
            &words.what
        };
        let lines = [&words.who, what].into_iter().chain(waits).chain([
            &words.why,
            &words.basis,
            kept,
            passed_on,
            rights,
        ]);
        NoticeText {
            language: self.language,
            title: self.fill(&words.title),
            lines: lines.map(|line| self.fill(line)).collect(),
            more: self.fill(&words.more),
            lab_banner: self.is_lab.then(|| self.fill(&words.lab_banner)),
            authority: self.fill("{authority}"),
            sign_object: self.fill(&words.sign_object),
            easy: self.easy(),
        }
    }

    fn easy(&self) -> EasyText {
        let easy = &self.words.easy;
        let waits = self.gated.contains(&Scope::Count).then_some(&easy.waits);
        let kept = match self.period {
            Some(_) => &easy.kept,
            None => &easy.nothing_kept,
        };
        let nobody = if self.recognizes {
            &easy.nobody_else
        } else {
            &easy.nobody
        };
        let seen = self.looked_at.iter();
        let lines = [Some(&easy.camera), waits, Some(&easy.computer)]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .chain(seen.map(|scope| Words::name(&easy.scopes, scope)))
            .chain([nobody.as_str(), easy.no_pictures.as_str(), kept]);
        EasyText {
            title: self.fill(&easy.title),
            lines: lines.map(|line| self.fill(line)).collect(),
            object: self.fill(&easy.object),
            ask: vec![self.fill(&easy.ask), self.fill(&easy.complain)],
        }
    }
}

/// A retention period in the words of a language.
pub(crate) fn period_in(language: Language, period: KeepFor) -> String {
    Words::of(language).period(period)
}

/// Puts values in for `{name}`, once: what a value says is never read as a template.
pub(crate) fn fill(template: &str, values: &[(&str, &str)]) -> String {
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
