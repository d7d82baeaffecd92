//! From ten thousand to ten million: time, memory, building, and errors.

use anyhow::{Context, Result};
use regard_commitments::{Grant, Recognition};
use regard_identity::{Gallery, Identification, MatchScale, SearchAnswer, TargetRate};
use regard_testkit::turns::{Contestant, by_turns};

use crate::bandwidth::Bandwidth;
use crate::made_up::{Faces, empty, fill};
use crate::searches::BYTES_PER_TEMPLATE;
use crate::{K, TIME_PER_CASE, most};

/// Templates of each step.
const SIZES: [usize; 4] = [10_000, 100_000, 1_000_000, 10_000_000];

/// Rate of searches for strangers that find somebody: what thresholds aim at.
const TARGET: f64 = 0.01;

/// Measures every step on one growing gallery.
pub(crate) fn measure(bandwidth: &[Bandwidth]) -> Result<()> {
    let key = Grant::<Recognition>::for_evaluation();
    let (mut gallery, mut faces) = (empty(1)?, Faces::new(4));
    let probe = Faces::new(5).embedding()?;
    for n in SIZES.into_iter().filter(|n| *n <= most()) {
        let before = usize::try_from(Gallery::n_templates(&gallery)?)?;
        let secs = fill(&mut gallery, &mut faces, n)?;
        for Bandwidth {
            threads,
            bytes_per_sec,
        } in bandwidth
        {
            gallery.set_threads(*threads);
            let search = || {
                gallery.search(&probe, K, &key)?;
                Ok(())
            };
            let case = format!("one search among {n} x 128, {threads} thread(s)");
            let rows = by_turns(
                &case,
                vec![Contestant::own("exact, int8", search)],
                TIME_PER_CASE / 2,
            )?;
            let share = (n * BYTES_PER_TEMPLATE) as f64
                / (rows[0].lower_quartile_millis / 1e3)
                / bytes_per_sec;
            println!(
                "  {:.0} % of the memory's bandwidth by lower quartiles",
                100.0 * share
            );
        }
        println!(
            "  {:.0} MB a million templates; {:.0} enrolled a second from templates",
            gallery.n_bytes() as f64 / n as f64,
            (n - before) as f64 / secs,
        );
        tell_errors(n)?;
    }
    Ok(())
}

/// Says what the scale of the built-in model makes of a gallery of so many.
fn tell_errors(n: usize) -> Result<()> {
    let answer = SearchAnswer::of_nobody(n as u64);
    let target = TargetRate::new(TARGET).context("a rate in range")?;
    let Identification {
        threshold,
        fpir,
        fnir,
        ..
    } = MatchScale::built_in().identify(&answer, target);
    println!(
        "  FPIR {:.4} [{:.4}, {:.4}]{} at threshold {:.3}: FNIR {:.4} [{:.4}, {:.4}]",
        fpir.value,
        fpir.low,
        fpir.high,
        if fpir.is_extrapolated {
            ", extrapolated,"
        } else {
            ""
        },
        threshold.similarity.get(),
        fnir.value,
        fnir.low,
        fnir.high,
    );
    Ok(())
}
