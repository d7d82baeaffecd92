//! How often intervals hold the truth, counted on simulated logs.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use regard_decision::{Campaign, Experiment, ExperimentKind};
use regard_domain::{CampaignId, CreativeId};

use crate::drifting::DriftingMean;
use crate::estimate::{Estimator, Sample};
use crate::evidence::{Evidence, Rewarded};
use crate::interval::{anytime, bootstrap, empirical_bernstein};
use crate::reward_model::{Case, cross_fitted};
use crate::sequence::{BettingSequence, BoundTest};

mod reports;

pub use reports::coverage_of_reports;

/// Messages of a simulated log.
const N_ACTIONS: usize = 4;

/// What the intervals may miss.
const ERROR: f64 = 0.05;

/// How often a kind of interval held the truth.
#[derive(Clone, Debug, PartialEq)]
pub struct Coverage {
    /// Estimator and interval.
    pub name: String,
    /// Logs whose interval held it.
    pub n_held: u64,
    /// Logs.
    pub n: u64,
    /// Mean width.
    pub width: f64,
}

impl Coverage {
    /// Part of the logs whose interval held the truth.
    pub fn share(&self) -> f64 {
        self.n_held as f64 / self.n as f64
    }
}

/// A simulated log and what its policy to be evaluated truly earns.
struct Simulated {
    samples: Vec<Sample>,
    cases: Vec<Case>,
    truth: f64,
}

/// Contexts of two features; clicks are as rare as real ones may be; the logging policy prefers a
/// message by context, the other one another.
fn simulate(n_plays: usize, rng: &mut ChaCha8Rng) -> Simulated {
    let mean = |x: [f64; 2], k: usize| 0.05 + 0.3 * ((k as f64 * 0.7 + x[0]).fract() * x[1]);
    let tilted = |x: [f64; 2], sharpness: f64, offset: f64| -> Vec<f64> {
        let weight = |k: usize| (sharpness * (k as f64 * 0.7 + offset + x[0]).fract()).exp();
        let total: f64 = (0..N_ACTIONS).map(weight).sum();
        (0..N_ACTIONS).map(|k| weight(k) / total).collect()
    };
    let one_hot = |k| {
        (0..N_ACTIONS)
            .map(|i| f64::from(u8::from(i == k)))
            .collect()
    };
    let options: Vec<Vec<f64>> = (0..N_ACTIONS).map(one_hot).collect();
    let mut simulated = Simulated {
        samples: Vec::new(),
        cases: Vec::new(),
        truth: 0.0,
    };
    for _ in 0..n_plays {
        let x = [rng.random(), rng.random()];
        let (logging, target) = (tilted(x, 1.5, 0.4), tilted(x, 2.0, 0.0));
        let narrow: Vec<f32> = logging.iter().map(|p| *p as f32).collect();
        let action = crate::simulator::draw(&narrow, rng);
        let reward = f64::from(u8::from(rng.random::<f64>() < mean(x, action)));
        simulated.samples.push(Sample {
            action,
            reward,
            propensity: logging[action],
            target,
        });
        simulated.cases.push(Case {
            context: x.to_vec(),
            options: options.clone(),
            action,
            reward,
        });
    }
    // The truth over all contexts, by a fine grid.
    const N_GRID: usize = 200;
    for i in 0..N_GRID * N_GRID {
        let at = |i: usize| (i as f64 + 0.5) / N_GRID as f64;
        let x = [at(i % N_GRID), at(i / N_GRID)];
        let target = tilted(x, 2.0, 0.0);
        let value: f64 = (0..N_ACTIONS).map(|k| target[k] * mean(x, k)).sum();
        simulated.truth += value / (N_GRID * N_GRID) as f64;
    }
    simulated
}

/// Greatest weight that the simulated policies can give: `exp(3.5)`, for tilts of 1.5 and 2.
const MAX_WEIGHT: f64 = 33.2;

