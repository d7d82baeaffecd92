//! The built-in runtimes beside ONNX Runtime and OpenVINO: the same networks and inputs, by turns.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use regard_inference::{
    Catalog, Device, LibrarySearch, LoadOptions, Native, Network, OnnxRuntime, Rten, Runtime,
    Tensor, flush_to_zero,
};
use regard_testkit::turns::median;
use serde::Serialize;

use super::openvino::OpenVino;

/// The networks, with the shapes in which the live loop runs them; the last two are for recognition
/// and age, which no loop runs yet.
pub(super) const CASES: [(&str, &[usize]); 11] = [
    ("yunet-2023mar", &[1, 3, 128, 128]),
    ("yunet-2023mar", &[1, 3, 192, 320]),
    ("yunet-2023mar", &[1, 3, 320, 320]),
    ("yunet-2023mar", &[1, 3, 384, 640]),
    ("faceapi-expression", &[2, 3, 112, 112]),
    ("faceapi-expression", &[10, 3, 112, 112]),
    ("fer-mini-xception", &[2, 64, 64, 1]),
    ("fer-mini-xception", &[10, 64, 64, 1]),
    ("mediapipe-face-mesh-468", &[1, 192, 192, 3]),
    ("sface-2021dec-int8", &[1, 3, 112, 112]),
    ("faceres-age", &[1, 224, 224, 3]),
];

/// How long each network runs on all together, at least.
const TIME_PER_CASE: Duration = Duration::from_secs(4);

/// Fewest runs on each.
const MIN_RUNS: usize = 15;

/// Runs of each that are not counted.
const WARM_UP_RUNS: usize = 3;

/// Threads that work on one run together.
const THREADS: [usize; 2] = [1, 2];

/// One line of the table.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    network: &'static str,
    shape: Vec<usize>,
    threads: usize,
    native_millis: f64,
    /// The others that could be had.
    rivals: Vec<Rival>,
    n: usize,
}

/// Another runtime beside the native one.
#[derive(Clone, Debug, Serialize)]
struct Rival {
    name: &'static str,
    /// Median.
    millis: f64,
    /// Median of the ratios of neighbouring runs, native over this: below 1 native is faster.
    native_over_this: f64,
}

/// Takes its turn: one run, and the milliseconds it took.
trait Turn {
    fn turn(&mut self, input: &Tensor) -> Result<f64>;
}

/// A network in this process.
struct Loaded {
    network: Box<dyn Network>,
    input: String,
    outputs: Vec<Tensor>,
}

impl Loaded {
    fn new(runtime: &dyn Runtime, bytes: &[u8], threads: usize) -> Result<Self> {
        let network = runtime.load(bytes, &LoadOptions { threads })?;
        Ok(Self {
            input: network.inputs()[0].name.clone(),
            network,
            outputs: Vec::new(),
        })
    }
}

impl Turn for Loaded {
    fn turn(&mut self, input: &Tensor) -> Result<f64> {
        let began = Instant::now();
        self.network
            .run_into(&[(&self.input, input.view())], &mut self.outputs)?;
        Ok(began.elapsed().as_secs_f64() * 1e3)
    }
}

impl Turn for OpenVino {
    fn turn(&mut self, _: &Tensor) -> Result<f64> {
        self.run()
    }
}

/// One network on one runtime with what was measured.
struct Contestant {
    name: &'static str,
    turn: Box<dyn Turn>,
    millis: Vec<f64>,
}

impl Contestant {
    fn new(name: &'static str, turn: impl Turn + 'static) -> Self {
        Self {
            name,
            turn: Box::new(turn),
            millis: Vec::new(),
        }
    }

    fn as_rival(&self, native: &Self) -> Rival {
        let pairs = native.millis.iter().zip(&self.millis);
        Rival {
            name: self.name,
            millis: median(self.millis.clone()),
            native_over_this: median(pairs.map(|(own, other)| own / other).collect()),
        }
    }
}

