//! From ten thousand to ten million: time, memory, building, and errors.

use std::time::Instant;

use anyhow::{Context, Result};
use regard_commitments::{Grant, Recognition};
use regard_identity::{
    Embedding, ExactGallery, Gallery, GalleryLimits, Identification, MatchScale, NearGallery,
    NearLimits, SearchAnswer, TargetRate,
};
use regard_testkit::turns::{Contestant, by_turns};

use crate::bandwidth::Bandwidth;
use crate::made_up::{Faces, MODEL, empty, fill, near, transform};
use crate::searches::BYTES_PER_TEMPLATE;
use crate::{K, TIME_PER_CASE};

/// Templates of each step.
const SIZES: [usize; 4] = [10_000, 100_000, 1_000_000, 10_000_000];

/// Templates up to which an index is built as well: beyond, that takes more than minutes.
const MOST_INDEXED: usize = 1_000_000;

/// Rate of searches for strangers that find somebody: what thresholds aim at.
const TARGET: f64 = 0.01;

/// Probes by which recall is counted.
const N_PROBES: usize = 400;

/// How far probes are from the faces they are of: a cosine of .7, where half of the genuine pairs of SFace lie.
const SPREAD: f32 = 1.02;

/// Measures every step on one growing gallery.
pub(crate) fn measure(bandwidth: &[Bandwidth]) -> Result<()> {
    let key = Grant::<Recognition>::for_evaluation();
    let (mut gallery, mut faces) = (empty(1)?, Faces::new(4));
    let probe = Faces::new(5).embedding()?;
    for n in SIZES {
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
        if n <= MOST_INDEXED {
            indexed(&gallery, n)?;
        }
    }
    Ok(())
}

/// Says what the scale of the built-in model makes of a gallery of so many.
fn tell_errors(n: usize) -> Result<()> {
    let answer = SearchAnswer {
        hits: Vec::new(),
        n_persons: n as u64,
    };
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

/// The same with an index of neighbours: how long it takes to build, what it takes, how often it finds whom an exact search
/// finds.
fn indexed(exact: &ExactGallery, n: usize) -> Result<()> {
    let key = Grant::<Recognition>::for_evaluation();
    let limits = GalleryLimits {
        threads: 2,
        max_templates: n,
    };
    // Everybody is enrolled before the index is begun, as at a start.
    let near_limits = NearLimits {
        exact_up_to: 2 * n,
        ..NearLimits::default()
    };
    let mut gallery = NearGallery::new(transform()?, MODEL, limits, near_limits)?;
    fill(&mut gallery, &mut Faces::new(4), n)?;
    gallery.set_exact_up_to(0);
    let began = Instant::now();
    gallery.build_index()?;
    let secs = began.elapsed().as_secs_f64();
    // Probes of those who are enrolled, and of nobody.
    let mut rng = Faces::new(4);
    let mut probes: Vec<Embedding> = Vec::new();
    for at in 0..N_PROBES {
        let enrolled = rng.embedding()?;
        if at % 2 == 0 {
            probes.push(near(&enrolled, SPREAD, at as u64)?);
        } else {
            probes.push(Faces::new(900 + at as u64).embedding()?);
        }
    }
    let (mut recall, mut first) = ([0.0; 2], [0.0; 2]);
    for (at, probe) in probes.iter().enumerate() {
        let truth = exact.search(probe, K, &key)?;
        let found = gallery.search(probe, K, &key)?;
        let both = found.hits.iter().filter(|hit| truth.hits.contains(hit));
        let share = 2.0 / N_PROBES as f64;
        recall[at % 2] += share * both.count() as f64 / K as f64;
        first[at % 2] += share * f64::from(u8::from(found.hits[0] == truth.hits[0]));
    }
    let search = || {
        gallery.search(&probes[0], K, &key)?;
        Ok(())
    };
    let case = format!("one search among {n} x 128 by an index of neighbours");
    by_turns(
        &case,
        vec![Contestant::own("index of neighbours, then exact", search)],
        TIME_PER_CASE / 4,
    )?;
    println!(
        "  {:.0} MB a million templates; built in {secs:.1} s by 2 threads; of probes at a cosine of .7 the nearest is found {:.4}, of {K} nearest {:.3}; of strangers {:.4} and {:.3}",
        gallery.n_bytes() as f64 / n as f64,
        first[0],
        recall[0],
        first[1],
        recall[1],
    );
    Ok(())
}
