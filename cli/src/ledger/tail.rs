//! Entries as they stand, and as they come.

use std::io::{ErrorKind, Write};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use regard_backends::LedgerRow;
use regard_commitments::{Date, Digest, LedgerEntry};
use regard_domain::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::open;
use crate::args::{ListFormat, TailArgs};

/// Between two looks at a ledger that is followed.
const FOLLOW_PAUSE: Duration = Duration::from_millis(500);

/// Entries read at once.
const CHUNK: u64 = 1_000;

/// One line for programs.
#[derive(Serialize)]
struct Line<'a> {
    index: u64,
    hash: Digest,
    /// Nothing when its time is over.
    entry: Option<&'a Value>,
}

pub(super) async fn tail(args: &TailArgs) -> Result<ExitCode> {
    let reader = open(&args.installation.data_dir()).await?;
    let mut len = reader.ledger_len().await?;
    let mut next = len.saturating_sub(args.n);
    loop {
        while next < len {
            for row in reader.ledger_range(next..len.min(next + CHUNK)).await? {
                next = row.index + 1;
                if !print(&line(&row, args.format)?)? {
                    return Ok(ExitCode::SUCCESS);
                }
            }
        }
        if !args.follow {
            return Ok(ExitCode::SUCCESS);
        }
        tokio::time::sleep(FOLLOW_PAUSE).await;
        len = reader.ledger_len().await?;
    }
}

/// Prints a line; whether anyone still reads.
fn print(line: &str) -> Result<bool> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error).context("standard output cannot be written"),
    }
}

fn line(row: &LedgerRow, format: ListFormat) -> Result<String> {
    let value: Option<Value> = match &row.bytes {
        Some(bytes) => Some(serde_json::from_slice(bytes).with_context(|| {
            format!("entry {} is damaged; try `regard ledger verify`", row.index)
        })?),
        None => None,
    };
    Ok(match format {
        ListFormat::Json => serde_json::to_string(&Line {
            index: row.index,
            hash: row.hash,
            entry: value.as_ref(),
        })?,
        ListFormat::Text => {
            let entry = row
                .bytes
                .as_deref()
                .and_then(|bytes| LedgerEntry::from_leaf_bytes(bytes).ok());
            let at = entry.map(|entry| instant(entry.at));
            let at = at.as_deref().unwrap_or("-");
            let body = value.as_ref().and_then(|value| value.get("body"));
            let body = body.map_or_else(|| "past its time".to_owned(), in_words);
            format!("{:>6}  {at:<24}  {body}", row.index)
        }
    })
}

/// A time in UTC, to the millisecond.
pub(crate) fn instant(at: Timestamp) -> String {
    let Some(date) = Date::of(at) else {
        return format!("{} us", at.as_micros());
    };
    let millis_of_day = at.as_millis().rem_euclid(86_400_000);
    let (secs, millis) = (millis_of_day / 1_000, millis_of_day % 1_000);
    format!(
        "{date}T{:02}:{:02}:{:02}.{millis:03}Z",
        secs / 3_600,
        secs / 60 % 60,
        secs % 60
    )
}

/// The kind first, then what else it tells, in order of name.
fn in_words(body: &Value) -> String {
    let kind = body.get("kind").and_then(Value::as_str).unwrap_or("?");
    let mut words = kind.to_owned();
    for (name, value) in body.as_object().into_iter().flatten() {
        if name == "kind" {
            continue;
        }
        words.push_str(&format!("  {name}={}", short(value)));
    }
    words
}

/// A value as people compare it: hashes by their beginning, what is in lists and maps one after the other.
fn short(value: &Value) -> String {
    match value {
        Value::String(text) if text.len() == 64 && text.is_ascii() => text[..12].to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(short).collect::<Vec<_>>().join(","),
        Value::Object(fields) => {
            let fields = fields.iter();
            let named = fields.map(|(name, value)| format!("{name}:{}", short(value)));
            named.collect::<Vec<_>>().join(",")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_one_line() {
        let text = br#"{"at":1780315200750000,"body":{"camera":"entrance","code":"notice_missing","kind":"refused"}}"#;
        let row = LedgerRow {
            index: 7,
            hash: Digest::of(&[b"x"]),
            bytes: Some(text.to_vec()),
        };
        assert_eq!(
            line(&row, ListFormat::Text).unwrap(),
            "     7  2026-06-01T12:00:00.750Z  refused  camera=entrance  code=notice_missing"
        );
        let json = line(&row, ListFormat::Json).unwrap();
        let value: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["entry"]["body"]["kind"], "refused");
        let papers = serde_json::json!({ "kind": "papers_changed", "changed": { "record": "ab".repeat(32), "risk_file": "cd".repeat(32) },
            "scopes": ["count", "attention"] });
        assert_eq!(
            in_words(&papers),
            "papers_changed  changed=record:abababababab,risk_file:cdcdcdcdcdcd  scopes=count,attention"
        );
        let gone = LedgerRow { bytes: None, ..row };
        assert!(
            line(&gone, ListFormat::Text)
                .unwrap()
                .ends_with("past its time")
        );
    }
}
