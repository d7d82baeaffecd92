//! The report as a page for people, with the signed text in it.

use anyhow::{Context, Result};
use askama::Template;
use regard_commitments::{AuditReport, CheckLine, CheckState, Evidence, LawLine, SignedAudit};
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

/// One row of the law for people.
struct LawRow<'a> {
    id: &'static str,
    article: &'static str,
    state: &'static str,
    standing: String,
    n_tests: u64,
    checks: String,
    missing: Option<&'a str>,
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
    law: Vec<LawRow<'a>>,
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
        law: report.law.iter().map(law_row).collect(),
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

fn law_row(line: &LawLine) -> LawRow<'_> {
    LawRow {
        id: line.row.id(),
        article: line.row.article(),
        state: line.state.as_str(),
        standing: line.standing.to_string(),
        n_tests: line.n_tests,
        checks: line.checks.join(", "),
        missing: line.missing.as_deref(),
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
        .map(|(name, value)| (label(&name), in_words(&value)))
        .collect()
}

/// The name of a field for people: `n_files` counts files.
fn label(name: &str) -> String {
    name.strip_prefix("n_").unwrap_or(name).replace('_', " ")
}

fn in_words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(in_words).collect::<Vec<_>>().join("; "),
        Value::Object(fields) => {
            // What it is called first, then what is counted of it.
            let names = fields.values().filter_map(Value::as_str).map(str::to_owned);
            let counts = fields.iter().filter(|(_, value)| !value.is_string());
            let counts = counts.map(|(name, value)| format!("{value} {}", label(name)));
            names.chain(counts).collect::<Vec<_>>().join(", ")
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
    if let Some(Value::Array(asked)) = fields.get("asked") {
        let granted = asked.iter().filter(|one| one["answered"] != one["code"]);
        lines.extend(granted.map(|one| {
            let answered = one["answered"].as_str().unwrap_or("granted");
            format!("{}: answered {answered}", in_words(&one["code"]))
        }));
    }
    for (name, why) in [
        (
            "is_copied",
            "the copy in the data folder is not the one that the ledger names",
        ),
        (
            "is_current",
            "they are not those of the configuration that was named",
        ),
        (
            "is_of_commitments",
            "another notice came into force than the commitments make",
        ),
    ] {
        if fields.get(name) == Some(&Value::Bool(false)) {
            lines.push(why.to_owned());
        }
    }
    if fields.get("is_current").is_some_and(Value::is_null) {
        lines.push("not compared: no configuration was named".to_owned());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_reads_well() {
        let table = serde_json::json!({"table": "plays", "n_rows": 3, "n_overdue": 1});
        assert_eq!(in_words(&table), "plays, 1 overdue, 3 rows");
        assert_eq!(in_words(&serde_json::json!([])), "none");
        assert_eq!(label("n_without_consent"), "without consent");
    }

    #[test]
    fn a_page_cannot_be_ended_by_what_is_in_it() {
        let signed = SignedAudit {
            document: "</script><b>".to_owned(),
            key: String::new(),
            signature: String::new(),
        };
        let report = AuditReport {
            at: regard_domain::Timestamp::from_millis(0),
            program: "0".to_owned(),
            site: "<i>".to_owned(),
            is_running: false,
            checkpoint: None,
            checks: Vec::new(),
            law: Vec::new(),
        };
        let page = page(&signed, &report).unwrap();
        assert!(!page.contains("<b>") && !page.contains("<i>"), "{page}");
        let json = report_in(&page).unwrap();
        assert_eq!(serde_json::from_str::<SignedAudit>(json).unwrap(), signed);
    }
}
