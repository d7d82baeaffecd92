//! Videos from files, for analysis.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use regard_domain::FrameSize;
use thiserror::Error;

use super::clip::ClipReader;
use super::error::BadFrame;
use super::ffmpeg::{self, FfmpegChild, Input, Popped, WhenFull, find_ffmpeg};
use super::frame::RawPixels;
use super::gif::{GifReader, is_animated};
use super::spec::DEFAULT_FPS;

/// Endings of the names of videos that `ffmpeg` reads, in lower case, where the first bytes say nothing.
const FFMPEG_ENDINGS: [&str; 20] = [
    "mp4", "m4v", "mov", "mkv", "webm", "avi", "wmv", "asf", "flv", "mpg", "mpeg", "ts", "mts",
    "m2ts", "3gp", "ogv", "vob", "mxf", "h264", "hevc",
];

/// Bytes from which the kind of a file is told.
const HEAD_LEN: usize = 16;

/// How long one wait for `ffmpeg` lasts before the next begins; no limit, for a large frame takes its time.
const WAIT: Duration = Duration::from_secs(1);

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
    /// Frames a second of bare Motion-JPEG, which does not say; above 0. By default 25, as `ffmpeg` assumes.
    pub mjpeg_fps: f64,
    /// Frames of this size, each pixel the mean of its part of the picture; only of what `ffmpeg` reads. Otherwise as they are.
    pub reduced_to: Option<FrameSize>,
}

impl Default for VideoOptions {
    fn default() -> Self {
        Self {
            mjpeg_fps: DEFAULT_FPS,
            reduced_to: None,
        }
    }
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

/// How the frames come.
enum Frames {
    Jpegs {
        reader: ClipReader,
        fps: f64,
    },
    Gif(Box<GifReader>),
    Ffmpeg {
        child: FfmpegChild,
        /// The file is shorter than its header says, of which `ffmpeg` does not complain.
        is_cut: bool,
    },
    Ended,
}

/// The frames of a video in order.
///
/// An iterator: after an error that [`VideoError::is_passing`] there may be more, after any other
/// there is nothing. Holds a few frames at most. Cannot change its thread: open it where it is read.
pub struct VideoReader {
    frames: Frames,
    next_index: u64,
    n_given: u64,
    last_time_secs: f64,
}

impl VideoReader {
    const fn new(frames: Frames) -> Self {
        Self {
            frames,
            next_index: 0,
            n_given: 0,
            last_time_secs: 0.0,
        }
    }

    fn next_jpeg(&mut self) -> Option<Result<VideoFrame, VideoError>> {
        let Frames::Jpegs { reader, fps } = &mut self.frames else {
            return None;
        };
        let outcome = match reader.next_frame() {
            Ok(outcome) => outcome?,
            Err(error) => return Some(Err(VideoError::Read(error))),
        };
        let index = self.next_index;
        self.next_index += 1;
        Some(match outcome {
            Ok(jpeg) => Ok(VideoFrame {
                pixels: RawPixels::Mjpeg(jpeg.bytes),
                size: jpeg.size,
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "exact for the first 285,000 years at 1000 frames a second"
                )]
                time_secs: index as f64 / *fps,
                index,
            }),
            Err(BadFrame::CutShort) => Err(VideoError::Cut {
                n_frames: self.n_given,
            }),
            Err(reason) => Err(VideoError::BadFrame { index, reason }),
        })
    }

    fn next_gif(&mut self) -> Option<Result<VideoFrame, VideoError>> {
        let Frames::Gif(reader) = &mut self.frames else {
            return None;
        };
        let outcome = reader.next_frame()?;
        let index = self.next_index;
        self.next_index += 1;
        Some(match outcome {
            Ok(frame) => Ok(VideoFrame {
                pixels: RawPixels::Rgb(frame.rgb),
                size: frame.size,
                time_secs: frame.time_secs,
                index,
            }),
            Err(error) => Err(gif_error(error, self.n_given)),
        })
    }

    fn next_from_ffmpeg(&mut self) -> Option<Result<VideoFrame, VideoError>> {
        let Frames::Ffmpeg { child, is_cut } = &mut self.frames else {
            return None;
        };
        loop {
            match child.pop(WAIT) {
                Popped::Nothing => {}
                Popped::Frame(frame) => {
                    // A frame without a time of its own stands where the one before it stood.
                    let time_secs = frame.time_secs.unwrap_or(self.last_time_secs).max(0.0);
                    self.last_time_secs = time_secs;
                    return Some(Ok(VideoFrame {
                        pixels: RawPixels::Rgb(frame.rgb),
                        size: frame.size,
                        time_secs,
                        index: frame.index,
                    }));
                }
                Popped::Ended(ending) => {
                    let n_frames = self.n_given;
                    let message = ending.message;
                    return if (ending.is_cut || *is_cut) && n_frames > 0 {
                        Some(Err(VideoError::Cut { n_frames }))
                    } else if !ending.is_success || n_frames == 0 {
                        Some(Err(VideoError::Ffmpeg { n_frames, message }))
                    } else {
                        None
                    };
                }
            }
        }
    }
}

/// What a failure of the GIF decoder means.
fn gif_error(error: image::ImageError, n_frames: u64) -> VideoError {
    match error {
        image::ImageError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            VideoError::Cut { n_frames }
        }
        image::ImageError::IoError(error) => VideoError::Read(error),
        error => VideoError::Damaged {
            n_frames,
            what: error.to_string(),
        },
    }
}

