//! One camera's way through the analysis: what is tracked on it, and how it is doing.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rand_chacha::ChaCha20Rng;
use regard_audience::Crowd;
use regard_domain::{CameraId, Timestamp, TrackId};

use crate::metrics::DropReason;
use crate::zones::Hidden;

/// Seconds over which rates are averaged.
const RATE_WINDOW_SECS: f32 = 2.0;

/// What must go on in the order of the frames: the tracks.
pub(crate) struct Lane {
    pub(crate) camera: CameraId,
    state: Mutex<LaneState>,
}

/// The tracks of one camera, and which frames they have seen.
pub(crate) struct LaneState {
    pub(crate) crowd: Crowd,
    pub(crate) rng: ChaCha20Rng,
    /// Capture time of the last frame in which all of the picture was searched.
    pub(crate) searched_at: Option<Timestamp>,
    /// Searches so far: which piece of the picture has its turn in full resolution.
    pub(crate) turn: u64,
    /// When each track of the last frame was last read, and what of it serves until the next time.
    pub(crate) read: BTreeMap<TrackId, LastRead>,
    /// When a frame was last associated, by the engine's clock; nothing once everyone is gone.
    pub(crate) busy_at: Option<Timestamp>,
    /// What of the picture is not looked at.
    pub(crate) hidden: Hidden,
    /// Counts the openings of the camera: a frame of an earlier one is not looked at any more.
    pub(crate) opening: u64,
}

/// The last reading of one track.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LastRead {
    /// Capture time of the frame.
    pub(crate) at: Timestamp,
    /// Pitch by the mesh, in degrees: the five points that serve in between hardly show it.
    pub(crate) pitch_deg: Option<f32>,
}

impl Lane {
    /// A camera nobody has been seen on.
    pub(crate) fn new(camera: CameraId, crowd: Crowd, rng: ChaCha20Rng, hidden: Hidden) -> Self {
        let state = LaneState {
            crowd,
            rng,
            searched_at: None,
            turn: 0,
            read: BTreeMap::new(),
            busy_at: None,
            hidden,
            opening: 0,
        };
        Self {
            camera,
            state: Mutex::new(state),
        }
    }

    /// The tracks, for one thread at a time.
    pub(crate) fn lock(&self) -> MutexGuard<'_, LaneState> {
        // A panic in an analyser leaves the tracks as they were before its frame.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Rates and counts of one camera, for its health.
#[derive(Debug)]
pub(crate) struct CameraGauge {
    inner: Mutex<Gauge>,
}

#[derive(Debug, Default)]
struct Gauge {
    source: String,
    captured: Vec<Timestamp>,
    analyzed: Vec<Timestamp>,
    dropped: BTreeMap<DropReason, u64>,
}

/// What a gauge shows.
pub(crate) struct Rates {
    pub(crate) captured_per_sec: f32,
    pub(crate) analyzed_per_sec: f32,
    pub(crate) dropped: BTreeMap<DropReason, u64>,
}

fn is_recent(at: Timestamp, now: Timestamp) -> bool {
    now.secs_since(at) <= RATE_WINDOW_SECS
}

impl CameraGauge {
    /// A gauge at zero, of a source described so.
    pub(crate) fn new(source: String) -> Self {
        Self {
            inner: Mutex::new(Gauge {
                source,
                ..Gauge::default()
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Gauge> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A frame came.
    pub(crate) fn captured(&self, now: Timestamp) {
        let mut gauge = self.lock();
        gauge.captured.retain(|at| is_recent(*at, now));
        gauge.captured.push(now);
    }

    /// A frame was analysed.
    pub(crate) fn analyzed(&self, now: Timestamp) {
        let mut gauge = self.lock();
        gauge.analyzed.retain(|at| is_recent(*at, now));
        gauge.analyzed.push(now);
    }

    /// A frame was dropped.
    pub(crate) fn dropped(&self, reason: DropReason) {
        *self.lock().dropped.entry(reason).or_default() += 1;
    }

    /// What the source calls itself.
    pub(crate) fn source(&self) -> String {
        self.lock().source.clone()
    }

    /// The rates over the last two seconds, and the drops since start.
    pub(crate) fn rates(&self, now: Timestamp) -> Rates {
        let gauge = self.lock();
        let per_sec = |times: &[Timestamp]| {
            times.iter().filter(|at| is_recent(**at, now)).count() as f32 / RATE_WINDOW_SECS
        };
        Rates {
            captured_per_sec: per_sec(&gauge.captured),
            analyzed_per_sec: per_sec(&gauge.analyzed),
            dropped: gauge.dropped.clone(),
        }
    }
}
