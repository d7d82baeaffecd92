//! Videos from files, for analysis.

use std::io;
use std::path::Path;

use regard_domain::FrameSize;
use thiserror::Error;

use super::error::BadFrame;
use super::frame::RawPixels;

/// The kind of a video file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VideoKind {
    /// JPEGs laid end to end; told by its ending (`.mjpeg`, `.mjpg`), for photographs begin alike.
    Mjpeg,
    /// AVI; read natively when it holds Motion-JPEG, else through `ffmpeg`.
    Avi,
    /// GIF of more than one picture.
    Gif,
    /// A container that `ffmpeg` reads.
    Other,
}

/// How to read a video.
#[derive(Clone, Debug, PartialEq)]
pub struct VideoOptions {
    /// Frames a second of bare Motion-JPEG, which does not say; above 0.
    pub mjpeg_fps: f64,
}

/// A frame of a video.
///
/// # Privacy
/// May show faces; of a file that an operator gave.
#[derive(Debug)]
pub struct VideoFrame {
    /// Its bytes: [`RawPixels::Mjpeg`] or [`RawPixels::Rgb`], upright.
    pub pixels: RawPixels,
    /// Width and height in pixels.
    pub size: FrameSize,
    /// Seconds from the beginning of the video.
    pub time_secs: f64,
    /// Running number from 0; damaged frames count.
    pub index: u64,
}

/// Why a video cannot be read, or not to its end.
#[derive(Debug, Error)]
pub enum VideoError {
    /// Nothing in it that could be a video.
    #[error("not a video")]
    NotAVideo,
    /// The file could not be read.
    #[error("failed to read the file")]
    Read(#[source] io::Error),
    /// `ffmpeg` is needed and not there.
    #[error(
        "this kind of video needs ffmpeg, which was not found on PATH; install it (Debian, Ubuntu: apt install ffmpeg)"
    )]
    FfmpegMissing,
    /// One frame was unusable; ask for the next.
    #[error("frame {index}: {reason}")]
    BadFrame {
        /// Its number.
        index: u64,
        /// What was wrong.
        reason: BadFrame,
    },
    /// The file ends before its video does; all frames before have been given.
    #[error("the video is cut short after {n_frames} frames")]
    Cut {
        /// Frames given.
        n_frames: u64,
    },
    /// `ffmpeg` failed; all frames before have been given.
    #[error("ffmpeg failed after {n_frames} frames: {message}")]
    Ffmpeg {
        /// Frames given.
        n_frames: u64,
        /// Its last words.
        message: String,
    },
    /// The video contradicts itself; all frames before have been given.
    #[error("damaged video after {n_frames} frames: {what}")]
    Damaged {
        /// Frames given.
        n_frames: u64,
        /// What the decoder said.
        what: String,
    },
}

impl VideoError {
    /// Whether more frames may come after it.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::BadFrame { .. })
    }
}

/// The frames of a video in order. An iterator: after an error that [`VideoError::is_passing`] there may be more,
/// after any other there is nothing.
pub struct VideoReader {
    _private: (),
}

impl Iterator for VideoReader {
    type Item = Result<VideoFrame, VideoError>;

    fn next(&mut self) -> Option<Self::Item> {
        None
    }
}

impl VideoKind {
    /// What kind of video a file is, by its first bytes and, for bare Motion-JPEG, its ending; nothing when it is
    /// a photograph or no video at all. A GIF of one picture is a photograph.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn sniff(_path: &Path) -> io::Result<Option<Self>> {
        Ok(None)
    }
}

/// Opens a video for analysis; needs no grant, for an operator gave the file.
///
/// # Errors
/// [`VideoError`] when it is no video, cannot be read, or needs `ffmpeg` and there is none.
pub fn open_video(_path: &Path, _options: &VideoOptions) -> Result<VideoReader, VideoError> {
    Err(VideoError::NotAVideo)
}
