//! One image with its capture time.

use std::fmt;
use std::sync::Arc;

use regard_domain::{FrameSize, Timestamp};

use crate::{Mask, Picture, RgbView};

/// One image of a camera or video with its capture time.
///
/// # Privacy
/// Shows whoever is in view; exists under `Grant<Sensing>`, is never stored and never printed.
pub struct Frame {
    picture: Picture,
    captured_at: Timestamp,
    index: u64,
    jpeg: Option<Arc<[u8]>>,
}

impl Frame {
    /// A frame: its picture, when it was captured, and its running number on its source from 0.
    pub const fn new(picture: Picture, captured_at: Timestamp, index: u64) -> Self {
        Self {
            picture,
            captured_at,
            index,
            jpeg: None,
        }
    }

    /// Keeps the compressed original beside the pixels, for the preview that profile `lab` allows.
    #[must_use]
    pub fn with_jpeg(mut self, jpeg: Arc<[u8]>) -> Self {
        self.jpeg = Some(jpeg);
        self
    }

    /// Width and height in pixels, as decoded.
    pub const fn size(&self) -> FrameSize {
        self.picture.size()
    }

    /// When it was captured.
    pub const fn captured_at(&self) -> Timestamp {
        self.captured_at
    }

    /// Running number on its source, from 0; dropped frames leave gaps.
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// The pixels.
    pub fn view(&self) -> RgbView<'_> {
        self.picture.view()
    }

    /// Paints over what lies in the zones of a mask, before anything looks at the frame; whether the mask was for frames of
    /// this size. The compressed original goes: what is painted over is in it.
    #[must_use]
    pub fn hide(&mut self, mask: &Mask) -> bool {
        self.jpeg = None;
        mask.paint(&mut self.picture)
    }

    /// The compressed original, if it was kept.
    ///
    /// # Privacy
    /// For the preview of profile `lab` only.
    pub const fn jpeg(&self) -> Option<&Arc<[u8]>> {
        self.jpeg.as_ref()
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame")
            .field("index", &self.index)
            .field("captured_at", &self.captured_at)
            .field("picture", &self.picture)
            .finish_non_exhaustive()
    }
}
