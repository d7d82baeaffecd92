//! OpenVINO in a Python process of its own.

use std::io::Write;

use anyhow::{Context, Result};
use regard_testkit::turns::Python;
use tempfile::NamedTempFile;

/// A network, loaded there.
pub(super) struct OpenVino {
    python: Python,
    _model: NamedTempFile,
}

impl OpenVino {
    /// Whether there is a Python that has it.
    pub(super) fn is_found() -> bool {
        Python::has("openvino, numpy")
    }

    /// Loads a network for inputs of that shape.
    pub(super) fn start(bytes: &[u8], shape: &[usize], threads: usize) -> Result<Self> {
        let mut model = tempfile::Builder::new().suffix(".onnx").tempfile()?;
        model.write_all(bytes)?;
        let path = model.path().display().to_string();
        let mut args = vec![path, threads.to_string()];
        args.extend(shape.iter().map(ToString::to_string));
        let python = Python::start("openvino_turns.py", &args);
        Ok(Self {
            python: python.context("OpenVINO did not load the network")?,
            _model: model,
        })
    }

    /// One run; the milliseconds it took, measured there.
    pub(super) fn run(&mut self) -> Result<f64> {
        self.python.turn()
    }
}
