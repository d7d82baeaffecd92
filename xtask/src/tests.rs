//! `cargo xtask test`: the tests, and an honest list of those that could not run here.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::run::cargo;

/// What a test prints when the means for it are missing.
const SKIPPED: &str = "skipped: ";

#[derive(Args, Default)]
pub(crate) struct TestArgs {
    /// Only this package.
    #[arg(short, long)]
    package: Option<String>,
    /// Only tests whose name contains this.
    filter: Option<String>,
}

#[derive(Default)]
struct Tally {
    passed: u64,
    failed: u64,
    skipped: BTreeSet<String>,
}

impl Tally {
    /// Takes a line of the test harness; answers whether a person wants to see it.
    fn read(&mut self, line: &str, in_output: &mut bool) -> bool {
        if let Some(reason) = line.trim_start().strip_prefix(SKIPPED) {
            self.skipped.insert(reason.to_owned());
            return false;
        }
        if let Some(counts) = line.strip_prefix("test result: ") {
            *in_output = false;
            let count = |what: &str| {
                counts
                    .split([';', '.'])
                    .find_map(|part| part.trim().strip_suffix(what))
                    .and_then(|n| n.trim().parse::<u64>().ok())
                    .unwrap_or(0)
            };
            self.passed += count("passed");
            self.failed += count("failed");
            return true;
        }
        match line {
            "successes:" => *in_output = true,
            "failures:" => *in_output = false,
            _ => {}
        }
        !*in_output && !line.is_empty() && !line.ends_with("... ok") && line != "running 0 tests"
    }
}

pub(crate) fn test(args: &TestArgs) -> Result<()> {
    eprintln!("── tests");
    let mut command = cargo();
    command.args(["test", "--no-fail-fast", "--locked"]);
    match &args.package {
        Some(package) => command.args(["--package", package]),
        None => command.arg("--workspace"),
    };
    command
        .args(args.filter.iter())
        .args(["--", "--show-output"]);
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .context("cargo test")?;
    let stdout = child.stdout.take().context("no output of cargo test")?;
    let mut tally = Tally::default();
    let mut in_output = false;
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        if tally.read(&line, &mut in_output) {
            println!("{line}");
        }
    }
    let status = child.wait()?;
    for reason in &tally.skipped {
        println!("{SKIPPED}{reason}");
    }
    println!(
        "{} passed, {} failed, {} skipped",
        tally.passed,
        tally.failed,
        tally.skipped.len()
    );
    ensure!(status.success(), "tests failed");
    ensure!(tally.passed > 0, "no test ran");
    Ok(())
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn the_harness_is_read() {
        let mut tally = Tally::default();
        let mut in_output = false;
        let shown: Vec<&str> = [
            "running 3 tests",
            "test a ... ok",
            "successes:",
            "---- a stdout ----",
            "skipped: ffmpeg not found",
            "noise",
            "test result: ok. 2 passed; 1 failed; 0 ignored; 0 measured",
        ]
        .into_iter()
        .filter(|line| tally.read(line, &mut in_output))
        .collect();
        assert_eq!((tally.passed, tally.failed, tally.skipped.len()), (2, 1, 1));
        assert_eq!(shown.len(), 2, "{shown:?}");
    }
}
