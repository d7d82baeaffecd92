//! The trait behind which every executor of networks stands.

use std::error::Error;

use regard_domain::{SensitiveCategory, sensitive_in_label};

use crate::tensor::{ShapeMismatch, Tensor, TensorView};
use crate::wire::{self, Damage};

/// Longest model file that is loaded: 512 MiB, twice the largest face embedder in common use
/// (ArcFace with a ResNet-100, 261 MB as ONNX).
pub const MAX_MODEL_BYTES: usize = 512 << 20;

/// Most threads a network may be given; beyond, face-sized networks only get slower.
pub const MAX_THREADS: usize = 64;

/// An executor of ONNX networks.
pub trait Runtime: Send + Sync {
    /// Short stable name for metrics and configuration: `rten`, `onnxruntime`.
    fn name(&self) -> &'static str;

    /// One line for people: name, version and where it comes from. Holds no folder names.
    fn description(&self) -> String;

    /// The network in `bytes`, ready to run. All inputs are `f32` tensors; where the file takes bytes and the runtime can, they
    /// are rounded into 0 to 255.
    ///
    /// # Errors
    /// Malformed, truncated, foreign, oversized or unsupported files, whatever their bytes.
    fn load(&self, bytes: &[u8], options: &LoadOptions) -> Result<Box<dyn Network>, LoadError>;
}

/// A loaded network. Used by one thread at a time; may be moved between threads.
pub trait Network: Send {
    /// What must be given to [`run`](Self::run), in the order of the file.
    fn inputs(&self) -> &[Port];

    /// What comes back, in the order of the file.
    fn outputs(&self) -> &[Port];

    /// Runs the network on `inputs`, by name and in any order; the outputs come in the order of
    /// [`outputs`](Self::outputs).
    ///
    /// # Privacy
    /// Keeps nothing: intermediate results are freed or overwritten by the next run.
    ///
    /// # Errors
    /// Inputs that are missing, unknown, given twice or of the wrong shape; a failing executor.
    fn run(&mut self, inputs: &[(&str, TensorView<'_>)]) -> Result<Vec<Tensor>, RunError> {
        let mut outputs = Vec::new();
        self.run_into(inputs, &mut outputs)?;
        Ok(outputs)
    }

    /// As [`run`](Self::run), into tensors whose memory is used again where the executor allows.
    /// On an error `outputs` holds anything.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    fn run_into(
        &mut self,
        inputs: &[(&str, TensorView<'_>)],
        outputs: &mut Vec<Tensor>,
    ) -> Result<(), RunError>;
}

impl std::fmt::Debug for dyn Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network")
            .field("inputs", &self.inputs())
            .field("outputs", &self.outputs())
            .finish()
    }
}

/// How a network is to be run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LoadOptions {
    /// Threads that work on one run together: 1 to [`MAX_THREADS`], taken into that range. One is
    /// right where several threads run networks side by side.
    pub threads: usize,
}

impl LoadOptions {
    /// `threads`, taken into the range that is allowed.
    pub(crate) fn n_threads(&self) -> usize {
        self.threads.clamp(1, MAX_THREADS)
    }
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self { threads: 1 }
    }
}

/// One input or output of a network.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Port {
    /// Its name in the file.
    pub name: String,
    /// Its shape, outermost axis first; `None` where the file does not say.
    pub shape: Option<Vec<Dim>>,
}

/// The size along one axis.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Dim {
    /// Always this size.
    Fixed(usize),
    /// Any size, chosen by each run.
    Open,
}

