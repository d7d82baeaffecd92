//! One set of functions for each kind of processor.

use super::depthwise::DepthwiseRow;
use super::dot::Dot;
use super::map::{Map, Mean};
use super::pool::PoolRow;
use super::scale::ScaledRow;
use super::tile::Tile;
use super::warp::SampledLine;

/// Computes tiles of one size side by side: so many.
type TileFn = unsafe fn(&Tile, usize);

/// The kernels for one kind of processor.
///
/// Every function needs a processor of that kind, and a description of its work whose pointers hold.
pub(super) struct Table {
    pub(super) name: &'static str,
    /// By vectors of output channels, then by pixels, each from one on.
    pub(super) tiles: &'static [&'static [TileFn]],
    /// The same out of a table of where the inputs lie.
    pub(super) flat_tiles: &'static [&'static [TileFn]],
    /// Of the first eight channels of one vector, by pixels; none where a whole vector takes no longer.
    pub(super) half_tiles: &'static [TileFn],
    pub(super) flat_half_tiles: &'static [TileFn],
    /// Kernels of 3 and 5, with strides of 1 and 2.
    pub(super) depthwise_3: [unsafe fn(&DepthwiseRow); 2],
    pub(super) depthwise_5: [unsafe fn(&DepthwiseRow); 2],
    /// Any other kernel or stride.
    pub(super) depthwise: unsafe fn(&DepthwiseRow),
    pub(super) pool: unsafe fn(&PoolRow),
    pub(super) map: unsafe fn(&Map),
    pub(super) mean: unsafe fn(&Mean),
    /// One output, and eight.
    pub(super) dot: [unsafe fn(&Dot); 2],
    pub(super) multiply: unsafe fn(usize, *mut f32),
    /// Vectors that `multiply` keeps.
    pub(super) sums: usize,
    pub(super) scale: unsafe fn(&ScaledRow<'_>),
    pub(super) sample: unsafe fn(&SampledLine),
}

/// `TABLE`: the kernels compiled for one implementation of `Simd`.
///
/// Generic text that is always inlined becomes code of the function it is inlined into, with the
/// instructions which that function may use; so each kernel is written once.
macro_rules! kernels {
    (
        $simd:ty, $name:literal, $sums:literal, [$($nv:literal: $($mr:literal)+),+],
        $half:ty: [$($half_mr:literal)*] $(, $feature:meta)?
    ) => {
        use crate::native::kernel::{depthwise, dot, map, peak, pool, scale, simd, tile, warp};

        $(#[$feature])?
        unsafe fn tile<S: simd::Simd, const MR: usize, const NV: usize>(work: &tile::Tile, n: usize) {
            // SAFETY: the caller's promises, passed on.
            unsafe { tile::tiles::<S, MR, NV>(work, n) }
        }

        $(#[$feature])?
        unsafe fn flat<S: simd::Simd, const MR: usize, const NV: usize>(work: &tile::Tile, n: usize) {
            // SAFETY: the caller's promises, passed on.
            unsafe { tile::flat_tiles::<S, MR, NV>(work, n) }
        }

        $(#[$feature])?
        unsafe fn depthwise_fixed<const K: usize, const STRIDE: usize>(work: &depthwise::DepthwiseRow) {
            // SAFETY: the caller's promises, passed on.
            unsafe { depthwise::fixed::<$simd, K, STRIDE>(work) }
        }

        $(#[$feature])?
        unsafe fn depthwise_any(work: &depthwise::DepthwiseRow) {
            // SAFETY: the caller's promises, passed on.
            unsafe { depthwise::any::<$simd>(work) }
        }

        $(#[$feature])?
        unsafe fn pool_row(work: &pool::PoolRow) {
            // SAFETY: the caller's promises, passed on.
            unsafe { pool::row::<$simd>(work) }
        }

        $(#[$feature])?
        unsafe fn map_all(work: &map::Map) {
            // SAFETY: the caller's promises, passed on.
            unsafe { map::map::<$simd>(work) }
        }

        $(#[$feature])?
        unsafe fn mean_all(work: &map::Mean) {
            // SAFETY: the caller's promises, passed on.
            unsafe { map::mean::<$simd>(work) }
        }

        $(#[$feature])?
        unsafe fn dot_rows<const N: usize>(work: &dot::Dot) {
            // SAFETY: the caller's promises, passed on.
            unsafe { dot::dot::<$simd, N>(work) }
        }

        $(#[$feature])?
        unsafe fn multiply(n: usize, out: *mut f32) {
            // SAFETY: the caller's promises, passed on.
            unsafe { peak::multiply::<$simd, $sums>(n, out) }
        }

        $(#[$feature])?
        unsafe fn scale_row(work: &scale::ScaledRow<'_>) {
            // SAFETY: the caller's promises, passed on.
            unsafe { scale::row::<$simd>(work) }
        }

        $(#[$feature])?
        unsafe fn sample_line(work: &warp::SampledLine) {
            // SAFETY: the caller's promises, passed on.
            unsafe { warp::line(work) }
        }

        pub(super) static TABLE: super::dispatch::Table = super::dispatch::Table {
            name: $name,
            tiles: &[$(&[$(tile::<$simd, $mr, $nv>),+]),+],
            flat_tiles: &[$(&[$(flat::<$simd, $mr, $nv>),+]),+],
            half_tiles: &[$(tile::<$half, $half_mr, 1>),*],
            flat_half_tiles: &[$(flat::<$half, $half_mr, 1>),*],
            depthwise_3: [depthwise_fixed::<3, 1>, depthwise_fixed::<3, 2>],
            depthwise_5: [depthwise_fixed::<5, 1>, depthwise_fixed::<5, 2>],
            depthwise: depthwise_any,
            pool: pool_row,
            map: map_all,
            mean: mean_all,
            dot: [dot_rows::<1>, dot_rows::<{ dot::GROUP }>],
            multiply,
            sums: $sums,
            scale: scale_row,
            sample: sample_line,
        };
    };
}
pub(super) use kernels;
