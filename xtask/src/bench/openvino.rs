//! OpenVINO in a Python process of its own, which runs once when it is told to.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, ensure};
use tempfile::NamedTempFile;

use crate::run::root;

/// A network, loaded there.
pub(super) struct OpenVino {
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
    _model: NamedTempFile,
}

fn python() -> Command {
    let named = std::env::var_os("REGARD_PYTHON");
    Command::new(named.unwrap_or_else(|| "python3".into()))
}

impl OpenVino {
    /// Whether there is a Python that has it.
    pub(super) fn is_found() -> bool {
        let mut command = python();
        command.args(["-c", "import openvino, numpy"]);
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    }

    /// Loads a network for inputs of that shape.
    pub(super) fn start(bytes: &[u8], shape: &[usize], threads: usize) -> Result<Self> {
        let mut model = tempfile::Builder::new().suffix(".onnx").tempfile()?;
        model.write_all(bytes)?;
        let mut command = python();
        command.arg(root().join("tools/bench/openvino_turns.py"));
        command.arg(model.path()).arg(threads.to_string());
        command.args(shape.iter().map(ToString::to_string));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("Python could not be started")?;
        let commands = child.stdin.take().context("no pipe to Python")?;
        let answers = child.stdout.take().context("no pipe from Python")?;
        let mut this = Self {
            child,
            commands,
            answers: BufReader::new(answers),
            _model: model,
        };
        this.answer().context("OpenVINO did not load the network")?;
        Ok(this)
    }

    fn answer(&mut self) -> Result<String> {
        let mut line = String::new();
        ensure!(self.answers.read_line(&mut line)? > 0, "Python ended");
        Ok(line.trim().to_owned())
    }

    /// One run; the milliseconds it took, measured there.
    pub(super) fn run(&mut self) -> Result<f64> {
        self.commands.write_all(b"\n")?;
        self.commands.flush()?;
        let answer = self.answer()?;
        answer
            .parse()
            .with_context(|| format!("OpenVINO answered {answer:?}"))
    }
}

impl Drop for OpenVino {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing else to do about a process that cannot be ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
