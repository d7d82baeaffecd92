//! What each message of an experiment earned, and what it adds to none.

use std::collections::BTreeMap;

use regard_decision::{Campaign, ExperimentKind, FrequencyCap};
use regard_domain::CreativeId;
use serde::{Deserialize, Serialize};

use super::{ArmReport, Evidence, HELD_OUT, MAX_SEQUENCES};
use crate::drifting::DriftingMean;
use crate::interval::Interval;
use crate::sequence::BettingSequence;

/// Part of the error of an experiment that its messages and segments share from the beginning; the rest is for messages that come
/// later, each of which gets half of what is left.
const PLANNED: f64 = 0.8;

/// A play that earned a reward, as experiments see it.
#[derive(Clone, Copy, Debug)]
pub struct Rewarded<'a> {
    /// Which message; nothing where the play was held out.
    pub creative: Option<&'a CreativeId>,
    /// The other messages of the campaign that could have been chosen.
    pub others: &'a [CreativeId],
    /// Segments of the experiment that it belongs to.
    pub segments: &'a [String],
    /// What it earned, in `[0, 1]`.
    pub reward: f64,
    /// The probability with which it was chosen, among all that its campaign could have come to, plays held out included.
    pub propensity: f64,
}

/// What a message would earn if it were chosen in every play in which it could be: each of these plays counts, with the
/// inverse of the probability where the message was chosen, and with what is expected of it where another was.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Weighed {
    mean: DriftingMean,
    /// Greatest inverse of a probability.
    most: f64,
    n_chosen: u64,
    /// Sum of the rewards of the plays in which it was chosen.
    rewards: f64,
}

impl Weighed {
    fn new(error: f64, most: f64) -> Self {
        Self {
            mean: DriftingMean::new(error, most),
            most,
            n_chosen: 0,
            rewards: 0.0,
        }
    }

    /// A play in which it could be chosen; with its reward and probability where it was.
    fn observe(&mut self, chosen: Option<(f64, f64)>) {
        // Known before the play, so that it takes out spread and leaves the mean as it is.
        let expected = (0.5 + self.rewards) / (1.0 + self.n_chosen as f64);
        let surprise = chosen.map_or(0.0, |(reward, propensity)| (reward - expected) / propensity);
        self.mean.observe(expected + surprise);
        if let Some((reward, _)) = chosen {
            self.n_chosen += 1;
            self.rewards += reward;
        }
    }
}

/// Plays that are weighed by nothing: each sequence is of one reward after the other.
#[derive(Clone, Copy, Debug)]
enum Kept {
    /// Of an arm.
    Arms,
    /// Held out, where the arm could have been chosen.
    Without,
}

/// The sequences of one arm, by segment (`""`: all plays).
type BySegment<T> = BTreeMap<String, T>;

impl Evidence {
    /// A play earned a reward.
    ///
    /// In an `ab` experiment plays are shared whatever the audience does, so that each arm's own plays tell its mean. In a
    /// `bandit` one the probabilities depend on the audience and on what was learned, and where messages have conditions or
    /// caps on what else fits, or slots of a screen contest them on what other slots show, so that arms see different plays: every
    /// play in which a message could have been chosen counts for it then, weighed by the inverse of its probability, and it is
    /// compared with the plays held out in which it could have been.
    /// `least_propensity`: the least that a message has of which there is any chance.
    pub fn rewarded(&mut self, play: Rewarded<'_>, least_propensity: f64, n_creatives: usize) {
        let Some(experiment) = self.experiment.clone() else {
            return;
        };
        let n_arms = if self.is_conditional {
            2 * n_creatives
        } else {
            n_creatives
        };
        let n_planned = (n_arms + 1) * (experiment.segments.len() + 1);
        let budget = (f64::from(experiment.error), n_planned);
        let is_weighed = self.is_conditional || experiment.kind == ExperimentKind::Bandit;
        let all = std::iter::once("");
        for segment in all.chain(play.segments.iter().map(String::as_str)) {
            match play.creative {
                None => {
                    self.take(Kept::Arms, (HELD_OUT, segment), play.reward, budget);
                    if self.is_conditional {
                        for other in play.others {
                            let arm = (other.as_str(), segment);
                            self.take(Kept::Without, arm, play.reward, budget);
                        }
                    }
                }
                Some(creative) if !is_weighed => {
                    let arm = (creative.as_str(), segment);
                    self.take(Kept::Arms, arm, play.reward, budget);
                }
                Some(creative) => {
                    let chosen = Some((play.reward, play.propensity));
                    self.weigh(creative, segment, chosen, (budget, 1.0 / least_propensity));
                }
            }
            if is_weighed {
                for other in play.others {
                    self.weigh(other, segment, None, (budget, 1.0 / least_propensity));
                }
            }
        }
    }

