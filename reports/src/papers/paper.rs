//! One paper: points of the law, and under each what is known, what is told, and what a person has to say.

use std::collections::BTreeMap;

use regard_commitments::{Date, Digest, Language, PaperKind, canonical_json};
use serde::{Deserialize, Serialize};

/// Form of the papers as JSON.
pub const PAPERS_FORMAT: &str = "regard-papers-v1";

/// Where a fact comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The configuration and the signed commitments of the installation.
    Configuration,
    /// The models that are used, and what is on record about them.
    Models,
    /// The program: what its code does, whoever runs it.
    Program,
    /// What is stored in the installation.
    Store,
}

/// What stands under a point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Item {
    /// Something that is so.
    Fact {
        /// Stable, once in a point.
        id: String,
        /// For people.
        label: String,
        /// What is so; each a line.
        values: Vec<String>,
        /// Language of the values, where it is not English.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        language: Option<String>,
        /// How it is known.
        source: Source,
    },
    /// Several things of one kind; the first column names each.
    Table {
        /// Stable, once in a point.
        id: String,
        /// For people.
        label: String,
        /// Heads of the columns.
        columns: Vec<String>,
        /// Rows, each as long as the heads.
        rows: Vec<Vec<String>>,
        /// How it is known.
        source: Source,
    },
    /// What helps to read the rest.
    Note {
        /// One paragraph.
        text: String,
    },
    /// What only a person can say.
    Ask {
        /// Stable; the same question in several papers is answered once.
        id: String,
        /// What is asked.
        question: String,
        /// What was answered.
        answer: Option<String>,
    },
}

/// A fact from the configuration.
pub(super) fn fact(id: &str, label: &str, value: impl Into<String>) -> Item {
    facts(id, label, vec![value.into()])
}

/// A fact of several lines from the configuration.
pub(super) fn facts(id: &str, label: &str, values: Vec<String>) -> Item {
    known(Source::Configuration, id, label, values)
}

/// A fact about the program.
pub(super) fn program(id: &str, label: &str, value: impl Into<String>) -> Item {
    known(Source::Program, id, label, vec![value.into()])
}

/// A fact and how it is known. What is empty says so.
pub(super) fn known(source: Source, id: &str, label: &str, mut values: Vec<String>) -> Item {
    if values.is_empty() {
        values.push("none".to_owned());
    }
    Item::Fact {
        id: id.to_owned(),
        label: label.to_owned(),
        values,
        language: None,
        source,
    }
}

/// A table and how it is known.
pub(super) fn table(
    source: Source,
    id: &str,
    label: &str,
    columns: &[&str],
    rows: Vec<Vec<String>>,
) -> Item {
    if rows.is_empty() {
        return known(source, id, label, Vec::new());
    }
    Item::Table {
        id: id.to_owned(),
        label: label.to_owned(),
        columns: columns.iter().map(|&column| column.to_owned()).collect(),
        rows,
        source,
    }
}

/// A paragraph.
pub(super) fn note(text: impl Into<String>) -> Item {
    Item::Note { text: text.into() }
}

/// A question to a person.
pub(super) fn ask(id: &str, question: &str) -> Item {
    Item::Ask {
        id: id.to_owned(),
        question: question.to_owned(),
        answer: None,
    }
}

/// One point that the law asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// Where it stands, such as `30(1)(a)`.
    pub id: String,
    /// What the law asks for there, in short.
    pub asks: String,
    /// What there is to say.
    pub items: Vec<Item>,
}

/// A point and what there is to say.
pub(super) fn point(id: &str, asks: &str, items: Vec<Item>) -> Point {
    Point {
        id: id.to_owned(),
        asks: asks.to_owned(),
        items,
    }
}

/// How a paper stands on the day it was made; not part of its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// Whether somebody has to do something.
    pub is_good: bool,
    /// What is the case.
    pub text: String,
}

/// A paper.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LegalPaper {
    /// Which one.
    pub id: PaperKind,
    /// What it is called.
    pub title: String,
    /// Where the law asks for it.
    pub law: String,
    /// Hash of its facts: neither the day nor answers of people are in it.
    pub digest: Digest,
    /// How it stands today.
    pub standing: Vec<Standing>,
    /// The points, in the order of the law.
    pub points: Vec<Point>,
}

