use regard_audience::{Due, StepError, TrackState};
use regard_domain::{CameraId, Expression, ExpressionLabel, FaceReadings, MomentCause};

use crate::{at_millis, camera, crowd, face_at, moments, replay, rng, sighting};

/// Frames at 30 per second for `millis`, one face each as `face` makes it.
fn frames(millis: i64) -> impl Iterator<Item = i64> {
    (0..)
        .map(|n| n * 100 / 3)
        .take_while(move |at| *at < millis)
}

#[test]
fn a_visit_is_told_from_entry_to_exit() {
    let looks = |at: i64| (1_000..2_000).contains(&at);
    let mut film: Vec<_> = frames(3_000)
        .map(|at| {
            let attention = if looks(at) { 0.95 } else { 0.1 };
            sighting(at, vec![face_at(400.0, 300.0, 0.8, attention, 0.1)])
        })
        .collect();
    film.extend(frames(2_500).map(|at| sighting(3_000 + at, Vec::new())));
    let digests = replay(&film);
    let events: Vec<_> = moments(&digests)
        .iter()
        .filter(|m| m.cause != MomentCause::Beat)
        .map(|m| {
            (
                m.cause,
                (m.at.as_millis() - at_millis(0).as_millis()) / 10 * 10,
            )
        })
        .collect();
    // Confirmed at the third sight; the filter takes 150 ms to follow and the hysteresis waits.
    let [entered, looked, away, left] = events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(entered, (MomentCause::Entered, 60));
    assert!(looked.0 == MomentCause::Looked && (1_100..=1_300).contains(&looked.1));
    assert!(away.0 == MomentCause::LookedAway && (2_300..=2_600).contains(&away.1));
    assert!(left.0 == MomentCause::Left && (4_960..=5_010).contains(&left.1));
    let visits: Vec<_> = digests.iter().flat_map(|d| &d.visits).collect();
    assert_eq!(visits.len(), 1);
    assert_eq!((visits[0].number, visits[0].n_looks), (1, 1));
    assert!((visits[0].dwell_secs - 2.966).abs() < 0.01);
    assert!((visits[0].looked_secs - 1.0).abs() < 0.2, "{:?}", visits[0]);
}

#[test]
fn a_smile_changes_the_label_within_a_quarter_second() {
    let film: Vec<_> = frames(2_000)
        .map(|at| {
            let happy = if at >= 1_000 { 0.95 } else { 0.05 };
            sighting(at, vec![face_at(400.0, 300.0, 0.95, 0.9, happy)])
        })
        .collect();
    let digests = replay(&film);
    let label_at = |millis: i64| {
        let moments = moments(&digests);
        let last = moments.iter().rev().find(|m| m.at <= at_millis(millis));
        last.unwrap().visitors[0].expression_label
    };
    assert_eq!(label_at(1_000), ExpressionLabel::Known(Expression::Neutral));
    assert_eq!(label_at(1_300), ExpressionLabel::Known(Expression::Happy));
}

#[test]
fn heavy_analyses_are_due_ten_times_a_second_and_not_all_at_once() {
    let (mut crowd, mut rng) = (crowd(), rng());
    let places = [200.0, 500.0, 800.0];
    let (mut n_expression, mut n_mesh, mut busiest) = (0, 0, 0);
    for at in frames(10_000) {
        let faces: Vec<_> = places
            .iter()
            .map(|x| face_at(*x, 300.0, 0.95, 0.9, 0.1))
            .collect();
        let association = crowd
            .associate(&sighting(at, faces.clone()), &mut rng)
            .unwrap();
        let due = |wanted: fn(&Due) -> bool| {
            association
                .faces()
                .iter()
                .filter(|f| wanted(&f.due))
                .count()
        };
        n_expression += due(|d| d.expression);
        n_mesh += due(|d| d.mesh);
        if at > 500 {
            busiest = busiest.max(due(|d| d.expression) + due(|d| d.mesh));
        }
        crowd.digest(&association, &faces);
    }
    assert!((297..=306).contains(&n_expression), "{n_expression}");
    assert!((297..=306).contains(&n_mesh), "{n_mesh}");
    // Six analyses every third frame would be two on each.
    assert!(busiest <= 3, "{busiest}");
}

