//! Which head: prototypes or logistic regression, and with which penalty, by what held-out examples say.

use super::chance::Chance;
use super::linear::{Linear, best_temperature, greatest, log_loss, log_probabilities};
use super::logistic::{Problem, Scaling, Weights, fit, fit_in_batches};
use super::prototypes::prototypes;
use super::rows::{Rows, SpoolError};

/// Penalties that are tried, the greatest first: each fit begins where the last one ended.
const PENALTIES: [f64; 5] = [1e-2, 1e-3, 1e-4, 1e-5, 1e-6];

/// Examples up to which each is held out once, in as many folds as [`N_FOLDS`]; of more, some are held out once.
const MAX_FOLDED: usize = 5_000;

/// Folds of a cross-validation.
const N_FOLDS: usize = 4;

/// Share held out where there are too many for folds, and at most how many.
const HELD_OUT: f64 = 0.2;
const MAX_HELD_OUT: usize = 4_000;

/// Most values of the examples that are fitted in memory: 256 MB. More are fitted in batches, from a fit on as many as this.
const MAX_VALUES_IN_MEMORY: usize = 64 << 20;

/// Examples that teach.
#[derive(Clone, Copy)]
pub(super) struct Lesson<'a> {
    pub(super) rows: &'a dyn Rows,
    /// Numbers of the rows.
    pub(super) chosen: &'a [u32],
    /// What each is an example of.
    pub(super) labels: &'a [u32],
    pub(super) n_classes: usize,
    pub(super) n_threads: usize,
    pub(super) seed: u64,
}

/// Which head it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum HeadKind {
    /// Cosines to the mean of each class.
    Prototypes,
    /// Logistic regression with this penalty on the squared weights.
    Logistic(f64),
}

/// How one kind of head did on held-out examples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tried {
    /// Which.
    pub kind: HeadKind,
    /// Mean logarithmic loss, after its own temperature.
    pub loss: f64,
    /// Share that it takes for something else.
    pub error: f64,
}

/// The head that did best.
pub(super) struct Chosen {
    pub(super) head: Linear,
    pub(super) kind: HeadKind,
    pub(super) temperature: f64,
    /// All that were tried, the best first.
    pub(super) tried: Vec<Tried>,
    /// Of the held-out examples: place in the lesson, probability of its own class, and likeliest class.
    pub(super) held_out: Vec<(u32, f64, u32)>,
}

/// Examples that teach and those held out, as places in the lesson.
struct Fold {
    taught: Vec<u32>,
    held_out: Vec<u32>,
}

fn folds(lesson: &Lesson<'_>) -> Vec<Fold> {
    let n = lesson.chosen.len();
    let mut order: Vec<u32> = (0..n as u32).collect();
    Chance::new(lesson.seed, 2).shuffle(&mut order);
    if n > MAX_FOLDED {
        let n_out = ((n as f64 * HELD_OUT) as usize).min(MAX_HELD_OUT);
        return vec![Fold {
            held_out: order[..n_out].to_vec(),
            taught: order[n_out..].to_vec(),
        }];
    }
    // By class in turn, so that no fold is without one that has enough.
    order.sort_by_key(|place| lesson.labels[*place as usize]);
    (0..N_FOLDS.min(n.max(1)))
        .map(|fold| {
            let pick = |is_out: bool| {
                let numbered = order.iter().enumerate();
                numbered
                    .filter(|(i, _)| (i % N_FOLDS == fold) == is_out)
                    .map(|(_, place)| *place)
                    .collect()
            };
            Fold {
                taught: pick(false),
                held_out: pick(true),
            }
        })
        .collect()
}

/// Scores of held-out examples under each kind of head.
struct Trial {
    kind: HeadKind,
    scores: Vec<Vec<f64>>,
}

