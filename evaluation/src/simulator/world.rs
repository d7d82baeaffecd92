//! Five worlds in which policies are compared. Their generator and seeds were fixed before any policy
//! was tuned on them; a change makes all figures in `docs/policies.md` void.

use std::f64::consts::TAU;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::stream::{Round, Stream};

/// Rounds of a stream: two weeks of a screen that changes every four minutes of its opening hours.
const N_ROUNDS: usize = 5_000;

/// Messages to choose from.
const N_ACTIONS: usize = 10;

/// Context features that matter.
const N_CONTEXT: usize = 10;

/// Features of a message in the world of interactions.
const N_ACTION_FEATURES: usize = 5;

/// Of so many context features all but [`N_USEFUL`] are noise.
const N_MIXED: usize = 50;
const N_USEFUL: usize = 5;

/// Rounds by which rewards are late: 10 minutes in plays of ten seconds.
const DELAY: usize = 60;

/// Rounds between two changes of taste in the drifting world.
const DRIFT_EVERY: usize = 1_000;

/// Expected rewards lie between these: nothing is certain.
const MEANS: (f64, f64) = (0.05, 0.95);

/// Streams of each world that are compared on, by seed.
const SEEDS: std::ops::Range<u64> = 1_000..1_010;

/// A kind of audience with known tastes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum World {
    /// The reward of each message is linear in the context, and stays so.
    Linear,
    /// Messages are new in every round and known by their features alone; only products of these
    /// with the context matter.
    Interactions,
    /// As linear, but tastes change by half every 1,000 rounds.
    Drifting,
    /// As linear, but rewards are known 60 rounds later: 10 minutes in plays of ten seconds.
    Late,
    /// As linear, but nine tenths of the context are noise.
    Useless,
}

impl World {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Linear,
        Self::Interactions,
        Self::Drifting,
        Self::Late,
        Self::Useless,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Interactions => "interactions",
            Self::Drifting => "drifting",
            Self::Late => "late",
            Self::Useless => "useless",
        }
    }

    /// The seeds that figures are told for.
    pub const fn seeds() -> std::ops::Range<u64> {
        SEEDS
    }

    /// The stream of a seed.
    pub fn stream(self, seed: u64) -> Stream {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        match self {
            Self::Linear => linear(&mut rng, self, 0),
            Self::Late => linear(&mut rng, self, DELAY),
            Self::Drifting | Self::Useless => linear(&mut rng, self, 0),
            Self::Interactions => interactions(&mut rng, self),
        }
    }
}

/// A standard normal number (Box and Muller 1958).
pub(crate) fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (TAU * rng.random::<f64>()).cos()
}

fn names(prefix: &str, n: usize) -> Vec<String> {
    (0..n).map(|i| format!("{prefix}{i}")).collect()
}

/// Tastes: for each message how the useful features of the context count, as offsets around 0.
fn tastes(rng: &mut ChaCha8Rng, n_useful: usize) -> Vec<Vec<f64>> {
    // Features are even on [0, 1], so a sum of n of them with standard normal tastes has a variance
    // of n/3 over messages and contexts; this brings its deviation to 0.2.
    let scale = 0.2 / (n_useful as f64 / 3.0).sqrt();
    let taste = |_| (0..n_useful).map(|_| scale * normal(rng)).collect();
    (0..N_ACTIONS).map(taste).collect()
}

fn linear(rng: &mut ChaCha8Rng, world: World, delay: usize) -> Stream {
    let (n_context, n_useful) = match world {
        World::Useless => (N_MIXED, N_USEFUL),
        World::Linear | World::Interactions | World::Drifting | World::Late => {
            (N_CONTEXT, N_CONTEXT)
        }
    };
    let mut taste = tastes(rng, n_useful);
    let ids = names("m", N_ACTIONS);
    let mut rounds = Vec::with_capacity(N_ROUNDS);
    for i in 0..N_ROUNDS {
        if world == World::Drifting && i > 0 && i % DRIFT_EVERY == 0 {
            let fresh = tastes(rng, n_useful);
            for (old, new) in taste.iter_mut().flatten().zip(fresh.iter().flatten()) {
                // Half of the variance is new, and as much in all as before.
                *old = (*old + new) * 0.5_f64.sqrt();
            }
        }
        let context: Vec<f64> = (0..n_context).map(|_| rng.random()).collect();
        let mean = |taste: &Vec<f64>| -> f64 {
            let dot: f64 = taste.iter().zip(&context).map(|(t, x)| t * x).sum();
            (0.4 + dot).clamp(MEANS.0, MEANS.1)
        };
        let means: Vec<f64> = taste.iter().map(mean).collect();
        rounds.push(round(rng, &context, ids.clone(), Vec::new(), &means));
    }
    Stream {
        name: world.name().to_owned(),
        delay,
        context_names: names("c", n_context),
        action_names: Vec::new(),
        rounds,
    }
}

