//! Series of numbers over time: medians, spread, smoothing.

use regard_domain::Timestamp;

/// Standard deviations in a median absolute deviation of normal noise. Origin: 1 / Φ⁻¹(3/4).
const DEVIATIONS_PER_MAD: f32 = 1.4826;

/// The middle value; the lower of two; nothing of none. Changes the order.
pub(super) fn median(values: &mut [f32]) -> Option<f32> {
    let middle = values.len().checked_sub(1)? / 2;
    let (_, value, _) = values.select_nth_unstable_by(middle, f32::total_cmp);
    Some(*value)
}

/// Standard deviation of the noise, whatever a minority of the values does.
pub(super) fn robust_deviation(values: &[f32]) -> Option<f32> {
    let mut sorted = values.to_vec();
    let middle = median(&mut sorted)?;
    for value in &mut sorted {
        *value = (*value - middle).abs();
    }
    median(&mut sorted).map(|mad| mad * DEVIATIONS_PER_MAD)
}

/// Seconds since the first of these times.
pub(super) fn secs_from(first: Timestamp, at: Timestamp) -> f64 {
    (at.as_micros() - first.as_micros()) as f64 / 1e6
}

/// Each value as the mean of its neighbours, weighted by a normal curve of this deviation. Times in seconds, rising.
pub(super) fn smoothed(times: &[f64], values: &[f32], deviation_secs: f64) -> Vec<f32> {
    let reach = 3.0 * deviation_secs;
    let mut from = 0;
    times
        .iter()
        .map(|at| {
            while times[from] < at - reach {
                from += 1;
            }
            let (mut sum, mut weights) = (0.0, 0.0);
            for (time, value) in times[from..].iter().zip(&values[from..]) {
                if *time > at + reach {
                    break;
                }
                let far = (time - at) / deviation_secs;
                let weight = (-0.5 * far * far).exp();
                sum += weight * f64::from(*value);
                weights += weight;
            }
            (sum / weights) as f32
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minority_does_not_move_the_deviation() {
        let mut values: Vec<f32> = (0..101).map(|i| (i as f32 - 50.0) * 0.01).collect();
        let alone = robust_deviation(&values).unwrap();
        for value in values.iter_mut().step_by(5) {
            *value = 1e6;
        }
        let mixed = robust_deviation(&values).unwrap();
        assert!((mixed / alone - 1.0).abs() < 0.5, "{alone} {mixed}");
        assert_eq!(robust_deviation(&[]), None);
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), Some(2.0));
    }

    #[test]
    fn smoothing_keeps_a_constant_and_the_sum_of_a_pulse() {
        let times: Vec<f64> = (0..100).map(|i| f64::from(i) * 0.01).collect();
        assert!(
            smoothed(&times, &[2.5; 100], 0.03)
                .iter()
                .all(|v| (v - 2.5).abs() < 1e-6)
        );
        let mut pulse = [0.0; 100];
        pulse[50] = 1.0;
        let sum: f32 = smoothed(&times, &pulse, 0.03).iter().sum();
        assert!((sum - 1.0).abs() < 1e-4, "{sum}");
    }
}
