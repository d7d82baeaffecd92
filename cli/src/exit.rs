//! Exit codes, as `docs/cli.md` lists them.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::speech::complain;

/// Nothing was done.
pub(crate) const NOTHING_DONE: u8 = 1;
/// Some inputs were bad; the rest was done.
pub(crate) const SOME_BAD: u8 = 2;
/// The command was not understood.
pub(crate) const USAGE: u8 = 64;

/// Answers a command line that was not understood, or a wish for help.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    // Help that cannot be printed has no reader.
    let _ = error.print();
    if error.use_stderr() {
        ExitCode::from(USAGE)
    } else {
        ExitCode::SUCCESS
    }
}

/// Says what went wrong, with its causes, on one line.
pub(crate) fn failure(error: &anyhow::Error) -> ExitCode {
    complain(format_args!("error: {error:#}"));
    ExitCode::from(NOTHING_DONE)
}

/// Prints text and a line's end on standard output. Whoever reads may have had enough.
pub(crate) fn print(text: &str) -> Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context("standard output cannot be written")
        }
        Ok(()) | Err(_) => Ok(ExitCode::SUCCESS),
    }
}
