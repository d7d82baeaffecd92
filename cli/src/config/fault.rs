//! What a reader of forms complains about, kept in parts so that it can be told and mended.

use std::fmt;

use serde::de;

use super::path::Path;

/// What is wrong.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum FaultKind {
    /// Another sort of value, or one out of range.
    Value {
        /// What was found.
        found: String,
        /// What was expected.
        expected: String,
    },
    /// A word that is none of the known ones.
    Variant {
        /// The word.
        found: String,
        /// The known ones.
        expected: &'static [&'static str],
    },
    /// A key that is none of the known ones.
    Field {
        /// The key.
        found: String,
        /// The known ones.
        expected: &'static [&'static str],
    },
    /// A key that must be there.
    Missing(&'static str),
    /// Whatever a type of ours has to say.
    Said(String),
}

/// One complaint and where it was raised.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    /// Where; nothing until a reader above knows.
    pub(super) path: Option<Path>,
    /// Whether it is about the key and not its value.
    pub(super) about_key: bool,
    /// What.
    pub(super) kind: FaultKind,
}

impl Fault {
    fn new(kind: FaultKind) -> Self {
        Self {
            path: None,
            about_key: false,
            kind,
        }
    }

    /// Raised there, unless it was raised further down.
    pub(super) fn at(mut self, path: &Path) -> Self {
        self.path.get_or_insert_with(|| path.clone());
        self
    }

    /// Raised about the key there.
    pub(super) fn at_key(mut self, path: &Path) -> Self {
        if self.path.is_none() {
            self.about_key = true;
        }
        self.at(path)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.kind)
    }
}

impl std::error::Error for Fault {}

/// What was found, in words of people who write TOML.
fn found(unexpected: &de::Unexpected<'_>) -> String {
    match unexpected {
        de::Unexpected::Str(text) => format!("{:?}", text.chars().take(80).collect::<String>()),
        de::Unexpected::Unsigned(number) => number.to_string(),
        de::Unexpected::Signed(number) => number.to_string(),
        de::Unexpected::Float(number) => number.to_string(),
        de::Unexpected::Bool(flag) => flag.to_string(),
        de::Unexpected::Map => "a table".to_owned(),
        de::Unexpected::Seq => "an array".to_owned(),
        other => other.to_string(),
    }
}

/// What was expected, in the same words.
fn expected(expected: &dyn de::Expected) -> String {
    let text = expected.to_string();
    let words = match text.as_str() {
        "a string" | "string" | "str" => "a text in quotes",
        "a boolean" | "bool" => "true or false",
        "f32" | "f64" => "a number",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number from 0",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "path string" => "a path in quotes",
        "a sequence" => "an array: [ … ]",
        "a map" => "a table: { … }",
        _ if text.starts_with("struct ") || text.starts_with("internally tagged enum") => {
            "a table: { … }"
        }
        _ if text.starts_with("enum ") => "a word in quotes",
        _ => return text,
    };
    words.to_owned()
}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let message = message.to_string();
        if message.starts_with("data did not match any variant of untagged enum") {
            let expected = "true, false, a number or a text in quotes".to_owned();
            let found = "something else".to_owned();
            return Self::new(FaultKind::Value { found, expected });
        }
        Self::new(FaultKind::Said(message))
    }

    fn invalid_type(unexpected: de::Unexpected<'_>, wanted: &dyn de::Expected) -> Self {
        let (found, expected) = (found(&unexpected), expected(wanted));
        Self::new(FaultKind::Value { found, expected })
    }

    fn invalid_value(unexpected: de::Unexpected<'_>, wanted: &dyn de::Expected) -> Self {
        Self::invalid_type(unexpected, wanted)
    }

    fn invalid_length(len: usize, wanted: &dyn de::Expected) -> Self {
        let (found, expected) = (format!("{len} elements"), wanted.to_string());
        Self::new(FaultKind::Value { found, expected })
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(FaultKind::Variant {
            found: variant.to_owned(),
            expected,
        })
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::new(FaultKind::Field {
            found: field.to_owned(),
            expected,
        })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(FaultKind::Missing(field))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(FaultKind::Said(format!(
            "{field} is given twice, under two names"
        )))
    }
}
