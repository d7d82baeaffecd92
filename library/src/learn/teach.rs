//! From a collection of examples to a model and what is to be known of it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use regard_commitments::Refusal;
use regard_inference::{Catalog, Runtime};

use super::choose::{Chosen, HeadKind, Lesson, choose, round_to_digits};
use super::conformal::{Calibration, Case, MAX_CASES, Promise, n_to_promise};
use super::curve::learning_curve;
use super::embedder::{NetworkError, NetworkFile};
use super::examples::Examples;
use super::findings::{Doubt, Findings, TestCount, Tested};
use super::gather::{Gathered, Progress, Worker, gather};
use super::linear::{Linear, greatest};
use super::model::{GREATEST_ERROR, LEAST_ERROR, LearnedModel, ModelNote, Seen};
use super::people::FaceScout;
use super::prototypes::Centers;
use super::rows::{Rows, SpoolError};
use super::split::Split;
use crate::SourceError;

/// Fewest photographs of a class.
const LEAST_OF_CLASS: usize = 5;

/// Most doubtful photographs that are named.
const MAX_DOUBTS: usize = 100;

/// How to learn.
#[derive(Clone, Debug)]
pub struct LearnSettings {
    /// The error that is to be kept.
    pub error: f64,
    /// To whom it is promised.
    pub promise: Promise,
    /// The share of right answers that the learning curve is asked about.
    pub target: f64,
    /// Seed of all draws.
    pub seed: u64,
    /// Threads, one embedder each.
    pub n_workers: usize,
    /// Where embeddings are spooled.
    pub spool: PathBuf,
}

/// What learning computes with.
pub struct Machinery<'a> {
    /// Runs networks.
    pub runtime: &'a Arc<dyn Runtime>,
    /// Knows networks.
    pub catalog: &'a Catalog,
    /// The network to embed with.
    pub network: &'a NetworkFile,
}

