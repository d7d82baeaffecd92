use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::*;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + millis)
}

/// How a face and what is beside it answer.
#[derive(Clone, Copy)]
struct Scene {
    /// Share of the screen's light against that of the room, in the middle, at the sides and beside.
    middle: f32,
    sides: f32,
    beside: f32,
    latency_millis: i64,
    fps: i64,
    /// Uniform noise of the light of a spot.
    noise: f32,
    /// The camera's white balance follows the light with this weight.
    white_balance: f32,
}

const FACE: Scene = Scene {
    middle: 0.1,
    sides: 0.06,
    beside: 0.01,
    latency_millis: 120,
    fps: 15,
    noise: 0.002,
    white_balance: 0.0,
};

/// Plays a scene to a challenge whose screen shows `shown`, or what was asked for.
fn play(scene: Scene, seed: u64, shown: Option<&[ColorStep]>) -> (Liveness, ColorAnswer) {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let mut challenge = ColorChallenge::new(&mut rng);
    let steps: Vec<ColorStep> = match shown {
        Some(steps) => steps.to_vec(),
        None => challenge.steps().collect(),
    };
    challenge.begin(at(0));
    let skin = [0.35_f32, 0.22, 0.16];
    let wall = [0.3_f32, 0.32, 0.28];
    let room = [1.0_f32, 0.9, 0.75];
    let mut noise =
        || (f32::from((rng.next_u32() >> 16) as u16) / 65_535.0 - 0.5) * 2.0 * scene.noise;
    let end = ColorChallenge::duration().as_millis() as i64 + 1_500;
    for frame in 0..end * scene.fps / 1_000 {
        let millis = frame * 1_000 / scene.fps;
        let step = (millis - scene.latency_millis).div_euclid(STEP.as_millis() as i64);
        let step = usize::try_from(step).ok().and_then(|s| steps.get(s));
        let light = step.map_or([0.3; 3], |s| s.color.map(linear));
        let lit = |albedo: [f32; 3], share: f32, noise: f32| -> [f32; 3] {
            std::array::from_fn(|c| {
                let balance = 1.0 - scene.white_balance * light[c];
                (albedo[c] * (room[c] + share * light[c]) * balance + noise).clamp(0.0, 1.0)
            })
        };
        let spots = std::array::from_fn(|i| {
            let share = if i < 5 { scene.middle } else { scene.sides };
            lit(skin, share, noise())
        });
        let light = FaceLight::new(spots, Some(lit(wall, scene.beside, noise()))).unwrap();
        challenge.observe(at(millis), Some(&light));
    }
    (challenge.verdict(at(end)), challenge.answer())
}

fn faults(verdict: &Liveness) -> &[LivenessFault] {
    match verdict {
        Liveness::Failed(faults) => faults,
        Liveness::Pending | Liveness::Passed => &[],
    }
}

#[test]
fn a_face_passes_and_its_latency_is_found() {
    for seed in 0..20 {
        for latency_millis in [40, 120, 300] {
            for white_balance in [0.0, 0.1] {
                let scene = Scene {
                    latency_millis,
                    white_balance,
                    ..FACE
                };
                let (verdict, answer) = play(scene, seed, None);
                assert_eq!(verdict, Liveness::Passed, "{seed} {answer:?}");
                let off = answer.latency_secs - latency_millis as f32 / 1_000.0;
                assert!(off.abs() < 0.08, "{answer:?}");
            }
        }
    }
}

