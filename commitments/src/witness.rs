//! A witness: remembers the last checkpoint of each log, and takes a next one only where that goes on.
//!
//! # Source
//! C2SP `tlog-witness`, `add-checkpoint`.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::digest::Digest;
use crate::merkle::verify_consistency;
use crate::note::{Checkpoint, NoteError, NoteVerifier};

/// Hashes in a proof; the standard allows no more.
const MAX_PROOF_LEN: usize = 63;

/// A checkpoint with the proof that it goes on from an earlier one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// Size of the earlier one; 0 when the witness has seen none.
    pub old_size: u64,
    /// Proof of consistency between the two.
    pub proof: Vec<Digest>,
    /// The signed note.
    pub note: String,
}

/// A text that is not an `add-checkpoint` request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not `old SIZE`, at most 63 hashes in base64, an empty line and a checkpoint")]
pub struct BadRequest;

impl AddCheckpoint {
    /// Reads a request as the standard writes it.
    ///
    /// # Errors
    /// [`BadRequest`].
    pub fn parse(body: &str) -> Result<Self, BadRequest> {
        let (head, note) = body.split_once("\n\n").ok_or(BadRequest)?;
        let mut lines = head.split('\n');
        let size = lines
            .next()
            .and_then(|line| line.strip_prefix("old "))
            .ok_or(BadRequest)?;
        let old_size: u64 = size.parse().map_err(|_| BadRequest)?;
        let hash = |line: &str| {
            let bytes = STANDARD.decode(line).map_err(|_| BadRequest)?;
            let bytes = <[u8; 32]>::try_from(bytes).map_err(|_| BadRequest)?;
            Ok(Digest::from_bytes(bytes))
        };
        let proof = lines.map(hash).collect::<Result<Vec<_>, _>>()?;
        // `parse` takes "+5" and "05"; the standard takes neither.
        if proof.len() > MAX_PROOF_LEN || old_size.to_string() != size {
            return Err(BadRequest);
        }
        Ok(Self {
            old_size,
            proof,
            note: note.to_owned(),
        })
    }

    /// The request as the standard writes it.
    pub fn to_body(&self) -> String {
        let mut body = format!("old {}\n", self.old_size);
        for hash in &self.proof {
            body.push_str(&STANDARD.encode(hash.as_bytes()));
            body.push('\n');
        }
        body + "\n" + &self.note
    }
}

