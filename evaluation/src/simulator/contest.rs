//! A policy on a stream.

use std::collections::VecDeque;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use regard_decision::{
    Action, FeatureSpace, PolicyConfig, UpdateError, Workspace, new_policy_over,
};
use regard_domain::{BadId, CreativeId};
use serde::{Deserialize, Serialize};

use super::stream::{Round, Stream};

/// What a policy made of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Contest {
    /// Name of the stream.
    pub stream: String,
    /// What the chosen messages earned.
    pub rewards: Vec<f32>,
    /// What they were expected to lose against the best, round by round.
    pub regrets: Vec<f64>,
}

impl Contest {
    /// Mean reward of a round.
    pub fn mean_reward(&self) -> f64 {
        let sum: f64 = self.rewards.iter().copied().map(f64::from).sum();
        sum / self.rewards.len().max(1) as f64
    }

    /// Regret of all rounds together.
    pub fn regret(&self) -> f64 {
        self.regrets.iter().sum()
    }
}

/// Why a policy could not run on a stream.
#[derive(Debug, thiserror::Error)]
pub enum ContestError {
    /// A message has a name that is no id.
    #[error("a message of the stream has a name that is no id")]
    Id(#[from] BadId),
    /// The policy refused a reward.
    #[error("the policy refused a reward of the stream")]
    Update(#[from] UpdateError),
}

/// A round as policies take it.
struct Seen {
    context: Vec<f32>,
    ids: Vec<CreativeId>,
}

fn seen(round: &Round) -> Result<Seen, BadId> {
    let ids = round.ids.iter().map(|id| CreativeId::new(id.as_str()));
    Ok(Seen {
        context: with_bias(&round.context),
        ids: ids.collect::<Result<_, _>>()?,
    })
}

/// Contexts of the engine begin with a feature that is always 1; so do these.
fn with_bias(context: &[f32]) -> Vec<f32> {
    std::iter::once(1.0)
        .chain(context.iter().copied())
        .collect()
}

fn bias_and(names: &[String]) -> Vec<String> {
    std::iter::once("bias".to_owned())
        .chain(names.iter().cloned())
        .collect()
}

impl Stream {
    /// Lets a policy choose and learn, round by round; rewards come as late as the stream says. The
    /// seed is that of the choices.
    ///
    /// # Errors
    /// [`ContestError`].
    pub fn play(&self, config: PolicyConfig, seed: u64) -> Result<Contest, ContestError> {
        let space = FeatureSpace::new(&bias_and(&self.context_names), self.action_names.clone());
        let mut policy = new_policy_over(config, &space);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut waiting: VecDeque<(usize, usize)> = VecDeque::new();
        let (mut work, mut propensities) = (Workspace::default(), Vec::new());
        let (mut rewards, mut choices) = (Vec::new(), Vec::new());
        let none: &[f32] = &[];
        for (i, round) in self.rounds.iter().enumerate() {
            while waiting.front().is_some_and(|(at, _)| at + self.delay < i) {
                if let Some((at, k)) = waiting.pop_front() {
                    let round = &self.rounds[at];
                    let id = CreativeId::new(round.ids[k].as_str())?;
                    let features = round.actions.get(k).map_or(none, Vec::as_slice);
                    let context = with_bias(&round.context);
                    policy.update_with((&id, features), &context, round.rewards[k])?;
                }
            }
            let seen = seen(round)?;
            let actions: Vec<Action<'_>> = seen
                .ids
                .iter()
                .enumerate()
                .map(|(k, id)| {
                    Action::featured(id, round.actions.get(k).map_or(none, Vec::as_slice))
                })
                .collect();
            policy.propensities_into(&seen.context, &actions, &mut work, &mut propensities);
            let k = super::draw(&propensities, &mut rng);
            rewards.push(round.rewards[k]);
            choices.push(k);
            waiting.push_back((i, k));
        }
        Ok(Contest {
            stream: self.name.clone(),
            regrets: self.regrets(&choices),
            rewards,
        })
    }
}

/// One row of a log: what was shown to whom, with which probability, and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoggedRound {
    /// Features of the context.
    pub context: Vec<f32>,
    /// Which of the messages was shown.
    pub action: usize,
    /// What it earned.
    pub reward: f32,
    /// The probability with which it was chosen.
    pub propensity: f32,
}

/// Rows of a log of messages that stay the same.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedStream {
    /// What it is called.
    pub name: String,
    /// Names of the features of a context.
    pub context_names: Vec<String>,
    /// The messages.
    pub ids: Vec<CreativeId>,
    /// The rows.
    pub rows: Vec<LoggedRound>,
}

impl LoggedStream {
    /// Lets a policy learn from the log row by row. Before each row the probability it gives to what was
    /// shown weighs what that earned, by inverse propensity: returned are these terms, whose
    /// mean estimates what the learning policy would have earned.
    ///
    /// # Errors
    /// [`ContestError`].
    pub fn learn(&self, config: PolicyConfig) -> Result<Vec<f64>, ContestError> {
        let space = FeatureSpace::of_context(&bias_and(&self.context_names));
        let mut policy = new_policy_over(config, &space);
        let actions: Vec<Action<'_>> = self
            .ids
            .iter()
            .map(|id| Action::featured(id, &[]))
            .collect();
        let (mut work, mut propensities) = (Workspace::default(), Vec::new());
        let mut terms = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            let context = with_bias(&row.context);
            policy.propensities_into(&context, &actions, &mut work, &mut propensities);
            let weight = propensities[row.action] / row.propensity;
            terms.push(f64::from(weight) * f64::from(row.reward));
            policy.update_with((&self.ids[row.action], &[]), &context, row.reward)?;
        }
        Ok(terms)
    }

    /// Reads lines of JSON: a head with `name`, `context_names`, `ids`, then the rows.
    ///
    /// # Errors
    /// [`super::BadStream`] names the first line that is wrong.
    pub fn from_ndjson(text: &str) -> Result<Self, super::BadStream> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Head {
            name: String,
            context_names: Vec<String>,
            ids: Vec<CreativeId>,
        }
        let mut lines = text.lines().enumerate();
        let at = |line: usize| move |source| super::BadStream::Line { line, source };
        let (_, first) = lines.next().ok_or(super::BadStream::Empty)?;
        let head: Head = serde_json::from_str(first).map_err(at(1))?;
        let mut rows = Vec::new();
        for (i, line) in lines {
            let row: LoggedRound = serde_json::from_str(line).map_err(at(i + 1))?;
            let fits = row.context.len() == head.context_names.len()
                && row.action < head.ids.len()
                && row.propensity > 0.0;
            if !fits {
                return Err(super::BadStream::Shape { line: i + 1 });
            }
            rows.push(row);
        }
        Ok(Self {
            name: head.name,
            context_names: head.context_names,
            ids: head.ids,
            rows,
        })
    }
}
