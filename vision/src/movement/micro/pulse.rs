//! Pulses in what the places did: something that comes and goes within half a second.

use super::super::series::{DEVIATIONS_PER_MAD, median, robust_deviation};
use super::place::{MicroPlace, N_PLACES};
use super::traces::Stretch;

/// Least deviation of the noise in what a filter gives, in eye distances. Origin: 0.02 pixels of the crop, below which
/// interpolation wanders whatever the picture.
const LEAST_NOISE: f32 = 0.0003;

/// What a score has to reach to be looked at at all.
pub(super) const SCORE_FLOOR: f32 = 4.0;

/// Fewest frames of a pulse.
const MIN_WIDTH: usize = 3;

/// Longest pulse, and longest rest to either side that is asked for, in seconds.
const MAX_PULSE_SECS: f64 = 0.5;
const MAX_FLANK_SECS: f64 = 0.2;

/// One place, or two that mirror each other taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Channel {
    pub(super) place: MicroPlace,
    pub(super) is_pair: bool,
}

impl Channel {
    pub(super) fn all() -> Vec<Self> {
        let single = MicroPlace::ALL.into_iter().map(|place| Self {
            place,
            is_pair: false,
        });
        let pairs = MicroPlace::ALL
            .into_iter()
            .filter(|place| *place < place.mirrored())
            .map(|place| Self {
                place,
                is_pair: true,
            });
        single.chain(pairs).collect()
    }

    /// What it did: of a pair, the mean with one side mirrored.
    pub(super) fn value(self, places: &[[f32; 2]; N_PLACES]) -> [f32; 2] {
        let [x, y] = places[self.place as usize];
        if !self.is_pair {
            return [x, y];
        }
        let [mx, my] = places[self.place.mirrored() as usize];
        [(x - mx) * 0.5, (y + my) * 0.5]
    }
}

/// A filter that answers with the height of a pulse of its width, and with nothing to a constant or a slope.
#[derive(Clone, Debug)]
struct Filter {
    width: usize,
    flank: usize,
    taps: Vec<f32>,
}

impl Filter {
    fn new(width: usize, flank: usize) -> Self {
        let len = width + 2 * flank;
        let pulse: Vec<f64> = (0..len)
            .map(|i| {
                let inside = i.checked_sub(flank).filter(|k| *k < width);
                inside.map_or(0.0, |k| {
                    let phase = (k + 1) as f64 / (width + 1) as f64;
                    (phase * std::f64::consts::PI).sin().powi(2)
                })
            })
            .collect();
        // What a constant and a slope explain of it is taken out.
        let middle = (len - 1) as f64 * 0.5;
        let mean = pulse.iter().sum::<f64>() / len as f64;
        let (mut slope, mut spread) = (0.0, 0.0);
        for (i, v) in pulse.iter().enumerate() {
            slope += v * (i as f64 - middle);
            spread += (i as f64 - middle).powi(2);
        }
        let slope = slope / spread;
        let bare: Vec<f64> = pulse
            .iter()
            .enumerate()
            .map(|(i, v)| v - mean - slope * (i as f64 - middle))
            .collect();
        let gain: f64 = bare.iter().zip(&pulse).map(|(a, b)| a * b).sum();
        Self {
            width,
            flank,
            taps: bare.iter().map(|v| (v / gain) as f32).collect(),
        }
    }

    /// Answers to either side over which its noise is taken.
    fn noise_reach(&self, step_secs: f64) -> usize {
        ((NOISE_REACH_SECS / step_secs) as usize).max(NOISE_REACH_LENGTHS * self.taps.len())
    }

    /// Its answers: the first is for a pulse that begins `flank` after the beginning.
    fn answers(&self, series: &[f32]) -> Vec<f32> {
        series
            .windows(self.taps.len())
            .map(|w| w.iter().zip(&self.taps).map(|(v, t)| v * t).sum())
            .collect()
    }
}

/// Seconds to either side, and lengths of the filter, over which noise is taken: it changes with how the head moves.
const NOISE_REACH_SECS: f64 = 1.0;
const NOISE_REACH_LENGTHS: usize = 3;

/// Answers that a look at the noise around a place rests on, at most.
const NOISE_LOOKS: usize = 64;

/// Deviation of a filter's answers around each of them, whatever a minority does.
fn local_noise(answers: &[f32], reach: usize) -> Vec<f32> {
    // It changes slowly: one look for each eighth of the reach.
    let step = (reach / 8).max(1);
    let looks: Vec<f32> = (0..answers.len().div_ceil(step))
        .map(|look| {
            let middle = look * step + step / 2;
            let near = middle.saturating_sub(reach)..(middle + reach + 1).min(answers.len());
            let stride = (near.len() / NOISE_LOOKS).max(1);
            let mut far: Vec<f32> = answers[near]
                .iter()
                .step_by(stride)
                .map(|v| v.abs())
                .collect();
            median(&mut far).unwrap_or(0.0) * DEVIATIONS_PER_MAD
        })
        .collect();
    (0..answers.len()).map(|i| looks[i / step]).collect()
}

/// Filters for all widths that count at this rate, from the narrowest.
fn filters(step_secs: f64) -> Vec<Filter> {
    let longest = (MAX_PULSE_SECS / step_secs) as usize;
    let flank_most = ((MAX_FLANK_SECS / step_secs) as usize).max(MIN_WIDTH);
    let mut widths = Vec::new();
    let mut width = MIN_WIDTH;
    while width <= longest {
        widths.push(width);
        width = (width + 1).max(width * 4 / 3);
    }
    widths
        .into_iter()
        .map(|width| Filter::new(width, width.clamp(MIN_WIDTH, flank_most)))
        .collect()
}

