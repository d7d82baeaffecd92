//! The page of the console about recognition.

use askama::Template;
use regard_commitments::{Language, UtcText};
use regard_domain::Timestamp;

use super::words::face_words;
use crate::wire::recognition::{AttemptWire, CurveWire, PersonsWire, RecognitionWire};

/// Attempts that the page lists; the JSON has more.
const LISTED_ATTEMPTS: usize = 40;

/// The page about recognition.
#[derive(Template)]
#[template(path = "recognition.html")]
pub(crate) struct RecognitionPage {
    /// Name of the site.
    pub(crate) site: String,
    /// Kinds, galleries, collections, failed checks.
    pub(crate) standing: RecognitionWire,
    /// Error rates.
    pub(crate) curve: CurveWire,
    /// Attempts of the last day, the newest first.
    pub(crate) attempts: Vec<AttemptWire>,
    /// How many of them came to what, by kind.
    pub(crate) counts: Vec<AttemptCount>,
    /// A page of persons, where whoever looks may and asked for it.
    pub(crate) persons: Option<PersonsWire>,
    /// Whether they may ask.
    pub(crate) may_read_rows: bool,
    /// Whether they may look for somebody who asks for it.
    pub(crate) may_search: bool,
}

/// How often attempts of a kind came to something.
pub(crate) struct AttemptCount {
    pub(crate) kind: String,
    pub(crate) outcome: &'static str,
    pub(crate) code: Option<&'static str>,
    pub(crate) n: usize,
}

impl AttemptCount {
    /// The counts of attempts, by kind, and the most frequent first.
    pub(crate) fn of(attempts: &[AttemptWire]) -> Vec<Self> {
        let mut counts = std::collections::BTreeMap::<_, usize>::new();
        for one in attempts {
            *counts
                .entry((one.kind.clone(), one.outcome, one.code))
                .or_default() += 1;
        }
        let mut all: Vec<Self> = counts
            .into_iter()
            .map(|((kind, outcome, code), n)| Self {
                kind,
                outcome,
                code,
                n,
            })
            .collect();
        all.sort_by(|a, b| a.kind.cmp(&b.kind).then(b.n.cmp(&a.n)));
        all
    }
}

impl RecognitionPage {
    /// The attempts that are listed one by one.
    fn listed(&self) -> &[AttemptWire] {
        &self.attempts[..self.attempts.len().min(LISTED_ATTEMPTS)]
    }

    /// An instant as people read it: to the minute, in UTC.
    fn at(&self, micros: &i64) -> String {
        let text = UtcText::new(Timestamp::from_micros(*micros)).to_string();
        text.chars()
            .take(16)
            .map(|c| if c == 'T' { ' ' } else { c })
            .collect()
    }

    /// A rate as a share of comparisons.
    fn rate(&self, rate: &f64) -> String {
        if *rate >= 1e-3 {
            format!("{:.2} %", 100.0 * rate)
        } else if *rate > 0.0 {
            format!("{rate:.0e}")
        } else {
            "0".to_owned()
        }
    }

    /// The words of the steps before a camera; the console is in English.
    fn words(&self) -> Vec<(&'static str, &'static str)> {
        face_words(Language::En).all()
    }

    /// Bytes of the templates of a gallery in memory, in megabytes.
    fn megabytes(&self, n_templates: &u64) -> String {
        /// Bytes of one template in memory: 128 of numbers, the rest ids and the way back to the person. Measured:
        /// `docs/performance.md`.
        const TEMPLATE_BYTES: u64 = 220;
        format!("{:.1} MB", (n_templates * TEMPLATE_BYTES) as f64 / 1e6)
    }
}
