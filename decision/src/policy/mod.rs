//! How a message is picked among those that fit.

use std::collections::BTreeMap;

use rand::Rng;
use regard_domain::CreativeId;
use serde::{Deserialize, Serialize};

use crate::policy_state::{Learned, PolicyState, PolicyStateError};

mod belief;
mod fixed;
mod learner;
mod linucb;
mod model;
mod normals;
mod packed;
mod rules;
mod space;
mod thompson;

pub use learner::{ApprenticeEnd, LearnerConfig, LearnerKind};
pub use packed::{BadPacked, Packed};
pub use space::{FeatureSpace, ModelShape};

/// Messages a policy remembers. When full, the one it learned about longest ago goes.
const MAX_ACTIONS: usize = 1024;

/// What a policy may pick.
#[derive(Clone, Copy, Debug)]
pub struct Action<'a> {
    /// Which message.
    pub creative: &'a CreativeId,
    /// Whether its condition has any clause.
    pub has_condition: bool,
    /// Its share under the policy `fixed` with order `round_robin`, above 0.
    pub weight: f32,
    /// Its place in the round of its screen: the lowest comes next.
    pub turn: f64,
    /// Its features, in the places of the [`FeatureSpace`]; empty where messages have none.
    pub features: &'a [f32],
}

impl<'a> Action<'a> {
    /// One that its features alone tell from others: without a condition, with a share like every other's.
    pub const fn featured(creative: &'a CreativeId, features: &'a [f32]) -> Self {
        Self {
            creative,
            has_condition: false,
            weight: 1.0,
            turn: 0.0,
            features,
        }
    }
}

/// What a policy believes about the expected reward of a message.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Prediction {
    /// The expectation.
    pub mean: f64,
    /// Standard deviation of the belief about it.
    pub deviation: f64,
}

/// Room that decisions work in. Kept and handed in again, nothing is allocated once it has grown.
#[derive(Debug, Default)]
pub struct Workspace {
    context: Vec<f64>,
    means: Vec<f64>,
    spreads: Vec<f32>,
    reduced: Vec<f64>,
    row: Vec<f64>,
    factor: Vec<f32>,
    columns: Vec<f32>,
    draws: Vec<f32>,
    scores: Vec<f32>,
    weights: Vec<f64>,
}

/// What was picked.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Which of the actions.
    pub index: usize,
    /// The probability with which it was drawn.
    pub propensity: f32,
    /// The probabilities of all actions, in their order.
    pub propensities: Vec<f32>,
}

/// Why a policy did not learn from a reward.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum UpdateError {
    /// The reward is not in `[0, 1]`.
    #[error("a reward of {0} is not in 0 to 1")]
    Reward(f32),
    /// The features are not those the policy learns from.
    #[error("{found} features where the policy has {expected}")]
    Features {
        /// How many it has.
        expected: usize,
        /// How many came.
        found: usize,
    },
    /// A feature is not finite.
    #[error("a feature is not finite")]
    NotFinite,
}

/// A way of picking a message. Features are those of [`crate::Context::features`].
pub trait Policy: Send + Sync + std::fmt::Debug {
    /// Its name: `fixed`, `rules`, `thompson`, `linucb`, `epsilon`, `lints`, `squarecb` or `bootstrapped`.
    fn kind(&self) -> &'static str;

    /// How many updates it has seen.
    fn version(&self) -> u64;

