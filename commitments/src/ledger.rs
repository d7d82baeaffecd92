//! The ledger: what the gates said, in an order that cannot be changed unnoticed.

use std::collections::BTreeMap;

use regard_domain::{CameraId, Timestamp};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::access::{Actor, AdminAct};
use crate::consent::{ConsentPurpose, EndReason};
use crate::date::Date;
use crate::digest::{Digest, canonical_json};
use crate::epsilon::Epsilon;
use crate::merkle::{MerkleTree, leaf_hash};
use crate::note::{Checkpoint, NoteError, NoteSigner, NoteVerifier};
use crate::paper::PaperKind;
use crate::refusal::RefusalCode;
use crate::release::Detail;
use crate::retention::{DataKind, Retained};
use crate::scope::{Scope, Scopes};
use crate::seal::SiteKeyId;
use crate::signed::SignedCommitments;

/// One line of the ledger.
///
/// # Privacy
/// Its fields have no room for personal data: names that the owner gave to devices, codes, times,
/// counts and hashes, and no free text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerEntry {
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub body: EntryBody,
}

/// What a ledger entry tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum EntryBody {
    /// Commitments came into force.
    CommitmentsPublished {
        /// Their version.
        version: u32,
        /// Their hash.
        commitments: Digest,
        /// Hash of the notice made from them.
        notice: Digest,
        /// Which key signed them.
        key: Digest,
    },
    /// A sensing grant was given. It takes the place of an earlier one for the same camera.
    Granted {
        /// For which camera.
        camera: CameraId,
        /// What may be looked at.
        scopes: Scopes,
        /// What was asked for and not given.
        withheld: BTreeMap<Scope, RefusalCode>,
        /// Under which commitments.
        commitments: Digest,
        /// Under which notice.
        notice: Digest,
    },
    /// A camera stays shut; the first refusal of a run with the same code.
    Refused {
        /// Which camera.
        camera: CameraId,
        /// Why.
        code: RefusalCode,
    },
    /// A grant was taken back.
    Revoked {
        /// For which camera.
        camera: CameraId,
        /// Why.
        code: RefusalCode,
    },
    /// A camera was closed by its owner.
    Closed {
        /// Which camera.
        camera: CameraId,
    },
    /// Someone asked not to be looked at.
    Objected {
        /// By which camera.
        camera: CameraId,
        /// Until when it stays shut.
        until: Timestamp,
    },
    /// Somebody in front of a camera agreed to be looked at.
    Agreed {
        /// By which camera.
        camera: CameraId,
        /// Until when it may stay open.
        until: Timestamp,
    },
    /// Whoever had agreed took it back or left.
    AgreementEnded {
        /// Which camera.
        camera: CameraId,
    },
    /// The ledger could not be written; all cameras were shut.
    Interrupted {
        /// Since when.
        since: Timestamp,
        /// Entries of that time that were too many to hold.
        n_unrecorded: u64,
    },
    /// Rows past their end were removed.
    Swept {
        /// Which kind.
        data: DataKind,
        /// How many.
        n_rows: u64,
    },
    /// Noised sums were released, and their price paid.
    Released {
        /// About which day, in the calendar of the site.
        day: Date,
        /// How finely.
        detail: Detail,
        /// What it cost.
        epsilon: Epsilon,
        /// Hash of what was released.
        release: Digest,
    },
    /// Someone enrolled.
    Enrolled {
        /// Whose record, as [`subject`](crate::subject) names it.
        subject: Digest,
    },
    /// A person agreed.
    ConsentGiven {
        /// Whose record.
        subject: Digest,
        /// To what.
        purpose: ConsentPurpose,
        /// Hash of the signed receipt.
        receipt: Digest,
        /// Under which commitments.
        commitments: Digest,
        /// The instant from which it no longer holds.
        until: Timestamp,
    },
    /// A consent ended, and what hung on it was destroyed.
    ConsentEnded {
        /// Whose record.
        subject: Digest,
        /// To what.
        purpose: ConsentPurpose,
        /// Hash of the signed receipt.
        receipt: Digest,
        /// Why.
        why: EndReason,
    },
    /// A person asked that what is held be kept and not used, or lifted that.
    Frozen {
        /// Whose record.
        subject: Digest,
        /// Whether it is frozen now.
        is_frozen: bool,
    },
    /// A person corrected what is held.
    Corrected {
        /// Whose record.
        subject: Digest,
    },
    /// A person's keys were destroyed, and all that was sealed under them with that.
    Erased {
        /// Whose record.
        subject: Digest,
    },
    /// The keys of all persons are wrapped under another key of the site from now on.
    SiteKeyRotated {
        /// The key that wraps.
        to: SiteKeyId,
    },
    /// A backup was put back.
    Restored {
        /// Hash of its file.
        file: Digest,
        /// Sealed rows of the backup that no living key opens, which were left out.
        n_left_out: u64,
    },
    /// Somebody who runs the installation changed it, or tried to come in.
    Administered {
        /// What was done.
        act: AdminAct,
        /// By whom.
        by: Actor,
        /// Hash of what it was done to.
        subject: Digest,
    },
    /// What the configuration makes of the papers is not what the last run made of them.
    PapersChanged {
        /// Hash over all papers; the copy in the data folder is named by its beginning.
        all: Digest,
        /// The papers that changed, and the hash of each now.
        changed: BTreeMap<PaperKind, Digest>,
    },
    /// The program started.
    Started {
        /// SHA-256 of its configuration in canonical form.
        configuration: Digest,
    },
    /// The program stopped in good order.
    Stopped {},
}

