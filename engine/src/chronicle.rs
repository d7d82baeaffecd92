//! The ledger on its way to the disk. Entries are durable in order, or the cameras close.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use regard_backends::{Store, StoreError};
use regard_commitments::{
    Answer, Date, Detail, Digest, EntryBody, Kept, Leaf, Ledger, LedgerCheck, LedgerEntry,
    LedgerFault, NoteSigner, NoteVerifier, PaperKind, ProvenLeaf, RetentionGate, SignedCheckpoint,
    leaf_hash,
};
use regard_domain::{Clock, Timestamp};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use crate::command::{Command, CommandSender};
use crate::custody::SaidMerges;
use crate::fault::Fault;
use crate::paper_desk::{PaperVersion, remember};

/// Entries read back at once.
const READ_CHUNK: usize = 4_096;

/// Pause before a failed write is tried again. The cameras are closed meanwhile.
const RETRY_PAUSE: Duration = Duration::from_millis(250);

/// How long a write may go unanswered before the ledger counts as failing; one that is answered with an
/// error counts at once. Origin: the store itself waits so long for a lock. Shorter, and a disk that is
/// merely slow closes the cameras with the entry that opens them, over and over.
const WRITE_PATIENCE: Duration = Duration::from_secs(5);

/// Entries written at once; the gate holds back and counts those that come while the ledger fails.
const MAX_WAITING: usize = 1_000;

/// A signed checkpoint is made after so many entries, and whenever entries pause.
const CHECKPOINT_EVERY: u64 = 256;

/// How long entries pause before a checkpoint covers them.
const CHECKPOINT_PAUSE: Duration = Duration::from_secs(2);

/// Why the ledger could not be taken up.
#[derive(Debug, Error)]
pub enum ChronicleError {
    /// It could not be read or written.
    #[error("the ledger could not be read")]
    Store(#[from] StoreError),
    /// It was changed.
    #[error("the ledger does not verify")]
    Fault(#[source] LedgerFault),
}

/// The ledger with the store under it.
pub(crate) struct Chronicle {
    ledger: Ledger,
    gate: RetentionGate,
    store: Arc<dyn Store>,
    ended_well: bool,
    said: Said,
}

/// What the ledger says that is asked for at start: how the papers were, what was released, and what happened to persons,
/// against which what is kept is held: whoever puts back older files does
/// not bring back what was erased or withdrawn.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    /// Records that were destroyed.
    pub(crate) erased: BTreeSet<Digest>,
    /// Receipts of consents that ended before their time, and when that would have been.
    pub(crate) ended: BTreeMap<Digest, Timestamp>,
    /// Attestations that were taken back.
    pub(crate) ended_attestations: BTreeSet<Digest>,
    /// Templates that were destroyed while their consents went on.
    pub(crate) removed_templates: BTreeSet<Digest>,
    /// The papers as they were last, and the hash of each.
    pub(crate) papers: BTreeMap<PaperKind, Digest>,
    /// Each time they changed.
    pub(crate) paper_versions: Vec<PaperVersion>,
    /// Releases it tells of.
    pub(crate) released: BTreeSet<(Date, Detail)>,
    /// When the site began: the time of its first entry.
    pub(crate) began_at: Option<Timestamp>,
    /// When a backup was put back last: what was done after it was made may be forgotten.
    pub(crate) restored_at: Option<Timestamp>,
    /// Records that answer as others.
    pub(crate) merges: SaidMerges,
    /// Receipts of consents given, and when they run out; empty once all is read.
    given: BTreeMap<Digest, Timestamp>,
}

impl Said {
    /// Nothing but when the site began.
    #[cfg(test)]
    pub(crate) fn since(began_at: Option<Timestamp>) -> Self {
        Self {
            began_at,
            ..Self::default()
        }
    }

    fn hear(&mut self, bytes: &[u8]) {
        let Ok(entry) = LedgerEntry::from_leaf_bytes(bytes) else {
            return; // The check of the ledger says so.
        };
        self.began_at.get_or_insert(entry.at);
        self.merges.hear(&entry.body);
        match entry.body {
            EntryBody::Erased { subject } => {
                self.erased.insert(subject);
            }
            EntryBody::Released { day, detail, .. } => {
                self.released.insert((day, detail));
            }
            EntryBody::Restored { .. } => self.restored_at = Some(entry.at),
            EntryBody::ConsentGiven { receipt, until, .. } => {
                self.given.insert(receipt, until);
            }
            EntryBody::ConsentEnded { receipt, .. } => {
                // One whose beginning is not known any more is never past its time.
                let until = self.given.remove(&receipt);
                let never = Timestamp::from_micros(i64::MAX);
                self.ended.insert(receipt, until.unwrap_or(never));
            }
            EntryBody::PapersChanged { all, changed } => {
                let version = PaperVersion {
                    at: entry.at,
                    all,
                    changed: changed.keys().copied().collect(),
                };
                remember(&mut self.paper_versions, version);
                self.papers.extend(changed);
            }
            EntryBody::AttestationEnded { attestation } => {
                self.ended_attestations.insert(attestation);
            }
            EntryBody::TemplateRemoved { template, .. } => {
                self.removed_templates.insert(template);
            }
            _ => {}
        }
    }
}

/// An entry on its way into the ledger, and who waits for it to be there.
pub(crate) struct Line {
    entry: LedgerEntry,
    written: Option<oneshot::Sender<ProvenLeaf>>,
    noted: Option<oneshot::Sender<()>>,
}

impl From<LedgerEntry> for Line {
    fn from(entry: LedgerEntry) -> Self {
        Self {
            entry,
            written: None,
            noted: None,
        }
    }
}

impl Line {
    /// A line that somebody waits for, and where they hear of it: it is on the disk then.
    pub(crate) fn awaited(entry: LedgerEntry) -> (Self, oneshot::Receiver<ProvenLeaf>) {
        let (sender, written) = oneshot::channel();
        let line = Self {
            entry,
            written: Some(sender),
            noted: None,
        };
        (line, written)
    }

