//! Fitting in small batches, for more examples than memory holds.

#[cfg(test)]
use super::step;
use super::{Problem, Scaling, Weights};
use crate::learn::chance::Chance;
use crate::learn::rows::{Rows, SpoolError};

/// Examples of a batch.
const BATCH: usize = 256;

/// Times that every example is looked at. The second half of them is averaged.
const N_ROUNDS: usize = 4;

/// Stride of the first batch; rows have a mean square length of 1, so that the loss curves at most half as much.
const FIRST_STRIDE: f64 = 2.0;

/// Fits on the rows named, read in an order drawn anew each round, from where `weights` stand: those of a fit on a part.
/// Holds one batch in memory.
///
/// # Errors
/// [`SpoolError::Read`].
///
/// # Source
/// Polyak and Juditsky 1992: the mean of the later steps, which ends nearer than any of them.
pub(in crate::learn) fn fit_in_batches(
    rows: &dyn Rows,
    (chosen, labels): (&[u32], &[u32]),
    scaling: &Scaling,
    (weights, penalty): (&mut Weights, f64),
    n_threads: usize,
    seed: u64,
) -> Result<(), SpoolError> {
    let n = chosen.len();
    let n_steps = n.div_ceil(BATCH) * N_ROUNDS;
    let mut order: Vec<u32> = (0..n as u32).collect();
    let mut chance = Chance::new(seed, 31);
    let mut mean = vec![0.0; weights.values.len()];
    let mut gradient = vec![0.0; weights.values.len()];
    let (mut n_done, mut n_averaged) = (0, 0.0);
    for _ in 0..N_ROUNDS {
        chance.shuffle(&mut order);
        for batch in order.chunks(BATCH) {
            let picked: Vec<u32> = batch.iter().map(|i| chosen[*i as usize]).collect();
            let of_batch: Vec<u32> = batch.iter().map(|i| labels[*i as usize]).collect();
            let table = scaling.table(rows, &picked)?;
            let problem = Problem {
                table: &table,
                labels: &of_batch,
                n_classes: weights.n_classes,
                penalty,
                n_threads,
            };
            problem.loss(&weights.values, &mut gradient);
            let stride = FIRST_STRIDE * (1.0 - n_done as f64 / n_steps as f64).max(0.02);
            for (weight, slope) in weights.values.iter_mut().zip(&gradient) {
                *weight -= stride * slope;
            }
            n_done += 1;
            if n_done > n_steps / 2 {
                n_averaged += 1.0;
                for (mean, weight) in mean.iter_mut().zip(&weights.values) {
                    *mean += (weight - *mean) / n_averaged;
                }
            }
        }
    }
    weights.values = mean;
    Ok(())
}

/// Loss of one example under weights, for whoever compares.
#[cfg(test)]
pub(super) fn loss_of(weights: &[f32], row: &[f32], label: u32, n_classes: usize) -> f64 {
    let mut gradient = vec![0.0; weights.len()];
    step(
        weights,
        row,
        label,
        &mut vec![0.0; n_classes],
        &mut gradient,
    )
}
