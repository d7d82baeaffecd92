//! Delivering recorded frames when they are due.

use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use regard_domain::Timestamp;

use super::error::SourceError;
use super::open::{WAKE_INTERVAL, Watch};

/// How fast recorded frames are delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// At their own rate; a frame whose successor is already due is skipped.
    #[default]
    RealTime,
    /// As fast as they are asked for, every one; their capture times advance at their own rate.
    AsFast,
}

/// How a source waits; tests pass one that only moves their clock.
#[derive(Clone)]
pub struct Sleep(Arc<dyn Fn(Duration) + Send + Sync>);

impl Sleep {
    /// Waits as the function does.
    pub fn new(sleep: impl Fn(Duration) + Send + Sync + 'static) -> Self {
        Self(Arc::new(sleep))
    }

    /// Waits.
    pub fn wait(&self, duration: Duration) {
        (self.0)(duration);
    }
}

impl Default for Sleep {
    /// Puts the thread to sleep.
    fn default() -> Self {
        Self::new(thread::sleep)
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sleep")
    }
}

/// Which recorded frame is due, by a clock that began with the first.
#[derive(Debug)]
pub(super) struct Pacer {
    pace: Pace,
    sleep: Sleep,
    /// When frame 0 was delivered.
    start: Option<Timestamp>,
    interval: Duration,
}

impl Pacer {
    /// Frames at this rate, in frames a second, above 0.
    pub(super) fn new(pace: Pace, sleep: Sleep, fps: f64) -> Self {
        Self {
            pace,
            sleep,
            start: None,
            interval: Duration::from_secs_f64(1.0 / fps),
        }
    }

    /// When a frame is due.
    fn due(&self, start: Timestamp, index: u64) -> Timestamp {
        let nanos = self.interval.as_nanos().saturating_mul(u128::from(index));
        start.plus(Duration::from_nanos_u128(nanos.min(u128::from(u64::MAX))))
    }

    /// Given the next frame in line, waits until a frame is due and says which and when it counts
    /// as captured: that one, or a later one when the clock has run ahead.
    pub(super) fn wait_for(
        &mut self,
        next_index: u64,
        now: &dyn Fn() -> Timestamp,
        watch: &Watch,
    ) -> Result<(u64, Timestamp), SourceError> {
        watch.check(now())?;
        let start = *self.start.get_or_insert_with(now);
        let due = self.due(start, next_index);
        if self.pace == Pace::AsFast {
            return Ok((next_index, due));
        }
        let mut present = now();
        while present < due {
            self.sleep
                .wait(due.saturating_since(present).min(WAKE_INTERVAL));
            present = now();
            watch.check(present)?;
        }
        let elapsed = present.saturating_since(start).as_nanos();
        let newest_due =
            u64::try_from(elapsed / self.interval.as_nanos().max(1)).unwrap_or(u64::MAX);
        let index = newest_due.max(next_index);
        Ok((index, self.due(start, index)))
    }
}

#[cfg(test)]
pub(super) mod fake {
    //! A clock that only moves when someone waits.

    use std::sync::atomic::{AtomicI64, Ordering};

    use super::{Arc, Sleep, Timestamp};

    #[derive(Clone, Default)]
    pub(in super::super) struct FakeClock(Arc<AtomicI64>);

    impl FakeClock {
        pub(in super::super) fn now(&self) -> Timestamp {
            Timestamp::from_micros(self.0.load(Ordering::SeqCst))
        }

        pub(in super::super) fn advance_millis(&self, millis: i64) {
            self.0.fetch_add(millis * 1000, Ordering::SeqCst);
        }

        pub(in super::super) fn sleep(&self) -> Sleep {
            let micros = Arc::clone(&self.0);
            Sleep::new(move |duration| {
                let step = i64::try_from(duration.as_micros()).unwrap().max(1);
                micros.fetch_add(step, Ordering::SeqCst);
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fake::FakeClock;
    use super::*;

    #[test]
    fn frames_come_when_due_and_late_ones_are_skipped() {
        let clock = FakeClock::default();
        let watch = Watch::of(|_| true);
        let mut pacer = Pacer::new(Pace::RealTime, clock.sleep(), 10.0);
        let now = || clock.now();
        let mut wait_for = |index| {
            let (index, at) = pacer.wait_for(index, &now, &watch).unwrap();
            (index, at.as_millis(), clock.now().as_millis())
        };
        assert_eq!(wait_for(0), (0, 0, 0));
        assert_eq!(wait_for(1), (1, 100, 100));
        clock.advance_millis(50);
        assert_eq!(wait_for(2), (2, 200, 200));
        // 350 ms of work: frames 3 and 4 are late, 5 is the newest that is due.
        clock.advance_millis(350);
        assert_eq!(wait_for(3), (5, 500, 550));
        assert_eq!(wait_for(6), (6, 600, 600));
    }

    #[test]
    fn as_fast_keeps_all_frames_and_their_times() {
        let clock = FakeClock::default();
        let watch = Watch::of(|_| true);
        let mut pacer = Pacer::new(Pace::AsFast, clock.sleep(), 15.0);
        for index in 0..100 {
            clock.advance_millis(1000);
            let first_at = 1_000_000;
            let (got, at) = pacer.wait_for(index, &|| clock.now(), &watch).unwrap();
            assert_eq!(got, index);
            let due = first_at + i64::try_from(index).unwrap() * 1_000_000 / 15;
            assert!((at.as_micros() - due).abs() <= 1);
        }
    }

    #[test]
    fn a_dead_grant_ends_the_wait() {
        let clock = FakeClock::default();
        let watch = Watch::of(|now| now.as_millis() < 1_000);
        let mut pacer = Pacer::new(Pace::RealTime, clock.sleep(), 0.01);
        pacer.wait_for(0, &|| clock.now(), &watch).unwrap();
        let outcome = pacer.wait_for(1, &|| clock.now(), &watch);
        assert!(matches!(outcome, Err(SourceError::Refused)));
        assert!(clock.now().as_millis() <= 1_100);
    }
}
