//! Always the same order.

use regard_domain::CreativeId;

use super::{Action, FixedOrder, Policy, UpdateError, certain, check_reward};
use crate::policy_state::{Learned, PolicyState};

/// The first eligible message, or one after the other by weight. Nothing is learned.
#[derive(Debug)]
pub(super) struct Fixed {
    order: FixedOrder,
    version: u64,
}

impl Fixed {
    pub(super) const fn new(order: FixedOrder, version: u64) -> Self {
        Self { order, version }
    }
}

impl Policy for Fixed {
    fn kind(&self) -> &'static str {
        "fixed"
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn propensities(&self, _features: &[f32], actions: &[Action<'_>]) -> Vec<f32> {
        let index = match self.order {
            FixedOrder::FirstEligible => 0,
            // `min_by` keeps the first of equals: ties go in the order of configuration.
            FixedOrder::RoundRobin => actions
                .iter()
                .enumerate()
                .min_by(|(_, a), (_, b)| a.turn.total_cmp(&b.turn))
                .map_or(0, |(index, _)| index),
        };
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
        PolicyState::new(self.version, Learned::Fixed {})
    }
}