/// Tries every kind of head on held-out examples and teaches the best all there is.
///
/// # Errors
/// [`SpoolError::Read`].
pub(super) fn choose(lesson: &Lesson<'_>) -> Result<Chosen, SpoolError> {
    let folds = folds(lesson);
    let kinds = [HeadKind::Prototypes]
        .into_iter()
        .chain(PENALTIES.map(HeadKind::Logistic));
    let mut trials: Vec<Trial> = kinds
        .map(|kind| Trial {
            kind,
            scores: Vec::new(),
        })
        .collect();
    let mut places = Vec::new();
    for fold in &folds {
        places.extend(&fold.held_out);
        try_fold(lesson, fold, &mut trials)?;
    }
    let labels: Vec<u32> = places
        .iter()
        .map(|p: &u32| lesson.labels[*p as usize])
        .collect();
    let mut judged: Vec<(Tried, f64, Trial)> = trials
        .into_iter()
        .map(|trial| {
            // Few digits, which decimal text carries exactly.
            let temperature = round_to_digits(best_temperature(&trial.scores, &labels));
            let wrong = trial.scores.iter().zip(&labels);
            let n_wrong = wrong.filter(|(s, l)| greatest(s) != **l as usize).count();
            let tried = Tried {
                kind: trial.kind,
                loss: log_loss(&trial.scores, &labels, temperature),
                error: n_wrong as f64 / labels.len().max(1) as f64,
            };
            (tried, temperature, trial)
        })
        .collect();
    judged.sort_by(|(a, ..), (b, ..)| a.loss.total_cmp(&b.loss));
    let tried: Vec<Tried> = judged.iter().map(|(tried, ..)| *tried).collect();
    let (best, temperature, trial) = judged.swap_remove(0);
    let held_out = places
        .iter()
        .zip(&labels)
        .zip(&trial.scores)
        .map(|((place, label), scores)| {
            let probability = log_probabilities(scores, temperature)[*label as usize].exp();
            (*place, probability, greatest(scores) as u32)
        })
        .collect();
    Ok(Chosen {
        head: teach(lesson, best.kind)?,
        kind: best.kind,
        temperature,
        tried,
        held_out,
    })
}

