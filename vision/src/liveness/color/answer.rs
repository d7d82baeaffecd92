//! How well the light on a face follows an order of colours.

use super::{MAX_COLOR_LATENCY, N_STEPS, Order, STEP, Sample, push};
use crate::liveness::LivenessFault;
use crate::liveness::light::{N_LIGHT_SPOTS, N_MIDDLE_SPOTS};

/// Share of the changes of hue that the order has to explain. Origin: simulated challenges; see `accuracy/liveness-*`.
const MIN_EXPLAINED: f32 = 0.4;

/// Least deviation of hue that counts as an answer: a few thousandths, far above what noise leaves of a mean over a spot.
const MIN_SWING: f32 = 0.004;

/// How much more the middle of a face has to answer than its sides, as a logarithm, and the error up to which the figure is
/// believed. Origin: simulated challenges.
const MIN_RELIEF: f32 = 0.04;
const MAX_RELIEF_ERROR: f32 = 0.04;

/// How much of the face's answer what is beside it may give: a wall close behind is lit too, but by less.
const MAX_BESIDE: f32 = 0.6;

/// Latencies that are tried, in seconds: step, and the last one, by which late answers are told.
const LATENCY_STEP: f32 = 0.025;
const MAX_LATENCY: f32 = 1.5;

/// Part of a step after a change that is left out: exposure and display blend two colours.
const BLEND_SECS: f32 = 0.06;

/// What the light on a face says about an order of colours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ColorAnswer {
    /// Share of the changes of hue of the face (against what is beside it) that the order explains at the best latency within
    /// bounds, in `[0, 1]`.
    pub explained: f32,
    /// That latency, in seconds.
    pub latency_secs: f32,
    /// The best share at latencies beyond the bounds.
    pub explained_late: f32,
    /// The best share that any of the other orders explains, within bounds.
    pub explained_by_others: f32,
    /// Deviation of hue that the order makes.
    pub swing: f32,
    /// What is beside the head answers with this share of the face's answer; `None` where nothing is to be seen there.
    pub beside: Option<f32>,
    /// How much more the middle of the face answers than its sides, as a logarithm, and the standard error of that.
    pub relief: Option<(f32, f32)>,
}

/// One signal over time: hue in two dimensions.
type Signal = Vec<(f32, [f32; 2])>;

impl ColorAnswer {
    pub(super) fn of(order: &Order, decoys: &[Order], samples: &[Sample]) -> Self {
        let face = signal(samples, |s| Some(mean(&s.spots)));
        let beside = signal(samples, |s| s.beside);
        let is_beside_seen = beside.len() * 2 > samples.len();
        // Exposure and white balance of the camera move both, and drop out of the difference.
        let against = if is_beside_seen {
            signal(samples, |s| Some(minus(mean(&s.spots), s.beside?)))
        } else {
            face.clone()
        };
        let bound = MAX_COLOR_LATENCY.as_secs_f32();
        let in_time = delays(&against, 0.0, bound);
        let late = delays(&against, bound + LATENCY_STEP, MAX_LATENCY);
        let best = |delays: &[Delayed], order: &Order| {
            let fits = delays.iter().map(|d| (d.fit(order), d.latency));
            fits.max_by(|a, b| a.0.explained.total_cmp(&b.0.explained))
                .unwrap_or_default()
        };
        let (found, latency_secs) = best(&in_time, order);
        let others = decoys.iter().map(|d| best(&in_time, d).0.explained);
        let (alone, alone_latency) = best(&delays(&face, 0.0, bound), order);
        let beside_gain = |latency| Delayed::new(&beside, latency).fit(order).gain;
        let share = |gain: f32, of: f32| {
            if gain > 0.0 && of > 0.0 {
                gain / of
            } else {
                0.0
            }
        };
        let beside = if !is_beside_seen {
            None
        } else if found.explained >= MIN_EXPLAINED {
            let gain = beside_gain(latency_secs);
            Some(share(gain, gain + found.gain))
        } else if alone.explained >= MIN_EXPLAINED {
            // A tint of all of the picture leaves nothing of the difference: then the face alone tells.
            Some(share(beside_gain(alone_latency), alone.gain))
        } else {
            None
        };
        Self {
            explained: found.explained,
            latency_secs,
            explained_late: best(&late, order).0.explained,
            explained_by_others: others.fold(0.0, f32::max),
            swing: found.swing,
            beside,
            relief: relief(samples, order, latency_secs),
        }
    }

    /// What speaks against a living face; empty: nothing.
    pub fn faults(&self) -> Vec<LivenessFault> {
        let mut faults = Vec::new();
        let is_answer = self.explained >= MIN_EXPLAINED && self.swing >= MIN_SWING;
        let is_late = self.explained_late >= MIN_EXPLAINED.max(self.explained);
        if self.beside.is_some_and(|b| b > MAX_BESIDE) {
            faults.push(LivenessFault::GlobalTint);
        } else if is_late || (!is_answer && self.explained_by_others >= MIN_EXPLAINED) {
            faults.push(LivenessFault::WrongTime);
        } else if !is_answer {
            faults.push(LivenessFault::NoResponse);
        } else if self.explained <= self.explained_by_others {
            faults.push(LivenessFault::WrongTime);
        }
        let is_flat =
            |(relief, error): (f32, f32)| error <= MAX_RELIEF_ERROR && relief < MIN_RELIEF;
        if is_answer && self.relief.is_some_and(is_flat) {
            faults.push(LivenessFault::FlatLight);
        }
        faults
    }
}

fn signal(samples: &[Sample], pick: impl Fn(&Sample) -> Option<[f32; 2]>) -> Signal {
    samples
        .iter()
        .filter_map(|s| Some((s.secs, pick(s)?)))
        .collect()
}

