//! How the error falls with the number of photographs, and how many more it would take.

use super::chance::Chance;
use super::choose::{HeadKind, Lesson, teach};
use super::linear::{Linear, greatest};
use super::rows::SpoolError;
use super::split::Split;

/// Shares of the examples that teach on which heads are taught.
const SHARES: [f64; 6] = [0.08, 0.15, 0.27, 0.45, 0.7, 1.0];

/// Most held-out examples that the errors are counted on.
const MAX_COUNTED: usize = 5_000;

/// Times that the held-out examples are drawn anew for the interval, and the shares of the results it leaves out on each side.
const N_RESAMPLES: usize = 400;
const LEFT_OUT: f64 = 0.05;

/// How many times the photographs there are an extrapolation may speak of.
const FARTHEST: f64 = 100.0;

/// Fewest wrong answers that say anything about how the error falls.
const LEAST_WRONG: usize = 5;

/// One point of the curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    /// Photographs in all, of which a part teaches.
    pub n: usize,
    /// Share of held-out examples taken for something else.
    pub error: f64,
}

/// What a line through the points says about a wished share of right answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Needed {
    /// The error wished for is there already.
    Reached,
    /// About so many photographs in all.
    About {
        /// The likeliest number.
        n: f64,
        /// The lower end of a 90 % interval.
        low: f64,
        /// The upper end; nothing where it lies beyond what can be said.
        high: Option<f64>,
    },
    /// More than a hundred times what there is, or never: the curve falls too slowly.
    OutOfReach,
    /// Too few wrong answers, or too few photographs, to say how the error falls.
    CannotSay,
}

/// The learning curve.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// From few photographs to all.
    pub points: Vec<CurvePoint>,
    /// `error = factor · n^-power`, where a line could be drawn.
    pub law: Option<(f64, f64)>,
    /// The share of right answers that was wished for.
    pub target: f64,
    /// What it would take.
    pub needed: Needed,
}

/// Teaches on ever larger parts of the lesson and counts errors on the examples held out; `full` is the head of all of it.
///
/// # Errors
/// [`SpoolError::Read`].
pub(super) fn learning_curve(
    lesson: &Lesson<'_>,
    (kind, full): (HeadKind, &Linear),
    (held_out, labels): (&[u32], &[u32]),
    target: f64,
) -> Result<Curve, SpoolError> {
    let mut chance = Chance::new(lesson.seed, 4);
    let mut order: Vec<u32> = (0..lesson.chosen.len() as u32).collect();
    chance.shuffle(&mut order);
    let n_counted = held_out.len().min(MAX_COUNTED);
    let mut wrong: Vec<Vec<bool>> = Vec::new();
    let mut sizes: Vec<usize> = Vec::new();
    for share in SHARES {
        let n = (lesson.chosen.len() as f64 * share).round() as usize;
        // A head that has seen less than two of a class is no head.
        if n < 2 * lesson.n_classes || sizes.last() == Some(&n) {
            continue;
        }
        let taught;
        let head = if n == lesson.chosen.len() {
            full
        } else {
            taught = teach_part(lesson, &order[..n], kind)?;
            &taught
        };
        let mut missed = Vec::with_capacity(n_counted);
        lesson
            .rows
            .visit(&held_out[..n_counted], &mut |place, row| {
                missed.push(greatest(&head.scores(row)) != labels[place] as usize);
            })?;
        wrong.push(missed);
        sizes.push(n);
    }
    Ok(drawn(&sizes, &wrong, target, &mut chance))
}

/// The head of some of the examples of a lesson.
fn teach_part(lesson: &Lesson<'_>, some: &[u32], kind: HeadKind) -> Result<Linear, SpoolError> {
    let mut part = some.to_vec();
    part.sort_unstable();
    let pick = |values: &[u32]| part.iter().map(|i| values[*i as usize]).collect::<Vec<_>>();
    let (chosen, labels) = (pick(lesson.chosen), pick(lesson.labels));
    let lesson = Lesson {
        chosen: &chosen,
        labels: &labels,
        ..*lesson
    };
    teach(&lesson, kind)
}

fn drawn(sizes: &[usize], wrong: &[Vec<bool>], target: f64, chance: &mut Chance) -> Curve {
    let n_all = |taught: usize| Split::n_for_taught(taught as f64);
    let n_out = wrong.first().map_or(0, Vec::len);
    let rate = |missed: &Vec<bool>| {
        missed.iter().filter(|is_wrong| **is_wrong).count() as f64 / n_out.max(1) as f64
    };
    let errors: Vec<f64> = wrong.iter().map(rate).collect();
    let points: Vec<CurvePoint> = sizes
        .iter()
        .zip(&errors)
        .map(|(n, error)| CurvePoint {
            n: n_all(*n).round() as usize,
            error: *error,
        })
        .collect();
    let goal = 1.0 - target;
    let wished = |errors: &[f64]| {
        let law = fit(&points, errors, n_out)?;
        Some((law, (law.0 / goal).powf(1.0 / law.1)))
    };
    let n_wrong = errors.last().map_or(0.0, |e| e * n_out as f64);
    let n_now = points.last().map_or(0.0, |p| p.n as f64);
    let law = wished(&errors).map(|(law, _)| law);
    let is_reached = errors.last().is_some_and(|e| *e <= goal) && n_out as f64 * goal >= 1.0;
    let needed = match wished(&errors) {
        _ if is_reached => Needed::Reached,
        _ if n_wrong < LEAST_WRONG as f64 || points.len() < 3 => Needed::CannotSay,
        None => Needed::OutOfReach,
        Some((_, n)) if n > n_now * FARTHEST => Needed::OutOfReach,
        Some((_, n)) => {
            let ends = interval(wrong, n_out, chance, &wished);
            Needed::About {
                n: n.max(n_now),
                low: ends.0.min(n).max(n_now),
                high: (ends.1.max(n) <= n_now * FARTHEST).then_some(ends.1.max(n)),
            }
        }
    };
    Curve {
        points,
        law,
        target,
        needed,
    }
}

