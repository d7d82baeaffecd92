//! Which pulses are movements of the face, and which come of blinks, of speech, or of the head.

use regard_domain::Timestamp;

use super::super::fit::{Fitted, fit};
use super::super::series::{median, robust_deviation};
use super::super::unit::FaceRegion;
use super::place::MicroPlace;
use super::pulse::{Candidate, candidates};
use super::spotter::MicroTrace;
use super::traces::Stretch;

/// Score from which a pulse is reported. Origin: tuned on the demo clip; see `accuracy/micro-expressions.toml`.
const SCORE_FROM: f32 = 7.0;

/// Least height in eye distances. Origin: a third of a pixel in the crop; below, JPEG blocks move as far.
const LEAST_HEIGHT: f32 = 0.005;

/// Longest movement that is still one, and the shortest in grid steps; both with a step of leeway for where the knots fall.
const LONGEST_SECS: f64 = 0.5;
const FEWEST_STEPS: f64 = 2.0;

/// Share of its squares that a rise, a height and a fall may leave of a pulse.
const MOST_LEFT_OVER: f32 = 0.5;

/// How far from rest a place may be after it, in heights: farther, and it did not come back.
const MOST_NOT_BACK: f32 = 0.5;

/// Share of the strongest score from which another place is said to move with it.
const MOVES_WITH: f32 = 0.5;

/// How much more than usual both eyes have to change for a blink, and the seconds around it that it blurs.
const BLINK_CHANGE: f32 = 0.12;
const BLINK_MARGIN_SECS: f64 = 0.06;

/// Swings of the mouth within the window that make speech; a single movement has two.
const SPEECH_SWINGS: usize = 5;
const SPEECH_WINDOW_SECS: f64 = 0.9;

/// Least swing of the mouth that counts, in eye distances, and in deviations of its noise.
const SWING_FROM: (f32, f32) = (0.012, 6.0);

/// Speed of the head beyond which nothing small can be told, in eye distances a second, and the seconds around it. Origin: a head at rest
/// goes below 0.3; parallax beyond six parameters of the head grows with its speed.
const HEAD_SPEED: f32 = 0.5;
const HEAD_MARGIN_SECS: f64 = 0.06;

/// A movement that came and went within half a second.
///
/// # Privacy
/// What somebody showed without knowing: exists as [`regard_commitments::StudyOnly`] alone.
#[derive(Clone, Debug, PartialEq)]
pub struct MicroMovement {
    /// Where it is strongest.
    pub place: MicroPlace,
    /// Every place that moves with it, in the order of [`MicroPlace::ALL`]; the strongest among them.
    pub places: Vec<MicroPlace>,
    /// When it sets in.
    pub onset: Timestamp,
    /// When it is at its height.
    pub apex: Timestamp,
    /// When it is over.
    pub offset: Timestamp,
    /// How far it goes to the right and down, in distances between the outer eye corners.
    pub height: [f32; 2],
    /// Height in deviations of the noise; raw.
    pub score: f32,
    /// How likely it is that something moved there, among what is spotted at this rate; set on injected movements.
    pub probability: f32,
}

/// Why a pulse was not reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rejection {
    Blink,
    Speech,
    Head,
    Shape,
}

/// What was found in all stretches.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Spotted {
    pub(super) movements: Vec<MicroMovement>,
    pub(super) n_blink: usize,
    pub(super) n_speech: usize,
    pub(super) n_head: usize,
    pub(super) n_shape: usize,
    /// Seconds in which the head was still enough.
    pub(super) watched_secs: f64,
}

/// Looks for movements in what the places did.
pub(super) fn spot(stretches: &[Stretch]) -> Spotted {
    let distractions: Vec<Distraction> = stretches.iter().map(Distraction::of).collect();
    let mut spotted = Spotted::default();
    for (stretch, distraction) in stretches.iter().zip(&distractions) {
        let n_still = distraction.is_head.iter().filter(|fast| !**fast).count();
        spotted.watched_secs += n_still as f64 * stretch.step_secs;
    }
    // One blink is one, in however many places it shows.
    let mut rejected: Vec<(Rejection, Candidate)> = Vec::new();
    let mut taken = candidates(stretches);
    // Sorted by score. A pulse of the wrong shape must not stand in the way of a right one.
    while let Some(best) = taken.first().copied().filter(|c| c.score >= SCORE_FROM) {
        let stretch = &stretches[best.stretch];
        match confirm(stretch, &distractions[best.stretch], &best) {
            Ok(fitted) => {
                let (outdone, others) = taken.drain(1..).partition(|c| best.overlaps(c));
                let outdone: Vec<Candidate> = outdone;
                spotted
                    .movements
                    .push(movement(stretch, &best, &outdone, &fitted));
                taken = others;
            }
            Err(why) => {
                let is_known = rejected.iter().any(|(w, c)| *w == why && c.overlaps(&best));
                let count = match why {
                    Rejection::Blink => &mut spotted.n_blink,
                    Rejection::Speech => &mut spotted.n_speech,
                    Rejection::Head => &mut spotted.n_head,
                    Rejection::Shape => &mut spotted.n_shape,
                };
                *count += usize::from(!is_known);
                rejected.push((why, best));
                taken.retain(|c| c.channel != best.channel || !c.overlaps(&best));
            }
        }
    }
    spotted
        .movements
        .sort_by(|a, b| a.onset.cmp(&b.onset).then(a.place.cmp(&b.place)));
    spotted
}

