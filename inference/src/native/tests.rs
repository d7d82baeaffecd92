//! Each operator, with every kind of vectors, beside its definition written out in double precision.

use proptest::prelude::*;

use super::constant::{Arithmetic, Weights};
use super::execute::{Memory, Team};
use super::graph::{BytesOp, Convolution, Graph, Kind, Link, MapOp, Op};
use super::kernel::{Activation, Aligned, ByteFilter, Kernels, LANES, Window};
use super::plan::{Place, Plan};
use super::stored::{Element, Stored};
use super::*;

mod definition;
mod scale;

use definition::Planes;

/// Values by formula, in [-1, 1).
fn noise(seed: u32, len: usize) -> Vec<f32> {
    let mut x = seed;
    (0..len)
        .map(|_| {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (x >> 8) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

fn op(kind: Kind, inputs: &[usize], output: usize, plain: Option<usize>) -> Op {
    Op {
        label: "tested".to_owned(),
        kind,
        inputs: inputs.to_vec(),
        output,
        plain,
    }
}

/// A graph of these operators; the first values are its inputs.
fn graph(mut ops: Vec<Op>, n_inputs: usize, outputs: &[usize]) -> Graph {
    let port = |value: usize| Port {
        name: value.to_string(),
        shape: None,
    };
    ops.iter_mut().for_each(lower::pack);
    let n_values = ops
        .iter()
        .flat_map(|op| [Some(op.output), op.plain].into_iter().flatten())
        .max()
        .unwrap()
        + 1;
    Graph {
        ops,
        n_values,
        inputs: (0..n_inputs).map(|value| (port(value), value)).collect(),
        outputs: outputs.iter().map(|&value| (port(value), value)).collect(),
    }
}

/// Outputs with their shapes.
type Outputs = Vec<(Vec<usize>, Vec<f32>)>;

/// As [`run_by`] one thread, which three threads have to agree with bit for bit.
fn run(kernels: Kernels, graph: &Graph, inputs: &[(Vec<usize>, Vec<f32>)]) -> Outputs {
    let found = run_by(&Team::in_parts(kernels, 1), graph, inputs);
    let shared = run_by(&Team::in_parts(kernels, 3), graph, inputs);
    let bits = |outputs: &Outputs| -> Vec<u32> {
        let values = outputs.iter().flat_map(|(_, values)| values);
        values.map(|value| value.to_bits()).collect()
    };
    assert_eq!(bits(&found), bits(&shared), "three threads");
    let parted = parted(&Team::in_parts(kernels, 1), graph, inputs);
    assert_eq!(bits(&found), bits(&parted), "pictures not all at once");
    found
}

/// What a network says: pictures that stay apart go a few at a time.
fn parted(team: &Team, graph: &Graph, inputs: &[(Vec<usize>, Vec<f32>)]) -> Outputs {
    let shapes: Vec<Vec<usize>> = inputs.iter().map(|(shape, _)| shape.clone()).collect();
    let plan = Plan::new(graph, &shapes, team.n_threads()).unwrap();
    let of_shape = |(shape, _): &(Vec<usize>, Place)| {
        let values = vec![f32::NAN; shape.iter().product()];
        (shape.clone(), values)
    };
    let mut outputs: Outputs = plan.outputs.iter().map(of_shape).collect();
    let data: Vec<&[f32]> = inputs.iter().map(|(_, data)| data.as_slice()).collect();
    let mut into: Vec<&mut [f32]> = outputs.iter_mut().map(|(_, to)| &mut **to).collect();
    team.compute((graph, &plan), &data, &mut Memory::default(), &mut into);
    outputs
}

/// Pictures go together only where an operator may mix them.
#[test]
fn only_pictures_that_stay_apart_go_by_themselves() {
    fn check(kinds: Vec<Kind>, shape: &[usize], n_parts: usize) {
        let ops = kinds.into_iter().enumerate();
        let ops: Vec<Op> = ops.map(|(i, kind)| op(kind, &[i], i + 1, None)).collect();
        let (label, last) = (format!("{shape:?} {n_parts}"), ops.len());
        let graph = graph(ops, 1, &[last]);
        let plan = Plan::new(&graph, &[shape.to_vec()], 1).unwrap();
        assert_eq!(plan.parts().count(), n_parts, "{label}");
    }
    let turned = |order: [usize; 4]| vec![Kind::Transpose(order.to_vec())];
    check(vec![Kind::Sigmoid], &[5, 3, 4, 4], 3);
    check(vec![Kind::Sigmoid], &[2, 3, 4, 4], 1);
    check(turned([0, 2, 1, 3]), &[5, 3, 4, 4], 3);
    check(turned([1, 0, 2, 3]), &[5, 5, 4, 4], 1);
    check(vec![Kind::Softmax { axis: -1 }], &[6, 4], 3);
    check(vec![Kind::Softmax { axis: -1 }], &[6], 1);
    check(vec![Kind::Flatten { axis: 1 }], &[4, 3, 4, 4], 2);
    check(vec![Kind::Flatten { axis: 0 }], &[4, 3, 4, 4], 1);
    check(vec![Kind::Reshape(vec![-1, 8])], &[4, 3, 4, 4], 2);
    check(vec![Kind::Reshape(vec![0, -1])], &[4, 3, 4, 4], 2);
    // Says how many itself.
    check(vec![Kind::Reshape(vec![4, -1])], &[4, 3, 4, 4], 1);
    // Half a picture would pass for one in between, and nothing tells by the result.
    let halved = vec![
        Kind::Reshape(vec![4, -1]),
        Kind::Softmax { axis: -1 },
        Kind::Reshape(vec![-1, 48]),
    ];
    check(halved, &[4, 3, 4, 4], 1);
    let there_and_back = vec![Kind::Reshape(vec![2, -1]), Kind::Reshape(vec![4, -1])];
    check(there_and_back, &[4, 3, 4, 4], 1);
}

/// The arena holds rubbish before, so that nothing may rely on noughts in it.
fn run_by(team: &Team, graph: &Graph, inputs: &[(Vec<usize>, Vec<f32>)]) -> Outputs {
    let shapes: Vec<Vec<usize>> = inputs.iter().map(|(shape, _)| shape.clone()).collect();
    let plan = Plan::new(graph, &shapes, team.n_threads()).unwrap();
    let mut memory = Memory::default();
    memory.prepare(&plan);
    memory.arena.as_mut_slice().fill(1e30);
    let data: Vec<&[f32]> = inputs.iter().map(|(_, data)| data.as_slice()).collect();
    team.run_at_once((graph, &plan), &data, &mut memory);
    plan.outputs
        .iter()
        .map(|(shape, place)| {
            let values = match *place {
                Place::Slot(slot) => &memory.arena.as_slice()[plan.slots[slot].clone()],
                Place::Input(index) => data[index],
                Place::None => unreachable!(),
            };
            let len = shape.iter().product();
            (shape.clone(), values[..len].to_vec())
        })
        .collect()
}

fn windows() -> impl Strategy<Value = Window> {
    let kernel = prop_oneof![
        3 => Just([3_usize, 3]),
        2 => Just([5, 5]),
        1 => (1..5_usize, 1..6_usize).prop_map(|(rows, columns)| [rows, columns])
    ];
    (kernel, prop::array::uniform2(1..4_usize), any::<[u8; 4]>()).prop_map(
        |(kernel, strides, pads)| Window {
            kernel,
            strides,
            before: [
                usize::from(pads[0]) % kernel[0],
                usize::from(pads[1]) % kernel[1],
            ],
            after: [
                usize::from(pads[2]) % kernel[0],
                usize::from(pads[3]) % kernel[1],
            ],
        },
    )
}

fn activations(channels: usize, which: u8, seed: u32) -> Activation {
    match which % 4 {
        0 => Activation::NONE,
        1 => Activation::Clamp {
            low: 0.0,
            high: f32::INFINITY,
        },
        2 => Activation::Clamp {
            low: -0.5,
            high: 0.75,
        },
        _ => {
            let mut slopes = Aligned::zeros(channels.next_multiple_of(LANES));
            slopes.as_mut_slice()[..channels].copy_from_slice(&noise(seed, channels));
            Activation::Slopes(slopes)
        }
    }
}

fn convolution(
    window: Window,
    [outputs, channels]: [usize; 2],
    is_depthwise: bool,
    (which, seed): (u8, u32),
) -> Convolution {
    let own = if is_depthwise { 1 } else { channels };
    let shape = [outputs, own, window.kernel[0], window.kernel[1]];
    Convolution {
        window,
        is_depthwise,
        shape,
        weights: Weights::Floats(noise(seed, shape.iter().product())),
        factors: Vec::new(),
        bias: noise(seed ^ 1, outputs),
        activation: activations(outputs, which, seed ^ 2),
        filter: None,
    }
}

/// Sizes that hold the window.
fn sizes(window: &Window, more: [usize; 2]) -> [usize; 2] {
    let size = |axis: usize| {
        let padding = window.before[axis] + window.after[axis];
        window.kernel[axis].saturating_sub(padding).max(1) + more[axis]
    };
    [size(0), size(1)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn convolutions(
        window in prop_oneof![Just(Window::POINT), windows()],
        images in 1..4_usize,
        channels in [1..36_usize, 1..50],
        more in [0..7_usize, 0..34],
        (is_depthwise, n_residuals, has_plain, is_last) in (any::<bool>(), 0..4_usize, any::<bool>(), any::<bool>()),
        (which, seed) in (any::<u8>(), any::<u32>()),
    ) {
        let [inputs, outputs] = channels;
        let inputs = if is_depthwise { outputs } else { inputs };
        let [height, width] = sizes(&window, more);
        let convolution = convolution(window, [outputs, inputs], is_depthwise, (which, seed));
        let shape = [images, inputs, height, width];
        let data = noise(seed ^ 3, shape.iter().product());
        let plain = Planes::new(shape, &data).convolved(&convolution);
        let mut expected = plain.clone();
        let mut given = vec![(shape.to_vec(), data)];
        for index in 0..n_residuals {
            let residual = noise(seed ^ (4 + index as u32), plain.data.len());
            for (sum, &other) in expected.data.iter_mut().zip(&residual) {
                *sum += f64::from(other);
            }
            given.push((plain.shape.to_vec(), residual));
        }
        let expected = expected.activated(&convolution.activation);
        let n = given.len();
        let mut reads: Vec<usize> = (0..n).collect();
        let mut ops = Vec::new();
        if is_last {
            // The picture comes channels last, and a transpose says so.
            let planes = Planes::new(shape, &given[0].1);
            let mut turned = Vec::new();
            for image in 0..images {
                for y in 0..height {
                    for x in 0..width {
                        let value = |c| planes.at(image, c, y as i64, x as i64).unwrap() as f32;
                        turned.extend((0..inputs).map(value));
                    }
                }
            }
            given[0] = (vec![images, height, width, inputs], turned);
            ops.push(op(Kind::Transpose(vec![0, 3, 1, 2]), &[0], n, None));
            reads[0] = n;
        }
        let kept = has_plain.then_some(n + 1);
        ops.push(op(Kind::Convolution(Box::new(convolution)), &reads, n + 2, kept));
        let outputs: Vec<usize> = [Some(n + 2), kept].into_iter().flatten().collect();
        let graph = graph(ops, n, &outputs);
        for kernels in Kernels::all() {
            let found = run(kernels, &graph, &given);
            expected.check(kernels.name(), &found[0])?;
            if let Some(found) = found.get(1) {
                plain.check("before sums", found)?;
            }
        }
    }

    #[test]
    fn pairs(
        window in windows(),
        images in 1..3_usize,
        channels in [1..40_usize, 1..70],
        more in [0..9_usize, 0..30],
        (is_depthwise_first, has_residual) in any::<(bool, bool)>(),
        (which, seed) in (any::<[u8; 2]>(), any::<u32>()),
    ) {
        let [inputs, outputs] = channels;
        let [height, width] = sizes(&window, more);
        let depthwise = |channels: usize, which: u8| convolution(window, [channels, channels], true, (which, seed ^ 8));
        let pointwise = |which: u8| convolution(Window::POINT, [outputs, inputs], false, (which, seed ^ 9));
        let (first, second) = if is_depthwise_first {
            (depthwise(inputs, which[0]), pointwise(which[1]))
        } else {
            (pointwise(which[0]), depthwise(outputs, which[1]))
        };
        let shape = [images, inputs, height, width];
        let data = noise(seed, shape.iter().product());
        let between = Planes::new(shape, &data).convolved(&first).activated(&first.activation);
        let mut expected = between.convolved(&second);
        let mut given = vec![(shape.to_vec(), data)];
        if has_residual {
            let residual = noise(seed ^ 5, expected.data.len());
            for (sum, &other) in expected.data.iter_mut().zip(&residual) {
                *sum += f64::from(other);
            }
            given.push((expected.shape.to_vec(), residual));
        }
        let expected = expected.activated(&second.activation);
        let reads: Vec<usize> = (0..given.len()).collect();
        let pair = op(Kind::Pair(Box::new((first, second))), &reads, given.len(), None);
        let graph = graph(vec![pair], given.len(), &[given.len()]);
        for kernels in Kernels::all() {
            expected.check(kernels.name(), &run(kernels, &graph, &given)[0])?;
        }
    }

    /// A convolution of few channels, a pointwise one, a depthwise one, a pooling, or some of them, as one step.
    #[test]
    fn chains(
        (first, second, third) in (windows(), windows(), windows()),
        images in 1..3_usize,
        (inputs, channels) in (1..5_usize, [1..40_usize, 1..70]),
        more in [0..30_usize, 0..60],
        (has_first, is_depthwise_first, is_mean) in any::<(bool, bool, bool)>(),
        (which, n_links, seed) in (any::<[u8; 3]>(), 2..5_usize, any::<u32>()),
    ) {
        let inputs = if has_first { inputs } else { channels[0] };
        let mut parts = Vec::new();
        let mut wide = inputs;
        if has_first {
            parts.push(Link::Convolution(convolution(first, [channels[0], inputs], false, (which[0], seed))));
            wide = channels[0];
        }
        for is_depthwise in [is_depthwise_first, !is_depthwise_first] {
            let (window, outputs) = if is_depthwise { (second, wide) } else { (Window::POINT, channels[1]) };
            let seed = seed ^ (8 + u32::from(is_depthwise));
            let which = which[1 + usize::from(is_depthwise)];
            parts.push(Link::Convolution(convolution(window, [outputs, wide], is_depthwise, (which, seed))));
            wide = outputs;
        }
        parts.push(Link::Pool { window: third, is_mean });
        parts.truncate(n_links);
        // As large as every window needs, from the last to the first.
        let mut size = [more[0] + 1, more[1] + 1];
        for part in parts.iter().rev() {
            let window = part.window();
            for (axis, size) in size.iter_mut().enumerate() {
                let wanted = (*size - 1) * window.strides[axis] + window.kernel[axis];
                let padding = window.before[axis] + window.after[axis];
                *size = wanted.saturating_sub(padding).max(1);
            }
        }
        prop_assume!(size[0] * size[1] < 60_000);
        let shape = [images, inputs, size[0], size[1]];
        let data = noise(seed ^ 3, shape.iter().product());
        let mut expected = Planes::new(shape, &data);
        let mut is_last_pool = false;
        for part in &parts {
            is_last_pool = false;
            expected = match part {
                Link::Convolution(one) => expected.convolved(one).activated(&one.activation),
                Link::Pool { window, is_mean } => {
                    is_last_pool = true;
                    expected.pooled(window, *is_mean)
                }
            };
        }
        let mut given = vec![(shape.to_vec(), data)];
        if !is_last_pool && let Some(Link::Convolution(last)) = parts.last() && last.activation.is_none() {
            let residual = noise(seed ^ 5, expected.data.len());
            for (sum, &other) in expected.data.iter_mut().zip(&residual) {
                *sum += f64::from(other);
            }
            given.push((expected.shape.to_vec(), residual));
        }
        let n = given.len();
        let reads: Vec<usize> = (0..n).collect();
        let graph = graph(vec![op(Kind::Chain(parts), &reads, n, None)], n, &[n]);
        for kernels in Kernels::all() {
            expected.check(kernels.name(), &run(kernels, &graph, &given)[0])?;
        }
    }

    #[test]
    fn bytes(
        (rows, outputs, runs, vectors) in (1..5_usize, 1..40_usize, 1..5_usize, 1..5_usize),
        (is_kept, seed) in any::<(bool, u32)>(),
    ) {
        let (inputs, n_runs) = (runs * vectors * LANES, runs * outputs);
        let values: Vec<u8> = noise(seed, outputs * inputs).iter().map(|x| (x * 127.0) as i8 as u8).collect();
        let mut stored = Stored::new(Element::Signed, &values);
        let zeros: Vec<f32> = noise(seed ^ 1, n_runs).iter().map(|x| (x * 20.0).round()).collect();
        prop_assert!(stored.subtract(&zeros));
        let scales: Vec<f32> = noise(seed ^ 2, n_runs).iter().map(|x| x / 100.0).collect();
        prop_assert!(stored.multiply(&scales));
        prop_assert!(stored.has_bytes(LANES, inputs));
        let bias = noise(seed ^ 3, outputs);
        let activation = activations(outputs, u8::from(is_kept), seed);
        let mut plain = convolution(Window::POINT, [outputs, inputs], false, (0, seed));
        plain.weights = Weights::Floats(stored.to_floats());
        plain.bias.clone_from(&bias);
        let data = noise(seed ^ 4, rows * inputs);
        let expected = Planes::new([rows, inputs, 1, 1], &data).convolved(&plain).activated(&activation);
        let filter = ByteFilter::new(stored.into_bytes(), [outputs, inputs], &bias);
        let kind = Kind::GemmBytes(Box::new(BytesOp { filter, activation }));
        let graph = graph(vec![op(kind, &[0], 1, None)], 1, &[1]);
        for kernels in Kernels::all() {
            let (shape, found) = run(kernels, &graph, &[(vec![rows, inputs], data.clone())]).remove(0);
            prop_assert_eq!(shape, [rows, outputs]);
            expected.check(kernels.name(), &(expected.shape.to_vec(), found))?;
        }
    }

    #[test]
    fn pools_means_and_maps(
        window in windows(),
        (images, channels) in (1..5_usize, 1..40_usize),
        more in [0..7_usize, 0..20],
        (which, is_mean, seed) in any::<(u8, bool, u32)>(),
    ) {
        let [height, width] = sizes(&window, more);
        let shape = [images, channels, height, width];
        let data = noise(seed, shape.iter().product());
        let planes = Planes::new(shape, &data);
        let pooled = planes.pooled(&window, is_mean);
        let whole = Window { kernel: [height, width], strides: [1, 1], before: [0, 0], after: [0, 0] };
        let mean = planes.slide(channels, &whole, |n, c, _, _| {
            let start = (n * channels + c) * height * width;
            planes.data[start..start + height * width].iter().sum::<f64>() / (height * width) as f64
        });
        let map = MapOp {
            scale: noise(seed ^ 6, channels),
            shift: noise(seed ^ 7, 1),
            activation: activations(channels, which, seed ^ 8),
        };
        let mut mapped = planes.clone();
        for (index, x) in mapped.data.iter_mut().enumerate() {
            let channel = index / (height * width) % channels;
            *x = *x * f64::from(map.scale[channel]) + f64::from(map.shift[0]);
        }
        let doubled: Vec<f64> = mapped.data.iter().zip(&planes.data).map(|(a, b)| a + b).collect();
        let mapped = Planes { shape, data: doubled }.activated(&map.activation);
        // The map once on planes as they are given, once on a picture that a pooling of one pixel made.
        let again = MapOp { scale: map.scale.clone(), shift: map.shift.clone(), activation: map.activation.clone() };
        let ops = vec![
            op(Kind::Pool { window, is_mean }, &[0], 1, None),
            op(Kind::GlobalMean, &[0], 2, None),
            op(Kind::Pool { window: Window::POINT, is_mean: false }, &[0], 3, None),
            op(Kind::Map(Box::new(map)), &[3, 3], 4, None),
            op(Kind::Binary(Arithmetic::Sub), &[3, 0], 5, None),
        ];
        let planar = graph(vec![op(Kind::Map(Box::new(again)), &[0, 0], 1, None)], 1, &[1]);
        let graph = graph(ops, 1, &[1, 2, 4, 5]);
        let given = [(shape.to_vec(), data)];
        for kernels in Kernels::all() {
            let found = run(kernels, &graph, &given);
            pooled.check("pool", &found[0])?;
            mean.check("mean", &found[1])?;
            mapped.check("map", &found[2])?;
            prop_assert!(found[3].1.iter().all(|&x| x == 0.0), "a value less itself");
            mapped.check("map of planes", &run(kernels, &planar, &given)[0])?;
        }
    }

    #[test]
    fn layouts(
        (images, channels, height, width) in (1..6_usize, 1..40_usize, 1..6_usize, 1..6_usize),
        times in prop::array::uniform2(1..4_usize),
        more in 0..20_usize,
        order in Just(vec![0_usize, 1, 2, 3]).prop_shuffle(),
    ) {
        let shape = [images, channels, height, width];
        let data: Vec<f32> = (0..shape.iter().product()).map(|n| n as f32).collect();
        let planes = Planes::new(shape, &data);
        let large = Window { kernel: [1, 1], strides: [1, 1], before: [0, 0], after: [0, 0] };
        let tall = Planes { shape: [images, channels, height * times[0], width * times[1]], data: Vec::new() };
        let upsampled = Planes {
            data: tall.slide(channels, &large, |n, c, y, x| {
                planes.at(n, c, y / times[0] as i64, x / times[1] as i64).unwrap()
            }).data,
            ..tall
        };
        let padded = planes.slide(channels + more, &large, |n, c, y, x| {
            if c < channels { planes.at(n, c, y, x).unwrap() } else { 0.0 }
        });
        let turned = |order: &[usize]| {
            let sizes: Vec<usize> = order.iter().map(|&axis| shape[axis]).collect();
            let mut data = Vec::new();
            for a in 0..sizes[0] {
                for b in 0..sizes[1] {
                    for c in 0..sizes[2] {
                        for d in 0..sizes[3] {
                            let mut at = [0; 4];
                            for (&axis, x) in order.iter().zip([a, b, c, d]) {
                                at[axis] = x;
                            }
                            data.push(planes.at(at[0], at[1], at[2] as i64, at[3] as i64).unwrap());
                        }
                    }
                }
            }
            Planes { shape: sizes.try_into().unwrap(), data }
        };
        let point = || Kind::Pool { window: Window::POINT, is_mean: false };
        let last = vec![0, 2, 3, 1];
        let ops = vec![
            op(point(), &[0], 1, None),
            op(Kind::Upsample(times), &[1], 2, None),
            op(Kind::PadChannels(more), &[1], 3, None),
            op(Kind::Transpose(order.clone()), &[1], 4, None),
            op(Kind::Transpose(last.clone()), &[1], 5, None),
            op(Kind::Flatten { axis: 2 }, &[1], 6, None),
            op(Kind::Reshape(vec![images as i64, channels as i64, -1, width as i64]), &[6], 7, None),
        ];
        let graph = graph(ops, 1, &[2, 3, 4, 5, 7]);
        let found = run(Kernels::best(), &graph, &[(shape.to_vec(), data)]);
        upsampled.check("upsampled", &found[0])?;
        padded.check("padded", &found[1])?;
        turned(&order).check("turned", &found[2])?;
        turned(&last).check("channels last", &found[3])?;
        planes.check("flat and back", &found[4])?;
    }

    #[test]
    fn matrices(
        (rows, inputs, outputs) in (1..20_usize, 1..60_usize, 1..40_usize),
        (which, seed) in (0..3_u8, any::<u32>()),
    ) {
        let gemm = convolution(Window::POINT, [outputs, inputs], false, (which, seed));
        let data = noise(seed ^ 3, rows * inputs);
        let planes = Planes::new([rows, inputs, 1, 1], &data);
        let expected = planes.convolved(&gemm).activated(&gemm.activation);
        let graph = graph(vec![op(Kind::Gemm(Box::new(gemm)), &[0], 1, None)], 1, &[1]);
        for kernels in Kernels::all() {
            let (shape, found) = run(kernels, &graph, &[(vec![rows, inputs], data.clone())]).remove(0);
            prop_assert_eq!(shape, [rows, outputs]);
            expected.check(kernels.name(), &(expected.shape.to_vec(), found))?;
        }
    }

    /// The networks' own files with a few bytes changed: an answer, and no panic that has to be caught.
    #[test]
    fn damaged_files_have_an_answer(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..8),
    ) {
        static MODEL: &[u8] = include_bytes!("../../../models/fer_mini_xception.onnx");
        let mut bytes = MODEL.to_vec();
        let structure = bytes.windows(4).position(|w| w == b"pred").unwrap();
        for (index, value, is_near) in changes {
            let at = index.index(if is_near { structure } else { bytes.len() });
            bytes[at] = value;
        }
        let result = Native::new().load(&bytes, &LoadOptions::default());
        if let Err(error) = &result {
            prop_assert!(!matches!(error, LoadError::Panicked { .. }), "{:?}", error);
        }
        if let Ok(mut network) = result {
            let data = noise(1, 64 * 64);
            let name = network.inputs()[0].name.clone();
            let view = TensorView::new(&[1, 64, 64, 1], &data).unwrap();
            if let Err(error) = network.run(&[(&name, view)]) {
                prop_assert!(!matches!(error, RunError::Panicked { .. }), "{:?}", error);
            }
        }
    }
}
