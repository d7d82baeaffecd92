//! A matrix of bytes times rows of floats: its weights are far more than its multiplications, so they are read as the
//! file stores them and become floats in registers.

use std::ops::Range;

use super::memory::Aligned;
use super::simd::{LANES, Simd};
use super::{Activation, Finish, Kernels};
use crate::native::stored::Bytes;

/// Outputs computed together.
pub(crate) const GROUP: usize = 8;

/// The weights of a full connection: `(value - zero) * scale`, zero and scale of each run of inputs.
pub(crate) struct ByteFilter {
    pub(crate) outputs: usize,
    pub(crate) inputs: usize,
    /// Inputs that share zero and scale; a multiple of sixteen.
    run: usize,
    /// `[output][input]`.
    values: Vec<u8>,
    /// `[group][run][16]`: the zeros of eight outputs, then their scales.
    terms: Aligned,
    bias: Aligned,
}

impl ByteFilter {
    /// A matrix of `[outputs, inputs]`. A missing bias is nought.
    ///
    /// # Panics
    /// Where runs are no multiples of sixteen that fill the rows.
    pub(crate) fn new(bytes: Bytes, [outputs, inputs]: [usize; 2], bias: &[f32]) -> Self {
        let run = bytes.run;
        let fits = run > 0 && run.is_multiple_of(LANES) && inputs.is_multiple_of(run);
        assert!(fits && bytes.values.len() == outputs * inputs, "shape");
        let n_runs = inputs / run;
        let n_groups = outputs.div_ceil(GROUP);
        let mut terms = Aligned::zeros(n_groups * n_runs * LANES);
        let all = terms.as_mut_slice();
        let pairs = bytes.zeros.chunks(n_runs).zip(bytes.scales.chunks(n_runs));
        for (output, (zeros, scales)) in pairs.enumerate() {
            let start = output / GROUP * n_runs * LANES + output % GROUP;
            for (run, (&zero, &scale)) in zeros.iter().zip(scales).enumerate() {
                all[start + run * LANES] = zero;
                all[start + run * LANES + GROUP] = scale;
            }
        }
        let mut padded = Aligned::zeros(n_groups * GROUP);
        padded.as_mut_slice()[..bias.len()].copy_from_slice(bias);
        Self {
            outputs,
            inputs,
            run,
            values: bytes.values,
            terms,
            bias: padded,
        }
    }

    /// Bytes of all weights.
    pub(crate) fn n_bytes(&self) -> usize {
        self.values.len() + size_of_val(self.terms.as_slice())
    }
}

/// The work of one group of outputs of one row.
#[derive(Clone, Copy)]
pub(super) struct Dot {
    pub(super) input: *const f32,
    /// Of the first of these outputs, and from one to the next.
    pub(super) values: *const u8,
    pub(super) inputs: usize,
    pub(super) run: usize,
    /// `[run][16]`, from the first of these outputs on.
    pub(super) terms: *const f32,
    pub(super) bias: *const f32,
    pub(super) low: f32,
    pub(super) high: f32,
    pub(super) output: *mut f32,
}

/// Computes `N` outputs.
///
/// # Safety
/// All that the description reaches lies in live memory, the output apart from the rest; `run` is a multiple of sixteen
/// that fills `inputs`.
#[inline(always)]
pub(super) unsafe fn dot<S: Simd, const N: usize>(work: &Dot) {
    // SAFETY: the caller's promise; offsets stay within what it describes.
    unsafe {
        let mut sums = [S::splat(0.0); N];
        for run in 0..work.inputs / work.run {
            let mut parts = [S::splat(0.0); N];
            let mut all = S::splat(0.0);
            for vector in 0..work.run / LANES {
                let at = run * work.run + vector * LANES;
                let x = S::load(work.input.add(at));
                all = S::add(all, x);
                for (n, part) in parts.iter_mut().enumerate() {
                    let weights = S::load_bytes(work.values.add(n * work.inputs + at));
                    *part = S::fma(x, weights, *part);
                }
            }
            // The sum of x times (weight - zero) is that of x times weight, less zero times that of x.
            let less = S::mul(all, S::splat(-1.0));
            let terms = work.terms.add(run * LANES);
            for (n, sum) in sums.iter_mut().enumerate() {
                let part = S::fma(less, S::broadcast(terms.add(n)), parts[n]);
                *sum = S::fma(part, S::broadcast(terms.add(GROUP + n)), *sum);
            }
        }
        for (n, &sum) in sums.iter().enumerate() {
            let mut lanes = [0.0; LANES];
            S::store(lanes.as_mut_ptr(), sum);
            let mut half = LANES / 2;
            while half > 0 {
                for i in 0..half {
                    lanes[i] += lanes[i + half];
                }
                half /= 2;
            }
            let sum = lanes[0] + *work.bias.add(n);
            let at_least = if sum < work.low { work.low } else { sum };
            *work.output.add(n) = if at_least > work.high {
                work.high
            } else {
                at_least
            };
        }
    }
}

impl Kernels {
    /// Those outputs, which begin with a group, of `n_rows` rows one after the other; `finish` holds for each row as many
    /// outputs as `out_step` says, of which these are the first.
    ///
    /// # Panics
    /// Where a tensor is too short for the work: a defect of the planner.
    pub(crate) fn dot(
        self,
        filter: &ByteFilter,
        (input, n_rows): (&[f32], usize),
        (outputs, out_step): (Range<usize>, usize),
        finish: &mut Finish<'_>,
    ) {
        let Activation::Clamp { low, high } = *finish.activation else {
            unreachable!("slopes are for pictures");
        };
        assert!(input.len() >= n_rows * filter.inputs, "input too short");
        assert!(finish.output.len() >= n_rows * out_step, "output too short");
        let is_part = outputs.end <= filter.outputs && outputs.start.is_multiple_of(GROUP);
        assert!(
            is_part && outputs.len() <= out_step,
            "outputs of another filter"
        );
        let n_runs = filter.inputs / filter.run;
        for first in outputs.clone().step_by(GROUP) {
            let n = GROUP.min(outputs.end - first);
            for row in 0..n_rows {
                let work = |more: usize| {
                    let output = first + more;
                    Dot {
                        input: input[row * filter.inputs..].as_ptr(),
                        values: filter.values[output * filter.inputs..].as_ptr(),
                        inputs: filter.inputs,
                        run: filter.run,
                        terms: filter.terms.as_slice()[first * n_runs * LANES / GROUP + more..]
                            .as_ptr(),
                        bias: filter.bias.as_slice()[output..].as_ptr(),
                        low,
                        high,
                        output: std::ptr::null_mut(),
                    }
                };
                let kernels = &self.0.dot;
                let (kernel, each) = if n == GROUP {
                    (kernels[1], GROUP)
                } else {
                    (kernels[0], 1)
                };
                for more in (0..n).step_by(each) {
                    let mut work = work(more);
                    let at = row * out_step + first + more - outputs.start;
                    work.output = finish.output[at..].as_mut_ptr();
                    // SAFETY: the weights have all rows and terms, input and output were measured, and the table was
                    // chosen for this processor.
                    unsafe { kernel(&work) };
                }
            }
        }
    }
}
