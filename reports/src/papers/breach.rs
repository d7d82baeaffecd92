//! The report of a personal data breach, and its clock.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use regard_commitments::{ConsentPurpose, Custody, PaperKind, Rule, UtcText, word};
use regard_domain::Timestamp;
use serde::{Deserialize, Serialize};

use super::draft::Draft;
use super::paper::{
    Item, LegalPaper, Source, Standing, ask, fact, facts, known, note, point, table,
};
use super::words::list;

/// How long after a breach became known the authority is to be told (GDPR 33(1)).
pub const BREACH_PERIOD: Duration = Duration::from_secs(72 * 3_600);

/// What was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreachNature {
    /// Somebody read what they should not have.
    Confidentiality,
    /// Something was changed.
    Integrity,
    /// Something is gone.
    Availability,
}

impl fmt::Display for BreachNature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&word(self))
    }
}

/// What is known of a breach.
///
/// # Privacy
/// Counts; nobody is named.
#[derive(Clone, Debug)]
pub struct BreachFacts {
    /// When the controller became aware of it.
    pub known_since: Timestamp,
    /// Now.
    pub now: Timestamp,
    /// From when to when it happened, as far as that is known.
    pub happened: (Option<Timestamp>, Option<Timestamp>),
    /// What was lost; empty while nobody knows.
    pub nature: BTreeSet<BreachNature>,
    /// People who have a record.
    pub n_persons: u64,
    /// Of all that ever enrolled, as the ledger tells.
    pub n_enrolled: u64,
    /// Records that were erased, as the ledger tells.
    pub n_erased: u64,
    /// Consents that hold, by purpose, as the ledger tells.
    pub consents: BTreeMap<ConsentPurpose, u64>,
    /// Tables of the store and their rows.
    pub tables: Vec<(String, u64)>,
}

impl BreachFacts {
    /// Until when the authority is to be told.
    pub fn deadline(&self) -> Timestamp {
        self.known_since.plus(BREACH_PERIOD)
    }

    /// Whether that is past.
    pub fn is_late(&self) -> bool {
        self.now > self.deadline()
    }

    /// How long is left, or by how much it is late, to the minute.
    fn clock(&self) -> String {
        let (from, to) = if self.is_late() {
            (self.deadline(), self.now)
        } else {
            (self.now, self.deadline())
        };
        let minutes = (to.as_micros() - from.as_micros()) / 60_000_000;
        format!("{} h {} min", minutes / 60, minutes % 60)
    }

    fn standing(&self) -> Standing {
        let clock = self.clock();
        let deadline = UtcText::new(self.deadline());
        Standing {
            is_good: !self.is_late(),
            text: if self.is_late() {
                format!(
                    "Late by {clock}: the authority was to be told by {deadline}. Tell it now, with the reasons for the delay."
                )
            } else {
                format!("{clock} left: the authority is to be told by {deadline}.")
            },
        }
    }
}

pub(super) fn breach(draft: &Draft<'_>, breach: &BreachFacts) -> LegalPaper {
    let mut who = draft.controller();
    who.push(Draft::officer());
    let mut measures = draft.guard();
    measures.push(Draft::rules(
        "measures",
        "Measures that were in force",
        &[
            Rule::Security,
            Rule::Erasure,
            Rule::StorageLimit,
            Rule::Minimisation,
            Rule::Accountability,
        ],
    ));
    measures.push(ask(
        "breach_measures",
        "What was done about the breach, and what is done to mitigate it.",
    ));
    let points = vec![
        point("33(1)", "When it is told to the authority", clock(draft, breach)),
        point("33(3)(a)", "Nature of the breach; people and records concerned", nature(draft, breach)),
        point("33(3)(b)", "Contact", who),
        point("33(3)(c)", "Likely consequences", vec![
            known(
                Source::Program,
                "no_pictures",
                "What cannot be among it",
                cannot_be_among(draft, breach),
            ),
            ask("breach_consequences", "What the breach may mean for the people concerned."),
        ]),
        point("33(3)(d)", "Measures", measures),
        point("33(4)", "What is told later", vec![ask("breach_phases", "What is not known yet, and when it will be told.")]),
        point("33(5)", "Documentation", vec![note(
            "Keep this paper. What happened before and after stands in the ledger: `regard ledger verify` shows whether it is whole.",
        )]),
        point("34(1)", "Whether the people are told", vec![
            ask("breach_high_risk", "Whether a high risk to people is likely; then they are told without delay, in plain words."),
            ask("breach_told", "How and when they were told."),
        ]),
        point("34(3)", "Why they need not be told", vec![
            known(
                Source::Program,
                "sealed",
                "What nobody can read without the keys",
                vec!["What people agreed to and prefer is sealed under keys of their own, and these under the key of the site, which no backup holds."
                    .to_owned()],
            ),
            fact("site_key_place", "The key of the site", &draft.facts.guard.site_key),
            ask("breach_key_taken", "Whether the key of the site, or its passphrase, was among what was taken."),
        ]),
    ];
    LegalPaper::new(PaperKind::BreachReport, vec![breach.standing()], points)
}

