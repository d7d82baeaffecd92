//! Steps of convolutions and full connections.

use super::{
    Axes, BytesOp, Convolution, FAR_FLOATS, LANES, Layout, NARROW, NEAR_FLOATS, Op, Place,
    PlanError, Planner, Sizes, Strided, Tensor, ValueId, Window, Work, n_values,
};

/// The steps of a tensor in memory.
pub(super) fn strided(tensor: &Tensor, axes: &Axes) -> Strided {
    let ([height, width], channels) = (axes.size, axes.channels);
    let (column, channel) = match tensor.layout {
        Layout::Dense => (1, height * width),
        Layout::ChannelsLast => (channels, 1),
        Layout::Picture => (axes.blocks() * LANES, 1),
    };
    let image = match tensor.layout {
        Layout::Dense => channels * height * width,
        Layout::ChannelsLast | Layout::Picture => height * width * column,
    };
    Strided {
        size: axes.size,
        image,
        row: width * column,
        column,
        channel,
    }
}

impl Planner<'_> {
    /// Output size of a window; an error where none fits.
    pub(super) fn size(&self, window: &Window, size: [usize; 2]) -> Result<[usize; 2], PlanError> {
        match (window.n_outputs(0, size[0]), window.n_outputs(1, size[1])) {
            (Some(rows), Some(columns)) => Ok([rows, columns]),
            _ => self.fail(format!("a picture of {size:?} is smaller than the kernel")),
        }
    }

    /// The step of a convolution: output, plain output and residuals of `op`, and for each thread so many floats of rows
    /// between its operators.
    pub(super) fn finished(
        &mut self,
        op: &Op,
        (work, between): (Work, usize),
        (input, shape): (Place, Vec<usize>),
    ) -> Result<(), PlanError> {
        let mut reads = vec![input];
        for &other in &op.inputs[1..] {
            let (axes, place) = self.picture(other)?;
            if [axes.images, axes.channels, axes.size[0], axes.size[1]] != shape[..] {
                return self.fail(format!("a sum of shape {shape:?} and another"));
            }
            reads.push(place);
        }
        let plain = match op.plain {
            Some(plain) => Some(self.result(plain, shape.clone(), Layout::Picture)?),
            None => None,
        };
        let slot = self.result(op.output, shape, Layout::Picture)?;
        let between = match between.checked_mul(self.n_threads) {
            Some(0) => None,
            floats => Some(self.slot(floats)?),
        };
        self.step(work, &reads, slot);
        if let Some(step) = self.steps.last_mut() {
            (step.plain, step.between) = (plain, between);
        }
        Ok(())
    }

    pub(super) fn channels(&self, axes: &Axes, convolution: &Convolution) -> Result<(), PlanError> {
        if axes.channels == convolution.channels() {
            return Ok(());
        }
        let (found, wanted) = (axes.channels, convolution.channels());
        self.fail(format!("{found} channels where {wanted} are wanted"))
    }

    pub(super) fn convolution(
        &mut self,
        op: &Op,
        convolution: &Convolution,
    ) -> Result<(), PlanError> {
        let (tensor, axes) = self.seen_by(op.inputs[0], convolution)?;
        let output = self.size(&convolution.window, axes.size)?;
        let shape = vec![axes.images, convolution.outputs(), output[0], output[1]];
        if convolution.is_depthwise {
            self.zeros_len = self.zeros_len.max(axes.size[1] * axes.blocks() * LANES);
            let sizes = Sizes {
                images: axes.images,
                input: axes.size,
                output,
            };
            return self.finished(op, (Work::Depthwise(sizes), 0), (tensor.place, shape));
        }
        let mut input = strided(&tensor, &axes);
        let (mut images, mut output) = (axes.images, output);
        if convolution.is_pointwise() && tensor.layout != Layout::Dense {
            // All pixels of all pictures are one row.
            let n_pixels = images * axes.n_pixels();
            (images, output) = (1, [1, n_pixels]);
            input.size = [1, n_pixels];
        }
        let work = Work::Convolve {
            images,
            input,
            output,
        };
        self.finished(op, (work, 0), (tensor.place, shape))
    }

    /// The input of a convolution where it can be read, and its axes.
    pub(super) fn seen_by(
        &mut self,
        value: ValueId,
        convolution: &Convolution,
    ) -> Result<(Tensor, Axes), PlanError> {
        let mut tensor = self.tensor(value)?;
        let axes = self.axes(&tensor)?;
        self.channels(&axes, convolution)?;
        // Few channels are read where they lie; many would be far apart.
        let is_near = tensor.layout == Layout::ChannelsLast || axes.channels < LANES / 2;
        if convolution.is_depthwise || !is_near {
            self.picture(value)?;
            tensor = self.tensor(value)?;
        }
        Ok((tensor, axes))
    }

    pub(super) fn pair(
        &mut self,
        op: &Op,
        first: &Convolution,
        second: &Convolution,
    ) -> Result<(), PlanError> {
        let (axes, place) = self.picture(op.inputs[0])?;
        self.channels(&axes, first)?;
        let depthwise = if first.is_depthwise { first } else { second };
        let output = self.size(&depthwise.window, axes.size)?;
        let shape = vec![axes.images, second.outputs(), output[0], output[1]];
        let sizes = Sizes {
            images: axes.images,
            input: axes.size,
            output,
        };
        let channels = depthwise.outputs().next_multiple_of(LANES);
        self.zeros_len = self.zeros_len.max(axes.size[1] * channels);
        let (work, between) = if first.is_depthwise {
            let row = output[1] * channels;
            let weights = channels.saturating_mul(second.outputs());
            let room = weights.clamp(NEAR_FLOATS, FAR_FLOATS);
            let band = (room / row).clamp(1, output[0]);
            (Work::DepthwisePointwise { sizes, band }, band * row)
        } else {
            let row = axes.size[1] * channels;
            // A narrow picture is computed at once, so that no tile ends with its rows.
            let ring = if axes.size[1] < NARROW && axes.size[0] * row <= FAR_FLOATS {
                axes.size[0].max(depthwise.window.kernel[0])
            } else {
                depthwise.window.kernel[0]
            };
            (Work::PointwiseDepthwise { sizes, ring }, ring * row)
        };
        self.finished(op, (work, between), (place, shape))
    }

    pub(super) fn gemm_bytes(&mut self, op: &Op, gemm: &BytesOp) -> Result<(), PlanError> {
        let tensor = self.dense(op.inputs[0])?;
        let [rows, columns] = tensor.shape[..] else {
            return self.fail(format!("takes a matrix, not shape {:?}", tensor.shape));
        };
        if columns != gemm.filter.inputs || op.inputs.len() != 1 {
            return self.fail(format!("a matrix of {columns} columns"));
        }
        let shape = vec![rows, gemm.filter.outputs];
        let slot = self.result(op.output, shape, Layout::Dense)?;
        self.step(Work::Dot { rows }, &[tensor.place], slot);
        Ok(())
    }

    pub(super) fn gemm(&mut self, op: &Op, convolution: &Convolution) -> Result<(), PlanError> {
        let tensor = self.dense(op.inputs[0])?;
        let [rows, columns] = tensor.shape[..] else {
            return self.fail(format!("takes a matrix, not shape {:?}", tensor.shape));
        };
        if columns != convolution.channels() || op.inputs.len() != 1 {
            return self.fail(format!("a matrix of {columns} columns"));
        }
        let outputs = convolution.outputs();
        let padded = outputs.next_multiple_of(LANES);
        let wide = self.slot(n_values(&[rows, padded]))?;
        let work = Work::Convolve {
            images: 1,
            input: Strided {
                size: [1, rows],
                image: rows * columns,
                row: rows * columns,
                column: columns,
                channel: 1,
            },
            output: [1, rows],
        };
        self.step(work, &[tensor.place], wide);
        if outputs == padded || rows == 1 {
            return self.alias(
                op,
                Tensor {
                    shape: vec![rows, outputs],
                    layout: Layout::Dense,
                    place: Place::Slot(wide),
                },
            );
        }
        let slot = self.result(op.output, vec![rows, outputs], Layout::Dense)?;
        let work = Work::Crop {
            rows,
            from: padded,
            first: 0,
            to: outputs,
        };
        self.step(work, &[Place::Slot(wide)], slot);
        Ok(())
    }
}
