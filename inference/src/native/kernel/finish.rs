//! What becomes of sums before they are stored: residuals, then an activation.

use super::Activation;
use super::simd::{LANES, Simd};

/// Most tensors that are added to a result as it is stored.
pub(crate) const MAX_RESIDUALS: usize = 3;

/// Where results go and what is done to them. Steps are in floats.
#[derive(Clone, Copy)]
pub(super) struct RawFinish {
    /// Tensors that are added, laid out as the output.
    pub(super) residuals: [*const f32; MAX_RESIDUALS],
    pub(super) n_residuals: usize,
    /// Where the results go before anything is added, laid out as the output; null for nowhere.
    pub(super) plain: *mut f32,
    /// Slopes below nought, one a channel; null to clamp instead.
    pub(super) slopes: *const f32,
    pub(super) low: f32,
    pub(super) high: f32,
    pub(super) output: *mut f32,
    /// From one pixel of the output to the next.
    pub(super) step: usize,
}

impl RawFinish {
    /// For results that nothing is added to and that have no place yet.
    pub(super) fn between(activation: &Activation, step: usize) -> Self {
        let (slopes, low, high) = match activation {
            Activation::Clamp { low, high } => (std::ptr::null(), *low, *high),
            Activation::Slopes(slopes) => {
                assert!(slopes.as_slice().len() >= step, "too few slopes");
                (slopes.as_slice().as_ptr(), 0.0, 0.0)
            }
        };
        Self {
            residuals: [std::ptr::null(); MAX_RESIDUALS],
            n_residuals: 0,
            plain: std::ptr::null_mut(),
            slopes,
            low,
            high,
            output: std::ptr::null_mut(),
            step,
        }
    }

    /// This, moved by that many floats in every tensor and that many channels.
    ///
    /// # Safety
    /// Every tensor reaches that far.
    #[inline(always)]
    pub(super) unsafe fn at(&self, offset: usize, channel: usize) -> Self {
        let mut moved = *self;
        // SAFETY: the caller's promise.
        unsafe { moved.move_to(self, offset, channel) };
        moved
    }

    /// Becomes `first`, of which it is a copy but for its place, moved by that many floats in every tensor
    /// and that many channels.
    ///
    /// # Safety
    /// Every tensor reaches that far.
    #[inline(always)]
    pub(super) unsafe fn move_to(&mut self, first: &Self, offset: usize, channel: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            for r in 0..first.n_residuals {
                self.residuals[r] = first.residuals[r].add(offset);
            }
            if !first.plain.is_null() {
                self.plain = first.plain.add(offset);
            }
            if !first.slopes.is_null() {
                self.slopes = first.slopes.add(channel);
            }
            self.output = first.output.add(offset);
        }
    }

    /// Finishes and stores `MR` neighbouring pixels from `offset` on, `NV` vectors each.
    ///
    /// # Safety
    /// Every tensor reaches that far.
    #[inline(always)]
    pub(super) unsafe fn store<S: Simd, const MR: usize, const NV: usize>(
        &self,
        mut sums: [[S::V; NV]; MR],
        offset: usize,
    ) {
        // SAFETY: the caller's promise.
        unsafe {
            if !self.plain.is_null() {
                let plain = self.plain.add(offset);
                for i in 0..MR {
                    for v in 0..NV {
                        S::store(plain.add(i * self.step + v * LANES), sums[i][v]);
                    }
                }
            }
            for r in 0..self.n_residuals {
                let residual = self.residuals[r].add(offset);
                for i in 0..MR {
                    for v in 0..NV {
                        let other = S::load(residual.add(i * self.step + v * LANES));
                        sums[i][v] = S::add(other, sums[i][v]);
                    }
                }
            }
            let output = self.output.add(offset);
            if self.slopes.is_null() {
                let (low, high) = (S::splat(self.low), S::splat(self.high));
                for i in 0..MR {
                    for v in 0..NV {
                        // In this order what is not a number stays so.
                        let clamped = S::min(high, S::max(low, sums[i][v]));
                        S::store(output.add(i * self.step + v * LANES), clamped);
                    }
                }
            } else {
                let zero = S::splat(0.0);
                for v in 0..NV {
                    let slope = S::load(self.slopes.add(v * LANES));
                    for i in 0..MR {
                        let x = sums[i][v];
                        let bent = S::fma(S::min(zero, x), slope, S::max(zero, x));
                        S::store(output.add(i * self.step + v * LANES), bent);
                    }
                }
            }
        }
    }
}
