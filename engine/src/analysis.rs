//! The analysis threads: frames in, digests out. One thread a core; a frame late is a frame dropped.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use regard_audience::{Association, Digest, FaceTrack, TrackState};
use regard_domain::{BBox, Clock, Face, FrameSize, HeadPose, Moment, Sighting, Timestamp, TrackId};
use regard_vision::{
    AnalysisError, CameraPlacement, FaceAnalyzer, FaceMesh, Frame, FrameError, Keys, PixelPool,
    Views, WantedSize, attention_of, decode_frame,
};
use tokio::sync::watch;

use crate::camera::Job;
use crate::command::{Command, CommandSender};
use crate::history::History;
use crate::lane::{CameraGauge, Lane, LaneState, LastRead};
use crate::metrics::{DropReason, Metrics};
use crate::queue::FreshLanes;
use crate::spot::{Spot, SpotFrame};
use crate::view::LiveView;
use crate::zones::HiddenNow;

/// How long a thread waits before it looks whether the engine stops.
const PATIENCE: Duration = Duration::from_millis(200);

/// How often all of the picture is searched; in between only where faces are expected.
/// Origin: someone who enters is found within a tenth of a second, as often as expression is read.
const SEARCH_EVERY: Duration = Duration::from_millis(95);

/// How long a camera may send nothing before its audience counts as gone. Origin: a track may be
/// resumed for two seconds.
const SILENCE: Duration = Duration::from_secs(2);

/// Time after which no further face of a frame is read; what is due stays due, and the faces that have
/// waited longest come first on the next frame. At least one face is read. Origin: a frame comes every 33 ms, of which
/// one core needs 10 to decode full HD and 3 to find faces; three quarters of the rest. The native runtime reads a
/// face in 2 to 3, so that five are read together; rten in 13 on the same core, so that it reads two.
const READING_BUDGET: Duration = Duration::from_millis(15);

/// While frames wait, faces are read only once one of them has waited so long since its last turn: to
/// keep up with where faces are goes before what they show. Origin: an expression is smoothed over a
/// quarter of a second.
const LONGEST_UNREAD: Duration = Duration::from_millis(250);

/// Least size to which a frame is decoded unless all of its pixels are wanted. Origin: a detector of
/// 320 pixels, and face chips of 112 and 192 pixels from faces up to a fifth of the height.
const LIVE_SIZE: WantedSize = WantedSize::AtLeast {
    width: 960,
    height: 540,
};

/// One camera as the analysis threads know it.
pub(crate) struct AnalysisLane {
    pub(crate) lane: Lane,
    pub(crate) gauge: Arc<CameraGauge>,
    pub(crate) live: watch::Sender<Option<Arc<LiveView>>>,
    pub(crate) history: Arc<Mutex<History>>,
    pub(crate) full_resolution: bool,
    pub(crate) placement: CameraPlacement,
    pub(crate) last_moment: Mutex<Option<Arc<Moment>>>,
    /// Where somebody may be recognised by an act of theirs, if anywhere.
    pub(crate) spot: Option<Arc<Spot>>,
}

/// What the analysis threads share.
pub(crate) struct Analysis {
    pub(crate) jobs: Arc<FreshLanes<Job>>,
    pub(crate) lanes: Vec<Arc<AnalysisLane>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) commands: CommandSender,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) pool: PixelPool,
    /// Whether sightings go along, for a recording.
    pub(crate) recording: bool,
}

impl AnalysisLane {
    /// Everyone is gone: the camera closed, or sends no frames any more. Frames that are still under
    /// way come to nothing; what the console shows is emptied.
    pub(crate) fn empty(&self, commands: &CommandSender, now: Timestamp) {
        let mut state = self.lane.lock();
        self.empty_locked(&mut state, commands, now);
    }

    /// To which size its frames are decoded.
    const fn wanted_size(&self) -> WantedSize {
        if self.full_resolution {
            WantedSize::Whole
        } else {
            LIVE_SIZE
        }
    }

