//! Steps of chains.

use super::convolution::strided;
use super::{Axes, LANES, Layout, Link, Op, PlanError, Planner, Tensor, Work};
use crate::native::kernel::{Link as Raw, chain_floats};

/// Floats between the operators of a chain: a quarter of a second cache of 1 MiB. More pays than what fits the first:
/// each row of a strip costs some time of its own.
const NEAR_FLOATS: usize = 64 << 10;

/// Fewest columns of a strip: below, the columns at its borders that two strips compute are too many.
const MIN_STRIP: usize = 16;

impl Planner<'_> {
    pub(super) fn chain(&mut self, op: &Op, links: &[Link]) -> Result<(), PlanError> {
        let (mut tensor, mut axes) = self.first_of(op, links)?;
        let input = strided(&tensor, &axes);
        let (images, mut blocks) = (axes.images, axes.blocks());
        let mut sizes = Vec::with_capacity(links.len());
        let mut raw = Vec::with_capacity(links.len());
        for link in links {
            let before = axes.size;
            match link {
                Link::Convolution(convolution) => {
                    self.channels(&axes, convolution)?;
                    axes.size = self.size(&convolution.window, before)?;
                    if convolution.is_depthwise {
                        let row = before[1] * axes.blocks() * LANES;
                        self.zeros_len = self.zeros_len.max(row);
                    }
                    axes.channels = convolution.outputs();
                    blocks = axes.blocks();
                }
                Link::Pool { window, .. } => axes.size = self.size(window, before)?,
            }
            raw.push(link.raw(blocks));
            sizes.push(axes.size);
        }
        tensor.shape = vec![images, axes.channels, axes.size[0], axes.size[1]];
        let strip = strip(&raw, &sizes);
        let between = chain_floats(&raw, &sizes, strip);
        let work = Work::Chain {
            images,
            input,
            sizes,
            strip,
        };
        self.finished(op, (work, between), (tensor.place, tensor.shape))
    }

    /// What the first operator reads, where it can be read.
    fn first_of(&mut self, op: &Op, links: &[Link]) -> Result<(Tensor, Axes), PlanError> {
        if let Some(Link::Convolution(first)) = links.first()
            && !first.is_depthwise
            && !first.is_pointwise()
        {
            return self.seen_by(op.inputs[0], first);
        }
        let (axes, place) = self.picture(op.inputs[0])?;
        let tensor = Tensor {
            shape: Vec::new(),
            layout: Layout::Picture,
            place,
        };
        Ok((tensor, axes))
    }
}

/// Columns of the result that are computed together: as many as leave what lies between in the first cache.
fn strip(links: &[Raw<'_>], sizes: &[[usize; 2]]) -> usize {
    let width = sizes.last().map_or(1, |size| size[1]);
    let strips = (1..=width.div_ceil(MIN_STRIP)).map(|n| width.div_ceil(n));
    let mut strips = strips.filter(|&strip| chain_floats(links, sizes, strip) <= NEAR_FLOATS);
    strips.next().unwrap_or(width.min(MIN_STRIP))
}
