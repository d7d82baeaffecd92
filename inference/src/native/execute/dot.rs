//! Full connections with weights of one byte, shared among threads.

use super::convolve::Runner;
use crate::native::graph::{Kind, Op};
use crate::native::kernel::{Finish, GROUP};

impl Runner<'_> {
    /// Each thread takes some rows, or, where there is but one, some outputs.
    pub(super) fn dot(&self, op: &Op, (input, n_rows): (&[f32], usize), mut finish: Finish<'_>) {
        let Kind::GemmBytes(gemm) = &op.kind else {
            unreachable!("planned for bytes");
        };
        let filter = &gemm.filter;
        let (outputs, inputs) = (filter.outputs, filter.inputs);
        let work = outputs.saturating_mul(inputs).saturating_mul(n_rows);
        let parts = self.n_parts(work);
        let kernels = self.kernels;
        if n_rows == 1 && outputs.is_multiple_of(GROUP) {
            let groups = (0..outputs / GROUP, GROUP);
            return self.share(parts, groups, finish, &mut [], &|groups, mut finish, _| {
                let own = groups.start * GROUP..groups.end * GROUP;
                let n = own.len();
                kernels.dot(filter, (input, 1), (own, n), &mut finish);
            });
        }
        if n_rows == 1 {
            return kernels.dot(filter, (input, 1), (0..outputs, outputs), &mut finish);
        }
        self.share(
            parts,
            (0..n_rows, outputs),
            finish,
            &mut [],
            &|rows, mut finish, _| {
                let input = &input[rows.start * inputs..rows.end * inputs];
                let outputs = (0..outputs, outputs);
                kernels.dot(filter, (input, rows.len()), outputs, &mut finish);
            },
        );
    }
}
