//! Setting an engine up, and its end.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use regard_audience::BadSettings;
use regard_backends::{OpenError, SqliteKeys, SqliteOptions, SqliteStore, Store, StoreError};
use regard_commitments::{
    Answer, CameraSetup, Digest, EntryBody, LedgerEntry, NoteError, NoteSigner, PlaceCodes,
    Profile, ProfileError, PromiseFault, RecognitionGate, RetentionGate, SensingGate,
    SignatureFault, SiteKeys, StudyGate, VerifiedCommitments, ledger_origin,
};
use regard_decision::{BadContextSpec, CampaignFault, Planner};
use regard_domain::{CameraId, Clock, Timestamp};
use regard_identity::{EMBEDDING_MODEL, ModelTag};
use regard_inference::{Catalog, LibrarySearch, ManifestError, Runtime, SelectError, select};
use thiserror::Error;
use tokio::sync::mpsc;

use crate::assembly::Assembly;
use crate::calendar::{Calendar, UnknownTimeZone};
use crate::chronicle::{Chronicle, ChronicleError, Line, configuration_digest};
use crate::clock::SystemClock;
use crate::collections::{CollectionError, Collections, CollectionsParts};
use crate::conductor::{Conductor, Seat};
use crate::config::{EngineConfig, RecognitionConfig};
use crate::custody::{Custodian, CustodyError, CustodyParts, Scribe, SiteKeyFile};
use crate::galleries::{Galleries, installation};
use crate::handle::Engine;
use crate::kept_campaigns;
use crate::keys::{self, KeyError};
use crate::paper_desk::{DeskParts, PaperDesk, PaperVersion, remember};
use crate::papers::MadePapers;
use crate::personalizer::{Personalizer, PersonalizerParts};
use crate::private_file::create_private_folder;
use crate::recognition::{RecognitionError, Recognizer, RecognizerParts};
use crate::recording::RecordingError;
use crate::remembered::Remembered;
use crate::seed::random_key;
use crate::statistics::{Statistician, StatisticsParts};
use crate::studies::{Studies, StudiesParts};
use crate::uses::{Uses, UsesByCamera};
use crate::zones::{self, ZonesDamaged};

