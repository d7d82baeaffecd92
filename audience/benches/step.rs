//! Cost of one frame with many faces; the budget of a frame is 33 ms and tracking may not show.

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use regard_audience::{Crowd, CrowdSettings, Detection, Tracker, TrackerSettings};
use regard_domain::{BBox, CameraId, Score, Sighting, Timestamp};
use regard_testkit::passersby::{FILM_SIZE, face_of};

fn main() {
    divan::main();
}

const FRAME_MICROS: i64 = 33_333;

/// Faces in a grid that sway by a few pixels from frame to frame.
fn boxes(n: usize, frame: i64) -> Vec<BBox> {
    let sway = (frame % 7) as f32;
    (0..n)
        .filter_map(|i| {
            let (column, row) = ((i % 10) as f32, (i / 10) as f32);
            BBox::new(20.0 + 120.0 * column + sway, 20.0 + 130.0 * row, 60.0, 78.0)
        })
        .collect()
}

#[divan::bench(args = [1, 10, 50])]
fn tracker_step(bencher: divan::Bencher<'_, '_>, n: usize) {
    let mut tracker = Tracker::new(TrackerSettings::default()).expect("defaults are good");
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut frame = 0;
    bencher.bench_local(|| {
        frame += 1;
        let seen: Vec<Detection> = boxes(n, frame)
            .into_iter()
            .map(|bbox_in_frame| Detection {
                bbox_in_frame,
                score: Score::clamped(0.95),
            })
            .collect();
        tracker.step(
            &seen,
            Timestamp::from_micros(frame * FRAME_MICROS),
            FILM_SIZE,
            &mut rng,
        )
    });
}

#[divan::bench(args = [1, 10, 50])]
fn crowd_observe(bencher: divan::Bencher<'_, '_>, n: usize) {
    let camera = CameraId::new("bench").expect("a good slug");
    let mut crowd = Crowd::new(camera.clone(), CrowdSettings::default()).expect("defaults");
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut frame = 0;
    bencher.bench_local(|| {
        frame += 1;
        let faces = boxes(n, frame)
            .iter()
            .map(|bbox| face_of(bbox, Score::clamped(0.95), 0.9, 0.2))
            .collect();
        let sighting = Sighting {
            camera: camera.clone(),
            frame_index: frame.unsigned_abs(),
            captured_at: Timestamp::from_micros(frame * FRAME_MICROS),
            frame_size: FILM_SIZE,
            faces,
        };
        crowd.observe(&sighting, &mut rng)
    });
}
