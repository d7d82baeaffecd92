//! Why something was not covered.

use std::path::PathBuf;

use regard_vision::{AnalysisError, EncodeError, FilmError, PhotoError, VideoError};
use thiserror::Error;

use crate::follow::{CompareFault, WatchError};

/// Why a photograph or a video was not covered. What was written of a video by then is to be thrown away.
#[derive(Debug, Error)]
pub enum RedactError {
    /// The photograph cannot be read.
    #[error(transparent)]
    Photo(#[from] PhotoError),
    /// Faces cannot be looked for, or not be followed through the video.
    #[error(transparent)]
    Watch(WatchError),
    /// A picture cannot be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The video cannot be written.
    #[error(transparent)]
    Film(#[from] FilmError),
    /// It cannot be found out whose face is to stay.
    #[error("it cannot be found out whose face is to stay")]
    Keep(#[from] CompareFault),
    /// The file was another one when it was read again.
    #[error("{} changed while it was read", path.display())]
    Changed {
        /// Which.
        path: PathBuf,
    },
}

impl From<WatchError> for RedactError {
    fn from(error: WatchError) -> Self {
        match error {
            // Said in the words of covering.
            WatchError::Compare(fault) => Self::Keep(fault),
            WatchError::Refused(_)
            | WatchError::Video(_)
            | WatchError::Analysis(_)
            | WatchError::TooMany { .. }
            | WatchError::Empty => Self::Watch(error),
        }
    }
}

impl From<VideoError> for RedactError {
    fn from(error: VideoError) -> Self {
        Self::Watch(WatchError::Video(error))
    }
}

impl From<AnalysisError> for RedactError {
    fn from(error: AnalysisError) -> Self {
        Self::Watch(WatchError::Analysis(error))
    }
}
