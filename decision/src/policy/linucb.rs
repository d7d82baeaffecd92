//! Linear upper confidence bounds.

use std::collections::BTreeMap;

use regard_domain::CreativeId;

use super::{Action, MAX_ACTIONS, Policy, UpdateError, check_reward, explored, make_room};
use crate::policy_state::{Learned, LinearModel, PolicyState, PolicyStateError};

#[derive(Debug)]
struct Arm {
    model: LinearModel,
    /// `inverse · response`, kept so that a decision need not work it out.
    coefficients: Vec<f64>,
}

/// One ridge regression a message, scored by its upper confidence bound; the best score is taken,
/// ties are split evenly, and an even part over all keeps every propensity positive.
///
/// # Source
/// Li, Chu, Langford, Schapire 2010, algorithm 1 (disjoint models); Sherman and Morrison 1950 for
/// the update of the inverse.
#[derive(Debug)]
pub(super) struct LinUcb {
    exploration: f64,
    alpha: f64,
    ridge: f64,
    version: u64,
    feature_names: Vec<String>,
    arms: BTreeMap<CreativeId, Arm>,
}

impl LinUcb {
    pub(super) fn new(exploration: f32, alpha: f32, ridge: f32, feature_names: &[String]) -> Self {
        Self {
            exploration: f64::from(exploration),
            alpha: f64::from(alpha),
            ridge: f64::from(ridge),
            version: 0,
            feature_names: feature_names.to_vec(),
            arms: BTreeMap::new(),
        }
    }

    /// Takes up what was learned before from the same features with the same ridge.
    pub(super) fn load(
        &mut self,
        version: u64,
        (features, ridge): (&[String], f64),
        actions: &BTreeMap<CreativeId, LinearModel>,
    ) -> Result<(), PolicyStateError> {
        let n = self.feature_names.len();
        if features != self.feature_names {
            let pairs = features.iter().zip(&self.feature_names);
            let at = pairs.take_while(|(a, b)| a == b).count();
            return Err(PolicyStateError::Features { at });
        }
        if ridge.total_cmp(&self.ridge).is_ne() {
            return Err(PolicyStateError::Ridge);
        }
        let mut arms = BTreeMap::new();
        for (creative, model) in actions {
            let numbers = model.inverse.iter().chain(&model.response);
            let valid = model.inverse.len() == n * n
                && model.response.len() == n
                && model.updated <= version
                && numbers.into_iter().all(|v| v.is_finite())
                // The diagonal of the inverse of a positive definite matrix is positive.
                && (0..n).all(|i| model.inverse[i * n + i] > 0.0);
            if !valid {
                return Err(PolicyStateError::Numbers {
                    creative: creative.clone(),
                });
            }
            arms.insert(creative.clone(), Arm::new(model.clone()));
        }
        self.arms = arms;
        self.version = version;
        Ok(())
    }

    fn score(&self, action: &Action<'_>, x: &[f64]) -> f64 {
        let (mean, variance) = match self.arms.get(action.creative) {
            Some(arm) => (
                dot(&arm.coefficients, x),
                quadratic(&arm.model.inverse, x).max(0.0),
            ),
            None => (0.0, dot(x, x) / self.ridge),
        };
        self.alpha.mul_add(variance.sqrt(), mean)
    }

    fn untried(&self) -> LinearModel {
        let n = self.feature_names.len();
        let mut inverse = vec![0.0; n * n];
        for i in 0..n {
            inverse[i * n + i] = 1.0 / self.ridge;
        }
        LinearModel {
            inverse,
            response: vec![0.0; n],
            updated: 0,
        }
    }
}

