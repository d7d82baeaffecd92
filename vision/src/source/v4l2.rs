//! Cameras of this machine.
use regard_domain::Timestamp;

use super::error::{OpenError, SourceError};
use super::frame::RawFrame;
use super::open::{FrameSource, Watch};
use super::spec::V4l2Spec;

pub(super) struct V4l2Source;

impl V4l2Source {
    pub(super) fn open(spec: &V4l2Spec, _watch: &Watch) -> Result<Self, OpenError> {
        let what = format!("{spec:?}: coming");
        Err(OpenError::Unsupported { what })
    }
}

impl FrameSource for V4l2Source {
    fn describe(&self) -> String {
        String::new()
    }
    fn next(&mut self, _now: &dyn Fn() -> Timestamp) -> Result<RawFrame, SourceError> {
        Err(SourceError::Ended)
    }
}

/// A format that a camera offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraFormat {
    /// The four characters of its code: `MJPG`, `YUYV`, or one we cannot read.
    pub fourcc: String,
    /// Whether a source can take it.
    pub is_usable: bool,
    /// Its sizes, largest first; the largest alone where the camera offers a range.
    pub sizes: Vec<regard_domain::FrameSize>,
}

/// What keeps a camera from being used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraProblem {
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

/// A camera of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraInfo {
    /// Its device file.
    pub path: std::path::PathBuf,
    /// Its name, as its driver says.
    pub name: String,
    /// What it offers.
    pub formats: Vec<CameraFormat>,
    /// What keeps it from being used, if anything.
    pub problem: Option<CameraProblem>,
}

/// The V4L2 capture devices of this machine, in the order of their numbers; takes no frame.
pub fn list_cameras() -> Vec<CameraInfo> {
    Vec::new()
}
