use super::super::chance::Chance;
use super::*;

/// A made-up example of one of three classes: what the head says of it is true, so that errors come from overlap alone.
fn example(chance: &mut Chance) -> (u32, Vec<f64>, Vec<f64>) {
    let class = chance.below(3);
    let scores: Vec<f64> = (0..3)
        .map(|c| 3.0 * chance.unit() + if c == class { 1.2 } else { 0.0 })
        .collect();
    let misfits = super::super::linear::log_probabilities(&scores, 1.0)
        .into_iter()
        .map(|log| -log)
        .collect();
    let distances = (0..3)
        .map(|c| chance.unit() * if c == class { 0.5 } else { 1.0 })
        .collect();
    (class as u32, misfits, distances)
}

fn case((class, misfits, distances): &(u32, Vec<f64>, Vec<f64>)) -> Case {
    let least = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min) as f32;
    Case {
        class: *class,
        taken_for: 0,
        misfit: misfits[*class as usize] as f32,
        distance: distances[*class as usize] as f32,
        doubt: least(misfits),
        nearest: least(distances),
    }
}

/// Probability that a binomial count is at least `k`, by summing up its terms.
fn binomial_tail(n: u64, p: f64, k: u64) -> f64 {
    let mut log_term = n as f64 * (1.0 - p).ln();
    let mut sum = 0.0;
    for i in 0..=n {
        if i >= k {
            sum += log_term.exp();
        }
        log_term += ((n - i) as f64 / (i + 1) as f64).ln() + (p / (1.0 - p)).ln();
    }
    sum
}

#[test]
fn the_promised_error_holds_over_a_thousand_draws() {
    for (error, n_calibrating) in [(0.1, 60), (0.01, 400), (0.01, 99), (0.001, 1_500)] {
        for promise in [Promise::Overall, Promise::EachClass] {
            let mut chance = Chance::new(17, n_calibrating as u64);
            let (mut n_missed, n_draws) = (0, 1_000);
            for _ in 0..n_draws {
                let cases = (0..n_calibrating)
                    .map(|_| case(&example(&mut chance)))
                    .collect();
                let calibration = Calibration::new(cases, 3);
                let (class, misfits, distances) = example(&mut chance);
                let verdict = calibration.judge(&misfits, &distances, error, promise);
                n_missed += u64::from(!verdict.set.contains(&class));
            }
            // As many misses or more would come by chance in less than one of a thousand, if the promise were just kept.
            let tail = binomial_tail(n_draws, error, n_missed);
            assert!(
                tail > 1e-3,
                "error {error}, n {n_calibrating}, {promise:?}: {n_missed} missed"
            );
        }
    }
}

/// Where only the misfit counts and the best class is not spared, the share that a calibration covers is drawn from a Beta
/// distribution that is known exactly.
#[test]
fn coverage_is_distributed_as_theory_has_it() {
    let (n, error, n_runs) = (49, 0.1, 4_000);
    let mut chance = Chance::new(23, 0);
    let mut covered = Vec::new();
    for _ in 0..n_runs {
        let mut sorted: Vec<f32> = (0..n).map(|_| chance.unit() as f32).collect();
        sorted.sort_by(f32::total_cmp);
        let ranks = (error * f64::from(n + 1)) as usize;
        // Scores are uniform: what is covered is where the first excluding score begins.
        let limit = (0..=1_000)
            .map(|i| i as f32 / 1_000.0)
            .find(|score| Ordered::rank(&sorted, *score) <= ranks)
            .unwrap_or(1.0);
        covered.push(f64::from(limit));
    }
    let mean = covered.iter().sum::<f64>() / covered.len() as f64;
    let variance = covered.iter().map(|c| (c - mean).powi(2)).sum::<f64>() / covered.len() as f64;
    // Beta(45, 5): the 45th of 49 uniform scores.
    let (a, b) = (45.0, 5.0);
    assert!((mean - a / (a + b)).abs() < 0.004, "{mean}");
    let expected = a * b / ((a + b) * (a + b) * (a + b + 1.0));
    assert!(
        (variance / expected - 1.0).abs() < 0.15,
        "{variance} {expected}"
    );
}

#[test]
fn too_few_examples_promise_nothing_and_say_so() {
    assert_eq!(
        [0.5, 0.1, 0.05, 0.01, 0.001].map(n_to_promise),
        [1, 9, 19, 99, 999]
    );
    let mut chance = Chance::new(3, 0);
    for (n, can) in [(98, false), (99, true)] {
        let cases = (0..n).map(|_| case(&example(&mut chance))).collect();
        let calibration = Calibration::new(cases, 3);
        assert_eq!(
            calibration.least_error(Promise::Overall) <= 0.01,
            can,
            "{n}"
        );
        let verdict =
            calibration.judge(&[0.001, 9.0, 9.0], &[0.1, 0.9, 0.9], 0.01, Promise::Overall);
        assert_eq!(verdict.decision.is_ok(), can, "{n}: {verdict:?}");
        if !can {
            assert_eq!(verdict.set, [0, 1, 2]);
            assert_eq!(verdict.decision, Err(Abstention::TooFewExamples));
        }
    }
}

#[test]
fn what_is_like_nothing_is_not_decided() {
    let mut chance = Chance::new(4, 0);
    for n in [30, 150, 1_000] {
        let cases = (0..n).map(|_| case(&example(&mut chance))).collect();
        let calibration = Calibration::new(cases, 3);
        let verdict =
            calibration.judge(&[1e-4, 9.0, 9.5], &[1.5, 1.5, 1.6], 0.05, Promise::Overall);
        assert_eq!(verdict.decision, Err(Abstention::LikeNone), "{n}");
        if n > 50 {
            assert_eq!(verdict.set, [0_u32; 0], "{n}");
        }
    }
}

#[test]
fn a_smaller_error_never_shrinks_the_set() {
    let mut chance = Chance::new(5, 0);
    let cases = (0..500).map(|_| case(&example(&mut chance))).collect();
    let calibration = Calibration::new(cases, 3);
    for _ in 0..300 {
        let (_, misfits, distances) = example(&mut chance);
        let mut last = 0;
        for error in [0.3, 0.1, 0.03, 0.01, 0.003, 0.001] {
            let set = calibration
                .judge(&misfits, &distances, error, Promise::Overall)
                .set;
            assert!(set.len() >= last, "{error}");
            last = set.len();
        }
    }
}

#[test]
fn ranks_are_shared_out_and_never_exceed_the_error() {
    for n in 0..3_000 {
        for error in [0.2, 0.1, 0.05, 0.01, 0.001] {
            let ranks = Ranks::of(n, error);
            let spent = (ranks.n_misfit + ranks.n_far) as f64 / (n + 1) as f64;
            assert!(spent <= error + 1e-9);
            assert_eq!(ranks.n_misfit > 0, n >= n_to_promise(error), "{n} {error}");
        }
    }
}
