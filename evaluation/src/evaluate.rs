//! A policy, evaluated on a log before it runs.

use std::collections::{BTreeMap, BTreeSet};

use regard_decision::{
    Action, FeatureSpace, PolicyConfig, UpdateError, Workspace, new_policy_over,
};
use regard_domain::{BadId, CreativeId};
use serde::Serialize;

use crate::diagnosis::Diagnosis;
use crate::estimate::{Estimator, Sample};
use crate::interval::{Interval, anytime, bootstrap, empirical_bernstein};
use crate::log::{Log, LoggedPlay};
use crate::reward_model::{Case, cross_fitted};

/// What is evaluated.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// The policy that made the log: its mean reward, as a yardstick.
    Logged,
    /// Every option as often.
    Uniform,
    /// One message wherever it can be chosen, else every option as often.
    Always(String),
    /// A policy that learns, from the other folds of the log; or one that does not.
    Policy(PolicyConfig),
}

/// How to evaluate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Folds of learning and of the model of rewards.
    pub n_folds: usize,
    /// What intervals may miss.
    pub error: f64,
    /// Seed of the bootstrap.
    pub seed: u64,
}

impl Default for Settings {
    /// Five folds, 95 % intervals.
    fn default() -> Self {
        Self {
            n_folds: 5,
            error: 0.05,
            seed: 1,
        }
    }
}

/// One estimate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// How it was made.
    pub estimator: Estimator,
    /// Mean reward of a play.
    pub value: f64,
    /// Studentized bootstrap; nothing for estimators that are biased, and where too few rewarded plays
    /// have weight.
    pub bootstrap: Option<Interval>,
    /// Empirical Bernstein; for means alone.
    pub bernstein: Option<Interval>,
    /// Valid whenever one looks; for means alone.
    pub anytime: Option<Interval>,
}

/// What is known of a policy from a log.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// Mean reward of the log.
    pub logged: f64,
    /// The estimates.
    pub estimates: Vec<Estimate>,
    /// Whether the log can carry them.
    pub diagnosis: Diagnosis,
    /// Weights of the plays, for drawing.
    #[serde(skip)]
    pub weights: Vec<f64>,
}

