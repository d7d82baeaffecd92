//! Chores of the project: `cargo xtask <chore>`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "chores talk to the terminal"
)]

mod accuracy;
mod bench;
mod bulk_files;
mod check;
mod law;
mod licences;
mod run;
mod slow;
mod soak;
mod tests;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Chores of the project")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Runs every test for which this machine has the means, and lists what was skipped and why.
    Test(tests::TestArgs),
    /// Everything a change must pass: format, lints, rooms, licences, docs, benches, tests.
    Check(check::CheckArgs),
    /// Measures accuracy on evaluation data; `REGARD_EVAL_DATA` says where it is.
    Accuracy(accuracy::AccuracyArgs),
    /// Measures speed: the whole loop, the networks beside a rival, the rooms' own benches.
    Bench(bench::BenchArgs),
    /// Lets the release program run for a long time and watches its memory.
    Soak(soak::SoakArgs),
    /// The long checks: kill -9, fuzzing, sanitizers, Miri, soak.
    Slow(slow::SlowArgs),
    /// Writes docs/law.md: every rule, where it is kept, and which tests show it.
    Law,
    /// Checks the licences of all dependencies against deny.toml.
    Licences,
}

fn main() -> ExitCode {
    let result = match Cli::parse().chore {
        Chore::Test(args) => tests::test(&args),
        Chore::Check(args) => check::check(&args),
        Chore::Accuracy(args) => accuracy::accuracy(&args),
        Chore::Bench(args) => bench::bench(&args),
        Chore::Soak(args) => soak::soak(&args),
        Chore::Slow(args) => slow::slow(&args),
        Chore::Law => law::write(),
        Chore::Licences => licences::check(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
