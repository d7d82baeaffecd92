//! The head turns as asked, and moves as a head does.
//!
//! A recording turns when it turns, not when it is asked. A picture on a sheet can be turned, but its points then move as
//! points of a plane: stretched and slanted, never past each other. In a head the nose passes before the cheeks.

use std::time::Duration;

use rand::CryptoRng;
use rand::seq::IndexedRandom;
use regard_domain::{Face, HeadPose, Point, Timestamp};

use super::{Liveness, LivenessFault};
use crate::FaceMesh;

/// Turns of a challenge: 64 orders, as each is one of four.
const N_TURNS: usize = 3;

/// Degrees within which a head looks ahead: cameras hang above and stand below, so that pitch says little by itself. Turns are
/// counted from there.
const AHEAD_YAW_DEG: f32 = 15.0;
const AHEAD_PITCH_DEG: f32 = 25.0;

/// Degrees from which a head is turned, and within which it is back; the pose errs by about 3.
const YAW_DEG: f32 = 18.0;
const PITCH_DEG: f32 = 14.0;
const BACK_DEG: f32 = 9.0;

/// Frames in a row that have to say the same, against a single wrong mesh.
const N_FRAMES: u32 = 2;

/// Longest time for one turn, the way back to the front included.
const TURN_TIME: Duration = Duration::from_secs(6);

/// Longest gap between frames with exactly one face.
const MAX_GAP: Duration = Duration::from_millis(700);

/// What a plane leaves unexplained of the points of a turned head, in distances of the eyes, for each ten degrees. Origin: the
/// committed clip's turns leave .05, of the mesh's points and of the detector's alike; nods of made-up heads .03 of the
/// mesh's and .005 of the detector's.
const MIN_DEPTH_PER_TEN_DEG: f32 = 0.02;

/// Where to turn; left is left in the image, so pictures of it may be mirrored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnDirection {
    /// To the left of the image.
    Left,
    /// To the right of the image.
    Right,
    /// Up.
    Up,
    /// Down.
    Down,
}

impl TurnDirection {
    const ALL: [Self; 4] = [Self::Left, Self::Right, Self::Up, Self::Down];

    /// The stable name, in snake case: a key of texts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Right => "right",
            Self::Up => "up",
            Self::Down => "down",
        }
    }

    /// Whether a head has turned that way.
    fn is_shown_by(self, (yaw_deg, pitch_deg): (f32, f32)) -> bool {
        match self {
            Self::Left => yaw_deg <= -YAW_DEG,
            Self::Right => yaw_deg >= YAW_DEG,
            Self::Up => pitch_deg >= PITCH_DEG,
            Self::Down => pitch_deg <= -PITCH_DEG,
        }
    }
}

/// What a person is to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnStep {
    /// Look straight ahead.
    LookAhead,
    /// Turn the head.
    Turn(TurnDirection),
    /// Nothing more.
    Done,
}

/// A head in one frame: where it is turned, and where its points are.
///
/// # Privacy
/// Geometry of a face: kept for the seconds of a challenge, never printed.
#[derive(Clone)]
pub struct HeadView {
    pose: HeadPose,
    points: Vec<Point>,
}

impl HeadView {
    /// From a face and its mesh; nothing when the mesh has no pose.
    pub fn new(face: &Face, mesh: &FaceMesh) -> Option<Self> {
        let pose = mesh.head_pose()?;
        // The detector's own five points count as much as the mesh's many: they do not know what a face looks like in space.
        let five = face.landmarks_in_frame.0;
        let points = five
            .into_iter()
            .chain(mesh.points().iter().map(|p| Point::new(p.x, p.y)));
        Some(Self {
            pose,
            points: points.collect(),
        })
    }

    /// Where it is turned.
    pub const fn pose(&self) -> &HeadPose {
        &self.pose
    }

    /// Degrees of yaw and pitch from another view to this one.
    fn turned_from(&self, from: &Self) -> (f32, f32) {
        (
            self.pose.yaw_deg - from.pose.yaw_deg,
            self.pose.pitch_deg - from.pose.pitch_deg,
        )
    }