fn interactions(rng: &mut ChaCha8Rng, world: World) -> Stream {
    let n_weights = N_ACTION_FEATURES * N_CONTEXT;
    let weights: Vec<f64> = (0..n_weights).map(|_| normal(rng)).collect();
    // Centered features have a variance of 1/12, so the sum of 50 products one of 50/144.
    let scale = 0.2 / (n_weights as f64 / 144.0).sqrt();
    let mut rounds = Vec::with_capacity(N_ROUNDS);
    for i in 0..N_ROUNDS {
        let context: Vec<f64> = (0..N_CONTEXT).map(|_| rng.random()).collect();
        let actions: Vec<Vec<f64>> = (0..N_ACTIONS)
            .map(|_| (0..N_ACTION_FEATURES).map(|_| rng.random()).collect())
            .collect();
        let mean = |action: &Vec<f64>| {
            let mut sum = 0.0;
            for (a, row) in action.iter().zip(weights.chunks_exact(N_CONTEXT)) {
                for (c, weight) in context.iter().zip(row) {
                    sum += weight * (a - 0.5) * (c - 0.5);
                }
            }
            (0.4 + scale * sum).clamp(MEANS.0, MEANS.1)
        };
        let means: Vec<f64> = actions.iter().map(mean).collect();
        let ids = (0..N_ACTIONS).map(|k| format!("r{i}m{k}")).collect();
        let told = actions.iter().map(|a| narrow(a)).collect();
        rounds.push(round(rng, &context, ids, told, &means));
    }
    Stream {
        name: world.name().to_owned(),
        delay: 0,
        context_names: names("c", N_CONTEXT),
        action_names: names("a", N_ACTION_FEATURES),
        rounds,
    }
}

fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|v| *v as f32).collect()
}

/// A round with a coin tossed for every message, so that all policies meet the same luck.
fn round(
    rng: &mut ChaCha8Rng,
    context: &[f64],
    ids: Vec<String>,
    actions: Vec<Vec<f32>>,
    means: &[f64],
) -> Round {
    let toss = |mean: &f64| f32::from(u8::from(rng.random::<f64>() < *mean));
    Round {
        context: narrow(context),
        ids,
        actions,
        rewards: means.iter().map(toss).collect(),
        means: narrow(means),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worlds_are_what_they_say_and_stay_so() {
        for world in World::ALL {
            let stream = world.stream(1);
            assert_eq!(stream, world.stream(1));
            assert_eq!(stream.rounds.len(), N_ROUNDS);
            let first = &stream.rounds[0];
            assert_eq!(first.context.len(), stream.context_names.len());
            assert_eq!(first.actions.is_empty(), stream.action_names.is_empty());
            let (mut tossed, mut expected) = (0.0, 0.0);
            let mut best = 0.0;
            for round in &stream.rounds {
                tossed += round.rewards.iter().sum::<f32>() / 10.0;
                expected += round.means.iter().sum::<f32>() / 10.0;
                best += round.means.iter().copied().fold(0.0, f32::max);
            }
            let n = N_ROUNDS as f32;
            // Ten coins a round: four standard errors are .009.
            assert!((tossed - expected).abs() / n < 0.01, "{world:?}");
            // There is something to learn: the best message earns well more than a random one.
            assert!(
                (best - expected) / n > 0.1,
                "{world:?}: {}",
                (best - expected) / n
            );
        }
    }

    #[test]
    fn useless_features_do_not_matter() {
        let stream = World::Useless.stream(2);
        let means = |i: usize| &stream.rounds[i].means;
        assert_eq!(stream.rounds[0].context.len(), 50);
        assert_ne!(means(0), means(1));
    }
}
