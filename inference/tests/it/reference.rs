//! Outputs agree with the recorded ones; see `models/reference/README.md`.

use std::fs;
use std::path::Path;

use regard_inference::{
    Catalog, Device, LibraryError, LibrarySearch, LoadOptions, Native, Network, OnnxRuntime, Rten,
    Runtime, Tensor,
};
use serde_json::Value;

/// Of the largest value of an output.
const TOLERANCE: f64 = 1e-4;
/// A largest value below this counts as this: probabilities near nought are rounding of a logit.
const LARGEST_FLOOR: f64 = 0.01;

#[test]
fn rten_agrees() {
    for threads in [1, 2] {
        check_all(&Rten, threads);
    }
}

#[test]
fn native_agrees_with_every_kind_of_vector() {
    for runtime in Native::all() {
        println!("{}", runtime.description());
        for threads in [1, 2] {
            check_all(&runtime, threads);
        }
    }
}

/// Shapes in which the loop runs the networks, and others.
const SHAPES: [(&str, &[usize]); 9] = [
    ("yunet-2023mar", &[1, 3, 32, 32]),
    ("yunet-2023mar", &[1, 3, 96, 160]),
    ("yunet-2023mar", &[1, 3, 192, 320]),
    ("faceapi-expression", &[3, 3, 112, 112]),
    ("fer-mini-xception", &[1, 64, 64, 1]),
    ("fer-mini-xception", &[10, 64, 64, 1]),
    ("mediapipe-face-mesh-468", &[2, 192, 192, 3]),
    ("sface-2021dec-int8", &[2, 3, 112, 112]),
    ("faceres-age", &[1, 224, 224, 3]),
];

/// One network for all shapes, in turn and back again: a plan must not disturb another.
#[test]
fn native_agrees_with_rten_on_other_shapes_and_values() {
    let catalog = Catalog::open(None).unwrap();
    let mut state = 7_u32;
    println!("seed {state}");
    for id in [
        "yunet-2023mar",
        "faceapi-expression",
        "fer-mini-xception",
        "mediapipe-face-mesh-468",
        "sface-2021dec-int8",
        "faceres-age",
    ] {
        let bytes = catalog.bytes_of(id).unwrap();
        let mut native = Native::new().load(&bytes, &LoadOptions::default()).unwrap();
        let mut shared = Native::new()
            .load(&bytes, &LoadOptions { threads: 4 })
            .unwrap();
        let mut rten = Rten.load(&bytes, &LoadOptions::default()).unwrap();
        let name = native.inputs()[0].name.clone();
        let high = recorded(id)["input"]["high"].as_f64().unwrap();
        let shapes = SHAPES
            .iter()
            .filter(|(of, _)| *of == id)
            .map(|(_, shape)| shape);
        for shape in shapes.clone().chain(shapes.take(1)) {
            let data = (0..shape.iter().product())
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (high * f64::from(state >> 8) / f64::from(1 << 24)) as f32
                })
                .collect();
            let input = Tensor::new(shape.to_vec(), data).unwrap();
            let found = native.run(&[(&name, input.view())]).unwrap();
            let with_threads = shared.run(&[(&name, input.view())]).unwrap();
            assert!(found == with_threads, "{id}: four threads");
            let expected = rten.run(&[(&name, input.view())]).unwrap();
            for (found, expected) in found.iter().zip(&expected) {
                assert_eq!(found.shape(), expected.shape(), "{id}");
                let largest = expected.data().iter().fold(0.0_f32, |a, b| a.max(b.abs()));
                let pairs = found.data().iter().zip(expected.data());
                let worst = pairs.fold(0.0_f32, |worst, (a, b)| worst.max((a - b).abs()));
                let relative = f64::from(worst) / f64::from(largest).max(LARGEST_FLOOR);
                assert!(relative <= TOLERANCE, "{id} {shape:?}: {relative:.1e}");
            }
        }
    }
}

#[test]
fn onnx_runtime_agrees() {
    if let Some(runtime) = onnx_runtime() {
        for threads in [1, 2] {
            check_all(&runtime, threads);
        }
    }
}

/// ONNX Runtime where its library is found. One that is found and does not work fails the test.
pub(crate) fn onnx_runtime() -> Option<OnnxRuntime> {
    match OnnxRuntime::find(&LibrarySearch::system(), Device::Cpu) {
        Ok(runtime) => Some(runtime),
        Err(LibraryError::NotFound) => {
            println!("skipped: ONNX Runtime library not found");
            None
        }
        Err(error) => panic!("{error:?}"),
    }
}

