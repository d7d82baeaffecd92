//! Noise as a sensor has it.

/// Normal noise of a sensor: a part that is always there, and one that grows with the root of the light.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SensorNoise {
    /// Deviation in the dark, in steps of 255.
    pub read: f32,
    /// Deviation at full light beyond that, in steps of 255.
    pub shot: f32,
}

impl SensorNoise {
    /// About what a webcam has in a lit room: two to three steps. Origin: the deviation between frames of a still wall in the demo
    /// clip before it was compressed is not known; after it, it is 1.6.
    pub const WEBCAM: Self = Self {
        read: 1.5,
        shot: 2.0,
    };

    pub(super) fn deviation(self, light: f32) -> f32 {
        let share = (light / 255.0).clamp(0.0, 1.0);
        (self.read * self.read + self.shot * self.shot * share).sqrt()
    }
}

/// Normal numbers, fast and the same every time: a table of quantiles, picked by a linear congruential generator.
pub(super) struct Normal {
    table: Vec<f32>,
    state: u64,
}

impl Normal {
    pub(super) fn new(seed: u64) -> Self {
        const N: usize = 1 << 12;
        let table = (0..N)
            .map(|i| quantile((i as f64 + 0.5) / N as f64) as f32)
            .collect();
        Self {
            table,
            state: seed ^ 0x9e37_79b9_7f4a_7c15,
        }
    }

    pub(super) fn next(&mut self) -> f32 {
        // Constants of PCG; its top bits are good enough to pick from a table.
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.table[(self.state >> 52) as usize]
    }
}

/// Quantile of the standard normal distribution: bisection on its cumulative function.
fn quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-8.0_f64, 8.0_f64);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if cumulative(middle) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// Cumulative normal distribution: error below 7.5e-8, Abramowitz & Stegun 26.2.17.
fn cumulative(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let poly = t
        * (0.319_381_530
            + t * (-0.356_563_782
                + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    let tail = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt() * poly;
    if x >= 0.0 { 1.0 - tail } else { tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_normal() {
        let mut normal = Normal::new(7);
        let n = 200_000;
        let drawn: Vec<f32> = (0..n).map(|_| normal.next()).collect();
        let mean = drawn.iter().sum::<f32>() / n as f32;
        let variance = drawn.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / n as f32;
        let beyond = drawn.iter().filter(|v| v.abs() > 1.96).count() as f32 / n as f32;
        assert!(
            mean.abs() < 0.01 && (variance - 1.0).abs() < 0.02,
            "{mean} {variance}"
        );
        assert!((beyond - 0.05).abs() < 0.004, "{beyond}");
        assert_eq!(Normal::new(7).next().to_bits(), drawn[0].to_bits());
    }
}
