//! Standard normal numbers that are always the same.

use std::f64::consts::TAU;
use std::sync::OnceLock;

/// How many there are; a power of two, so that a place in them is a mask.
const N_NORMALS: usize = 16_384;

/// The golden ratio's step of Steele, Lea and Flood 2014 (SplitMix64).
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Mixes the bits of a number.
pub(super) fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(STEP);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Even on `(0, 1]`.
fn unit(bits: u64) -> f64 {
    ((bits >> 11) + 1) as f64 / (1_u64 << 53) as f64
}

/// A stretch of `n` of them that begins where `key` says.
pub(super) struct Normals {
    table: &'static [f32],
    at: usize,
}

impl Normals {
    pub(super) fn of(key: u64) -> Self {
        static TABLE: OnceLock<Vec<f32>> = OnceLock::new();
        let table = TABLE.get_or_init(|| {
            let pair = |i: usize| {
                let radius = (-2.0 * unit(mix(2 * i as u64)).ln()).sqrt();
                let angle = TAU * unit(mix(2 * i as u64 + 1));
                [(radius * angle.cos()) as f32, (radius * angle.sin()) as f32]
            };
            (0..N_NORMALS / 2).flat_map(pair).collect()
        });
        Self {
            table,
            at: mix(key) as usize % N_NORMALS,
        }
    }

    pub(super) fn next(&mut self) -> f32 {
        let value = self.table[self.at % N_NORMALS];
        self.at += 1;
        value
    }
}

/// How often each of `n` resamplings takes the play of that number: Poisson with mean 1 (Oza and
/// Russell 2001), the same whenever asked.
pub(super) fn resampled(play: u64, n: usize) -> impl Iterator<Item = u8> {
    /// Where the distribution reaches 0, 1, 2, … times.
    const REACHED: [f64; 6] = [
        0.367_879_441_171_442_3,
        0.735_758_882_342_884_6,
        0.919_698_602_928_605_8,
        0.981_011_843_123_846_2,
        0.996_340_153_172_656_3,
        0.999_405_815_182_418_3,
    ];
    (0..n as u64).map(move |replicate| {
        let u = unit(mix(mix(play) ^ mix(replicate.wrapping_mul(STEP))));
        REACHED.iter().filter(|p| u > **p).count() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_normal() {
        let mut normals = Normals::of(3);
        let values: Vec<f64> = (0..N_NORMALS).map(|_| f64::from(normals.next())).collect();
        let moment = |k: i32| values.iter().map(|v| v.powi(k)).sum::<f64>() / N_NORMALS as f64;
        // Five standard errors of the first four moments of 16,384.
        for (k, expected, error) in [
            (1, 0.0, 0.04),
            (2, 1.0, 0.056),
            (3, 0.0, 0.16),
            (4, 3.0, 0.4),
        ] {
            assert!((moment(k) - expected).abs() < error, "{k}: {}", moment(k));
        }
    }

    #[test]
    fn resampling_takes_a_play_once_on_average() {
        let counts: Vec<u8> = (0..4000).flat_map(|play| resampled(play, 10)).collect();
        let n = counts.len() as f64;
        let mean = counts.iter().map(|c| f64::from(*c)).sum::<f64>() / n;
        let none = counts.iter().filter(|c| **c == 0).count() as f64 / n;
        assert!(
            (mean - 1.0).abs() < 0.025 && (none - 0.3679).abs() < 0.0125,
            "{mean} {none}"
        );
    }
}
