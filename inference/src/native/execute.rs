//! Runs the steps of a plan.

use super::graph::{Convolution, Graph, Kind, Link, Op};
use super::kernel::{
    Activation, Aligned, Crew, Finish, Kernels, LANES, MAX_CREW, MAX_KERNEL, MAX_READS, PoolWork,
    Window, n_threads,
};
use super::plan::{Place, Plan, Sizes, Step, Work};

mod chain;
mod convolve;
mod dense;
mod dot;
mod share;

use convolve::Runner;

/// Memory that runs use, one after the other.
///
/// # Privacy
/// Holds what the last run computed until the next overwrites it.
#[derive(Default)]
pub(crate) struct Memory {
    /// Tensors between operators, and rows between those that are computed together.
    pub(crate) arena: Aligned,
    /// A row of noughts.
    zeros: Aligned,
}

impl Memory {
    /// Makes room for `plan`.
    pub(crate) fn prepare(&mut self, plan: &Plan) {
        self.arena.grow(plan.arena_len);
        self.zeros.grow(plan.zeros_len);
    }
}

/// Kernels, and how many threads run them together.
pub(crate) struct Team {
    kernels: Kernels,
    n_threads: usize,
    /// Multiplications for which it pays to share a step.
    min_work: usize,
}

impl Team {
    /// At most so many threads, and no more than the processor has cores.
    pub(crate) fn new(kernels: Kernels, n_wanted: usize) -> Self {
        Self {
            kernels,
            n_threads: if n_wanted > 1 {
                n_wanted.min(MAX_CREW).min(n_threads())
            } else {
                1
            },
            min_work: share::MIN_WORK,
        }
    }

    /// Every step in parts for so many threads, however small.
    #[cfg(test)]
    pub(crate) fn in_parts(kernels: Kernels, n_threads: usize) -> Self {
        Self {
            kernels,
            n_threads,
            min_work: 1,
        }
    }

    /// The threads of a run.
    pub(crate) fn n_threads(&self) -> usize {
        self.n_threads
    }

    /// Computes the outputs of `plan`, each into its place in `outputs`, which is as long; they are the same with any
    /// number of threads and whether pictures go all at once or not.
    ///
    /// # Panics
    /// Where the plan is not one of `graph` for these inputs: a defect.
    pub(crate) fn compute(
        &self,
        (graph, plan): (&Graph, &Plan),
        inputs: &[&[f32]],
        memory: &mut Memory,
        outputs: &mut [&mut [f32]],
    ) {
        let crew = self.crew();
        for part in plan.parts() {
            let inputs = part.inputs(inputs);
            self.run((graph, part.plan), &inputs, memory, &crew);
            for ((_, place), output) in part.plan.outputs.iter().zip(&mut *outputs) {
                let values = match *place {
                    Place::Input(index) => inputs[index],
                    Place::Slot(slot) => &memory.arena.as_slice()[part.plan.slots[slot].clone()],
                    Place::None => &[],
                };
                let into = part.of(output.len());
                let values = &values[..into.len()];
                output[into].copy_from_slice(values);
            }
        }
    }

    /// Computes all steps of `plan`; the results lie in the arena. They are the same with any number of threads.
    fn run(
        &self,
        (graph, plan): (&Graph, &Plan),
        inputs: &[&[f32]],
        memory: &mut Memory,
        crew: &Crew,
    ) {
        memory.prepare(plan);
        for step in &plan.steps {
            self.step(&graph.ops[step.op], step, (plan, inputs, crew), memory);
        }
    }

    /// Those that help with one run.
    fn crew(&self) -> Crew {
        if self.n_threads > 1 {
            Crew::gather(self.n_threads)
        } else {
            Crew::alone()
        }
    }

    /// As [`compute`](Self::compute), but all at once, and the results stay in the arena.
    #[cfg(test)]
    pub(crate) fn run_at_once(
        &self,
        (graph, plan): (&Graph, &Plan),
        inputs: &[&[f32]],
        memory: &mut Memory,
    ) {
        self.run((graph, plan), inputs, memory, &self.crew());
    }

    /// Computes one step of `plan`, for which there is room.
    pub(crate) fn step(
        &self,
        op: &Op,
        step: &Step,
        (plan, inputs, crew): (&Plan, &[&[f32]], &Crew),
        memory: &mut Memory,
    ) {
        let in_arena = |place: Place| match place {
            Place::Slot(slot) => plan.slots[slot].clone(),
            Place::None | Place::Input(_) => 0..0,
        };
        let [plain, between] = [step.plain, step.between]
            .map(|slot| slot.map_or(0..0, |slot| plan.slots[slot].clone()));
        let (mut reads, [output, plain, between]) = memory.arena.parts(
            &step.reads.map(in_arena),
            &[plan.slots[step.write].clone(), plain, between],
        );
        for (read, place) in reads.iter_mut().zip(step.reads) {
            if let Place::Input(index) = place {
                *read = inputs[index];
            }
        }
        let n_residuals = step.reads[1..]
            .iter()
            .take_while(|&&place| place != Place::None)
            .count();
        let tensors = Tensors {
            reads,
            plain,
            output,
        };
        let runner = Runner {
            kernels: self.kernels,
            zeros: memory.zeros.as_slice(),
            crew,
            n_threads: self.n_threads,
            min_work: self.min_work,
        };
        runner.step(op, &step.work, tensors, (n_residuals, between));
    }
}

