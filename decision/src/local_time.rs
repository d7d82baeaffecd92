//! Wall-clock time at the site, worked out by the caller: this room knows no time zones.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Minutes in a day.
const MINUTES_PER_DAY: u16 = 24 * 60;

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weekday {
    /// Monday, the first day of the week (ISO 8601).
    #[serde(alias = "mon")]
    Monday,
    /// Tuesday.
    #[serde(alias = "tue")]
    Tuesday,
    /// Wednesday.
    #[serde(alias = "wed")]
    Wednesday,
    /// Thursday.
    #[serde(alias = "thu")]
    Thursday,
    /// Friday.
    #[serde(alias = "fri")]
    Friday,
    /// Saturday.
    #[serde(alias = "sat")]
    Saturday,
    /// Sunday.
    #[serde(alias = "sun")]
    Sunday,
}

impl Weekday {
    const ALL: [Self; 7] = [
        Self::Monday,
        Self::Tuesday,
        Self::Wednesday,
        Self::Thursday,
        Self::Friday,
        Self::Saturday,
        Self::Sunday,
    ];

    /// Whether it is Saturday or Sunday.
    pub const fn is_weekend(self) -> bool {
        matches!(self, Self::Saturday | Self::Sunday)
    }
}

/// Not a date, time of day or local time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLocalTime {
    /// Not a day of the calendar written `YYYY-MM-DD`, years 1900 to 9999.
    #[error("{0:?} is not a date written YYYY-MM-DD")]
    Date(String),
    /// Not a time of day written `HH:MM`, from 00:00 to 24:00.
    #[error("{0:?} is not a time of day written HH:MM, from 00:00 to 24:00")]
    Time(String),
}

/// A day of the Gregorian calendar, years 1900 to 9999; written `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LocalDate {
    year: u16,
    month: u8,
    day: u8,
}

impl LocalDate {
    /// The day, if the calendar has it.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let leap =
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let n_days = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => return None,
        };
        let valid = (1900..=9999).contains(&year) && (1..=n_days).contains(&day);
        valid.then_some(Self { year, month, day })
    }

    /// The year.
    pub const fn year(self) -> u16 {
        self.year
    }

    /// The month, 1 to 12.
    pub const fn month(self) -> u8 {
        self.month
    }

    /// The day of the month, from 1.
    pub const fn day(self) -> u8 {
        self.day
    }

    /// The day of the week.
    ///
    /// # Source
    /// Sakamoto's method (comp.lang.c, 1993).
    pub fn weekday(self) -> Weekday {
        const OFFSETS: [u32; 12] = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4];
        let year = u32::from(self.year) - u32::from(self.month < 3);
        let offset = OFFSETS[usize::from(self.month) - 1];
        let from_sunday =
            (year + year / 4 - year / 100 + year / 400 + offset + u32::from(self.day)) % 7;
        Weekday::ALL[((from_sunday + 6) % 7) as usize]
    }

    /// The day before; the first day that can be written stays itself.
    #[must_use]
    pub fn previous(self) -> Self {
        let in_month = Self::new(self.year, self.month, self.day.saturating_sub(1));
        let month_before = if self.month == 1 {
            Self::new(self.year - 1, 12, 31)
        } else {
            (28..=31)
                .rev()
                .find_map(|day| Self::new(self.year, self.month - 1, day))
        };
        in_month.or(month_before).unwrap_or(self)
    }
}

impl fmt::Display for LocalDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// Two numbers of exactly these many digits around a separator.
fn digits(text: &str, n: usize) -> Option<u16> {
    let good = text.len() == n && text.bytes().all(|b| b.is_ascii_digit());
    good.then(|| text.parse().ok()).flatten()
}

impl FromStr for LocalDate {
    type Err = BadLocalTime;
    fn from_str(text: &str) -> Result<Self, BadLocalTime> {
        let mut parts = text.split('-');
        let mut next = |n| parts.next().and_then(|part| digits(part, n));
        let date = match (next(4), next(2), next(2)) {
            (Some(year), Some(month), Some(day)) => Self::new(year, month as u8, day as u8),
            _ => None,
        };
        date.filter(|_| parts.next().is_none())
            .ok_or_else(|| BadLocalTime::Date(text.chars().take(40).collect()))
    }
}

