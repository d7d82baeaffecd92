//! The built-in runtimes beside ONNX Runtime and OpenVINO: the same networks and inputs, by turns.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use regard_inference::{
    Catalog, Device, LibrarySearch, LoadOptions, Native, Network, OnnxRuntime, Rten, Runtime,
    Tensor, flush_to_zero,
};
use regard_testkit::turns::{lower_quartile, median, onnx_runtime_folder};
use serde::Serialize;

use super::layers::percent_of_peak;
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

/// Fewest turns of each.
const MIN_TURNS: usize = 15;

/// Turns of each that are not counted.
const WARM_UP_TURNS: usize = 3;

/// Threads that work on one run together.
const THREADS: [usize; 2] = [1, 2];

/// Most of ONNX Runtime's time: of the networks of the loop and of the embedder, and of the others.
/// Origin: the goal of the native runtime.
const GOALS: (f64, f64) = (1.0, 1.5);

/// What may take as long as the second of those.
const SLOWER: &str = "faceres-age";

/// Most of the fastest rival's time, and least share of the peak over the convolutions, in percent, of detector and
/// embedder with one thread. Origin: as above.
const GOALS_OF_FASTEST: (f64, f64) = (1.1, 50.0);

/// Those two.
const FASTEST: [&str; 2] = ["yunet-2023mar", "sface-2021dec-int8"];

/// One line of the table.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    network: &'static str,
    shape: Vec<usize>,
    threads: usize,
    /// Median and lower quartile.
    native_millis: f64,
    native_quartile_millis: f64,
    /// Of what one core does in registers, over the steps that multiply, in percent; with one thread.
    convolutions_percent_of_peak: Option<f64>,
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
    /// The same of the lower quartiles, which what else runs on the machine disturbs less.
    quartiles_native_over_this: f64,
}

impl Row {
    /// A goal that was not reached, in words; measured with what disturbs less.
    pub(super) fn missed_goal(&self) -> Option<String> {
        let most = if self.network == SLOWER {
            GOALS.1
        } else {
            GOALS.0
        };
        let ratio = |rival: &Rival| rival.quartiles_native_over_this;
        let onnx = self.rivals.iter().find(|rival| rival.name == "onnxruntime");
        let is_fastest = self.threads == 1 && FASTEST.contains(&self.network);
        let worst = self.rivals.iter().map(ratio).fold(0.0, f64::max);
        let share = self.convolutions_percent_of_peak.unwrap_or(100.0);
        let missed = if let Some(onnx) = onnx.filter(|onnx| ratio(onnx) > most) {
            format!("{:.2} times ONNX Runtime, goal {most}", ratio(onnx))
        } else if is_fastest && worst > GOALS_OF_FASTEST.0 {
            format!("{worst:.2} times the fastest, goal {}", GOALS_OF_FASTEST.0)
        } else if is_fastest && share < GOALS_OF_FASTEST.1 {
            format!("{share:.0} % of the peak, goal {}", GOALS_OF_FASTEST.1)
        } else {
            return None;
        };
        let (network, shape) = (self.network, sides(&self.shape));
        Some(format!(
            "{network} {shape}, {} threads: {missed}",
            self.threads
        ))
    }
}

/// Takes its turn: two runs, and the milliseconds the second took. The first wakes the threads and fills the caches, which
/// others have used meanwhile, and outlasts those of the one before that still look for work.
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
        let inputs = [(self.input.as_str(), input.view())];
        self.network.run_into(&inputs, &mut self.outputs)?;
        let began = Instant::now();
        self.network.run_into(&inputs, &mut self.outputs)?;
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
            quartiles_native_over_this: lower_quartile(native.millis.clone())
                / lower_quartile(self.millis.clone()),
        }
    }
}

/// ONNX Runtime where its library or its Python package is found; else says what to do.
pub(super) fn onnx_runtime() -> Option<OnnxRuntime> {
    let mut search = LibrarySearch::system();
    search.folders.extend(onnx_runtime_folder());
    match OnnxRuntime::find(&search, Device::Cpu) {
        Ok(onnx) => Some(onnx),
        Err(error) => {
            println!(
                "skipped: ONNX Runtime: {error}; pip install onnxruntime and name that Python (--python), or the library in ORT_DYLIB_PATH"
            );
            None
        }
    }
}

/// Compares the networks whose name contains that and prints a table; the built-in runtimes alone where the rivals are not
/// there.
pub(super) fn compare(only: &str) -> Result<Vec<Row>> {
    flush_to_zero();
    let onnx = onnx_runtime();
    let has_openvino = OpenVino::is_found();
    if !has_openvino {
        println!("skipped: OpenVINO: pip install openvino and name that Python (--python)");
    }
    println!(
        "\nnetworks, median milliseconds; in brackets native over the other, median over neighbouring turns / of the lower quartiles: below 1 native is faster\n{}; {}; {}",
        Native::new().description(),
        Rten.description(),
        onnx.as_ref()
            .map_or("no ONNX Runtime".to_owned(), Runtime::description)
    );
    println!(
        "{:<24} {:<12} {:>7} {:>7} {:>6} {:>19} {:>19} {:>19} {:>5}",
        "network", "input", "threads", "native", "peak %", "rten", "onnxruntime", "openvino", "n"
    );
    let catalog = Catalog::open(None)?;
    let began = Instant::now();
    let now = || began.elapsed().as_secs_f64();
    let mut rows = Vec::new();
    for (network, shape) in CASES.into_iter().filter(|(name, _)| name.contains(only)) {
        let bytes = catalog.bytes_of(network)?;
        for threads in THREADS {
            let rivals = (onnx.as_ref(), has_openvino);
            let mut row = contest((network, shape), &bytes, threads, rivals)
                .with_context(|| network.to_owned())?;
            if threads == 1 {
                let share = percent_of_peak(&bytes, shape, &now)?;
                row.convolutions_percent_of_peak = Some(share);
            }
            print(&row);
            rows.push(row);
        }
    }
    for missed in rows.iter().filter_map(Row::missed_goal) {
        println!("goal missed: {missed}");
    }
    Ok(rows)
}

/// Sides with a cross between them.
fn sides(shape: &[usize]) -> String {
    let sides: Vec<String> = shape.iter().map(ToString::to_string).collect();
    sides.join("x")
}

fn print(row: &Row) {
    let of = |name: &str| {
        let found = row.rivals.iter().find(|rival| rival.name == name);
        found.map_or("-".to_owned(), |rival| {
            format!(
                "{:.2} ({:.2}/{:.2})",
                rival.millis, rival.native_over_this, rival.quartiles_native_over_this
            )
        })
    };
    let share = row.convolutions_percent_of_peak;
    println!(
        "{:<24} {:<12} {:>7} {:>7.3} {:>6} {:>19} {:>19} {:>19} {:>5}",
        row.network,
        sides(&row.shape),
        row.threads,
        row.native_millis,
        share.map_or(String::new(), |share| format!("{share:.0}")),
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
    for _ in 0..WARM_UP_TURNS {
        for contestant in &mut all {
            contestant.turn.turn(&input)?;
        }
    }
    let began = Instant::now();
    while began.elapsed() < TIME_PER_CASE || all[0].millis.len() < MIN_TURNS {
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
        native_quartile_millis: lower_quartile(native.millis.clone()),
        convolutions_percent_of_peak: None,
        rivals: all[1..].iter().map(|one| one.as_rival(native)).collect(),
        n: native.millis.len(),
    })
}
