//! What earlier runs left that decisions depend on.

use std::collections::BTreeMap;
use std::time::Duration;

use regard_backends::{Fact, PolicyRow, Store, StoreError};
use regard_decision::{Decision, Outcome, Planner};
use regard_domain::{CampaignId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::calendar::Calendar;
use crate::conductor::{Conductor, Seat};
use crate::uses::UsesByCamera;

/// How far back decisions are taken up again after a restart: caps and budgets look at the day of the
/// site, which may last 25 hours, and a reward window at a day at most.
const RESUME_WINDOW: Duration = Duration::from_secs(25 * 3_600);

/// One thing that an earlier run left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "memory", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Memory {
    /// What a policy has learned.
    Policy {
        /// As stored.
        row: Box<PolicyRow>,
    },
    /// A fact that has no end.
    Fact {
        /// As stored.
        row: Fact,
    },
    /// How often a campaign was ever decided for.
    Total {
        /// Which.
        campaign: CampaignId,
        /// How often.
        n: u64,
    },
    /// A decision whose caps, budgets or rewards may still count.
    Decided {
        /// As stored.
        decision: Box<Decision>,
        /// What came of it so far.
        outcomes: Vec<Outcome>,
    },
}

/// Everything that earlier runs left and that decisions depend on.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Remembered {
    policies: Vec<PolicyRow>,
    facts: Vec<Fact>,
    totals: BTreeMap<CampaignId, u64>,
    decisions: Vec<(Decision, Vec<Outcome>)>,
}

impl Remembered {
    /// Reads it from the store.
    pub(crate) async fn read(store: &dyn Store, now: Timestamp) -> Result<Self, StoreError> {
        let window = i64::try_from(RESUME_WINDOW.as_micros()).unwrap_or(i64::MAX);
        let since = Timestamp::from_micros(now.as_micros().saturating_sub(window));
        let mut outcomes = store.outcomes_since(since).await?;
        let mut decisions = Vec::new();
        for decision in store.decisions_since(since).await? {
            let of_it = outcomes.remove(&decision.id).unwrap_or_default();
            decisions.push((decision, of_it));
        }
        Ok(Self {
            policies: store.policies().await?,
            facts: store.facts().await?,
            totals: store.campaign_totals().await?,
            decisions,
        })
    }

    /// Puts one thing to the rest.
    pub(crate) fn add(&mut self, memory: Memory) {
        match memory {
            Memory::Policy { row } => self.policies.push(*row),
            Memory::Fact { row } => self.facts.push(row),
            Memory::Total { campaign, n } => {
                self.totals.insert(campaign, n);
            }
            Memory::Decided { decision, outcomes } => self.decisions.push((*decision, outcomes)),
        }
    }

    /// Everything, one by one; [`Self::add`] puts it together again.
    pub(crate) fn memories(&self) -> impl Iterator<Item = Memory> {
        let policies = self.policies.iter().cloned();
        let facts = self.facts.iter().cloned();
        let totals = self.totals.iter();
        let decisions = self.decisions.iter().cloned();
        let policies = policies.map(|row| Memory::Policy { row: Box::new(row) });
        policies
            .chain(facts.map(|row| Memory::Fact { row }))
            .chain(totals.map(|(campaign, n)| Memory::Total {
                campaign: campaign.clone(),
                n: *n,
            }))
            .chain(decisions.map(|(decision, outcomes)| Memory::Decided {
                decision: Box::new(decision),
                outcomes,
            }))
    }

    /// A conductor that goes on from there. What does not fit the campaigns any more is left out.
    pub(crate) fn conductor(
        &self,
        mut planner: Planner,
        calendar: Calendar,
        seats: &[Seat],
        uses: UsesByCamera,
        seed: [u8; 32],
    ) -> Conductor {
        let mut afresh = Vec::new();
        for row in &self.policies {
            if let Err(error) = planner.load_policy(&row.campaign, &row.state) {
                // Learning for a campaign that was changed beyond recognition begins anew.
                tracing::warn!(campaign = %row.campaign, %error, "what was learned does not fit any more");
                afresh.push(row.campaign.clone());
            }
        }
        for fact in &self.facts {
            if let Some(value) = &fact.value
                && let Err(error) = planner.set_fact(&fact.name, value.clone())
            {
                tracing::warn!(%error, "a fact was not taken up again");
            }
        }
        planner.restore(&self.totals, self.decisions.iter().map(|(d, _)| d));
        let mut conductor = Conductor::new(calendar, planner, seats, uses, seed);
        for row in &self.policies {
            conductor.take_evidence(&row.campaign, &row.state.evidence);
        }
        conductor.forget_comparisons(&afresh);
        conductor.follow_campaigns();
        conductor.resume(&self.decisions);
        conductor
    }
}