/// Why nothing was learned.
#[derive(Debug, thiserror::Error)]
pub enum LearnError {
    /// The collection is one of people.
    #[error("{0}")]
    People(Refusal),
    /// No photograph could be used.
    #[error("no photograph could be read, {n_unread} were damaged{}", first.as_ref().map(|f| format!(", the first: {f}")).unwrap_or_default())]
    NoPictures {
        /// How many could not.
        n_unread: usize,
        /// The first of them, and why.
        first: Option<String>,
    },
    /// A class with too few photographs.
    #[error(
        "class {name:?} has {n} photographs that can be used, and {LEAST_OF_CLASS} are needed; add some, or take the folder away"
    )]
    TooFew {
        /// Which.
        name: String,
        /// How many it has.
        n: usize,
    },
    /// More photographs than are taken at a time.
    #[error("more than {} photographs", super::rows::MAX_EXAMPLES)]
    TooMany,
    /// An error that cannot be asked for.
    #[error("an error of {error} cannot be asked for: it is {LEAST_ERROR} to {GREATEST_ERROR}")]
    BadError {
        /// What was asked for.
        error: f64,
    },
    /// It cannot be known what other photographs there are.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The network cannot be used.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// Embeddings could not be written or read.
    #[error(transparent)]
    Rows(#[from] SpoolError),
    /// Names could not be written or read.
    #[error("names of photographs cannot be kept in {}", path.display())]
    Spool {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Learns a model from examples.
///
/// Memory is bounded: embeddings lie on disk (4 bytes a value), at most 256 MB of them are worked on at a time, and of each
/// photograph some tens of bytes are kept.
///
/// # Privacy
/// For things. A class that mainly shows faces is refused with `untargeted_collection`. Keeps no picture; names of photographs
/// lie in a file without a name until the end.
///
/// # Errors
/// [`LearnError`].
pub fn learn(
    examples: &mut dyn Examples,
    machinery: &Machinery<'_>,
    settings: &LearnSettings,
    watch: &mut dyn FnMut(Progress),
) -> Result<(LearnedModel, Findings), LearnError> {
    if !(LEAST_ERROR..=GREATEST_ERROR).contains(&settings.error) {
        return Err(LearnError::BadError {
            error: settings.error,
        });
    }
    let classes = examples.classes().to_vec();
    let workers = (0..settings.n_workers.max(1))
        .map(|_| {
            Ok(Worker {
                embedder: machinery.network.embedder(machinery.runtime)?,
                scout: FaceScout::new(machinery.runtime, machinery.catalog)?,
            })
        })
        .collect::<Result<Vec<_>, LearnError>>()?;
    let gathered = gather(examples, workers, &settings.spool, watch)?;
    let mut n_of_class = vec![0; classes.len()];
    for label in &gathered.labels {
        n_of_class[*label as usize] += 1;
    }
    for (name, n) in classes.iter().zip(&n_of_class) {
        if *n < LEAST_OF_CLASS {
            return Err(LearnError::TooFew {
                name: name.clone(),
                n: *n,
            });
        }
    }
    Pupil {
        classes,
        n_of_class,
        gathered,
        machinery,
        settings,
    }
    .learn(watch)
}

/// A go at learning, once everything is embedded.
struct Pupil<'a> {
    classes: Vec<String>,
    n_of_class: Vec<usize>,
    gathered: Gathered,
    machinery: &'a Machinery<'a>,
    settings: &'a LearnSettings,
}

/// A photograph that is likelier of another class.
struct Suspect {
    index: u32,
    taken_for: u32,
    probability: f64,
}

impl Pupil<'_> {
    fn of(&self, chosen: &[u32]) -> Vec<u32> {
        chosen
            .iter()
            .map(|i| self.gathered.labels[*i as usize])
            .collect()
    }

    fn learn(
        self,
        watch: &mut dyn FnMut(Progress),
    ) -> Result<(LearnedModel, Findings), LearnError> {
        let rows: &dyn Rows = &self.gathered.spool;
        let (n_classes, seed) = (self.classes.len(), self.settings.seed);
        let split = Split::draw(&self.gathered.labels, n_classes, seed);
        let labels = self.of(&split.taught);
        let lesson = Lesson {
            rows,
            chosen: &split.taught,
            labels: &labels,
            n_classes,
            n_threads: self.settings.n_workers,
            seed,
        };
        watch(Progress::Teaching);
        let chosen = choose(&lesson)?;
        let centers = Centers::find(rows, &split.taught, &labels, n_classes, seed)?;
        let see = |row: &[f32]| Seen::of(&chosen.head, &centers, chosen.temperature, row);
        let mut suspects = suspects_of(&chosen, &labels, &split);
        let mut cases = Vec::new();
        let calibrating = self.of(&split.calibrating);
        rows.visit(&split.calibrating, &mut |place, row| {
            let seen = see(row);
            suspects.extend(suspect(split.calibrating[place], calibrating[place], &seen));
            cases.push(case_of(calibrating[place], &seen));
        })?;
        if cases.len() > MAX_CASES {
            super::chance::Chance::new(seed, 5).shuffle(&mut cases);
            cases.truncate(MAX_CASES);
        }
        let calibration = Calibration::new(cases, n_classes);
        let mut count = TestCount::new(n_classes);
        let testing = self.of(&split.testing);
        rows.visit(&split.testing, &mut |place, row| {
            let seen = see(row);
            suspects.extend(suspect(split.testing[place], testing[place], &seen));
            let (error, promise) = (self.settings.error, self.settings.promise);
            let verdict = calibration.judge(&seen.misfits(), &seen.distances, error, promise);
            count.add(testing[place], &seen, &verdict);
        })?;
        watch(Progress::Curve);
        // What calibrates is held out of the head too: errors on it may be counted, as nothing is chosen by them.
        let held_out = [&split.testing[..], &split.calibrating].concat();
        let curve = learning_curve(
            &lesson,
            (chosen.kind, &chosen.head),
            (&held_out, &self.of(&held_out)),
            self.settings.target,
        )?;
        let tested = count.finish();
        let note = self.note(&chosen, &split, &tested);
        let model = LearnedModel {
            note,
            head: chosen.head,
            centers,
            calibration,
        };
        let findings = Findings {
            tried: chosen.tried,
            curve,
            ..self.findings(&model, &split, tested, suspects)?
        };
        Ok((model, findings))
    }

    fn note(&self, chosen: &Chosen, split: &Split, tested: &Tested) -> ModelNote {
        ModelNote {
            classes: self.classes.clone(),
            network: self.machinery.network.note().clone(),
            head: match chosen.kind {
                HeadKind::Prototypes => "prototypes".to_owned(),
                HeadKind::Logistic(penalty) => format!("logistic, penalty {penalty:e}"),
            },
            temperature: chosen.temperature,
            error: self.settings.error,
            promise: self.settings.promise,
            n_taught: split.taught.len(),
            n_calibrating: split.calibrating.len(),
            n_tested: split.testing.len(),
            n_moved: split.n_moved,
            tested_error: (tested.n > 0)
                .then(|| round_to_digits(tested.n_wrong as f64 / tested.n as f64)),
            seed: self.settings.seed,
        }
    }

    fn findings(
        self,
        model: &LearnedModel,
        split: &Split,
        tested: Tested,
        mut suspects: Vec<Suspect>,
    ) -> Result<Findings, LearnError> {
        let LearnSettings { error, promise, .. } = *self.settings;
        let least_error = model.least_error(promise);
        let wanted = n_to_promise(error);
        let counts = (0..self.classes.len()).map(|class| model.calibration.n_of_class(class));
        let short_classes: Vec<(String, usize)> = match promise {
            Promise::Overall => Vec::new(),
            Promise::EachClass => self
                .classes
                .iter()
                .cloned()
                .zip(counts)
                .filter(|(_, n)| *n < wanted)
                .collect(),
        };
        let n_needed = (least_error > error + 1e-12).then(|| match promise {
            Promise::Overall => Split::n_for_calibrating(wanted),
            Promise::EachClass => Split::n_for_calibrating(wanted) * self.classes.len(),
        });
        suspects.sort_by(|a, b| {
            a.probability
                .total_cmp(&b.probability)
                .then(a.index.cmp(&b.index))
        });
        let n_doubts = suspects.len();
        let class = |index: u32| self.classes[index as usize].clone();
        let doubts = suspects
            .iter()
            .take(MAX_DOUBTS)
            .map(|suspect| {
                let name = self.gathered.names.get(suspect.index);
                Ok(Doubt {
                    name: name.map_err(|source| LearnError::Spool {
                        path: self.settings.spool.clone(),
                        source,
                    })?,
                    class: class(self.gathered.labels[suspect.index as usize]),
                    taken_for: class(suspect.taken_for),
                    probability: suspect.probability,
                })
            })
            .collect::<Result<_, LearnError>>()?;
        let contradictions = self.gathered.contradictions.iter();
        Ok(Findings {
            n_of_class: self.n_of_class,
            contradictions: contradictions
                .map(|(name, index)| (name.clone(), class(*index)))
                .collect(),
            unread: self
                .gathered
                .unread
                .into_iter()
                .map(|u| (u.name, u.reason))
                .collect(),
            n_unread: self.gathered.n_unread,
            n_passed_over: self.gathered.n_passed_over,
            n_duplicates: self.gathered.n_duplicates,
            network: (model.note.network.name.clone(), model.dim()),
            tried: Vec::new(),
            temperature: model.note.temperature,
            n_taught: split.taught.len(),
            n_calibrating: split.calibrating.len(),
            n_moved: split.n_moved,
            error,
            promise,
            least_error,
            n_needed,
            short_classes,
            tested,
            curve: super::curve::Curve {
                points: Vec::new(),
                law: None,
                target: self.settings.target,
                needed: super::curve::Needed::CannotSay,
            },
            doubts,
            n_doubts,
            classes: self.classes,
        })
    }
}

