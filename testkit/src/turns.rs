//! Contestants that do the same work by turns, so that whatever else the machine does falls on all of them alike.
#![expect(
    clippy::print_stdout,
    reason = "for benches, which talk to the terminal"
)]

mod python;

use std::time::{Duration, Instant};

use anyhow::Result;

pub use self::python::{Python, onnx_runtime_folder, use_python};

/// Turns that are not counted.
const WARM_UP: usize = 2;

/// Fewest turns that are counted.
const MIN_TURNS: usize = 7;

/// One contestant of one case.
#[derive(Clone, Debug)]
pub struct Row {
    /// Who.
    pub who: String,
    /// Median of a turn.
    pub millis: f64,
    /// A quarter of the turns took less: nearer to what it takes with nothing else at work.
    pub lower_quartile_millis: f64,
    /// Median of the ratios of neighbouring turns, the first contestant's over this.
    pub first_over_this: f64,
    /// Turns that were counted.
    pub n: usize,
}

/// One that takes turns.
pub struct Contestant<'a> {
    name: String,
    turn: Box<dyn FnMut() -> Result<f64> + 'a>,
    millis: Vec<f64>,
}

impl<'a> Contestant<'a> {
    /// One in this process; the milliseconds are those of the call. Errors are the work's own.
    pub fn own(name: &str, mut work: impl FnMut() -> Result<()> + 'a) -> Self {
        let turn = move || {
            let began = Instant::now();
            work()?;
            Ok(began.elapsed().as_secs_f64() * 1e3)
        };
        Self {
            name: name.to_owned(),
            turn: Box::new(turn),
            millis: Vec::new(),
        }
    }

    /// One in a Python process of its own by a script of `tools/bench`, if that Python has the modules; otherwise says what
    /// is missing.
    pub fn rival(name: &str, modules: &str, script: &str, args: &[String]) -> Option<Self> {
        if !Python::has(modules) {
            println!(
                "  skipped: {name}: needs the Python modules {modules}; name that Python in REGARD_PYTHON"
            );
            return None;
        }
        match Python::start(script, args) {
            Ok(mut python) => Some(Self {
                name: format!("{name} {}", python.version()),
                turn: Box::new(move || python.turn()),
                millis: Vec::new(),
            }),
            Err(error) => {
                println!("  skipped: {name}: {error:#}; see tools/bench/{script}");
                None
            }
        }
    }
}

/// Lets them take turns for so long, prints a table, and tells what came of it; the first is the one compared with.
///
/// # Errors
/// The first that anybody has.
pub fn by_turns(
    case: &str,
    mut contestants: Vec<Contestant<'_>>,
    at_least: Duration,
) -> Result<Vec<Row>> {
    println!("{case}");
    let began = Instant::now();
    for turn in 0.. {
        if turn >= WARM_UP + MIN_TURNS && began.elapsed() > at_least {
            break;
        }
        for contestant in &mut contestants {
            let millis = (contestant.turn)()?;
            if turn >= WARM_UP {
                contestant.millis.push(millis);
            }
        }
    }
    let first = contestants.first().map(|c| c.millis.clone());
    let first = first.unwrap_or_default();
    let rows = contestants.into_iter().map(|contestant| {
        let ratios = first.iter().zip(&contestant.millis);
        Row {
            who: contestant.name,
            millis: median(contestant.millis.clone()),
            lower_quartile_millis: lower_quartile(contestant.millis.clone()),
            first_over_this: median(ratios.map(|(own, other)| own / other).collect()),
            n: contestant.millis.len(),
        }
    });
    let rows: Vec<Row> = rows.collect();
    for row in &rows {
        println!(
            "  {:<34} {:>9.3} ({:.3})  lower quartile {:>9.3}  n {}",
            row.who, row.millis, row.first_over_this, row.lower_quartile_millis, row.n
        );
    }
    Ok(rows)
}

/// The middle value; `NaN` for none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The value below which a quarter lies; `NaN` for none.
pub fn lower_quartile(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 4).copied().unwrap_or(f64::NAN)
}
