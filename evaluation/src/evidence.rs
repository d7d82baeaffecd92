//! What an experiment has found out so far, and what guardrails have heard.

use std::collections::BTreeMap;

use regard_decision::{Campaign, Experiment, GuardMetric, Guardrail};
use regard_domain::CreativeId;
use serde::{Deserialize, Serialize};

use crate::ablation::Ablation;
use crate::apprenticeship::{ApprenticeReport, Apprenticeship};
use crate::interval::Interval;
use crate::sequence::{BettingSequence, BoundTest};

mod arms;

pub use arms::Rewarded;

use arms::Weighed;

/// Name of the arm that shows the default message instead.
const HELD_OUT: &str = "";

/// Arms and parts of them that are followed at most; those that come later are not, and the report
/// says how many. 4 kB each.
const MAX_SEQUENCES: usize = 512;

/// A guardrail at one message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Watch {
    guardrail: Guardrail,
    test: BoundTest,
}

/// Plays heard of within which a message is stopped with a probability of at least `1 - miss`, where plays have at least that
/// mean of the guardrail's metric, whatever came before; nothing where nothing is promised.
///
/// # Source
/// [`BoundTest::surely_broken_within`].
pub fn stopped_within(guardrail: &Guardrail, mean: f64, miss: f64) -> Option<u64> {
    let (low, high) = guardrail.metric.range();
    let scaled = |value: f64| (value - low) / (high - low);
    let bound = scaled(f64::from(guardrail.at_most));
    let error = f64::from(guardrail.error);
    BoundTest::surely_broken_within(bound, error, scaled(mean), miss)
}

/// What is known of one campaign: rewards by arm and segment, guardrails by message. Everything a
/// report says may be looked at after every play.
///
/// Of the error of the experiment each interval gets a part (Bonferroni), so that all of them, for every message and every
/// segment, also of messages that come later, hold at once, at all times.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Evidence {
    experiment: Option<Experiment>,
    /// By message (`""`: held out), then by segment (`""`: all plays).
    arms: BTreeMap<String, BTreeMap<String, BettingSequence>>,
    /// The same for messages whose plays are not like those of others: of a `bandit` experiment, or under conditions.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    weighed: BTreeMap<String, BTreeMap<String, Weighed>>,
    /// Whether messages are for some plays alone: they have conditions or caps, or slots of one screen contest them.
    #[serde(skip_serializing_if = "is_false")]
    is_conditional: bool,
    /// Where they are, plays held out in which a message could have been chosen, by message and segment.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    without: BTreeMap<String, BTreeMap<String, BettingSequence>>,
    n_not_followed: u64,
    /// By message.
    watches: BTreeMap<CreativeId, Vec<Watch>>,
    /// Whether the camera adds anything.
    pub ablation: Option<Ablation>,
    /// Whether the policy would earn at least what its baseline earns; of campaigns that begin beside one.
    #[serde(skip_serializing_if = "Option::is_none")]
    apprentice: Option<Apprenticeship>,
}

/// One arm, in all plays or in a segment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ArmReport {
    /// Which message; nothing for plays that were held out.
    pub creative: Option<String>,
    /// Which segment; nothing for all plays.
    pub segment: Option<String>,
    /// Plays of it with a reward.
    pub n_plays: u64,
    /// Mean reward; in a `bandit` experiment, and where messages have conditions or caps or several slots of a screen, what it
    /// would be if the message were chosen whenever it could be.
    pub mean: Option<f64>,
    /// Where it lies.
    pub interval: Interval,
    /// What the message adds to what would have been without, in the plays in which it could be chosen; nothing without
    /// a holdout.
    pub uplift: Option<Interval>,
}

/// A guardrail at one message.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GuardReport {
    /// Which message.
    pub creative: CreativeId,
    /// What is looked at.
    pub metric: GuardMetric,
    /// Greatest mean that is borne.
    pub at_most: f32,
    /// Plays heard of.
    pub n_plays: u64,
    /// Their mean.
    pub mean: Option<f64>,
    /// Evidence that the bound is broken, as a p-value that may be looked at any time.
    pub p_value: f64,
    /// Plays after which the message was stopped.
    pub stopped_after: Option<u64>,
}

/// All that is known of a campaign.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EvidenceReport {
    /// The arms; those held out first.
    pub arms: Vec<ArmReport>,
    /// Plays whose arm is not followed for want of room.
    pub n_not_followed: u64,
    /// The guardrails.
    pub guardrails: Vec<GuardReport>,
    /// Whether the camera adds anything.
    pub ablation: Option<crate::AblationReport>,
    /// How the policy does beside its baseline; of campaigns that begin beside one.
    pub apprentice: Option<ApprenticeReport>,
}

