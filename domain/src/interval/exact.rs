//! Intervals of shares and of counts that hold at least as often as they say, however small the numbers.

use super::{N_HALVINGS, halved, incomplete_beta, ln_gamma};

/// Terms of a tail that add less than this to it are left out.
const LEAST_TERM: f64 = 1e-17;

/// The interval of the share of which `n_with` of `n` independent trials are a sample, within `[0, 1]`; all of it where there
/// are none. It misses the share with a probability of `error` at most, whatever the share is.
///
/// # Source
/// Clopper and Pearson 1934, by the incomplete beta function.
pub fn clopper_pearson(n_with: u64, n: u64, error: f64) -> (f64, f64) {
    if n == 0 {
        return (0.0, 1.0);
    }
    let n_with = n_with.min(n);
    let (count, with) = (n as f64, n_with as f64);
    // The share at which so many or more are as rare as half of the error.
    let low = if n_with == 0 {
        0.0
    } else {
        share_where(error / 2.0, with, count - with + 1.0).0
    };
    // The share at which so many or fewer are: more than so many are as frequent as the rest.
    let high = if n_with == n {
        1.0
    } else {
        share_where(1.0 - error / 2.0, with + 1.0, count - with).1
    };
    (low, high)
}

/// Two neighbours between which the incomplete beta function takes this value.
fn share_where(wanted: f64, a: f64, b: f64) -> (f64, f64) {
    halved((0.0, 1.0), N_HALVINGS, |share| {
        incomplete_beta(share, a, b) < wanted
    })
}

/// How many of `n` may have what `n_with` of `n_measured` were seen to have, where chance alone, and nothing that has to do with
/// it, said which were measured. The interval misses the count with a probability of `error` at most.
///
/// # Source
/// Tails of the hypergeometric distribution, inverted as Clopper and Pearson 1934 do (Buonaccorsi 1987).
pub fn counted_of(n_with: u64, n_measured: u64, n: u64, error: f64) -> (u64, u64) {
    let n = n.max(n_measured);
    let n_with = n_with.min(n_measured);
    let (least, most) = (n_with, n_with + (n - n_measured));
    let at = |count: u64| Tails::of(n_with, n_measured, count, n);
    // The least count at which so many or more are not too rare, and the greatest at which so many or fewer are not.
    let low = first_where(least, most, |count| at(count).above > error / 2.0);
    let high = first_where(least, most, |count| at(count).below <= error / 2.0);
    let is_high_in = at(high).below > error / 2.0;
    (low, if is_high_in { high } else { high - 1 })
}

