//! Intervals of shares and of means, at 95 % and with any quantile.

mod exact;
mod mean;

pub use exact::{clopper_pearson, counted_of};
pub use mean::{betting, skewed, student};

/// 97.5 % quantile of the standard normal distribution.
pub const NORMAL_975: f64 = 1.959_963_984_540_054;

/// Terms of the continued fraction; it settles within twenty, for counts of a million within some thousand.
const MAX_TERMS: usize = 20_000;

/// Halvings of the search: to the last bit of what a report shows.
const N_HALVINGS: usize = 80;

/// The 95 % interval of a share of `n_with` in `n`, within `[0, 1]`; all of it where there are none to count.
///
/// # Source
/// Wilson 1927.
pub fn wilson(n_with: u64, n: u64) -> (f64, f64) {
    if n == 0 {
        return (0.0, 1.0);
    }
    let n_with = n_with.min(n);
    let (count, z2) = (n as f64, NORMAL_975 * NORMAL_975);
    let share = n_with as f64 / count;
    let center = (share + z2 / (2.0 * count)) / (1.0 + z2 / count);
    let spread = (share * (1.0 - share) / count + z2 / (4.0 * count * count)).sqrt();
    let half = NORMAL_975 / (1.0 + z2 / count) * spread;
    // The ends are exact where all or none had it; rounding must not move them.
    let low = if n_with == 0 {
        0.0
    } else {
        (center - half).max(0.0)
    };
    let high = if n_with == n {
        1.0
    } else {
        (center + half).min(1.0)
    };
    (low, high)
}

/// The value that a Student variable of so many degrees of freedom stays below with this probability, above 0.5 and below 1.
/// Infinite for no degrees of freedom.
///
/// # Source
/// Inverted from the regularized incomplete beta function, DLMF 8.17.22.
pub fn student_quantile(probability: f64, degrees: u64) -> f64 {
    if degrees == 0 {
        return f64::INFINITY;
    }
    let df = degrees as f64;
    // The tail above t is half of I(df / (df + t²); df / 2, 1 / 2).
    let tail = |t: f64| 0.5 * incomplete_beta(df / t.mul_add(t, df), df / 2.0, 0.5);
    let wanted = 1.0 - probability;
    let mut most = 1.0;
    while tail(most) > wanted && most < 1e9 {
        most *= 2.0;
    }
    let (low, high) = halved((0.0, most), N_HALVINGS, |t| tail(t) > wanted);
    f64::midpoint(low, high)
}

/// Two neighbours between which this ceases to be true of numbers, after so many halvings.
fn halved(
    (mut low, mut high): (f64, f64),
    n_halvings: usize,
    is_low: impl Fn(f64) -> bool,
) -> (f64, f64) {
    for _ in 0..n_halvings {
        let middle = f64::midpoint(low, high);
        if is_low(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low, high)
}

/// Regularized incomplete beta function.
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front =
        (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a.mul_add(x.ln(), b * (1.0 - x).ln())).exp();
    if x < (a + 1.0) / (a + b + 2.0) {
        front * fraction(x, a, b) / a
    } else {
        1.0 - front * fraction(1.0 - x, b, a) / b
    }
}

/// The continued fraction, by Lentz's way.
fn fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away = |v: f64| if v.abs() < TINY { TINY } else { v };
    let (mut c, mut d) = (1.0, 1.0 / away(1.0 - (a + b) * x / (a + 1.0)));
    let mut value = d;
    for m in 1..=MAX_TERMS {
        let m = m as f64;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / away(even.mul_add(d, 1.0));
        c = away(1.0 + even / c);
        value *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away(odd.mul_add(d, 1.0));
        c = away(1.0 + odd / c);
        value *= d * c;
        if (d * c - 1.0).abs() < 1e-15 {
            break;
        }
    }
    value
}

/// Logarithm of the gamma function, for arguments above 0.
///
/// # Source
/// Stirling's series (DLMF 5.11.1) after moving the argument above 10.
fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut shift) = (x, 0.0);
    while x < 10.0 {
        shift -= x.ln();
        x += 1.0;
    }
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    let series = inverse
        * square.mul_add(
            square.mul_add(square.mul_add(-1.0 / 1_680.0, 1.0 / 1_260.0), -1.0 / 360.0),
            1.0 / 12.0,
        );
    let half_log_tau = 0.5 * std::f64::consts::TAU.ln();
    shift + (x - 0.5).mul_add(x.ln(), -x) + half_log_tau + series
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of printed tables (Fisher and Yates 1963, table III).
    #[test]
    fn quantiles_agree_with_printed_tables() {
        for (probability, degrees, value) in [
            (0.975, 1, 12.706_2),
            (0.975, 2, 4.302_7),
            (0.975, 4, 2.776_4),
            (0.975, 9, 2.262_2),
            (0.975, 30, 2.042_3),
            (0.975, 120, 1.979_9),
            (0.95, 5, 2.015_0),
            (0.995, 10, 3.169_3),
        ] {
            let found = student_quantile(probability, degrees);
            assert!(
                (found - value).abs() < 1e-3,
                "{probability} {degrees}: {found}"
            );
        }
        assert!(student_quantile(0.975, 0).is_infinite());
    }

    /// Published: 8 of 10 (Newcombe 1998, method 3), and two of the usual tables.
    #[test]
    fn shares_agree_with_printed_tables() {
        for (n_with, n, wanted) in [
            (8, 10, (0.490_2, 0.943_3)),
            (990, 1_000, (0.981_69, 0.994_56)),
            (0, 10, (0.0, 0.277_5)),
            (10, 10, (0.722_5, 1.0)),
            (0, 0, (0.0, 1.0)),
        ] {
            let (low, high) = wilson(n_with, n);
            assert!(
                (low - wanted.0).abs() < 1e-4 && (high - wanted.1).abs() < 1e-4,
                "{n_with} of {n}: {low} {high}"
            );
        }
        assert_eq!((wilson(0, 10).0, wilson(10, 10).1), (0.0, 1.0));
    }
}
