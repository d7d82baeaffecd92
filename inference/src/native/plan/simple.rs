//! Steps of the operators that are no convolutions.

use std::ops::Range;

use super::{
    Activation, Aligned, Arithmetic, Axes, ChannelMap, LANES, Layout, MapOp, Op, PlanError,
    Planner, Sizes, Tensor, Window, Work, n_values,
};
use crate::native::kernel::MAX_RESIDUALS;

impl Planner<'_> {
    pub(super) fn pool(
        &mut self,
        op: &Op,
        window: &Window,
        is_mean: bool,
    ) -> Result<(), PlanError> {
        let (axes, place) = self.picture(op.inputs[0])?;
        let output = self.size(window, axes.size)?;
        let shape = vec![axes.images, axes.channels, output[0], output[1]];
        let slot = self.result(op.output, shape, Layout::Picture)?;
        let work = Work::Pool {
            sizes: Sizes {
                images: axes.images,
                input: axes.size,
                output,
            },
            blocks: axes.blocks(),
            window: *window,
            is_mean,
        };
        self.step(work, &[place], slot);
        Ok(())
    }

    pub(super) fn global_mean(&mut self, op: &Op) -> Result<(), PlanError> {
        let (axes, place) = self.picture(op.inputs[0])?;
        let shape = vec![axes.images, axes.channels, 1, 1];
        let slot = self.result(op.output, shape, Layout::Picture)?;
        let work = Work::Mean {
            images: axes.images,
            n_pixels: axes.n_pixels(),
            blocks: axes.blocks(),
        };
        self.step(work, &[place], slot);
        Ok(())
    }

    pub(super) fn map(&mut self, op: &Op, map: &MapOp) -> Result<(), PlanError> {
        let tensors: Result<Vec<Tensor>, PlanError> =
            op.inputs.iter().map(|&value| self.tensor(value)).collect();
        let tensors = tensors?;
        let shape = tensors[0].shape.clone();
        if tensors.iter().any(|tensor| tensor.shape != shape) || tensors.len() > 1 + MAX_RESIDUALS {
            return self.fail("a sum of different shapes");
        }
        let has_slopes = matches!(map.activation, Activation::Slopes(_));
        let is_dense = tensors.iter().all(|tensor| tensor.layout == Layout::Dense);
        if is_dense && !has_slopes {
            return self.map_dense(op, map, shape);
        }
        let axes = self.axes(&tensors[0])?;
        let mut reads = Vec::with_capacity(tensors.len());
        for &value in &op.inputs {
            reads.push(self.picture(value)?.1);
        }
        let channels = self.channel_map(map, &axes)?;
        if let Activation::Slopes(slopes) = &map.activation
            && slopes.as_slice().len() != axes.blocks() * LANES
        {
            return self.fail("slopes for other channels");
        }
        let slot = self.result(op.output, shape, Layout::Picture)?;
        let work = Work::Map {
            n_pixels: axes.images * axes.n_pixels(),
            blocks: axes.blocks(),
            channels: channels.map(Box::new),
        };
        self.step(work, &reads, slot);
        Ok(())
    }

    fn channel_map(&self, map: &MapOp, axes: &Axes) -> Result<Option<ChannelMap>, PlanError> {
        if map.scale.is_empty() {
            return Ok(None);
        }
        let fits = |values: &[f32]| values.len() == 1 || values.len() == axes.channels;
        if !fits(&map.scale) || !fits(&map.shift) {
            return self.fail("factors for other channels");
        }
        let spread = |values: &[f32]| {
            let mut padded = Aligned::zeros(axes.blocks() * LANES);
            for (index, into) in padded
                .as_mut_slice()
                .iter_mut()
                .take(axes.channels)
                .enumerate()
            {
                *into = values[index % values.len()];
            }
            padded
        };
        Ok(Some(ChannelMap {
            scale: spread(&map.scale),
            shift: spread(&map.shift),
        }))
    }

    fn map_dense(&mut self, op: &Op, map: &MapOp, shape: Vec<usize>) -> Result<(), PlanError> {
        let total = n_values(&shape).unwrap_or(0);
        let channels = map.scale.len().max(map.shift.len()).max(1);
        let (outer, inner) = match *shape {
            _ if channels == 1 => (1, total),
            // One value a channel: the second axis of a picture.
            [images, found, height, width] if found == channels => (images, height * width),
            _ => return self.fail(format!("{channels} factors for shape {shape:?}")),
        };
        let reads: Vec<_> = op
            .inputs
            .iter()
            .map(|&value| self.tensor(value).map(|tensor| tensor.place))
            .collect::<Result<_, PlanError>>()?;
        let slot = self.result(op.output, shape, Layout::Dense)?;
        let work = Work::MapDense {
            outer,
            channels,
            inner,
        };
        self.step(work, &reads, slot);
        Ok(())
    }

    pub(super) fn binary(&mut self, op: &Op, arithmetic: Arithmetic) -> Result<(), PlanError> {
        let (a, b) = (self.dense(op.inputs[0])?, self.dense(op.inputs[1])?);
        if a.shape != b.shape {
            return self.fail(format!("shapes {:?} and {:?}", a.shape, b.shape));
        }
        let len = n_values(&a.shape).unwrap_or(0);
        let slot = self.result(op.output, a.shape, Layout::Dense)?;
        self.step(Work::Binary { arithmetic, len }, &[a.place, b.place], slot);
        Ok(())
    }

    pub(super) fn softmax(&mut self, op: &Op, axis: i64) -> Result<(), PlanError> {
        let tensor = self.dense(op.inputs[0])?;
        let rank = tensor.shape.len() as i64;
        let Some(&len) = tensor.shape.last() else {
            return self.fail("a single value");
        };
        if axis != -1 && axis != rank - 1 {
            return self.fail("along another axis than the last");
        }
        let rows = n_values(&tensor.shape).unwrap_or(0) / len.max(1);
        let slot = self.result(op.output, tensor.shape, Layout::Dense)?;
        self.step(Work::Softmax { rows, len }, &[tensor.place], slot);
        Ok(())
    }

    pub(super) fn transpose(&mut self, op: &Op, order: &[usize]) -> Result<(), PlanError> {
        let tensor = self.tensor(op.inputs[0])?;
        if order.len() != tensor.shape.len() {
            return self.fail(format!("shape {:?} in order {order:?}", tensor.shape));
        }
        let shape: Vec<usize> = order.iter().map(|&axis| tensor.shape[axis]).collect();
        let place = tensor.place;
        let alias = |layout| Tensor {
            shape: shape.clone(),
            layout,
            place,
        };
        match (tensor.layout, order) {
            (Layout::Dense, [0, 3, 1, 2]) => self.alias(op, alias(Layout::ChannelsLast)),
            (Layout::ChannelsLast, [0, 2, 3, 1]) => self.alias(op, alias(Layout::Dense)),
            (Layout::Picture, [0, 2, 3, 1]) => {
                let axes = self.axes(&tensor)?;
                if axes.channels.is_multiple_of(LANES) {
                    return self.alias(op, alias(Layout::Dense));
                }
                let slot = self.result(op.output, shape, Layout::Dense)?;
                let work = Work::FromPicture {
                    images: axes.images,
                    channels: axes.channels,
                    n_pixels: axes.n_pixels(),
                    is_last: true,
                };
                self.step(work, &[place], slot);
                Ok(())
            }
            _ => {
                let tensor = self.dense(op.inputs[0])?;
                let mut own = vec![1; order.len()];
                for axis in (1..order.len()).rev() {
                    own[axis - 1] = own[axis] * tensor.shape[axis];
                }
                let steps = order.iter().map(|&axis| own[axis]).collect();
                let slot = self.result(op.output, shape.clone(), Layout::Dense)?;
                let work = Work::Permute {
                    sizes: shape,
                    steps,
                };
                self.step(work, &[tensor.place], slot);
                Ok(())
            }
        }
    }

    pub(super) fn upsample(&mut self, op: &Op, times: [usize; 2]) -> Result<(), PlanError> {
        let (axes, place) = self.picture(op.inputs[0])?;
        let output = [axes.size[0] * times[0], axes.size[1] * times[1]];
        let shape = vec![axes.images, axes.channels, output[0], output[1]];
        let slot = self.result(op.output, shape, Layout::Picture)?;
        let work = Work::Upsample {
            sizes: Sizes {
                images: axes.images,
                input: axes.size,
                output,
            },
            blocks: axes.blocks(),
            times,
        };
        self.step(work, &[place], slot);
        Ok(())
    }

    pub(super) fn channels_of(&mut self, op: &Op, range: &Range<usize>) -> Result<(), PlanError> {
        let (axes, place) = self.picture(op.inputs[0])?;
        if range.end > axes.channels {
            return self.fail(format!("channels {range:?} of {}", axes.channels));
        }
        let shape = vec![axes.images, range.len(), axes.size[0], axes.size[1]];
        let slot = self.result(op.output, shape, Layout::ChannelsLast)?;
        let work = Work::Crop {
            rows: axes.images * axes.n_pixels(),
            from: axes.blocks() * LANES,
            first: range.start,
            to: range.len(),
        };
        self.step(work, &[place], slot);
        Ok(())
    }

    pub(super) fn pad_channels(&mut self, op: &Op, more: usize) -> Result<(), PlanError> {
        let (axes, place) = self.picture(op.inputs[0])?;
        let channels = axes.channels + more;
        let shape = vec![axes.images, channels, axes.size[0], axes.size[1]];
        let slot = self.result(op.output, shape, Layout::Picture)?;
        let work = Work::PadChannels {
            n_pixels: axes.images * axes.n_pixels(),
            from: axes.blocks() * LANES,
            channels: axes.channels,
            to: channels.next_multiple_of(LANES),
        };
        self.step(work, &[place], slot);
        Ok(())
    }
}
