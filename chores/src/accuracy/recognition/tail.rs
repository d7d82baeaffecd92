//! Thresholds with intervals, and beyond what was counted, a model of the tail.
//!
//! The tail is a generalized Pareto distribution over the pairs above the threshold of a false match rate of 1e-3, fitted by
//! likelihood. The nearest pairs, beyond 1e-5, enter only by their number: among them are pictures of one person
//! under two names, which LFW has, and which would speak for strangers otherwise.
//!
//! Source: Pickands 1975; Coles 2001, chapter 4; for face matchers: Shi et al. 2008.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::curve::Scores;

/// Rates whose thresholds are counted.
const COUNTED: [f64; 9] = [1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5];

/// Rates whose thresholds are extrapolated: down to that of a search among a thousand million.
const EXTRAPOLATED: [f64; 8] = [3e-6, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12];

/// The tail begins here, and from here on only numbers are looked at.
const TAIL_RATE: f64 = 1e-3;
const CENSORED_RATE: f64 = 1e-5;

/// Times that people are drawn anew. Origin: ends of a 95 % interval are then known to about a tenth of its length.
const N_DRAWS: usize = 400;

/// Width of the classes into which the tail is counted for the fit.
const CLASS_WIDTH: f64 = 0.001;

/// One row of the scale.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub fmr: f64,
    pub threshold: f64,
    pub low: f64,
    pub high: f64,
    pub is_extrapolated: bool,
    pub fnmr: f64,
    pub fnmr_low: f64,
    pub fnmr_high: f64,
}

/// What people drawn anew say: at every rate of the scale a threshold, and the false non-match rate at the threshold that holds for all.
struct Draw {
    thresholds: Vec<f64>,
    fnmr: Vec<f64>,
}

/// All rows, from the commonest rate to the rarest.
pub(super) fn rows(scores: &Scores) -> Vec<Row> {
    let once = vec![1.0; scores.n_pictures.len()];
    let thresholds = thresholds_of(scores, &once);
    let mut rng = ChaCha8Rng::seed_from_u64(20_260_101);
    let draws: Vec<Draw> = (0..N_DRAWS)
        .map(|_| {
            let drawn = scores.draw_people(&mut rng);
            let fnmr = thresholds.iter().map(|t| scores.fnmr_of(&drawn, *t));
            Draw {
                thresholds: thresholds_of(scores, &drawn),
                fnmr: fnmr.collect(),
            }
        })
        .collect();
    let interval = |at: usize, pick: fn(&Draw) -> &[f64]| {
        let mut values: Vec<f64> = draws.iter().map(|d| pick(d)[at]).collect();
        values.sort_by(f64::total_cmp);
        let end = N_DRAWS / 40;
        (values[end], values[N_DRAWS - 1 - end])
    };
    let rates = COUNTED.iter().chain(&EXTRAPOLATED);
    rates
        .zip(&thresholds)
        .enumerate()
        .map(|(at, (fmr, threshold))| {
            let (low, high) = interval(at, |d| &d.thresholds);
            let (fnmr_low, fnmr_high) = interval(at, |d| &d.fnmr);
            let fnmr = scores.fnmr(*threshold);
            Row {
                fmr: *fmr,
                threshold: *threshold,
                low: low.min(*threshold),
                high: high.max(*threshold),
                is_extrapolated: at >= COUNTED.len(),
                fnmr,
                fnmr_low: fnmr_low.min(fnmr),
                fnmr_high: fnmr_high.max(fnmr),
            }
        })
        .collect()
}

/// The thresholds of all rates when people are drawn so often.
fn thresholds_of(scores: &Scores, drawn: &[f64]) -> Vec<f64> {
    let n = scores.n_strangers_of(drawn);
    let weight = |a: u32, b: u32| drawn[a as usize] * drawn[b as usize];
    let mut thresholds = vec![f64::NAN; COUNTED.len()];
    let mut classes: Vec<f64> = Vec::new();
    let (mut sum, mut censored, mut next) = (0.0, 0.0, COUNTED.len());
    let (mut tail_from, mut censored_from) = (f64::NAN, f64::NAN);
    for (s, a, b) in &scores.strangers {
        let w = weight(*a, *b);
        sum += w;
        while next > 0 && sum > COUNTED[next - 1] * n {
            next -= 1;
            thresholds[next] = *s;
        }
        if sum <= CENSORED_RATE * n {
            (censored, censored_from) = (sum, *s);
        } else if sum <= TAIL_RATE * n {
            let class = ((censored_from - s) / CLASS_WIDTH) as usize;
            if classes.len() <= class {
                classes.resize(class + 1, 0.0);
            }
            classes[class] += w;
            tail_from = *s;
        }
    }
    // Distances above the beginning of the tail, middles of their classes.
    let points: Vec<(f64, f64)> = classes
        .iter()
        .enumerate()
        .map(|(class, w)| {
            let below = (class as f64 + 0.5) * CLASS_WIDTH;
            ((censored_from - below - tail_from).max(0.0), *w)
        })
        .collect();
    let tail = Pareto::fit(&points, censored_from - tail_from, censored);
    thresholds.extend(
        EXTRAPOLATED
            .iter()
            .map(|rate| (tail_from + tail.quantile(rate / TAIL_RATE)).min(1.0)),
    );
    thresholds
}

