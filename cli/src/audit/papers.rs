//! Whether the papers are about what runs.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use regard_backends::SqliteReader;
use regard_commitments::{Digest, EntryBody, Evidence, PaperKind};
use regard_domain::Timestamp;
use regard_engine::{EngineConfig, campaigns_in_force};

use crate::config::Site;
use crate::papers;
use crate::printable::on_one_line;

/// What the ledger says of papers, told entry by entry.
#[derive(Default)]
pub(super) struct ToldPapers {
    papers: BTreeMap<PaperKind, Digest>,
    all: Option<Digest>,
}

impl ToldPapers {
    /// The next entry.
    pub(super) fn hear(&mut self, body: &EntryBody) {
        if let EntryBody::PapersChanged { all, changed } = body {
            self.all = Some(*all);
            self.papers.extend(changed);
        }
    }
}

/// The configuration that was named, and the engine that it makes.
pub(super) struct Named<'a> {
    pub(super) site: &'a Site,
    pub(super) engine: EngineConfig,
}

/// Holds the copy in the data folder, and what the configuration makes now, against the ledger.
pub(super) async fn look(
    told: &ToldPapers,
    reader: &SqliteReader,
    data_dir: &Path,
    named: Option<Named<'_>>,
    now: Timestamp,
) -> Result<Evidence> {
    let mut fault = None;
    let is_copied = match told.all {
        None => {
            fault = Some("the ledger tells of no papers".to_owned());
            false
        }
        Some(all) => match papers::copy_of(data_dir, all) {
            Ok(copy) => copy.all() == all && copy.papers == told.papers,
            Err(error) => {
                fault = Some(on_one_line(&*error));
                false
            }
        },
    };
    let is_current = match named {
        None => None,
        Some(Named { site, mut engine }) => {
            engine.campaigns = campaigns_in_force(&engine, reader).await?;
            let made = papers::current(site, &engine, now)?;
            Some(Some(made.all()) == told.all)
        }
    };
    Ok(Evidence::Papers {
        n_papers: u64::try_from(told.papers.len())?,
        all: told.all,
        is_copied,
        is_current,
        fault,
    })
}
