//! The NEON kernels, computed by an emulator: every law of the native runtime, as on this processor.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{Outcome, tool};
use crate::run::{cargo, must};

const TARGET: &str = "aarch64-unknown-linux-gnu";
const LINKER: &str = "aarch64-linux-gnu-gcc";
const EMULATOR: &str = "qemu-aarch64";

/// Where Debian's cross compiler keeps the C library of that processor.
const LIBRARIES: &str = "/usr/aarch64-linux-gnu";

/// Runs the laws under the emulator.
pub(super) fn neon(is_short: bool) -> Result<Outcome> {
    if is_short {
        return Ok(Outcome::Skipped("only without --short".to_owned()));
    }
    for program in [LINKER, EMULATOR] {
        if !tool::answers(Command::new(program).arg("--version")) {
            return Ok(Outcome::Skipped(format!(
                "{program} is not installed; Debian: apt install qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross"
            )));
        }
    }
    if !has_target() {
        return Ok(Outcome::Skipped(format!(
            "the compiler has no library for {TARGET}; rustup target add {TARGET}, or name one that has in RUSTC"
        )));
    }
    let mut command = cargo();
    command
        .args(["test", "--locked", "--target", TARGET, "--lib"])
        .args(["--package", "regard-inference", "--", "native"])
        .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", LINKER)
        .env(
            "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER",
            format!("{EMULATOR} -L {LIBRARIES}"),
        );
    must("NEON kernels under qemu", &mut command)?;
    Ok(Outcome::Done("the laws of the native runtime".to_owned()))
}

/// Whether the compiler has the standard library of that processor.
fn has_target() -> bool {
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(compiler)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output();
    let folder = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let entries = folder.and_then(|folder| std::fs::read_dir(Path::new(&folder)));
    entries.is_ok_and(|mut entries| entries.next().is_some())
}
