//! Chores of the project: `cargo xtask <chore>`.
//!
//! What a change must pass is here and knows nothing of the program, so that it can be asked before that is built. What measures the
//! program, or writes down what it says of itself, is the program `chores`, which is built when it is asked for.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "chores talk to the terminal"
)]

mod check;
mod licences;
pub mod run;
mod slow;
mod tests;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

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
    #[command(disable_help_flag = true)]
    Accuracy(Passed),
    /// Measures speed: the whole loop, the networks beside a rival, the rooms' own benches.
    #[command(disable_help_flag = true)]
    Bench(Passed),
    /// Lets the release program run for a long time and watches its memory.
    #[command(disable_help_flag = true)]
    Soak(Passed),
    /// The long checks: kill -9, fuzzing, sanitizers, Miri, soak.
    Slow(slow::SlowArgs),
    /// Writes docs/law.md: every rule, where it is kept, and which tests show it.
    #[command(disable_help_flag = true)]
    Law(Passed),
    /// Checks the licences of all dependencies against deny.toml.
    Licences,
}

/// What is handed on to `chores` as it is; `--help` too.
#[derive(Args)]
struct Passed {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<OsString>,
}

impl Passed {
    fn on(&self, chore: &str) -> Result<()> {
        run::must(chore, run::chores().arg(chore).args(&self.args))
    }
}

/// Does the chore that the command line names.
#[must_use]
pub fn main() -> ExitCode {
    let result = match Cli::parse().chore {
        Chore::Test(args) => tests::test(&args),
        Chore::Check(args) => check::check(&args),
        Chore::Accuracy(passed) => passed.on("accuracy"),
        Chore::Bench(passed) => passed.on("bench"),
        Chore::Soak(passed) => passed.on("soak"),
        Chore::Slow(args) => slow::slow(&args),
        Chore::Law(passed) => passed.on("law"),
        Chore::Licences => licences::check(),
    };
    run::exit_code(result)
}
