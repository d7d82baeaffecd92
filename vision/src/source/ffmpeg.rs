//! ffmpeg.
use regard_domain::Timestamp;

use super::error::{OpenError, SourceError};
use super::frame::RawFrame;
use super::open::{FrameSource, OpenOptions, Watch};
use super::spec::FfmpegSpec;

pub(super) struct FfmpegSource;

impl FfmpegSource {
    pub(super) fn open(
        spec: &FfmpegSpec,
        _options: &OpenOptions,
        _watch: &Watch,
    ) -> Result<Self, OpenError> {
        let what = format!("{spec:?}: coming");
        Err(OpenError::Unsupported { what })
    }
}

impl FrameSource for FfmpegSource {
    fn describe(&self) -> String {
        String::new()
    }
    fn next(&mut self, _now: &dyn Fn() -> Timestamp) -> Result<RawFrame, SourceError> {
        Err(SourceError::Ended)
    }
}

/// The `ffmpeg` on PATH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FfmpegInfo {
    /// Where it is.
    pub path: std::path::PathBuf,
    /// Its version, as it says itself.
    pub version: String,
}

/// Looks for `ffmpeg` on PATH and asks its version; nothing when there is none that runs.
pub fn find_ffmpeg() -> Option<FfmpegInfo> {
    None
}
