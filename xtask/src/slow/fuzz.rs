//! Bytes that were damaged, for everything that reads foreign bytes.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::{Outcome, tool};
use crate::run::{cargo, must, root};

/// How many times the sample of the tests is run: by CI, and where nothing better is found.
const FACTORS: (u32, u32) = (2, 40);

/// Seconds for each target under libFuzzer, and the memory it may take.
const SECS: u32 = 180;
const MAX_MIB: u32 = 2048;

/// The sample with a fresh seed; without `--short` also under libFuzzer, led by coverage.
pub(super) fn fuzz(is_short: bool) -> Result<Outcome> {
    let is_guided = !is_short && tool::has_nightly() && has_cargo_fuzz();
    let factor = if is_short || is_guided {
        FACTORS.0
    } else {
        FACTORS.1
    };
    let seed = tool::seed();
    let mut sample = cargo();
    sample
        // All packages, as in `cargo xtask test`: nothing is built twice.
        .args([
            "test",
            "--workspace",
            "--locked",
            "--test",
            "damage",
            "--",
            "--nocapture",
        ])
        .env("REGARD_FUZZ_FACTOR", factor.to_string())
        .env("REGARD_FUZZ_SEED", seed.to_string());
    must("damaged inputs", &mut sample)?;
    if is_short {
        return Ok(Outcome::Done(format!("sample, seed {seed}")));
    }
    if !is_guided {
        let why =
            "led by coverage: needs a nightly compiler and cargo-fuzz (cargo install cargo-fuzz)";
        return Ok(Outcome::Skipped(format!(
            "{why}; sample run with seed {seed}"
        )));
    }
    let targets = targets()?;
    let corpus = root().join("fuzz/corpus");
    must(
        "seeds",
        cargo()
            .args([
                "run",
                "--quiet",
                "--package",
                "regard-fuzz",
                "--bin",
                "seeds",
                "--",
            ])
            .arg(&corpus),
    )?;
    for target in &targets {
        must(&format!("fuzz {target}"), &mut guided(target, &corpus))?;
    }
    Ok(Outcome::Done(format!(
        "{} targets, {SECS} s each",
        targets.len()
    )))
}

fn has_cargo_fuzz() -> bool {
    tool::answers(tool::nightly().args(["fuzz", "--version"]))
}

/// The names of all targets.
fn targets() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root().join("fuzz/fuzz_targets")).context("fuzz_targets")? {
        let path = entry?.path();
        names.extend(
            path.file_stem()
                .map(|name| name.to_string_lossy().into_owned()),
        );
    }
    names.sort();
    Ok(names)
}

fn guided(target: &str, corpus: &Path) -> Command {
    let mut command = tool::nightly();
    command
        .args(["fuzz", "run", "--features", "libfuzzer", target])
        .arg(corpus.join(target))
        .args(["--", "-timeout=60"])
        .arg(format!("-max_total_time={SECS}"))
        .arg(format!("-rss_limit_mb={MAX_MIB}"));
    command
}
