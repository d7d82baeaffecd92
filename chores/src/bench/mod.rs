//! `cargo xtask bench`: how fast it is, beside what was promised and beside rivals.

mod browser;
mod bulk;
mod case;
mod faces;
mod inference;
mod layers;
mod load;
mod openvino;
mod process;
mod simulation;
mod table;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use regard_inference::RuntimeChoice;

use self::case::{Case, CaseReport};
use xtask::run::{cargo, must};

/// Longest time from capture to glass, for 95 % of the changes at 640 x 480 and 1920 x 1080 with 30
/// frames a second on two cores, in milliseconds. Origin: the promise of the design.
const PROMISED_P95_MILLIS: f64 = 150.0;

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Subject {
    /// From a frame's capture to the change on the screen, with 1 to 5 faces, and four cameras at once.
    Loop,
    /// The networks on the built-in runtimes, on ONNX Runtime and on OpenVINO, by turns.
    Inference,
    /// The steps of the networks on the native runtime, beside what the processor could do at most.
    Layers,
    /// Loading the networks on the built-in runtimes and ONNX Runtime, by turns.
    Load,
    /// The policies beside VowpalWabbit: regret on the same streams, time of a decision.
    Policies,
    /// The whole path from a frame to what its faces show, beside MediaPipe and OpenCV, by turns.
    Faces,
    /// Photographs of 12 megapixels decoded and searched, beside OpenCV, by turns; the whole program with one worker and two.
    Bulk,
    /// Searches among a million to ten million templates beside faiss, usearch and OpenCV; one verification from a JPEG on.
    Gallery,
    /// One among a million persons takes back or is erased, by the whole engine and by its files alone; fails past one second.
    Custody,
    /// `regard simulate` of every policy, over real time.
    Simulation,
    /// The rooms' own benches of deciding, tracking and storing.
    Rooms,
}

/// What the networks of `loop` run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LoopRuntime {
    Native,
    Rten,
}

impl LoopRuntime {
    const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Rten => "rten",
        }
    }

    const fn choice(self) -> RuntimeChoice {
        match self {
            Self::Native => RuntimeChoice::Native,
            Self::Rten => RuntimeChoice::Rten,
        }
    }
}

/// How to measure.
#[derive(Args)]
pub(crate) struct BenchArgs {
    /// What; everything when nothing is named.
    #[arg(value_enum)]
    subjects: Vec<Subject>,
    /// How long each case of `loop` runs, in seconds.
    #[arg(long, default_value_t = 60)]
    secs: u64,
    /// Only the cases of `loop` and `gallery` whose name contains this, such as `1920x1080` or `curve`.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Only galleries of up to so many templates in `gallery`: to see that everything runs.
    #[arg(long, value_name = "N")]
    most: Option<usize>,
    /// Let a headless Chromium play the screen in the cases of `loop`.
    #[arg(long)]
    browser: bool,
    /// The runtime of `loop`.
    #[arg(long, value_enum, default_value = "native")]
    runtime: LoopRuntime,
    /// The Python that has the packages of the rivals: onnxruntime, openvino, mediapipe, opencv. Else that of
    /// `REGARD_PYTHON`, else `python3`.
    #[arg(long, value_name = "FILE")]
    python: Option<PathBuf>,
    /// Only the networks of `inference`, `layers` and `load` whose name contains this.
    #[arg(long, value_name = "TEXT")]
    network: Option<String>,
    /// How many photographs each run of the whole program in `bulk` looks at.
    #[arg(long, default_value_t = 64, value_name = "N")]
    photos: usize,
    /// Write what was measured into this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Fail when 95 % within 150 ms is not kept by `loop`, or a goal is missed by `inference`,
    /// `load`, `bulk` or `simulation`.
    #[arg(long)]
    check: bool,
    /// Run one case in this process and print it as JSON; how `loop` calls itself.
    #[arg(long, hide = true, value_name = "NAME")]
    case: Option<String>,
}