#[test]
fn what_is_postponed_stays_due_and_what_was_dropped_too() {
    let (mut crowd, mut rng) = (crowd(), rng());
    let faces = vec![face_at(400.0, 300.0, 0.95, 0.9, 0.1)];
    let due = Due {
        expression: true,
        mesh: true,
    };
    let mut association = crowd
        .associate(&sighting(0, faces.clone()), &mut rng)
        .unwrap();
    assert_eq!(association.faces()[0].due, due);
    association.postpone(0);
    let mut unread = faces.clone();
    unread[0].readings = FaceReadings::default();
    let digest = crowd.digest(&association, &unread);
    let moment = digest.moment.unwrap();
    assert_eq!(moment.cause, MomentCause::Entered);
    assert_eq!(moment.visitors[0].expression, None);
    assert_eq!(
        moment.visitors[0].expression_label,
        ExpressionLabel::Uncertain
    );
    // Digesting twice is digesting once.
    assert!(crowd.digest(&association, &faces).moment.is_none());
    let dropped = crowd
        .associate(&sighting(33, faces.clone()), &mut rng)
        .unwrap();
    assert_eq!(dropped.faces()[0].due, due);
    // Nothing was read yet.
    assert_eq!(dropped.faces()[0].n_expressions, 0);
    let association = crowd
        .associate(&sighting(66, faces.clone()), &mut rng)
        .unwrap();
    assert_eq!(association.faces()[0].due, due);
    // One of a frame before changes nothing.
    assert!(crowd.digest(&dropped, &faces).moment.is_none());
    crowd.digest(&association, &faces);
    let association = crowd
        .associate(&sighting(99, faces.clone()), &mut rng)
        .unwrap();
    assert_eq!(association.faces()[0].due, Due::default());
    assert_eq!(association.faces()[0].n_expressions, 1);
}

#[test]
fn an_event_survives_a_frame_whose_analysis_failed() {
    let (mut crowd, mut rng) = (crowd(), rng());
    let faces = vec![face_at(400.0, 300.0, 0.95, 0.9, 0.1)];
    crowd
        .associate(&sighting(0, faces.clone()), &mut rng)
        .unwrap();
    let digest = crowd.observe(&sighting(33, faces), &mut rng).unwrap();
    assert_eq!(digest.moment.unwrap().cause, MomentCause::Entered);
}

#[test]
fn closing_sends_everyone_home_once() {
    let (mut crowd, mut rng) = (crowd(), rng());
    assert!(crowd.close(at_millis(0)).moment.is_none());
    let faces = vec![face_at(400.0, 300.0, 0.95, 0.9, 0.1)];
    crowd
        .observe(&sighting(0, faces.clone()), &mut rng)
        .unwrap();
    crowd
        .observe(&sighting(500, faces.clone()), &mut rng)
        .unwrap();
    let digest = crowd.close(at_millis(600));
    let moment = digest.moment.unwrap();
    assert_eq!(
        (moment.cause, moment.visitors.len()),
        (MomentCause::Left, 0)
    );
    assert_eq!(digest.visits.len(), 1);
    assert!(crowd.close(at_millis(700)).moment.is_none());
    let again = crowd.observe(&sighting(800, faces), &mut rng).unwrap();
    assert_eq!(again.moment.unwrap().visitors[0].number, 2);
}

#[test]
fn another_cameras_sighting_is_refused() {
    let mut other = sighting(0, Vec::new());
    other.camera = CameraId::new("exit").unwrap();
    assert_ne!(other.camera, camera());
    let refused = crowd().associate(&other, &mut rng()).unwrap_err();
    assert_eq!(refused, StepError::OtherCamera);
}

#[test]
fn the_live_view_shows_points_only_while_they_are_seen() {
    let (mut crowd, mut rng) = (crowd(), rng());
    let faces = vec![face_at(400.0, 300.0, 0.95, 0.9, 0.1)];
    crowd.observe(&sighting(0, faces), &mut rng).unwrap();
    let live = crowd.live_faces();
    assert_eq!(
        (live[0].number, live[0].state),
        (Some(1), TrackState::Confirmed)
    );
    assert!(live[0].landmarks_in_frame.is_some() && live[0].head_pose.is_some());
    assert!(format!("{:?}", live[0]).contains("withheld"));
    crowd.observe(&sighting(33, Vec::new()), &mut rng).unwrap();
    let live = crowd.live_faces();
    assert_eq!(live[0].state, TrackState::Lost);
    assert!(live[0].landmarks_in_frame.is_none());
}
