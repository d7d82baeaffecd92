//! Policies that learn a linear model: `epsilon`, `lints`, `squarecb`, `bootstrapped`.

use regard_domain::CreativeId;
use serde::{Deserialize, Serialize};

use super::belief::Pace;
use super::model::Model;
use super::normals::Normals;
use super::space::{FeatureSpace, ModelShape};
use super::{Action, Policy, Prediction, UpdateError, Workspace, check_reward, explored_into};
use crate::policy_state::{Learned, ModelState, PolicyState, PolicyStateError};

/// Pairs of draws from the belief by which `lints` estimates how probably each message is the best.
const N_PAIRS: usize = 32;

/// Replicates of `bootstrapped`: what its probabilities are counted in.
const N_REPLICATES: usize = 16;

/// How a learner turns what it believes into probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LearnerKind {
    /// The message with the greatest expected reward.
    Epsilon,
    /// Each as often as it is probably the best, by draws from the belief.
    Lints,
    /// The less, the further its expected reward lies below the greatest.
    Squarecb,
    /// Each as often as it is the best among models of resampled plays.
    Bootstrapped,
}

impl LearnerKind {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Epsilon => "epsilon",
            Self::Lints => "lints",
            Self::Squarecb => "squarecb",
            Self::Bootstrapped => "bootstrapped",
        }
    }
}

/// When a policy that learns beside a baseline may choose by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApprenticeEnd {
    /// After `apprentice_plays` rewards, whatever it would have earned.
    #[default]
    Plays,
    /// As soon as it is sure that it would have earned at least what the baseline did.
    Proven,
    /// Never by itself: somebody who has looked at the comparison changes the campaign.
    Never,
}

impl ApprenticeEnd {
    const fn is_plays(&self) -> bool {
        matches!(self, Self::Plays)
    }
}

/// Settings of a policy that learns a linear model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LearnerConfig {
    /// Part of the choices that is spread evenly, above 0 and up to 1.
    pub exploration: f32,
    /// Weight of the belief that features do not matter, in plays.
    pub ridge: f32,
    /// Whether messages share a model.
    pub model: ModelShape,
    /// After so many plays what was learned counts half; left out: nothing is forgotten.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub half_life_plays: Option<f32>,
    /// Safe start: before so many rewards were learned, the message is chosen as by `rules` (but for
    /// the part that explores), and the policy only learns.
    pub apprentice_plays: u32,
    /// When that ends. Of `proven` and `never` it goes on after `apprentice_plays`, and what the policy would have
    /// earned is compared with what the baseline earns from there.
    #[serde(skip_serializing_if = "ApprenticeEnd::is_plays")]
    pub apprentice_ends: ApprenticeEnd,
    /// Part of what the baseline earns that may be lost and still counts as at least as good, 0 to 0.5.
    #[serde(skip_serializing_if = "is_zero")]
    pub apprentice_margin: f32,
    /// `lints` alone: width of the draws, in standard deviations of the belief.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<f32>,
    /// `squarecb` alone: how sharply probabilities fall with the expected loss.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sharpness: Option<f32>,
}

/// Width of the draws where none is given.
///
/// # Source
/// The worlds of `regard-evaluation`: of .1, .2, .3, .5 and 1 the regret is flat near its least up to
/// .3 and a half greater at 1, where draws are those of the belief itself.
const WIDTH: f32 = 0.2;

/// Sharpness where none is given.
///
/// # Source
/// The same: of 10, 30, 100 and 300 the regret falls to 100 and is flat from there.
const SHARPNESS: f32 = 100.0;

fn is_zero(value: &f32) -> bool {
    value.total_cmp(&0.0).is_eq()
}

impl LearnerConfig {
    /// Whether the policy begins beside a baseline.
    pub const fn has_apprenticeship(&self) -> bool {
        self.apprentice_plays > 0 || !self.apprentice_ends.is_plays()
    }
}

