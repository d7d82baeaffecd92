//! The report of a breach: counts from the store, and the clock.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use regard_backends::{KeyStore as _, SqliteKeys, SqliteReader};
use regard_commitments::{ConsentPurpose, Digest, EntryBody, LedgerEntry, PaperKind};
use regard_domain::{Clock as _, Timestamp};
use regard_engine::SystemClock;
use regard_reports::{BreachFacts, Papers};

use super::{Installation, json};
use crate::args::{BreachArgs, ListFormat, data_dir_beside};
use crate::exit;
use crate::ledger::{ledger_key, open, prove_anew};
use crate::printable::{on_one_line, shown};
use crate::speech::complain;
use crate::whole_file::write_whole;
use crate::work::block_on;

/// Writes the report.
pub(super) fn breach(args: &BreachArgs) -> Result<ExitCode> {
    let now = SystemClock::new().now();
    if args.known_since > now {
        bail!(
            "--known-since is in the future; give the instant at which the breach became known, in UTC"
        );
    }
    if let (Some(from), Some(until)) = (args.happened_from, args.happened_until)
        && until < from
    {
        bail!("--happened-until is before --happened-from");
    }
    let installation = Installation::read(&args.source, now)?;
    let data_dir = data_dir_beside(args.source.data.as_deref(), installation.site.folder());
    let facts = block_on(look(args, &data_dir, now))?;
    let papers = Papers::of_breach(&installation.facts, &facts, &installation.answers)?;
    write(args, &papers)
}

/// What the store tells.
async fn look(args: &BreachArgs, data_dir: &Path, now: Timestamp) -> Result<BreachFacts> {
    let reader = open(data_dir).await?;
    let key = ledger_key(&reader, data_dir, None).await?;
    let mut told = Told::default();
    if let Err(fault) = prove_anew(&reader, &key, &[], |_, entry| told.hear(&entry)).await? {
        complain(format_args!(
            "warning: the ledger does not verify: {}; what is counted from it may be wrong, and that may be part of the breach",
            on_one_line(&fault)
        ));
    }
    let facts = BreachFacts {
        known_since: args.known_since,
        now,
        happened: (args.happened_from, args.happened_until),
        nature: args.nature.iter().copied().collect(),
        n_persons: n_persons(data_dir).await?,
        n_enrolled: told.n_enrolled,
        n_erased: told.n_erased,
        consents: told.live(now),
        tables: tables(&reader, now).await?,
    };
    reader.close().await;
    Ok(facts)
}

fn write(args: &BreachArgs, papers: &Papers) -> Result<ExitCode> {
    let paper = papers.paper(PaperKind::BreachReport);
    let page = papers.page(PaperKind::BreachReport);
    let (Some(paper), Some(page)) = (paper, page) else {
        bail!("there is no report");
    };
    let files = [
        (args.source.output.join(paper.file_name()), page),
        (args.source.output.join("breach-report.json"), json(papers)),
    ];
    for (path, text) in &files {
        write_whole(path, text)?;
    }
    let text = match args.format {
        ListFormat::Json => json(papers).trim_end().to_owned(),
        ListFormat::Text => {
            let standing = paper.standing.iter().map(|standing| standing.text.clone());
            let written = files
                .iter()
                .map(|(path, _)| format!("wrote {}", shown(path)));
            let open: Vec<&str> = paper.open_questions().collect();
            let asked = (!open.is_empty()).then(|| {
                format!(
                    "answer in {}: {}",
                    shown(&args.source.answers_file()),
                    open.join(", ")
                )
            });
            standing
                .chain(written)
                .chain(asked)
                .collect::<Vec<_>>()
                .join("\n")
        }
    };
    exit::print(&text)
}

/// How many people have a record.
async fn n_persons(data_dir: &Path) -> Result<u64> {
    if !data_dir.join("keys.db").exists() {
        return Ok(0);
    }
    let keys = SqliteKeys::open(data_dir).await?;
    let n_persons = keys.n_persons().await;
    keys.close().await;
    Ok(n_persons?)
}

async fn tables(reader: &SqliteReader, now: Timestamp) -> Result<Vec<(String, u64)>> {
    let tables = reader.overdue(now).await?;
    Ok(tables
        .into_iter()
        .map(|table| (table.table, table.n_rows))
        .collect())
}

/// What the ledger tells of people, in counts.
#[derive(Default)]
struct Told {
    n_enrolled: u64,
    n_erased: u64,
    /// Consents that did not end, by record and receipt: to what, and until when.
    consents: BTreeMap<(Digest, Digest), (ConsentPurpose, Timestamp)>,
}

impl Told {
    fn hear(&mut self, entry: &LedgerEntry) {
        match &entry.body {
            EntryBody::Enrolled { .. } => self.n_enrolled += 1,
            EntryBody::Erased { subject } => {
                self.n_erased += 1;
                self.consents.retain(|(of, _), _| of != subject);
            }
            EntryBody::ConsentGiven {
                subject,
                purpose,
                receipt,
                until,
                ..
            } => {
                self.consents
                    .insert((*subject, *receipt), (*purpose, *until));
            }
            EntryBody::ConsentEnded {
                subject, receipt, ..
            } => {
                self.consents.remove(&(*subject, *receipt));
            }
            _ => {}
        }
    }

    /// Those that hold, by purpose.
    fn live(&self, now: Timestamp) -> BTreeMap<ConsentPurpose, u64> {
        let mut counts = BTreeMap::new();
        for (purpose, until) in self.consents.values() {
            if now < *until {
                *counts.entry(*purpose).or_default() += 1;
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consents_that_ended_ran_out_or_were_erased_are_not_counted() {
        let digest = |text: &str| Digest::of(&[text.as_bytes()]);
        let mut told = Told::default();
        let mut hear = |body: EntryBody| {
            told.hear(&LedgerEntry {
                at: Timestamp::from_millis(0),
                body,
            });
        };
        let purpose = ConsentPurpose::Learn;
        for (who, receipt, until) in [
            ("a", "1", 10),
            ("a", "2", 10),
            ("b", "3", 10),
            ("c", "4", 1),
        ] {
            hear(EntryBody::ConsentGiven {
                subject: digest(who),
                purpose,
                receipt: digest(receipt),
                commitments: digest("promise"),
                until: Timestamp::from_millis(until),
            });
        }
        hear(EntryBody::Enrolled {
            subject: digest("a"),
        });
        hear(EntryBody::ConsentEnded {
            subject: digest("a"),
            purpose,
            receipt: digest("2"),
            why: regard_commitments::EndReason::Withdrawn,
        });
        hear(EntryBody::Erased {
            subject: digest("b"),
        });
        assert_eq!(
            told.live(Timestamp::from_millis(5)),
            BTreeMap::from([(purpose, 1)])
        );
        assert_eq!((told.n_enrolled, told.n_erased), (1, 1));
        assert_eq!(told.live(Timestamp::from_millis(10)), BTreeMap::new());
    }
}
