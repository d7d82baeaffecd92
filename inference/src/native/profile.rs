//! Where the time of a network goes, step by step.

use crate::runtime::{LoadError, RunError, check_file};
use crate::tensor::TensorView;

use super::graph::{Convolution, Kind, Link, Op};
use super::kernel::Crew;
use super::plan::{Place, Plan, Step, Work};
use super::{FlushScope, Native, NativeNetwork};

/// One step of a network, as it was timed.
#[derive(Clone, Debug, PartialEq)]
pub struct StepTime {
    /// What the file calls the operator, or the first of those that were folded into the step.
    pub label: String,
    /// What is computed: `convolution 3x3`, `pointwise`, `depthwise and pointwise`, `pool` and so on.
    pub kind: String,
    /// Multiplications, each with its addition, that the definition asks for.
    pub n_multiplications: u64,
    /// Bytes of inputs, weights and results, each counted once for every part of a batch.
    pub n_bytes: u64,
    /// The fastest of all runs, in seconds.
    pub secs: f64,
}

/// A network whose steps are timed, on one thread.
pub struct Profiler(NativeNetwork);

impl std::fmt::Debug for Profiler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Profiler").field(&self.0.inputs).finish()
    }
}

impl Profiler {
    /// The network in `bytes`.
    ///
    /// # Errors
    /// As of [`Runtime::load`](crate::Runtime::load).
    pub fn load(runtime: Native, bytes: &[u8]) -> Result<Self, LoadError> {
        check_file(bytes)?;
        let _flush = FlushScope::enter();
        runtime.network(bytes, 1).map(Self)
    }

    /// Name of the first input.
    pub fn input(&self) -> &str {
        self.0.inputs.first().map_or("", |port| &port.name)
    }

