//! What participants' curves foretell of how they liked a message, and how well that was foretold of people whom the model had
//! never seen.

use std::collections::BTreeMap;

use regard_domain::CreativeId;
use serde::Serialize;

use super::curves::{Curve, mean_with_interval};
use super::plan::StudyPlan;
use super::sitting::{Answer, Sitting, Watched};
use crate::{Case, Interval, bootstrap, cross_fitted};

/// Participants below which nothing is foretold: leaving one out of fewer leaves too little to learn from, and too few errors
/// to say how great they are.
pub const MIN_FORETELLING: usize = 8;

/// Error that intervals of this file allow.
const ERROR: f64 = 0.05;

/// What is foretold of a message: the mean liking of people like the participants, from their curves alone.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Foretold {
    /// Which.
    pub creative: CreativeId,
    /// From 1 to 7.
    pub liking: f64,
    /// Where the mean liking is; it counts how far off the model was with people whom it had not seen.
    pub interval: Interval,
    /// Participants whose curves it was foretold from.
    pub n: u32,
}

/// How well answers were foretold, each participant by a model of the others alone.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "told", rename_all = "snake_case")]
pub enum Foretelling {
    /// There is something to say.
    Told {
        /// Part of the squared error that the curves take away from saying everybody's mean each time: 1 all of it, 0 none,
        /// below 0 worse than saying the mean.
        skill: f64,
        /// Where it is.
        interval: Interval,
        /// Whether the whole interval is above 0.
        is_beyond_chance: bool,
        /// Participants.
        n: u32,
        /// What is foretold of each message.
        messages: Vec<Foretold>,
    },
    /// Not enough participants answered.
    TooFew {
        /// Participants who answered about liking.
        n: usize,
        /// Participants it takes.
        needed: usize,
    },
    /// Nobody was asked about liking.
    NotAsked,
}

/// What a curve comes to: means, ends, heights. In a unit of its own each, to be scaled.
fn features(watched: &Watched) -> Option<Vec<f64>> {
    let n = watched.attention.0.len();
    let last = n - n.div_ceil(4).min(n)..n;
    let attention = watched.attention.mean(0..n)?;
    let greatest = |curve: &Curve| {
        curve
            .0
            .iter()
            .flatten()
            .fold(f64::NEG_INFINITY, |most, v| most.max(f64::from(*v)))
    };
    let smile = watched.smile.mean(0..n)?;
    let valence = watched.valence.mean(0..n)?;
    Some(vec![
        attention,
        watched.attention.mean(last.clone()).unwrap_or(attention) - attention,
        smile,
        greatest(&watched.smile),
        watched.smile.mean(last.clone()).unwrap_or(smile) - smile,
        valence,
        watched.valence.mean(last).unwrap_or(valence) - valence,
    ])
}

/// One message as one participant saw it and answered about it.
struct Row<'a> {
    participant: usize,
    creative: &'a CreativeId,
    features: Vec<f64>,
    liking: Option<f64>,
}

