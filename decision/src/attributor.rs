//! Brings late outcomes home to their decisions, each once.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use regard_domain::{CampaignId, CreativeId, DecisionId, ScreenId, Timestamp};

use crate::{Decision, Outcome, OutcomeKind, PolicyUpdate, RewardRule};

/// Decisions that wait for outcomes, about 1 kB each: a day of ten-second slots. When full, the
/// one that was made first closes early with what it has.
const MAX_OPEN: usize = 8_640;

/// Outcomes of one decision; more are refused.
const MAX_OUTCOMES: usize = 1024;

/// Longest idempotency key, in bytes.
const MAX_KEY_LEN: usize = 128;

/// Closed decisions that are remembered, so that what comes late is called late. The oldest go.
const MAX_CLOSED: usize = 16_384;

/// What became of an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Acceptance {
    /// It counts.
    Counted,
    /// It came before, with the same decision, kind and key.
    Duplicate,
    /// The window of its decision is closed.
    Late,
    /// No decision of that id is open or among the last 16,384 that closed.
    Unknown,
    /// The value is not finite, or the key not 1 to 128 bytes.
    Invalid,
    /// The decision has 1024 outcomes already.
    Full,
}

/// A decision that waits for its outcomes.
#[derive(Debug)]
struct Open {
    screen: ScreenId,
    /// Whose policy learns, or whose experiment held the play out. Nothing where nothing is learned:
    /// for the default message, and where learning is not allowed.
    target: Option<(CampaignId, CreativeId)>,
    is_held_out: bool,
    propensity: f32,
    apprentice_weight: Option<f32>,
    others: Vec<CreativeId>,
    segments: Vec<String>,
    made_at: Timestamp,
    closes_at: Timestamp,
    features: Vec<f32>,
    rule: RewardRule,
    duration_secs: f32,
    /// Ordered, so that the reward does not depend on the order of arrival.
    outcomes: BTreeMap<(OutcomeKind, String), f32>,
    play_ended: bool,
    /// Whether the policy has its reward.
    is_rewarded: bool,
}

impl Open {
    /// Whether the reward is known: nothing that its rule asks for can still come.
    fn is_known(&self) -> bool {
        self.play_ended && self.rule.terms.iter().all(|term| term.kind.is_passive())
    }

    /// What the outcomes so far are worth, in `[0, 1]`; nothing when they say nothing.
    fn reward(&self) -> Option<f32> {
        let (mut earned, mut possible) = (0.0_f64, 0.0_f64);
        for term in &self.rule.terms {
            let values = self
                .outcomes
                .iter()
                .filter(|((kind, _), _)| *kind == term.kind);
            let (n, sum) = values.fold((0_u32, 0.0_f64), |(n, sum), (_, value)| {
                (n + 1, sum + f64::from(*value))
            });
            if n == 0 && !self.rule.missing_is_zero {
                continue;
            }
            let value = match term.kind {
                OutcomeKind::SmileLift | OutcomeKind::NegativeLift | OutcomeKind::TurnedAway => {
                    sum / f64::from(n.max(1))
                }
                OutcomeKind::AttentionSeconds
                | OutcomeKind::Dwell
                | OutcomeKind::Complaint
                | OutcomeKind::Objection
                | OutcomeKind::Scan
                | OutcomeKind::Conversion
                | OutcomeKind::Custom(_) => sum,
            };
            let full = term.saturates_at.unwrap_or(match term.kind {
                OutcomeKind::AttentionSeconds | OutcomeKind::Dwell => self.duration_secs,
                OutcomeKind::SmileLift
                | OutcomeKind::NegativeLift
                | OutcomeKind::TurnedAway
                | OutcomeKind::Complaint
                | OutcomeKind::Objection
                | OutcomeKind::Scan
                | OutcomeKind::Conversion
                | OutcomeKind::Custom(_) => 1.0,
            });
            earned += f64::from(term.weight) * (value / f64::from(full)).clamp(0.0, 1.0);
            possible += f64::from(term.weight);
        }
        (possible > 0.0).then(|| (earned / possible).clamp(0.0, 1.0) as f32)
    }

    /// The update, the first time it is asked for.
    fn take_update(&mut self, decision: DecisionId) -> Option<PolicyUpdate> {
        if std::mem::replace(&mut self.is_rewarded, true) {
            return None;
        }
        let reward = self.reward()?;
        let (campaign, creative) = self.target.clone()?;
        Some(PolicyUpdate {
            decision,
            campaign,
            creative,
            features: std::mem::take(&mut self.features),
            reward,
            is_held_out: self.is_held_out,
            propensity: self.propensity,
            segments: std::mem::take(&mut self.segments),
            others: std::mem::take(&mut self.others),
            apprentice_weight: self.apprentice_weight,
        })
    }

