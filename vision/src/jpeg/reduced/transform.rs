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

/// What each coefficient adds to each pixel, one way round and the other.
struct Basis {
    by_pixel: [[f32; 8]; 8],
    by_coefficient: [[f32; 8]; 8],
}

/// Of 1, 2, 4 and 8 points.
static BASES: LazyLock<[Basis; 4]> = LazyLock::new(|| {
    [1, 2, 4, 8].map(|n| {
        let by_pixel = basis(n);
        Basis {
            by_pixel,
            by_coefficient: std::array::from_fn(|u| std::array::from_fn(|x| by_pixel[x][u])),
        }
    })
});

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

    /// Takes the coefficients of the block before away.
    #[inline(always)]
    pub(super) fn clear(&self, coefficients: &mut Coefficients) {
        match (self.size.width, self.size.height) {
            // The first is always written.
            (1, 1) => {}
            (2, 2) => {
                coefficients[1] = 0.0;
                (coefficients[8], coefficients[9]) = (0.0, 0.0);
            }
            (_, height) => coefficients[..height * 8].fill(0.0),
        }
    }

    /// Writes the pixels of a block, about 0 and not yet cut to their range, to `out`, whose rows are `stride` long.
    pub(super) fn pixels(&self, coefficients: &Coefficients, out: &mut [f32], stride: usize) {
        match (self.size.width, self.size.height) {
            (1, 1) => out[0] = coefficients[0] * 0.125,
            (2, 2) => two_by_two(coefficients, out, stride),
            (4, 4) => four_by_four(coefficients, out, stride),
            (8, 8) => product::<8, 8>(coefficients, out, stride),
            (8, 4) => product::<8, 4>(coefficients, out, stride),
            (4, 8) => product::<4, 8>(coefficients, out, stride),
            (8, _) => product::<8, 2>(coefficients, out, stride),
            (_, 8) => product::<2, 8>(coefficients, out, stride),
            (4, 2) => product::<4, 2>(coefficients, out, stride),
            (2, 4) => product::<2, 4>(coefficients, out, stride),
            (4, _) => product::<4, 1>(coefficients, out, stride),
            (_, 4) => product::<1, 4>(coefficients, out, stride),
            (2, _) => product::<2, 1>(coefficients, out, stride),
            _ => product::<1, 2>(coefficients, out, stride),
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

fn four_by_four(c: &Coefficients, out: &mut [f32], stride: usize) {
    let row = |v: usize| [c[8 * v], c[8 * v + 1], c[8 * v + 2], c[8 * v + 3]];
    let columns = four([row(0), row(1), row(2), row(3)]);
    let pixels = four(transposed(columns));
    for (y, row) in transposed(pixels).iter().enumerate() {
        out[y * stride..y * stride + 4].copy_from_slice(row);
    }
}

/// The transform of four points, for four columns at once.
fn four(rows: [[f32; 4]; 4]) -> [[f32; 4]; 4] {
    // basis(4)[0]: sqrt(1/8), cos(pi/8) / 2, cos(pi/4) / 2, cos(3 pi/8) / 2; the rest is the same with other signs.
    const FIRST: f32 = 0.353_553_4;
    const LARGE: f32 = 0.461_939_77;
    const SMALL: f32 = 0.191_341_71;
    let mut out = [[0.0; 4]; 4];
    for i in 0..4 {
        let (sum, difference) = (
            (rows[0][i] + rows[2][i]) * FIRST,
            (rows[0][i] - rows[2][i]) * FIRST,
        );
        let outer = rows[1][i] * LARGE + rows[3][i] * SMALL;
        let inner = rows[1][i] * SMALL - rows[3][i] * LARGE;
        out[0][i] = sum + outer;
        out[1][i] = difference + inner;
        out[2][i] = difference - inner;
        out[3][i] = sum - outer;
    }
    out
}

fn transposed(m: [[f32; 4]; 4]) -> [[f32; 4]; 4] {
    std::array::from_fn(|i| std::array::from_fn(|j| m[j][i]))
}

/// The transform of as many points as the block shall have pixels, as a product of matrices.
fn product<const W: usize, const H: usize>(c: &Coefficients, out: &mut [f32], stride: usize) {
    let (across, down) = (
        &BASES[W.ilog2() as usize].by_coefficient,
        &BASES[H.ilog2() as usize].by_pixel,
    );
    for y in 0..H {
        let mut row = [0.0_f32; W];
        for v in 0..H {
            for (u, cell) in row.iter_mut().enumerate() {
                *cell += down[y][v] * c[v * 8 + u];
            }
        }
        let mut pixels = [0.0_f32; W];
        for u in 0..W {
            for (x, pixel) in pixels.iter_mut().enumerate() {
                *pixel += row[u] * across[u][x];
            }
        }
        out[y * stride..y * stride + W].copy_from_slice(&pixels);
    }
}