#[test]
fn attacks_fail_and_are_named() {
    let other: Vec<ColorStep> = ColorChallenge::new(&mut ChaCha20Rng::seed_from_u64(999))
        .steps()
        .collect();
    for seed in 0..20 {
        let check = |scene: Scene, shown: Option<&[ColorStep]>, expected: LivenessFault| {
            let (verdict, answer) = play(scene, seed, shown);
            assert!(
                faults(&verdict).contains(&expected),
                "{seed} {expected}: {verdict:?} {answer:?}"
            );
        };
        let absent = Scene {
            middle: 0.0,
            sides: 0.0,
            beside: 0.0,
            ..FACE
        };
        check(absent, None, LivenessFault::NoResponse);
        let late = Scene {
            latency_millis: 900,
            ..FACE
        };
        check(late, None, LivenessFault::WrongTime);
        check(FACE, Some(&other), LivenessFault::WrongTime);
        let tint = Scene {
            sides: 0.1,
            beside: 0.1,
            ..FACE
        };
        check(tint, None, LivenessFault::GlobalTint);
        let sheet = Scene { sides: 0.1, ..FACE };
        check(sheet, None, LivenessFault::FlatLight);
    }
}

#[test]
fn a_face_that_leaves_has_to_begin_anew() {
    let mut challenge = ColorChallenge::new(&mut ChaCha20Rng::seed_from_u64(1));
    let light = FaceLight::new([[0.2; 3]; N_LIGHT_SPOTS], None).unwrap();
    assert_eq!(challenge.verdict(at(0)), Liveness::Pending);
    challenge.begin(at(0));
    challenge.observe(at(100), Some(&light));
    challenge.observe(at(500), None);
    assert_eq!(challenge.verdict(at(500)), Liveness::Pending);
    challenge.observe(at(900), None);
    let lost = Liveness::Failed(vec![LivenessFault::FaceLost]);
    assert_eq!(challenge.verdict(at(900)), lost);
    challenge.begin(at(2_000));
    assert_eq!(challenge.verdict(at(2_000)), Liveness::Pending);
    // No frame at all is a lost face as well.
    assert_eq!(challenge.verdict(at(60_000)), lost);
}

#[test]
fn too_few_frames_say_nothing() {
    let scene = Scene { fps: 3, ..FACE };
    let (verdict, _) = play(scene, 1, None);
    assert_eq!(faults(&verdict), [LivenessFault::TooFewFrames]);
}

#[test]
fn orders_are_drawn_and_no_colour_follows_itself() {
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let mut seen = [0_u32; PALETTE.len()];
    for _ in 0..300 {
        let order = draw(&mut rng);
        assert!(order.windows(2).all(|w| w[0] != w[1]));
        for number in order {
            seen[usize::from(number)] += 1;
        }
    }
    // 3,000 draws from six colours: each 500, with a deviation of about 20.
    assert!(seen.iter().all(|n| (400..600).contains(n)), "{seen:?}");
}

/// Photosensitivity: relative luminance of WCAG, of which a pair of changes above a tenth at a darker colour below .8 is a
/// flash; at most three a second are allowed, and colours change twice.
#[test]
fn colours_change_less_often_than_flashes_may() {
    let luminance = |c: [u8; 3]| {
        let [r, g, b] = c.map(linear);
        0.2126 * r + 0.7152 * g + 0.0722 * b
    };
    let all = PALETTE.map(luminance);
    let least = all.iter().copied().fold(1.0, f32::min);
    assert!(least > 0.2, "{all:?}");
    assert!(STEP.as_secs_f32() * 3.0 > 1.0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Light that changes at random, as a film's does, is no answer.
    #[test]
    fn random_light_does_not_pass(seed in any::<u64>(), period in 100_i64..1_500) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut challenge = ColorChallenge::new(&mut rng);
        challenge.begin(at(0));
        let mut light = [0.2_f32; 3];
        let mut next = 0;
        for frame in 0..98 {
            let millis = frame * 66;
            if millis >= next {
                light = std::array::from_fn(|_| 0.2 + 0.05 * (rng.next_u32() as f32 / u32::MAX as f32));
                next = millis + period;
            }
            let lit = FaceLight::new([light; N_LIGHT_SPOTS], Some([0.2; 3])).unwrap();
            challenge.observe(at(millis), Some(&lit));
        }
        prop_assert!(challenge.verdict(at(6_500)) != Liveness::Passed, "{:?}", challenge.answer());
    }
}
