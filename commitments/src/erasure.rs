//! The proof that a person's record was destroyed, which they take with them and anyone can check.

use regard_domain::{PersonId, Timestamp};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::digest::Digest;
use crate::ledger::{BadEntry, EntryBody, LedgerEntry, ProvenLeaf};
use crate::merkle::{leaf_hash, verify_inclusion};
use crate::note::{Checkpoint, NoteError, NoteVerifier};

/// Which form this is.
const FORMAT: &str = "regard-erasure-v1";

/// The name of a person's record in the ledger: a hash of their random id. Whoever does not hold the id, and after
/// an erasure nobody but the person does, cannot tell whose it was.
pub fn subject(person: PersonId) -> Digest {
    Digest::of(&[b"regard person v1\0", &person.as_bits().to_be_bytes()])
}

/// The proof of an erasure.
///
/// # Privacy
/// Names the person's random id, by which the person knows that it is theirs; nothing else is kept under it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasureProof {
    /// `regard-erasure-v1`.
    pub format: String,
    /// Whose record was destroyed.
    pub person: PersonId,
    /// The entry of the ledger, in its one form.
    pub entry: String,
    /// Its place, from 0.
    pub index: u64,
    /// The hashes from the entry upwards.
    pub inclusion: Vec<Digest>,
    /// The signed note over the ledger that ends with this entry.
    pub checkpoint: String,
    /// What the note is checked with: `name+hash+key`. Compare it with the one that the site publishes.
    pub key: String,
}

impl std::fmt::Debug for ErasureProof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ErasureProof(entry {}, rest withheld)", self.index)
    }
}

/// What a good proof says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenErasure {
    /// When the record was destroyed.
    pub at: Timestamp,
    /// Place of the entry in the ledger.
    pub index: u64,
    /// Name of the ledger.
    pub ledger: String,
}

/// A proof that proves nothing.
#[derive(Debug, Error)]
pub enum ErasureFault {
    /// Not this form.
    #[error("not a proof of the form {FORMAT}")]
    OtherFormat,
    /// Not an entry of the ledger.
    #[error("the entry of the proof is not one")]
    Entry(#[source] BadEntry),
    /// An entry about something or someone else.
    #[error("the entry does not say that this person's record was destroyed")]
    OtherEntry,
    /// The key it brings is not one.
    #[error("the key of the proof cannot be read")]
    Key(#[source] NoteError),
    /// The checkpoint is not to be believed.
    #[error("the checkpoint of the proof is not to be believed")]
    Checkpoint(#[source] NoteError),
    /// The entry is not in the signed tree.
    #[error("the entry is not in the ledger that was signed")]
    NotIncluded,
}

impl ErasureProof {
    /// The proof made from the entry that was written; nothing when that is not the person's erasure.
    pub fn new(person: PersonId, written: &ProvenLeaf, key: &NoteVerifier) -> Option<Self> {
        let proof = Self {
            format: FORMAT.to_owned(),
            person,
            entry: String::from_utf8(written.leaf.bytes.clone()).ok()?,
            index: written.leaf.index,
            inclusion: written.proof.clone(),
            checkpoint: written.checkpoint.note.clone(),
            key: key.to_string(),
        };
        proof.verify(Some(key)).is_ok().then_some(proof)
    }

    /// Checks the proof: with the key that the site publishes, or with the one that the proof brings, which then has
    /// to be compared with the published one.
    ///
    /// # Errors
    /// [`ErasureFault`].
    pub fn verify(&self, key: Option<&NoteVerifier>) -> Result<ProvenErasure, ErasureFault> {
        if self.format != FORMAT {
            return Err(ErasureFault::OtherFormat);
        }
        let bytes = self.entry.as_bytes();
        let entry = LedgerEntry::from_leaf_bytes(bytes).map_err(ErasureFault::Entry)?;
        let expected = EntryBody::Erased {
            subject: subject(self.person),
        };
        if entry.body != expected {
            return Err(ErasureFault::OtherEntry);
        }
        let brought: NoteVerifier = self.key.parse().map_err(ErasureFault::Key)?;
        let key = key.unwrap_or(&brought);
        let checkpoint =
            Checkpoint::open(&self.checkpoint, key).map_err(ErasureFault::Checkpoint)?;
        let (size, root) = (checkpoint.size, checkpoint.root);
        if !verify_inclusion(leaf_hash(bytes), self.index, size, &self.inclusion, root) {
            return Err(ErasureFault::NotIncluded);
        }
        Ok(ProvenErasure {
            at: entry.at,
            index: self.index,
            ledger: key.name().to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ledger, MerkleTree, NoteSigner, SiteKeys, Zeroizing};

    const PERSON: PersonId = PersonId::from_bits(7);

    fn ledger(byte: u8) -> Ledger {
        let keys = SiteKeys::from_seed(Zeroizing::new([byte; 32]));
        let signer = NoteSigner::new("regard/ledger/test", keys.ledger_key()).unwrap();
        Ledger::new(MerkleTree::new(), signer)
    }

    fn entry(body: EntryBody) -> LedgerEntry {
        let at = Timestamp::from_millis(5);
        LedgerEntry { at, body }
    }

    fn proof(ledger: &mut Ledger) -> ErasureProof {
        for _ in 0..6 {
            ledger.append(&entry(EntryBody::Stopped {}));
        }
        let subject = subject(PERSON);
        let written = ledger.append_proven(&entry(EntryBody::Erased { subject }));
        ErasureProof::new(PERSON, &written, &ledger.verifier()).unwrap()
    }

    #[test]
    fn a_proof_is_good_after_a_journey_as_json() {
        let mut ledger = ledger(1);
        let text = serde_json::to_string(&proof(&mut ledger)).unwrap();
        let back: ErasureProof = serde_json::from_str(&text).unwrap();
        let said = back.verify(Some(&ledger.verifier())).unwrap();
        assert_eq!((said.index, said.at), (6, Timestamp::from_millis(5)));
        assert_eq!(back.verify(None).unwrap(), said);
    }

    #[test]
    fn a_changed_proof_proves_nothing() {
        let good = proof(&mut ledger(1));
        type Change = fn(&mut ErasureProof);
        let changes: [Change; 6] = [
            |p| p.person = PersonId::from_bits(8),
            |p| p.index += 1,
            |p| p.inclusion[0] = Digest::of(&[]),
            |p| p.entry = p.entry.replace("\"at\":5000", "\"at\":6000"),
            |p| p.checkpoint = p.checkpoint.replace('7', "8"),
            |p| p.format.push('x'),
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let mut changed = good.clone();
            change(&mut changed);
            assert!(changed != good, "{number}");
            assert!(changed.verify(None).is_err(), "{number}");
        }
        let stranger = ledger(2).verifier();
        assert!(matches!(
            good.verify(Some(&stranger)),
            Err(ErasureFault::Checkpoint(_))
        ));
    }

    #[test]
    fn another_entry_makes_no_proof() {
        let mut ledger = ledger(1);
        let written = ledger.append_proven(&entry(EntryBody::Stopped {}));
        assert!(ErasureProof::new(PERSON, &written, &ledger.verifier()).is_none());
    }

    #[test]
    fn the_ledger_does_not_hold_the_id() {
        let text = subject(PERSON).to_string();
        assert!(!text.contains(&PERSON.to_string()));
        assert_ne!(subject(PERSON), subject(PersonId::from_bits(8)));
    }
}
