//! How messages did, with intervals.

use std::collections::BTreeMap;

use regard_domain::{CampaignId, CreativeId, betting, clopper_pearson, counted_of, skewed};
use serde::{Deserialize, Serialize};

/// What each interval may miss.
const ERROR: f64 = 0.05;

/// Values other than 0 from which on a mean without bounds has an interval: with fewer, how often it holds depends too much on
/// values that were not seen.
///
/// # Source
/// Measured: with that many, intervals of times looked at hold in 95 of 100, also where most plays have none.
const MIN_VALUES: usize = 20;

/// Values of every kind from which on such a mean has an interval: with hardly more than [`MIN_VALUES`], those reports would have
/// one in which by chance nearly every value is other than 0, and of these fewer than 95 in 100 hold.
const MIN_PLAYS: usize = 30;

/// Least and greatest that the mean probability of a smile can change by.
const LIFTS: (f64, f64) = (-1.0, 1.0);

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
    /// Ends of the 95 % interval; nothing where too few values are known to tell.
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
    /// Mean of the finite values among these, nothing when there are none. The interval is corrected for their leaning to
    /// one side and supposes plays that do not depend on each other; nothing of fewer than 30, and where fewer than 20 are other than 0.
    pub fn of(values: impl IntoIterator<Item = f32>) -> Option<Self> {
        let values = finite(values);
        let n_other = values.iter().filter(|value| **value != 0.0).count();
        let interval =
            skewed(&values, ERROR).filter(|_| values.len() >= MIN_PLAYS && n_other >= MIN_VALUES);
        Self::with(&values, interval)
    }

    /// The same for values between two bounds, which are moved out to the values that lie beyond. The interval holds however few
    /// they are; nothing for fewer than two.
    pub fn between(bounds: (f64, f64), values: impl IntoIterator<Item = f32>) -> Option<Self> {
        let values = finite(values);
        let interval = (values.len() > 1).then(|| betting(&values, bounds, ERROR));
        Self::with(&values, interval)
    }

    /// Seconds of plays, each with how long it was shown: none has more than the longest was shown.
    pub fn of_shown(plays: impl IntoIterator<Item = (Option<f32>, f32)>) -> Option<Self> {
        let measured = plays
            .into_iter()
            .filter_map(|(secs, shown)| Some((secs?, shown)));
        let (values, shown): (Vec<f32>, Vec<f32>) = measured.unzip();
        let longest = finite(shown).into_iter().fold(0.0, f64::max);
        Self::between((0.0, longest), values)
    }

    /// Changes of the mean probability of a smile.
    pub fn of_lift(values: impl IntoIterator<Item = f32>) -> Option<Self> {
        Self::between(LIFTS, values)
    }

    fn with(values: &[f64], interval: Option<(f64, f64)>) -> Option<Self> {
        let mut mean = 0.0_f64;
        // Welford 1962: no large sums.
        for (i, value) in values.iter().enumerate() {
            mean += (value - mean) / (i + 1) as f64;
        }
        (!values.is_empty()).then_some(Self {
            n: values.len() as u64,
            mean,
            interval,
        })
    }
}

fn finite(values: impl IntoIterator<Item = f32>) -> Vec<f64> {
    let values = values.into_iter().filter(|value| value.is_finite());
    values.map(f64::from).collect()
}

impl Share {
    /// Share and Clopper-Pearson interval; of nothing, the share is 0 and the interval all of `[0, 1]`.
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
            interval: clopper_pearson(n_with, n, ERROR),
        }
    }
}

impl Count {
    /// How many of `n` have it, where `n_with` of `n_measured` were seen to; nothing where none was measured. What was counted
    /// is exact; the interval is that of the others, which are supposed to be like those that were measured.
    ///
    /// # Source
    /// [`counted_of`].
    pub fn of(n_with: u64, n_measured: u64, n: u64) -> Option<Self> {
        if n_measured == 0 {
            return None;
        }
        let (n_with, n) = (n_with.min(n_measured), n.max(n_measured));
        let share = n_with as f64 / n_measured as f64;
        let (low, high) = counted_of(n_with, n_measured, n, ERROR);
        Some(Self {
            count: n_with as f64 + (n - n_measured) as f64 * share,
            n_measured,
            n,
            interval: (low as f64, high as f64),
        })
    }
}

/// Statistics of every message that occurs, by campaign and message; the default message first.
/// Every interval is one of 95 %.
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
                smile_lift: Mean::of_lift(rows.iter().filter_map(|row| row.smile_lift)),
                dwell_secs: Mean::of_shown(rows.iter().map(|row| (row.dwell_secs, row.shown_secs))),
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

    /// References: the definitions in numpy and SciPy, see `regard_domain::betting` and `skewed`.
    #[test]
    fn means_have_intervals_of_what_they_are_means_of() {
        let near = |mean: Option<Mean>, wanted: (f64, f64)| {
            let (low, high) = mean.unwrap().interval.unwrap();
            assert!(
                (low - wanted.0).abs() < 1e-2 && (high - wanted.1).abs() < 1e-2,
                "{low} {high} {wanted:?}"
            );
        };
        let squares = || (0..30_u16).map(|i| f32::from(i * i));
        near(Mean::of(squares()), (181.273_5, 413.225_3));
        let even = || (0..30_u8).map(|i| f32::from(i * 7 % 10));
        near(Mean::between((0.0, 10.0), even()), (3.168, 5.954_8));
        let shown = even().map(|secs| (Some(secs), 10.0));
        near(
            Mean::of_shown(shown.chain([(None, 900.0)])),
            (3.168, 5.954_8),
        );
        near(Mean::of_lift(even().map(|v| v / 10.0)), (0.216_9, 0.607_6));
        // Bounds give way to what was measured, and what is no number counts for nothing.
        let beyond = Mean::of_lift([3.0, -2.0, f32::NAN]).unwrap();
        assert_eq!((beyond.n, beyond.mean), (2, 0.5));
        assert_eq!(beyond.interval, Some((-2.0, 3.0)));
    }

    #[test]
    fn a_mean_of_which_too_little_is_known_has_no_interval() {
        let rare = |n: usize| Mean::of((0..100).map(move |i| f32::from(u8::from(i < n))));
        assert_eq!(
            (rare(19).unwrap().n, rare(19).unwrap().interval),
            (100, None)
        );
        assert!(rare(20).unwrap().interval.is_some());
        let all = |n: u16| Mean::of((1..=n).map(f32::from)).unwrap().interval;
        assert!(all(29).is_none() && all(30).is_some());
        assert_eq!(Mean::of([f32::NAN]), None);
        assert_eq!(Mean::of_lift([0.1]).unwrap().interval, None);
        assert_eq!(Mean::of_shown([(None, 10.0)]), None);
    }

    #[test]
    fn a_count_is_exact_where_all_was_measured_and_holds_the_truth_where_not() {
        let count = Count::of(3, 7, 7).unwrap();
        assert_eq!((count.count, count.interval), (3.0, (3.0, 3.0)));
        assert_eq!(Count::of(0, 0, 9), None);
        let none = Count::of(0, 10, 20).unwrap();
        assert!(none.interval.0 == 0.0 && none.interval.1 > 1.0, "{none:?}");
        // Plays that are measured by chance: the interval holds the count of all in 95 of 100 at least.
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
            assert!(held >= 0.95, "{share} of {n}: {held}");
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
