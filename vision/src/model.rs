//! A network with its buffers, and its failures by name.

use regard_inference::{Network, Tensor, TensorView};

use crate::AnalysisError;

/// A loaded network that keeps its output tensors for the next run.
///
/// # Privacy
/// Outputs of the last run stay until the next.
pub(crate) struct Model {
    id: &'static str,
    network: Box<dyn Network>,
    outputs: Vec<Tensor>,
}

impl Model {
    pub(crate) fn new(id: &'static str, network: Box<dyn Network>) -> Self {
        Self {
            id,
            network,
            outputs: Vec::new(),
        }
    }

    /// Runs the network, which has one input, whatever it is called.
    pub(crate) fn run(&mut self, shape: &[usize], data: &[f32]) -> Result<(), AnalysisError> {
        let name = match self.network.inputs() {
            [only] => only.name.clone(),
            other => return Err(self.unexpected(format!("{} inputs", other.len()))),
        };
        let id = self.id;
        let failed = |source| AnalysisError::Run { model: id, source };
        let view = TensorView::new(shape, data).map_err(|e| failed(Box::new(e)))?;
        self.network
            .run_into(&[(&name, view)], &mut self.outputs)
            .map_err(|e| failed(Box::new(e)))
    }

    /// Where an output of that name stands.
    pub(crate) fn output_index(&self, name: &str) -> Result<usize, AnalysisError> {
        self.network
            .outputs()
            .iter()
            .position(|port| port.name == name)
            .ok_or_else(|| self.unexpected(format!("no output {name:?}")))
    }

    /// The values of an output of the last run, which must be `len`.
    pub(crate) fn output(&self, index: usize, len: usize) -> Result<&[f32], AnalysisError> {
        match self.outputs.get(index).map(Tensor::data) {
            Some(data) if data.len() == len => Ok(data),
            Some(data) => Err(self.unexpected(format!("{} values, not {len}", data.len()))),
            None => Err(self.unexpected(format!("no output {index}"))),
        }
    }

    pub(crate) fn unexpected(&self, what: String) -> AnalysisError {
        AnalysisError::Output {
            model: self.id,
            what,
        }
    }
}
