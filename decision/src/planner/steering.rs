//! What others tell a planner beside rewards, and what they ask it beside decisions.

use std::collections::BTreeMap;

use rand::CryptoRng;
use regard_domain::{CampaignId, CreativeId, ScreenId, SlotId, Timestamp};

use super::{Occasion, Planner, Slot};
use crate::{
    Action, Context, Decision, FeatureSpace, PolicyState, PolicyStateError, Prediction,
    restore_policy_over,
};

impl Planner {
    /// Begins with what another campaign, or this one elsewhere, has learned, weakened: of a strength
    /// of 0.1 a tenth of its plays counts. What was learned here before is forgotten.
    ///
    /// # Errors
    /// [`PolicyStateError`], also for policies without a prior (`fixed`, `rules`, `linucb`) and
    /// strengths outside of above 0 to 1; the policy stays as it was.
    pub fn begin_with(
        &mut self,
        campaign: &CampaignId,
        state: &PolicyState,
        strength: f64,
    ) -> Result<(), PolicyStateError> {
        let slot = self
            .slot_mut(campaign)
            .ok_or(PolicyStateError::UnknownCampaign)?;
        let mut policy = restore_policy_over(slot.campaign.policy, &slot.space, state)?;
        let is_share = strength > 0.0 && strength <= 1.0;
        if !(is_share && policy.weaken(strength)) {
            return Err(PolicyStateError::NoPrior);
        }
        // What was found out about another policy says nothing of this one.
        slot.is_proven = false;
        slot.put_policy(policy);
        Ok(())
    }

    /// What the policy of a campaign expects of each of its messages that are eligible, the most
    /// promising first; nothing from policies without a model of rewards.
    pub fn predict(
        &self,
        campaign: &CampaignId,
        screen: &ScreenId,
        context: &Context,
        now: Timestamp,
    ) -> Option<Vec<(CreativeId, Prediction)>> {
        let eligible = self.survey(screen, context, now, &mut Vec::new());
        let of_it = eligible.iter().filter(|(s, _)| s.campaign.id == *campaign);
        let slot = of_it.clone().next()?.0;
        let actions: Vec<Action<'_>> = of_it.map(|(_, c)| slot.action(c, 0.0)).collect();
        let features = context.features_seen(slot.sees_expression());
        let predictions = slot.policy.predict(&features, &actions)?;
        let ids = actions.iter().map(|a| a.creative.clone());
        let mut ranked: Vec<_> = ids.zip(predictions).collect();
        ranked.sort_by(|a, b| b.1.mean.total_cmp(&a.1.mean).then_with(|| a.0.cmp(&b.0)));
        Some(ranked)
    }

    /// Decides at once for the slots of one screen, in their order: each gets a message that none before
    /// it has. The propensity of each is that among what was left for its slot.
    pub fn decide_slots<R: CryptoRng + ?Sized>(
        &mut self,
        screen: &ScreenId,
        context: &Context,
        now: Timestamp,
        slots: &[SlotId],
        rng: &mut R,
    ) -> Vec<Decision> {
        let mut decisions: Vec<Decision> = Vec::with_capacity(slots.len());
        for slot in slots {
            let taken = decisions.iter().filter_map(|d| {
                let campaign = d.campaign.clone()?;
                Some((campaign, d.creative.clone()))
            });
            let taken: Vec<_> = taken.collect();
            let context = context.clone().in_slot(slot);
            let draft = self.draft_without(&taken, screen, &context, now);
            decisions.push(self.settle(draft, &Occasion::asked(screen, &context, now), rng));
        }
        decisions
    }

    /// Stops a message: a guardrail of that name was broken. It is not eligible until the guardrails of
    /// the campaign are changed.
    pub fn stop(&mut self, campaign: &CampaignId, creative: &CreativeId, guardrail: &str) {
        if let Some(slot) = self.slot_mut(campaign) {
            slot.stopped.insert(creative.clone(), guardrail.to_owned());
        }
    }

    /// Messages of a campaign that guardrails stopped, and which.
    pub fn stopped(&self, campaign: &CampaignId) -> Option<&BTreeMap<CreativeId, String>> {
        let slot = self.slots.iter().find(|s| s.campaign.id == *campaign)?;
        Some(&slot.stopped)
    }

    /// Says whether it was found that what faces show adds nothing to this campaign; its policy then
    /// no longer sees it, unless the campaign insists.
    pub fn set_expression_idle(&mut self, campaign: &CampaignId, is_idle: bool) {
        if let Some(slot) = self.slot_mut(campaign) {
            slot.is_expression_idle = is_idle;
        }
    }

    /// Says whether it was found that the policy of a campaign would earn at least what its baseline earns: one that
    /// waits for that (`apprentice_ends = "proven"`) then chooses by itself.
    pub fn set_proven(&mut self, campaign: &CampaignId, is_proven: bool) {
        if let Some(slot) = self.slot_mut(campaign) {
            slot.is_proven = is_proven;
            slot.policy.set_proven(is_proven);
        }
    }

    /// Whether the policy of a campaign learns beside a baseline for now; false when there is no such campaign.
    pub fn is_apprentice(&self, campaign: &CampaignId) -> bool {
        let slot = self.slots.iter().find(|s| s.campaign.id == *campaign);
        slot.is_some_and(|slot| slot.policy.is_apprentice())
    }

    /// Whether the policy of a campaign sees what faces show; false when there is no such campaign.
    pub fn sees_expression(&self, campaign: &CampaignId) -> bool {
        let slot = self.slots.iter().find(|s| s.campaign.id == *campaign);
        slot.is_some_and(Slot::sees_expression)
    }

    /// The features of a message as the model of its campaign takes them, and their space.
    pub fn encoded(
        &self,
        campaign: &CampaignId,
        creative: &CreativeId,
    ) -> Option<(&FeatureSpace, &[f32])> {
        let slot = self.slots.iter().find(|s| s.campaign.id == *campaign)?;
        Some((&slot.space, slot.features(creative)))
    }
}
