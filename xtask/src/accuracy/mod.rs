//! How good the models and the tracker are, measured on data that does not live in the repository.

mod baseline;
mod detection;
mod expression;
mod expression_groups;
mod headpose;
mod looking;
mod tracking;

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use self::baseline::Baseline;

/// What was measured on one set of data.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Report {
    /// Which measurement.
    pub name: String,
    /// Metric → value.
    pub metrics: BTreeMap<String, f64>,
    /// How many cases it rests on.
    pub n: u64,
}

/// Where evaluation data lies: `REGARD_EVAL_DATA`, else `shared/data` beside the checkout.
pub(crate) fn data_dir() -> PathBuf {
    env::var_os("REGARD_EVAL_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
        PathBuf::from,
    )
}

/// How to measure.
#[derive(clap::Args)]
pub(crate) struct AccuracyArgs {
    /// Write what was measured into `accuracy/`; floors and ceilings stay as they are.
    #[arg(long)]
    write: bool,
}

/// Measures everything there is data for, prints it, and fails when a floor in `accuracy/` is lost.
pub(crate) fn accuracy(args: &AccuracyArgs) -> Result<()> {
    let mut reports = vec![tracking::street(30)?, tracking::street(10)?];
    match tracking::tud_campus(&data_dir())? {
        Some(report) => reports.push(report),
        None => println!("skipped: tracking/TUD-Campus is not under REGARD_EVAL_DATA"),
    }
    match detection::run(&data_dir())? {
        Some(report) => reports.push(report),
        None => println!("skipped: widerface is not under REGARD_EVAL_DATA"),
    }
    match expression::run(&data_dir(), 1)? {
        Some(both) => reports.extend(both),
        None => println!("skipped: fer2013 is not under REGARD_EVAL_DATA"),
    }
    match headpose::run(&data_dir())? {
        Some(report) => reports.push(report),
        None => println!("skipped: headpose is not under REGARD_EVAL_DATA"),
    }
    let folder = crate::run::root().join("accuracy");
    let mut breaches = Vec::new();
    for report in reports {
        let baseline = Baseline::read(&folder, &report)?;
        breaches.extend(baseline.breaches(&report));
        if args.write {
            baseline.write(&folder, &report)?;
        }
        println!("{} (n = {})", report.name, report.n);
        for (metric, value) in &report.metrics {
            println!("  {metric:<20} {value:.4}");
        }
    }
    ensure!(
        breaches.is_empty(),
        "bounds were lost:\n  {}",
        breaches.join("\n  ")
    );
    Ok(())
}
