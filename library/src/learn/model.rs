//! What was learned: a file of its own, and what it says of pictures.

mod file;

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::{Deserialize, Serialize};

pub use self::file::ModelFileError;
#[cfg(feature = "fuzz")]
pub(crate) use self::file::{sample_body, with_its_hash};

use self::file::MAX_FILE_BYTES as MAX_MODEL_FILE_BYTES;

use super::conformal::{Abstention, Calibration, Promise, Verdict};
use super::drift::{DriftWatch, Impression};
use super::embedder::NetworkNote;
use super::linear::{Linear, greatest, log_probabilities};
use super::prototypes::Centers;

/// Most classes whose probabilities are told.
const MAX_TOLD: usize = 10;

/// Least and greatest error that can be asked for.
pub const LEAST_ERROR: f64 = 1e-5;
/// The greatest.
pub const GREATEST_ERROR: f64 = 0.5;

/// What is said of a learned model in words and numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelNote {
    /// Names of the classes.
    pub classes: Vec<String>,
    /// With which network.
    pub network: NetworkNote,
    /// `prototypes`, or `logistic` with its penalty.
    pub head: String,
    /// Scores are divided by it.
    pub temperature: f64,
    /// The error it was asked to keep, where none other is asked for.
    pub error: f64,
    /// To whom.
    pub promise: Promise,
    /// Photographs that taught, calibrated and tested.
    pub n_taught: usize,
    /// Photographs that calibrated.
    pub n_calibrating: usize,
    /// Photographs that tested.
    pub n_tested: usize,
    /// Of those that should have calibrated, so many had to teach.
    pub n_moved: usize,
    /// Share of the tested ones that it takes for something else.
    pub tested_error: Option<f64>,
    /// Seed of all draws.
    pub seed: u64,
}

/// A learned model.
#[derive(Clone, Debug, PartialEq)]
pub struct LearnedModel {
    pub(super) note: ModelNote,
    pub(super) head: Linear,
    pub(super) centers: Centers,
    pub(super) calibration: Calibration,
}

/// What is said of one picture.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Classified {
    /// Its class, or nothing where that is not sure enough.
    pub decision: Option<String>,
    /// Why there is none.
    pub abstained: Option<Abstention>,
    /// Classes that may be the true one; together they miss it no more often than `error`.
    pub set: Vec<String>,
    /// The error that is kept.
    pub error: f64,
    /// Probabilities of the likeliest classes, by name, the likeliest first.
    pub probabilities: Vec<(String, f64)>,
    /// How far it is from everything that was learned, 0 to 2.
    pub distance: f64,
}

/// An embedding that does not belong to the model.
#[derive(Debug, thiserror::Error)]
#[error("the network gave {found} values, and the model was learned with {expected}")]
pub struct WrongLength {
    expected: usize,
    found: usize,
}

/// What there is to know of one embedding.
pub(super) struct Seen {
    pub(super) log_probabilities: Vec<f64>,
    pub(super) distances: Vec<f64>,
}

impl Seen {
    pub(super) fn of(head: &Linear, centers: &Centers, temperature: f64, row: &[f32]) -> Self {
        Self {
            log_probabilities: log_probabilities(&head.scores(row), temperature),
            distances: centers.distances(row),
        }
    }

    pub(super) fn misfits(&self) -> Vec<f64> {
        self.log_probabilities.iter().map(|log| -log).collect()
    }

    pub(super) fn impression(&self) -> Impression {
        let best = greatest(&self.log_probabilities);
        Impression {
            taken_for: best as u32,
            doubt: -self.log_probabilities[best] as f32,
            nearest: self.distances.iter().copied().fold(2.0, f64::min) as f32,
        }
    }
}

impl LearnedModel {
    /// What is to be known of it.
    pub const fn note(&self) -> &ModelNote {
        &self.note
    }

    /// Values of the embeddings it takes.
    pub const fn dim(&self) -> usize {
        self.head.dim
    }

    /// The least error that its examples can promise.
    pub fn least_error(&self, promise: Promise) -> f64 {
        self.calibration.least_error(promise)
    }

    fn seen(&self, embedding: &[f32]) -> Result<Seen, WrongLength> {
        if embedding.len() != self.head.dim {
            return Err(WrongLength {
                expected: self.head.dim,
                found: embedding.len(),
            });
        }
        Ok(Seen::of(
            &self.head,
            &self.centers,
            self.note.temperature,
            embedding,
        ))
    }

    /// What an embedding is, at an error, or at that of the model.
    ///
    /// # Errors
    /// An embedding of another length.
    pub fn classify(
        &self,
        embedding: &[f32],
        error: Option<f64>,
    ) -> Result<(Classified, Impression), WrongLength> {
        let seen = self.seen(embedding)?;
        let error = error.unwrap_or(self.note.error);
        let Verdict { set, decision } =
            self.calibration
                .judge(&seen.misfits(), &seen.distances, error, self.note.promise);
        let name = |class: u32| self.note.classes[class as usize].clone();
        let mut likely: Vec<usize> = (0..seen.log_probabilities.len()).collect();
        likely.sort_by(|a, b| {
            seen.log_probabilities[*b]
                .total_cmp(&seen.log_probabilities[*a])
                .then(a.cmp(b))
        });
        let impression = seen.impression();
        let classified = Classified {
            decision: decision.ok().map(name),
            abstained: decision.err(),
            set: set.into_iter().map(name).collect(),
            error,
            probabilities: likely
                .iter()
                .take(MAX_TOLD)
                .map(|class| (name(*class as u32), seen.log_probabilities[*class].exp()))
                .collect(),
            distance: f64::from(impression.nearest),
        };
        Ok((classified, impression))
    }

    /// A watch over what comes, against what calibrated.
    pub fn drift_watch(&self, false_alarm: f64) -> DriftWatch {
        DriftWatch::new(self.calibration.cases(), false_alarm, self.note.seed)
    }

    /// Reads a model.
    ///
    /// # Errors
    /// [`ModelFileError`].
    pub fn open(path: &Path) -> Result<Self, ModelFileError> {
        let failed = |source| ModelFileError::Read {
            path: path.to_owned(),
            source,
        };
        let n_bytes = fs::metadata(path).map_err(failed)?.len();
        if n_bytes > MAX_MODEL_FILE_BYTES {
            return Err(ModelFileError::TooLong { n_bytes });
        }
        Self::from_bytes(&fs::read(path).map_err(failed)?)
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// What the system says.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder.to_owned(),
            Some(_) | None => PathBuf::from("."),
        };
        fs::create_dir_all(&folder)?;
        let mut beside = tempfile::NamedTempFile::new_in(&folder)?;
        io::Write::write_all(&mut beside, &self.to_bytes())?;
        beside.as_file().sync_all()?;
        beside.persist(path).map_err(|error| error.error)?;
        Ok(())
    }
}
