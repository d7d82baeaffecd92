//! What the engine counts. Names and labels are those of the metrics page; none carries personal data.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Upper bounds of the latency buckets, in seconds. Origin: dense around the promises, 100 and 150 ms.
pub const LATENCY_BOUNDS_SECS: [f64; 14] = [
    0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.125, 0.15, 0.2, 0.3, 0.5, 1.0,
];

/// How many recent latencies the quantiles are computed from.
const RECENT_LATENCIES: usize = 1_024;

/// Why a frame was not analysed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DropReason {
    /// A newer one came before anyone was free.
    QueueFull,
    /// A newer one had been analysed before it.
    Late,
    /// It could not be decoded.
    Damaged,
    /// The grant ended while it waited.
    Refused,
    /// An analyser failed on it.
    Failed,
}

impl DropReason {
    /// Every reason.
    pub const ALL: [Self; 5] = [
        Self::QueueFull,
        Self::Late,
        Self::Damaged,
        Self::Refused,
        Self::Failed,
    ];

    /// Stable name, as in the label `reason`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::Late => "late",
            Self::Damaged => "damaged",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// Quantiles of the recent latencies from capture to glass.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LatencyQuantiles {
    /// Median, in milliseconds.
    pub p50_millis: f64,
    /// 95 % quantile, in milliseconds.
    pub p95_millis: f64,
    /// 99 % quantile, in milliseconds.
    pub p99_millis: f64,
    /// How many latencies, at most the last 1,024.
    pub n: usize,
}

/// Counts of a fixed set of buckets, as Prometheus histograms want them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LatencyHistogram {
    /// Observations at or below each bound of [`LATENCY_BOUNDS_SECS`], cumulative.
    pub cumulative: [u64; LATENCY_BOUNDS_SECS.len()],
    /// All observations.
    pub count: u64,
    /// Their sum in seconds.
    pub sum_secs: f64,
}

/// Everything counted, at one instant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricsSnapshot {
    /// Frames captured.
    pub frames: u64,
    /// Frames not analysed, by reason; all reasons are present.
    pub dropped: BTreeMap<DropReason, u64>,
    /// Decisions, by policy and creative.
    pub decisions: BTreeMap<(String, String), u64>,
    /// Refusals, by code.
    pub refusals: BTreeMap<String, u64>,
    /// Objections that shut a camera, by screen.
    pub objections: BTreeMap<String, u64>,
    /// Cameras open now.
    pub cameras_open: u64,
    /// From capture to the change acknowledged by the player.
    pub frame_to_screen: LatencyHistogram,
}

/// The counters of one engine.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    snapshot: MetricsSnapshot,
    recent_secs: Vec<f64>,
    next_recent: usize,
}

impl Metrics {
    fn with<R>(&self, change: impl FnOnce(&mut Inner) -> R) -> R {
        change(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A frame was captured.
    pub(crate) fn frame(&self) {
        self.with(|m| m.snapshot.frames += 1);
    }

    /// A frame was dropped.
    pub(crate) fn dropped(&self, reason: DropReason) {
        self.with(|m| *m.snapshot.dropped.entry(reason).or_default() += 1);
    }

    /// A decision was taken.
    pub(crate) fn decision(&self, policy: &str, creative: &str) {
        self.with(|m| {
            *m.snapshot
                .decisions
                .entry((policy.to_owned(), creative.to_owned()))
                .or_default() += 1;
        });
    }

    /// The refusals so far.
    pub(crate) fn set_refusals(&self, refusals: BTreeMap<String, u64>) {
        self.with(|m| m.snapshot.refusals = refusals);
    }

    /// Somebody in front of a screen asked not to be looked at.
    pub(crate) fn objected(&self, screen: &str) {
        self.with(|m| *m.snapshot.objections.entry(screen.to_owned()).or_default() += 1);
    }

    /// How many cameras are open.
    pub(crate) fn set_cameras_open(&self, n: u64) {
        self.with(|m| m.snapshot.cameras_open = n);
    }

    /// A change reached the glass so long after its frame was captured.
    pub(crate) fn frame_to_screen(&self, latency: Duration) {
        let secs = latency.as_secs_f64();
        self.with(|m| {
            let histogram = &mut m.snapshot.frame_to_screen;
            for (count, bound) in histogram.cumulative.iter_mut().zip(LATENCY_BOUNDS_SECS) {
                *count += u64::from(secs <= bound);
            }
            histogram.count += 1;
            histogram.sum_secs += secs;
            if m.recent_secs.len() < RECENT_LATENCIES {
                m.recent_secs.push(secs);
            } else {
                m.recent_secs[m.next_recent] = secs;
            }
            m.next_recent = (m.next_recent + 1) % RECENT_LATENCIES;
        });
    }

    /// Everything counted so far.
    pub(crate) fn snapshot(&self) -> MetricsSnapshot {
        let mut snapshot = self.with(|m| m.snapshot.clone());
        for reason in DropReason::ALL {
            snapshot.dropped.entry(reason).or_default();
        }
        snapshot
    }

    /// Quantiles of the recent latencies.
    pub(crate) fn latency(&self) -> LatencyQuantiles {
        let mut secs = self.with(|m| m.recent_secs.clone());
        secs.sort_by(f64::total_cmp);
        let quantile = |q: f64| {
            let rank = ((secs.len() as f64 * q).ceil() as usize).clamp(1, secs.len().max(1));
            secs.get(rank - 1).copied().unwrap_or(0.0) * 1e3
        };
        LatencyQuantiles {
            p50_millis: quantile(0.5),
            p95_millis: quantile(0.95),
            p99_millis: quantile(0.99),
            n: secs.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_order_statistics() {
        let metrics = Metrics::default();
        for millis in (1..=100).rev() {
            metrics.frame_to_screen(Duration::from_millis(millis));
        }
        let latency = metrics.latency();
        assert_eq!(
            (latency.p50_millis, latency.p95_millis, latency.n),
            (50.0, 95.0, 100)
        );
        let histogram = metrics.snapshot().frame_to_screen;
        assert_eq!(histogram.cumulative[0], 10);
        assert_eq!(*histogram.cumulative.last().unwrap(), 100);
        assert!((histogram.sum_secs - 5.05).abs() < 1e-9);
    }

    #[test]
    fn every_reason_is_in_the_snapshot() {
        assert_eq!(
            Metrics::default().snapshot().dropped.len(),
            DropReason::ALL.len()
        );
    }
}
