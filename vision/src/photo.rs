//! Photographs from files, and into them.

mod encode;
mod facts;

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits};
use regard_domain::FrameSize;

pub use self::encode::{EncodeError, encode_photo};
pub use self::facts::{PhotoFacts, photo_facts};
use crate::jpeg::{check_size, exif_of, looks_like_jpeg, size_of};
use crate::picture::n_bytes;
use crate::{
    MAX_PIXELS, MAX_SIDE_PX, PhotoError, Picture, PixelPool, RgbView, WantedSize, decode_jpeg,
};

/// Most bytes of a photograph's file. Origin: [`MAX_PIXELS`] as uncompressed TIFF, and headers.
pub const MAX_FILE_BYTES: u64 = MAX_PIXELS * 3 + 20_000_000;

/// Most memory a decoder of the formats besides JPEG may ask for: [`MAX_PIXELS`] of 4 bytes, and as
/// much again to work with.
const MAX_DECODER_BYTES: u64 = MAX_PIXELS * 8;

/// Most bytes that a decoded picture may have before it becomes RGB of 8 bits: [`MAX_PIXELS`] of 4 bytes, so half as many of 16
/// bits and transparency, two thirds without.
const MAX_DECODED_BYTES: u64 = MAX_PIXELS * 4;

/// Most memory for what stands beside the picture in a PNG, unpacked: profiles, texts. Origin: a hundred times the largest
/// profiles of printers; the decoder leaves out what is larger.
const MAX_BESIDE_BYTES: u64 = 64 << 20;

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
    /// Windows icon; its largest picture.
    Ico,
}

impl PhotoFormat {
    /// The format these bytes begin like; 12 bytes are enough.
    pub fn sniff(bytes: &[u8]) -> Option<Self> {
        match bytes {
            _ if looks_like_jpeg(bytes) => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Some(Self::Png),
            [
                b'R',
                b'I',
                b'F',
                b'F',
                _,
                _,
                _,
                _,
                b'W',
                b'E',
                b'B',
                b'P',
                ..,
            ] => Some(Self::WebP),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            // Reserved fields of 0 tell a bitmap from text that begins with BM.
            [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => Some(Self::Bmp),
            [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => Some(Self::Tiff),
            // At least one picture, fewer than 256, and the reserved byte of the first is 0.
            [0, 0, 1, 0, 1..=255, 0, _, _, _, 0, ..] => Some(Self::Ico),
            _ => None,
        }
    }

    /// Usual name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::WebP => "WebP",
            Self::Gif => "GIF",
            Self::Bmp => "BMP",
            Self::Tiff => "TIFF",
            Self::Ico => "ICO",
        }
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

/// A photograph that was decoded no larger than needed.
#[derive(Debug)]
pub struct ReducedPhoto {
    /// It.
    pub photo: Photo,
    /// Size of the upright picture as it was taken.
    pub size_taken: FrameSize,
}

impl ReducedPhoto {
    /// Pixels as taken in one of the decoded ones, across and down; 1 where it is whole.
    pub fn taken_from_seen(&self) -> (f32, f32) {
        let seen = self.photo.size();
        (
            self.size_taken.width as f32 / seen.width as f32,
            self.size_taken.height as f32 / seen.height as f32,
        )
    }
}

/// What to ask a decoder for so that the longer side is at least so long.
fn wanted_size(size: FrameSize, least_long_side: u32) -> WantedSize {
    let long_side = size.width.max(size.height);
    if least_long_side >= long_side {
        return WantedSize::Whole;
    }
    if size.width >= size.height {
        WantedSize::AtLeast {
            width: least_long_side,
            height: 1,
        }
    } else {
        WantedSize::AtLeast {
            width: 1,
            height: least_long_side,
        }
    }
}

const fn turned_size(size: FrameSize) -> FrameSize {
    FrameSize {
        width: size.height,
        height: size.width,
    }
}

impl Photo {
    /// The pixels alone.
    pub fn into_picture(self) -> Picture {
        self.picture
    }

    /// Decodes JPEG, PNG, WebP, GIF (first picture), BMP, TIFF or ICO and turns it upright.
    /// Transparency is shown on white.
    ///
    /// # Errors
    /// [`PhotoError`] when the bytes are empty, no image, cut short, damaged, unsupported or too large.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PhotoError> {
        Self::reduced(bytes, |size| size.width.max(size.height)).map(|reduced| reduced.photo)
    }

    /// As [`Photo::from_bytes`], but no larger than needed where the format lets that be had for less: `least_long_side`
    /// is told the size as it was taken, lying or upright, and says how long the longer side has to be at least, in pixels.
    ///
    /// # Errors
    /// As [`Photo::from_bytes`].
    pub fn reduced(
        bytes: &[u8],
        least_long_side: impl FnOnce(FrameSize) -> u32,
    ) -> Result<ReducedPhoto, PhotoError> {
        if bytes.is_empty() {
            return Err(PhotoError::Empty);
        }
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(PhotoError::FileTooLarge {
                bytes: bytes.len() as u64,
                max_bytes: MAX_FILE_BYTES,
            });
        }
        let format = PhotoFormat::sniff(bytes).ok_or_else(|| not_ours(bytes))?;
        let mut taken = None;
        let (picture, orientation) = match format {
            PhotoFormat::Jpeg => {
                let size = size_of(bytes)?;
                taken = Some(size);
                let wanted = wanted_size(size, least_long_side(size));
                let picture = decode_jpeg(bytes, wanted, &PixelPool::new())?;
                (picture, exif_of(bytes).map_or(1, orientation_in_exif))
            }
            PhotoFormat::Png
            | PhotoFormat::WebP
            | PhotoFormat::Gif
            | PhotoFormat::Bmp
            | PhotoFormat::Tiff
            | PhotoFormat::Ico => decode_other(bytes, format)?,
        };
        let taken = taken.unwrap_or(picture.size());
        let photo = Self {
            picture: upright(picture, orientation),
            format,
        };
        let is_lying = (5..=8).contains(&orientation);
        let size_taken = if is_lying { turned_size(taken) } else { taken };
        Ok(ReducedPhoto { photo, size_taken })
    }

