//! Damaged and foreign files are errors, never panics.

use regard_inference::{Catalog, Dim, LoadOptions, Native, Network, Rten, Runtime, Tensor};

use crate::reference::onnx_runtime;

/// Damaged copies of each model; each is loaded and, where that works, run.
const N_DAMAGED: usize = 60;

fn each(check: impl Fn(&dyn Runtime)) {
    check(&Native::new());
    check(&Rten);
    if let Some(runtime) = onnx_runtime() {
        check(&runtime);
    }
}

fn model(id: &str) -> Vec<u8> {
    Catalog::open(None)
        .unwrap()
        .bytes_of(id)
        .unwrap()
        .into_owned()
}

/// Loads and, where that works, runs; whether it got as far as an output.
fn try_all(runtime: &dyn Runtime, bytes: &[u8]) -> bool {
    match runtime.load(bytes, &LoadOptions::default()) {
        Ok(mut network) => run_once(network.as_mut()),
        Err(_) => false,
    }
}

fn run_once(network: &mut dyn Network) -> bool {
    let inputs: Vec<(String, Tensor)> = network
        .inputs()
        .iter()
        .map(|port| {
            let dims = port.shape.as_deref().unwrap_or_default();
            // A damaged file may ask for anything; more than a large picture is not tried.
            let size = |dim: &Dim| match dim {
                Dim::Fixed(size) => (*size).min(256),
                Dim::Open => 32,
            };
            let shape: Vec<usize> = dims.iter().map(size).collect();
            let n_values = shape.iter().product::<usize>().min(1 << 22);
            let shape = if shape.iter().product::<usize>() == n_values {
                shape
            } else {
                vec![1]
            };
            let data = vec![0.5; shape.iter().product()];
            (port.name.clone(), Tensor::new(shape, data).unwrap())
        })
        .collect();
    let views: Vec<_> = inputs
        .iter()
        .map(|(name, tensor)| (name.as_str(), tensor.view()))
        .collect();
    network.run(&views).is_ok()
}

#[test]
fn foreign_files_are_errors() {
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0";
    let files: [&[u8]; 9] = [
        b"",
        b"\0",
        &[0; 4096],
        &[0xff; 4096],
        b"This is a text, and not a network.\n",
        png,
        b"PK\x03\x04\x14\0\0\0\x08\0",
        b"RTEN\x02\0\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\x7f\0\0\0\0\0\0\0\0",
        // Field 7, the graph, with a length of almost 2^63.
        b"\x08\x07\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    ];
    each(|runtime| {
        for (index, file) in files.iter().enumerate() {
            let result = runtime.load(file, &LoadOptions::default());
            assert!(result.is_err(), "{} took file {index}", runtime.name());
        }
    });
}

#[test]
fn truncated_files_are_errors() {
    let bytes = model("yunet-2023mar");
    each(|runtime| {
        let offsets = (0..64).chain((64..bytes.len()).step_by(bytes.len() / 150));
        for length in offsets.chain([bytes.len() - 1]) {
            assert!(
                !try_all(runtime, &bytes[..length]),
                "{} at {length}",
                runtime.name()
            );
        }
    });
}

#[test]
fn flipped_bytes_never_panic() {
    let seed = 20_260_101_u32;
    println!("seed {seed}");
    each(|runtime| {
        for id in ["yunet-2023mar", "fer-mini-xception"] {
            let bytes = model(id);
            let mut state = seed;
            let mut next = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as usize
            };
            let mut n_refused = 0;
            for _ in 0..N_DAMAGED {
                let mut damaged = bytes.clone();
                for _ in 0..=next() % 8 {
                    // Most of a file is weights; its structure is where damage hurts.
                    let near = if next() % 2 == 0 { bytes.len() } else { 4096 };
                    let at = next() % near;
                    damaged[if next() % 2 == 0 {
                        at
                    } else {
                        bytes.len() - 1 - at
                    }] ^= 1 << (next() % 8);
                }
                n_refused += usize::from(!try_all(runtime, &damaged));
            }
            println!(
                "{id} on {}: {n_refused} of {N_DAMAGED} refused",
                runtime.name()
            );
            assert!(n_refused > N_DAMAGED / 10, "{id}: damage was not noticed");
        }
    });
}
