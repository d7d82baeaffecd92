//! Whether the promise holds: over many random splits of what there is.

use super::chance::Chance;
use super::choose::Lesson;
use super::conformal::{Calibration, Promise};
use super::model::Seen;
use super::rows::{SpoolError, Table};
use super::teach::{case_of, taught};

/// Share of the examples that teach, drawn once; the rest is split anew each time.
const TAUGHT: f64 = 0.3;

/// Why splits could not be tried.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// Embeddings could not be read.
    #[error(transparent)]
    Rows(#[from] SpoolError),
    /// Too few examples.
    #[error("{n} examples are too few: {needed} are needed")]
    TooFew {
        /// Those there are.
        n: usize,
        /// Those needed.
        needed: usize,
    },
}

/// What came of many splits at one error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SplitTrials {
    /// Splits.
    pub n_splits: usize,
    /// Examples that calibrate in each, and those that test.
    pub n_calibrating: usize,
    /// Examples that test.
    pub n_testing: usize,
    /// Share of all tested examples whose set missed the true class.
    pub missed: f64,
    /// Splits in which the set of one example drawn beforehand missed it: as many draws of a coin of at most the error.
    pub n_first_missed: usize,
    /// Share of the tested on which one class was decided for.
    pub decided: f64,
    /// Share of these decisions that were wrong.
    pub decided_wrong: f64,
}

/// Tries splits of embeddings that are there: one head is taught, then what calibrates and what tests is drawn again and again.
///
/// # Errors
/// [`TrialError`].
pub fn split_trials(
    table: &Table,
    labels: &[u32],
    n_classes: usize,
    asked: &[(f64, Promise)],
    (n_splits, n_threads, seed): (usize, usize, u64),
) -> Result<Vec<SplitTrials>, TrialError> {
    let n = labels.len();
    let mut order: Vec<u32> = (0..n as u32).collect();
    Chance::new(seed, 90).shuffle(&mut order);
    let n_taught = (n as f64 * TAUGHT) as usize;
    let (teaching, pool) = order.split_at(n_taught);
    let mut teaching = teaching.to_vec();
    teaching.sort_unstable();
    let n_testing = pool.len() / 4;
    let n_calibrating = pool.len() - n_testing;
    if n_testing == 0 || n_taught < 2 * n_classes {
        let needed = 8 * n_classes;
        return Err(TrialError::TooFew { n, needed });
    }
    let own: Vec<u32> = teaching.iter().map(|i| labels[*i as usize]).collect();
    let (head, centers, temperature) = taught(&Lesson {
        rows: table,
        chosen: &teaching,
        labels: &own,
        n_classes,
        n_threads,
        seed,
    })?;
    let seen: Vec<(u32, Seen)> = pool
        .iter()
        .map(|index| {
            let row = table.row(*index as usize);
            (
                labels[*index as usize],
                Seen::of(&head, &centers, temperature, row),
            )
        })
        .collect();
    let mut trials: Vec<SplitTrials> = asked
        .iter()
        .map(|_| SplitTrials {
            n_splits,
            n_calibrating,
            n_testing,
            missed: 0.0,
            n_first_missed: 0,
            decided: 0.0,
            decided_wrong: 0.0,
        })
        .collect();
    let mut chance = Chance::new(seed, 91);
    let mut places: Vec<usize> = (0..seen.len()).collect();
    for _ in 0..n_splits {
        chance.shuffle(&mut places);
        let (testing, calibrating) = places.split_at(n_testing);
        let cases = calibrating
            .iter()
            .map(|i| case_of(seen[*i].0, &seen[*i].1))
            .collect();
        let calibration = Calibration::new(cases, n_classes);
        for (trial, (error, promise)) in trials.iter_mut().zip(asked) {
            for (number, index) in testing.iter().enumerate() {
                let (class, seen) = &seen[*index];
                let verdict = calibration.judge(&seen.misfits(), &seen.distances, *error, *promise);
                let is_missed = !verdict.set.contains(class);
                trial.missed += f64::from(u8::from(is_missed));
                trial.n_first_missed += usize::from(is_missed && number == 0);
                if let Ok(decided) = verdict.decision {
                    trial.decided += 1.0;
                    trial.decided_wrong += f64::from(u8::from(decided != *class));
                }
            }
        }
    }
    let n_all = (n_splits * n_testing) as f64;
    for trial in &mut trials {
        trial.decided_wrong /= trial.decided.max(1.0);
        trial.missed /= n_all;
        trial.decided /= n_all;
    }
    Ok(trials)
}

#[cfg(test)]
mod tests;
