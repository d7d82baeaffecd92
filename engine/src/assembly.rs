//! Everything made becomes something running: threads, tasks, and the order of their end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use regard_audience::Crowd;
use regard_backends::Store;
use regard_commitments::{ConsentPurpose, Digest, EntryBody, LedgerEntry, PromiseStanding, Scopes};
use regard_domain::{CameraId, Clock, ScreenId};
use regard_inference::{Catalog, Runtime};
use regard_vision::{
    AnalyzerOptions, DetectorOptions, FaceAnalyzer, OpenOptions, PixelPool, PushQueue, SourceSpec,
};
use tokio::sync::{mpsc, oneshot, watch};

use crate::analysis::{Analysis, AnalysisLane};
use crate::calendar::Calendar;
use crate::camera::{CameraThread, Job};
use crate::chronicle::{Chronicle, ChronicleState, Line};
use crate::collections::Collections;
use crate::command::{Command, CommandSender, command_queue};
use crate::conductor::Conductor;
use crate::config::{CameraConfig, EngineConfig};
use crate::custody::Custodian;
use crate::greeter::{MAX_CALLS, greet};
use crate::handle::{CameraOutlet, Engine, Shared};
use crate::history::History;
use crate::keys::KeyError;
use crate::lane::{CameraGauge, Lane};
use crate::metrics::Metrics;
use crate::paper_desk::PaperDesk;
use crate::personalizer::Personalizer;
use crate::players::Players;
use crate::podium::{CameraPost, Facts, Outlets, People, Podium};
use crate::queue::{FRAME_QUEUE_LEN, FreshLanes};
use crate::recognition::Recognizer;
use crate::recorder::Recorder;
use crate::recording::{Head, RecordingWriter};
use crate::remembered::Remembered;
use crate::screen::play_in_process;
use crate::seed::random_key;
use crate::spot::{Spot, SpotCall, promised};
use crate::start::{Promise, StartError};
use crate::statistics::Statistician;
use crate::stopper::Stopper;
use crate::studies::Studies;
use crate::sweeper::sweep;
use crate::uses::UsesByCamera;
use crate::view::{Health, ScreenView};
use crate::zones::{DrawnZones, Hidden};

/// Everything made, nothing running yet.
pub(crate) struct Assembly {
    pub(crate) config: EngineConfig,
    /// Which campaigns the configuration had, before what was changed since.
    pub(crate) configured: Digest,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) promise: Promise,
    pub(crate) chronicle: Chronicle,
    pub(crate) custodian: Arc<Custodian>,
    pub(crate) recognizer: Arc<Recognizer>,
    pub(crate) collections: Arc<Collections>,
    pub(crate) statistician: Arc<Statistician>,
    pub(crate) papers: Arc<PaperDesk>,
    pub(crate) personalizer: Arc<Personalizer>,
    pub(crate) studies: Arc<Studies>,
    /// What the custodian and the statistician write to the ledger comes in here.
    pub(crate) lines: (mpsc::UnboundedSender<Line>, mpsc::UnboundedReceiver<Line>),
    pub(crate) conductor: Conductor,
    /// What data of each audience may serve at the beginning.
    pub(crate) uses: UsesByCamera,
    pub(crate) remembered: Remembered,
    /// Zones that the owner drew, by camera.
    pub(crate) zones: BTreeMap<CameraId, DrawnZones>,
    pub(crate) calendar: Calendar,
    pub(crate) seed: [u8; 32],
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) catalog: Arc<Catalog>,
}

/// What threads and tasks have in common.
struct Common {
    clock: Arc<dyn Clock>,
    commands: CommandSender,
    metrics: Arc<Metrics>,
    players: Arc<Players>,
    stopper: Stopper,
    recorder: Arc<Recorder>,
    chronicle: Arc<ChronicleState>,
    jobs: Arc<FreshLanes<Job>>,
    picture_allowed: bool,
}

/// One camera's parts on their way to their threads.
struct CameraParts {
    config: CameraConfig,
    lane: Arc<AnalysisLane>,
    preview: watch::Sender<Option<Arc<[u8]>>>,
    push: Option<PushQueue>,
    track_seed: [u8; 32],
}

/// The ends of channels that the last to leave holds.
struct Ends {
    engine: Engine,
    heard: Receiver<Command>,
    entries: mpsc::UnboundedReceiver<Line>,
    done: watch::Sender<bool>,
}

/// The writing and the reading end of what each screen is told.
type ScreenEnds = (
    BTreeMap<ScreenId, watch::Sender<Arc<ScreenView>>>,
    BTreeMap<ScreenId, watch::Receiver<Arc<ScreenView>>>,
);

