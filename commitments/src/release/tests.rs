use std::cell::RefCell;
use std::convert::Infallible;

use proptest::prelude::*;

use super::*;

/// Writes down what it is asked for, and adds what it is told to.
#[derive(Default)]
struct Told {
    more: i64,
    asked: RefCell<Vec<NoiseQuery>>,
    total: RefCell<Epsilon>,
}

impl Noise for Told {
    type Error = Infallible;
    fn add(&self, queries: &[NoiseQuery], total: Epsilon) -> Result<Vec<Vec<i64>>, Infallible> {
        *self.asked.borrow_mut() = queries.to_vec();
        *self.total.borrow_mut() = total;
        let noised = |query: &NoiseQuery| query.values.iter().map(|v| v + self.more).collect();
        Ok(queries.iter().map(noised).collect())
    }
}

fn day() -> Date {
    "2026-06-01".parse().unwrap()
}

fn visit() -> impl Strategy<Value = VisitFacts> {
    let secs = prop_oneof![
        Just(f32::NAN),
        Just(f32::INFINITY),
        Just(f32::NEG_INFINITY),
        -10.0_f32..1_000.0,
    ];
    let expression = prop::option::of(prop::sample::select(Expression::ALL.to_vec()));
    let looks = prop_oneof![0_u32..10, Just(u32::MAX)];
    (looks, secs.clone(), secs, expression).prop_map(
        |(n_looks, looked_secs, dwell_secs, expression)| VisitFacts {
            n_looks,
            looked_secs,
            dwell_secs,
            expression,
        },
    )
}

/// Cells of one camera with the visits that fell into each.
fn cells(visits: &[(usize, VisitFacts)], n_hours: usize) -> Vec<Cell> {
    let mut cells: Vec<Cell> = (0..n_hours)
        .map(|hour| Cell {
            camera: CameraId::new("door").unwrap(),
            hour: u8::try_from(hour).ok(),
            sums: VisitSums::default(),
        })
        .collect();
    for (hour, visit) in visits {
        cells[*hour].sums.add(&VisitSums::of(visit));
    }
    cells
}

fn asked(cells: &[Cell], detail: Detail) -> (Vec<NoiseQuery>, Epsilon) {
    let noise = Told::default();
    Release::make((day(), detail), Timestamp::from_millis(0), cells, &noise).unwrap();
    (noise.asked.take(), noise.total.take())
}

proptest! {
    /// The law that the noise rests on: a visit less moves each statistic by its sensitivity at most, over all cells.
    #[test]
    fn one_visit_moves_no_statistic_by_more_than_its_sensitivity(
        visits in prop::collection::vec((0_usize..25, visit()), 1..20),
        which in any::<prop::sample::Index>(),
    ) {
        let mut fewer = visits.clone();
        fewer.remove(which.index(visits.len()));
        let (with, _) = asked(&cells(&visits, 25), Detail::Hours);
        let (without, _) = asked(&cells(&fewer, 25), Detail::Hours);
        prop_assert_eq!(with.len(), Statistic::ALL.len());
        for (one, other) in with.iter().zip(&without) {
            prop_assert_eq!(one.values.len(), other.values.len());
            let distance: u64 = one.values.iter().zip(&other.values).map(|(a, b)| a.abs_diff(*b)).sum();
            prop_assert!(distance <= one.sensitivity, "{} > {}", distance, one.sensitivity);
        }
    }
}

/// The sensitivity is not merely large enough: some visit reaches it.
#[test]
fn the_sensitivities_are_reached() {
    let long = VisitFacts {
        n_looks: 100,
        looked_secs: 1e9,
        dwell_secs: 1e9,
        expression: Some(Expression::Happy),
    };
    let (queries, _) = asked(&cells(&[(0, long)], 1), Detail::Day);
    for (statistic, query) in Statistic::ALL.into_iter().zip(queries) {
        let sum: i64 = query.values.iter().sum();
        assert_eq!(sum.unsigned_abs(), statistic.sensitivity(), "{statistic:?}");
    }
}

#[test]
fn the_parts_cost_no_more_than_the_whole_and_both_details_cost_one() {
    for detail in Detail::ALL {
        let (queries, total) = asked(&cells(&[], 3), detail);
        let sum = queries
            .iter()
            .fold(Epsilon::ZERO, |sum, query| sum.plus(query.epsilon));
        assert_eq!((sum, total), (detail.cost(), detail.cost()));
        assert!(queries.iter().all(|query| query.epsilon > Epsilon::ZERO));
    }
    let both = Detail::Day.cost().plus(Detail::Hours.cost());
    assert_eq!(both.to_string(), "1");
}

