//! One case of `bench loop`: the real engine on a made-up camera, in a process of its own.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use regard_audience::CrowdSettings;
use regard_commitments::Commitments;
use regard_decision::{Bounds, Campaign, ContextSpec, Creative, ExpressionTest, PolicyConfig};
use regard_domain::{CameraId, CampaignId, CreativeId, Expression, ScreenId};
use regard_engine::{
    CameraConfig, Engine, EngineConfig, LATENCY_BOUNDS_SECS, ScreenConfig, random_key,
};
use regard_inference::RuntimeChoice;
use regard_server::{Server, ServerConfig};
use regard_testkit::wall::{FaceWall, MAX_WALL_FACES, WALL_FPS};
use regard_vision::CameraPlacement;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::browser::Player;
use super::process::{cpu_secs, max_resident_mb};

/// Cameras of the case with several, and their frames a second. Origin: the design's budget.
const MANY_CAMERAS: (usize, u32) = (4, 15);

/// Faces before each of those.
const FACES_BEFORE_MANY: usize = 2;

/// Longest time the first analysed frame is waited for; a busy machine takes seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// Bands of the mean probability of `neutral` and of the mean attention, each with a message of its
/// own: whatever the audience does, some message ends and another begins.
const NEUTRAL_BANDS: u32 = 20;
const ATTENTION_BANDS: u32 = 5;

/// Shortest time a message may be shown: screens change at most three times a second.
const MIN_SHOW_MILLIS: u32 = 334;

/// What is played to how many cameras.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Case {
    is_full_hd: bool,
    fps: u32,
    n_faces: usize,
    pub(super) n_cameras: usize,
}

/// Order statistics of a latency, in milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Quantiles {
    pub(super) p50_millis: f64,
    pub(super) p95_millis: f64,
    pub(super) p99_millis: f64,
    pub(super) n: usize,
}

/// What one case measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct CaseReport {
    pub(super) name: String,
    pub(super) n_cameras: usize,
    pub(super) secs: f64,
    pub(super) runtime: String,
    /// Player that acknowledged.
    pub(super) player: String,
    /// From capture to the change acknowledged by the player.
    pub(super) to_screen: Quantiles,
    /// Share of those within 150 ms, in percent.
    pub(super) within_promise_percent: f64,
    /// From capture to the frame analysed.
    pub(super) to_analysed: Quantiles,
    /// Frames the sources had in that time.
    pub(super) frames_due: u64,
    pub(super) frames_captured: u64,
    pub(super) frames_analysed: u64,
    pub(super) dropped: BTreeMap<String, u64>,
    /// Of one core.
    pub(super) cpu_percent: f64,
    pub(super) max_resident_mb: f64,
}

impl Quantiles {
    /// Of latencies in milliseconds, by nearest rank; zeros for none.
    fn of(mut millis: Vec<f64>) -> Self {
        millis.sort_by(f64::total_cmp);
        let rank = |q: f64| {
            let rank = (millis.len() as f64 * q).ceil() as usize;
            let at = rank.clamp(1, millis.len().max(1)) - 1;
            millis.get(at).copied().unwrap_or(0.0)
        };
        Self {
            p50_millis: rank(0.5),
            p95_millis: rank(0.95),
            p99_millis: rank(0.99),
            n: millis.len(),
        }
    }
}

impl Case {
    /// Every case: both sizes with one to five faces, then four cameras.
    pub(super) fn all() -> Vec<Self> {
        let one = |is_full_hd, n_faces| Self {
            is_full_hd,
            fps: WALL_FPS,
            n_faces,
            n_cameras: 1,
        };
        let mut cases = Vec::new();
        for is_full_hd in [false, true] {
            cases.extend((1..=MAX_WALL_FACES).map(|n| one(is_full_hd, n)));
        }
        let (n_cameras, fps) = MANY_CAMERAS;
        cases.push(Self {
            is_full_hd: true,
            fps,
            n_faces: FACES_BEFORE_MANY,
            n_cameras,
        });
        cases
    }

    /// The case of that name.
    pub(super) fn named(name: &str) -> Result<Self> {
        let found = Self::all().into_iter().find(|c| c.name() == name);
        found.with_context(|| format!("no case is called {name:?}"))
    }

    /// `640x480@30 x3`: size, frames a second, faces; before it the cameras where there are several.
    pub(super) fn name(&self) -> String {
        let size = if self.is_full_hd {
            "1920x1080"
        } else {
            "640x480"
        };
        let cameras = match self.n_cameras {
            1 => String::new(),
            n => format!("{n} of "),
        };
        format!("{cameras}{size}@{} x{}", self.fps, self.n_faces)
    }