    /// Runs the network `n_runs` times and tells of each step the fastest, over all parts of a batch that does not go at
    /// once. `now` tells seconds.
    ///
    /// # Errors
    /// As of [`Network::run`](crate::Network::run).
    pub fn run(
        &mut self,
        inputs: &[(&str, TensorView<'_>)],
        n_runs: usize,
        now: &dyn Fn() -> f64,
    ) -> Result<Vec<StepTime>, RunError> {
        let views = self.0.in_order(inputs)?;
        let _flush = FlushScope::enter();
        self.0.choose_plan(&views)?;
        let network = &mut self.0;
        let Some(plan) = network.plans.last() else {
            return Ok(Vec::new());
        };
        let data: Vec<&[f32]> = views.iter().map(TensorView::data).collect();
        let parts: Vec<_> = plan
            .parts()
            .map(|part| (part.plan, part.inputs(&data)))
            .collect();
        let mut times: Vec<StepTime> = Vec::new();
        for (plan, data) in &parts {
            for (index, step) in plan.steps.iter().enumerate() {
                let part = described(&network.graph.ops[step.op], step, plan, data);
                match times.get_mut(index) {
                    Some(time) => {
                        time.n_multiplications += part.n_multiplications;
                        time.n_bytes += part.n_bytes;
                    }
                    None => times.push(part),
                }
            }
        }
        let crew = Crew::alone();
        let mut secs = vec![0.0; times.len()];
        for _ in 0..n_runs {
            secs.fill(0.0);
            for (plan, data) in &parts {
                network.memory.prepare(plan);
                for (step, secs) in plan.steps.iter().zip(&mut secs) {
                    let op = &network.graph.ops[step.op];
                    let began = now();
                    network
                        .team
                        .step(op, step, (plan, data, &crew), &mut network.memory);
                    *secs += now() - began;
                }
            }
            for (time, secs) in times.iter_mut().zip(&secs) {
                time.secs = time.secs.min(*secs);
            }
        }
        Ok(times)
    }
}

fn described(op: &Op, step: &Step, plan: &Plan, inputs: &[&[f32]]) -> StepTime {
    let floats = |place: &Place| match *place {
        Place::Slot(slot) => plan.slots[slot].len(),
        Place::Input(index) => inputs[index].len(),
        Place::None => 0,
    };
    let written = plan.slots[step.write].len() + step.plain.map_or(0, |s| plan.slots[s].len());
    let n_floats = step.reads.iter().map(floats).sum::<usize>() + written + n_weights(op);
    let n_narrow = match &op.kind {
        Kind::GemmBytes(gemm) => gemm.filter.n_bytes(),
        _ => 0,
    };
    StepTime {
        label: op.label.clone(),
        kind: kind(op, &step.work),
        n_multiplications: n_multiplications(op, &step.work) as u64,
        n_bytes: (n_floats * size_of::<f32>() + n_narrow) as u64,
        secs: f64::INFINITY,
    }
}

fn n_weights(op: &Op) -> usize {
    match &op.kind {
        Kind::Convolution(one) | Kind::Gemm(one) => one.filter().len(),
        Kind::Pair(pair) => pair.0.filter().len() + pair.1.filter().len(),
        Kind::Chain(links) => links.iter().map(link_weights).sum(),
        _ => 0,
    }
}

fn link_weights(link: &Link) -> usize {
    match link {
        Link::Convolution(one) => one.filter().len(),
        Link::Pool { .. } => 0,
    }
}

fn n_multiplications(op: &Op, work: &Work) -> usize {
    let each = |convolution: &Convolution| convolution.shape.iter().product::<usize>();
    match (&op.kind, work) {
        (
            Kind::Convolution(one) | Kind::Gemm(one),
            Work::Convolve {
                images,
                output: [rows, columns],
                ..
            },
        ) => each(one) * images * rows * columns,
        (Kind::Convolution(one), Work::Depthwise(sizes)) => each(one) * sizes.n_outputs(),
        (Kind::Pair(pair), Work::DepthwisePointwise { sizes, .. }) => {
            (each(&pair.0) + each(&pair.1)) * sizes.n_outputs()
        }
        (Kind::Pair(pair), Work::PointwiseDepthwise { sizes, .. }) => {
            each(&pair.0) * sizes.n_inputs() + each(&pair.1) * sizes.n_outputs()
        }
        (Kind::GemmBytes(gemm), Work::Dot { rows }) => {
            gemm.filter.outputs * gemm.filter.inputs * rows
        }
        (Kind::Chain(links), Work::Chain { images, sizes, .. }) => links
            .iter()
            .zip(sizes)
            .map(|(link, [rows, columns])| match link {
                Link::Convolution(one) => each(one) * images * rows * columns,
                Link::Pool { .. } => 0,
            })
            .sum(),
        _ => 0,
    }
}

fn kind(op: &Op, work: &Work) -> String {
    let window = |convolution: &Convolution| {
        let [rows, columns] = convolution.window.kernel;
        format!("{rows}x{columns}")
    };
    match (&op.kind, work) {
        (Kind::GemmBytes(_), _) => "fully connected, bytes".to_owned(),
        (Kind::Gemm(_), Work::Convolve { .. }) => "fully connected".to_owned(),
        (Kind::Convolution(one), Work::Convolve { .. }) if one.is_pointwise() => {
            "pointwise".to_owned()
        }
        (Kind::Convolution(one), Work::Convolve { .. }) => format!("convolution {}", window(one)),
        (Kind::Convolution(one), Work::Depthwise(_)) => format!("depthwise {}", window(one)),
        (Kind::Pair(pair), Work::DepthwisePointwise { .. }) => {
            format!("depthwise {} and pointwise", window(&pair.0))
        }
        (Kind::Pair(pair), Work::PointwiseDepthwise { .. }) => {
            format!("pointwise and depthwise {}", window(&pair.1))
        }
        (Kind::Chain(links), _) => {
            let parts = links.iter().map(|link| match link {
                Link::Convolution(one) if one.is_depthwise => format!("dw {}", window(one)),
                Link::Convolution(one) if one.is_pointwise() => "pw".to_owned(),
                Link::Convolution(one) => format!("conv {}", window(one)),
                Link::Pool { .. } => "pool".to_owned(),
            });
            parts.collect::<Vec<_>>().join(", ")
        }
        (_, Work::Pool { .. } | Work::Mean { .. }) => "pool".to_owned(),
        (_, Work::Map { .. } | Work::MapDense { .. }) => "map".to_owned(),
        (_, Work::Binary { .. }) => "binary".to_owned(),
        (_, Work::Sigmoid { .. }) => "sigmoid".to_owned(),
        (_, Work::Softmax { .. }) => "softmax".to_owned(),
        (_, Work::Upsample { .. }) => "upsample".to_owned(),
        _ => "layout".to_owned(),
    }
}
