//! Raw frames of a source into pictures.

use regard_domain::FrameSize;
use thiserror::Error;

use crate::source::{BadFrame, RawFrame, RawPixels, VideoFrame, rgb_from_yuyv};
use crate::{Frame, Photo, PhotoError, Picture, PixelPool, WantedSize, decode_jpeg};

/// Why a raw frame did not become a picture.
#[derive(Debug, Error)]
pub enum FrameError {
    /// It is compressed, and damaged.
    #[error("frame could not be decoded")]
    Picture(#[from] PhotoError),
    /// It is not compressed, and too short for its size.
    #[error("frame is damaged")]
    Raw(#[from] BadFrame),
    /// Its size does not fit its bytes.
    #[error("frame of {width} x {height} pixels has {n_bytes} bytes", width = size.width, height = size.height)]
    Size {
        /// Stated size.
        size: FrameSize,
        /// Bytes there.
        n_bytes: usize,
    },
}

/// Decodes a raw frame. A JPEG is decoded no larger than wanted; uncompressed frames stay whole.
///
/// # Privacy
/// The frame came under `Grant<Sensing>`, and so does the picture.
///
/// # Errors
/// [`FrameError`]; the frame is to be dropped.
pub fn decode_frame(
    raw: &RawFrame,
    wanted: WantedSize,
    pool: &PixelPool,
) -> Result<Frame, FrameError> {
    let picture = match &raw.pixels {
        RawPixels::Mjpeg(bytes) => decode_jpeg(bytes, wanted, pool)?,
        RawPixels::Still(bytes) => Photo::from_bytes(bytes)?.into_picture(),
        RawPixels::Yuyv { bytes, stride } => {
            let wrong = || FrameError::Size {
                size: raw.size,
                n_bytes: bytes.len(),
            };
            let mut picture = Picture::pooled(raw.size, pool).ok_or_else(wrong)?;
            rgb_from_yuyv(bytes, *stride, raw.size, picture.pixels_mut())?;
            picture
        }
        RawPixels::Rgb(bytes) => {
            let wrong = || FrameError::Size {
                size: raw.size,
                n_bytes: bytes.len(),
            };
            Picture::from_rgb(bytes.clone(), raw.size).ok_or_else(wrong)?
        }
    };
    Ok(Frame::new(picture, raw.captured_at, raw.index))
}

/// The picture of a frame of a video, every pixel of it.
///
/// # Privacy
/// As [`decode_frame`].
///
/// # Errors
/// [`FrameError`]; the frame is to be dropped.
pub fn picture_of(frame: VideoFrame, pool: &PixelPool) -> Result<Picture, FrameError> {
    let size = frame.size;
    match frame.pixels {
        RawPixels::Mjpeg(bytes) => Ok(decode_jpeg(&bytes, WantedSize::Whole, pool)?),
        RawPixels::Still(bytes) => Ok(Photo::from_bytes(&bytes)?.into_picture()),
        RawPixels::Rgb(bytes) => {
            let n_bytes = bytes.len();
            Picture::from_rgb(bytes, size).ok_or(FrameError::Size { size, n_bytes })
        }
        // Of cameras alone.
        RawPixels::Yuyv { bytes, .. } => Err(FrameError::Size {
            size,
            n_bytes: bytes.len(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use regard_domain::Timestamp;

    use super::*;

    fn raw(pixels: RawPixels, width: u32, height: u32) -> RawFrame {
        let size = FrameSize { width, height };
        RawFrame {
            pixels,
            size,
            captured_at: Timestamp::from_millis(7),
            index: 3,
        }
    }

    #[test]
    fn every_kind_becomes_a_frame_or_an_error() {
        let pool = PixelPool::new();
        let decode = |r: &RawFrame| decode_frame(r, WantedSize::Whole, &pool);
        let yuyv = raw(
            RawPixels::Yuyv {
                bytes: vec![128; 16],
                stride: 8,
            },
            4,
            2,
        );
        let frame = decode(&yuyv).unwrap();
        assert_eq!((frame.index(), frame.size().width), (3, 4));
        assert!(
            decode(&raw(
                RawPixels::Yuyv {
                    bytes: vec![128; 15],
                    stride: 8
                },
                4,
                2
            ))
            .is_err()
        );
        assert!(decode(&raw(RawPixels::Rgb(vec![0; 24]), 4, 2)).is_ok());
        assert!(decode(&raw(RawPixels::Rgb(vec![0; 23]), 4, 2)).is_err());
        assert!(decode(&raw(RawPixels::Mjpeg(vec![0xff, 0xd8, 0xff]), 4, 2)).is_err());
        assert!(decode(&raw(RawPixels::Still(Vec::new()), 4, 2)).is_err());
    }
}
