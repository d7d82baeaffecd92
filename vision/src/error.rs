//! How seeing fails.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why bytes did not become a picture.
#[derive(Debug, Error)]
pub enum PhotoError {
    /// No bytes at all.
    #[error("the file is empty")]
    Empty,
    /// The bytes begin like no picture format we know.
    #[error("not an image")]
    NotAnImage,
    /// A picture format that is known but not read here, or a variety of one.
    #[error("unsupported image: {what}")]
    Unsupported {
        /// What is not supported.
        what: String,
    },
    /// The picture ends before its last pixel.
    #[error("the image is cut short")]
    Truncated,
    /// The picture contradicts itself.
    #[error("damaged {format} image: {reason}")]
    Damaged {
        /// Which format it claims to be.
        format: &'static str,
        /// What the decoder said.
        reason: String,
    },
    /// More pixels than [`crate::MAX_PIXELS`] or a side longer than [`crate::MAX_SIDE_PX`]; found in the header,
    /// before any memory was asked for.
    #[error(
        "the image is too large: {width}x{height}, at most {max_pixels} pixels and {max_side} a side"
    )]
    TooLarge {
        /// Columns claimed.
        width: u64,
        /// Rows claimed.
        height: u64,
        /// Most pixels.
        max_pixels: u64,
        /// Longest side.
        max_side: u32,
    },
    /// More bytes than [`crate::MAX_FILE_BYTES`].
    #[error("the file is too large: {bytes} bytes, at most {max_bytes}")]
    FileTooLarge {
        /// Bytes found.
        bytes: u64,
        /// Most bytes.
        max_bytes: u64,
    },
    /// The file could not be read.
    #[error("failed to read the file")]
    Read {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Why an analysis failed. A refusal of a gate is not among them: without a key there is no call.
#[derive(Debug, Error)]
pub enum AnalysisError {
    /// The grant behind the key has ended: stop looking.
    #[error("the sensing grant has ended")]
    GrantEnded,
    /// Blendshapes are asked of a mesh of the built-in network.
    #[error(
        "a mesh of {} points has no irises, which the network of blendshapes needs",
        crate::N_MESH_POINTS
    )]
    NoIrises,
    /// A network cannot be had.
    #[error("failed to load the model {model}")]
    Load {
        /// Its id in the catalogue.
        model: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A network failed on an input.
    #[error("the model {model} failed")]
    Run {
        /// Its id in the catalogue.
        model: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A network's output is not what its model card promises.
    #[error("the model {model} gave an unexpected output: {what}")]
    Output {
        /// Its id in the catalogue.
        model: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// A face was asked for that is not among those found.
    #[error("there is no such face in the picture")]
    NoSuchFace,
    /// Scaling a picture failed.
    #[error("failed to scale a picture")]
    Resize {
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
