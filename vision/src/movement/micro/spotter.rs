//! Spotting, under the key of a study.

use std::fmt;

use regard_commitments::{MeasuredRate, MicroExpressions, Refusal, StudyOnly};
use regard_domain::Timestamp;

use super::super::align::Pose3;
use super::super::measure::point_of;
use super::place::{EYES, MicroPlace, STILL};
use super::rate::false_alarms_per_minute;
use super::spot::{MicroMovement, spot};
use super::traces::{Instant, stretches};
use super::tracker::FlowTracker;
use crate::detector::check_live;
use crate::{AnalysisError, FaceMesh, RgbView};

/// Most frames of one face that are kept: an hour at 100 frames a second, 50 MB. What comes after is left out and counted.
const MAX_INSTANTS: usize = 360_000;

/// How small movements are measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SpottingMeans {
    /// Windows of the face found again in each frame: what is used.
    #[default]
    Flow,
    /// Points of the mesh: needs a mesh of every frame. Kept to be measured against; see `accuracy/micro-expressions.toml`.
    Landmarks,
}

/// How far the face was from rest in one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MicroTrace {
    /// When the frame was taken.
    pub at: Timestamp,
    /// How far the place that moved farthest was from where it was half a second around, in distances between the outer eye
    /// corners.
    pub strength: f32,
}

/// What was spotted in one face.
#[derive(Clone, Debug, PartialEq)]
pub struct MicroReport {
    /// Movements, by onset.
    pub movements: Vec<MicroMovement>,
    /// How far the face was from rest, frame by frame.
    pub traces: Vec<MicroTrace>,
    /// How fast frames came, by their own times.
    pub frames_per_sec: f64,
    /// Seconds in which movements could have been spotted: the face was in view, and the head was still.
    pub watched_secs: f64,
    /// Pixels between the outer eye corners where they were least.
    pub least_eyes_px: f32,
    /// False alarms a minute that are stated for this rate and for a face of this size; nothing where it is not known.
    pub stated_false_alarms_per_minute: Option<f64>,
    /// Pulses that came with a blink, with speech, or with a quick movement of the head, and are not reported.
    pub n_with_blink: usize,
    /// As above: with speech.
    pub n_with_speech: usize,
    /// As above: with the head.
    pub n_with_head: usize,
    /// Frames beyond the most that are kept.
    pub n_left_out: u64,
}

/// Watches one participant's face for movements of a fraction of a second.
///
/// # Privacy
/// Looks for what somebody shows without knowing: only with the key of a study in which that person agreed to it, for as long as
/// they agree, and what is found opens with that key alone. Keeps how far 13 places moved, and two crops of the last frame.
///
/// # Source
/// Spotting by optical flow in aligned regions with the motion of the head taken out: Shreve et al. 2011, Moilanen et al. 2014, Davison
/// et al. 2018. Lucas–Kanade windows, six parameters of the head and matched filters are ours.
///
/// # Examples
/// Leave to look at expressions is none to look for what somebody hides:
/// ```compile_fail,E0308
/// use regard_commitments::{ExpressionScope, Scoped};
/// use regard_vision::MicroSpotter;
///
/// fn spy(key: &Scoped<ExpressionScope>) {
///     let _ = MicroSpotter::new(key);
/// }
/// ```
pub struct MicroSpotter {
    key: MicroExpressions,
    means: SpottingMeans,
    tracker: FlowTracker,
    reference: Option<Vec<[f64; 3]>>,
    instants: Vec<Instant>,
    n_left_out: u64,
    /// Pixels between the outer eye corners where they were least.
    least_eyes_px: f32,
}

impl fmt::Debug for MicroSpotter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MicroSpotter({} frames, withheld)", self.instants.len())
    }
}

impl MicroSpotter {
    /// One that has seen nothing, for the participant whose key this is.
    pub fn new(key: &MicroExpressions) -> Self {
        Self::with_means(key, SpottingMeans::default())
    }

    /// The same by other means.
    pub fn with_means(key: &MicroExpressions, means: SpottingMeans) -> Self {
        Self {
            key: key.clone(),
            means,
            tracker: FlowTracker::new(),
            reference: None,
            instants: Vec::new(),
            n_left_out: 0,
            least_eyes_px: f32::INFINITY,
        }
    }

    /// Whether it cannot go on without a mesh: at the beginning, and after the face was lost.
    pub const fn wants_mesh(&self) -> bool {
        match self.means {
            SpottingMeans::Flow => self.tracker.is_lost(),
            SpottingMeans::Landmarks => true,
        }
    }

