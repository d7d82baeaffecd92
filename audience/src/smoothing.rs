//! Readings over time: an exponential filter that knows the time between readings.

use regard_domain::{Attention, ExpressionDistribution, Timestamp};

/// Until this age the last reading is as good as new: five missed at 10 Hz.
const FRESH_SECS: f32 = 0.5;

/// At this age a reading says nothing any more: the gap within which a track may be resumed.
const FORGOTTEN_SECS: f32 = 2.0;

/// Weight of a new reading after `secs` with the time constant `tau_secs`: `1 − exp(−secs / tau)`.
///
/// The exponential is the first four terms of its series, within 0.001 for steps up to 0.4 of the
/// constant and never outside `[0, 1]`: only additions, products and quotients, so that a replay
/// agrees bit for bit between machines whose `exp` does not.
fn weight(secs: f32, tau_secs: f32) -> f32 {
    if tau_secs <= 0.0 {
        return 1.0;
    }
    let x = (secs / tau_secs).min(100.0);
    1.0 - 1.0 / (1.0 + x * (1.0 + x / 2.0 * (1.0 + x / 3.0)))
}

/// The last filtered value of one kind of reading and when it was read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Smoothed<T> {
    last: Option<(T, Timestamp)>,
    tau_secs: f32,
}

impl<T: Copy> Smoothed<T> {
    pub(crate) fn new(tau_secs: f32) -> Self {
        Self {
            last: None,
            tau_secs,
        }
    }

    /// Takes a reading; the first one, and one after a gap in which all was forgotten, as it is.
    fn take(&mut self, value: T, at: Timestamp, mix: impl Fn(T, T, f32) -> T) {
        let mixed = match self.last {
            Some((old, read_at)) if at.secs_since(read_at) < FORGOTTEN_SECS => {
                mix(old, value, weight(at.secs_since(read_at), self.tau_secs))
            }
            Some(_) | None => value,
        };
        self.last = Some((mixed, at));
    }
}

impl Smoothed<ExpressionDistribution> {
    pub(crate) fn read(&mut self, value: ExpressionDistribution, at: Timestamp) {
        self.take(value, at, |old, new, weight| old.mixed(&new, weight));
    }

    /// The expression at `at`. A stale one fades towards knowing nothing, and is then forgotten.
    pub(crate) fn at(&self, at: Timestamp) -> Option<ExpressionDistribution> {
        let (value, read_at) = self.last?;
        let age_secs = at.secs_since(read_at);
        if age_secs >= FORGOTTEN_SECS {
            return None;
        }
        let staleness = ((age_secs - FRESH_SECS) / (FORGOTTEN_SECS - FRESH_SECS)).max(0.0);
        Some(value.mixed(&ExpressionDistribution::uniform(), staleness))
    }
}

impl Smoothed<Attention> {
    pub(crate) fn read(&mut self, value: Attention, at: Timestamp) {
        self.take(value, at, |old, new, weight| {
            Attention::clamped(old.get() + (new.get() - old.get()) * weight)
        });
    }

    /// The attention at `at`; nothing when it is no longer fresh.
    pub(crate) fn at(&self, at: Timestamp) -> Option<Attention> {
        let (value, read_at) = self.last?;
        (at.secs_since(read_at) <= FRESH_SECS).then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use regard_domain::Expression;

    use super::*;

    fn only(expression: Expression) -> ExpressionDistribution {
        let mut weights = [0.0; 7];
        weights[expression as usize] = 1.0;
        ExpressionDistribution::from_weights(weights).unwrap()
    }

    #[test]
    fn the_weight_is_that_of_an_exponential() {
        for (secs, tolerance) in [(0.0_f32, 1e-6), (0.033, 1e-4), (0.1, 1e-3), (0.3, 0.02)] {
            let exact = 1.0 - (-secs / 0.25_f32).exp();
            assert!((weight(secs, 0.25) - exact).abs() < tolerance, "{secs}");
        }
        assert_eq!(weight(0.1, 0.0), 1.0);
        assert!(weight(f32::MAX, 0.25) <= 1.0);
    }

    #[test]
    fn a_smile_shows_at_any_rate_of_reading_after_a_quarter_second() {
        for millis in [10, 25, 50, 125] {
            let mut smoothed = Smoothed::<ExpressionDistribution>::new(0.25);
            smoothed.read(only(Expression::Neutral), Timestamp::from_millis(0));
            for at in (1..=250 / millis).map(|n| Timestamp::from_millis(n * millis)) {
                smoothed.read(only(Expression::Happy), at);
            }
            let happy = smoothed.at(Timestamp::from_millis(250)).unwrap();
            let happy = happy.probability(Expression::Happy);
            assert!((happy - 0.632).abs() < 0.01, "{millis} ms: {happy}");
        }
    }

    #[test]
    fn what_is_not_read_again_fades_and_is_forgotten() {
        let mut smoothed = Smoothed::<ExpressionDistribution>::new(0.25);
        smoothed.read(only(Expression::Happy), Timestamp::from_millis(0));
        let at = |millis| {
            let d = smoothed.at(Timestamp::from_millis(millis))?;
            Some(d.probability(Expression::Happy))
        };
        assert_eq!(at(500), Some(1.0));
        assert!((at(1_250).unwrap() - (0.5 + 0.5 / 7.0)).abs() < 1e-5);
        assert_eq!(at(2_000), None);
        let mut attention = Smoothed::<Attention>::new(0.25);
        attention.read(Attention::clamped(0.8), Timestamp::from_millis(0));
        assert!(attention.at(Timestamp::from_millis(500)).is_some());
        assert!(attention.at(Timestamp::from_millis(501)).is_none());
    }
}
