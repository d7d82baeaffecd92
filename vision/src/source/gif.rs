//! Animated GIF.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek};
use std::path::Path;

use image::codecs::gif::GifDecoder;
use image::error::ImageError;
use image::{AnimationDecoder, Frames, ImageDecoder};
use regard_domain::FrameSize;

use crate::MAX_SIDE_PX;
use crate::photo::on_white;

/// Most pixels of a picture of an animated GIF. Origin: eight times those of full HD; each picture costs as much as the whole
/// canvas, and may take a few bytes of the file. One that is larger is a photograph, of which the first picture is looked at.
const MAX_CANVAS_PIXELS: u64 = 1 << 24;

/// Shortest delay that is taken at its word, in seconds, and what stands for shorter ones.
/// Origin: every browser shows frames of 10 ms and less for 100 ms, and GIFs are made for browsers.
const MIN_DELAY_SECS: f64 = 0.02;
const SHOWN_DELAY_SECS: f64 = 0.1;

/// The pictures of a GIF, each whole, with their times.
pub(super) struct GifReader {
    frames: Frames<'static>,
    size: FrameSize,
    time_secs: f64,
}

/// One picture of a GIF.
pub(super) struct GifFrame {
    /// Interleaved RGB; transparent pixels on white, as on a page.
    pub(super) rgb: Vec<u8>,
    pub(super) size: FrameSize,
    /// From the first picture, one round.
    pub(super) time_secs: f64,
}

impl GifReader {
    pub(super) fn open(path: &Path) -> Result<Self, ImageError> {
        Self::new(BufReader::new(File::open(path)?))
    }

    fn new(input: impl BufRead + Seek + 'static) -> Result<Self, ImageError> {
        let mut decoder = GifDecoder::new(input)?;
        let (width, height) = decoder.dimensions();
        let mut limits = image::Limits::default();
        limits.max_image_width = Some(MAX_SIDE_PX);
        limits.max_image_height = Some(MAX_SIDE_PX);
        // The canvas, one picture, and what it is laid together in, all RGBA; and the decoder's own.
        limits.max_alloc = Some(MAX_CANVAS_PIXELS * 16);
        decoder.set_limits(limits)?;
        if width == 0 || height == 0 || u64::from(width) * u64::from(height) > MAX_CANVAS_PIXELS {
            let kind = image::error::LimitErrorKind::DimensionError;
            return Err(ImageError::Limits(image::error::LimitError::from_kind(
                kind,
            )));
        }
        Ok(Self {
            frames: decoder.into_frames(),
            size: FrameSize { width, height },
            time_secs: 0.0,
        })
    }

    pub(super) fn next_frame(&mut self) -> Option<Result<GifFrame, ImageError>> {
        let frame = match self.frames.next()? {
            Ok(frame) => frame,
            Err(error) => return Some(Err(error)),
        };
        let time_secs = self.time_secs;
        let (numerator, denominator) = frame.delay().numer_denom_ms();
        let delay_secs = f64::from(numerator) / f64::from(denominator.max(1)) / 1000.0;
        self.time_secs += if delay_secs < MIN_DELAY_SECS {
            SHOWN_DELAY_SECS
        } else {
            delay_secs
        };
        let rgb = frame
            .buffer()
            .pixels()
            .flat_map(|pixel| on_white(pixel.0))
            .collect();
        Some(Ok(GifFrame {
            rgb,
            size: self.size,
            time_secs,
        }))
    }
}

/// Whether a GIF has more than one picture that can be shown one after the other; a broken one has what can be read.
pub(super) fn is_animated(path: &Path) -> bool {
    GifReader::open(path).is_ok_and(|reader| reader.frames.take(2).flatten().count() == 2)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::codecs::gif::GifEncoder;
    use image::{Delay, Frame, Rgba, RgbaImage};

    use super::*;

    #[test]
    fn times_add_up_and_pictures_lie_on_white() {
        let mut bytes = Vec::new();
        let mut encoder = GifEncoder::new(&mut bytes);
        for (delay_ms, pixel) in [
            (40, [255, 0, 0, 255]),
            (0, [0, 0, 255, 255]),
            (250, [0, 255, 0, 255]),
            (250, [0, 0, 0, 255]),
        ] {
            let picture = RgbaImage::from_pixel(3, 2, Rgba(pixel));
            let delay = Delay::from_numer_denom_ms(delay_ms, 1);
            encoder
                .encode_frame(Frame::from_parts(picture, 0, 0, delay))
                .unwrap();
        }
        drop(encoder);
        let mut reader = GifReader::new(Cursor::new(bytes)).unwrap();
        let mut times = Vec::new();
        let mut first_pixels = Vec::new();
        while let Some(frame) = reader.next_frame() {
            let frame = frame.unwrap();
            assert_eq!(frame.rgb.len(), 18);
            times.push((frame.time_secs * 1000.0).round());
            first_pixels.push(frame.rgb[..3].to_vec());
        }
        assert_eq!(times, [0.0, 40.0, 140.0, 390.0]);
        assert_eq!(
            first_pixels,
            [[255, 0, 0], [0, 0, 255], [0, 255, 0], [0, 0, 0]]
        );
        assert_eq!(on_white([10, 20, 30, 0]), [255, 255, 255]);
        assert_eq!(on_white([0, 0, 0, 128]), [127, 127, 127]);
    }

    /// A screen of that size with so many pictures of one pixel.
    fn tiny_pictures(side: u16, n: usize) -> Vec<u8> {
        let side = side.to_le_bytes();
        let mut bytes = [b"GIF89a", side.as_slice(), &side, &[0x80, 0, 0], &[0; 6]].concat();
        for _ in 0..n {
            bytes.extend([0x21, 0xF9, 4, 0, 10, 0, 0, 0]);
            bytes.extend([b',', 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0]);
        }
        bytes.push(b';');
        bytes
    }

    #[test]
    fn a_canvas_that_costs_more_than_its_pictures_is_no_video() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.gif");
        let check = |side: u16, expected: bool| {
            std::fs::write(&path, tiny_pictures(side, 3)).unwrap();
            assert_eq!(is_animated(&path), expected, "{side}");
            assert_eq!(GifReader::open(&path).is_ok(), expected, "{side}");
        };
        check(200, true);
        check(4_096, true);
        check(4_097, false);
        check(9_990, false);
    }
}
