//! The built-in runtimes beside ONNX Runtime: the same networks and inputs, by turns in one process.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use regard_inference::{
    Catalog, Device, LibrarySearch, LoadOptions, Native, Network, OnnxRuntime, Rten, Runtime,
    Tensor, flush_to_zero,
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

/// How long each network runs on all together, at least.
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
    native_millis: f64,
    rten_millis: f64,
    onnx_runtime_millis: Option<f64>,
    /// Median of the ratios of neighbouring runs, native over the other: below 1 native is faster.
    native_over_rten: f64,
    native_over_onnx_runtime: Option<f64>,
    n: usize,
}

/// One network on one runtime with its input.
struct Contestant {
    network: Box<dyn Network>,
    name: String,
    outputs: Vec<Tensor>,
    millis: Vec<f64>,
}

impl Contestant {
    fn load(runtime: &dyn Runtime, bytes: &[u8]) -> Result<Self> {
        let network = runtime.load(bytes, &LoadOptions { threads: 1 })?;
        let name = network.inputs()[0].name.clone();
        Ok(Self {
            network,
            name,
            outputs: Vec::new(),
            millis: Vec::new(),
        })
    }

    fn run(&mut self, input: &Tensor) -> Result<()> {
        let began = Instant::now();
        self.network
            .run_into(&[(&self.name, input.view())], &mut self.outputs)?;
        self.millis.push(began.elapsed().as_secs_f64() * 1e3);
        Ok(())
    }

    /// Median of this one's times over those of `other`, run by run.
    fn over(&self, other: &Self) -> f64 {
        let pairs = self.millis.iter().zip(&other.millis);
        median(pairs.map(|(own, other)| own / other).collect())
    }
}

/// Compares all networks and prints a table; the built-in runtimes alone when the rival is not there.
pub(super) fn compare() -> Result<Vec<Row>> {
    flush_to_zero();
    let rival = match OnnxRuntime::find(&LibrarySearch::system(), Device::Cpu) {
        Ok(rival) => Some(rival),
        Err(error) => {
            println!(
                "skipped: ONNX Runtime: {error}; pip install onnxruntime, or name the library in ORT_DYLIB_PATH"
            );
            None
        }
    };
    println!(
        "\nnetworks, one thread, median milliseconds: {}; {}; {}",
        Native::new().description(),
        Rten.description(),
        rival
            .as_ref()
            .map_or("no ONNX Runtime".to_owned(), Runtime::description)
    );
    println!(
        "{:<26} {:<16} {:>8} {:>8} {:>12} {:>6} {:>6} {:>5}",
        "network", "input", "native", "rten", "onnxruntime", "/rten", "/onnx", "n"
    );
    let catalog = Catalog::open(None)?;
    let mut rows = Vec::new();
    for (network, shape) in CASES {
        let bytes = catalog.bytes_of(network)?;
        let row =
            contest(network, shape, &bytes, rival.as_ref()).with_context(|| network.to_owned())?;
        print(&row);
        rows.push(row);
    }
    println!(
        "/rten, /onnx: native over the other, median over neighbouring runs; below 1 native is faster"
    );
    Ok(rows)
}

fn print(row: &Row) {
    let sides: Vec<String> = row.shape.iter().map(ToString::to_string).collect();
    let shown = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.2}"));
    println!(
        "{:<26} {:<16} {:>8.2} {:>8.2} {:>12} {:>6.2} {:>6} {:>5}",
        row.network,
        sides.join("x"),
        row.native_millis,
        row.rten_millis,
        shown(row.onnx_runtime_millis),
        row.native_over_rten,
        shown(row.native_over_onnx_runtime),
        row.n
    );
}

fn contest(
    network: &'static str,
    shape: &[usize],
    bytes: &[u8],
    rival: Option<&OnnxRuntime>,
) -> Result<Row> {
    let n_values: usize = shape.iter().product();
    let data = (0..n_values).map(|n| (n % 251) as f32 / 251.0).collect();
    let input = Tensor::new(shape.to_vec(), data)?;
    let mut native = Contestant::load(&Native::new(), bytes)?;
    let mut rten = Contestant::load(&Rten, bytes)?;
    let mut rival = rival
        .map(|rival| Contestant::load(rival, bytes))
        .transpose()?;
    let turn = |native: &mut Contestant, rten: &mut Contestant, rival: Option<&mut Contestant>| {
        // By turns, so that what else the machine does slows all alike.
        rten.run(&input)?;
        native.run(&input)?;
        rival.map_or(Ok(()), |rival| rival.run(&input))
    };
    for _ in 0..WARM_UP_RUNS {
        turn(&mut native, &mut rten, rival.as_mut())?;
    }
    for contestant in [&mut native, &mut rten].into_iter().chain(rival.as_mut()) {
        contestant.millis.clear();
    }
    let began = Instant::now();
    while began.elapsed() < TIME_PER_CASE || native.millis.len() < MIN_RUNS {
        turn(&mut native, &mut rten, rival.as_mut())?;
    }
    Ok(Row {
        network,
        shape: shape.to_vec(),
        native_over_rten: native.over(&rten),
        native_over_onnx_runtime: rival.as_ref().map(|rival| native.over(rival)),
        n: native.millis.len(),
        native_millis: median(native.millis),
        rten_millis: median(rten.millis),
        onnx_runtime_millis: rival.map(|rival| median(rival.millis)),
    })
}

/// The middle value; `NaN` for none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
