//! The spectrum of a patch of a picture: peaks that a grid leaves, and how much fine structure there is.

use std::f32::consts::TAU;

/// Side of the patch in pixels.
pub(super) const PATCH_SIDE: usize = 64;

const HALF: usize = PATCH_SIDE / 2;

/// Rings of equal frequency that are looked at: from the eighth up, as below natural pictures have peaks of their own.
const FIRST_RING: usize = 8;
const LAST_RING: usize = 30;

/// Power that rounding to whole grays leaves in every frequency: 1/12 for each of 4,096 pixels, times the window's 9/64.
const ROUNDING: f32 = 48.0;

/// Scratch of the transform.
///
/// # Privacy
/// Holds the spectrum of the last patch; overwritten by the next.
#[derive(Default)]
pub(super) struct Spectrum {
    real: Vec<f32>,
    imaginary: Vec<f32>,
}

impl Spectrum {
    /// Greatest power of a frequency over that of its surroundings, and the logarithm (base 10) of the power of fine structure
    /// over that of coarse structure.
    pub(super) fn analyze<'a>(&mut self, rows: impl Iterator<Item = &'a [u8]>) -> (f32, f32) {
        let gray: Vec<f32> = rows
            .flat_map(|row| row.chunks_exact(3))
            .map(|p| p.iter().map(|v| f32::from(*v)).sum::<f32>() / 3.0)
            .collect();
        if gray.len() != PATCH_SIDE * PATCH_SIDE {
            return (0.0, 0.0);
        }
        let mean = gray.iter().sum::<f32>() / gray.len() as f32;
        let window: Vec<f32> = (0..PATCH_SIDE)
            .map(|i| 0.5 - 0.5 * (TAU * (i as f32 + 0.5) / PATCH_SIDE as f32).cos())
            .collect();
        let windowed =
            |at: usize| (gray[at] - mean) * window[at / PATCH_SIDE] * window[at % PATCH_SIDE];
        self.real = (0..gray.len()).map(windowed).collect();
        self.imaginary = vec![0.0; gray.len()];
        self.transform_rows();
        self.transpose();
        self.transform_rows();
        let mut rings: Vec<Vec<f32>> = vec![Vec::new(); HALF + 1];
        for v in 0..PATCH_SIDE {
            for u in 0..=HALF {
                let ring = (u as f32).hypot(frequency(v)).round() as usize;
                if let Some(ring) = rings.get_mut(ring) {
                    ring.push(self.power(u as isize, v as isize));
                }
            }
        }
        let mut peak = 0.0_f32;
        for v in 0..PATCH_SIDE {
            for u in 0..=HALF {
                let ring = (u as f32).hypot(frequency(v)).round() as usize;
                // JPEG codes blocks of eight pixels, whose seams are waves along the axes and sums of such.
                let is_seam = u % 8 == 0 && v % 8 == 0;
                if (FIRST_RING..=LAST_RING).contains(&ring) && !is_seam {
                    peak = peak.max(self.prominence(u as isize, v as isize));
                }
            }
        }
        let band = |from: usize, to: usize| -> f32 {
            let all = rings[from..to].iter();
            let (sum, n) = all.fold((0.0, 0), |(s, n), ring| {
                (s + ring.iter().sum::<f32>(), n + ring.len())
            });
            sum / n.max(1) as f32 + 1.0
        };
        (peak, (band(20, HALF) / band(4, 10)).log10())
    }

    fn power(&self, u: isize, v: isize) -> f32 {
        let wrapped = |i: isize| i.rem_euclid(PATCH_SIDE as isize) as usize;
        let at = wrapped(v) * PATCH_SIDE + wrapped(u);
        self.real[at].powi(2) + self.imaginary[at].powi(2)
    }

    /// Power of a frequency over the median of those two and three steps away: structure of a picture falls off gently, a grid
    /// stands out by itself.
    fn prominence(&self, u: isize, v: isize) -> f32 {
        let mut around: Vec<f32> = Vec::with_capacity(40);
        for dv in -3_isize..=3 {
            for du in -3_isize..=3 {
                if du.abs().max(dv.abs()) >= 2 {
                    around.push(self.power(u + du, v + dv));
                }
            }
        }
        around.sort_by(f32::total_cmp);
        // A little is added, so that a picture without any structure has no peaks of rounding errors.
        let median = around[around.len() / 2] + ROUNDING;
        self.power(u, v) / median
    }

    /// Each row into its frequencies: the plain sum, by recursion on even and odd places.
    fn transform_rows(&mut self) {
        let rows = self.real.chunks_exact_mut(PATCH_SIDE);
        for (real, imaginary) in rows.zip(self.imaginary.chunks_exact_mut(PATCH_SIDE)) {
            transform(real, imaginary);
        }
    }

    fn transpose(&mut self) {
        for y in 0..PATCH_SIDE {
            for x in 0..y {
                self.real.swap(y * PATCH_SIDE + x, x * PATCH_SIDE + y);
                self.imaginary.swap(y * PATCH_SIDE + x, x * PATCH_SIDE + y);
            }
        }
    }
}

