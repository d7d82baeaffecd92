//! The spectrum of a patch of a picture: peaks that a grid leaves, and how much fine structure there is.

use std::f32::consts::TAU;

/// Side of the patch in pixels.
pub(super) const PATCH_SIDE: usize = 64;

const HALF: usize = PATCH_SIDE / 2;

/// Rings of equal frequency that are looked at: from the eighth up, as below natural pictures have peaks of their own.
const FIRST_RING: usize = 8;

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
    /// Greatest power of a frequency over the median of its ring, and the logarithm (base 10) of the power of fine structure
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
                let at = v * PATCH_SIDE + u;
                let power = self.real[at].powi(2) + self.imaginary[at].powi(2);
                let (fu, fv) = (u as f32, frequency(v));
                let ring = fu.hypot(fv).round() as usize;
                // JPEG codes blocks of eight pixels, whose seams are waves along the axes.
                let is_seam = (u == 0 || v == 0) && (u + v) % 8 == 0;
                if ring <= HALF && !is_seam {
                    rings[ring].push(power);
                }
            }
        }
        let mut peak = 0.0_f32;
        for ring in &mut rings[FIRST_RING..] {
            ring.sort_by(f32::total_cmp);
            // A little is added, so that a picture without any structure has no peaks of rounding errors.
            let median = ring[ring.len() / 2] + 1.0;
            peak = peak.max(ring.last().map_or(0.0, |most| most / median));
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
