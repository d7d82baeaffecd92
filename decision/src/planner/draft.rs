//! A decision before the die is cast: what could be chosen, with which probability.

use rand::CryptoRng;
use regard_domain::{CampaignId, CreativeId, DecisionId, MomentCause, ScreenId, Timestamp};

use super::{Planner, Slot};
use crate::{
    Action, Candidate, Clause, Context, Creative, Decision, Exclusion, ExperimentKind, Obstacle,
    Reason, Trigger, decision::cause_name, policy::draw,
};

/// When, where and why something is decided.
pub(crate) struct Occasion<'a> {
    pub(crate) screen: &'a ScreenId,
    pub(crate) context: &'a Context,
    pub(crate) now: Timestamp,
    pub(crate) trigger: Trigger,
    pub(crate) cause: Option<MomentCause>,
}

impl<'a> Occasion<'a> {
    pub(super) const fn asked(screen: &'a ScreenId, context: &'a Context, now: Timestamp) -> Self {
        Self {
            screen,
            context,
            now,
            trigger: Trigger::Asked,
            cause: None,
        }
    }
}

/// What could be chosen, with its probabilities, which sum to 1.
#[derive(Debug)]
pub(crate) struct Draft {
    /// Messages of the campaigns of the greatest priority; empty when only the default message is
    /// left.
    candidates: Vec<Candidate>,
    excluded: Vec<Exclusion>,
}

impl Draft {
    /// Whether nothing is eligible.
    pub(crate) const fn is_default(&self) -> bool {
        self.candidates.is_empty()
    }

    /// The probability of one message.
    pub(crate) fn propensity(&self, campaign: &CampaignId, creative: &CreativeId) -> f32 {
        let found = self
            .candidates
            .iter()
            .find(|c| c.campaign.as_ref() == Some(campaign) && c.creative == *creative);
        found.map_or(0.0, |c| c.propensity)
    }
}

/// Leaves out messages that other slots of the screen have.
fn leave_out(
    taken: &[(CampaignId, CreativeId)],
    eligible: &mut Vec<(&Slot, &Creative)>,
    excluded: &mut Vec<Exclusion>,
) {
    let is_taken = |slot: &Slot, creative: &Creative| {
        let mut taken = taken.iter();
        taken.any(|(campaign, id)| *campaign == slot.campaign.id && *id == creative.id)
    };
    eligible.retain(|(slot, creative)| {
        let is_free = !is_taken(slot, creative);
        if !is_free {
            excluded.push(Exclusion {
                campaign: slot.campaign.id.clone(),
                creative: Some(creative.id.clone()),
                obstacle: Obstacle::OtherSlot,
            });
        }
        is_free
    });
}

impl Planner {
    /// Works out the probabilities of a decision.
    pub(super) fn draft(&self, screen: &ScreenId, context: &Context, now: Timestamp) -> Draft {
        self.draft_without(&[], screen, context, now)
    }

    /// As [`Planner::draft`], without messages that other slots of the screen have.
    pub(crate) fn draft_without(
        &self,
        taken: &[(CampaignId, CreativeId)],
        screen: &ScreenId,
        context: &Context,
        now: Timestamp,
    ) -> Draft {
        let mut excluded = Vec::new();
        let mut eligible = self.survey(screen, context, now, &mut excluded);
        leave_out(taken, &mut eligible, &mut excluded);
        let mut candidates = Vec::with_capacity(eligible.len());
        let Some(top) = eligible.first().map(|(slot, _)| slot.campaign.priority) else {
            return Draft {
                candidates,
                excluded,
            };
        };
        // Sorted by priority, then campaign: equal campaigns stand together.
        let same_campaign = |a: &(&Slot, &Creative), b: &(&Slot, &Creative)| std::ptr::eq(a.0, b.0);
        let groups = || eligible.chunk_by(same_campaign);
        let is_top = |group: &&[(&Slot, &Creative)]| group[0].0.campaign.priority == top;
        let weight = |group: &[(&Slot, &Creative)]| f64::from(group[0].0.campaign.weight);
        let total: f64 = groups().filter(is_top).map(weight).sum();
        for group in groups() {
            let slot = group[0].0;
            if slot.campaign.priority != top {
                excluded.push(Exclusion {
                    campaign: slot.campaign.id.clone(),
                    creative: None,
                    obstacle: Obstacle::Outranked { by_priority: top },
                });
                continue;
            }
            let share = weight(group) / total;
            let experiment = slot.campaign.experiment.as_ref();
            let held_out = f64::from(experiment.map_or(0.0, |e| e.holdout));
            if held_out > 0.0 {
                candidates.push(Candidate {
                    campaign: None,
                    creative: self.default_message.id.clone(),
                    propensity: (share * held_out) as f32,
                    held_out: Some(slot.campaign.id.clone()),
                    by_apprentice: None,
                });
            }
            let share = share * (1.0 - held_out);
            self.share_out(share, screen, group, context, &mut candidates);
        }
        Draft {
            candidates,
            excluded,
        }
    }

