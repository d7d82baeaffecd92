//! Linear heads: a score for each class, and what follows from scores.

/// Values that are multiplied together, so that vectors do it.
const LANES: usize = 16;

/// The sum of products.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for (x, y) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    sums.iter().sum::<f32>() + rest
}

/// Adds a multiple of a row to another.
pub(super) fn add_scaled(to: &mut [f32], factor: f32, row: &[f32]) {
    for (to, value) in to.iter_mut().zip(row) {
        *to += factor * value;
    }
}

/// Scales a row to length 1; `false` where it has none, or is not finite.
pub(super) fn normalize(row: &mut [f32]) -> bool {
    let length = row
        .iter()
        .map(|value| f64::from(*value).powi(2))
        .sum::<f64>()
        .sqrt();
    if !length.is_finite() || length < 1e-12 {
        return false;
    }
    for value in row {
        *value = (f64::from(*value) / length) as f32;
    }
    true
}

/// A score for each class, linear in the embedding.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Linear {
    pub(super) dim: usize,
    /// One row a class.
    pub(super) weights: Vec<f32>,
    /// One a class.
    pub(super) bias: Vec<f32>,
}

impl Linear {
    /// The score of each class.
    pub(super) fn scores(&self, row: &[f32]) -> Vec<f64> {
        self.weights
            .chunks_exact(self.dim)
            .zip(&self.bias)
            .map(|(weights, bias)| f64::from(dot(weights, row)) + f64::from(*bias))
            .collect()
    }
}

/// Logarithms of probabilities from scores: softmax after division by the temperature.
pub(super) fn log_probabilities(scores: &[f64], temperature: f64) -> Vec<f64> {
    let greatest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let scaled = scores.iter().map(|s| (s - greatest) / temperature);
    let log_sum = scaled.clone().map(f64::exp).sum::<f64>().ln();
    scaled.map(|s| s - log_sum).collect()
}

/// Index of the greatest; of equals the first.
pub(super) fn greatest(values: &[f64]) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if value.total_cmp(&values[best]).is_gt() {
            best = index;
        }
    }
    best
}

/// The temperature at which scores, taken as the logits of held-out examples, are likeliest: greater is less sure.
///
/// # Source
/// Guo, Pleiss, Sun and Weinberger 2017, section 4.2. The loss is convex in the inverse of the temperature; it is found by
/// golden sections over its logarithm, in which it has one valley.
pub(super) fn best_temperature(scores: &[Vec<f64>], labels: &[u32]) -> f64 {
    // From prototypes, whose cosines lie within hundredths, to heads that shout.
    const LOWEST: f64 = -8.0;
    const HIGHEST: f64 = 5.0;
    const SECTIONS: usize = 40;
    let loss = |log: f64| log_loss(scores, labels, log.exp());
    let golden = (5.0_f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (LOWEST, HIGHEST);
    for _ in 0..SECTIONS {
        let width = (high - low) * golden;
        let (left, right) = (high - width, low + width);
        if loss(left) <= loss(right) {
            high = right;
        } else {
            low = left;
        }
    }
    f64::midpoint(low, high).exp()
}

/// Mean loss of held-out examples at a temperature, natural logarithm.
pub(super) fn log_loss(scores: &[Vec<f64>], labels: &[u32], temperature: f64) -> f64 {
    let losses = scores.iter().zip(labels);
    let sum: f64 = losses
        .map(|(scores, label)| -log_probabilities(scores, temperature)[*label as usize])
        .sum();
    sum / scores.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::super::chance::Chance;
    use super::*;

    #[test]
    fn dot_agrees_with_the_plain_sum() {
        let mut chance = Chance::new(1, 0);
        for n in [0, 1, 15, 16, 17, 100] {
            let draw = |chance: &mut Chance| (0..n).map(|_| chance.unit() as f32).collect();
            let (a, b): (Vec<f32>, Vec<f32>) = (draw(&mut chance), draw(&mut chance));
            let plain: f64 = a
                .iter()
                .zip(&b)
                .map(|(x, y)| f64::from(*x) * f64::from(*y))
                .sum();
            assert!((f64::from(dot(&a, &b)) - plain).abs() < 1e-4, "{n}");
        }
    }

    #[test]
    fn the_temperature_that_made_the_labels_is_found() {
        let mut chance = Chance::new(7, 0);
        let truth = 2.5;
        let (mut scores, mut labels) = (Vec::new(), Vec::new());
        for _ in 0..4_000 {
            let row: Vec<f64> = (0..4).map(|_| 8.0 * chance.unit()).collect();
            let probabilities: Vec<f64> = log_probabilities(&row, truth)
                .into_iter()
                .map(f64::exp)
                .collect();
            let (mut left, mut label) = (chance.unit(), 0);
            while label < 3 && left >= probabilities[label] {
                left -= probabilities[label];
                label += 1;
            }
            scores.push(row);
            labels.push(label as u32);
        }
        let found = best_temperature(&scores, &labels);
        assert!((found / truth - 1.0).abs() < 0.12, "{found}");
    }

    #[test]
    fn a_row_without_length_is_told() {
        assert!(!normalize(&mut [0.0, 0.0]));
        assert!(!normalize(&mut [f32::NAN, 1.0]));
        let mut row = [3.0, 4.0];
        assert!(normalize(&mut row));
        assert_eq!(row, [0.6, 0.8]);
    }
}
