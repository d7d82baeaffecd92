use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use regard_audience::{Detection, Tracker, TrackerSettings};
use regard_domain::{MomentCause, Sighting, TrackId};
use regard_testkit::passersby::{FILM_SIZE, Scene};

use crate::{at_millis, camera, crowd, face_at, moments, replay, rng, sighting};

fn film(seed: u64, n_people: u32, fps: f32) -> Vec<Sighting> {
    Scene::street(seed, n_people, fps, 12.0)
        .film(&camera(), seed)
        .sightings
}

fn detections(sighting: &Sighting) -> Vec<Detection> {
    sighting
        .faces
        .iter()
        .map(|face| Detection {
            bbox_in_frame: face.bbox_in_frame,
            score: face.score,
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_replay_is_the_same_to_the_bit(seed in any::<u64>(), n_people in 0..8_u32) {
        let film = film(seed, n_people, 30.0);
        let (one, two) = (replay(&film), replay(&film));
        // Debug prints floats so that they read back exactly, and tells -0 from 0.
        prop_assert_eq!(format!("{one:?}"), format!("{two:?}"));
    }

    #[test]
    fn faces_in_any_order_give_the_same_moments(seed in any::<u64>(), n_people in 2..8_u32) {
        let film = film(seed, n_people, 15.0);
        let mut shuffled = film.clone();
        let mut order = ChaCha8Rng::seed_from_u64(seed);
        for sighting in &mut shuffled {
            sighting.faces.shuffle(&mut order);
        }
        prop_assert_eq!(replay(&film), replay(&shuffled));
    }

    #[test]
    fn ids_and_numbers_are_never_used_again(seed in any::<u64>(), fps in 4.0..30.0_f32) {
        let mut tracker = Tracker::new(TrackerSettings::default()).unwrap();
        let mut rng = rng();
        let mut over: BTreeSet<TrackId> = BTreeSet::new();
        let mut numbers: BTreeMap<u64, TrackId> = BTreeMap::new();
        for sighting in film(seed, 8, fps) {
            let seen = detections(&sighting);
            let at = sighting.captured_at;
            let step = tracker.step(&seen, at, FILM_SIZE, &mut rng).unwrap();
            for track in &step.ended {
                prop_assert!(over.insert(track.id()), "ended twice");
            }
            let mut taken = BTreeSet::new();
            for id in step.tracks.iter().flatten() {
                prop_assert!(taken.insert(*id), "two faces in one track");
            }
            for track in tracker.tracks() {
                prop_assert!(!over.contains(&track.id()), "resumed after its end");
                if let Some(number) = track.number() {
                    prop_assert_eq!(*numbers.entry(number).or_insert(track.id()), track.id());
                }
            }
        }
    }

    #[test]
    fn a_gap_of_two_seconds_is_the_end(gap_millis in 1..4_000_i64, watched in any::<bool>()) {
        let mut tracker = Tracker::new(TrackerSettings::default()).unwrap();
        let mut rng = rng();
        let seen = detections(&sighting(0, vec![face_at(600.0, 300.0, 0.95, 0.9, 0.1)]));
        let mut step = |seen: &[Detection], millis: i64| {
            tracker.step(seen, at_millis(millis), FILM_SIZE, &mut rng).unwrap()
        };
        for millis in (0..=1_000).step_by(40) {
            step(&seen, millis);
        }
        let before = step(&seen, 1_040).tracks[0];
        for millis in (40..gap_millis).step_by(40).filter(|_| watched) {
            step(&[], 1_040 + millis);
        }
        let after = step(&seen, 1_040 + gap_millis).tracks[0];
        prop_assert_eq!(before == after, gap_millis <= 2_000);
    }

    #[test]
    fn who_left_the_frame_does_not_come_back(
        speed in 150.0..900.0_f32, away_millis in 40..1_900_i64, watched in any::<bool>(),
    ) {
        let mut tracker = Tracker::new(TrackerSettings::default()).unwrap();
        let mut rng = rng();
        let mut step = |x: Option<f32>, millis: i64| {
            let faces = x.map(|x| face_at(x, 300.0, 0.95, 0.9, 0.1)).into_iter().collect();
            let seen = detections(&sighting(millis, faces));
            tracker.step(&seen, at_millis(millis), FILM_SIZE, &mut rng).unwrap()
        };
        let mut ids = BTreeSet::new();
        let mut millis = 0;
        // To the right edge at 1280, seen for as long as the middle is inside.
        loop {
            let x = 1_000.0 + speed * millis as f32 / 1_000.0;
            if x >= 1_280.0 {
                break;
            }
            ids.extend(step(Some(x), millis).tracks.into_iter().flatten());
            millis += 40;
        }
        // Somebody comes in where that one went out, once the prediction is outside for certain.
        let last = millis + 200 + away_millis;
        while millis < last {
            if watched {
                step(None, millis);
            }
            millis += 40;
        }
        if !watched {
            millis = last.max(millis) + 600;
        }
        let after = step(Some(1_270.0), millis).tracks[0].unwrap();
        prop_assert!(!ids.contains(&after));
    }

    #[test]
    fn time_only_grows(seed in any::<u64>(), fps in 8.0..30.0_f32) {
        let digests = replay(&film(seed, 6, fps));
        let mut last: BTreeMap<u64, (f32, f32)> = BTreeMap::new();
        let mut sequence = 0;
        for digest in &digests {
            if let Some(moment) = &digest.moment {
                prop_assert_eq!(moment.sequence, sequence);
                sequence += 1;
                for visitor in &moment.visitors {
                    let (dwell, looked) = last.get(&visitor.number).copied().unwrap_or_default();
                    prop_assert!(visitor.dwell_secs >= dwell && visitor.looked_secs >= looked);
                    prop_assert!(visitor.looked_secs <= visitor.dwell_secs + 1.1 / fps);
                    last.insert(visitor.number, (visitor.dwell_secs, visitor.looked_secs));
                }
                let numbers: Vec<u64> = moment.visitors.iter().map(|v| v.number).collect();
                prop_assert!(numbers.is_sorted());
            }
            for visit in &digest.visits {
                // Whoever left was in a moment before, and in the one that tells it no more.
                let (dwell, looked) = last.remove(&visit.number).unwrap();
                prop_assert!(visit.dwell_secs >= dwell && visit.looked_secs >= looked - 1.1 / fps);
                let moment = digest.moment.as_ref().unwrap();
                prop_assert!(moment.visitors.iter().all(|v| v.number != visit.number));
            }
        }
    }

    #[test]
    fn moments_beat_ten_times_a_second(fps in 10.0..60.0_f32, n_people in 0..6_u32, seed in any::<u64>()) {
        let film = film(seed, n_people, fps);
        let digests = replay(&film);
        let beats = moments(&digests);
        let longest = beats.windows(2).map(|w| w[1].at.secs_since(w[0].at)).fold(0.0, f32::max);
        prop_assert!(longest <= 0.1 + 1.0 / fps + 1e-3, "{longest} s");
        // What is no beat must be an event; beats alone are at most ten a second.
        let n_beats = beats.iter().filter(|m| m.cause == MomentCause::Beat).count();
        prop_assert!(n_beats <= 121, "{n_beats}");
        if n_people == 0 && fps >= 20.0 {
            prop_assert!(n_beats >= 118, "{n_beats}");
        }
    }
}

#[test]
fn each_of_ten_people_is_followed_through_a_street() {
    let camera = camera();
    let mut crowd = crowd();
    let mut rng = rng();
    let scene = Scene::street(11, 10, 30.0, 40.0);
    let mut n_visits = 0;
    for sighting in &scene.film(&camera, 11).sightings {
        n_visits += crowd.observe(sighting, &mut rng).unwrap().visits.len();
    }
    n_visits += crowd.close(at_millis(41_000)).visits.len();
    assert!((8..=13).contains(&n_visits), "{n_visits}");
}
