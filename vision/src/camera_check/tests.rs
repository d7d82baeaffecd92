use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;

/// A made-up camera: its rate, what is missing, the light, how fast rows are read, how much noise.
#[derive(Clone, Copy)]
struct Made {
    fps: f64,
    light_hz: f64,
    depth: f64,
    readout_secs: f64,
    noise: f64,
    drop_every: usize,
    seed: u64,
}

const STILL: Made = Made {
    fps: 30.0,
    light_hz: 0.0,
    depth: 0.0,
    readout_secs: 0.0,
    noise: 0.3,
    drop_every: usize::MAX,
    seed: 1,
};

fn traces(made: Made) -> Vec<FrameTrace> {
    let mut rng = StdRng::seed_from_u64(made.seed);
    let mut unit = move || f64::from(rng.next_u32()) / f64::from(u32::MAX) * 2.0 - 1.0;
    let mut walk = 0.0;
    (0..300_usize)
        .filter(|at| at % made.drop_every != made.drop_every - 1)
        .map(|at| {
            let time = at as f64 / made.fps;
            // Somebody moves before the camera: brightness wanders.
            walk += 0.2 * unit();
            let bands = std::array::from_fn(|band| {
                let scene = 90.0 + 2.0 * band as f64 + walk;
                let row = time + made.readout_secs * (band as f64 + 0.5) / N_BANDS as f64;
                let light = 1.0 + made.depth * (TAU * made.light_hz * row + 0.7).cos();
                (scene * light + made.noise * unit()) as f32
            });
            let micros = (time * 1e6).round() as i64;
            FrameTrace::from_bands(bands, Timestamp::from_micros(micros))
        })
        .collect()
}

fn checked(made: Made) -> CameraCheck {
    check_camera(&traces(made)).unwrap()
}

#[test]
fn rates_and_missing_frames_are_those_that_were_made() {
    let check = checked(STILL);
    assert!((check.pace.mean_hz - 30.0).abs() < 0.01, "{check:?}");
    assert!(check.pace.jitter_millis < 0.01);
    assert_eq!((check.pace.n_dropped, check.pace.n_duplicates), (0, 0));

    let check = checked(Made {
        drop_every: 10,
        ..STILL
    });
    // The last that is missing leaves no gap.
    assert_eq!(check.pace.n_dropped, 29, "{check:?}");
    assert!((check.pace.mean_hz - 27.0).abs() < 0.2);
    assert!((check.pace.usual_gap_millis - 1e3 / 30.0).abs() < 0.01);

    let mut doubled = traces(STILL);
    for at in [50, 51, 120] {
        doubled[at].bands = doubled[at - 1].bands;
    }
    assert_eq!(check_camera(&doubled).unwrap().pace.n_duplicates, 3);
}

#[test]
fn light_on_the_mains_is_told_from_none() {
    for (mains, light_hz, at) in [(Mains::Hz50, 100.0, 0), (Mains::Hz60, 120.0, 1)] {
        // 29.97 frames a second: light of 60 Hz beats every eight seconds.
        let fps = if mains == Mains::Hz60 { 29.5 } else { 30.0 };
        let check = checked(Made {
            fps,
            light_hz,
            depth: 0.03,
            ..STILL
        });
        let Flicker::Seen {
            mains: found,
            depth_ratio,
            chance,
            ..
        } = check.flicker[at]
        else {
            panic!("{check:?}");
        };
        assert_eq!(found, mains);
        assert!((depth_ratio - 0.03).abs() < 0.006, "{depth_ratio}");
        assert!(chance < 1e-6);
        let other = check.flicker[1 - at];
        assert!(!matches!(other, Flicker::Seen { .. }), "{check:?}");
    }
}

#[test]
fn bands_tell_how_fast_rows_are_read() {
    let check = checked(Made {
        light_hz: 100.0,
        depth: 0.05,
        readout_secs: 0.02,
        ..STILL
    });
    let Flicker::Seen { readout_millis, .. } = check.flicker[0] else {
        panic!("{check:?}");
    };
    let readout = readout_millis.unwrap();
    assert!((readout - 20.0).abs() <= 2.5, "{readout}");
    let global = checked(Made {
        light_hz: 100.0,
        depth: 0.05,
        ..STILL
    });
    let Flicker::Seen { readout_millis, .. } = global.flicker[0] else {
        panic!("{global:?}");
    };
    assert_eq!(readout_millis, None);
}

#[test]
fn without_flicker_none_is_told_more_often_than_is_said() {
    let n_told = (0..150)
        .filter(|seed| {
            let check = checked(Made {
                seed: *seed,
                ..STILL
            });
            check
                .flicker
                .iter()
                .any(|found| matches!(found, Flicker::Seen { .. }))
        })
        .count();
    assert!(n_told <= 2, "{n_told} of 150");
}

#[test]
fn what_a_rate_hides_is_said() {
    let check = checked(Made {
        fps: 25.0,
        light_hz: 100.0,
        depth: 0.1,
        ..STILL
    });
    assert_eq!(check.flicker[0], Flicker::Hidden(Mains::Hz50));
    // Of a recorder that rounds times to milliseconds too, and that drops frames.
    let mut rounded = traces(Made {
        light_hz: 120.0,
        depth: 0.1,
        drop_every: 7,
        ..STILL
    });
    for trace in &mut rounded {
        let millis = (trace.taken_at.as_micros() + 500) / 1_000;
        trace.taken_at = Timestamp::from_millis(millis);
    }
    let check = check_camera(&rounded).unwrap();
    assert_eq!(check.flicker[1], Flicker::Hidden(Mains::Hz60));
    assert!(check_camera(&traces(STILL)[..20]).is_none());
}

#[test]
fn a_frame_becomes_the_brightness_of_its_rows() {
    let size = regard_domain::FrameSize {
        width: 100,
        height: 64,
    };
    let pixels: Vec<u8> = (0..64_u8).flat_map(|row| [row; 300]).collect();
    let view = RgbView::new(&pixels, size).unwrap();
    let trace = FrameTrace::of(view, Timestamp::from_micros(0));
    for (band, value) in trace.bands.iter().enumerate() {
        assert_eq!(*value, 2.0 * band as f32 + 0.5);
    }
    let flat = RgbView::new(
        &[9; 3],
        regard_domain::FrameSize {
            width: 1,
            height: 1,
        },
    )
    .unwrap();
    assert_eq!(
        FrameTrace::of(flat, Timestamp::from_micros(0)).bands[31],
        9.0
    );
}
