//! The steps of a network for inputs of known shapes, and where each tensor lies.
//!
//! A plan is made once for each set of input shapes. Transposes, reshapes and flattenings cost nothing
//! where the values already lie in the order that is asked for.

use std::ops::Range;

use super::constant::{Arithmetic, n_values, reshaped_dims};
use super::graph::{BytesOp, Convolution, Graph, Kind, Link, MapOp, Op, ValueId};
use super::kernel::{Activation, Aligned, ChannelMap, LANES, MAX_READS, Window};

mod arena;
mod chain;
mod convolution;
mod parts;
mod simple;

use parts::Parts;

/// Most memory of all tensors of one run: 1 GiB of floats. A detector at 3840 by 2160 takes a quarter.
const MAX_ARENA_FLOATS: usize = 1 << 28;

/// Rows between two convolutions that fit the first cache beside weights and outputs, in floats.
const NEAR_FLOATS: usize = 8 << 10;

/// Rows shorter than this, in pixels, are no more than two tiles, of which the last is seldom full.
const NARROW: usize = 32;

/// Rows between two convolutions whose weights are large, in floats: half of a small second cache. The
/// more pixels, the seldomer the weights pass by.
const FAR_FLOATS: usize = 128 << 10;

/// Why a network cannot take inputs of these shapes.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("operator {label:?}: {reason}")]
pub(crate) struct PlanError {
    /// What the file calls the operator.
    label: String,
    /// What does not fit.
    reason: String,
}

/// Where a tensor is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// Nowhere.
    None,
    /// The input of that number.
    Input(usize),
    /// That slot of the arena.
    Slot(usize),
}

/// How the values of a tensor lie.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Layout {
    /// Row-major.
    Dense,
    /// Four axes, row-major but for the second, which is last.
    ChannelsLast,
    /// As the kernels want it: channels last, padded to whole vectors.
    Picture,
}

#[derive(Clone, Debug)]
struct Tensor {
    shape: Vec<usize>,
    layout: Layout,
    place: Place,
}

/// Steps of a picture in memory, in floats.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Strided {
    pub(crate) size: [usize; 2],
    pub(crate) image: usize,
    pub(crate) row: usize,
    pub(crate) column: usize,
    pub(crate) channel: usize,
}

/// Sizes before and after an operator on pictures: rows and columns.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Sizes {
    pub(crate) images: usize,
    pub(crate) input: [usize; 2],
    pub(crate) output: [usize; 2],
}

impl Sizes {
    /// Pixels of all pictures before.
    pub(crate) fn n_inputs(&self) -> usize {
        self.images * self.input[0] * self.input[1]
    }

    /// Pixels of all pictures after.
    pub(crate) fn n_outputs(&self) -> usize {
        self.results().iter().product()
    }

    /// Pictures after, and rows and columns of each.
    pub(crate) fn results(&self) -> [usize; 3] {
        [self.images, self.output[0], self.output[1]]
    }
}

