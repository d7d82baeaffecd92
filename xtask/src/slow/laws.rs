//! Properties on more random values than every run of the tests has time for.

use anyhow::Result;

use super::Outcome;
use crate::run::{cargo, must};

/// Random values of each property; the tests take 256.
const CASES: u32 = 10_000;

/// Rooms with properties that take next to no time a value.
const PACKAGES: [&str; 7] = [
    "regard-domain",
    "regard-commitments",
    "regard-audience",
    "regard-decision",
    "regard-inference",
    "regard-vision",
    "regard-server",
];

/// Runs the tests of the rooms with many cases.
pub(super) fn laws(is_short: bool) -> Result<Outcome> {
    if is_short {
        return Ok(Outcome::Skipped("only without --short".to_owned()));
    }
    let mut command = cargo();
    command.args(["test", "--locked", "--release", "--lib"]);
    for package in PACKAGES {
        command.args(["--package", package]);
    }
    command.env("PROPTEST_CASES", CASES.to_string());
    must("properties", &mut command)?;
    Ok(Outcome::Done(format!("{CASES} values each")))
}
