//! Which message a screen gets now.

use std::collections::BTreeMap;

use rand::CryptoRng;
use regard_domain::{Audience, CampaignId, CreativeId, DecisionId, ScreenId, Timestamp};

use crate::{
    Action, BadFact, Campaign, CampaignFault, Context, ContextSpec, Creative, Decision, Exclusion,
    ExpressionUse, FactValue, Facts, FeatureSpace, LocalTime, Obstacle, Policy, PolicyState,
    PolicyStateError, UpdateError, new_policy_over, restore_policy_over, validate,
};

use counters::Counters;

mod counters;
mod draft;
mod standing;
mod steering;
mod taste;

pub(crate) use counters::MAX_STARTS;
pub(crate) use draft::{Draft, Occasion};
pub use standing::{CampaignStanding, Standing};
pub use taste::{OwnTaste, TOOK_PREFIX};

/// A reward on its way to the policy of a campaign.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyUpdate {
    /// For which decision.
    pub decision: DecisionId,
    /// Whose policy learns.
    pub campaign: CampaignId,
    /// About which message.
    pub creative: CreativeId,
    /// What the policy saw when it chose.
    pub features: Vec<f32>,
    /// What it earned, in `[0, 1]`.
    pub reward: f32,
    /// Whether the experiment of the campaign held the play out: then no policy learns.
    pub is_held_out: bool,
    /// The probability with which it was chosen, among all that its campaign could have come to.
    pub propensity: f32,
    /// Segments of the experiment that the play belongs to.
    pub segments: Vec<String>,
    /// The other messages of the campaign that could have been chosen; all, where the play was held out.
    pub others: Vec<CreativeId>,
    /// Where the policy learned beside a baseline: how much more probably it would have chosen the message itself, by
    /// which what it would have earned is estimated. 0 or more; the mean over what could be chosen is 1.
    pub apprentice_weight: Option<f32>,
}

/// What is eligible and what is not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Eligibility {
    /// Eligible messages: the greatest priority first, then by campaign id, then in order of
    /// configuration.
    pub eligible: Vec<Eligible>,
    /// The rest, with the reasons.
    pub excluded: Vec<Exclusion>,
}

/// An eligible message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Eligible {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Which message.
    pub creative: CreativeId,
    /// Priority of the campaign.
    pub priority: i32,
    /// Clauses of its condition.
    pub n_clauses: usize,
}

/// Why a policy did not take an update.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ApplyError {
    /// The campaign is no longer configured; the reward is moot.
    #[error("campaign {0} is no longer configured")]
    UnknownCampaign(CampaignId),
    /// The policy refused it.
    #[error("the policy of campaign {campaign} did not learn")]
    Update {
        /// Whose.
        campaign: CampaignId,
        /// Why.
        source: UpdateError,
    },
}

#[derive(Debug)]
struct Slot {
    campaign: Campaign,
    policy: Box<dyn Policy>,
    space: FeatureSpace,
    /// Features of each message, in order, as the policy takes them.
    features: Vec<Vec<f32>>,
    /// Messages that a guardrail stopped, and which.
    stopped: BTreeMap<CreativeId, String>,
    /// Whether it was found that what faces show adds nothing.
    is_expression_idle: bool,
    /// Whether it was found that the policy would earn at least what its baseline earns.
    is_proven: bool,
}

impl Slot {
    fn new(campaign: Campaign, context: &[String]) -> Self {
        let space = FeatureSpace::of_creatives(context, &campaign.creatives);
        Self {
            policy: new_policy_over(campaign.policy, &space),
            features: campaign.creatives.iter().map(|c| space.encode(c)).collect(),
            space,
            campaign,
            stopped: BTreeMap::new(),
            is_expression_idle: false,
            is_proven: false,
        }
    }

    /// Lets another policy of the campaign go on.
    fn put_policy(&mut self, mut policy: Box<dyn Policy>) {
        policy.set_proven(self.is_proven);
        self.policy = policy;
    }

    /// Whether the policy sees what faces show.
    const fn sees_expression(&self) -> bool {
        match self.campaign.expression {
            ExpressionUse::Auto => !self.is_expression_idle,
            ExpressionUse::On => true,
            ExpressionUse::Off => false,
        }
    }

    /// A message as the policy takes it.
    fn action<'s>(&'s self, creative: &'s Creative, turn: f64) -> Action<'s> {
        Action {
            creative: &creative.id,
            has_condition: !creative.when.is_empty(),
            weight: creative.weight,
            turn,
            features: self.features(&creative.id),
        }
    }

