//! Every estimator beside the Open Bandit Pipeline; `tools/evaluation/reference.py` made its outputs.

use std::collections::BTreeMap;

use regard_evaluation::{Case, Estimator, Sample, cross_fitted};
use serde::Deserialize;

/// Largest difference to the package.
const TOLERANCE: f64 = 1e-8;

fn fixture(name: &str) -> String {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../testkit/fixtures/evaluation"
    );
    std::fs::read_to_string(format!("{folder}/{name}")).unwrap()
}

#[derive(Deserialize)]
struct MadeUp {
    context: Vec<Vec<f64>>,
    action: Vec<usize>,
    reward: Vec<f64>,
    propensity: Vec<f64>,
    evaluation: Vec<Vec<f64>>,
    fold: Vec<usize>,
    expected_rewards: Vec<Vec<f64>>,
    expected_rewards_without_folds: Vec<Vec<f64>>,
    estimates: BTreeMap<String, f64>,
}

fn made_up() -> (MadeUp, Vec<Sample>, Vec<Case>) {
    let log: MadeUp = serde_json::from_str(&fixture("made-up.json")).unwrap();
    let n = log.action.len();
    let n_actions = log.evaluation[0].len();
    let one_hot = |k| {
        (0..n_actions)
            .map(|i| f64::from(u8::from(i == k)))
            .collect()
    };
    let options: Vec<Vec<f64>> = (0..n_actions).map(one_hot).collect();
    let sample = |i: usize| Sample {
        action: log.action[i],
        reward: log.reward[i],
        propensity: log.propensity[i],
        target: log.evaluation[i].clone(),
    };
    let case = |i: usize| Case {
        context: log.context[i].clone(),
        options: options.clone(),
        action: log.action[i],
        reward: log.reward[i],
    };
    let samples = (0..n).map(sample).collect();
    let cases = (0..n).map(case).collect();
    (log, samples, cases)
}

fn assert_near(found: &[Vec<f64>], expected: &[Vec<f64>]) {
    for (found, expected) in found.iter().flatten().zip(expected.iter().flatten()) {
        assert!((found - expected).abs() < TOLERANCE, "{found} {expected}");
    }
    assert_eq!(found.len(), expected.len());
}

#[test]
fn rewards_are_modelled_on_the_same_folds() {
    let (log, _, cases) = made_up();
    assert_near(&cross_fitted(&cases, &log.fold), &log.expected_rewards);
    let one_fold = vec![0; cases.len()];
    let whole = cross_fitted(&cases, &one_fold);
    assert_near(&whole, &log.expected_rewards_without_folds);
}

#[test]
fn every_estimator_says_what_the_package_says() {
    let (log, samples, cases) = made_up();
    let expected = cross_fitted(&cases, &log.fold);
    let estimators = [
        ("ips", Estimator::Ips),
        ("snips", Estimator::Snips),
        ("dm", Estimator::Dm),
        ("dr", Estimator::Dr),
        ("sndr", Estimator::Sndr),
        ("switch_dr_2", Estimator::SwitchDr { tau: 2.0 }),
        ("dros_10", Estimator::Dros { lambda: 10.0 }),
    ];
    assert_eq!(estimators.len(), log.estimates.len());
    for (name, estimator) in estimators {
        let (found, wanted) = (estimator.value(&samples, &expected), log.estimates[name]);
        assert!(
            (found - wanted).abs() < TOLERANCE,
            "{name}: {found} {wanted}"
        );
    }
}

#[test]
fn open_bandit_from_random_to_thompson_sampling() {
    #[derive(Deserialize)]
    struct Thompson {
        propensity: f64,
        distribution_by_position: Vec<Vec<f64>>,
        estimates: BTreeMap<String, f64>,
    }
    let thompson: Thompson = serde_json::from_str(&fixture("obd-bts-all.json")).unwrap();
    let rows = fixture("obd-random-all.csv");
    let sample = |line: &str| {
        let mut fields = line.split(',').map(|f| f.parse::<usize>().unwrap());
        let mut next = || fields.next().unwrap();
        let (action, position, click) = (next(), next(), next());
        Sample {
            action,
            reward: click as f64,
            propensity: thompson.propensity,
            target: thompson.distribution_by_position[position].clone(),
        }
    };
    let samples: Vec<Sample> = rows.lines().skip(1).map(sample).collect();
    assert_eq!(samples.len(), 10_000);
    let none = vec![vec![0.0; 80]; samples.len()];
    for (name, estimator, published) in [
        ("ips", Estimator::Ips, 0.004_553),
        ("snips", Estimator::Snips, 0.004_776),
    ] {
        let found = estimator.value(&samples, &none);
        let wanted = thompson.estimates[name];
        assert!(
            (found - wanted).abs() < TOLERANCE,
            "{name}: {found} {wanted}"
        );
        assert!(
            (found - published).abs() < 5e-7,
            "{name}: {found} {published}"
        );
    }
}
