use proptest::prelude::*;
use regard_domain::{BBox, FaceReadings, Landmarks, Point, Score};

use super::*;

fn face(left: f32, top: f32, side: f32) -> Face {
    let at = |x: f32, y: f32| Point::new(left + x * side, top + y * side);
    Face {
        bbox_in_frame: BBox::new(left, top, side, side).unwrap(),
        score: Score::clamped(0.9),
        landmarks_in_frame: Landmarks([
            at(0.3, 0.4),
            at(0.7, 0.4),
            at(0.5, 0.6),
            at(0.35, 0.8),
            at(0.65, 0.8),
        ]),
        readings: FaceReadings::default(),
    }
}

const FRAME: FrameSize = FrameSize {
    width: 640,
    height: 480,
};

#[test]
fn lines_go_through_their_points() {
    let points = [(1.0, 10.0), (2.0, 30.0), (4.0, 0.0)];
    for (x, y) in [
        (0.0, 10.0),
        (1.0, 10.0),
        (1.5, 20.0),
        (2.0, 30.0),
        (3.0, 15.0),
        (9.0, 0.0),
    ] {
        assert!((on_lines(x, &points) - y).abs() < 1e-4, "{x}");
    }
}

#[test]
fn other_faces_count_by_their_size() {
    let own = face(100.0, 100.0, 200.0);
    let value = |others: &[Face]| {
        let mut faces = vec![own];
        faces.extend_from_slice(others);
        single_face(&faces, 0)
    };
    assert_eq!((value(&[]).value, value(&[]).hint), (100, None));
    let small = value(&[face(400.0, 10.0, 20.0)]);
    assert!(small.value > 90, "{small:?}");
    let beside = value(&[face(400.0, 10.0, 20.0), face(350.0, 100.0, 180.0)]);
    assert_eq!(
        (beside.value, beside.hint),
        (0, Some(QualityHint::OtherFaces))
    );
}

#[test]
fn small_faces_and_cut_faces_are_told_apart() {
    // Eyes are .4 of the side apart.
    let near = size(&face(100.0, 100.0, 200.0), FRAME);
    assert_eq!((near.value, near.hint), (100, None));
    let far = size(&face(100.0, 100.0, 40.0), FRAME);
    assert_eq!(far.hint, Some(QualityHint::TooFar));
    assert!(far.value < 50, "{far:?}");
    let cut = size(&face(-60.0, 100.0, 200.0), FRAME);
    assert_eq!((cut.value, cut.hint), (0, Some(QualityHint::OutOfFrame)));
}

#[test]
fn the_pose_says_which_way() {
    let of = |yaw_deg, pitch_deg, roll_deg| {
        pose(&HeadPose {
            yaw_deg,
            pitch_deg,
            roll_deg,
        })
    };
    assert_eq!(
        (of(3.0, -4.0, 5.0).value, of(3.0, -4.0, 5.0).hint),
        (100, None)
    );
    for (turned, hint) in [
        (of(30.0, 5.0, 0.0), QualityHint::TurnedRight),
        (of(-30.0, 5.0, 0.0), QualityHint::TurnedLeft),
        (of(2.0, 30.0, 0.0), QualityHint::LookingUp),
        (of(2.0, -30.0, 0.0), QualityHint::LookingDown),
        (of(2.0, 3.0, -50.0), QualityHint::Leaning),
    ] {
        assert_eq!(turned.hint, Some(hint));
        assert!(turned.value < 50);
    }
    assert_eq!(of(25.0, 0.0, 0.0).value, 50);
}

/// A chip of made-up structure: waves of several lengths, between two grays.
fn chip(low: f32, high: f32) -> Vec<f32> {
    (0..SIDE * SIDE)
        .map(|at| {
            let (x, y) = ((at % SIDE) as f32, (at / SIDE) as f32);
            let waves =
                [2.1, 1.3, 0.8, 0.45, 0.25, 0.12].map(|f: f32| (x * f).sin() * (y * f * 0.9).cos());
            low + (high - low) * (0.5 + waves.iter().sum::<f32>() / 4.0).clamp(0.0, 1.0)
        })
        .collect()
}

fn blurred(gray: &[f32], passes: usize) -> Vec<f32> {
    let mut now = gray.to_vec();
    for _ in 0..passes {
        let before = now.clone();
        for y in 1..SIDE - 1 {
            for x in 1..SIDE - 1 {
                let at = y * SIDE + x;
                let near = [at - 1, at + 1, at - SIDE, at + SIDE, at];
                now[at] = near.iter().map(|i| before[*i]).sum::<f32>() / 5.0;
            }
        }
    }
    now
}

#[test]
fn blur_is_seen_and_brightness_is_not_taken_for_it() {
    let sharp = chip(60.0, 200.0);
    let mut last = blur_loss(&sharp);
    let dim: Vec<f32> = sharp.iter().map(|v| v * 0.5).collect();
    assert!((blur_loss(&dim) - last).abs() < 0.01);
    for passes in [2, 6, 20] {
        let loss = blur_loss(&blurred(&sharp, passes));
        assert!(loss < last, "{passes}: {loss} {last}");
        last = loss;
    }
}

#[test]
fn light_says_what_is_wrong_with_it() {
    let of = |low: f32, high: f32| light(oval(&chip(low, high)).collect());
    assert_eq!((of(40.0, 200.0).value, of(40.0, 200.0).hint), (100, None));
    assert_eq!(of(5.0, 40.0).hint, Some(QualityHint::TooDark));
    assert_eq!(of(120.0, 135.0).hint, Some(QualityHint::LowContrast));
    let burnt: Vec<f32> = oval(&chip(150.0, 340.0)).map(|v| v.min(255.0)).collect();
    assert_eq!(light(burnt).hint, Some(QualityHint::TooBright));
}

#[test]
fn a_lamp_on_one_side_is_uneven() {
    let mut gray = chip(80.0, 160.0);
    assert!(uniformity(&gray).value > 90);
    for row in gray.chunks_exact_mut(SIDE) {
        for value in &mut row[..SIDE / 2] {
            *value *= 0.4;
        }
    }
    let uneven = uniformity(&gray);
    assert!(uneven.value < 50, "{uneven:?}");
    assert_eq!(uneven.hint, Some(QualityHint::UnevenLight));
}

#[test]
fn what_is_covered_is_named() {
    let of = |near, far, eyes| occlusion(near, far, eyes);
    assert_eq!(
        (of(0.94, 0.92, 0.7).value, of(0.94, 0.92, 0.7).hint),
        (100, None)
    );
    assert_eq!(of(0.92, 0.92, 0.14).hint, Some(QualityHint::EyesCovered));
    assert_eq!(of(0.86, 0.9, 0.7).hint, Some(QualityHint::EyesCovered));
    assert_eq!(of(0.93, 0.84, 0.7).hint, Some(QualityHint::MouthCovered));
    assert_eq!(of(0.93, 0.9, 3.0).hint, Some(QualityHint::MouthCovered));
}

proptest! {
    /// Whatever is measured, values stay in range.
    #[test]
    fn values_stay_in_range(
        yaw in -180.0_f32..180.0, pitch in -180.0_f32..180.0, near in 0.0_f32..1.0, far in 0.0_f32..1.0,
        eyes in 0.0_f32..10.0, side in 1.0_f32..900.0, left in -900.0_f32..900.0,
    ) {
        let turned = pose(&HeadPose { yaw_deg: yaw, pitch_deg: pitch, roll_deg: 0.0 });
        for component in [turned, occlusion(near, far, eyes), size(&face(left, 0.0, side), FRAME)] {
            prop_assert!(component.value <= 100);
        }
    }
}
