//! JPEG to pixels, whole or reduced.

mod header;
mod reduced;

use std::borrow::Cow;

use regard_domain::FrameSize;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

pub(crate) use self::header::looks_like_jpeg;
use self::header::{JpegHeader, has_end, read_header, standard_huffman_tables};
use crate::picture::{BYTES_PER_PIXEL, n_bytes};
use crate::{PhotoError, Picture, PixelPool};

/// Longest side of a picture that is decoded, in pixels.
/// Origin: the longest of cameras in use is near 16,000.
pub const MAX_SIDE_PX: u32 = 20_000;

/// Most pixels of a picture that is decoded; 300 MB as RGB.
/// Origin: the largest of cameras in use, 100 megapixels.
pub const MAX_PIXELS: u64 = 100_000_000;

/// Most pixels of a JPEG whose coefficients must be kept for all of it (progressive, or one scan a
/// component): these take up to 6 bytes a pixel besides the 3 of the picture, so that a third of
/// [`MAX_PIXELS`] takes as much memory as the largest baseline picture.
const MAX_BUFFERED_PIXELS: u64 = MAX_PIXELS / 3;

/// Scans of one picture. Origin: usual encoders make ten; each more costs a pass over all coefficients.
const MAX_SCANS: usize = 100;

/// How large a decoded JPEG must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WantedSize {
    /// Every pixel.
    Whole,
    /// At least this large both ways: 1/2, 1/4 or 1/8 of the whole, the smallest that suffices, or
    /// the whole where none does.
    AtLeast {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
}

/// Decodes a JPEG, also one of a webcam that left its Huffman tables out.
///
/// # Privacy
/// Keeps nothing.
///
/// # Errors
/// [`PhotoError`] when it is empty, no JPEG, cut short, damaged, of an unsupported kind or too large.
pub fn decode_jpeg(
    bytes: &[u8],
    wanted: WantedSize,
    pool: &PixelPool,
) -> Result<Picture, PhotoError> {
    let header = read_header(bytes)?;
    check_size(u64::from(header.size.width), u64::from(header.size.height))?;
    let n_pixels = u64::from(header.size.width) * u64::from(header.size.height);
    if header.is_buffered && n_pixels > MAX_BUFFERED_PIXELS {
        return Err(too_large(header.size, MAX_BUFFERED_PIXELS));
    }
    if header.is_buffered && n_scans(bytes, header.scan_offset) > MAX_SCANS {
        return Err(damaged(format!("more than {MAX_SCANS} scans")));
    }
    if !has_end(bytes, header.scan_offset) {
        return Err(PhotoError::Truncated);
    }
    let complete = with_huffman_tables(bytes, &header);
    let denominator = denominator_for(header.size, wanted);
    // The reducing decoder does not turn CMYK into RGB the way printers mean it; zune does.
    if denominator == 1 || header.n_components == 4 {
        decode_whole(&complete, &header, pool)
    } else {
        reduced::decode(&complete, denominator, pool)
            .unwrap_or_else(|| decode_unusual(&complete, &header, denominator, pool))
    }
}

/// Scans of the picture, counted no further than needed. In coded data a byte of 255 is never followed by that of a marker, so
/// that none is mistaken; what segments hold is passed over, for a comment may hold an end that is none.
fn n_scans(bytes: &[u8], scan_offset: usize) -> usize {
    let mut rest = bytes.get(scan_offset..).unwrap_or_default();
    let mut n = 0;
    while n <= MAX_SCANS
        && let Some(at) = rest.windows(2).position(is_marker)
    {
        match rest[at + 1] {
            0xD9 => break,
            0xDA => n += 1,
            _ => {}
        }
        rest = &rest[at + 2..];
        let len = rest
            .first_chunk::<2>()
            .map_or(0, |len| u16::from_be_bytes(*len));
        rest = rest.get(usize::from(len)..).unwrap_or_default();
    }
    n
}

/// Whether two bytes are the end, or a marker with a segment behind it: not a byte of coded data, a restart, a beginning, or what
/// fills.
fn is_marker(pair: &[u8]) -> bool {
    pair[0] == 0xFF && !matches!(pair[1], 0x00 | 0x01 | 0xD0..=0xD8 | 0xFF)
}

/// The size that a JPEG claims, which nobody has checked.
pub(crate) fn size_of(bytes: &[u8]) -> Result<FrameSize, PhotoError> {
    Ok(read_header(bytes)?.size)
}

/// The EXIF block of a JPEG, if its header can be read that far.
pub(crate) fn exif_of(bytes: &[u8]) -> Option<&[u8]> {
    read_header(bytes).ok()?.exif
}

