//! Intervals hold the truth as often as they say. The sample of 1,000 logs is in `cargo xtask accuracy`.

use regard_evaluation::{
    BettingSequence, BoundTest, coverage_of_estimates, coverage_of_experiments,
    coverage_of_reports, coverage_while_peeking,
};

#[test]
fn intervals_hold_the_truth_as_often_as_they_say() {
    for row in coverage_of_estimates(120, 400, 1) {
        println!("{row:?}");
        // With 95 % or more, 105 of 120 are missed once in 2,000 tries.
        assert!(row.n == 120 && row.n_held >= 106, "{row:?}");
        assert!(row.width > 0.0 && row.width.is_finite());
    }
}

#[test]
fn sequences_hold_the_truth_however_often_one_looks() {
    for row in coverage_while_peeking(120, 500, 1) {
        assert!(row.n == 120 && row.n_held >= 106, "{row:?}");
    }
}

#[test]
fn experiments_hold_the_truth_of_all_messages_at_once() {
    for row in coverage_of_experiments(60, 400, 1) {
        // With 95 % or more, 51 of 60 or fewer hold it once in 500 tries.
        assert!(row.n == 60 && row.n_held >= 52, "{row:?}");
        assert!(row.width < 0.9, "something is known: {row:?}");
    }
}

#[test]
fn reports_hold_the_truth_of_few_plays_and_of_many() {
    for n_plays in [2, 15, 60, 300] {
        for row in coverage_of_reports(120, n_plays, 1) {
            let is_untold = n_plays < 20 && row.name.contains("attention");
            // Of two plays it may be that none was measured.
            let least = if n_plays == 2 { 80 } else { 115 };
            assert!((row.n >= least) != is_untold && row.n <= 120, "{row:?}");
            assert!(row.n_held * 120 >= row.n * 106, "{row:?}");
            assert!((row.width > 0.0) != is_untold, "{row:?}");
        }
    }
    // More plays, more known.
    for (few, many) in coverage_of_reports(60, 60, 2)
        .iter()
        .zip(coverage_of_reports(60, 600, 2))
    {
        if !few.name.contains("opportunities") {
            assert!(many.width < 0.6 * few.width, "{few:?} {many:?}");
        }
    }
}

#[test]
fn a_broken_bound_is_found_and_the_interval_shrinks() {
    let mut test = BoundTest::new(0.1, 0.01);
    let mut sequence = BettingSequence::new(0.05);
    for i in 0..400 {
        let value = f64::from(u8::from(i % 10 < 3));
        test.observe(value);
        sequence.observe(value);
    }
    let after = test.broken_after().unwrap();
    assert!(after < 200, "{after}");
    assert!(test.p_value() < 0.01);
    let interval = sequence.interval();
    assert!(
        interval.contains(0.3) && interval.high - interval.low < 0.2,
        "{interval:?}"
    );
    assert_eq!((sequence.n(), test.n()), (400, 400));
}
