//! A frame as it came from its source, and the one uncompressed camera format.

use std::fmt;

use regard_domain::{FrameSize, Timestamp};

use super::error::BadFrame;

/// A frame as it came from its source, not yet decoded.
///
/// # Privacy
/// Shows whoever is in view; exists under `Grant<Sensing>`, is never stored and never printed.
pub struct RawFrame {
    /// Its bytes.
    pub pixels: RawPixels,
    /// Width and height in pixels, as its header says; of stills, before EXIF orientation.
    pub size: FrameSize,
    /// When it was captured, as well as the source can tell.
    pub captured_at: Timestamp,
    /// Running number on its source, from 0; skipped frames leave gaps.
    pub index: u64,
}

/// The bytes of a frame.
pub enum RawPixels {
    /// One JPEG image from its start to its end marker; perhaps without Huffman tables.
    Mjpeg(Vec<u8>),
    /// A still of any format that photographs have (JPEG, PNG, WebP, GIF, BMP, TIFF), EXIF not yet applied.
    Still(Vec<u8>),
    /// Packed 4:2:2, limited-range BT.601: Y0 U Y1 V. Turn it to RGB with [`rgb_from_yuyv`].
    Yuyv {
        /// Rows of `stride` bytes.
        bytes: Vec<u8>,
        /// Bytes from one row to the next, at least twice the width.
        stride: usize,
    },
    /// Interleaved RGB, eight bits a channel, rows without padding.
    Rgb(Vec<u8>),
}

impl RawFrame {
    pub(super) const fn mjpeg(
        bytes: Vec<u8>,
        size: FrameSize,
        captured_at: Timestamp,
        index: u64,
    ) -> Self {
        Self {
            pixels: RawPixels::Mjpeg(bytes),
            size,
            captured_at,
            index,
        }
    }
}

impl fmt::Debug for RawPixels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, n_bytes) = match self {
            Self::Mjpeg(bytes) => ("Mjpeg", bytes.len()),
            Self::Still(bytes) => ("Still", bytes.len()),
            Self::Yuyv { bytes, .. } => ("Yuyv", bytes.len()),
            Self::Rgb(bytes) => ("Rgb", bytes.len()),
        };
        write!(f, "{kind}({n_bytes} bytes withheld)")
    }
}

impl fmt::Debug for RawFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawFrame")
            .field("pixels", &self.pixels)
            .field("size", &self.size)
            .field("captured_at", &self.captured_at)
            .field("index", &self.index)
            .finish()
    }
}

/// Bytes that the last row needs: whole pairs of pixels, so an odd width rounds up.
pub(super) const fn yuyv_row_bytes(width: u32) -> usize {
    (width as usize).div_ceil(2) * 4
}

/// Interleaved RGB from packed limited-range BT.601 YUYV, into a buffer of width × height × 3 bytes.
///
/// # Errors
/// [`BadFrame::Short`] when either buffer is too short for the size.
///
/// # Source
/// ITU-R BT.601-7, 2.5.1 to 2.5.3, solved for R, G and B; coefficients in 16.16 fixed point, rounded.
pub fn rgb_from_yuyv(
    yuyv: &[u8],
    stride: usize,
    size: FrameSize,
    rgb: &mut [u8],
) -> Result<(), BadFrame> {
    let (width, height) = (size.width as usize, size.height as usize);
    let row_bytes = yuyv_row_bytes(size.width);
    let short = |found, needed| Err(BadFrame::Short { found, needed });
    if width == 0 || height == 0 || stride < row_bytes {
        return short(stride, row_bytes.max(1));
    }
    let needed = stride * (height - 1) + row_bytes;
    if yuyv.len() < needed {
        return short(yuyv.len(), needed);
    }
    if rgb.len() != width * height * 3 {
        return short(rgb.len(), width * height * 3);
    }
    for (row, out) in yuyv.chunks(stride).zip(rgb.chunks_exact_mut(width * 3)) {
        for (pair, out) in row.chunks_exact(4).zip(out.chunks_mut(6)) {
            let chroma = Chroma::new(pair[1], pair[3]);
            for (luma, out) in [pair[0], pair[2]].into_iter().zip(out.chunks_exact_mut(3)) {
                out.copy_from_slice(&chroma.rgb(luma));
            }
        }
    }
    Ok(())
}

