//! The file of a learned model.
//!
//! Little-endian: 16 bytes of mark, the length of the head (u32), the head as JSON ([`ModelNote`]), the number of values an
//! embedding has (u32), weights class by class, a bias a class, where the centres of each class end (u32), the centres, the
//! number of examples that calibrated (u32) and 24 bytes of each; then SHA-256 of all that.

use std::io;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::{GREATEST_ERROR, LEAST_ERROR, LearnedModel, ModelNote};
use crate::learn::conformal::{Calibration, Case, MAX_CASES};
use crate::learn::examples::{ExamplesError, MAX_CLASSES, check_class};
use crate::learn::linear::Linear;
use crate::learn::prototypes::Centers;
use crate::learn::rows::MAX_DIM;

/// First bytes of the file, with the version of its form.
const MARK: [u8; 16] = *b"REGARD-LEARNED 1";

/// Bytes of the hash at the end.
const HASH_LEN: usize = 32;

/// Longest head: ten thousand classes of long names.
const MAX_HEAD_BYTES: usize = 4 << 20;

/// Most values of all weights, and of all centres: 256 MB each.
const MAX_VALUES: usize = 64 << 20;

/// Longest file that is read.
pub(super) const MAX_FILE_BYTES: u64 = 600 << 20;

/// A file that is no model of ours, or a damaged one.
#[derive(Debug, thiserror::Error)]
pub enum ModelFileError {
    /// It cannot be read.
    #[error("{} cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Longer than `MAX_FILE_BYTES`.
    #[error("the file has {n_bytes} bytes, more than the limit of {MAX_FILE_BYTES}")]
    TooLong {
        /// Its length.
        n_bytes: u64,
    },
    /// Something else.
    #[error("not a model that regard learn wrote")]
    Foreign,
    /// Cut short, or changed since it was written.
    #[error("the model is damaged: {0}; learn it anew or take a copy")]
    Damaged(&'static str),
    /// A head that is none.
    #[error("the head of the model cannot be read")]
    Head(#[from] serde_json::Error),
    /// A class that cannot be one.
    #[error(transparent)]
    Class(#[from] ExamplesError),
}

const fn damaged<T>(what: &'static str) -> Result<T, ModelFileError> {
    Err(ModelFileError::Damaged(what))
}

/// Bytes that are read one after the other, never past their end.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], ModelFileError> {
        let Some((head, rest)) = self.0.split_at_checked(n) else {
            return damaged("it ends early");
        };
        self.0 = rest;
        Ok(head)
    }

    fn number(&mut self) -> Result<usize, ModelFileError> {
        let bytes = self.take(4)?.first_chunk().copied().unwrap_or_default();
        Ok(u32::from_le_bytes(bytes) as usize)
    }

    fn numbers(&mut self, n: usize) -> Result<Vec<u32>, ModelFileError> {
        let bytes = self.take(n * 4)?.as_chunks::<4>().0;
        Ok(bytes.iter().map(|four| u32::from_le_bytes(*four)).collect())
    }

    /// Finite values. Nothing is allocated before the bytes are seen to be there.
    fn values(&mut self, n: usize) -> Result<Vec<f32>, ModelFileError> {
        let bytes = self.take(n * 4)?.as_chunks::<4>().0;
        let values: Vec<f32> = bytes.iter().map(|four| f32::from_le_bytes(*four)).collect();
        if values.iter().all(|value| value.is_finite()) {
            Ok(values)
        } else {
            damaged("a number is none")
        }
    }
}

impl LearnedModel {
    /// The bytes of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let head = serde_json::to_vec(&self.note).expect("texts and finite numbers");
        let mut bytes = MARK.to_vec();
        let number = |bytes: &mut Vec<u8>, n: usize| bytes.extend((n as u32).to_le_bytes());
        let values = |bytes: &mut Vec<u8>, values: &[f32]| {
            values
                .iter()
                .for_each(|value| bytes.extend(value.to_le_bytes()));
        };
        number(&mut bytes, head.len());
        bytes.extend(&head);
        number(&mut bytes, self.head.dim);
        values(&mut bytes, &self.head.weights);
        values(&mut bytes, &self.head.bias);
        self.centers
            .ends
            .iter()
            .for_each(|end| bytes.extend(end.to_le_bytes()));
        values(&mut bytes, &self.centers.values);
        let cases = self.calibration.cases();
        number(&mut bytes, cases.len());
        for case in cases {
            bytes.extend(case.class.to_le_bytes());
            bytes.extend(case.taken_for.to_le_bytes());
            values(
                &mut bytes,
                &[case.misfit, case.distance, case.doubt, case.nearest],
            );
        }
        let hash = Sha256::digest(&bytes);
        bytes.extend(hash);
        bytes
    }

