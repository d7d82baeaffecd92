//! Names of things. Those that people choose are slugs; those that we make are random.

use std::fmt;

use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Longest slug accepted, in bytes.
const MAX_SLUG_LEN: usize = 64;

/// A text that cannot be an id.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BadId {
    /// Not 1 to 64 of `a-z`, `0-9`, `-`, `_`, beginning with a letter or digit.
    #[error("id {0:?} is not 1 to 64 of a-z, 0-9, '-' and '_', beginning with a letter or digit")]
    Slug(String),
    /// Not 32 lower-case hexadecimal digits.
    #[error("id {0:?} is not 32 lower-case hexadecimal digits")]
    Random(String),
}

fn check_slug(text: &str) -> Result<(), BadId> {
    let good = (1..=MAX_SLUG_LEN).contains(&text.len())
        && text
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
        && text.as_bytes()[0].is_ascii_alphanumeric();
    if good {
        Ok(())
    } else {
        Err(BadId::Slug(text.chars().take(MAX_SLUG_LEN).collect()))
    }
}

macro_rules! slug_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks the text and takes it.
            ///
            /// # Errors
            /// [`BadId::Slug`] unless it is 1 to 64 of `a-z`, `0-9`, `-`, `_`, beginning with a letter or digit.
            pub fn new(text: impl Into<String>) -> Result<Self, BadId> {
                let text = text.into();
                check_slug(&text)?;
                Ok(Self(text))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;
            fn try_from(text: String) -> Result<Self, BadId> {
                Self::new(text)
            }
        }

        impl std::str::FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(u128);

        impl $name {
            /// A fresh id: 128 bits from the generator given.
            pub fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
                Self((u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64()))
            }

            /// From its bits, for ids read back.
            pub const fn from_bits(bits: u128) -> Self {
                Self(bits)
            }

            /// Its bits.
            pub const fn as_bits(self) -> u128 {
                self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;
            fn try_from(text: String) -> Result<Self, BadId> {
                let good = text.len() == 32
                    && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
                let bits = if good { u128::from_str_radix(&text, 16).ok() } else { None };
                bits.map(Self).ok_or_else(|| BadId::Random(text.chars().take(40).collect()))
            }
        }

        impl std::str::FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", self.0)
            }
        }
    };
}

slug_id! {
    /// One installation under one owner.
    SiteId
}
slug_id! {
    /// One camera, clip or browser that supplies frames.
    CameraId
}
slug_id! {
    /// One place where messages are shown.
    ScreenId
}
slug_id! {
    /// One part of the glass of a screen that shows a message of its own.
    SlotId
}
slug_id! {
    /// One campaign.
    CampaignId
}
slug_id! {
    /// One message of a campaign; unique within its campaign.
    CreativeId
}
slug_id! {
    /// One set of templates that is searched by itself, or the collection of a service.
    GalleryId
}
slug_id! {
    /// One study with participants who agreed.
    StudyId
}
/// Ids of things may be printed wherever that helps.
macro_rules! printed_in_full {
    ($($name:ident)+) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }
    )+};
}

printed_in_full! { TrackId DecisionId PlayId }

/// Ids of someone, or of what belongs to them, are for their own papers and the store.
macro_rules! withheld {
    ($($name:ident)+) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(withheld)"))
            }
        }
    )+};
}

withheld! { PersonId TemplateId PictureId ActId SittingId }

random_id! {
    /// One visitor between entry and exit on one camera. Random, never reused, never derived from a face.
    TrackId
}
random_id! {
    /// One choice of a message.
    DecisionId
}
random_id! {
    /// One stretch of a message being shown.
    PlayId
}
random_id! {
    /// One act by which somebody says that they want to be recognised: whoever names it uses it up.
    ActId
}
random_id! {
    /// One sitting of a participant of a study: whoever names it may hand in its pictures and answers.
    SittingId
}
random_id! {
    /// Someone who enrolled by an act of their own.
    ///
    /// # Privacy
    /// Random, never derived from a face, never used again. Its digits are for the person's own papers and
    /// for the store; no log line, metric or error shows them, and `Debug` withholds them.
    PersonId
}
random_id! {
    /// One template of someone who enrolled; a person may have several.
    ///
    /// # Privacy
    /// Random, never derived from a face, never used again; `Debug` withholds it.
    TemplateId
}
random_id! {
    /// One picture from which faces were enrolled: two faces in one picture are two persons.
    ///
    /// # Privacy
    /// Random, never derived from the picture; `Debug` withholds it.
    PictureId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_checked() {
        for (text, valid) in [
            ("entrance", true),
            ("cam-1_b", true),
            ("", false),
            ("-a", false),
            ("Ü", false),
            ("a b", false),
        ] {
            assert_eq!(CameraId::new(text).is_ok(), valid, "{text:?}");
        }
        assert!(CameraId::new("a".repeat(65)).is_err());
    }

    #[test]
    fn a_person_does_not_print_by_accident() {
        let person = PersonId::from_bits(0xabc);
        assert_eq!(format!("{person:?}"), "PersonId(withheld)");
        assert_eq!(person.to_string().parse::<PersonId>().unwrap(), person);
        assert!(format!("{:?}", DecisionId::from_bits(0xabc)).ends_with("abc)"));
    }

    #[test]
    fn random_ids_print_and_parse() {
        let id = DecisionId::from_bits(0xabc);
        assert_eq!(id.to_string().parse::<DecisionId>().unwrap(), id);
        for bad in [
            "",
            "xyz",
            "ABCDEFABCDEFABCDEFABCDEFABCDEFAB",
            "+bcdefabcdefabcdefabcdefabcdefab",
        ] {
            assert!(bad.parse::<DecisionId>().is_err(), "{bad}");
        }
    }
}
