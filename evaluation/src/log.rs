//! A log of choices: what could be chosen with which probability, what was, and what came of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Something that could be chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offered {
    /// Its name.
    pub id: String,
    /// The probability with which it was to be chosen; nothing when the log does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propensity: Option<f64>,
    /// Its features.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub features: BTreeMap<String, f32>,
}

/// One choice, with what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoggedPlay {
    /// What the log calls it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub event: String,
    /// What was known, by name.
    pub context: BTreeMap<String, f32>,
    /// What could be chosen.
    pub options: Vec<Offered>,
    /// Which of them was.
    pub chosen: usize,
    /// The probability of that.
    pub propensity: f64,
    /// What it earned, in `[0, 1]`.
    pub reward: f64,
}

/// Why a log cannot be evaluated.
#[derive(Debug, thiserror::Error)]
pub enum BadLog {
    /// Nothing is there.
    #[error("the log holds no play with a reward")]
    Empty,
    /// A line cannot be read.
    #[error("line {line} of the log cannot be read")]
    Line {
        /// Which, from 1.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
    /// A row cannot be read.
    #[error("a row of the log cannot be read")]
    Row(#[from] csv::Error),
    /// A column is missing.
    #[error("the log has no column {0}")]
    Column(&'static str),
    /// A play is impossible.
    #[error("play {play} of the log: {what}")]
    Play {
        /// Which, from 1.
        play: usize,
        /// What is wrong.
        what: &'static str,
    },
}

/// Plays in the order of the log; every one is possible.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    plays: Vec<LoggedPlay>,
}

/// How far probabilities may miss a sum of 1: they were logged as 32-bit numbers.
const SUM_SLACK: f64 = 1e-3;

/// Most plays of a log. 4 million take some 4 GB.
const MAX_PLAYS: usize = 4_000_000;

impl Log {
    /// Checks every play.
    ///
    /// # Errors
    /// [`BadLog`] names the first that cannot be.
    pub fn new(plays: Vec<LoggedPlay>) -> Result<Self, BadLog> {
        if plays.is_empty() {
            return Err(BadLog::Empty);
        }
        for (i, play) in plays.iter().enumerate() {
            if let Some(what) = fault(play) {
                return Err(BadLog::Play { play: i + 1, what });
            }
        }
        if plays.len() > MAX_PLAYS {
            let what = "more plays than the 4,000,000 that are read";
            return Err(BadLog::Play {
                play: MAX_PLAYS + 1,
                what,
            });
        }
        Ok(Self { plays })
    }

    /// The plays.
    pub fn plays(&self) -> &[LoggedPlay] {
        &self.plays
    }
}

fn fault(play: &LoggedPlay) -> Option<&'static str> {
    let told: Vec<f64> = play.options.iter().filter_map(|o| o.propensity).collect();
    if play.chosen >= play.options.len() {
        return Some("the chosen message is none of the options");
    }
    if !(play.propensity > 0.0 && play.propensity <= 1.0 + SUM_SLACK) {
        return Some("the probability of what was chosen is not above 0 up to 1");
    }
    if !(0.0..=1.0).contains(&play.reward) {
        return Some("the reward is not in 0 to 1; scale it");
    }
    if told.iter().any(|p| !(0.0..=1.0 + SUM_SLACK).contains(p)) {
        return Some("a probability is not in 0 to 1");
    }
    let of_chosen = play.options[play.chosen].propensity;
    if of_chosen.is_some_and(|p| (p - play.propensity).abs() > SUM_SLACK) {
        return Some("two probabilities are told for what was chosen");
    }
    let sum: f64 = told.iter().sum();
    if told.len() == play.options.len() && (sum - 1.0).abs() > SUM_SLACK {
        return Some("the probabilities of the options do not sum to 1");
    }
    let of_options = play.options.iter().flat_map(|o| o.features.values());
    if !play
        .context
        .values()
        .chain(of_options)
        .all(|v| v.is_finite())
    {
        return Some("a feature is not finite");
    }
    None
}
