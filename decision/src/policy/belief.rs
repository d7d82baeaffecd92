//! What is believed about linear weights, given noisy rewards.

use super::packed::Packed;
use crate::policy_state::BeliefState;

/// A Gaussian belief about weights in a reward that is linear in features. Weights begin around 0 with a variance of `1 / ridge` noises each; with a half-life they
/// drift back there, so that what is old counts less and nothing grows without bound.
///
/// # Source
/// Kalman 1960 with an autoregressive state of order 1.
#[derive(Clone, Debug)]
pub(super) struct Belief {
    /// Posterior mean of the weights.
    pub(super) mean: Vec<f64>,
    /// Posterior covariance over the variance of the noise, row by row, symmetric to the last bit.
    pub(super) covariance: Vec<f64>,
    /// Plays learned from, faded.
    pub(super) plays: f64,
    /// Further weights, learned from resampled plays from beginnings of their own; empty for
    /// policies that need none.
    pub(super) replicates: Vec<Vec<f64>>,
    /// Version of the policy when it last learned here.
    pub(super) updated: u64,
}

/// How a belief learns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pace {
    /// Weight of the belief that features do not matter, in plays.
    pub(super) ridge: f64,
    /// What a play leaves of the deviations of weights from the prior; 1 forgets nothing.
    pub(super) keep: f64,
}

impl Belief {
    /// Nothing seen yet, of so many features; replicates begin with these weights.
    pub(super) fn prior(n: usize, ridge: f64, replicates: Vec<Vec<f64>>) -> Self {
        let mut covariance = vec![0.0; n * n];
        for i in 0..n {
            covariance[i * n + i] = 1.0 / ridge;
        }
        Self {
            mean: vec![0.0; n],
            covariance,
            plays: 0.0,
            replicates,
            updated: 0,
        }
    }

    /// Learns from one play; returns its squared surprise in variances of the noise times that
    /// variance. `counts`: how often each replicate takes it.
    pub(super) fn learn(
        &mut self,
        x: &[f64],
        reward: f64,
        pace: Pace,
        counts: impl Iterator<Item = u8>,
    ) -> f64 {
        if pace.keep < 1.0 {
            self.fade(pace);
        }
        let n = x.len();
        let mut gain = vec![0.0; n];
        for (row, x) in self.covariance.chunks_exact(n.max(1)).zip(x) {
            if *x != 0.0 {
                add_scaled(&mut gain, row, *x);
            }
        }
        let spread = 1.0 + dot(&gain, x);
        let surprise = reward - dot(&self.mean, x);
        self.plays += 1.0;
        add_scaled(&mut self.mean, &gain, surprise / spread);
        for (weights, count) in self.replicates.iter_mut().zip(counts) {
            let surprise = reward - dot(weights, x);
            add_scaled(weights, &gain, f64::from(count) * surprise / spread);
        }
        for (i, row) in self.covariance.chunks_exact_mut(n.max(1)).enumerate() {
            // One product for both halves keeps the matrix symmetric to the last bit.
            let g = gain[i];
            for (value, gain) in row.iter_mut().zip(&gain) {
                *value -= g * gain / spread;
            }
        }
        surprise * surprise / spread
    }

    fn fade(&mut self, pace: Pace) {
        let (n, keep) = (self.mean.len(), pace.keep);
        for value in self
            .mean
            .iter_mut()
            .chain(self.replicates.iter_mut().flatten())
        {
            *value *= keep;
        }
        for value in &mut self.covariance {
            *value *= keep * keep;
        }
        for i in 0..n {
            self.covariance[i * n + i] += (1.0 - keep * keep) / pace.ridge;
        }
        self.plays *= keep * keep;
    }

    /// Brings weights and covariance part of the way back to the prior: `strength` 1 leaves them.
    pub(super) fn weaken(&mut self, strength: f64, ridge: f64) {
        let keep = strength.sqrt();
        self.fade(Pace { ridge, keep });
    }

    /// The state as stored.
    pub(super) fn state(&self) -> BeliefState {
        let n = self.mean.len();
        let lower = (0..n).flat_map(|i| self.covariance[i * n..=i * n + i].iter().copied());
        BeliefState {
            mean: Packed(self.mean.clone()),
            covariance: Packed(lower.collect()),
            plays: self.plays,
            replicates: self.replicates.iter().cloned().map(Packed).collect(),
            updated: self.updated,
        }
    }

