//! Time of each default network on each runtime.
//!
//! `cargo bench -p regard-inference`; names are `model shape runtime threads`.

use divan::Bencher;
use regard_inference::{
    Catalog, Device, LibrarySearch, LoadOptions, Native, OnnxRuntime, Rten, Runtime, Tensor,
    flush_to_zero,
};

fn main() {
    flush_to_zero();
    divan::main();
}

/// What is run: the model, the shape of its input, the threads.
const CASES: &[(&str, &[usize], usize)] = &[
    ("yunet-2023mar", &[1, 3, 192, 320], 1),
    ("yunet-2023mar", &[1, 3, 192, 320], 2),
    ("yunet-2023mar", &[1, 3, 320, 320], 1),
    ("yunet-2023mar", &[1, 3, 320, 320], 2),
    ("yunet-2023mar", &[1, 3, 384, 640], 1),
    ("yunet-2023mar", &[1, 3, 384, 640], 2),
    ("faceapi-expression", &[1, 3, 112, 112], 1),
    ("faceapi-expression", &[1, 3, 112, 112], 2),
    ("faceapi-expression", &[2, 3, 112, 112], 1),
    ("faceapi-expression", &[2, 3, 112, 112], 2),
    ("faceapi-expression", &[4, 3, 112, 112], 1),
    ("faceapi-expression", &[4, 3, 112, 112], 2),
    ("fer-mini-xception", &[1, 64, 64, 1], 1),
    ("fer-mini-xception", &[1, 64, 64, 1], 2),
    ("fer-mini-xception", &[2, 64, 64, 1], 1),
    ("fer-mini-xception", &[2, 64, 64, 1], 2),
    ("fer-mini-xception", &[4, 64, 64, 1], 1),
    ("fer-mini-xception", &[4, 64, 64, 1], 2),
    ("mediapipe-face-mesh-468", &[1, 192, 192, 3], 1),
    ("mediapipe-face-mesh-468", &[1, 192, 192, 3], 2),
    ("sface-2021dec-int8", &[1, 3, 112, 112], 1),
    ("sface-2021dec-int8", &[1, 3, 112, 112], 2),
    ("faceres-age", &[1, 224, 224, 3], 1),
    ("faceres-age", &[1, 224, 224, 3], 2),
];

/// A case that prints as its name.
struct Case(&'static str, &'static [usize], usize);

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sizes: Vec<String> = self.1.iter().map(ToString::to_string).collect();
        write!(f, "{} {} t{}", self.0, sizes.join("x"), self.2)
    }
}

fn cases() -> impl Iterator<Item = Case> {
    CASES
        .iter()
        .map(|&(id, shape, threads)| Case(id, shape, threads))
}

/// One thread does the work, however many are allowed.
#[divan::bench(args = cases().filter(|case| case.2 == 1), max_time = 1.0)]
fn native(bencher: Bencher<'_, '_>, case: &Case) {
    run(bencher, case, &Native::new());
}

#[divan::bench(args = cases(), max_time = 1.0)]
fn rten(bencher: Bencher<'_, '_>, case: &Case) {
    run(bencher, case, &Rten);
}

/// Times nothing where the library is not found.
#[divan::bench(args = onnx_cases(), max_time = 1.0)]
fn onnxruntime(bencher: Bencher<'_, '_>, case: &Case) {
    if let Ok(runtime) = OnnxRuntime::find(&LibrarySearch::system(), Device::Cpu) {
        run(bencher, case, &runtime);
    }
}

fn onnx_cases() -> Vec<Case> {
    match OnnxRuntime::find(&LibrarySearch::system(), Device::Cpu) {
        Ok(_) => cases().collect(),
        Err(_) => Vec::new(),
    }
}

/// Time from file to network, of the smallest and the largest model.
#[divan::bench(args = ["yunet-2023mar", "sface-2021dec-int8"], max_time = 1.0)]
fn rten_load(bencher: Bencher<'_, '_>, id: &str) {
    let catalog = Catalog::open(None).expect("the built-in manifest is good");
    let bytes = catalog.bytes_of(id).expect("built in");
    bencher.bench_local(|| Rten.load(&bytes, &LoadOptions::default()));
}

#[divan::bench(args = ["yunet-2023mar", "sface-2021dec-int8"], max_time = 1.0)]
fn native_load(bencher: Bencher<'_, '_>, id: &str) {
    let catalog = Catalog::open(None).expect("the built-in manifest is good");
    let bytes = catalog.bytes_of(id).expect("built in");
    bencher.bench_local(|| Native::new().load(&bytes, &LoadOptions::default()));
}

fn run(bencher: Bencher<'_, '_>, case: &Case, runtime: &dyn Runtime) {
    let catalog = Catalog::open(None).expect("the built-in manifest is good");
    let bytes = catalog.bytes_of(case.0).expect("built in");
    let mut network = runtime
        .load(&bytes, &LoadOptions { threads: case.2 })
        .expect("the default set loads");
    let name = network.inputs()[0].name.clone();
    let n_values: usize = case.1.iter().product();
    let data = (0..n_values).map(|n| (n % 251) as f32).collect();
    let input = Tensor::new(case.1.to_vec(), data).expect("as many values as the shape");
    let mut outputs = Vec::new();
    bencher.bench_local(|| network.run_into(&[(&name, input.view())], &mut outputs));
}
