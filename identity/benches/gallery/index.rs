//! An index of neighbours beside comparing with everybody: how long it takes to build, what it needs, how often it finds whom an
//! exact search finds.

use std::time::Instant;

use anyhow::Result;
use regard_commitments::{Grant, Recognition};
use regard_identity::{Embedding, Gallery, GalleryLimits, NearGallery, NearLimits};
use regard_testkit::turns::{Contestant, by_turns};

use crate::made_up::{Faces, MODEL, empty, fill, near, transform};
use crate::{K, TIME_PER_CASE, most};

/// Templates of each step.
const SIZES: [usize; 3] = [10_000, 100_000, 1_000_000];

/// Probes by which recall is counted.
const N_PROBES: usize = 400;

/// How far probes are from the faces they are of: a cosine of .7, where half of the genuine pairs of SFace lie.
const SPREAD: f32 = 1.02;

/// Measures every step.
pub(crate) fn measure() -> Result<()> {
    let mut sizes = SIZES.into_iter().filter(|n| *n <= most());
    sizes.try_for_each(indexed)
}

fn indexed(n: usize) -> Result<()> {
    let key = Grant::<Recognition>::for_evaluation();
    let mut exact = empty(1)?;
    fill(&mut exact, &mut Faces::new(4), n)?;
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
