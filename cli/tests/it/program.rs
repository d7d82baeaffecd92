//! Running the program and reading what it says.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What a run said.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    fn of(output: Output) -> Self {
        Self {
            // A program that a signal ended has no code, and no test expects that.
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The lines that tell of an error.
    pub(crate) fn errors(&self) -> Vec<&str> {
        self.err
            .lines()
            .filter(|line| line.starts_with("error: "))
            .collect()
    }
}

/// The program, away from whatever this machine has: no models of its own, no ONNX Runtime, no proxy.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_regard"));
    for name in ["REGARD_MODELS", "REGARD_DATA_DIR", "REGARD_LOG"] {
        command.env_remove(name);
    }
    for name in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY"] {
        command
            .env_remove(name)
            .env_remove(name.to_ascii_lowercase());
    }
    command.env("ORT_DYLIB_PATH", "/nonexistent/libonnxruntime.so");
    command
}

pub(crate) fn run<S: AsRef<OsStr>>(arguments: &[S]) -> Said {
    said_by(program().args(arguments))
}

pub(crate) fn said_by(command: &mut Command) -> Said {
    Said::of(command.output().unwrap())
}

pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../testkit/fixtures")
        .join(name)
}
