//! Setting an engine up, and its end.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use regard_audience::{BadSettings, Crowd};
use regard_backends::{OpenError, SqliteOptions, SqliteStore, Store, StoreError};
use regard_commitments::{
    CameraSetup, EntryBody, LedgerEntry, NoteError, NoteSigner, Profile, ProfileError,
    PromiseFault, RetentionGate, Scope, Scopes, SensingGate, SignatureFault, VerifiedCommitments,
    ledger_origin,
};
use regard_decision::{CampaignFault, Decision, Outcome, Planner};
use regard_domain::{CameraId, Clock, Timestamp};
use regard_inference::{
    Catalog, LibrarySearch, ManifestError, Runtime, RuntimeChoice, SelectError, select,
};
use regard_vision::{
    AnalyzerOptions, DetectorOptions, FaceAnalyzer, OpenOptions, PixelPool, PushQueue, SourceSpec,
};
use thiserror::Error;
use tokio::sync::{mpsc, watch};

use crate::analysis::{Analysis, AnalysisLane};
use crate::calendar::{Calendar, UnknownTimeZone};
use crate::camera::CameraThread;
use crate::chronicle::{Chronicle, ChronicleError, ChronicleState, configuration_digest};
use crate::clock::SystemClock;
use crate::command::command_queue;
use crate::conductor::{Conductor, Seat};
use crate::config::{CameraConfig, EngineConfig};
use crate::handle::{CameraOutlet, Engine, Shared};
use crate::history::History;
use crate::keys::{self, KeyError};
use crate::lane::{CameraGauge, Lane};
use crate::metrics::Metrics;
use crate::players::Players;
use crate::podium::{CameraPost, Facts, Outlets, Podium};
use crate::queue::{FRAME_QUEUE_LEN, FreshLanes};
use crate::recorder::Recorder;
use crate::recording::{Head, RECORDING_FORMAT, RecordingError, RecordingWriter};
use crate::replay::seed_to_hex;
use crate::screen::play_in_process;
use crate::stopper::Stopper;
use crate::view::{Health, ScreenView};

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
struct Promise {
    verified: VerifiedCommitments,
    profile: Profile,
    gate: SensingGate,
    retention: RetentionGate,
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
        create_private(&config.data_dir).map_err(|source| StartError::DataDir {
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
        let seed = keys::random_seed()?;
        let conductor = conductor(&config, &calendar, &store, seed, now).await?;
        for setup in camera_setups(&config) {
            promise.gate.register(setup);
        }
        let selection = select(config.runtime, &search(config.runtime))?;
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

fn search(_: RuntimeChoice) -> LibrarySearch {
    LibrarySearch::system()
}

/// Creates a folder that only its owner can look into.
fn create_private(path: &std::path::Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
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

/// Everything made, nothing running yet.
struct Assembly {
    config: EngineConfig,
    clock: Arc<dyn Clock>,
    store: Arc<dyn Store>,
    promise: Promise,
    chronicle: Chronicle,
    conductor: Conductor,
    calendar: Calendar,
    seed: [u8; 32],
    runtime: Arc<dyn Runtime>,
    catalog: Arc<Catalog>,
}

/// One camera's parts on their way to their threads.
struct CameraParts {
    config: CameraConfig,
    gauge: Arc<CameraGauge>,
    preview: watch::Sender<Option<Arc<[u8]>>>,
    push: Option<PushQueue>,
    track_seed: [u8; 32],
}

impl Assembly {
    fn run(self) -> Result<Engine, StartError> {
        let (commands, heard) = command_queue();
        let (stopper, done) = Stopper::new();
        let metrics = Arc::new(Metrics::default());
        let players = Arc::new(Players::default());
        let recorder = Recorder::new(self.promise.retention.clone());
        let chronicle_state = Arc::new(ChronicleState::default());
        let (entries, entries_end) = mpsc::unbounded_channel();
        let picture_allowed = self.promise.profile.shows_camera_picture();
        let (cameras, lanes, outlets) = self.cameras()?;
        let notice = Arc::new(self.promise.gate.notice().clone());

        let mut screen_senders = BTreeMap::new();
        let mut screen_views = BTreeMap::new();
        for screen in &self.config.screens {
            let (sender, receiver) = watch::channel(Arc::new(ScreenView {
                screen: screen.screen.clone(),
                notice: Arc::clone(&notice),
                creatives: Arc::new(self.conductor.creatives(&screen.screen)),
                showing: None,
                camera_open: false,
                refusal: None,
            }));
            screen_senders.insert(screen.screen.clone(), sender);
            screen_views.insert(screen.screen.clone(), receiver);
        }
        let started_at = self.clock.now();
        let (health_sender, health) = watch::channel(Arc::new(Health::starting(
            self.runtime.description(),
            self.promise.profile.name(),
            self.promise.verified.document().version,
        )));
        let recording = self.recording(&cameras)?;
        let is_recording = recording.is_some();
        let engine = Engine {
            shared: Arc::new(Shared {
                clock: Arc::clone(&self.clock),
                commands: commands.clone(),
                metrics: Arc::clone(&metrics),
                health,
                screens: screen_views,
                cameras: outlets,
                store: Arc::clone(&self.store),
                commitments: self.promise.verified.clone(),
                notice,
                picture_allowed,
                calendar: self.calendar.clone(),
                stopper: stopper.clone(),
                players: Arc::clone(&players),
            }),
        };

        let podium = Podium {
            clock: Arc::clone(&self.clock),
            cameras: posts(&cameras),
            watched_by: self
                .config
                .screens
                .iter()
                .map(|s| (s.screen.clone(), s.camera.clone()))
                .collect(),
            in_process: self
                .config
                .screens
                .iter()
                .filter(|s| s.in_process)
                .map(|s| s.screen.clone())
                .collect(),
            gate: self.promise.gate,
            conductor: self.conductor,
            players,
            outlets: Outlets {
                screens: screen_senders,
                health: health_sender,
                entries,
                recorder: Arc::clone(&recorder),
                chronicle: Arc::clone(&chronicle_state),
                metrics: Arc::clone(&metrics),
            },
            facts: Facts {
                runtime: self.runtime.description(),
                picture_allowed,
                started_at,
            },
            recording,
            stopper: stopper.clone(),
        };
        let jobs = Arc::new(FreshLanes::new(lanes.len(), FRAME_QUEUE_LEN));
        let analysis = Arc::new(Analysis {
            jobs: Arc::clone(&jobs),
            lanes,
            clock: Arc::clone(&self.clock),
            commands: commands.clone(),
            metrics: Arc::clone(&metrics),
            pool: PixelPool::new(),
            recording: is_recording,
        });
        let n_workers = self.config.n_workers.unwrap_or_else(n_cores);
        for i in 0..n_workers.max(1) {
            let (analysis, runtime, catalog) = (
                Arc::clone(&analysis),
                Arc::clone(&self.runtime),
                Arc::clone(&self.catalog),
            );
            let options = analyzer_options(&self.config);
            spawn(format!("analysis-{i}"), move || {
                analysis.run(&|| {
                    FaceAnalyzer::new(Arc::clone(&runtime), Arc::clone(&catalog), options.clone())
                });
            })?;
        }
        for (lane, parts) in cameras.into_iter().enumerate() {
            let camera = CameraThread {
                camera: parts.config.camera.clone(),
                source: parts.config.source,
                options: OpenOptions {
                    stop: stopper.flag(),
                    push: parts.push,
                    ..OpenOptions::default()
                },
                lane,
                lanes: Arc::clone(&jobs),
                clock: Arc::clone(&self.clock),
                commands: commands.clone(),
                gauge: parts.gauge,
                metrics: Arc::clone(&metrics),
                preview: picture_allowed.then_some(parts.preview),
                stopper: stopper.clone(),
            };
            spawn(format!("camera-{}", parts.config.camera), move || {
                camera.run()
            })?;
        }
        let (podium_left, podium_end) = tokio::sync::oneshot::channel();
        spawn("podium".to_owned(), move || {
            podium.run(&heard);
            // The caretaker may be gone when the runtime was shut down under us.
            let _ = podium_left.send(());
        })?;
        for screen in self.config.screens.iter().filter(|s| s.in_process) {
            tokio::spawn(play_in_process(engine.clone(), screen.screen.clone()));
        }
        let recording_task = tokio::spawn(Arc::clone(&recorder).run(Arc::clone(&self.store)));
        let ledger_task = tokio::spawn(self.chronicle.run(
            entries_end,
            chronicle_state,
            commands,
            Arc::clone(&self.clock),
        ));
        let sweeper = tokio::spawn(sweep(Arc::clone(&self.store), Arc::clone(&self.clock)));
        let store = self.store;
        tokio::spawn(async move {
            let _ = podium_end.await;
            jobs.close();
            sweeper.abort();
            recorder.close();
            let _ = recording_task.await;
            let _ = ledger_task.await;
            store.close().await;
            done.send_replace(true);
        });
        Ok(engine)
    }

    #[expect(
        clippy::type_complexity,
        reason = "three lists of one camera's parts each"
    )]
    fn cameras(
        &self,
    ) -> Result<
        (
            Vec<CameraParts>,
            Vec<Arc<AnalysisLane>>,
            BTreeMap<CameraId, CameraOutlet>,
        ),
        StartError,
    > {
        let (mut parts, mut lanes, mut outlets) = (Vec::new(), Vec::new(), BTreeMap::new());
        for config in &self.config.cameras {
            let track_seed = keys::random_seed()?;
            let crowd = Crowd::new(config.camera.clone(), self.config.crowd)?;
            let rng = ChaCha20Rng::from_seed(track_seed);
            let gauge = Arc::new(CameraGauge::new(config.source.to_string()));
            let (live_sender, live) = watch::channel(None);
            let (preview_sender, preview) = watch::channel(None);
            let history = Arc::new(Mutex::new(History::default()));
            let push = matches!(config.source, SourceSpec::Push { .. }).then(PushQueue::new);
            lanes.push(Arc::new(AnalysisLane {
                lane: Lane::new(config.camera.clone(), crowd, rng),
                gauge: Arc::clone(&gauge),
                live: live_sender,
                history: Arc::clone(&history),
                full_resolution: config.full_resolution,
                placement: config.placement,
                last_moment: Mutex::new(None),
            }));
            outlets.insert(
                config.camera.clone(),
                CameraOutlet {
                    live,
                    preview,
                    history,
                    pushed: push.clone(),
                },
            );
            parts.push(CameraParts {
                config: config.clone(),
                gauge,
                preview: preview_sender,
                push,
                track_seed,
            });
        }
        Ok((parts, lanes, outlets))
    }

    fn recording(&self, cameras: &[CameraParts]) -> Result<Option<RecordingWriter>, StartError> {
        let Some(path) = &self.config.recording else {
            return Ok(None);
        };
        let head = Head {
            format: RECORDING_FORMAT,
            seed: seed_to_hex(&self.seed),
            cameras: cameras
                .iter()
                .map(|c| (c.config.camera.clone(), seed_to_hex(&c.track_seed)))
                .collect(),
            screens: self
                .config
                .screens
                .iter()
                .map(|s| (s.screen.clone(), s.camera.clone()))
                .collect(),
            campaigns: self.config.campaigns.clone(),
            default_message: self.config.default_message.clone(),
            time_zone: self.config.time_zone.clone(),
        };
        Ok(Some(RecordingWriter::create(path, &head)?))
    }
}

fn posts(cameras: &[CameraParts]) -> BTreeMap<CameraId, CameraPost> {
    let wanted = [Scope::Count, Scope::Attention, Scope::Expression]
        .into_iter()
        .fold(Scopes::default(), Scopes::with);
    cameras
        .iter()
        .map(|parts| {
            let post = CameraPost {
                wanted,
                gauge: Arc::clone(&parts.gauge),
                is_open: false,
                refusal: None,
                fault: None,
            };
            (parts.config.camera.clone(), post)
        })
        .collect()
}

fn analyzer_options(config: &EngineConfig) -> AnalyzerOptions {
    AnalyzerOptions {
        detector: DetectorOptions {
            long_side_px: config.detector_long_side_px,
            full_resolution: config.cameras.iter().any(|c| c.full_resolution),
            ..DetectorOptions::LIVE
        },
        ..AnalyzerOptions::LIVE
    }
}

fn n_cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn spawn(name: String, work: impl FnOnce() + Send + 'static) -> Result<(), StartError> {
    std::thread::Builder::new()
        .name(name)
        .spawn(work)
        .map(|_| ())
        .map_err(StartError::Thread)
}

/// Removes rows whose time is over, now and every hour.
async fn sweep(store: Arc<dyn Store>, clock: Arc<dyn Clock>) {
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
