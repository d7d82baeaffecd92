//! Whether a policy that learns beside a baseline would have earned at least as much.

use regard_decision::{ApprenticeEnd, Campaign, PolicyConfig};
use regard_domain::CreativeId;
use serde::{Deserialize, Serialize};

use crate::drifting::DriftingMean;
use crate::interval::Interval;

/// What the intervals may miss, however often one looks.
const ERROR: f64 = 0.05;

/// What is compared: another policy, other messages or another baseline would be another comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Compared {
    policy: PolicyConfig,
    /// The messages in order, and whether each has a condition: all that the baseline, `rules`, goes by.
    messages: Vec<(CreativeId, bool)>,
}

impl Compared {
    fn of(campaign: &Campaign) -> Self {
        let message = |c: &regard_decision::Creative| (c.id.clone(), !c.when.is_empty());
        Self {
            policy: campaign.policy,
            messages: campaign.creatives.iter().map(message).collect(),
        }
    }
}

/// A policy beside its baseline, both with the part that explores.
///
/// Each play was chosen by the baseline, so the mean reward is what that earns. What the policy would have earned is estimated by
/// importance weights: a play counts `w (r − m) + m`, where `w` says how much more probably the policy would have chosen
/// it, `r` is its reward and `m` the mean of the rewards before, which takes out most of the spread and leaves the mean as it is.
/// The policy goes on learning; the intervals are about what it would have done at each play as it was then, in the mean.
///
/// # Source
/// Waudby-Smith, Wu, Ramdas, Karampatziakis and Mineiro 2024, "Anytime-valid off-policy inference for contextual bandits",
/// for the control variate; [`DriftingMean`] for the interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Apprenticeship {
    compared: Compared,
    /// Sums of what was earned, and of what the policy would have earned.
    rewards: f64,
    own: f64,
    /// What the policy would have earned more than the baseline.
    gain: DriftingMean,
    /// The same, more than the baseline less the margin.
    proof: DriftingMean,
    /// Plays after which it was sure.
    proven_after: Option<u64>,
}

/// How a policy does beside its baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprenticeVerdict {
    /// It is sure that it would have earned at least as much, less the margin.
    AtLeastAsGood,
    /// It is sure that it would have earned less.
    Worse,
    /// Neither is sure yet.
    NotKnown,
}

/// A policy that learns beside a baseline, as it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ApprenticeReport {
    /// Whether it still only learns: the baseline chooses.
    pub is_apprentice: bool,
    /// When that ends.
    pub ends: ApprenticeEnd,
    /// Rewards that it learns from before they are compared, or before it acts where it ends by them.
    pub plays_before: u32,
    /// Part of what the baseline earns that may be lost.
    pub margin: f64,
    /// Plays compared.
    pub n_plays: u64,
    /// What the baseline earned a play.
    pub baseline: Option<f64>,
    /// What the policy would have earned a play: an estimate off the policy, by importance weights.
    pub policy: Option<f64>,
    /// What it would have earned more, and where that lies, with 95 %, however often one looks.
    pub gain: Option<f64>,
    /// That interval.
    pub gain_interval: Interval,
    /// What is sure.
    pub verdict: ApprenticeVerdict,
    /// Plays after which it was sure that it would have earned at least as much; what became sure stays so.
    pub proven_after: Option<u64>,
}

impl Apprenticeship {
    /// Nothing compared yet; nothing at all for campaigns whose policy acts from the beginning.
    pub fn of(campaign: &Campaign) -> Option<Self> {
        let (_, config) = campaign.policy.learner()?;
        if !config.has_apprenticeship() {
            return None;
        }
        // Exploration leaves each message at least its even part of it.
        let n_messages = campaign.creatives.len().max(1) as f64;
        let most = n_messages / f64::from(config.exploration);
        Some(Self {
            compared: Compared::of(campaign),
            rewards: 0.0,
            own: 0.0,
            gain: DriftingMean::new(ERROR, most),
            proof: DriftingMean::new(ERROR, most),
            proven_after: None,
        })
    }

