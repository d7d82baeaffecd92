//! Something that is due again and again, on average exactly as often as asked.

use std::time::Duration;

use regard_domain::Timestamp;

/// A beat kept against frames that do not come at its rate. Deadlines lie one period apart; one
/// missed by more than a period is not made up for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rhythm {
    period: Duration,
    next: Option<Timestamp>,
}

/// A deadline counts as reached a twentieth of a period early: frames jitter by milliseconds, and
/// waiting for the next one would cost a third of the period at 30 frames/s.
const EARLY_PARTS: u32 = 20;

impl Rhythm {
    pub(crate) fn of_hz(hz: f32) -> Self {
        Self {
            period: Duration::from_micros((1e6 / f64::from(hz)).round() as u64),
            next: None,
        }
    }

    /// Whether it is due at `at`; the first time always, and when the clock was set back.
    pub(crate) fn is_due(&self, at: Timestamp) -> bool {
        self.next.is_none_or(|next| {
            at.plus(self.period / EARLY_PARTS) >= next || next > self.latest_deadline(at)
        })
    }

    /// It was done at `at`.
    pub(crate) fn done(&mut self, at: Timestamp) {
        self.next = Some(match self.next.map(|next| next.plus(self.period)) {
            Some(next) if next > at && next <= self.latest_deadline(at) => next,
            Some(_) | None => at.plus(self.period),
        });
    }

    /// No deadline made at `at` or before lies later: done early, the next is a period further.
    fn latest_deadline(&self, at: Timestamp) -> Timestamp {
        at.plus(self.period + self.period / EARLY_PARTS)
    }

    /// It was done at `at` for the first time; the deadlines are moved by `parts` thirds of a
    /// period towards it, so that faces which came together are not all due together.
    pub(crate) fn begin(&mut self, at: Timestamp, parts: u32) {
        self.next = Some(at.plus(self.period - self.period * (parts % 3) / 3));
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.next.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_holds_on_average_whatever_the_frame_rate() {
        for (fps, expected) in [(30_i64, 100), (25, 100), (60, 100), (12, 100), (7, 70)] {
            let mut rhythm = Rhythm::of_hz(10.0);
            let mut n_done = 0_i64;
            for frame in 0..10 * fps {
                let at = Timestamp::from_micros(frame * 1_000_000 / fps);
                if rhythm.is_due(at) {
                    rhythm.done(at);
                    n_done += 1;
                }
            }
            assert!((n_done - expected).abs() <= 1, "{fps} fps: {n_done}");
        }
    }

    #[test]
    fn a_long_pause_is_not_made_up_for() {
        let mut rhythm = Rhythm::of_hz(10.0);
        rhythm.done(Timestamp::from_millis(0));
        rhythm.done(Timestamp::from_millis(5_000));
        assert!(!rhythm.is_due(Timestamp::from_millis(5_050)));
        assert!(rhythm.is_due(Timestamp::from_millis(5_096)));
        assert!(
            rhythm.is_due(Timestamp::from_millis(1_000)),
            "clock set back"
        );
    }
}