/// A time of day to the minute, 00:00 to 24:00; written `HH:MM`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay(u16);

impl TimeOfDay {
    /// The start of the day.
    pub const MIDNIGHT: Self = Self(0);
    /// The end of the day, 24:00.
    pub const END_OF_DAY: Self = Self(MINUTES_PER_DAY);

    /// From an hour 0 to 23 (or 24:00) and a minute 0 to 59.
    pub fn new(hour: u8, minute: u8) -> Option<Self> {
        let minutes = u16::from(hour) * 60 + u16::from(minute);
        (minute < 60 && minutes <= MINUTES_PER_DAY).then_some(Self(minutes))
    }

    /// Minutes since midnight, 0 to 1440.
    pub const fn minutes(self) -> u16 {
        self.0
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl FromStr for TimeOfDay {
    type Err = BadLocalTime;
    fn from_str(text: &str) -> Result<Self, BadLocalTime> {
        let time = text
            .split_once(':')
            .and_then(|(hour, minute)| Self::new(digits(hour, 2)? as u8, digits(minute, 2)? as u8));
        time.ok_or_else(|| BadLocalTime::Time(text.chars().take(40).collect()))
    }
}

macro_rules! as_text {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = BadLocalTime;
            fn try_from(text: String) -> Result<Self, BadLocalTime> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.to_string()
            }
        }
    };
}
as_text!(LocalDate);
as_text!(TimeOfDay);

/// What the clock on the wall of the site shows, to the minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LocalTime {
    /// The day.
    pub date: LocalDate,
    /// The time of day.
    pub time: TimeOfDay,
}

impl LocalTime {
    /// From calendar and clock: `LocalTime::new(2026, 3, 14, 9, 26)`. Nothing for 24:00 and
    /// for what no calendar or clock shows.
    pub fn new(year: u16, month: u8, day: u8, hour: u8, minute: u8) -> Option<Self> {
        let date = LocalDate::new(year, month, day)?;
        let time = TimeOfDay::new(hour, minute).filter(|t| *t < TimeOfDay::END_OF_DAY)?;
        Some(Self { date, time })
    }

    /// The day of the week.
    pub fn weekday(self) -> Weekday {
        self.date.weekday()
    }

    /// The hour, 0 to 23 (24 only for a time of day that was built as 24:00).
    pub const fn hour(self) -> u8 {
        (self.time.0 / 60) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weekdays_agree_with_the_calendar() {
        for (date, day) in [
            ("1900-01-01", Weekday::Monday),
            ("2000-02-29", Weekday::Tuesday),
            ("2026-11-21", Weekday::Saturday),
            ("2026-03-01", Weekday::Sunday),
        ] {
            assert_eq!(date.parse::<LocalDate>().unwrap().weekday(), day, "{date}");
        }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut date: LocalDate = "2028-03-02".parse().unwrap();
        let mut index = Weekday::ALL
            .iter()
            .position(|d| *d == date.weekday())
            .unwrap();
        for _ in 0..1500 {
            let before = date.previous();
            assert!(before < date);
            index = (index + 6) % 7;
            assert_eq!(before.weekday(), Weekday::ALL[index], "{before}");
            date = before;
        }
        assert_eq!(date.to_string(), "2024-01-23");
    }

    #[test]
    fn text_is_checked() {
        for bad in [
            "",
            "2026-2-01",
            "2026-02-30",
            "1899-01-01",
            "2026-02-01-",
            "+026-02-01",
        ] {
            assert!(bad.parse::<LocalDate>().is_err(), "{bad}");
        }
        for bad in ["", "8:00", "24:01", "12:60", "12:00:00", "-1:00"] {
            assert!(bad.parse::<TimeOfDay>().is_err(), "{bad}");
        }
        assert_eq!("24:00".parse::<TimeOfDay>().unwrap().minutes(), 1440);
        assert!(LocalTime::new(2026, 1, 1, 24, 0).is_none());
    }
}
