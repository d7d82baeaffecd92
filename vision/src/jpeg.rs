//! JPEG to pixels.
use crate::{PhotoError, Picture, PixelPool};

/// Longest side of a picture that is decoded, in pixels.
/// Origin: the JPEG format ends at 65,535; cameras in use end near 16,000.
pub const MAX_SIDE_PX: u32 = 20_000;

/// Most pixels of a picture that is decoded: 300 MB as RGB.
/// Origin: photographs in use end near 100 megapixels.
pub const MAX_PIXELS: u64 = 100_000_000;

/// How large a decoded JPEG must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WantedSize {
    /// Every pixel.
    Whole,
    /// At least this large both ways; 1/2, 1/4 or 1/8 of the whole, the smallest that suffices.
    AtLeast {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
}

/// Decodes a JPEG, also one of a webcam that left its Huffman tables out.
///
/// # Errors
/// [`PhotoError`] when it is empty, no JPEG, cut short, damaged, of an unsupported kind or too large.
pub fn decode_jpeg(
    bytes: &[u8],
    wanted: WantedSize,
    pool: &PixelPool,
) -> Result<Picture, PhotoError> {
    todo!()
}
