//! From the bytes of a network to one that can run, on each runtime that is there, by turns.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use regard_inference::{Catalog, LoadOptions, Native, OnnxRuntime, Rten, Runtime};
use regard_testkit::turns::median;
use serde::Serialize;

use super::inference::CASES;

/// How long each network is loaded again and again, at least, and how often.
const TIME_PER_CASE: Duration = Duration::from_secs(2);
const MIN_LOADS: usize = 15;

/// Longest time on the native runtime, in milliseconds. Origin: its goal.
const GOAL_MILLIS: f64 = 10.0;

/// A network on a runtime.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    network: &'static str,
    runtime: &'static str,
    /// Median.
    millis: f64,
    n: usize,
}

impl Row {
    /// The goal, where it was not reached.
    pub(super) fn missed_goal(&self) -> Option<String> {
        (self.runtime == "native" && self.millis > GOAL_MILLIS).then(|| {
            format!(
                "{}: loaded in {:.1} ms, goal {GOAL_MILLIS}",
                self.network, self.millis
            )
        })
    }
}

/// Loads the networks whose name contains that and prints a table.
pub(super) fn compare(only: &str, onnx: Option<&OnnxRuntime>) -> Result<Vec<Row>> {
    let native = Native::new();
    let mut runtimes: Vec<&dyn Runtime> = vec![&native, &Rten];
    runtimes.extend(onnx.map(|onnx| onnx as &dyn Runtime));
    println!("\nfrom bytes at hand to a network that can run, median milliseconds");
    let catalog = Catalog::open(None)?;
    let mut names: Vec<&'static str> = CASES.iter().map(|(name, _)| *name).collect();
    names.dedup();
    let mut rows = Vec::new();
    for network in names.into_iter().filter(|name| name.contains(only)) {
        let bytes = catalog.bytes_of(network)?;
        let mut millis = vec![Vec::new(); runtimes.len()];
        let began = Instant::now();
        while began.elapsed() < TIME_PER_CASE || millis[0].len() < MIN_LOADS {
            for (runtime, millis) in runtimes.iter().zip(&mut millis) {
                let began = Instant::now();
                let loaded = runtime.load(&bytes, &LoadOptions::default());
                millis.push(began.elapsed().as_secs_f64() * 1e3);
                loaded.with_context(|| network.to_owned())?;
            }
        }
        print!("{network:<24}");
        for (runtime, millis) in runtimes.iter().zip(millis) {
            let row = Row {
                network,
                runtime: runtime.name(),
                n: millis.len(),
                millis: median(millis),
            };
            print!("  {} {:.2}", row.runtime, row.millis);
            rows.push(row);
        }
        println!();
    }
    Ok(rows)
}
