//! Thompson sampling with its probabilities worked out, not drawn.

use std::{collections::BTreeMap, f64::consts::FRAC_PI_2};

use regard_domain::CreativeId;

use super::{Action, MAX_ACTIONS, Policy, UpdateError, check_reward, explored, make_room};
use crate::policy_state::{BetaCounts, Learned, PolicyState, PolicyStateError};

/// Cells of a posterior. They are even in the angle `asin √p`, in which a Beta posterior of `n`
/// plays has a standard deviation of about `1 / (2 √n)` wherever it lies, so that one cell tells
/// messages apart up to some 6,600 plays each, near 0 as well as in the middle.
const N_CELLS: usize = 256;

/// Cells worked on at a time: short enough to stay in the nearest cache for any number of messages.
const CHUNK: usize = 16;

/// A posterior on the grid.
#[derive(Debug)]
struct Posterior {
    /// Probability of each cell.
    mass: [f64; N_CELLS],
    /// Probability of all cells below, and half of this one: a tie within a cell is split.
    below: [f64; N_CELLS],
}

impl Posterior {
    /// Beta(a, b), both from 0.5.
    fn beta(a: f64, b: f64) -> Box<Self> {
        // Density over the angle: sin^(2a-1) cos^(2b-1), from p = sin².
        let log_density = |k: usize| {
            let angle = (k as f64 + 0.5) / N_CELLS as f64 * FRAC_PI_2;
            (2.0 * a - 1.0).mul_add(angle.sin().ln(), (2.0 * b - 1.0) * angle.cos().ln())
        };
        let mut mass: [f64; N_CELLS] = std::array::from_fn(log_density);
        // Relative to the peak, so that thousands of plays do not underflow.
        let peak = mass.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        for value in &mut mass {
            *value = (*value - peak).exp();
        }
        let total: f64 = mass.iter().sum();
        let mut below = [0.0; N_CELLS];
        let mut sum = 0.0;
        for (mass, below) in mass.iter_mut().zip(&mut below) {
            *mass /= total;
            *below = sum + *mass * 0.5;
            sum += *mass;
        }
        Box::new(Self { mass, below })
    }
}

#[derive(Debug)]
struct Arm {
    counts: BetaCounts,
    posterior: Box<Posterior>,
}

/// Thompson sampling over Beta posteriors. A reward between 0 and 1 counts as that part of a
/// success (Agrawal and Goyal 2012 toss a coin instead; the mean is the same).
///
/// The probability of being best is integrated over posteriors that are kept and renewed on each
/// update; the choice is drawn from it, mixed with an even part, so the logged propensity is the
/// very number that was drawn from.
#[derive(Debug)]
pub(super) struct Thompson {
    exploration: f64,
    prior: (f64, f64),
    version: u64,
    untried: Box<Posterior>,
    arms: BTreeMap<CreativeId, Arm>,
}

impl Thompson {
    pub(super) fn new(exploration: f32, prior_success: f32, prior_failure: f32) -> Self {
        let prior = (f64::from(prior_success), f64::from(prior_failure));
        Self {
            exploration: f64::from(exploration),
            prior,
            version: 0,
            untried: Posterior::beta(prior.0, prior.1),
            arms: BTreeMap::new(),
        }
    }

    /// Takes up what was learned before.
    pub(super) fn load(
        &mut self,
        version: u64,
        actions: &BTreeMap<CreativeId, BetaCounts>,
    ) -> Result<(), PolicyStateError> {
        let mut arms = BTreeMap::new();
        for (creative, counts) in actions {
            let valid = [counts.successes, counts.failures]
                .iter()
                .all(|n| n.is_finite() && *n >= 0.0)
                && counts.updated <= version;
            if !valid {
                return Err(PolicyStateError::Numbers {
                    creative: creative.clone(),
                });
            }
            arms.insert(creative.clone(), self.arm(*counts));
        }
        self.arms = arms;
        self.version = version;
        Ok(())
    }

    fn arm(&self, counts: BetaCounts) -> Arm {
        let (a, b) = self.prior;
        Arm {
            counts,
            posterior: Posterior::beta(a + counts.successes, b + counts.failures),
        }
    }
}

