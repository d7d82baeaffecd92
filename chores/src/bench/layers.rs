//! Where the time of each built-in network goes, beside what the processor could do at most.

use std::time::Instant;

use anyhow::{Context, Result};
use regard_inference::{Catalog, Native, Profiler, Runtime, StepTime, Tensor};
use serde::Serialize;

use super::inference::CASES;

/// Runs of each network; of each step the fastest counts.
const N_RUNS: usize = 60;

/// Steps that take less than this share of a network are told together.
const SMALL: f64 = 0.02;

/// One step, or several of a kind that take little.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Layer {
    network: &'static str,
    shape: Vec<usize>,
    label: String,
    kind: String,
    micros: f64,
    giga_multiplications_per_sec: f64,
    /// Of what one core does in registers.
    percent_of_peak: f64,
    /// What ends it earlier at best: `arithmetic` or `memory`.
    bound: &'static str,
}

/// What one core can do at most.
struct Peak {
    multiplications_per_sec: f64,
    /// How fast it reads so many bytes that it has read before, from little to much.
    bytes_per_sec: Vec<(u64, f64)>,
}

impl Peak {
    fn of(runtime: Native, now: &dyn Fn() -> f64) -> Self {
        let sizes = (15..=27).step_by(2).map(|bits| 1_u64 << bits);
        Self {
            multiplications_per_sec: runtime.multiplications_per_sec(now),
            bytes_per_sec: sizes
                .map(|n| (n, runtime.bytes_per_sec(n as usize, now)))
                .collect(),
        }
    }

    /// Seconds that reading so many bytes takes at least.
    fn secs_to_read(&self, n_bytes: u64) -> f64 {
        let found = self.bytes_per_sec.iter().find(|(n, _)| *n >= n_bytes);
        let found = found.or(self.bytes_per_sec.last());
        found.map_or(0.0, |(_, per_sec)| n_bytes as f64 / per_sec)
    }
}

/// Share of what one core does in registers that the steps of a network reach which multiply, in percent.
pub(super) fn percent_of_peak(bytes: &[u8], shape: &[usize], now: &dyn Fn() -> f64) -> Result<f64> {
    let runtime = Native::new();
    let peak = runtime.multiplications_per_sec(now);
    Ok(convolving(&steps(runtime, bytes, shape, now)?) / peak * 100.0)
}

/// Multiplications a second of the steps that have any.
fn convolving(steps: &[StepTime]) -> f64 {
    let those = steps.iter().filter(|step| step.n_multiplications > 0);
    let (n, secs) = those.fold((0, 0.0), |(n, secs), step| {
        (n + step.n_multiplications, secs + step.secs)
    });
    n as f64 / secs
}

/// Times the networks whose name contains that and prints a table.
pub(super) fn layers(only: &str) -> Result<Vec<Layer>> {
    let runtime = Native::new();
    let began = Instant::now();
    let now = || began.elapsed().as_secs_f64();
    let peak = Peak::of(runtime, &now);
    println!(
        "\nsteps of the networks, one thread, {}; one core: {:.1} GMAC/s in registers",
        runtime.description(),
        peak.multiplications_per_sec / 1e9,
    );
    for (n_bytes, per_sec) in &peak.bytes_per_sec {
        let (kib, giga) = (n_bytes >> 10, per_sec / 1e9);
        println!("reads {kib} KiB again and again at {giga:.0} GB/s");
    }
    let catalog = Catalog::open(None)?;
    let mut layers = Vec::new();
    for (network, shape) in CASES.into_iter().filter(|(name, _)| name.contains(only)) {
        let bytes = catalog.bytes_of(network)?;
        let steps = steps(runtime, &bytes, shape, &now).with_context(|| network.to_owned())?;
        layers.extend(table((network, shape), &steps, &peak));
    }
    Ok(layers)
}

fn steps(
    runtime: Native,
    bytes: &[u8],
    shape: &[usize],
    now: &dyn Fn() -> f64,
) -> Result<Vec<StepTime>> {
    let n_values: usize = shape.iter().product();
    let data = (0..n_values).map(|n| (n % 251) as f32 / 251.0).collect();
    let input = Tensor::new(shape.to_vec(), data)?;
    let mut profiler = Profiler::load(runtime, bytes)?;
    let name = profiler.input().to_owned();
    Ok(profiler.run(&[(&name, input.view())], N_RUNS, now)?)
}

/// Prints the steps of one network.
fn table(
    (network, shape): (&'static str, &[usize]),
    steps: &[StepTime],
    peak: &Peak,
) -> Vec<Layer> {
    let all: f64 = steps.iter().map(|step| step.secs).sum();
    let multiplications: u64 = steps.iter().map(|step| step.n_multiplications).sum();
    let sides: Vec<String> = shape.iter().map(ToString::to_string).collect();
    println!(
        "\n{network} {}: {:.3} ms in {} steps, {:.1} million multiplications; convolutions {:.0} % of peak",
        sides.join("x"),
        all * 1e3,
        steps.len(),
        multiplications as f64 / 1e6,
        convolving(steps) / peak.multiplications_per_sec * 100.0
    );
    println!(
        "{:<34} {:<30} {:>8} {:>6} {:>7} {:>6}  bound",
        "step", "kind", "us", "share", "GMAC/s", "peak"
    );
    let (large, small): (Vec<&StepTime>, Vec<&StepTime>) =
        steps.iter().partition(|step| step.secs >= SMALL * all);
    let mut layers: Vec<Layer> = large
        .iter()
        .map(|step| layer((network, shape), step, peak))
        .collect();
    if !small.is_empty() {
        let rest = StepTime {
            label: format!("{} more", small.len()),
            kind: String::new(),
            n_multiplications: small.iter().map(|step| step.n_multiplications).sum(),
            n_bytes: small.iter().map(|step| step.n_bytes).sum(),
            secs: small.iter().map(|step| step.secs).sum(),
        };
        layers.push(layer((network, shape), &rest, peak));
    }
    for layer in &layers {
        println!(
            "{:<34} {:<30} {:>8.1} {:>4.0} % {:>7.1} {:>4.0} %  {}",
            layer.label,
            layer.kind,
            layer.micros,
            layer.micros / all / 1e4,
            layer.giga_multiplications_per_sec,
            layer.percent_of_peak,
            layer.bound
        );
    }
    layers
}

fn layer((network, shape): (&'static str, &[usize]), step: &StepTime, peak: &Peak) -> Layer {
    let per_sec = step.n_multiplications as f64 / step.secs;
    let in_registers = step.n_multiplications as f64 / peak.multiplications_per_sec;
    let reading = peak.secs_to_read(step.n_bytes);
    let tail = step.label.chars().rev().take(34).collect::<Vec<_>>();
    Layer {
        network,
        shape: shape.to_vec(),
        label: tail.into_iter().rev().collect(),
        kind: step.kind.clone(),
        micros: step.secs * 1e6,
        giga_multiplications_per_sec: per_sec / 1e9,
        percent_of_peak: per_sec / peak.multiplications_per_sec * 100.0,
        bound: if in_registers >= reading {
            "arithmetic"
        } else {
            "memory"
        },
    }
}
