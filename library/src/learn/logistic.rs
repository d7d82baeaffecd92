//! Multinomial logistic regression with an L2 penalty: by L-BFGS where the examples fit in memory, else in small batches.

mod batches;
mod lbfgs;

use std::thread;

use super::linear::{Linear, add_scaled, dot};
use super::rows::{Rows, SpoolError, Table};

pub(super) use batches::fit_in_batches;

/// Parts of the examples whose gradients are summed up, always in this order: so that any number of threads finds the same.
const N_PARTS: usize = 4;

/// Spread below which a value tells nothing and is not blown up, as a share of the mean spread of all values.
const LEAST_SPREAD: f64 = 0.1;

/// How values are centred and scaled before the fit, so that one penalty suits all; the mean square length of a row becomes 1.
#[derive(Clone, Debug)]
pub(super) struct Scaling {
    mean: Vec<f32>,
    factor: Vec<f32>,
}

impl Scaling {
    /// Of the rows named.
    pub(super) fn of(rows: &dyn Rows, chosen: &[u32]) -> Result<Self, SpoolError> {
        let dim = rows.dim();
        let n = chosen.len().max(1) as f64;
        let mut sums = vec![0.0_f64; dim];
        let mut squares = vec![0.0_f64; dim];
        rows.visit(chosen, &mut |_, row| {
            for ((sum, square), value) in sums.iter_mut().zip(&mut squares).zip(row) {
                let value = f64::from(*value);
                *sum += value;
                *square += value * value;
            }
        })?;
        let spread: Vec<f64> = sums
            .iter()
            .zip(&squares)
            .map(|(sum, square)| (square / n - (sum / n).powi(2)).max(0.0).sqrt())
            .collect();
        let typical = spread.iter().sum::<f64>() / dim.max(1) as f64;
        let least = (typical * LEAST_SPREAD).max(1e-9);
        let root = (dim as f64).sqrt();
        Ok(Self {
            mean: sums.iter().map(|sum| (sum / n) as f32).collect(),
            factor: spread
                .iter()
                .map(|spread| (1.0 / (spread.max(least) * root)) as f32)
                .collect(),
        })
    }

    fn apply(&self, row: &mut [f32]) {
        for ((value, mean), factor) in row.iter_mut().zip(&self.mean).zip(&self.factor) {
            *value = (*value - mean) * factor;
        }
    }

    /// The rows named, scaled, in memory.
    pub(super) fn table(&self, rows: &dyn Rows, chosen: &[u32]) -> Result<Table, SpoolError> {
        let mut values = Vec::with_capacity(chosen.len() * rows.dim());
        rows.visit(chosen, &mut |_, row| {
            let begin = values.len();
            values.extend_from_slice(row);
            self.apply(&mut values[begin..]);
        })?;
        Ok(Table::new(rows.dim(), values).unwrap_or_default())
    }

    /// The head on embeddings as they are that does what `weights` do on scaled ones.
    pub(super) fn head(&self, weights: &Weights) -> Linear {
        let dim = self.mean.len();
        let mut head = Linear {
            dim,
            weights: Vec::with_capacity(weights.n_classes * dim),
            bias: Vec::with_capacity(weights.n_classes),
        };
        for class in weights.values.chunks_exact(dim + 1) {
            let scaled = class[..dim].iter().zip(&self.factor);
            let begin = head.weights.len();
            head.weights
                .extend(scaled.map(|(w, f)| (*w * f64::from(*f)) as f32));
            let shift: f64 = head.weights[begin..]
                .iter()
                .zip(&self.mean)
                .map(|(w, mean)| f64::from(*w) * f64::from(*mean))
                .sum();
            head.bias.push((class[dim] - shift) as f32);
        }
        head
    }
}

/// What is fitted: for each class one weight a value, then a bias.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Weights {
    pub(super) n_classes: usize,
    pub(super) values: Vec<f64>,
}

impl Weights {
    pub(super) fn zero(n_classes: usize, dim: usize) -> Self {
        Self {
            n_classes,
            values: vec![0.0; n_classes * (dim + 1)],
        }
    }
}

/// Examples in memory, already scaled, and what they are examples of.
pub(super) struct Problem<'a> {
    pub(super) table: &'a Table,
    /// Class of each row of the table.
    pub(super) labels: &'a [u32],
    pub(super) n_classes: usize,
    /// Half of it times the squared length of all weights is added to the mean loss; biases are free.
    pub(super) penalty: f64,
    pub(super) n_threads: usize,
}

