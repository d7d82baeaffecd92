use super::*;

fn timeline() -> Timeline {
    let wave = |name: &str, n: usize| TimelineCurve {
        name: name.to_owned(),
        label: format!("<{name}>"),
        group: "<group>".to_owned(),
        is_shown: name != "blendshape_jaw_open",
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
            curves: vec![
                wave("valence", 100),
                wave("blink", 20_000),
                wave("blendshape_jaw_open", 100),
            ],
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
        mesh: "mesh-of-476-points".to_owned(),
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
    // The top edge of each row.
    assert!(path.contains(" 3.0"), "the peak is drawn");
}

#[test]
fn tables_have_every_point_and_no_formula() {
    let csv = timeline().to_csv();
    let mut lines = csv.lines();
    assert_eq!(
        lines.next(),
        Some("track,time_secs,valence,blink,blendshape_jaw_open,mesh")
    );
    // Times of both curves; every hundredth of the longer one is also of the shorter.
    assert_eq!(csv.lines().count(), 1 + 20_000);
    let first = lines.next().unwrap();
    assert_eq!(first, "face 1,0.0000,0,0,0,mesh-of-476-points");
    let events = timeline().events_to_csv();
    assert!(events.contains("face 1,movement,blink,blink,2.0000,2.1000,2.3000,0.9,,"));
    assert!(
        events.contains("\"'=HYPERLINK(1), \"\"quoted\"\"\""),
        "{events}"
    );
}

#[test]
fn curves_that_are_not_shown_are_to_be_chosen_and_leave_no_gap() {
    let page = timeline().to_html();
    let boxes = page.matches("type=\"checkbox\"").count();
    assert_eq!((boxes, page.matches(" checked>").count()), (3, 2));
    assert!(page.contains("name=\"blendshape_jaw_open\"> &lt;blendshape_jaw_open&gt;"));
    let row = "data-curve=\"blendshape_jaw_open\" transform=\"translate(0 0)\" display=\"none\">";
    assert!(page.contains(row), "{page}");
    // Two rows of 34 pixels, and the axis below them.
    assert!(
        page.contains("viewBox=\"0 0 960 94\"")
            && page.contains("class=\"axis\" transform=\"translate(0 68)\"")
    );
    assert!(page.contains("<code>mesh-of-476-points</code>"));
    assert!(
        page.contains("not relative to rest"),
        "what blendshapes are"
    );
    let mut plain = timeline();
    plain.tracks[0].curves.pop();
    assert!(!plain.to_html().contains("not relative to rest"));
    // A picture cannot be asked for more.
    let svg = timeline().to_svg();
    assert_eq!(svg.matches("class=\"row\"").count(), 2);
    assert!(!svg.contains("jaw_open"));
}
