use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use regard_domain::FrameSize;

use super::*;

const SIZE: FrameSize = FrameSize {
    width: 80,
    height: 80,
};
const STILL: SensorNoise = SensorNoise {
    read: 0.0,
    shot: 0.0,
};

/// Waves that go to the right by so much a frame; anchors go with them.
fn clip(n: usize, step: f32) -> NeutralClip {
    let frame = |i: usize| {
        let by = i as f32 * step;
        let pixels = (0..80 * 80).flat_map(|k| {
            let (x, y) = ((k % 80) as f32 - by, (k / 80) as f32);
            let value = 120.0 + 60.0 * (x * 0.2).sin() + 40.0 * (y * 0.25).sin();
            [value as u8; 3]
        });
        PosedFrame {
            size: SIZE,
            rgb: pixels.collect(),
            anchors: vec![Point::new(20.0 + by, 30.0), Point::new(60.0 + by, 30.0)],
        }
    };
    NeutralClip::new((0..n).map(frame).collect(), 15.0).unwrap()
}

fn places() -> FacePlaces {
    let pair = |x: f32, y: f32| [Point::new(40.0 - x, y), Point::new(40.0 + x, y)];
    FacePlaces {
        outer_eyes: pair(20.0, 30.0),
        inner_brows: pair(6.0, 24.0),
        outer_brows: pair(16.0, 24.0),
        cheeks: pair(14.0, 42.0),
        nose_wings: pair(6.0, 46.0),
        mouth_corners: pair(11.0, 56.0),
        upper_lip: Point::new(40.0, 54.0),
        chin: Point::new(40.0, 70.0),
    }
}

fn mean_difference(a: &[u8], b: &[u8]) -> f32 {
    let sum: f32 = a
        .iter()
        .zip(b)
        .map(|(a, b)| f32::from(a.abs_diff(*b)))
        .sum();
    sum / a.len() as f32
}

#[test]
fn frames_in_between_lie_in_between() {
    let clip = clip(9, 1.0);
    // Two and a half frames into a clip of 15 a second, at 30 a second: frame 5. The waves have gone 2.5 pixels.
    let made = clip.frame(5, 30.0, &[], (STILL, 0));
    let truth: Vec<u8> = (0..80 * 80)
        .flat_map(|k| {
            let (x, y) = ((k % 80) as f32 - 2.5, (k / 80) as f32);
            [(120.0 + 60.0 * (x * 0.2).sin() + 40.0 * (y * 0.25).sin()) as u8; 3]
        })
        .collect();
    let inner = |rgb: &[u8]| -> Vec<u8> {
        (0..80 * 80)
            .filter(|k| (12..68).contains(&(k % 80)))
            .map(|k| rgb[k * 3])
            .collect()
    };
    assert!(mean_difference(&inner(&made), &inner(&truth)) < 1.5);
    // To and fro: sixteen frames on, everything is as it was.
    assert_eq!(made, clip.frame(5 + 32, 30.0, &[], (STILL, 0)));
    assert!((clip.secs() - 8.0 / 15.0).abs() < 1e-9);
}

#[test]
fn a_movement_is_there_in_its_frames_and_its_place_alone() {
    let clip = clip(9, 0.0);
    let injection = Injection {
        action: Action::UpperLipUp,
        from: 10,
        n_frames: 5,
        apex: 0.5,
        height: 0.05,
        warps: vec![Warp {
            middle: Point::new(40.0, 54.0),
            by: (0.0, -2.0),
            reach_px: 5.0,
        }],
    };
    let frame = |i: u64, with: &[Injection]| clip.frame(i, 100.0, with, (STILL, 0));
    for i in [9, 15, 40] {
        assert_eq!(
            frame(i, std::slice::from_ref(&injection)),
            frame(i, &[]),
            "{i}"
        );
    }
    assert_eq!(injection.share_at(12), 1.0);
    let (with, without) = (frame(12, std::slice::from_ref(&injection)), frame(12, &[]));
    let at = |rgb: &[u8], x: usize, y: usize| rgb[(y * 80 + x) * 3];
    // What was two pixels below is seen in the middle, and nothing far away has changed.
    assert!(at(&with, 40, 54).abs_diff(at(&without, 40, 56)) <= 2);
    assert_eq!(at(&with, 10, 20), at(&without, 10, 20));
}

#[test]
fn plans_keep_to_lengths_heights_and_rests() {
    let plan = InjectionPlan {
        n_frames: 6_000,
        fps: 100.0,
        lengths: (3, 12),
        heights: (0.02, 0.05),
        rests_secs: (0.9, 1.6),
    };
    let seed = 11;
    println!("seed {seed}");
    let drawn = plan.draw(&places(), &mut ChaCha8Rng::seed_from_u64(seed));
    assert!((30..60).contains(&drawn.len()), "{}", drawn.len());
    for action in Action::ALL {
        assert!(drawn.iter().any(|one| one.action == action), "{action:?}");
    }
    for pair in drawn.windows(2) {
        let rest = pair[1].from - (pair[0].from + pair[0].n_frames);
        assert!((90..=161).contains(&rest), "{rest}");
    }
    for one in &drawn {
        assert!((3..=12).contains(&one.n_frames) && (0.02..=0.05).contains(&one.height));
        for warp in &one.warps {
            let far = warp.by.0.hypot(warp.by.1) / places().eye_distance_px();
            assert!((far / one.height - 1.0).abs() < 0.01, "{one:?}");
        }
    }
    let last = drawn.last().unwrap();
    assert!(last.from + last.n_frames < 6_000);
}

#[test]
fn what_is_no_clip_is_none() {
    let frames = |n: usize| {
        let one = PosedFrame {
            size: SIZE,
            rgb: vec![0; 80 * 80 * 3],
            anchors: vec![Point::new(1.0, 1.0), Point::new(9.0, 1.0)],
        };
        vec![one; n]
    };
    assert!(NeutralClip::new(frames(3), 15.0).is_none());
    assert!(NeutralClip::new(frames(4), 0.0).is_none());
    let mut short = frames(4);
    short[2].rgb.pop();
    assert!(NeutralClip::new(short, 15.0).is_none());
}
