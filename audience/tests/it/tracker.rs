use rand::SeedableRng;
use rand::rngs::StdRng;
use regard_audience::{Detection, MAX_TRACKS, StepError, TrackState, Tracker, TrackerSettings};
use regard_domain::{BBox, Score};
use regard_testkit::passersby::FILM_SIZE;

use crate::at_millis;

fn detection(x: f32, y: f32, score: f32) -> Detection {
    Detection {
        bbox_in_frame: BBox::new(x, y, 40.0, 50.0).unwrap(),
        score: Score::clamped(score),
    }
}

#[test]
fn a_clear_face_is_confirmed_at_once_and_a_vague_one_at_the_third_sight() {
    let check = |scores: &[f32], expected: &[TrackState]| {
        let mut tracker = Tracker::new(TrackerSettings::default()).unwrap();
        let mut rng = StdRng::seed_from_u64(1);
        for ((score, state), frame) in scores.iter().zip(expected).zip(0_i64..) {
            let seen = [detection(100.0, 100.0, *score)];
            tracker
                .step(&seen, at_millis(frame * 33), FILM_SIZE, &mut rng)
                .unwrap();
            assert_eq!(tracker.tracks()[0].state(), *state, "{scores:?} at {frame}");
        }
    };
    use TrackState::{Confirmed, Lost, Tentative};
    check(&[0.95], &[Confirmed]);
    check(&[0.7, 0.7, 0.7], &[Tentative, Tentative, Confirmed]);
    check(&[0.7, 0.92], &[Tentative, Confirmed]);
    // A low score continues a confirmed track, and one below all counting loses it.
    check(
        &[0.95, 0.4, 0.1, 0.95],
        &[Confirmed, Confirmed, Lost, Confirmed],
    );
}

#[test]
fn a_low_score_begins_nothing_and_a_flicker_ends_at_once() {
    let mut tracker = Tracker::new(TrackerSettings::default()).unwrap();
    let mut rng = StdRng::seed_from_u64(1);
    let mut step = |seen: &[Detection], millis| {
        tracker
            .step(seen, at_millis(millis), FILM_SIZE, &mut rng)
            .unwrap()
    };
    assert_eq!(step(&[detection(9.0, 9.0, 0.5)], 0).tracks, [None]);
    assert!(step(&[detection(9.0, 9.0, 0.7)], 33).tracks[0].is_some());
    let gone = step(&[], 66);
    assert_eq!(gone.ended.len(), 1);
    assert_eq!(gone.ended[0].number(), None);
}

#[test]
fn a_flood_of_faces_is_bounded_and_the_lost_give_way() {
    let mut tracker = Tracker::new(TrackerSettings::default()).unwrap();
    let mut rng = StdRng::seed_from_u64(1);
    let grid = |n: u16, offset: f32| -> Vec<Detection> {
        let place = |i: u16| (f32::from(i % 25) * 50.0 + offset, f32::from(i / 25) * 60.0);
        (0..n)
            .map(|i| detection(place(i).0, place(i).1, 0.95))
            .collect()
    };
    let first = grid(300, 0.0);
    let step = tracker
        .step(&first, at_millis(0), FILM_SIZE, &mut rng)
        .unwrap();
    assert_eq!(tracker.tracks().len(), MAX_TRACKS);
    assert_eq!(step.tracks.iter().flatten().count(), MAX_TRACKS);
    let step = tracker
        .step(&[], at_millis(33), FILM_SIZE, &mut rng)
        .unwrap();
    assert!(step.ended.is_empty());
    // One more than there is room for, where nobody was: the row below all others.
    let newcomer = [detection(600.0, 660.0, 0.95)];
    let step = tracker
        .step(&newcomer, at_millis(66), FILM_SIZE, &mut rng)
        .unwrap();
    assert_eq!(step.ended.len(), 1);
    assert_eq!(step.ended[0].state(), TrackState::Lost);
    assert!(step.tracks[0].is_some());
}

#[test]
fn late_frames_change_nothing_and_a_clock_set_back_ends_everyone() {
    let mut tracker = Tracker::new(TrackerSettings::default()).unwrap();
    let mut rng = StdRng::seed_from_u64(1);
    let seen = [detection(100.0, 100.0, 0.95)];
    let mut step = |millis| tracker.step(&seen, at_millis(millis), FILM_SIZE, &mut rng);
    let id = step(10_000).unwrap().tracks[0];
    for millis in [10_000, 9_000] {
        let late = StepError::Late {
            last: at_millis(10_000),
            at: at_millis(millis),
        };
        assert_eq!(step(millis).unwrap_err(), late);
    }
    assert_eq!(step(10_033).unwrap().tracks[0], id);
    let back = step(5_000).unwrap();
    assert_eq!(back.ended.len(), 1);
    assert_ne!(back.tracks[0], id);
}

#[test]
fn boxes_are_predicted_between_frames() {
    let mut tracker = Tracker::new(TrackerSettings::default()).unwrap();
    let mut rng = StdRng::seed_from_u64(1);
    for frame in 0_i16..20 {
        let seen = [detection(100.0 + 6.0 * f32::from(frame), 100.0, 0.95)];
        let at = at_millis(i64::from(frame) * 40);
        tracker.step(&seen, at, FILM_SIZE, &mut rng).unwrap();
    }
    let predicted = tracker.predicted_boxes(at_millis(19 * 40 + 80));
    let (id, bbox) = predicted[0];
    assert_eq!(id, tracker.tracks()[0].id());
    assert!((bbox.left() - (100.0 + 6.0 * 21.0)).abs() < 2.0, "{bbox:?}");
}