/// Compares all networks and prints a table; the built-in runtimes alone where the rivals are not there.
pub(super) fn compare() -> Result<Vec<Row>> {
    flush_to_zero();
    let onnx = match OnnxRuntime::find(&LibrarySearch::system(), Device::Cpu) {
        Ok(onnx) => Some(onnx),
        Err(error) => {
            println!(
                "skipped: ONNX Runtime: {error}; pip install onnxruntime, or name the library in ORT_DYLIB_PATH"
            );
            None
        }
    };
    let has_openvino = OpenVino::is_found();
    if !has_openvino {
        println!(
            "skipped: OpenVINO: not found; pip install openvino, and name that Python in REGARD_PYTHON"
        );
    }
    println!(
        "\nnetworks, median milliseconds; in brackets native over the other, median over neighbouring runs: below 1 native is faster\n{}; {}; {}",
        Native::new().description(),
        Rten.description(),
        onnx.as_ref()
            .map_or("no ONNX Runtime".to_owned(), Runtime::description)
    );
    println!(
        "{:<26} {:<14} {:>7} {:>7}  {:>15} {:>15} {:>15} {:>5}",
        "network", "input", "threads", "native", "rten", "onnxruntime", "openvino", "n"
    );
    let catalog = Catalog::open(None)?;
    let mut rows = Vec::new();
    for (network, shape) in CASES {
        let bytes = catalog.bytes_of(network)?;
        for threads in THREADS {
            let rivals = (onnx.as_ref(), has_openvino);
            let row = contest((network, shape), &bytes, threads, rivals)
                .with_context(|| network.to_owned())?;
            print(&row);
            rows.push(row);
        }
    }
    Ok(rows)
}

fn print(row: &Row) {
    let sides: Vec<String> = row.shape.iter().map(ToString::to_string).collect();
    let of = |name: &str| {
        let found = row.rivals.iter().find(|rival| rival.name == name);
        found.map_or("-".to_owned(), |rival| {
            format!("{:.2} ({:.2})", rival.millis, rival.native_over_this)
        })
    };
    println!(
        "{:<26} {:<14} {:>7} {:>7.2}  {:>15} {:>15} {:>15} {:>5}",
        row.network,
        sides.join("x"),
        row.threads,
        row.native_millis,
        of("rten"),
        of("onnxruntime"),
        of("openvino"),
        row.n
    );
}

fn contest(
    (network, shape): (&'static str, &[usize]),
    bytes: &[u8],
    threads: usize,
    (onnx, has_openvino): (Option<&OnnxRuntime>, bool),
) -> Result<Row> {
    let n_values: usize = shape.iter().product();
    let data = (0..n_values).map(|n| (n % 251) as f32 / 251.0).collect();
    let input = Tensor::new(shape.to_vec(), data)?;
    let mut all = vec![
        Contestant::new("native", Loaded::new(&Native::new(), bytes, threads)?),
        Contestant::new("rten", Loaded::new(&Rten, bytes, threads)?),
    ];
    if let Some(onnx) = onnx {
        let loaded = Loaded::new(onnx, bytes, threads)?;
        all.push(Contestant::new("onnxruntime", loaded));
    }
    if has_openvino {
        let rival = OpenVino::start(bytes, shape, threads)?;
        all.push(Contestant::new("openvino", rival));
    }
    for _ in 0..WARM_UP_RUNS {
        for contestant in &mut all {
            contestant.turn.turn(&input)?;
        }
    }
    let began = Instant::now();
    while began.elapsed() < TIME_PER_CASE || all[0].millis.len() < MIN_RUNS {
        // By turns, so that what else the machine does slows all alike.
        for contestant in &mut all {
            let millis = contestant.turn.turn(&input)?;
            contestant.millis.push(millis);
        }
    }
    let native = &all[0];
    Ok(Row {
        network,
        shape: shape.to_vec(),
        threads,
        native_millis: median(native.millis.clone()),
        rivals: all[1..].iter().map(|one| one.as_rival(native)).collect(),
        n: native.millis.len(),
    })
}