    fn settled(&self, decision: DecisionId) -> Option<Settled> {
        let (campaign, creative) = self.target.clone()?;
        let has = |kind: OutcomeKind| self.outcomes.keys().any(|(of, _)| *of == kind);
        Some(Settled {
            decision,
            campaign,
            creative,
            is_held_out: self.is_held_out,
            complained: has(OutcomeKind::Complaint),
            objected: has(OutcomeKind::Objection),
        })
    }
}

/// The probability of a decision among all that its campaign could have come to, plays held out
/// included.
fn propensity_within(decision: &Decision, campaign: Option<&CampaignId>) -> f32 {
    let of_campaign = decision
        .candidates
        .iter()
        .filter(|c| c.campaign.as_ref().or(c.held_out.as_ref()) == campaign);
    let total: f32 = of_campaign.map(|c| c.propensity).sum();
    if total > 0.0 {
        decision.propensity / total
    } else {
        decision.propensity
    }
}

/// The other messages of the campaign of a decision that could have been chosen; all, where the play was held out.
fn others(decision: &Decision) -> Vec<CreativeId> {
    let Some(campaign) = decision.campaign.as_ref().or(decision.held_out.as_ref()) else {
        return Vec::new();
    };
    let of_campaign = decision
        .candidates
        .iter()
        .filter(|c| c.campaign.as_ref() == Some(campaign) && c.propensity > 0.0);
    of_campaign
        .filter(|c| decision.held_out.is_some() || c.creative != decision.creative)
        .map(|c| c.creative.clone())
        .collect()
}

/// How much more probably a policy that learns beside a baseline would have chosen the message itself, among the messages of
/// its campaign; nothing where no policy does.
fn apprentice_weight(decision: &Decision) -> Option<f32> {
    let campaign = decision.campaign.as_ref()?;
    let of_campaign = decision
        .candidates
        .iter()
        .filter(|c| c.campaign.as_ref() == Some(campaign));
    let total: f32 = of_campaign.clone().map(|c| c.propensity).sum();
    let chosen = of_campaign
        .clone()
        .find(|c| c.creative == decision.creative)?;
    let own = chosen.by_apprentice?;
    (chosen.propensity > 0.0).then(|| own * total / chosen.propensity)
}

/// A play whose window is closed: what guardrails hear that ask whether anything happened at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// For which decision.
    pub decision: DecisionId,
    /// Of which campaign.
    pub campaign: CampaignId,
    /// Which message.
    pub creative: CreativeId,
    /// Whether the experiment of the campaign held the play out.
    pub is_held_out: bool,
    /// Whether anyone complained.
    pub complained: bool,
    /// Whether anyone asked not to be looked at.
    pub objected: bool,
}

/// Keeps decisions open for their outcomes and turns these into rewards.
///
/// The reward is given when the window ends, or, where the rule asks only for what the meter
/// measures, when the play has ended; outcomes that no term asks for are taken until the window
/// ends all the same. Each `(decision, kind, key)` counts once, in whatever order things
/// arrive. After a restart the engine opens the stored decisions of the last window again and
/// hands in their stored outcomes; for rewards to be exactly once across a crash it stores the
/// policy state in one transaction with the mark that the decision was rewarded.
#[derive(Debug, Default)]
pub struct Attributor {
    open: BTreeMap<DecisionId, Open>,
    closed: BTreeSet<DecisionId>,
    closed_in_order: VecDeque<DecisionId>,
    /// Closed since they were last taken; as many as close at once, at most [`MAX_OPEN`].
    settled: Vec<Settled>,
}

impl Attributor {
    /// Nothing open.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens a decision, for a message that lasts so long. Opening again what is open or was
    /// closed changes nothing. Returns the update of what had to close early to make room.
    pub fn open(
        &mut self,
        decision: &Decision,
        rule: &RewardRule,
        duration_millis: u32,
    ) -> Vec<PolicyUpdate> {
        let learner = decision
            .campaign
            .clone()
            .or_else(|| decision.held_out.clone());
        self.open_for(learner, decision, rule, duration_millis)
    }

    /// As [`open`](Self::open) for a decision that nothing may be learned from: its outcomes are taken once
    /// all the same, and nothing comes of them.
    pub fn open_without_learning(
        &mut self,
        decision: &Decision,
        rule: &RewardRule,
        duration_millis: u32,
    ) -> Vec<PolicyUpdate> {
        self.open_for(None, decision, rule, duration_millis)
    }