/// What a step does; the weights are those of its operator.
pub(crate) enum Work {
    Convolve {
        images: usize,
        input: Strided,
        output: [usize; 2],
    },
    Depthwise(Sizes),
    /// Depthwise, then pointwise, so many rows at a time.
    DepthwisePointwise {
        sizes: Sizes,
        band: usize,
    },
    /// Pointwise, then depthwise, over a ring of rows: as many as the kernel has, or all.
    PointwiseDepthwise {
        sizes: Sizes,
        ring: usize,
    },
    /// A chain of operators: what the first sees, sizes after each, columns of the last computed together.
    Chain {
        images: usize,
        input: Strided,
        sizes: Vec<[usize; 2]>,
        strip: usize,
    },
    /// Bytes times so many rows.
    Dot {
        rows: usize,
    },
    Pool {
        sizes: Sizes,
        blocks: usize,
        window: Window,
        is_mean: bool,
    },
    Mean {
        images: usize,
        n_pixels: usize,
        blocks: usize,
    },
    Map {
        n_pixels: usize,
        blocks: usize,
        channels: Option<Box<ChannelMap>>,
    },
    /// Value by value on a dense tensor of `outer * channels * inner` values.
    MapDense {
        outer: usize,
        channels: usize,
        inner: usize,
    },
    Binary {
        arithmetic: Arithmetic,
        len: usize,
    },
    Sigmoid {
        len: usize,
    },
    Softmax {
        rows: usize,
        len: usize,
    },
    /// `to` of every `from` values, from the value `first` on.
    Crop {
        rows: usize,
        from: usize,
        first: usize,
        to: usize,
    },
    ToPicture {
        images: usize,
        channels: usize,
        n_pixels: usize,
        is_last: bool,
    },
    /// Out of a picture: channels last, or first.
    FromPicture {
        images: usize,
        channels: usize,
        n_pixels: usize,
        is_last: bool,
    },
    Permute {
        sizes: Vec<usize>,
        steps: Vec<usize>,
    },
    Upsample {
        sizes: Sizes,
        blocks: usize,
        times: [usize; 2],
    },
    PadChannels {
        n_pixels: usize,
        from: usize,
        channels: usize,
        to: usize,
    },
}

/// One step.
pub(crate) struct Step {
    /// The operator it belongs to.
    pub(crate) op: usize,
    pub(crate) work: Work,
    pub(crate) reads: [Place; MAX_READS],
    pub(crate) write: usize,
    /// The slot of the result before anything is added.
    pub(crate) plain: Option<usize>,
    /// The slot of the rows between its operators, an even share for each thread.
    pub(crate) between: Option<usize>,
}

/// All steps for inputs of some shapes.
pub(crate) struct Plan {
    pub(crate) input_shapes: Vec<Vec<usize>>,
    pub(crate) steps: Vec<Step>,
    /// Where each slot lies in the arena.
    pub(crate) slots: Vec<Range<usize>>,
    pub(crate) outputs: Vec<(Vec<usize>, Place)>,
    /// Floats of the arena, and of the longest row of noughts.
    pub(crate) arena_len: usize,
    pub(crate) zeros_len: usize,
    /// Those of the parts it is run in, where it is not run at once.
    parts: Option<Parts>,
}

impl Plan {
    /// The plan of `graph` for inputs of these shapes on so many threads, in the order of the graph.
    ///
    /// # Errors
    /// Shapes that do not meet in some operator, or that need too much memory.
    pub(crate) fn new(
        graph: &Graph,
        input_shapes: &[Vec<usize>],
        n_threads: usize,
    ) -> Result<Self, PlanError> {
        let mut planner = Planner {
            tensors: vec![None; graph.n_values],
            slots: Vec::new(),
            steps: Vec::new(),
            op: 0,
            label: "",
            n_threads,
            zeros_len: 0,
        };
        for (index, ((port, value), shape)) in graph.inputs.iter().zip(input_shapes).enumerate() {
            planner.label = &port.name;
            if n_values(shape).is_none_or(|n| n == 0 || n > MAX_ARENA_FLOATS) {
                return planner.fail("an empty or huge input");
            }
            planner.tensors[*value] = Some(Tensor {
                shape: shape.clone(),
                layout: Layout::Dense,
                place: Place::Input(index),
            });
        }
        for (index, op) in graph.ops.iter().enumerate() {
            planner.op = index;
            planner.label = &op.label;
            planner.op(op)?;
        }
        let mut outputs = Vec::with_capacity(graph.outputs.len());
        for (port, value) in &graph.outputs {
            planner.label = &port.name;
            let tensor = planner.dense(*value)?;
            outputs.push((tensor.shape, tensor.place));
        }
        let shapes: Vec<Vec<usize>> = outputs.iter().map(|(shape, _)| shape.clone()).collect();
        let parts = Parts::of(&planner, graph, (input_shapes, &shapes));
        let (slots, arena_len) = arena::place(&planner.slots, &planner.steps, &outputs);
        if arena_len > MAX_ARENA_FLOATS && parts.is_none() {
            return planner.fail("all tensors together need more than 1 GiB");
        }
        Ok(Self {
            parts,
            input_shapes: input_shapes.to_vec(),
            steps: planner.steps,
            slots,
            outputs,
            arena_len,
            zeros_len: planner.zeros_len,
        })
    }
}

