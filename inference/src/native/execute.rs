//! Runs the steps of a plan.

use super::graph::{Convolution, Graph, Kind, Op};
use super::kernel::{
    Activation, Aligned, Finish, Kernels, LANES, MAX_KERNEL, MAX_READS, MAX_RESIDUALS, Picture,
    PoolWork, RowWork, Window,
};
use super::plan::{Place, Plan, Sizes, Step, Strided, Work};

mod dense;

/// Memory that runs use, one after the other.
///
/// # Privacy
/// Holds what the last run computed until the next overwrites it.
#[derive(Default)]
pub(crate) struct Memory {
    /// Tensors between operators.
    pub(crate) arena: Aligned,
    /// Rows between two convolutions.
    scratch: Aligned,
    /// A row of noughts.
    zeros: Aligned,
}

impl Memory {
    /// Makes room for `plan`.
    pub(crate) fn prepare(&mut self, plan: &Plan) {
        self.arena.grow(plan.arena_len);
        self.scratch.grow(plan.scratch_len);
        self.zeros.grow(plan.zeros_len);
    }
}

/// Computes all steps of `plan`; the results lie in the arena.
///
/// # Panics
/// Where the plan is not one of `graph` for these inputs: a defect.
pub(crate) fn run(
    kernels: Kernels,
    graph: &Graph,
    plan: &Plan,
    inputs: &[&[f32]],
    memory: &mut Memory,
) {
    for step in &plan.steps {
        run_step(kernels, &graph.ops[step.op], step, plan, inputs, memory);
    }
}

/// What a step reads and writes.
struct Tensors<'a> {
    reads: [&'a [f32]; MAX_READS],
    plain: &'a mut [f32],
    output: &'a mut [f32],
}

/// What belongs to every step.
struct Runner<'a> {
    kernels: Kernels,
    scratch: &'a mut [f32],
    zeros: &'a [f32],
}

