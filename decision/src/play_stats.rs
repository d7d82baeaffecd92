//! How messages did, with intervals.

use std::collections::BTreeMap;

use regard_domain::{CampaignId, CreativeId, NORMAL_975, student_quantile, wilson};
use serde::{Deserialize, Serialize};

/// One play with what was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlayRow {
    /// Of which campaign; nothing for the default message.
    pub campaign: Option<CampaignId>,
    /// Which message.
    pub creative: CreativeId,
    /// How long it was shown.
    pub shown_secs: f32,
    /// Seconds looked at, summed over visitors; nothing when not measured.
    pub attention_secs: Option<f32>,
    /// Mean probability of a smile less that before; nothing when not measured.
    pub smile_lift: Option<f32>,
    /// Seconds with anyone in view; nothing when not measured.
    pub dwell_secs: Option<f32>,
    /// Scans.
    pub n_scans: u32,
    /// Conversions.
    pub n_conversions: u32,
}

/// A mean with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Mean {
    /// How many values.
    pub n: u64,
    /// Their mean.
    pub mean: f64,
    /// Ends of the 95 % interval; nothing for fewer than two values.
    pub interval: Option<(f64, f64)>,
}

/// A share with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Share {
    /// How many had it.
    pub n_with: u64,
    /// Of how many.
    pub n: u64,
    /// The share.
    pub share: f64,
    /// Ends of the 95 % interval.
    pub interval: (f64, f64),
}

/// How many of all plays had something that was looked for in some of them alone, with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Count {
    /// How many of all, those not measured estimated.
    pub count: f64,
    /// Of how many it is known.
    pub n_measured: u64,
    /// Of how many it is told.
    pub n: u64,
    /// Ends of the 95 % interval; the count itself where all were measured.
    pub interval: (f64, f64),
}

/// How one message did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlayStats {
    /// Of which campaign; nothing for the default message.
    pub campaign: Option<CampaignId>,
    /// Which message.
    pub creative: CreativeId,
    /// How often it was shown.
    pub n_plays: u64,
    /// How long altogether.
    pub shown_secs: f64,
    /// Attention seconds a play.
    pub attention_secs: Option<Mean>,
    /// Smile lift a play.
    pub smile_lift: Option<Mean>,
    /// Seconds with anyone in view a play.
    pub dwell_secs: Option<Mean>,
    /// Plays with somebody in view: opportunities to see.
    pub opportunities: Option<Count>,
    /// Plays that anyone looked at, of those measured.
    pub looked_at: Option<Share>,
    /// Plays with a scan.
    pub scanned: Share,
    /// Plays with a conversion.
    pub converted: Share,
}

impl Mean {
    /// Mean and t interval of the finite values among these; nothing when there are none. The
    /// interval supposes plays that do not depend on each other; with few plays of very skewed
    /// values it is too narrow.
    pub fn of(values: impl IntoIterator<Item = f32>) -> Option<Self> {
        // Welford 1962: one pass, and no difference of large sums.
        let (mut n, mut mean, mut squares) = (0_u64, 0.0_f64, 0.0_f64);
        for value in values.into_iter().filter(|v| v.is_finite()).map(f64::from) {
            n += 1;
            let delta = value - mean;
            mean += delta / n as f64;
            squares += delta * (value - mean);
        }
        let interval = (n > 1).then(|| {
            let error = (squares / (n - 1) as f64 / n as f64).sqrt();
            let half = student_quantile(0.975, n - 1) * error;
            (mean - half, mean + half)
        });
        (n > 0).then_some(Self { n, mean, interval })
    }
}

impl Share {
    /// Share and Wilson interval; of nothing, the share is 0 and the interval all of `[0, 1]`.
    pub fn of(n_with: u64, n: u64) -> Self {
        let n_with = n_with.min(n);
        Self {
            n_with,
            n,
            share: if n == 0 {
                0.0
            } else {
                n_with as f64 / n as f64
            },
            interval: wilson(n_with, n),
        }
    }
}

impl Count {
    /// How many of `n` have it, where `n_with` of `n_measured` were seen to; nothing where none was measured. What was counted
    /// is exact; the interval is that of the others, which are supposed to be like those that were measured.
    ///
    /// # Source
    /// Prediction of a binomial count by the normal approximation (Nelson 1982), with the two successes and failures that
    /// Agresti and Coull 1998 add, so that it holds for shares near 0 and 1 too.
    pub fn of(n_with: u64, n_measured: u64, n: u64) -> Option<Self> {
        if n_measured == 0 {
            return None;
        }
        let (n_with, n) = (n_with.min(n_measured), n.max(n_measured));
        let (seen, measured) = (n_with as f64, n_measured as f64);
        let unknown = (n - n_measured) as f64;
        let known_and_added = measured + NORMAL_975 * NORMAL_975;
        let share = (seen + NORMAL_975 * NORMAL_975 / 2.0) / known_and_added;
        let half = NORMAL_975
            * (unknown * share * (1.0 - share) * (1.0 + unknown / known_and_added)).sqrt();
        let center = unknown * share;
        Some(Self {
            count: seen + unknown * seen / measured,
            n_measured,
            n,
            interval: (
                seen + (center - half).max(0.0),
                seen + (center + half).min(unknown),
            ),
        })
    }
}