/// The first number from `low` to `high` of which this is true, where it stays true; `high` where it never is.
fn first_where(mut low: u64, mut high: u64, is_true: impl Fn(u64) -> bool) -> u64 {
    while low < high {
        let middle = low + (high - low) / 2;
        if is_true(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

/// How probably a sample holds so many or more, and so many or fewer.
struct Tails {
    above: f64,
    below: f64,
}

impl Tails {
    /// Of `n`, `count` have it; of a sample of `n_measured`, `n_with`.
    fn of(n_with: u64, n_measured: u64, count: u64, n: u64) -> Self {
        let (x, m, k, all) = (n_with as f64, n_measured as f64, count as f64, n as f64);
        // Fewest and most that a sample can hold.
        let (fewest, most) = ((m + k - all).max(0.0), m.min(k));
        let log = ln_choose(k, x) + ln_choose(all - k, m - x) - ln_choose(all, m);
        let at = log.exp();
        let up = |x: f64| (k - x) * (m - x) / ((x + 1.0) * (all - k - m + x + 1.0));
        if x * all >= m * k {
            let (mut term, mut above, mut i) = (at, at, x);
            while i < most && term > LEAST_TERM * above {
                term *= up(i);
                above += term;
                i += 1.0;
            }
            Self {
                above,
                below: 1.0 - above + at,
            }
        } else {
            let (mut term, mut below, mut i) = (at, at, x);
            while i > fewest && term > LEAST_TERM * below {
                term /= up(i - 1.0);
                below += term;
                i -= 1.0;
            }
            Self {
                above: 1.0 - below + at,
                below,
            }
        }
    }
}

/// Logarithm of the number of ways to choose so many of `n`.
fn ln_choose(n: f64, chosen: f64) -> f64 {
    ln_gamma(n + 1.0) - ln_gamma(chosen + 1.0) - ln_gamma(n - chosen + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reference: `scipy.stats.binomtest(x, n).proportion_ci(0.95, "exact")` of SciPy 1.
    #[test]
    fn shares_agree_with_scipy() {
        for (n_with, n, low, high) in [
            (0, 10, 0.000_000_000_0, 0.308_497_107_8),
            (1, 10, 0.002_528_578_5, 0.445_016_117_0),
            (8, 10, 0.443_904_537_7, 0.974_789_273_7),
            (10, 10, 0.691_502_892_2, 1.000_000_000_0),
            (1, 2, 0.012_579_117_1, 0.987_420_882_9),
            (990, 1_000, 0.981_686_756_9, 0.995_194_489_3),
            (3, 800_000, 0.000_000_773_3, 0.000_010_959_1),
            (400_123, 800_000, 0.499_057_473_0, 0.501_250_025_9),
        ] {
            let found = clopper_pearson(n_with, n, 0.05);
            assert!(
                (found.0 - low).abs() < 1e-7 && (found.1 - high).abs() < 1e-7,
                "{n_with} of {n}: {found:?}"
            );
        }
        assert_eq!(clopper_pearson(0, 0, 0.05), (0.0, 1.0));
    }

    /// The probability that the interval holds the share, added up over all that a sample can be.
    #[test]
    fn shares_are_held_as_often_as_is_said_whatever_they_are() {
        for n in [1_u64, 2, 5, 20, 60] {
            let intervals: Vec<_> = (0..=n).map(|x| clopper_pearson(x, n, 0.05)).collect();
            for step in 1..200 {
                let share = f64::from(step) / 200.0;
                let mut probability = (1.0 - share).powi(n as i32);
                let mut held = 0.0;
                for (x, (low, high)) in intervals.iter().enumerate() {
                    if (*low..=*high).contains(&share) {
                        held += probability;
                    }
                    let odds = share / (1.0 - share);
                    probability *= (n as f64 - x as f64) / (x as f64 + 1.0) * odds;
                }
                assert!(held >= 0.95 - 1e-9, "{share} of {n}: {held}");
            }
        }
    }

    /// All samples of a few, counted one by one.
    #[test]
    fn counts_are_held_as_often_as_is_said_whatever_they_are() {
        let choose = |n: u64, k: u64| -> f64 {
            if k > n {
                return 0.0;
            }
            (0..k).fold(1.0, |ways, i| ways * (n - i) as f64 / (i + 1) as f64)
        };
        for (n_measured, n) in [(1, 2), (3, 9), (10, 20), (15, 40), (39, 40)] {
            for count in 0..=n {
                let held: f64 = (0..=n_measured.min(count))
                    .filter(|x| {
                        let (low, high) = counted_of(*x, n_measured, n, 0.05);
                        (low..=high).contains(&count)
                    })
                    .map(|x| {
                        choose(count, x) * choose(n - count, n_measured - x) / choose(n, n_measured)
                    })
                    .sum();
                assert!(held >= 0.95 - 1e-9, "{count} of {n}: {held}");
            }
        }
    }

    /// Reference: the same definition over `scipy.stats.hypergeom`.
    #[test]
    fn counts_agree_with_scipy() {
        for (n_with, n_measured, n, wanted) in [
            (0, 10, 20, (0, 4)),
            (3, 7, 7, (3, 3)),
            (1, 3, 9, (1, 7)),
            (10, 10, 20, (16, 20)),
            (150, 400, 1_000, (338, 413)),
            (2, 400, 2_000, (2, 33)),
            (1_999, 2_000, 5_000, (4_989, 4_999)),
        ] {
            let found = counted_of(n_with, n_measured, n, 0.05);
            assert_eq!(found, wanted, "{n_with} of {n_measured} of {n}");
        }
    }
}
