//! The arithmetic and the threads that share it: all the `unsafe` of the native runtime.
//!
//! What other modules call takes slices, checks that they are as long as the work asks for, and then hands
//! pointers to the kernel of this processor. Each kernel is written once over `simd::Simd`.
//!
//! Pictures lie pixel by pixel, the channels of a pixel side by side and padded to a multiple of sixteen;
//! what lies in the padding is finite and never looked at. Weights lie in blocks of sixteen output channels.

#[cfg(all(target_arch = "x86_64", not(miri)))]
mod avx2;
#[cfg(all(target_arch = "x86_64", not(miri)))]
mod avx512;
mod chain;
mod convolution;
mod crew;
#[expect(
    clippy::needless_range_loop,
    reason = "constant bounds unroll, and iterators would hide the instructions from the inliner"
)]
mod depthwise;
mod dispatch;
mod dot;
#[expect(
    clippy::needless_range_loop,
    reason = "constant bounds unroll, and iterators would hide the instructions from the inliner"
)]
mod finish;
mod map;
mod memory;
#[cfg(all(target_arch = "aarch64", not(miri)))]
mod neon;
mod peak;
mod pool;
mod rows;
mod scalar;
mod scale;
mod simd;
#[expect(
    clippy::needless_range_loop,
    reason = "constant bounds unroll, and iterators would hide the instructions from the inliner"
)]
mod tile;
mod warp;

pub(crate) use chain::{ChainWork, Link, MAX_LINKS, chain_floats};
pub(crate) use convolution::{Filter, Picture, Window};
pub(crate) use crew::{Crew, Lockers, MAX_CREW, n_threads};
pub(crate) use depthwise::MAX_KERNEL;
pub(crate) use dot::{ByteFilter, GROUP};
pub(crate) use finish::MAX_RESIDUALS;
pub(crate) use memory::{Aligned, MAX_READS};
pub(crate) use rows::{ChannelMap, PoolWork, RowWork};
pub use scale::ColorPlanes;
pub(crate) use scale::Taps;
pub(crate) use simd::LANES;

use std::sync::LazyLock;

use dispatch::Table;
use finish::RawFinish;

/// The kernels of one kind of processor.
#[derive(Clone, Copy)]
pub(crate) struct Kernels(&'static Table);

impl Kernels {
    /// The fastest this processor can run, which is looked up once.
    pub(crate) fn best() -> Self {
        static BEST: LazyLock<Kernels> = LazyLock::new(|| Kernels::all()[0]);
        *BEST
    }

    /// All that this processor can run, the fastest first.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        {
            if std::arch::is_x86_feature_detected!("avx512f") {
                all.push(Self(&avx512::TABLE));
            }
            if std::arch::is_x86_feature_detected!("avx2")
                && std::arch::is_x86_feature_detected!("fma")
            {
                all.push(Self(&avx2::TABLE));
            }
        }
        #[cfg(all(target_arch = "aarch64", not(miri)))]
        all.push(Self(&neon::TABLE));
        all.push(Self(&scalar::TABLE));
        all
    }

    /// `avx512`, `avx2`, `neon` or `portable`.
    pub(crate) fn name(self) -> &'static str {
        self.0.name
    }
}

/// What is done to a result as it is stored.
#[derive(Clone)]
pub(crate) enum Activation {
    /// Kept between two values, which may be infinite.
    Clamp {
        /// The least.
        low: f32,
        /// The greatest.
        high: f32,
    },
    /// Below nought times a slope, one a channel.
    Slopes(Aligned),
}

impl Activation {
    /// Nothing is done.
    pub(crate) const NONE: Self = Self::Clamp {
        low: f32::NEG_INFINITY,
        high: f32::INFINITY,
    };

    pub(crate) fn is_none(&self) -> bool {
        matches!(self, Self::Clamp { low, high } if *low == f32::NEG_INFINITY && *high == f32::INFINITY)
    }
}

/// Where results go and what is done to them. All tensors lie alike: pixels of `blocks` vectors.
pub(crate) struct Finish<'a> {
    /// What is done last.
    pub(crate) activation: &'a Activation,
    /// Tensors that are added before.
    pub(crate) residuals: &'a [&'a [f32]],
    /// Where the results go as they are before anything is added; empty for nowhere.
    pub(crate) plain: &'a mut [f32],
    /// Where they go in the end.
    pub(crate) output: &'a mut [f32],
}

impl<'a> Finish<'a> {
    /// Checks the lengths for `n_pixels` of `blocks` vectors.
    ///
    /// # Panics
    /// Where one does not fit: a defect of the planner.
    fn raw(&mut self, n_pixels: usize, blocks: usize) -> RawFinish {
        let len = n_pixels * blocks * LANES;
        assert!(self.output.len() >= len, "output too short");
        assert!(
            self.plain.is_empty() || self.plain.len() >= len,
            "plain output too short"
        );
        assert!(self.residuals.len() <= MAX_RESIDUALS, "too many residuals");
        let mut residuals = [std::ptr::null(); MAX_RESIDUALS];
        for (pointer, residual) in residuals.iter_mut().zip(self.residuals) {
            assert!(residual.len() >= len, "residual too short");
            *pointer = residual.as_ptr();
        }
        let (slopes, low, high) = match self.activation {
            Activation::Clamp { low, high } => (std::ptr::null(), *low, *high),
            Activation::Slopes(slopes) => {
                assert!(slopes.as_slice().len() >= blocks * LANES, "too few slopes");
                (slopes.as_slice().as_ptr(), 0.0, 0.0)
            }
        };
        let plain = if self.plain.is_empty() {
            std::ptr::null_mut()
        } else {
            self.plain.as_mut_ptr()
        };
        RawFinish {
            residuals,
            n_residuals: self.residuals.len(),
            plain,
            slopes,
            low,
            high,
            output: self.output.as_mut_ptr(),
            step: blocks * LANES,
        }
    }

    /// Those floats of every tensor, one after the other in memory.
    pub(crate) fn part<'b>(
        &'b mut self,
        residuals: &'b mut [&'b [f32]; MAX_RESIDUALS],
        floats: std::ops::Range<usize>,
    ) -> Finish<'b> {
        let n = self.residuals.len();
        for (part, whole) in residuals.iter_mut().zip(self.residuals) {
            *part = &whole[floats.clone()];
        }
        Finish {
            activation: self.activation,
            residuals: &residuals[..n],
            plain: if self.plain.is_empty() {
                &mut []
            } else {
                &mut self.plain[floats.clone()]
            },
            output: &mut self.output[floats],
        }
    }

    /// The residuals, each from its beginning.
    pub(crate) fn residuals_left(&self) -> [&'a [f32]; MAX_RESIDUALS] {
        let mut residuals = [&[][..]; MAX_RESIDUALS];
        for (own, whole) in residuals.iter_mut().zip(self.residuals) {
            *own = whole;
        }
        residuals
    }
}
