//! How sources fail.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

/// Why a text is not a source.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SpecError {
    /// No known scheme before the first colon.
    #[error(
        "unknown kind of source {scheme:?}; expected v4l2:, http://, https://, folder:, clip:, ffmpeg:, push: or demo"
    )]
    UnknownScheme {
        /// What stood before the colon, at most 32 characters.
        scheme: String,
    },
    /// Nothing, or nothing usable, after the scheme.
    #[error("{scheme}: needs {expected}")]
    MissingTarget {
        /// The scheme.
        scheme: &'static str,
        /// What belongs there.
        expected: &'static str,
    },
    /// An option that this kind of source does not have.
    #[error("unknown option {option:?}; expected one of {expected}")]
    UnknownOption {
        /// Its name, at most 32 characters.
        option: String,
        /// Names that exist.
        expected: &'static str,
    },
    /// An option with a value outside its range.
    #[error("option {option} is {value:?}; expected {expected}")]
    BadValue {
        /// Its name.
        option: &'static str,
        /// Its value, at most 32 characters.
        value: String,
        /// The range.
        expected: &'static str,
    },
    /// A URL that cannot be read; it is not repeated, for it may hold a password.
    #[error("not a usable URL: {reason}")]
    BadUrl {
        /// Why.
        reason: String,
    },
}

/// Why a source did not open. The engine tries again after a pause unless [`OpenError::is_final`].
#[derive(Debug, Error)]
pub enum OpenError {
    /// The grant was no longer live.
    #[error("the sensing gate no longer allows this camera")]
    Refused,
    /// The engine asked to stop.
    #[error("stopped")]
    Stopped,
    /// The device or file does not exist.
    #[error("{} not found", path.display())]
    NotFound {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The device or file may not be read by this user.
    #[error("no permission to read {}; {remedy}", path.display())]
    Permission {
        /// Which.
        path: PathBuf,
        /// What to do about it.
        remedy: &'static str,
    },
    /// Another program uses the camera.
    #[error("{} is in use by another program; close that program or take another camera", path.display())]
    Busy {
        /// Which.
        path: PathBuf,
    },
    /// The device exists but cannot deliver what is needed.
    #[error("{} delivers neither MJPEG nor YUYV as asked; it offers: {offered}", path.display())]
    NoUsableFormat {
        /// Which.
        path: PathBuf,
        /// Its formats.
        offered: String,
    },
    /// A file of a kind or shape that is not read here.
    #[error("{what}")]
    Unsupported {
        /// What it is and what to do.
        what: String,
    },
    /// Nobody answers at the address.
    #[error("failed to connect to {address}")]
    Connect {
        /// Host and port, without credentials.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// The server answered something else than a stream.
    #[error("{address} answered {what}")]
    Answer {
        /// Host and port, without credentials.
        address: String,
        /// Status or kind of answer and what to do about it.
        what: String,
    },
    /// `ffmpeg` is needed and not there.
    #[error(
        "ffmpeg not found on PATH; install it (Debian, Ubuntu: apt install ffmpeg) or use a source that needs none"
    )]
    FfmpegMissing,
    /// The browser source was opened without its queue.
    #[error("no browser queue was given for push source {name:?}")]
    NoPushQueue {
        /// The name in the specification.
        name: String,
    },
    /// Reading failed.
    #[error("failed to open {what}")]
    Io {
        /// What was opened, without credentials.
        what: String,
        /// Why.
        source: io::Error,
    },
}

impl OpenError {
    /// Whether trying again without a change by a person is pointless.
    pub const fn is_final(&self) -> bool {
        match self {
            Self::Refused
            | Self::Stopped
            | Self::Unsupported { .. }
            | Self::NoPushQueue { .. }
            | Self::NoUsableFormat { .. }
            | Self::FfmpegMissing => true,
            Self::NotFound { .. }
            | Self::Permission { .. }
            | Self::Busy { .. }
            | Self::Connect { .. }
            | Self::Answer { .. }
            | Self::Io { .. } => false,
        }
    }
}

/// Why there is no next frame.
#[derive(Debug, Error)]
pub enum SourceError {
    /// The file is finished; there is nothing more to come.
    #[error("the source has ended")]
    Ended,
    /// The device or connection is gone; open the source again after a pause.
    #[error("the source is lost: {reason}")]
    Lost {
        /// What happened, without credentials.
        reason: LostReason,
    },
    /// The grant is no longer live; the device has been closed.
    #[error("the sensing gate no longer allows this camera")]
    Refused,
    /// The engine asked to stop; the device has been closed.
    #[error("stopped")]
    Stopped,
    /// One frame was unusable; count it and ask for the next.
    #[error("bad frame: {reason}")]
    BadFrame {
        /// What was wrong with it.
        reason: BadFrame,
    },
}

/// How a source was lost.
#[derive(Debug, Error)]
pub enum LostReason {
    /// The camera was unplugged.
    #[error("the camera was unplugged")]
    Unplugged,
    /// The other side closed the connection.
    #[error("the connection was closed")]
    Closed,
    /// Nothing came for so long.
    #[error("no frame for {} s", waited.as_secs())]
    Stalled {
        /// How long.
        waited: Duration,
    },
    /// The stream broke its own format.
    #[error("the stream is malformed: {what}")]
    Malformed {
        /// Where.
        what: &'static str,
    },
    /// The `ffmpeg` child ended.
    #[error("ffmpeg ended: {message}")]
    Ffmpeg {
        /// Its last words, without credentials.
        message: String,
    },
    /// The operating system said so.
    #[error("{0}")]
    Io(#[source] io::Error),
}

/// What was wrong with one frame.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BadFrame {
    /// Fewer bytes than the format needs.
    #[error("{found} bytes, {needed} needed")]
    Short {
        /// Bytes that came.
        found: usize,
        /// Bytes of a whole frame.
        needed: usize,
    },
    /// Not a JPEG with a header.
    #[error("not a JPEG image")]
    NotJpeg,
    /// The stream or file ended inside it.
    #[error("cut short by the end of the file")]
    CutShort,
    /// Longer than any frame we take.
    #[error("longer than {max} bytes")]
    TooLong {
        /// The lid.
        max: usize,
    },
    /// The driver marked the buffer as damaged.
    #[error("the camera reports a damaged frame")]
    Flagged,
    /// Not an image, or one that cannot be read.
    #[error("{what}")]
    Unreadable {
        /// Which and why.
        what: String,
    },
}