    /// The model in the bytes of a file.
    ///
    /// # Errors
    /// [`ModelFileError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelFileError> {
        if !bytes.starts_with(&MARK) {
            return Err(ModelFileError::Foreign);
        }
        let Some((body, hash)) = bytes.split_last_chunk::<HASH_LEN>() else {
            return damaged("it ends early");
        };
        if *hash != <[u8; HASH_LEN]>::from(Sha256::digest(body)) {
            return damaged("its bytes are not those that were written");
        }
        Self::from_body(body)
    }

    /// The model without its hash.
    fn from_body(body: &[u8]) -> Result<Self, ModelFileError> {
        let mut bytes = Bytes(&body[MARK.len().min(body.len())..]);
        let head_len = bytes.number()?;
        if head_len > MAX_HEAD_BYTES {
            return damaged("its head is too long");
        }
        let note: ModelNote = serde_json::from_slice(bytes.take(head_len)?)?;
        check(&note)?;
        let n_classes = note.classes.len();
        let dim = bytes.number()?;
        if !(1..=MAX_DIM).contains(&dim) || n_classes * dim > MAX_VALUES {
            return damaged("an embedding cannot have so many values");
        }
        let weights = bytes.values(n_classes * dim)?;
        let bias = bytes.values(n_classes)?;
        let ends = bytes.numbers(n_classes)?;
        let n_centers = ends.last().copied().unwrap_or(0) as usize;
        if !ends.is_sorted() || n_centers.saturating_mul(dim) > MAX_VALUES {
            return damaged("its centres are not in order");
        }
        let centers = bytes.values(n_centers * dim)?;
        let cases = cases(&mut bytes, n_classes)?;
        if !bytes.0.is_empty() {
            return damaged("it goes on after its end");
        }
        Ok(Self {
            note,
            head: Linear { dim, weights, bias },
            centers: Centers {
                dim,
                ends,
                values: centers,
            },
            calibration: Calibration::new(cases, n_classes),
        })
    }
}

fn cases(bytes: &mut Bytes<'_>, n_classes: usize) -> Result<Vec<Case>, ModelFileError> {
    let n = bytes.number()?;
    if n > MAX_CASES {
        return damaged("too many examples calibrated it");
    }
    let mut cases = Vec::new();
    for _ in 0..n {
        let [class, taken_for] = [bytes.number()?, bytes.number()?];
        if class.max(taken_for) >= n_classes {
            return damaged("an example is of no class");
        }
        let values = bytes.values(4)?;
        cases.push(Case {
            class: class as u32,
            taken_for: taken_for as u32,
            misfit: values[0],
            distance: values[1],
            doubt: values[2],
            nearest: values[3],
        });
    }
    Ok(cases)
}

fn check(note: &ModelNote) -> Result<(), ModelFileError> {
    if !(2..=MAX_CLASSES).contains(&note.classes.len()) {
        return damaged("it has too few or too many classes");
    }
    note.classes
        .iter()
        .try_for_each(|class| check_class(class))?;
    let mut names: Vec<&String> = note.classes.iter().collect();
    names.sort();
    if names.windows(2).any(|pair| pair[0] == pair[1]) {
        return damaged("two classes have one name");
    }
    if !(note.temperature.is_finite() && note.temperature > 0.0) {
        return damaged("its temperature is none");
    }
    if !(LEAST_ERROR..=GREATEST_ERROR).contains(&note.error) {
        return damaged("its error is none");
    }
    let preprocessing = note.network.preprocessing.as_ref();
    if preprocessing.is_some_and(|input| input.fault().is_some()) {
        return damaged("its network takes no picture");
    }
    Ok(())
}

/// Body of a model with the hash that belongs to it, so that damage is looked for beyond the hash.
#[cfg(feature = "fuzz")]
pub(crate) fn with_its_hash(body: &[u8]) -> Vec<u8> {
    let mut bytes = body.to_vec();
    bytes.extend(Sha256::digest(body));
    bytes
}

/// Body of a small model.
#[cfg(feature = "fuzz")]
pub(crate) fn sample_body() -> Vec<u8> {
    let mut bytes = sample::model().to_bytes();
    bytes.truncate(bytes.len() - HASH_LEN);
    bytes
}

#[cfg(any(test, feature = "fuzz"))]
mod sample;
#[cfg(test)]
mod tests;
