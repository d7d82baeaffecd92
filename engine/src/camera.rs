//! The thread of one camera: asks the gate, opens the source, hands frames on, comes back by itself.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use regard_commitments::{Answer, Grant, Sensing};
use regard_domain::{CameraId, Clock, Timestamp};
use regard_vision::{
    OpenOptions, RawFrame, RawPixels, SourceError, SourceSpec, WAKE_INTERVAL, open_source,
};
use tokio::sync::watch;

use crate::analysis::AnalysisLane;
use crate::command::{Command, CommandSender};
use crate::lane::CameraGauge;
use crate::metrics::{DropReason, Metrics};
use crate::queue::{FreshLanes, Pushed};
use crate::stopper::Stopper;

/// Pause before the gate is asked again. Origin: a notice that appears opens the camera within a quarter
/// of a second, and asking costs microseconds.
const ASK_PAUSE: Duration = Duration::from_millis(200);

/// How often a camera that may not do all it was meant to asks again: staff go home, somebody agrees.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Pauses before a lost device is opened again: the first, and the longest, each twice the one before.
const REOPEN_PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(8));

/// Longest time the gate's answer is waited for.
const ANSWER_PATIENCE: Duration = Duration::from_secs(2);

/// A frame on its way to an analysis thread, with the grant it was taken under.
pub(crate) struct Job {
    pub(crate) raw: RawFrame,
    pub(crate) grant: Grant<Sensing>,
    /// Which opening of the camera it belongs to.
    pub(crate) opening: u64,
}

/// What the thread of one camera needs.
pub(crate) struct CameraThread {
    pub(crate) camera: CameraId,
    pub(crate) source: SourceSpec,
    pub(crate) options: OpenOptions,
    pub(crate) index: usize,
    pub(crate) lane: Arc<AnalysisLane>,
    pub(crate) lanes: Arc<FreshLanes<Job>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) commands: CommandSender,
    pub(crate) gauge: Arc<CameraGauge>,
    pub(crate) metrics: Arc<Metrics>,
    /// Where the picture may be seen; `None` unless the profile allows it.
    pub(crate) preview: Option<watch::Sender<Option<Arc<[u8]>>>>,
    pub(crate) stopper: Stopper,
}

/// Why a source was left.
enum Left {
    /// The gate closed, or the engine stops.
    Told,
    /// The device went away or could not be opened, in words.
    Fault(String),
    /// A recording is over.
    Ended,
}

impl CameraThread {
    /// Runs until the engine stops.
    pub(crate) fn run(self) {
        let mut pause = REOPEN_PAUSES.0;
        while !self.stopper.is_stopping() {
            let Some(grant) = self.ask() else {
                self.sleep(ASK_PAUSE);
                continue;
            };
            let began_at = self.clock.now();
            match self.watch(&grant) {
                Left::Told => pause = REOPEN_PAUSES.0,
                Left::Fault(fault) => {
                    tracing::warn!(camera = %self.camera, fault, "camera lost; trying again");
                    self.closed(Some(fault));
                    if self.clock.now().saturating_since(began_at) > REOPEN_PAUSES.1 {
                        pause = REOPEN_PAUSES.0;
                    }
                    self.sleep(pause);
                    pause = (pause * 2).min(REOPEN_PAUSES.1);
                    continue;
                }
                Left::Ended => {
                    self.closed(Some("the recording has ended".to_owned()));
                    while !self.stopper.is_stopping() {
                        self.sleep(ASK_PAUSE);
                    }
                }
            }
            self.closed(None);
        }
    }

    fn sleep(&self, time: Duration) {
        let until = self.clock.now().plus(time);
        while !self.stopper.is_stopping() && self.clock.now() < until {
            std::thread::sleep(WAKE_INTERVAL.min(until.saturating_since(self.clock.now())));
        }
    }

    fn ask(&self) -> Option<Grant<Sensing>> {
        let (reply, answer) = sync_channel(1);
        let camera = self.camera.clone();
        self.commands
            .send_waiting(Command::AskCamera { camera, reply })
            .ok()?;
        match answer.recv_timeout(ANSWER_PATIENCE).ok()? {
            Answer::Granted(grant) => Some(grant),
            Answer::Refused(_) => None,
        }
    }

    fn closed(&self, fault: Option<String>) {
        if let Some(preview) = &self.preview {
            preview.send_replace(None);
        }
        self.lane.empty(&self.commands, self.clock.now());
        let camera = self.camera.clone();
        // When nobody hears it the engine is stopping, and the camera is closed all the same.
        let _ = self
            .commands
            .send_waiting(Command::CameraClosed { camera, fault });
    }

    /// Hands frames on until the source ends, fails, or is told to close.
    fn watch(&self, grant: &Grant<Sensing>) -> Left {
        let mut source = match open_source(&self.source, grant, &self.options) {
            Ok(source) => source,
            Err(error) => return Left::Fault(in_words(&error)),
        };
        let camera = self.camera.clone();
        let _ = self.commands.send_waiting(Command::CameraOpened { camera });
        let opening = self.lane.lane.lock().opening;
        let now = || self.clock.now();
        let mut asked_at = now();
        loop {
            if !grant.withheld().is_empty() && now().saturating_since(asked_at) >= ASK_AGAIN {
                asked_at = now();
                // Where the answer has changed, this grant is dead, and the source with it.
                let _ = self.ask();
            }
            match source.next(&now) {
                Ok(raw) => self.hand_on(raw, grant, opening, now()),
                Err(SourceError::BadFrame { .. }) => {
                    self.captured(now());
                    self.dropped(DropReason::Damaged);
                }
                Err(SourceError::Refused | SourceError::Stopped) => return Left::Told,
                Err(SourceError::Ended) => return Left::Ended,
                Err(error @ SourceError::Lost { .. }) => return Left::Fault(in_words(&error)),
            }
        }
    }

    fn captured(&self, now: Timestamp) {
        self.metrics.frame();
        self.gauge.captured(now);
    }

    fn dropped(&self, reason: DropReason) {
        self.metrics.dropped(reason);
        self.gauge.dropped(reason);
    }

    fn hand_on(&self, raw: RawFrame, grant: &Grant<Sensing>, opening: u64, now: Timestamp) {
        self.captured(now);
        if let (Some(preview), RawPixels::Mjpeg(bytes)) = (&self.preview, &raw.pixels) {
            preview.send_replace(Some(Arc::from(bytes.as_slice())));
        }
        let job = Job {
            raw,
            grant: grant.clone(),
            opening,
        };
        match self.lanes.push(self.index, job) {
            Pushed::Kept | Pushed::Closed => {}
            Pushed::Displaced(_) => self.dropped(DropReason::QueueFull),
        }
    }
}

/// An error with its causes, on one line.
fn in_words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}
