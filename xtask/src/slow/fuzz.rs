//! Bytes that were damaged, for everything that reads foreign bytes.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::{Outcome, sanitizers, tool};
use crate::run::{cargo, must, root};

/// How many times the sample of the tests is run: by CI, and where nothing better is found.
const FACTORS: (u32, u32) = (2, 40);

/// Seconds for each target under libFuzzer, and the memory it may take.
const SECS: u32 = 180;
const MAX_MIB: u32 = 2048;

/// What makes a program tell libFuzzer where it has been, and notice accesses outside. Origin: cargo-fuzz 0.13.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Zsanitizer=address -Ccodegen-units=1";

/// The sample with a fresh seed; without `--short` also under libFuzzer, led by coverage: the targets whose name contains
/// `only`.
pub(super) fn fuzz(is_short: bool, only: &str) -> Result<Outcome> {
    let missing = sanitizers::missing();
    let is_guided = !is_short && missing.is_none();
    let factor = if is_short || is_guided {
        FACTORS.0
    } else {
        FACTORS.1
    };
    let seed = tool::seed();
    let mut sample = cargo();
    sample
        // All packages, as in `cargo xtask test`: nothing is built twice.
        .args(["test", "--workspace", "--locked", "--test", "damage"])
        .args(["--", "--nocapture"])
        .env("REGARD_FUZZ_FACTOR", factor.to_string())
        .env("REGARD_FUZZ_SEED", seed.to_string());
    if only.is_empty() {
        must("damaged inputs", &mut sample)?;
    }
    if is_short {
        return Ok(Outcome::Done(format!("sample, seed {seed}")));
    }
    if let Some(why) = missing {
        return Ok(Outcome::Skipped(format!(
            "led by coverage: {why}; sample run with seed {seed}"
        )));
    }
    let targets: Vec<String> = targets()?
        .into_iter()
        .filter(|name| name.contains(only))
        .collect();
    let corpus = root().join("fuzz/corpus");
    let mut seeds = cargo();
    seeds
        .args(["run", "--quiet", "--package", "regard-fuzz"])
        .args(["--bin", "seeds", "--"])
        .arg(&corpus);
    must("seeds", &mut seeds)?;
    let artifacts = root().join("fuzz/artifacts");
    std::fs::create_dir_all(&artifacts).with_context(|| format!("{}", artifacts.display()))?;
    for target in &targets {
        must(&format!("fuzz {target}"), &mut guided(target, &corpus))?;
    }
    Ok(Outcome::Done(format!(
        "{} targets, {SECS} s each",
        targets.len()
    )))
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

/// What cargo-fuzz would do, with the compiler that is there.
fn guided(target: &str, corpus: &Path) -> Command {
    let mut command = tool::unlocked();
    command
        .args(["run", "--release", "--locked", "--package", "regard-fuzz"])
        .args(["--features", "libfuzzer", "--bin", target])
        .args(["--target", sanitizers::TARGET])
        // Apart from what is built without these flags.
        .args(["--target-dir", "target/fuzz", "--"])
        .arg(corpus.join(target))
        .arg(format!("-artifact_prefix=fuzz/artifacts/{target}-"))
        .args(["-timeout=60", "-print_final_stats=1"])
        .arg(format!("-max_total_time={SECS}"))
        .arg(format!("-rss_limit_mb={MAX_MIB}"))
        .env("RUSTFLAGS", FLAGS)
        .env("ASAN_OPTIONS", "detect_leaks=0:allocator_may_return_null=1");
    command
}