    /// The features of a message, as the policy takes them.
    fn features(&self, creative: &CreativeId) -> &[f32] {
        let place = self
            .campaign
            .creatives
            .iter()
            .position(|c| c.id == *creative);
        place.map_or(&[], |i| &self.features[i])
    }
}

/// Holds campaigns, their policies, the counters and the facts, and decides.
///
/// A decision takes the eligible campaigns of the greatest priority, shares the chance among them
/// by weight, and among the eligible messages of each by its policy. The message is drawn from the
/// product, so the propensity in the log is the very number it was drawn by.
#[derive(Debug)]
pub struct Planner {
    /// Greatest priority first, then by id.
    slots: Vec<Slot>,
    default_message: Creative,
    spec: ContextSpec,
    facts: Facts,
    counters: Counters,
    is_ledger_writable: bool,
}

impl Planner {
    /// A planner for these campaigns, with nothing learned and nothing counted.
    ///
    /// # Errors
    /// All mistakes of all campaigns and of the default message.
    pub fn new(
        campaigns: Vec<Campaign>,
        default_message: Creative,
        spec: ContextSpec,
    ) -> Result<Self, Vec<CampaignFault>> {
        let faults = validate(&campaigns, &default_message);
        if !faults.is_empty() {
            return Err(faults);
        }
        let new_slot = |campaign: Campaign| Slot::new(campaign, spec.feature_names());
        let mut slots: Vec<Slot> = campaigns.into_iter().map(new_slot).collect();
        sort(&mut slots);
        Ok(Self {
            slots,
            default_message,
            spec,
            facts: Facts::new(),
            counters: Counters::default(),
            is_ledger_writable: true,
        })
    }

    /// Says whether the ledger can be written. While it cannot, nothing is eligible and every
    /// decision is for the default message: what cannot be accounted for is not done. Facts,
    /// counters and what was learned stay, and rewards of earlier decisions are still taken.
    pub const fn set_ledger_writable(&mut self, is_writable: bool) {
        self.is_ledger_writable = is_writable;
    }

    /// Whether campaigns may play; see [`Planner::set_ledger_writable`].
    pub const fn is_ledger_writable(&self) -> bool {
        self.is_ledger_writable
    }

    /// Replaces the campaigns. Counters stay, and policies go on where kind and features are the
    /// same; returned are the campaigns whose policy had learned something and began afresh.
    ///
    /// # Errors
    /// All mistakes; nothing changed then.
    pub fn set_campaigns(
        &mut self,
        campaigns: Vec<Campaign>,
    ) -> Result<Vec<CampaignId>, Vec<CampaignFault>> {
        let faults = validate(&campaigns, &self.default_message);
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut afresh = Vec::new();
        let mut slots = Vec::with_capacity(campaigns.len());
        for campaign in campaigns {
            let mut slot = Slot::new(campaign, self.spec.feature_names());
            let old = self
                .slots
                .iter()
                .find(|s| s.campaign.id == slot.campaign.id);
            if let Some(old) = old {
                slot.is_expression_idle = old.is_expression_idle;
                slot.is_proven = old.is_proven && slot.campaign.policy == old.campaign.policy;
                if slot.campaign.guardrails == old.campaign.guardrails {
                    slot.stopped.clone_from(&old.stopped);
                }
                match restore_policy_over(slot.campaign.policy, &slot.space, &old.policy.state()) {
                    Ok(policy) => slot.put_policy(policy),
                    Err(_) if old.policy.version() > 0 => {
                        slot.is_proven = false;
                        afresh.push(slot.campaign.id.clone());
                    }
                    Err(_) => {}
                }
            }
            slots.push(slot);
        }
        sort(&mut slots);
        self.slots = slots;
        let slots = &self.slots;
        self.counters.forget_except(|campaign, creative| {
            let slot = slots.iter().find(|s| s.campaign.id == *campaign);
            slot.is_some_and(|s| s.campaign.creative(creative).is_some())
        });
        Ok(afresh)
    }

    /// The campaigns: greatest priority first, then by id.
    pub fn campaigns(&self) -> impl Iterator<Item = &Campaign> {
        self.slots.iter().map(|slot| &slot.campaign)
    }

