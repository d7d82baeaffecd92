//! `cargo xtask slow`: what takes too long for every change. `--short` is the sample of it that CI runs.

mod alone;
mod bulk;
mod fuzz;
mod kill;
mod laws;
mod miri;
mod neon;
mod sanitizers;
mod soak;
mod tool;

use std::time::Instant;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

#[derive(Args)]
pub(crate) struct SlowArgs {
    /// Which checks; all of them when none is named.
    #[arg(value_enum)]
    checks: Vec<Check>,
    /// A sample of a few minutes, with what any machine has.
    #[arg(long)]
    short: bool,
    /// Of the fuzz targets only those whose name contains this, such as `model`; then without the sample.
    #[arg(long, default_value = "", value_name = "TEXT")]
    target: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Check {
    /// The program and its store are killed again and again, and nothing is lost.
    Kill,
    /// A job on twenty thousand pictures is killed a hundred times, and comes to the same rows; one on a hundred thousand
    /// stays below 400 MB.
    Bulk,
    /// The tests that want the machine to themselves, one after the other.
    Alone,
    /// Everything that reads foreign bytes reads bytes that were damaged.
    Fuzz,
    /// The properties that tests check on random values, on many more of them.
    Laws,
    /// Tests under the address sanitizer.
    Sanitizers,
    /// Tests in Miri, which finds undefined behaviour.
    Miri,
    /// The NEON kernels under an emulator.
    Neon,
    /// The demonstration runs on; its memory does not grow.
    Soak,
}

/// What came of a check that did not fail.
enum Outcome {
    Done(String),
    /// Not all of it could be done here; why.
    Skipped(String),
}

impl Check {
    const fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Bulk => "bulk",
            Self::Alone => "alone",
            Self::Fuzz => "fuzz",
            Self::Laws => "laws",
            Self::Sanitizers => "sanitizers",
            Self::Miri => "miri",
            Self::Neon => "neon",
            Self::Soak => "soak",
        }
    }

    fn run(self, is_short: bool, target: &str) -> Result<Outcome> {
        match self {
            Self::Kill => kill::kill(is_short),
            Self::Bulk => bulk::bulk(is_short),
            Self::Alone => alone::alone(is_short),
            Self::Fuzz => fuzz::fuzz(is_short, target),
            Self::Laws => laws::laws(is_short),
            Self::Sanitizers => sanitizers::sanitizers(is_short),
            Self::Miri => miri::miri(is_short),
            Self::Neon => neon::neon(is_short),
            Self::Soak => soak::soak(is_short),
        }
    }
}

/// Runs the checks one after the other; one that fails does not keep the others from running.
pub(crate) fn slow(args: &SlowArgs) -> Result<()> {
    let wanted: &[Check] = if args.checks.is_empty() {
        Check::value_variants()
    } else {
        &args.checks
    };
    let mut lines = Vec::new();
    let mut n_failed = 0;
    for check in wanted {
        let began_at = Instant::now();
        let line = match check.run(args.short, &args.target) {
            Ok(Outcome::Done(what)) => format!("done: {}: {what}", check.name()),
            Ok(Outcome::Skipped(why)) => format!("skipped: {}: {why}", check.name()),
            Err(error) => {
                n_failed += 1;
                format!("FAILED: {}: {error:#}", check.name())
            }
        };
        lines.push(format!(
            "{line} ({:.0} s)",
            began_at.elapsed().as_secs_f64()
        ));
    }
    println!("{}", lines.join("\n"));
    if n_failed > 0 {
        bail!("{n_failed} of {} slow checks failed", wanted.len());
    }
    Ok(())
}
