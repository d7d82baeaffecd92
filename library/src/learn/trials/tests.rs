use super::super::linear::normalize;
use super::*;

/// A small version of what `cargo xtask accuracy --only conformal` measures: clouds that overlap, so that there are errors.
#[test]
fn misses_stay_below_what_was_promised_over_many_splits() {
    let (n, n_classes, dim) = (600, 3, 12);
    let mut chance = Chance::new(41, 0);
    let labels: Vec<u32> = (0..n).map(|i| i % n_classes).collect();
    let mut values = Vec::new();
    for label in &labels {
        let mut row: Vec<f32> = (0..dim)
            .map(|d| {
                let noise: f64 = (0..4).map(|_| chance.unit() - 0.5).sum();
                (0.9 * noise) as f32 + if d == *label { 1.0 } else { 0.0 }
            })
            .collect();
        assert!(normalize(&mut row));
        values.extend(row);
    }
    let table = Table::new(dim as usize, values).unwrap();
    let asked = [
        (0.1, Promise::Overall),
        (0.02, Promise::Overall),
        (0.1, Promise::EachClass),
    ];
    let trials = split_trials(&table, &labels, n_classes as usize, &asked, (300, 1, 1)).unwrap();
    for ((error, promise), trial) in asked.iter().zip(&trials) {
        let ratio = trial.missed / error;
        assert!(ratio <= 1.05, "{error} {promise:?}: {trial:?}");
        assert!(
            trial.decided_wrong <= 2.0 * error,
            "{error} {promise:?}: {trial:?}"
        );
    }
    // Not by abstaining always, nor by promising more than was asked for.
    assert!(
        trials[0].decided > 0.3 && trials[0].missed > 0.02,
        "{:?}",
        trials[0]
    );
    assert!(split_trials(&table, &labels[..3], 3, &asked, (1, 1, 1)).is_err());
}
