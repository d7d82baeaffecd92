//! The calendar of the site: instants as local dates and times.

use std::ops::Range;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp as Instant};
use regard_commitments::Date;
use regard_decision::LocalTime;
use regard_domain::Timestamp;
use thiserror::Error;

/// A time zone nobody knows.
#[derive(Debug, Error)]
#[error("there is no time zone {name:?}; expected a name such as Europe/Paris, or UTC")]
pub struct UnknownTimeZone {
    name: String,
    #[source]
    source: jiff::Error,
}

/// Local time of a site.
#[derive(Clone, Debug)]
pub struct Calendar {
    zone: TimeZone,
}

impl Calendar {
    /// The calendar of a named zone (`Europe/Paris`), or of the machine.
    ///
    /// # Errors
    /// [`UnknownTimeZone`].
    pub fn new(name: Option<&str>) -> Result<Self, UnknownTimeZone> {
        let zone = match name {
            None => TimeZone::system(),
            Some(name) => TimeZone::get(name).map_err(|source| UnknownTimeZone {
                name: name.to_owned(),
                source,
            })?,
        };
        Ok(Self { zone })
    }

    /// The name by which [`Self::new`] finds the same zone again, on any machine; nothing when the
    /// machine's own zone has none.
    pub fn zone_name(&self) -> Option<&str> {
        let name = self.zone.iana_name()?;
        TimeZone::get(name).is_ok().then_some(name)
    }

    fn zoned(&self, at: Timestamp) -> jiff::Zoned {
        let since_epoch = SignedDuration::from_micros(at.as_micros());
        Instant::from_duration(since_epoch)
            .unwrap_or(Instant::UNIX_EPOCH)
            .to_zoned(self.zone.clone())
    }

    /// The local date and time of an instant.
    pub fn local(&self, at: Timestamp) -> LocalTime {
        let zoned = self.zoned(at);
        let number = |value: i8| u8::try_from(value).unwrap_or(0);
        LocalTime::new(
            u16::try_from(zoned.year()).unwrap_or(1970),
            number(zoned.month()),
            number(zoned.day()),
            number(zoned.hour()),
            number(zoned.minute()),
        )
        .unwrap_or_else(|| {
            LocalTime::new(1970, 1, 1, 0, 0).expect("the first day of the epoch is a date")
        })
    }

    /// How far local time is ahead of UTC, in seconds; negative: behind.
    pub(crate) fn utc_offset_secs(&self, at: Timestamp) -> i32 {
        self.zoned(at).offset().seconds()
    }

    /// When the local day of an instant began.
    pub fn day_began_at(&self, at: Timestamp) -> Timestamp {
        let start = self.zoned(at).start_of_day();
        start.map_or(at, |zoned| {
            Timestamp::from_micros(zoned.timestamp().as_microsecond())
        })
    }
}

impl Calendar {
    /// The local day of an instant; nothing before 1970 and after 9999.
    pub fn day_of(&self, at: Timestamp) -> Option<Date> {
        self.zoned(at).date().to_string().parse().ok()
    }

    /// The local day before that of an instant.
    pub fn day_before(&self, at: Timestamp) -> Option<Date> {
        let before = self.zoned(at).date().yesterday().ok()?;
        before.to_string().parse().ok()
    }

    /// When a local day begins, and when the next one does; 23 to 25 hours later, as the clock is put.
    pub fn span_of(&self, day: Date) -> Option<Range<Timestamp>> {
        let day: jiff::civil::Date = day.to_string().parse().ok()?;
        let began = |day: jiff::civil::Date| {
            let zoned = day.to_zoned(self.zone.clone()).ok()?;
            Some(Timestamp::from_micros(zoned.timestamp().as_microsecond()))
        };
        Some(began(day)?..began(day.tomorrow().ok()?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_where_the_site_is() {
        let paris = Calendar::new(Some("Europe/Paris")).unwrap();
        let at = Timestamp::from_millis(1_795_294_800_000); // 2026-11-21T21:00:00Z
        assert_eq!(paris.local(at).hour(), 22);
        assert_eq!(
            paris.day_began_at(at).as_millis(),
            1_795_294_800_000 - 22 * 3_600_000
        );
        assert_eq!(paris.day_of(at).unwrap().to_string(), "2026-11-21");
        assert_eq!(paris.day_before(at).unwrap().to_string(), "2026-11-20");
        assert!(Calendar::new(Some("Mars/Olympus")).is_err());
        assert_eq!(paris.zone_name(), Some("Europe/Paris"));
        assert_eq!(Calendar::new(Some("UTC")).unwrap().zone_name(), Some("UTC"));
    }

    #[test]
    fn days_are_as_long_as_the_clock_makes_them() {
        let paris = Calendar::new(Some("Europe/Paris")).unwrap();
        for (day, hours) in [("2026-06-01", 24), ("2026-03-29", 23), ("2026-10-25", 25)] {
            let span = paris.span_of(day.parse().unwrap()).unwrap();
            let micros = span.end.as_micros() - span.start.as_micros();
            assert_eq!(micros, hours * 3_600_000_000, "{day}");
            assert_eq!(paris.day_of(span.start).unwrap().to_string(), day);
            assert_eq!(paris.day_before(span.end).unwrap().to_string(), day);
            assert_eq!(paris.day_began_at(span.start), span.start);
        }
    }
}
