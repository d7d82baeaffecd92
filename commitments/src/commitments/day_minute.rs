//! A time of day.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A minute of the day, written `08:30`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DayMinute(pub(super) u16);

/// A text that is not a time of day.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is not a time of day from \"00:00\" to \"23:59\"")]
pub struct BadDayMinute(String);

impl TryFrom<String> for DayMinute {
    type Error = BadDayMinute;
    fn try_from(text: String) -> Result<Self, BadDayMinute> {
        let number = |text: &str| {
            let digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
            text.parse::<u16>().ok().filter(|_| digits)
        };
        text.split_once(':')
            .and_then(|(hour, minute)| Some((number(hour)?, number(minute)?)))
            .filter(|(hour, minute)| *hour < 24 && *minute < 60)
            .map(|(hour, minute)| Self(hour * 60 + minute))
            .ok_or_else(|| BadDayMinute(text.chars().take(20).collect()))
    }
}

impl From<DayMinute> for String {
    fn from(minute: DayMinute) -> Self {
        format!("{:02}:{:02}", minute.0 / 60, minute.0 % 60)
    }
}