    /// How a frame is to be looked at, and without what: that is painted over already.
    fn prepare(&self, job: &Job, frame: &mut Frame) -> Result<(Look, HiddenNow), Dropped> {
        let (look, hidden) = {
            let mut state = self.lane.lock();
            let look = state.look(frame.captured_at(), job.opening, self.full_resolution)?;
            let staff = job.grant.staff_zones();
            (look, state.hidden.of(staff, frame.size()))
        };
        if hidden.mask().is_some_and(|mask| !frame.hide(mask)) {
            return Err(Dropped::Refused);
        }
        Ok((look, hidden))
    }

    fn empty_locked(&self, state: &mut LaneState, commands: &CommandSender, now: Timestamp) {
        state.opening += 1;
        state.searched_at = None;
        let was_busy = state.busy_at.take().is_some();
        self.live.send_replace(None);
        *self
            .last_moment
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = None;
        if was_busy {
            let digest = state.crowd.close(now);
            let camera = self.lane.camera.clone();
            // In the order of the frames: the lock on the lane is still held.
            let _ = commands.send_waiting(Command::Emptied {
                camera,
                digest,
                at: now,
            });
        }
    }
}

/// Why a frame came to nothing.
enum Dropped {
    Damaged,
    Late,
    Refused,
    Failed(AnalysisError),
}

impl From<AnalysisError> for Dropped {
    fn from(error: AnalysisError) -> Self {
        match error {
            AnalysisError::GrantEnded => Self::Refused,
            failed => Self::Failed(failed),
        }
    }
}

impl From<FrameError> for Dropped {
    fn from(_: FrameError) -> Self {
        Self::Damaged
    }
}

impl Analysis {
    /// Works on frames until the queue closes. `make_analyzer` is called again after a panic, so
    /// that a stage that failed starts anew.
    pub(crate) fn run(&self, make_analyzer: &dyn Fn() -> FaceAnalyzer) {
        regard_inference::flush_to_zero();
        let mut analyzer = make_analyzer();
        loop {
            let Some((index, job)) = self.jobs.pop(PATIENCE) else {
                if self.jobs.is_closed() {
                    return;
                }
                self.empty_silent_lanes();
                continue;
            };
            let lane = &self.lanes[index];
            let work = std::panic::AssertUnwindSafe(|| self.analyze(index, &job, &mut analyzer));
            let reason = match std::panic::catch_unwind(work) {
                Ok(Ok(())) => {
                    lane.gauge.analyzed(self.clock.now());
                    continue;
                }
                Ok(Err(Dropped::Damaged)) => DropReason::Damaged,
                Ok(Err(Dropped::Late)) => DropReason::Late,
                Ok(Err(Dropped::Refused)) => DropReason::Refused,
                Ok(Err(Dropped::Failed(error))) => {
                    tracing::warn!(%error, "a frame could not be analysed");
                    DropReason::Failed
                }
                Err(_) => {
                    tracing::error!("an analyser panicked and was started anew");
                    analyzer = make_analyzer();
                    DropReason::Failed
                }
            };
            self.metrics.dropped(reason);
            lane.gauge.dropped(reason);
        }
    }

    /// A camera that is open and sends nothing, such as a browser that was closed, has no audience.
    fn empty_silent_lanes(&self) {
        let now = self.clock.now();
        for lane in &self.lanes {
            let mut state = lane.lane.lock();
            if state
                .busy_at
                .is_some_and(|at| now.saturating_since(at) >= SILENCE)
            {
                let opening = state.opening;
                lane.empty_locked(&mut state, &self.commands, now);
                state.opening = opening; // The camera is still the same; its next frame counts.
            }
        }
    }

