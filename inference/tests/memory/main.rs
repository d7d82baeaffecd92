//! Memory of the built-in networks on the native runtime, counted by the allocator: what a loaded network holds that has
//! run, and that runs allocate no tensor.

#![expect(unsafe_code, reason = "an allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use regard_inference::{Catalog, LoadOptions, Native, Runtime, Tensor};

/// Bytes that are allocated now, and that have been allocated in all.
static LIVE: AtomicUsize = AtomicUsize::new(0);
static EVER: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        EVER.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A network and the largest input of the live loop, the numbers in its file that are weights, and the most numbers between
/// nodes that are needed at once for that input, where the nodes are computed one after the other.
struct Case {
    id: &'static str,
    shape: [usize; 4],
    n_weights: usize,
    n_activations: usize,
}

/// Counted in the files with the `onnx` package: initializers, and shapes by its inference.
const CASES: [Case; 6] = [
    Case {
        id: "yunet-2023mar",
        shape: [1, 3, 384, 640],
        n_weights: 53_121,
        n_activations: 1_966_080,
    },
    Case {
        id: "faceapi-expression",
        shape: [2, 3, 112, 112],
        n_weights: 323_691,
        n_activations: 1_003_520,
    },
    Case {
        id: "fer-mini-xception",
        shape: [2, 64, 64, 1],
        n_weights: 56_215,
        n_activations: 259_200,
    },
    Case {
        id: "mediapipe-face-mesh-468",
        shape: [1, 192, 192, 3],
        n_weights: 604_709,
        n_activations: 442_368,
    },
    Case {
        id: "sface-2021dec-int8",
        shape: [1, 3, 112, 112],
        n_weights: 9_939_632,
        n_activations: 2_408_448,
    },
    Case {
        id: "faceres-age",
        shape: [1, 224, 224, 3],
        n_weights: 3_484_134,
        n_activations: 1_605_632,
    },
];

/// What a run may allocate: lists of a word or two for each input and output, of which one network has twelve.
const MAX_RUN_BYTES: usize = 512;

/// The only test here: others would allocate meanwhile.
#[test]
fn networks_hold_little_more_than_their_weights_and_runs_allocate_nothing() {
    let catalog = Catalog::open(None).unwrap();
    let mib = |n_bytes: f64| n_bytes / f64::from(1 << 20);
    let mut too_much = Vec::new();
    for case in CASES {
        let bytes = catalog.bytes_of(case.id).unwrap();
        let data = vec![0.5; case.shape.iter().product()];
        let input = Tensor::new(case.shape.to_vec(), data).unwrap();
        let before = LIVE.load(Ordering::Relaxed);
        let mut network = Native::new().load(&bytes, &LoadOptions::default()).unwrap();
        let loaded = LIVE.load(Ordering::Relaxed) - before;
        let name = network.inputs()[0].name.clone();
        let mut outputs = Vec::new();
        network
            .run_into(&[(&name, input.view())], &mut outputs)
            .unwrap();
        let held = LIVE.load(Ordering::Relaxed) - before;
        let goal = 4.0 * (1.2 * case.n_weights as f64 + case.n_activations as f64);
        println!(
            "{}: {:.2} MiB loaded, {:.2} after a run; 1.2 times the weights and the activations {:.2}",
            case.id,
            mib(loaded as f64),
            mib(held as f64),
            mib(goal)
        );
        if held as f64 > goal {
            too_much.push(case.id);
        }
        let ever = EVER.load(Ordering::Relaxed);
        network
            .run_into(&[(&name, input.view())], &mut outputs)
            .unwrap();
        let run = EVER.load(Ordering::Relaxed) - ever;
        assert!(run <= MAX_RUN_BYTES, "{}: a run allocated {run}", case.id);
    }
    assert!(too_much.is_empty(), "{too_much:?}");
}
