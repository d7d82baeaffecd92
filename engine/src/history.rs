//! The last minutes of each camera's audience, second by second, in memory only.

use std::collections::VecDeque;

use regard_domain::{Moment, Timestamp};

use crate::view::HistoryPoint;

/// Seconds kept. When full the oldest goes.
const HISTORY_LEN: usize = 15 * 60;

/// Second-by-second means of one camera's moments.
#[derive(Debug, Default)]
pub(crate) struct History {
    done: VecDeque<HistoryPoint>,
    open: Option<OpenSecond>,
}

#[derive(Debug)]
struct OpenSecond {
    at: Timestamp,
    n_moments: f32,
    n_visitors: f32,
    attention: (f32, f32),
    expression: ([f32; 7], f32),
}

impl OpenSecond {
    fn new(at: Timestamp) -> Self {
        Self {
            at,
            n_moments: 0.0,
            n_visitors: 0.0,
            attention: (0.0, 0.0),
            expression: ([0.0; 7], 0.0),
        }
    }

    fn add(&mut self, moment: &Moment) {
        let audience = moment.audience();
        self.n_moments += 1.0;
        self.n_visitors += audience.n_visitors as f32;
        if moment.visitors.iter().any(|v| v.attention.is_some()) {
            self.attention.0 += audience.attention;
            self.attention.1 += 1.0;
        }
        if let Some(distribution) = audience.expression {
            for (sum, p) in self.expression.0.iter_mut().zip(distribution.as_array()) {
                *sum += p;
            }
            self.expression.1 += 1.0;
        }
    }

    fn close(&self) -> HistoryPoint {
        let mean = |(sum, n): (f32, f32)| (n > 0.0).then(|| sum / n);
        let (sums, n) = self.expression;
        HistoryPoint {
            at: self.at,
            n_visitors: self.n_visitors / self.n_moments.max(1.0),
            attention: mean(self.attention),
            expression: (n > 0.0).then(|| sums.map(|s| s / n)),
        }
    }
}

impl History {
    /// Adds a moment; moments come in order of time.
    pub(crate) fn add(&mut self, moment: &Moment) {
        let second = Timestamp::from_millis(moment.at.as_millis().div_euclid(1_000) * 1_000);
        if self.open.as_ref().is_some_and(|o| o.at != second)
            && let Some(open) = self.open.take()
        {
            if self.done.len() == HISTORY_LEN {
                self.done.pop_front();
            }
            self.done.push_back(open.close());
        }
        self.open
            .get_or_insert_with(|| OpenSecond::new(second))
            .add(moment);
    }

    /// The seconds that began at or after `since`, oldest first; without the one still open.
    pub(crate) fn since(&self, since: Timestamp) -> Vec<HistoryPoint> {
        self.done
            .iter()
            .filter(|p| p.at >= since)
            .copied()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use regard_domain::{CameraId, MomentCause};

    use super::*;

    fn moment(millis: i64) -> Moment {
        Moment {
            camera: CameraId::new("c").unwrap(),
            at: Timestamp::from_millis(millis),
            sequence: 0,
            cause: MomentCause::Beat,
            visitors: Vec::new(),
        }
    }

    #[test]
    fn a_second_closes_when_the_next_begins_and_the_oldest_goes() {
        let mut history = History::default();
        for i in 0..20_000_i64 {
            history.add(&moment(i * 100));
        }
        let all = history.since(Timestamp::from_millis(0));
        assert_eq!(all.len(), HISTORY_LEN);
        assert_eq!(all.last().unwrap().at.as_millis(), 1_998_000);
        assert_eq!(history.since(Timestamp::from_millis(1_998_000)).len(), 1);
    }
}