fn frequency(index: usize) -> f32 {
    if index <= HALF {
        index as f32
    } else {
        index as f32 - PATCH_SIDE as f32
    }
}

/// Discrete Fourier transform of a row whose length is a power of two.
///
/// # Source
/// Cooley and Tukey 1965, in place.
fn transform(real: &mut [f32], imaginary: &mut [f32]) {
    let n = real.len();
    let bits = n.trailing_zeros();
    for i in 0..n {
        let j = i.reverse_bits() >> (usize::BITS - bits);
        if i < j {
            real.swap(i, j);
            imaginary.swap(i, j);
        }
    }
    let mut length = 2;
    while length <= n {
        for k in 0..length / 2 {
            let (sin, cos) = (-TAU * k as f32 / length as f32).sin_cos();
            for start in (k..n).step_by(length) {
                let other = start + length / 2;
                let re = real[other] * cos - imaginary[other] * sin;
                let im = real[other] * sin + imaginary[other] * cos;
                (real[other], imaginary[other]) = (real[start] - re, imaginary[start] - im);
                real[start] += re;
                imaginary[start] += im;
            }
        }
        length *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transform_is_the_plain_sum() {
        let n = 16;
        let signal: Vec<f32> = (0..n).map(|i| ((i * 7) % 5) as f32 - 1.5).collect();
        let (mut real, mut imaginary) = (signal.clone(), vec![0.0; n]);
        transform(&mut real, &mut imaginary);
        for k in 0..n {
            let (mut re, mut im) = (0.0, 0.0);
            for (i, value) in signal.iter().enumerate() {
                let (sin, cos) = (-TAU * (k * i) as f32 / n as f32).sin_cos();
                re += value * cos;
                im += value * sin;
            }
            assert!(
                (real[k] - re).abs() < 1e-3 && (imaginary[k] - im).abs() < 1e-3,
                "{k}"
            );
        }
    }

    fn patch(value: impl Fn(f32, f32) -> f32) -> Vec<u8> {
        let side = PATCH_SIDE as u32;
        (0..side * side)
            .flat_map(|i| [value((i % side) as f32, (i / side) as f32).clamp(0.0, 255.0) as u8; 3])
            .collect()
    }

    fn analyzed(pixels: &[u8]) -> (f32, f32) {
        Spectrum::default().analyze(pixels.chunks_exact(PATCH_SIDE * 3))
    }

    /// Noise by a formula: the same in every run.
    fn noise(x: f32, y: f32) -> f32 {
        let v = (x * 12.9898 + y * 78.233).sin() * 43_758.547;
        (v - v.floor()) - 0.5
    }

    #[test]
    fn a_grid_makes_a_peak_and_noise_makes_none() {
        let natural = |x: f32, y: f32| {
            120.0 + 40.0 * (x / 30.0).sin() * (y / 25.0).cos() + 12.0 * noise(x, y)
        };
        let (calm, _) = analyzed(&patch(natural));
        assert!(calm < 30.0, "{calm}");
        let (peak, _) = analyzed(&patch(|x, y| {
            natural(x, y) + 6.0 * (x * 1.7 + y * 0.4).sin()
        }));
        assert!(peak > 60.0, "{peak}");
    }

    #[test]
    fn a_smooth_patch_has_less_detail() {
        let rough = analyzed(&patch(|x, y| {
            120.0 + 30.0 * (x / 4.0).sin() + 30.0 * noise(x, y)
        }))
        .1;
        let smooth = analyzed(&patch(|x, y| {
            120.0 + 30.0 * (x / 4.0).sin() + 3.0 * noise(x, y)
        }))
        .1;
        assert!(smooth < rough - 1.0, "{smooth} {rough}");
    }
}
