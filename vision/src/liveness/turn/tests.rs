use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::*;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + millis)
}

/// A made-up head: points on half an ellipsoid, with a nose.
fn head() -> Vec<[f32; 3]> {
    let mut points = vec![
        [-32.0, -35.0, -38.0],
        [32.0, -35.0, -38.0],
        [0.0, 0.0, -75.0],
        [-25.0, 35.0, -42.0],
        [25.0, 35.0, -42.0],
    ];
    for i in 0..12 {
        for j in 0..12 {
            let (x, y) = (-55.0 + 10.0 * i as f32, -70.0 + 12.0 * j as f32);
            let inside: f32 = 1.0 - (x / 70.0).powi(2) - (y / 95.0).powi(2);
            points.push([x, y, -60.0 * inside.max(0.0).sqrt()]);
        }
    }
    points
}

/// The head seen turned: in space, or as a sheet that shows it from the front, turned.
fn view(yaw: f32, pitch: f32, is_sheet: bool) -> HeadView {
    let (ys, yc) = yaw.to_radians().sin_cos();
    let (ps, pc) = pitch.to_radians().sin_cos();
    let points = head().into_iter().map(|[x, y, z]| {
        let z = if is_sheet { 0.0 } else { z };
        // To the right of the image, what is near moves right.
        let (x, z) = (yc * x - ys * z, yc * z + ys * x);
        let y = pc * y + ps * z;
        Point::new(200.0 + x, 150.0 + y)
    });
    HeadView {
        pose: HeadPose {
            yaw_deg: yaw,
            pitch_deg: pitch,
            roll_deg: 0.0,
        },
        points: points.collect(),
    }
}

fn angles(direction: TurnDirection) -> (f32, f32) {
    match direction {
        TurnDirection::Left => (-25.0, 0.0),
        TurnDirection::Right => (25.0, 0.0),
        TurnDirection::Up => (0.0, 18.0),
        TurnDirection::Down => (0.0, -18.0),
    }
}

/// Somebody who does what `answer` says at each step.
fn play(
    challenge: &mut TurnChallenge,
    mut answer: impl FnMut(TurnStep) -> Option<HeadView>,
) -> Liveness {
    for frame in 0..400 {
        let now = at(frame * 100);
        let view = answer(challenge.step());
        challenge.observe(now, view.as_ref());
        let verdict = challenge.verdict(now);
        if verdict != Liveness::Pending {
            return verdict;
        }
    }
    Liveness::Pending
}

fn challenge(seed: u64) -> TurnChallenge {
    TurnChallenge::new(&mut ChaCha20Rng::seed_from_u64(seed))
}

fn as_asked(is_sheet: bool) -> impl FnMut(TurnStep) -> Option<HeadView> {
    move |step| {
        let (yaw, pitch) = match step {
            TurnStep::Turn(direction) => angles(direction),
            TurnStep::LookAhead | TurnStep::Done => (2.0, -3.0),
        };
        Some(view(yaw, pitch, is_sheet))
    }
}

#[test]
fn a_head_that_turns_as_asked_passes() {
    for seed in 0..30 {
        let mut challenge = challenge(seed);
        assert_eq!(play(&mut challenge, as_asked(false)), Liveness::Passed);
        assert_eq!(challenge.progress(), (3, 3));
        assert_eq!(challenge.step(), TurnStep::Done);
        assert!(
            challenge.depths().iter().all(|d| *d > 1.2),
            "{:?}",
            challenge.depths()
        );
    }
}

#[test]
fn a_sheet_that_turns_as_asked_fails() {
    for seed in 0..30 {
        let verdict = play(&mut challenge(seed), as_asked(true));
        assert_eq!(verdict, Liveness::Failed(vec![LivenessFault::FlatTurn]));
    }
}

#[test]
fn a_recording_turns_otherwise_and_fails() {
    let mut n_passed = 0;
    for seed in 0..200 {
        // Always left, right, up, and round again.
        let mut frame = 0;
        let verdict = play(&mut challenge(seed), |_| {
            frame += 1;
            let ways = [TurnDirection::Left, TurnDirection::Right, TurnDirection::Up];
            let way = ways[frame / 12 % 3];
            let (yaw, pitch) = if frame % 12 < 6 {
                (0.0, 0.0)
            } else {
                angles(way)
            };
            Some(view(yaw, pitch, false))
        });
        n_passed += u32::from(verdict == Liveness::Passed);
    }
    // One order of 64 is the recording's.
    assert!(n_passed <= 10, "{n_passed}");
}

#[test]
fn who_does_nothing_runs_out_of_time_and_who_leaves_is_lost() {
    let still = play(&mut challenge(1), |_| Some(view(0.0, 0.0, false)));
    assert_eq!(still, Liveness::Failed(vec![LivenessFault::TimedOut]));
    let mut frame = 0;
    let gone = play(&mut challenge(1), |_| {
        frame += 1;
        (frame < 3).then(|| view(0.0, 0.0, false))
    });
    assert_eq!(gone, Liveness::Failed(vec![LivenessFault::FaceLost]));
    // Also when no frame comes at all any more.
    let mut silent = challenge(1);
    silent.observe(at(0), Some(&view(0.0, 0.0, false)));
    assert_eq!(silent.verdict(at(500)), Liveness::Pending);
    assert_eq!(
        silent.verdict(at(5_000)),
        Liveness::Failed(vec![LivenessFault::FaceLost])
    );
}

#[test]
fn an_affine_map_leaves_nothing_of_itself() {
    let ahead = view(0.0, 0.0, true);
    let moved = HeadView {
        pose: ahead.pose,
        points: ahead
            .points
            .iter()
            .map(|p| Point::new(0.7 * p.x + 0.1 * p.y + 9.0, -0.2 * p.x + 1.3 * p.y - 4.0))
            .collect(),
    };
    let (mesh, five) = moved.depth_from(&ahead).unwrap();
    assert!(mesh < 1e-3 && five < 1e-3, "{mesh} {five}");
    let (mesh, five) = view(25.0, 0.0, false).depth_from(&ahead).unwrap();
    assert!(mesh > 0.05 && five > 0.05, "{mesh} {five}");
}
