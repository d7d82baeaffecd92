//! The way into the ledger for those who have to know that their entry is on the disk.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use regard_commitments::{LedgerEntry, NoteVerifier, ProvenLeaf};
use tokio::sync::mpsc;

use crate::chronicle::Line;

/// How long an entry is waited for. The chronicle tries on after that. Origin: its own patience with a write.
const PATIENCE: Duration = Duration::from_secs(5);

/// The ledger did not take an entry in time, or has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unwritten;

/// Hands entries to the chronicle and waits until they are on the disk.
pub(crate) struct Scribe {
    lines: Mutex<Option<mpsc::UnboundedSender<Line>>>,
    verifier: NoteVerifier,
}

impl Scribe {
    pub(crate) fn new(lines: mpsc::UnboundedSender<Line>, verifier: NoteVerifier) -> Self {
        Self {
            lines: Mutex::new(Some(lines)),
            verifier,
        }
    }

    /// One more, with an end of its own.
    #[cfg(test)]
    pub(crate) fn another(&self) -> Self {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        Self {
            lines: Mutex::new(lines.clone()),
            verifier: self.verifier.clone(),
        }
    }

    /// The key that the ledger's checkpoints are checked with.
    pub(crate) fn verifier(&self) -> &NoteVerifier {
        &self.verifier
    }

    /// Writes an entry; answers when it is on the disk, with its proof.
    pub(crate) async fn write(&self, entry: LedgerEntry) -> Result<ProvenLeaf, Unwritten> {
        let (line, written) = Line::awaited(entry);
        {
            let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            let sender = lines.as_ref().ok_or(Unwritten)?;
            sender.send(line).map_err(|_| Unwritten)?;
        }
        let answer = tokio::time::timeout(PATIENCE, written).await;
        answer.map_err(|_| Unwritten)?.map_err(|_| Unwritten)
    }

    /// Writes entries; answers when they are on the disk.
    pub(crate) async fn note(&self, entries: Vec<LedgerEntry>) -> Result<(), Unwritten> {
        let mut waited = Vec::with_capacity(entries.len());
        {
            let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            let sender = lines.as_ref().ok_or(Unwritten)?;
            for entry in entries {
                let (line, noted) = Line::noted(entry);
                sender.send(line).map_err(|_| Unwritten)?;
                waited.push(noted);
            }
        }
        for noted in waited {
            let answer = tokio::time::timeout(PATIENCE, noted).await;
            answer.map_err(|_| Unwritten)?.map_err(|_| Unwritten)?;
        }
        Ok(())
    }

    /// Writes nothing more, so that the chronicle can come to its end.
    pub(crate) fn close(&self) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        drop(lines.take());
    }
}
