use super::*;

fn timeline() -> Timeline {
    let wave = |name: &str, n: usize| TimelineCurve {
        name: name.to_owned(),
        label: format!("<{name}>"),
        range: (-1.0, 1.0),
        points: (0..n)
            .map(|i| {
                let at = i as f64 * 10.0 / n as f64;
                (at, (i % 50 != 7).then(|| (at * 2.0).sin()))
            })
            .collect(),
    };
    Timeline {
        title: "a \"film\" & more.mp4".to_owned(),
        video: Some("a film.mp4\" onerror=\"x".to_owned()),
        secs: 10.0,
        tracks: vec![TimelineTrack {
            name: "face 1".to_owned(),
            curves: vec![wave("valence", 100), wave("blink", 20_000)],
            events: vec![TimelineEvent {
                curve: "blink".to_owned(),
                kind: "movement".to_owned(),
                what: "blink".to_owned(),
                secs: (2.0, 2.1, 2.3),
                height: 0.9,
                probability: None,
                details: "=HYPERLINK(1), \"quoted\"".to_owned(),
            }],
        }],
        notes: vec!["note <b>".to_owned()],
    }
}

#[test]
fn a_page_carries_its_curves_and_lets_nobody_break_out() {
    let page = timeline().to_html();
    assert!(page.contains("data-secs=\"10.0000\"") && page.contains("class=\"cursor\""));
    assert!(
        page.contains("video.currentTime"),
        "the cursor follows the video"
    );
    assert!(
        !page.contains("<b>") && !page.contains("onerror=\"x"),
        "escaped"
    );
    assert!(page.contains("None of it says what anybody feels"));
    assert_eq!(page.matches("<svg").count(), 1);
    // No address but the video's.
    assert_eq!(page.matches("src=\"").count(), 1);
    assert!(
        !page
            .replace("http://www.w3.org/2000/svg", "")
            .contains("http://")
    );
    let silent = Timeline {
        video: None,
        ..timeline()
    };
    assert!(!silent.to_html().contains("<video"));
}

#[test]
fn a_long_curve_is_thinned_without_losing_its_peaks() {
    let mut long = timeline();
    long.tracks[0].curves[1].points[12_345].1 = Some(1.0);
    for (i, point) in long.tracks[0].curves[1].points.iter_mut().enumerate() {
        if i != 12_345 {
            point.1 = Some(-0.5);
        }
    }
    let svg = long.to_svg();
    let path = svg
        .rsplit("<path d=\"")
        .next()
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    assert!(path.len() < 40_000, "{}", path.len());
    // The second row reaches from 34 to 68; its top edge is 37.
    assert!(path.contains(" 37.0"), "the peak is drawn");
}

#[test]
fn tables_have_every_point_and_no_formula() {
    let csv = timeline().to_csv();
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("track,time_secs,valence,blink"));
    // Times of both curves; every hundredth of the longer one is also of the shorter.
    assert_eq!(csv.lines().count(), 1 + 20_000);
    let first = lines.next().unwrap();
    assert_eq!(first, "face 1,0.0000,0,0");
    let events = timeline().events_to_csv();
    assert!(events.contains("face 1,movement,blink,blink,2.0000,2.1000,2.3000,0.9,,"));
    assert!(
        events.contains("\"'=HYPERLINK(1), \"\"quoted\"\"\""),
        "{events}"
    );
}
