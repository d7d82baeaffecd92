//! What a document promises, in plain words for a terminal or a page.

use std::fmt::Write;

use regard_commitments::{Commitments, Profile, StaffRule};
use serde::Serialize;

/// A labelled line.
pub(super) fn line(label: &str, text: &str) -> String {
    format!("{label:<12} {text}\n")
}

/// The word by which a document names a value, with spaces.
fn word(value: &impl Serialize) -> String {
    regard_commitments::word(value).replace('_', " ")
}

fn list<T: Serialize>(values: impl IntoIterator<Item = T>) -> String {
    let words: Vec<String> = values.into_iter().map(|value| word(&value)).collect();
    if words.is_empty() {
        "none".to_owned()
    } else {
        words.join(", ")
    }
}

/// Pairs of what and how, in the order in which people ask.
pub(super) fn facts(document: &Commitments) -> Vec<(&'static str, String)> {
    let title = Profile::named(&document.profile)
        .map(|profile| profile.title().to_owned())
        .unwrap_or_default();
    let declared = &document.declarations;
    let mut facts = vec![
        (
            "site",
            format!("{} ({})", document.site.name, document.site.id),
        ),
        (
            "version",
            format!(
                "{}, holds from {}",
                document.version, document.effective_from
            ),
        ),
        (
            "controller",
            format!(
                "{}; {}",
                document.controller.name, document.controller.contact
            ),
        ),
        ("profile", format!("{} ({title})", document.profile)),
        ("purposes", list(&document.purposes)),
        ("legal basis", word(&document.legal_basis)),
        ("analyses", list(document.scopes.iter())),
        ("data", list(&document.categories)),
        ("templates", format!("held {}", word(&document.custody))),
        (
            "place",
            format!(
                "{}; audience: {}; staff: {}{}",
                word(&declared.venue),
                word(&declared.audience),
                staff(&declared.staff),
                if declared.workplace_or_education {
                    "; a workplace or place of education"
                } else {
                    ""
                }
            ),
        ),
        (
            "declared by",
            format!("{}, {}", declared.declared_by, declared.declared_on),
        ),
        ("notice", list(&document.notice.languages)),
    ];
    for (kind, period) in &document.retention {
        facts.push(("kept", format!("{} for {period}", word(kind))));
    }
    if document.retention.is_empty() {
        facts.push(("kept", "nothing".to_owned()));
    }
    let budget = Profile::named(&document.profile);
    if let Ok(budget) = budget.map(|profile| document.privacy_budget(&profile)) {
        facts.push((
            "told",
            format!("noised sums that may tell {budget} about one visit of a day (epsilon)"),
        ));
    }
    for recipient in &document.recipients {
        facts.push((
            "passed on",
            format!("to {} for {}", recipient.name, recipient.purpose),
        ));
    }
    if document.recipients.is_empty() {
        facts.push(("passed on", "to nobody".to_owned()));
    }
    facts
}

fn staff(rule: &StaffRule) -> String {
    match rule {
        StaffRule::NoStaffInView => "declared not to come into view".to_owned(),
        StaffRule::Zones { zones } => format!("left out in {} zones", zones.len()),
        StaffRule::Hours { hours } => format!("in view during {} spans of hours", hours.len()),
        StaffRule::Undeclared => "undeclared, so expressions are not analysed".to_owned(),
    }
}

/// All facts, a line each; a label that repeats is written once.
pub(super) fn describe(document: &Commitments) -> String {
    let mut text = String::new();
    let mut last = "";
    for (label, fact) in facts(document) {
        let shown = if label == last { "" } else { label };
        // Writing to a string cannot fail.
        let _ = write!(text, "{}", line(shown, &fact));
        last = label;
    }
    text
}
