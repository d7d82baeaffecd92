//! What the installation was told about the world: the weather, the queue, the stock.

use std::{collections::BTreeMap, fmt};

use regard_domain::{SensitiveCategory, sensitive_in_name};
use serde::{Deserialize, Serialize};

/// Most facts that are kept; a fact past this is refused, never dropped silently.
const MAX_FACTS: usize = 256;

/// Longest name and longest text of a fact, in bytes.
const MAX_FACT_LEN: usize = 128;

/// Facts of this prefix describe an enrolled person; they enter by `Context::with_person` alone.
pub(crate) const PERSON_PREFIX: &str = "person.";

/// The value of a fact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FactValue {
    /// True or false.
    Flag(bool),
    /// A finite number.
    Number(f64),
    /// A word.
    Text(String),
}

impl FactValue {
    /// The number, or 0 and 1 for false and true; nothing for text.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Flag(flag) => Some(f64::from(u8::from(*flag))),
            Self::Number(number) => Some(*number),
            Self::Text(_) => None,
        }
    }
}

impl fmt::Display for FactValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => flag.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => write!(f, "{text:?}"),
        }
    }
}

/// Why a fact was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFact {
    /// The name is not 1 to 128 of `a-z`, `0-9`, `_`, `-`, `.`.
    #[error("fact name {0:?} is not 1 to 128 of a-z, 0-9, '_', '-' and '.'")]
    Name(String),
    /// The name begins with `person.`, which needs consent and its own door.
    #[error("fact name {0:?} is reserved for people who agreed to personal messages")]
    Reserved(String),
    /// The name speaks of somebody's race, religion, health, orientation or politics.
    #[error("fact {name:?} speaks of {category}, which nothing here may know or guess of anybody")]
    Sensitive {
        /// The name.
        name: String,
        /// Which category.
        category: SensitiveCategory,
    },
    /// The number is not finite.
    #[error("fact {0:?} is not a finite number")]
    NotFinite(String),
    /// The text is longer than 128 bytes.
    #[error("the text of fact {0:?} is longer than 128 bytes")]
    TooLong(String),
    /// There are 256 facts already.
    #[error("there are {MAX_FACTS} facts already, so {0:?} was not taken")]
    TooMany(String),
}

/// Named facts, in the order of their names.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Facts(BTreeMap<String, FactValue>);

impl Facts {
    /// No facts.
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// States a fact, or restates it.
    ///
    /// # Errors
    /// [`BadFact`] says what is wrong with name or value.
    pub fn set(&mut self, name: &str, value: FactValue) -> Result<(), BadFact> {
        if name.starts_with(PERSON_PREFIX) {
            return Err(BadFact::Reserved(name.to_owned()));
        }
        self.set_unreserved(name, value)
    }

    pub(crate) fn set_unreserved(&mut self, name: &str, value: FactValue) -> Result<(), BadFact> {
        let shown: String = name.chars().take(MAX_FACT_LEN).collect();
        if !is_fact_name(name) {
            return Err(BadFact::Name(shown));
        }
        if let Some(category) = sensitive_in_name(name) {
            let name = shown;
            return Err(BadFact::Sensitive { name, category });
        }
        match &value {
            FactValue::Number(number) if !number.is_finite() => {
                return Err(BadFact::NotFinite(shown));
            }
            FactValue::Text(text) if text.len() > MAX_FACT_LEN => {
                return Err(BadFact::TooLong(shown));
            }
            FactValue::Flag(_) | FactValue::Number(_) | FactValue::Text(_) => {}
        }
        if self.0.len() >= MAX_FACTS && !self.0.contains_key(name) {
            return Err(BadFact::TooMany(shown));
        }
        self.0.insert(name.to_owned(), value);
        Ok(())
    }

    /// Takes a fact back; says whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        self.0.remove(name).is_some()
    }

    /// The value of a fact.
    pub fn get(&self, name: &str) -> Option<&FactValue> {
        self.0.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &FactValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

/// Words in the name of a fact that aim a rule at weakness (the row `vulnerability_targeting`:
/// distress, fatigue, age, disability, poverty).
const VULNERABILITIES: [&str; 8] = [
    "distress",
    "stress",
    "fatigue",
    "tired",
    "tiredness",
    "age",
    "disability",
    "poverty",
];

/// Whether the name of a fact speaks of somebody's weakness, or of what they show without knowing.
pub(crate) fn is_about_weakness(name: &str) -> bool {
    name.split(['.', '_', '-'])
        .any(|word| VULNERABILITIES.contains(&word))
        || is_about_the_unknowing(name)
}

/// Whether a name speaks of micro-expressions: what a person shows without knowing serves no decision and no reward
/// (AI Act 5(1)(a)), wherever it was measured.
pub(crate) fn is_about_the_unknowing(name: &str) -> bool {
    let letters: String = name.chars().filter(char::is_ascii_alphabetic).collect();
    ["microexpression", "micromovement"]
        .iter()
        .any(|word| letters.contains(word))
}

/// Whether the text may name a fact.
pub(crate) fn is_fact_name(name: &str) -> bool {
    (1..=MAX_FACT_LEN).contains(&name.len())
        && name
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_without_knowing_is_known_by_its_name() {
        for name in [
            "micro_expression",
            "visitor.micro-expression.happy",
            "microexpressions",
            "micro.movement_2",
        ] {
            assert!(is_about_weakness(name), "{name}");
        }
        for name in ["micro_brewery", "expression", "movement", "microphone"] {
            assert!(!is_about_weakness(name), "{name}");
        }
    }

    #[test]
    fn facts_are_checked() {
        let mut facts = Facts::new();
        facts.set("weather.rain", FactValue::Flag(true)).unwrap();
        for (name, value) in [
            ("", FactValue::Flag(true)),
            ("Größe", FactValue::Flag(true)),
            ("person.name", FactValue::Text("x".into())),
            ("visitor.religion", FactValue::Flag(true)),
            ("t", FactValue::Number(f64::NAN)),
            ("t", FactValue::Text("x".repeat(129))),
        ] {
            assert!(facts.set(name, value).is_err(), "{name:?}");
        }
        for i in 0..MAX_FACTS - 1 {
            facts.set(&format!("f{i}"), FactValue::Number(0.0)).unwrap();
        }
        assert!(matches!(
            facts.set("one-more", FactValue::Number(0.0)),
            Err(BadFact::TooMany(_))
        ));
        facts.set("f0", FactValue::Number(1.0)).unwrap();
        assert_eq!(facts.get("f0").unwrap().as_number(), Some(1.0));
    }
}
