//! What comes of messages, and what policies learn from it.

use regard_backends::{OutcomeRow, PolicyRow};
use regard_decision::{Acceptance, Decision, Outcome, OutcomeKind, PolicyUpdate};
use regard_domain::{CameraId, CampaignId, Timestamp};

use super::{Conductor, Effect, HEARD, LEARNED, Row};

impl Conductor {
    /// Takes up decisions of an earlier run whose rewards are still awaited. Those that were learned
    /// from already (they have an outcome [`LEARNED`]) stay closed. What came of the others counts as
    /// of the time it came, however long the program was down since.
    pub(crate) fn resume(&mut self, decisions: &[(Decision, Vec<Outcome>)]) {
        let is_over = |outcome: &Outcome| match &outcome.kind {
            OutcomeKind::Custom(name) => name == LEARNED || name == HEARD,
            _ => false,
        };
        for (decision, outcomes) in decisions {
            let is_of_none = decision.campaign.is_none() && decision.held_out.is_none();
            if is_of_none || outcomes.iter().any(is_over) {
                continue;
            }
            self.open_reward(decision);
            self.attributor.play_ended(decision.id);
            for outcome in outcomes {
                self.attributor.accept(outcome.clone(), outcome.at);
            }
        }
    }

    pub(super) fn open_reward(&mut self, decision: &Decision) -> Vec<PolicyUpdate> {
        let camera = self
            .main_of(&decision.screen)
            .and_then(|stage| stage.camera.as_ref());
        let may_learn = self.uses(camera).learning;
        let rule = decision
            .campaign
            .as_ref()
            .or(decision.held_out.as_ref())
            .and_then(|id| self.planner.campaign(id));
        let duration_millis = self
            .planner
            .creative(decision)
            .map_or(0, |c| c.duration_millis);
        match rule.map(|campaign| campaign.reward.clone()) {
            Some(rule) => {
                let attributor = &mut self.attributor;
                if may_learn {
                    attributor.open(decision, &rule, duration_millis)
                } else {
                    attributor.open_without_learning(decision, &rule, duration_millis)
                }
            }
            None => Vec::new(),
        }
    }

    /// Somebody took their agreement back: nothing more is learned from what was shown to them.
    pub(crate) fn withdrawn(&mut self, camera: &CameraId) {
        for ((screen, _), stage) in &mut self.stages {
            if stage.camera.as_ref() == Some(camera) {
                self.attributor.stop_learning(screen);
                stage.meter.forget();
            }
        }
    }

    /// Something came of a decision.
    pub(crate) fn outcome(
        &mut self,
        outcome: Outcome,
        now: Timestamp,
    ) -> (Acceptance, Vec<Effect>) {
        let acceptance = self.attributor.accept(outcome.clone(), now);
        let effects = match acceptance {
            Acceptance::Counted | Acceptance::Late => {
                vec![Effect::Keep(Row::Outcome(OutcomeRow(outcome)))]
            }
            Acceptance::Duplicate
            | Acceptance::Unknown
            | Acceptance::Invalid
            | Acceptance::Full => Vec::new(),
        };
        (acceptance, effects)
    }

    pub(super) fn learn(
        &mut self,
        updates: &[PolicyUpdate],
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        for update in updates {
            if let Err(error) = self.planner.apply(update) {
                tracing::debug!(%error, "a reward was not learned");
                continue;
            }
            effects.push(Effect::Keep(Row::Outcome(OutcomeRow(Outcome {
                decision: update.decision,
                kind: OutcomeKind::Custom(LEARNED.to_owned()),
                value: update.reward,
                at: now,
                key: String::new(),
            }))));
            self.weigh(update);
            self.keep_learned(&update.campaign, now, effects);
        }
    }

    /// Keeps what the policy of a campaign learned, and what its experiment knows.
    pub(super) fn keep_learned(
        &self,
        campaign: &CampaignId,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(mut state) = self.planner.policy_state(campaign) {
            state.evidence = self.evidence_text(campaign);
            effects.push(Effect::Keep(Row::Policy(PolicyRow {
                campaign: campaign.clone(),
                at: now,
                state,
            })));
        }
    }
}