fn released(n_visits: usize, more: i64) -> Release {
    let visits = vec![
        (
            0,
            VisitFacts {
                n_looks: 1,
                looked_secs: 2.0,
                dwell_secs: 6.0,
                expression: Some(Expression::Happy),
            }
        );
        n_visits
    ];
    let noise = Told {
        more,
        ..Told::default()
    };
    let at = Timestamp::from_millis(1);
    Release::make((day(), Detail::Day), at, &cells(&visits, 2), &noise).unwrap()
}

#[test]
fn what_is_told_is_what_the_noise_gave() {
    let release = released(20, 0);
    let sums = release.cells[0].sums.as_ref().unwrap();
    assert_eq!((sums.visits, sums.lookers, sums.looks), (20, 20, 20));
    assert_eq!(
        (sums.attention_millis, sums.mean_attention_millis),
        (40_000, 2_000)
    );
    assert_eq!(
        (sums.dwell_millis, sums.mean_dwell_millis),
        (120_000, 6_000)
    );
    assert_eq!(sums.expressions, [0, 20, 0, 0, 0, 0, 0]);
    assert_eq!(release.epsilon, Detail::Day.cost());
    let back: Release = serde_json::from_str(&serde_json::to_string(&release).unwrap()).unwrap();
    assert_eq!(back, release);
}

#[test]
fn small_cells_are_suppressed_by_their_noised_visits() {
    // Nobody came to the second cell; both are there all the same.
    assert_eq!(released(20, 0).cells[1].sums, None);
    assert_eq!(released(9, 0).cells[0].sums, None);
    assert!(released(9, 1).cells[0].sums.is_some(), "the noise decides");
    assert_eq!(released(10, -1).cells[0].sums, None);
    let shown = released(30, -20).cells[0].sums.clone().unwrap();
    assert_eq!(shown.visits, 10);
    assert_eq!(shown.expressions[0], 0, "never below nothing");
}

#[test]
fn a_table_has_every_cell_and_the_suppressed_ones_empty() {
    let text = released(20, 0).to_csv();
    let lines: Vec<&str> = text.split("\r\n").collect();
    assert_eq!(lines.len(), 4);
    assert!(
        lines[0].starts_with("day,detail,camera,hour,visits,") && lines[0].ends_with(",surprised")
    );
    assert_eq!(
        lines[1],
        "2026-06-01,day,door,0,20,20,20,40.000,2.000,120.000,6.000,0,20,0,0,0,0,0"
    );
    assert_eq!(lines[2], "2026-06-01,day,door,1,,,,,,,,,,,,,,");
    let n_fields = |line: &str| line.split(',').count();
    assert!(
        lines[..3]
            .iter()
            .all(|line| n_fields(line) == n_fields(lines[0]))
    );
}

#[test]
fn the_margin_is_that_of_the_distribution() {
    for detail in Detail::ALL {
        for level in released(1, 0).noise {
            let level = NoiseLevel::of(level.statistic, detail);
            let p = (-level.epsilon.as_f64() / level.sensitivity as f64).exp();
            // The tail of both sides beyond m: 2 p^(m+1) / (1 + p).
            let tail = |m: u64| 2.0 * p.powf(m as f64 + 1.0) / (1.0 + p);
            assert!(tail(level.margin_95) <= 0.05, "{level:?}");
            assert!(tail(level.margin_95 * 9 / 10) > 0.05, "{level:?}");
        }
    }
}

#[test]
fn names_agree_with_serialization_and_come_back() {
    for detail in Detail::ALL {
        assert_eq!(serde_json::to_value(detail).unwrap(), detail.as_str());
        assert_eq!(detail.as_str().parse(), Ok(detail));
    }
    for (place, statistic) in Statistic::ALL.into_iter().enumerate() {
        assert_eq!(serde_json::to_value(statistic).unwrap(), statistic.as_str());
        assert_eq!(statistic as usize, place);
    }
    let bad = "minutes".parse::<Detail>().unwrap_err().to_string();
    assert_eq!(bad, "\"minutes\" is not a detail; expected day or hours");
}
