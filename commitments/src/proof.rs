//! Proofs to take away: that an entry is in the ledger, that the ledger only grew. Whoever has the
//! ledger's key checks them without the installation.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::digest::Digest;
use crate::ledger::{BadEntry, LedgerEntry};
use crate::merkle::{
    consistency_proof, inclusion_proof, leaf_hash, verify_consistency, verify_inclusion,
};
use crate::note::{Checkpoint, NoteError, NoteVerifier};

/// That an entry is in the ledger of which a checkpoint was signed.
///
/// # Privacy
/// Holds an entry of the ledger, which has no room for personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InclusionProof {
    /// Place of the entry, from 0.
    pub index: u64,
    /// Its canonical JSON text; nothing when its time is over and the hash alone is left.
    pub entry: Option<String>,
    /// Its hash: SHA-256 of a zero byte and the text.
    pub leaf: Digest,
    /// Hashes beside its way to the root, from the leaf upwards.
    pub path: Vec<Digest>,
    /// The signed note of the tree.
    pub checkpoint: String,
}

/// That the ledger of a later checkpoint begins with that of an earlier one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsistencyProof {
    /// The signed note of the earlier tree.
    pub old_checkpoint: String,
    /// The signed note of the later tree.
    pub new_checkpoint: String,
    /// The hashes between them.
    pub path: Vec<Digest>,
}

/// A proof as a file: JSON that says what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "format")]
pub enum LedgerProof {
    /// An entry is in the ledger.
    #[serde(rename = "regard-inclusion-proof-v1")]
    Inclusion(InclusionProof),
    /// The ledger only grew.
    #[serde(rename = "regard-consistency-proof-v1")]
    Consistency(ConsistencyProof),
}

/// A proof that proves nothing.
#[derive(Debug, Error)]
pub enum ProofFault {
    /// A checkpoint is not to be believed.
    #[error("the checkpoint is not to be believed")]
    Note(#[from] NoteError),
    /// The entry is not one.
    #[error("the entry is damaged")]
    Entry(#[from] BadEntry),
    /// The text is not that of the hash.
    #[error("the text of the entry does not have the hash that is proven")]
    OtherEntry,
    /// There is no such entry under the checkpoint.
    #[error("the checkpoint covers {size} entries, not number {index}")]
    NotCovered {
        /// The entry.
        index: u64,
        /// Entries under the checkpoint.
        size: u64,
    },
    /// The leaves are not those that were signed.
    #[error("the entries are not those of the checkpoint")]
    OtherTree,
    /// The hashes do not lead to the root.
    #[error("the hashes do not lead to the signed root")]
    Broken,
}

impl InclusionProof {
    /// The proof for one entry, by the hashes of all leaves from the first on, at least as many as the
    /// checkpoint covers.
    ///
    /// # Errors
    /// [`ProofFault`]: what is made here holds.
    pub fn of(
        index: u64,
        bytes: Option<&[u8]>,
        leaves: &[Digest],
        checkpoint: &str,
        key: &NoteVerifier,
    ) -> Result<Self, ProofFault> {
        let (tree, covered) = covered(leaves, checkpoint, key)?;
        let place = usize::try_from(index)
            .ok()
            .filter(|place| *place < covered.len());
        let (Some(place), Some(path)) = (
            place,
            place.and_then(|place| inclusion_proof(covered, place)),
        ) else {
            return Err(ProofFault::NotCovered {
                index,
                size: tree.size,
            });
        };
        let text =
            |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| ProofFault::OtherEntry);
        let proof = Self {
            index,
            entry: bytes.map(text).transpose()?,
            leaf: covered[place],
            path,
            checkpoint: checkpoint.to_owned(),
        };
        proof.check(key)?;
        Ok(proof)
    }

    /// The checkpoint that the entry is under, and the entry where its text is there.
    ///
    /// # Errors
    /// [`ProofFault`].
    pub fn check(
        &self,
        key: &NoteVerifier,
    ) -> Result<(Checkpoint, Option<LedgerEntry>), ProofFault> {
        let tree = Checkpoint::open(&self.checkpoint, key)?;
        if self.index >= tree.size {
            return Err(ProofFault::NotCovered {
                index: self.index,
                size: tree.size,
            });
        }
        let entry = match &self.entry {
            Some(text) if leaf_hash(text.as_bytes()) != self.leaf => {
                return Err(ProofFault::OtherEntry);
            }
            Some(text) => Some(LedgerEntry::from_leaf_bytes(text.as_bytes())?),
            None => None,
        };
        if verify_inclusion(self.leaf, self.index, tree.size, &self.path, tree.root) {
            Ok((tree, entry))
        } else {
            Err(ProofFault::Broken)
        }
    }
}

impl ConsistencyProof {
    /// The proof between two checkpoints, by the hashes of all leaves from the first on, at least as
    /// many as the later one covers.
    ///
    /// # Errors
    /// [`ProofFault`]: what is made here holds.
    pub fn of(
        old_checkpoint: &str,
        new_checkpoint: &str,
        leaves: &[Digest],
        key: &NoteVerifier,
    ) -> Result<Self, ProofFault> {
        let old = Checkpoint::open(old_checkpoint, key)?;
        let (_, leaves) = covered(leaves, new_checkpoint, key)?;
        let path = usize::try_from(old.size)
            .ok()
            .and_then(|old| consistency_proof(leaves, old))
            .ok_or(ProofFault::Broken)?;
        let proof = Self {
            old_checkpoint: old_checkpoint.to_owned(),
            new_checkpoint: new_checkpoint.to_owned(),
            path,
        };
        proof.check(key)?;
        Ok(proof)
    }

