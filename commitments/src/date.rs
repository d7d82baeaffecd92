//! A day in the calendar, for documents that people sign.

use std::fmt;
use std::str::FromStr;

use regard_domain::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Microseconds of a day without leap seconds.
const DAY_MICROS: i64 = 86_400_000_000;

/// A day of the Gregorian calendar from 1970 to 9999, written `2026-01-31`; it begins at midnight UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// A text that is not a day.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is not a day written as \"2026-01-31\", from 1970 on")]
pub struct BadDate(String);

fn days_in_month(year: u16, month: u8) -> u8 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 31,
    }
}

/// Year, month and day of the month of a day that is counted from 1970-01-01.
///
/// # Source
/// Howard Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
pub fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

impl Date {
    /// The instant at which the day begins in UTC.
    ///
    /// # Source
    /// Howard Hinnant, "chrono-compatible low-level date algorithms", `days_from_civil`.
    pub fn start(self) -> Timestamp {
        let (month, day) = (i64::from(self.month), i64::from(self.day));
        let year = i64::from(self.year) - i64::from(month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Timestamp::from_micros((era * 146_097 + day_of_era - 719_468) * DAY_MICROS)
    }
}

impl Date {
    /// The day of an instant in UTC; `None` before 1970 and after 9999.
    pub fn of(at: Timestamp) -> Option<Self> {
        let (year, month, day) = civil_from_days(at.as_micros().div_euclid(DAY_MICROS));
        Some(Self {
            year: u16::try_from(year)
                .ok()
                .filter(|year| (1970..=9999).contains(year))?,
            month: u8::try_from(month).ok()?,
            day: u8::try_from(day).ok()?,
        })
    }
}

impl FromStr for Date {
    type Err = BadDate;
    fn from_str(text: &str) -> Result<Self, BadDate> {
        let bad = || BadDate(text.chars().take(20).collect());
        let b = text.as_bytes();
        let shaped = b.len() == 10
            && b.iter().enumerate().all(|(i, c)| match i {
                4 | 7 => *c == b'-',
                _ => c.is_ascii_digit(),
            });
        if !shaped {
            return Err(bad());
        }
        let number = |range: &[u8]| {
            range
                .iter()
                .fold(0_u16, |n, d| n * 10 + u16::from(d - b'0'))
        };
        let year = number(&b[..4]);
        let month = u8::try_from(number(&b[5..7])).map_err(|_| bad())?;
        let day = u8::try_from(number(&b[8..])).map_err(|_| bad())?;
        let exists = year >= 1970
            && (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&day);
        if exists {
            Ok(Self { year, month, day })
        } else {
            Err(bad())
        }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl TryFrom<String> for Date {
    type Error = BadDate;
    fn try_from(text: String) -> Result<Self, BadDate> {
        text.parse()
    }
}

impl From<Date> for String {
    fn from(date: Date) -> Self {
        date.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_follow_one_another_for_four_centuries() {
        let mut expected = 0;
        for year in 1970..=2400_u16 {
            for month in 1..=12 {
                for day in 1..=days_in_month(year, month) {
                    let date = Date { year, month, day };
                    assert_eq!(date.start().as_micros(), expected * DAY_MICROS, "{date}");
                    let evening = Timestamp::from_micros((expected + 1) * DAY_MICROS - 1);
                    assert_eq!(Date::of(evening), Some(date));
                    expected += 1;
                }
            }
        }
        // `date -u -d 2026-01-01 +%s`
        let known: Date = "2026-01-01".parse().unwrap();
        assert_eq!(known.start().as_micros(), 1_767_225_600_000_000);
    }

    #[test]
    fn only_days_that_exist_are_read() {
        for (text, good) in [
            ("2024-02-29", true),
            ("2023-02-29", false),
            ("2100-02-29", false),
            ("2026-13-01", false),
            ("2026-00-10", false),
            ("1969-12-31", false),
            ("2026-1-01", false),
            ("2026-01-0é", false),
            ("", false),
        ] {
            assert_eq!(text.parse::<Date>().is_ok(), good, "{text}");
        }
    }
}
