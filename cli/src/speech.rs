//! Words for whoever reads along: on standard output what goes on, on standard error what is wrong.
//!
//! Whoever read may have left (`regard demo | head -1`), and what runs goes on without: nothing here
//! fails or panics. What is the product of a command goes through [`print`](crate::exit::print).

use std::fmt::Display;
use std::io::Write;

/// A line on standard output about what goes on.
pub(crate) fn say(line: impl Display) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// A line on standard error.
pub(crate) fn complain(line: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
