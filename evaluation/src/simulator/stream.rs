//! A stream of rounds: what there is to know, what could be shown, what each would have earned.

use serde::{Deserialize, Serialize};

/// One choice to be made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Round {
    /// Features of the audience and the hour, in the order of [`Stream::context_names`].
    pub context: Vec<f32>,
    /// Names of the messages that can be chosen.
    pub ids: Vec<String>,
    /// Features of each message, in the order of [`Stream::action_names`]; empty where only the
    /// names tell messages apart.
    #[serde(default)]
    pub actions: Vec<Vec<f32>>,
    /// What each would earn, in `[0, 1]`. Only the chosen one's is told.
    pub rewards: Vec<f32>,
    /// The expectation of that.
    pub means: Vec<f32>,
}

/// Rounds, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stream {
    /// What it is called.
    pub name: String,
    /// Rounds after which a reward becomes known; 0 means before the next choice.
    pub delay: usize,
    /// Names of the features of a context.
    pub context_names: Vec<String>,
    /// Names of the features of a message.
    pub action_names: Vec<String>,
    /// The rounds.
    pub rounds: Vec<Round>,
}

impl Stream {
    /// The regret of choosing these, round by round: what the best message was expected to earn
    /// less what the chosen one was.
    ///
    /// # Panics
    /// When a choice is not one of its round.
    pub fn regrets(&self, choices: &[usize]) -> Vec<f64> {
        let regret = |(round, choice): (&Round, &usize)| {
            let best = round.means.iter().copied().fold(f32::MIN, f32::max);
            f64::from(best) - f64::from(round.means[*choice])
        };
        self.rounds.iter().zip(choices).map(regret).collect()
    }
}

/// The first line of a written stream.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    name: String,
    delay: usize,
    context_names: Vec<String>,
    action_names: Vec<String>,
}

/// Why a written stream was not taken.
#[derive(Debug, thiserror::Error)]
pub enum BadStream {
    /// Nothing is there.
    #[error("the stream is empty")]
    Empty,
    /// A line is not of the form.
    #[error("line {line} of the stream is not valid")]
    Line {
        /// Which, from 1.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
    /// Numbers of features, messages and rewards do not fit each other.
    #[error("the parts of line {line} of the stream do not fit each other")]
    Shape {
        /// Which, from 1.
        line: usize,
    },
}

impl Stream {
    /// The stream as lines of JSON: a head, then the rounds, for programs in other languages.
    pub fn to_ndjson(&self) -> String {
        let head = Head {
            name: self.name.clone(),
            delay: self.delay,
            context_names: self.context_names.clone(),
            action_names: self.action_names.clone(),
        };
        let print = "numbers and names always print";
        let mut text = serde_json::to_string(&head).expect(print);
        for round in &self.rounds {
            text.push('\n');
            text += &serde_json::to_string(round).expect(print);
        }
        text.push('\n');
        text
    }

    /// Reads what [`Stream::to_ndjson`] writes.
    ///
    /// # Errors
    /// [`BadStream`] names the first line that is wrong.
    pub fn from_ndjson(text: &str) -> Result<Self, BadStream> {
        let mut lines = text.lines().enumerate();
        let at = |line: usize| move |source| BadStream::Line { line, source };
        let (_, first) = lines.next().ok_or(BadStream::Empty)?;
        let head: Head = serde_json::from_str(first).map_err(at(1))?;
        let mut rounds = Vec::new();
        for (i, line) in lines {
            let round: Round = serde_json::from_str(line).map_err(at(i + 1))?;
            let n = round.ids.len();
            let fits = round.context.len() == head.context_names.len()
                && n > 0
                && round.rewards.len() == n
                && round.means.len() == n
                && (head.action_names.is_empty() || round.actions.len() == n)
                && round
                    .actions
                    .iter()
                    .all(|a| a.len() == head.action_names.len());
            if !fits {
                return Err(BadStream::Shape { line: i + 1 });
            }
            rounds.push(round);
        }
        Ok(Self {
            name: head.name,
            delay: head.delay,
            context_names: head.context_names,
            action_names: head.action_names,
            rounds,
        })
    }
}
