//! The real clock, and the local calendar.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use regard_domain::{Clock, Timestamp};

/// Wall-clock time at start, carried on by the monotonic clock: it never runs backwards, so that
/// ages, dwell and heartbeats stay true when somebody sets the time of the machine.
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

/// The wall clock as it stands: it follows when somebody sets the time of the machine, backwards too, and goes on while the
/// machine sleeps. For what others have dated, as they date certificates.
#[derive(Clone, Copy, Debug, Default)]
pub struct WallClock {}

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        wall_clock()
    }
}

fn wall_clock() -> Timestamp {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
}