fn mean(spots: &[[f32; 2]; N_LIGHT_SPOTS]) -> [f32; 2] {
    let sum = spots
        .iter()
        .fold([0.0; 2], |sum, s| [sum[0] + s[0], sum[1] + s[1]]);
    sum.map(|v| v / N_LIGHT_SPOTS as f32)
}

fn minus(a: [f32; 2], b: [f32; 2]) -> [f32; 2] {
    [a[0] - b[0], a[1] - b[1]]
}

/// How an order explains a signal.
#[derive(Clone, Copy, Default)]
struct Fit {
    explained: f32,
    /// Hue for a unit of the screen's push, both dimensions together.
    gain: f32,
    /// Standard error of the gain.
    error: f32,
    swing: f32,
}

/// A signal as it falls on the steps of any order at one latency, without its mean and drift.
#[derive(Default)]
struct Delayed {
    latency: f32,
    n: f64,
    t_mean: f64,
    /// Sum of squared distances of the times from their mean.
    tt: f64,
    /// For each step: frames, the sum of their times, and the sum of their hues.
    steps: [(f64, f64, [f64; 2]); N_STEPS],
    /// Sum of squared hues.
    total: f64,
}

fn delays(signal: &Signal, from: f32, to: f32) -> Vec<Delayed> {
    let n = ((to - from) / LATENCY_STEP).round() as usize;
    (0..=n)
        .map(|i| Delayed::new(signal, from + i as f32 * LATENCY_STEP))
        .collect()
}

impl Delayed {
    fn new(signal: &Signal, latency: f32) -> Self {
        let length = STEP.as_secs_f32();
        let seen: Vec<(usize, f64, [f64; 2])> = signal
            .iter()
            .filter_map(|(secs, hue)| {
                let shown = secs - latency;
                let at = (shown / length).floor();
                let is_in = at >= 0.0 && at < N_STEPS as f32 && shown - at * length >= BLEND_SECS;
                is_in.then(|| (at as usize, f64::from(*secs), hue.map(f64::from)))
            })
            .collect();
        let n = seen.len() as f64;
        let t_mean = seen.iter().map(|(_, t, _)| t).sum::<f64>() / n.max(1.0);
        let mut delayed = Self {
            latency,
            n,
            t_mean,
            tt: seen.iter().map(|(_, t, _)| (t - t_mean).powi(2)).sum(),
            ..Self::default()
        };
        for d in 0..2 {
            let mean = seen.iter().map(|(.., y)| y[d]).sum::<f64>() / n.max(1.0);
            let tilt: f64 = seen
                .iter()
                .map(|(_, t, y)| (t - t_mean) * (y[d] - mean))
                .sum();
            let slope = if delayed.tt > 0.0 {
                tilt / delayed.tt
            } else {
                0.0
            };
            for (at, t, y) in &seen {
                let rest = y[d] - mean - slope * (t - t_mean);
                delayed.steps[*at].2[d] += rest;
                delayed.total += rest * rest;
            }
        }
        for (at, t, _) in &seen {
            delayed.steps[*at].0 += 1.0;
            delayed.steps[*at].1 += t;
        }
        delayed
    }

    /// Least squares on an order, with a constant and a drift for each dimension of hue.
    fn fit(&self, order: &Order) -> Fit {
        // With fewer frames than two a colour, much explains anything.
        if self.n < 2.0 * N_STEPS as f64 || self.total <= f64::MIN_POSITIVE {
            return Fit::default();
        }
        let (mut explained, mut xx, mut xy) = (0.0, 0.0, 0.0);
        for d in 0..2 {
            let (mut sum, mut squares, mut tilt, mut shared) = (0.0, 0.0, 0.0, 0.0);
            for (number, (n, t, y)) in order.iter().zip(&self.steps) {
                let x = f64::from(push(*number)[d]);
                sum += n * x;
                squares += n * x * x;
                tilt += (t - n * self.t_mean) * x;
                shared += y[d] * x;
            }
            let drift = if self.tt > 0.0 {
                tilt * tilt / self.tt
            } else {
                0.0
            };
            let own = squares - sum * sum / self.n - drift;
            if own > 1e-9 && shared > 0.0 {
                explained += shared * shared / own;
            }
            xx += own;
            xy += shared;
        }
        if xx <= 1e-9 {
            return Fit::default();
        }
        // Frames of one colour hang together: as if there were one for each colour and dimension.
        let left_over = (self.total - explained).max(0.0) / self.n;
        Fit {
            explained: (explained / self.total) as f32,
            gain: (xy / xx) as f32,
            error: (left_over / (xx / self.n) / (2 * N_STEPS) as f64).sqrt() as f32,
            swing: (explained / self.n).sqrt() as f32,
        }
    }
}

/// Answer of the middle against that of the sides, as a logarithm, with its error; nothing where either does not answer.
fn relief(samples: &[Sample], order: &Order, latency: f32) -> Option<(f32, f32)> {
    let part = |from: usize, to: usize| {
        let signal = signal(samples, |s| {
            let spots = &s.spots[from..to];
            let sum = spots
                .iter()
                .fold([0.0; 2], |sum, s| [sum[0] + s[0], sum[1] + s[1]]);
            let mean = sum.map(|v| v / spots.len() as f32);
            Some(s.beside.map_or(mean, |beside| minus(mean, beside)))
        });
        Delayed::new(&signal, latency).fit(order)
    };
    let (middle, sides) = (part(0, N_MIDDLE_SPOTS), part(N_MIDDLE_SPOTS, N_LIGHT_SPOTS));
    if middle.gain <= 0.0 || sides.gain <= 0.0 {
        return None;
    }
    let error = (middle.error / middle.gain).hypot(sides.error / sides.gain);
    Some(((middle.gain / sides.gain).ln(), error))
}