    /// Shares a campaign's part of the chance among its messages.
    fn share_out(
        &self,
        share: f64,
        screen: &ScreenId,
        group: &[(&Slot, &Creative)],
        context: &Context,
        candidates: &mut Vec<Candidate>,
    ) {
        let Some((slot, _)) = group.first() else {
            return;
        };
        let id = &slot.campaign.id;
        let actions: Vec<Action<'_>> = group
            .iter()
            .map(|(slot, creative)| {
                let turn = self.counters.turn(screen, id, &creative.id);
                slot.action(creative, turn)
            })
            .collect();
        let kind = slot.campaign.experiment.as_ref().map(|e| e.kind);
        let (propensities, by_apprentice) = match kind {
            Some(ExperimentKind::Ab) => {
                let total: f32 = actions.iter().map(|a| a.weight).sum();
                let shares = actions.iter().map(|a| a.weight / total).collect();
                (shares, None)
            }
            Some(ExperimentKind::Bandit) | None => {
                let features = context.features_seen(slot.sees_expression());
                let by_apprentice = slot.policy.as_apprentice(&features, &actions);
                (slot.policy.propensities(&features, &actions), by_apprentice)
            }
        };
        let of_action = |(i, (action, p)): (usize, (&Action<'_>, f32))| Candidate {
            campaign: Some(id.clone()),
            creative: action.creative.clone(),
            propensity: (share * f64::from(p)) as f32,
            held_out: None,
            by_apprentice: by_apprentice.as_ref().and_then(|all| all.get(i).copied()),
        };
        let all = actions.iter().zip(propensities).enumerate();
        candidates.extend(all.map(of_action));
    }

    /// Draws from a draft and counts the play.
    pub(crate) fn settle<R: CryptoRng + ?Sized>(
        &mut self,
        draft: Draft,
        occasion: &Occasion<'_>,
        rng: &mut R,
    ) -> Decision {
        let Draft {
            mut candidates,
            excluded,
        } = draft;
        let propensities: Vec<f32> = candidates.iter().map(|c| c.propensity).collect();
        let drawn = draw(&propensities, rng).map(|index| candidates[index].clone());
        let chosen = drawn.unwrap_or_else(|| {
            let default = Candidate {
                campaign: None,
                creative: self.default_message.id.clone(),
                propensity: 1.0,
                held_out: None,
                by_apprentice: None,
            };
            candidates = vec![default.clone()];
            default
        });
        let (policy, policy_version, met) = self.account(&chosen, occasion.context);
        let local = occasion.context.local();
        let of = chosen.campaign.as_ref().or(chosen.held_out.as_ref());
        let slot = of.and_then(|id| self.slots.iter().find(|s| s.campaign.id == *id));
        let sees_expression = slot.is_none_or(Slot::sees_expression);
        let segments = slot.and_then(|s| s.campaign.experiment.as_ref());
        let segments = segments.map_or_else(Vec::new, |experiment| {
            let held = experiment
                .segments
                .iter()
                .filter(|s| s.when.holds(occasion.context));
            held.map(|s| s.name.clone()).collect()
        });
        if let Some(campaign) = &chosen.campaign {
            let weight = self
                .campaign(campaign)
                .and_then(|c| c.creative(&chosen.creative))
                .map_or(1.0, |c| c.weight);
            let key = (occasion.screen, campaign, &chosen.creative);
            self.counters.count(key, weight, occasion.now, local.date);
        }
        Decision {
            id: DecisionId::random(rng),
            at: occasion.now,
            local,
            screen: occasion.screen.clone(),
            slot: occasion.context.slot().cloned(),
            is_default: chosen.campaign.is_none(),
            campaign: chosen.campaign,
            creative: chosen.creative,
            policy,
            policy_version,
            propensity: chosen.propensity,
            candidates,
            features: occasion.context.named_features_seen(sees_expression),
            held_out: chosen.held_out,
            segments,
            is_personal: occasion.context.is_personal(),
            reason: Reason {
                trigger: occasion.trigger,
                cause: occasion.cause.map(|cause| cause_name(cause).to_owned()),
                met,
                excluded,
            },
        }
    }

    /// Kind and version of the policy that chose, and the clauses that let it.
    fn account(&self, chosen: &Candidate, context: &Context) -> (String, u64, Vec<Clause>) {
        let slot = chosen
            .campaign
            .as_ref()
            .and_then(|id| self.slots.iter().find(|s| s.campaign.id == *id));
        slot.map_or_else(
            || ("default".to_owned(), 0, Vec::new()),
            |slot| {
                let creative = slot.campaign.creative(&chosen.creative);
                let met = creative.map_or_else(Vec::new, |c| c.when.clauses(context));
                (slot.policy.kind().to_owned(), slot.policy.version(), met)
            },
        )
    }
}
