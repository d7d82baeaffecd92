//! Which runtime is used.

use std::sync::Arc;

use crate::native::Native;
use crate::onnx_runtime::{Device, LibraryError, LibrarySearch, OnnxRuntime};
use crate::rten_runtime::Rten;
use crate::runtime::{LoadError, LoadOptions, Network, Runtime};

/// What the owner of the machine asked for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum RuntimeChoice {
    /// For each network the first that can load it: the native runtime, ONNX Runtime where its library is
    /// found, rten.
    #[default]
    Auto,
    /// As [`Auto`](Self::Auto), without ever looking for a library.
    Native,
    /// The general one that is built in.
    Rten,
    /// ONNX Runtime or nothing.
    OnnxRuntime(Device),
}

/// The runtime that will be used.
pub struct Selection {
    /// To load networks with.
    pub runtime: Arc<dyn Runtime>,
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
    let preferred = |search: Option<LibrarySearch>| -> Arc<dyn Runtime> {
        Arc::new(Preferred {
            native: Native::new(),
            search,
        })
    };
    let runtime = match choice {
        RuntimeChoice::Auto => preferred(Some(search.clone())),
        RuntimeChoice::Native => preferred(None),
        RuntimeChoice::Rten => Arc::new(Rten),
        RuntimeChoice::OnnxRuntime(device) => Arc::new(OnnxRuntime::find(search, device)?),
    };
    Ok(Selection { runtime })
}

/// The native runtime, and a general one for what it cannot read.
struct Preferred {
    native: Native,
    /// Where ONNX Runtime is looked for, and only when a network needs it: the library takes time to load
    /// and memory to hold.
    search: Option<LibrarySearch>,
}

impl Runtime for Preferred {
    fn name(&self) -> &'static str {
        self.native.name()
    }

    fn description(&self) -> String {
        self.native.description()
    }

    fn load(&self, bytes: &[u8], options: &LoadOptions) -> Result<Box<dyn Network>, LoadError> {
        match self.native.load(bytes, options) {
            // rten takes networks whose pictures are bytes.
            Err(
                LoadError::Unreadable { .. }
                | LoadError::Panicked { .. }
                | LoadError::NotF32 { .. },
            ) => {}
            loaded_or_hopeless => return loaded_or_hopeless,
        }
        let library = self
            .search
            .as_ref()
            .and_then(|search| OnnxRuntime::find(search, Device::Cpu).ok());
        if let Some(Ok(network)) = library.map(|library| library.load(bytes, options)) {
            return Ok(network);
        }
        Rten.load(bytes, options)
    }
}
