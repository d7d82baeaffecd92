//! Which message a screen gets now.

use std::collections::BTreeMap;

use rand::CryptoRng;
use regard_domain::{Audience, CampaignId, CreativeId, DecisionId, ScreenId, Timestamp};

use crate::{
    BadFact, Campaign, CampaignFault, Context, ContextSpec, Creative, Decision, Exclusion,
    FactValue, Facts, LocalTime, PolicyState, PolicyStateError, Reason, UpdateError,
};

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
}

/// What is eligible and what is not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Eligibility {
    /// Eligible messages: the greatest priority first, then in order of configuration.
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

/// Holds campaigns, their policies, the counters and the facts, and decides.
#[derive(Debug)]
pub struct Planner {}

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
        todo!()
    }
    /// Replaces the campaigns; counters stay, and so does what policies of the same kind and settings learned.
    ///
    /// # Errors
    /// All mistakes; nothing changed then.
    pub fn set_campaigns(&mut self, campaigns: Vec<Campaign>) -> Result<(), Vec<CampaignFault>> {
        todo!()
    }
    /// Campaigns, greatest priority first.
    pub fn campaigns(&self) -> Vec<&Campaign> {
        todo!()
    }
    /// The campaign of that id.
    pub fn campaign(&self, id: &CampaignId) -> Option<&Campaign> {
        todo!()
    }
    /// The message that is always there.
    pub fn default_message(&self) -> &Creative {
        todo!()
    }
    /// The creative a decision chose.
    pub fn creative(&self, decision: &Decision) -> Option<&Creative> {
        todo!()
    }
    /// States a fact.
    ///
    /// # Errors
    /// As [`Facts::set`].
    pub fn set_fact(&mut self, name: &str, value: FactValue) -> Result<(), BadFact> {
        todo!()
    }
    /// Takes a fact back.
    pub fn remove_fact(&mut self, name: &str) -> bool {
        todo!()
    }
    /// The facts.
    pub fn facts(&self) -> &Facts {
        todo!()
    }
    /// The context of this audience now.
    pub fn context(&self, audience: &Audience, local: LocalTime) -> Context {
        todo!()
    }
    /// What is eligible.
    pub fn eligible(&self, screen: &ScreenId, context: &Context, now: Timestamp) -> Eligibility {
        todo!()
    }
    /// Decides, and counts the play.
    pub fn decide<R: CryptoRng + ?Sized>(
        &mut self,
        screen: &ScreenId,
        context: &Context,
        now: Timestamp,
        rng: &mut R,
    ) -> Decision {
        todo!()
    }
    /// Fills the counters after a start. `totals`: plays ever counted for each campaign; `recent`:
    /// decisions of the last 25 hours at least, in any order.
    pub fn restore<'a>(
        &mut self,
        totals: &BTreeMap<CampaignId, u64>,
        recent: impl IntoIterator<Item = &'a Decision>,
    ) {
        todo!()
    }
    /// Lets a policy learn.
    ///
    /// # Errors
    /// [`ApplyError`]; nothing was learned then.
    pub fn apply(&mut self, update: &PolicyUpdate) -> Result<(), ApplyError> {
        todo!()
    }
    /// What the policy of a campaign has learned.
    pub fn policy_state(&self, campaign: &CampaignId) -> Option<PolicyState> {
        todo!()
    }
    /// Takes up what was learned before.
    ///
    /// # Errors
    /// [`PolicyStateError`]; the policy stays as it was.
    pub fn load_policy(
        &mut self,
        campaign: &CampaignId,
        state: &PolicyState,
    ) -> Result<(), PolicyStateError> {
        todo!()
    }
    /// Forgets what the policy of a campaign learned; false when there is no such campaign.
    pub fn reset_policy(&mut self, campaign: &CampaignId) -> bool {
        todo!()
    }
}