fn clock(draft: &Draft<'_>, breach: &BreachFacts) -> Vec<Item> {
    let mut items = vec![
        stored(
            "known_since",
            "Known since",
            UtcText::new(breach.known_since).to_string(),
        ),
        stored(
            "deadline",
            "To be told by, 72 hours later",
            UtcText::new(breach.deadline()).to_string(),
        ),
        stored(
            "made_at",
            "This paper was made at",
            UtcText::new(breach.now).to_string(),
        ),
        draft.authority(),
        ask(
            "breach_told_authority",
            "When the authority was told, and under which number it answers.",
        ),
    ];
    if breach.is_late() {
        items.push(ask("breach_delay", "Reasons for the delay (33(1))."));
    }
    items
}

fn nature(draft: &Draft<'_>, breach: &BreachFacts) -> Vec<Item> {
    let instant = |at: Option<Timestamp>| {
        at.map_or_else(|| "not known".to_owned(), |at| UtcText::new(at).to_string())
    };
    let (from, until) = breach.happened;
    let nature = if breach.nature.is_empty() {
        "not known yet".to_owned()
    } else {
        list(breach.nature.iter().map(ToString::to_string))
    };
    let consents = breach.consents.iter();
    let tables = breach.tables.iter();
    let mut subjects = vec![format!("people who enrolled: {}", breach.n_persons)];
    if n_collected(breach) > 0 {
        subjects.push(format!(
            "people whose faces services keep in collections: {} faces",
            n_collected(breach)
        ));
    }
    subjects.push("people who run the site: holders of tokens".to_owned());
    let mut items = vec![
        stored("nature", "What was lost", nature),
        stored("happened_from", "Happened from", instant(from)),
        stored("happened_until", "Happened until", instant(until)),
        known(
            Source::Store,
            "subjects",
            "People concerned at most",
            subjects,
        ),
        known(
            Source::Store,
            "ledger_counts",
            "As the ledger tells",
            vec![format!(
                "{} enrolled so far, {} erased",
                breach.n_enrolled, breach.n_erased
            )],
        ),
        table(
            Source::Store,
            "consents",
            "Consents that hold, as the ledger tells",
            &["Purpose", "Consents"],
            consents
                .map(|(p, n)| vec![p.to_string(), n.to_string()])
                .collect(),
        ),
        table(
            Source::Store,
            "records",
            "Records at most, by table of the store",
            &["Table", "Rows"],
            tables
                .map(|(name, n)| vec![name.clone(), n.to_string()])
                .collect(),
        ),
        draft.retention(),
        facts(
            "personal",
            "Personal data is in these kinds alone",
            vec!["person".to_owned(), "credential".to_owned()],
        ),
    ];
    items.extend(draft.custody());
    items.extend(draft.signed_releases());
    items.push(ask(
        "breach_what",
        "What happened, and which of these records are concerned.",
    ));
    items
}

/// Faces in collections of services, as the store tells.
fn n_collected(breach: &BreachFacts) -> u64 {
    let mut tables = breach.tables.iter();
    tables
        .find(|(name, _)| name == "collected")
        .map_or(0, |(_, n)| *n)
}

/// What the site keeps under no circumstances, or not as it is configured.
fn cannot_be_among(draft: &Draft<'_>, breach: &BreachFacts) -> Vec<String> {
    let mut said = vec!["Pictures: the store holds none.".to_owned()];
    if draft.promised().custody == Custody::InPersonsHands && n_collected(breach) == 0 {
        said.push(
            "Templates of faces: these commitments leave them in the hands of their persons."
                .to_owned(),
        );
    }
    if !draft.keeps_releases() {
        said.push("Names of people who enrolled: nobody signs a release here.".to_owned());
    }
    said.push("Anything that ties rows about the audience to a person.".to_owned());
    said
}

fn stored(id: &str, label: &str, value: String) -> Item {
    known(Source::Store, id, label, vec![value])
}