    /// The two checkpoints, the earlier one first.
    ///
    /// # Errors
    /// [`ProofFault`].
    pub fn check(&self, key: &NoteVerifier) -> Result<(Checkpoint, Checkpoint), ProofFault> {
        let old = Checkpoint::open(&self.old_checkpoint, key)?;
        let new = Checkpoint::open(&self.new_checkpoint, key)?;
        if verify_consistency((old.size, old.root), (new.size, new.root), &self.path) {
            Ok((old, new))
        } else {
            Err(ProofFault::Broken)
        }
    }
}

/// The checkpoint, and the leaves that it covers, which must be those that were signed.
fn covered<'a>(
    leaves: &'a [Digest],
    checkpoint: &str,
    key: &NoteVerifier,
) -> Result<(Checkpoint, &'a [Digest]), ProofFault> {
    let tree = Checkpoint::open(checkpoint, key)?;
    let covered = usize::try_from(tree.size)
        .ok()
        .and_then(|size| leaves.get(..size))
        .ok_or(ProofFault::OtherTree)?;
    let root = covered
        .iter()
        .copied()
        .collect::<crate::MerkleTree>()
        .root();
    if root == tree.root {
        Ok((tree, covered))
    } else {
        Err(ProofFault::OtherTree)
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;
    use regard_domain::Timestamp;

    use super::*;
    use crate::ledger::{EntryBody, Ledger};
    use crate::note::NoteSigner;
    use crate::{DataKind, MerkleTree};

    type Row = (Digest, Vec<u8>);

    /// Leaves with their bytes, a checkpoint after each, and the key.
    fn stored(n: u64) -> (Vec<Row>, Vec<String>, NoteVerifier) {
        let signer = NoteSigner::new("regard/ledger/demo", SigningKey::from_bytes(&[7; 32]));
        let mut ledger = Ledger::new(MerkleTree::new(), signer.unwrap());
        let mut rows = Vec::new();
        let mut notes = Vec::new();
        for n_rows in 0..n {
            let data = DataKind::Decision;
            let leaf = ledger.append(&LedgerEntry {
                at: Timestamp::from_millis(7),
                body: EntryBody::Swept { data, n_rows },
            });
            rows.push((leaf.hash, leaf.bytes));
            notes.push(ledger.checkpoint().note);
        }
        (rows, notes, ledger.verifier())
    }

    #[test]
    fn every_entry_is_proven_to_a_stranger_and_no_other() {
        let (rows, notes, key) = stored(21);
        let leaves: Vec<Digest> = rows.iter().map(|(hash, _)| *hash).collect();
        for (i, (_, bytes)) in rows.iter().enumerate() {
            let proof = InclusionProof::of(i as u64, Some(bytes), &leaves, &notes[20], &key);
            let file = serde_json::to_string(&LedgerProof::Inclusion(proof.unwrap())).unwrap();
            assert!(
                file.contains("\"format\":\"regard-inclusion-proof-v1\""),
                "{file}"
            );
            let LedgerProof::Inclusion(read) = serde_json::from_str(&file).unwrap() else {
                panic!("{file}");
            };
            let (tree, entry) = read.check(&key).unwrap();
            assert_eq!(
                (tree.size, entry.unwrap().leaf_bytes()),
                (21, bytes.clone())
            );
            let other = InclusionProof {
                entry: Some(String::from_utf8(rows[(i + 1) % 21].1.clone()).unwrap()),
                ..read.clone()
            };
            assert!(matches!(other.check(&key), Err(ProofFault::OtherEntry)));
            let elsewhere = InclusionProof {
                index: (read.index + 1) % 21,
                ..read.clone()
            };
            assert!(matches!(elsewhere.check(&key), Err(ProofFault::Broken)));
            let forgotten = InclusionProof {
                entry: None,
                ..read
            };
            assert_eq!(forgotten.check(&key).unwrap().1, None);
        }
        let late = InclusionProof::of(7, None, &leaves, &notes[6], &key);
        assert!(matches!(
            late,
            Err(ProofFault::NotCovered { index: 7, size: 7 })
        ));
    }

    #[test]
    fn growth_is_proven_and_another_history_is_not() {
        let (rows, notes, key) = stored(21);
        let leaves: Vec<Digest> = rows.iter().map(|(hash, _)| *hash).collect();
        for old in 0..21 {
            let proof = ConsistencyProof::of(&notes[old], &notes[20], &leaves, &key).unwrap();
            let (from, to) = proof.check(&key).unwrap();
            assert_eq!((from.size, to.size), (old as u64 + 1, 21));
            let backwards = ConsistencyProof {
                old_checkpoint: proof.new_checkpoint.clone(),
                new_checkpoint: proof.old_checkpoint.clone(),
                path: proof.path.clone(),
            };
            assert_eq!(backwards.check(&key).is_ok(), old == 20);
        }
        let mut changed = leaves.clone();
        changed[3] = leaf_hash(b"another");
        let forged = ConsistencyProof::of(&notes[8], &notes[20], &changed, &key);
        assert!(matches!(forged, Err(ProofFault::OtherTree)));
        let short = ConsistencyProof::of(&notes[8], &notes[20], &leaves[..20], &key);
        assert!(matches!(short, Err(ProofFault::OtherTree)));
    }
}