/// Measures, prints tables, and fails only where `--check` says so.
///
/// # Errors
/// When something cannot be built or run, or a promise is checked and not kept.
pub(crate) fn bench(args: &BenchArgs) -> Result<()> {
    if cfg!(debug_assertions) {
        return again_for_release();
    }
    if let Some(name) = &args.case {
        let case = Case::named(name)?;
        let report = case::run(&case, args.secs, (args.browser, args.runtime.choice()))?;
        println!("{}", serde_json::to_string(&report)?);
        return Ok(());
    }
    if let Some(python) = &args.python {
        regard_testkit::turns::use_python(python);
    }
    let network = args.network.as_deref().unwrap_or_default();
    let wants = |subject| args.subjects.is_empty() || args.subjects.contains(&subject);
    let mut written = serde_json::Map::new();
    println!("{}", process::machine());
    let mut broken = Vec::new();
    if wants(Subject::Loop) {
        let reports = run_cases(args)?;
        broken.extend(reports.iter().filter_map(broken_promise));
        written.insert("loop".to_owned(), serde_json::to_value(reports)?);
    }
    if wants(Subject::Inference) {
        let rows = inference::compare(network)?;
        broken.extend(rows.iter().filter_map(inference::Row::missed_goal));
        written.insert("inference".to_owned(), serde_json::to_value(rows)?);
    }
    if wants(Subject::Load) {
        let rows = load::compare(network, inference::onnx_runtime().as_ref())?;
        broken.extend(rows.iter().filter_map(load::Row::missed_goal));
        written.insert("load".to_owned(), serde_json::to_value(rows)?);
    }
    if wants(Subject::Layers) {
        let layers = layers::layers(network)?;
        written.insert("layers".to_owned(), serde_json::to_value(layers)?);
    }
    if wants(Subject::Faces) {
        let rows = faces::compare()?;
        written.insert("faces".to_owned(), serde_json::to_value(rows)?);
    }
    if wants(Subject::Bulk) {
        let rows = bulk::compare()?;
        broken.extend(rows.iter().filter_map(bulk::Row::missed_goal));
        written.insert("bulk".to_owned(), serde_json::to_value(rows)?);
        let whole = bulk::compare_whole(args.photos)?;
        broken.extend(whole.iter().filter_map(bulk::Whole::missed_goal));
        written.insert("bulk_whole".to_owned(), serde_json::to_value(whole)?);
    }
    if wants(Subject::Simulation) {
        let rows = simulation::simulate()?;
        broken.extend(rows.iter().filter_map(simulation::Row::missed_goal));
        written.insert("simulation".to_owned(), serde_json::to_value(rows)?);
    }
    benches_of_rooms(args, wants)?;
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&written)?;
        std::fs::write(path, text).with_context(|| format!("{}", path.display()))?;
    }
    ensure!(
        !args.check || broken.is_empty(),
        "promises were not kept:\n  {}",
        broken.join("\n  ")
    );
    Ok(())
}

/// What the rooms measure themselves, as cargo runs it.
fn benches_of_rooms(args: &BenchArgs, wants: impl Fn(Subject) -> bool) -> Result<()> {
    if wants(Subject::Policies) {
        let bench = [
            "bench",
            "--package",
            "regard-evaluation",
            "--bench",
            "policies",
        ];
        must("policies", cargo().args(bench))?;
    }
    if wants(Subject::Gallery) {
        let mut bench = cargo();
        bench.args([
            "bench",
            "--package",
            "regard-identity",
            "--features",
            "hnsw",
        ]);
        bench.args(["--bench", "gallery", "--"]).args(&args.only);
        if let Some(most) = args.most {
            bench.env("REGARD_BENCH_MOST", most.to_string());
        }
        must("gallery", &mut bench)?;
    }
    if wants(Subject::Custody) {
        for package in ["regard-engine", "regard-backends"] {
            let bench = ["bench", "--package", package, "--bench", "custody"];
            must(package, cargo().args(bench))?;
        }
    }
    if wants(Subject::Rooms) {
        for package in ["regard-decision", "regard-audience", "regard-backends"] {
            must(package, cargo().args(["bench", "--package", package]))?;
        }
    }
    Ok(())
}

/// Figures of an unoptimised build mean nothing: the same call, built for release.
fn again_for_release() -> Result<()> {
    let mut release = cargo();
    release.args(["run", "--release", "--quiet", "--package", "chores", "--"]);
    release.args(std::env::args_os().skip(1));
    must("release build of the benches", &mut release)
}

/// Each case in a process of its own, so that its memory is its own.
fn run_cases(args: &BenchArgs) -> Result<Vec<CaseReport>> {
    let mut reports = Vec::new();
    if args.browser && !browser::is_found() {
        println!("skipped: loop in a browser: chromium not found");
        return Ok(reports);
    }
    println!("{}", table::head(args.browser));
    let only = args.only.as_deref().unwrap_or_default();
    for case in Case::all().into_iter().filter(|c| c.name().contains(only)) {
        // A browser plays one screen; four cameras are about what is dropped.
        if args.browser && case.n_cameras > 1 {
            continue;
        }
        let mut child = Command::new(std::env::current_exe()?);
        child.args(["bench", "--case", &case.name()]);
        child.args(["--secs", &args.secs.to_string()]);
        child.args(["--runtime", args.runtime.name()]);
        if args.browser {
            child.arg("--browser");
        }
        let output = child.stderr(std::process::Stdio::inherit()).output()?;
        ensure!(
            output.status.success(),
            "case {} failed ({})",
            case.name(),
            output.status
        );
        let report: CaseReport = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("what case {} printed", case.name()))?;
        println!("{}", table::line(&report));
        reports.push(report);
    }
    println!("{}", table::foot());
    Ok(reports)
}

/// A promise this case does not keep, in words; four cameras are promised no latency.
fn broken_promise(report: &CaseReport) -> Option<String> {
    let p95 = report.to_screen.p95_millis;
    let is_promised = report.n_cameras == 1;
    (is_promised && (report.to_screen.n == 0 || p95 > PROMISED_P95_MILLIS)).then(|| {
        format!(
            "{}: 95 % within {p95:.0} ms (n = {}), promised {PROMISED_P95_MILLIS} ms",
            report.name, report.to_screen.n
        )
    })
}