/// What a step reads and writes.
struct Tensors<'a> {
    reads: [&'a [f32]; MAX_READS],
    plain: &'a mut [f32],
    output: &'a mut [f32],
}

impl Runner<'_> {
    fn step(
        &self,
        op: &Op,
        work: &Work,
        tensors: Tensors<'_>,
        (n_residuals, scratch): (usize, &mut [f32]),
    ) {
        let kernels = self.kernels;
        let Tensors {
            reads,
            plain,
            output,
        } = tensors;
        let [input, residuals @ ..] = reads;
        let residuals = &residuals[..n_residuals];
        let finish = Finish {
            activation: activation(op),
            residuals,
            plain,
            output,
        };
        match work {
            Work::Convolve {
                images,
                input: strided,
                output,
            } => self.convolve(convolution(op), input, (*images, strided, *output), finish),
            Work::Depthwise(sizes) => self.depthwise(convolution(op), input, sizes, finish),
            Work::DepthwisePointwise { sizes, band } => {
                let memory = (input, scratch);
                self.depthwise_pointwise(pair(op), memory, (sizes, *band), finish);
            }
            Work::PointwiseDepthwise { sizes, ring } => {
                let memory = (input, scratch);
                self.pointwise_depthwise(pair(op), memory, (sizes, *ring), finish);
            }
            Work::Chain {
                images,
                input: strided,
                sizes,
                strip,
            } => {
                let memory = (input, scratch);
                self.chain(op, memory, (*images, strided, sizes, *strip), finish);
            }
            Work::Dot { rows } => self.dot(op, (input, *rows), finish),
            Work::Pool {
                sizes,
                blocks,
                window,
                is_mean,
            } => self.pool(input, sizes, (window, *blocks, *is_mean), finish.output),
            Work::Mean {
                images,
                n_pixels,
                blocks,
            } => {
                let (step, pixel) = (n_pixels * blocks * LANES, blocks * LANES);
                for image in 0..*images {
                    let output = &mut finish.output[image * pixel..(image + 1) * pixel];
                    kernels.mean(&input[image * step..], (*n_pixels, *blocks), output);
                }
            }
            Work::Map {
                n_pixels,
                blocks,
                channels,
            } => kernels.map(input, (*n_pixels, *blocks), channels.as_deref(), finish),
            Work::MapDense { .. }
            | Work::Binary { .. }
            | Work::Sigmoid { .. }
            | Work::Softmax { .. }
            | Work::Crop { .. }
            | Work::ToPicture { .. }
            | Work::FromPicture { .. }
            | Work::Permute { .. }
            | Work::Upsample { .. }
            | Work::PadChannels { .. } => {
                dense::run(op, work, &reads[..=n_residuals], finish.output);
            }
        }
    }

    fn pool(
        &self,
        input: &[f32],
        sizes: &Sizes,
        (window, blocks, is_mean): (&Window, usize, bool),
        output: &mut [f32],
    ) {
        let pixel = blocks * LANES;
        let (in_row, out_row) = (sizes.input[1] * pixel, sizes.output[1] * pixel);
        for image in 0..sizes.images {
            let picture = &input[image * sizes.input[0] * in_row..];
            for row in 0..sizes.output[0] {
                let mut rows = [&[][..]; MAX_KERNEL];
                let taps = window.taps(0, sizes.input[0], row);
                let n_rows = taps.len();
                for (into, tap) in rows.iter_mut().zip(taps) {
                    let at = row * window.strides[0] + tap - window.before[0];
                    *into = &picture[at * in_row..(at + 1) * in_row];
                }
                let work = PoolWork {
                    window,
                    rows: &rows[..n_rows],
                    in_width: sizes.input[1],
                    out_width: sizes.output[1],
                    blocks,
                    is_mean,
                };
                let start = (image * sizes.output[0] + row) * out_row;
                self.kernels
                    .pool(&work, &mut output[start..start + out_row]);
            }
        }
    }
}

/// What is done last to the results of `op`.
fn activation(op: &Op) -> &Activation {
    match &op.kind {
        Kind::Convolution(convolution) | Kind::Gemm(convolution) => &convolution.activation,
        Kind::Pair(pair) => &pair.1.activation,
        Kind::GemmBytes(gemm) => &gemm.activation,
        Kind::Map(map) => &map.activation,
        Kind::Chain(links) => match links.last() {
            Some(Link::Convolution(convolution)) => &convolution.activation,
            Some(Link::Pool { .. }) | None => &Activation::NONE,
        },
        _ => &Activation::NONE,
    }
}

fn convolution(op: &Op) -> &Convolution {
    match &op.kind {
        Kind::Convolution(convolution) | Kind::Gemm(convolution) => convolution,
        _ => unreachable!("planned for a convolution"),
    }
}

fn pair(op: &Op) -> (&Convolution, &Convolution) {
    match &op.kind {
        Kind::Pair(pair) => (&pair.0, &pair.1),
        _ => unreachable!("planned for a pair"),
    }
}