    /// Reads and decodes a file.
    ///
    /// # Errors
    /// As [`Photo::from_bytes`]; [`PhotoError::Read`] besides.
    pub fn open(path: &Path) -> Result<Self, PhotoError> {
        Self::from_bytes(&read_photo(path)?)
    }

    /// A photograph from pixels that are already upright.
    pub const fn from_picture(picture: Picture, format: PhotoFormat) -> Self {
        Self { picture, format }
    }

    /// The pixels.
    pub fn view(&self) -> RgbView<'_> {
        self.picture.view()
    }

    /// Width and height of the upright picture.
    pub const fn size(&self) -> FrameSize {
        self.picture.size()
    }

    /// What format it was in.
    pub const fn format(&self) -> PhotoFormat {
        self.format
    }
}

/// The bytes of a file of at most [`MAX_FILE_BYTES`], for [`Photo::from_bytes`].
///
/// # Errors
/// [`PhotoError::Read`], [`PhotoError::FileTooLarge`].
pub fn read_photo(path: &Path) -> Result<Vec<u8>, PhotoError> {
    let failed = |source| PhotoError::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    let stated = file.metadata().map_err(failed)?.len();
    let too_large = |bytes| PhotoError::FileTooLarge {
        bytes,
        max_bytes: MAX_FILE_BYTES,
    };
    if stated > MAX_FILE_BYTES {
        return Err(too_large(stated));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(stated).unwrap_or(0));
    // A file may grow while it is read, and a device has no length at all.
    let n = file
        .take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if n as u64 > MAX_FILE_BYTES {
        return Err(too_large(n as u64));
    }
    Ok(bytes)
}

/// What to say of bytes that begin like none of our formats.
fn not_ours(bytes: &[u8]) -> PhotoError {
    let known = match bytes {
        [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', b'i', ..] => Some("AVIF"),
        [_, _, _, _, b'f', b't', b'y', b'p', b'h' | b'm', _, ..] => Some("HEIF"),
        [0xFF, 0x0A, ..] | [0, 0, 0, 0x0C, b'J', b'X', b'L', ..] => Some("JPEG XL"),
        [0, 0, 0, 0x0C, b'j', b'P', ..] => Some("JPEG 2000"),
        [b'8', b'B', b'P', b'S', ..] => Some("Photoshop document"),
        _ => None,
    };
    known.map_or(PhotoError::NotAnImage, |what| PhotoError::Unsupported {
        what: what.to_owned(),
    })
}

/// Picture and EXIF orientation.
fn decode_other(bytes: &[u8], format: PhotoFormat) -> Result<(Picture, u32), PhotoError> {
    let image_format = match format {
        PhotoFormat::Jpeg => image::ImageFormat::Jpeg,
        PhotoFormat::Png => image::ImageFormat::Png,
        PhotoFormat::WebP => image::ImageFormat::WebP,
        PhotoFormat::Gif => image::ImageFormat::Gif,
        PhotoFormat::Bmp => image::ImageFormat::Bmp,
        PhotoFormat::Tiff => image::ImageFormat::Tiff,
        PhotoFormat::Ico => image::ImageFormat::Ico,
    };
    if format == PhotoFormat::Ico && !has_all_of_its_icons(bytes) {
        return Err(PhotoError::Truncated);
    }
    let failed = |error| name_failure(error, format);
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE_PX);
    limits.max_image_height = Some(MAX_SIDE_PX);
    limits.max_alloc = Some(MAX_DECODER_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), image_format);
    // Size is checked first, so that the answer names it. What is read until then is no picture.
    let mut beside = Limits::no_limits();
    beside.max_alloc = Some(MAX_BESIDE_BYTES);
    reader.limits(beside);
    let mut decoder = reader.into_decoder().map_err(failed)?;
    let (width, height) = decoder.dimensions();
    let size = check_size(u64::from(width), u64::from(height))?;
    if decoder.total_bytes() > MAX_DECODED_BYTES {
        let what = format!(
            "{}: {width}x{height} of more than 8 bits a channel; at most {} MB",
            format.name(),
            MAX_DECODED_BYTES / 1_000_000
        );
        return Err(PhotoError::Unsupported { what });
    }
    decoder.set_limits(limits).map_err(failed)?;
    let exif = decoder.exif_metadata().ok().flatten();
    let image = DynamicImage::from_decoder(decoder).map_err(failed)?;
    let picture = Picture::from_rgb(onto_white(image), size).ok_or(PhotoError::Damaged {
        format: format.name(),
        reason: "headers contradict each other".to_owned(),
    })?;
    Ok((picture, exif.as_deref().map_or(1, orientation_in_exif)))
}