fn rows<'a>(plan: &'a StudyPlan, sittings: &[&'a Sitting]) -> Vec<Row<'a>> {
    let asked = plan.liking().map(|question| &question.id);
    let mut rows = Vec::new();
    for (participant, sitting) in sittings.iter().enumerate() {
        for (creative, watched) in &sitting.watched {
            let Some(features) = features(watched) else {
                continue;
            };
            let answer = asked.and_then(|id| watched.answers.get(id));
            let liking = match answer {
                Some(Answer::Liking(value)) => Some(f64::from(*value)),
                Some(Answer::Choice(_) | Answer::Text(_)) | None => None,
            };
            rows.push(Row {
                participant,
                creative,
                features,
                liking,
            });
        }
    }
    rows
}

/// Features to mean 0 and deviation 1 over all rows, so that one penalty fits all.
fn scale(rows: &mut [Row<'_>]) {
    let n = rows.len().max(1) as f64;
    let width = rows.first().map_or(0, |row| row.features.len());
    for at in 0..width {
        let mean = rows.iter().map(|row| row.features[at]).sum::<f64>() / n;
        let squares: f64 = rows
            .iter()
            .map(|row| (row.features[at] - mean).powi(2))
            .sum();
        let deviation = (squares / n).sqrt();
        for row in rows.iter_mut() {
            let value = &mut row.features[at];
            *value = if deviation > 1e-9 {
                (*value - mean) / deviation
            } else {
                0.0
            };
        }
    }
}

/// Foretells, each participant by the others.
///
/// # Source
/// Ridge regression, leaving one participant out; the interval of the skill resamples participants, for what one person
/// answers hangs together.
pub(super) fn foretell(plan: &StudyPlan, sittings: &[&Sitting], seed: u64) -> Foretelling {
    if plan.liking().is_none() {
        return Foretelling::NotAsked;
    }
    let mut rows = rows(plan, sittings);
    rows.retain(|row| row.liking.is_some());
    scale(&mut rows);
    let mut places = BTreeMap::new();
    for row in &rows {
        let next = places.len();
        places.entry(row.participant).or_insert(next);
    }
    let n = places.len();
    if n < MIN_FORETELLING {
        return Foretelling::TooFew {
            n,
            needed: MIN_FORETELLING,
        };
    }
    let likings: Vec<f64> = rows
        .iter()
        .map(|row| row.liking.unwrap_or_default())
        .collect();
    let cases: Vec<Case> = rows
        .iter()
        .zip(&likings)
        .map(|(row, liking)| Case {
            context: row.features.clone(),
            options: vec![Vec::new()],
            action: 0,
            reward: *liking,
        })
        .collect();
    let folds: Vec<usize> = rows.iter().map(|row| places[&row.participant]).collect();
    let said: Vec<f64> = cross_fitted(&cases, &folds)
        .into_iter()
        .map(|one| one[0])
        .collect();
    let (mut errors, mut errors_of_mean) = (vec![0.0; n], vec![0.0; n]);
    let total: f64 = likings.iter().sum();
    for fold in 0..n {
        let own: Vec<usize> = (0..rows.len()).filter(|i| folds[*i] == fold).collect();
        let own_sum: f64 = own.iter().map(|i| likings[*i]).sum();
        let mean_of_others = (total - own_sum) / (rows.len() - own.len()).max(1) as f64;
        for i in own {
            errors[fold] += (likings[i] - said[i]).powi(2);
            errors_of_mean[fold] += (likings[i] - mean_of_others).powi(2);
        }
    }
    let left = errors.iter().sum::<f64>() / errors_of_mean.iter().sum::<f64>().max(1e-12);
    let part = bootstrap(&errors, &errors_of_mean, ERROR, seed);
    let interval = Interval {
        low: 1.0 - part.high,
        high: (1.0 - part.low).min(1.0),
    };
    Foretelling::Told {
        skill: 1.0 - left,
        interval,
        is_beyond_chance: interval.low > 0.0,
        n: u32::try_from(n).unwrap_or(u32::MAX),
        messages: foretold(plan, &rows, &said, &likings),
    }
}

fn foretold(plan: &StudyPlan, rows: &[Row<'_>], said: &[f64], likings: &[f64]) -> Vec<Foretold> {
    let mut messages = Vec::new();
    for stimulus in &plan.stimuli {
        let own: Vec<usize> = (0..rows.len())
            .filter(|i| *rows[*i].creative == stimulus.id)
            .collect();
        let of_it: Vec<f64> = own.iter().map(|i| said[*i]).collect();
        // How far off the mean was, seen over the other messages: what the model does not see of a message is the same for
        // all who look at it, and no number of participants makes it smaller.
        let mut off: BTreeMap<&CreativeId, (f64, f64)> = BTreeMap::new();
        for (i, row) in rows.iter().enumerate() {
            let sum = off.entry(row.creative).or_default();
            *sum = (sum.0 + likings[i] - said[i], sum.1 + 1.0);
        }
        let squares: Vec<f64> = off
            .values()
            .map(|(sum, n)| (sum / n.max(1.0)).powi(2))
            .collect();
        let of_messages = squares.iter().sum::<f64>() / squares.len().max(1) as f64;
        let Some((liking, interval)) = mean_with_interval(&of_it, None) else {
            continue;
        };
        let half = (interval.high - liking).hypot(1.96 * of_messages.sqrt());
        messages.push(Foretold {
            creative: stimulus.id.clone(),
            liking,
            interval: Interval {
                low: liking - half,
                high: liking + half,
            },
            n: u32::try_from(of_it.len()).unwrap_or(u32::MAX),
        });
    }
    messages
}
