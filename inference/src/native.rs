//! Our own executor, for networks of plain convolutions such as the built-in ones.
//!
//! A file is read (`onnx`), brought to our operators with scales, activations and sums folded in (`lower`,
//! `graph`), planned for the shapes of its inputs (`plan`) and computed step by step (`execute`) with the
//! kernels of this processor (`kernel`). What it does not know is an error that names the node; another
//! runtime then takes the network.

use crate::guard;
use crate::processor::FlushScope;
use crate::runtime::{
    Dim, LoadError, LoadOptions, Network, Port, RunError, Runtime, check_file, check_ports,
    match_inputs,
};
use crate::tensor::{Tensor, TensorView};

mod constant;
mod execute;
mod graph;
#[expect(
    unsafe_code,
    reason = "vector instructions, raw tiles, threads that borrow; lengths are checked at its door"
)]
mod kernel;
mod lower;
mod onnx;
mod plan;
mod profile;
mod scale;
mod stored;

use execute::{Memory, Team};
use graph::Graph;
pub use kernel::ColorPlanes;
use kernel::Kernels;
use onnx::{Model, ReadError};
use plan::Plan;
pub use profile::{Profiler, StepTime};
pub use scale::{AxisScale, Sampler, Scaler};

const NAME: &str = "native";

/// Sizes tried where the file leaves one open: of the first axis, and of others. A network that cannot be
/// planned for them is left to another runtime.
const TRIED_BATCH: usize = 1;
const TRIED_SIZE: usize = 64;

/// Plans kept for inputs of different shapes; when there are more, the one longest unused goes. A detector
/// looks at whole pictures and at parts, readers of faces at one to ten.
const MAX_PLANS: usize = 16;

/// The executor of this crate: needs no library, and computes with the widest vectors of the processor.
///
/// Results are the same from run to run and whatever the number of threads. Networks that are loaded with more than one
/// borrow helpers for each run, of which there is one for each core but one: a run does without those that others have.
#[derive(Clone, Copy)]
pub struct Native {
    kernels: Kernels,
}

impl Native {
    /// With the fastest kernels this processor can run.
    pub fn new() -> Self {
        Self {
            kernels: Kernels::best(),
        }
    }

    /// With each set of kernels this processor can run, the fastest first; for tests and measurements.
    pub fn all() -> Vec<Self> {
        Kernels::all()
            .into_iter()
            .map(|kernels| Self { kernels })
            .collect()
    }

    /// What one core could do at most: multiplications with addition a second, in registers. `now` tells seconds.
    pub fn multiplications_per_sec(&self, now: &dyn Fn() -> f64) -> f64 {
        let _flush = FlushScope::enter();
        self.kernels.multiplications_per_sec(200, now)
    }

    /// Bytes a second that one core reads of `n_bytes`, at least 64, that it has read before: those of the cache that
    /// holds so many, or of memory. `now` tells seconds.
    pub fn bytes_per_sec(&self, n_bytes: usize, now: &dyn Fn() -> f64) -> f64 {
        self.kernels
            .bytes_per_sec((n_bytes / size_of::<f32>()).max(kernel::LANES), 5, now)
    }

    fn network(self, bytes: &[u8], n_threads: usize) -> Result<NativeNetwork, LoadError> {
        let model = Model::read(bytes).map_err(|error| match error {
            ReadError::Damaged(damage) => LoadError::Damaged(damage),
            error => unreadable(error),
        })?;
        let ports =
            lower::ports(&model).map_err(|lower::NotFloat(name, found)| LoadError::NotF32 {
                name,
                found: format!("of element type {found}"),
            })?;
        check_ports(&ports.0, &ports.1)?;
        let graph = lower::lower(model, ports, bytes.len()).map_err(unreadable)?;
        let mut network = NativeNetwork {
            team: Team::new(self.kernels, n_threads),
            inputs: graph.inputs.iter().map(|(port, _)| port.clone()).collect(),
            outputs: graph.outputs.iter().map(|(port, _)| port.clone()).collect(),
            graph,
            plans: Vec::new(),
            memory: Memory::default(),
        };
        let tried: Option<Vec<Vec<usize>>> = network.inputs.iter().map(tried_shape).collect();
        if let Some(shapes) = tried {
            let plan =
                Plan::new(&network.graph, &shapes, network.team.n_threads()).map_err(unreadable)?;
            network.plans.push(plan);
        }
        Ok(network)
    }
}

