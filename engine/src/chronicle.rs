//! The ledger on its way to the disk. Entries are durable in order, or the cameras close.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use regard_backends::{LedgerRow, Store, StoreError};
use regard_commitments::{
    Answer, Checkpoint, Digest, Kept, Leaf, Ledger, LedgerEntry, LedgerFault, MerkleTree,
    NoteSigner, NoteVerifier, RetentionGate, SignedCheckpoint, leaf_hash,
};
use regard_domain::{Clock, Timestamp};
use thiserror::Error;
use tokio::sync::mpsc;

use crate::command::{Command, CommandSender};

/// Entries read back at once.
const READ_CHUNK: u64 = 4_096;

/// Pause before a failed write is tried again. The cameras are closed meanwhile.
const RETRY_PAUSE: Duration = Duration::from_millis(250);

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
}

/// What others may know about the ledger.
#[derive(Debug, Default)]
pub(crate) struct ChronicleState {
    pub(crate) len: AtomicU64,
    pub(crate) failed: AtomicBool,
}

impl Chronicle {
    /// Takes the ledger up where it ends, after checking it against its checkpoints.
    pub(crate) async fn open(
        store: Arc<dyn Store>,
        signer: NoteSigner,
        gate: RetentionGate,
    ) -> Result<Self, ChronicleError> {
        let len = store.ledger_len().await?;
        let mut check = Check::new(&store.checkpoints().await?, &signer.verifier(), len)?;
        let mut from = 0;
        while from < len {
            let chunk = store
                .ledger_range(from..(from + READ_CHUNK).min(len))
                .await?;
            from += READ_CHUNK;
            chunk
                .iter()
                .try_for_each(|row| check.add(row))
                .map_err(ChronicleError::Fault)?;
        }
        let tree = check.tree;
        Ok(Self {
            ledger: Ledger::new(tree, signer),
            gate,
            store,
        })
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
        mut entries: mpsc::UnboundedReceiver<LedgerEntry>,
        state: Arc<ChronicleState>,
        commands: CommandSender,
        clock: Arc<dyn Clock>,
    ) {
        let mut waiting: Vec<LedgerEntry> = Vec::new();
        let mut failing_since: Option<Timestamp> = None;
        let mut covered = self.len();
        state.len.store(self.len(), Ordering::Relaxed);
        loop {
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
            let paused = waiting.is_empty();
            if !paused {
                let now = clock.now();
                match self.append(&waiting, now).await {
                    Ok(()) => {
                        waiting.clear();
                        state.len.store(self.len(), Ordering::Relaxed);
                        if failing_since.take().is_some() {
                            state.failed.store(false, Ordering::Release);
                            let _ = commands.send_waiting(Command::Ledger { writable: true });
                        }
                    }
                    Err(error) => {
                        if failing_since
                            .replace(failing_since.unwrap_or(now))
                            .is_none()
                        {
                            tracing::error!(%error, "the ledger cannot be written; cameras close");
                            state.failed.store(true, Ordering::Release);
                            let _ = commands.send_waiting(Command::Ledger { writable: false });
                        }
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
                return;
            }
        }
    }
}

/// A ledger being read back: every entry against its hash, every checkpoint against the tree at its
/// size. Entries whose time is over have only their hash left, and the tree still proves them.
struct Check {
    tree: MerkleTree,
    /// Size and root of the checkpoints not reached yet, smallest first.
    ahead: VecDeque<Checkpoint>,
}

impl Check {
    fn new(
        signed: &[SignedCheckpoint],
        verifier: &NoteVerifier,
        len: u64,
    ) -> Result<Self, ChronicleError> {
        let mut ahead = Vec::new();
        for (position, checkpoint) in signed.iter().enumerate() {
            let opened = Checkpoint::open(&checkpoint.note, verifier).map_err(|source| {
                ChronicleError::Fault(LedgerFault::Checkpoint { position, source })
            })?;
            ahead.push(opened);
        }
        ahead.sort_by_key(|c| c.size);
        match ahead.last() {
            Some(last) if last.size > len => {
                let fault = LedgerFault::Truncated {
                    signed: last.size,
                    found: len,
                };
                Err(ChronicleError::Fault(fault))
            }
            _ => Ok(Self {
                tree: MerkleTree::new(),
                ahead: ahead.into(),
            }),
        }
    }

    fn add(&mut self, row: &LedgerRow) -> Result<(), LedgerFault> {
        if row
            .bytes
            .as_ref()
            .is_some_and(|bytes| leaf_hash(bytes) != row.hash)
        {
            return Err(LedgerFault::Changed {
                size: row.index + 1,
            });
        }
        self.tree.append(row.hash);
        let size = self.tree.size();
        while let Some(checkpoint) = self.ahead.pop_front_if(|c| c.size <= size) {
            if checkpoint.size == size && checkpoint.root != self.tree.root() {
                return Err(LedgerFault::Changed { size });
            }
        }
        Ok(())
    }
}

/// Hash of a configuration, for the ledger.
pub(crate) fn configuration_digest(text: &str) -> Digest {
    leaf_hash(text.as_bytes())
}
