use super::*;
use crate::learn::chance::Chance;
use crate::learn::linear::greatest;

/// Three clouds that overlap, in seven dimensions of unequal spread.
fn clouds(n: usize, seed: u64) -> (Table, Vec<u32>) {
    let mut chance = Chance::new(seed, 0);
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    for index in 0..n {
        let label = (index % 3) as u32;
        for dim in 0..7 {
            let noise: f64 = (0..6).map(|_| chance.unit() - 0.5).sum();
            let shift = if dim as u32 == label { 1.0 } else { 0.0 };
            values.push(((noise + shift) * f64::from(1 + dim)) as f32 + 3.0);
        }
        labels.push(label);
    }
    (Table::new(7, values).unwrap(), labels)
}

fn all(n: usize) -> Vec<u32> {
    (0..n as u32).collect()
}

fn problem<'a>(table: &'a Table, labels: &'a [u32], n_threads: usize) -> Problem<'a> {
    Problem {
        table,
        labels,
        n_classes: 3,
        penalty: 1e-3,
        n_threads,
    }
}

#[test]
fn the_gradient_is_that_of_the_loss() {
    let (raw, labels) = clouds(60, 3);
    let table = Scaling::of(&raw, &all(60))
        .unwrap()
        .table(&raw, &all(60))
        .unwrap();
    let problem = problem(&table, &labels, 1);
    let mut chance = Chance::new(5, 0);
    let at: Vec<f64> = (0..24).map(|_| chance.unit() - 0.5).collect();
    let mut gradient = vec![0.0; 24];
    problem.loss(&at, &mut gradient);
    for index in 0..24 {
        let beside = |by: f64| {
            let mut moved = at.clone();
            moved[index] += by;
            problem.loss(&moved, &mut [0.0; 24])
        };
        let slope = (beside(1e-2) - beside(-1e-2)) / 2e-2;
        assert!(
            (slope - gradient[index]).abs() < 2e-4,
            "{index}: {slope} {}",
            gradient[index]
        );
    }
}

#[test]
fn at_the_end_there_is_no_slope_left_whatever_the_threads() {
    let (raw, labels) = clouds(600, 4);
    let scaling = Scaling::of(&raw, &all(600)).unwrap();
    let table = scaling.table(&raw, &all(600)).unwrap();
    let mut found = Vec::new();
    for n_threads in [1, 3] {
        let problem = problem(&table, &labels, n_threads);
        let mut weights = Weights::zero(3, 7);
        fit(&problem, &mut weights);
        let mut gradient = vec![0.0; 24];
        problem.loss(&weights.values, &mut gradient);
        let steepest = gradient.iter().fold(0.0_f64, |a, g| a.max(g.abs()));
        assert!(steepest < 2e-3, "{steepest}");
        found.push(weights);
    }
    assert_eq!(found[0], found[1]);
}

#[test]
fn the_head_does_on_plain_rows_what_the_weights_do_on_scaled_ones() {
    let (raw, labels) = clouds(300, 6);
    let scaling = Scaling::of(&raw, &all(300)).unwrap();
    let table = scaling.table(&raw, &all(300)).unwrap();
    let mut weights = Weights::zero(3, 7);
    fit(&problem(&table, &labels, 1), &mut weights);
    let head = scaling.head(&weights);
    let mut n_right = 0;
    for (index, label) in labels.iter().enumerate() {
        let plain = head.scores(raw.row(index));
        let scaled = table.row(index);
        for (class, score) in plain.iter().enumerate() {
            let own = &weights.values[class * 8..][..8];
            let sum: f64 = own.iter().zip(scaled).map(|(w, x)| w * f64::from(*x)).sum();
            assert!((sum + own[7] - score).abs() < 1e-3);
        }
        n_right += usize::from(greatest(&plain) == *label as usize);
    }
    // The clouds lie one deviation and a half apart: about four of five can be told.
    assert!((210..300).contains(&n_right), "{n_right}");
}

#[test]
fn small_batches_end_where_the_whole_does() {
    let (raw, labels) = clouds(6_000, 8);
    let scaling = Scaling::of(&raw, &all(6_000)).unwrap();
    let table = scaling.table(&raw, &all(6_000)).unwrap();
    let problem = problem(&table, &labels, 2);
    let mut best = Weights::zero(3, 7);
    fit(&problem, &mut best);
    // From a fit on a part, as it is done.
    let part = scaling.table(&raw, &all(300)).unwrap();
    let mut batched = Weights::zero(3, 7);
    let of_part = Problem {
        table: &part,
        labels: &labels[..300],
        ..problem
    };
    fit(&of_part, &mut batched);
    let begun = problem.loss(&batched.values, &mut [0.0; 24]);
    let chosen = all(6_000);
    fit_in_batches(
        &raw,
        (&chosen, &labels),
        &scaling,
        (&mut batched, 1e-3),
        1,
        9,
    )
    .unwrap();
    let loss = |weights: &Weights| problem.loss(&weights.values, &mut [0.0; 24]);
    let (whole, batches) = (loss(&best), loss(&batched));
    assert!(
        batches < whole * 1.005,
        "{batches} against {whole}, from {begun}"
    );
    assert!(
        batches < f64::midpoint(whole, begun),
        "{batches} against {whole}, from {begun}"
    );
    let narrow: Vec<f32> = best.values.iter().map(|w| *w as f32).collect();
    let by_hand: f64 = (0..6_000)
        .map(|i| batches::loss_of(&narrow, table.row(i), labels[i], 3))
        .sum();
    assert!(by_hand / 6_000.0 < whole);
}