/// Four axes of a picture.
#[derive(Clone, Copy)]
struct Axes {
    images: usize,
    channels: usize,
    size: [usize; 2],
}

impl Axes {
    fn blocks(&self) -> usize {
        self.channels.div_ceil(LANES)
    }

    fn n_pixels(&self) -> usize {
        self.size[0] * self.size[1]
    }
}

struct Planner<'g> {
    tensors: Vec<Option<Tensor>>,
    /// Floats of each slot.
    slots: Vec<usize>,
    steps: Vec<Step>,
    op: usize,
    label: &'g str,
    n_threads: usize,
    zeros_len: usize,
}

impl Planner<'_> {
    fn fail<T>(&self, reason: impl Into<String>) -> Result<T, PlanError> {
        Err(PlanError {
            label: self.label.to_owned(),
            reason: reason.into(),
        })
    }

    fn tensor(&self, value: ValueId) -> Result<Tensor, PlanError> {
        match &self.tensors[value] {
            Some(tensor) => Ok(tensor.clone()),
            None => self.fail("an input is not computed before it"),
        }
    }

    fn axes(&self, tensor: &Tensor) -> Result<Axes, PlanError> {
        match *tensor.shape {
            [images, channels, height, width] => Ok(Axes {
                images,
                channels,
                size: [height, width],
            }),
            _ => self.fail(format!("takes pictures, not shape {:?}", tensor.shape)),
        }
    }

    /// A new slot of at least that many floats.
    fn slot(&mut self, len: Option<usize>) -> Result<usize, PlanError> {
        match len.filter(|&len| 0 < len && len <= MAX_ARENA_FLOATS) {
            Some(len) => {
                self.slots.push(len.next_multiple_of(LANES));
                Ok(self.slots.len() - 1)
            }
            None => self.fail("a tensor that is empty or needs more than 1 GiB"),
        }
    }

    /// A new slot for a tensor of that shape and layout, as `value`.
    fn result(
        &mut self,
        value: ValueId,
        shape: Vec<usize>,
        layout: Layout,
    ) -> Result<usize, PlanError> {
        let len = match (layout, &*shape) {
            (Layout::Picture, &[images, channels, height, width]) => n_values(&[
                images,
                height,
                width,
                channels.div_ceil(LANES).saturating_mul(LANES),
            ]),
            _ => n_values(&shape),
        };
        let slot = self.slot(len)?;
        self.tensors[value] = Some(Tensor {
            shape,
            layout,
            place: Place::Slot(slot),
        });
        Ok(slot)
    }

    fn step(&mut self, work: Work, reads: &[Place], write: usize) {
        let mut all = [Place::None; MAX_READS];
        all[..reads.len()].copy_from_slice(reads);
        self.steps.push(Step {
            op: self.op,
            work,
            reads: all,
            write,
            plain: None,
            between: None,
        });
    }

    /// The value as the kernels want it, brought there where it is not.
    fn picture(&mut self, value: ValueId) -> Result<(Axes, Place), PlanError> {
        let tensor = self.tensor(value)?;
        let axes = self.axes(&tensor)?;
        if tensor.layout == Layout::Picture {
            return Ok((axes, tensor.place));
        }
        let slot = self.result(value, tensor.shape, Layout::Picture)?;
        let work = Work::ToPicture {
            images: axes.images,
            channels: axes.channels,
            n_pixels: axes.n_pixels(),
            is_last: tensor.layout == Layout::ChannelsLast,
        };
        self.step(work, &[tensor.place], slot);
        Ok((axes, Place::Slot(slot)))
    }

    /// The value row-major, brought there where it is not.
    fn dense(&mut self, value: ValueId) -> Result<Tensor, PlanError> {
        let mut tensor = self.tensor(value)?;
        match tensor.layout {
            Layout::Dense => return Ok(tensor),
            Layout::Picture => {
                let axes = self.axes(&tensor)?;
                if axes.n_pixels() == 1 && axes.channels.is_multiple_of(LANES) {
                    tensor.layout = Layout::Dense;
                    self.tensors[value] = Some(tensor.clone());
                    return Ok(tensor);
                }
                let slot = self.result(value, tensor.shape, Layout::Dense)?;
                let work = Work::FromPicture {
                    images: axes.images,
                    channels: axes.channels,
                    n_pixels: axes.n_pixels(),
                    is_last: false,
                };
                self.step(work, &[tensor.place], slot);
            }
            Layout::ChannelsLast => {
                let [n, c, h, w] = tensor.shape[..] else {
                    return self.fail("takes pictures");
                };
                let slot = self.result(value, tensor.shape, Layout::Dense)?;
                let work = Work::Permute {
                    sizes: vec![n, c, h, w],
                    steps: vec![h * w * c, 1, w * c, c],
                };
                self.step(work, &[tensor.place], slot);
            }
        }
        self.tensor(value)
    }

    fn op(&mut self, op: &Op) -> Result<(), PlanError> {
        match &op.kind {
            Kind::Convolution(convolution) => self.convolution(op, convolution),
            Kind::Pair(pair) => self.pair(op, &pair.0, &pair.1),
            Kind::Chain(links) => self.chain(op, links),
            Kind::Gemm(convolution) => self.gemm(op, convolution),
            Kind::GemmBytes(gemm) => self.gemm_bytes(op, gemm),
            Kind::Pool { window, is_mean } => self.pool(op, window, *is_mean),
            Kind::GlobalMean => self.global_mean(op),
            Kind::Map(map) => self.map(op, map),
            Kind::Binary(arithmetic) => self.binary(op, *arithmetic),
            Kind::Sigmoid => {
                let tensor = self.dense(op.inputs[0])?;
                let len = n_values(&tensor.shape).unwrap_or(0);
                let slot = self.result(op.output, tensor.shape, Layout::Dense)?;
                self.step(Work::Sigmoid { len }, &[tensor.place], slot);
                Ok(())
            }
            Kind::Softmax { axis } => self.softmax(op, *axis),
            Kind::Reshape(target) => {
                let tensor = self.dense(op.inputs[0])?;
                match reshaped_dims(&tensor.shape, target) {
                    Some(shape) => self.alias(op, Tensor { shape, ..tensor }),
                    None => self.fail(format!("shape {:?} as {target:?}", tensor.shape)),
                }
            }
            Kind::Flatten { axis } => {
                let tensor = self.dense(op.inputs[0])?;
                let rank = tensor.shape.len() as i64;
                let axis = if *axis < 0 {
                    axis.saturating_add(rank)
                } else {
                    *axis
                };
                let Some((rows, columns)) = usize::try_from(axis)
                    .ok()
                    .and_then(|axis| tensor.shape.split_at_checked(axis))
                else {
                    return self.fail("no such axis");
                };
                let shape = vec![rows.iter().product(), columns.iter().product()];
                self.alias(op, Tensor { shape, ..tensor })
            }
            Kind::Transpose(order) => self.transpose(op, order),
            Kind::Upsample(times) => self.upsample(op, *times),
            Kind::PadChannels(more) => self.pad_channels(op, *more),
            Kind::Channels(range) => self.channels_of(op, range),
            Kind::Same => {
                let tensor = self.tensor(op.inputs[0])?;
                self.alias(op, tensor)
            }
        }
    }

    fn alias(&mut self, op: &Op, tensor: Tensor) -> Result<(), PlanError> {
        self.tensors[op.output] = Some(tensor);
        Ok(())
    }
}
