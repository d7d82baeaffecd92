//! The NEON kernels, computed by an emulator: every law of the native runtime, as on this processor.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{Outcome, tool};
use crate::run::{cargo, must};

const TARGET: &str = "aarch64-unknown-linux-gnu";
const LINKER: &str = "aarch64-linux-gnu-gcc";
const EMULATOR: &str = "qemu-aarch64";

/// Where the C library of that processor lies: the system's own, which Debian installs with the library of Rust, or that of
/// the cross compiler, whose threads do not start under every kernel.
const LIBRARIES: [&str; 2] = ["/", "/usr/aarch64-linux-gnu"];

/// In each of them, what starts programs.
const LOADER: &str = "lib/ld-linux-aarch64.so.1";

/// Random values of each property: an emulator takes its time.
const CASES: u32 = 32;

/// Debian's compiler that has libraries for other processors, where the one that runs us has none.
const OTHER_COMPILER: &str = "/usr/bin/rustc";

/// Rooms with kernels of their own, and what their tests are called.
const LAWS: [(&str, &str); 2] = [("regard-inference", "native"), ("regard-identity", "")];

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
    let Some(compiler) = compiler() else {
        return Ok(Outcome::Skipped(format!(
            "no compiler has the library for {TARGET}; rustup target add {TARGET}, or, Debian: dpkg --add-architecture arm64, apt update, apt install rustc-web libstd-rust-web-dev:arm64"
        )));
    };
    let libraries = LIBRARIES
        .iter()
        .find(|root| Path::new(root).join(LOADER).exists());
    let libraries = libraries.unwrap_or(&LIBRARIES[1]);
    for (package, tests) in LAWS {
        let mut command = cargo();
        command
            .args(["test", "--locked", "--target", TARGET, "--lib"])
            // Apart from what another compiler built.
            .args(["--target-dir", "target/neon"])
            .args(["--package", package, "--", tests])
            .env("RUSTC", &compiler)
            .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", LINKER)
            .env(
                "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER",
                format!("{EMULATOR} -L {libraries}"),
            )
            .env("PROPTEST_CASES", CASES.to_string());
        must(
            &format!("NEON kernels of {package} under qemu"),
            &mut command,
        )?;
    }
    Ok(Outcome::Done(
        "the laws of the native runtime and of the galleries".to_owned(),
    ))
}

/// A compiler that has the standard library of that processor: the one that runs us, or Debian's.
fn compiler() -> Option<OsString> {
    let all = [tool::compiler(), OTHER_COMPILER.into()];
    all.into_iter()
        .find(|compiler| !tool::target_libraries(compiler, TARGET).is_empty())
}