    /// What no plane explains of the way from another view to this one: root mean square of what is left after the best
    /// affine map, in distances of the eyes. Of the mesh's points, and of the detector's five.
    pub fn depth_from(&self, from: &Self) -> Option<(f32, f32)> {
        let n = self.points.len().min(from.points.len());
        let (five, mesh) = (5.min(n), n);
        let eyes = from.points.first()?.distance(*from.points.get(1)?);
        let left = |range: std::ops::Range<usize>| {
            let pairs = from.points[range.clone()].iter().zip(&self.points[range]);
            Some(affine_rest(&pairs.map(|(a, b)| (*a, *b)).collect::<Vec<_>>())? / eyes)
        };
        Some((left(five..mesh)?, left(0..five)?))
    }
}

impl std::fmt::Debug for HeadView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HeadView({} points withheld)", self.points.len())
    }
}

/// Root mean square distance that the best affine map leaves.
fn affine_rest(pairs: &[(Point, Point)]) -> Option<f32> {
    let n = pairs.len() as f64;
    let mean = |pick: fn(&(Point, Point)) -> f32| {
        pairs.iter().map(|p| f64::from(pick(p))).sum::<f64>() / n
    };
    let (x, y) = (mean(|p| p.0.x), mean(|p| p.0.y));
    let (u, v) = (mean(|p| p.1.x), mean(|p| p.1.y));
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    let (mut to, mut total) = ([[0.0; 2]; 2], 0.0);
    for (a, b) in pairs {
        let (p, q) = (f64::from(a.x) - x, f64::from(a.y) - y);
        let r = [f64::from(b.x) - u, f64::from(b.y) - v];
        xx += p * p;
        xy += p * q;
        yy += q * q;
        for (sums, r) in to.iter_mut().zip(r) {
            sums[0] += p * r;
            sums[1] += q * r;
            total += r * r;
        }
    }
    let determinant = xx * yy - xy * xy;
    if determinant <= 1e-9 * xx * yy || n < 4.0 {
        return None;
    }
    let explained: f64 = to
        .iter()
        .map(|[p, q]| (yy * p * p - 2.0 * xy * p * q + xx * q * q) / determinant)
        .sum();
    Some((((total - explained).max(0.0)) / n).sqrt() as f32)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    /// Waits for so many more frontal frames.
    Ahead(u32),
    /// Waits for a turn; frames in a row that showed it, and that showed another.
    Turning {
        right: u32,
        wrong: u32,
    },
    Ended,
}

/// One head-turn challenge: a state machine of measurements and times.
///
/// # Privacy
/// Holds one view of a head while it runs. Lives for one attempt.
#[derive(Debug)]
pub struct TurnChallenge {
    turns: [TurnDirection; N_TURNS],
    done: usize,
    phase: Phase,
    ahead: Option<HeadView>,
    begun: Option<Timestamp>,
    turn_began: Option<Timestamp>,
    last_seen: Option<Timestamp>,
    verdict: Liveness,
    depths: Vec<f32>,
}

impl TurnChallenge {
    /// A challenge nobody can foresee.
    pub fn new(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let draw = |_| *TurnDirection::ALL.choose(rng).expect("four ways");
        Self {
            turns: std::array::from_fn(draw),
            done: 0,
            phase: Phase::Ahead(N_FRAMES),
            ahead: None,
            begun: None,
            turn_began: None,
            last_seen: None,
            verdict: Liveness::Pending,
            depths: Vec::new(),
        }
    }

    /// What the person is to do now.
    pub fn step(&self) -> TurnStep {
        match self.phase {
            Phase::Ahead(_) => TurnStep::LookAhead,
            Phase::Turning { .. } => TurnStep::Turn(self.turns[self.done]),
            Phase::Ended => TurnStep::Done,
        }
    }

    /// Turns that are done, and all there are.
    pub const fn progress(&self) -> (usize, usize) {
        (self.done, N_TURNS)
    }

    /// For each turn, the depth it showed over what ten degrees at least show: 1 is the limit.
    pub fn depths(&self) -> &[f32] {
        &self.depths
    }