    fn open_for(
        &mut self,
        learner: Option<CampaignId>,
        decision: &Decision,
        rule: &RewardRule,
        duration_millis: u32,
    ) -> Vec<PolicyUpdate> {
        if self.open.contains_key(&decision.id) || self.closed.contains(&decision.id) {
            return Vec::new();
        }
        let window = Duration::from_secs(rule.window_secs.into());
        let learner_of = learner.clone();
        let open = Open {
            screen: decision.screen.clone(),
            target: learner.map(|campaign| (campaign, decision.creative.clone())),
            is_held_out: decision.held_out.is_some(),
            propensity: propensity_within(decision, learner_of.as_ref()),
            apprentice_weight: apprentice_weight(decision),
            others: others(decision),
            segments: decision.segments.clone(),
            made_at: decision.at,
            closes_at: decision.at.plus(window),
            features: decision.features.iter().map(|(_, value)| *value).collect(),
            rule: rule.clone(),
            duration_secs: (f64::from(duration_millis) / 1000.0) as f32,
            outcomes: BTreeMap::new(),
            play_ended: false,
            is_rewarded: false,
        };
        self.open.insert(decision.id, open);
        if self.open.len() <= MAX_OPEN {
            return Vec::new();
        }
        let first = self
            .open
            .iter()
            .min_by_key(|(id, open)| (open.made_at, **id));
        let first = first.map(|(id, _)| *id);
        first.and_then(|id| self.close(id)).into_iter().collect()
    }

    /// Nothing is learned any more from what is open on a screen: somebody took their agreement back.
    pub fn stop_learning(&mut self, screen: &ScreenId) {
        for open in self.open.values_mut().filter(|open| open.screen == *screen) {
            open.target = None;
        }
    }

    /// Nothing is learned any more from one decision, and guardrails do not hear of it: its play was cut short by something
    /// that is no message. What still comes of it is taken once, as before. Says whether it was open.
    pub fn dismiss(&mut self, decision: DecisionId) -> bool {
        let open = self.open.get_mut(&decision);
        open.map(|open| open.target = None).is_some()
    }

    fn close(&mut self, id: DecisionId) -> Option<PolicyUpdate> {
        let mut open = self.open.remove(&id)?;
        self.settled.extend(open.settled(id));
        self.closed.insert(id);
        self.closed_in_order.push_back(id);
        if self.closed_in_order.len() > MAX_CLOSED
            && let Some(oldest) = self.closed_in_order.pop_front()
        {
            self.closed.remove(&oldest);
        }
        open.take_update(id)
    }

    /// Takes an outcome that arrives now.
    pub fn accept(&mut self, outcome: Outcome, now: Timestamp) -> Acceptance {
        if !outcome.value.is_finite() || !(1..=MAX_KEY_LEN).contains(&outcome.key.len()) {
            return Acceptance::Invalid;
        }
        let Some(open) = self.open.get_mut(&outcome.decision) else {
            return if self.closed.contains(&outcome.decision) {
                Acceptance::Late
            } else {
                Acceptance::Unknown
            };
        };
        if now >= open.closes_at {
            return Acceptance::Late;
        }
        let key = (outcome.kind, outcome.key);
        if open.outcomes.contains_key(&key) {
            return Acceptance::Duplicate;
        }
        if open.outcomes.len() >= MAX_OUTCOMES {
            return Acceptance::Full;
        }
        open.outcomes.insert(key, outcome.value);
        Acceptance::Counted
    }

    /// The play is over and its meter has reported.
    pub fn play_ended(&mut self, decision: DecisionId) {
        if let Some(open) = self.open.get_mut(&decision) {
            open.play_ended = true;
        }
    }

    /// Closes what is due, and returns what policies are to learn, in the order of the decisions.
    pub fn due(&mut self, now: Timestamp) -> Vec<PolicyUpdate> {
        let due = self
            .open
            .iter()
            .filter(|(_, open)| now >= open.closes_at || (open.is_known() && !open.is_rewarded));
        let mut due: Vec<(Timestamp, DecisionId)> =
            due.map(|(id, open)| (open.made_at, *id)).collect();
        due.sort_unstable();
        let mut updates = Vec::new();
        for (_, id) in due {
            let ended = self.open.get(&id).is_some_and(|open| now >= open.closes_at);
            updates.extend(if ended {
                self.close(id)
            } else {
                self.open.get_mut(&id).and_then(|open| open.take_update(id))
            });
        }
        updates
    }

    /// The plays that closed since this was last asked, in that order.
    pub fn take_settled(&mut self) -> Vec<Settled> {
        std::mem::take(&mut self.settled)
    }

    /// How many decisions are open.
    pub fn n_open(&self) -> usize {
        self.open.len()
    }
}