impl Arm {
    fn new(model: LinearModel) -> Self {
        let n = model.response.len();
        let rows = model.inverse.chunks_exact(n.max(1));
        let coefficients = rows.map(|row| dot(row, &model.response)).collect();
        Self {
            model,
            coefficients,
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn quadratic(matrix: &[f64], x: &[f64]) -> f64 {
    let rows = matrix.chunks_exact(x.len().max(1));
    rows.zip(x).map(|(row, x_i)| x_i * dot(row, x)).sum()
}

/// Adds one play to a model.
fn learn(model: &mut LinearModel, x: &[f64], reward: f64) {
    let n = x.len();
    let gain: Vec<f64> = model
        .inverse
        .chunks_exact(n.max(1))
        .map(|row| dot(row, x))
        .collect();
    let scale = 1.0 / (1.0 + dot(&gain, x));
    for i in 0..n {
        for j in 0..n {
            // One product for both halves keeps the matrix symmetric to the last bit.
            model.inverse[i * n + j] -= gain[i.min(j)] * gain[i.max(j)] * scale;
        }
    }
    for (response, x) in model.response.iter_mut().zip(x) {
        *response += reward * x;
    }
}

impl Policy for LinUcb {
    fn kind(&self) -> &'static str {
        "linucb"
    }

    fn version(&self) -> u64 {
        self.version
    }

    /// Features of another number than the policy learns from say nothing: evenly then.
    fn propensities(&self, features: &[f32], actions: &[Action<'_>]) -> Vec<f32> {
        let x: Vec<f64> = features.iter().copied().map(f64::from).collect();
        if x.len() != self.feature_names.len() {
            return explored(&vec![1.0; actions.len()], self.exploration);
        }
        let scores: Vec<f64> = actions.iter().map(|a| self.score(a, &x)).collect();
        let best = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let is_best = |score: &f64| f64::from(u8::from(score.total_cmp(&best).is_eq()));
        let weights: Vec<f64> = scores.iter().map(is_best).collect();
        explored(&weights, self.exploration)
    }

    fn update_with(
        &mut self,
        (action, _): (&CreativeId, &[f32]),
        features: &[f32],
        reward: f32,
    ) -> Result<(), UpdateError> {
        check_reward(reward)?;
        if features.len() != self.feature_names.len() {
            return Err(UpdateError::Features {
                expected: self.feature_names.len(),
                found: features.len(),
            });
        }
        if !features.iter().all(|v| v.is_finite()) {
            return Err(UpdateError::NotFinite);
        }
        let x: Vec<f64> = features.iter().copied().map(f64::from).collect();
        self.version += 1;
        make_room(&mut self.arms, action, MAX_ACTIONS, |arm| arm.model.updated);
        let known = self.arms.remove(action).map(|arm| arm.model);
        let mut model = known.unwrap_or_else(|| self.untried());
        learn(&mut model, &x, f64::from(reward));
        model.updated = self.version;
        self.arms.insert(action.clone(), Arm::new(model));
        Ok(())
    }

    fn state(&self) -> PolicyState {
        let actions = self
            .arms
            .iter()
            .map(|(id, arm)| (id.clone(), arm.model.clone()));
        let learned = Learned::Linucb {
            features: self.feature_names.clone(),
            ridge: self.ridge,
            actions: actions.collect(),
        };
        PolicyState::new(self.version, learned)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const N: usize = 4;

    /// Solves `matrix · y = b` by Gauss and Jordan with pivoting: the oracle.
    fn solve(mut matrix: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
        let n = b.len();
        for column in 0..n {
            let pivot = (column..n)
                .max_by(|i, j| {
                    matrix[*i][column]
                        .abs()
                        .total_cmp(&matrix[*j][column].abs())
                })
                .unwrap();
            matrix.swap(column, pivot);
            b.swap(column, pivot);
            for row in (0..n).filter(|row| *row != column) {
                let factor = matrix[row][column] / matrix[column][column];
                let pivot_row = matrix[column].clone();
                for (value, pivot) in matrix[row].iter_mut().zip(&pivot_row) {
                    *value -= factor * pivot;
                }
                b[row] -= factor * b[column];
            }
        }
        (0..n).map(|i| b[i] / matrix[i][i]).collect()
    }

    proptest! {
        #[test]
        fn the_model_is_the_ridge_regression(
            plays in prop::collection::vec((prop::array::uniform4(-1.0_f32..1.0), 0.0_f32..1.0), 1..60),
        ) {
            let names: Vec<String> = (0..N).map(|i| i.to_string()).collect();
            let mut policy = LinUcb::new(0.05, 0.5, 2.0, &names);
            let id = CreativeId::new("a").unwrap();
            let mut matrix = vec![vec![0.0; N]; N];
            for (i, row) in matrix.iter_mut().enumerate() {
                row[i] = 2.0;
            }
            let mut response = vec![0.0; N];
            for (x, reward) in &plays {
                policy.update(&id, x, *reward).unwrap();
                for i in 0..N {
                    for j in 0..N {
                        matrix[i][j] += f64::from(x[i]) * f64::from(x[j]);
                    }
                    response[i] += f64::from(*reward) * f64::from(x[i]);
                }
            }
            let expected = solve(matrix.clone(), response);
            for (found, expected) in policy.arms[&id].coefficients.iter().zip(&expected) {
                prop_assert!((found - expected).abs() < 1e-9, "{found} {expected}");
            }
            let probe = [1.0, -0.5, 0.25, 0.0];
            let width = dot(&solve(matrix, probe.to_vec()), &probe);
            let found = quadratic(&policy.arms[&id].model.inverse, &probe);
            prop_assert!((found - width).abs() < 1e-9);
        }
    }
}
