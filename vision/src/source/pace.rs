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
