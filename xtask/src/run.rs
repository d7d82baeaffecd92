//! Starting other programs.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The root of the checkout.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap_or_else(|_| ".".into())
}

/// `cargo` as the one that runs us.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Runs a command to its end.
pub(crate) fn must(what: &str, command: &mut Command) -> Result<()> {
    eprintln!("── {what}");
    let status = command
        .status()
        .with_context(|| format!("{what} could not be started"))?;
    ensure!(status.success(), "{what} failed ({status})");
    Ok(())
}
