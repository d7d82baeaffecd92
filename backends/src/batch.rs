//! Rows that go in together.

use regard_commitments::Kept;
use regard_decision::Outcome;
use regard_domain::{DecisionId, PlayId};

use crate::{
    CampaignInForce, DecisionRow, Fact, MinuteAggregate, OutcomeRow, PlayEnd, PlayStart, PolicyRow,
    form,
};
use serde::{Serialize, de::DeserializeOwned};

/// Rows that are written in one transaction: all of them or none.
///
/// Within a batch decisions go before plays, plays before their ends, and those before outcomes, so that a batch may hold a decision
/// together with what came of it. The batch stays with the caller, who may offer it again, or to another store.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub(crate) decisions: Vec<Kept<DecisionRow>>,
    pub(crate) play_starts: Vec<Kept<PlayStart>>,
    pub(crate) play_ends: Vec<Kept<PlayEnd>>,
    pub(crate) outcomes: Vec<Kept<OutcomeRow>>,
    pub(crate) policies: Vec<Kept<PolicyRow>>,
    pub(crate) minutes: Vec<Kept<MinuteAggregate>>,
    pub(crate) facts: Vec<Kept<Fact>>,
    pub(crate) campaigns: Vec<Kept<CampaignInForce>>,
}

impl Batch {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a decision; one that is there already is left as it is.
    pub fn decision(&mut self, row: Kept<DecisionRow>) -> &mut Self {
        self.decisions.push(row);
        self
    }

    /// Adds the beginning of a play; one that is there already is left as it is.
    pub fn play_start(&mut self, row: Kept<PlayStart>) -> &mut Self {
        self.play_starts.push(row);
        self
    }

    /// Adds the end of a play. A later end replaces an earlier one; the shorter retention of beginning and end counts.
    pub fn play_end(&mut self, row: Kept<PlayEnd>) -> &mut Self {
        self.play_ends.push(row);
        self
    }

    /// Adds an outcome. It counts once for its decision, kind and key, and only while its decision is kept.
    pub fn outcome(&mut self, row: Kept<OutcomeRow>) -> &mut Self {
        self.outcomes.push(row);
        self
    }

    /// Adds a policy's newest state; it replaces what is there, and an older one in this batch: states take megabytes, and many gather
    /// while a store fails.
    pub fn policy(&mut self, row: Kept<PolicyRow>) -> &mut Self {
        let campaign = &row.row().campaign;
        self.policies
            .retain(|older| older.row().campaign != *campaign);
        self.policies.push(row);
        self
    }

    /// Adds a minute as far as it has gone.
    pub fn minute(&mut self, row: Kept<MinuteAggregate>) -> &mut Self {
        self.minutes.push(row);
        self
    }

    /// Adds a fact; it replaces what is there.
    pub fn fact(&mut self, row: Kept<Fact>) -> &mut Self {
        self.facts.push(row);
        self
    }

    /// Says that a campaign is in force: its total in [`Store::campaign_totals`](crate::Store::campaign_totals)
    /// stays at least as long, whatever becomes of the decisions it was counted from.
    pub fn campaign(&mut self, row: Kept<CampaignInForce>) -> &mut Self {
        self.campaigns.push(row);
        self
    }

    /// Rows in it.
    pub fn len(&self) -> usize {
        self.decisions.len()
            + self.play_starts.len()
            + self.play_ends.len()
            + self.outcomes.len()
            + self.policies.len()
            + self.minutes.len()
            + self.facts.len()
            + self.campaigns.len()
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes out all rows and keeps the room they had.
    pub fn clear(&mut self) {
        self.decisions.clear();
        self.play_starts.clear();
        self.play_ends.clear();
        self.outcomes.clear();
        self.policies.clear();
        self.minutes.clear();
        self.facts.clear();
        self.campaigns.clear();
    }

    /// Moves all rows of `other` to the end of this one.
    pub fn append(&mut self, other: &mut Self) {
        self.decisions.append(&mut other.decisions);
        self.play_starts.append(&mut other.play_starts);
        self.play_ends.append(&mut other.play_ends);
        self.outcomes.append(&mut other.outcomes);
        for row in other.policies.drain(..) {
            self.policy(row);
        }
        self.minutes.append(&mut other.minutes);
        self.facts.append(&mut other.facts);
        self.campaigns.append(&mut other.campaigns);
    }
}

/// An outcome's name: which decision, which kind, which of several of that kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OutcomeKey {
    /// The decision it belongs to.
    pub decision: DecisionId,
    /// Stored name of its kind.
    pub kind: String,
    /// Tells apart several of one kind.
    pub key: String,
}

/// What a commit left out, and why. Everything else was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommitReport {
    /// Rows written or replaced.
    pub written: u64,
    /// Decisions and plays that were there already.
    pub repeated: u64,
    /// Outcomes that were there already: their reward must not be learnt again.
    pub repeated_outcomes: Vec<OutcomeKey>,
    /// Outcomes whose decision is not kept (any more).
    pub orphaned_outcomes: Vec<OutcomeKey>,
    /// Ends of plays whose beginning is not kept (any more).
    pub orphaned_ends: Vec<PlayId>,
    /// Rows that could not be read back once written, such as a number that is not finite: which kind, and why. They were left out, so that one
    /// bad row never keeps the others from being written.
    pub unreadable: Vec<(&'static str, String)>,
    /// Older rows that gave way, in a store with a lid on its rows.
    pub displaced: u64,
}

impl OutcomeKey {
    /// The name of an outcome.
    pub fn of(outcome: &Outcome) -> Self {
        Self {
            decision: outcome.decision,
            kind: outcome.kind.to_string(),
            key: outcome.key.clone(),
        }
    }
}

impl CommitReport {
    /// The row as text, or a line in the report.
    pub(crate) fn body<T: Serialize + DeserializeOwned>(
        &mut self,
        what: &'static str,
        row: &T,
    ) -> Option<String> {
        form::checked(row)
            .map_err(|why| self.unreadable.push((what, why)))
            .ok()
    }

    /// The number with a sign, or a line in the report.
    pub(crate) fn signed(&mut self, what: &'static str, number: u64) -> Option<i64> {
        i64::try_from(number)
            .map_err(|why| self.unreadable.push((what, why.to_string())))
            .ok()
    }

    pub(crate) fn count_or_repeat(&mut self, written: u64) {
        self.written += written;
        self.repeated += u64::from(written == 0);
    }
}
