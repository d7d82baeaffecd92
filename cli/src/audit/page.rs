//! The report as a page for people, with the signed text in it.

use anyhow::{Context, Result};
use askama::Template;
use regard_commitments::{AuditReport, CheckLine, CheckState, Evidence, SignedAudit};
use serde_json::Value;

use crate::ledger::instant;

/// What stands before and behind the signed text in the page.
const BEGIN: &str = "<script type=\"application/json\" id=\"report\">";
const END: &str = "</script>";

/// One check for people.
struct Row<'a> {
    id: &'static str,
    state: &'static str,
    title: &'static str,
    /// Where the rules stand.
    articles: Vec<&'static str>,
    evidence: Vec<(String, String)>,
    remedy: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct Page<'a> {
    site: &'a str,
    at: String,
    program: &'a str,
    running: &'static str,
    verdict: &'static str,
    key: &'a str,
    rows: Vec<Row<'a>>,
    /// The signed report.
    json: String,
}

/// The page of a report: the same report always gives the same page.
pub(super) fn page(signed: &SignedAudit, report: &AuditReport) -> Result<String> {
    // No tag can begin within: JSON may write the sign as it likes.
    let json = serde_json::to_string(signed)?.replace('<', "\\u003c");
    let page = Page {
        site: &report.site,
        at: instant(report.at),
        program: &report.program,
        running: if report.is_running {
            "running"
        } else {
            "not running"
        },
        verdict: match report.state() {
            CheckState::Pass => "Every promise that can be checked is kept.",
            CheckState::Unknown => "No promise was found broken; some could not be checked.",
            CheckState::Fail => "A promise is broken.",
        },
        key: &signed.key,
        rows: report.checks.iter().map(row).collect(),
        json,
    };
    page.render().context("the page cannot be written")
}

fn row(check: &CheckLine) -> Row<'_> {
    Row {
        id: check.evidence.id(),
        state: check.state.as_str(),
        title: check.evidence.title(),
        articles: check.rules.iter().map(|rule| rule.article()).collect(),
        evidence: fields(&check.evidence),
        remedy: check.remedy.as_deref(),
    }
}

/// What was found, as names and values.
fn fields(evidence: &Evidence) -> Vec<(String, String)> {
    let Ok(Value::Object(fields)) = serde_json::to_value(evidence) else {
        return Vec::new();
    };
    fields
        .into_iter()
        .filter(|(name, value)| name != "id" && !value.is_null())
        .map(|(name, value)| (name.replace('_', " "), in_words(&value)))
        .collect()
}

fn in_words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(in_words).collect::<Vec<_>>().join("; "),
        Value::Object(fields) => {
            let words = fields.iter().map(|(name, value)| match value {
                Value::String(text) => text.clone(),
                other => format!("{} {other}", name.replace('_', " ")),
            });
            words.collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// Why a check does not pass, a line each.
pub(super) fn reasons(evidence: &Evidence) -> Vec<String> {
    let Ok(Value::Object(fields)) = serde_json::to_value(evidence) else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    for name in [
        "unknown",
        "fault",
        "found",
        "unread",
        "endless",
        "unlicensed",
        "altered",
    ] {
        match fields.get(name) {
            Some(Value::String(text)) => lines.push(text.clone()),
            Some(Value::Array(items)) => lines.extend(items.iter().map(in_words)),
            _ => {}
        }
    }
    if let Some(Value::Array(tables)) = fields.get("tables") {
        let is_overdue = |table: &&Value| table["n_overdue"].as_u64().is_some_and(|n| n > 0);
        lines.extend(tables.iter().filter(is_overdue).map(in_words));
    }
    if fields.get("n_advisories").is_some_and(Value::is_null) {
        lines.push("not checked: no advisory database".to_owned());
    }
    lines
}

/// The signed report in a page, if this is one.
pub(super) fn report_in(page: &str) -> Option<&str> {
    let (_, rest) = page.split_once(BEGIN)?;
    Some(rest.split_once(END)?.0)
}