impl Policy for Thompson {
    fn kind(&self) -> &'static str {
        "thompson"
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn propensities(&self, _features: &[f32], actions: &[Action<'_>]) -> Vec<f32> {
        let posteriors: Vec<&Posterior> = actions
            .iter()
            .map(|action| {
                let arm = self.arms.get(action.creative);
                arm.map_or(&*self.untried, |arm| &*arm.posterior)
            })
            .collect();
        explored(&best_probabilities(&posteriors), self.exploration)
    }

    fn update_with(
        &mut self,
        (action, _): (&CreativeId, &[f32]),
        _features: &[f32],
        reward: f32,
    ) -> Result<(), UpdateError> {
        check_reward(reward)?;
        self.version += 1;
        let mut counts = self
            .arms
            .get(action)
            .map_or_else(BetaCounts::default, |a| a.counts);
        counts.successes += f64::from(reward);
        counts.failures += 1.0 - f64::from(reward);
        counts.updated = self.version;
        make_room(&mut self.arms, action, MAX_ACTIONS, |arm| {
            arm.counts.updated
        });
        let arm = self.arm(counts);
        self.arms.insert(action.clone(), arm);
        Ok(())
    }

    fn weaken(&mut self, strength: f64) -> bool {
        let weaker = |counts: BetaCounts| BetaCounts {
            successes: counts.successes * strength,
            failures: counts.failures * strength,
            updated: counts.updated,
        };
        let arms = std::mem::take(&mut self.arms);
        let arms = arms
            .into_iter()
            .map(|(id, arm)| (id, self.arm(weaker(arm.counts))));
        self.arms = arms.collect();
        true
    }

    fn state(&self) -> PolicyState {
        let actions = self.arms.iter().map(|(id, arm)| (id.clone(), arm.counts));
        let actions = actions.collect();
        PolicyState::new(self.version, Learned::Thompson { actions })
    }
}

/// Probability of each of being the greatest, up to one common factor near 1: the sum over cells
/// of its mass times the probabilities of all others to lie below.
fn best_probabilities(posteriors: &[&Posterior]) -> Vec<f64> {
    let n = posteriors.len();
    let mut best = vec![0.0; n];
    // after[i] = product of `below` of all from i on; before: of all up to i. Together they leave
    // one out without a division, which would fail where `below` is 0.
    let mut after = vec![[1.0_f64; CHUNK]; n + 1];
    for start in (0..N_CELLS).step_by(CHUNK) {
        let cells = start..start + CHUNK;
        for i in (0..n).rev() {
            let below = &posteriors[i].below[cells.clone()];
            for c in 0..CHUNK {
                after[i][c] = after[i + 1][c] * below[c];
            }
        }
        let mut before = [1.0_f64; CHUNK];
        for i in 0..n {
            let below = &posteriors[i].below[cells.clone()];
            let mass = &posteriors[i].mass[cells.clone()];
            let mut sum = 0.0;
            for c in 0..CHUNK {
                sum += mass[c] * before[c] * after[i + 1][c];
                before[c] *= below[c];
            }
            best[i] += sum;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Beta(a, b) for whole a and b: the a-th smallest of a + b - 1 uniform numbers.
    fn draw_beta(a: usize, b: usize, rng: &mut ChaCha8Rng) -> f64 {
        let mut uniform: Vec<f64> = (0..a + b - 1).map(|_| rng.random()).collect();
        uniform.sort_by(f64::total_cmp);
        uniform[a - 1]
    }

    #[test]
    fn probabilities_of_being_best_agree_with_drawing() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        for arms in [
            vec![(1, 1), (1, 1), (1, 1)],
            vec![(2, 8), (4, 6), (1, 9)],
            vec![(1, 80), (3, 78), (2, 40), (1, 1)],
            vec![(30, 20), (28, 22)],
        ] {
            let posteriors: Vec<_> = arms
                .iter()
                .map(|(a, b)| Posterior::beta(f64::from(*a), f64::from(*b)))
                .collect();
            let refs: Vec<&Posterior> = posteriors.iter().map(|p| &**p).collect();
            let computed = explored(&best_probabilities(&refs), 0.0);
            let n_draws = 20_000;
            let mut wins = vec![0_u32; arms.len()];
            for _ in 0..n_draws {
                let draws: Vec<f64> = arms
                    .iter()
                    .map(|(a, b)| draw_beta(*a as usize, *b as usize, &mut rng))
                    .collect();
                let best = (0..draws.len()).max_by(|i, j| draws[*i].total_cmp(&draws[*j]));
                wins[best.unwrap()] += 1;
            }
            for (wins, computed) in wins.iter().zip(computed) {
                let drawn = f64::from(*wins) / f64::from(n_draws);
                // Four standard errors of 20,000 draws are at most .014.
                assert!(
                    (drawn - f64::from(computed)).abs() < 0.016,
                    "{arms:?}: {drawn} {computed}"
                );
            }
        }
    }

    #[test]
    fn a_posterior_has_the_mean_of_its_beta() {
        for (a, b) in [(1.0, 1.0), (0.5, 0.5), (3.0, 997.0), (400.0, 100.0)] {
            let posterior = Posterior::beta(a, b);
            let mean: f64 = (0..N_CELLS)
                .map(|k| {
                    let angle = (k as f64 + 0.5) / N_CELLS as f64 * FRAC_PI_2;
                    posterior.mass[k] * angle.sin().powi(2)
                })
                .sum();
            assert!((mean - a / (a + b)).abs() < 1e-3, "Beta({a}, {b}): {mean}");
        }
    }

    #[test]
    fn a_million_plays_still_make_probabilities() {
        let mut policy = Thompson::new(0.05, 1.0, 1.0);
        let ids = ["a", "b"].map(|id| CreativeId::new(id).unwrap());
        let counts = |successes| BetaCounts {
            successes,
            failures: 1e6 - successes,
            updated: 1,
        };
        let learned =
            BTreeMap::from([(ids[0].clone(), counts(1e5)), (ids[1].clone(), counts(5e5))]);
        policy.load(1, &learned).unwrap();
        let actions = ids.each_ref().map(|creative| Action {
            creative,
            has_condition: false,
            weight: 1.0,
            turn: 0.0,
            features: &[],
        });
        let p = policy.propensities(&[], &actions);
        assert!(
            (p[0] - 0.025).abs() < 1e-6 && (p[1] - 0.975).abs() < 1e-6,
            "{p:?}"
        );
    }
}
