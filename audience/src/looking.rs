//! Whether someone looks, without flicker.

use regard_domain::{Attention, Timestamp};

use crate::LookSettings;

/// A change of mind about whether someone looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LookChange {
    Began,
    Ended,
}

/// The looks of one visitor so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Looking {
    settings: LookSettings,
    /// When the present look began, if there is one.
    began_at: Option<Timestamp>,
    /// Since when the attention speaks against the present state.
    against_since: Option<Timestamp>,
    finished_secs: f32,
    n_looks: u32,
}

impl Looking {
    pub(crate) fn new(settings: LookSettings) -> Self {
        Self {
            settings,
            began_at: None,
            against_since: None,
            finished_secs: 0.0,
            n_looks: 0,
        }
    }

    /// Takes the smoothed attention; `None` (not seen, not measured) speaks against looking.
    pub(crate) fn update(
        &mut self,
        attention: Option<Attention>,
        at: Timestamp,
    ) -> Option<LookChange> {
        let level = attention.map_or(0.0, Attention::get);
        let speaks_against = match self.began_at {
            Some(_) => level < self.settings.end_attention || attention.is_none(),
            None => level >= self.settings.begin_attention && attention.is_some(),
        };
        if !speaks_against {
            self.against_since = None;
            return None;
        }
        let since = *self.against_since.get_or_insert(at);
        let needed_secs = match self.began_at {
            Some(_) => self.settings.end_after_secs,
            None => self.settings.begin_after_secs,
        };
        // Half a millisecond of grace: frame times are rounded, thresholds are multiples of them.
        if at.secs_since(since) + 5e-4 < needed_secs {
            return None;
        }
        self.against_since = None;
        match self.began_at.take() {
            Some(began_at) => {
                // The look ended when the attention fell, not when we came to believe it.
                self.finished_secs += since.secs_since(began_at);
                Some(LookChange::Ended)
            }
            None => {
                self.began_at = Some(since);
                self.n_looks = self.n_looks.saturating_add(1);
                Some(LookChange::Began)
            }
        }
    }

    pub(crate) fn is_looking(&self) -> bool {
        self.began_at.is_some()
    }

    /// Seconds of looking until `at`, a pause that may yet turn out to be the end not counted.
    pub(crate) fn looked_secs(&self, at: Timestamp) -> f32 {
        let present = self.began_at.map_or(0.0, |began_at| {
            self.against_since.unwrap_or(at).secs_since(began_at)
        });
        self.finished_secs + present
    }

    pub(crate) fn n_looks(&self) -> u32 {
        self.n_looks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(levels: &[(i64, f32)]) -> (Looking, Vec<(i64, LookChange)>) {
        let mut looking = Looking::new(LookSettings::default());
        let changes = levels
            .iter()
            .filter_map(|(millis, level)| {
                let attention = Attention::new(*level);
                let change = looking.update(attention, Timestamp::from_millis(*millis));
                change.map(|change| (*millis, change))
            })
            .collect();
        (looking, changes)
    }

    #[test]
    fn looks_begin_and_end_with_hysteresis() {
        let check = |levels: &[(i64, f32)], expected: &[(i64, LookChange)], secs: f32, n: u32| {
            let (looking, changes) = run(levels);
            assert_eq!(changes, expected);
            let last = Timestamp::from_millis(levels.last().unwrap().0);
            assert!((looking.looked_secs(last) - secs).abs() < 1e-4);
            assert_eq!(looking.n_looks(), n);
        };
        // A glance too short, a level between the thresholds, a look, a blink, the end.
        check(&[(0, 0.9), (50, 0.1), (100, 0.9)], &[], 0.0, 0);
        check(&[(0, 0.5), (500, 0.5)], &[], 0.0, 0);
        check(
            &[(0, 0.9), (100, 0.9), (200, 0.5)],
            &[(100, LookChange::Began)],
            0.2,
            1,
        );
        check(
            &[(0, 0.9), (100, 0.9), (200, 0.1), (400, 0.9), (500, 0.9)],
            &[(100, LookChange::Began)],
            0.5,
            1,
        );
        // NaN is no attention: a face that is not measured does not look.
        check(
            &[(0, 0.9), (100, 0.9), (200, f32::NAN), (500, f32::NAN)],
            &[(100, LookChange::Began), (500, LookChange::Ended)],
            0.2,
            1,
        );
    }
}