/// Whether a pulse is one: its pieces, or what speaks against it.
fn confirm(
    stretch: &Stretch,
    distraction: &Distraction,
    candidate: &Candidate,
) -> Result<Fitted, Rejection> {
    let [hx, hy] = candidate.height;
    let height = hx.hypot(hy);
    let from = candidate.from.saturating_sub(candidate.flank);
    let to = (candidate.to() + candidate.flank).min(stretch.len());
    if height < LEAST_HEIGHT {
        return Err(Rejection::Shape);
    }
    let mut along: Vec<f32> = stretch.places[from..to]
        .iter()
        .map(|places| {
            let [x, y] = candidate.channel.value(places);
            (x * hx + y * hy) / height
        })
        .collect();
    let (before, after) = (candidate.from - from, candidate.to() - from);
    let rest = |part: &[f32]| median(&mut part.to_vec()).unwrap_or(0.0);
    let (left, right) = (
        rest(&along[..before.max(1)]),
        rest(&along[after.min(to - from - 1)..]),
    );
    if (right - left).abs() > MOST_NOT_BACK * height {
        return Err(Rejection::Shape);
    }
    let last = (along.len() - 1).max(1) as f32;
    for (i, value) in along.iter_mut().enumerate() {
        *value -= left + (right - left) * i as f32 / last;
    }
    let step = stretch.step_secs;
    let times: Vec<f64> = (from..to).map(|i| i as f64 * step).collect();
    let inner = candidate.width as f64 * 0.2;
    let fitted = fit(
        &times,
        &along,
        (candidate.from as f64 + inner) * step,
        (candidate.to() as f64 - 1.0 - inner).max(candidate.from as f64 + inner + 0.5) * step,
    )
    .ok_or(Rejection::Shape)?;
    let secs = fitted.phases.whole_secs();
    let is_shaped = fitted.left_over <= MOST_LEFT_OVER
        && secs <= LONGEST_SECS + 2.0 * step
        && secs >= FEWEST_STEPS * step;
    if !is_shaped {
        return Err(Rejection::Shape);
    }
    distraction.speaks_against(candidate)?;
    Ok(fitted)
}

fn movement(
    stretch: &Stretch,
    best: &Candidate,
    outdone: &[Candidate],
    fitted: &Fitted,
) -> MicroMovement {
    let mut places = vec![best.channel.place];
    if best.channel.is_pair {
        places.push(best.channel.place.mirrored());
    }
    let with = outdone
        .iter()
        .filter(|c| !c.channel.is_pair && c.score >= MOVES_WITH * best.score);
    places.extend(with.map(|c| c.channel.place));
    places.sort_unstable();
    places.dedup();
    let phases = fitted.phases;
    let step = stretch.step_secs;
    // The knots are where the pieces are nought: half a frame before the first that shows something.
    let grid = |secs: f64, by: f64| stretch.at((secs / step + by).max(0.0));
    let middle = f64::midpoint(phases.risen_secs, phases.falls_secs);
    let scale = fitted.amplitude / best.height[0].hypot(best.height[1]);
    MicroMovement {
        place: best.channel.place,
        places,
        onset: grid(phases.onset_secs, 0.5),
        apex: grid(middle, 0.0),
        offset: grid(phases.offset_secs, -0.5),
        height: best.height.map(|v| v * scale),
        score: best.score,
        probability: probability(best.score),
    }
}

/// How likely a reported pulse is one, by its score: half at 6, nine in ten at 10.
///
/// # Source
/// Set on tuning runs of the demo clip, where false alarms end at 5 and what was put in begins there; not fitted, and on small faces
/// badly off (`accuracy/micro-expressions.toml`, Brier scores).
fn probability(score: f32) -> f32 {
    let [constant, slope] = LOGIT;
    1.0 / (1.0 + (-(constant + slope * score.ln())).exp())
}

const LOGIT: [f32; 2] = [-8.4, 4.6];

/// What else goes on in a stretch.
struct Distraction {
    is_blink: Vec<bool>,
    is_speech: Vec<bool>,
    is_head: Vec<bool>,
}