/// Factor and power of the line through the logarithms, each point weighed by how well its error is known; nothing where the
/// error does not fall.
fn fit(points: &[CurvePoint], errors: &[f64], n_out: usize) -> Option<(f64, f64)> {
    if points.len() < 3 {
        return None;
    }
    let (mut sum, mut x_sum, mut y_sum) = (0.0, 0.0, 0.0);
    let (mut xx, mut xy) = (0.0, 0.0);
    for (point, error) in points.iter().zip(errors) {
        // Half an error where none was seen: its logarithm is not minus infinity.
        let n_wrong = (error * n_out as f64).max(0.5);
        let (x, y) = ((point.n as f64).ln(), (n_wrong / n_out.max(1) as f64).ln());
        // The variance of the logarithm of a count is about one over the count.
        let weight = n_wrong;
        sum += weight;
        x_sum += weight * x;
        y_sum += weight * y;
        xx += weight * x * x;
        xy += weight * x * y;
    }
    let spread = xx - x_sum * x_sum / sum;
    let power = -(xy - x_sum * y_sum / sum) / spread;
    let falls = power.is_finite() && power > 0.02;
    falls.then(|| (((y_sum + power * x_sum) / sum).exp(), power))
}

/// A line, factor and power, and the number of photographs at which it comes to the error wished for.
type Wish = ((f64, f64), f64);

/// Ends of the interval: the held-out examples are drawn anew, the same for all points.
fn interval(
    wrong: &[Vec<bool>],
    n_out: usize,
    chance: &mut Chance,
    wished: &dyn Fn(&[f64]) -> Option<Wish>,
) -> (f64, f64) {
    let mut found: Vec<f64> = (0..N_RESAMPLES)
        .map(|_| {
            let drawn: Vec<usize> = (0..n_out).map(|_| chance.below(n_out)).collect();
            let errors: Vec<f64> = wrong
                .iter()
                .map(|missed| {
                    let n = drawn.iter().filter(|i| missed[**i]).count();
                    n as f64 / n_out as f64
                })
                .collect();
            wished(&errors).map_or(f64::INFINITY, |(_, n)| n)
        })
        .collect();
    found.sort_by(f64::total_cmp);
    let at = |share: f64| found[((N_RESAMPLES as f64 * share) as usize).min(N_RESAMPLES - 1)];
    (at(LEFT_OUT), at(1.0 - LEFT_OUT))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers on 2,000 held-out examples whose error follows a power exactly in the mean.
    fn simulated(factor: f64, power: f64, target: f64, seed: u64) -> Curve {
        let sizes = [240, 450, 810, 1_350, 2_100, 3_000];
        let mut chance = Chance::new(seed, 0);
        let hardness: Vec<f64> = (0..2_000).map(|_| chance.unit()).collect();
        let wrong: Vec<Vec<bool>> = sizes
            .iter()
            .map(|n| {
                let error = factor * Split::n_for_taught(*n as f64).powf(-power);
                hardness.iter().map(|h| *h < error).collect()
            })
            .collect();
        drawn(&sizes, &wrong, target, &mut chance)
    }

    #[test]
    fn a_power_law_is_found_and_its_end_lies_in_the_interval() {
        let truth = (5.0_f64 / 0.01).powf(1.0 / 0.6);
        let n_held = (0..20)
            .filter(|seed| match simulated(5.0, 0.6, 0.99, *seed).needed {
                Needed::About { low, high, .. } => {
                    low <= truth && high.is_none_or(|high| truth <= high)
                }
                other => panic!("{other:?}"),
            })
            .count();
        assert!(n_held >= 15, "{n_held} of 20");
        let law = simulated(5.0, 0.6, 0.99, 3).law.unwrap();
        assert!((law.1 - 0.6).abs() < 0.15, "{law:?}");
    }

    #[test]
    fn what_cannot_be_said_is_not_said() {
        assert_eq!(simulated(5.0, 0.6, 0.8, 1).needed, Needed::Reached);
        assert_eq!(simulated(0.2, 0.03, 0.999, 1).needed, Needed::OutOfReach);
        let mut chance = Chance::new(1, 0);
        let few = drawn(&[10, 20, 30], &vec![vec![false; 50]; 3], 0.999, &mut chance);
        assert_eq!(few.needed, Needed::CannotSay);
        assert_eq!(
            drawn(&[], &[], 0.999, &mut chance).needed,
            Needed::CannotSay
        );
    }
}
