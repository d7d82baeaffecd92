//! Setting an engine up, and its end.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use regard_audience::BadSettings;
use regard_backends::{OpenError, SqliteOptions, SqliteStore, Store, StoreError};
use regard_commitments::{
    CameraSetup, EntryBody, LedgerEntry, NoteError, NoteSigner, Profile, ProfileError,
    PromiseFault, RetentionGate, SensingGate, SignatureFault, VerifiedCommitments, ledger_origin,
};
use regard_decision::{CampaignFault, Decision, Outcome, Planner};
use regard_domain::{CameraId, Clock, Timestamp};
use regard_inference::{Catalog, LibrarySearch, ManifestError, SelectError, select};
use thiserror::Error;

use crate::assembly::Assembly;
use crate::calendar::{Calendar, UnknownTimeZone};
use crate::chronicle::{Chronicle, ChronicleError, configuration_digest};
use crate::clock::SystemClock;
use crate::conductor::{Conductor, Seat};
use crate::config::EngineConfig;
use crate::handle::Engine;
use crate::keys::{self, KeyError};
use crate::recording::RecordingError;
use crate::seed::random_key;

/// How often rows whose time is over are removed.
const SWEEP_EVERY: Duration = Duration::from_secs(3_600);

/// How far back decisions are taken up again after a restart, for rewards still awaited: the longest
/// reward window a campaign may have is a day.
const RESUME_WINDOW: Duration = Duration::from_secs(86_400);

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
    /// The campaigns; every mistake is listed.
    #[error("the campaigns have {} mistakes", .0.len())]
    Campaigns(Vec<CampaignFault>),
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
    /// A thread.
    #[error("a thread could not be started")]
    Thread(#[source] io::Error),
}

/// What is promised, ready to be kept.
pub(crate) struct Promise {
    pub(crate) verified: VerifiedCommitments,
    pub(crate) profile: Profile,
    pub(crate) gate: SensingGate,
    pub(crate) retention: RetentionGate,
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
        keys::create_private(&config.data_dir).map_err(|source| StartError::DataDir {
            path: config.data_dir.clone(),
            source,
        })?;
        let store: Arc<dyn Store> =
            Arc::new(SqliteStore::open(&config.data_dir, SqliteOptions::default()).await?);
        Self::start_on(config, clock, store).await
    }

    async fn start_on(
        config: EngineConfig,
        clock: Arc<dyn Clock>,
        store: Arc<dyn Store>,
    ) -> Result<Self, StartError> {
        let keys = keys::open_or_create(&config.data_dir)?;
        let now = clock.now();
        let mut promise = promise(&config, &keys.commitments_key(), &store, now).await?;
        let origin = ledger_origin(&config.commitments.site.id);
        let signer = NoteSigner::new(origin, keys.ledger_key())?;
        let mut chronicle =
            Chronicle::open(Arc::clone(&store), signer, promise.retention.clone()).await?;
        let configuration = configuration_digest(&format!("{config:?}"));
        let started = LedgerEntry {
            at: now,
            body: EntryBody::Started { configuration },
        };
        chronicle
            .append(&[started, promise.gate.published(now)], now)
            .await?;
        chronicle.checkpoint(now).await?;

        let calendar = Calendar::new(config.time_zone.as_deref())?;
        let seed = random_key().map_err(KeyError::NoEntropy)?;
        let conductor = conductor(&config, &calendar, &store, seed, now).await?;
        for setup in camera_setups(&config) {
            promise.gate.register(setup);
        }
        let selection = select(config.runtime, &LibrarySearch::system())?;
        let catalog = Arc::new(Catalog::open(config.models.as_deref())?);
        Assembly {
            config,
            clock,
            store,
            promise,
            chronicle,
            conductor,
            calendar,
            seed,
            runtime: selection.runtime,
            catalog,
        }
        .run()
    }
}

async fn promise(
    config: &EngineConfig,
    key: &regard_commitments::SigningKey,
    store: &Arc<dyn Store>,
    now: Timestamp,
) -> Result<Promise, StartError> {
    let profile = Profile::named(&config.commitments.profile)?;
    let signed = config.commitments.sign(key);
    let verified = signed.verify(&key.verifying_key())?;
    let retention = RetentionGate::new(&verified, &profile)?;
    let gate = SensingGate::new(verified.clone(), profile.clone())?;
    let version = verified.document().version;
    if let regard_commitments::Answer::Granted(kept) = retention.keep(signed, now) {
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
            masks_staff_zones: false,
        })
        .collect()
}

/// A conductor that remembers: what was learned, what was shown, which rewards are awaited.
async fn conductor(
    config: &EngineConfig,
    calendar: &Calendar,
    store: &Arc<dyn Store>,
    seed: [u8; 32],
    now: Timestamp,
) -> Result<Conductor, StartError> {
    let mut planner = Planner::new(
        config.campaigns.clone(),
        config.default_message.clone(),
        config.context.clone(),
    )
    .map_err(StartError::Campaigns)?;
    for row in store.policies().await? {
        if let Err(error) = planner.load_policy(&row.campaign, &row.state) {
            // Learning for a campaign that was changed beyond recognition begins anew.
            tracing::warn!(campaign = %row.campaign, %error, "what was learned does not fit any more");
        }
    }
    for fact in store.facts().await? {
        if let Some(value) = fact.value
            && let Err(error) = planner.set_fact(&fact.name, value)
        {
            tracing::warn!(%error, "a fact was not taken up again");
        }
    }
    let since = Timestamp::from_micros(
        now.as_micros() - i64::try_from(RESUME_WINDOW.as_micros()).unwrap_or(i64::MAX),
    );
    let recent = store.decisions_since(since).await?;
    planner.restore(&store.campaign_totals().await?, recent.iter());
    let mut awaited: Vec<(Decision, Vec<Outcome>)> = Vec::new();
    for decision in recent.into_iter().filter(|d| d.campaign.is_some()) {
        let outcomes = store.outcomes_of(decision.id).await?;
        awaited.push((decision, outcomes));
    }
    let seats: Vec<Seat> = config
        .screens
        .iter()
        .map(|s| Seat {
            screen: s.screen.clone(),
            camera: s.camera.clone(),
        })
        .collect();
    let mut conductor = Conductor::new(calendar.clone(), planner, &seats, seed);
    conductor.resume(&awaited, now);
    Ok(conductor)
}

/// Removes rows whose time is over, now and every hour.
pub(crate) async fn sweep(store: Arc<dyn Store>, clock: Arc<dyn Clock>) {
    let mut beat = tokio::time::interval(SWEEP_EVERY);
    loop {
        beat.tick().await;
        match store.sweep(clock.now()).await {
            Ok(report) if report.total() > 0 => {
                tracing::info!(rows = report.total(), "rows past their time removed");
            }
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "rows past their time were not removed"),
        }
    }
}
