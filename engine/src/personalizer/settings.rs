//! How the service is set.

use regard_backends::{Document, Store, StoreError};
use regard_decision::{LearnerConfig, PolicyConfig};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Name of the document in the store.
const NAME: &str = "personalizer";

/// Longest wait for a reward: the day during which decisions are surely still stored.
const MAX_WAIT_SECS: u32 = 24 * 3_600;

/// Whether it acts, or learns beside what acts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LearningMode {
    /// It chooses.
    #[default]
    Online,
    /// The first action that is not excluded is chosen, and it learns from that.
    Apprentice,
    /// The same, and nothing is learned.
    LoggingOnly,
}

/// How the service is set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonalizerSettings {
    /// Whether it acts.
    pub mode: LearningMode,
    /// How long a reward is waited for.
    pub reward_wait_secs: u32,
    /// Reward where none came, −1 to 1.
    pub default_reward: f32,
    /// Whether rewards of one event add up; otherwise the first counts.
    pub sums_rewards: bool,
    /// How it chooses.
    pub policy: PolicyConfig,
    /// Name that its owner gave the policy.
    pub policy_name: String,
    /// When it was set last; 0 for never.
    pub edited_at_micros: i64,
}

impl Default for PersonalizerSettings {
    /// What the service it stands in for began with: ten minutes, no reward, a fifth of the choices explores.
    fn default() -> Self {
        Self {
            mode: LearningMode::Online,
            reward_wait_secs: 600,
            default_reward: 0.0,
            sums_rewards: false,
            policy: PolicyConfig::Epsilon(LearnerConfig {
                exploration: 0.2,
                ..LearnerConfig::default()
            }),
            policy_name: "default".to_owned(),
            edited_at_micros: 0,
        }
    }
}

/// Settings that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BadPersonalizerSettings {
    /// The wait.
    #[error("a reward is waited for from 1 to {MAX_WAIT_SECS} seconds")]
    Wait,
    /// The default reward.
    #[error("the default reward is from -1 to 1")]
    DefaultReward,
    /// The policy learns nothing from features.
    #[error(
        "the policy is one of epsilon, lints, squarecb and bootstrapped, exploring from 0.001 to 1"
    )]
    Policy,
}

impl PersonalizerSettings {
    /// # Errors
    /// [`BadPersonalizerSettings`].
    pub(super) fn check(&self) -> Result<(), BadPersonalizerSettings> {
        if !(1..=MAX_WAIT_SECS).contains(&self.reward_wait_secs) {
            return Err(BadPersonalizerSettings::Wait);
        }
        if !(-1.0..=1.0).contains(&self.default_reward) {
            return Err(BadPersonalizerSettings::DefaultReward);
        }
        let explored = self.policy.learner().map(|(_, config)| config.exploration);
        // Below it importance weights exceed what any log can average out.
        let is_explored = explored.is_some_and(|e| (0.001..=1.0).contains(&e));
        is_explored
            .then_some(())
            .ok_or(BadPersonalizerSettings::Policy)
    }

    pub(super) fn document(&self) -> Document {
        Document {
            name: NAME.to_owned(),
            value: serde_json::to_string(self).expect("texts and finite numbers always print"),
        }
    }
}

/// As they were kept; the default where nothing is, or what cannot be used.
pub(super) async fn read(store: &dyn Store) -> Result<PersonalizerSettings, StoreError> {
    let Some(text) = store.document(NAME).await? else {
        return Ok(PersonalizerSettings::default());
    };
    let read = serde_json::from_str::<PersonalizerSettings>(&text).ok();
    let good = read.filter(|settings| settings.check().is_ok());
    if good.is_none() {
        tracing::warn!(
            "the settings of the ranking service cannot be read; the defaults are in force"
        );
    }
    Ok(good.unwrap_or_default())
}
