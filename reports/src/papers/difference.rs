//! What changed between two makings of the papers, in plain words.

use std::collections::BTreeMap;

use regard_commitments::PaperKind;
use serde::Serialize;

use super::paper::{Item, LegalPaper, Papers};

/// Something that two makings of the papers say differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PaperChange {
    /// In which paper.
    pub paper: PaperKind,
    /// Under which point.
    pub point: String,
    /// Which fact, and which row of it.
    pub what: String,
    /// What it was; nothing where there was none.
    pub before: Option<String>,
    /// What it is; nothing where there is none any more.
    pub now: Option<String>,
}

impl PaperChange {
    /// In a sentence.
    pub fn in_words(&self) -> String {
        let quoted = |text: &Option<String>| text.as_deref().map(|text| format!("“{text}”"));
        let what = match (quoted(&self.before), quoted(&self.now)) {
            (None, Some(now)) => format!("is new: {now}"),
            (Some(before), None) => format!("is gone; it was {before}"),
            (Some(before), Some(now)) => format!("was {before} and is {now}"),
            (None, None) => "is as it was".to_owned(),
        };
        format!(
            "{} {}: {} {what}.",
            self.paper.title(),
            self.point,
            self.what
        )
    }
}

/// Place of a fact in a paper: its point, its id, its row.
type Place = (usize, String, String);

/// A fact or a row as it is compared: its point, its name for people, and what it says, each part under the head of its
/// column.
#[derive(PartialEq)]
struct Said {
    point: String,
    what: String,
    parts: Vec<(String, String)>,
}

impl Said {
    /// All parts in one text.
    fn whole(&self) -> String {
        let texts = self.parts.iter().map(|(_, text)| text.as_str());
        let texts: Vec<&str> = texts.filter(|text| !text.is_empty()).collect();
        texts.join("; ")
    }

    /// A part by the head of its column.
    fn part(&self, column: &str) -> Option<&str> {
        let mut parts = self.parts.iter();
        parts
            .find(|(head, _)| head == column)
            .map(|(_, text)| text.as_str())
    }
}

impl Papers {
    /// What the other papers, made later, say differently. Another day or another version of the commitments alone are no
    /// change; answers are.
    pub fn changes_to(&self, later: &Self) -> Vec<PaperChange> {
        let mut changes = Vec::new();
        for &kind in PaperKind::ALL {
            let before = self.paper(kind).map(said).unwrap_or_default();
            let now = later.paper(kind).map(said).unwrap_or_default();
            let mut places: Vec<&Place> = before.keys().chain(now.keys()).collect();
            places.sort();
            places.dedup();
            for place in places {
                tell(kind, before.get(place), now.get(place), &mut changes);
            }
        }
        changes
    }
}

/// What is different at one place.
fn tell(
    paper: PaperKind,
    before: Option<&Said>,
    now: Option<&Said>,
    changes: &mut Vec<PaperChange>,
) {
    let mut add = |said: &Said, what: String, before: Option<String>, now: Option<String>| {
        changes.push(PaperChange {
            paper,
            point: said.point.clone(),
            what,
            before,
            now,
        });
    };
    match (before, now) {
        (None, None) => {}
        (None, Some(now)) => add(now, now.what.clone(), None, Some(now.whole())),
        (Some(before), None) => add(before, before.what.clone(), Some(before.whole()), None),
        (Some(before), Some(now)) => {
            for (column, text) in &now.parts {
                let was = before.part(column);
                if was != Some(text) {
                    let what = if column.is_empty() {
                        now.what.clone()
                    } else {
                        format!("{}: {column}", now.what)
                    };
                    add(now, what, was.map(str::to_owned), Some(text.clone()));
                }
            }
        }
    }
}

/// What a paper says, by place.
fn said(paper: &LegalPaper) -> BTreeMap<Place, Said> {
    let mut found = BTreeMap::new();
    for (order, point) in paper.points.iter().enumerate() {
        let mut put = |id: &str, row: &str, what: String, parts: Vec<(String, String)>| {
            let point = point.id.clone();
            let place = (order, format!("{point} {id}"), row.to_owned());
            found.insert(place, Said { point, what, parts });
        };
        let plain = |text: String| vec![(String::new(), text)];
        for item in &point.items {
            match item {
                Item::Fact {
                    id, label, values, ..
                } => put(id, "", label.clone(), plain(values.join("; "))),
                Item::Table {
                    id,
                    label,
                    columns,
                    rows,
                    ..
                } => {
                    for row in rows {
                        let name = row.first().map_or("", String::as_str);
                        let parts = columns.iter().cloned().zip(row.iter().cloned()).skip(1);
                        put(id, name, format!("{label}, {name}"), parts.collect());
                    }
                }
                Item::Ask {
                    id,
                    question,
                    answer: Some(answer),
                } => put(
                    id,
                    "",
                    format!("the answer to “{question}”"),
                    plain(answer.clone()),
                ),
                Item::Ask { answer: None, .. } | Item::Note { .. } => {}
            }
        }
    }
    found
}
