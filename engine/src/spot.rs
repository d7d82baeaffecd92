//! The spot before a camera where somebody can be recognised by an act of theirs: they hold up their face token, or stand on the
//! place that is marked for it. What is gathered here before anybody acted are figures about frames; a face is cut out only
//! under the leave that their act got.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use regard_commitments::{
    ConsentPurpose, Digest, FACE_TOKEN_PREFIX, Grant, PromiseStanding, Refusal, RefusalCode,
    Sensing,
};
use regard_domain::{Attention, CameraId, Clock, Face, Timestamp, TrackId};
use regard_vision::{
    AnalysisError, CameraHold, CueMeter, FaceAnalyzer, FaceChip, FaceMesh, Keys, Liveness,
    LivenessFault, PassiveCheck, QualityGate, RgbView, read_code,
};
use tokio::sync::{mpsc, oneshot};

use crate::config::MarkedSpot;

/// Faults that say that somebody moved about, and nothing about whether they live.
const ABOUT: [LivenessFault; 2] = [LivenessFault::FaceLost, LivenessFault::TooFewFrames];

/// How often a code is looked for: what is held up is held for a second or more.
const CODE_EVERY: Duration = Duration::from_millis(150);

/// How often cues of a living face are measured: a check wants twenty in three seconds, of cameras of fifteen frames a second too.
const CUE_EVERY: Duration = Duration::from_millis(60);

/// How long it counts that the cues of somebody spoke for a living face, while they stay in view: two checks of three seconds, so that
/// of those who stay one that says nothing takes it from nobody.
const LIVE_FOR: Duration = Duration::from_secs(6);

/// How long somebody may be missed, or not be the only face, without showing anew that they live: behind a longer gap a picture may
/// have come before their face. Origin: the check for a living face bears gaps of .7 s itself.
const UNWATCHED: Duration = Duration::from_millis(700);

/// Crops that are gathered of somebody who acted: two agree where one may be blurred.
const N_CHIPS: usize = 2;

/// How long somebody stands on the marked place, looking at the camera, until that counts as their act. Origin: whoever walks
/// across it is gone in less.
const STANDING: Duration = Duration::from_millis(1_500);

/// How directly somebody has to look at the camera for standing to count, from 0 to 1.
const LOOKING: f32 = 0.5;

/// How long somebody may be missed and still be there. Origin: the check for a living face bears gaps of .7 s.
const GONE_AFTER: Duration = Duration::from_millis(700);

