//! What came of events: rewards, activations, and what is learned from them.

use std::sync::Arc;

use regard_backends::{Batch, OutcomeRow};
use regard_decision::{Outcome, OutcomeKind, restore_policy_over};
use regard_domain::{DecisionId, Timestamp};
use tokio::sync::{MutexGuard, watch};

use super::event::{id_of, within_unit};
use super::{
    ACTIVATED, LEARNED, LOOK_EVERY, LearningMode, MAX_OPEN, Personalizer, PersonalizerError, SENT,
    State,
};

impl Personalizer {
    /// A reward of an event, −1 to 1. One that comes too late, or again, changes nothing.
    ///
    /// # Errors
    /// [`PersonalizerError::Wish`] for a value out of range, [`PersonalizerError::UnknownEvent`], [`PersonalizerError::Store`].
    pub async fn reward(&self, event: &str, value: f32) -> Result<(), PersonalizerError> {
        self.reward_slot(event, None, value).await
    }

    /// The same of one slot.
    ///
    /// # Errors
    /// As [`Self::reward`].
    pub async fn reward_slot(
        &self,
        event: &str,
        slot: Option<&str>,
        value: f32,
    ) -> Result<(), PersonalizerError> {
        if !(-1.0..=1.0).contains(&value) {
            let wish = format!("a reward is from -1 to 1, not {value}");
            return Err(PersonalizerError::Wish(wish));
        }
        let id = id_of(event, slot);
        let mut state = self.state.lock().await;
        let sums = state.settings.sums_rewards;
        let Some(open) = state.open.get_mut(&id) else {
            return self.known(id).await;
        };
        if open.n_sent > 0 && !sums {
            return Ok(()); // The first counts.
        }
        let now = self.parts.clock.now();
        let sent = self.outcome(id, SENT, value, now, &open.n_sent.to_string());
        let mut batch = Batch::new();
        batch.outcome(self.kept(sent, now)?);
        if sums || !open.is_active {
            self.parts.store.commit(&batch).await?;
            open.n_sent += 1;
            open.sent = Some(open.sent.unwrap_or(0.0) + value);
            return Ok(());
        }
        let lessons = vec![(id, value)];
        self.learn(&mut state, &lessons, batch, now).await
    }

    /// Says that a deferred event was used after all, all its slots together.
    ///
    /// # Errors
    /// [`PersonalizerError::UnknownEvent`], [`PersonalizerError::Store`].
    pub async fn activate(&self, event: &str) -> Result<(), PersonalizerError> {
        let event = id_of(event, None);
        let of_event: Vec<DecisionId> = {
            let state = self.state.lock().await;
            let open = state.open.iter().filter(|(_, open)| open.event == event);
            open.map(|(id, _)| *id).collect()
        };
        if of_event.is_empty() {
            return self.known(event).await;
        }
        for id in of_event {
            self.activate_one(id).await?;
        }
        Ok(())
    }

    async fn activate_one(&self, id: DecisionId) -> Result<(), PersonalizerError> {
        let mut state = self.state.lock().await;
        let sums = state.settings.sums_rewards;
        let Some(open) = state.open.get_mut(&id) else {
            return self.known(id).await;
        };
        if open.is_active {
            return Ok(());
        }
        let now = self.parts.clock.now();
        let mut batch = Batch::new();
        batch.outcome(self.kept(self.outcome(id, ACTIVATED, 1.0, now, ""), now)?);
        let waiting = open.sent.filter(|_| !sums);
        if let Some(value) = waiting {
            // The reward came first.
            self.learn(&mut state, &[(id, value)], batch, now).await?;
            return Ok(());
        }
        self.parts.store.commit(&batch).await?;
        open.is_active = true;
        Ok(())
    }

    /// An event that is over: what comes now comes too late. One that never was is an error.
    async fn known(&self, id: DecisionId) -> Result<(), PersonalizerError> {
        let decision = self.parts.store.decision(id).await?;
        decision.map(|_| ()).ok_or(PersonalizerError::UnknownEvent)
    }