const fn is_false(flag: &bool) -> bool {
    !*flag
}

fn has_apprenticeship(campaign: &Campaign) -> bool {
    let learner = campaign.policy.learner();
    learner.is_some_and(|(_, config)| config.has_apprenticeship())
}

impl Evidence {
    /// Begins afresh where the campaign asks something else than before. `is_contested`: whether it runs in several slots of
    /// one screen, where a message that one slot shows cannot be chosen in the others.
    pub fn follow(&mut self, campaign: &Campaign, is_contested: bool) {
        self.follow_experiment(campaign, is_contested);
        match &mut self.apprentice {
            Some(apprentice) if apprentice.is_of(campaign) => {}
            Some(apprentice) if has_apprenticeship(campaign) => apprentice.begin_anew(campaign),
            apprentice => *apprentice = Apprenticeship::of(campaign),
        }
        for watches in self.watches.values_mut() {
            watches.retain(|watch| campaign.guardrails.contains(&watch.guardrail));
        }
        self.watches
            .retain(|id, watches| !watches.is_empty() && campaign.creative(id).is_some());
    }

    /// The policy of the campaign began afresh: what was compared, and proven, of the one before says nothing of it.
    pub fn forget_comparison(&mut self) {
        self.apprentice = None;
    }

    /// A play that the baseline of the campaign chose earned a reward; `weight`: how much more probably its policy would have
    /// chosen it. Says whether this made it sure that the policy would earn at least as much.
    pub fn compared(&mut self, weight: f64, reward: f64) -> bool {
        let apprentice = self.apprentice.as_mut();
        apprentice.is_some_and(|apprentice| apprentice.observe(weight, reward))
    }

    /// Whether it was found sure that the policy would earn at least what its baseline earns.
    pub fn is_proven(&self) -> bool {
        let apprentice = self.apprentice.as_ref();
        apprentice.is_some_and(Apprenticeship::is_proven)
    }

    /// A play of a message was heard of by the guardrails of this metric; returns the guardrail that
    /// this play broke, if any.
    pub fn heard(
        &mut self,
        campaign: &Campaign,
        creative: &CreativeId,
        metric: GuardMetric,
        value: f64,
    ) -> Option<Guardrail> {
        let guardrail = campaign.guardrails.iter().find(|g| g.metric == metric)?;
        campaign.creative(creative)?;
        let (low, high) = metric.range();
        let scaled = |value: f64| (value - low) / (high - low);
        let watches = self.watches.entry(creative.clone()).or_default();
        let place = watches.iter().position(|w| w.guardrail == *guardrail);
        let place = place.unwrap_or_else(|| {
            let bound = scaled(f64::from(guardrail.at_most));
            watches.push(Watch {
                guardrail: *guardrail,
                test: BoundTest::new(bound, f64::from(guardrail.error)),
            });
            watches.len() - 1
        });
        let test = &mut watches[place].test;
        let was_broken = test.is_broken();
        let is_broken = test.observe(scaled(value));
        (is_broken && !was_broken).then_some(*guardrail)
    }

    /// Messages that guardrails stopped, and which.
    pub fn stopped(&self) -> impl Iterator<Item = (&CreativeId, &'static str)> {
        let broken = |watch: &&Watch| watch.test.is_broken();
        self.watches.iter().flat_map(move |(id, watches)| {
            let broken = watches.iter().filter(broken);
            broken.map(move |watch| (id, watch.guardrail.metric.name()))
        })
    }

    /// What is known now. `is_apprentice`: whether the policy learns beside a baseline for now.
    pub fn report(&self, is_apprentice: bool) -> EvidenceReport {
        let guardrails = self.watches.iter().flat_map(|(creative, watches)| {
            watches.iter().map(move |watch| {
                let (low, high) = watch.guardrail.metric.range();
                GuardReport {
                    creative: creative.clone(),
                    metric: watch.guardrail.metric,
                    at_most: watch.guardrail.at_most,
                    n_plays: watch.test.n(),
                    mean: watch.test.mean().map(|mean| mean.mul_add(high - low, low)),
                    p_value: watch.test.p_value(),
                    stopped_after: watch.test.broken_after(),
                }
            })
        });
        EvidenceReport {
            arms: self.arm_reports(),
            n_not_followed: self.n_not_followed,
            guardrails: guardrails.collect(),
            ablation: self.ablation.as_ref().map(Ablation::report),
            apprentice: self
                .apprentice
                .as_ref()
                .map(|apprentice| apprentice.report(is_apprentice)),
        }
    }
}
