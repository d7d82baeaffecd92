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