    /// Takes one frame, and the mesh of the face in it where there is one: five or ten a second are enough, but after
    /// [`Self::wants_mesh`]. A frame that was not taken after the last one is passed over.
    ///
    /// # Errors
    /// When the consent has ended, or the sitting.
    pub fn see(
        &mut self,
        frame: RgbView<'_>,
        at: Timestamp,
        mesh: Option<&FaceMesh>,
    ) -> Result<(), AnalysisError> {
        check_live(self.key.sensing().is_live())?;
        if self.instants.last().is_some_and(|last| at <= last.at) {
            return Ok(());
        }
        if self.instants.len() >= MAX_INSTANTS {
            self.n_left_out += 1;
            return Ok(());
        }
        if let Some(mesh) = mesh {
            self.least_eyes_px = self.least_eyes_px.min(eyes_px(mesh));
        }
        let seen = match self.means {
            SpottingMeans::Flow => self.tracker.see(frame, at, mesh),
            SpottingMeans::Landmarks => mesh.and_then(|mesh| self.by_landmarks(at, mesh)),
        };
        self.instants.extend(seen);
        Ok(())
    }

    /// The face was not in this frame: what comes next is not compared with what was before.
    pub fn lose(&mut self) {
        self.tracker.lose();
        self.reference = None;
    }

    /// What was spotted so far; of too few frames to say how fast they come, or in no stretch of at least a second, nothing.
    /// Opens with the key of the sitting.
    ///
    /// # Errors
    /// As an answer: `fps_too_low_for_microexpression` where frames came too slowly for what the key claims. Slower movements can
    /// still be had from [`crate::MovementMeter`].
    pub fn spotted(&self) -> Result<Option<StudyOnly<MicroReport>>, Refusal> {
        let at: Vec<Timestamp> = self.instants.iter().map(|i| i.at).collect();
        let Some(rate) = MeasuredRate::of(&at) else {
            return Ok(None);
        };
        self.key.keeps_up(rate)?;
        let stretches = stretches(&self.instants);
        if stretches.is_empty() {
            return Ok(None);
        }
        let spotted = spot(&stretches);
        let frames_per_sec = rate.frames_per_sec();
        Ok(Some(self.key.found(MicroReport {
            movements: spotted.movements,
            traces: stretches.iter().flat_map(super::spot::traces).collect(),
            frames_per_sec,
            watched_secs: spotted.watched_secs,
            least_eyes_px: self.least_eyes_px,
            stated_false_alarms_per_minute: false_alarms_per_minute(
                frames_per_sec,
                self.least_eyes_px,
            ),
            n_with_blink: spotted.n_blink,
            n_with_speech: spotted.n_speech,
            n_with_head: spotted.n_head,
            n_left_out: self.n_left_out,
        })))
    }

    /// Where the places are by the mesh, its pose taken out.
    fn by_landmarks(&mut self, at: Timestamp, mesh: &FaceMesh) -> Option<Instant> {
        let still: Vec<[f64; 3]> = STILL.iter().map(|i| point_of(mesh, i[0])).collect();
        let begins = self.reference.is_none();
        let reference = self.reference.get_or_insert_with(|| {
            let width = f64::from(eyes_px(mesh)).max(1.0);
            still.iter().map(|p| p.map(|v| v / width)).collect()
        });
        let pose = Pose3::fit(&still, reference)?;
        let place = |place: MicroPlace| {
            let points = place.points();
            let mut sum = [0.0; 2];
            for i in points {
                let p = pose.map(point_of(mesh, *i));
                sum = [sum[0] + p[0], sum[1] + p[1]];
            }
            sum.map(|v| (v / points.len() as f64) as f32)
        };
        let opening = |top: usize, bottom: usize| {
            let (a, b) = (
                pose.map(point_of(mesh, top)),
                pose.map(point_of(mesh, bottom)),
            );
            (b[1] - a[1]) as f32
        };
        // A closed lid takes a twelfth of the distance between the corners: as much as a blink changes the picture of the eyes.
        let closing = -10.0 * f32::midpoint(opening(159, 145), opening(386, 374));
        Some(Instant {
            at,
            places: MicroPlace::ALL.map(place),
            eye_change: closing,
            head_step: [0.0; 4],
            begins,
        })
    }
}

/// Pixels between the outer corners of the eyes.
fn eyes_px(mesh: &FaceMesh) -> f32 {
    let [left, right] = [EYES[0][0], EYES[1][1]].map(|i| point_of(mesh, i));
    (right[0] - left[0]).hypot(right[1] - left[1]) as f32
}

#[cfg(test)]
mod tests;