impl Default for LearnerConfig {
    fn default() -> Self {
        Self {
            // Bounds importance weights by 50 × the number of messages and costs 2 % of the plays.
            exploration: 0.02,
            // Of 1, 2, 5 and 10 the one that loses nowhere in the worlds of `regard-evaluation`.
            ridge: 5.0,
            model: ModelShape::Auto,
            half_life_plays: None,
            apprentice_plays: 0,
            apprentice_ends: ApprenticeEnd::Plays,
            apprentice_margin: 0.0,
            width: None,
            sharpness: None,
        }
    }
}

/// A policy over a [`Model`].
///
/// Its propensities are a function of what was learned and of the context alone, and the message is
/// drawn from them: what is logged is the very number that was drawn by. For `lints` and
/// `bootstrapped` they are the shares of wins among 64 draws from the belief and among 16
/// replicates, mixed with the even part; they estimate the probability of being best, and are exact
/// as the probability of being chosen. The draws are taken from a table, at a place that the
/// version of the policy and the context choose.
///
/// # Source
/// Agrawal and Goyal 2013 (Thompson sampling, linear payoffs); Foster and Rakhlin 2020, algorithm 1
/// (SquareCB); Osband et al. 2018 (randomized priors) and Oza and Russell 2001 (online bootstrap).
#[derive(Debug)]
pub(super) struct Learner {
    kind: LearnerKind,
    config: LearnerConfig,
    version: u64,
    model: Model,
    /// Whether it was found to earn at least what its baseline earns.
    is_proven: bool,
}

impl Learner {
    pub(super) fn new(kind: LearnerKind, config: LearnerConfig, space: &FeatureSpace) -> Self {
        let is_shared = match config.model {
            ModelShape::Auto => space.n_action() > 0,
            ModelShape::Shared => true,
            ModelShape::Own => false,
        };
        let keep = config
            .half_life_plays
            .map_or(1.0, |half| 0.5_f64.powf(1.0 / (2.0 * f64::from(half))));
        let pace = Pace {
            ridge: f64::from(config.ridge),
            keep,
        };
        let n_replicates = match kind {
            LearnerKind::Bootstrapped => N_REPLICATES,
            LearnerKind::Epsilon | LearnerKind::Lints | LearnerKind::Squarecb => 0,
        };
        Self {
            kind,
            config,
            version: 0,
            model: Model::new(space.clone(), is_shared, pace, n_replicates),
            is_proven: false,
        }
    }

    /// Takes up what this or another learner learned before.
    pub(super) fn load(
        &mut self,
        version: u64,
        state: &ModelState,
    ) -> Result<(), PolicyStateError> {
        self.model.load(state, version)?;
        self.version = version;
        Ok(())
    }

