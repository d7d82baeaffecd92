//! A script in a Python process of its own, which takes one turn when it is told to.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};

/// The checkout.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A script of `tools/bench` that answers each empty line with the milliseconds it took.
pub struct Python {
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
    version: String,
}

/// The interpreter that was asked for; else that of `REGARD_PYTHON`, else `python3`.
static NAMED: OnceLock<PathBuf> = OnceLock::new();

/// From now on that interpreter is used.
pub fn use_python(path: &Path) {
    // Asked for once, at the beginning.
    let _ = NAMED.set(path.to_owned());
}

fn python() -> Command {
    let named = NAMED.get().map(|path| path.clone().into_os_string());
    let named = named.or_else(|| std::env::var_os("REGARD_PYTHON"));
    Command::new(named.unwrap_or_else(|| "python3".into()))
}

/// Where the Python package of ONNX Runtime keeps its library, which we load ourselves.
pub fn onnx_runtime_folder() -> Option<PathBuf> {
    let find = "import importlib.util as u; print(u.find_spec('onnxruntime').submodule_search_locations[0])";
    let output = python().args(["-c", find]).stderr(Stdio::null()).output();
    let text = String::from_utf8(output.ok()?.stdout).ok()?;
    let folder = Path::new(text.trim()).join("capi");
    folder.is_dir().then_some(folder)
}

/// The embedder as OpenCV reads it: the file that `REGARD_SFACE` names, otherwise ours.
fn sface() -> OsString {
    let ours = || root().join("models/sface_2021dec_int8.onnx").into();
    std::env::var_os("REGARD_SFACE").unwrap_or_else(ours)
}

impl Python {
    /// Whether there is a Python that has these modules.
    pub fn has(modules: &str) -> bool {
        let mut command = python();
        command.args(["-c", &format!("import {modules}")]);
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    }

    /// Starts a script of `tools/bench` and waits until it says its version.
    ///
    /// # Errors
    /// When Python cannot be started or ends.
    pub fn start(script: &str, args: &[String]) -> Result<Self> {
        let mut command = python();
        command.arg(root().join("tools/bench").join(script));
        let mut child = command
            .args(args)
            .env("REGARD_YUNET", root().join("models/yunet_2023mar.onnx"))
            .env("REGARD_SFACE", sface())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("Python could not be started")?;
        let commands = child.stdin.take().context("no pipe to Python")?;
        let answers = child.stdout.take().context("no pipe from Python")?;
        let mut this = Self {
            child,
            commands,
            answers: BufReader::new(answers),
            version: String::new(),
        };
        this.version = this.answer()?;
        Ok(this)
    }

    /// What the script runs on.
    pub fn version(&self) -> &str {
        &self.version
    }

    fn answer(&mut self) -> Result<String> {
        let mut line = String::new();
        ensure!(self.answers.read_line(&mut line)? > 0, "Python ended");
        Ok(line.trim().to_owned())
    }

    /// One turn; the milliseconds it took, measured there.
    ///
    /// # Errors
    /// When Python ended or answered something else.
    pub fn turn(&mut self) -> Result<f64> {
        self.commands.write_all(b"\n")?;
        self.commands.flush()?;
        let answer = self.answer()?;
        let millis = answer.split_whitespace().next().map(str::parse);
        millis
            .and_then(Result::ok)
            .with_context(|| format!("Python answered {answer:?}"))
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing else to do about a process that cannot be ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
