//! ONNX Runtime, where its shared library is found.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;
use ort::ep::{CUDA, ExecutionProvider};
use ort::logging::LogLevel;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{Session, SessionInputValue, SessionOutputs};
use ort::value::{Outlet, TensorElementType, TensorRef, ValueType};

use crate::guard;
use crate::processor::{FlushScope, Probe, probe_onnx_runtime};
use crate::runtime::{
    Dim, LoadError, LoadOptions, Network, Port, RunError, Runtime, check_file, check_ports,
    match_inputs,
};
use crate::tensor::{Tensor, TensorView};

mod library;

pub use library::{LibraryError, LibrarySearch};

const NAME: &str = "onnxruntime";

/// Where ONNX Runtime computes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Device {
    /// The processor.
    #[default]
    Cpu,
    /// The first NVIDIA GPU, with a library that was built for CUDA.
    Cuda,
}

/// ONNX Runtime from a shared library.
///
/// A process holds one such library: the first that is found stays, and later searches answer with
/// it whatever they look for.
#[derive(Clone)]
pub struct OnnxRuntime {
    loaded: Loaded,
    device: Device,
}

#[derive(Clone)]
struct Loaded {
    environment: Environment,
    version: String,
    path: PathBuf,
}

/// The library of this process. `ort` itself allows one library and one environment.
static LOADED: Mutex<Option<Loaded>> = Mutex::new(None);

impl OnnxRuntime {
    /// The library that `search` finds, made ready for `device`.
    ///
    /// # Errors
    /// No library, one that cannot be loaded, one that is something else or too old, or one
    /// without support for `device`. None of these is a defect: rten is always there.
    pub fn find(search: &LibrarySearch, device: Device) -> Result<Self, LibraryError> {
        let mut slot = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        let loaded = match slot.as_ref() {
            Some(loaded) => loaded.clone(),
            None => slot.insert(search.first(load)?).clone(),
        };
        drop(slot);
        let found = Self { loaded, device };
        found.check_device()?;
        Ok(found)
    }

    /// The library's file.
    pub fn path(&self) -> &Path {
        &self.loaded.path
    }

    /// The library's version, such as `1.22.0`.
    pub fn version(&self) -> &str {
        &self.loaded.version
    }

    fn check_device(&self) -> Result<(), LibraryError> {
        let available = match self.device {
            Device::Cpu => true,
            Device::Cuda => guard::catch(|| CUDA::is_available().unwrap_or(false)).unwrap_or(false),
        };
        if available {
            return Ok(());
        }
        Err(LibraryError::NoDevice {
            path: self.loaded.path.clone(),
            device: self.device,
        })
    }

    fn session(&self, bytes: &[u8], threads: usize) -> Result<Session, ort::Error> {
        let mut builder = self.configured(threads)?;
        builder.commit_from_memory(bytes)
    }

    fn configured(&self, threads: usize) -> Result<SessionBuilder, ort::Error> {
        let builder = Session::builder(&self.loaded.environment)?
            .with_log_level(LogLevel::Fatal)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_intra_threads(threads)?
            .with_inter_threads(1)?
            // Waiting threads sleep: the cores are shared with decoding and with other networks.
            .with_intra_op_spinning(false)?
            .with_flush_to_zero()?;
        match self.device {
            Device::Cpu => Ok(builder),
            Device::Cuda => {
                Ok(builder
                    .with_execution_providers([CUDA::default().build().error_on_failure()])?)
            }
        }
    }
}

/// Loads the library at `path` into this process for good.
fn load(path: &Path) -> Result<Loaded, LibraryError> {
    // `ort` panics on some of these answers, so they are asked for here first.
    let (version, _held) = match probe_onnx_runtime(path.as_os_str(), ort::MINOR_VERSION) {
        Probe::Good { version, library } => (version, library),
        Probe::WrongVersion { version } => {
            let needed = format!("1.{}", ort::MINOR_VERSION);
            return Err(LibraryError::TooOld {
                path: path.to_owned(),
                version,
                needed,
            });
        }
        Probe::Foreign => {
            return Err(LibraryError::Foreign {
                path: path.to_owned(),
            });
        }
        Probe::Unloadable(source) => {
            return Err(LibraryError::Unloadable {
                path: path.to_owned(),
                source,
            });
        }
    };
    let environment = guard::catch(|| {
        let builder = ort::init_from(path).map_err(|error| error.to_string())?;
        // Off: nothing of this program reports to anyone.
        let environment = builder.with_name("regard").with_telemetry(false).build();
        environment.map_err(|error| error.to_string())
    })
    .and_then(|result| result)
    .map_err(|message| LibraryError::Unusable {
        path: path.to_owned(),
        message,
    })?;
    environment.set_log_level(LogLevel::Fatal);
    Ok(Loaded {
        environment,
        version,
        path: path.to_owned(),
    })
}

impl Runtime for OnnxRuntime {
    fn name(&self) -> &'static str {
        NAME
    }

    fn description(&self) -> String {
        let file = self
            .loaded
            .path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        let device = match self.device {
            Device::Cpu => "",
            Device::Cuda => ", CUDA",
        };
        format!("ONNX Runtime {} at {file}{device}", self.loaded.version)
    }

    fn load(&self, bytes: &[u8], options: &LoadOptions) -> Result<Box<dyn Network>, LoadError> {
        check_file(bytes)?;
        let _flush = FlushScope::enter();
        let session = guard::catch(|| self.session(bytes, options.n_threads()))
            .map_err(|message| LoadError::Panicked {
                runtime: NAME,
                message,
            })?
            .map_err(|error| LoadError::Unreadable {
                runtime: NAME,
                source: Box::new(error),
            })?;
        let inputs = ports(session.inputs())?;
        let outputs = ports(session.outputs())?;
        check_ports(&inputs, &outputs)?;
        Ok(Box::new(OnnxNetwork {
            session,
            inputs,
            outputs,
        }))
    }
}