    /// Whether it compares what the campaign is now.
    pub fn is_of(&self, campaign: &Campaign) -> bool {
        self.compared == Compared::of(campaign)
    }

    /// Begins to compare anew, with other messages under the same policy; what was proven of the policy stays so.
    pub fn begin_anew(&mut self, campaign: &Campaign) {
        let kept = self
            .proven_after
            .filter(|_| self.compared.policy == campaign.policy);
        if let Some(fresh) = Self::of(campaign) {
            *self = fresh;
            self.proven_after = kept;
        }
    }

    /// A play that the baseline chose earned this; `weight`: how much more probably the policy would have chosen it. Says whether
    /// this play made it sure that the policy would have earned at least as much.
    pub fn observe(&mut self, weight: f64, reward: f64) -> bool {
        let before = (0.5 + self.rewards) / (1.0 + self.gain.n() as f64);
        let own = weight.mul_add(reward - before, before);
        self.rewards += reward;
        self.own += own;
        self.gain.observe(own - reward);
        self.proof
            .observe((1.0 - self.margin()).mul_add(-reward, own));
        if self.proven_after.is_none() && self.proof.is_above(0.0) {
            self.proven_after = Some(self.proof.n());
            return true;
        }
        false
    }

    fn margin(&self) -> f64 {
        let learner = self.compared.policy.learner();
        learner.map_or(0.0, |(_, config)| f64::from(config.apprentice_margin))
    }

    /// Whether it was found sure that the policy would have earned at least as much.
    pub const fn is_proven(&self) -> bool {
        self.proven_after.is_some()
    }