/// Whether every picture that the directory of an icon names lies within the file: the decoder shows what is left of one that
/// was cut.
fn has_all_of_its_icons(bytes: &[u8]) -> bool {
    let Some([n, _]) = bytes.get(4..6) else {
        return false;
    };
    let number = |at: usize| -> Option<usize> {
        let bytes: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(u32::from_le_bytes(bytes)).ok()
    };
    (0..usize::from(*n)).all(|i| {
        let entry = 6 + 16 * i;
        let end = number(entry + 8).zip(number(entry + 12));
        end.and_then(|(len, begin)| begin.checked_add(len))
            .is_some_and(|end| end <= bytes.len())
    })
}

/// RGB with transparent parts white, as most viewers show them.
fn onto_white(image: DynamicImage) -> Vec<u8> {
    if !image.color().has_alpha() {
        return image.into_rgb8().into_raw();
    }
    // In place: two of the largest at once would be too much.
    let mut pixels = image.into_rgba8().into_raw();
    let n_pixels = pixels.len() / 4;
    for at in 0..n_pixels {
        let rgba: [u8; 4] = std::array::from_fn(|channel| pixels[4 * at + channel]);
        pixels[3 * at..3 * at + 3].copy_from_slice(&on_white(rgba));
    }
    pixels.truncate(3 * n_pixels);
    pixels.shrink_to_fit();
    pixels
}

/// A pixel laid over white.
pub(crate) fn on_white([red, green, blue, alpha]: [u8; 4]) -> [u8; 3] {
    let alpha = u16::from(alpha);
    [red, green, blue].map(|part| {
        // At most 255: a mean of two that are.
        ((u16::from(part) * alpha + 255 * (255 - alpha) + 127) / 255) as u8
    })
}

fn name_failure(error: ImageError, format: PhotoFormat) -> PhotoError {
    let damaged = |reason: String| PhotoError::Damaged {
        format: format.name(),
        reason,
    };
    match error {
        ImageError::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
            PhotoError::Truncated
        }
        ImageError::Unsupported(e) => PhotoError::Unsupported {
            what: format!("{}: {e}", format.name()),
        },
        ImageError::Limits(e) => damaged(format!("asks for too much memory: {e}")),
        // Decoders report a missing end in words of their own.
        other => {
            let text = other.to_string();
            let lower = text.to_lowercase();
            let cut = [
                "unexpected eof",
                "unexpected end",
                "unexpectedeof",
                "fill whole buffer",
            ];
            if cut.iter().any(|c| lower.contains(c)) {
                PhotoError::Truncated
            } else {
                damaged(text)
            }
        }
    }
}

/// Orientation 1 to 8 as EXIF counts them; 1 when the block cannot be read.
///
/// # Source
/// EXIF 2.32, 4.6.4 A, tag 274.
fn orientation_in_exif(block: &[u8]) -> u32 {
    // Some writers repeat the marker of the JPEG segment inside PNG and WebP chunks.
    let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
    exif::Reader::new()
        .read_raw(block.to_vec())
        .ok()
        .and_then(|exif| {
            exif.get_field(exif::Tag::Orientation, exif::In::PRIMARY)?
                .value
                .get_uint(0)
        })
        .filter(|v| (1..=8).contains(v))
        .unwrap_or(1)
}

/// The picture turned and mirrored as the EXIF orientation says.
fn upright(picture: Picture, orientation: u32) -> Picture {
    if !(2..=8).contains(&orientation) {
        return picture;
    }
    let FrameSize { width, height } = picture.size();
    let (w, h) = (width as usize, height as usize);
    let is_lying = orientation >= 5;
    let (new_w, new_h) = if is_lying { (h, w) } else { (w, h) };
    let source = picture.pixels();
    let mut turned = Vec::with_capacity(source.len());
    for y in 0..new_h {
        for x in 0..new_w {
            let (sx, sy) = match orientation {
                2 => (w - 1 - x, y),
                3 => (w - 1 - x, h - 1 - y),
                4 => (x, h - 1 - y),
                5 => (y, x),
                6 => (y, h - 1 - x),
                7 => (w - 1 - y, h - 1 - x),
                _ => (w - 1 - y, x),
            };
            let at = (sy * w + sx) * 3;
            turned.extend_from_slice(&source[at..at + 3]);
        }
    }
    let size = if is_lying {
        turned_size(picture.size())
    } else {
        picture.size()
    };
    debug_assert_eq!(turned.len(), n_bytes(size));
    Picture::from_rgb(turned, size).unwrap_or(picture)
}

#[cfg(test)]
mod tests;
