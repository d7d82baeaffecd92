//! The demo as a user starts it.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

/// A running demo; it ends with the test.
pub(crate) struct Demo {
    child: Child,
    address: String,
    /// Kept open: the program goes on writing.
    _output: BufReader<ChildStdout>,
}

impl Demo {
    /// Starts the demo on a free port and reads where it listens.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_regard"))
            .args(["demo", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut first).unwrap();
        let address = first
            .trim()
            .strip_prefix("listening on ")
            .expect("the first line")
            .to_owned();
        Self {
            child,
            address,
            _output: output,
        }
    }

    /// Address of a page.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It may have ended by itself; the test says so then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
