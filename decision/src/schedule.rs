//! When a campaign runs, in the wall-clock time of the site.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{LocalDate, LocalTime, TimeOfDay, Weekday};

/// A stretch of the day, start included and end excluded. When the end is not after the start it
/// runs past midnight and belongs to the day it began on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Daypart {
    /// First minute.
    pub start: TimeOfDay,
    /// First minute that no longer belongs to it.
    pub end: TimeOfDay,
}

impl Daypart {
    const fn crosses_midnight(&self) -> bool {
        self.end.minutes() <= self.start.minutes()
    }
}

/// When a campaign runs. Whatever is left out does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Schedule {
    /// First day, included.
    pub from: Option<LocalDate>,
    /// Last day, included.
    pub to: Option<LocalDate>,
    /// Days of the week; empty means all.
    pub weekdays: BTreeSet<Weekday>,
    /// Stretches of the day; empty means the whole day.
    pub dayparts: Vec<Daypart>,
}

impl Schedule {
    /// Whether the campaign runs at that time.
    pub fn holds(&self, local: LocalTime) -> bool {
        let minute = local.time.minutes();
        if self.dayparts.is_empty() {
            return self.day_holds(local.date);
        }
        self.dayparts.iter().any(|part| {
            let (start, end) = (part.start.minutes(), part.end.minutes());
            if part.crosses_midnight() {
                (minute >= start && self.day_holds(local.date))
                    || (minute < end && self.day_holds(local.date.previous()))
            } else {
                (start..end).contains(&minute) && self.day_holds(local.date)
            }
        })
    }

    /// Which part of the minutes that the campaign has on this day are over, the present one included; above 0 while it runs.
    pub fn share_of_day(&self, local: LocalTime) -> f64 {
        let now = local.time.minutes();
        let (mut over, mut all) = (0_u32, 0_u32);
        for (start, end) in self.minutes_of(local.date) {
            all += u32::from(end - start);
            over += u32::from((now + 1).clamp(start, end) - start);
        }
        if all == 0 {
            return 1.0;
        }
        f64::from(over) / f64::from(all)
    }

    /// Stretches of a day, in minutes, that do not overlap.
    fn minutes_of(&self, date: LocalDate) -> Vec<(u16, u16)> {
        /// Minutes of a day; one on which the clock is changed is paced as if it were not.
        const DAY: u16 = 24 * 60;
        let mut parts = Vec::new();
        if self.dayparts.is_empty() && self.day_holds(date) {
            parts.push((0, DAY));
        }
        for part in &self.dayparts {
            let (start, end) = (part.start.minutes(), part.end.minutes());
            if self.day_holds(date) {
                parts.push((start, if part.crosses_midnight() { DAY } else { end }));
            }
            if part.crosses_midnight() && self.day_holds(date.previous()) {
                parts.push((0, end));
            }
        }
        parts.sort_unstable();
        let mut apart: Vec<(u16, u16)> = Vec::with_capacity(parts.len());
        for (start, end) in parts {
            match apart.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => apart.push((start, end)),
            }
        }
        apart
    }

    fn day_holds(&self, date: LocalDate) -> bool {
        self.from.is_none_or(|from| date >= from)
            && self.to.is_none_or(|to| date <= to)
            && (self.weekdays.is_empty() || self.weekdays.contains(&date.weekday()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: u8, hour: u8, minute: u8) -> LocalTime {
        LocalTime::new(2026, 11, day, hour, minute).unwrap()
    }

    fn part(start: &str, end: &str) -> Daypart {
        Daypart {
            start: start.parse().unwrap(),
            end: end.parse().unwrap(),
        }
    }

    #[test]
    fn nothing_said_means_always() {
        assert!(Schedule::default().holds(at(1, 0, 0)));
    }

    #[test]
    fn a_night_belongs_to_the_day_it_began_on() {
        // 20 November 2026 is a Friday.
        let friday_night = Schedule {
            weekdays: BTreeSet::from([Weekday::Friday]),
            dayparts: vec![part("22:00", "02:00")],
            ..Schedule::default()
        };
        for (local, holds) in [
            (at(20, 21, 59), false),
            (at(20, 22, 0), true),
            (at(21, 1, 59), true),
            (at(21, 2, 0), false),
            (at(20, 1, 0), false),
            (at(21, 23, 0), false),
        ] {
            assert_eq!(friday_night.holds(local), holds, "{local:?}");
        }
    }

    /// Brute force over the minutes of the day.
    #[test]
    fn the_share_of_a_day_is_that_of_its_minutes() {
        let schedules = [
            Schedule::default(),
            Schedule {
                dayparts: vec![
                    part("08:00", "12:00"),
                    part("11:00", "13:30"),
                    part("22:00", "02:00"),
                ],
                ..Schedule::default()
            },
            Schedule {
                weekdays: BTreeSet::from([Weekday::Friday]),
                dayparts: vec![part("22:00", "02:00")],
                ..Schedule::default()
            },
        ];
        for schedule in schedules {
            for day in [20, 21, 22] {
                let holds: Vec<bool> = (0..1440_u16)
                    .map(|m| schedule.holds(at(day, (m / 60) as u8, (m % 60) as u8)))
                    .collect();
                let all = holds.iter().filter(|h| **h).count();
                for minute in [0_u16, 119, 120, 479, 480, 700, 810, 1319, 1320, 1439] {
                    let over = holds[..=usize::from(minute)].iter().filter(|h| **h).count();
                    let expected = if all == 0 {
                        1.0
                    } else {
                        over as f64 / all as f64
                    };
                    let local = at(day, (minute / 60) as u8, (minute % 60) as u8);
                    let share = schedule.share_of_day(local);
                    assert!(
                        (share - expected).abs() < 1e-12,
                        "{schedule:?} {local:?}: {share} {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn dates_are_included_at_both_ends() {
        let schedule = Schedule {
            from: Some(at(10, 0, 0).date),
            to: Some(at(12, 0, 0).date),
            dayparts: vec![part("08:00", "12:00"), part("13:00", "24:00")],
            ..Schedule::default()
        };
        for (local, holds) in [
            (at(9, 10, 0), false),
            (at(10, 8, 0), true),
            (at(12, 23, 59), true),
            (at(12, 12, 30), false),
            (at(13, 8, 0), false),
        ] {
            assert_eq!(schedule.holds(local), holds, "{local:?}");
        }
    }
}
