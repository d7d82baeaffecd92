//! The whole program over a folder of photographs, with one worker and with two, by turns; and its memory.

use std::cell::Cell;
use std::fs;

use anyhow::{Result, ensure};
use regard_testkit::turns::{Contestant, by_turns};
use serde::Serialize;
use tempfile::TempDir;

use super::TIME_PER_CASE;
use crate::bulk_files::{LargePhotos, MAX_MB, analyze};
use xtask::run::release_binary;

/// How much faster two workers must be than one. Origin: the goal of the design for two cores.
const GOAL_OF_TWO: f64 = 1.8;

/// What was measured of one number of workers.
#[derive(Clone, Debug, Serialize)]
pub(in super::super) struct Whole {
    n_workers: usize,
    n_photos: usize,
    /// From the median of the runs.
    photos_a_second: f64,
    /// Median of the ratios on neighbouring runs: the rate over that of one worker.
    over_one_worker: f64,
    /// Greatest resident memory of any run, in MB (10⁶ bytes).
    peak_resident_mb: f64,
    n: usize,
}

impl Whole {
    /// What was promised and not kept.
    pub(in super::super) fn missed_goal(&self) -> Option<String> {
        if self.peak_resident_mb > MAX_MB {
            return Some(format!(
                "bulk: {:.0} MB resident with {} workers, promised {MAX_MB}",
                self.peak_resident_mb, self.n_workers
            ));
        }
        let is_too_slow = self.n_workers == 2 && self.over_one_worker < GOAL_OF_TWO;
        is_too_slow.then(|| {
            format!(
                "bulk: 2 workers {:.2} times the rate of one, promised {GOAL_OF_TWO}",
                self.over_one_worker
            )
        })
    }
}

/// Compares, and prints a table.
pub(in super::super) fn compare(n_photos: usize) -> Result<Vec<Whole>> {
    let program = release_binary("regard-cli", "regard")?;
    let folder = TempDir::new()?;
    let photos = folder.path().join("photos");
    fs::create_dir(&photos)?;
    let drawn = LargePhotos::draw()?;
    for number in 0..n_photos {
        fs::write(photos.join(format!("{number:05}.jpg")), drawn.jpeg(number))?;
    }
    let peaks = [Cell::new(0_f64), Cell::new(0_f64)];
    let run = |n_workers: usize| {
        let (program, photos, peak) = (&program, &photos, &peaks[n_workers - 1]);
        let table = folder.path().join(format!("{n_workers}.parquet"));
        move || -> Result<()> {
            let ran = analyze(program, (photos, &table), n_workers)?;
            ensure!(ran.status.success(), "regard analyze: {}", ran.status);
            peak.set(peak.get().max(ran.peak_mb));
            Ok(())
        }
    };
    let name = format!(
        "regard analyze of {n_photos} photographs of 4000x3000, the whole process: milliseconds; in brackets one worker over this"
    );
    let all = vec![
        Contestant::own("1 worker", run(1)),
        Contestant::own("2 workers", run(2)),
    ];
    let rows = by_turns(&name, all, TIME_PER_CASE)?;
    let whole: Vec<Whole> = (1..)
        .zip(rows)
        .zip(&peaks)
        .map(|((n_workers, row), peak)| Whole {
            n_workers,
            n_photos,
            photos_a_second: n_photos as f64 * 1e3 / row.millis,
            over_one_worker: row.first_over_this,
            peak_resident_mb: peak.get(),
            n: row.n,
        })
        .collect();
    for one in &whole {
        println!(
            "  {} workers: {:.1} photographs a second, {:.2} times one worker, at most {:.0} MB resident",
            one.n_workers, one.photos_a_second, one.over_one_worker, one.peak_resident_mb
        );
    }
    Ok(whole)
}