fn too_large(size: FrameSize, max_pixels: u64) -> PhotoError {
    PhotoError::TooLarge {
        width: u64::from(size.width),
        height: u64::from(size.height),
        max_pixels,
        max_side: MAX_SIDE_PX,
    }
}

/// Refuses a picture that claims more than the limits, or nothing at all.
pub(crate) fn check_size(width: u64, height: u64) -> Result<FrameSize, PhotoError> {
    let error = PhotoError::TooLarge {
        width,
        height,
        max_pixels: MAX_PIXELS,
        max_side: MAX_SIDE_PX,
    };
    let side = |v: u64| u32::try_from(v).ok().filter(|v| *v <= MAX_SIDE_PX);
    match (side(width), side(height)) {
        (Some(0), _) | (_, Some(0)) => Err(PhotoError::Damaged {
            format: "picture",
            reason: "a side of 0 pixels".to_owned(),
        }),
        (Some(w), Some(h)) if width * height <= MAX_PIXELS => Ok(FrameSize {
            width: w,
            height: h,
        }),
        _ => Err(error),
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "passed to map_err as it stands"
)]
fn damaged(reason: impl ToString) -> PhotoError {
    PhotoError::Damaged {
        format: "JPEG",
        reason: reason.to_string(),
    }
}

fn with_huffman_tables<'a>(bytes: &'a [u8], header: &JpegHeader<'_>) -> Cow<'a, [u8]> {
    if header.has_huffman {
        return Cow::Borrowed(bytes);
    }
    let tables = standard_huffman_tables();
    let mut complete = Vec::with_capacity(bytes.len() + tables.len());
    complete.extend_from_slice(&bytes[..header.scan_offset]);
    complete.extend_from_slice(&tables);
    complete.extend_from_slice(&bytes[header.scan_offset..]);
    Cow::Owned(complete)
}

/// 1, 2, 4 or 8: the greatest reduction that keeps the wanted size.
fn denominator_for(size: FrameSize, wanted: WantedSize) -> u32 {
    match wanted {
        WantedSize::Whole => 1,
        WantedSize::AtLeast { width, height } => [8, 4, 2]
            .into_iter()
            .find(|d| size.width.div_ceil(*d) >= width && size.height.div_ceil(*d) >= height)
            .unwrap_or(1),
    }
}

fn decode_whole(
    bytes: &[u8],
    header: &JpegHeader<'_>,
    pool: &PixelPool,
) -> Result<Picture, PhotoError> {
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(MAX_SIDE_PX as usize)
        .set_max_height(MAX_SIDE_PX as usize)
        .jpeg_set_max_scans(MAX_SCANS)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(damaged)?;
    if decoder.output_buffer_size() != Some(n_bytes(header.size)) {
        return Err(damaged("headers contradict each other"));
    }
    let mut picture =
        Picture::pooled(header.size, pool).ok_or_else(|| damaged("a side of 0 pixels"))?;
    decoder.decode_into(picture.pixels_mut()).map_err(damaged)?;
    Ok(picture)
}

/// What [`reduced`] leaves: progressive and other less usual kinds, reduced by the general decoder.
fn decode_unusual(
    bytes: &[u8],
    header: &JpegHeader<'_>,
    denominator: u32,
    pool: &PixelPool,
) -> Result<Picture, PhotoError> {
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    decoder.set_max_decoding_buffer_size(n_bytes(header.size));
    // Both sides fit: the format has 16 bits for them.
    let side = |v: u32| v.div_ceil(denominator) as u16;
    let (width, height) = decoder
        .scale(side(header.size.width), side(header.size.height))
        .map_err(damaged)?;
    let decoded = decoder.decode().map_err(damaged)?;
    let size = FrameSize {
        width: u32::from(width),
        height: u32::from(height),
    };
    let mut picture = Picture::pooled(size, pool).ok_or_else(|| damaged("a side of 0 pixels"))?;
    let n_pixels = n_bytes(size) / BYTES_PER_PIXEL;
    match decoder.info().map(|info| info.pixel_format) {
        Some(jpeg_decoder::PixelFormat::RGB24) if decoded.len() == n_bytes(size) => {
            picture.pixels_mut().copy_from_slice(&decoded);
        }
        Some(jpeg_decoder::PixelFormat::L8) if decoded.len() == n_pixels => {
            for (pixel, gray) in picture.pixels_mut().chunks_exact_mut(3).zip(&decoded) {
                pixel.fill(*gray);
            }
        }
        _ => return Err(damaged("an unexpected pixel format")),
    }
    Ok(picture)
}

#[cfg(test)]
mod tests;