impl Assembly {
    /// Starts every thread and task.
    pub(crate) fn run(mut self) -> Result<Engine, StartError> {
        let (commands, heard) = command_queue();
        let (stopper, done) = Stopper::new();
        let common = Common {
            clock: Arc::clone(&self.clock),
            commands,
            metrics: Arc::new(Metrics::default()),
            players: Arc::new(Players::default()),
            stopper,
            recorder: Recorder::new(self.promise.retention.clone()),
            chronicle: Arc::new(ChronicleState::default()),
            jobs: Arc::new(FreshLanes::new(
                self.config.cameras.len().max(1),
                FRAME_QUEUE_LEN,
            )),
            picture_allowed: self.promise.profile.shows_camera_picture(),
        };
        let (calls, acts) = mpsc::channel(MAX_CALLS);
        let (parts, outlets) = self.cameras(&calls)?;
        let (screens, views) = self.screens();
        let recording = self.recording(&parts)?;
        let (health_sender, health) = watch::channel(Arc::new(Health::starting(
            self.runtime.description(),
            self.promise.profile.name(),
            self.promise.verified.document().version,
        )));
        // The parts go to different owners; what is left behind is closed and never used.
        let closed = mpsc::unbounded_channel();
        let (entries, entries_end) = std::mem::replace(&mut self.lines, closed);
        let engine = self.handle(&common, views, outlets, health);
        self.analysis(&common, &parts, recording.is_some())?;
        let posts = parts.iter().map(post).collect();
        for (index, parts) in parts.into_iter().enumerate() {
            camera_thread(&common, index, parts)?;
        }
        for screen in self.in_process() {
            tokio::spawn(play_in_process(engine.clone(), screen));
        }
        if engine
            .shared
            .cameras
            .values()
            .any(|outlet| outlet.lane.spot.is_some())
        {
            tokio::spawn(greet(engine.clone(), acts));
        }
        let outlets = Outlets {
            screens,
            health: health_sender,
            entries,
            recorder: Arc::clone(&common.recorder),
            chronicle: Arc::clone(&common.chronicle),
            metrics: Arc::clone(&common.metrics),
        };
        let ends = Ends {
            engine: engine.clone(),
            heard,
            entries: entries_end,
            done,
        };
        self.podium(common, posts, outlets, recording, ends)?;
        Ok(engine)
    }

    fn watched_by(&self) -> BTreeMap<ScreenId, Option<CameraId>> {
        let screens = self.config.screens.iter();
        screens
            .map(|s| (s.screen.clone(), s.camera.clone()))
            .collect()
    }

    /// The screens that this program plays itself.
    fn in_process(&self) -> BTreeSet<ScreenId> {
        let played = self.config.screens.iter().filter(|s| s.in_process);
        played.map(|s| s.screen.clone()).collect()
    }

    fn screens(&self) -> ScreenEnds {
        let notice = Arc::new(self.promise.gate.notice().clone());
        let (mut senders, mut views) = (BTreeMap::new(), BTreeMap::new());
        for screen in &self.config.screens {
            let (sender, view) = watch::channel(Arc::new(ScreenView {
                screen: screen.screen.clone(),
                notice: Arc::clone(&notice),
                creatives: Arc::new(self.conductor.creatives(&screen.screen)),
                showing: None,
                layout: screen.layout.clone().map(Arc::new),
                beside: vec![None; screen.slots().len().saturating_sub(1)],
                preview: None,
                camera_open: false,
                refusal: None,
            }));
            senders.insert(screen.screen.clone(), sender);
            views.insert(screen.screen.clone(), view);
        }
        (senders, views)
    }

    /// Where somebody may be recognised by an act before a camera; nothing where no screen belongs to it, nobody wants that, or the
    /// commitments do not promise what it serves.
    fn spot(&self, camera: &CameraId, calls: &mpsc::Sender<SpotCall>) -> Option<Arc<Spot>> {
        let wanted = &self.config.recognition;
        let mut screens = self.config.screens.iter();
        if !screens.any(|screen| screen.camera.as_ref() == Some(camera)) {
            return None;
        }
        let reads_tokens = wanted.reads_tokens && self.promises(camera, ConsentPurpose::Verify);
        let marked = wanted.spots.iter().find(|(of, _)| of == camera);
        let marked = marked
            .map(|(_, spot)| *spot)
            .filter(|_| self.promises(camera, ConsentPurpose::Identify));
        (reads_tokens || marked.is_some()).then(|| {
            let spot = Spot::new(camera.clone(), reads_tokens, marked, calls.clone());
            Arc::new(spot)
        })
    }

    /// Whether an act before a camera may serve that purpose; where not, the log says why.
    fn promises(&self, camera: &CameraId, purpose: ConsentPurpose) -> bool {
        let standing = PromiseStanding {
            in_force: &self.promise.verified,
            taken_under: None,
            profile: &self.promise.profile,
            assessed: None,
        };
        let asked = promised(&standing, purpose, self.clock.now());
        if let Err(refusal) = &asked {
            tracing::warn!(
                %camera, %purpose, %refusal,
                "the configuration has people recognised before a camera, and they may not be"
            );
        }
        asked.is_ok()
    }

