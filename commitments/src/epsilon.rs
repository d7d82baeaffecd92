//! How much releases may tell about one visit.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Parts of one.
const MICROS: u64 = 1_000_000;

/// Largest that can be written. A hundred protects nobody; more is a slip of the pen.
const MAX_MICROS: u64 = 100 * MICROS;

/// A privacy loss, the ε of differential privacy, in exact millionths; written `0.4` or `1`.
///
/// Whatever somebody concludes from what was released, they would have concluded without one given visit too, with a
/// probability that differs at most by the factor e^ε. Greater tells more.
///
/// # Source
/// Dwork, Roth, "The Algorithmic Foundations of Differential Privacy" (2014), definition 2.4, with δ = 0.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct Epsilon(u64);

/// A text that is no privacy loss.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{0:?} is not a privacy loss such as \"0.4\" or \"1\", from 0 to 100 with up to six decimals"
)]
pub struct BadEpsilon(String);

impl Epsilon {
    /// Nothing is told.
    pub const ZERO: Self = Self(0);

    /// So many millionths.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// In millionths.
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// As a number, rounded to the nearest.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / MICROS as f64
    }

    /// Of two releases about the same visits: basic composition.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// What is left of it; nothing where more was spent.
    #[must_use]
    pub const fn less(self, spent: Self) -> Self {
        Self(self.0.saturating_sub(spent.0))
    }

    /// So many hundredths of it, rounded down.
    #[must_use]
    pub const fn percent(self, percent: u64) -> Self {
        Self(self.0.saturating_mul(percent) / 100)
    }
}

impl FromStr for Epsilon {
    type Err = BadEpsilon;
    fn from_str(text: &str) -> Result<Self, BadEpsilon> {
        let bad = || BadEpsilon(text.chars().take(40).collect());
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |part: &str, longest: usize| {
            (1..=longest).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
        };
        if !is_number(whole, 3) || !is_number(decimals, 6) {
            return Err(bad());
        }
        let whole: u64 = whole.parse().map_err(|_| bad())?;
        let decimals: u64 = format!("{decimals:0<6}").parse().map_err(|_| bad())?;
        let micros = whole * MICROS + decimals;
        if micros <= MAX_MICROS {
            Ok(Self(micros))
        } else {
            Err(bad())
        }
    }
}

impl fmt::Display for Epsilon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, decimals) = (self.0 / MICROS, self.0 % MICROS);
        if decimals == 0 {
            return write!(f, "{whole}");
        }
        let decimals = format!("{decimals:06}");
        write!(f, "{whole}.{}", decimals.trim_end_matches('0'))
    }
}

impl TryFrom<String> for Epsilon {
    type Error = BadEpsilon;
    fn try_from(text: String) -> Result<Self, BadEpsilon> {
        text.parse()
    }
}

impl From<Epsilon> for String {
    fn from(epsilon: Epsilon) -> Self {
        epsilon.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_read_and_printed() {
        for (text, micros) in [
            ("0", Some(0)),
            ("1", Some(1_000_000)),
            ("0.4", Some(400_000)),
            ("0.000001", Some(1)),
            ("100", Some(100_000_000)),
            ("100.000001", None),
            ("0.0000001", None),
            ("-1", None),
            ("+1", None),
            (".5", None),
            ("1.", None),
            ("1e3", None),
            ("NaN", None),
            ("9999", None),
            ("", None),
        ] {
            let epsilon = text.parse::<Epsilon>();
            assert_eq!(epsilon.as_ref().ok().map(|e| e.micros()), micros, "{text}");
            if let Ok(epsilon) = epsilon {
                assert_eq!(epsilon.to_string(), text);
                assert_eq!(
                    serde_json::from_value::<Epsilon>(serde_json::to_value(epsilon).unwrap())
                        .unwrap(),
                    epsilon
                );
            }
        }
        assert_eq!("1.50".parse::<Epsilon>().unwrap().to_string(), "1.5");
    }

    #[test]
    fn parts_never_add_up_to_more_than_the_whole() {
        let whole = Epsilon::from_micros(999_999);
        let parts = [25, 15, 10, 15, 15, 20];
        let sum = parts
            .iter()
            .fold(Epsilon::ZERO, |sum, part| sum.plus(whole.percent(*part)));
        assert!(sum <= whole && whole.less(sum) < Epsilon::from_micros(parts.len() as u64));
        assert_eq!(whole.less(Epsilon::from_micros(u64::MAX)), Epsilon::ZERO);
    }
}
