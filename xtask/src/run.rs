//! Starting other programs.

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, ensure};

/// The root of the checkout.
#[must_use]
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap_or_else(|_| ".".into())
}

/// `cargo` as the one that runs us, without what that one told us about our own package: build scripts watch these
/// variables, and would build all that depends on them anew for each chore, and again for the chore after it.
#[must_use]
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    for (name, _) in std::env::vars_os() {
        let is_ours = name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_MANIFEST_") || name.starts_with("CARGO_PKG_")
        });
        if is_ours {
            command.env_remove(name);
        }
    }
    command
}

/// The chores that know the program, built where they have to be; those of a build for release build themselves once more.
pub(crate) fn chores() -> Command {
    let mut command = cargo();
    command.args(["run", "--quiet", "--locked", "--package", "chores", "--"]);
    command
}

/// The program of that name in the folder of this one.
pub(crate) fn beside_us(name: &str) -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    ensure!(path.exists(), "{} is not there", path.display());
    Ok(path)
}

/// Runs a command to its end.
///
/// # Errors
/// When it cannot be started, or fails.
pub fn must(what: &str, command: &mut Command) -> Result<()> {
    eprintln!("── {what}");
    let status = command
        .status()
        .with_context(|| format!("{what} could not be started"))?;
    ensure!(status.success(), "{what} failed ({status})");
    Ok(())
}

/// Builds a program of the workspace for release and says where it is.
///
/// # Errors
/// When it cannot be built, or cargo does not say where it is.
pub fn release_binary(package: &str, name: &str) -> Result<PathBuf> {
    eprintln!("── {name}, release build");
    let output = cargo()
        .args(["build", "--release", "--locked", "--package", package])
        .args(["--bin", name, "--message-format=json-render-diagnostics"])
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("the build of {name} could not be started"))?;
    ensure!(output.status.success(), "{name} could not be built");
    let lines = String::from_utf8_lossy(&output.stdout);
    let executable = lines.lines().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let is_it = message["target"]["name"] == name;
        let path = message["executable"].as_str().filter(|_| is_it)?;
        Some(PathBuf::from(path))
    });
    executable.with_context(|| format!("cargo did not say where {name} is"))
}

/// Tells why a chore failed, where it did.
#[must_use]
pub fn exit_code(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
