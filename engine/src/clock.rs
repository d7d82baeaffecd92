//! The real clock, and the local calendar.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use regard_domain::{Clock, Timestamp};

/// Wall-clock time at start, carried on by the monotonic clock: it never runs backwards, so that
/// ages, dwell and heartbeats stay true when somebody sets the time of the machine. The engine
/// notices a step of the wall clock and says so in its health.
#[derive(Debug)]
pub struct SystemClock {
    started_at: Timestamp,
    started: Instant,
}

impl SystemClock {
    /// A clock that begins now.
    pub fn new() -> Self {
        Self {
            started_at: wall_clock(),
            started: Instant::now(),
        }
    }

    /// How far the wall clock has drifted or been set since start, in seconds; positive: ahead.
    pub fn wall_offset_secs(&self) -> f64 {
        (wall_clock().as_micros() - self.now().as_micros()) as f64 / 1e6
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        self.started_at.plus(self.started.elapsed())
    }
}

fn wall_clock() -> Timestamp {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
}
