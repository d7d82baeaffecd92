//! Motion-JPEG in AVI.
use std::io::{self, Read};

use super::error::BadFrame;
use super::jpeg_stream::JpegFrame;

pub(super) struct AviReader;

impl AviReader {
    pub(super) fn new(_input: Box<dyn Read + Send>) -> io::Result<Self> {
        Ok(Self)
    }
    pub(super) fn fps(&self) -> f64 {
        25.0
    }
    pub(super) fn next_frame(&mut self) -> io::Result<Option<Result<JpegFrame, BadFrame>>> {
        Ok(None)
    }
}