/// Statistics of every message that occurs, by campaign and message; the default message first.
/// Means have t intervals, shares Wilson intervals, both for 95 %.
pub fn play_stats(rows: &[PlayRow]) -> Vec<PlayStats> {
    let mut by_message: BTreeMap<_, Vec<&PlayRow>> = BTreeMap::new();
    for row in rows {
        let key = (&row.campaign, &row.creative);
        by_message.entry(key).or_default().push(row);
    }
    by_message
        .into_iter()
        .map(|((campaign, creative), rows)| {
            let count =
                |has: fn(&PlayRow) -> bool| rows.iter().filter(|row| has(row)).count() as u64;
            let n_plays = rows.len() as u64;
            let n_measured = count(|row| row.attention_secs.is_some());
            let n_in_view = count(|row| row.dwell_secs.is_some_and(|secs| secs > 0.0));
            let n_dwelt = count(|row| row.dwell_secs.is_some());
            let n_looked_at = count(|row| row.attention_secs.is_some_and(|secs| secs > 0.0));
            PlayStats {
                campaign: campaign.clone(),
                creative: creative.clone(),
                n_plays,
                shown_secs: rows.iter().map(|row| f64::from(row.shown_secs)).sum(),
                attention_secs: Mean::of(rows.iter().filter_map(|row| row.attention_secs)),
                smile_lift: Mean::of(rows.iter().filter_map(|row| row.smile_lift)),
                dwell_secs: Mean::of(rows.iter().filter_map(|row| row.dwell_secs)),
                opportunities: Count::of(n_in_view, n_dwelt, n_plays),
                looked_at: (n_measured > 0).then(|| Share::of(n_looked_at, n_measured)),
                scanned: Share::of(count(|row| row.n_scans > 0), n_plays),
                converted: Share::of(count(|row| row.n_conversions > 0), n_plays),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_have_student_intervals() {
        // Sample of five: mean 3, standard deviation sqrt(2.5), t(4) = 2.776.
        let mean = Mean::of([1.0, 2.0, 3.0, 4.0, 5.0, f32::NAN]).unwrap();
        assert_eq!((mean.n, mean.mean), (5, 3.0));
        let (low, high) = mean.interval.unwrap();
        assert!(
            (low - 1.0371).abs() < 1e-3 && (high - 4.9629).abs() < 1e-3,
            "{low} {high}"
        );
        assert_eq!(Mean::of([2.0]).unwrap().interval, None);
        assert_eq!(Mean::of([]), None);
    }

    #[test]
    fn a_count_is_exact_where_all_was_measured_and_holds_the_truth_where_not() {
        let count = Count::of(3, 7, 7).unwrap();
        assert_eq!((count.count, count.interval), (3.0, (3.0, 3.0)));
        assert_eq!(Count::of(0, 0, 9), None);
        let none = Count::of(0, 10, 20).unwrap();
        assert!(none.interval.0 == 0.0 && none.interval.1 > 1.0, "{none:?}");
        // Plays that are measured by chance: the interval holds the count of all in 95 of 100 at least, but for chance.
        let mut rng = <rand_chacha::ChaCha20Rng as rand::SeedableRng>::from_seed([5; 32]);
        let mut draw = || f64::from(rand::Rng::next_u32(&mut rng)) / f64::from(u32::MAX);
        for (share, n, measured) in [(0.1, 60, 0.5), (0.5, 40, 0.7), (0.95, 200, 0.3)] {
            let n_runs = 2_000;
            let mut n_held = 0;
            for _ in 0..n_runs {
                let (mut n_all, mut n_with, mut n_measured) = (0_u64, 0, 0);
                for _ in 0..n {
                    let has = draw() < share;
                    n_all += u64::from(has);
                    if draw() < measured {
                        n_measured += 1;
                        n_with += u64::from(has);
                    }
                }
                let Some(count) = Count::of(n_with, n_measured, n) else {
                    continue;
                };
                let truth = n_all as f64;
                n_held += u64::from((count.interval.0..=count.interval.1).contains(&truth));
            }
            let held = n_held as f64 / f64::from(n_runs);
            assert!(held > 0.94, "{share} of {n}: {held}");
        }
    }

    #[test]
    fn rows_are_gathered_by_message() {
        let row = |campaign: Option<&str>, attention_secs, n_scans| PlayRow {
            campaign: campaign.map(|c| c.parse().unwrap()),
            creative: "x".parse().unwrap(),
            shown_secs: 10.0,
            attention_secs,
            smile_lift: None,
            dwell_secs: None,
            n_scans,
            n_conversions: 0,
        };
        let stats = play_stats(&[
            row(Some("b"), Some(4.0), 1),
            row(None, None, 0),
            row(Some("b"), Some(0.0), 0),
            row(Some("a"), Some(1.0), 0),
        ]);
        let campaigns: Vec<_> = stats
            .iter()
            .map(|s| s.campaign.as_ref().map(CampaignId::as_str))
            .collect();
        assert_eq!(campaigns, [None, Some("a"), Some("b")]);
        let b = &stats[2];
        assert_eq!((b.n_plays, b.shown_secs), (2, 20.0));
        assert_eq!(b.attention_secs.unwrap().mean, 2.0);
        assert_eq!(b.looked_at.unwrap().share, 0.5);
        assert_eq!(b.scanned.n_with, 1);
        assert_eq!(stats[0].looked_at, None);
    }
}