    /// A belief of `n` weights from a stored one; weight `i` is weight `origin[i]` of the stored, or
    /// that of `belief`, which has seen nothing. Nothing when the numbers are impossible.
    pub(super) fn restore(
        state: &BeliefState,
        origin: &[Option<usize>],
        mut belief: Self,
        version: u64,
    ) -> Option<Self> {
        let n = state.mean.0.len();
        let all = || state.mean.0.iter().chain(&state.covariance.0);
        let of_replicates = || state.replicates.iter().flat_map(|r| r.0.iter());
        let is_possible = state.covariance.0.len() == n * (n + 1) / 2
            && state.replicates.iter().all(|r| r.0.len() == n)
            && all().chain(of_replicates()).all(|v| v.is_finite())
            // The diagonal of a covariance is positive.
            && (0..n).all(|i| state.covariance.0[i * (i + 1) / 2 + i] > 0.0)
            && state.plays.is_finite() && state.plays >= 0.0
            && origin.iter().flatten().all(|i| *i < n)
            && state.updated <= version;
        if !is_possible {
            return None;
        }
        let stored = |i: usize, j: usize| {
            let (low, high) = (i.min(j), i.max(j));
            state.covariance.0[high * (high + 1) / 2 + low]
        };
        let m = origin.len();
        for (i, from) in origin.iter().enumerate() {
            let Some(from) = from else { continue };
            belief.mean[i] = state.mean.0[*from];
            for (j, other) in origin.iter().enumerate() {
                if let Some(other) = other {
                    belief.covariance[i * m + j] = stored(*from, *other);
                }
            }
        }
        for (r, weights) in belief.replicates.iter_mut().enumerate() {
            // A policy that had no replicates begins them where its mean is.
            let source = state.replicates.get(r).unwrap_or(&state.mean);
            for (weight, from) in weights.iter_mut().zip(origin) {
                *weight = from.map_or(*weight, |from| source.0[from]);
            }
        }
        belief.plays = state.plays;
        belief.updated = state.updated;
        Some(belief)
    }
}

/// Sum of products, in four lanes that a compiler may compute side by side; the order is fixed.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a4, a_rest) = a.as_chunks::<4>();
    let (b4, b_rest) = b.as_chunks::<4>();
    let mut lanes = [0.0; 4];
    for (a, b) in a4.iter().zip(b4) {
        for lane in 0..4 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]) + rest
}

/// `to += from · scale`.
pub(super) fn add_scaled(to: &mut [f64], from: &[f64], scale: f64) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += from * scale;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Solves `a · x = b` by elimination with pivots: the oracle.
    fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
        let n = b.len();
        for i in 0..n {
            let pivot = (i..n)
                .max_by(|p, q| a[*p][i].abs().total_cmp(&a[*q][i].abs()))
                .unwrap();
            a.swap(i, pivot);
            b.swap(i, pivot);
            for j in i + 1..n {
                let factor = a[j][i] / a[i][i];
                let above = a[i].clone();
                for (value, above) in a[j].iter_mut().zip(above).skip(i) {
                    *value -= factor * above;
                }
                b[j] -= factor * b[i];
            }
        }
        for i in (0..n).rev() {
            let known: f64 = (i + 1..n).map(|j| a[i][j] * b[j]).sum();
            b[i] = (b[i] - known) / a[i][i];
        }
        b
    }

    #[test]
    fn without_fading_the_mean_is_ridge_regression() {
        let (n, ridge) = (4, 2.0);
        let pace = Pace { ridge, keep: 1.0 };
        let mut belief = Belief::prior(n, ridge, Vec::new());
        let mut a = vec![vec![0.0; n]; n];
        let mut b = vec![0.0; n];
        for (i, row) in a.iter_mut().enumerate() {
            row[i] = ridge;
        }
        for t in 0..50_usize {
            let x: Vec<f64> = (0..n)
                .map(|i| ((t * 7 + i * 13) % 11) as f64 / 10.0)
                .collect();
            let reward = ((t * 5) % 7) as f64 / 6.0;
            belief.learn(&x, reward, pace, [].into_iter());
            for i in 0..n {
                b[i] += reward * x[i];
                for j in 0..n {
                    a[i][j] += x[i] * x[j];
                }
            }
        }
        for (found, expected) in belief.mean.iter().zip(solve(a.clone(), b)) {
            assert!((found - expected).abs() < 1e-10, "{found} {expected}");
        }
        for i in 0..n {
            let unit = (0..n).map(|j| f64::from(u8::from(i == j))).collect();
            for (j, expected) in solve(a.clone(), unit).into_iter().enumerate() {
                assert!((belief.covariance[i * n + j] - expected).abs() < 1e-10);
            }
        }
    }

    #[test]
    fn what_is_old_fades_back_to_the_prior() {
        let (ridge, keep) = (1.0, 0.9);
        let mut belief = Belief::prior(2, ridge, vec![vec![0.0; 2]]);
        let pace = Pace { ridge, keep };
        for _ in 0..100 {
            belief.learn(&[1.0, 0.0], 1.0, pace, [1].into_iter());
        }
        assert!(belief.mean[0] > 0.6, "{:?}", belief.mean);
        // The other weight was never asked about: its variance stays where it began.
        assert!((belief.covariance[3] - 1.0).abs() < 1e-9);
        for _ in 0..400 {
            belief.learn(&[0.0, 1.0], 0.5, pace, [1].into_iter());
        }
        assert!(belief.mean[0].abs() < 1e-6);
        assert!((belief.covariance[0] - 1.0).abs() < 1e-6);
    }
}
