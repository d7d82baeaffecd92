//! Few coefficients to few pixels.

use std::f32::consts::PI;
use std::sync::LazyLock;

/// Coefficients of a block that are kept, row by row of 8, and one more place for what nobody wants.
pub(super) type Coefficients = [f32; 65];

/// Where what nobody wants goes.
pub(super) const NOWHERE: usize = 64;

/// Natural order of the coefficients.
///
/// # Source
/// ITU-T T.81 figure A.6.
const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// How many pixels a block becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockSize {
    /// 1, 2, 4 or 8.
    pub(super) width: usize,
    /// 1, 2, 4 or 8.
    pub(super) height: usize,
}

/// What is kept of a block, and how it becomes pixels.
pub(super) struct Reduction {
    size: BlockSize,
    /// For each place in the order of the file where the coefficient goes.
    pub(super) places: [u8; 64],
    /// What it is multiplied with.
    pub(super) steps: [f32; 64],
    /// The last place that is wanted.
    pub(super) last: usize,
}

/// `basis(n)[x][u]`: what coefficient `u` of 8 adds to pixel `x` of `n`.
///
/// The transform is that of 8 points cut to its lowest `n` frequencies: what an ideal low-pass filter before sampling leaves.
fn basis(n: usize) -> [[f32; 8]; 8] {
    let mut table = [[0.0; 8]; 8];
    for (x, row) in table.iter_mut().enumerate().take(n) {
        for (u, cell) in row.iter_mut().enumerate().take(n) {
            let norm: f32 = if u == 0 { 0.125 } else { 0.25 };
            let angle = (2 * x + 1) as f32 * u as f32 * PI / (2 * n) as f32;
            *cell = norm.sqrt() * angle.cos();
        }
    }
    table
}

/// Of 1, 2, 4 and 8 points.
static BASES: LazyLock<[[[f32; 8]; 8]; 4]> = LazyLock::new(|| [1, 2, 4, 8].map(basis));

impl Reduction {
    /// `steps`: the quantisation table in the order of the file.
    pub(super) fn new(size: BlockSize, steps: &[u16; 64]) -> Self {
        let is_wanted = |natural: u8| {
            usize::from(natural % 8) < size.width && usize::from(natural / 8) < size.height
        };
        Self {
            size,
            places: ZIGZAG.map(|natural| {
                if is_wanted(natural) {
                    natural
                } else {
                    NOWHERE as u8
                }
            }),
            steps: steps.map(f32::from),
            last: ZIGZAG
                .iter()
                .rposition(|natural| is_wanted(*natural))
                .unwrap_or_default(),
        }
    }

    pub(super) const fn size(&self) -> BlockSize {
        self.size
    }

    /// Writes the pixels of a block, about 0 and not yet cut to their range, to `out`, whose rows are `stride` long.
    pub(super) fn pixels(&self, coefficients: &Coefficients, out: &mut [f32], stride: usize) {
        match (self.size.width, self.size.height) {
            (1, 1) => out[0] = coefficients[0] * 0.125,
            (2, 2) => two_by_two(coefficients, out, stride),
            (4, 4) => square::<4>(coefficients, out, stride),
            (width, height) => any(coefficients, width, height, out, stride),
        }
    }
}

fn two_by_two(c: &Coefficients, out: &mut [f32], stride: usize) {
    let (top, bottom) = (c[0] + c[8], c[0] - c[8]);
    let (right_top, right_bottom) = (c[1] + c[9], c[1] - c[9]);
    out[0] = (top + right_top) * 0.125;
    out[1] = (top - right_top) * 0.125;
    out[stride] = (bottom + right_bottom) * 0.125;
    out[stride + 1] = (bottom - right_bottom) * 0.125;
}

fn square<const N: usize>(c: &Coefficients, out: &mut [f32], stride: usize) {
    let basis = &BASES[N.ilog2() as usize];
    let mut columns = [[0.0_f32; N]; N];
    for (y, row) in columns.iter_mut().enumerate() {
        for v in 0..N {
            let weight = basis[y][v];
            for (u, cell) in row.iter_mut().enumerate() {
                *cell += weight * c[v * 8 + u];
            }
        }
    }
    for (y, row) in columns.iter().enumerate() {
        let out = &mut out[y * stride..y * stride + N];
        for (x, pixel) in out.iter_mut().enumerate() {
            *pixel = (0..N).map(|u| row[u] * basis[x][u]).sum();
        }
    }
}

fn any(c: &Coefficients, width: usize, height: usize, out: &mut [f32], stride: usize) {
    let across = &BASES[width.ilog2() as usize];
    let down = &BASES[height.ilog2() as usize];
    for y in 0..height {
        let mut row = [0.0_f32; 8];
        for (v, weight) in down[y].iter().enumerate().take(height) {
            for (u, cell) in row.iter_mut().enumerate().take(width) {
                *cell += weight * c[v * 8 + u];
            }
        }
        let out = &mut out[y * stride..y * stride + width];
        for (x, pixel) in out.iter_mut().enumerate() {
            *pixel = (0..width).map(|u| row[u] * across[x][u]).sum();
        }
    }
}