impl EntryBody {
    /// Whether it tells of a biometric operation, which needs a live consent. There are none yet: the
    /// gates of recognition always refuse.
    pub const fn is_biometric(&self) -> bool {
        match self {
            Self::CommitmentsPublished { .. }
            | Self::Granted { .. }
            | Self::Refused { .. }
            | Self::Revoked { .. }
            | Self::Closed { .. }
            | Self::Objected { .. }
            | Self::Agreed { .. }
            | Self::AgreementEnded { .. }
            | Self::Interrupted { .. }
            | Self::Swept { .. }
            | Self::Released { .. }
            | Self::Enrolled { .. }
            | Self::ConsentGiven { .. }
            | Self::ConsentEnded { .. }
            | Self::Frozen { .. }
            | Self::Corrected { .. }
            | Self::Erased { .. }
            | Self::SiteKeyRotated { .. }
            | Self::Restored { .. }
            | Self::Administered { .. }
            | Self::PapersChanged { .. }
            | Self::Started { .. }
            | Self::Stopped {} => false,
        }
    }
}

/// Bytes that are not an entry in its one form.
#[derive(Debug, Error)]
pub enum BadEntry {
    /// Not an entry at all.
    #[error("not a ledger entry")]
    Malformed(#[source] serde_json::Error),
    /// An entry written in another way than the canonical one.
    #[error("ledger entry is not in canonical form")]
    NotCanonical,
}

impl LedgerEntry {
    /// The bytes that are hashed and stored: canonical JSON.
    pub fn leaf_bytes(&self) -> Vec<u8> {
        canonical_json(self)
            .expect("an entry holds texts and integers only")
            .into_bytes()
    }

    /// The entry in stored bytes.
    ///
    /// # Errors
    /// [`BadEntry`].
    pub fn from_leaf_bytes(bytes: &[u8]) -> Result<Self, BadEntry> {
        let entry: Self = serde_json::from_slice(bytes).map_err(BadEntry::Malformed)?;
        if entry.leaf_bytes() == bytes {
            Ok(entry)
        } else {
            Err(BadEntry::NotCanonical)
        }
    }
}

/// An entry with its place, ready to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Its place, from 0.
    pub index: u64,
    /// When it happened.
    pub at: Timestamp,
    /// The bytes to store.
    pub bytes: Vec<u8>,
    /// Their hash in the tree.
    pub hash: Digest,
}

impl Retained for Leaf {
    const KIND: DataKind = DataKind::Ledger;
}

/// A checkpoint note, ready to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// How many entries it covers.
    pub size: u64,
    /// The signed note.
    pub note: String,
}

impl Retained for SignedCheckpoint {
    const KIND: DataKind = DataKind::Ledger;
}

impl Retained for SignedCommitments {
    const KIND: DataKind = DataKind::Commitments;
}

/// An entry with its place and the proof of it, in the tree that ends with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenLeaf {
    /// The entry.
    pub leaf: Leaf,
    /// From the entry upwards.
    pub proof: Vec<Digest>,
    /// Signed over the tree that ends with the entry.
    pub checkpoint: SignedCheckpoint,
}

/// The end of the ledger, to which entries are added. Holds a few hashes, not the entries. When leaves
/// could not be stored, go back to a clone taken before.
#[derive(Clone, Debug)]
pub struct Ledger {
    tree: MerkleTree,
    signer: NoteSigner,
}

impl Ledger {
    /// The ledger that ends with this tree: a new one, or `leaf hashes.collect()` of what was stored.
    pub fn new(tree: MerkleTree, signer: NoteSigner) -> Self {
        Self { tree, signer }
    }

    /// Gives an entry its place.
    pub fn append(&mut self, entry: &LedgerEntry) -> Leaf {
        let bytes = entry.leaf_bytes();
        let hash = leaf_hash(&bytes);
        Leaf {
            index: self.tree.append(hash),
            at: entry.at,
            bytes,
            hash,
        }
    }

    /// Gives an entry its place, and proves it.
    pub fn append_proven(&mut self, entry: &LedgerEntry) -> ProvenLeaf {
        let proof = self.tree.inclusion_of_next();
        let leaf = self.append(entry);
        ProvenLeaf {
            leaf,
            proof,
            checkpoint: self.checkpoint(),
        }
    }

    /// How many entries it has.
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// Its tree.
    pub fn tree(&self) -> &MerkleTree {
        &self.tree
    }

    /// The key that its checkpoints are checked with.
    pub fn verifier(&self) -> NoteVerifier {
        self.signer.verifier()
    }

    /// Size and root, signed.
    pub fn checkpoint(&self) -> SignedCheckpoint {
        let note = Checkpoint::of(self.signer.verifier().name(), &self.tree)
            .sign(&self.signer)
            .expect("the origin is the name of the key, and names hold no control characters");
        SignedCheckpoint {
            size: self.tree.size(),
            note,
        }
    }
}

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

#[cfg(test)]
mod tests;