/// A pulse that may be something.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Candidate {
    pub(super) stretch: usize,
    pub(super) channel: Channel,
    /// First grid place of the pulse, and how many.
    pub(super) from: usize,
    pub(super) width: usize,
    /// Grid places to either side that the filter saw.
    pub(super) flank: usize,
    /// Right and down, in eye distances.
    pub(super) height: [f32; 2],
    /// Height in deviations of the noise.
    pub(super) score: f32,
}

impl Candidate {
    pub(super) const fn to(&self) -> usize {
        self.from + self.width
    }

    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.stretch == other.stretch && self.from < other.to() && other.from < self.to()
    }
}

/// Every local best of every filter and channel, greatest score first.
pub(super) fn candidates(stretches: &[Stretch]) -> Vec<Candidate> {
    let Some(step) = stretches.first().map(|s| s.step_secs) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for channel in Channel::all() {
        let series: Vec<[Vec<f32>; 2]> = stretches
            .iter()
            .map(|stretch| {
                let axis = |axis: usize| -> Vec<f32> {
                    stretch
                        .places
                        .iter()
                        .map(|p| channel.value(p)[axis])
                        .collect()
                };
                [axis(0), axis(1)]
            })
            .collect();
        for filter in filters(step) {
            let answers: Vec<[Vec<f32>; 2]> = series
                .iter()
                .map(|[x, y]| [filter.answers(x), filter.answers(y)])
                .collect();
            let reach = filter.noise_reach(step);
            let noise = [0, 1].map(|axis| {
                let all: Vec<f32> = answers
                    .iter()
                    .flat_map(|a| a[axis].iter().copied())
                    .collect();
                robust_deviation(&all).unwrap_or(0.0).max(LEAST_NOISE)
            });
            for (stretch, [x, y]) in answers.iter().enumerate() {
                let (nx, ny) = (local_noise(x, reach), local_noise(y, reach));
                let score: Vec<f32> = (0..x.len())
                    .map(|i| {
                        let (nx, ny) = (nx[i].max(noise[0]), ny[i].max(noise[1]));
                        (x[i] / nx).hypot(y[i] / ny)
                    })
                    .collect();
                for (i, own) in score.iter().enumerate() {
                    let before = i.checked_sub(1).map_or(0.0, |b| score[b]);
                    let after = score.get(i + 1).copied().unwrap_or(0.0);
                    if *own >= SCORE_FLOOR && *own > before && *own >= after {
                        found.push(Candidate {
                            stretch,
                            channel,
                            from: i + filter.flank,
                            width: filter.width,
                            flank: filter.flank,
                            height: [x[i], y[i]],
                            score: *own,
                        });
                    }
                }
            }
        }
    }
    found.sort_by(|a, b| {
        b.score
            .total_cmp(&a.score)
            .then(a.stretch.cmp(&b.stretch))
            .then(a.from.cmp(&b.from))
            .then(a.width.cmp(&b.width))
    });
    found
}

#[cfg(test)]
mod tests {
    use regard_domain::Timestamp;

    use super::*;

    fn stretch(value: impl Fn(usize) -> f32) -> Stretch {
        let n = 800;
        Stretch {
            first: Timestamp::from_millis(0),
            step_secs: 0.01,
            places: (0..n)
                .map(|i| {
                    let noise = ((i * 7919 % 1009) as f32 / 1009.0 - 0.5) * 0.004;
                    let mut places = [[noise; 2]; N_PLACES];
                    places[2] = [noise, noise + value(i)];
                    places
                })
                .collect(),
            eye_change: vec![0.0; n],
            head_speed: vec![0.0; n],
        }
    }

    #[test]
    fn filters_answer_to_their_pulse_with_its_height_and_to_a_slope_with_nothing() {
        for filter in filters(0.01) {
            let len = filter.taps.len();
            let mut series: Vec<f32> = (0..len).map(|i| 3.0 - 0.2 * i as f32).collect();
            assert!(filter.answers(&series)[0].abs() < 1e-3, "{filter:?}");
            for k in 0..filter.width {
                let phase = (k + 1) as f32 / (filter.width + 1) as f32;
                series[filter.flank + k] += 0.7 * (phase * std::f32::consts::PI).sin().powi(2);
            }
            assert!(
                (filter.answers(&series)[0] - 0.7).abs() < 1e-3,
                "{filter:?}"
            );
        }
        let widths: Vec<usize> = filters(0.04).iter().map(|f| f.width).collect();
        assert_eq!(widths, [3, 4, 5, 6, 8, 10]);
    }

    #[test]
    fn a_pulse_is_the_strongest_and_a_step_is_weaker_than_a_pulse() {
        let pulse = |i: usize| {
            let phase = (i as f32 - 399.0) / 11.0;
            if (0.0..=1.0).contains(&phase) {
                0.02 * (phase * std::f32::consts::PI).sin().powi(2)
            } else {
                0.0
            }
        };
        let all = candidates(&[stretch(pulse)]);
        let best = all[0];
        assert_eq!(best.channel.place, MicroPlace::LeftOuterBrow);
        assert!(
            best.from.abs_diff(400) <= 2 && best.to().abs_diff(410) <= 3,
            "{best:?}"
        );
        assert!((best.height[1] - 0.02).abs() < 0.004, "{best:?}");
        let step = candidates(&[stretch(|i| if i > 400 { 0.02 } else { 0.0 })]);
        assert!(step[0].score < best.score * 0.7, "{:?} {best:?}", step[0]);
    }
}
