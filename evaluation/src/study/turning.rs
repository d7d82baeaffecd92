//! TurningPoints at which many participants change together: what wins them, what loses them.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use regard_domain::CreativeId;
use serde::Serialize;

use super::curves::GRID_MILLIS;
use super::sitting::{Signal, Sitting};
use crate::Interval;

/// Seconds before and after a moment that are compared: a second is what a change of message, scene or word takes to show.
const WINDOW_STEPS: usize = (1_000 / GRID_MILLIS) as usize;

/// Of a window, the steps at which a face must be seen for it to count.
const MIN_SEEN_STEPS: usize = WINDOW_STEPS / 2;

/// What is allowed to be found where nothing is, over all moments of all messages and signals of a study together.
const FAMILY_ERROR: f64 = 0.05;

/// Sign flips drawn; where there are fewer in all, each is taken once.
const N_FLIPS: usize = 4_000;

/// Participants with which the smallest error that flips can show, two in 2ⁿ, is below [`FAMILY_ERROR`].
pub(super) const MIN_FOR_MOMENTS: usize = 6;

/// What happens at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Turning {
    /// More than before.
    Wins,
    /// Less than before.
    Loses,
}

/// A moment at which participants change together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TurningPoint {
    /// During which message.
    pub creative: CreativeId,
    /// Of what.
    pub signal: Signal,
    /// Which way.
    pub kind: Turning,
    /// When it is strongest, in milliseconds since the message began.
    pub at_millis: u32,
    /// Between when and when it is beyond chance.
    pub from_millis: u32,
    /// The same.
    pub to_millis: u32,
    /// Mean of the second after less that of the second before, over participants.
    pub change: f64,
    /// Where it is; holds for all moments of the study together in 95 of 100 studies.
    pub interval: Interval,
    /// Participants it was seen of.
    pub n: u32,
}

/// The moments of a study, or why none can be told.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "told", rename_all = "snake_case")]
pub enum TurningPoints {
    /// Those that are beyond chance, in order of message and time; perhaps none.
    Found {
        /// The moments.
        moments: Vec<TurningPoint>,
    },
    /// Chance could explain any.
    TooFew {
        /// Participants there are.
        n: usize,
        /// Participants it takes.
        needed: usize,
    },
}

/// One place where a moment may be: how each participant changed there, nothing where they were not seen.
struct Place {
    creative: CreativeId,
    signal: Signal,
    step: usize,
    /// By participant.
    changes: Vec<Option<f64>>,
}

impl Place {
    /// Mean, its error, and participants; nothing of too few or where nothing varies.
    fn change(&self, signs: Option<&[f64]>) -> Option<(f64, f64, usize)> {
        let (mut n, mut sum, mut squares) = (0_usize, 0.0, 0.0);
        for (i, change) in self.changes.iter().enumerate() {
            let Some(change) = change else { continue };
            let value = signs.map_or(*change, |signs| signs[i] * change);
            n += 1;
            sum += value;
            squares += value * value;
        }
        let count = n as f64;
        let mean = sum / count.max(1.0);
        let variance = (squares - count * mean * mean).max(0.0) / (count - 1.0).max(1.0);
        let error = (variance / count.max(1.0)).sqrt();
        (n >= MIN_FOR_MOMENTS && error > 1e-9).then_some((mean, error, n))
    }

    fn strength(&self, signs: &[f64]) -> f64 {
        self.change(Some(signs))
            .map_or(0.0, |(mean, error, _)| (mean / error).abs())
    }
}

/// Finds the moments. Each place is compared with the greatest strength that any place of the study has when the signs of
/// participants are flipped at random, so that the error over all places together is what is promised.
///
/// # Source
/// Westfall and Young 1993, chapter 2 (single-step maxT), with sign flips as in Winkler et al. 2014.
pub(super) fn turning_points(
    sittings: &[&Sitting],
    order: &[CreativeId],
    seed: u64,
) -> TurningPoints {
    let n = sittings.len();
    if n < MIN_FOR_MOMENTS {
        return TurningPoints::TooFew {
            n,
            needed: MIN_FOR_MOMENTS,
        };
    }
    let places: Vec<Place> = order
        .iter()
        .flat_map(|creative| places_of(sittings, creative))
        .collect();
    let critical = critical_strength(&places, n, seed);
    let mut moments = Vec::new();
    let mut at = 0;
    while at < places.len() {
        let Some(first) = beyond(&places[at], critical) else {
            at += 1;
            continue;
        };
        // Neighbouring places beyond chance and of the same direction are one moment.
        let mut end = at + 1;
        while end < places.len()
            && is_next(&places[end - 1], &places[end])
            && beyond(&places[end], critical).is_some_and(|sign| sign == first)
        {
            end += 1;
        }
        moments.extend(moment(&places[at..end], critical));
        at = end;
    }
    TurningPoints::Found { moments }
}

