//! How often the intervals of reports of plays hold the truth.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use regard_decision::{Count, Mean, Share};

use super::Coverage;

/// How long each play is shown.
const SHOWN_SECS: f32 = 10.0;

/// Part of the plays that were measured.
const MEASURED: f64 = 0.6;

/// Rare things of plays, such as scans.
const RARE: f64 = 0.02;

/// Part of the plays with somebody in view.
const IN_VIEW: f64 = 0.7;

/// One more visitor comes with this probability, so that there are 1.5 of them a play.
const ONE_MORE: f64 = 0.6;

/// What a report counts of one play.
struct Counted {
    is_scanned: bool,
    is_measured: bool,
    dwell_secs: f32,
    attention_secs: f32,
    smile_lift: f32,
}

fn play(rng: &mut ChaCha8Rng) -> Counted {
    let is_in_view = rng.random::<f64>() < IN_VIEW;
    let mut attention_secs = 0.0;
    // Of each visitor few seconds mostly, and sometimes all.
    while rng.random::<f64>() < ONE_MORE {
        attention_secs += SHOWN_SECS * rng.random::<f32>().powi(3);
    }
    Counted {
        is_scanned: rng.random::<f64>() < RARE,
        is_measured: rng.random::<f64>() < MEASURED,
        dwell_secs: if is_in_view {
            SHOWN_SECS * rng.random::<f32>()
        } else {
            0.0
        },
        attention_secs,
        smile_lift: 0.05 + 0.2 * (rng.random::<f32>() - 0.5),
    }
}

/// Their true means over all plays: the dwell of those in view is half of the play, and what one visitor attends to a quarter.
const MEAN_DWELL: f64 = IN_VIEW * 5.0;
const MEAN_ATTENTION: f64 = ONE_MORE / (1.0 - ONE_MORE) * 2.5;
const MEAN_LIFT: f64 = 0.05;

/// Counts on `n_logs` simulated logs of `n_plays` how often each interval of a report holds the truth, of those logs where it is told:
/// were the others counted too, an interval that is seldom told would hold often whatever it says.
pub fn coverage_of_reports(n_logs: u64, n_plays: usize, seed: u64) -> Vec<Coverage> {
    let names = ["scanned", "opportunities", "dwell", "attention", "lift"];
    let mut rows = names.map(|name| Coverage {
        name: format!("report, {name} of {n_plays}"),
        n_held: 0,
        n: 0,
        width: 0.0,
    });
    for log in 0..n_logs {
        let mut rng = ChaCha8Rng::seed_from_u64(seed.wrapping_mul(5_000_011) + log);
        let plays: Vec<Counted> = (0..n_plays).map(|_| play(&mut rng)).collect();
        let count = |has: &dyn Fn(&Counted) -> bool| plays.iter().filter(|p| has(p)).count() as u64;
        let is_in_view = |p: &Counted| p.dwell_secs > 0.0;
        let n_measured = count(&|p| p.is_measured);
        let n_in_view = count(&|p| p.is_measured && is_in_view(p));
        let scanned = Share::of(count(&|p| p.is_scanned), n_plays as u64);
        let opportunities = Count::of(n_in_view, n_measured, n_plays as u64);
        let dwell = Mean::of_shown(plays.iter().map(|p| (Some(p.dwell_secs), SHOWN_SECS)));
        let attention = Mean::of(plays.iter().map(|p| p.attention_secs));
        let lift = Mean::of_lift(plays.iter().map(|p| p.smile_lift));
        let told = |mean: Option<Mean>| mean.and_then(|mean| mean.interval);
        let found = [
            (Some(scanned.interval), RARE),
            (
                opportunities.map(|count| count.interval),
                count(&is_in_view) as f64,
            ),
            (told(dwell), MEAN_DWELL),
            (told(attention), MEAN_ATTENTION),
            (told(lift), MEAN_LIFT),
        ];
        for (row, (interval, truth)) in rows.iter_mut().zip(found) {
            let Some((low, high)) = interval else {
                continue;
            };
            row.n += 1;
            row.n_held += u64::from((low..=high).contains(&truth));
            row.width += high - low;
        }
    }
    for row in &mut rows {
        row.width /= row.n.max(1) as f64;
    }
    rows.into()
}