/// Why an engine could not be started.
#[derive(Debug, Error)]
pub enum StartError {
    /// The data folder.
    #[error("the data folder {} cannot be used", path.display())]
    DataDir {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The store could not be opened.
    #[error("the store could not be opened")]
    Open(#[from] OpenError),
    /// The store could not be read or written.
    #[error("the store could not be read or written")]
    Store(#[from] StoreError),
    /// The site's key.
    #[error("the site's key cannot be used")]
    Key(#[from] KeyError),
    /// The profile is unknown.
    #[error("the profile of the commitments cannot be used")]
    Profile(#[from] ProfileError),
    /// The commitments promise what the profile does not allow.
    #[error("the commitments do not fit their profile")]
    Promise(#[from] PromiseFault),
    /// The commitments could not be signed and verified.
    #[error("the commitments could not be signed")]
    Signature(#[from] SignatureFault),
    /// A version was used before for other content.
    #[error(
        "commitments version {version} was signed before with other content; raise the version"
    )]
    VersionTaken {
        /// The version.
        version: u32,
    },
    /// The ledger's name.
    #[error("the ledger cannot be signed")]
    Note(#[from] NoteError),
    /// The ledger was changed or cannot be read.
    #[error("the ledger cannot be continued")]
    Ledger(#[from] ChronicleError),
    /// What belongs to persons cannot be kept.
    #[error("what belongs to persons cannot be kept")]
    Custody(#[from] CustodyError),
    /// Recognition cannot be taken up where it was.
    #[error("recognition cannot be taken up")]
    Recognition(#[from] RecognitionError),
    /// Collections of services cannot be taken up.
    #[error("the collections of services cannot be taken up")]
    Collections(#[from] CollectionError),
    /// The campaigns; every mistake is listed.
    #[error("the campaigns have {} mistakes", .0.len())]
    Campaigns(Vec<CampaignFault>),
    /// The slots of the screens.
    #[error("the slots of the screens cannot be learned from")]
    Slots(#[from] BadContextSpec),
    /// The time zone.
    #[error(transparent)]
    TimeZone(#[from] UnknownTimeZone),
    /// The tracker's settings.
    #[error("the tracker's settings cannot be used")]
    Crowd(#[from] BadSettings),
    /// The model runtime.
    #[error("the model runtime cannot be used")]
    Runtime(#[from] SelectError),
    /// The models.
    #[error("the models cannot be used")]
    Models(#[from] ManifestError),
    /// The recording.
    #[error("the recording cannot be begun")]
    Recording(#[from] RecordingError),
    /// Zones that were drawn: nothing is looked at without them.
    #[error(transparent)]
    Zones(#[from] ZonesDamaged),
    /// A thread.
    #[error("a thread could not be started")]
    Thread(#[source] io::Error),
}

/// What everybody in an engine stands on.
#[derive(Clone, Copy)]
struct Ground<'a> {
    config: &'a EngineConfig,
    promise: &'a Promise,
    keys: &'a SiteKeys,
    store: &'a Arc<dyn Store>,
    clock: &'a Arc<dyn Clock>,
}

/// What is promised, ready to be kept.
pub(crate) struct Promise {
    pub(crate) verified: VerifiedCommitments,
    pub(crate) profile: Profile,
    pub(crate) gate: SensingGate,
    pub(crate) retention: RetentionGate,
    pub(crate) place_codes: PlaceCodes,
}

impl Engine {
    /// Starts an engine. Must be called within a tokio runtime, which must outlive it.
    ///
    /// Nothing is looked at before the commitments are signed and kept, the ledger is verified, and
    /// their coming into force stands in it.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub async fn start(config: EngineConfig) -> Result<Self, StartError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        create_private_folder(&config.data_dir).map_err(|source| StartError::DataDir {
            path: config.data_dir.clone(),
            source,
        })?;
        let store: Arc<dyn Store> =
            Arc::new(SqliteStore::open(&config.data_dir, SqliteOptions::default()).await?);
        Self::start_on(config, clock, store).await
    }

    /// Starts an engine on a store and a clock of the caller's; the folder of the configuration then
    /// holds the site's keys and the keys of persons. Otherwise as [`Engine::start`].
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub async fn start_on(
        mut config: EngineConfig,
        clock: Arc<dyn Clock>,
        store: Arc<dyn Store>,
    ) -> Result<Self, StartError> {
        let keys = keys::open_or_create(&config.data_dir)?;
        let now = clock.now();
        let mut promise = promise(&config, &keys, &store, now).await?;
        let mut chronicle = chronicle(&config, &keys, &store, &promise, now).await?;
        let configured = kept_campaigns::digest(&config.campaigns);
        config.campaigns =
            kept_campaigns::in_force(&config, &*store, &promise.retention, now).await?;
        let calendar = Calendar::new(config.time_zone.as_deref())?;
        let papers = papers(&config, &mut chronicle, (&calendar, now)).await?;
        let catalog = Arc::new(Catalog::open(config.models.as_deref())?);
        let lines = mpsc::unbounded_channel();
        let ground = Ground {
            config: &config,
            promise: &promise,
            keys: &keys,
            store: &store,
            clock: &clock,
        };
        let custodian = custodian(
            ground,
            (&chronicle, lines.0.clone()),
            papers.as_ref().map(|made| made.assessed),
            face_model(&catalog),
        )
        .await?;
        let selection = select(config.runtime, &LibrarySearch::system())?;
        let recognizer = recognizer(
            ground,
            &custodian,
            (&chronicle, lines.0.clone()),
            (&selection.runtime, &catalog),
            &config.recognition,
        )
        .await?;
        let collections =
            collections(ground, &custodian, &recognizer, face_model(&catalog)).await?;
        let told = lines.0.clone();
        let desk = desk(&config, &chronicle, (&calendar, now), papers.as_ref(), told);
        let statistician = statistician(ground, (&chronicle, lines.0.clone()), &calendar);
        let personalizer = personalizer(ground, &calendar).await?;
        let said = (&chronicle, lines.0.clone());
        let studies = studies(ground, (&custodian, &recognizer), said);
        let seed = random_key().map_err(KeyError::NoEntropy)?;
        let remembered = Remembered::read(&*store, now).await?;
        let zones = zones::kept(&config, &*store).await??;
        for setup in camera_setups(&config) {
            promise.gate.register(setup);
        }
        let uses = uses(&config, &promise.gate, now);
        let conductor = conductor(&config, &calendar, &remembered, uses.clone(), seed)?;
        kept_campaigns::prolong_budgets(&config, &promise.retention, &*store, now).await?;
        Assembly {
            config,
            configured,
            clock,
            store,
            promise,
            chronicle,
            custodian,
            recognizer,
            collections,
            statistician,
            papers: Arc::new(desk),
            personalizer: Arc::new(personalizer),
            studies: Arc::new(studies),
            lines,
            conductor,
            uses,
            remembered,
            zones,
            calendar,
            seed,
            runtime: selection.runtime,
            catalog,
        }
        .run()
    }
}

/// Who holds faces for services, with what they held when the program ended.
async fn collections(
    ground: Ground<'_>,
    custodian: &Arc<Custodian>,
    recognizer: &Arc<Recognizer>,
    model: ModelTag,
) -> Result<Arc<Collections>, StartError> {
    let collections = Collections::new(CollectionsParts {
        store: Arc::clone(ground.store),
        custodian: Arc::clone(custodian),
        recognizer: Arc::clone(recognizer),
        retention: ground.promise.retention.clone(),
        clock: Arc::clone(ground.clock),
        model,
    });
    collections.take_up().await?;
    Ok(Arc::new(collections))
}

/// Who ranks for other programs, as it stood when the program ended.
async fn personalizer(ground: Ground<'_>, calendar: &Calendar) -> Result<Personalizer, StartError> {
    let parts = PersonalizerParts {
        store: Arc::clone(ground.store),
        retention: ground.promise.retention.clone(),
        calendar: calendar.clone(),
        clock: Arc::clone(ground.clock),
    };
    Ok(Personalizer::open(parts).await?)
}

/// The ledger, verified, with the beginning of this run and the coming into force of its commitments in it.
async fn chronicle(
    config: &EngineConfig,
    keys: &SiteKeys,
    store: &Arc<dyn Store>,
    promise: &Promise,
    now: Timestamp,
) -> Result<Chronicle, StartError> {
    let origin = ledger_origin(&config.commitments.site.id);
    let signer = NoteSigner::new(origin, keys.ledger_key())?;
    let mut chronicle =
        Chronicle::open(Arc::clone(store), signer, promise.retention.clone()).await?;
    if !chronicle.ended_well() {
        tracing::warn!(
            "the run before did not stop in good order; up to 50 ms of its decisions are missing"
        );
    }
    let configuration = configuration_digest(&format!("{config:?}"));
    let started = LedgerEntry {
        at: now,
        body: EntryBody::Started { configuration },
    };
    chronicle
        .append(&[started, promise.gate.published(now)], now)
        .await?;
    chronicle.checkpoint(now).await?;
    Ok(chronicle)
}

/// The papers about this configuration; where they are not those of the run before, the ledger says which, and a copy is
/// kept to compare.
async fn papers(
    config: &EngineConfig,
    chronicle: &mut Chronicle,
    (calendar, now): (&Calendar, Timestamp),
) -> Result<Option<MadePapers>, StartError> {
    let (Some(maker), Some(day)) = (&config.papers, calendar.day_of(now)) else {
        return Ok(None);
    };
    let made = maker.make(&config.campaigns, day, now);
    if let Some(body) = made.entry(&chronicle.said().papers) {
        if let Err(error) = made.keep(&config.data_dir) {
            tracing::warn!(%error, "no copy of the papers could be kept; `regard papers` makes them again");
        }
        chronicle
            .append(&[LedgerEntry { at: now, body }], now)
            .await?;
        chronicle.checkpoint(now).await?;
    }
    Ok(Some(made))
}

/// Where the papers are made and kept from now on.
fn desk(
    config: &EngineConfig,
    chronicle: &Chronicle,
    (calendar, now): (&Calendar, Timestamp),
    made: Option<&MadePapers>,
    lines: mpsc::UnboundedSender<Line>,
) -> PaperDesk {
    let said = chronicle.said();
    let mut versions = said.paper_versions.clone();
    let told = match made {
        None => said.papers.clone(),
        Some(made) => {
            let changed = made.changed_since(&said.papers);
            if !changed.is_empty() {
                let version = PaperVersion {
                    at: now,
                    all: made.all(),
                    changed: changed.into_keys().collect(),
                };
                remember(&mut versions, version);
            }
            made.papers.clone()
        }
    };
    PaperDesk::new(DeskParts {
        maker: config.papers.clone(),
        data_dir: config.data_dir.clone(),
        calendar: calendar.clone(),
        scribe: Scribe::new(lines, chronicle.verifier()),
        told,
        campaigns: config.campaigns.clone(),
        versions,
    })
}

/// Which network makes embeddings here; what another one made is not compared with.
fn face_model(catalog: &Catalog) -> ModelTag {
    let entry = catalog.entry(EMBEDDING_MODEL).ok();
    let tag = entry.and_then(|entry| ModelTag::from_sha256_text(&entry.sha256));
    // Without the network nothing is embedded, and nothing that was is compared.
    tag.unwrap_or(ModelTag::from_bits(0))
}

/// Who keeps what belongs to persons; what the ledger says was erased is erased again where it came back.
async fn custodian(
    ground: Ground<'_>,
    (chronicle, lines): (&Chronicle, mpsc::UnboundedSender<Line>),
    assessed: Option<Digest>,
    face_model: ModelTag,
) -> Result<Arc<Custodian>, StartError> {
    let Ground {
        config,
        promise,
        keys,
        store,
        clock,
    } = ground;
    let site_key = SiteKeyFile::open_or_create(&config.site_key, &config.data_dir)?;
    let persons = SqliteKeys::open(&config.data_dir).await?;
    let custodian = Custodian::new(CustodyParts {
        store: Arc::clone(store),
        keys: Arc::new(persons),
        site_key,
        receipts: keys.receipts_key(),
        mint: keys.face_tokens(),
        promise: promise.verified.clone(),
        profile: promise.profile.clone(),
        retention: promise.retention.clone(),
        assessed,
        clock: Arc::clone(clock),
        scribe: Scribe::new(lines, chronicle.verifier()),
        galleries: Arc::new(Galleries::new(
            config.recognition.gallery.clone(),
            installation(
                &promise.verified.document().site.id,
                &keys.receipts_key().verifying_key(),
            ),
        )),
        face_model,
    });
    custodian.reconcile(chronicle.said()).await?;
    custodian.fill_gallery().await?;
    Ok(Arc::new(custodian))
}

/// Who recognises those who asked for it; armed as when the program ended.
async fn recognizer(
    ground: Ground<'_>,
    custodian: &Arc<Custodian>,
    (chronicle, lines): (&Chronicle, mpsc::UnboundedSender<Line>),
    (runtime, catalog): (&Arc<dyn Runtime>, &Arc<Catalog>),
    config: &RecognitionConfig,
) -> Result<Arc<Recognizer>, StartError> {
    let Ground { promise, keys, .. } = ground;
    let mut gate = RecognitionGate::new(
        promise.verified.clone(),
        promise.profile.clone(),
        custodian.assessed(),
    );
    for attestation in &chronicle.said().ended_attestations {
        gate.attestation_ended(*attestation);
    }
    let recognizer = Recognizer::new(RecognizerParts {
        gate,
        custodian: Arc::clone(custodian),
        galleries: Arc::clone(custodian.galleries()),
        store: Arc::clone(ground.store),
        retention: promise.retention.clone(),
        clock: Arc::clone(ground.clock),
        scribe: Scribe::new(lines, chronicle.verifier()),
        attestations_key: keys.attestations_key(),
        assertions_key: keys.assertions_key(),
        issuer: format!("urn:regard:{}", promise.verified.document().site.id),
        runtime: Arc::clone(runtime),
        catalog: Arc::clone(catalog),
        config: config.clone(),
    });
    recognizer.take_up().await?;
    Ok(Arc::new(recognizer))
}

/// The studies of the site.
fn studies(
    ground: Ground<'_>,
    (custodian, recognizer): (&Arc<Custodian>, &Arc<Recognizer>),
    (chronicle, lines): (&Chronicle, mpsc::UnboundedSender<Line>),
) -> Studies {
    let promise = ground.promise;
    Studies::new(StudiesParts {
        gate: StudyGate::new(promise.verified.clone(), promise.profile.clone()),
        custodian: Arc::clone(custodian),
        recognizer: Arc::clone(recognizer),
        store: Arc::clone(ground.store),
        retention: promise.retention.clone(),
        profile: promise.profile.clone(),
        clock: Arc::clone(ground.clock),
        scribe: Scribe::new(lines, chronicle.verifier()),
    })
}

/// Who makes what leaves the site.
fn statistician(
    ground: Ground<'_>,
    (chronicle, lines): (&Chronicle, mpsc::UnboundedSender<Line>),
    calendar: &Calendar,
) -> Arc<Statistician> {
    let Ground {
        config, promise, ..
    } = ground;
    let parts = StatisticsParts {
        store: Arc::clone(ground.store),
        retention: promise.retention.clone(),
        calendar: calendar.clone(),
        clock: Arc::clone(ground.clock),
        cameras: config.cameras.iter().map(|c| c.camera.clone()).collect(),
        granted: promise.verified.document().privacy_budget(&promise.profile),
        scribe: Scribe::new(lines, chronicle.verifier()),
    };
    Arc::new(Statistician::new(parts, chronicle.said()))
}

async fn promise(
    config: &EngineConfig,
    keys: &SiteKeys,
    store: &Arc<dyn Store>,
    now: Timestamp,
) -> Result<Promise, StartError> {
    let profile = Profile::named(&config.commitments.profile)?;
    let key = keys.commitments_key();
    let signed = config.commitments.sign(&key);
    let verified = signed.verify(&key.verifying_key())?;
    let retention = RetentionGate::new(&verified, &profile)?;
    let gate = SensingGate::new(verified.clone(), profile.clone())?;
    let version = verified.document().version;
    if let Answer::Granted(kept) = retention.keep(signed, now) {
        store
            .put_commitments(version, &kept)
            .await
            .map_err(|error| match error {
                StoreError::Conflict { .. } => StartError::VersionTaken { version },
                other => StartError::Store(other),
            })?;
    }
    Ok(Promise {
        verified,
        profile,
        gate,
        retention,
        place_codes: keys.place_codes(),
    })
}

fn camera_setups(config: &EngineConfig) -> Vec<CameraSetup> {
    let screens_of = |camera: &CameraId| -> BTreeSet<_> {
        let watches = config
            .screens
            .iter()
            .filter(|s| s.camera.as_ref() == Some(camera));
        watches.map(|s| s.screen.clone()).collect()
    };
    config
        .cameras
        .iter()
        .map(|c| CameraSetup {
            camera: c.camera.clone(),
            screens: screens_of(&c.camera),
            masks_staff_zones: true,
        })
        .collect()
}

/// What data of each camera's audience may serve now.
fn uses(config: &EngineConfig, gate: &SensingGate, now: Timestamp) -> UsesByCamera {
    let cameras = config.cameras.iter().map(|c| Some(c.camera.clone()));
    std::iter::once(None)
        .chain(cameras)
        .map(|camera| {
            let (uses, _) = Uses::of(gate, camera.as_ref(), now);
            (camera, uses)
        })
        .collect()
}

/// A conductor that goes on where the run before left off.
fn conductor(
    config: &EngineConfig,
    calendar: &Calendar,
    remembered: &Remembered,
    uses: UsesByCamera,
    seed: [u8; 32],
) -> Result<Conductor, StartError> {
    let context = config.context.clone().with_slots(config.slots())?;
    let planner = Planner::new(
        config.campaigns.clone(),
        config.default_message.clone(),
        context,
    )
    .map_err(StartError::Campaigns)?;
    let seats: Vec<Seat> = config
        .screens
        .iter()
        .map(|s| Seat {
            screen: s.screen.clone(),
            camera: s.camera.clone(),
            slots: s.slots(),
        })
        .collect();
    Ok(remembered.conductor(planner, calendar.clone(), &seats, uses, seed))
}