    /// What is known now; `is_apprentice`: whether the baseline still chooses.
    pub fn report(&self, is_apprentice: bool) -> ApprenticeReport {
        let learner = self.compared.policy.learner();
        let config = learner.map(|(_, config)| config).unwrap_or_default();
        let n_plays = self.gain.n();
        let mean = |sum: f64| (n_plays > 0).then(|| sum / n_plays as f64);
        let verdict = if self.is_proven() {
            ApprenticeVerdict::AtLeastAsGood
        } else if self.proof.is_below(0.0) {
            ApprenticeVerdict::Worse
        } else {
            ApprenticeVerdict::NotKnown
        };
        ApprenticeReport {
            is_apprentice,
            ends: config.apprentice_ends,
            plays_before: config.apprentice_plays,
            margin: self.margin(),
            n_plays,
            baseline: mean(self.rewards),
            policy: mean(self.own),
            gain: self.gain.mean(),
            gain_interval: self.gain.interval(),
            verdict,
            proven_after: self.proven_after,
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use serde_json::json;

    use super::*;

    const EXPLORATION: f64 = 0.2;

    fn campaign(more: &serde_json::Value) -> Campaign {
        let message =
            |id: &str| json!({"id": id, "name": id, "content": {"kind": "text", "title": id}});
        let mut policy = json!({"kind": "lints", "exploration": 0.2, "apprentice_ends": "proven"});
        for (key, value) in more.as_object().unwrap() {
            policy[key] = value.clone();
        }
        let messages = ["a", "b", "c"].map(message);
        let campaign = json!({"id": "k", "name": "K", "policy": policy, "creatives": messages});
        serde_json::from_value(campaign).unwrap()
    }

    /// The baseline chooses `a`; a policy that comes to choose `b` more and more learns beside it. What it would have
    /// earned more, in the mean, is known.
    fn compare(
        one: &mut Apprenticeship,
        by_b: f64,
        n_plays: usize,
        seed: u64,
        mut look: impl FnMut(&Apprenticeship, f64),
    ) {
        let means = [0.4, 0.4 + by_b, 0.4];
        let even = EXPLORATION / 3.0;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut truth = 0.0;
        for t in 0..n_plays {
            let of_b = (t as f64 / 200.0).min(1.0);
            let baseline = [1.0 - 2.0 * even, even, even];
            let own = [
                even + (1.0 - EXPLORATION) * (1.0 - of_b),
                even + (1.0 - EXPLORATION) * of_b,
                even,
            ];
            let u: f64 = rng.random();
            let chosen = if u < baseline[0] {
                0
            } else if u < baseline[0] + even {
                1
            } else {
                2
            };
            let reward = f64::from(u8::from(rng.random::<f64>() < means[chosen]));
            one.observe(own[chosen] / baseline[chosen], reward);
            let expected = |p: &[f64; 3]| -> f64 { p.iter().zip(&means).map(|(p, m)| p * m).sum() };
            truth += expected(&own) - expected(&baseline);
            look(one, truth / (t + 1) as f64);
        }
    }

    #[test]
    fn a_better_policy_is_proven_and_a_worse_one_never() {
        let mut better = Apprenticeship::of(&campaign(&json!({}))).unwrap();
        compare(&mut better, 0.4, 4_000, 1, |_, _| {});
        let report = better.report(true);
        assert_eq!(
            report.verdict,
            ApprenticeVerdict::AtLeastAsGood,
            "{report:?}"
        );
        assert!(report.proven_after.unwrap() > 100, "not before it is sure");
        assert!(report.gain_interval.low > 0.0, "{report:?}");
        assert!(report.policy.unwrap() > report.baseline.unwrap() + 0.2);
        let mut worse = Apprenticeship::of(&campaign(&json!({}))).unwrap();
        compare(&mut worse, -0.4, 4_000, 1, |one, _| {
            assert!(!one.is_proven());
        });
        let report = worse.report(true);
        assert_eq!(report.verdict, ApprenticeVerdict::Worse, "{report:?}");
    }

    #[test]
    fn an_equal_one_is_proven_by_its_margin_alone() {
        let mut strict = Apprenticeship::of(&campaign(&json!({}))).unwrap();
        compare(&mut strict, 0.0, 6_000, 2, |_, _| {});
        assert_eq!(strict.report(true).verdict, ApprenticeVerdict::NotKnown);
        let lenient = campaign(&json!({"apprentice_margin": 0.5}));
        let mut lenient = Apprenticeship::of(&lenient).unwrap();
        compare(&mut lenient, 0.0, 6_000, 2, |_, _| {});
        assert!(lenient.is_proven(), "{:?}", lenient.report(true));
    }

    #[test]
    fn the_interval_holds_what_it_would_have_earned_more_at_every_look() {
        for by_b in [-0.3, 0.0, 0.3] {
            let mut n_missed = 0;
            for seed in 0..60 {
                let mut one = Apprenticeship::of(&campaign(&json!({}))).unwrap();
                let mut is_missed = false;
                compare(&mut one, by_b, 300, seed, |one, truth| {
                    is_missed |= one.gain.is_above(truth) || one.gain.is_below(truth);
                });
                n_missed += u32::from(is_missed);
            }
            // At most 5 % each: more than 9 of 60 happen once in 1,000 tries.
            assert!(n_missed <= 9, "{by_b}: {n_missed}");
        }
    }

    #[test]
    fn it_is_stored_and_begins_anew_with_other_messages() {
        let first = campaign(&json!({}));
        let mut one = Apprenticeship::of(&first).unwrap();
        compare(&mut one, 0.4, 4_000, 1, |_, _| {});
        let text = serde_json::to_string(&one).unwrap();
        assert_eq!(serde_json::from_str::<Apprenticeship>(&text).unwrap(), one);
        let mut fewer = first.clone();
        fewer.creatives.pop();
        assert!(one.is_of(&first) && !one.is_of(&fewer));
        one.begin_anew(&fewer);
        assert!(one.is_of(&fewer) && one.is_proven() && one.gain.n() == 0);
        let other = campaign(&json!({"exploration": 0.1}));
        one.begin_anew(&other);
        assert!(one.is_of(&other) && !one.is_proven());
        let acting = campaign(&json!({"apprentice_ends": "plays"}));
        assert_eq!(Apprenticeship::of(&acting), None);
    }
}
