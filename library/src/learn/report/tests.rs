use super::super::curve::{Curve, CurvePoint};
use super::super::findings::{ClassTest, Doubt, ReliabilityBin, Tested};
use super::*;

fn findings() -> Findings {
    Findings {
        classes: vec!["cola".to_owned(), "<b>water".to_owned()],
        n_of_class: vec![1_200, 40],
        unread: vec![("a/b.jpg".to_owned(), "the image is cut short".to_owned())],
        n_unread: 1,
        n_passed_over: 2,
        n_duplicates: 3,
        contradictions: Vec::new(),
        network: ("builtin:descriptor".to_owned(), 685),
        tried: Vec::new(),
        temperature: 0.07,
        n_taught: 700,
        n_calibrating: 310,
        n_moved: 0,
        error: 0.01,
        promise: Promise::Overall,
        least_error: 1.0 / 311.0,
        n_needed: None,
        short_classes: Vec::new(),
        tested: Tested {
            n: 186,
            n_wrong: 4,
            n_missed: 1,
            n_decided: 170,
            n_decided_wrong: 1,
            abstained: [15, 1, 0, 0],
            calibration_error: 0.021,
            bins: vec![ReliabilityBin {
                n: 186,
                said: 0.97,
                right: 0.98,
            }],
            confusions: vec![(0, 1, 3), (1, 0, 1)],
            of_class: vec![
                ClassTest {
                    n: 180,
                    n_wrong: 3,
                    n_decided: 166,
                    n_decided_wrong: 1,
                },
                ClassTest {
                    n: 6,
                    n_wrong: 1,
                    n_decided: 4,
                    n_decided_wrong: 0,
                },
            ],
        },
        curve: Curve {
            points: vec![
                CurvePoint { n: 100, error: 0.2 },
                CurvePoint {
                    n: 400,
                    error: 0.08,
                },
                CurvePoint {
                    n: 1_240,
                    error: 0.02,
                },
            ],
            law: Some((13.0, 0.9)),
            target: 0.999,
            needed: Needed::About {
                n: 31_400.0,
                low: 12_000.0,
                high: None,
            },
        },
        doubts: vec![Doubt {
            name: "photos/cola/\"x\".jpg".to_owned(),
            class: "cola".to_owned(),
            taken_for: "<b>water".to_owned(),
            probability: 0.0004,
        }],
        n_doubts: 1,
    }
}

#[test]
fn the_page_says_what_was_found_and_loads_nothing() {
    let page = report_page(&findings(), "Drinks <2026>", &mut |_| None);
    for text in [
        "Drinks &lt;2026&gt;",
        "&lt;b&gt;water",
        "photos/cola/&quot;x&quot;.jpg",
        "You would need about 31,000 photographs for 99.9 % right",
        "12,000 to more than a hundred times",
        "3 photographs are the same as another",
        "the image is cut short",
        "<svg",
    ] {
        assert!(page.contains(text), "{text}");
    }
    assert!(!page.contains("<b>water") && !page.contains("<img"));
    // Nothing is fetched: the only address is the name of the drawing's language.
    let without = page.replace("http://www.w3.org/2000/svg", "");
    assert!(!without.contains("http") && !without.contains("src="));
    let asked = report_page(&findings(), "x", &mut |name| {
        Some(format!("data:{}", name.len()))
    });
    assert!(
        asked.contains("<img alt=\"\" src=\"data:19\">"),
        "pictures come when asked for"
    );
}

#[test]
fn numbers_are_written_as_people_do() {
    assert_eq!(
        [0.0, 0.5, 0.0123, 0.00004].map(percent),
        ["0 %", "50 %", "1.23 %", "0.004 %"]
    );
    assert_eq!(
        [7.0, 1_234.0, 9_876_543.0].map(grouped),
        ["7", "1,234", "9,876,543"]
    );
    assert_eq!([7.2, 43.0, 31_412.0].map(rounded), ["7", "43", "31,000"]);
}

#[test]
fn what_stands_in_the_way_is_said_with_numbers() {
    let mut short = findings();
    (short.n_calibrating, short.least_error, short.n_needed) = (40, 1.0 / 41.0, Some(396));
    let text = obstacles(&short).join("\n");
    assert!(
        text.contains("an error of 1 % needs 99: about 396 photographs in all"),
        "{text}"
    );
    assert!(
        text.contains("the least that can be promised is 2.44 %"),
        "{text}"
    );
}
