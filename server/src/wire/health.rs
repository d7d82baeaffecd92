//! How the engine is, and the word it keeps.

use std::collections::BTreeMap;

use regard_domain::Timestamp;
use regard_engine::{CameraHealth, Engine, Health as EngineHealth};
use serde::Serialize;
use utoipa::ToSchema;

use super::screen::RefusalBody;
use crate::app::App;

/// One camera.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Camera {
    id: String,
    /// Where its frames come from, without credentials.
    source: String,
    open: bool,
    /// Why it is not: the gate.
    refusal: Option<RefusalBody>,
    /// Why it is not: the device.
    fault: Option<String>,
    /// What data of its audience may not serve now, and why.
    withheld: Vec<RefusalBody>,
    /// Until when somebody in front of it agreed to be looked at, where that is needed.
    agreed_until_micros: Option<i64>,
    /// Until when it stays shut because somebody asked not to be looked at.
    objected_until_micros: Option<i64>,
    /// Frames captured in the last second.
    fps: f32,
    /// Frames analysed in the last second.
    analyzed_fps: f32,
    /// Frames dropped since start, by reason.
    dropped: BTreeMap<&'static str, u64>,
    /// Whether the profile lets the console show its picture.
    picture_allowed: bool,
    /// Whether it takes the frames of a browser.
    takes_frames: bool,
}

/// From capture to glass.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Latency {
    p50: f64,
    p95: f64,
    p99: f64,
    /// How many latencies.
    n: usize,
}

/// Whether rows are being kept.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct StoreState {
    ok: bool,
    /// Why they are not.
    fault: Option<String>,
    /// Rows that wait to be written.
    queued: usize,
    /// Rows that were lost, because too many waited.
    lost: u64,
}

/// The ledger.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Ledger {
    /// Entries.
    size: u64,
    /// Whether it can be written. If not, cameras are closed and screens show the default message alone.
    ok: bool,
    /// Why it cannot.
    fault: Option<String>,
}

/// One screen.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Screen {
    id: String,
    /// Whether its notice is reported in view.
    alive: bool,
    /// Who plays it.
    player: Option<String>,
    /// How often somebody in front of it asked not to be looked at within the last hour.
    objections_last_hour: usize,
    /// Whether that is so often that somebody should look into it. Nobody is refused for it.
    objections_repeated: bool,
}

/// The word in force.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Promise {
    profile: String,
    version: u32,
    effective_from: String,
    controller: String,
    scopes: Vec<&'static str>,
    /// Hash of the document.
    hash: String,
}

/// What the process has taken from itself.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Sandbox {
    /// Files and ports, in words.
    files: String,
    /// Calls into the kernel, in words.
    calls: String,
}

/// The certificate that browsers are shown.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Certificate {
    /// `owner` (from the owner's files), `own` (made here; browsers warn of it) or `authority` (by ACME).
    origin: &'static str,
    /// Until when it is valid, in microseconds since 1970, where that can be read.
    valid_until_micros: Option<i64>,
    /// What is asked of an authority, where one is named.
    acme: Option<Acme>,
}

/// How it stands with the authority that issues certificates.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Acme {
    /// Its directory.
    directory: String,
    /// The names and addresses it is asked for.
    domains: Vec<String>,
    /// When it is asked the next time, in microseconds since 1970.
    next_try_at_micros: i64,
    /// How many tries failed since the last one that did not.
    n_failures: u32,
    /// What the last of them failed by.
    error: Option<String>,
    /// What to do about it.
    remedy: Option<String>,
}

/// Event `health`, once a second.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Health {
    uptime_secs: f32,
    pub(crate) cameras: Vec<Camera>,
    screens: Vec<Screen>,
    /// The model runtime in use.
    runtime: String,
    latency_millis: Latency,
    resident_bytes: u64,
    /// How often somebody asked not to be looked at within the last hour.
    objections_last_hour: usize,
    store: StoreState,
    ledger: Ledger,
    commitments: Promise,
    sandbox: Sandbox,
    /// What encrypts; nothing: nothing does.
    certificate: Option<Certificate>,
}

impl Health {
    /// Whether rows and ledger can be written.
    pub(crate) fn is_sound(&self) -> bool {
        self.store.ok && self.ledger.ok
    }
}

/// How the engine and its server are.
pub(crate) fn health(app: &App, health: &EngineHealth) -> Health {
    let (engine, sandbox) = (&app.engine, &app.config.sandbox);
    let screens = health.screens.iter().map(|screen| Screen {
        id: screen.screen.to_string(),
        alive: screen.alive,
        player: screen.player.clone(),
        objections_last_hour: screen.n_objections_last_hour,
        objections_repeated: screen.objections_repeated,
    });
    Health {
        uptime_secs: health.uptime_secs,
        cameras: health
            .cameras
            .iter()
            .map(|one| camera(engine, one))
            .collect(),
        screens: screens.collect(),
        runtime: health.runtime.clone(),
        latency_millis: Latency {
            p50: health.latency.p50_millis,
            p95: health.latency.p95_millis,
            p99: health.latency.p99_millis,
            n: health.latency.n,
        },
        resident_bytes: health.resident_bytes,
        objections_last_hour: health.n_objections_last_hour,
        store: StoreState {
            ok: health.recording_fault.is_none(),
            fault: health.recording_fault.clone(),
            queued: health.rows_queued,
            lost: health.rows_lost,
        },
        ledger: Ledger {
            size: health.ledger_len,
            ok: health.ledger_fault.is_none(),
            fault: health.ledger_fault.clone(),
        },
        commitments: promise(engine, health),
        sandbox: Sandbox {
            files: sandbox.files.clone(),
            calls: sandbox.calls.clone(),
        },
        certificate: certificate(app),
    }
}

fn certificate(app: &App) -> Option<Certificate> {
    let tls = app.tls.as_ref()?;
    let standing = app.keeper.as_ref().map(|keeper| keeper.standing());
    Some(Certificate {
        origin: tls.origin().name(),
        valid_until_micros: tls.valid_until().map(Timestamp::as_micros),
        acme: standing.map(|standing| Acme {
            directory: standing.directory,
            domains: standing.domains,
            next_try_at_micros: standing.next_try_at_micros,
            n_failures: standing.n_failures,
            error: standing.last_error,
            remedy: standing.remedy,
        }),
    })
}

fn camera(engine: &Engine, health: &CameraHealth) -> Camera {
    Camera {
        id: health.camera.to_string(),
        source: health.source.clone(),
        open: health.open,
        refusal: health.refusal.as_ref().map(RefusalBody::from),
        fault: health.fault.clone(),
        withheld: health.withheld.iter().map(RefusalBody::from).collect(),
        agreed_until_micros: health.agreed_until.map(Timestamp::as_micros),
        objected_until_micros: health.objected_until.map(Timestamp::as_micros),
        fps: health.captured_per_sec,
        analyzed_fps: health.analyzed_per_sec,
        dropped: health
            .dropped
            .iter()
            .map(|(reason, n)| (reason.name(), *n))
            .collect(),
        picture_allowed: health.picture_allowed,
        takes_frames: engine.takes_pushed_frames(&health.camera),
    }
}

fn promise(engine: &Engine, health: &EngineHealth) -> Promise {
    let document = engine.commitments().document();
    Promise {
        profile: health.profile.clone(),
        version: health.commitments_version,
        effective_from: document.effective_from.to_string(),
        controller: document.controller.name.clone(),
        scopes: document
            .scopes
            .iter()
            .map(regard_commitments::Scope::as_str)
            .collect(),
        hash: engine.commitments().digest().to_string(),
    }
}
