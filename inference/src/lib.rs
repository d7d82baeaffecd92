//! Tensors in, tensors out: the one room that names the model runtime and the device.
//!
//! In: the bytes of a network and named `f32` tensors. Out: its outputs as `f32` tensors. Also the
//! catalogue of model files: what each is, where it came from, under which licence, whether its
//! bytes are the recorded ones. And of the bytes of a picture the planes of colours that a network reads, scaled. This room does not
//! know what a picture shows: it never sees a frame or a face, never decides what may be
//! analysed, never downloads, and keeps nothing of what passes through it.
//!
//! # Unsafe code
//!
//! `unsafe` is denied in the workspace; the exceptions are two modules that do what safe Rust cannot.
//! `processor` sets the flush-to-zero flags, and asks a shared library for its version before handing it
//! to `ort`, which panics where we want an answer. `native::kernel` computes with vector instructions on
//! tiles and rows whose lengths it has checked, and lends what lies on a stack to threads for which it waits.

mod catalog;
mod guard;
mod native;
mod onnx_runtime;
#[expect(
    unsafe_code,
    reason = "sets processor flags and probes a shared library; see the head"
)]
mod processor;
mod rten_runtime;
mod runtime;
mod select;
mod tensor;
mod wire;

pub use catalog::{
    Catalog, CatalogError, Consent, FileState, Finding, MAX_MANIFEST_BYTES, ManifestError,
    ModelEntry, Obtain, Policy, PolicyRefusal, PortNote, Role, is_licence_allowed,
};
pub use native::{AxisScale, ColorPlanes, Native, Profiler, Sampler, Scaler, StepTime};
pub use onnx_runtime::{Device, LibraryError, LibrarySearch, OnnxRuntime};
pub use processor::flush_to_zero;
pub use rten_runtime::Rten;
pub use runtime::{
    Dim, LoadError, LoadOptions, MAX_MODEL_BYTES, MAX_THREADS, Network, Port, RunError, Runtime,
};
pub use select::{RuntimeChoice, SelectError, Selection, select};
pub use tensor::{ShapeMismatch, Tensor, TensorView};
pub use wire::Damage;
