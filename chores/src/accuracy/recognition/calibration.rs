//! Probabilities: a line from similarity to the logarithm of the likelihood ratio, and how well it is calibrated.

use super::curve::Scores;

/// Slope and offset: `ln LR = slope · similarity + offset`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Line {
    pub slope: f64,
    pub offset: f64,
}

impl Line {
    fn log_ratio(&self, similarity: f64) -> f64 {
        self.slope * similarity + self.offset
    }

    fn even_probability(&self, similarity: f64) -> f64 {
        1.0 / (1.0 + (-self.log_ratio(similarity)).exp())
    }
}

/// Logistic regression with both kinds of pairs weighing the same.
///
/// # Source
/// Brümmer and du Preez 2006, "Application-independent evaluation of speaker detection", section 4: calibration at an even
/// prior.
pub(super) fn fit(scores: &Scores) -> Line {
    let mut line = Line {
        slope: 0.0,
        offset: 0.0,
    };
    let mut cost = cllr(&line, scores);
    // Newton's method on a convex function of two numbers; thirty steps are many.
    for _ in 0..30 {
        let step = newton_step(&line, scores);
        // Far from the bottom a whole step may lead astray.
        let halves = (0..30).map(|n| 0.5_f64.powi(n));
        let better = halves
            .map(|part| Line {
                slope: line.slope - part * step.slope,
                offset: line.offset - part * step.offset,
            })
            .map(|next| (next, cllr(&next, scores)))
            .find(|(_, next)| *next < cost);
        let Some((next, next_cost)) = better else {
            break;
        };
        (line, cost) = (next, next_cost);
    }
    line
}

fn newton_step(line: &Line, scores: &Scores) -> Line {
    let (mut g, mut h) = ([0.0; 2], [0.0; 3]);
    let mut add = |s: f64, label: f64, weight: f64| {
        let p = line.even_probability(s);
        let (error, curvature) = (weight * (p - label), weight * p * (1.0 - p));
        g[0] += error * s;
        g[1] += error;
        h[0] += curvature * s * s;
        h[1] += curvature * s;
        h[2] += curvature;
    };
    for (s, _) in &scores.same {
        add(*s, 1.0, 0.5 / scores.same.len() as f64);
    }
    for s in &scores.sample {
        add(*s, 0.0, 0.5 / scores.sample.len() as f64);
    }
    let determinant = h[0] * h[2] - h[1] * h[1];
    Line {
        slope: (h[2] * g[0] - h[1] * g[1]) / determinant,
        offset: (h[0] * g[1] - h[1] * g[0]) / determinant,
    }
}

/// Cost of the log-likelihood ratio in bits: 0 is perfect, 1 is knowing nothing.
///
/// # Source
/// Brümmer and du Preez 2006.
pub(super) fn cllr(line: &Line, scores: &Scores) -> f64 {
    let bits = |log_odds: f64| (-log_odds).exp().ln_1p() / std::f64::consts::LN_2;
    let same: f64 = scores
        .same
        .iter()
        .map(|(s, _)| bits(line.log_ratio(*s)))
        .sum();
    let strangers: f64 = scores
        .sample
        .iter()
        .map(|s| bits(-line.log_ratio(*s)))
        .sum();
    0.5 * (same / scores.same.len() as f64 + strangers / scores.sample.len() as f64)
}

/// Expected calibration error in ten classes, both kinds of pairs weighing the same.
pub(super) fn ece(line: &Line, scores: &Scores) -> f64 {
    const N: usize = 10;
    let mut classes = [(0.0, 0.0, 0.0); N];
    let mut add = |s: f64, label: f64, weight: f64| {
        let p = line.even_probability(s);
        let class = &mut classes[((p * N as f64) as usize).min(N - 1)];
        class.0 += weight * p;
        class.1 += weight * label;
        class.2 += weight;
    };
    for (s, _) in &scores.same {
        add(*s, 1.0, 0.5 / scores.same.len() as f64);
    }
    for s in &scores.sample {
        add(*s, 0.0, 0.5 / scores.sample.len() as f64);
    }
    classes.iter().map(|(p, label, _)| (p - label).abs()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Similarities of two normal distributions of one deviation have a line, which is known.
    #[test]
    fn the_line_of_two_normal_distributions_is_found() {
        let deviation = 0.1;
        let quantiles = |mean: f64| -> Vec<f64> {
            // Sums of uniform quantiles are near enough to normal ones: Irwin and Hall.
            let n = 20;
            let mut values = Vec::new();
            for a in 0..n {
                for b in 0..n {
                    for c in 0..n {
                        let u = |i: i32| (f64::from(i) + 0.5) / f64::from(n) - 0.5;
                        values.push(mean + deviation * 2.0 * (u(a) + u(b) + u(c)));
                    }
                }
            }
            values
        };
        let (same, strangers) = (quantiles(0.4), quantiles(0.1));
        let scores = Scores {
            strangers: Vec::new(),
            n_strangers: strangers.len() as u64,
            same: same.into_iter().map(|s| (s, 0)).collect(),
            n_pictures: vec![2],
            strangers_mean: 0.1,
            strangers_deviation: deviation,
            sample: strangers,
        };
        let line = fit(&scores);
        // Means .3 apart, deviation .1: slope 30, nought in the middle.
        assert!((line.slope - 30.0).abs() < 2.5, "{line:?}");
        assert!((line.slope * 0.25 + line.offset).abs() < 0.01, "{line:?}");
        assert!(ece(&line, &scores) < 0.02);
        assert!(cllr(&line, &scores) < 0.4);
    }
}
