//! What learners believe about rewards: one model for all messages, or one each.

use std::collections::BTreeMap;

use regard_domain::CreativeId;

use super::belief::{Belief, Pace, add_scaled, dot};
use super::normals::{Normals, mix, resampled};
use super::space::FeatureSpace;
use super::{Action, MAX_ACTIONS, Workspace, make_room};
use crate::policy_state::{ModelState, PolicyStateError};

/// Variance of a reward before anything was seen (a fair coin), and the plays that this belief
/// weighs as much as.
const NOISE_BEFORE: f64 = 0.25;
const PLAYS_BEFORE: f64 = 2.0;

/// Greatest faded count of plays for which a play is still worth learning from exactly.
const MEAN_BEFORE: f64 = 0.5;

/// A linear model of rewards, as deviations from their mean.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) space: FeatureSpace,
    pub(super) pace: Pace,
    n_replicates: usize,
    /// Sum of rewards, faded.
    rewards: f64,
    /// Plays, faded.
    pub(super) plays: f64,
    /// Squared surprises, faded.
    squares: f64,
    beliefs: Beliefs,
}

#[derive(Debug)]
enum Beliefs {
    /// Over the products of `(1, features of the message)` and the context.
    Shared(Belief),
    /// Over the context, by message.
    Own(BTreeMap<CreativeId, Belief>),
}

/// Weights that replicates begin with: a draw each from a narrowed prior.
fn beginnings(n: usize, n_replicates: usize, ridge: f64, key: u64) -> Vec<Vec<f64>> {
    let scale = beginning_scale(ridge);
    let one = |r: usize| {
        let mut normals = Normals::of(key ^ mix(r as u64));
        (0..n).map(|_| scale * f64::from(normals.next())).collect()
    };
    (0..n_replicates).map(one).collect()
}

/// Deviation of the weights that replicates begin with: a fifth of the prior's, as `lints` draws with a
/// fifth of the belief's width.
fn beginning_scale(ridge: f64) -> f64 {
    0.2 * (NOISE_BEFORE / ridge).sqrt()
}

fn key_of(creative: &CreativeId) -> u64 {
    creative
        .as_str()
        .bytes()
        .fold(0, |key, byte| mix(key ^ u64::from(byte)))
}

impl Model {
    pub(super) fn new(
        space: FeatureSpace,
        is_shared: bool,
        pace: Pace,
        n_replicates: usize,
    ) -> Self {
        let n = (1 + space.n_action()) * space.context.len();
        let beliefs = if is_shared {
            let begin = beginnings(n, n_replicates, pace.ridge, 0);
            Beliefs::Shared(Belief::prior(n, pace.ridge, begin))
        } else {
            Beliefs::Own(BTreeMap::new())
        };
        Self {
            space,
            pace,
            n_replicates,
            rewards: 0.0,
            plays: 0.0,
            squares: 0.0,
            beliefs,
        }
    }

    /// Mean of the rewards, one half before the first.
    pub(super) fn mean_reward(&self) -> f64 {
        (self.rewards + MEAN_BEFORE) / (self.plays + 1.0)
    }

    /// Estimated variance of a reward around its expectation.
    pub(super) fn noise(&self) -> f64 {
        PLAYS_BEFORE.mul_add(NOISE_BEFORE, self.squares) / (PLAYS_BEFORE + self.plays)
    }

    fn untried(&self, action: &CreativeId) -> Belief {
        let n = self.space.context.len();
        let begin = beginnings(n, self.n_replicates, self.pace.ridge, key_of(action));
        Belief::prior(n, self.pace.ridge, begin)
    }

    /// Learns from a play. Lengths were checked.
    pub(super) fn learn(
        &mut self,
        (action, features): (&CreativeId, &[f32]),
        context: &[f32],
        reward: f64,
        version: u64,
    ) {
        let deviation = reward - self.mean_reward();
        let (pace, n_replicates) = (self.pace, self.n_replicates);
        let counts = resampled(version, n_replicates);
        let x: Vec<f64> = context.iter().copied().map(f64::from).collect();
        let surprise = match &mut self.beliefs {
            Beliefs::Shared(belief) => {
                let products = with_one(features)
                    .flat_map(|a| x.iter().map(move |c| a * c))
                    .collect::<Vec<f64>>();
                belief.updated = version;
                belief.learn(&products, deviation, pace, counts)
            }
            Beliefs::Own(beliefs) => {
                make_room(beliefs, action, MAX_ACTIONS, |b| b.updated);
                let known = beliefs.remove(action);
                let mut belief = known.unwrap_or_else(|| self.untried_of(action));
                belief.updated = version;
                let surprise = belief.learn(&x, deviation, pace, counts);
                if let Beliefs::Own(beliefs) = &mut self.beliefs {
                    beliefs.insert(action.clone(), belief);
                }
                surprise
            }
        };
        let keep = pace.keep * pace.keep;
        self.rewards = self.rewards.mul_add(keep, reward);
        self.plays = self.plays.mul_add(keep, 1.0);
        self.squares = self.squares.mul_add(keep, surprise);
    }