/// Why a policy could not be evaluated.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// A message has a name that is no id.
    #[error("a message of the log has a name that is no id")]
    Id(#[from] BadId),
    /// The policy did not learn.
    #[error("the policy did not learn from the log")]
    Update(#[from] UpdateError),
    /// Too few plays for the folds.
    #[error("{n} plays are too few for {n_folds} folds")]
    Few {
        /// Plays.
        n: usize,
        /// Folds.
        n_folds: usize,
    },
}

/// Rewarded plays, as far as weights leave them, below which a bootstrap does not know what it has not
/// seen.
const FEW_REWARDED: f64 = 10.0;

/// How many terms carry a sum: `(Σ|t|)² / Σt²`.
fn effective(terms: &[f64]) -> f64 {
    let sum: f64 = terms.iter().map(|t| t.abs()).sum();
    let squares: f64 = terms.iter().map(|t| t * t).sum();
    if squares > 0.0 {
        sum * sum / squares
    } else {
        0.0
    }
}

/// Most features of a context that are learned from, the most frequent first: models grow with the
/// square of their number.
const MAX_CONTEXT: usize = 128;

/// Most names of messages that the model of rewards tells apart, the most frequent first.
const MAX_IDS: usize = 256;

/// Evaluates a policy.
///
/// # Errors
/// [`EvaluateError`].
pub fn evaluate(
    log: &Log,
    target: &Target,
    settings: Settings,
) -> Result<Evaluation, EvaluateError> {
    let plays = log.plays();
    let n_folds = settings.n_folds.max(1);
    if plays.len() < 2 * n_folds {
        return Err(EvaluateError::Few {
            n: plays.len(),
            n_folds,
        });
    }
    // Every n-th play: each fold sees all times of the log.
    let folds: Vec<usize> = (0..plays.len()).map(|i| i % n_folds).collect();
    let names = Names::of(plays);
    let samples = samples(plays, target, &folds, &names)?;
    let cases: Vec<Case> = plays.iter().map(|play| names.case(play)).collect();
    let expected = cross_fitted(&cases, &folds);
    let weights: Vec<f64> = samples.iter().map(Sample::weight).collect();
    let ones = vec![1.0; samples.len()];
    let max_weight = max_weight(plays, &samples);
    let is_carried = effective(&Estimator::Ips.terms(&samples, &expected)) >= FEW_REWARDED;
    let one = |estimator: Estimator| {
        let terms = estimator.terms(&samples, &expected);
        let by_bootstrap = match estimator {
            Estimator::Snips => {
                let ips = Estimator::Ips.terms(&samples, &expected);
                bootstrap(&ips, &weights, settings.error, settings.seed)
            }
            _ => bootstrap(&terms, &ones, settings.error, settings.seed),
        };
        let range = match estimator {
            Estimator::Ips => (0.0, max_weight),
            _ => (-max_weight, 1.0 + max_weight),
        };
        // Rewards lie in 0 to 1, so no mean of them lies outside.
        let clipped = |interval: Interval| Interval {
            low: interval.low.clamp(0.0, 1.0),
            high: interval.high.clamp(0.0, 1.0),
        };
        let of_mean = |make: fn(&[f64], (f64, f64), f64) -> Interval| {
            let interval = || clipped(make(&terms, range, settings.error));
            estimator.is_mean().then(interval)
        };
        Estimate {
            estimator,
            value: terms.iter().sum::<f64>() / terms.len() as f64,
            bootstrap: (estimator.is_unbiased() && is_carried).then(|| clipped(by_bootstrap)),
            bernstein: of_mean(empirical_bernstein),
            anytime: of_mean(anytime),
        }
    };
    Ok(Evaluation {
        logged: plays.iter().map(|p| p.reward).sum::<f64>() / plays.len() as f64,
        estimates: Estimator::ALL.into_iter().map(one).collect(),
        diagnosis: Diagnosis::of(log, &samples),
        weights,
    })
}

/// Greatest weight that any choice could have had; where the log does not tell the probabilities of
/// what was not chosen, the least one that it tells stands for them.
fn max_weight(plays: &[LoggedPlay], samples: &[Sample]) -> f64 {
    let least = plays.iter().map(|p| p.propensity).fold(1.0, f64::min);
    let of_play = |(play, sample): (&LoggedPlay, &Sample)| {
        let weight = |(option, p): (&crate::Offered, &f64)| match option.propensity {
            Some(0.0) => 0.0,
            Some(propensity) => p / propensity,
            None => p / least,
        };
        let pairs = play.options.iter().zip(&sample.target);
        pairs.map(weight).fold(sample.weight(), f64::max)
    };
    plays.iter().zip(samples).map(of_play).fold(1.0, f64::max)
}

/// Names of features and messages, in order.
struct Names {
    context: Vec<String>,
    features: Vec<String>,
    ids: Vec<String>,
}

fn most_frequent<'a>(names: impl Iterator<Item = &'a String>, most: usize) -> Vec<String> {
    let mut counts = BTreeMap::<&String, u64>::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    counts.truncate(most);
    let kept: BTreeSet<String> = counts.into_iter().map(|(name, _)| name.clone()).collect();
    kept.into_iter().collect()
}

impl Names {
    fn of(plays: &[LoggedPlay]) -> Self {
        let options = || plays.iter().flat_map(|p| &p.options);
        let chosen = plays.iter().map(|p| &p.options[p.chosen].id);
        Self {
            context: most_frequent(plays.iter().flat_map(|p| p.context.keys()), MAX_CONTEXT),
            features: most_frequent(options().flat_map(|o| o.features.keys()), MAX_CONTEXT),
            ids: most_frequent(chosen, MAX_IDS),
        }
    }

    fn context(&self, play: &LoggedPlay) -> Vec<f32> {
        let value = |name: &String| play.context.get(name).copied().unwrap_or(0.0);
        std::iter::once(1.0)
            .chain(self.context.iter().map(value))
            .collect()
    }

    fn case(&self, play: &LoggedPlay) -> Case {
        let option = |option: &crate::Offered| -> Vec<f64> {
            let is = |id: &String| f64::from(u8::from(*id == option.id));
            let value =
                |name: &String| f64::from(option.features.get(name).copied().unwrap_or(0.0));
            self.ids
                .iter()
                .map(is)
                .chain(self.features.iter().map(value))
                .collect()
        };
        let context = self.context.iter();
        let value = |name: &String| f64::from(play.context.get(name).copied().unwrap_or(0.0));
        Case {
            context: context.map(value).collect(),
            options: play.options.iter().map(option).collect(),
            action: play.chosen,
            reward: play.reward,
        }
    }

    fn space(&self) -> FeatureSpace {
        let bias = std::iter::once("bias".to_owned());
        let context: Vec<String> = bias.chain(self.context.iter().cloned()).collect();
        if self.features.is_empty() {
            return FeatureSpace::of_context(&context);
        }
        let ids = self.ids.iter().map(|id| format!("id.{id}"));
        FeatureSpace::new(&context, self.features.iter().cloned().chain(ids).collect())
    }
}