    fn take(
        &mut self,
        kept: Kept,
        (arm, segment): (&str, &str),
        reward: f64,
        budget: (f64, usize),
    ) {
        let error = if has(self.kept(kept), arm, segment) {
            None
        } else {
            let error = self.next_error(budget);
            if error.is_none() {
                // A play counts once, for its own arm.
                self.n_not_followed += u64::from(matches!(kept, Kept::Arms));
                return;
            }
            error
        };
        let all = match kept {
            Kept::Arms => &mut self.arms,
            Kept::Without => &mut self.without,
        };
        let of_arm = all.entry(arm.to_owned()).or_default();
        if let Some(error) = error {
            of_arm.insert(segment.to_owned(), BettingSequence::new(error));
        }
        if let Some(sequence) = of_arm.get_mut(segment) {
            sequence.observe(reward);
        }
    }

    const fn kept(&self, kept: Kept) -> &BTreeMap<String, BySegment<BettingSequence>> {
        match kept {
            Kept::Arms => &self.arms,
            Kept::Without => &self.without,
        }
    }

    fn weigh(
        &mut self,
        creative: &CreativeId,
        segment: &str,
        chosen: Option<(f64, f64)>,
        (budget, most): ((f64, usize), f64),
    ) {
        let arm = creative.as_str();
        if !has(&self.weighed, arm, segment) {
            let Some(error) = self.next_error(budget) else {
                self.n_not_followed += u64::from(chosen.is_some());
                return;
            };
            let of_arm = self.weighed.entry(arm.to_owned()).or_default();
            of_arm.insert(segment.to_owned(), Weighed::new(error, most));
        }
        let of_arm = self.weighed.get_mut(arm);
        let Some(sequence) = of_arm.and_then(|of_arm| of_arm.get_mut(segment)) else {
            return;
        };
        // Less exploration than before: what was promised of single plays no longer holds.
        if most > sequence.most * (1.0 + 1e-6) {
            *sequence = Weighed::new(sequence.mean.error(), most);
        }
        sequence.observe(chosen);
    }

    /// What the next sequence may miss, so that all together miss no more than the experiment; nothing where there is no room.
    fn next_error(&self, (error, n_planned): (f64, usize)) -> Option<f64> {
        let plain = self.arms.values().chain(self.without.values());
        let plain = plain.flat_map(BTreeMap::values);
        let weighed = self.weighed.values().flat_map(BTreeMap::values);
        let errors = plain
            .map(BettingSequence::error)
            .chain(weighed.map(|sequence| sequence.mean.error()));
        let (n, spent) = errors.fold((0, 0.0), |(n, spent), one| (n + 1, spent + one));
        if n >= MAX_SEQUENCES {
            return None;
        }
        let planned = PLANNED * error / n_planned as f64;
        if spent + planned <= PLANNED * error * (1.0 + 1e-9) {
            return Some(planned);
        }
        // What an earlier version shared out whole leaves nothing; such a sequence says next to nothing.
        let left = 0.5 * (error - spent);
        Some(left.min(planned).max(error * 1e-12))
    }

    /// The arms, those held out first.
    pub(super) fn arm_reports(&self) -> Vec<ArmReport> {
        let without = |arm: &str, segment: &str| {
            let held_out = if self.is_conditional {
                self.without.get(arm)
            } else {
                self.arms.get(HELD_OUT)
            };
            let held_out = held_out.and_then(|of_arm| of_arm.get(segment));
            held_out.map(BettingSequence::interval)
        };
        let report = |arm: &str, segment: &str, n_plays, mean, interval: Interval| {
            let is_held_out = arm == HELD_OUT;
            let without = without(arm, segment).filter(|_| !is_held_out);
            ArmReport {
                creative: (!is_held_out).then(|| arm.to_owned()),
                segment: (!segment.is_empty()).then(|| segment.to_owned()),
                n_plays,
                mean,
                interval,
                uplift: without.map(|without| Interval {
                    low: interval.low - without.high,
                    high: interval.high - without.low,
                }),
            }
        };
        let plain = each(&self.arms).map(|(arm, segment, sequence)| {
            let (mean, interval) = (sequence.mean(), sequence.interval());
            report(arm, segment, sequence.n(), mean, interval)
        });
        let weighed = each(&self.weighed).map(|(arm, segment, sequence)| {
            let Interval { low, high } = sequence.mean.interval();
            let interval = Interval {
                low: low.max(0.0),
                high: high.max(0.0),
            };
            let mean = sequence.mean.mean().map(|mean| mean.clamp(0.0, 1.0));
            report(arm, segment, sequence.n_chosen, mean, interval)
        });
        plain.chain(weighed).collect()
    }

