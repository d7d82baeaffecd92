//! Whether the service does better than its baseline, with intervals.

use regard_backends::StoreError;
use regard_decision::{Decision, OutcomeKind};
use regard_evaluation::{Interval, bootstrap};
use serde::Serialize;

use super::event::BY_MODEL;
use super::{LEARNED, LearningMode, Personalizer};

/// Latest events that are looked at: a thousand resamplings of them take a tenth of a second.
const MAX_EVENTS: u32 = 10_000;

/// What the intervals may miss.
const ERROR: f64 = 0.05;

/// A mean reward, −1 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rewarded {
    /// The estimate; nothing where no event tells.
    pub mean: Option<f64>,
    /// Where it lies, with 95 %; nothing where too few events tell.
    pub interval: Option<Interval>,
}

/// The service beside its baseline: the first action, or the one that a slot names.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PersonalizerReport {
    /// Whether it acts.
    pub mode: LearningMode,
    /// Events that were looked at, the latest.
    pub n_events: usize,
    /// Those with a reward, given or by default.
    pub n_rewarded: usize,
    /// What the service earns a choice; as an apprentice what it would earn where it agrees with the baseline, which
    /// is all that can be known of it before it acts.
    pub service: Rewarded,
    /// What the baseline earns.
    pub baseline: Rewarded,
    /// Part of its choices that are the baseline's.
    pub agreement: Option<f64>,
    /// In words.
    pub verdict: &'static str,
}

/// Rewards with weights.
#[derive(Default)]
struct Weighed {
    numerators: Vec<f64>,
    denominators: Vec<f64>,
}

impl Weighed {
    fn push(&mut self, weight: f64, reward: f64) {
        self.numerators.push(weight * reward);
        self.denominators.push(weight);
    }

    fn rewarded(&self) -> Rewarded {
        let total: f64 = self.denominators.iter().sum();
        let mean = (total > 0.0).then(|| self.numerators.iter().sum::<f64>() / total);
        let interval = mean.map(|_| bootstrap(&self.numerators, &self.denominators, ERROR, 1));
        // Rewards lie in [-1, 1]: beyond, an interval says nothing.
        let interval = interval.filter(|i| i.low.is_finite() && i.high.is_finite());
        Rewarded {
            mean,
            interval: interval.map(|i| Interval {
                low: i.low.max(-1.0),
                high: i.high.min(1.0),
            }),
        }
    }
}

impl Personalizer {
    /// How it does beside its baseline, over the latest ten thousand events.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn report(&self) -> Result<PersonalizerReport, StoreError> {
        let mode = self.settings().await.mode;
        let latest = self.parts.store.decisions(MAX_EVENTS, None).await?;
        let of_it = latest
            .into_iter()
            .filter(|d| d.campaign.as_ref() == Some(&self.campaign));
        let events: Vec<Decision> = of_it.collect();
        let Some(since) = events.iter().map(|d| d.at).min() else {
            return Ok(told(mode, 0, &[]));
        };
        let outcomes = self.parts.store.outcomes_since(since).await?;
        let learned = OutcomeKind::Custom(LEARNED.to_owned());
        let rewarded: Vec<(&Decision, f64)> = events
            .iter()
            .filter_map(|decision| {
                let reward = outcomes
                    .get(&decision.id)?
                    .iter()
                    .find(|o| o.kind == learned)?;
                Some((decision, 2.0 * f64::from(reward.value) - 1.0))
            })
            .collect();
        Ok(told(mode, events.len(), &rewarded))
    }
}

fn told(mode: LearningMode, n_events: usize, rewarded: &[(&Decision, f64)]) -> PersonalizerReport {
    let (mut service, mut baseline) = (Weighed::default(), Weighed::default());
    let (mut agreed, mut n_asked) = (0.0, 0.0);
    for (decision, reward) in rewarded {
        let is_baseline = decision
            .candidates
            .first()
            .is_some_and(|first| first.creative == decision.creative);
        let by_model = decision.features.iter().find(|(name, _)| name == BY_MODEL);
        let by_model = by_model.map_or(0.0, |(_, p)| f64::from(*p));
        let propensity = f64::from(decision.propensity);
        // What the model would have done, whatever was done.
        service.push(by_model / propensity, *reward);
        if is_baseline {
            baseline.push(1.0 / propensity, *reward);
        }
        n_asked += 1.0;
        agreed += match mode {
            LearningMode::Online => f64::from(u8::from(is_baseline)),
            LearningMode::Apprentice | LearningMode::LoggingOnly => by_model,
        };
    }
    let (service, baseline) = (service.rewarded(), baseline.rewarded());
    PersonalizerReport {
        mode,
        n_events,
        n_rewarded: rewarded.len(),
        verdict: verdict(service, baseline),
        service,
        baseline,
        agreement: (n_asked > 0.0).then(|| agreed / n_asked),
    }
}

fn verdict(service: Rewarded, baseline: Rewarded) -> &'static str {
    match (service.interval, baseline.interval) {
        (Some(service), Some(baseline)) if service.low > baseline.high => {
            "the service earns more than its baseline"
        }
        (Some(service), Some(baseline)) if service.high < baseline.low => {
            "the service earns less than its baseline"
        }
        (Some(_), Some(_)) => "the intervals overlap: neither is known to earn more",
        _ => "too few events to tell",
    }
}