/// A generalized Pareto distribution of what lies above nought.
#[derive(Clone, Copy, Debug)]
struct Pareto {
    shape: f64,
    scale: f64,
}

impl Pareto {
    /// The likeliest for weighted points, and for `n_beyond` that are only known to lie beyond `end`.
    fn fit(points: &[(f64, f64)], end: f64, n_beyond: f64) -> Self {
        let likelihood = |shape: f64, scale: f64| {
            let one = Self { shape, scale };
            let inside: f64 = points.iter().map(|(x, w)| w * one.ln_density(*x)).sum();
            inside + n_beyond * one.ln_survival(end)
        };
        // Scales of similarities lie far inside these bounds; the likelihood has one top.
        let best_scale = |shape: f64| top(|s| likelihood(shape, s.exp()), -7.0, -1.0).exp();
        let shape = top(|shape| likelihood(shape, best_scale(shape)), -0.6, 0.6);
        Self {
            shape,
            scale: best_scale(shape),
        }
    }

    /// Logarithm of `1 + shape · x / scale`, over the shape; for a shape of nought `x / scale`.
    fn stretched(&self, x: f64) -> f64 {
        if self.shape.abs() < 1e-9 {
            return x / self.scale;
        }
        let inner = 1.0 + self.shape * x / self.scale;
        if inner <= 0.0 {
            return f64::INFINITY;
        }
        inner.ln() / self.shape
    }

    fn ln_survival(&self, x: f64) -> f64 {
        -self.stretched(x)
    }

    fn ln_density(&self, x: f64) -> f64 {
        let stretched = self.stretched(x);
        if stretched.is_infinite() {
            return f64::NEG_INFINITY;
        }
        -self.scale.ln() - (1.0 + self.shape) * stretched
    }

    /// What this share lies above.
    fn quantile(&self, share: f64) -> f64 {
        if self.shape.abs() < 1e-9 {
            return -self.scale * share.ln();
        }
        self.scale / self.shape * (share.powf(-self.shape) - 1.0)
    }
}

/// Where a function of one top has it.
///
/// # Source
/// Kiefer 1953, with the golden ratio.
fn top(value: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    const GOLDEN: f64 = 0.618_033_988_749_895;
    let (mut a, mut b) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
    let (mut at_a, mut at_b) = (value(a), value(b));
    while high - low > 1e-4 {
        if at_a > at_b {
            (high, b, at_b) = (b, a, at_a);
            a = high - GOLDEN * (high - low);
            at_a = value(a);
        } else {
            (low, a, at_a) = (a, b, at_b);
            b = low + GOLDEN * (high - low);
            at_b = value(b);
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_up_tail_is_found_again() {
        for (shape, scale) in [(-0.2, 0.04), (0.1, 0.02), (-0.05, 0.03)] {
            let truth = Pareto { shape, scale };
            // Quantiles of equal shares, the nearest hundredth only counted.
            let n = 20_000;
            let end = truth.quantile(0.01);
            let points: Vec<(f64, f64)> = (0..n)
                .map(|i| truth.quantile((f64::from(i) + 0.5) / f64::from(n)))
                .filter(|x| *x < end)
                .map(|x| (x, 1.0))
                .collect();
            let found = Pareto::fit(&points, end, 0.01 * f64::from(n));
            assert!((found.shape - shape).abs() < 0.01, "{found:?} {truth:?}");
            assert!(
                (found.scale / scale - 1.0).abs() < 0.02,
                "{found:?} {truth:?}"
            );
            for share in [1e-3, 1e-6] {
                let ratio = found.quantile(share) / truth.quantile(share);
                assert!((ratio - 1.0).abs() < 0.03, "{ratio}");
            }
        }
    }

    #[test]
    fn shares_and_quantiles_belong_together() {
        for shape in [-0.3, 0.0, 0.2] {
            let tail = Pareto { shape, scale: 0.03 };
            for share in [0.5, 1e-2, 1e-7] {
                let back = tail.ln_survival(tail.quantile(share)).exp();
                assert!((back / share - 1.0).abs() < 1e-6);
            }
        }
    }
}