    fn wall(&self) -> FaceWall {
        if self.is_full_hd {
            FaceWall::full_hd(self.n_faces)
        } else {
            FaceWall::vga(self.n_faces)
        }
    }
}

/// A message for every band of the audience's expression and attention.
fn campaign() -> Result<Campaign> {
    let mut creatives = Vec::new();
    for neutral in 0..NEUTRAL_BANDS {
        for attention in 0..ATTENTION_BANDS {
            let name = format!("n{neutral}-a{attention}");
            let body = "Whoever is there sees this.";
            let mut creative = Creative::text(CreativeId::new(&name)?, name, body);
            creative.min_show_millis = MIN_SHOW_MILLIS;
            creative.transition_millis = 0;
            creative.duration_millis = 600_000;
            let edge = |n: u32, of: u32| f64::from(n) / f64::from(of);
            creative.when.expression = vec![ExpressionTest {
                label: Expression::Neutral,
                min: edge(neutral, NEUTRAL_BANDS),
                max: edge(neutral + 1, NEUTRAL_BANDS),
            }];
            creative.when.attention = Some(Bounds {
                min: Some(edge(attention, ATTENTION_BANDS)),
                max: Some(edge(attention + 1, ATTENTION_BANDS)),
            });
            creatives.push(creative);
        }
    }
    Ok(Campaign {
        id: CampaignId::new("bands")?,
        name: "Bands".to_owned(),
        priority: 1,
        weight: 1.0,
        enabled: true,
        screens: std::collections::BTreeSet::new(),
        schedule: regard_decision::Schedule::default(),
        budget: regard_decision::Budget::default(),
        policy: PolicyConfig::Rules {},
        experiment: None,
        guardrails: Vec::new(),
        expression: regard_decision::ExpressionUse::Auto,
        reward: regard_decision::RewardRule::default(),
        viewer_benefit: "Messages that follow the audience".to_owned(),
        human_contact: String::new(),
        creatives,
    })
}

fn config(
    case: &Case,
    (folder, clip): (&Path, &Path),
    (is_browser, runtime): (bool, RuntimeChoice),
) -> Result<EngineConfig> {
    let source = format!("clip:{}?fps={}&loop", clip.display(), case.fps);
    let (mut cameras, mut screens) = (Vec::new(), Vec::new());
    for n in 0..case.n_cameras {
        let camera = CameraId::new(format!("camera{n}"))?;
        cameras.push(CameraConfig {
            camera: camera.clone(),
            source: source.parse()?,
            placement: CameraPlacement::default(),
            full_resolution: false,
        });
        screens.push(ScreenConfig {
            screen: ScreenId::new(format!("screen{n}"))?,
            camera: Some(camera),
            in_process: !is_browser,
        });
    }
    let mut default_message = Creative::text(CreativeId::new("nobody")?, "Nobody", "");
    default_message.min_show_millis = MIN_SHOW_MILLIS;
    default_message.transition_millis = 0;
    Ok(EngineConfig {
        data_dir: folder.join("data"),
        commitments: Commitments::demo(),
        cameras,
        screens,
        campaigns: vec![campaign()?],
        default_message,
        context: ContextSpec::default(),
        time_zone: Some("UTC".to_owned()),
        crowd: CrowdSettings::default(),
        n_workers: None,
        runtime,
        models: None,
        detector_long_side_px: 320,
        site_key: regard_engine::SiteKeyConfig::default(),
        recognition: regard_engine::RecognitionConfig::default(),
        papers: None,
        recording: None,
    })
}

/// Runs one case for so many seconds after the first analysed frame.
pub(super) fn run(
    case: &Case,
    secs: u64,
    (is_browser, choice): (bool, RuntimeChoice),
) -> Result<CaseReport> {
    ensure!(secs > 0, "--secs 0: at least one second is needed");
    let folder = tempfile::tempdir().context("a temporary folder")?;
    let clip = folder.path().join("wall.mjpeg");
    case.wall().write(&clip).context("the made-up clip")?;
    // The peak of making the clip is not the program's; where Linux refuses, it stays below it.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let config = config(case, (folder.path(), &clip), (is_browser, choice))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let engine = Engine::start(config).await?;
        let result = if is_browser {
            in_browser(case, secs, &engine, folder.path()).await
        } else {
            measure(case, secs, &engine).await
        };
        engine.stop().await;
        result
    })
}

