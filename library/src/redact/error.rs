//! Why something was not covered.

use std::path::PathBuf;

use regard_commitments::Refusal;
use regard_vision::{AnalysisError, EncodeError, FilmError, PhotoError, VideoError};
use thiserror::Error;

use crate::follow::{CompareFault, WatchError};

/// Why a photograph or a video was not covered. What was written of a video by then is to be thrown away.
#[derive(Debug, Error)]
pub enum RedactError {
    /// The gate says no.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// The photograph cannot be read.
    #[error(transparent)]
    Photo(#[from] PhotoError),
    /// The video cannot be read.
    #[error(transparent)]
    Video(#[from] VideoError),
    /// Faces cannot be looked for.
    #[error(transparent)]
    Analysis(#[from] AnalysisError),
    /// A picture cannot be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The video cannot be written.
    #[error(transparent)]
    Film(#[from] FilmError),
    /// It cannot be found out whose face is to stay.
    #[error("it cannot be found out whose face is to stay")]
    Keep(#[from] CompareFault),
    /// More faces than are followed at once.
    #[error("more than {max} sightings of faces in one video; cut it into parts")]
    TooMany {
        /// The most.
        max: usize,
    },
    /// The file was another one when it was read again.
    #[error("{} changed while it was read", path.display())]
    Changed {
        /// Which.
        path: PathBuf,
    },
    /// No frame could be read.
    #[error("no frame in it")]
    Empty,
}

impl From<WatchError> for RedactError {
    fn from(error: WatchError) -> Self {
        match error {
            WatchError::Refused(refusal) => Self::Refused(refusal),
            WatchError::Video(error) => Self::Video(error),
            WatchError::Analysis(error) => Self::Analysis(error),
            WatchError::Compare(fault) => Self::Keep(fault),
            WatchError::TooMany { max } => Self::TooMany { max },
            WatchError::Empty => Self::Empty,
        }
    }
}