    /// The probability of each action, in their order: none negative, sum 1. Empty for none.
    fn propensities(&self, features: &[f32], actions: &[Action<'_>]) -> Vec<f32>;

    /// As [`Policy::propensities`], into `out`.
    fn propensities_into(
        &self,
        features: &[f32],
        actions: &[Action<'_>],
        _work: &mut Workspace,
        out: &mut Vec<f32>,
    ) {
        out.clear();
        out.extend(self.propensities(features, actions));
    }

    /// Learns that the action, with its features, earned this reward, in `[0, 1]`. Policies that do
    /// not learn only count.
    ///
    /// # Errors
    /// [`UpdateError`]; nothing was learned then.
    fn update_with(
        &mut self,
        action: (&CreativeId, &[f32]),
        features: &[f32],
        reward: f32,
    ) -> Result<(), UpdateError>;

    /// As [`Policy::update_with`] for messages without features.
    ///
    /// # Errors
    /// As there.
    fn update(
        &mut self,
        action: &CreativeId,
        features: &[f32],
        reward: f32,
    ) -> Result<(), UpdateError> {
        self.update_with((action, &[]), features, reward)
    }

    /// What it expects of each action; nothing from policies without a model of rewards.
    fn predict(&self, _features: &[f32], _actions: &[Action<'_>]) -> Option<Vec<Prediction>> {
        None
    }

    /// Whether it learns beside a baseline for now: [`Policy::propensities`] are those of the baseline then.
    fn is_apprentice(&self) -> bool {
        false
    }

    /// The probabilities by which it would choose itself, explored as they would be then, while it is an apprentice and
    /// what it would earn is compared with its baseline; nothing else.
    fn as_apprentice(&self, _features: &[f32], _actions: &[Action<'_>]) -> Option<Vec<f32>> {
        None
    }

    /// Says whether it was found that it would earn at least what its baseline earns. Not part of its state.
    fn set_proven(&mut self, _is_proven: bool) {}

    /// Keeps so much of what it has learned, above 0 and up to 1, as a prior; false when it has
    /// nothing that could be weakened.
    fn weaken(&mut self, _strength: f64) -> bool {
        false
    }

    /// All it has learned, to be stored.
    fn state(&self) -> PolicyState;

    /// Draws one action; nothing when there is none.
    fn choose(
        &self,
        features: &[f32],
        actions: &[Action<'_>],
        rng: &mut dyn Rng,
    ) -> Option<Choice> {
        let propensities = self.propensities(features, actions);
        let index = draw(&propensities, rng)?;
        Some(Choice {
            index,
            propensity: propensities[index],
            propensities,
        })
    }
}

/// Draws an index with the probabilities given (scaled by their sum); nothing when all are 0.
pub(crate) fn draw(propensities: &[f32], rng: &mut (impl Rng + ?Sized)) -> Option<usize> {
    let total: f64 = propensities.iter().copied().map(f64::from).sum();
    // 53 random bits make every double of that grid in [0, 1) equally likely.
    let unit = (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    let mut left = unit * total;
    for (index, p) in propensities.iter().copied().map(f64::from).enumerate() {
        if left < p {
            return Some(index);
        }
        left -= p;
    }
    // Rounding may leave a crumb: it belongs to the last action that could be drawn at all.
    propensities.iter().rposition(|p| *p > 0.0)
}

/// All probability on one of `n` actions.
fn certain(index: usize, n: usize) -> Vec<f32> {
    (0..n).map(|i| f32::from(u8::from(i == index))).collect()
}

/// Weights scaled to sum 1, then mixed with an even part.
fn explored(weights: &[f64], exploration: f64) -> Vec<f32> {
    let total: f64 = weights.iter().sum();
    let even = 1.0 / weights.len() as f64;
    // A sum of 0 (every weight underflowed) says nothing about which is best.
    let share = |weight: &f64| if total > 0.0 { weight / total } else { even };
    let mixed = |weight| (1.0 - exploration).mul_add(share(weight), exploration * even);
    weights.iter().map(|weight| mixed(weight) as f32).collect()
}

/// As [`explored`], into `out`.
fn explored_into(weights: &[f64], exploration: f64, out: &mut Vec<f32>) {
    let total: f64 = weights.iter().sum();
    let even = 1.0 / weights.len().max(1) as f64;
    out.clear();
    out.extend(weights.iter().map(|weight| {
        let share = if total > 0.0 { weight / total } else { even };
        (1.0 - exploration).mul_add(share, exploration * even) as f32
    }));
}

fn check_reward(reward: f32) -> Result<(), UpdateError> {
    let valid = (0.0..=1.0).contains(&reward);
    if valid {
        Ok(())
    } else {
        Err(UpdateError::Reward(reward))
    }
}

/// Makes room for one more action, unless it is there already.
fn make_room<T>(
    arms: &mut BTreeMap<CreativeId, T>,
    action: &CreativeId,
    max_actions: usize,
    updated: impl Fn(&T) -> u64,
) {
    if arms.contains_key(action) || arms.len() < max_actions {
        return;
    }
    let oldest = arms.iter().min_by_key(|(_, arm)| updated(arm));
    if let Some(oldest) = oldest.map(|(id, _)| id.clone()) {
        arms.remove(&oldest);
    }
}

/// A policy that has learned nothing yet, over contexts with features of these names and messages
/// without any.
pub fn new_policy(config: PolicyConfig, feature_names: &[String]) -> Box<dyn Policy> {
    new_policy_over(config, &FeatureSpace::of_context(feature_names))
}

/// A policy that has learned nothing yet, over these features.
pub fn new_policy_over(config: PolicyConfig, space: &FeatureSpace) -> Box<dyn Policy> {
    let feature_names = &space.context;
    let learner = |kind, config| Box::new(learner::Learner::new(kind, config, space));
    match config {
        PolicyConfig::Fixed { order } => Box::new(fixed::Fixed::new(order, 0)),
        PolicyConfig::Rules {} => Box::new(rules::Rules::new(0)),
        PolicyConfig::Thompson {
            exploration,
            prior_success,
            prior_failure,
        } => Box::new(thompson::Thompson::new(
            exploration,
            prior_success,
            prior_failure,
        )),
        PolicyConfig::Linucb {
            exploration,
            alpha,
            ridge,
        } => Box::new(linucb::LinUcb::new(
            exploration,
            alpha,
            ridge,
            feature_names,
        )),
        PolicyConfig::Epsilon(config) => learner(LearnerKind::Epsilon, config),
        PolicyConfig::Lints(config) => learner(LearnerKind::Lints, config),
        PolicyConfig::Squarecb(config) => learner(LearnerKind::Squarecb, config),
        PolicyConfig::Bootstrapped(config) => learner(LearnerKind::Bootstrapped, config),
    }
}

/// A policy that goes on from a stored state.
///
/// # Errors
/// [`PolicyStateError`] when the state is not one of this policy over these features. Whoever
/// wants to begin afresh then says so with [`new_policy`]; nothing is thrown away unasked.
pub fn restore_policy(
    config: PolicyConfig,
    feature_names: &[String],
    state: &PolicyState,
) -> Result<Box<dyn Policy>, PolicyStateError> {
    restore_policy_over(config, &FeatureSpace::of_context(feature_names), state)
}

/// A policy over these features that goes on from a stored state. What one learner (`epsilon`,
/// `lints`, `squarecb`, `bootstrapped`) learned, another can take up.
///
/// # Errors
/// As [`restore_policy`].
pub fn restore_policy_over(
    config: PolicyConfig,
    space: &FeatureSpace,
    state: &PolicyState,
) -> Result<Box<dyn Policy>, PolicyStateError> {
    let feature_names = &space.context;
    let version = state.version;
    state.check_format()?;
    if let (Some((kind, learner)), Some(model)) = (config.learner(), state.model()) {
        let mut policy = learner::Learner::new(kind, learner, space);
        policy.load(version, model)?;
        return Ok(Box::new(policy));
    }
    match (config, &state.learned) {
        (PolicyConfig::Fixed { order }, Learned::Fixed {}) => {
            Ok(Box::new(fixed::Fixed::new(order, version)))
        }
        (PolicyConfig::Rules {}, Learned::Rules {}) => Ok(Box::new(rules::Rules::new(version))),
        (
            PolicyConfig::Thompson {
                exploration,
                prior_success,
                prior_failure,
            },
            Learned::Thompson { actions },
        ) => {
            let mut policy = thompson::Thompson::new(exploration, prior_success, prior_failure);
            policy.load(version, actions)?;
            Ok(Box::new(policy))
        }
        (
            PolicyConfig::Linucb {
                exploration,
                alpha,
                ridge,
            },
            Learned::Linucb {
                features,
                ridge: learned_ridge,
                actions,
            },
        ) => {
            let mut policy = linucb::LinUcb::new(exploration, alpha, ridge, feature_names);
            policy.load(version, (features, *learned_ridge), actions)?;
            Ok(Box::new(policy))
        }
        (config, _) => Err(PolicyStateError::Kind {
            expected: config.kind(),
            found: state.kind(),
        }),
    }
}

/// Order of the policy `fixed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FixedOrder {
    /// The first eligible message, in the order of configuration.
    #[default]
    FirstEligible,
    /// One after the other, as often as their weights say.
    RoundRobin,
}

/// Which policy, and its settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum PolicyConfig {
    /// Always the same order.
    Fixed {
        /// Which order.
        #[serde(default)]
        order: FixedOrder,
    },
    /// The first message, in the order of configuration, whose condition holds; those with a
    /// condition before those without.
    Rules {},
    /// Thompson sampling: each message as often as it is probably the best, whoever is there.
    Thompson {
        /// Part of the choices that is spread evenly, above 0 and up to 1.
        #[serde(default = "exploration")]
        exploration: f32,
        /// Imagined successes before the first play, from 0.5.
        #[serde(default = "prior")]
        prior_success: f32,
        /// Imagined failures before the first play, from 0.5.
        #[serde(default = "prior")]
        prior_failure: f32,
    },
    /// Linear upper confidence bounds: the message that may do best for this audience.
    Linucb {
        /// Part of the choices that is spread evenly, above 0 and up to 1.
        #[serde(default = "exploration")]
        exploration: f32,
        /// Width of the confidence bound, from 0.
        #[serde(default = "alpha")]
        alpha: f32,
        /// Weight of the belief that features do not matter, above 0.
        #[serde(default = "ridge")]
        ridge: f32,
    },
    /// A linear model; the message that it expects most of, but for the part that explores.
    Epsilon(LearnerConfig),
    /// A linear model and Thompson sampling: each message as often as it is probably the best for
    /// this audience.
    Lints(LearnerConfig),
    /// A linear model; each message the less, the more it is expected to lose.
    Squarecb(LearnerConfig),
    /// Linear models of resampled plays, which vote.
    Bootstrapped(LearnerConfig),
}

/// Bounds importance weights by 20 × the number of messages and costs 5 % of the plays.
fn exploration() -> f32 {
    0.05
}

/// The uniform prior (Bayes, Laplace).
fn prior() -> f32 {
    1.0
}

/// Li et al. 2010 (LinUCB), figure 3: click-through is flat near its best from about 0.2 to 1.
fn alpha() -> f32 {
    0.5
}

/// Li et al. 2010 start from the identity matrix.
fn ridge() -> f32 {
    1.0
}

impl PolicyConfig {
    /// Name of the kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Fixed { .. } => "fixed",
            Self::Rules {} => "rules",
            Self::Thompson { .. } => "thompson",
            Self::Linucb { .. } => "linucb",
            Self::Epsilon(_) => "epsilon",
            Self::Lints(_) => "lints",
            Self::Squarecb(_) => "squarecb",
            Self::Bootstrapped(_) => "bootstrapped",
        }
    }

    /// Kind and settings, where it learns a linear model.
    pub const fn learner(&self) -> Option<(LearnerKind, LearnerConfig)> {
        match self {
            Self::Fixed { .. } | Self::Rules {} | Self::Thompson { .. } | Self::Linucb { .. } => {
                None
            }
            Self::Epsilon(config) => Some((LearnerKind::Epsilon, *config)),
            Self::Lints(config) => Some((LearnerKind::Lints, *config)),
            Self::Squarecb(config) => Some((LearnerKind::Squarecb, *config)),
            Self::Bootstrapped(config) => Some((LearnerKind::Bootstrapped, *config)),
        }
    }
}

impl Default for PolicyConfig {
    fn default() -> Self {
        Self::Fixed {
            order: FixedOrder::default(),
        }
    }
}
