//! A network as the operators that we compute, activations and residuals folded in.

use std::ops::Range;

use crate::runtime::Port;

use super::constant::{Arithmetic, Weights};
use super::kernel::{Activation, ByteFilter, Filter, Link as RawLink, Window};

/// A value by its number.
pub(crate) type ValueId = usize;

/// Operators in an order in which they can be computed.
#[derive(Default)]
pub(crate) struct Graph {
    pub(crate) ops: Vec<Op>,
    /// Values are numbered from nought to this.
    pub(crate) n_values: usize,
    pub(crate) inputs: Vec<(Port, ValueId)>,
    pub(crate) outputs: Vec<(Port, ValueId)>,
}

/// One operator with what has been folded into it.
pub(crate) struct Op {
    /// What the file calls it, for errors.
    pub(crate) label: String,
    pub(crate) kind: Kind,
    /// The first is the operand, the others are added to the result before the activation.
    pub(crate) inputs: Vec<ValueId>,
    pub(crate) output: ValueId,
    /// Where the result goes as it is before anything is added, where somebody wants it.
    pub(crate) plain: Option<ValueId>,
}

/// What an operator does.
pub(crate) enum Kind {
    Convolution(Box<Convolution>),
    /// A depthwise convolution and a pointwise one after the other, in either order, row by row.
    Pair(Box<(Convolution, Convolution)>),
    /// Several operators one after the other, strip by strip and row by row.
    Chain(Vec<Link>),
    /// A matrix times each row; the weights are those of a pointwise convolution.
    Gemm(Box<Convolution>),
    /// The same with weights of one byte.
    GemmBytes(Box<BytesOp>),
    Pool {
        window: Window,
        is_mean: bool,
    },
    /// The mean over all pixels.
    GlobalMean,
    Map(Box<MapOp>),
    /// Two tensors of the same shape.
    Binary(Arithmetic),
    Sigmoid,
    Softmax {
        axis: i64,
    },
    Reshape(Vec<i64>),
    Flatten {
        axis: i64,
    },
    Transpose(Vec<usize>),
    /// Each pixel that many times, in rows and in columns.
    Upsample([usize; 2]),
    /// That many channels of noughts behind the others.
    PadChannels(usize),
    /// Those channels alone.
    Channels(Range<usize>),
    /// Nothing.
    Same,
}

/// One operator of a chain.
#[expect(
    clippy::large_enum_variant,
    reason = "a handful of them, where they are made"
)]
pub(crate) enum Link {
    Convolution(Convolution),
    Pool { window: Window, is_mean: bool },
}

/// A convolution; first as the file gives it, then packed.
pub(crate) struct Convolution {
    pub(crate) window: Window,
    pub(crate) is_depthwise: bool,
    /// Outputs, inputs of each, rows, columns.
    pub(crate) shape: [usize; 4],
    /// Gone once they are packed.
    pub(crate) weights: Weights,
    /// What the weights of each output are still to be multiplied by, or all of them; empty for nothing.
    pub(crate) factors: Vec<f32>,
    pub(crate) bias: Vec<f32>,
    pub(crate) activation: Activation,
    /// Set by [`pack`](Self::pack).
    pub(crate) filter: Option<Filter>,
}

impl Link {
    #[cfg(test)]
    pub(crate) fn window(&self) -> Window {
        match self {
            Self::Convolution(convolution) => convolution.window,
            Self::Pool { window, .. } => *window,
        }
    }

    /// For the kernels, where a pixel before a pooling has that many vectors.
    pub(crate) fn raw(&self, blocks: usize) -> RawLink<'_> {
        match self {
            Self::Convolution(one) if one.is_depthwise => {
                RawLink::Depthwise(one.filter(), &one.window, &one.activation)
            }
            Self::Convolution(one) => {
                RawLink::Convolution(one.filter(), &one.window, &one.activation)
            }
            Self::Pool { window, is_mean } => RawLink::Pool {
                window,
                is_mean: *is_mean,
                blocks,
            },
        }
    }
}

impl Convolution {
    pub(crate) fn outputs(&self) -> usize {
        self.shape[0]
    }

    /// Channels it takes.
    pub(crate) fn channels(&self) -> usize {
        if self.is_depthwise {
            self.shape[0]
        } else {
            self.shape[1]
        }
    }

    /// One tap that moves by one pixel, over all channels.
    pub(crate) fn is_pointwise(&self) -> bool {
        !self.is_depthwise && self.window == Window::POINT
    }

    /// Scale and shift of each output, or one for all, folded in.
    pub(crate) fn absorb(&mut self, scale: &[f32], shift: &[f32]) {
        let of = |values: &[f32], output: usize| values[output % values.len()];
        if self.factors.is_empty() {
            self.factors = vec![1.0; self.shape[0]];
        }
        for (output, factor) in self.factors.iter_mut().enumerate() {
            *factor *= of(scale, output);
        }
        self.bias.resize(self.shape[0], 0.0);
        for (output, bias) in self.bias.iter_mut().enumerate() {
            *bias = *bias * of(scale, output) + of(shift, output);
        }
    }

    /// Adds the outputs of another convolution of the same inputs, or of as many, behind its own.
    pub(crate) fn append(&mut self, mut other: Self) {
        for one in [&mut *self, &mut other] {
            if one.factors.is_empty() {
                one.factors = vec![1.0; one.shape[0]];
            }
        }
        self.factors.append(&mut other.factors);
        self.bias.resize(self.shape[0], 0.0);
        self.bias.extend(&other.bias);
        let own = self.weights.floats_mut();
        own.append(other.weights.floats_mut());
        self.shape[0] += other.shape[0];
        self.bias.resize(self.shape[0], 0.0);
    }

    /// Puts the weights into the order in which they are read.
    pub(crate) fn pack(&mut self) {
        let weights = std::mem::take(&mut self.weights);
        let outputs = (&self.bias[..], &self.factors[..]);
        self.filter = Some(Filter::new(&weights, self.shape, outputs));
    }

    /// The packed weights.
    pub(crate) fn filter(&self) -> &Filter {
        self.filter
            .as_ref()
            .expect("packed when the network was loaded")
    }
}

/// A matrix of bytes times each row.
pub(crate) struct BytesOp {
    pub(crate) filter: ByteFilter,
    pub(crate) activation: Activation,
}

/// Scale and shift of channels, then residuals, then an activation.
pub(crate) struct MapOp {
    /// One value for all channels, or one a channel; empty for neither scale nor shift.
    pub(crate) scale: Vec<f32>,
    pub(crate) shift: Vec<f32>,
    pub(crate) activation: Activation,
}

impl MapOp {
    /// One that only activates.
    pub(crate) fn activate(activation: Activation) -> Self {
        Self {
            scale: Vec::new(),
            shift: Vec::new(),
            activation,
        }
    }
}
