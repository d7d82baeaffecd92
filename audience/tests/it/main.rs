//! The audience room through its door.
#![expect(
    clippy::unwrap_used,
    reason = "what cannot go on in a test has failed it"
)]

mod crowd;
mod laws;
mod tracker;

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use regard_audience::{Crowd, CrowdSettings, Digest};
use regard_domain::{BBox, CameraId, Face, Moment, Score, Sighting, Timestamp};
use regard_testkit::passersby::{FILM_SIZE, FILM_START, face_of};

fn camera() -> CameraId {
    CameraId::new("entrance").unwrap()
}

/// The generator of ids; the seed is all a replay needs to know of it.
fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(7)
}

fn crowd() -> Crowd {
    Crowd::new(camera(), CrowdSettings::default()).unwrap()
}

fn at_millis(millis: i64) -> Timestamp {
    Timestamp::from_micros(FILM_START.as_micros() + millis * 1_000)
}

/// A square-ish face 100 pixels high around a middle.
fn face_at(x: f32, y: f32, score: f32, attention: f32, happy: f32) -> Face {
    let bbox = BBox::new(x - 39.0, y - 50.0, 78.0, 100.0).unwrap();
    face_of(&bbox, Score::clamped(score), attention, happy)
}

fn sighting(millis: i64, faces: Vec<Face>) -> Sighting {
    Sighting {
        camera: camera(),
        frame_index: u64::try_from(millis).unwrap(),
        captured_at: at_millis(millis),
        frame_size: FILM_SIZE,
        faces,
    }
}

/// Every digest of a recording, from a fresh crowd and the fixed seed.
fn replay(sightings: &[Sighting]) -> Vec<Digest> {
    let (mut crowd, mut rng) = (crowd(), rng());
    sightings
        .iter()
        .map(|sighting| crowd.observe(sighting, &mut rng).unwrap())
        .collect()
}

fn moments(digests: &[Digest]) -> Vec<&Moment> {
    digests.iter().filter_map(|d| d.moment.as_ref()).collect()
}