/// Counts on `n_logs` simulated logs of `n_plays` how often each interval of each unbiased estimator
/// holds the truth.
pub fn coverage_of_estimates(n_logs: u64, n_plays: usize, seed: u64) -> Vec<Coverage> {
    let mut rows: Vec<Coverage> = Vec::new();
    let mut note = |name: &str, interval: crate::Interval, truth: f64| {
        let place = rows
            .iter()
            .position(|row| row.name == name)
            .unwrap_or_else(|| {
                rows.push(Coverage {
                    name: name.to_owned(),
                    n_held: 0,
                    n: 0,
                    width: 0.0,
                });
                rows.len() - 1
            });
        let row = &mut rows[place];
        row.n += 1;
        row.n_held += u64::from(interval.contains(truth));
        row.width += (interval.high - interval.low - row.width) / row.n as f64;
    };
    for log in 0..n_logs {
        let mut rng = ChaCha8Rng::seed_from_u64(seed.wrapping_mul(1_000_003) + log);
        let simulated = simulate(n_plays, &mut rng);
        let Simulated {
            samples,
            cases,
            truth,
        } = &simulated;
        let folds: Vec<usize> = (0..samples.len()).map(|i| i % 2).collect();
        let expected = cross_fitted(cases, &folds);
        let weights: Vec<f64> = samples.iter().map(Sample::weight).collect();
        let ones = vec![1.0; samples.len()];
        for estimator in Estimator::ALL.into_iter().filter(|e| e.is_unbiased()) {
            let name = estimator.name();
            let terms = estimator.terms(samples, &expected);
            let (numerators, denominators) = match estimator {
                Estimator::Snips => (Estimator::Ips.terms(samples, &expected), &weights),
                _ => (terms.clone(), &ones),
            };
            let by_bootstrap = bootstrap(&numerators, denominators, ERROR, log);
            note(&format!("{name}, bootstrap"), by_bootstrap, *truth);
            if estimator.is_mean() {
                let range = match estimator {
                    Estimator::Ips => (0.0, MAX_WEIGHT),
                    _ => (-MAX_WEIGHT, 1.0 + MAX_WEIGHT),
                };
                let by_variance = empirical_bernstein(&terms, range, ERROR);
                note(&format!("{name}, empirical Bernstein"), by_variance, *truth);
                let by_bets = anytime(&terms, range, ERROR);
                note(&format!("{name}, betting"), by_bets, *truth);
            }
        }
    }
    rows
}

/// Probability with which the values that a drifting mean is told are seen, and so the inverse of their weight.
const SEEN: f64 = 0.1;

/// Whether the interval of a drifting mean holds the mean so far of what was expected, at every one of `n` steps: of values that
/// are seen one time in ten and weighed by ten, whose expectation rises from nothing to `mean` and falls again.
fn drifting_holds(mean: f64, n: usize, rng: &mut ChaCha8Rng) -> (bool, f64) {
    let mut drifting = DriftingMean::new(ERROR, 1.0 / SEEN);
    let (mut held, mut expected) = (true, 0.0);
    for t in 0..n {
        let now = mean * (std::f64::consts::TAU * t as f64 / n as f64).sin().abs();
        expected += now;
        let is_seen = rng.random::<f64>() < SEEN;
        let is_one = rng.random::<f64>() < now;
        drifting.observe(f64::from(u8::from(is_seen && is_one)) / SEEN);
        let so_far = expected / (t + 1) as f64;
        held &= !drifting.is_above(so_far) && !drifting.is_below(so_far);
    }
    let interval = drifting.interval();
    (held, interval.high - interval.low)
}

/// Counts how often the betting sequence holds the mean at every one of `n` steps, for coins of
/// several fairnesses and for even numbers, how often the test of a bound that is kept stops, and how often the interval of a
/// mean that drifts up to the same holds it.
pub fn coverage_while_peeking(n_logs: u64, n: usize, seed: u64) -> Vec<Coverage> {
    let cases: [(&str, f64); 4] = [
        ("coin .02", 0.02),
        ("coin .3", 0.3),
        ("coin .5", 0.5),
        ("even", 0.5),
    ];
    let mut rows = Vec::new();
    for (name, mean) in cases {
        let (mut n_held, mut n_kept, mut width) = (0, 0, 0.0);
        let (mut n_drifting, mut drifting_width) = (0, 0.0);
        for log in 0..n_logs {
            let mut rng = ChaCha8Rng::seed_from_u64(seed.wrapping_mul(7_000_003) + log);
            let mut sequence = BettingSequence::new(ERROR);
            let mut test = BoundTest::new(mean, ERROR);
            let mut held = true;
            for _ in 0..n {
                let u: f64 = rng.random();
                let value = if name == "even" {
                    u
                } else {
                    f64::from(u8::from(u < mean))
                };
                sequence.observe(value);
                test.observe(value);
                held &= sequence.interval().contains(mean);
            }
            n_held += u64::from(held);
            n_kept += u64::from(!test.is_broken());
            let interval = sequence.interval();
            width += (interval.high - interval.low) / n_logs as f64;
            let (held, width) = drifting_holds(mean, n, &mut rng);
            n_drifting += u64::from(held);
            drifting_width += width / n_logs as f64;
        }
        let row = |what: &str, n_held, width| Coverage {
            name: format!("{what} at every step, {name}"),
            n_held,
            n: n_logs,
            width,
        };
        rows.push(row("betting", n_held, width));
        rows.push(row("bound kept", n_kept, f64::NAN));
        // The last case is the third with other values.
        if name != "even" {
            rows.push(row("drifting", n_drifting, drifting_width));
        }
    }
    rows
}