/// Why a file did not become a network.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Longer than [`MAX_MODEL_BYTES`].
    #[error("model has {bytes} bytes, more than the limit of {MAX_MODEL_BYTES}")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// Not a whole ONNX model.
    #[error("not a whole ONNX model")]
    Damaged(#[from] Damage),
    /// Not a network that this runtime can read.
    #[error("{runtime} cannot read the model")]
    Unreadable {
        /// Which runtime.
        runtime: &'static str,
        /// What it says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The runtime panicked on the file; the file is to blame until shown otherwise.
    #[error("{runtime} gave up on the model: {message}")]
    Panicked {
        /// Which runtime.
        runtime: &'static str,
        /// Its last words.
        message: String,
    },
    /// An input or output that is not an `f32` tensor.
    #[error("input or output {name:?} of the model is {found}, not a tensor of 32-bit floats")]
    NotF32 {
        /// Which.
        name: String,
        /// What it is instead.
        found: String,
    },
    /// An output that speaks of somebody's race, religion, health, orientation or politics (`sensitive_inference`).
    #[error("sensitive_inference: output {name:?} of the model tells of {category}")]
    Sensitive {
        /// Which.
        name: String,
        /// Which category.
        category: SensitiveCategory,
    },
    /// A network without inputs or without outputs.
    #[error("model has {n_inputs} inputs and {n_outputs} outputs")]
    NoPorts {
        /// Inputs found.
        n_inputs: usize,
        /// Outputs found.
        n_outputs: usize,
    },
}

/// Why a run gave no result.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// An input that the network does not have.
    #[error("model has no input {name:?}")]
    UnknownInput {
        /// The name given.
        name: String,
    },
    /// An input given twice.
    #[error("input {name:?} is given twice")]
    DuplicateInput {
        /// The name given.
        name: String,
    },
    /// An input that is missing.
    #[error("input {name:?} is missing")]
    MissingInput {
        /// The missing one.
        name: String,
    },
    /// An input of a shape that the network does not take.
    #[error("input {name:?} has shape {found:?}, the model takes {expected:?}")]
    WrongShape {
        /// Which input.
        name: String,
        /// What the file says.
        expected: Vec<Dim>,
        /// What was given.
        found: Vec<usize>,
    },
    /// An output that is not an `f32` tensor.
    #[error("output {name:?} is not a tensor of 32-bit floats")]
    NotF32 {
        /// Which output.
        name: String,
    },
    /// An output whose values do not fill its shape.
    #[error("output {name:?} is damaged")]
    BadOutput {
        /// Which output.
        name: String,
        /// How.
        source: ShapeMismatch,
    },
    /// The runtime failed.
    #[error("{runtime} failed to run the model")]
    Failed {
        /// Which runtime.
        runtime: &'static str,
        /// What it says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The runtime panicked.
    #[error("{runtime} gave up while running the model: {message}")]
    Panicked {
        /// Which runtime.
        runtime: &'static str,
        /// Its last words.
        message: String,
    },
    /// The system gave no threads.
    #[error("could not start {threads} threads to run the model")]
    NoThreads {
        /// How many were asked for.
        threads: usize,
    },
}

/// What every runtime asks of a file before it reads it: size, and that the file is whole.
pub(crate) fn check_file(bytes: &[u8]) -> Result<(), LoadError> {
    if bytes.len() > MAX_MODEL_BYTES {
        return Err(LoadError::TooLarge { bytes: bytes.len() });
    }
    Ok(wire::check(bytes)?)
}

/// Checks that a network has something to take and something to give, and that nothing it gives is called by a name of what
/// nobody may find out about people.
pub(crate) fn check_ports(inputs: &[Port], outputs: &[Port]) -> Result<(), LoadError> {
    if inputs.is_empty() || outputs.is_empty() {
        return Err(LoadError::NoPorts {
            n_inputs: inputs.len(),
            n_outputs: outputs.len(),
        });
    }
    for port in outputs {
        if let Some(category) = sensitive_in_label(&port.name) {
            let name = port.name.clone();
            return Err(LoadError::Sensitive { name, category });
        }
    }
    Ok(())
}

/// Checks that `given` are the inputs `ports` ask for. For each given input, in order, the index
/// of its port.
pub(crate) fn match_inputs(
    ports: &[Port],
    given: &[(&str, TensorView<'_>)],
) -> Result<Vec<usize>, RunError> {
    let mut indices = Vec::with_capacity(given.len());
    for (name, view) in given {
        let index = ports
            .iter()
            .position(|port| port.name == *name)
            .ok_or_else(|| RunError::UnknownInput {
                name: (*name).to_owned(),
            })?;
        if indices.contains(&index) {
            return Err(RunError::DuplicateInput {
                name: (*name).to_owned(),
            });
        }
        if let Some(expected) = &ports[index].shape
            && !takes(expected, view.shape())
        {
            return Err(RunError::WrongShape {
                name: (*name).to_owned(),
                expected: expected.clone(),
                found: view.shape().to_vec(),
            });
        }
        indices.push(index);
    }
    match (0..ports.len()).find(|index| !indices.contains(index)) {
        Some(index) => Err(RunError::MissingInput {
            name: ports[index].name.clone(),
        }),
        None => Ok(indices),
    }
}

fn takes(expected: &[Dim], found: &[usize]) -> bool {
    expected.len() == found.len()
        && expected.iter().zip(found).all(|(dim, &size)| match dim {
            Dim::Fixed(fixed) => *fixed == size,
            Dim::Open => true,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports() -> Vec<Port> {
        vec![
            Port {
                name: "a".into(),
                shape: Some(vec![Dim::Open, Dim::Fixed(2)]),
            },
            Port {
                name: "b".into(),
                shape: None,
            },
        ]
    }

    #[test]
    fn inputs_come_in_any_order() {
        let (a, b) = ([0.0; 6], [0.0; 1]);
        let a = TensorView::new(&[3, 2], &a).unwrap();
        let b = TensorView::new(&[1], &b).unwrap();
        assert_eq!(
            match_inputs(&ports(), &[("a", a), ("b", b)]).unwrap(),
            [0, 1]
        );
        assert_eq!(
            match_inputs(&ports(), &[("b", b), ("a", a)]).unwrap(),
            [1, 0]
        );
    }

    #[test]
    fn wrong_inputs_are_named() {
        let data = [0.0; 6];
        let good = TensorView::new(&[3, 2], &data).unwrap();
        let wide = TensorView::new(&[2, 3], &data).unwrap();
        let flat = TensorView::new(&[6], &data).unwrap();
        let error = |given: &[(&str, TensorView<'_>)]| match_inputs(&ports(), given).unwrap_err();
        assert!(matches!(error(&[("a", good)]), RunError::MissingInput { name } if name == "b"));
        assert!(matches!(error(&[("c", good)]), RunError::UnknownInput { name } if name == "c"));
        assert!(matches!(
            error(&[("a", good), ("a", good)]),
            RunError::DuplicateInput { .. }
        ));
        for view in [wide, flat] {
            assert!(matches!(
                error(&[("a", view), ("b", good)]),
                RunError::WrongShape { .. }
            ));
        }
    }

    #[test]
    fn threads_stay_in_range() {
        for (asked, given) in [(0, 1), (1, 1), (8, 8), (usize::MAX, MAX_THREADS)] {
            assert_eq!(LoadOptions { threads: asked }.n_threads(), given);
        }
    }
}