    /// Arms of another experiment are gone; so are those of which an earlier version followed their own plays alone, though these
    /// are not like those of others.
    pub(super) fn follow_experiment(&mut self, campaign: &Campaign, is_contested: bool) {
        let experiment = campaign.experiment.as_ref();
        let no_caps = FrequencyCap::default();
        let mut messages = campaign.creatives.iter();
        let has_terms = messages.any(|message| !message.when.is_empty() || message.caps != no_caps);
        let is_conditional = experiment.is_some() && (is_contested || has_terms);
        if self.experiment.as_ref() != experiment || self.is_conditional != is_conditional {
            self.experiment = experiment.cloned();
            self.is_conditional = is_conditional;
            self.arms.clear();
            self.weighed.clear();
            self.without.clear();
            self.n_not_followed = 0;
        }
        let is_bandit = experiment.is_some_and(|e| e.kind == ExperimentKind::Bandit);
        if is_conditional || is_bandit {
            self.arms.retain(|arm, _| arm == HELD_OUT);
        }
    }
}

fn has<T>(arms: &BTreeMap<String, BySegment<T>>, arm: &str, segment: &str) -> bool {
    arms.get(arm)
        .is_some_and(|of_arm| of_arm.contains_key(segment))
}

fn each<T>(arms: &BTreeMap<String, BySegment<T>>) -> impl Iterator<Item = (&str, &str, &T)> {
    arms.iter().flat_map(|(arm, by_segment)| {
        let of_arm = by_segment.iter();
        of_arm.map(move |(segment, sequence)| (arm.as_str(), segment.as_str(), sequence))
    })
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use serde_json::json;

    use super::*;

    fn campaign(kind: &str, when: &serde_json::Value) -> Campaign {
        let segment = json!([{"name": "groups", "when": {"n_visitors": {"min": 2}}}]);
        let message = json!({"id": "a", "name": "a", "content": {"kind": "text", "title": "A"}, "when": when});
        let campaign = json!({
            "id": "k", "name": "K", "creatives": [message],
            "experiment": {"kind": kind, "holdout": 0.2, "error": 0.05, "segment": segment},
        });
        serde_json::from_value(campaign).unwrap()
    }

    fn evidence(kind: &str) -> Evidence {
        let mut evidence = Evidence::default();
        evidence.follow(&campaign(kind, &json!({})), false);
        evidence
    }

    fn ids() -> [CreativeId; 2] {
        ["a", "b"].map(|id| CreativeId::new(id).unwrap())
    }

    fn arm(evidence: &Evidence, name: &str) -> ArmReport {
        let all = evidence.report(false).arms;
        let arm = all
            .into_iter()
            .find(|arm| arm.creative.as_deref() == Some(name) && arm.segment.is_none());
        arm.unwrap()
    }

    /// Audiences are easy or hard to please, and `a` is chosen for the easy ones: its own plays would flatter it.
    #[test]
    fn a_bandit_that_shows_a_message_to_whom_it_pleases_does_not_flatter_it() {
        let mut evidence = evidence("bandit");
        let [a, b] = ids();
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let (mut flattered, mut n_a) = (0.0, 0.0);
        for _ in 0..6_000 {
            let is_easy = rng.random::<f64>() < 0.5;
            let of_a = if is_easy { 0.9 } else { 0.1 };
            // Both earn the same: 0.8 of the easy ones, 0.2 of the hard ones.
            let pleased = f64::from(u8::from(
                rng.random::<f64>() < if is_easy { 0.8 } else { 0.2 },
            ));
            let is_held_out = rng.random::<f64>() < 0.2;
            let is_a = rng.random::<f64>() < of_a;
            let both = [a.clone(), b.clone()];
            let (creative, others, propensity) = if is_held_out {
                (None, &both[..], 0.2)
            } else if is_a {
                (Some(&a), &both[1..], 0.8 * of_a)
            } else {
                (Some(&b), &both[..1], 0.8 * (1.0 - of_a))
            };
            if creative == Some(&a) {
                flattered += pleased;
                n_a += 1.0;
            }
            let reward = if is_held_out { 0.0 } else { pleased };
            let play = Rewarded {
                creative,
                others,
                segments: &[],
                reward,
                propensity,
            };
            evidence.rewarded(play, 0.8 * 0.1, 2);
        }
        assert!(flattered / n_a > 0.7, "{}", flattered / n_a);
        for name in ["a", "b"] {
            let report = arm(&evidence, name);
            let Interval { low, high } = report.interval;
            assert!(low < 0.5 && 0.5 < high && high - low < 0.35, "{report:?}");
            assert!((report.mean.unwrap() - 0.5).abs() < 0.1, "{report:?}");
            assert!(report.uplift.unwrap().low > 0.0, "{report:?}");
        }
        assert_eq!(arm(&evidence, "a").n_plays, n_a as u64);
    }

    #[test]
    fn however_many_messages_come_later_all_intervals_share_one_error() {
        for kind in ["ab", "bandit"] {
            let mut evidence = evidence(kind);
            let segments = ["groups".to_owned()];
            for i in 0..40_usize {
                let creative = CreativeId::new(format!("m{i}")).unwrap();
                let play = Rewarded {
                    creative: Some(&creative),
                    others: &[],
                    segments: &segments,
                    reward: 1.0,
                    propensity: 0.5,
                };
                // Three at the beginning, then one after the other.
                evidence.rewarded(play, 0.1, (i + 1).max(3));
            }
            let plain = evidence.arms.values().flat_map(BTreeMap::values);
            let weighed = evidence.weighed.values().flat_map(BTreeMap::values);
            let errors: Vec<f64> = plain
                .map(BettingSequence::error)
                .chain(weighed.map(|w| w.mean.error()))
                .collect();
            assert_eq!(errors.len(), 80, "{kind}");
            let sum: f64 = errors.iter().sum();
            assert!(sum <= 0.05 + 1e-6, "{kind}: {sum}");
            assert!(errors.iter().all(|e| *e > 0.0), "{kind}");
        }
    }

    /// A message for groups is compared with what groups do without it, and not with everybody: alone, people never look.
    #[test]
    fn a_message_under_a_condition_is_compared_with_plays_that_it_fits() {
        let groups = json!({"n_visitors": {"min": 2}});
        for kind in ["ab", "bandit"] {
            let mut evidence = Evidence::default();
            evidence.follow(&campaign(kind, &groups), false);
            let [a, b] = ids();
            let mut rng = ChaCha8Rng::seed_from_u64(4);
            for _ in 0..4_000 {
                let is_group = rng.random::<f64>() < 0.5;
                let is_held_out = rng.random::<f64>() < 0.5;
                let looks = rng.random::<f64>() < if is_group { 0.6 } else { 0.0 };
                let fits = if is_group {
                    [a.clone(), b.clone()].to_vec()
                } else {
                    vec![b.clone()]
                };
                let chosen = (rng.random::<f64>() * fits.len() as f64) as usize;
                let creative = (!is_held_out).then(|| &fits[chosen]);
                let others: Vec<CreativeId> = fits
                    .iter()
                    .filter(|id| Some(*id) != creative)
                    .cloned()
                    .collect();
                let play = Rewarded {
                    creative,
                    others: &others,
                    segments: &[],
                    reward: f64::from(u8::from(looks)),
                    propensity: 0.5 / if is_held_out { 1.0 } else { fits.len() as f64 },
                };
                evidence.rewarded(play, 0.25, 2);
            }
            let of_groups = arm(&evidence, "a");
            let (mean, uplift) = (of_groups.mean.unwrap(), of_groups.uplift.unwrap());
            assert!((mean - 0.6).abs() < 0.1, "{kind}: {of_groups:?}");
            assert!(uplift.contains(0.0), "it adds nothing: {of_groups:?}");
            let of_all = arm(&evidence, "b");
            assert!((of_all.mean.unwrap() - 0.3).abs() < 0.1, "{of_all:?}");
            assert!(of_all.uplift.unwrap().contains(0.0), "{of_all:?}");
        }
    }

    /// Two slots of a screen, the second looked at half as often: what the first shows it does not get. Both messages add the
    /// same, and `a` is drawn three times as often, so that plays of `b` are mostly of the second slot.
    #[test]
    fn messages_that_slots_contest_are_compared_with_plays_that_were_open_to_them() {
        let mut evidence = Evidence::default();
        evidence.follow(&campaign("ab", &json!({})), true);
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        let (mut looked, mut n_b) = (0.0, 0.0);
        for _ in 0..8_000 {
            let mut open: Vec<CreativeId> = ids().into();
            for sees in [1.0, 0.5] {
                let weight = |id: &CreativeId| if id.as_str() == "a" { 3.0 } else { 1.0 };
                let total: f64 = open.iter().map(weight).sum();
                let mut left = rng.random::<f64>() * total;
                let is_drawn = |id: &&CreativeId| {
                    left -= weight(id);
                    left < 0.0
                };
                let drawn = open.iter().find(is_drawn).cloned().unwrap();
                let creative = (rng.random::<f64>() > 0.2).then_some(drawn);
                let pleases = sees * if creative.is_some() { 0.6 } else { 0.2 };
                let reward = f64::from(u8::from(rng.random::<f64>() < pleases));
                if creative.as_ref().is_some_and(|id| id.as_str() == "b") {
                    looked += reward;
                    n_b += 1.0;
                }
                let others: Vec<CreativeId> = open
                    .iter()
                    .filter(|id| Some(*id) != creative.as_ref())
                    .cloned()
                    .collect();
                let propensity = creative.as_ref().map(|id| 0.8 * weight(id) / total);
                let play = Rewarded {
                    creative: creative.as_ref(),
                    others: &others,
                    segments: &[],
                    reward,
                    propensity: propensity.unwrap_or(0.2),
                };
                evidence.rewarded(play, 0.8 * 0.25, 2);
                open = others;
            }
        }
        // The second slot is open to `a` where the first does not show it, 2 times in 5; to `b` 4 times in 5.
        for (name, second) in [("a", 0.4), ("b", 0.8)] {
            let expected = (0.6 + second * 0.3) / (1.0 + second);
            let added = (0.4 + second * 0.2) / (1.0 + second);
            let found = arm(&evidence, name);
            let (mean, uplift) = (found.mean.unwrap(), found.uplift.unwrap());
            assert!((mean - expected).abs() < 0.05, "{expected}: {found:?}");
            assert!(uplift.contains(added) && uplift.low > 0.1, "{found:?}");
        }
        assert!(looked / n_b < 0.41, "its own plays tell of the second slot");
    }

    #[test]
    fn a_play_that_is_not_followed_is_counted_once() {
        let mut evidence = Evidence::default();
        evidence.follow(&campaign("ab", &json!({"n_visitors": {"min": 2}})), false);
        let ids = (0..600).map(|i| CreativeId::new(format!("m{i}")).unwrap());
        let ids: Vec<CreativeId> = ids.collect();
        let play = |creative, others| Rewarded {
            creative,
            others,
            segments: &[],
            reward: 1.0,
            propensity: 0.5,
        };
        // Held out it is followed, though not beside every message.
        evidence.rewarded(play(None, &ids[..]), 0.1, ids.len());
        assert_eq!(evidence.report(false).n_not_followed, 0);
        evidence.rewarded(play(Some(&ids[0]), &ids[1..]), 0.1, ids.len());
        assert_eq!(evidence.report(false).n_not_followed, 1);
    }

    #[test]
    fn arms_that_an_earlier_version_followed_otherwise_are_gone() {
        let mut evidence = evidence("bandit");
        for arm in ["a", HELD_OUT] {
            evidence.take(Kept::Arms, (arm, ""), 1.0, (0.05, 4));
        }
        let text = serde_json::to_string(&evidence).unwrap();
        let mut again: Evidence = serde_json::from_str(&text).unwrap();
        again.follow(&campaign("bandit", &json!({})), false);
        let names: Vec<&str> = again.arms.keys().map(String::as_str).collect();
        assert_eq!(names, [HELD_OUT]);
        again.follow(
            &campaign("bandit", &json!({"n_visitors": {"min": 2}})),
            false,
        );
        assert!(
            again.arms.is_empty(),
            "plays that it did not fit are no comparison"
        );
    }
}