    fn analyze(&self, index: usize, job: &Job, analyzer: &mut FaceAnalyzer) -> Result<(), Dropped> {
        let lane = &self.lanes[index];
        if !job.grant.is_live_at(self.clock.now()) {
            return Err(Dropped::Refused);
        }
        let count = job.grant.count().ok_or(Dropped::Refused)?;
        let mut frame = decode_frame(&job.raw, lane.wanted_size(), &self.pool)?;
        let at = frame.captured_at();
        let (look, hidden) = lane.prepare(job, &mut frame)?;
        let view = frame.view();
        let faces = match &look {
            Look::Around(expected) => analyzer.detect_around(view, expected, &count)?,
            Look::Everywhere => analyzer.detect(view, &count)?,
            Look::InTurn { turn, expected } => {
                analyzer.detect_in_turn(view, expected, *turn, &count)?
            }
        };
        let faces = hidden.leave_out(faces, frame.size());
        let mut state = lane.lane.lock();
        state.admits(job.opening)?;
        if !state.hidden.is_still(&hidden) {
            // Looked at with zones that are not in force any more: nothing comes of it.
            return Err(Dropped::Refused);
        }
        let mut sighting = Sighting {
            camera: lane.lane.camera.clone(),
            frame_index: frame.index(),
            captured_at: at,
            frame_size: frame.size(),
            faces,
        };
        let LaneState {
            crowd,
            rng,
            searched_at,
            turn,
            busy_at,
            read,
            ..
        } = &mut *state;
        let mut association = crowd.associate(&sighting, rng).map_err(|_| Dropped::Late)?;
        *busy_at = Some(self.clock.now());
        if !matches!(look, Look::Around(_)) {
            *searched_at = Some(at);
        }
        if let Look::InTurn { turn: looked, .. } = look {
            // From the turn that was looked at: frames side by side may have had the same.
            *turn = looked.wrapping_add(1);
        }
        let readings = Readings {
            analyzer,
            lane,
            frame: &frame,
            job,
            clock: self.clock.as_ref(),
            is_behind: self.jobs.is_waiting(index),
        };
        let mesh = readings.read(&mut association, &mut sighting.faces, read)?;
        if !job.grant.is_live_at(self.clock.now()) {
            return Err(Dropped::Refused);
        }
        let digest = crowd.digest(&association, &sighting.faces);
        self.publish(lane, crowd.live_faces(), frame.size(), at, &digest);
        let faces = lane.spot.as_ref().map(|_| sighting.faces.clone());
        let recorded = self.recording.then(|| Box::new(sighting));
        // In the order of the frames: the lock on the lane is still held.
        let _ = self.commands.send_waiting(Command::Seen {
            camera: lane.lane.camera.clone(),
            digest,
            at,
            sighting: recorded,
        });
        drop(state);
        let faces = faces.as_deref().unwrap_or_default();
        let seen = (faces, &association, mesh.as_ref());
        self.look_for_acts(lane, analyzer, (&frame, job), seen);
        Ok(())
    }

    /// Whether somebody in a frame acts: holds up their token, or stands on the marked place.
    fn look_for_acts(
        &self,
        lane: &AnalysisLane,
        analyzer: &mut FaceAnalyzer,
        (frame, job): (&Frame, &Job),
        (faces, association, mesh): (&[Face], &Association, Option<&FaceMesh>),
    ) {
        let (Some(spot), Some(count)) = (&lane.spot, job.grant.count()) else {
            return;
        };
        let confirmed = |track: &&FaceTrack| track.state == TrackState::Confirmed;
        let mut tracks = association.faces().iter().filter(confirmed);
        let (first, second) = (tracks.next(), tracks.next());
        let attention = job.grant.attention();
        let seen = SpotFrame {
            view: frame.view(),
            faces,
            track: first.filter(|_| second.is_none()).map(|one| one.track),
            is_crowded: second.is_some(),
            mesh,
            keys: &Keys {
                count: &count,
                attention: attention.as_ref(),
                expression: None,
            },
            at: frame.captured_at(),
            now: self.clock.now(),
        };
        match spot.look(analyzer, &seen) {
            // Taken back meanwhile: nothing comes of it.
            Ok(()) | Err(AnalysisError::GrantEnded) => {}
            Err(error) => tracing::warn!(%error, "a frame could not be looked at for an act"),
        }
    }

