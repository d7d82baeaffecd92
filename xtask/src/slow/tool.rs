//! What the machine has.

use std::ffi::{OsStr, OsString};
use std::process::{Command, Stdio};

use crate::run::{cargo, root};

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

/// The `cargo` that runs us, which lets its compiler do what else only a nightly one does: the sanitizers and the coverage
/// of a stable compiler work, their names may change.
pub(super) fn unlocked() -> Command {
    let mut command = cargo();
    command.env("RUSTC_BOOTSTRAP", "1");
    command
}

/// The compiler of this `cargo`.
pub(super) fn compiler() -> OsString {
    std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())
}

/// Names of the files of the standard library that a compiler has for that target; none where it has none.
pub(super) fn target_libraries(compiler: &OsStr, target: &str) -> Vec<String> {
    let output = Command::new(compiler)
        .args(["--print", "target-libdir", "--target", target])
        .current_dir(root())
        .output();
    let folder = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let entries = folder.and_then(std::fs::read_dir);
    let names = entries.into_iter().flatten().flatten();
    names
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
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
