use regard_domain::Timestamp;
use regard_engine::HistoryPoint;

use super::curve::ago;
use super::*;
use crate::wire::CountInterval;
use crate::wire::Interval;
use crate::wire::ReportRow;

fn point(secs: i64, attention: Option<f32>) -> HistoryPoint {
    HistoryPoint {
        at: Timestamp::from_millis(secs * 1_000),
        n_visitors: 2.0,
        attention,
        expression: attention.map(|a| [a, 1.0 - a, 0.0, 0.0, 0.0, 0.0, 0.0]),
    }
}

/// A parser of its own reads every drawing: what is not XML is no picture.
fn check(svg: &str) {
    let clean = crate::assets::is_drawing(svg.as_bytes());
    assert!(clean, "{svg}");
    assert!(svg.contains("<title>"), "{svg}");
}

#[test]
fn curves_break_where_nobody_was_measured() {
    let points = vec![
        point(0, Some(0.1)),
        point(1, Some(0.2)),
        point(2, None),
        point(3, Some(0.3)),
        point(20, Some(0.4)),
    ];
    let curve = Curve {
        points,
        now: Timestamp::from_millis(30_000),
        minutes: 1,
    };
    let parts = curve.stretches(|p| p.attention);
    let lens: Vec<usize> = parts.iter().map(Vec::len).collect();
    assert_eq!(lens, [2, 1, 1]);
    assert_eq!(parts[0][0].0, -0.5);
}

#[test]
fn every_plot_is_a_drawing_even_of_nothing() {
    let now = Timestamp::from_millis(300_000);
    let points: Vec<HistoryPoint> = (0..300)
        .map(|i| point(i, (i % 7 > 0).then_some(0.5)))
        .collect();
    for theme in [Theme::Light, Theme::Dark] {
        for points in [points.clone(), Vec::new()] {
            let minutes = 5;
            let curve = Curve {
                points,
                now,
                minutes,
            };
            check(&attention(&curve, theme).unwrap());
            check(&expression(&curve, theme).unwrap());
        }
        check(&messages(&[], theme).unwrap());
        let interval = Interval {
            mean: Some(2.0),
            low: Some(1.0),
            high: Some(9.0),
            n: 4,
        };
        let row = ReportRow {
            campaign: None,
            creative: "<&>\"'".to_owned(),
            plays: 4,
            shown_secs: 40.0,
            opportunities: CountInterval {
                count: Some(3.0),
                low: Some(2.0),
                high: Some(4.0),
                n: 3,
            },
            attention_secs: interval,
            smile_lift: interval,
            dwell_secs: interval,
        };
        check(&messages(&[row], theme).unwrap());
    }
}

#[test]
fn times_read_well() {
    for (minutes, text) in [
        (0.0, "now"),
        (-0.5, "−30 s"),
        (-1.0, "−1 min"),
        (-1.5, "−1:30"),
    ] {
        assert_eq!(ago(minutes), text);
    }
}

#[test]
fn errors_beyond_what_was_counted_are_dashed() {
    let rate = |value: f64| regard_identity::Rate {
        value,
        low: value / 2.0,
        high: 2.0 * value,
        is_extrapolated: false,
    };
    let point = |decade: i32, is_extrapolated| ErrorPoint {
        x: 10.0_f64.powi(decade),
        missed: rate(0.01 * f64::from(-decade)),
        is_extrapolated,
    };
    let counted: Vec<ErrorPoint> = (1..6).map(|decade| point(-decade, false)).collect();
    let beyond: Vec<ErrorPoint> = (1..6).map(|decade| point(-decade, decade > 3)).collect();
    let lines = |points: &[ErrorPoint]| {
        let svg = det(points, &[(points[1], true)], Theme::Light).unwrap();
        check(&svg);
        svg.matches("<polyline").count()
    };
    // Two of four stretches in pieces of six.
    assert_eq!(lines(&beyond) - lines(&counted), 10);
    for theme in [Theme::Light, Theme::Dark] {
        check(&open_set(&[], &[], theme).unwrap());
    }
}