/// Why a witness does not cosign.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WitnessFault {
    /// The note is not of this log.
    #[error("the checkpoint is not to be believed")]
    Note(#[from] NoteError),
    /// The proof begins elsewhere than where the witness is.
    #[error("the proof begins at size {offered}, the last checkpoint seen has size {known}")]
    OtherBeginning {
        /// Where the proof begins.
        offered: u64,
        /// Size of the last checkpoint seen; 0 for none.
        known: u64,
    },
    /// The log became shorter.
    #[error("the checkpoint has size {offered}, one of size {known} was seen before")]
    Shrunk {
        /// Size of the new one.
        offered: u64,
        /// Size of the last one seen.
        known: u64,
    },
    /// Two checkpoints of one size tell two histories.
    #[error("fork: at size {size} the root was {known}, now it is {offered}")]
    Fork {
        /// The size.
        size: u64,
        /// Root that was seen.
        known: Digest,
        /// Root now.
        offered: Digest,
    },
    /// The proof does not hold: the log was rewritten, or the proof is wrong.
    #[error("fork: the checkpoint of size {offered} does not go on from the one of size {known}")]
    Inconsistent {
        /// Size of the new one.
        offered: u64,
        /// Size of the last one seen.
        known: u64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seen {
    size: u64,
    root: Digest,
}

/// What a witness remembers: size and root of the last checkpoint of each log. To be stored, durably,
/// before a cosignature is given out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Witness {
    logs: BTreeMap<String, Seen>,
}

impl Witness {
    /// Size of the last checkpoint seen of a log; 0 for none.
    pub fn size_of(&self, origin: &str) -> u64 {
        self.logs.get(origin).map_or(0, |seen| seen.size)
    }

    /// Takes a checkpoint that this key signed and that goes on from the last one seen, and remembers
    /// it; the checkpoint is to be cosigned then.
    ///
    /// # Errors
    /// [`WitnessFault`]; nothing is remembered then.
    pub fn take(
        &mut self,
        request: &AddCheckpoint,
        key: &NoteVerifier,
    ) -> Result<Checkpoint, WitnessFault> {
        let new = Checkpoint::open(&request.note, key)?;
        let seen = self.logs.get(&new.origin).copied().unwrap_or(Seen {
            size: 0,
            root: Digest::of(&[]),
        });
        let (offered, known) = (new.size, seen.size);
        if offered < known {
            return Err(WitnessFault::Shrunk { offered, known });
        }
        if offered == known && new.root != seen.root {
            return Err(WitnessFault::Fork {
                size: known,
                known: seen.root,
                offered: new.root,
            });
        }
        if request.old_size != known {
            return Err(WitnessFault::OtherBeginning {
                offered: request.old_size,
                known,
            });
        }
        if !verify_consistency((known, seen.root), (offered, new.root), &request.proof) {
            return Err(WitnessFault::Inconsistent { offered, known });
        }
        let latest = Seen {
            size: offered,
            root: new.root,
        };
        self.logs.insert(new.origin.clone(), latest);
        Ok(new)
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;
    use proptest::prelude::*;

    use super::*;
    use crate::merkle::{MerkleTree, consistency_proof, leaf_hash};
    use crate::note::NoteSigner;

    const ORIGIN: &str = "regard/ledger/demo";

    fn signer() -> NoteSigner {
        NoteSigner::new(ORIGIN, SigningKey::from_bytes(&[7; 32])).unwrap()
    }

    fn leaves(history: u8, n: usize) -> Vec<Digest> {
        (0..n)
            .map(|i| leaf_hash(&[history, i as u8, (i >> 8) as u8]))
            .collect()
    }

    fn request(leaves: &[Digest], old_size: usize) -> AddCheckpoint {
        let tree: MerkleTree = leaves.iter().copied().collect();
        AddCheckpoint {
            old_size: old_size as u64,
            proof: consistency_proof(leaves, old_size).unwrap(),
            note: Checkpoint::of(ORIGIN, &tree).sign(&signer()).unwrap(),
        }
    }

    #[test]
    fn a_growing_log_is_followed_and_a_fork_is_refused() {
        let (mut witness, key) = (Witness::default(), signer().verifier());
        let history = leaves(0, 300);
        let mut known = 0;
        for size in [1, 2, 7, 8, 8, 255, 300] {
            let taken = witness.take(&request(&history[..size], known), &key);
            assert_eq!(taken.unwrap().size, size as u64);
            known = size;
        }
        // Another history of the same length, and a longer one that pretends to go on.
        let other = leaves(1, 310);
        let before = witness.clone();
        let fork = witness.take(&request(&other[..300], 300), &key);
        assert!(matches!(fork, Err(WitnessFault::Fork { size: 300, .. })));
        let fork = witness.take(&request(&other, 300), &key);
        assert!(matches!(fork, Err(WitnessFault::Inconsistent { .. })));
        let shrunk = witness.take(&request(&history[..255], 8), &key);
        assert!(matches!(shrunk, Err(WitnessFault::Shrunk { .. })));
        let elsewhere = witness.take(&request(&leaves(0, 310), 255), &key);
        assert!(matches!(
            elsewhere,
            Err(WitnessFault::OtherBeginning { known: 300, .. })
        ));
        let stranger = NoteSigner::new(ORIGIN, SigningKey::from_bytes(&[8; 32])).unwrap();
        let unsigned = witness.take(&request(&leaves(0, 310), 300), &stranger.verifier());
        assert!(matches!(unsigned, Err(WitnessFault::Note(_))));
        assert_eq!(witness, before, "a refusal changes nothing");
        let taken = witness.take(&request(&leaves(0, 310), 300), &key);
        assert_eq!(taken.unwrap().size, 310);
        assert_eq!(
            (witness.size_of(ORIGIN), witness.size_of("other")),
            (310, 0)
        );
    }

    #[test]
    fn requests_and_states_come_back() {
        let asked = request(&leaves(0, 100), 37);
        assert_eq!(AddCheckpoint::parse(&asked.to_body()), Ok(asked.clone()));
        let first = request(&leaves(0, 100), 0);
        assert!(
            first
                .to_body()
                .starts_with("old 0\n\nregard/ledger/demo\n100\n")
        );
        assert_eq!(AddCheckpoint::parse(&first.to_body()), Ok(first));
        for bad in ["", "old 1", "old +1\n\nx", "old 1\nAAAA\n\nx", "new 1\n\nx"] {
            assert_eq!(AddCheckpoint::parse(bad), Err(BadRequest), "{bad:?}");
        }
        let long = format!(
            "old 1\n{}\nx",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n".repeat(64)
        );
        assert_eq!(AddCheckpoint::parse(&long), Err(BadRequest));
        let mut witness = Witness::default();
        let first = request(&leaves(0, 37), 0);
        witness.take(&first, &signer().verifier()).unwrap();
        let text = serde_json::to_string(&witness).unwrap();
        assert_eq!(serde_json::from_str::<Witness>(&text).unwrap(), witness);
    }

    proptest! {
        /// The witness takes a checkpoint exactly when the old leaves are the beginning of the new.
        #[test]
        fn it_takes_what_goes_on_and_nothing_else(
            first in prop::collection::vec(0..2_u8, 0..40),
            second in prop::collection::vec(0..2_u8, 0..40),
        ) {
            let hashes = |bytes: &[u8]| bytes.iter().map(|b| leaf_hash(&[*b])).collect::<Vec<_>>();
            let (old, new) = (hashes(&first), hashes(&second));
            let key = signer().verifier();
            let mut witness = Witness::default();
            witness.take(&request(&old, 0), &key).unwrap();
            // The forger makes the best proof there is of its own history.
            let asked = request(&new, old.len().min(new.len()));
            let taken = witness.take(&asked, &key).is_ok();
            prop_assert_eq!(taken, second.starts_with(&first));
        }
    }
}
