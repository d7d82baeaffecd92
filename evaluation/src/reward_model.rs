//! A model of rewards for estimators that need one, never asked about plays it was fitted to.

/// Penalty of the squared weights: that of ridge regression as libraries have it by default.
const ALPHA: f64 = 1.0;

/// A play, as the model sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Features of the context.
    pub context: Vec<f64>,
    /// Features of each option, as a rule its place among all names.
    pub options: Vec<Vec<f64>>,
    /// Which was chosen.
    pub action: usize,
    /// What it earned.
    pub reward: f64,
}

impl Case {
    fn row(&self, option: usize) -> Vec<f64> {
        self.context
            .iter()
            .chain(&self.options[option])
            .copied()
            .collect()
    }
}

/// Ridge regression on context and option with an intercept, fitted for each fold to the others
/// (cross-fitting); with one fold, to all. Returned is what it expects of each option of each case.
///
/// # Panics
/// When folds and cases, or the numbers of features, differ in length.
///
/// # Source
/// Hoerl and Kennard 1970; cross-fitting as in Narita, Yasui and Yata 2021.
pub fn cross_fitted(cases: &[Case], folds: &[usize]) -> Vec<Vec<f64>> {
    let n_folds = folds.iter().max().map_or(0, |last| last + 1);
    let mut expected = vec![Vec::new(); cases.len()];
    for fold in 0..n_folds {
        let is_taught = |i: &usize| n_folds == 1 || folds[*i] != fold;
        let taught: Vec<&Case> = (0..cases.len())
            .filter(is_taught)
            .map(|i| &cases[i])
            .collect();
        let (weights, intercept) = fit(&taught);
        for (i, case) in cases.iter().enumerate().filter(|(i, _)| folds[*i] == fold) {
            let predict = |option| {
                let row = case.row(option);
                intercept + row.iter().zip(&weights).map(|(x, w)| x * w).sum::<f64>()
            };
            expected[i] = (0..case.options.len()).map(predict).collect();
        }
    }
    expected
}

fn fit(cases: &[&Case]) -> (Vec<f64>, f64) {
    let rows: Vec<Vec<f64>> = cases.iter().map(|c| c.row(c.action)).collect();
    let n = rows.len().max(1) as f64;
    let width = rows.first().map_or(0, Vec::len);
    let mut means = vec![0.0; width];
    for row in &rows {
        for (mean, x) in means.iter_mut().zip(row) {
            *mean += x / n;
        }
    }
    let reward_mean = cases.iter().map(|c| c.reward).sum::<f64>() / n;
    let mut gram = vec![0.0; width * width];
    let mut response = vec![0.0; width];
    for (row, case) in rows.iter().zip(cases) {
        let centered: Vec<f64> = row.iter().zip(&means).map(|(x, m)| x - m).collect();
        for (i, x) in centered.iter().enumerate() {
            response[i] += x * (case.reward - reward_mean);
            for (j, y) in centered[..=i].iter().enumerate() {
                gram[i * width + j] += x * y;
            }
        }
    }
    for i in 0..width {
        gram[i * width + i] += ALPHA;
    }
    let weights = solve(gram, response);
    let at_mean: f64 = weights.iter().zip(&means).map(|(w, m)| w * m).sum();
    (weights, reward_mean - at_mean)
}

/// Solves a positive definite system, given by its lower half, by Cholesky factors.
fn solve(mut a: Vec<f64>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for j in 0..n {
        for i in j..n {
            let known: f64 = (0..j).map(|k| a[i * n + k] * a[j * n + k]).sum();
            let rest = a[i * n + j] - known;
            a[i * n + j] = if i == j {
                rest.sqrt()
            } else {
                rest / a[j * n + j]
            };
        }
    }
    for i in 0..n {
        let known: f64 = (0..i).map(|k| a[i * n + k] * b[k]).sum();
        b[i] = (b[i] - known) / a[i * n + i];
    }
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|k| a[k * n + i] * b[k]).sum();
        b[i] = (b[i] - known) / a[i * n + i];
    }
    b
}
