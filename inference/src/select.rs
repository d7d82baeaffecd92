//! Which runtime is used.

use std::sync::Arc;

use crate::onnx_runtime::{Device, LibraryError, LibrarySearch, OnnxRuntime};
use crate::rten_runtime::Rten;
use crate::runtime::Runtime;

/// What the owner of the machine asked for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum RuntimeChoice {
    /// ONNX Runtime where its library is found, rten otherwise.
    #[default]
    Auto,
    /// The built-in one.
    Rten,
    /// ONNX Runtime or nothing.
    OnnxRuntime(Device),
}

/// The runtime that will be used, and what became of ONNX Runtime.
pub struct Selection {
    /// To load networks with.
    pub runtime: Arc<dyn Runtime>,
    /// Why ONNX Runtime is not it, where it was looked for and not found. Not a failure.
    pub without_onnx_runtime: Option<LibraryError>,
}

/// The wanted runtime is not there.
#[derive(Debug, thiserror::Error)]
#[error("ONNX Runtime is asked for and cannot be used")]
pub struct SelectError {
    /// Why.
    #[from]
    source: LibraryError,
}

/// The runtime for `choice`.
///
/// # Errors
/// Only where ONNX Runtime is insisted on and cannot be used.
pub fn select(choice: RuntimeChoice, search: &LibrarySearch) -> Result<Selection, SelectError> {
    match choice {
        RuntimeChoice::Rten => Ok(Selection {
            runtime: Arc::new(Rten),
            without_onnx_runtime: None,
        }),
        RuntimeChoice::OnnxRuntime(device) => Ok(Selection {
            runtime: Arc::new(OnnxRuntime::find(search, device)?),
            without_onnx_runtime: None,
        }),
        RuntimeChoice::Auto => Ok(match OnnxRuntime::find(search, Device::Cpu) {
            Ok(found) => Selection {
                runtime: Arc::new(found),
                without_onnx_runtime: None,
            },
            Err(error) => Selection {
                runtime: Arc::new(Rten),
                without_onnx_runtime: Some(error),
            },
        }),
    }
}