    fn publish(
        &self,
        lane: &AnalysisLane,
        faces: Vec<regard_audience::LiveFace>,
        frame_size: FrameSize,
        at: Timestamp,
        digest: &Digest,
    ) {
        let mut last = lane
            .last_moment
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(moment) = &digest.moment {
            lane.history
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .add(moment);
            *last = Some(Arc::new(moment.clone()));
        }
        let moment = last.clone();
        drop(last);
        let audience = moment
            .as_ref()
            .map_or(regard_domain::Audience::EMPTY, |m| m.audience());
        let camera = lane.lane.camera.clone();
        let view = LiveView {
            camera,
            at,
            frame_size,
            faces,
            audience,
            moment,
        };
        lane.live.send_replace(Some(Arc::new(view)));
    }
}

impl LaneState {
    /// Whether a frame may still be looked at.
    fn admits(&self, opening: u64) -> Result<(), Dropped> {
        if self.opening == opening {
            Ok(())
        } else {
            Err(Dropped::Refused)
        }
    }

    /// How the frame of `at` is to be looked at.
    fn look(&self, at: Timestamp, opening: u64, full_resolution: bool) -> Result<Look, Dropped> {
        self.admits(opening)?;
        let due =
            |searched: Timestamp| at < searched || at.saturating_since(searched) >= SEARCH_EVERY;
        let is_search = self.searched_at.is_none_or(due);
        if is_search && !full_resolution {
            return Ok(Look::Everywhere);
        }
        let boxes = self.crowd.predicted_boxes(at);
        let expected = boxes.into_iter().map(|(_, bbox)| bbox).collect();
        Ok(if is_search {
            let turn = self.turn;
            Look::InTurn { turn, expected }
        } else {
            Look::Around(expected)
        })
    }
}

/// How a frame is to be looked at.
enum Look {
    /// Only where faces are expected.
    Around(Vec<BBox>),
    /// All of it, reduced.
    Everywhere,
    /// All of it, and the piece whose turn it is in full resolution.
    InTurn { turn: u64, expected: Vec<BBox> },
}

/// What is needed to read the faces of one frame.
struct Readings<'a> {
    analyzer: &'a mut FaceAnalyzer,
    lane: &'a AnalysisLane,
    frame: &'a Frame,
    job: &'a Job,
    clock: &'a dyn Clock,
    /// Whether a newer frame of the camera waits already.
    is_behind: bool,
}

impl Readings<'_> {
    /// Reads the faces whose turn it is, as time allows, and writes the readings into them; what is due
    /// on the others is postponed. The mesh of the only face of the frame, where it was due.
    fn read(
        mut self,
        association: &mut Association,
        faces: &mut [Face],
        read: &mut BTreeMap<TrackId, LastRead>,
    ) -> Result<Option<FaceMesh>, Dropped> {
        let mut only_mesh = None;
        let at = association.at();
        read.retain(|id, _| association.faces().iter().any(|t| t.track == *id));
        let began = self.clock.now();
        for (n_read, track) in turns(association.faces(), read).into_iter().enumerate() {
            let unread_since = read.get(&track.track).map(|last| last.at);
            let spent = self.clock.now().saturating_since(began);
            if !may_read(n_read, spent, self.is_behind, at, unread_since) {
                association.postpone(track.face);
                continue;
            }
            let mesh = self.read_one(&track, &mut faces[track.face])?;
            let pose = faces[track.face].readings.head_pose;
            let pitch_deg = pose.map(|pose| pose.pitch_deg);
            only_mesh = mesh.filter(|_| faces.len() == 1);
            let old = read.get(&track.track).and_then(|last| last.pitch_deg);
            let pitch_deg = pitch_deg.or(old);
            read.insert(track.track, LastRead { at, pitch_deg });
        }
        let Some(key) = self.job.grant.attention() else {
            return Ok(only_mesh);
        };
        for track in association.faces() {
            let face = &mut faces[track.face];
            if face.readings.head_pose.is_none() {
                let quick = self.analyzer.quick_head_pose(face, &key);
                let pitch_deg = read.get(&track.track).and_then(|last| last.pitch_deg);
                face.readings.head_pose = quick
                    .zip(pitch_deg)
                    .map(|(pose, pitch_deg)| HeadPose { pitch_deg, ..pose });
            }
            let pose = face.readings.head_pose.as_ref();
            face.readings.attention =
                pose.map(|pose| attention_of(pose, &self.lane.placement, &key));
        }
        Ok(only_mesh)
    }

    /// Runs what is due on one face, each under its own scope; the mesh where it was due and there is one.
    fn read_one(
        &mut self,
        track: &FaceTrack,
        face: &mut Face,
    ) -> Result<Option<FaceMesh>, Dropped> {
        let one = std::slice::from_ref(face);
        let expression = match self.job.grant.expression() {
            Some(key) if track.due.expression => {
                let views = Views::in_turn(track.n_expressions);
                self.analyzer
                    .expressions_of(self.frame.view(), one, views, &key)?
            }
            Some(_) | None => Vec::new(),
        };
        let (pose, mesh) = match self.job.grant.attention() {
            Some(key) if track.due.mesh => {
                let view = self.frame.view();
                let known = self.analyzer.head_poses_and_meshes(view, one, &key)?;
                known.into_iter().next().unwrap_or_default()
            }
            Some(_) | None => (None, None),
        };
        face.readings.expression = expression.into_iter().next();
        face.readings.head_pose = pose;
        Ok(mesh)
    }
}