    /// A frame with its capture time; `None` where not exactly one face with a mesh was in it.
    pub fn observe(&mut self, at: Timestamp, view: Option<&HeadView>) {
        if self.phase == Phase::Ended || self.last_seen.is_some_and(|seen| at < seen) {
            return;
        }
        self.begun.get_or_insert(at);
        let turn_began = *self.turn_began.get_or_insert(at);
        let last_seen = *self.last_seen.get_or_insert(at);
        if at.saturating_since(last_seen) > MAX_GAP {
            return self.fail(LivenessFault::FaceLost);
        }
        if at.saturating_since(turn_began) > TURN_TIME {
            return self.fail(LivenessFault::TimedOut);
        }
        let Some(view) = view else { return };
        self.last_seen = Some(at);
        match self.phase {
            Phase::Ahead(left) => self.look_ahead(view, left),
            Phase::Turning { right, wrong } => self.turn(at, view, right, wrong),
            Phase::Ended => {}
        }
    }

    fn look_ahead(&mut self, view: &HeadView, left: u32) {
        let is_ahead = match &self.ahead {
            None => {
                view.pose.yaw_deg.abs() <= AHEAD_YAW_DEG
                    && view.pose.pitch_deg.abs() <= AHEAD_PITCH_DEG
            }
            Some(ahead) => {
                let (yaw, pitch) = view.turned_from(ahead);
                yaw.abs() <= BACK_DEG && pitch.abs() <= BACK_DEG
            }
        };
        if !is_ahead {
            self.phase = Phase::Ahead(N_FRAMES);
        } else if left > 1 {
            self.phase = Phase::Ahead(left - 1);
        } else if self.done == N_TURNS {
            self.phase = Phase::Ended;
            self.verdict = Liveness::Passed;
        } else {
            // The first view ahead stays the one that all are compared with.
            self.ahead.get_or_insert_with(|| view.clone());
            self.phase = Phase::Turning { right: 0, wrong: 0 };
        }
    }

    fn turn(&mut self, at: Timestamp, view: &HeadView, right: u32, wrong: u32) {
        let Some(ahead) = &self.ahead else {
            return self.fail(LivenessFault::FaceLost);
        };
        let asked = self.turns[self.done];
        let turned = view.turned_from(ahead);
        let is_right = asked.is_shown_by(turned);
        let others = TurnDirection::ALL.into_iter().filter(|d| *d != asked);
        let is_wrong = !is_right && others.into_iter().any(|d| d.is_shown_by(turned));
        let right = if is_right { right + 1 } else { 0 };
        let wrong = if is_wrong { wrong + 1 } else { 0 };
        let depth = depth(view, ahead);
        self.phase = Phase::Turning { right, wrong };
        if wrong > N_FRAMES {
            return self.fail(LivenessFault::WrongTurn);
        }
        if right < N_FRAMES {
            return;
        }
        let Some(depth) = depth else {
            return self.fail(LivenessFault::FlatTurn);
        };
        self.depths.push(depth);
        if depth < 1.0 {
            return self.fail(LivenessFault::FlatTurn);
        }
        self.done += 1;
        self.turn_began = Some(at);
        self.phase = Phase::Ahead(N_FRAMES);
    }

    fn fail(&mut self, fault: LivenessFault) {
        self.phase = Phase::Ended;
        self.verdict = Liveness::Failed(vec![fault]);
    }

    /// Whether it is passed, at this time.
    pub fn verdict(&self, now: Timestamp) -> Liveness {
        let is_late = |since: Option<Timestamp>, most: Duration| {
            since.is_some_and(|t| now.saturating_since(t) > most)
        };
        match &self.verdict {
            Liveness::Pending if is_late(self.last_seen, MAX_GAP) => {
                Liveness::Failed(vec![LivenessFault::FaceLost])
            }
            Liveness::Pending if is_late(self.turn_began, TURN_TIME) => {
                Liveness::Failed(vec![LivenessFault::TimedOut])
            }
            verdict => verdict.clone(),
        }
    }
}

/// The depth of a turn over what its angle at least shows. Of a turn to a side, the mesh's points and the detector's both have
/// to show it; of a nod, five points hardly do.
fn depth(view: &HeadView, ahead: &HeadView) -> Option<f32> {
    let (yaw, pitch) = view.turned_from(ahead);
    let tens = (yaw.hypot(pitch) / 10.0).max(1.0);
    let (mesh, five) = view.depth_from(ahead)?;
    let shown = if yaw.abs() > pitch.abs() {
        mesh.min(five)
    } else {
        mesh
    };
    Some(shown / (tens * MIN_DEPTH_PER_TEN_DEG))
}

#[cfg(test)]
mod tests;
