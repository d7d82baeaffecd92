use super::super::place::N_PLACES;
use super::*;

const STEP_SECS: f64 = 0.01;

/// Eight seconds at a hundred frames a second: noise, and what is put into it.
fn stretch(
    mut put: impl FnMut(usize, &mut [[f32; 2]; N_PLACES]),
    eye: impl Fn(usize) -> f32,
    head: impl Fn(usize) -> f32,
) -> Stretch {
    let n = 800_usize;
    let mut state = 1_u32;
    let mut noise = move || {
        // Sum of four uniform numbers: nearly normal.
        let mut sum = 0.0;
        for _ in 0..4 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            sum += (state >> 8) as f32 / (1 << 24) as f32 - 0.5;
        }
        sum * 0.001
    };
    Stretch {
        first: Timestamp::from_millis(0),
        step_secs: STEP_SECS,
        places: (0..n)
            .map(|i| {
                let mut places: [[f32; 2]; N_PLACES] =
                    std::array::from_fn(|_| std::array::from_fn(|_| noise()));
                put(i, &mut places);
                places
            })
            .collect(),
        eye_change: (0..n).map(eye).collect(),
        head_speed: (0..n).map(head).collect(),
    }
}

/// A pulse of that width from there on.
fn pulse(i: usize, from: usize, width: usize) -> f32 {
    let phase = (i + 1).saturating_sub(from) as f32 / (width + 1) as f32;
    if phase < 1.0 {
        (phase * std::f32::consts::PI).sin().powi(2)
    } else {
        0.0
    }
}

const BROW: usize = MicroPlace::LeftInnerBrow as usize;
const LIP: usize = MicroPlace::LowerLip as usize;

#[test]
fn movements_are_found_with_their_times_and_noise_has_none() {
    let found = spot(&[stretch(|_, _| (), |_| 0.0, |_| 0.0)]);
    assert_eq!(found.movements, [], "noise alone");
    for width in [4, 6, 9, 12, 24, 40] {
        let put = |i: usize, places: &mut [[f32; 2]; N_PLACES]| {
            places[BROW][1] -= 0.02 * pulse(i, 300, width);
            places[MicroPlace::RightInnerBrow as usize][1] -= 0.02 * pulse(i, 300, width);
        };
        let found = spot(&[stretch(put, |_| 0.0, |_| 0.0)]).movements;
        assert_eq!(found.len(), 1, "{width}: {found:?}");
        let one = &found[0];
        assert!(one.places.contains(&MicroPlace::LeftInnerBrow));
        assert!(one.places.contains(&MicroPlace::RightInnerBrow));
        assert!((one.height[1] + 0.02).abs() < 0.006, "{width}: {one:?}");
        let place = |at: Timestamp| at.as_micros() as f64 * 1e-6 / STEP_SECS;
        let (onset, offset) = (place(one.onset), place(one.offset));
        let both = (offset.min((300 + width) as f64) - onset.max(300.0)).max(0.0);
        let either = offset.max((300 + width) as f64) - onset.min(300.0);
        assert!(both / either >= 0.5, "{width}: {onset} {offset}");
        assert!(one.onset <= one.apex && one.apex <= one.offset);
    }
}

#[test]
fn what_stays_or_lasts_is_none() {
    let step = |i: usize| if i > 400 { 1.0_f32 } else { 0.0 };
    let slow = |i: usize| pulse(i, 250, 150);
    let ramp = |i: usize| i as f32 / 400.0;
    for (name, shape) in [
        ("step", &step as &dyn Fn(usize) -> f32),
        ("slow", &slow),
        ("ramp", &ramp),
    ] {
        let put = |i: usize, places: &mut [[f32; 2]; N_PLACES]| places[BROW][1] -= 0.04 * shape(i);
        let found = spot(&[stretch(put, |_| 0.0, |_| 0.0)]);
        assert_eq!(found.movements, [], "{name}");
    }
}

#[test]
fn blinks_speech_and_a_quick_head_are_told_apart() {
    let brow = |i: usize, places: &mut [[f32; 2]; N_PLACES]| {
        places[BROW][1] -= 0.02 * pulse(i, 300, 15);
    };
    let mouth = |i: usize, places: &mut [[f32; 2]; N_PLACES]| {
        places[LIP][1] += 0.02 * pulse(i, 300, 15);
    };
    let lids = |i: usize| 0.4 * pulse(i, 298, 20);
    let blinking = spot(&[stretch(brow, lids, |_| 0.0)]);
    assert!(blinking.movements.is_empty() && blinking.n_blink > 0);
    // A mouth does not move because lids close.
    assert_eq!(spot(&[stretch(mouth, lids, |_| 0.0)]).movements.len(), 1);
    let talking = |i: usize, places: &mut [[f32; 2]; N_PLACES]| {
        places[LIP][1] += (0..6)
            .map(|k| 0.03 * pulse(i, 200 + k * 25, 18))
            .sum::<f32>();
    };
    let talked = spot(&[stretch(talking, |_| 0.0, |_| 0.0)]);
    assert!(
        talked.movements.is_empty() && talked.n_speech > 0,
        "{talked:?}"
    );
    // Brows are not silenced by speech.
    let both = |i: usize, places: &mut [[f32; 2]; N_PLACES]| {
        talking(i, places);
        brow(i, places);
    };
    assert_eq!(spot(&[stretch(both, |_| 0.0, |_| 0.0)]).movements.len(), 1);
    let shaken = spot(&[stretch(brow, |_| 0.0, |i| if i == 307 { 3.0 } else { 0.0 })]);
    assert!(shaken.movements.is_empty() && shaken.n_head > 0);
}

#[test]
fn a_greater_score_is_likelier_to_be_something() {
    assert!(probability(6.0) < probability(10.0) && probability(50.0) <= 1.0);
    let trace = traces(&stretch(
        |i, places| places[BROW][1] -= 0.02 * pulse(i, 300, 15),
        |_| 0.0,
        |_| 0.0,
    ));
    let highest = trace
        .iter()
        .max_by(|a, b| a.strength.total_cmp(&b.strength))
        .unwrap();
    assert!((highest.at.as_millis() - 3_070).abs() <= 30, "{highest:?}");
}
