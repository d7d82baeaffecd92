//! Intervals of means: of values between two bounds, and of values that lean to one side.

use super::{halved, student_quantile};

/// Part of the greatest bet that cannot go broke which is staked at most.
///
/// # Source
/// Waudby-Smith and Ramdas 2024, who take 1/2 or 3/4.
const MOST_STAKED: f64 = 0.75;

/// Wealth below which nobody goes on betting: that keeps what is promised.
const LEAST_WEALTH: f64 = 1e-100;

/// Halvings of the search for an end: a thousand-millionth of the bounds' distance.
const N_HALVINGS: usize = 30;

/// Inverse of the golden ratio: steps of that part of a circle meet all of it evenly.
const GOLDEN: f64 = 0.618_033_988_749_894_9;

/// The correction for skewness holds in the limit only; with some dozen values it misses a little more than is asked. It is taken
/// at this part of the error.
const SKEWED_ERROR: f64 = 0.5;

/// The interval of the mean of independent values between `low` and `high`, which are moved out to values that lie beyond. It misses
/// the mean with a probability of `error` at most, however the values are spread and however few they are; of none, it is all
/// between the bounds.
///
/// For each candidate somebody bets against it, upwards and downwards, with stakes set by the values before; a candidate whose
/// bettor gets rich is out. Values are met in an order that jumps evenly through them, so that what changes in the course of a day
/// is not met as a change of the mean.
///
/// # Source
/// Waudby-Smith and Ramdas 2024, "Estimating means of bounded random variables by betting", theorem 3 with the stakes for a number
/// of values that is known before.
pub fn betting(values: &[f64], (low, high): (f64, f64), error: f64) -> (f64, f64) {
    let low = values.iter().copied().fold(low, f64::min);
    let high = values.iter().copied().fold(high, f64::max);
    let span = high - low;
    if values.is_empty() || span <= 0.0 {
        return (low, high);
    }
    let stride = even_stride(values.len());
    let scaled: Vec<f64> = (0..values.len())
        .map(|i| ((values[i * stride % values.len()] - low) / span).clamp(0.0, 1.0))
        .collect();
    let stakes = stakes(&scaled, error);
    // Half of the error for each side.
    let rich = 2.0 / error;
    let least = first_kept(&scaled, &stakes, rich);
    let mirrored: Vec<f64> = scaled.iter().map(|value| 1.0 - value).collect();
    let most = 1.0 - first_kept(&mirrored, &stakes, rich);
    (least.mul_add(span, low), most.mul_add(span, low))
}

/// A step that meets each of `n` places once and has none in common with it, near the golden part.
fn even_stride(n: usize) -> usize {
    let near = ((n as f64 * GOLDEN) as usize).max(1);
    (near..n).find(|step| common(*step, n) == 1).unwrap_or(1)
}

