//! Pictures into the bytes of a file: pixels, and nothing that could say more than they do.

use std::io::Cursor;

use image::codecs::bmp::BmpEncoder;
use image::codecs::gif::GifEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::tiff::TiffEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder};
use thiserror::Error;

use super::PhotoFormat;
use crate::RgbView;

/// JPEG quality: no loss that is seen beside the original.
const JPEG_QUALITY: u8 = 92;

/// Speed of the GIF encoder, 1 to 30: the default of its makers, who call 10 a good compromise.
const GIF_SPEED: i32 = 10;

/// Why a picture did not become a file.
#[derive(Debug, Error)]
#[error("failed to encode a picture as {}", format.name())]
pub struct EncodeError {
    /// As which format.
    pub format: PhotoFormat,
    /// Why.
    pub source: image::ImageError,
}

/// The bytes of a file of that format: JPEG in quality 92, the others without loss but for the 256 colours of a GIF; an icon
/// becomes a PNG. They hold pixels alone: no EXIF, no place, no thumbnail, no text, no colour profile.
///
/// # Privacy
/// May show faces: whoever calls it says where the bytes go.
///
/// # Errors
/// When the encoder cannot, as for sides that the format has no room for.
pub fn encode_photo(picture: RgbView<'_>, format: PhotoFormat) -> Result<Vec<u8>, EncodeError> {
    let size = picture.size();
    let (width, height) = (size.width, size.height);
    let (pixels, kind) = (picture.pixels(), ExtendedColorType::Rgb8);
    let mut bytes = Vec::new();
    let done = match format {
        PhotoFormat::Jpeg => JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY)
            .write_image(pixels, width, height, kind),
        PhotoFormat::Png | PhotoFormat::Ico => {
            PngEncoder::new(&mut bytes).write_image(pixels, width, height, kind)
        }
        PhotoFormat::WebP => {
            WebPEncoder::new_lossless(&mut bytes).write_image(pixels, width, height, kind)
        }
        PhotoFormat::Gif => {
            GifEncoder::new_with_speed(&mut bytes, GIF_SPEED).encode(pixels, width, height, kind)
        }
        PhotoFormat::Bmp => BmpEncoder::new(&mut bytes).write_image(pixels, width, height, kind),
        PhotoFormat::Tiff => {
            // It goes back in what it wrote.
            let mut file = Cursor::new(Vec::new());
            let done = TiffEncoder::new(&mut file).write_image(pixels, width, height, kind);
            bytes = file.into_inner();
            done
        }
    };
    done.map_err(|source| EncodeError { format, source })?;
    Ok(bytes)
}