    fn fits(&self, features: &[f32], actions: &[Action<'_>]) -> bool {
        let n_action = self.model.space.n_action();
        features.len() == self.model.space.context.len()
            && (!self.model.is_shared() || actions.iter().all(|a| a.features.len() == n_action))
    }

    /// Weights of the actions by what was learned, into `work.weights`. Features of another number than the policy learns from
    /// say nothing: evenly then.
    fn weigh_by_model(&self, features: &[f32], actions: &[Action<'_>], work: &mut Workspace) {
        if self.fits(features, actions) {
            self.weigh(features, actions, work);
        } else {
            work.weights.clear();
            work.weights.resize(actions.len(), 1.0);
        }
    }

    /// Weights of the actions by the kind of this learner, into `work.weights`.
    fn weigh(&self, features: &[f32], actions: &[Action<'_>], work: &mut Workspace) {
        work.weights.clear();
        work.weights.resize(actions.len(), 0.0);
        match self.kind {
            LearnerKind::Epsilon => {
                self.model.look(features, actions, false, work);
                let best = work.means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                for (weight, mean) in work.weights.iter_mut().zip(&work.means) {
                    *weight = f64::from(u8::from(mean.total_cmp(&best).is_eq()));
                }
            }
            LearnerKind::Squarecb => {
                self.model.look(features, actions, false, work);
                self.square(work);
            }
            LearnerKind::Lints => {
                self.model.look(features, actions, true, work);
                self.sample(features, actions, work);
            }
            LearnerKind::Bootstrapped => {
                self.model.look(features, actions, false, work);
                for r in 0..N_REPLICATES {
                    self.model.replicate(r, actions, work);
                    let best = greatest(work.scores.iter().copied());
                    work.weights[best] += 1.0;
                }
            }
        }
    }

    /// Inverse gap weighting; gaps are taken in half deviations of the noise, so that rewards of one in a
    /// thousand are told apart as those of one in two are.
    fn square(&self, work: &mut Workspace) {
        let n = work.means.len() as f64;
        let best = greatest(work.means.iter().map(|m| *m as f32));
        let top = work.means[best];
        let sharpness = f64::from(self.config.sharpness.unwrap_or(SHARPNESS));
        let sharpness =
            sharpness * self.model.plays.max(1.0).sqrt() * 0.5 / self.model.noise().sqrt();
        let mut left = 1.0;
        for (i, (weight, mean)) in work.weights.iter_mut().zip(&work.means).enumerate() {
            if i != best {
                *weight = 1.0 / sharpness.mul_add((top - mean).max(0.0), n);
                left -= *weight;
            }
        }
        work.weights[best] = left;
    }

    /// Wins among draws from the belief, in pairs of opposite deviations.
    fn sample(&self, features: &[f32], actions: &[Action<'_>], work: &mut Workspace) {
        let bits = features.iter().fold(self.version, |key, v| {
            super::normals::mix(key ^ u64::from(v.to_bits()))
        });
        let mut normals = Normals::of(bits);
        let width = self.config.width.unwrap_or(WIDTH);
        let n = actions.len();
        let m = 1 + self.model.space.n_action();
        if self.model.is_shared() {
            // Columns of (1, features), so that a draw of weights becomes scores row by row.
            work.columns.clear();
            work.columns.resize(m * n, 1.0);
            for (k, action) in actions.iter().enumerate() {
                for (i, value) in action.features.iter().enumerate() {
                    work.columns[(1 + i) * n + k] = *value;
                }
            }
        }
        let Workspace {
            means,
            spreads,
            factor,
            columns,
            scores,
            draws,
            weights,
            ..
        } = work;
        for _ in 0..N_PAIRS {
            scores.clear();
            if self.model.is_shared() {
                scores.resize(n, 0.0);
                draws.clear();
                draws.extend((0..m).map(|_| width * normals.next()));
                for (i, row) in factor.chunks_exact(m).enumerate() {
                    let weight: f32 = row[..=i].iter().zip(draws.iter()).map(|(l, g)| l * g).sum();
                    let column = &columns[i * n..(i + 1) * n];
                    for (score, value) in scores.iter_mut().zip(column) {
                        *score += weight * value;
                    }
                }
            } else {
                scores.extend(spreads.iter().map(|s| width * s * normals.next()));
            }
            let up = greatest(means.iter().zip(scores.iter()).map(|(m, s)| *m as f32 + s));
            let down = greatest(means.iter().zip(scores.iter()).map(|(m, s)| *m as f32 - s));
            weights[up] += 1.0;
            weights[down] += 1.0;
        }
    }
}

/// The place of the greatest; the first of equals, 0 of none.
fn greatest(values: impl Iterator<Item = f32>) -> usize {
    let mut best = (0, f32::NEG_INFINITY);
    for (i, value) in values.enumerate() {
        if value > best.1 {
            best = (i, value);
        }
    }
    best.0
}

impl Policy for Learner {
    fn kind(&self) -> &'static str {
        self.kind.name()
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn propensities(&self, features: &[f32], actions: &[Action<'_>]) -> Vec<f32> {
        let mut out = Vec::with_capacity(actions.len());
        self.propensities_into(features, actions, &mut Workspace::default(), &mut out);
        out
    }

    fn propensities_into(
        &self,
        features: &[f32],
        actions: &[Action<'_>],
        work: &mut Workspace,
        out: &mut Vec<f32>,
    ) {
        if actions.is_empty() {
            out.clear();
            return;
        }
        if self.is_apprentice() {
            let baseline = actions.iter().position(|a| a.has_condition).unwrap_or(0);
            work.weights.clear();
            work.weights.resize(actions.len(), 0.0);
            work.weights[baseline] = 1.0;
        } else {
            self.weigh_by_model(features, actions, work);
        }
        explored_into(&work.weights, f64::from(self.config.exploration), out);
    }

    fn is_apprentice(&self) -> bool {
        let is_early = self.version < u64::from(self.config.apprentice_plays);
        match self.config.apprentice_ends {
            ApprenticeEnd::Plays => is_early,
            ApprenticeEnd::Proven => is_early || !self.is_proven,
            ApprenticeEnd::Never => true,
        }
    }

    fn as_apprentice(&self, features: &[f32], actions: &[Action<'_>]) -> Option<Vec<f32>> {
        let is_early = self.version < u64::from(self.config.apprentice_plays);
        let is_compared = match self.config.apprentice_ends {
            ApprenticeEnd::Plays => is_early,
            // What it would have done before it had learned says little of what it would do now.
            ApprenticeEnd::Proven | ApprenticeEnd::Never => !is_early && self.is_apprentice(),
        };
        if !is_compared || actions.is_empty() {
            return None;
        }
        let (mut work, mut own) = (Workspace::default(), Vec::with_capacity(actions.len()));
        self.weigh_by_model(features, actions, &mut work);
        explored_into(&work.weights, f64::from(self.config.exploration), &mut own);
        Some(own)
    }

    fn set_proven(&mut self, is_proven: bool) {
        self.is_proven = is_proven;
    }

    fn update_with(
        &mut self,
        action: (&CreativeId, &[f32]),
        features: &[f32],
        reward: f32,
    ) -> Result<(), UpdateError> {
        check_reward(reward)?;
        let wrong = |expected: usize, found: usize| UpdateError::Features { expected, found };
        let (n_context, n_action) = (self.model.space.context.len(), self.model.space.n_action());
        if features.len() != n_context {
            return Err(wrong(n_context, features.len()));
        }
        if self.model.is_shared() && action.1.len() != n_action {
            return Err(wrong(n_action, action.1.len()));
        }
        if !features.iter().chain(action.1).all(|v| v.is_finite()) {
            return Err(UpdateError::NotFinite);
        }
        self.version += 1;
        self.model
            .learn(action, features, f64::from(reward), self.version);
        Ok(())
    }

    fn predict(&self, features: &[f32], actions: &[Action<'_>]) -> Option<Vec<Prediction>> {
        if !self.fits(features, actions) {
            return None;
        }
        let mut work = Workspace::default();
        self.model.look(features, actions, true, &mut work);
        let one = |(i, action): (usize, &Action<'_>)| Prediction {
            mean: work.means[i],
            deviation: self.model.deviation(action, i, &work),
        };
        Some(actions.iter().enumerate().map(one).collect())
    }

    fn weaken(&mut self, strength: f64) -> bool {
        self.model.weaken(strength);
        true
    }

    fn state(&self) -> PolicyState {
        let model = self.model.state();
        let learned = match self.kind {
            LearnerKind::Epsilon => Learned::Epsilon(model),
            LearnerKind::Lints => Learned::Lints(model),
            LearnerKind::Squarecb => Learned::Squarecb(model),
            LearnerKind::Bootstrapped => Learned::Bootstrapped(model),
        };
        PolicyState::new(self.version, learned)
    }
}