/// What two neighbours share: the colour part of each channel, 16.16 fixed point.
struct Chroma {
    red: i32,
    green: i32,
    blue: i32,
}

impl Chroma {
    fn new(u: u8, v: u8) -> Self {
        let (u, v) = (i32::from(u) - 128, i32::from(v) - 128);
        // 255/224 times 1.402, 0.344136, 0.714136 and 1.772 (BT.601: Kr 0.299, Kb 0.114), times 65,536.
        Self {
            red: 104_597 * v,
            green: -25_675 * u - 53_279 * v,
            blue: 132_201 * u,
        }
    }

    fn rgb(&self, luma: u8) -> [u8; 3] {
        // 255/219 times 65,536; the half rounds.
        let luma = 76_309 * (i32::from(luma) - 16) + 32_768;
        [self.red, self.green, self.blue]
            .map(|part| u8::try_from(((luma + part) >> 16).clamp(0, 255)).unwrap_or(u8::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// BT.601-7 as it is written, in floating point.
    fn oracle(y: u8, u: u8, v: u8) -> [u8; 3] {
        let luma = (f64::from(y) - 16.0) / 219.0;
        let (pb, pr) = (
            (f64::from(u) - 128.0) / 224.0,
            (f64::from(v) - 128.0) / 224.0,
        );
        let (kr, kb) = (0.299, 0.114);
        let red = luma + 2.0 * (1.0 - kr) * pr;
        let blue = luma + 2.0 * (1.0 - kb) * pb;
        let green = (luma - kr * red - kb * blue) / (1.0 - kr - kb);
        [red, green, blue].map(|part| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "clamped"
            )]
            let byte = (part * 255.0).round().clamp(0.0, 255.0) as u8;
            byte
        })
    }

    #[test]
    fn every_colour_is_within_one_of_the_standard() {
        let size = FrameSize {
            width: 2,
            height: 1,
        };
        let mut rgb = [0; 6];
        for y in 0..=255 {
            for u in (0..=255).step_by(5) {
                for v in (0..=255).step_by(5) {
                    rgb_from_yuyv(&[y, u, 255 - y, v], 4, size, &mut rgb).unwrap();
                    let wanted = [oracle(y, u, v), oracle(255 - y, u, v)].concat();
                    for (got, wanted) in rgb.iter().zip(wanted) {
                        assert!(got.abs_diff(wanted) <= 1, "{y} {u} {v}");
                    }
                }
            }
        }
        rgb_from_yuyv(&[16, 128, 235, 128], 4, size, &mut rgb).unwrap();
        assert_eq!(rgb, [0, 0, 0, 255, 255, 255]);
    }

    #[test]
    fn rows_may_be_padded_and_widths_odd() {
        let size = FrameSize {
            width: 3,
            height: 2,
        };
        let row = [16, 128, 235, 128, 16, 128, 99, 128];
        let yuyv = [&row[..], &[9, 9], &row[..]].concat();
        let mut rgb = [7; 18];
        rgb_from_yuyv(&yuyv, 10, size, &mut rgb).unwrap();
        let wanted = [0, 0, 0, 255, 255, 255, 0, 0, 0];
        assert_eq!(rgb, [wanted, wanted].concat().as_slice());
        let short = rgb_from_yuyv(&yuyv[..17], 10, size, &mut rgb);
        let (found, needed) = (17, 18);
        assert_eq!(short, Err(BadFrame::Short { found, needed }));
        assert!(rgb_from_yuyv(&yuyv, 7, size, &mut rgb).is_err());
        assert!(rgb_from_yuyv(&yuyv, 10, size, &mut [0; 17]).is_err());
    }

    #[test]
    fn pixels_are_never_printed() {
        let size = FrameSize {
            width: 2,
            height: 1,
        };
        let frame = RawFrame::mjpeg(vec![222; 9], size, Timestamp::from_micros(1), 0);
        let printed = format!("{frame:?}");
        assert!(printed.contains("9 bytes withheld") && !printed.contains("222"));
    }
}
