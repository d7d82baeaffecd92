//! A headless Chromium that plays a screen.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

/// A browser on one page; it ends with this value.
pub(super) struct Player(Child);

/// Whether there is one.
pub(super) fn is_found() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join("chromium").is_file())
}

impl Player {
    /// Opens a page; `profile` is an empty folder of its own.
    pub(super) fn open(page: &str, profile: &Path) -> Result<Self> {
        let mut command = Command::new("chromium");
        command.args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--window-size=1280,720",
        ]);
        command.arg(format!("--user-data-dir={}", profile.display()));
        // What it keeps beside its profile goes with the folder of the case.
        command.env("TMPDIR", profile.parent().unwrap_or(profile));
        // A group of its own: its helpers end with it.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        // Without a port for its debugger a headless browser prints the page and leaves.
        let child = command
            .args(["--remote-debugging-port=0", page])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Ok(Self(child.context("chromium could not be started")?))
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        let group = format!("-{}", self.0.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.0.wait();
    }
}
