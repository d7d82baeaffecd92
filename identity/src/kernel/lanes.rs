//! What a kernel is made of.

use super::{BLOCK_ROWS, GROUP_LEN, Line, Probe};

/// Work whose lengths have been checked.
pub(super) struct Work<'a> {
    pub(super) lines: &'a [Line],
    pub(super) n_groups: usize,
    pub(super) probes: &'a [Probe],
    pub(super) stride: usize,
    pub(super) sums: &'a mut [i32],
}

/// Sixteen sums side by side, in the registers of one kind of processor.
///
/// # Safety
/// Every function may only be called where the processor has the instructions it is made of.
pub(super) trait Lanes {
    /// Sixteen sums.
    type Sums: Copy;
    /// Sixteen rows of one group.
    type Rows: Copy;
    /// One group of a probe, sixteen times.
    type Group: Copy;

    /// Sixteen times the same.
    unsafe fn splat(value: i32) -> Self::Sums;
    /// Reads a line.
    unsafe fn rows(line: &Line) -> Self::Rows;
    /// Spreads a group of a probe.
    unsafe fn group(numbers: &[i8; GROUP_LEN]) -> Self::Group;
    /// Adds the products of each row's four numbers, taken without a sign, with those of the probe.
    unsafe fn add(sums: Self::Sums, rows: Self::Rows, group: Self::Group) -> Self::Sums;
    /// Writes the sums down.
    unsafe fn store(sums: Self::Sums, to: &mut [i32; BLOCK_ROWS]);
    /// Has a line brought near that is wanted soon; any address may be told, and nothing need come of it.
    #[inline(always)]
    unsafe fn fetch(_line: *const Line) {}
}

/// Lines ahead of those in work that are fetched from memory. The processor reads ahead by itself, but begins anew with every page, and
/// asks for less at once than memory could bring.
const AHEAD: usize = 16;

/// Does the work: `P` probes at a time on `B` blocks, and those that are left one by one on `B1` blocks.
///
/// # Safety
/// The processor has the instructions of `S`, and the lengths of the work are as `products_by` checks them.
#[inline(always)]
pub(super) unsafe fn run<S: Lanes, const B: usize, const P: usize, const B1: usize>(
    work: &mut Work<'_>,
) {
    let n_blocks = work.lines.len() / work.n_groups;
    let n_tiled = work.probes.len() / P * P;
    for probe in (0..n_tiled).step_by(P) {
        // SAFETY: `probe + P` is at most the number of probes; for the blocks see `blocks`.
        unsafe { blocks::<S, B, P>(work, n_blocks, probe) }
    }
    for probe in n_tiled..work.probes.len() {
        // SAFETY: as above with one probe.
        unsafe { blocks::<S, B1, 1>(work, n_blocks, probe) }
    }
}

/// # Safety
/// As [`run`]; there are `P` probes from `probe` on.
#[inline(always)]
unsafe fn blocks<S: Lanes, const B: usize, const P: usize>(
    work: &mut Work<'_>,
    n_blocks: usize,
    probe: usize,
) {
    let n_tiled = n_blocks / B * B;
    for block in (0..n_tiled).step_by(B) {
        // SAFETY: `block + B` is at most `n_blocks`.
        unsafe { tile::<S, B, P>(work, block, probe) }
    }
    for block in n_tiled..n_blocks {
        // SAFETY: as above with one block.
        unsafe { tile::<S, 1, P>(work, block, probe) }
    }
}

/// # Safety
/// As [`run`]; there are `B` blocks from `block` on and `P` probes from `probe` on.
#[inline(always)]
unsafe fn tile<S: Lanes, const B: usize, const P: usize>(
    work: &mut Work<'_>,
    block: usize,
    probe: usize,
) {
    let n_groups = work.n_groups;
    // SAFETY: so many blocks and probes are there; each block has `n_groups` lines, each probe `n_groups` groups.
    unsafe {
        let lines = work.lines.as_ptr().add(block * n_groups);
        let probes = work.probes.as_ptr().add(probe);
        let groups: [_; P] = std::array::from_fn(|p| (*probes.add(p)).groups.as_ptr());
        let mut sums: [[S::Sums; P]; B] =
            [std::array::from_fn(|p| S::splat(-(*probes.add(p)).excess)); B];
        for at in 0..n_groups {
            let group: [S::Group; P] = std::array::from_fn(|p| S::group(&*groups[p].add(at)));
            for (b, sums) in sums.iter_mut().enumerate() {
                let line = lines.add(b * n_groups + at);
                // The first probes bring it near for all.
                if probe == 0 {
                    S::fetch(line.wrapping_add(AHEAD));
                }
                let rows = S::rows(&*line);
                for (sum, group) in sums.iter_mut().zip(group) {
                    *sum = S::add(*sum, rows, group);
                }
            }
        }
        for (b, sums) in sums.into_iter().enumerate() {
            for (p, sum) in sums.into_iter().enumerate() {
                let at = (probe + p) * work.stride + (block + b) * BLOCK_ROWS;
                let to = work.sums.as_mut_ptr().add(at).cast::<[i32; BLOCK_ROWS]>();
                S::store(sum, &mut *to);
            }
        }
    }
}
