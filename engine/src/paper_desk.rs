//! The papers of an engine that runs: as they are now, as they were, and what the ledger is told when they change.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use regard_commitments::{Digest, LedgerEntry, PaperKind};
use regard_decision::Campaign;
use regard_domain::Timestamp;

use crate::calendar::Calendar;
use crate::custody::Scribe;
use crate::handle::Engine;
use crate::papers::{MadePapers, PAPERS_FOLDER, PaperMaker, copy_name};

/// Most versions remembered, as many as copies are kept; then the oldest goes.
const MAX_VERSIONS: usize = 1_000;

/// Largest copy read, in bytes; real ones take two hundred thousand.
const MAX_COPY_BYTES: u64 = 16 << 20;

/// Papers as they came to be, as the ledger tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaperVersion {
    /// When.
    pub at: Timestamp,
    /// Hash over all of them.
    pub all: Digest,
    /// Those that were not as before.
    pub changed: Vec<PaperKind>,
}

/// Versions in the order in which they came, no more than [`MAX_VERSIONS`].
pub(crate) fn remember(versions: &mut Vec<PaperVersion>, version: PaperVersion) {
    if versions.len() >= MAX_VERSIONS {
        versions.remove(0);
    }
    versions.push(version);
}

struct State {
    /// The hash of each as the ledger was told last.
    told: BTreeMap<PaperKind, Digest>,
    campaigns: Vec<Campaign>,
    versions: Vec<PaperVersion>,
}

/// What a desk is set up with.
pub(crate) struct DeskParts {
    pub(crate) maker: Option<PaperMaker>,
    pub(crate) data_dir: PathBuf,
    pub(crate) calendar: Calendar,
    pub(crate) scribe: Scribe,
    /// The hash of each paper as the ledger has it.
    pub(crate) told: BTreeMap<PaperKind, Digest>,
    /// The campaigns in force.
    pub(crate) campaigns: Vec<Campaign>,
    /// As the ledger has them.
    pub(crate) versions: Vec<PaperVersion>,
}

/// Where the papers of a running engine are made and kept.
pub(crate) struct PaperDesk {
    maker: Option<PaperMaker>,
    data_dir: PathBuf,
    calendar: Calendar,
    scribe: Scribe,
    state: Mutex<State>,
}

impl PaperDesk {
    pub(crate) fn new(parts: DeskParts) -> Self {
        Self {
            maker: parts.maker,
            data_dir: parts.data_dir,
            calendar: parts.calendar,
            scribe: parts.scribe,
            state: Mutex::new(State {
                told: parts.told,
                campaigns: parts.campaigns,
                versions: parts.versions,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn made(&self, campaigns: &[Campaign], now: Timestamp) -> Option<MadePapers> {
        let day = self.calendar.day_of(now)?;
        Some(self.maker.as_ref()?.make(campaigns, day, now))
    }

    /// The papers as they are now; nothing where none are made.
    pub(crate) fn current(&self, now: Timestamp) -> Option<MadePapers> {
        let campaigns = self.state().campaigns.clone();
        self.made(&campaigns, now)
    }

    /// Makes them with other campaigns. Where they are not as they were, a copy is kept and the ledger says which; what an
    /// impact assessment is about from now on is answered.
    pub(crate) async fn renew(&self, campaigns: Vec<Campaign>, now: Timestamp) -> Option<Digest> {
        let made = self.made(&campaigns, now);
        let body = {
            let mut state = self.state();
            state.campaigns = campaigns;
            let body = made.as_ref().and_then(|made| made.entry(&state.told));
            if let (Some(made), Some(_)) = (&made, &body) {
                let changed = made.changed_since(&state.told).into_keys().collect();
                let all = made.all();
                let version = PaperVersion {
                    at: now,
                    all,
                    changed,
                };
                remember(&mut state.versions, version);
                state.told.clone_from(&made.papers);
            }
            body
        };
        let made = made?;
        if let Some(body) = body {
            if let Err(error) = made.keep(&self.data_dir) {
                tracing::warn!(%error, "no copy of the papers could be kept; `regard papers` makes them again");
            }
            if self
                .scribe
                .write(LedgerEntry { at: now, body })
                .await
                .is_err()
            {
                tracing::error!("the papers changed, and the ledger could not say so yet");
            }
        }
        Some(made.assessed)
    }

    /// Writes nothing more to the ledger.
    pub(crate) fn close(&self) {
        self.scribe.close();
    }
}

impl Engine {
    /// The papers that the law asks for, as they are now; nothing where the engine was started without a maker.
    pub fn papers(&self) -> Option<MadePapers> {
        self.shared.papers.current(self.now())
    }

    /// How the papers came to be what they are, the latest first.
    pub fn paper_versions(&self) -> Vec<PaperVersion> {
        let mut versions = self.shared.papers.state().versions.clone();
        versions.reverse();
        versions
    }

    /// The copy that was kept of a version; nothing where it is gone.
    ///
    /// # Errors
    /// As the system says; also when the file is no copy of ours.
    pub fn paper_copy(&self, version: &PaperVersion) -> io::Result<Option<String>> {
        let folder = self.shared.papers.data_dir.join(PAPERS_FOLDER);
        let file = folder.join(copy_name(version.all));
        match fs::metadata(&file) {
            Ok(metadata) if metadata.len() > MAX_COPY_BYTES => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "no papers: too large",
            )),
            Ok(_) => fs::read_to_string(&file).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes the papers anew after the campaigns changed, and says so where they are told of.
    pub(crate) async fn renew_papers(&self, campaigns: Vec<Campaign>) {
        if let Some(assessed) = self.shared.papers.renew(campaigns, self.now()).await {
            self.shared.custodian.set_assessed(assessed);
        }
    }
}
