//! Memory errors in our `unsafe` and in that of the crates we stand on.

use anyhow::Result;

use super::{Outcome, tool};
use crate::run::must;

/// The only target whose runtime comes with the compiler.
pub(super) const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The rooms with `unsafe` of our own, or of decoders and runtimes that eat foreign bytes.
const PACKAGES: [&str; 2] = ["regard-inference", "regard-vision"];

/// Runs tests, and the sample of fuzzing, under the address sanitizer.
pub(super) fn sanitizers(is_short: bool) -> Result<Outcome> {
    if is_short {
        return Ok(Outcome::Skipped("only without --short".to_owned()));
    }
    if let Some(why) = missing() {
        return Ok(Outcome::Skipped(why));
    }
    for package in PACKAGES {
        let what = format!("address sanitizer: {package}");
        must(&what, under(package).args(["--lib", "--tests"]))?;
    }
    must(
        "address sanitizer: damaged inputs",
        &mut under("regard-fuzz"),
    )?;
    Ok(Outcome::Done(
        "address sanitizer: inference, vision, damaged inputs".to_owned(),
    ))
}

/// Why the address sanitizer cannot be had here.
pub(super) fn missing() -> Option<String> {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        return Some(format!("the address sanitizer: only on {TARGET}"));
    }
    let files = tool::target_libraries(&tool::compiler(), TARGET);
    let is_there = files.iter().any(|name| name.ends_with("_rt.asan.a"));
    (!is_there).then(|| {
        "the compiler came without the address sanitizer; the one that rustup installs has it"
            .to_owned()
    })
}

fn under(package: &str) -> std::process::Command {
    let mut command = tool::unlocked();
    command
        .args(["test", "--locked", "--target", TARGET, "--package", package])
        .env("RUSTFLAGS", "-Zsanitizer=address")
        // What is kept to the end of the process is no leak of ours: thread pools, models.
        .env("ASAN_OPTIONS", "detect_leaks=0:allocator_may_return_null=1");
    command
}
