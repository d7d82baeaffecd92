//! The built-in runtime beside ONNX Runtime: the same networks and inputs, by turns in one process.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use regard_inference::{
    Catalog, Device, LibrarySearch, LoadOptions, Network, OnnxRuntime, Rten, Runtime, Tensor,
    flush_to_zero,
};
use serde::Serialize;

/// The networks, with the shapes in which the live loop runs them; the last two are for recognition
/// and age, which no loop runs yet.
const CASES: [(&str, &[usize]); 10] = [
    ("yunet-2023mar", &[1, 3, 128, 128]),
    ("yunet-2023mar", &[1, 3, 192, 320]),
    ("yunet-2023mar", &[1, 3, 384, 640]),
    ("faceapi-expression", &[2, 3, 112, 112]),
    ("faceapi-expression", &[10, 3, 112, 112]),
    ("fer-mini-xception", &[2, 64, 64, 1]),
    ("fer-mini-xception", &[10, 64, 64, 1]),
    ("mediapipe-face-mesh-468", &[1, 192, 192, 3]),
    ("sface-2021dec-int8", &[1, 3, 112, 112]),
    ("faceres-age", &[1, 224, 224, 3]),
];

/// How long each network runs on both together, at least.
const TIME_PER_CASE: Duration = Duration::from_secs(4);

/// Fewest runs on each.
const MIN_RUNS: usize = 15;

/// Runs of each that are not counted.
const WARM_UP_RUNS: usize = 3;

/// One line of the table.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    network: &'static str,
    shape: Vec<usize>,
    /// Median milliseconds with one thread.
    rten_millis: f64,
    rival_millis: f64,
    /// Median of the ratios of neighbouring runs, rten over the rival: above 1 the rival is faster.
    ratio: f64,
    n: usize,
}

/// One network on one runtime with its input.
struct Contestant {
    network: Box<dyn Network>,
    name: String,
    outputs: Vec<Tensor>,
}

impl Contestant {
    fn load(runtime: &dyn Runtime, bytes: &[u8]) -> Result<Self> {
        let network = runtime.load(bytes, &LoadOptions { threads: 1 })?;
        let name = network.inputs()[0].name.clone();
        Ok(Self {
            network,
            name,
            outputs: Vec::new(),
        })
    }

    fn time(&mut self, input: &Tensor) -> Result<f64> {
        let began = Instant::now();
        self.network
            .run_into(&[(&self.name, input.view())], &mut self.outputs)?;
        Ok(began.elapsed().as_secs_f64() * 1e3)
    }
}

/// Compares all networks and prints a table; nothing but a line when the rival is not there.
pub(super) fn compare() -> Result<Vec<Row>> {
    flush_to_zero();
    let rival = match OnnxRuntime::find(&LibrarySearch::system(), Device::Cpu) {
        Ok(rival) => rival,
        Err(error) => {
            println!(
                "skipped: inference: {error}; pip install onnxruntime, or name the library in ORT_DYLIB_PATH"
            );
            return Ok(Vec::new());
        }
    };
    println!(
        "\nnetworks, one thread, median milliseconds: rten {}, ONNX Runtime {} ({})",
        Rten.description(),
        rival.version(),
        rival.path().display()
    );
    println!(
        "{:<26} {:<16} {:>8} {:>12} {:>7} {:>5}",
        "network", "input", "rten", "onnxruntime", "ratio", "n"
    );
    let catalog = Catalog::open(None)?;
    let mut rows = Vec::new();
    for (network, shape) in CASES {
        let bytes = catalog.bytes_of(network)?;
        let row = duel(network, shape, &bytes, &rival).with_context(|| network.to_owned())?;
        let sides: Vec<String> = shape.iter().map(ToString::to_string).collect();
        println!(
            "{:<26} {:<16} {:>8.2} {:>12.2} {:>7.2} {:>5}",
            network,
            sides.join("x"),
            row.rten_millis,
            row.rival_millis,
            row.ratio,
            row.n
        );
        rows.push(row);
    }
    println!(
        "ratio: rten over ONNX Runtime, median over neighbouring runs; above 1 the rival is faster"
    );
    Ok(rows)
}

fn duel(network: &'static str, shape: &[usize], bytes: &[u8], rival: &OnnxRuntime) -> Result<Row> {
    let n_values: usize = shape.iter().product();
    let data = (0..n_values).map(|n| (n % 251) as f32 / 251.0).collect();
    let input = Tensor::new(shape.to_vec(), data)?;
    let mut ours = Contestant::load(&Rten, bytes)?;
    let mut theirs = Contestant::load(rival, bytes)?;
    for _ in 0..WARM_UP_RUNS {
        ours.time(&input)?;
        theirs.time(&input)?;
    }
    let (mut our_millis, mut their_millis, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let began = Instant::now();
    while began.elapsed() < TIME_PER_CASE || ratios.len() < MIN_RUNS {
        // By turns, so that what else the machine does slows both alike.
        let (a, b) = (ours.time(&input)?, theirs.time(&input)?);
        our_millis.push(a);
        their_millis.push(b);
        ratios.push(a / b);
    }
    Ok(Row {
        network,
        shape: shape.to_vec(),
        rten_millis: median(&mut our_millis),
        rival_millis: median(&mut their_millis),
        n: ratios.len(),
        ratio: median(&mut ratios),
    })
}

/// The middle value; `NaN` for none.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