/// Greatest common divisor.
const fn common(mut a: usize, mut b: usize) -> usize {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// The stake before each value, from mean and spread of those before.
fn stakes(values: &[f64], error: f64) -> Vec<f64> {
    let wanted = 2.0 * (2.0 / error).ln() / values.len() as f64;
    let (mut n, mut sum, mut squares) = (0.0_f64, 0.0_f64, 0.0_f64);
    let stake = |value: &f64| {
        let stake = (wanted * (1.0 + n) / (0.25 + squares)).sqrt();
        n += 1.0;
        sum += value;
        let mean = (0.5 + sum) / (1.0 + n);
        squares += (value - mean).powi(2);
        stake
    };
    values.iter().map(stake).collect()
}

/// The least candidate for the mean against which nobody gets rich who bets that it lies higher; to be sure, the last one below it
/// that was tried.
fn first_kept(values: &[f64], stakes: &[f64], rich: f64) -> f64 {
    let is_out = |candidate: f64| {
        let most = MOST_STAKED / candidate.max(f64::MIN_POSITIVE);
        let mut wealth = 1.0_f64;
        for (value, stake) in values.iter().zip(stakes) {
            wealth *= stake.min(most).mul_add(value - candidate, 1.0);
            if wealth >= rich {
                return true;
            }
            if wealth < LEAST_WEALTH {
                return false;
            }
        }
        false
    };
    // The greater the candidate, the less is won by betting that the mean lies higher.
    halved((0.0, 1.0), N_HALVINGS, is_out).0
}

/// The interval of the mean of independent values without bounds, corrected for their leaning to one side; nothing for fewer than
/// three, and where they are all the same, which says nothing of those that were not seen. It holds in the limit, and is taken
/// at half of `error` for that; how often it holds with few values is measured, not promised.
///
/// # Source
/// Hall 1992, "On the removal of skewness by transformation", the monotone cubic, with Student's quantile.
pub fn skewed(values: &[f64], error: f64) -> Option<(f64, f64)> {
    if values.len() < 3 {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let (mut squares, mut cubes) = (0.0_f64, 0.0_f64);
    for value in values {
        let off = value - mean;
        squares += off * off;
        cubes += off * off * off;
    }
    let spread = (squares / (n - 1.0)).sqrt();
    if spread <= 0.0 || !spread.is_finite() {
        return None;
    }
    let skewness = cubes / n / (squares / n).powf(1.5);
    let quantile = student_quantile(1.0 - error * SKEWED_ERROR / 2.0, values.len() as u64 - 1);
    let third = skewness / 3.0;
    let untransformed = |quantile: f64| {
        let by = quantile / n.sqrt();
        if third.abs() < 1e-6 {
            return by;
        }
        let inner = 3.0 * third * (by - skewness / (6.0 * n));
        ((1.0 + inner).cbrt() - 1.0) / third
    };
    Some((
        spread.mul_add(-untransformed(quantile), mean),
        spread.mul_add(-untransformed(-quantile), mean),
    ))
}

/// Student's interval of the mean of independent values, which supposes that they are spread evenly about it; nothing for fewer
/// than two.
pub fn student(values: &[f64], error: f64) -> Option<(f64, f64)> {
    let degrees = (values.len() as u64).checked_sub(1).filter(|n| *n > 0)?;
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let half = (squares / degrees as f64 / n).sqrt() * student_quantile(1.0 - error / 2.0, degrees);
    Some((mean - half, mean + half))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sample of five: mean 3, standard deviation sqrt(2.5), t(4) = 2.776.
    #[test]
    fn students_interval_is_that_of_the_tables() {
        let (low, high) = student(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.05).unwrap();
        assert!(
            (low - 1.0371).abs() < 1e-3 && (high - 4.9629).abs() < 1e-3,
            "{low} {high}"
        );
        assert_eq!(student(&[2.0], 0.05), None);
    }

    #[test]
    fn places_are_met_once_each() {
        for n in 1..200 {
            let step = even_stride(n);
            let mut met: Vec<usize> = (0..n).map(|i| i * step % n).collect();
            met.sort_unstable();
            assert!(met.into_iter().eq(0..n), "{n} by {step}");
        }
    }

    /// Reference: wealth of the same bets in numpy, over a hundred thousand candidates.
    #[test]
    fn bets_agree_with_numpy() {
        let coin = |n: u32| -> Vec<f64> { (0..n).map(|i| f64::from(i % 4 / 3)).collect() };
        let even = |n: u32| -> Vec<f64> { (0..n).map(|i| f64::from(i * 7 % 10)).collect() };
        for (values, bounds, low, high) in [
            (coin(40), (0.0, 1.0), 0.101_170, 0.477_170),
            (coin(400), (0.0, 1.0), 0.196_620, 0.313_510),
            (even(30), (0.0, 10.0), 3.168_000, 5.954_800),
            (even(200), (-10.0, 10.0), 3.963_800, 5.047_200),
            (vec![0.0; 50], (0.0, 10.0), 0.000_000, 0.927_500),
        ] {
            let found = betting(&values, bounds, 0.05);
            assert!(
                (found.0 - low).abs() < 1e-3 && (found.1 - high).abs() < 1e-3,
                "{values:?}: {found:?}"
            );
        }
        assert_eq!(betting(&[], (-1.0, 2.0), 0.05), (-1.0, 2.0));
    }

    #[test]
    fn the_interval_of_a_few_is_between_the_bounds_and_holds_them() {
        for n in 1..40_usize {
            for value in [0.0, 3.0, 10.0] {
                let (low, high) = betting(&vec![value; n], (0.0, 10.0), 0.05);
                assert!(
                    0.0 <= low && low <= value && value <= high && high <= 10.0,
                    "{n} of {value}: {low} {high}"
                );
            }
        }
    }

    /// Reference: the same definition in numpy and SciPy.
    #[test]
    fn values_that_lean_agree_with_scipy() {
        for (values, low, high) in [
            (vec![1.0, 2.0, 3.0, 4.0, 5.0], 0.528_374_76, 5.471_625_24),
            (vec![0.0, 0.0, 0.0, 1.0, 9.0], -1.848_128_63, 19.065_602_08),
            (
                (0..30_i32).map(|i| f64::from(i * i)).collect(),
                181.273_490_91,
                413.225_314_02,
            ),
            (
                (0..200_i32).map(|i| f64::from(i % 10 / 9)).collect(),
                0.058_053_53,
                0.158_105_93,
            ),
        ] {
            let found = skewed(&values, 0.05).unwrap();
            assert!(
                (found.0 - low).abs() < 1e-6 && (found.1 - high).abs() < 1e-6,
                "{values:?}: {found:?}"
            );
        }
        for nothing in [&[][..], &[1.0, 2.0], &[4.0; 30]] {
            assert_eq!(skewed(nothing, 0.05), None);
        }
    }
}
