//! The kinds of recognition, as values and as types.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

mod sealed {
    pub trait Sealed {}
}

/// A kind of recognition as a type, so that work can ask for the key of its own and no other.
pub trait RecognitionMarker: sealed::Sealed {
    /// The kind it stands for; nothing for an evaluation, which no site runs.
    const KIND: Option<RecognitionKind>;
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $marker:ident;)+) => {
        /// What a face is compared with, and at whose wish.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum RecognitionKind {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl RecognitionKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable name, in snake case.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What it is, in sentences.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim(),)+ }
            }
        }

        $(
            #[doc = concat!("[`RecognitionKind::", stringify!($variant), "`] as a type.")]
            #[derive(Clone, Copy, Debug)]
            pub enum $marker {}
            impl sealed::Sealed for $marker {}
            impl RecognitionMarker for $marker {
                const KIND: Option<RecognitionKind> = Some(RecognitionKind::$variant);
            }
        )+
    };
}

kinds! {
    /// A template is made of the face of somebody who agrees to it now, by an act.
    Enroll = "enroll", Enrollment;
    /// One-to-one: whether a face is that of the person whose token is shown.
    Verify = "verify", Verification;
    /// One-to-many: who of those who agreed is before the camera, after an act of theirs.
    Identify = "identify", Identification;
    /// A person who shows their token is looked for in a library of photographs.
    Library = "library", LibrarySearch;
    /// A service compares faces in a collection whose lawful source the privacy officer attests.
    Attested = "attested", AttestedUse;
}

impl RecognitionKind {
    /// What is done, to follow "allow to".
    pub(crate) const fn verb(self) -> &'static str {
        match self {
            Self::Enroll => "enrol faces",
            Self::Verify => "verify faces",
            Self::Identify => "identify people",
            Self::Library => "look for people in libraries",
            Self::Attested => "hold collections for services",
        }
    }
}

impl fmt::Display for RecognitionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no kind of recognition.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is not one of enroll, verify, identify, library, attested")]
pub struct BadRecognitionKind(String);

impl FromStr for RecognitionKind {
    type Err = BadRecognitionKind;
    fn from_str(text: &str) -> Result<Self, BadRecognitionKind> {
        let known = Self::ALL.iter().find(|kind| kind.as_str() == text);
        known
            .copied()
            .ok_or_else(|| BadRecognitionKind(text.chars().take(40).collect()))
    }
}

/// Measuring error rates on data sets, in the project's own checks. No gate of a site gives it.
#[derive(Clone, Copy, Debug)]
pub enum Evaluation {}
impl sealed::Sealed for Evaluation {}
impl RecognitionMarker for Evaluation {
    const KIND: Option<RecognitionKind> = None;
}

macro_rules! may {
    ($($(#[$doc:meta])* $name:ident: $($marker:ident)+;)+) => {$(
        $(#[$doc])*
        pub trait $name: RecognitionMarker {}
        $(impl $name for $marker {})+
    )+};
}

may! {
    /// Kinds under which a template is put into a gallery or handed to its person.
    MayEnroll: Enrollment AttestedUse Evaluation;
    /// Kinds under which a face is compared with one template.
    MayCompare: Verification AttestedUse Evaluation;
    /// Kinds under which a gallery is searched, or a library for one person.
    MaySearch: Identification LibrarySearch AttestedUse Evaluation;
    /// Kinds that want a live face: what is held before the camera is checked before anything is computed of it.
    NeedsLiveness: Enrollment Verification Identification;
}

/// What the checks for prints, screens and masks found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Liveness {
    /// A live face.
    Passed,
    /// A print, a replay, or what cannot be told from one.
    Failed,
    /// Nobody looked, or there was not enough to look at.
    Unchecked,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_agree_with_serialization_and_come_back() {
        for kind in RecognitionKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert_eq!(kind.as_str().parse(), Ok(*kind));
            assert!(kind.meaning().ends_with('.'));
        }
        assert!("watch".parse::<RecognitionKind>().is_err());
    }

    #[test]
    fn each_type_stands_for_its_kind() {
        let kinds = [
            Enrollment::KIND,
            Verification::KIND,
            Identification::KIND,
            LibrarySearch::KIND,
            AttestedUse::KIND,
        ];
        let all: Vec<_> = RecognitionKind::ALL.iter().copied().map(Some).collect();
        assert_eq!(kinds.as_slice(), all);
        assert_eq!(Evaluation::KIND, None);
    }
}
