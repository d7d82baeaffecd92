//! The engine's counters as OpenMetrics text.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use regard_engine::{LATENCY_BOUNDS_SECS, LatencyHistogram, MetricsSnapshot};

/// Type of the text.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// One reading of all counters.
#[derive(Debug)]
struct Reading {
    counters: MetricsSnapshot,
    resident_bytes: u64,
}

/// The counters as text.
///
/// # Errors
/// Only if a formatter of the standard library failed.
pub(crate) fn text(counters: MetricsSnapshot, resident_bytes: u64) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Reading {
        counters,
        resident_bytes,
    }));
    let mut out = String::new();
    encode(&mut out, &registry)?;
    Ok(out)
}

/// A counter with labels; the writer adds `_total` to its name.
fn family<'a, const N: usize>(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help): (&str, &str),
    values: impl Iterator<Item = ([(&'a str, &'a str); N], u64)>,
) -> fmt::Result
where
    [(&'a str, &'a str); N]: EncodeLabelSet,
{
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (labels, value) in values {
        let mut one = metric.encode_family(&labels)?;
        one.encode_counter::<NoLabelSet, _, u64>(&value, None)?;
    }
    Ok(())
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    metric.encode_gauge(&i64::try_from(value).unwrap_or(i64::MAX))
}

/// Counts between the bounds; the writer adds them up again.
fn buckets(histogram: &LatencyHistogram) -> Vec<(f64, u64)> {
    let mut below = 0;
    let bounds = LATENCY_BOUNDS_SECS.iter().chain(&[f64::INFINITY]);
    let cumulative = histogram.cumulative.iter().chain([&histogram.count]);
    let between = bounds.zip(cumulative).map(|(bound, count)| {
        let n = count.saturating_sub(below);
        below = *count;
        (*bound, n)
    });
    between.collect()
}

impl Collector for Reading {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let counters = &self.counters;
        let mut frames = encoder.encode_descriptor(
            "regard_frames",
            "Frames captured",
            None,
            MetricType::Counter,
        )?;
        frames.encode_counter::<NoLabelSet, _, u64>(&counters.frames, None)?;
        let dropped = counters
            .dropped
            .iter()
            .map(|(reason, n)| ([("reason", reason.name())], *n));
        family(
            &mut encoder,
            ("regard_frames_dropped", "Frames not analysed, by reason"),
            dropped,
        )?;
        let decisions = counters.decisions.iter().map(|((policy, creative), n)| {
            (
                [("policy", policy.as_str()), ("creative", creative.as_str())],
                *n,
            )
        });
        family(
            &mut encoder,
            ("regard_decisions", "Messages chosen"),
            decisions,
        )?;
        let refusals = counters
            .refusals
            .iter()
            .map(|(code, n)| ([("code", code.as_str())], *n));
        family(
            &mut encoder,
            ("regard_refusals", "Refusals of the gates"),
            refusals,
        )?;
        let objections = counters
            .objections
            .iter()
            .map(|(screen, n)| ([("screen", screen.as_str())], *n));
        family(
            &mut encoder,
            ("regard_objections", "Objections that shut a camera"),
            objections,
        )?;
        gauge(
            &mut encoder,
            "regard_camera_open",
            "Cameras open now",
            counters.cameras_open,
        )?;
        let memory = "Resident memory in bytes";
        gauge(
            &mut encoder,
            "process_resident_memory_bytes",
            memory,
            self.resident_bytes,
        )?;
        let latency = &counters.frame_to_screen;
        let mut histogram = encoder.encode_descriptor(
            "regard_frame_to_screen_seconds",
            "From capture to the change acknowledged by the player",
            None,
            MetricType::Histogram,
        )?;
        let buckets = buckets(latency);
        histogram.encode_histogram::<NoLabelSet>(latency.sum_secs, latency.count, &buckets, None)
    }
}

#[cfg(test)]
mod tests {
    use regard_engine::DropReason;

    use super::*;

    /// The page is exact, and so holds nothing that counts people. Whoever adds a family says here what it counts; people may
    /// be counted in steps of a minute at least.
    #[test]
    fn nothing_counts_people() {
        const COUNTS_NO_PEOPLE: [&str; 8] = [
            "regard_frames",
            "regard_frames_dropped",
            "regard_decisions",
            "regard_refusals",
            // Acts, not people: each is in the ledger with its time, so that an operator is alerted.
            "regard_objections",
            "regard_camera_open",
            "process_resident_memory_bytes",
            "regard_frame_to_screen_seconds",
        ];
        let text = text(MetricsSnapshot::default(), 1).unwrap();
        let families = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let families: Vec<&str> = families.filter_map(|rest| rest.split(' ').next()).collect();
        assert_eq!(families, COUNTS_NO_PEOPLE);
    }

    #[test]
    fn names_and_labels_are_those_that_scripts_rely_on() {
        let mut counters = MetricsSnapshot {
            frames: 7,
            cameras_open: 1,
            ..MetricsSnapshot::default()
        };
        counters.dropped.insert(DropReason::QueueFull, 2);
        counters
            .decisions
            .insert(("fixed".to_owned(), "a\"b".to_owned()), 3);
        counters.refusals.insert("notice_missing".to_owned(), 4);
        let histogram = &mut counters.frame_to_screen;
        histogram.cumulative = std::array::from_fn(|i| if i >= 3 { 2 } else { 0 });
        (histogram.count, histogram.sum_secs) = (3, 1.5);
        let text = text(counters, 4_096).unwrap();
        for line in [
            "regard_frames_total 7",
            "regard_frames_dropped_total{reason=\"queue_full\"} 2",
            "regard_decisions_total{policy=\"fixed\",creative=\"a\\\"b\"} 3",
            "regard_refusals_total{code=\"notice_missing\"} 4",
            "regard_camera_open 1",
            "process_resident_memory_bytes 4096",
            "regard_frame_to_screen_seconds_bucket{le=\"0.03\"} 0",
            "regard_frame_to_screen_seconds_bucket{le=\"0.04\"} 2",
            "regard_frame_to_screen_seconds_bucket{le=\"1.0\"} 2",
            "regard_frame_to_screen_seconds_bucket{le=\"+Inf\"} 3",
            "regard_frame_to_screen_seconds_count 3",
            "regard_frame_to_screen_seconds_sum 1.5",
            "# EOF",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
    }
}
