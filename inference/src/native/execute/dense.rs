//! Steps without much arithmetic, in plain Rust: on row-major tensors, and from one layout to another.

use crate::native::graph::{Kind, Op};
use crate::native::kernel::{Activation, LANES};
use crate::native::plan::{Sizes, Work};

/// Computes one of these steps.
///
/// # Panics
/// Where the work is another, or a tensor too short: a defect of the planner.
pub(super) fn run(op: &Op, work: &Work, reads: &[&[f32]], output: &mut [f32]) {
    let input = reads[0];
    match work {
        Work::MapDense {
            outer,
            channels,
            inner,
        } => map(op, reads, output, [*outer, *channels, *inner]),
        Work::Binary { arithmetic, len } => {
            let pairs = input.iter().zip(reads[1]);
            for (into, (&a, &b)) in output[..*len].iter_mut().zip(pairs) {
                *into = arithmetic.apply(a, b);
            }
        }
        Work::Sigmoid { len } => {
            for (into, &x) in output[..*len].iter_mut().zip(input) {
                *into = 1.0 / (1.0 + (-x).exp());
            }
        }
        Work::Softmax { rows, len } => {
            let pairs = output.chunks_exact_mut(*len).zip(input.chunks_exact(*len));
            pairs.take(*rows).for_each(|(into, row)| softmax(row, into));
        }
        Work::Crop {
            rows,
            from,
            first,
            to,
        } => {
            let pairs = output.chunks_exact_mut(*to).zip(input.chunks_exact(*from));
            let rows = pairs.take(*rows);
            rows.for_each(|(into, row)| into.copy_from_slice(&row[*first..first + to]));
        }
        Work::ToPicture {
            images,
            channels,
            n_pixels,
            is_last,
        } => to_picture(input, output, [*images, *channels, *n_pixels], *is_last),
        Work::FromPicture {
            images,
            channels,
            n_pixels,
            is_last,
        } => from_picture(input, output, [*images, *channels, *n_pixels], *is_last),
        Work::Permute { sizes, steps } => permute(input, output, sizes, steps),
        Work::Upsample {
            sizes,
            blocks,
            times,
        } => upsample(input, output, sizes, (*blocks, *times)),
        Work::PadChannels {
            n_pixels,
            from,
            channels,
            to,
        } => {
            let pixels = input.chunks_exact(*from).zip(output.chunks_exact_mut(*to));
            for (row, into) in pixels.take(*n_pixels) {
                into[..*channels].copy_from_slice(&row[..*channels]);
                into[*channels..].fill(0.0);
            }
        }
        Work::Convolve { .. }
        | Work::Depthwise(_)
        | Work::DepthwisePointwise { .. }
        | Work::PointwiseDepthwise { .. }
        | Work::Chain { .. }
        | Work::Dot { .. }
        | Work::Pool { .. }
        | Work::Mean { .. }
        | Work::Map { .. } => unreachable!("these have kernels"),
    }
}

fn map(op: &Op, reads: &[&[f32]], output: &mut [f32], [outer, channels, inner]: [usize; 3]) {
    let Kind::Map(map) = &op.kind else {
        unreachable!("planned for a map");
    };
    let of = |values: &[f32], channel: usize, usual: f32| match values.len() {
        0 => usual,
        n => values[channel % n],
    };
    let Activation::Clamp { low, high } = map.activation else {
        unreachable!("slopes are for pictures");
    };
    for plane in 0..outer * channels {
        let (scale, shift) = (
            of(&map.scale, plane % channels, 1.0),
            of(&map.shift, plane % channels, 0.0),
        );
        let range = plane * inner..(plane + 1) * inner;
        let into = &mut output[range.clone()];
        for (into, &x) in into.iter_mut().zip(&reads[0][range.clone()]) {
            *into = x * scale + shift;
        }
        for other in &reads[1..] {
            for (into, &x) in into.iter_mut().zip(&other[range.clone()]) {
                *into += x;
            }
        }
        if !map.activation.is_none() {
            // Not `clamp`, which panics where the bounds of a damaged file are the wrong way round.
            into.iter_mut()
                .for_each(|x| *x = at_most(at_least(*x, low), high));
        }
    }
}

/// The greater; what is not a number stays so.
fn at_least(x: f32, low: f32) -> f32 {
    if x < low { low } else { x }
}

fn at_most(x: f32, high: f32) -> f32 {
    if x > high { high } else { x }
}

/// Each pixel that many times.
fn upsample(
    input: &[f32],
    output: &mut [f32],
    sizes: &Sizes,
    (blocks, times): (usize, [usize; 2]),
) {
    let pixel = blocks * LANES;
    let (in_row, out_row) = (sizes.input[1] * pixel, sizes.output[1] * pixel);
    let rows = input
        .chunks_exact(in_row)
        .take(sizes.images * sizes.input[0]);
    for (row, into) in rows.zip(output.chunks_exact_mut(out_row * times[0])) {
        let (first, others) = into.split_at_mut(out_row);
        let pixels = row
            .chunks_exact(pixel)
            .zip(first.chunks_exact_mut(pixel * times[1]));
        for (from, into) in pixels {
            into.chunks_exact_mut(pixel)
                .for_each(|into| into.copy_from_slice(from));
        }
        others
            .chunks_exact_mut(out_row)
            .for_each(|into| into.copy_from_slice(first));
    }
}