impl Iterator for VideoReader {
    type Item = Result<VideoFrame, VideoError>;

    fn next(&mut self) -> Option<Self::Item> {
        let outcome = match &self.frames {
            Frames::Jpegs { .. } => self.next_jpeg(),
            Frames::Gif(_) => self.next_gif(),
            Frames::Ffmpeg { .. } => self.next_from_ffmpeg(),
            Frames::Ended => None,
        };
        match &outcome {
            Some(Ok(_)) => self.n_given += 1,
            Some(Err(error)) if error.is_passing() => {}
            Some(Err(_)) | None => self.frames = Frames::Ended,
        }
        outcome
    }
}

fn ending_of(path: &Path) -> String {
    let ending = path.extension().unwrap_or_default();
    ending.to_string_lossy().to_ascii_lowercase()
}

/// Whether a file begins like a container that `ffmpeg` reads.
fn is_container(head: &[u8]) -> bool {
    head.get(4..8) == Some(b"ftyp")
        || head.starts_with(&[0x1A, 0x45, 0xDF, 0xA3]) // Matroska, WebM
        || head.starts_with(b"FLV\x01")
        || head.starts_with(b"OggS")
        || head.starts_with(&[0, 0, 1, 0xBA]) // MPEG program stream
        || head.starts_with(&[0x30, 0x26, 0xB2, 0x75]) // ASF
}

impl VideoKind {
    /// Whether an ending of a name, in lower case, is that of videos that `ffmpeg` reads.
    pub fn has_ending_of_one(ending: &str) -> bool {
        FFMPEG_ENDINGS.contains(&ending)
    }

    /// What kind of video a file is, by its first bytes and, where they say nothing, its ending;
    /// nothing when it is a photograph or no video at all. A GIF of one picture is a photograph.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn sniff(path: &Path) -> io::Result<Option<Self>> {
        let mut head = Vec::with_capacity(HEAD_LEN);
        File::open(path)?
            .take(HEAD_LEN as u64)
            .read_to_end(&mut head)?;
        let ending = ending_of(path);
        Ok(
            if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"AVI ") {
                Some(Self::Avi)
            } else if head.starts_with(b"GIF8") {
                is_animated(path).then_some(Self::Gif)
            } else if matches!(ending.as_str(), "mjpeg" | "mjpg") {
                Some(Self::Mjpeg)
            } else if is_container(&head) && !matches!(ending.as_str(), "heic" | "heif" | "avif") {
                Some(Self::Other)
            } else {
                Self::has_ending_of_one(&ending).then_some(Self::Other)
            },
        )
    }
}

/// Opens a video for analysis; needs no grant, for an operator gave the file.
///
/// Motion-JPEG (bare or in AVI) and GIF are read natively, the rest by `ffmpeg`, which also turns
/// pictures upright that were filmed on their side.
///
/// # Errors
/// [`VideoError`] when it is no video, cannot be read, or needs `ffmpeg` and there is none.
pub fn open_video(path: &Path, options: &VideoOptions) -> Result<VideoReader, VideoError> {
    let kind = VideoKind::sniff(path).map_err(VideoError::Read)?;
    let frames = match kind.ok_or(VideoError::NotAVideo)? {
        VideoKind::Mjpeg => open_jpegs(path, options).map_err(VideoError::Read)?,
        VideoKind::Avi => match open_jpegs(path, options) {
            Ok(frames) => frames,
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                open_ffmpeg(path, options.reduced_to)?
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(VideoError::Damaged {
                    n_frames: 0,
                    what: error.to_string(),
                });
            }
            Err(error) => return Err(VideoError::Read(error)),
        },
        VideoKind::Gif => {
            let reader = GifReader::open(path).map_err(|error| gif_error(error, 0))?;
            Frames::Gif(Box::new(reader))
        }
        VideoKind::Other => open_ffmpeg(path, options.reduced_to)?,
    };
    Ok(VideoReader::new(frames))
}

/// Whether a file is a RIFF, as AVI is, and ends before its first part does.
fn is_cut_riff(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let n_bytes = file.metadata()?.len();
    let mut head = [0; 8];
    let is_riff = file.read_exact(&mut head).is_ok() && head.starts_with(b"RIFF");
    let [.., a, b, c, d] = head;
    let claimed = u32::from_le_bytes([a, b, c, d]);
    // Writers that could not come back to the header leave 0 or all ones.
    Ok(is_riff && claimed != u32::MAX && u64::from(claimed) + 8 > n_bytes)
}

fn open_jpegs(path: &Path, options: &VideoOptions) -> io::Result<Frames> {
    let reader = ClipReader::open_file(path)?;
    let fps = reader.fps().unwrap_or(options.mjpeg_fps);
    Ok(Frames::Jpegs { reader, fps })
}

fn open_ffmpeg(path: &Path, reduced_to: Option<FrameSize>) -> Result<Frames, VideoError> {
    let info = find_ffmpeg().ok_or(VideoError::FfmpegMissing)?;
    let is_cut = is_cut_riff(path).map_err(VideoError::Read)?;
    let real_time = false;
    let input = Input::File { path, real_time };
    let child =
        ffmpeg::start(&info, &input, WhenFull::Wait, reduced_to).map_err(VideoError::Read)?;
    Ok(Frames::Ffmpeg { child, is_cut })
}

#[cfg(test)]
mod tests;
