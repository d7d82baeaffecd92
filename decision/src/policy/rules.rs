//! The first message whose condition holds.

use regard_domain::CreativeId;

use super::{Action, Policy, UpdateError, certain, check_reward};
use crate::policy_state::{Learned, PolicyState};

/// The first eligible message with a condition, otherwise the first without. Nothing is learned.
#[derive(Debug)]
pub(super) struct Rules {
    version: u64,
}

impl Rules {
    pub(super) const fn new(version: u64) -> Self {
        Self { version }
    }
}

impl Policy for Rules {
    fn kind(&self) -> &'static str {
        "rules"
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn propensities(&self, _features: &[f32], actions: &[Action<'_>]) -> Vec<f32> {
        let index = actions.iter().position(|a| a.has_condition).unwrap_or(0);
        certain(index, actions.len())
    }

    fn update_with(
        &mut self,
        _: (&CreativeId, &[f32]),
        _: &[f32],
        reward: f32,
    ) -> Result<(), UpdateError> {
        check_reward(reward)?;
        self.version += 1;
        Ok(())
    }

    fn state(&self) -> PolicyState {
        PolicyState::new(self.version, Learned::Rules {})
    }
}
