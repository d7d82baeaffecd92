//! Reading a ledger back: every entry against its place, every checkpoint against the entries.

use std::collections::BTreeMap;

use serde::Serialize;
use thiserror::Error;

use super::{BadEntry, LedgerEntry};
use crate::digest::Digest;
use crate::merkle::{MerkleTree, leaf_hash};
use crate::note::{Checkpoint, NoteError, NoteVerifier};

/// What was found in a ledger without fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LedgerReport {
    /// How many entries there are.
    pub n_entries: u64,
    /// How many checkpoints were checked.
    pub n_checkpoints: u64,
    /// How many entries a checkpoint covers; later ones are unproven until the next.
    pub n_covered: u64,
    /// Root of all entries.
    pub root: Digest,
}

/// The first fault found in a ledger.
#[derive(Debug, Error)]
pub enum LedgerFault {
    /// A checkpoint is not to be believed.
    #[error("checkpoint {position} is not to be believed")]
    Checkpoint {
        /// Which, from 0, in the order given.
        position: usize,
        /// Why.
        source: NoteError,
    },
    /// Two checkpoints tell two histories.
    #[error("two checkpoints of size {size} have different roots")]
    TwoHistories {
        /// Their size.
        size: u64,
    },
    /// An entry is not one.
    #[error("entry {index} is damaged")]
    Entry {
        /// Which, from 0.
        index: u64,
        /// Why.
        source: BadEntry,
    },
    /// The entries are not those that were signed.
    #[error("the first {size} entries are not those that were signed")]
    Changed {
        /// Size of the checkpoint that does not fit.
        size: u64,
    },
    /// Entries are missing at the end.
    #[error("a checkpoint was signed over {signed} entries, only {found} are there")]
    Truncated {
        /// Size of the largest checkpoint.
        signed: u64,
        /// Entries found.
        found: u64,
    },
}

/// A ledger being read back: every entry against its place in the tree, every checkpoint against the
/// tree at its size. Memory grows with the checkpoints, not with the entries.
#[derive(Clone, Debug)]
pub struct LedgerCheck {
    tree: MerkleTree,
    n_checkpoints: u64,
    /// Root by size, of every checkpoint.
    signed: BTreeMap<u64, Digest>,
}

impl LedgerCheck {
    /// A check against these signed notes, in any order; no entry is read yet.
    ///
    /// # Errors
    /// [`LedgerFault`] when a note is not to be believed, or two of them contradict each other.
    pub fn new<C: AsRef<str>>(
        checkpoints: impl IntoIterator<Item = C>,
        key: &NoteVerifier,
    ) -> Result<Self, LedgerFault> {
        let mut check = Self {
            tree: MerkleTree::new(),
            n_checkpoints: 0,
            signed: BTreeMap::new(),
        };
        for (position, note) in checkpoints.into_iter().enumerate() {
            let checkpoint = Checkpoint::open(note.as_ref(), key)
                .map_err(|source| LedgerFault::Checkpoint { position, source })?;
            let size = checkpoint.size;
            if check
                .signed
                .insert(size, checkpoint.root)
                .is_some_and(|root| root != checkpoint.root)
            {
                return Err(LedgerFault::TwoHistories { size });
            }
            check.n_checkpoints += 1;
        }
        check.compare()?;
        Ok(check)
    }

    fn compare(&self) -> Result<(), LedgerFault> {
        let size = self.tree.size();
        match self.signed.get(&size) {
            Some(root) if *root != self.tree.root() => Err(LedgerFault::Changed { size }),
            Some(_) | None => Ok(()),
        }
    }

    /// The next entry by its bytes, which have to be an entry in its one form.
    ///
    /// # Errors
    /// [`LedgerFault`]; the check is of no further use then.
    pub fn entry(&mut self, bytes: &[u8]) -> Result<(), LedgerFault> {
        let index = self.tree.size();
        LedgerEntry::from_leaf_bytes(bytes)
            .map_err(|source| LedgerFault::Entry { index, source })?;
        self.tree.append(leaf_hash(bytes));
        self.compare()
    }

    /// The next entry by its stored hash, and its bytes as far as they are still kept: one whose time
    /// is over has only its hash left, and the tree still proves it.
    ///
    /// # Errors
    /// [`LedgerFault`]; the check is of no further use then.
    pub fn hashed(&mut self, hash: Digest, bytes: Option<&[u8]>) -> Result<(), LedgerFault> {
        if bytes.is_some_and(|bytes| leaf_hash(bytes) != hash) {
            let size = self.tree.size() + 1;
            return Err(LedgerFault::Changed { size });
        }
        self.tree.append(hash);
        self.compare()
    }

    /// The tree of all entries, and what was found.
    ///
    /// # Errors
    /// [`LedgerFault::Truncated`].
    pub fn finish(self) -> Result<(MerkleTree, LedgerReport), LedgerFault> {
        let n_covered = self.signed.last_key_value().map_or(0, |(size, _)| *size);
        if self.tree.size() < n_covered {
            return Err(LedgerFault::Truncated {
                signed: n_covered,
                found: self.tree.size(),
            });
        }
        let report = LedgerReport {
            n_entries: self.tree.size(),
            n_checkpoints: self.n_checkpoints,
            n_covered,
            root: self.tree.root(),
        };
        Ok((self.tree, report))
    }
}

/// Checks stored entries, in order, against signed checkpoints in any order.
///
/// # Errors
/// [`LedgerFault`], the first found.
pub fn verify_ledger<E, C>(
    entries: impl IntoIterator<Item = E>,
    checkpoints: impl IntoIterator<Item = C>,
    key: &NoteVerifier,
) -> Result<LedgerReport, LedgerFault>
where
    E: AsRef<[u8]>,
    C: AsRef<str>,
{
    let mut check = LedgerCheck::new(checkpoints, key)?;
    for entry in entries {
        check.entry(entry.as_ref())?;
    }
    check.finish().map(|(_, report)| report)
}