    /// Expected rewards of the actions, into `work.means`; with `want_spread` also what sampling
    /// needs: standard deviations (own) or the factor of the covariance (shared).
    pub(super) fn look(
        &self,
        context: &[f32],
        actions: &[Action<'_>],
        want_spread: bool,
        work: &mut Workspace,
    ) {
        work.context.clear();
        work.context.extend(context.iter().copied().map(f64::from));
        let noise = self.noise().sqrt();
        let mean = self.mean_reward();
        work.means.clear();
        work.spreads.clear();
        work.factor.clear();
        match &self.beliefs {
            Beliefs::Own(beliefs) => {
                for action in actions {
                    let x = &work.context;
                    let (offset, variance) = match beliefs.get(action.creative) {
                        Some(belief) => {
                            let variance = want_spread.then(|| quadratic(&belief.covariance, x));
                            (dot(&belief.mean, x), variance.unwrap_or(0.0))
                        }
                        None => (0.0, dot(x, x) / self.pace.ridge),
                    };
                    work.means.push(mean + offset);
                    work.spreads.push((noise * variance.max(0.0).sqrt()) as f32);
                }
            }
            Beliefs::Shared(belief) => {
                let n_context = work.context.len();
                work.reduced.clear();
                let blocks = belief.mean.chunks_exact(n_context.max(1));
                work.reduced.extend(blocks.map(|b| dot(b, &work.context)));
                for action in actions {
                    let offset: f64 = with_one(action.features)
                        .zip(&work.reduced)
                        .map(|(a, w)| a * w)
                        .sum();
                    work.means.push(mean + offset);
                }
                if want_spread {
                    reduce_covariance(belief, work);
                    factorize(noise, work);
                }
            }
        }
    }

    /// Whether messages share one model.
    pub(super) const fn is_shared(&self) -> bool {
        matches!(self.beliefs, Beliefs::Shared(_))
    }

    /// Standard deviation of what is believed about the expected reward of each action, after
    /// [`Model::look`] with spreads.
    pub(super) fn deviation(&self, action: &Action<'_>, index: usize, work: &Workspace) -> f64 {
        if !self.is_shared() {
            return f64::from(work.spreads[index]);
        }
        let m = 1 + self.space.n_action();
        let squares = (0..m).map(|k| {
            // Column k of the lower factor.
            let column = with_one(action.features)
                .enumerate()
                .skip(k)
                .map(|(i, a)| a * f64::from(work.factor[i * m + k]));
            column.sum::<f64>().powi(2)
        });
        squares.sum::<f64>().sqrt()
    }

    /// Expected offset of each action under one replicate, into `work.scores`.
    pub(super) fn replicate(&self, r: usize, actions: &[Action<'_>], work: &mut Workspace) {
        let Workspace {
            context,
            scores,
            reduced,
            ..
        } = work;
        scores.clear();
        match &self.beliefs {
            Beliefs::Own(beliefs) => {
                let scale = beginning_scale(self.pace.ridge);
                for action in actions {
                    let offset = match beliefs.get(action.creative) {
                        Some(belief) => dot(&belief.replicates[r], context),
                        None => {
                            let key = key_of(action.creative) ^ mix(r as u64);
                            let mut normals = Normals::of(key);
                            context
                                .iter()
                                .map(|x| x * scale * f64::from(normals.next()))
                                .sum()
                        }
                    };
                    scores.push(offset as f32);
                }
            }
            Beliefs::Shared(belief) => {
                reduced.clear();
                let blocks = belief.replicates[r].chunks_exact(context.len().max(1));
                reduced.extend(blocks.map(|b| dot(b, context)));
                for action in actions {
                    let pairs = with_one(action.features).zip(reduced.iter());
                    scores.push(pairs.map(|(a, w)| a * w).sum::<f64>() as f32);
                }
            }
        }
    }

    /// All it has learned.
    pub(super) fn state(&self) -> ModelState {
        let mut state = ModelState {
            context: self.space.context.clone(),
            action: self.space.action_names(),
            ridge: self.pace.ridge,
            rewards: self.rewards,
            plays: self.plays,
            squares: self.squares,
            shared: None,
            own: BTreeMap::new(),
        };
        match &self.beliefs {
            Beliefs::Shared(belief) => state.shared = Some(belief.state()),
            Beliefs::Own(beliefs) => {
                state.own = beliefs
                    .iter()
                    .map(|(id, b)| (id.clone(), b.state()))
                    .collect();
            }
        }
        state
    }

    /// Takes up what was learned before. Features are matched by name: those that are new begin at
    /// the prior, those that are gone are dropped.
    pub(super) fn load(
        &mut self,
        state: &ModelState,
        version: u64,
    ) -> Result<(), PolicyStateError> {
        let sums = [state.rewards, state.plays, state.squares];
        let numbers = |id: &CreativeId| PolicyStateError::Numbers {
            creative: id.clone(),
        };
        if !sums.iter().all(|v| v.is_finite() && *v >= 0.0) {
            return Err(PolicyStateError::Shared);
        }
        let place = |name: &String| state.context.iter().position(|n| n == name);
        let context: Vec<Option<usize>> = self.space.context.iter().map(place).collect();
        let ridge = self.pace.ridge;
        let mut fresh = Self::new(
            self.space.clone(),
            self.is_shared(),
            self.pace,
            self.n_replicates,
        );
        match (&mut fresh.beliefs, &state.shared) {
            (Beliefs::Shared(belief), Some(stored)) => {
                let n_stored = state.context.len();
                let names = self.space.action_names();
                let rows = names.iter().map(|name| {
                    let found = state.action.iter().position(|n| n == name);
                    found.map(|i| 1 + i)
                });
                let origin: Vec<Option<usize>> = std::iter::once(Some(0))
                    .chain(rows)
                    .flat_map(|row| {
                        let at = |c: &Option<usize>| Some(row? * n_stored + (*c)?);
                        context.iter().map(at).collect::<Vec<_>>()
                    })
                    .collect();
                if stored.mean.0.len() != (1 + state.action.len()) * n_stored {
                    return Err(PolicyStateError::Shared);
                }
                let begun = belief.clone();
                *belief = Belief::restore(stored, &origin, begun, version)
                    .ok_or(PolicyStateError::Shared)?;
            }
            (Beliefs::Own(_), None) => {
                let mut own = BTreeMap::new();
                for (id, stored) in &state.own {
                    if stored.mean.0.len() != state.context.len() {
                        return Err(numbers(id));
                    }
                    let begun = self.untried(id);
                    let belief = Belief::restore(stored, &context, begun, version)
                        .ok_or_else(|| numbers(id))?;
                    own.insert(id.clone(), belief);
                }
                fresh.beliefs = Beliefs::Own(own);
            }
            (Beliefs::Shared(_), None) | (Beliefs::Own(_), Some(_)) => {
                return Err(PolicyStateError::Shape);
            }
        }
        if state.ridge.total_cmp(&ridge).is_ne() {
            return Err(PolicyStateError::Ridge);
        }
        fresh.rewards = state.rewards;
        fresh.plays = state.plays;
        fresh.squares = state.squares;
        *self = fresh;
        Ok(())
    }

    /// Leaves so much of what was learned, as a prior for another campaign: 1 all, near 0 almost
    /// nothing.
    pub(super) fn weaken(&mut self, strength: f64) {
        let ridge = self.pace.ridge;
        match &mut self.beliefs {
            Beliefs::Shared(belief) => belief.weaken(strength, ridge),
            Beliefs::Own(beliefs) => beliefs.values_mut().for_each(|b| b.weaken(strength, ridge)),
        }
        self.rewards *= strength;
        self.plays *= strength;
        self.squares *= strength;
    }

    fn untried_of(&self, action: &CreativeId) -> Belief {
        self.untried(action)
    }
}

/// A one, then the features.
fn with_one(features: &[f32]) -> impl Iterator<Item = f64> + Clone {
    std::iter::once(1.0).chain(features.iter().copied().map(f64::from))
}

fn quadratic(matrix: &[f64], x: &[f64]) -> f64 {
    let rows = matrix.chunks_exact(x.len().max(1));
    // Symmetric: the lower half counts twice.
    let pairs = rows.zip(x).enumerate();
    pairs
        .map(|(i, (row, x_i))| x_i * (2.0 * dot(&row[..i], &x[..i]) + row[i] * x_i))
        .sum()
}

/// The covariance of the weights of `(1, features of a message)` in this context: the lower half of
/// `m × m` into `work.reduced`.
fn reduce_covariance(belief: &Belief, work: &mut Workspace) {
    let n_context = work.context.len().max(1);
    let n = belief.mean.len();
    let m = n / n_context;
    work.reduced.clear();
    work.reduced.resize(m * m, 0.0);
    for j in 0..m {
        // Only blocks up to the diagonal are needed.
        let width = (j + 1) * n_context;
        work.row.clear();
        work.row.resize(width, 0.0);
        for (c, x) in work.context.iter().enumerate() {
            let row = (j * n_context + c) * n;
            add_scaled(&mut work.row, &belief.covariance[row..row + width], *x);
        }
        for (i, block) in work.row.chunks_exact(n_context).enumerate() {
            work.reduced[j * m + i] = dot(block, &work.context);
        }
    }
}

/// The lower Cholesky factor of that, times the deviation of the noise, into `work.factor`.
fn factorize(noise: f64, work: &mut Workspace) {
    let covariance = &mut work.reduced;
    let m = covariance.len().isqrt();
    for j in 0..m {
        for i in j..m {
            let (upper, lower) = (j * m, i * m);
            let known = dot(&covariance[upper..upper + j], &covariance[lower..lower + j]);
            let rest = covariance[lower + j] - known;
            covariance[lower + j] = if i == j {
                rest.max(0.0).sqrt()
            } else if covariance[upper + j] > 0.0 {
                rest / covariance[upper + j]
            } else {
                0.0
            };
        }
    }
    work.factor
        .extend(covariance.iter().map(|v| (noise * v) as f32));
}
