//! How well people are told apart: LFW's development sets, end to end with our own detector and alignment.
//!
//! Thresholds are chosen on DevTrain and judged on DevTest, whose people are others.

mod calibration;
mod curve;
mod lfw;
mod open_set;
mod scale_file;
mod tail;
mod unlinkability;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use regard_commitments::{Grant, Recognition};
use regard_domain::wilson;
use regard_identity::{GalleryTransform, MatchScale, TargetRate};

use self::curve::Scores;
use self::lfw::Set;
use super::Report;

/// Names of the lists, within `lfw/`.
const TRAIN: &str = "pairsDevTrain.txt";
const TEST: &str = "pairsDevTest.txt";

/// Measures LFW under `data`; nothing when it is not there. With `write`, also writes the scale of the model.
pub(crate) fn run(data: &Path, write: bool) -> Result<Option<Vec<Report>>> {
    let folder = data.join("lfw");
    let Some(train) = Set::read(&folder, TRAIN)? else {
        return Ok(None);
    };
    let test = Set::read(&folder, TEST)?.context("DevTrain is there and DevTest is not")?;
    let train_scores = Scores::of(&train)?;
    let test_scores = Scores::of(&test)?;
    let rows = tail::rows(&train_scores);
    let line = calibration::fit(&train_scores);
    if write {
        scale_file::write(&rows, &line, &train_scores)?;
    }
    let mut metrics = BTreeMap::new();
    let mut put = |name: &str, value: f64| metrics.insert(name.to_owned(), value);
    put("missed_faces", (train.n_missed + test.n_missed) as f64);
    pairs(&train, &test, &mut put)?;
    for (name, scores) in [("devtrain", &train_scores), ("devtest", &test_scores)] {
        for rate in [1e-3, 1e-4, 1e-5] {
            let threshold = scores.threshold(rate);
            put(&format!("{name}_threshold_{rate:e}"), threshold);
            let tmr = 1.0 - scores.fnmr(threshold);
            put(&format!("{name}_tmr_{rate:e}"), tmr);
        }
    }
    let built_in = MatchScale::built_in();
    for row in rows.iter().filter(|r| [1e-3, 1e-4, 1e-5].contains(&r.fmr)) {
        let rate = row.fmr;
        let measured = test_scores.fmr(row.threshold);
        put(&format!("devtest_fmr_at_devtrain_{rate:e}"), measured * 1e6);
        let target = TargetRate::new(rate).context("a rate in range")?;
        let stored = f64::from(built_in.threshold(target).similarity.get());
        let drift = (stored - row.threshold).abs();
        put(&format!("stored_threshold_drift_{rate:e}"), drift);
    }
    for row in rows.iter().filter(|r| r.is_extrapolated) {
        put(&format!("extrapolated_{:e}", row.fmr), row.threshold);
        put(&format!("extrapolated_{:e}_low", row.fmr), row.low);
        put(&format!("extrapolated_{:e}_high", row.fmr), row.high);
    }
    put("strangers_mean", train_scores.strangers_mean);
    put("strangers_deviation", train_scores.strangers_deviation);
    put("devtest_cllr", calibration::cllr(&line, &test_scores));
    put("devtest_ece", calibration::ece(&line, &test_scores));
    put("devtest_tmr_1e-4_templates", of_templates(&test)?);
    let faces = Report {
        name: "recognition-lfw".to_owned(),
        metrics,
        n: test.pairs.len() as u64,
    };
    Ok(Some(vec![
        faces,
        open_set::run(&train, &test)?,
        unlinkability::run(&test)?,
    ]))
}

/// The protocol: a threshold that divides DevTrain's pairs best, judged on those of DevTest.
fn pairs(train: &Set, test: &Set, put: &mut impl FnMut(&str, f64) -> Option<f64>) -> Result<()> {
    let scored = |set: &Set| -> Result<Vec<(f64, bool)>> {
        let key = Grant::<Recognition>::for_evaluation();
        let pairs = set.pairs.iter().map(|pair| {
            // A picture without a face matches nobody.
            let (Some(a), Some(b)) = (set.faces.get(&pair.a), set.faces.get(&pair.b)) else {
                return Ok((-1.0, pair.is_same));
            };
            Ok((f64::from(a.similarity(b, &key)?.get()), pair.is_same))
        });
        pairs.collect()
    };
    let (train, test) = (scored(train)?, scored(test)?);
    let right = |pairs: &[(f64, bool)], threshold: f64| {
        pairs
            .iter()
            .filter(|(s, is_same)| (*s >= threshold) == *is_same)
            .count() as u64
    };
    // Between two neighbours, not on one of them, as the threshold is to serve others.
    let mut sorted: Vec<f64> = train.iter().map(|(s, _)| *s).collect();
    sorted.sort_by(f64::total_cmp);
    let middles = sorted.windows(2).map(|w| f64::midpoint(w[0], w[1]));
    let chosen = middles
        .max_by_key(|t| right(&train, *t))
        .context("no pairs")?;
    let (n_right, n) = (right(&test, chosen), test.len() as u64);
    let (low, high) = wilson(n_right, n);
    put(
        "devtrain_accuracy",
        right(&train, chosen) as f64 / train.len() as f64,
    );
    put("devtrain_accuracy_threshold", chosen);
    put("devtest_accuracy", n_right as f64 / n as f64);
    put("devtest_accuracy_low", low);
    put("devtest_accuracy_high", high);
    Ok(())
}

/// The true match rate at a false match rate of 1e-4 of templates, rounded and turned, as galleries keep them.
fn of_templates(set: &Set) -> Result<f64> {
    let dimension = regard_identity::EMBEDDING_DIMENSION;
    let transform = GalleryTransform::from_key(&[3; 32], dimension).context("in range")?;
    let key = Grant::<Recognition>::for_evaluation();
    let templates: Vec<_> = set
        .faces
        .iter()
        .map(|((name, _), face)| Some((name.as_str(), transform.template(face)?)))
        .collect::<Option<_>>()
        .context("one dimension")?;
    let scores = Scores::collect(&templates, |a, b| {
        Ok(f64::from(a.similarity(b, &key)?.get()))
    })?;
    Ok(1.0 - scores.fnmr(scores.threshold(1e-4)))
}