    /// The campaign of that id.
    pub fn campaign(&self, id: &CampaignId) -> Option<&Campaign> {
        self.campaigns().find(|c| c.id == *id)
    }

    /// The message that is always there.
    pub const fn default_message(&self) -> &Creative {
        &self.default_message
    }

    /// The message a decision chose, if it is still configured.
    pub fn creative(&self, decision: &Decision) -> Option<&Creative> {
        match &decision.campaign {
            Some(campaign) => self.campaign(campaign)?.creative(&decision.creative),
            None => Some(&self.default_message),
        }
    }

    /// States a fact.
    ///
    /// # Errors
    /// As [`Facts::set`].
    pub fn set_fact(&mut self, name: &str, value: FactValue) -> Result<(), BadFact> {
        self.facts.set(name, value)
    }

    /// Takes a fact back; says whether it was there.
    pub fn remove_fact(&mut self, name: &str) -> bool {
        self.facts.remove(name)
    }

    /// The facts.
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Names of the features of a context.
    pub fn feature_names(&self) -> &[String] {
        self.spec.feature_names()
    }

    /// The context of this audience now, with the facts of this planner.
    pub fn context(&self, audience: &Audience, local: LocalTime) -> Context {
        Context::from_audience(audience, local, &self.facts, &self.spec)
    }

    /// What is eligible on a screen, and why the rest is not.
    pub fn eligible(&self, screen: &ScreenId, context: &Context, now: Timestamp) -> Eligibility {
        let mut excluded = Vec::new();
        let mut eligible = Vec::new();
        for (slot, creative) in self.survey(screen, context, now, &mut excluded) {
            eligible.push(Eligible {
                campaign: slot.campaign.id.clone(),
                creative: creative.id.clone(),
                priority: slot.campaign.priority,
                n_clauses: creative.when.n_clauses(),
            });
        }
        Eligibility { eligible, excluded }
    }

    fn survey(
        &self,
        screen: &ScreenId,
        context: &Context,
        now: Timestamp,
        excluded: &mut Vec<Exclusion>,
    ) -> Vec<(&Slot, &Creative)> {
        let mut eligible = Vec::new();
        let today = context.local().date;
        for slot in &self.slots {
            let campaign = &slot.campaign;
            let obstacle = (!self.is_ledger_writable)
                .then_some(Obstacle::LedgerUnwritable)
                .or_else(|| admission_obstacle(campaign, screen, context))
                .or_else(|| self.counters.budget_obstacle(campaign, context.local()));
            if let Some(obstacle) = obstacle {
                excluded.push(Exclusion {
                    campaign: campaign.id.clone(),
                    creative: None,
                    obstacle,
                });
                continue;
            }
            for creative in &campaign.creatives {
                let unmet = if creative.when.holds(context) {
                    None
                } else {
                    creative.when.first_unmet(context)
                };
                let stopped = slot.stopped.get(&creative.id);
                let stopped = stopped.map(|name| Obstacle::Guardrail { name: name.clone() });
                let obstacle = stopped.or_else(|| {
                    unmet
                        .map(|clause| Obstacle::Condition { clause })
                        .or_else(|| {
                            let key = (screen, &campaign.id);
                            self.counters.cap_obstacle(key, creative, now, today)
                        })
                });
                match obstacle {
                    None => eligible.push((slot, creative)),
                    Some(obstacle) => excluded.push(Exclusion {
                        campaign: campaign.id.clone(),
                        creative: Some(creative.id.clone()),
                        obstacle,
                    }),
                }
            }
        }
        eligible
    }

    /// Whether the audience, the hour and the configuration still admit a message that is shown;
    /// measured ratios may have slipped by `slack`. Caps and budgets do not matter: it has begun.
    pub(crate) fn still_admits(
        &self,
        screen: &ScreenId,
        (campaign, creative): (&CampaignId, &CreativeId),
        context: &Context,
        slack: f64,
    ) -> bool {
        let slot = self.slots.iter().find(|s| s.campaign.id == *campaign);
        slot.is_some_and(|slot| {
            let campaign = &slot.campaign;
            let is_stopped = slot.stopped.contains_key(creative);
            let creative = campaign.creative(creative).filter(|_| !is_stopped);
            admission_obstacle(campaign, screen, context).is_none()
                && creative.is_some_and(|c| c.when.holds_within(context, slack))
        })
    }

