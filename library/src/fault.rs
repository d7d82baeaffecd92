//! What was wrong with something that was found.

use std::any::Any;
use std::fmt;

use regard_vision::{PhotoError, VideoError};
use serde::{Deserialize, Serialize};

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $words:literal;)+) => {
        /// The kind of a fault. The names are stable: they stand in the column `error_kind`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum FaultKind {
            $($(#[$doc])* $variant,)+
        }

        impl FaultKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable name, in snake case.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The kind in words, to be counted: "3 cut short".
            pub const fn words(self) -> &'static str {
                match self { $(Self::$variant => $words,)+ }
            }
        }
    };
}

kinds! {
    /// Nothing of that name, or an empty folder.
    Missing = "missing", "missing";
    /// It could not be read: rights, a disk, a network.
    Unreadable = "unreadable", "unreadable";
    /// It is neither a picture nor a video, and was named or claims to be one.
    NotAPicture = "not_a_picture", "no picture";
    /// It ends before it should.
    CutShort = "cut_short", "cut short";
    /// It contradicts itself.
    Damaged = "damaged", "damaged";
    /// A kind that is known but not read here.
    Unsupported = "unsupported", "unsupported";
    /// More bytes or pixels than the limits.
    TooLarge = "too_large", "too large";
    /// Not done on purpose: names that lead out of an archive, links, devices, bombs, encryption.
    Refused = "refused", "refused";
    /// A mistake of this program.
    Program = "program", "mistakes of this program";
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<&PhotoError> for FaultKind {
    fn from(error: &PhotoError) -> Self {
        match error {
            PhotoError::Empty | PhotoError::NotAnImage => Self::NotAPicture,
            PhotoError::Unsupported { .. } => Self::Unsupported,
            PhotoError::Truncated => Self::CutShort,
            PhotoError::Damaged { .. } => Self::Damaged,
            PhotoError::TooLarge { .. } | PhotoError::FileTooLarge { .. } => Self::TooLarge,
            PhotoError::Read { .. } => Self::Unreadable,
        }
    }
}

impl From<&VideoError> for FaultKind {
    fn from(error: &VideoError) -> Self {
        match error {
            VideoError::NotAVideo => Self::NotAPicture,
            VideoError::Read(_) => Self::Unreadable,
            VideoError::FfmpegMissing => Self::Unsupported,
            VideoError::Cut { .. } => Self::CutShort,
            VideoError::BadFrame { .. }
            | VideoError::Ffmpeg { .. }
            | VideoError::Damaged { .. } => Self::Damaged,
        }
    }
}

/// What was wrong with something, on one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Which kind.
    pub kind: FaultKind,
    /// What exactly, in a fragment without full stop; names no person.
    pub reason: String,
}

impl Fault {
    /// A fault of that kind.
    pub fn new(kind: FaultKind, reason: impl Into<String>) -> Self {
        Self {
            kind,
            reason: reason.into(),
        }
    }

    /// A panic, and what it said.
    pub fn of_panic(panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let said = text.or_else(|| panic.downcast_ref::<&str>().copied());
        let said = said.unwrap_or("no more is known");
        Self::new(
            FaultKind::Program,
            format!("a mistake in this program: {said}"),
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}
