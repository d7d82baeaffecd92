//! Undefined behaviour, as far as an interpreter can see it.

use anyhow::Result;

use super::{Outcome, tool};
use crate::run::must;

/// Rooms that only compute; the others call into the system or into machine code of models, which an
/// interpreter cannot follow. Our own `unsafe` is in `inference`, of which it can run these tests: of the kernels the
/// portable ones, for it knows neither vectors nor assembly.
const TESTS: [(&str, &[&str]); 3] = [
    ("regard-domain", &[]),
    (
        "regard-inference",
        &["wire::", "tensor::", "guard::", "native::"],
    ),
    ("regard-commitments", &["merkle::", "note::"]),
];

/// Runs tests in Miri.
pub(super) fn miri(is_short: bool) -> Result<Outcome> {
    if is_short {
        return Ok(Outcome::Skipped("only without --short".to_owned()));
    }
    if !tool::has_nightly() {
        return Ok(Outcome::Skipped(tool::NO_NIGHTLY.to_owned()));
    }
    if !tool::answers(tool::nightly().args(["miri", "--version"])) {
        let why = "Miri is not installed; rustup +nightly component add miri rust-src";
        return Ok(Outcome::Skipped(why.to_owned()));
    }
    for (package, names) in TESTS {
        let mut command = tool::nightly();
        command
            .args([
                "miri",
                "test",
                "--locked",
                "--lib",
                "--package",
                package,
                "--",
            ])
            .args(names)
            .env("PROPTEST_CASES", "4")
            // Threads that help networks live as long as the program.
            .env("MIRIFLAGS", "-Zmiri-disable-isolation -Zmiri-ignore-leaks");
        must(&format!("Miri: {package}"), &mut command)?;
    }
    Ok(Outcome::Done(format!("{} rooms", TESTS.len())))
}