    fn cameras(
        &self,
        calls: &mpsc::Sender<SpotCall>,
    ) -> Result<(Vec<CameraParts>, BTreeMap<CameraId, CameraOutlet>), StartError> {
        let (mut parts, mut outlets) = (Vec::new(), BTreeMap::new());
        for config in &self.config.cameras {
            let track_seed = random_key().map_err(KeyError::NoEntropy)?;
            let crowd = Crowd::new(config.camera.clone(), self.config.crowd)?;
            let rng = ChaCha20Rng::from_seed(track_seed);
            let (live_sender, live) = watch::channel(None);
            let (preview_sender, preview) = watch::channel(None);
            let history = Arc::new(Mutex::new(History::default()));
            let push = matches!(config.source, SourceSpec::Push { .. }).then(PushQueue::new);
            let drawn = self.zones.get(&config.camera).cloned();
            let hidden = Hidden::new(Arc::new(drawn.unwrap_or_default()));
            let lane = Arc::new(AnalysisLane {
                lane: Lane::new(config.camera.clone(), crowd, rng, hidden),
                gauge: Arc::new(CameraGauge::new(config.source.to_string())),
                live: live_sender,
                history: Arc::clone(&history),
                full_resolution: config.full_resolution,
                placement: config.placement,
                last_moment: Mutex::new(None),
                spot: self.spot(&config.camera, calls),
            });
            let outlet = CameraOutlet {
                lane: Arc::clone(&lane),
                live,
                preview,
                history,
                pushed: push.clone(),
            };
            outlets.insert(config.camera.clone(), outlet);
            let preview = preview_sender;
            parts.push(CameraParts {
                config: config.clone(),
                lane,
                preview,
                push,
                track_seed,
            });
        }
        Ok((parts, outlets))
    }

    fn recording(&self, cameras: &[CameraParts]) -> Result<Option<RecordingWriter>, StartError> {
        let Some(path) = &self.config.recording else {
            return Ok(None);
        };
        let track_seeds = cameras
            .iter()
            .map(|c| (c.config.camera.clone(), c.track_seed));
        let head = Head::of(
            &self.config,
            &self.calendar,
            &self.seed,
            track_seeds,
            &self.uses,
        )?;
        let memories = self.remembered.memories();
        Ok(Some(RecordingWriter::create(path, head, memories)?))
    }

    fn handle(
        &self,
        common: &Common,
        screens: BTreeMap<ScreenId, watch::Receiver<Arc<ScreenView>>>,
        cameras: BTreeMap<CameraId, CameraOutlet>,
        health: watch::Receiver<Arc<Health>>,
    ) -> Engine {
        Engine {
            shared: Arc::new(Shared {
                clock: Arc::clone(&common.clock),
                commands: common.commands.clone(),
                metrics: Arc::clone(&common.metrics),
                health,
                screens,
                cameras,
                store: Arc::clone(&self.store),
                commitments: self.promise.verified.clone(),
                retention: self.promise.retention.clone(),
                notice: Arc::new(self.promise.gate.notice().clone()),
                watched_by: self.watched_by(),
                profile: self.promise.profile.clone(),
                place_codes: self.promise.place_codes.clone(),
                picture_allowed: common.picture_allowed,
                calendar: self.calendar.clone(),
                stopper: common.stopper.clone(),
                players: Arc::clone(&common.players),
                configured: self.configured,
                changing: tokio::sync::Mutex::new(()),
                custodian: Arc::clone(&self.custodian),
                recognizer: Arc::clone(&self.recognizer),
                collections: Arc::clone(&self.collections),
                statistician: Arc::clone(&self.statistician),
                papers: Arc::clone(&self.papers),
                personalizer: Arc::clone(&self.personalizer),
                studies: Arc::clone(&self.studies),
            }),
        }
    }

    fn analysis(
        &self,
        common: &Common,
        parts: &[CameraParts],
        recording: bool,
    ) -> Result<(), StartError> {
        let analysis = Arc::new(Analysis {
            jobs: Arc::clone(&common.jobs),
            lanes: parts.iter().map(|p| Arc::clone(&p.lane)).collect(),
            clock: Arc::clone(&common.clock),
            commands: common.commands.clone(),
            metrics: Arc::clone(&common.metrics),
            pool: PixelPool::new(),
            recording,
        });
        let options = analyzer_options(&self.config);
        for i in 0..self.config.n_workers.unwrap_or_else(n_cores).max(1) {
            let (runtime, catalog) = (Arc::clone(&self.runtime), Arc::clone(&self.catalog));
            let (analysis, options) = (Arc::clone(&analysis), options.clone());
            let make = move || {
                FaceAnalyzer::new(Arc::clone(&runtime), Arc::clone(&catalog), options.clone())
            };
            spawn(format!("analysis-{i}"), move || analysis.run(&make))?;
        }
        Ok(())
    }