/// Plays between two looks at an experiment: each look takes as long as some hundred plays.
const LOOK_EVERY: usize = 20;

/// Part of the plays of a simulated experiment that are held out, and what those earn.
const HELD_OUT: f64 = 0.2;
const WITHOUT: f64 = 0.1;

/// Whether all intervals of an experiment of two messages, and what each adds to none, hold the truth at every look. `a` pleases
/// audiences that are easy to please, and a bandit shows it to these.
fn experiment_holds(kind: ExperimentKind, n: usize, rng: &mut ChaCha8Rng) -> (bool, f64) {
    let id = |text: &str| CreativeId::new(text).expect("this text is an id");
    let mut campaign = Campaign::named(CampaignId::new("k").expect("this text is an id"));
    campaign.experiment = Some(Experiment {
        kind,
        holdout: HELD_OUT as f32,
        error: ERROR as f32,
        segments: Vec::new(),
    });
    let mut evidence = Evidence::default();
    evidence.follow(&campaign, false);
    let messages = [id("a"), id("b")];
    let truths = [("a", 0.4), ("b", 0.3)];
    let (mut held, mut width) = (true, 1.0);
    for t in 1..=n {
        let is_easy = rng.random::<f64>() < 0.5;
        let of_a = match kind {
            ExperimentKind::Ab => 0.5,
            ExperimentKind::Bandit if is_easy => 0.8,
            ExperimentKind::Bandit => 0.2,
        };
        let is_held_out = rng.random::<f64>() < HELD_OUT;
        let is_a = rng.random::<f64>() < of_a;
        let pleases = match (is_held_out, is_a, is_easy) {
            (true, _, _) => WITHOUT,
            (false, true, true) => 0.6,
            (false, true, false) => 0.2,
            (false, false, _) => 0.3,
        };
        let (creative, others, share) = match (is_held_out, is_a) {
            (true, _) => (None, &messages[..], HELD_OUT),
            (false, true) => (Some(&messages[0]), &messages[1..], of_a),
            (false, false) => (Some(&messages[1]), &messages[..1], 1.0 - of_a),
        };
        let play = Rewarded {
            creative,
            others,
            segments: &[],
            reward: f64::from(u8::from(rng.random::<f64>() < pleases)),
            propensity: if is_held_out {
                share
            } else {
                (1.0 - HELD_OUT) * share
            },
        };
        evidence.rewarded(play, (1.0 - HELD_OUT) * 0.2, messages.len());
        if t % LOOK_EVERY > 0 {
            continue;
        }
        for arm in evidence.report(false).arms {
            let of_it = truths
                .iter()
                .find(|(name, _)| arm.creative.as_deref() == Some(*name));
            let truth = of_it.map_or(WITHOUT, |(_, truth)| *truth);
            held &= arm.interval.contains(truth);
            held &= arm.uplift.is_none_or(|u| u.contains(truth - WITHOUT));
            width = arm.interval.high - arm.interval.low;
        }
    }
    (held, width)
}

/// Counts how often all intervals of an experiment hold the truth at every one of many looks, messages and what they add to none
/// together.
pub fn coverage_of_experiments(n_logs: u64, n: usize, seed: u64) -> Vec<Coverage> {
    let of_kind = |(name, kind): (&str, ExperimentKind)| {
        let mut row = Coverage {
            name: format!("experiment, {name}"),
            n_held: 0,
            n: n_logs,
            width: 0.0,
        };
        for log in 0..n_logs {
            let mut rng = ChaCha8Rng::seed_from_u64(seed.wrapping_mul(9_000_011) + log);
            let (held, width) = experiment_holds(kind, n, &mut rng);
            row.n_held += u64::from(held);
            row.width += width / n_logs as f64;
        }
        row
    };
    let kinds = [
        ("ab", ExperimentKind::Ab),
        ("bandit", ExperimentKind::Bandit),
    ];
    kinds.map(of_kind).into()
}