struct OnnxNetwork {
    session: Session,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
}

impl Network for OnnxNetwork {
    fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    fn run_into(
        &mut self,
        inputs: &[(&str, TensorView<'_>)],
        outputs: &mut Vec<Tensor>,
    ) -> Result<(), RunError> {
        match_inputs(&self.inputs, inputs)?;
        // With one thread the library computes on ours; its own threads are set by the session.
        let _flush = FlushScope::enter();
        let (session, ports) = (&mut self.session, &self.outputs);
        guard::catch(|| {
            let values = to_values(inputs).map_err(failed)?;
            let results = session.run(values).map_err(failed)?;
            copy_outputs(&results, ports, outputs)
        })
        .map_err(|message| RunError::Panicked {
            runtime: NAME,
            message,
        })?
    }
}

type NamedValue<'a> = (Cow<'a, str>, SessionInputValue<'a>);

fn to_values<'a>(inputs: &'a [(&str, TensorView<'a>)]) -> Result<Vec<NamedValue<'a>>, ort::Error> {
    inputs
        .iter()
        .map(|(name, view)| {
            let value = TensorRef::from_array_view((view.shape(), view.data()))?;
            Ok((Cow::Borrowed(*name), SessionInputValue::from(value)))
        })
        .collect()
}

fn copy_outputs(
    results: &SessionOutputs<'_>,
    ports: &[Port],
    outputs: &mut Vec<Tensor>,
) -> Result<(), RunError> {
    outputs.resize_with(ports.len(), Tensor::default);
    for (port, output) in ports.iter().zip(outputs) {
        let not_f32 = || RunError::NotF32 {
            name: port.name.clone(),
        };
        let value = results.get(&port.name).ok_or_else(not_f32)?;
        let (shape, data) = value.try_extract_tensor::<f32>().map_err(|_| not_f32())?;
        let shape: Vec<usize> = shape
            .iter()
            .map(|&size| usize::try_from(size).unwrap_or(usize::MAX))
            .collect();
        let view = TensorView::new(&shape, data).map_err(|source| RunError::BadOutput {
            name: port.name.clone(),
            source,
        })?;
        output.copy_from(view);
    }
    Ok(())
}

fn failed(error: ort::Error) -> RunError {
    RunError::Failed {
        runtime: NAME,
        source: Box::new(error),
    }
}

fn ports(outlets: &[Outlet]) -> Result<Vec<Port>, LoadError> {
    outlets
        .iter()
        .map(|outlet| {
            let name = outlet.name().to_owned();
            match outlet.dtype() {
                ValueType::Tensor {
                    ty: TensorElementType::Float32,
                    shape,
                    ..
                } => {
                    let dims = shape
                        .iter()
                        .map(|&n| usize::try_from(n).map_or(Dim::Open, Dim::Fixed));
                    Ok(Port {
                        name,
                        shape: Some(dims.collect()),
                    })
                }
                other => Err(LoadError::NotF32 {
                    name,
                    found: other.to_string(),
                }),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_the_library_is_an_ordinary_answer() {
        let missing = load(Path::new("/does/not/exist/libonnxruntime.so"));
        assert!(matches!(missing, Err(LibraryError::Unloadable { .. })));

        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("libonnxruntime.so");
        std::fs::write(&text, "not a library").unwrap();
        assert!(matches!(load(&text), Err(LibraryError::Unloadable { .. })));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn another_library_is_an_ordinary_answer() {
        // The C library this test runs on, wherever this system keeps it.
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let library = maps
            .lines()
            .filter_map(|line| line.split_once('/'))
            .map(|(_, path)| format!("/{path}"))
            .find(|path| path.contains("/libc.so") || path.contains("/libc-"));
        let Some(library) = library else {
            println!("skipped: this program is linked statically");
            return;
        };
        assert!(matches!(
            load(Path::new(&library)),
            Err(LibraryError::Foreign { .. })
        ));
    }

    /// Builds a library that answers as ONNX Runtime of another version does.
    #[cfg(target_os = "linux")]
    fn stand_in(folder: &Path, version: &str) -> Option<PathBuf> {
        let (source, library) = (folder.join("stand_in.c"), folder.join("libonnxruntime.so"));
        let code = format!(
            "static const void *api(unsigned v) {{ (void)v; return 0; }}\n\
             static const char *version(void) {{ return \"{version}\"; }}\n\
             static const void *base[] = {{ api, version }};\n\
             const void *OrtGetApiBase(void) {{ return base; }}\n"
        );
        std::fs::write(&source, code).unwrap();
        let compiler = std::process::Command::new("cc")
            .args(["-shared", "-fPIC", "-w", "-o"])
            .args([&library, &source])
            .status();
        compiler
            .is_ok_and(|status| status.success())
            .then_some(library)
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_version_that_does_not_speak_ours_is_an_ordinary_answer() {
        let folder = tempfile::tempdir().unwrap();
        let Some(library) = stand_in(folder.path(), "1.9.3") else {
            println!("skipped: no C compiler");
            return;
        };
        let search = LibrarySearch {
            file: None,
            folders: vec![folder.path().to_owned()],
        };
        let Err(error) = search.first(load) else {
            panic!("it was taken")
        };
        assert!(
            matches!(&error, LibraryError::TooOld { path, version, needed }
                if *path == library && version == "1.9.3" && needed == "1.17"),
            "{error:?}"
        );
    }
}
