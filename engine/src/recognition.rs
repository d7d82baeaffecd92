//! Recognition as it runs: the gate is asked, the ledger told, and only then is a face compared.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::rngs::StdRng;
use regard_backends::{Setting, Store, StoreError};
use regard_commitments::{
    Act, ActKind, Answer, Digest, GALLERY_SETTING_PREFIX, LedgerEntry, RecognitionGate,
    RecognitionKind, Refusal, RefusalCode, RetentionGate, Ruled, SigningKey, VerifyingKey,
};
use regard_domain::{Clock, GalleryId, PersonId, Timestamp};
use regard_identity::MatchScale;
use regard_inference::{Catalog, Runtime};
use regard_vision::LivenessFault;
use thiserror::Error;

use crate::config::RecognitionConfig;
use crate::custody::{Custodian, CustodyError, Scribe, own_gallery};
use crate::galleries::{Galleries, GalleryIndex, SearchError};
use crate::seed::fresh_rng;

mod attempts;
mod attestations;
mod attested;
mod before_screen;
mod capture;
mod ends;
mod going;
mod look;
mod searches;
mod studio;

pub use attempts::{Attempt, AttemptOutcome, MAX_ATTEMPTS_TOLD};
pub use attestations::{AttestationWish, KnownAttestation};
pub use capture::{CaptureFeedback, CaptureMode, CaptureStep};
pub use ends::{Claim, Visitor};
pub use going::{
    CaptureBegun, CaptureId, CaptureOutcome, FoundVisitor, MAX_PICTURE_BYTES, VerifiedClaim,
};
pub use look::{Look, Looked, LookedFace, MAX_LOOKED, PictureQuality};
pub use searches::{ComparedFace, SearchBegun, SearchId, SearchedPicture};
pub use studio::StudioError;

pub(crate) use attested::AttestedLeave;
pub(crate) use before_screen::kind_of;
pub(crate) use studio::Bench;

use attempts::Attempts;
use going::Goings;
use searches::Searches;
use studio::Studio;