    fn outcome(
        &self,
        decision: DecisionId,
        name: &str,
        value: f32,
        at: Timestamp,
        key: &str,
    ) -> OutcomeRow {
        OutcomeRow(Outcome {
            decision,
            kind: OutcomeKind::Custom(name.to_owned()),
            value,
            at,
            key: key.to_owned(),
        })
    }

    /// Learns these rewards and closes their events; what was learned and that it was learned are written together with
    /// the rest of the batch, or nothing is.
    async fn learn(
        &self,
        state: &mut State,
        lessons: &[(DecisionId, f32)],
        mut batch: Batch,
        now: Timestamp,
    ) -> Result<(), PersonalizerError> {
        let learns = match state.settings.mode {
            LearningMode::Online | LearningMode::Apprentice => true,
            LearningMode::LoggingOnly => false,
        };
        for (id, value) in lessons {
            let Some(open) = state.open.get(id) else {
                continue;
            };
            let reward = within_unit(*value);
            if learns {
                let action = (&open.action, &open.placed.action[..]);
                let learned = state
                    .policy
                    .update_with(action, &open.placed.context, reward);
                if let Err(error) = learned {
                    tracing::error!(%error, "a reward was not learned");
                }
            }
            batch.outcome(self.kept(self.outcome(*id, LEARNED, reward, now, ""), now)?);
        }
        let learned = state.policy.state();
        if learns {
            batch.policy(self.kept(self.policy_row(learned.clone(), now), now)?);
        }
        if let Err(error) = self.parts.store.commit(&batch).await {
            // What is not written was not learned either.
            let before =
                restore_policy_over(state.settings.policy, &self.places.space, &state.written);
            if let Ok(before) = before {
                state.policy = before;
            }
            return Err(error.into());
        }
        state.written = learned;
        state.learned_at = Some(now);
        for (id, _) in lessons {
            if let Some(open) = state.open.remove(id) {
                state.ends.remove(&(open.closes_at, *id));
            }
        }
        Ok(())
    }

    /// Closes what is over: with the default reward where none came, without a word where it was never activated.
    async fn close_over(
        &self,
        state: &mut State,
        over: Vec<(Timestamp, DecisionId)>,
        now: Timestamp,
    ) -> Result<(), PersonalizerError> {
        let default = state.settings.default_reward;
        let mut lessons = Vec::new();
        for (end, id) in over {
            let Some(open) = state.open.get(&id) else {
                state.ends.remove(&(end, id));
                continue;
            };
            if open.is_active {
                lessons.push((id, open.sent.unwrap_or(default).clamp(-1.0, 1.0)));
            } else {
                state.open.remove(&id);
                state.ends.remove(&(end, id));
            }
        }
        if lessons.is_empty() {
            return Ok(());
        }
        self.learn(state, &lessons, Batch::new(), now).await
    }

    pub(super) async fn make_room(
        &self,
        state: &mut State,
        now: Timestamp,
    ) -> Result<(), PersonalizerError> {
        let n_over = state.ends.len().saturating_sub(MAX_OPEN);
        let first: Vec<_> = state.ends.iter().take(n_over).copied().collect();
        self.close_over(state, first, now).await
    }

    /// Closes events whose time is over.
    pub(crate) async fn tick(&self) -> Result<(), PersonalizerError> {
        let now = self.parts.clock.now();
        let mut state: MutexGuard<'_, State> = self.state.lock().await;
        let over: Vec<_> = state
            .ends
            .iter()
            .take_while(|(end, _)| *end <= now)
            .copied()
            .collect();
        self.close_over(&mut state, over, now).await
    }

    /// Closes events as their time is over, until told to end.
    pub(crate) async fn run(self: Arc<Self>, mut ends: watch::Receiver<bool>) {
        let mut beat = tokio::time::interval(LOOK_EVERY);
        loop {
            tokio::select! {
                // Changed, or the other end is gone: both are the end.
                _ = ends.changed() => return,
                _ = beat.tick() => {}
            }
            if let Err(error) = self.tick().await {
                tracing::warn!(%error, "events that are over were not closed; it is tried again");
            }
        }
    }
}