/// A number with six digits that count.
pub(super) fn round_to_digits(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

fn of_places<'a>(values: &'a [u32], places: &'a [u32]) -> impl Iterator<Item = u32> + 'a {
    places.iter().map(|place| values[*place as usize])
}

fn try_fold(lesson: &Lesson<'_>, fold: &Fold, trials: &mut [Trial]) -> Result<(), SpoolError> {
    let most = (MAX_VALUES_IN_MEMORY / lesson.rows.dim()).max(1);
    let taught = &fold.taught[..fold.taught.len().min(most)];
    let chosen: Vec<u32> = of_places(lesson.chosen, taught).collect();
    let labels: Vec<u32> = of_places(lesson.labels, taught).collect();
    let out: Vec<u32> = of_places(lesson.chosen, &fold.held_out).collect();
    let scaling = Scaling::of(lesson.rows, &chosen)?;
    let table = scaling.table(lesson.rows, &chosen)?;
    let mut weights = Weights::zero(lesson.n_classes, lesson.rows.dim());
    for trial in trials {
        let head = match trial.kind {
            HeadKind::Prototypes => prototypes(lesson.rows, &chosen, &labels, lesson.n_classes)?,
            HeadKind::Logistic(penalty) => {
                let problem = Problem {
                    table: &table,
                    labels: &labels,
                    n_classes: lesson.n_classes,
                    penalty,
                    n_threads: lesson.n_threads,
                };
                fit(&problem, &mut weights);
                scaling.head(&weights)
            }
        };
        lesson
            .rows
            .visit(&out, &mut |_, row| trial.scores.push(head.scores(row)))?;
    }
    Ok(())
}

/// Teaches a head of this kind everything of the lesson.
///
/// # Errors
/// [`SpoolError::Read`].
pub(super) fn teach(lesson: &Lesson<'_>, kind: HeadKind) -> Result<Linear, SpoolError> {
    let HeadKind::Logistic(penalty) = kind else {
        return prototypes(lesson.rows, lesson.chosen, lesson.labels, lesson.n_classes);
    };
    let most = (MAX_VALUES_IN_MEMORY / lesson.rows.dim()).max(1);
    let n = lesson.chosen.len();
    let mut order: Vec<u32> = (0..n as u32).collect();
    if n > most {
        Chance::new(lesson.seed, 3).shuffle(&mut order);
        order.truncate(most);
        order.sort_unstable();
    }
    let chosen: Vec<u32> = of_places(lesson.chosen, &order).collect();
    let labels: Vec<u32> = of_places(lesson.labels, &order).collect();
    let scaling = Scaling::of(lesson.rows, &chosen)?;
    let mut weights = Weights::zero(lesson.n_classes, lesson.rows.dim());
    {
        let table = scaling.table(lesson.rows, &chosen)?;
        let problem = Problem {
            table: &table,
            labels: &labels,
            n_classes: lesson.n_classes,
            penalty,
            n_threads: lesson.n_threads,
        };
        fit(&problem, &mut weights);
    }
    if n > most {
        fit_in_batches(
            lesson.rows,
            (lesson.chosen, lesson.labels),
            &scaling,
            (&mut weights, penalty),
            lesson.n_threads,
            lesson.seed,
        )?;
    }
    Ok(scaling.head(&weights))
}

#[cfg(test)]
mod tests {
    use super::super::linear::normalize;
    use super::super::rows::Table;
    use super::*;

    /// Unit vectors around a direction for each class; of little spread, or of much.
    pub(super) fn bouquet(n: usize, n_classes: usize, spread: f64) -> (Table, Vec<u32>) {
        let dim = 24;
        let mut chance = Chance::new(11, 0);
        let mut values = Vec::new();
        let labels: Vec<u32> = (0..n).map(|i| (i % n_classes) as u32).collect();
        for label in &labels {
            let mut row: Vec<f32> = (0..dim)
                .map(|d| {
                    let own = f64::from(u8::from(d == *label as usize));
                    let noise: f64 = (0..4).map(|_| chance.unit() - 0.5).sum();
                    (own + spread * noise) as f32
                })
                .collect();
            assert!(normalize(&mut row));
            values.extend(row);
        }
        (Table::new(dim, values).unwrap(), labels)
    }

    fn chosen(n: usize, n_classes: usize, spread: f64) -> Chosen {
        let (table, labels) = bouquet(n, n_classes, spread);
        let all: Vec<u32> = (0..n as u32).collect();
        choose(&Lesson {
            rows: &table,
            chosen: &all,
            labels: &labels,
            n_classes,
            n_threads: 1,
            seed: 1,
        })
        .unwrap()
    }

    #[test]
    fn few_examples_are_told_by_prototypes() {
        let found = chosen(15, 3, 0.6);
        assert_eq!(found.held_out.len(), 15);
        let of = |kind| found.tried.iter().find(|t| t.kind == kind).unwrap().loss;
        assert!(of(HeadKind::Prototypes) <= of(HeadKind::Logistic(1e-6)));
    }

    #[test]
    fn the_kind_of_least_held_out_loss_is_taken_and_its_probabilities_are_true() {
        let found = chosen(1_200, 4, 0.7);
        let least = found
            .tried
            .iter()
            .map(|t| t.loss)
            .fold(f64::INFINITY, f64::min);
        assert_eq!(found.tried[0].loss, least);
        assert_eq!(found.tried.len(), 6);
        // Mean probability of the own class is what calibration makes of it: near the share of right answers.
        let right = 1.0 - found.tried[0].error;
        let mean = found.held_out.iter().map(|(_, p, _)| p).sum::<f64>() / 1_200.0;
        assert!(right > 0.8 && (mean - right).abs() < 0.1, "{right} {mean}");
    }
}