fn check_all(runtime: &dyn Runtime, threads: usize) {
    let catalog = Catalog::open(None).unwrap();
    let mut n_checked = 0;
    for entry in catalog
        .entries()
        .filter(|entry| entry.obtain.as_str() == "committed")
    {
        let reference = recorded(&entry.id);
        assert_eq!(text(&reference, "sha256"), entry.sha256, "{}", entry.id);
        let bytes = catalog.bytes_of(&entry.id).unwrap();
        let mut network = runtime.load(&bytes, &LoadOptions { threads }).unwrap();
        check_ports(&reference, network.as_ref());
        let input = input(&reference["input"]);
        let name = text(&reference["input"], "name");
        let outputs = network.run(&[(name, input.view())]).unwrap();
        let worst = compare(&reference, &outputs);
        println!(
            "{} on {}, {threads} threads: {worst:.1e}",
            entry.id,
            runtime.name()
        );
        assert!(
            worst <= TOLERANCE,
            "{} on {}: {worst:.3e}",
            entry.id,
            runtime.name()
        );

        // A second run into the same tensors gives the same bits.
        let mut again = outputs.clone();
        network
            .run_into(&[(name, input.view())], &mut again)
            .unwrap();
        if threads == 1 || runtime.name() == "native" {
            assert!(outputs == again, "{} on {}", entry.id, runtime.name());
        }
        n_checked += 1;
    }
    assert!(
        n_checked >= 6,
        "only {n_checked} models with recorded outputs"
    );
}

fn check_ports(reference: &Value, network: &dyn Network) {
    let expected: Vec<&str> = outputs(reference).iter().map(|o| text(o, "name")).collect();
    let found: Vec<&str> = network
        .outputs()
        .iter()
        .map(|port| port.name.as_str())
        .collect();
    assert_eq!(found, expected);
    assert_eq!(network.inputs().len(), 1);
    assert_eq!(network.inputs()[0].name, text(&reference["input"], "name"));
}

/// Largest difference of all outputs, each relative to the largest value of that output.
fn compare(reference: &Value, found: &[Tensor]) -> f64 {
    let mut worst = 0.0_f64;
    for (expected, tensor) in outputs(reference).iter().zip(found) {
        assert_eq!(
            tensor.shape(),
            shape(expected),
            "{}",
            text(expected, "name")
        );
        let largest = expected["max_abs"].as_f64().unwrap().max(LARGEST_FLOOR);
        let stride = usize::try_from(expected["stride"].as_u64().unwrap()).unwrap();
        let values = expected["values"].as_array().unwrap();
        let every: Vec<f32> = tensor.data().iter().copied().step_by(stride).collect();
        assert_eq!(every.len(), values.len());
        for (value, &data) in values.iter().zip(&every) {
            let difference = (value.as_f64().unwrap() - f64::from(data)).abs();
            assert!(difference.is_finite());
            worst = worst.max(difference / largest);
        }
        // The sum covers the values that the stride left out.
        let sum: f64 = tensor.data().iter().copied().map(f64::from).sum();
        let off = (sum - expected["sum"].as_f64().unwrap()).abs() / tensor.data().len() as f64;
        worst = worst.max(off / largest);
    }
    worst
}

/// The made-up input: a linear congruential generator, bit for bit that of the recording.
fn input(of: &Value) -> Tensor {
    let (low, high) = (of["low"].as_f64().unwrap(), of["high"].as_f64().unwrap());
    let mut state = u32::try_from(of["seed"].as_u64().unwrap()).unwrap();
    let shape = shape(of);
    let data = (0..shape.iter().product())
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let unit = f64::from(state >> 8) / f64::from(1_u32 << 24);
            (low + (high - low) * unit) as f32
        })
        .collect();
    Tensor::new(shape, data).unwrap()
}

fn recorded(id: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/reference");
    let text = fs::read_to_string(path.join(format!("{id}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn outputs(reference: &Value) -> &[Value] {
    reference["outputs"].as_array().unwrap()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap()
}

fn shape(value: &Value) -> Vec<usize> {
    let sizes = value["shape"].as_array().unwrap();
    sizes
        .iter()
        .map(|n| usize::try_from(n.as_u64().unwrap()).unwrap())
        .collect()
}