fn softmax(row: &[f32], into: &mut [f32]) {
    let greatest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for (into, &x) in into.iter_mut().zip(row) {
        *into = (x - greatest).exp();
        sum += *into;
    }
    into.iter_mut().for_each(|x| *x /= sum);
}

fn to_picture(
    input: &[f32],
    output: &mut [f32],
    [images, channels, n_pixels]: [usize; 3],
    is_last: bool,
) {
    let pixel = channels.next_multiple_of(LANES);
    let (image_in, image_out) = (channels * n_pixels, pixel * n_pixels);
    for (from, into) in input
        .chunks_exact(image_in)
        .zip(output.chunks_exact_mut(image_out))
        .take(images)
    {
        for (index, into) in into.chunks_exact_mut(pixel).enumerate() {
            if is_last {
                into[..channels].copy_from_slice(&from[index * channels..(index + 1) * channels]);
            } else {
                for (channel, into) in into[..channels].iter_mut().enumerate() {
                    *into = from[channel * n_pixels + index];
                }
            }
            into[channels..].fill(0.0);
        }
    }
}

fn from_picture(
    input: &[f32],
    output: &mut [f32],
    [images, channels, n_pixels]: [usize; 3],
    is_last: bool,
) {
    let pixel = channels.next_multiple_of(LANES);
    let (image_in, image_out) = (pixel * n_pixels, channels * n_pixels);
    for (from, into) in input
        .chunks_exact(image_in)
        .zip(output.chunks_exact_mut(image_out))
        .take(images)
    {
        for (index, from) in from.chunks_exact(pixel).enumerate() {
            if is_last {
                into[index * channels..(index + 1) * channels].copy_from_slice(&from[..channels]);
            } else {
                for (channel, &value) in from[..channels].iter().enumerate() {
                    into[channel * n_pixels + index] = value;
                }
            }
        }
    }
}

/// Row-major values of that shape, from where each axis moves by its step.
fn permute(input: &[f32], output: &mut [f32], sizes: &[usize], steps: &[usize]) {
    let (Some((&run, sizes)), Some((&step, steps))) = (sizes.split_last(), steps.split_last())
    else {
        output[0] = input[0];
        return;
    };
    let n_runs = sizes.iter().product::<usize>();
    for (index, into) in output.chunks_exact_mut(run).take(n_runs).enumerate() {
        let (mut index, mut start) = (index, 0);
        for (&size, &step) in sizes.iter().zip(steps).rev() {
            start += index % size * step;
            index /= size;
        }
        for (i, into) in into.iter_mut().enumerate() {
            *into = input[start + i * step];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_turn_back_into_themselves() {
        let [images, channels, n_pixels] = [2, 3, 5];
        let planes: Vec<f32> = (0..30).map(|n| n as f32).collect();
        for is_last in [false, true] {
            let mut picture = vec![f32::NAN; images * n_pixels * LANES];
            to_picture(&planes, &mut picture, [images, channels, n_pixels], is_last);
            // Image 1, pixel 3, channel 2.
            let expected = if is_last {
                15 + 3 * 3 + 2
            } else {
                15 + 2 * 5 + 3
            };
            assert_eq!(picture[(n_pixels + 3) * LANES + 2], expected as f32);
            assert!(
                picture.iter().all(|x| x.is_finite()),
                "the padding is nought"
            );
            let mut back = vec![0.0; 30];
            from_picture(&picture, &mut back, [images, channels, n_pixels], is_last);
            assert_eq!(back, planes);
        }
    }

    #[test]
    fn axes_are_permuted() {
        let values: Vec<f32> = (0..24).map(|n| n as f32).collect();
        // Shape 2, 3, 4 as 4, 2, 3.
        let mut turned = vec![0.0; 24];
        permute(&values, &mut turned, &[4, 2, 3], &[1, 12, 4]);
        // At 3, 1, 2 of the result lies what was at 1, 2, 3.
        assert_eq!(turned[3 * 6 + 3 + 2], values[12 + 2 * 4 + 3]);
        assert_eq!(turned[..7], [0.0, 4.0, 8.0, 12.0, 16.0, 20.0, 1.0]);
    }

    #[test]
    fn softmax_sums_to_one_even_where_values_are_large() {
        let mut found = [0.0; 3];
        softmax(&[1000.0, 1001.0, -1000.0], &mut found);
        assert!((found[0] - 0.268_941_4).abs() < 1e-6 && found[2] == 0.0);
        assert!((found.iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }
}