/// Loss and gradient of some rows, not yet divided by their number.
struct Part {
    loss: f64,
    gradient: Vec<f32>,
}

impl Problem<'_> {
    fn n_rows(&self) -> usize {
        self.labels.len()
    }

    /// The penalized mean loss, its gradient in `gradient`.
    pub(super) fn loss(&self, weights: &[f64], gradient: &mut [f64]) -> f64 {
        let dim = self.table.dim();
        let n = self.n_rows().max(1) as f64;
        let narrow: Vec<f32> = weights.iter().map(|w| *w as f32).collect();
        gradient.fill(0.0);
        let mut loss = 0.0;
        for part in self.parts(&narrow) {
            loss += part.loss / n;
            for (to, value) in gradient.iter_mut().zip(&part.gradient) {
                *to += f64::from(*value) / n;
            }
        }
        let pairs = weights
            .chunks_exact(dim + 1)
            .zip(gradient.chunks_exact_mut(dim + 1));
        for (weights, gradient) in pairs {
            for (weight, gradient) in weights[..dim].iter().zip(gradient) {
                loss += 0.5 * self.penalty * weight * weight;
                *gradient += self.penalty * weight;
            }
        }
        loss
    }

    fn parts(&self, weights: &[f32]) -> Vec<Part> {
        let n = self.n_rows();
        let bounds = |part: usize| part * n / N_PARTS..(part + 1) * n / N_PARTS;
        if self.n_threads < 2 || n < 256 {
            return (0..N_PARTS)
                .map(|i| self.part(weights, bounds(i)))
                .collect();
        }
        let n_threads = self.n_threads.min(N_PARTS);
        let mut parts: Vec<(usize, Part)> = thread::scope(|scope| {
            let workers: Vec<_> = (0..n_threads)
                .map(|worker| {
                    scope.spawn(move || {
                        (worker..N_PARTS)
                            .step_by(n_threads)
                            .map(|i| (i, self.part(weights, bounds(i))))
                            .collect::<Vec<_>>()
                    })
                })
                .collect();
            workers
                .into_iter()
                .flat_map(|worker| worker.join().expect("sums do not panic"))
                .collect()
        });
        parts.sort_by_key(|(index, _)| *index);
        parts.into_iter().map(|(_, part)| part).collect()
    }

    fn part(&self, weights: &[f32], rows: std::ops::Range<usize>) -> Part {
        let mut part = Part {
            loss: 0.0,
            gradient: vec![0.0; weights.len()],
        };
        let mut scores = vec![0.0; self.n_classes];
        for index in rows {
            let row = self.table.row(index);
            part.loss += step(
                weights,
                row,
                self.labels[index],
                &mut scores,
                &mut part.gradient,
            );
        }
        part
    }
}

/// Loss of one example; adds its gradient.
fn step(weights: &[f32], row: &[f32], label: u32, scores: &mut [f64], gradient: &mut [f32]) -> f64 {
    let dim = row.len();
    for (score, class) in scores.iter_mut().zip(weights.chunks_exact(dim + 1)) {
        *score = f64::from(dot(&class[..dim], row)) + f64::from(class[dim]);
    }
    let greatest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    let of_label = scores[label as usize] - greatest;
    for score in scores.iter_mut() {
        *score = (*score - greatest).exp();
        sum += *score;
    }
    let classes = scores.iter().zip(gradient.chunks_exact_mut(dim + 1));
    for (class, (score, gradient)) in classes.enumerate() {
        let slope = (score / sum - f64::from(u8::from(class == label as usize))) as f32;
        // Classes that nobody takes it for learn nothing from it.
        if slope.abs() > 1e-7 {
            add_scaled(&mut gradient[..dim], slope, row);
            gradient[dim] += slope;
        }
    }
    sum.ln() - of_label
}

/// The weights of least penalized loss, from where `weights` stand.
pub(super) fn fit(problem: &Problem<'_>, weights: &mut Weights) {
    lbfgs::minimize(&mut weights.values, &mut |at, gradient| {
        problem.loss(at, gradient)
    });
}

#[cfg(test)]
mod tests;