    /// The conductor's thread, the tasks that write, and who waits for them at the end.
    fn podium(
        self,
        common: Common,
        cameras: BTreeMap<CameraId, CameraPost>,
        outlets: Outlets,
        recording: Option<RecordingWriter>,
        ends: Ends,
    ) -> Result<(), StartError> {
        let watched_by = self.watched_by();
        let (goodbye, swept) = (outlets.entries.clone(), outlets.entries.clone());
        let mut podium = Podium {
            clock: Arc::clone(&common.clock),
            cameras,
            watched_by,
            in_process: self.in_process(),
            gate: self.promise.gate,
            recognizer: Arc::clone(&self.recognizer),
            studies: Arc::clone(&self.studies),
            people: People::new(self.uses),
            conductor: self.conductor,
            calendar: self.calendar,
            players: common.players,
            outlets,
            facts: Facts {
                runtime: self.runtime.description(),
                picture_allowed: common.picture_allowed,
                started_at: common.clock.now(),
            },
            recording,
            stopper: common.stopper,
        };
        let Ends {
            engine,
            heard,
            entries,
            done,
        } = ends;
        let (left, end) = oneshot::channel();
        // Whoever has the engine finds its cameras in the first word about its health.
        podium.begin();
        spawn("podium".to_owned(), move || {
            podium.run(&heard);
            // Nobody waits when the runtime was shut down under us.
            let _ = left.send(());
        })?;
        let store = self.store;
        let recording = tokio::spawn(Arc::clone(&common.recorder).run(Arc::clone(&store)));
        let ledger = tokio::spawn(self.chronicle.run(
            entries,
            common.chronicle,
            common.commands,
            Arc::clone(&common.clock),
        ));
        let (end_sweeps, sweeps_end) = watch::channel(false);
        let clock = common.clock;
        let (custodian, recognizer, studies) = (self.custodian, self.recognizer, self.studies);
        let sweeper = tokio::spawn(sweep(
            Arc::clone(&store),
            Arc::clone(&clock),
            swept,
            (engine, Arc::clone(&custodian)),
            sweeps_end.clone(),
        ));
        let (statistician, papers) = (self.statistician, self.papers);
        let ranking = tokio::spawn(self.personalizer.run(sweeps_end.clone()));
        let releases = tokio::spawn(Arc::clone(&statistician).keep_releasing(sweeps_end));
        let (jobs, recorder) = (common.jobs, common.recorder);
        tokio::spawn(async move {
            let mut is_in_order = end.await.is_ok();
            jobs.close();
            drop(end_sweeps);
            recorder.close();
            is_in_order &= recording.await.is_ok() && recorder.fault().is_none();
            is_in_order &= sweeper.await.is_ok() & releases.await.is_ok() & ranking.await.is_ok();
            statistician.stop();
            papers.close();
            recognizer.stop();
            studies.stop();
            custodian.stop().await;
            if is_in_order {
                // If the ledger has failed, the end of the run is not in it; health said so.
                let (at, body) = (clock.now(), EntryBody::Stopped {});
                let _ = goodbye.send(LedgerEntry { at, body }.into());
            }
            drop(goodbye);
            let _ = ledger.await;
            store.close().await;
            custodian.close().await;
            done.send_replace(true);
        });
        Ok(())
    }
}

fn post(parts: &CameraParts) -> (CameraId, CameraPost) {
    let post = CameraPost {
        wanted: Scopes::AUDIENCE,
        gauge: Arc::clone(&parts.lane.gauge),
        is_open: false,
        refusal: None,
        fault: None,
    };
    (parts.config.camera.clone(), post)
}

fn camera_thread(common: &Common, index: usize, parts: CameraParts) -> Result<(), StartError> {
    let name = format!("camera-{}", parts.config.camera);
    let camera = CameraThread {
        camera: parts.config.camera,
        source: parts.config.source,
        options: OpenOptions {
            stop: common.stopper.flag(),
            push: parts.push,
            ..OpenOptions::default()
        },
        index,
        gauge: Arc::clone(&parts.lane.gauge),
        lane: parts.lane,
        lanes: Arc::clone(&common.jobs),
        clock: Arc::clone(&common.clock),
        commands: common.commands.clone(),
        metrics: Arc::clone(&common.metrics),
        preview: common.picture_allowed.then_some(parts.preview),
        stopper: common.stopper.clone(),
    };
    spawn(name, move || camera.run())
}

fn analyzer_options(config: &EngineConfig) -> AnalyzerOptions {
    AnalyzerOptions {
        detector: DetectorOptions {
            long_side_px: config.detector_long_side_px,
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
