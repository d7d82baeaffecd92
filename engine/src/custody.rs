//! Who keeps what belongs to persons: their consents, receipts and keys.
//!
//! An act is done when its key is made or destroyed on the disk; what the ledger is to say about it is written in the
//! same transaction, and the act is acknowledged when the ledger has said it. `docs/custody.md` tells why an old backup,
//! an old file or a stolen disk brings nobody back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use rand::rngs::StdRng;
use regard_backends::{KeyStore, PersonRow, Store, StoreError};
use regard_commitments::{
    Agreed, Answer, Consent, ConsentPurpose, DataKey, Digest, EntryBody, FaceTokenFault,
    FaceTokenMint, KeySlot, LedgerEntry, Lifeline, LifelineWatch, LiveConsent, PersonFile,
    PersonToken, Profile, PromiseStanding, ProvenLeaf, Refusal, RefusalCode, RetentionGate,
    SealedAs, SigningKey, SiteKeyFault, SiteKeyring, VerifiedCommitments, Zeroizing,
};
use regard_domain::{Clock, PersonId, Timestamp};
use regard_identity::ModelTag;
use thiserror::Error;

use crate::galleries::{Galleries, SearchError};
use crate::keys::KeyError;
use crate::seed::fresh_rng;

mod acts;
mod erasing;
mod export;
mod face_quality;
mod faces;
mod gallery;
mod key_disk;
mod merges;
mod offers;
mod participant;
mod roster;
mod scribe;
mod secrets;
mod site_key_file;
mod studies;
#[cfg(test)]
pub(crate) mod tests;
mod token;
mod token_uri;
mod upkeep;
mod wishes;

pub use acts::{Agreement, Authenticated, Enrolled};
pub use export::{ExportedFace, PersonExport};
pub use face_quality::FaceQualityNote;
pub(crate) use faces::template_subject;
pub use faces::{ClaimedFace, FaceNote, KeptFace, MAX_FACES, MakeTemplate, OpenedFace};
pub use gallery::{Rekeyed, own_gallery};
pub use merges::MergeFault;
pub(crate) use merges::SaidMerges;
pub use offers::Offer;
pub(crate) use participant::{file_of, person_of};
pub use roster::{MAX_ROSTER_PAGE, PersonConsent, PersonNote};
pub(crate) use scribe::Scribe;
pub(crate) use secrets::Secret;
pub use site_key_file::{KeyPlace, SiteKeyFile};
pub(crate) use studies::{MOVEMENTS_KIND, SITTING_KIND};
pub use token::{TokenError, TokenProbe};
pub use token_uri::{BadTokenUri, TOKEN_SCHEME, TokenUri};
pub use upkeep::{Rotated, SweptKeys, rotate};
pub use wishes::{WishSource, Wishes};

use offers::Offers;

/// Entries that the ledger is given in one go.
const SETTLE_CHUNK: u32 = 100;

/// How long a key lives on for a database or another machine that takes its time to forget its person. Origin: half of the second
/// within which a withdrawal is done.
const FORGETTING: Duration = Duration::from_millis(500);

/// The kind of a person's file among what is sealed under the key of their record.
const FILE_KIND: &str = "file";