impl Default for Native {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Native {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Native").field(&self.kernels.name()).finish()
    }
}

/// A shape the port takes; `None` where the file does not even say how many axes it has.
fn tried_shape(port: &Port) -> Option<Vec<usize>> {
    let dims = port.shape.as_ref()?.iter().enumerate();
    Some(
        dims.map(|(axis, dim)| match (dim, axis) {
            (Dim::Fixed(size), _) => *size,
            (Dim::Open, 0) => TRIED_BATCH,
            (Dim::Open, _) => TRIED_SIZE,
        })
        .collect(),
    )
}

fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> LoadError {
    LoadError::Unreadable {
        runtime: NAME,
        source: Box::new(error),
    }
}

impl Runtime for Native {
    fn name(&self) -> &'static str {
        NAME
    }

    fn description(&self) -> String {
        format!("native ({})", self.kernels.name())
    }

    fn load(&self, bytes: &[u8], options: &LoadOptions) -> Result<Box<dyn Network>, LoadError> {
        check_file(bytes)?;
        let _flush = FlushScope::enter();
        let network =
            guard::catch(|| self.network(bytes, options.n_threads())).map_err(|message| {
                LoadError::Panicked {
                    runtime: NAME,
                    message,
                }
            })??;
        Ok(Box::new(network))
    }
}

struct NativeNetwork {
    team: Team,
    graph: Graph,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    /// The one used last is last.
    plans: Vec<Plan>,
    memory: Memory,
}

impl NativeNetwork {
    /// The inputs in the order of the file.
    fn in_order<'t>(
        &self,
        inputs: &[(&str, TensorView<'t>)],
    ) -> Result<Vec<TensorView<'t>>, RunError> {
        let indices = match_inputs(&self.inputs, inputs)?;
        let views = inputs.iter().map(|(_, view)| *view);
        let mut views: Vec<(usize, TensorView<'t>)> = indices.into_iter().zip(views).collect();
        views.sort_by_key(|(index, _)| *index);
        Ok(views.into_iter().map(|(_, view)| view).collect())
    }

    /// Moves the plan for inputs of these shapes to the end; makes it where there is none.
    fn choose_plan(&mut self, views: &[TensorView<'_>]) -> Result<(), RunError> {
        let fits = |plan: &Plan| {
            let shapes = plan.input_shapes.iter().zip(views);
            shapes
                .into_iter()
                .all(|(shape, view)| shape == view.shape())
        };
        if let Some(index) = self.plans.iter().rposition(fits) {
            self.plans[index..].rotate_left(1);
            return Ok(());
        }
        let shapes: Vec<Vec<usize>> = views.iter().map(|view| view.shape().to_vec()).collect();
        let plan = Plan::new(&self.graph, &shapes, self.team.n_threads());
        let plan = plan.map_err(|error| RunError::Failed {
            runtime: NAME,
            source: Box::new(error),
        })?;
        if self.plans.len() >= MAX_PLANS {
            self.plans.remove(0);
        }
        self.plans.push(plan);
        Ok(())
    }

    fn compute(
        &mut self,
        views: &[TensorView<'_>],
        outputs: &mut Vec<Tensor>,
    ) -> Result<(), RunError> {
        self.choose_plan(views)?;
        let Some(plan) = self.plans.last() else {
            return Ok(());
        };
        outputs.resize_with(self.outputs.len(), Tensor::default);
        for ((shape, _), output) in plan.outputs.iter().zip(&mut *outputs) {
            output.reshape(shape);
        }
        let inputs: Vec<&[f32]> = views.iter().map(TensorView::data).collect();
        let mut values: Vec<&mut [f32]> = outputs.iter_mut().map(Tensor::data_mut).collect();
        let network = (&self.graph, plan);
        self.team
            .compute(network, &inputs, &mut self.memory, &mut values);
        Ok(())
    }
}

impl Network for NativeNetwork {
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
        let views = self.in_order(inputs)?;
        // The caller's thread, and his flags again afterwards.
        let _flush = FlushScope::enter();
        guard::catch(|| self.compute(&views, outputs)).map_err(|message| RunError::Panicked {
            runtime: NAME,
            message,
        })?
    }
}

#[cfg(test)]
mod tests;