    /// Decides, and counts the play.
    pub fn decide<R: CryptoRng + ?Sized>(
        &mut self,
        screen: &ScreenId,
        context: &Context,
        now: Timestamp,
        rng: &mut R,
    ) -> Decision {
        let draft = self.draft(screen, context, now);
        self.settle(draft, &Occasion::asked(screen, context, now), rng)
    }

    /// Fills the counters after a start, in place of whatever they held. `totals`: plays ever
    /// counted for each campaign; `recent`: decisions of at least the last 25 hours, in any order
    /// (a day of the site may last 25).
    pub fn restore<'a>(
        &mut self,
        totals: &BTreeMap<CampaignId, u64>,
        recent: impl IntoIterator<Item = &'a Decision>,
    ) {
        let mut recent: Vec<&Decision> = recent.into_iter().collect();
        recent.sort_by_key(|decision| (decision.at, decision.id));
        recent.dedup_by_key(|decision| decision.id);
        self.counters = Counters::default();
        for decision in recent {
            if let Some(campaign) = &decision.campaign {
                let weight = self.creative(decision).map_or(1.0, |c| c.weight);
                let key = (&decision.screen, campaign, &decision.creative);
                self.counters
                    .count(key, weight, decision.at, decision.local.date);
            }
        }
        for (campaign, total) in totals {
            self.counters.raise_total(campaign, *total);
        }
    }

    fn slot_mut(&mut self, campaign: &CampaignId) -> Option<&mut Slot> {
        self.slots.iter_mut().find(|s| s.campaign.id == *campaign)
    }

    /// Lets a policy learn. Of a play that was held out nothing is learned.
    ///
    /// # Errors
    /// [`ApplyError`]; nothing was learned then.
    pub fn apply(&mut self, update: &PolicyUpdate) -> Result<(), ApplyError> {
        if update.is_held_out {
            return Ok(());
        }
        let campaign = &update.campaign;
        let slot = self
            .slot_mut(campaign)
            .ok_or_else(|| ApplyError::UnknownCampaign(campaign.clone()))?;
        let features = slot.features(&update.creative).to_vec();
        slot.policy
            .update_with(
                (&update.creative, &features),
                &update.features,
                update.reward,
            )
            .map_err(|source| ApplyError::Update {
                campaign: campaign.clone(),
                source,
            })
    }

    /// What the policy of a campaign has learned.
    pub fn policy_state(&self, campaign: &CampaignId) -> Option<PolicyState> {
        let slot = self.slots.iter().find(|s| s.campaign.id == *campaign)?;
        Some(slot.policy.state())
    }

    /// Takes up what was learned before.
    ///
    /// # Errors
    /// [`PolicyStateError`]; the policy stays as it was, and goes on from there. To begin afresh
    /// knowingly, call [`Planner::reset_policy`].
    pub fn load_policy(
        &mut self,
        campaign: &CampaignId,
        state: &PolicyState,
    ) -> Result<(), PolicyStateError> {
        let slot = self
            .slot_mut(campaign)
            .ok_or(PolicyStateError::UnknownCampaign)?;
        let policy = restore_policy_over(slot.campaign.policy, &slot.space, state)?;
        slot.put_policy(policy);
        Ok(())
    }

    /// Forgets what the policy of a campaign learned; false when there is no such campaign.
    pub fn reset_policy(&mut self, campaign: &CampaignId) -> bool {
        let Some(slot) = self.slot_mut(campaign) else {
            return false;
        };
        slot.is_proven = false;
        slot.policy = new_policy_over(slot.campaign.policy, &slot.space);
        true
    }
}

fn sort(slots: &mut [Slot]) {
    slots.sort_by(|a, b| {
        let by_priority = b.campaign.priority.cmp(&a.campaign.priority);
        by_priority.then_with(|| a.campaign.id.cmp(&b.campaign.id))
    });
}

/// What switch, lists of screens and slots, and schedule say against a campaign.
fn admission_obstacle(
    campaign: &Campaign,
    screen: &ScreenId,
    context: &Context,
) -> Option<Obstacle> {
    if !campaign.enabled {
        Some(Obstacle::Disabled)
    } else if !(campaign.screens.is_empty() || campaign.screens.contains(screen)) {
        Some(Obstacle::OtherScreen)
    } else if !campaign.runs_in(context.slot()) {
        Some(Obstacle::NotInSlot)
    } else if !campaign.schedule.holds(context.local()) {
        Some(Obstacle::Schedule)
    } else {
        None
    }
}