/// The faces on which something is due, those first that were never read or have waited longest.
fn turns(tracks: &[FaceTrack], read: &BTreeMap<TrackId, LastRead>) -> Vec<FaceTrack> {
    let is_due = |t: &&FaceTrack| t.due.expression || t.due.mesh;
    let mut due: Vec<FaceTrack> = tracks.iter().filter(is_due).copied().collect();
    due.sort_by_key(|t| (read.get(&t.track).map(|last| last.at), t.track));
    due
}

/// Whether one more face is read after `n_read` others took `spent`.
fn may_read(
    n_read: usize,
    spent: Duration,
    is_behind: bool,
    at: Timestamp,
    unread_since: Option<Timestamp>,
) -> bool {
    if n_read > 0 {
        return !is_behind && spent < READING_BUDGET;
    }
    !is_behind || unread_since.is_none_or(|last| at.saturating_since(last) >= LONGEST_UNREAD)
}

#[cfg(test)]
mod tests {
    use regard_audience::Due;

    use super::*;

    fn track(id: u64, is_due: bool) -> FaceTrack {
        FaceTrack {
            face: id as usize,
            track: TrackId::from_bits(id.into()),
            number: None,
            state: TrackState::Confirmed,
            n_expressions: 0,
            due: Due {
                expression: is_due,
                mesh: false,
            },
        }
    }

    #[test]
    fn every_face_has_its_turn() {
        let tracks: Vec<FaceTrack> = (0..5).map(|id| track(id, id != 3)).collect();
        let mut read = BTreeMap::new();
        let mut order = Vec::new();
        for frame in 0..8 {
            let first = turns(&tracks, &read)[0];
            let at = Timestamp::from_millis(frame * 33);
            let pitch_deg = None;
            read.insert(first.track, LastRead { at, pitch_deg });
            order.push(first.face);
        }
        assert_eq!(order, [0, 1, 2, 4, 0, 1, 2, 4]);
    }

    #[test]
    fn reading_yields_to_frames_that_wait_but_not_for_ever() {
        let (at, recent) = (Timestamp::from_millis(1_000), Timestamp::from_millis(900));
        let millis = Duration::from_millis;
        assert!(may_read(0, millis(0), false, at, Some(recent)));
        assert!(may_read(1, millis(5), false, at, Some(recent)));
        assert!(!may_read(1, READING_BUDGET, false, at, None));
        assert!(!may_read(0, millis(0), true, at, Some(recent)));
        assert!(may_read(0, millis(0), true, at, None));
        let long_ago = Timestamp::from_millis(700);
        assert!(may_read(0, millis(0), true, at, Some(long_ago)));
        assert!(!may_read(1, millis(5), true, at, Some(long_ago)));
    }
}
