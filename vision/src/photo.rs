//! Photographs from files.
use std::path::Path;

use crate::{PhotoError, Picture, RgbView};

/// Most bytes of a photograph's file. Origin: 100 megapixels of uncompressed TIFF.
pub const MAX_FILE_BYTES: u64 = 320_000_000;

/// The format of a picture, told by its first bytes, never by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhotoFormat {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// WebP.
    WebP,
    /// GIF; its first picture.
    Gif,
    /// Windows bitmap.
    Bmp,
    /// TIFF; its first picture.
    Tiff,
}

impl PhotoFormat {
    /// The format these bytes begin like.
    pub fn sniff(bytes: &[u8]) -> Option<Self> {
        todo!()
    }
}

/// An upright photograph: EXIF orientation is already applied.
///
/// # Privacy
/// May show faces: never printed.
#[derive(Debug)]
pub struct Photo {
    picture: Picture,
    format: PhotoFormat,
}

impl Photo {
    /// Decodes JPEG, PNG, WebP, GIF (first picture), BMP or TIFF and turns it upright.
    ///
    /// # Errors
    /// [`PhotoError`] when the bytes are empty, no image, cut short, damaged, unsupported or too large.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PhotoError> {
        todo!()
    }

    /// Reads and decodes a file.
    ///
    /// # Errors
    /// As [`Photo::from_bytes`]; [`PhotoError::Read`] and [`PhotoError::FileTooLarge`] besides.
    pub fn open(path: &Path) -> Result<Self, PhotoError> {
        todo!()
    }

    /// The pixels.
    pub fn view(&self) -> RgbView<'_> {
        self.picture.view()
    }

    /// What format it was in.
    pub const fn format(&self) -> PhotoFormat {
        self.format
    }
}