fn is_next(one: &Place, other: &Place) -> bool {
    one.creative == other.creative && one.signal == other.signal && one.step + 1 == other.step
}

/// Which way a place changes beyond chance.
fn beyond(place: &Place, critical: f64) -> Option<bool> {
    let (mean, error, _) = place.change(None)?;
    ((mean / error).abs() > critical).then_some(mean > 0.0)
}

fn moment(run: &[Place], critical: f64) -> Option<TurningPoint> {
    let strength = |place: &&Place| {
        let (mean, error, _) = place.change(None).unwrap_or((0.0, 1.0, 0));
        (mean / error).abs()
    };
    let best = run
        .iter()
        .max_by(|a, b| strength(a).total_cmp(&strength(b)))?;
    let (change, error, n) = best.change(None)?;
    let millis = |step: usize| {
        u32::try_from(step)
            .unwrap_or(u32::MAX)
            .saturating_mul(GRID_MILLIS)
    };
    Some(TurningPoint {
        creative: best.creative.clone(),
        signal: best.signal,
        kind: if change > 0.0 {
            Turning::Wins
        } else {
            Turning::Loses
        },
        at_millis: millis(best.step),
        from_millis: millis(run.first()?.step),
        to_millis: millis(run.last()?.step),
        change,
        interval: Interval {
            low: critical.mul_add(-error, change),
            high: critical.mul_add(error, change),
        },
        n: u32::try_from(n).unwrap_or(u32::MAX),
    })
}

fn places_of(sittings: &[&Sitting], creative: &CreativeId) -> Vec<Place> {
    let watched: Vec<_> = sittings
        .iter()
        .map(|one| one.watched.get(creative))
        .collect();
    let n_steps = watched
        .iter()
        .flatten()
        .map(|one| one.attention.0.len())
        .max()
        .unwrap_or(0);
    let mut places = Vec::new();
    for signal in Signal::ALL {
        for step in WINDOW_STEPS..n_steps.saturating_sub(WINDOW_STEPS - 1) {
            let changes = watched.iter().map(|one| {
                let curve = one.as_ref()?.curve(signal);
                let is_seen = |steps: std::ops::Range<usize>| {
                    let seen = curve
                        .0
                        .get(steps)
                        .map_or(0, |part| part.iter().flatten().count());
                    seen >= MIN_SEEN_STEPS
                };
                let (before, after) = (step - WINDOW_STEPS..step, step..step + WINDOW_STEPS);
                (is_seen(before.clone()) && is_seen(after.clone())).then_some(())?;
                Some(curve.mean(after)? - curve.mean(before)?)
            });
            places.push(Place {
                creative: creative.clone(),
                signal,
                step,
                changes: changes.collect(),
            });
        }
    }
    places
}

/// The strength that the strongest place of the study exceeds in so many of all flips of signs.
fn critical_strength(places: &[Place], n: usize, seed: u64) -> f64 {
    let n_all = 1_usize
        .checked_shl(u32::try_from(n).unwrap_or(u32::MAX))
        .unwrap_or(usize::MAX);
    let is_all = n_all <= N_FLIPS;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut signs = vec![1.0; n];
    let n_flips = n_all.min(N_FLIPS);
    let mut greatest: Vec<f64> = (0..n_flips)
        .map(|flip| {
            for (i, sign) in signs.iter_mut().enumerate() {
                // Nothing flipped is one of the flips: the study itself.
                let is_flipped = if is_all {
                    flip >> i & 1 == 1
                } else {
                    flip > 0 && rng.random::<bool>()
                };
                *sign = if is_flipped { -1.0 } else { 1.0 };
            }
            places
                .iter()
                .map(|place| place.strength(&signs))
                .fold(0.0, f64::max)
        })
        .collect();
    greatest.sort_by(f64::total_cmp);
    let at = ((1.0 - FAMILY_ERROR) * n_flips as f64).ceil() as usize;
    greatest
        .get(at.saturating_sub(1))
        .copied()
        .unwrap_or(f64::INFINITY)
}