    /// A line that somebody waits for who wants no proof, which costs a signature and a row.
    pub(crate) fn noted(entry: LedgerEntry) -> (Self, oneshot::Receiver<()>) {
        let (sender, noted) = oneshot::channel();
        let line = Self {
            entry,
            written: None,
            noted: Some(sender),
        };
        (line, noted)
    }
}

/// What others may know about the ledger.
#[derive(Debug, Default)]
pub(crate) struct ChronicleState {
    pub(crate) len: AtomicU64,
    pub(crate) fault: Fault,
}

impl Chronicle {
    /// Takes the ledger up where it ends, after checking it against its checkpoints.
    pub(crate) async fn open(
        store: Arc<dyn Store>,
        signer: NoteSigner,
        gate: RetentionGate,
    ) -> Result<Self, ChronicleError> {
        let len = store.ledger_len().await?;
        let checkpoints = store.checkpoints().await?;
        let notes = checkpoints.iter().map(|c| &c.note);
        let mut check =
            LedgerCheck::new(notes, &signer.verifier()).map_err(ChronicleError::Fault)?;
        let mut last = None;
        let mut said = Said::default();
        for from in (0..len).step_by(READ_CHUNK) {
            let to = (from + READ_CHUNK as u64).min(len);
            for row in store.ledger_range(from..to).await? {
                check
                    .hashed(row.hash, row.bytes.as_deref())
                    .map_err(ChronicleError::Fault)?;
                if let Some(bytes) = &row.bytes {
                    said.hear(bytes);
                }
                // What was done to the tokens while the program did not run says nothing of its end.
                if !row.bytes.as_deref().is_some_and(says_administered) {
                    last = row.bytes;
                }
            }
        }
        let (tree, _) = check.finish().map_err(ChronicleError::Fault)?;
        said.given.clear();
        Ok(Self {
            said,
            ledger: Ledger::new(tree, signer),
            gate,
            store,
            ended_well: last.as_deref().is_none_or(says_stopped),
        })
    }

    /// Whether the run before, if there was one, stopped in good order.
    pub(crate) fn ended_well(&self) -> bool {
        self.ended_well
    }

    /// What it says about persons and releases.
    pub(crate) fn said(&self) -> &Said {
        &self.said
    }

    /// The key that its checkpoints are checked with.
    pub(crate) fn verifier(&self) -> NoteVerifier {
        self.ledger.verifier()
    }

    fn kept(&self, leaves: Vec<Leaf>, now: Timestamp) -> Vec<Kept<Leaf>> {
        leaves
            .into_iter()
            .filter_map(|leaf| match self.gate.keep(leaf, now) {
                Answer::Granted(kept) => Some(kept),
                Answer::Refused(_) => None,
            })
            .collect()
    }

    /// Appends entries durably, or changes nothing.
    pub(crate) async fn append(
        &mut self,
        entries: &[LedgerEntry],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut grown = self.ledger.clone();
        let leaves = entries.iter().map(|entry| grown.append(entry)).collect();
        self.store.append_ledger(&self.kept(leaves, now)).await?;
        self.ledger = grown;
        Ok(())
    }

    /// Appends lines durably and tells those who wait for them, or changes nothing.
    async fn append_lines(
        &mut self,
        lines: &mut Vec<Line>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut grown = self.ledger.clone();
        let (mut leaves, mut proven) = (Vec::new(), Vec::new());
        for (place, line) in lines.iter().enumerate() {
            if line.written.is_some() {
                let proof = grown.append_proven(&line.entry);
                leaves.push(proof.leaf.clone());
                proven.push((place, proof));
            } else {
                leaves.push(grown.append(&line.entry));
            }
        }
        self.store.append_ledger(&self.kept(leaves, now)).await?;
        self.ledger = grown;
        for (place, proof) in proven {
            if let Answer::Granted(kept) = self.gate.keep(proof.checkpoint.clone(), now) {
                // The signature is given out all the same, and a later checkpoint covers the entry too.
                let _ = self.store.put_checkpoint(&kept).await;
            }
            if let Some(written) = lines[place].written.take() {
                // Who asked may have lost patience.
                let _ = written.send(proof);
            }
        }
        for line in lines.drain(..) {
            if let Some(noted) = line.noted {
                let _ = noted.send(());
            }
        }
        Ok(())
    }