/// The same with a server and a browser on its screen page.
async fn in_browser(case: &Case, secs: u64, engine: &Engine, folder: &Path) -> Result<CaseReport> {
    let key = random_key().context("the system gives no random bytes")?;
    let mut server = ServerConfig::new(folder.join("assets"), key);
    server.listen.set_port(0);
    let bound = Server::bind(server, engine.clone()).await?;
    let page = format!("http://{}/screen/screen0", bound.address());
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(bound.run(async {
        let _ = stopped.await;
    }));
    let player = Player::open(&page, &folder.join("chromium"))?;
    let report = measure(case, secs, engine).await;
    drop(player);
    let _ = stop.send(());
    serving.await?;
    report
}

async fn measure(case: &Case, secs: u64, engine: &Engine) -> Result<CaseReport> {
    let analysed = Arc::new(Mutex::new(Vec::new()));
    let mut watchers = Vec::new();
    for camera in engine.cameras() {
        let mut live = engine.live(&camera)?;
        let (engine, analysed) = (engine.clone(), Arc::clone(&analysed));
        watchers.push(tokio::spawn(async move {
            while live.changed().await.is_ok() {
                let at = live.borrow_and_update().as_ref().map(|view| view.at);
                if let Some(at) = at {
                    let millis = engine.now().saturating_since(at).as_secs_f64() * 1e3;
                    let mut all = analysed.lock().unwrap_or_else(PoisonError::into_inner);
                    all.push(millis);
                }
            }
        }));
    }
    let began = Instant::now();
    while engine.metrics().frame_to_screen.count == 0 {
        if began.elapsed() > PATIENCE {
            bail!("no change reached the screen within {PATIENCE:?}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (before, cpu_before, measured) = (engine.metrics(), cpu_secs(), Instant::now());
    analysed
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clear();
    tokio::time::sleep(Duration::from_secs(secs)).await;
    let (after, elapsed) = (engine.metrics(), measured.elapsed().as_secs_f64());
    let cpu = cpu_secs() - cpu_before;
    for watcher in watchers {
        watcher.abort();
    }
    let dropped: BTreeMap<String, u64> = after
        .dropped
        .iter()
        .map(|(reason, n)| (reason.name().to_owned(), n - before.dropped[reason]))
        .collect();
    let captured = after.frames - before.frames;
    let latency = engine.latency();
    let histogram = &after.frame_to_screen;
    let promise = LATENCY_BOUNDS_SECS.iter().position(|b| *b >= 0.15);
    let within = promise.map_or(0, |at| histogram.cumulative[at]);
    let health = engine.health().borrow().clone();
    let player = health.screens.first().and_then(|s| s.player.clone());
    let to_analysed = analysed
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    Ok(CaseReport {
        name: case.name(),
        n_cameras: case.n_cameras,
        secs: elapsed,
        runtime: health.runtime.clone(),
        player: player.unwrap_or_else(|| "nobody".to_owned()),
        to_screen: Quantiles {
            p50_millis: latency.p50_millis,
            p95_millis: latency.p95_millis,
            p99_millis: latency.p99_millis,
            n: latency.n,
        },
        within_promise_percent: within as f64 / histogram.count.max(1) as f64 * 100.0,
        to_analysed: Quantiles::of(to_analysed),
        frames_due: (elapsed * f64::from(case.fps)) as u64 * case.n_cameras as u64,
        frames_captured: captured,
        frames_analysed: captured.saturating_sub(dropped.values().sum()),
        dropped,
        cpu_percent: cpu / elapsed * 100.0,
        max_resident_mb: max_resident_mb(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_found_by_their_names() {
        let all = Case::all();
        assert_eq!(all.len(), 11);
        for case in all {
            assert_eq!(Case::named(&case.name()).unwrap(), case);
        }
        assert!(Case::named("320x240").is_err());
    }

    #[test]
    fn quantiles_are_order_statistics() {
        let quantiles = Quantiles::of((1..=200).rev().map(f64::from).collect());
        assert_eq!(quantiles.p50_millis, 100.0);
        assert_eq!(quantiles.p95_millis, 190.0);
        assert_eq!(quantiles.p99_millis, 198.0);
        assert_eq!(Quantiles::of(Vec::new()).n, 0);
    }

    #[test]
    fn the_messages_are_fit_to_be_shown() {
        let default = Creative::text(CreativeId::new("nobody").unwrap(), "Nobody", "");
        let planner = regard_decision::Planner::new(
            vec![campaign().unwrap()],
            default,
            ContextSpec::default(),
        );
        assert!(planner.is_ok(), "{:?}", planner.err());
    }
}
