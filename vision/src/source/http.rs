//! Motion-JPEG over HTTP.
use regard_domain::Timestamp;

use super::error::{OpenError, SourceError};
use super::frame::RawFrame;
use super::open::{FrameSource, Watch};
use super::spec::HttpSpec;

pub(super) struct HttpSource;

impl HttpSource {
    pub(super) fn open(spec: &HttpSpec, _watch: &Watch) -> Result<Self, OpenError> {
        let what = format!("{spec:?}: coming");
        Err(OpenError::Unsupported { what })
    }
}

impl FrameSource for HttpSource {
    fn describe(&self) -> String {
        String::new()
    }
    fn next(&mut self, _now: &dyn Fn() -> Timestamp) -> Result<RawFrame, SourceError> {
        Err(SourceError::Ended)
    }
}