/// Why something was not done with what belongs to a person. No message names anyone.
#[derive(Debug, Error)]
pub enum CustodyError {
    /// A rule says no.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// The token is nobody's: never given out, or its record was erased.
    #[error("the token is not known here")]
    UnknownToken,
    /// The store or the file of keys failed.
    #[error("what belongs to persons could not be read or written")]
    Store(#[from] StoreError),
    /// The key of the site did not do its work.
    #[error("the key of the site cannot be used")]
    SiteKey(#[from] SiteKeyFault),
    /// The file with the key of the site.
    #[error("the key of the site cannot be read")]
    SiteKeyFile(#[from] KeyError),
    /// What was sealed does not open or is no record.
    #[error("a sealed record is damaged")]
    Damaged,
    /// More than there is room for.
    #[error("preferences take more than {max} bytes")]
    TooLarge {
        /// Most bytes.
        max: usize,
    },
    /// As many faces as a person may have enrolled.
    #[error("a person may have at most {max} faces enrolled; remove one first")]
    TooManyFaces {
        /// Most.
        max: usize,
    },
    /// Records do not answer as one, or do not stop doing so.
    #[error(transparent)]
    Merge(#[from] MergeFault),
    /// No template could be made of the face.
    #[error("no template could be made of the face")]
    NoTemplate,
    /// The face token that was shown opens nothing.
    #[error("the face token opens nothing")]
    FaceToken(#[from] FaceTokenFault),
    /// The gallery.
    #[error("the gallery cannot be changed")]
    Gallery(#[from] SearchError),
    /// It is done and durable, but the ledger could not say so yet; it will as soon as it can be written.
    #[error("it is done, but the ledger could not be written yet")]
    Unrecorded,
}

impl From<Refusal> for CustodyError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What a custodian is made of.
pub(crate) struct CustodyParts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) keys: Arc<dyn KeyStore>,
    pub(crate) site_key: SiteKeyFile,
    pub(crate) receipts: SigningKey,
    pub(crate) mint: FaceTokenMint,
    pub(crate) promise: VerifiedCommitments,
    pub(crate) profile: Profile,
    pub(crate) retention: RetentionGate,
    /// What an impact assessment of the configuration that runs is about.
    pub(crate) assessed: Option<Digest>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) scribe: Scribe,
    pub(crate) galleries: Arc<Galleries>,
    /// Which network makes embeddings.
    pub(crate) face_model: ModelTag,
}

/// Who keeps what belongs to persons.
///
/// # Privacy
/// Takes and gives personal data; each call says under whose authority.
pub struct Custodian {
    store: Arc<dyn Store>,
    keys: Arc<dyn KeyStore>,
    site_key: Mutex<SiteKeyFile>,
    ring: RwLock<SiteKeyring>,
    receipts: SigningKey,
    mint: FaceTokenMint,
    promise: VerifiedCommitments,
    profile: Profile,
    retention: RetentionGate,
    /// Changes with the configuration: an impact assessment of another one does not count.
    assessed: RwLock<Option<Digest>>,
    clock: Arc<dyn Clock>,
    scribe: Scribe,
    offers: Offers,
    /// Versions of the commitments that consents were given under; nothing for those that are not known any more.
    older: Mutex<BTreeMap<u32, Option<VerifiedCommitments>>>,
    /// Consents that somebody works under; those nobody holds any more are taken out when the next one comes.
    live: Mutex<BTreeMap<(PersonId, ConsentPurpose), LifelineWatch>>,
    /// Receipts that the ledger says ended, and when their time would have been over.
    ended: Mutex<BTreeMap<Digest, Timestamp>>,
    /// Held while something is changed, so that of two changes of one person none is lost.
    changing: tokio::sync::Mutex<()>,
    galleries: Arc<Galleries>,
    face_model: ModelTag,
    /// Held while the gallery is turned over to a fresh secret.
    rekeying: tokio::sync::Mutex<()>,
}

/// A person's record, opened.
struct Opened {
    row: PersonRow,
    key: DataKey,
    file: PersonFile,
}

impl Custodian {
    pub(crate) fn new(parts: CustodyParts) -> Self {
        Self {
            ring: RwLock::new(parts.site_key.ring()),
            store: parts.store,
            keys: parts.keys,
            site_key: Mutex::new(parts.site_key),
            receipts: parts.receipts,
            mint: parts.mint,
            promise: parts.promise,
            profile: parts.profile,
            retention: parts.retention,
            assessed: RwLock::new(parts.assessed),
            clock: parts.clock,
            scribe: parts.scribe,
            offers: Offers::default(),
            older: Mutex::default(),
            live: Mutex::default(),
            ended: Mutex::default(),
            changing: tokio::sync::Mutex::new(()),
            galleries: parts.galleries,
            face_model: parts.face_model,
            rekeying: tokio::sync::Mutex::new(()),
        }
    }

    /// The commitments in force.
    pub fn commitments(&self) -> &VerifiedCommitments {
        &self.promise
    }

    /// The public key that receipts are checked with.
    pub fn receipts_key(&self) -> regard_commitments::VerifyingKey {
        self.receipts.verifying_key()
    }

    /// Who can be found.
    pub(crate) fn galleries(&self) -> &Arc<Galleries> {
        &self.galleries
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What an impact assessment of the configuration that runs is about.
    pub(crate) fn assessed(&self) -> Option<Digest> {
        *self.assessed.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The configuration changed: what an assessment of it is about now.
    pub(crate) fn set_assessed(&self, assessed: Digest) {
        let mut held = self
            .assessed
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *held = Some(assessed);
    }

    fn rng() -> Result<StdRng, CustodyError> {
        Ok(fresh_rng().map_err(KeyError::NoEntropy)?)
    }

    fn ring(&self) -> SiteKeyring {
        self.ring
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Reads the keys of the site again: they were rotated while we run.
    fn reload_ring(&self) -> Result<(), CustodyError> {
        let mut file = self.site_key.lock().unwrap_or_else(PoisonError::into_inner);
        file.reload()?;
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = file.ring();
        Ok(())
    }

    /// Does something with the keys of the site, and once more with those of the file if they were rotated meanwhile.
    fn with_ring<T>(
        &self,
        mut work: impl FnMut(&SiteKeyring) -> Result<T, SiteKeyFault>,
    ) -> Result<T, CustodyError> {
        match work(&self.ring()) {
            Err(SiteKeyFault::Missing(_)) => {
                self.reload_ring()?;
                Ok(work(&self.ring())?)
            }
            done => Ok(done?),
        }
    }

    fn open_row(&self, row: PersonRow) -> Result<Opened, CustodyError> {
        let person = row.person;
        let key = self.with_ring(|ring| ring.unwrap((person, KeySlot::Record), &row.key, None))?;
        let bytes = key
            .open(&file_place(person), &row.file)
            .map_err(|_| CustodyError::Damaged)?;
        let file = serde_json::from_slice(&bytes).map_err(|_| CustodyError::Damaged)?;
        Ok(Opened { row, key, file })
    }

    async fn open(&self, person: PersonId) -> Result<Opened, CustodyError> {
        let row = self.keys.person(person).await?;
        self.open_row(row.ok_or(CustodyError::UnknownToken)?)
    }

    fn sealed_file(
        person: PersonId,
        key: &DataKey,
        file: &PersonFile,
    ) -> Result<Vec<u8>, CustodyError> {
        let text = serde_json::to_vec(file).map_err(|_| CustodyError::Damaged)?;
        Ok(key.seal(
            &file_place(person),
            &Zeroizing::new(text),
            &mut Self::rng()?,
        ))
    }

    /// The commitments that a consent was given under, if they are still known and signed by this site.
    async fn taken_under(
        &self,
        consent: &Consent,
    ) -> Result<Option<VerifiedCommitments>, CustodyError> {
        if consent.commitments == self.promise.digest() {
            return Ok(None);
        }
        let known = {
            let older = self.older.lock().unwrap_or_else(PoisonError::into_inner);
            older.get(&consent.version).cloned()
        };
        if let Some(known) = known {
            return Ok(known);
        }
        let stored = self.store.commitments(consent.version).await?;
        let verified = stored.and_then(|signed| signed.verify(self.promise.key()).ok());
        let mut older = self.older.lock().unwrap_or_else(PoisonError::into_inner);
        older.insert(consent.version, verified.clone());
        Ok(verified)
    }

    async fn rule(
        &self,
        file: &PersonFile,
        purpose: ConsentPurpose,
    ) -> Result<Answer<Agreed>, CustodyError> {
        let taken_under = match file.consent(purpose) {
            Some(consent) => self.taken_under(consent).await?,
            None => None,
        };
        let standing = PromiseStanding {
            in_force: &self.promise,
            taken_under: taken_under.as_ref(),
            profile: &self.profile,
            assessed: self.assessed(),
        };
        Ok(file.ask(purpose, &standing, self.now()))
    }

    /// Whether data of a person may serve a purpose, as a consent that dies when it is taken back.
    ///
    /// # Errors
    /// [`CustodyError`]; a refusal is an answer.
    pub async fn ask(
        &self,
        person: PersonId,
        purpose: ConsentPurpose,
    ) -> Result<Answer<LiveConsent>, CustodyError> {
        let file = match self.keys.person(person).await? {
            Some(row) => self.open_row(row)?.file,
            // Someone who is not known has agreed to nothing.
            None => PersonFile::new(self.promise.document().custody, false, self.now()),
        };
        let agreed = match self.rule(&file, purpose).await? {
            Answer::Granted(agreed) => agreed,
            Answer::Refused(refusal) => return Ok(Answer::Refused(refusal)),
        };
        // Looked up after the line is in place: a withdrawal at this moment finds the line, or we find its key gone.
        let lifeline = self.lifeline(person, purpose);
        let is_there = self.keys.purpose_key(person, purpose).await?.is_some();
        if !is_there || self.has_ended(agreed.receipt()) {
            return Ok(Answer::Refused(Refusal::new(
                RefusalCode::ConsentWithdrawn,
                format!("the consent to {purpose} was withdrawn"),
                "ask the person to agree anew",
            )));
        }
        Ok(Answer::Granted(LiveConsent::new(person, agreed, lifeline)))
    }

    fn has_ended(&self, receipt: Digest) -> bool {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.contains_key(&receipt)
    }

    fn lifeline(&self, person: PersonId, purpose: ConsentPurpose) -> Lifeline {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.retain(|_, watch| watch.is_held());
        if let Some(line) = live
            .get(&(person, purpose))
            .and_then(LifelineWatch::lifeline)
        {
            return line;
        }
        let line = Lifeline::default();
        live.insert((person, purpose), line.watch());
        line
    }

    /// Whoever works under these consents of a person stops at their next look.
    fn cut(&self, person: PersonId, which: impl Fn(ConsentPurpose) -> bool) {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.retain(|(whose, purpose), watch| {
            let is_meant = *whose == person && which(*purpose);
            if is_meant && let Some(line) = watch.lifeline() {
                line.cut();
            }
            !is_meant
        });
    }

    /// The same, and they are found no more where the consent to that is among them.
    async fn kill(&self, person: PersonId, which: impl Fn(ConsentPurpose) -> bool) {
        self.cut(person, &which);
        // Last, as a database may take its time: whoever was found before this is asked for once more.
        if which(ConsentPurpose::Identify) {
            let forgetting = self
                .galleries
                .apart(move |galleries| galleries.forget(person));
            // Beyond that it goes on by itself: whoever is found meanwhile has no consent any more.
            let _ = tokio::time::timeout(FORGETTING, forgetting).await;
        }
    }

    /// Has the ledger say what it is still to say, oldest first; what it said, with its proofs.
    async fn settle(&self) -> Result<Vec<(EntryBody, ProvenLeaf)>, CustodyError> {
        let mut said = Vec::new();
        loop {
            let pending = self.keys.pending(SETTLE_CHUNK).await?;
            if pending.is_empty() {
                return Ok(said);
            }
            for one in pending {
                let body = one.entry.body.clone();
                let written = self.scribe.write(one.entry).await;
                let written = written.map_err(|_| CustodyError::Unrecorded)?;
                // Said twice if we die here, and never not at all.
                self.keys.settle(&[one.number]).await?;
                said.push((body, written));
            }
        }
    }

    fn entry(&self, body: EntryBody) -> LedgerEntry {
        LedgerEntry {
            at: self.now(),
            body,
        }
    }

    /// Ends the writing of entries, after what is under way.
    pub(crate) async fn stop(&self) {
        let _order = self.changing.lock().await;
        self.scribe.close();
    }

    /// Closes the file of keys.
    pub(crate) async fn close(&self) {
        self.keys.close().await;
    }
}

fn file_place(person: PersonId) -> SealedAs<'static> {
    SealedAs {
        person,
        kind: FILE_KIND,
        name: "",
    }
}

/// The token in a text that somebody sent.
fn token_in(text: &str) -> Result<PersonToken, CustodyError> {
    text.trim().parse().map_err(|_| CustodyError::UnknownToken)
}