/// Those among the examples that teach which were taken for another class while held out.
fn suspects_of(chosen: &Chosen, labels: &[u32], split: &Split) -> Vec<Suspect> {
    let wrong = chosen
        .held_out
        .iter()
        .filter(|(place, _, taken_for)| labels[*place as usize] != *taken_for);
    wrong
        .map(|(place, probability, taken_for)| Suspect {
            index: split.taught[*place as usize],
            taken_for: *taken_for,
            probability: *probability,
        })
        .collect()
}

fn suspect(index: u32, class: u32, seen: &Seen) -> Option<Suspect> {
    let best = greatest(&seen.log_probabilities);
    (best != class as usize).then(|| Suspect {
        index,
        taken_for: best as u32,
        probability: seen.log_probabilities[class as usize].exp(),
    })
}

/// What one example that calibrates says.
pub(super) fn case_of(class: u32, seen: &Seen) -> Case {
    let impression = seen.impression();
    Case {
        class,
        taken_for: impression.taken_for,
        misfit: -seen.log_probabilities[class as usize] as f32,
        distance: seen.distances[class as usize] as f32,
        doubt: impression.doubt,
        nearest: impression.nearest,
    }
}

/// A head and its centres, for whoever tries splits.
pub(super) fn taught(lesson: &Lesson<'_>) -> Result<(Linear, Centers, f64), SpoolError> {
    let chosen = choose(lesson)?;
    let centers = Centers::find(
        lesson.rows,
        lesson.chosen,
        lesson.labels,
        lesson.n_classes,
        lesson.seed,
    )?;
    Ok((chosen.head, centers, chosen.temperature))
}

#[cfg(test)]
mod tests;