/// Why nobody was recognised. No message names anyone.
#[derive(Debug, Error)]
pub enum RecognitionError {
    /// A rule says no.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// What belongs to persons.
    #[error(transparent)]
    Custody(#[from] CustodyError),
    /// The gallery.
    #[error("the gallery cannot be searched")]
    Search(#[from] SearchError),
    /// The store failed.
    #[error("the store could not be read or written")]
    Store(#[from] StoreError),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    NoEntropy(#[source] std::io::Error),
    /// There is no such go: it is over, or never was.
    #[error("there is nothing of that name that goes on")]
    UnknownCapture,
    /// The challenges go on.
    #[error("the challenges are not over yet")]
    Unfinished,
    /// As much goes on as there is room for.
    #[error("too many faces are being looked at already")]
    Busy,
    /// Too many wrong claims for one person.
    #[error("too many wrong claims were made for this person")]
    TooManyWrongClaims,
    /// Too many searches for one person.
    #[error("too many searches were begun for this person today")]
    TooManySearches,
    /// The clock of a camera cannot be believed.
    #[error("the time of the picture is too far from ours")]
    ClockSkew,
    /// More pictures than are looked at.
    #[error("too many pictures were sent")]
    TooManyPictures,
    /// The picture cannot be read.
    #[error("the picture cannot be read")]
    Picture(#[from] regard_vision::PhotoError),
    /// The picture could not be looked at.
    #[error(transparent)]
    Studio(#[from] StudioError),
    /// A template cannot be compared with.
    #[error("the template cannot be compared with")]
    Template(#[from] regard_identity::TemplateFault),
    /// An attestation cannot be made.
    #[error("the collection was not attested")]
    Attestation(#[from] regard_commitments::AttestationFault),
}

impl RecognitionError {
    /// Whether a picture is larger than is looked at, in bytes or in pixels.
    pub fn is_too_large(&self) -> bool {
        use regard_vision::PhotoError::{FileTooLarge, TooLarge};
        matches!(self, Self::Picture(FileTooLarge { .. } | TooLarge { .. }))
    }

    /// Whether a picture is of no form that is read here.
    pub fn is_unknown_form(&self) -> bool {
        use regard_vision::PhotoError::{NotAnImage, Unsupported};
        matches!(self, Self::Picture(NotAnImage | Unsupported { .. }))
    }
}

impl From<Refusal> for RecognitionError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// How a kind of recognition stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindStanding {
    /// Which kind.
    pub kind: RecognitionKind,
    /// Why it is off; nothing where it is on.
    pub refusal: Option<Refusal>,
    /// How often it was refused since the start, by code.
    pub n_refused: BTreeMap<RefusalCode, u64>,
}

/// How a gallery stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GalleryStanding {
    /// Its name.
    pub gallery: GalleryId,
    /// Whether it can be searched after an act.
    pub is_armed: bool,
    /// Persons who can be found in it.
    pub n_persons: u64,
    /// Their templates.
    pub n_templates: u64,
    /// How it is searched.
    pub index: GalleryIndex,
    /// Templates there is room for.
    pub max_templates: usize,
    /// Since when templates lie under the secret they lie under; nothing where that is not known: nobody enrolled, or a
    /// version of the program that did not note it.
    pub turned_over_at: Option<Timestamp>,
}

/// What a recognizer is made of.
pub(crate) struct RecognizerParts {
    pub(crate) gate: RecognitionGate,
    pub(crate) custodian: Arc<Custodian>,
    pub(crate) galleries: Arc<Galleries>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) retention: RetentionGate,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) scribe: Scribe,
    pub(crate) attestations_key: SigningKey,
    pub(crate) assertions_key: SigningKey,
    /// Who assertions are from.
    pub(crate) issuer: String,
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) config: RecognitionConfig,
}

/// Recognition of those who asked for it.
///
/// # Privacy
/// Turns faces into embeddings and compares them, each time under a key of the gate that the ledger was told of before.
pub struct Recognizer {
    gate: Mutex<RecognitionGate>,
    custodian: Arc<Custodian>,
    galleries: Arc<Galleries>,
    store: Arc<dyn Store>,
    retention: RetentionGate,
    clock: Arc<dyn Clock>,
    scribe: Scribe,
    attestations_key: SigningKey,
    attestations: Mutex<BTreeMap<Digest, KnownAttestation>>,
    assertions_key: SigningKey,
    issuer: String,
    config: RecognitionConfig,
    scale: MatchScale,
    studio: Studio,
    goings: Goings,
    searches: Searches,
    /// When claims for each person were wrong lately.
    wrong_claims: Mutex<BTreeMap<PersonId, Vec<Timestamp>>>,
    /// What came of the attempts of a day.
    attempts: Attempts,
    /// Checks that failed since the start, by why.
    faults: Mutex<BTreeMap<LivenessFault, u64>>,
}

impl Recognizer {
    pub(crate) fn new(parts: RecognizerParts) -> Self {
        Self {
            gate: Mutex::new(parts.gate),
            custodian: parts.custodian,
            galleries: parts.galleries,
            store: parts.store,
            retention: parts.retention,
            clock: parts.clock,
            scribe: parts.scribe,
            attestations_key: parts.attestations_key,
            attestations: Mutex::default(),
            assertions_key: parts.assertions_key,
            issuer: parts.issuer,
            config: parts.config,
            scale: MatchScale::built_in(),
            studio: Studio::new(parts.runtime, parts.catalog),
            goings: Goings::default(),
            searches: Searches::default(),
            wrong_claims: Mutex::default(),
            attempts: Attempts::default(),
            faults: Mutex::default(),
        }
    }

    fn gate(&self) -> MutexGuard<'_, RecognitionGate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn rng() -> Result<StdRng, RecognitionError> {
        fresh_rng().map_err(RecognitionError::NoEntropy)
    }

    /// What similarities are worth.
    pub fn scale(&self) -> &MatchScale {
        &self.scale
    }

    /// At which error rates is decided where nobody says another.
    pub fn config(&self) -> &RecognitionConfig {
        &self.config
    }

    fn wrong_claims(&self) -> MutexGuard<'_, BTreeMap<PersonId, Vec<Timestamp>>> {
        self.wrong_claims
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn count_faults(&self, faults: &[LivenessFault]) {
        let mut counted = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        for fault in faults {
            *counted.entry(*fault).or_default() += 1;
        }
    }

    /// How often the checks for prints and replays failed since the start, by why.
    pub fn liveness_faults(&self) -> BTreeMap<LivenessFault, u64> {
        let counted = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        counted.clone()
    }

    /// The public key that assertions are checked with.
    pub fn assertions_key(&self) -> VerifyingKey {
        self.assertions_key.verifying_key()
    }

    /// Asks the gate, and has the ledger say what it answered before anything comes of it.
    async fn ask<T>(
        &self,
        question: impl FnOnce(&mut RecognitionGate, Timestamp, &mut StdRng) -> Ruled<T>,
    ) -> Result<T, RecognitionError> {
        let mut rng = Self::rng()?;
        let Ruled { outcome, entries } = question(&mut self.gate(), self.now(), &mut rng);
        self.tell(entries).await?;
        Ok(outcome)
    }

    pub(crate) async fn tell(&self, entries: Vec<LedgerEntry>) -> Result<(), RecognitionError> {
        if entries.is_empty() {
            return Ok(());
        }
        self.scribe.note(entries).await.map_err(|_| {
            RecognitionError::Refused(Refusal::new(
                RefusalCode::LedgerUnavailable,
                "the ledger cannot be written, and what cannot be recorded is not done",
                "make room on the disk, or see in health why not",
            ))
        })
    }

    /// The ledger can be written, or cannot: then nothing is recognised, and what runs ends.
    pub(crate) fn ledger_writable(&self, is_writable: bool) {
        if is_writable {
            self.gate().ledger_available();
        } else {
            self.gate().ledger_unavailable();
        }
    }

    /// Somebody before the site's gallery acts: they want to be found in it. Good once, for a minute.
    ///
    /// # Errors
    /// [`RecognitionError`]; an act is not taken where nobody could be identified.
    pub async fn act(&self, kind: ActKind) -> Result<Act, RecognitionError> {
        let now = self.now();
        self.gate().may(RecognitionKind::Identify, now)?;
        self.ask(|gate, now, rng| gate.act_before(&own_gallery(), kind, now, rng))
            .await
    }

    /// Lets the site's gallery be searched after an act, or no more. It stays so over restarts.
    ///
    /// # Errors
    /// [`RecognitionError::Refused`] where the promise, the profile, an assessment or another way is missing.
    pub async fn arm(&self, is_armed: bool) -> Result<(), RecognitionError> {
        let gallery = own_gallery();
        let name = format!("{GALLERY_SETTING_PREFIX}{gallery}");
        if is_armed {
            self.gate().arm(&gallery, self.now())?;
            let setting = Setting {
                name,
                value: String::new(),
            };
            match self.retention.keep(setting, self.now()) {
                Answer::Granted(kept) => self.store.put_setting(&kept).await?,
                Answer::Refused(refusal) => {
                    self.gate().disarm(&gallery);
                    return Err(RecognitionError::Refused(refusal));
                }
            }
        } else {
            self.gate().disarm(&gallery);
            self.store.remove_setting(&name).await?;
        }
        Ok(())
    }

    /// Arms what was armed when the program ended, as far as that may still be.
    pub(crate) async fn take_up(&self) -> Result<(), RecognitionError> {
        let name = format!("{GALLERY_SETTING_PREFIX}{}", own_gallery());
        if self.store.setting(&name).await?.is_some() {
            match self.arm(true).await {
                Ok(()) => {}
                Err(RecognitionError::Refused(refusal)) => {
                    tracing::warn!(%refusal, "the gallery was armed and is not any more");
                    self.store.remove_setting(&name).await?;
                }
                Err(error) => return Err(error),
            }
        }
        if self.config.arms_gallery {
            match self.arm(true).await {
                Ok(()) => {}
                Err(RecognitionError::Refused(refusal)) => {
                    tracing::warn!(%refusal, "the configuration arms the gallery, and it may not be");
                }
                Err(error) => return Err(error),
            }
        }
        self.take_up_attestations().await
    }

    /// How each kind of recognition stands.
    pub fn kinds(&self) -> Vec<KindStanding> {
        let (gate, now) = (self.gate(), self.now());
        let refusals = gate.refusals();
        RecognitionKind::ALL
            .iter()
            .map(|kind| KindStanding {
                kind: *kind,
                refusal: gate.may(*kind, now).err(),
                n_refused: refusals
                    .iter()
                    .filter(|((of, _), _)| of == kind)
                    .map(|((_, code), n)| (*code, *n))
                    .collect(),
            })
            .collect()
    }

    /// How each gallery stands; that of the site is always among them.
    pub async fn galleries(&self) -> Vec<GalleryStanding> {
        let turned_over_at = self.custodian.gallery_turned_over_at().await;
        let now = self.now();
        let look = move |galleries: &Galleries| {
            let mut sizes = galleries.sizes(now);
            if !sizes.iter().any(|(id, _, _)| *id == own_gallery()) {
                sizes.push((own_gallery(), 0, 0));
            }
            let told = sizes.into_iter().map(|(gallery, n_persons, n_templates)| {
                let index = galleries.index(&gallery);
                (gallery, index, n_persons, n_templates)
            });
            told.collect::<Vec<_>>()
        };
        let told = self.galleries.apart(look).await;
        let gate = self.gate();
        told.into_iter()
            .map(|(gallery, index, n_persons, n_templates)| GalleryStanding {
                is_armed: gate.is_armed(&gallery),
                turned_over_at: turned_over_at.filter(|_| gallery == own_gallery()),
                index,
                gallery,
                n_persons,
                n_templates,
                max_templates: self.config.gallery.max_templates,
            })
            .collect()
    }

    /// Ends the writing of entries, after what is under way.
    pub(crate) fn stop(&self) {
        self.scribe.close();
    }
}
