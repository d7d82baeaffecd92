//! An instant as papers for people write it.

use std::fmt;
use std::str::FromStr;

use regard_domain::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::date::{Date, civil_from_days};

const SECOND_MICROS: i64 = 1_000_000;
const DAY_SECS: i64 = 86_400;

/// An instant from 1970 to 9999, written `2026-01-31T08:30:00.000000Z`: RFC 3339 in UTC, always to the microsecond,
/// so that one instant has one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UtcText(Timestamp);

/// A text that is not an instant in this form.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is not an instant written as \"2026-01-31T08:30:00.000000Z\"")]
pub struct BadUtcText(String);

impl UtcText {
    /// The instant; before 1970 it is 1970.
    pub fn new(at: Timestamp) -> Self {
        Self(Timestamp::from_micros(at.as_micros().max(0)))
    }

    /// The instant.
    pub const fn at(self) -> Timestamp {
        self.0
    }
}

impl fmt::Display for UtcText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros();
        let (secs, fraction) = (
            micros.div_euclid(SECOND_MICROS),
            micros.rem_euclid(SECOND_MICROS),
        );
        let (days, of_day) = (secs.div_euclid(DAY_SECS), secs.rem_euclid(DAY_SECS));
        let (year, month, day) = civil_from_days(days);
        let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:06}Z"
        )
    }
}

impl FromStr for UtcText {
    type Err = BadUtcText;
    fn from_str(text: &str) -> Result<Self, BadUtcText> {
        let bad = || BadUtcText(text.chars().take(40).collect());
        let shaped =
            text.len() == 27 && text.is_ascii() && &text[10..11] == "T" && text.ends_with('Z');
        if !shaped {
            return Err(bad());
        }
        let number = |from: usize, to: usize| {
            let digits = &text[from..to];
            let is_number = digits.bytes().all(|b| b.is_ascii_digit());
            digits
                .parse::<i64>()
                .ok()
                .filter(|_| is_number)
                .ok_or_else(bad)
        };
        let day: Date = text[..10].parse().map_err(|_| bad())?;
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        let secs = hour * 3_600 + minute * 60 + second;
        let at = Timestamp::from_micros(
            day.start().as_micros() + secs * SECOND_MICROS + number(20, 26)?,
        );
        let found = Self(at);
        // One instant has one text: whatever is odd about this one shows here.
        if found.to_string() == text {
            Ok(found)
        } else {
            Err(bad())
        }
    }
}

impl TryFrom<String> for UtcText {
    type Error = BadUtcText;
    fn try_from(text: String) -> Result<Self, BadUtcText> {
        text.parse()
    }
}

impl From<UtcText> for String {
    fn from(text: UtcText) -> Self {
        text.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn instants_are_written_and_read() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_827_696_789, "2000-02-29T12:34:56.789000Z"),
            (1_780_315_200_000, "2026-06-01T12:00:00.000000Z"),
            (253_402_300_799_000, "9999-12-31T23:59:59.000000Z"),
        ] {
            let at = UtcText::new(Timestamp::from_millis(millis));
            assert_eq!(at.to_string(), text);
            assert_eq!(text.parse(), Ok(at));
        }
        for bad in [
            "",
            "2026-06-01T12:00:00Z",
            "2026-06-01T24:00:00.000000Z",
            "2026-06-31T12:00:00.000000Z",
            "2026-06-01T12:60:00.000000Z",
            "2026-06-01 12:00:00.000000Z",
            "2026-06-01T12:00:00.000000z",
            "2026-06-01T12-00-00.000000Z",
        ] {
            assert!(bad.parse::<UtcText>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn the_day_is_that_of_the_calendar(micros in 0..253_402_300_799_999_999_i64) {
            let at = UtcText::new(Timestamp::from_micros(micros));
            let text = at.to_string();
            prop_assert_eq!(text.parse(), Ok(at));
            let day: Date = text[..10].parse().unwrap();
            let begins = day.start().as_micros();
            prop_assert!(begins <= micros && micros < begins + DAY_SECS * SECOND_MICROS);
        }
    }
}
