//! The chores that know the program: `cargo xtask` builds them and hands its arguments on.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "chores talk to the terminal"
)]

mod accuracy;
mod bench;
mod bulk_files;
mod bulk_memory;
mod law;
mod soak;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "chores",
    bin_name = "cargo xtask",
    about = "Chores of the project that know the program"
)]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Measures accuracy on evaluation data; `REGARD_EVAL_DATA` says where it is.
    Accuracy(accuracy::AccuracyArgs),
    /// Measures speed: the whole loop, the networks beside a rival, the rooms' own benches.
    Bench(bench::BenchArgs),
    /// Lets the release program run for a long time and watches its memory.
    Soak(soak::SoakArgs),
    /// Lets a job of `regard analyze` run on many files and watches its memory.
    BulkMemory(bulk_memory::BulkMemoryArgs),
    /// Writes docs/law.md: every rule, where it is kept, and which tests show it.
    Law,
}

fn main() -> ExitCode {
    xtask::run::exit_code(match Cli::parse().chore {
        Chore::Accuracy(args) => accuracy::accuracy(&args),
        Chore::Bench(args) => bench::bench(&args),
        Chore::Soak(args) => soak::soak(&args),
        Chore::BulkMemory(args) => bulk_memory::bulk_memory(&args),
        Chore::Law => law::write(),
    })
}
