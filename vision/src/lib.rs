//! Room `vision`: pixels in, faces and what they show out.
//!
//! In: bytes of pictures and frames, and the keys of the sensing gate. Out: [`Picture`]s,
//! [`regard_domain::Face`]s with their readings, drawings for those who asked. This room never
//! keeps a pixel longer than its frame, never makes or compares an embedding, never reads the clock.

mod analyzer;
mod attention;
mod detector;
mod error;
mod frame;
mod jpeg;
mod keys;
mod photo;
mod picture;
mod shim;

pub use analyzer::{AnalyzerOptions, FaceAnalyzer};
pub use attention::CameraPlacement;
pub use detector::DetectorOptions;
pub use error::{AnalysisError, PhotoError};
pub use frame::Frame;
pub use jpeg::{MAX_PIXELS, MAX_SIDE_PX, WantedSize, decode_jpeg};
pub use keys::Keys;
pub use photo::{MAX_FILE_BYTES, Photo, PhotoFormat};
pub use picture::{Picture, PixelPool, RgbView};