/// Whether the commitments promise what an act before a camera serves: that somebody is recognised for that purpose, and that they get
/// what is theirs. Whether an impact assessment holds may change while it runs, and is asked when somebody acts.
///
/// # Errors
/// `feature_not_in_profile`, `purpose_not_promised`, `no_alternative_path`.
pub(crate) fn promised(
    standing: &PromiseStanding<'_>,
    purpose: ConsentPurpose,
    now: Timestamp,
) -> Result<(), Refusal> {
    for purpose in [purpose, ConsentPurpose::Personalize] {
        match standing.may_ask_for(purpose, now) {
            Err(refusal) if refusal.code != RefusalCode::DpiaMissing => return Err(refusal),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// What somebody did.
pub(crate) enum SpotAct {
    /// They hold up a face token.
    Shown(String),
    /// They stand on the marked place.
    Stood,
}

/// Somebody acted before a camera.
pub(crate) struct SpotCall {
    pub(crate) spot: Arc<Spot>,
    pub(crate) act: SpotAct,
    /// Whose it is: of nobody else comes anything.
    pub(crate) track: TrackId,
    /// When it was seen, by the engine's clock.
    pub(crate) at: Timestamp,
}

/// What was gathered of somebody who acted, under the leave that their act got.
///
/// # Privacy
/// Holds aligned crops of one face until it is dropped.
pub(crate) struct SpotGathered {
    pub(crate) chips: Vec<FaceChip>,
    /// What spoke against a living face; empty: nothing.
    pub(crate) faults: Vec<LivenessFault>,
}

/// Crops that are wanted of whoever is there, for as long as it is the one who acted.
struct Wanted {
    sensing: Grant<Sensing>,
    chips: Vec<FaceChip>,
    reply: oneshot::Sender<SpotGathered>,
}

/// How long a code that was looked into is not handed on again while it is held up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quiet {
    /// Where the same visitor goes on to hold it up.
    pub(crate) same: Duration,
    /// Where another does: who was lost and came back is one too.
    pub(crate) others: Duration,
}

/// A code that was handed on.
struct Answered {
    /// Its hash.
    code: Digest,
    /// Who held it up.
    track: TrackId,
    /// Until when it is not handed on again from them, and from others.
    until: Timestamp,
    others_until: Timestamp,
}

/// An act that is looked into. However that ends, its spot is told that it is over, and looks for acts again.
pub(crate) struct LookedInto {
    pub(crate) call: SpotCall,
    pub(crate) quiet: Quiet,
    clock: Arc<dyn Clock>,
}

impl LookedInto {
    /// From now on it is looked into.
    pub(crate) fn new(call: SpotCall, quiet: Quiet, clock: Arc<dyn Clock>) -> Self {
        Self { call, quiet, clock }
    }
}

impl Drop for LookedInto {
    fn drop(&mut self) {
        let SpotCall { spot, act, .. } = &self.call;
        spot.over(act, self.clock.now(), self.quiet);
    }
}

/// What is known of whoever is the only one before a camera.
struct SpotState {
    track: Option<TrackId>,
    /// Capture time of the last frame in which they were seen.
    seen_at: Option<Timestamp>,
    /// Capture time of the last frame in which theirs was the only face.
    alone_at: Option<Timestamp>,
    meter: CueMeter,
    passive: PassiveCheck,
    /// When the cues spoke for a living face last, and what spoke against one since.
    live_at: Option<Timestamp>,
    faults: Vec<LivenessFault>,
    cued_at: Option<Timestamp>,
    looked_for_code_at: Option<Timestamp>,
    stands_since: Option<Timestamp>,
    /// Whether whoever is there was looked for because they stand there: once is enough.
    has_stood: bool,
    /// The code that was handed on last.
    answered: Option<Answered>,
    /// Whether an act is being looked into.
    is_called: bool,
    wanted: Option<Wanted>,
}

impl SpotState {
    fn new() -> Self {
        Self {
            track: None,
            seen_at: None,
            alone_at: None,
            meter: CueMeter::new(),
            passive: PassiveCheck::new(CameraHold::Fixed),
            live_at: None,
            faults: Vec::new(),
            cued_at: None,
            looked_for_code_at: None,
            stands_since: None,
            has_stood: false,
            answered: None,
            is_called: false,
            wanted: None,
        }
    }

    /// Somebody else, or nobody, is there: nothing of before is about them, least of all the leave to look who they are.
    fn anew(&mut self, track: Option<TrackId>) {
        self.track = track;
        self.seen_at = None;
        self.alone_at = None;
        self.check_anew();
        self.faults.clear();
        self.stands_since = None;
        self.has_stood = false;
        self.wanted = None;
    }

    /// Whether they live has to be shown from the beginning, by the face that crops are cut of. What spoke against it goes on to speak.
    fn check_anew(&mut self) {
        if let Some(wanted) = &mut self.wanted {
            wanted.chips.clear();
        }
        self.meter = CueMeter::new();
        self.passive = PassiveCheck::new(CameraHold::Fixed);
        self.live_at = None;
    }

    /// Theirs is the only face in a frame of that time. Frames may come out of order.
    fn alone(&mut self, at: Timestamp) {
        let is_long = |before: Timestamp| at.saturating_since(before) > UNWATCHED;
        if self.alone_at.is_some_and(is_long) {
            self.check_anew();
        }
        self.alone_at = self.alone_at.max(Some(at));
    }

    fn is_live(&self, now: Timestamp) -> bool {
        let holds = |at: Timestamp| now.saturating_since(at) <= LIVE_FOR;
        self.live_at.is_some_and(holds)
    }
}

/// A frame as the spot sees it, when everything else has been read of it.
pub(crate) struct SpotFrame<'a, 'b> {
    pub(crate) view: RgbView<'a>,
    pub(crate) faces: &'a [Face],
    /// The one track in view; nothing where there is nobody, or more than one.
    pub(crate) track: Option<TrackId>,
    /// Whether more than one is in view.
    pub(crate) is_crowded: bool,
    /// The mesh of the only face, where it was run on this frame already.
    pub(crate) mesh: Option<&'a FaceMesh>,
    pub(crate) keys: &'a Keys<'b>,
    /// When it was taken, and now.
    pub(crate) at: Timestamp,
    pub(crate) now: Timestamp,
}

/// The spot before one camera.
pub(crate) struct Spot {
    pub(crate) camera: CameraId,
    /// Whether tokens that are held up are read.
    reads_tokens: bool,
    marked: Option<MarkedSpot>,
    state: Mutex<SpotState>,
    calls: mpsc::Sender<SpotCall>,
}

impl Spot {
    /// The spot before a camera; acts go to `calls`.
    pub(crate) fn new(
        camera: CameraId,
        reads_tokens: bool,
        marked: Option<MarkedSpot>,
        calls: mpsc::Sender<SpotCall>,
    ) -> Self {
        Self {
            camera,
            reads_tokens,
            marked,
            state: Mutex::new(SpotState::new()),
            calls,
        }
    }

    fn state(&self) -> MutexGuard<'_, SpotState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at a frame of the camera.
    ///
    /// # Errors
    /// [`AnalysisError`].
    pub(crate) fn look(
        self: &Arc<Self>,
        analyzer: &mut FaceAnalyzer,
        frame: &SpotFrame<'_, '_>,
    ) -> Result<(), AnalysisError> {
        let mut state = self.state();
        match frame.track {
            Some(track) => {
                if state.track != Some(track) {
                    state.anew(Some(track));
                }
                state.seen_at = state.seen_at.max(Some(frame.at));
            }
            // A face that is missed for a moment is no reason to begin anew; several are, for nobody can tell who acts.
            None => {
                let is_gone = |at: Timestamp| frame.at.saturating_since(at) > GONE_AFTER;
                if state.track.is_some() && (frame.is_crowded || state.seen_at.is_none_or(is_gone))
                {
                    state.anew(None);
                }
            }
        }
        if let ([face], Some(_)) = (frame.faces, frame.track) {
            state.alone(frame.at);
            let fresh = self.measure(&mut state, analyzer, frame, face)?;
            let mesh = frame.mesh.or(fresh.as_ref());
            self.gather(&mut state, analyzer, frame, (face, mesh))?;
        }
        let Some(track) = state.track.filter(|_| !state.is_called) else {
            return Ok(());
        };
        if self.is_code_due(&mut state, frame.at) {
            // All of the picture is gone through: frames beside this one do not wait for that.
            drop(state);
            let shown = read_code(frame.view, FACE_TOKEN_PREFIX, frame.keys.count)?;
            state = self.state();
            if state.is_called || state.track != Some(track) {
                return Ok(());
            }
            if let Some(text) = shown
                && self.show(&mut state, text, (track, frame.now))
            {
                return Ok(());
            }
        }
        if let Some(marked) = &self.marked
            && !state.has_stood
        {
            self.stand(&mut state, frame, (track, marked));
        }
        Ok(())
    }

    /// Measures the cues of the only face where they are due. The mesh where it was run for that.
    fn measure(
        &self,
        state: &mut SpotState,
        analyzer: &mut FaceAnalyzer,
        frame: &SpotFrame<'_, '_>,
        face: &Face,
    ) -> Result<Option<FaceMesh>, AnalysisError> {
        let due = |before: Timestamp| frame.at.saturating_since(before) >= CUE_EVERY;
        let Some(attention) = frame.keys.attention else {
            return Ok(None);
        };
        if !state.cued_at.is_none_or(due) {
            return Ok(None);
        }
        state.cued_at = Some(frame.at);
        let fresh = if frame.mesh.is_some() {
            None
        } else {
            let meshes = analyzer.meshes(frame.view, std::slice::from_ref(face), attention)?;
            meshes.into_iter().next().flatten()
        };
        let mesh = frame.mesh.or(fresh.as_ref());
        let mesh = mesh.map(|mesh| (mesh, attention));
        let cue = state
            .meter
            .measure(frame.view, face, mesh, None, frame.keys.count)?;
        state.passive.observe(frame.at, Some(&cue));
        match state.passive.verdict(frame.at) {
            Liveness::Pending => return Ok(fresh),
            Liveness::Passed => {
                state.live_at = Some(frame.now);
                state.faults.clear();
            }
            // Whoever moved about said nothing about themselves.
            Liveness::Failed(faults) if faults.iter().all(|fault| ABOUT.contains(fault)) => {}
            Liveness::Failed(faults) => state.faults = faults,
        }
        // It goes on for as long as they are there: what was alive a while ago may have been exchanged for a picture.
        state.passive = PassiveCheck::new(CameraHold::Fixed);
        Ok(fresh)
    }

    /// Cuts crops of the face where somebody acted, under the leave that their act got.
    fn gather(
        &self,
        state: &mut SpotState,
        analyzer: &mut FaceAnalyzer,
        frame: &SpotFrame<'_, '_>,
        (face, mesh): (&Face, Option<&FaceMesh>),
    ) -> Result<(), AnalysisError> {
        // Where the leave was taken back meanwhile nothing stays, and whoever waits is told by the end of the line.
        let holds = |wanted: &Wanted| wanted.sensing.is_live_at(frame.now);
        let Some(mut wanted) = state.wanted.take().filter(holds) else {
            return Ok(());
        };
        let (Some(count), Some(attention)) = (wanted.sensing.count(), wanted.sensing.attention())
        else {
            return Ok(());
        };
        if wanted.chips.len() < N_CHIPS {
            let pose = match mesh.and_then(FaceMesh::head_pose) {
                Some(pose) => Some(pose),
                None => {
                    let faces = std::slice::from_ref(face);
                    let poses = analyzer.head_poses(frame.view, faces, &attention)?;
                    poses.into_iter().flatten().next()
                }
            };
            let quality = analyzer.quality_with_pose(frame.view, frame.faces, (0, pose), &count)?;
            if QualityGate::PROBE.faults(&quality).is_empty() {
                wanted
                    .chips
                    .extend(FaceChip::cut(frame.view, face, &count)?);
            }
        }
        let is_told = state.is_live(frame.now) || !state.faults.is_empty();
        if wanted.chips.len() >= N_CHIPS && is_told {
            // Whoever waits may have given up.
            let _ = wanted.reply.send(SpotGathered {
                chips: wanted.chips,
                faults: state.faults.clone(),
            });
        } else {
            state.wanted = Some(wanted);
        }
        Ok(())
    }

    /// Whether a code is to be looked for in a frame of that time; then not again for a while.
    fn is_code_due(&self, state: &mut SpotState, at: Timestamp) -> bool {
        let due = |before: Timestamp| at.saturating_since(before) >= CODE_EVERY;
        let is_due = self.reads_tokens && state.looked_for_code_at.is_none_or(due);
        if is_due {
            state.looked_for_code_at = Some(at);
        }
        is_due
    }

    /// Hands on that somebody holds up a code, unless it was answered a moment ago; whether it was not.
    fn show(
        self: &Arc<Self>,
        state: &mut SpotState,
        text: String,
        (track, now): (TrackId, Timestamp),
    ) -> bool {
        let digest = Digest::of(&[text.as_bytes()]);
        let is_again = state.answered.as_ref().is_some_and(|answered| {
            let until = if answered.track == track {
                answered.until
            } else {
                answered.others_until
            };
            answered.code == digest && now < until
        });
        if !is_again {
            state.answered = Some(Answered {
                code: digest,
                track,
                until: now,
                others_until: now,
            });
            self.call(state, SpotAct::Shown(text), (track, now));
        }
        !is_again
    }

    /// Hands on that somebody stands on the marked place, once they have stood there for a while.
    fn stand(
        self: &Arc<Self>,
        state: &mut SpotState,
        frame: &SpotFrame<'_, '_>,
        (track, marked): (TrackId, &MarkedSpot),
    ) {
        // A face that is missed in a frame stands where it stood: whoever is missed for longer is gone, and all begins anew.
        if frame.faces.is_empty() {
            return;
        }
        // Of several faces nobody can tell which acts, also before each of them is somebody.
        let alone = frame.faces.first().filter(|_| frame.faces.len() == 1);
        let stands = alone.is_some_and(|face| {
            let attention = face.readings.attention.map_or(0.0, Attention::get);
            let middle = face.bbox_in_frame.center();
            let size = frame.view.size();
            let (x, y) = (middle.x / size.width as f32, middle.y / size.height as f32);
            attention >= LOOKING && marked.contains(x, y)
        });
        if !stands {
            state.stands_since = None;
            return;
        }
        let since = *state.stands_since.get_or_insert(frame.at);
        if frame.at.saturating_since(since) >= STANDING {
            self.call(state, SpotAct::Stood, (track, frame.now));
            // Whoever was not taken is taken with a frame to come.
            state.has_stood = state.is_called;
        }
    }

    fn call(
        self: &Arc<Self>,
        state: &mut SpotState,
        act: SpotAct,
        (track, at): (TrackId, Timestamp),
    ) {
        let call = SpotCall {
            spot: Arc::clone(self),
            act,
            track,
            at,
        };
        // Whoever is not taken, because too many cameras call at once, holds up their token a moment longer.
        state.is_called = self.calls.try_send(call).is_ok();
    }

    /// From now on crops are cut of the one of that track, who acted, until enough are there. The answer ends without one when
    /// they are gone or no longer alone, also before this, when the leave ends, or when the act is over first.
    pub(crate) fn want(
        &self,
        sensing: Grant<Sensing>,
        track: TrackId,
    ) -> oneshot::Receiver<SpotGathered> {
        let (reply, answer) = oneshot::channel();
        let mut state = self.state();
        if state.track == Some(track) {
            state.wanted = Some(Wanted {
                sensing,
                chips: Vec::new(),
                reply,
            });
        }
        answer
    }

    /// The act was looked into; a code that was held up is not handed on again for a while.
    fn over(&self, act: &SpotAct, now: Timestamp, quiet: Quiet) {
        let mut state = self.state();
        state.wanted = None;
        state.is_called = false;
        if let (SpotAct::Shown(_), Some(answered)) = (act, &mut state.answered) {
            answered.until = now.plus(quiet.same);
            answered.others_until = now.plus(quiet.others);
        }
    }
}

#[cfg(test)]
mod tests;