/// A question that is open, and the papers that ask it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Its id.
    pub id: String,
    /// What is asked.
    pub text: String,
    /// Where.
    pub papers: Vec<PaperKind>,
    /// What was answered.
    pub answer: Option<String>,
}

impl LegalPaper {
    pub(super) fn new(id: PaperKind, standing: Vec<Standing>, points: Vec<Point>) -> Self {
        Self {
            id,
            title: id.title().to_owned(),
            law: id.law().to_owned(),
            digest: digest(&points, |_| true),
            standing,
            points,
        }
    }

    /// Whether its hash is that of its facts: nobody changed them since it was made.
    pub fn is_whole(&self) -> bool {
        self.digest == digest(&self.points, |_| true)
    }

    /// Hash of the facts about the configuration and its models alone: what a person who signs an assessment signs for.
    /// What the program does for everyone is not in it, so that a newer program does not undo a signature.
    pub fn assessed(&self) -> Digest {
        digest(&self.points, |source| match source {
            Source::Configuration | Source::Models => true,
            Source::Program | Source::Store => false,
        })
    }

    /// Name of its page.
    pub fn file_name(&self) -> String {
        format!("{}.html", self.id.as_str().replace('_', "-"))
    }

    /// Questions that nobody has answered.
    pub fn open_questions(&self) -> impl Iterator<Item = &str> {
        self.items().filter_map(|item| match item {
            Item::Ask {
                id, answer: None, ..
            } => Some(id.as_str()),
            _ => None,
        })
    }

    fn items(&self) -> impl Iterator<Item = &Item> {
        self.points.iter().flat_map(|point| &point.items)
    }

    pub(super) fn answer(&mut self, answers: &BTreeMap<String, String>) {
        for item in self.points.iter_mut().flat_map(|point| &mut point.items) {
            if let Item::Ask { id, answer, .. } = item {
                *answer = answers.get(id).cloned();
            }
        }
    }
}

/// Hash of the facts of some sources, by where they stand.
fn digest(points: &[Point], is_meant: impl Fn(Source) -> bool) -> Digest {
    let mut facts = Vec::new();
    for point in points {
        for item in &point.items {
            let (Item::Fact { source, .. } | Item::Table { source, .. }) = item else {
                continue;
            };
            if is_meant(*source) {
                facts.push((&point.id, item));
            }
        }
    }
    let text = canonical_json(&facts).expect("facts are texts");
    Digest::of(&[b"regard-paper-v1\n", text.as_bytes()])
}

/// The papers about one installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Papers {
    /// [`PAPERS_FORMAT`].
    pub format: String,
    /// Name of the site.
    pub site: String,
    /// The day they were made on.
    pub made_on: Date,
    /// Version of the program.
    pub program: String,
    /// Version of the commitments.
    pub version: u32,
    /// Hash of the commitments.
    pub commitments: Digest,
    /// The papers.
    pub papers: Vec<LegalPaper>,
}

impl Papers {
    /// One of them.
    pub fn paper(&self, kind: PaperKind) -> Option<&LegalPaper> {
        self.papers.iter().find(|paper| paper.id == kind)
    }

    /// The same, with the texts that people are told in one language alone.
    #[must_use]
    pub fn in_language(mut self, language: Language) -> Self {
        for point in self.papers.iter_mut().flat_map(|paper| &mut paper.points) {
            point.items.retain(|item| match item {
                Item::Fact {
                    language: Some(tag),
                    ..
                } => tag == language.tag(),
                Item::Fact { .. } | Item::Table { .. } | Item::Note { .. } | Item::Ask { .. } => {
                    true
                }
            });
        }
        self
    }

    /// Every question, in the order in which they come, each once.
    pub fn questions(&self) -> Vec<Question> {
        let mut found: Vec<Question> = Vec::new();
        for paper in &self.papers {
            for item in paper.items() {
                let Item::Ask {
                    id,
                    question,
                    answer,
                } = item
                else {
                    continue;
                };
                match found.iter_mut().find(|known| known.id == *id) {
                    Some(known) if known.papers.contains(&paper.id) => {}
                    Some(known) => known.papers.push(paper.id),
                    None => found.push(Question {
                        id: id.clone(),
                        text: question.clone(),
                        papers: vec![paper.id],
                        answer: answer.clone(),
                    }),
                }
            }
        }
        found
    }
}
