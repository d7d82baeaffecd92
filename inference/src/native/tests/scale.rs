//! Scaling and sampling, with every kind of vectors, beside their definitions.

use proptest::prelude::*;

use crate::native::kernel::{ColorPlanes, Kernels};
use crate::native::scale::{AxisScale, Sampler, Scaler};

/// The mean about each output's place, weighted by a triangle: computed pixel by pixel over the whole axis.
fn definition(values: &[f64], axis: &AxisScale) -> Vec<f64> {
    let scale = f64::from(axis.len) / axis.n_outputs as f64;
    let radius = scale.max(1.0);
    let output = |at: usize| {
        let center = f64::from(axis.start) + (at as f64 + 0.5) * scale;
        let center = center.clamp(0.5, values.len() as f64 - 0.5);
        let weights = (0..values.len()).map(|i| 1.0 - (i as f64 + 0.5 - center).abs() / radius);
        let weights: Vec<f64> = weights.map(|weight| weight.max(0.0)).collect();
        let sum: f64 = weights.iter().sum();
        let products = weights.iter().zip(values);
        products.map(|(weight, value)| weight * value).sum::<f64>() / sum
    };
    (0..axis.n_outputs).map(output).collect()
}

fn axis() -> impl Strategy<Value = AxisScale> {
    (1_usize..70, 0.0_f32..1.0, 0.0_f32..1.0, 1_usize..50).prop_map(
        |(n_inputs, start, len, n_outputs)| {
            let start = start * n_inputs as f32 * 0.9;
            let len = (len * (n_inputs as f32 - start)).max(0.05);
            AxisScale {
                n_inputs,
                start,
                len,
                n_outputs,
            }
        },
    )
}

/// Bytes by formula.
fn bytes(seed: u32, len: usize) -> Vec<u8> {
    let mut state = seed;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Each colour of each place is the mean of its four neighbours, weighted by how near they are.
    #[test]
    fn every_kernel_samples_right(
        (width, height, n) in (3_usize..60, 2_usize..60, 1_usize..70),
        ends in prop::array::uniform4(0.0_f32..1.0),
        seed in any::<u32>(),
    ) {
        let picture = bytes(seed, width * height * 3);
        // Both ends lie inside, and just so where they are drawn at the very edge.
        let most = [(width - 2) as f32, (height - 1) as f32].map(|most| most * 0.9999);
        let start = [ends[0] * most[0], ends[1] * most[1]];
        let last = [ends[2] * most[0], ends[3] * most[1]];
        let step = [0, 1].map(|axis| (last[axis] - start[axis]) / n as f32);
        for kernels in Kernels::all() {
            let mut sums = vec![1.0; n * 3];
            Sampler::with(kernels).add_line((&picture, width, height), (start, step), &mut sums);
            for (nth, found) in sums.as_chunks::<3>().0.iter().enumerate() {
                let place = [0, 1].map(|axis| f64::from(start[axis]) + nth as f64 * f64::from(step[axis]));
                let [left, top] = place.map(|at| at as usize);
                let [fx, fy] = place.map(f64::fract);
                for (c, found) in found.iter().enumerate() {
                    let at = |dx: usize, dy: usize| f64::from(picture[((top + dy) * width + left + dx) * 3 + c]);
                    let up = at(0, 0) * (1.0 - fx) + at(1, 0) * fx;
                    let low = at(0, 1) * (1.0 - fx) + at(1, 1) * fx;
                    let expected = 1.0 + up * (1.0 - fy) + low * fy;
                    prop_assert!(
                        (f64::from(*found) - expected).abs() < 2e-2,
                        "{}: {found} instead of {expected}", kernels.name()
                    );
                }
            }
        }
    }

    #[test]
    fn every_kernel_scales_right(x in axis(), y in axis(), seed in any::<u32>(), more in 0_usize..3) {
        let picture = bytes(seed, x.n_inputs * y.n_inputs * 3);
        let step = x.n_outputs + more;
        for kernels in Kernels::all() {
            let mut scaler = Scaler::with(kernels);
            let mut planes = [(); 3].map(|()| vec![-1.0_f32; step * y.n_outputs]);
            // Twice: what was made for the first is at hand for the second.
            for _ in 0..2 {
                let colors = planes.each_mut().map(Vec::as_mut_slice);
                scaler.scale(&picture, x, y, &mut ColorPlanes { colors, step });
            }
            for (c, plane) in planes.iter().enumerate() {
                let rows: Vec<Vec<f64>> = (0..y.n_inputs)
                    .map(|row| {
                        let pixels = &picture[row * x.n_inputs * 3..][..x.n_inputs * 3];
                        let values: Vec<f64> = pixels.iter().skip(c).step_by(3).map(|v| f64::from(*v)).collect();
                        definition(&values, &x)
                    })
                    .collect();
                for column in 0..x.n_outputs {
                    let values: Vec<f64> = rows.iter().map(|row| row[column]).collect();
                    for (row, expected) in definition(&values, &y).into_iter().enumerate() {
                        let found = f64::from(plane[row * step + column]);
                        prop_assert!(
                            (found - expected).abs() < 2e-3,
                            "{}: {found} instead of {expected}", kernels.name()
                        );
                    }
                }
                // What lies beside the picture is left alone.
                for row in 0..y.n_outputs {
                    prop_assert!(plane[row * step + x.n_outputs..(row + 1) * step].iter().all(|v| *v == -1.0));
                }
            }
        }
    }
}

