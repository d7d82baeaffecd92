//! What is done about a mistake so that reading can go on: words replaced, keys renamed, values
//! filled or left out.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;
use toml::de::DeValue;

use super::fault::{Fault, FaultKind};
use super::filler::Filler;
use super::hint::{as_id, closest, did_you_mean, one_of};
use super::path::{Path, Step};

/// What was mended so far.
#[derive(Debug, Default)]
pub(super) struct Repairs {
    /// Values that others stand in for.
    pub(super) filled: BTreeMap<Path, Filler>,
    /// Words that were meant.
    pub(super) words: BTreeMap<Path, &'static str>,
    /// Keys that were meant.
    pub(super) renamed: BTreeMap<Path, &'static str>,
    /// Keys that were missing, by their table.
    pub(super) added: BTreeMap<Path, BTreeSet<&'static str>>,
    /// What is left out.
    pub(super) dropped: BTreeSet<Path>,
    /// Words and keys of which nobody knows what was meant, and keys nobody knows.
    unclear: BTreeSet<Path>,
}

/// A mistake to be told: at the key or the value of a path.
#[derive(Debug)]
pub(super) struct Complaint {
    pub(super) path: Path,
    pub(super) about_key: bool,
    pub(super) message: String,
}

impl Repairs {
    /// Mends the document after a fault. The complaint, if it is to be told, and whether it makes
    /// sense to read again.
    pub(super) fn mend(
        &mut self,
        root: &Spanned<DeValue<'_>>,
        fault: &Fault,
    ) -> (Option<Complaint>, bool) {
        let at = fault.path.clone().unwrap_or(Path::ROOT);
        if fault.about_key {
            return self.mend_key(&at, &fault.kind);
        }
        let table = value_at(root, &at).and_then(|value| value.get_ref().as_table());
        match (&fault.kind, table) {
            (FaultKind::Missing(field), _) => self.mend_missing(&at, field),
            (FaultKind::Variant { found, expected }, Some(table)) => {
                let is_it = |value: &DeValue<'_>| value.as_str() == Some(found.as_str());
                match table.iter().find(|(_, value)| is_it(value.get_ref())) {
                    Some((key, _)) => self.mend_word(&at.key(key.get_ref()), found, expected),
                    None => (None, self.give_up(&at)),
                }
            }
            (FaultKind::Variant { found, expected }, None) => self.mend_word(&at, found, expected),
            (FaultKind::Field { found, expected }, Some(table))
                if table.contains_key(found.as_str()) =>
            {
                let free = expected
                    .iter()
                    .copied()
                    .filter(|name| !table.contains_key(*name));
                let meant = closest(found, free);
                let path = at.key(found);
                let again = match meant {
                    Some(meant) => self.renamed.insert(path.clone(), meant).is_none(),
                    None => self.dropped.insert(path.clone()),
                };
                let message = unknown_key(expected, meant);
                (
                    Some(Complaint {
                        path,
                        about_key: true,
                        message,
                    }),
                    again || self.give_up(&at),
                )
            }
            (kind @ FaultKind::Value { found, expected }, Some(table)) => {
                // Raised somewhere in a table whose places were lost on the way.
                let stands_for = |(key, value): &(&Spanned<_>, &Spanned<DeValue<'_>>)| {
                    let key: &Spanned<std::borrow::Cow<'_, str>> = key;
                    is_shown_as(value.get_ref(), found)
                        && !self.filled.contains_key(&at.key(key.get_ref()))
                };
                match table.iter().find(stands_for) {
                    Some((key, _)) => {
                        let path = at.key(key.get_ref());
                        self.filled.insert(path.clone(), filler_for(expected));
                        let message = in_words(kind);
                        (
                            Some(Complaint {
                                path,
                                about_key: false,
                                message,
                            }),
                            true,
                        )
                    }
                    None => self.mend_value(&at, kind),
                }
            }
            (kind, _) => self.mend_value(&at, kind),
        }
    }

    /// Whether what stands at a path is no longer what its author wrote: what is said about it would
    /// be about our repairs. With `beside`, also when something in the same table is not.
    pub(super) fn touch(&self, path: &Path, beside: bool) -> bool {
        let added = self.added.iter();
        let added = added.flat_map(|(at, keys)| keys.iter().map(|key| at.key(key)));
        let is_near = |suspect: &Path| suspect.is_within(path) || path.is_within(suspect);
        let mut mended = (self.filled.keys().chain(&self.dropped).cloned()).chain(added);
        self.unclear.iter().any(is_near)
            || mended
                .any(|suspect| is_near(&suspect) || (beside && suspect.parent() == path.parent()))
    }

    /// Whether we put something in the place of what stands exactly there, or left it out.
    pub(super) fn stands_in(&self, path: &Path) -> bool {
        let is_added = path
            .parent()
            .is_some_and(|parent| self.is_added(&parent, path));
        is_added || self.filled.contains_key(path) || self.dropped.contains(path)
    }

    /// A key that no form has: to be told, and left out or renamed by the reader.
    pub(super) fn mend_key(&mut self, at: &Path, kind: &FaultKind) -> (Option<Complaint>, bool) {
        let (FaultKind::Variant { found, expected } | FaultKind::Field { found, expected }) = kind
        else {
            let message = in_words(kind);
            let again = self.dropped.insert(at.clone());
            return (
                Some(Complaint {
                    path: at.clone(),
                    about_key: true,
                    message,
                }),
                again,
            );
        };
        let meant = closest(found, expected.iter().copied());
        let again = match meant {
            Some(meant) => self.renamed.insert(at.clone(), meant).is_none(),
            None => self.dropped.insert(at.clone()),
        };
        let message = unknown_key(expected, meant);
        (
            Some(Complaint {
                path: at.clone(),
                about_key: true,
                message,
            }),
            again,
        )
    }

