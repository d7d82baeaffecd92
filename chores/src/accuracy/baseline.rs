//! The files in `accuracy/`: what was measured, and what must not be lost.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

use super::Report;

/// One file: `accuracy/<report>.toml`. Bounds are written by people, in the commit that earns them;
/// the rest by `cargo xtask accuracy --write`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Baseline {
    /// Cases it rests on.
    n: u64,
    /// Least value of a metric.
    floors: BTreeMap<String, f64>,
    /// Greatest value of a metric.
    ceilings: BTreeMap<String, f64>,
    /// What was measured last.
    measured: BTreeMap<String, f64>,
}

fn path_of(folder: &Path, report: &Report) -> PathBuf {
    folder.join(format!("{}.toml", report.name))
}

impl Baseline {
    /// The baseline of a report; an empty one where there is none yet.
    pub(crate) fn read(folder: &Path, report: &Report) -> Result<Self> {
        let path = path_of(folder, report);
        if !path.exists() {
            return Ok(Self::default());
        }
        let text = fs::read_to_string(&path)?;
        toml::from_str(&text).with_context(|| format!("{}", path.display()))
    }

    /// What fell below its floor, rose above its ceiling, or was not measured at all.
    pub(crate) fn breaches(&self, report: &Report) -> Vec<String> {
        let mut breaches = Vec::new();
        let mut check =
            |metric: &str, bound: f64, kept: fn(f64, f64) -> bool, what: &str| match report
                .metrics
                .get(metric)
            {
                Some(value) if kept(*value, bound) => {}
                Some(value) => breaches.push(format!(
                    "{}: {metric} is {value:.4}, {what} is {bound}",
                    report.name
                )),
                None => breaches.push(format!("{}: {metric} was not measured", report.name)),
            };
        for (metric, floor) in &self.floors {
            check(metric, *floor, |value, floor| value >= floor, "the floor");
        }
        for (metric, ceiling) in &self.ceilings {
            check(
                metric,
                *ceiling,
                |value, ceiling| value <= ceiling,
                "the ceiling",
            );
        }
        breaches
    }

    /// Writes the file with what the report measured; bounds stay.
    pub(crate) fn write(&self, folder: &Path, report: &Report) -> Result<()> {
        let mut text = String::from(
            "# Bounds are raised by hand, in the commit that earns it; the rest is written by\n\
             # `cargo xtask accuracy --write`.\n",
        );
        writeln!(text, "n = {}", report.n)?;
        let sections = [
            ("floors", &self.floors),
            ("ceilings", &self.ceilings),
            ("measured", &report.metrics),
        ];
        for (name, metrics) in sections
            .into_iter()
            .filter(|(_, metrics)| !metrics.is_empty())
        {
            writeln!(text, "\n[{name}]")?;
            for (metric, value) in metrics {
                writeln!(text, "{metric} = {:?}", (value * 1e4).round() / 1e4)?;
            }
        }
        fs::create_dir_all(folder)?;
        fs::write(path_of(folder, report), text)?;
        Ok(())
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    fn report(value: f64) -> Report {
        let metrics = BTreeMap::from([("ap".to_owned(), value), ("ece".to_owned(), 0.02)]);
        Report {
            name: "r".to_owned(),
            metrics,
            n: 7,
        }
    }

    #[test]
    fn bounds_are_kept_and_breaches_are_named() {
        let folder = std::env::temp_dir().join(format!("regard-accuracy-{}", std::process::id()));
        let bounds = |pairs: &[(&str, f64)]| -> BTreeMap<String, f64> {
            pairs
                .iter()
                .map(|(name, bound)| ((*name).to_owned(), *bound))
                .collect()
        };
        let baseline = Baseline {
            floors: bounds(&[("ap", 0.5), ("gone", 0.1)]),
            ceilings: bounds(&[("ece", 0.03)]),
            ..Baseline::default()
        };
        baseline.write(&folder, &report(0.6)).unwrap();
        let read = Baseline::read(&folder, &report(0.0)).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(
            (read.n, &read.floors, &read.ceilings),
            (7, &baseline.floors, &baseline.ceilings)
        );
        assert_eq!(read.measured["ap"], 0.6);
        assert_eq!(read.breaches(&report(0.6)), ["r: gone was not measured"]);
        assert_eq!(read.breaches(&report(0.4)).len(), 2);
    }
}