fn samples(
    plays: &[LoggedPlay],
    target: &Target,
    folds: &[usize],
    names: &Names,
) -> Result<Vec<Sample>, EvaluateError> {
    let sample = |play: &LoggedPlay, target: Vec<f64>| Sample {
        action: play.chosen,
        reward: play.reward,
        propensity: play.propensity,
        target,
    };
    let even = |play: &LoggedPlay| vec![1.0 / play.options.len() as f64; play.options.len()];
    let fixed = |distribution: &dyn Fn(&LoggedPlay) -> Vec<f64>| {
        plays
            .iter()
            .map(|play| sample(play, distribution(play)))
            .collect()
    };
    match target {
        Target::Uniform => Ok(fixed(&even)),
        Target::Always(id) => Ok(fixed(&|play| {
            let is = |k: usize| f64::from(u8::from(play.options[k].id == *id));
            let chosen: Vec<f64> = (0..play.options.len()).map(is).collect();
            // One message may stand in the list twice.
            let n: f64 = chosen.iter().sum();
            if n > 0.0 {
                chosen.iter().map(|p| p / n).collect()
            } else {
                even(play)
            }
        })),
        Target::Logged => Ok(fixed(&|play| {
            let told: Option<Vec<f64>> = play.options.iter().map(|o| o.propensity).collect();
            // Where only the probability of the chosen is told, its weight alone matters.
            told.unwrap_or_else(|| {
                let rest = (1.0 - play.propensity) / (play.options.len().max(2) - 1) as f64;
                let p = |k| {
                    if k == play.chosen {
                        play.propensity
                    } else {
                        rest
                    }
                };
                (0..play.options.len()).map(p).collect()
            })
        })),
        Target::Policy(config) => {
            let mut targets: Vec<Vec<f64>> = vec![Vec::new(); plays.len()];
            let n_folds = folds.iter().max().map_or(0, |last| last + 1);
            for fold in 0..n_folds {
                learn_and_ask(plays, *config, (folds, fold), names, &mut targets)?;
            }
            let pairs = plays.iter().zip(targets);
            Ok(pairs.map(|(play, target)| sample(play, target)).collect())
        }
    }
}

/// Lets a policy learn from all folds but one and asks it about that one.
fn learn_and_ask(
    plays: &[LoggedPlay],
    config: PolicyConfig,
    (folds, fold): (&[usize], usize),
    names: &Names,
    targets: &mut [Vec<f64>],
) -> Result<(), EvaluateError> {
    let space = names.space();
    let mut policy = new_policy_over(config, &space);
    let place = |play: &LoggedPlay, k: usize| {
        if names.features.is_empty() {
            return Vec::new();
        }
        let option = &play.options[k];
        let own = format!("id.{}", option.id);
        let features = option
            .features
            .iter()
            .map(|(name, value)| (name.as_str(), *value));
        space.place(features.chain([(own.as_str(), 1.0)]))
    };
    for (play, _) in plays.iter().zip(folds).filter(|(_, f)| **f != fold) {
        let id = id_of(&play.options[play.chosen].id)?;
        let features = place(play, play.chosen);
        policy.update_with((&id, &features), &names.context(play), play.reward as f32)?;
    }
    let (mut work, mut out) = (Workspace::default(), Vec::new());
    for (i, play) in plays.iter().enumerate().filter(|(i, _)| folds[*i] == fold) {
        let ids: Vec<CreativeId> = play
            .options
            .iter()
            .map(|o| id_of(&o.id))
            .collect::<Result<_, _>>()?;
        let features: Vec<Vec<f32>> = (0..ids.len()).map(|k| place(play, k)).collect();
        let actions: Vec<Action<'_>> = ids
            .iter()
            .zip(&features)
            .map(|(creative, features)| Action::featured(creative, features))
            .collect();
        policy.propensities_into(&names.context(play), &actions, &mut work, &mut out);
        targets[i] = out.iter().copied().map(f64::from).collect();
    }
    Ok(())
}

/// Names of other systems hold characters that our ids may not.
fn id_of(text: &str) -> Result<CreativeId, BadId> {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    CreativeId::new(text).or_else(|_| {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in text.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        let start: String = text.chars().take(24).map(plain).collect();
        let start = start.trim_matches('-').to_owned();
        CreativeId::new(format!("x{start}-{hash:016x}"))
    })
}
