//! What the machine has.

use std::process::{Command, Stdio};

use crate::run::root;

/// `cargo` of the nightly toolchain, which the checks need that look inside.
pub(super) fn nightly() -> Command {
    let mut command = Command::new("cargo");
    // Set by rustup for us, and stronger than `+nightly` there.
    for name in ["CARGO", "RUSTUP_TOOLCHAIN", "RUSTC", "RUSTDOC"] {
        command.env_remove(name);
    }
    command.arg("+nightly").current_dir(root());
    command
}

/// Whether a command answers.
pub(super) fn answers(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Whether there is a nightly compiler.
pub(super) fn has_nightly() -> bool {
    answers(nightly().arg("--version"))
}

/// What to do where there is none.
pub(super) const NO_NIGHTLY: &str =
    "no nightly compiler found; install it: rustup toolchain install nightly";

/// A number that differs from run to run, for seeds that are printed.
pub(super) fn seed() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
