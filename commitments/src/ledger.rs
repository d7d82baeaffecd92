//! The ledger: what the gates said, in an order that cannot be changed unnoticed.

use std::collections::BTreeMap;

use regard_domain::{CameraId, Timestamp};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::access::{Actor, AdminAct};
use crate::commitments::Custody;
use crate::consent::{ConsentPurpose, EndReason};
use crate::date::Date;
use crate::digest::{Digest, canonical_json};
use crate::epsilon::Epsilon;
use crate::merkle::{MerkleTree, leaf_hash};
use crate::note::{Checkpoint, NoteSigner, NoteVerifier};
use crate::paper::PaperKind;
use crate::recognition::{ActKind, RecognitionKind};
use crate::refusal::RefusalCode;
use crate::release::Detail;
use crate::retention::{DataKind, Retained};
use crate::scope::{Scope, Scopes};
use crate::seal::SiteKeyId;
use crate::signed::SignedCommitments;

mod check;

pub use self::check::{LedgerCheck, LedgerFault, LedgerReport, verify_ledger};

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
    /// Somebody acted: they want to be recognised, or enrolled.
    Acted {
        /// Hash of the random id of the act.
        act: Digest,
        /// How.
        by: ActKind,
    },
    /// Leave was given to recognise a face, before anything was computed of it.
    RecognitionGranted {
        /// As which kind.
        recognition: RecognitionKind,
        /// Hash of the random number of the grant.
        number: Digest,
        /// Whose record it is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subject: Option<Digest>,
        /// Receipts of the consents it stands on.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        receipts: Vec<Digest>,
        /// Which gallery it opens, as [`gallery_subject`](crate::gallery_subject) names it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gallery: Option<Digest>,
        /// The act that it used up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        act: Option<Digest>,
        /// Hash of the attestation it stands on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attestation: Option<Digest>,
        /// The instant from which it no longer holds.
        until: Timestamp,
    },
    /// A face was not recognised.
    RecognitionRefused {
        /// As which kind it was asked for.
        recognition: RecognitionKind,
        /// Why.
        code: RefusalCode,
        /// The grant, where one had been given before its face turned out not to be a live one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        number: Option<Digest>,
        /// Refusals before it that were too many to tell one by one.
        n_untold: u64,
    },
    /// Somebody who was recognised may enter the context of decisions.
    PersonalizationGranted {
        /// Whose record.
        subject: Digest,
        /// Receipt of the consent to it.
        receipt: Digest,
        /// The instant from which it no longer holds.
        until: Timestamp,
    },
    /// Somebody who was recognised enters no context.
    PersonalizationRefused {
        /// Why.
        code: RefusalCode,
        /// Refusals before it that were too many to tell one by one.
        n_untold: u64,
    },
    /// A participant of a study sits down: they are looked at in the pictures that they hand in.
    StudyGranted {
        /// Whose record.
        subject: Digest,
        /// Receipt of the consent to it.
        receipt: Digest,
        /// Hash of the random number of the sitting.
        number: Digest,
        /// The instant from which it no longer holds.
        until: Timestamp,
    },
    /// A participant of a study is not looked at, or not for movements of a fraction of a second.
    StudyRefused {
        /// Why.
        code: RefusalCode,
        /// Refusals before it that were too many to tell one by one.
        n_untold: u64,
    },
    /// A template was made, and kept or handed to its person.
    TemplateMade {
        /// Whose record.
        subject: Digest,
        /// Hash of its random id.
        template: Digest,
        /// Where it is.
        custody: Custody,
        /// Under which grant.
        number: Digest,
        /// The instant from which it serves nothing any more.
        until: Timestamp,
    },
    /// A template was destroyed while its consent goes on.
    TemplateRemoved {
        /// Whose record.
        subject: Digest,
        /// Hash of its random id.
        template: Digest,
    },
    /// A record answers as another one of the same person where people are looked for, at the wish of that person.
    RecordsMerged {
        /// The record that is no longer answered with.
        subject: Digest,
        /// The record that is answered with instead.
        into: Digest,
    },
    /// A record answers for itself again.
    MergeUndone {
        /// Which record.
        subject: Digest,
        /// The record that it answered as.
        into: Digest,
        /// Whether the two turned out to be of two people.
        are_two: bool,
    },
    /// Two records are known to be of two people: they never answer as one.
    ToldApart {
        /// The one record.
        subject: Digest,
        /// The other.
        other: Digest,
    },
    /// A gallery was turned over to a fresh secret; the older one was destroyed.
    GalleryRekeyed {
        /// Which, as [`gallery_subject`](crate::gallery_subject) names it.
        gallery: Digest,
        /// Templates that went over.
        n_templates: u64,
    },
    /// A collection of a service was removed with the key of all that was in it.
    CollectionRemoved {
        /// Which, as [`gallery_subject`](crate::gallery_subject) names it.
        collection: Digest,
        /// Templates that went with it.
        n_templates: u64,
    },
    /// The privacy officer attested a collection.
    AttestationMade {
        /// Hash of its signed text.
        attestation: Digest,
        /// The collection, as [`gallery_subject`](crate::gallery_subject) names it.
        collection: Digest,
        /// The instant from which it no longer holds.
        until: Timestamp,
    },
    /// An attestation was taken back.
    AttestationEnded {
        /// Hash of its signed text.
        attestation: Digest,
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
    /// Whether it tells of a biometric operation, which needs a live consent, or what the law lets stand in its place.
    pub const fn is_biometric(&self) -> bool {
        matches!(
            self,
            Self::RecognitionGranted { .. } | Self::TemplateMade { .. }
        )
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

#[cfg(test)]
mod tests;