    fn mend_missing(&mut self, at: &Path, field: &'static str) -> (Option<Complaint>, bool) {
        let path = at.key(field);
        // What we left out ourselves was complained about already.
        let is_ours = self.dropped.contains(&path) || self.filled.contains_key(at);
        if !self.added.entry(at.clone()).or_default().insert(field) {
            return (None, self.give_up(at));
        }
        let message = format!("{field:?} is missing");
        (
            (!is_ours).then_some(Complaint {
                path: at.clone(),
                about_key: false,
                message,
            }),
            true,
        )
    }

    fn mend_word(
        &mut self,
        path: &Path,
        found: &str,
        expected: &'static [&'static str],
    ) -> (Option<Complaint>, bool) {
        // Words that are ours were told already under another head.
        if self.words.contains_key(path) || self.stands_in(path) {
            return (None, self.give_up(path));
        }
        let meant = closest(found, expected.iter().copied());
        if meant.is_none() {
            self.unclear.insert(path.clone());
        }
        let again = match meant.or(expected.first().copied()) {
            Some(word) => self.words.insert(path.clone(), word).is_none(),
            None => self.give_up(path),
        };
        let found: String = found.chars().take(80).collect();
        let message = format!(
            "expected {}, found {found:?}{}",
            one_of(expected),
            did_you_mean(meant)
        );
        (
            Some(Complaint {
                path: path.clone(),
                about_key: false,
                message,
            }),
            again,
        )
    }

    fn mend_value(&mut self, at: &Path, kind: &FaultKind) -> (Option<Complaint>, bool) {
        let is_touched = self
            .filled
            .keys()
            .chain(&self.dropped)
            .any(|p| p.is_within(at))
            || self.added.keys().any(|p| p.is_within(at))
            || at.parent().is_some_and(|parent| self.is_added(&parent, at));
        if is_touched || at.steps().is_empty() {
            return (None, self.give_up(at));
        }
        self.filled.insert(at.clone(), Filler::AsAsked);
        let message = in_words(kind);
        (
            Some(Complaint {
                path: at.clone(),
                about_key: false,
                message,
            }),
            true,
        )
    }

    fn is_added(&self, parent: &Path, at: &Path) -> bool {
        match at.steps().last() {
            Some(Step::Key(key)) => self
                .added
                .get(parent)
                .is_some_and(|keys| keys.contains(key.as_str())),
            Some(Step::Index(_)) | None => false,
        }
    }

    /// Leaves out what no filler can stand in for, or what holds it. Whether anything is left to read.
    fn give_up(&mut self, at: &Path) -> bool {
        let mut at = at.clone();
        loop {
            let Some(parent) = at.parent() else {
                return false;
            };
            if self.dropped.insert(at) {
                return true;
            }
            at = parent;
        }
    }
}

/// The value at a path.
pub(super) fn value_at<'r, 't>(
    root: &'r Spanned<DeValue<'t>>,
    path: &Path,
) -> Option<&'r Spanned<DeValue<'t>>> {
    path.steps()
        .iter()
        .try_fold(root, |here, step| match (here.get_ref(), step) {
            (DeValue::Table(table), Step::Key(key)) => table.get(key.as_str()),
            (DeValue::Array(array), Step::Index(index)) => array.get(*index),
            _ => None,
        })
}

/// What is said about a key nobody knows.
pub(super) fn unknown_key(known: &[&str], meant: Option<&str>) -> String {
    format!(
        "unknown key; expected {}{}",
        one_of(known),
        did_you_mean(meant)
    )
}

fn in_words(kind: &FaultKind) -> String {
    match kind {
        FaultKind::Value { found, expected } => format!("expected {expected}, found {found}"),
        FaultKind::Said(message) => format!("{message}{}", hint_of(message)),
        FaultKind::Missing(field) => format!("{field:?} is missing"),
        FaultKind::Variant { expected, .. } | FaultKind::Field { expected, .. } => {
            format!("expected {}", one_of(expected))
        }
    }
}

/// A suggestion for messages that name the text found first, in quotes, and what it may be.
fn hint_of(message: &str) -> String {
    let mut quoted = message.splitn(3, '"');
    let (Some(before), Some(found), Some(after)) = (quoted.next(), quoted.next(), quoted.next())
    else {
        return String::new();
    };
    if before == "id " {
        return did_you_mean(as_id(found).as_deref());
    }
    let is_listing =
        after.contains("one of") || after.contains("none of") || after.contains("expected");
    if !is_listing {
        return String::new();
    }
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/');
    let words = after.split(|c| !is_word(c)).filter(|word| word.len() > 2);
    did_you_mean(closest(found, words))
}

/// Whether the value would be shown so in a complaint about it.
fn is_shown_as(value: &DeValue<'_>, found: &str) -> bool {
    match value {
        DeValue::String(text) => {
            found == format!("{:?}", text.chars().take(80).collect::<String>())
        }
        DeValue::Integer(number) => number.as_str() == found,
        DeValue::Float(number) => number
            .as_str()
            .parse::<f64>()
            .is_ok_and(|number| number.to_string() == found),
        DeValue::Boolean(flag) => flag.to_string() == found,
        DeValue::Datetime(time) => found == format!("{:?}", time.to_string()),
        DeValue::Array(_) => found == "an array",
        DeValue::Table(_) => found == "a table",
    }
}

fn filler_for(expected: &str) -> Filler {
    if expected.contains("number") {
        Filler::Number
    } else if expected.contains("true or false") {
        Filler::Flag
    } else {
        Filler::AsAsked
    }
}