/// Makes two by two pixels of a picture of four by four, out of so many bytes into planes of so many floats.
fn scale(n_bytes: usize, n_floats: usize) {
    let axis = AxisScale {
        n_inputs: 4,
        start: 0.0,
        len: 4.0,
        n_outputs: 2,
    };
    let mut planes = [(); 3].map(|()| vec![0.0; n_floats]);
    let colors = planes.each_mut().map(Vec::as_mut_slice);
    let mut into = ColorPlanes { colors, step: 2 };
    Scaler::default().scale(&vec![0; n_bytes], axis, axis, &mut into);
}

#[test]
#[should_panic(expected = "plane too short")]
fn planes_are_measured() {
    scale(48, 3);
}

#[test]
#[should_panic(expected = "too short")]
fn pictures_are_measured() {
    scale(47, 4);
}

/// Two places through a picture of four by four, of so many bytes.
fn sample(n_bytes: usize, start: [f32; 2], step: [f32; 2]) {
    let picture = vec![7; n_bytes];
    let mut sums = [0.0; 6];
    Sampler::default().add_line((&picture, 4, 4), (start, step), &mut sums);
    assert_eq!(sums, [7.0; 6]);
}

#[test]
fn places_up_to_the_edge_are_read() {
    sample(48, [0.0, 0.0], [1.99, 2.99]);
    sample(48, [1.99, 2.99], [-1.99, -2.99]);
}

#[test]
fn places_outside_are_refused() {
    let outside = [
        ([-0.1, 1.0], [0.0, 0.0]),
        ([1.0, -0.1], [0.0, 0.0]),
        ([2.0, 1.0], [0.0, 0.0]),
        ([1.0, 3.0], [0.0, 0.0]),
        ([1.0, 1.0], [1.0, 0.0]),
        ([1.0, 1.0], [0.0, -1.5]),
        ([f32::NAN, 1.0], [0.0, 0.0]),
        ([1.0, 1.0], [f32::INFINITY, 0.0]),
    ];
    for (start, step) in outside {
        let refused = std::panic::catch_unwind(|| sample(48, start, step));
        assert!(refused.is_err(), "{start:?} {step:?}");
    }
    assert!(std::panic::catch_unwind(|| sample(47, [0.0, 0.0], [0.0, 0.0])).is_err());
}
