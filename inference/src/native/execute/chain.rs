//! Chains of operators, shared among threads.

use super::convolve::Runner;
use crate::native::graph::{Kind, Link, Op};
use crate::native::kernel::{ChainWork, Finish, LANES, Link as Raw, MAX_LINKS, Picture, Window};
use crate::native::plan::Strided;

impl Runner<'_> {
    pub(super) fn chain(
        &self,
        op: &Op,
        (input, scratch): (&[f32], &mut [f32]),
        (images, strided, sizes, strip): (usize, &Strided, &[[usize; 2]], usize),
        finish: Finish<'_>,
    ) {
        let Kind::Chain(links) = &op.kind else {
            unreachable!("planned for a chain");
        };
        let mut blocks = 0;
        let mut raw = [Raw::Pool {
            window: &Window::POINT,
            is_mean: false,
            blocks: 0,
        }; MAX_LINKS];
        let mut n_weights = 0;
        for (raw, link) in raw.iter_mut().zip(links) {
            if let Link::Convolution(convolution) = link {
                blocks = convolution.filter().blocks;
                n_weights += convolution.filter().len();
            }
            *raw = link.raw(blocks);
        }
        let Some(&[rows, columns]) = sizes.last() else {
            return;
        };
        let results = ([images, rows, columns], columns * blocks * LANES);
        let memory = (finish, scratch);
        self.share_rows(
            n_weights,
            results,
            memory,
            &|image, rows, finish, scratch| {
                let work = ChainWork {
                    links: &raw[..links.len()],
                    sizes,
                    picture: Picture {
                        data: &input[image * strided.image..],
                        height: strided.size[0],
                        width: strided.size[1],
                        row_step: strided.row,
                        column_step: strided.column,
                        channel_step: strided.channel,
                    },
                    strip,
                    zeros: self.zeros,
                };
                self.kernels.chain(&work, rows, finish, scratch);
            },
        );
    }
}
