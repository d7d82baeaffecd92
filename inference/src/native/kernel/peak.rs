//! What the processor could do at most: multiplications in registers, and bytes read one after the other.

use super::Kernels;
use super::memory::Aligned;
use super::simd::{LANES, Simd};

/// Multiplications of vectors in one round.
const ROUND: usize = 1 << 16;

/// Floats read for one figure, at least: what is small is read again and again.
const READ_FLOATS: usize = 32 << 20;

/// Multiplies vectors in registers, `n` times each of `SUMS`: more than a multiplication takes cycles, times the units
/// that do them, and no more than stay in registers beside the two factors.
///
/// # Safety
/// `out` is good for sixteen floats.
#[inline(always)]
pub(super) unsafe fn multiply<S: Simd, const SUMS: usize>(n: usize, out: *mut f32) {
    // SAFETY: the caller's promise.
    unsafe {
        let (x, y) = (S::load(out), S::splat(0.5));
        let mut sums = [x; SUMS];
        for _ in 0..n {
            for sum in &mut sums {
                *sum = S::fma(*sum, y, x);
            }
        }
        let all = sums
            .iter()
            .fold(S::splat(0.0), |all, sum| S::add(all, *sum));
        S::store(out, all);
    }
}

impl Kernels {
    /// Multiplications with addition a second that one core does in registers: the fastest of `n_rounds`. `now` tells
    /// seconds.
    pub(crate) fn multiplications_per_sec(self, n_rounds: usize, now: &dyn Fn() -> f64) -> f64 {
        let mut out = [1.0_f32; LANES];
        let fastest = (0..n_rounds)
            .map(|_| {
                let began = now();
                // SAFETY: sixteen floats; the table was chosen for this processor.
                unsafe { (self.0.multiply)(ROUND, out.as_mut_ptr()) };
                std::hint::black_box(&mut out);
                now() - began
            })
            .fold(f64::INFINITY, f64::min);
        (ROUND * self.0.sums * LANES) as f64 / fastest
    }

    /// Bytes a second that one core reads of `n_floats` floats, at least sixteen, that it has read before: the fastest
    /// of `n_rounds`. `now` tells seconds.
    pub(crate) fn bytes_per_sec(
        self,
        n_floats: usize,
        n_rounds: usize,
        now: &dyn Fn() -> f64,
    ) -> f64 {
        let from = Aligned::zeros(n_floats);
        let mut mean = [0.0; LANES];
        let n_times = (READ_FLOATS / n_floats).max(1);
        let fastest = (0..n_rounds)
            .map(|_| {
                let began = now();
                for _ in 0..n_times {
                    self.mean(from.as_slice(), (n_floats / LANES, 1), &mut mean);
                    std::hint::black_box(&mut mean);
                }
                now() - began
            })
            .fold(f64::INFINITY, f64::min);
        (n_times * n_floats * size_of::<f32>()) as f64 / fastest
    }
}