impl Distraction {
    fn of(stretch: &Stretch) -> Self {
        let step = stretch.step_secs;
        let reach = |secs: f64| ((secs / step).round() as usize).max(1);
        let usual = running_median(&stretch.eye_change, reach(0.6));
        let blinks: Vec<bool> = stretch
            .eye_change
            .iter()
            .zip(&usual)
            .map(|(now, usual)| now - usual > BLINK_CHANGE)
            .collect();
        let fast: Vec<bool> = stretch.head_speed.iter().map(|v| *v > HEAD_SPEED).collect();
        Self {
            is_blink: widened(&blinks, reach(BLINK_MARGIN_SECS)),
            is_speech: speech(stretch, reach(SPEECH_WINDOW_SECS)),
            is_head: widened(&fast, reach(HEAD_MARGIN_SECS)),
        }
    }

    fn speaks_against(&self, candidate: &Candidate) -> Result<(), Rejection> {
        let any = |mask: &[bool]| {
            mask[candidate.from..candidate.to().min(mask.len())]
                .iter()
                .any(|m| *m)
        };
        if any(&self.is_head) {
            return Err(Rejection::Head);
        }
        // Lids take along what is around the eyes, speech what is around the mouth.
        let (by_lids, by_mouth) = match candidate.channel.place.region() {
            FaceRegion::Brows | FaceRegion::Eyes => (true, false),
            FaceRegion::Cheeks | FaceRegion::Nose => (true, true),
            FaceRegion::Mouth | FaceRegion::Jaw => (false, true),
        };
        if by_lids && any(&self.is_blink) {
            return Err(Rejection::Blink);
        }
        if by_mouth && any(&self.is_speech) {
            return Err(Rejection::Speech);
        }
        Ok(())
    }
}

/// How far each frame is from rest: the place that is farthest from its running median.
pub(super) fn traces(stretch: &Stretch) -> Vec<MicroTrace> {
    let reach = ((LONGEST_SECS / stretch.step_secs).round() as usize).max(1);
    let mut far = vec![0.0_f32; stretch.len()];
    for place in MicroPlace::ALL {
        let axis = |axis: usize| -> Vec<f32> {
            let own: Vec<f32> = stretch
                .places
                .iter()
                .map(|p| p[place as usize][axis])
                .collect();
            let usual = running_median(&own, reach);
            own.iter().zip(usual).map(|(v, u)| v - u).collect()
        };
        for ((far, x), y) in far.iter_mut().zip(axis(0)).zip(axis(1)) {
            *far = far.max(x.hypot(y));
        }
    }
    let trace = |(i, strength): (usize, f32)| MicroTrace {
        at: stretch.at(i as f64),
        strength,
    };
    far.into_iter().enumerate().map(trace).collect()
}

/// Where the mouth opens and closes again and again: from its swings, of which a movement alone has two.
fn speech(stretch: &Stretch, reach: usize) -> Vec<bool> {
    let opening: Vec<f32> = stretch
        .places
        .iter()
        .map(|p| p[MicroPlace::LowerLip as usize][1] - p[MicroPlace::UpperLip as usize][1])
        .collect();
    let steps: Vec<f32> = opening.windows(2).map(|w| w[1] - w[0]).collect();
    let noise = robust_deviation(&steps).unwrap_or(0.0) * std::f32::consts::FRAC_1_SQRT_2;
    let least = SWING_FROM.0.max(SWING_FROM.1 * noise);
    let turns = turning_points(&opening, least);
    (0..opening.len())
        .map(|i| {
            let from = turns.partition_point(|t| *t + reach < i);
            let to = turns.partition_point(|t| *t <= i + reach);
            to - from >= SPEECH_SWINGS
        })
        .collect()
}

/// Where a series turns after a swing of at least so much.
fn turning_points(series: &[f32], least: f32) -> Vec<usize> {
    let mut turns = Vec::new();
    let Some(first) = series.first() else {
        return turns;
    };
    // The highest and the lowest since the last turn, and which way it went.
    let (mut high, mut low) = ((0, *first), (0, *first));
    let mut rises: Option<bool> = None;
    for (i, value) in series.iter().enumerate() {
        if *value > high.1 {
            high = (i, *value);
        }
        if *value < low.1 {
            low = (i, *value);
        }
        if rises != Some(false) && high.1 - value >= least {
            turns.push(high.0);
            (rises, low) = (Some(false), (i, *value));
        } else if rises != Some(true) && value - low.1 >= least {
            turns.push(low.0);
            (rises, high) = (Some(true), (i, *value));
        }
    }
    turns
}

fn running_median(values: &[f32], reach: usize) -> Vec<f32> {
    // A median of a few dozen of the neighbours is as good as one of all.
    let stride = (reach / 12).max(1);
    (0..values.len())
        .map(|i| {
            let near = i.saturating_sub(reach)..(i + reach + 1).min(values.len());
            let mut near: Vec<f32> = values[near].iter().step_by(stride).copied().collect();
            median(&mut near).unwrap_or(0.0)
        })
        .collect()
}

/// True wherever a mask is true within so many places.
fn widened(mask: &[bool], reach: usize) -> Vec<bool> {
    (0..mask.len())
        .map(|i| mask[i.saturating_sub(reach)..(i + reach + 1).min(mask.len())].contains(&true))
        .collect()
}

#[cfg(test)]
mod tests;