fn run_step(
    kernels: Kernels,
    op: &Op,
    step: &Step,
    plan: &Plan,
    inputs: &[&[f32]],
    memory: &mut Memory,
) {
    let in_arena = |place: Place| match place {
        Place::Slot(slot) => plan.slots[slot].clone(),
        Place::None | Place::Input(_) => 0..0,
    };
    let plain = step.plain.map_or(0..0, |slot| plan.slots[slot].clone());
    let (mut reads, [output, plain]) = memory.arena.parts(
        &step.reads.map(in_arena),
        &[plan.slots[step.write].clone(), plain],
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
    let mut runner = Runner {
        kernels,
        scratch: memory.scratch.as_mut_slice(),
        zeros: memory.zeros.as_slice(),
    };
    runner.step(op, &step.work, tensors, n_residuals);
}

impl Runner<'_> {
    fn step(&mut self, op: &Op, work: &Work, tensors: Tensors<'_>, n_residuals: usize) {
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
                self.depthwise_pointwise(pair(op), input, sizes, (*band, finish));
            }
            Work::PointwiseDepthwise { sizes, ring } => {
                self.pointwise_depthwise(pair(op), input, sizes, (*ring, finish));
            }
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

    fn convolve(
        &self,
        convolution: &Convolution,
        input: &[f32],
        (images, strided, output): (usize, &Strided, [usize; 2]),
        mut finish: Finish<'_>,
    ) {
        let filter = convolution.filter();
        let image_floats = output[0] * output[1] * filter.blocks * LANES;
        for image in 0..images {
            let picture = Picture {
                data: &input[image * strided.image..],
                height: strided.size[0],
                width: strided.size[1],
                row_step: strided.row,
                column_step: strided.column,
                channel_step: strided.channel,
            };
            let floats = image * image_floats..(image + 1) * image_floats;
            let mut residuals = [&[][..]; MAX_RESIDUALS];
            let finish = finish.part(&mut residuals, floats);
            let rows = (0..output[0], output[1]);
            self.kernels
                .convolve(filter, &picture, &convolution.window, rows, finish);
        }
    }

    /// One row of a depthwise convolution out of `input_row`.
    fn depthwise_row<'r>(
        &self,
        convolution: &Convolution,
        (sizes, row): (&Sizes, usize),
        input_row: impl Fn(usize) -> &'r [f32],
        finish: Finish<'_>,
    ) where
        Self: 'r,
    {
        let window = &convolution.window;
        let mut rows = [self.zeros; MAX_KERNEL];
        for tap in window.taps(0, sizes.input[0], row) {
            rows[tap] = input_row(row * window.strides[0] + tap - window.before[0]);
        }
        let work = RowWork {
            filter: convolution.filter(),
            window,
            rows: &rows[..window.kernel[0]],
            in_width: sizes.input[1],
            out_width: sizes.output[1],
        };
        self.kernels.depthwise(&work, finish);
    }

    fn depthwise(
        &self,
        convolution: &Convolution,
        input: &[f32],
        sizes: &Sizes,
        mut finish: Finish<'_>,
    ) {
        let pixel = convolution.filter().blocks * LANES;
        let (in_row, out_row) = (sizes.input[1] * pixel, sizes.output[1] * pixel);
        for image in 0..sizes.images {
            let picture = &input[image * sizes.input[0] * in_row..];
            for row in 0..sizes.output[0] {
                let start = (image * sizes.output[0] + row) * out_row;
                let mut residuals = [&[][..]; MAX_RESIDUALS];
                let finish = finish.part(&mut residuals, start..start + out_row);
                let input_row = |row: usize| &picture[row * in_row..(row + 1) * in_row];
                self.depthwise_row(convolution, (sizes, row), input_row, finish);
            }
        }
    }

    fn depthwise_pointwise(
        &mut self,
        (first, second): (&Convolution, &Convolution),
        input: &[f32],
        sizes: &Sizes,
        (band, mut finish): (usize, Finish<'_>),
    ) {
        let middle = first.filter().blocks * LANES;
        let (in_row, middle_row) = (sizes.input[1] * middle, sizes.output[1] * middle);
        let out_row = sizes.output[1] * second.filter().blocks * LANES;
        let scratch = std::mem::take(&mut self.scratch);
        for image in 0..sizes.images {
            let picture = &input[image * sizes.input[0] * in_row..];
            let input_row = |row: usize| &picture[row * in_row..(row + 1) * in_row];
            for start in (0..sizes.output[0]).step_by(band) {
                let rows = start..(start + band).min(sizes.output[0]);
                for (row, between) in rows.clone().zip(scratch.chunks_exact_mut(middle_row)) {
                    let finish = Finish {
                        activation: &first.activation,
                        residuals: &[],
                        plain: &mut [],
                        output: between,
                    };
                    self.depthwise_row(first, (sizes, row), input_row, finish);
                }
                let first_row = image * sizes.output[0] + start;
                let floats = first_row * out_row..(first_row + rows.len()) * out_row;
                let mut residuals = [&[][..]; MAX_RESIDUALS];
                let finish = finish.part(&mut residuals, floats);
                let n_pixels = rows.len() * sizes.output[1];
                let between = &scratch[..rows.len() * middle_row];
                self.pointwise(second, between, (n_pixels, middle), finish);
            }
        }
        self.scratch = scratch;
    }

    /// A pointwise convolution of pixels one after the other.
    fn pointwise(
        &self,
        convolution: &Convolution,
        input: &[f32],
        (n_pixels, step): (usize, usize),
        finish: Finish<'_>,
    ) {
        let picture = Picture {
            data: input,
            height: 1,
            width: n_pixels,
            row_step: n_pixels * step,
            column_step: step,
            channel_step: 1,
        };
        let rows = (0..1, n_pixels);
        self.kernels
            .convolve(convolution.filter(), &picture, &Window::POINT, rows, finish);
    }

    fn pointwise_depthwise(
        &mut self,
        (first, second): (&Convolution, &Convolution),
        input: &[f32],
        sizes: &Sizes,
        (ring, mut finish): (usize, Finish<'_>),
    ) {
        let window = &second.window;
        let (pixel, middle) = (
            first.channels().next_multiple_of(LANES),
            second.filter().blocks * LANES,
        );
        let (in_row, middle_row) = (sizes.input[1] * pixel, sizes.input[1] * middle);
        let out_row = sizes.output[1] * middle;
        let scratch = std::mem::take(&mut self.scratch);
        for image in 0..sizes.images {
            let picture = &input[image * sizes.input[0] * in_row..];
            let mut next = 0;
            for row in 0..sizes.output[0] {
                let taps = window.taps(0, sizes.input[0], row);
                let first_row =
                    (row * window.strides[0] + taps.start).saturating_sub(window.before[0]);
                // Rows that no window sees are never computed, unless all are computed at once.
                let n_rows = if ring >= sizes.input[0] {
                    sizes.input[0]
                } else {
                    next = next.max(first_row);
                    1
                };
                while next < first_row + taps.len() {
                    let slot = next % ring * middle_row;
                    let own = Finish {
                        activation: &first.activation,
                        residuals: &[],
                        plain: &mut [],
                        output: &mut scratch[slot..slot + n_rows * middle_row],
                    };
                    let lines = &picture[next * in_row..(next + n_rows) * in_row];
                    self.pointwise(first, lines, (n_rows * sizes.input[1], pixel), own);
                    next += n_rows;
                }
                let start = (image * sizes.output[0] + row) * out_row;
                let mut residuals = [&[][..]; MAX_RESIDUALS];
                let finish = finish.part(&mut residuals, start..start + out_row);
                let between: &[f32] = scratch;
                let input_row =
                    |row: usize| &between[row % ring * middle_row..(row % ring + 1) * middle_row];
                self.depthwise_row(second, (sizes, row), input_row, finish);
            }
        }
        self.scratch = scratch;
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
        Kind::Map(map) => &map.activation,
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