    /// Signs what there is.
    pub(crate) async fn checkpoint(&self, now: Timestamp) -> Result<(), StoreError> {
        let signed: SignedCheckpoint = self.ledger.checkpoint();
        match self.gate.keep(signed, now) {
            Answer::Granted(kept) => self.store.put_checkpoint(&kept).await,
            Answer::Refused(_) => Ok(()),
        }
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> u64 {
        self.ledger.size()
    }

    /// Writes entries as they come until the queue closes; reports when that fails and when it
    /// works again.
    pub(crate) async fn run(
        mut self,
        mut entries: mpsc::UnboundedReceiver<Line>,
        state: Arc<ChronicleState>,
        commands: CommandSender,
        clock: Arc<dyn Clock>,
    ) {
        let mut waiting: Vec<Line> = Vec::new();
        let mut covered = self.len();
        state.len.store(self.len(), Ordering::Relaxed);
        loop {
            let ended = receive(&mut entries, &mut waiting).await;
            let paused = waiting.is_empty();
            if !paused {
                let written = {
                    let append = self.append_lines(&mut waiting, clock.now());
                    within_patience(append, || {
                        state.fails("the disk does not answer", &commands);
                    })
                    .await
                };
                match written {
                    Ok(()) => {
                        state.len.store(self.len(), Ordering::Relaxed);
                        state.works(&commands);
                    }
                    Err(error) => {
                        state.fails(&error.to_string(), &commands);
                        if !ended {
                            tokio::time::sleep(RETRY_PAUSE).await;
                        }
                    }
                }
            }
            let due = paused || ended || self.len() - covered >= CHECKPOINT_EVERY;
            if due && self.len() > covered && self.checkpoint(clock.now()).await.is_ok() {
                covered = self.len();
            }
            if ended {
                if !waiting.is_empty() {
                    let entries = waiting.len();
                    tracing::error!(entries, "the end of the ledger could not be written");
                }
                return;
            }
        }
    }
}

/// Waits for entries, then takes all that are there; whether the queue has closed.
async fn receive(entries: &mut mpsc::UnboundedReceiver<Line>, waiting: &mut Vec<Line>) -> bool {
    let patience = if waiting.is_empty() {
        CHECKPOINT_PAUSE
    } else {
        RETRY_PAUSE
    };
    let mut ended = false;
    match tokio::time::timeout(patience, entries.recv()).await {
        Ok(Some(entry)) => waiting.push(entry),
        Ok(None) => ended = true,
        Err(_) => {}
    }
    while waiting.len() < MAX_WAITING
        && let Ok(entry) = entries.try_recv()
    {
        waiting.push(entry);
    }
    ended
}

/// Waits for a write to its end, and says so when that takes too long. The write is not given up: it
/// may still come to be, and a ledger must not lose count.
async fn within_patience<T>(write: impl Future<Output = T>, is_late: impl FnOnce()) -> T {
    let mut write = pin!(write);
    match tokio::time::timeout(WRITE_PATIENCE, &mut write).await {
        Ok(written) => written,
        Err(_) => {
            is_late();
            write.await
        }
    }
}

impl ChronicleState {
    /// Closes the cameras and leaves the screens their default message, once.
    fn fails(&self, why: &str, commands: &CommandSender) {
        if self.fault.begin(why) {
            tracing::error!(
                why,
                "the ledger cannot be written; cameras close, campaigns pause"
            );
            let _ = commands.send_waiting(Command::Ledger { writable: false });
        }
    }

    fn works(&self, commands: &CommandSender) {
        if self.fault.end() {
            tracing::info!("the ledger can be written again");
            let _ = commands.send_waiting(Command::Ledger { writable: true });
        }
    }
}

/// Whether these are the bytes of the entry with which a run ends in good order.
fn says_stopped(bytes: &[u8]) -> bool {
    LedgerEntry::from_leaf_bytes(bytes)
        .is_ok_and(|entry| matches!(entry.body, EntryBody::Stopped {}))
}

/// Whether these are the bytes of the entry of an act.
fn says_administered(bytes: &[u8]) -> bool {
    LedgerEntry::from_leaf_bytes(bytes)
        .is_ok_and(|entry| matches!(entry.body, EntryBody::Administered { .. }))
}

/// Hash of a configuration, for the ledger.
pub(crate) fn configuration_digest(text: &str) -> Digest {
    leaf_hash(text.as_bytes())
}
