//! Made-up people who walk past a screen, pause, look, smile and go on, as a noisy detector would
//! see them, with the truth beside.

use std::ops::Range;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use regard_domain::{
    Attention, BBox, CameraId, Expression, ExpressionDistribution, Face, FaceReadings, FrameSize,
    HeadPose, Landmarks, Point, Score, Sighting, Timestamp,
};

use crate::mot::MotBox;

/// Capture time of the first frame of every film.
pub const FILM_START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// Where somebody's face is at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Keyframe {
    /// Seconds since the film began.
    pub secs: f32,
    /// Middle of the face in frame pixels.
    pub center_in_frame: Point,
    /// Height of the face in pixels.
    pub height_px: f32,
}

/// One person: straight and steady between keyframes.
#[derive(Clone, Debug, PartialEq)]
pub struct Passerby {
    /// In order of time; there before the first and after the last is nobody.
    pub keyframes: Vec<Keyframe>,
    /// When the person looks at the screen, in seconds.
    pub looks: Vec<Range<f32>>,
    /// When the person smiles, in seconds.
    pub smiles: Vec<Range<f32>>,
}

/// Width of a face box over its height, as YuNet draws it.
const ASPECT: f32 = 0.78;

impl Passerby {
    /// Walks through the frame along a line, pausing in the middle to look and smile.
    /// `speed_ratio` is in face heights per second, negative from right to left.
    pub fn pausing(
        start_secs: f32,
        speed_ratio: f32,
        at: Point,
        height_px: f32,
        pause_secs: f32,
    ) -> Self {
        let speed_px = speed_ratio * height_px;
        // Nobody stops dead: three steps of a fifth of a second from walking to standing.
        let braking = [0.75, 0.5, 0.25].map(|part| part * speed_px * 0.2);
        let braked_px: f32 = braking.iter().sum();
        let walk_secs = 1_500.0 / speed_px.abs();
        let mut keyframes = Vec::new();
        let mut add = |secs: f32, offset_px: f32| {
            keyframes.push(Keyframe {
                secs,
                center_in_frame: Point::new(at.x + offset_px, at.y),
                height_px,
            });
        };
        let mut secs = start_secs + walk_secs;
        let mut offset_px = -braked_px;
        add(start_secs, offset_px - speed_px * walk_secs);
        add(secs, offset_px);
        for step_px in braking {
            (secs, offset_px) = (secs + 0.2, offset_px + step_px);
            add(secs, offset_px);
        }
        let (stop, go) = (secs, secs + pause_secs);
        (secs, offset_px) = (go, 0.0);
        add(secs, offset_px);
        for step_px in braking.into_iter().rev() {
            (secs, offset_px) = (secs + 0.2, offset_px + step_px);
            add(secs, offset_px);
        }
        add(secs + walk_secs, offset_px + speed_px * walk_secs);
        Self {
            keyframes,
            looks: vec![stop + 0.1 * pause_secs..go - 0.1 * pause_secs],
            smiles: vec![stop + 0.4 * pause_secs..stop + 0.7 * pause_secs],
        }
    }

    fn bbox_at(&self, secs: f32) -> Option<BBox> {
        let next = self.keyframes.iter().position(|k| k.secs > secs)?;
        let (a, b) = (
            self.keyframes.get(next.checked_sub(1)?)?,
            self.keyframes[next],
        );
        let part = (secs - a.secs) / (b.secs - a.secs);
        let mix = |from: f32, to: f32| from + (to - from) * part;
        let height = mix(a.height_px, b.height_px);
        let width = height * ASPECT;
        let x = mix(a.center_in_frame.x, b.center_in_frame.x);
        let y = mix(a.center_in_frame.y, b.center_in_frame.y);
        BBox::new(x - width / 2.0, y - height / 2.0, width, height)
    }
}

/// How bad the detector and the analysers are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Noise {
    /// Standard deviation of centre and height, in face heights.
    pub jitter_ratio: f32,
    /// Probability that a face is not found in a frame.
    pub miss: f32,
    /// Probability that a face gets a low score in a frame.
    pub dim: f32,
    /// Probability of a face where there is none, each frame.
    pub ghost: f32,
}

impl Noise {
    /// A detector that never errs.
    pub const NONE: Self = Self {
        jitter_ratio: 0.0,
        miss: 0.0,
        dim: 0.0,
        ghost: 0.0,
    };
    /// About what a small detector does on a webcam.
    pub const USUAL: Self = Self {
        jitter_ratio: 0.02,
        miss: 0.03,
        dim: 0.05,
        ghost: 0.01,
    };
}

/// What the camera saw and what was really there.
#[derive(Clone, Debug, PartialEq)]
pub struct Film {
    /// One for each frame, empty ones included.
    pub sightings: Vec<Sighting>,
    /// Where the faces were that could be seen; frames from 1, ids from 1 in order of the cast.
    pub truth: Vec<MotBox>,
}

/// A cast in front of a camera.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// Everyone.
    pub cast: Vec<Passerby>,
    /// Frames per second.
    pub fps: f32,
    /// Length in seconds.
    pub secs: f32,
    /// The detector's errors.
    pub noise: Noise,
}

/// Size of every film's frames.
pub const FILM_SIZE: FrameSize = FrameSize {
    width: 1_280,
    height: 720,
};

impl Scene {
    /// People who come from both sides at walking speed, at different distances, and pause.
    pub fn street(seed: u64, n_people: u32, fps: f32, secs: f32) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let cast = (0..n_people)
            .map(|_| {
                let height_px = 40.0 + 80.0 * rng.random::<f32>();
                // 0.5 to 1.5 m/s past a face of 0.22 m.
                let speed = (0.5 + rng.random::<f32>()) / 0.22;
                let speed = if rng.random::<bool>() { speed } else { -speed };
                let at = Point::new(
                    300.0 + 680.0 * rng.random::<f32>(),
                    200.0 + 200.0 * rng.random::<f32>(),
                );
                let start = secs * 0.6 * rng.random::<f32>() - 5.0;
                Passerby::pausing(start, speed, at, height_px, 1.0 + 4.0 * rng.random::<f32>())
            })
            .collect();
        Self {
            cast,
            fps,
            secs,
            noise: Noise::USUAL,
        }
    }

    /// Films the scene. Who stands behind somebody nearer is not seen.
    pub fn film(&self, camera: &CameraId, seed: u64) -> Film {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let n_frames = (self.secs * self.fps) as u32;
        let mut film = Film {
            sightings: Vec::new(),
            truth: Vec::new(),
        };
        for frame in 0..n_frames {
            let secs = frame as f32 / self.fps;
            let mut faces = Vec::new();
            for (index, person) in self.cast.iter().enumerate() {
                let Some(bbox) = self.seen(person, secs) else {
                    continue;
                };
                film.truth.push(MotBox {
                    frame: frame + 1,
                    id: index as u64 + 1,
                    bbox,
                    score: 1.0,
                });
                faces.extend(self.noise.face(person, &bbox, secs, &mut rng));
            }
            faces.extend(self.noise.ghost(&mut rng));
            faces.sort_by(|a, b| b.score.get().total_cmp(&a.score.get()));
            let micros = (f64::from(frame) / f64::from(self.fps) * 1e6).round() as i64;
            film.sightings.push(Sighting {
                camera: camera.clone(),
                frame_index: u64::from(frame),
                captured_at: Timestamp::from_micros(FILM_START.as_micros() + micros),
                frame_size: FILM_SIZE,
                faces,
            });
        }
        film
    }

    /// The person's face, if more than half is in the frame and nobody nearer covers it.
    fn seen(&self, person: &Passerby, secs: f32) -> Option<BBox> {
        let bbox = person.bbox_at(secs)?;
        let inside = bbox.clipped(FILM_SIZE)?;
        let is_covered = self
            .cast
            .iter()
            .filter_map(|other| other.bbox_at(secs))
            .any(|other| {
                other.height() > bbox.height() && other.intersection(&bbox) > 0.4 * bbox.area()
            });
        (inside.area() > 0.5 * bbox.area() && !is_covered).then_some(bbox)
    }
}

/// Roughly normal with standard deviation 1: four uniform variables have variance 1/3 together.
fn bell(rng: &mut ChaCha8Rng) -> f32 {
    let sum: f32 = (0..4).map(|_| rng.random::<f32>() - 0.5).sum();
    sum * 3.0_f32.sqrt()
}

impl Noise {
    fn face(
        &self,
        person: &Passerby,
        truth: &BBox,
        secs: f32,
        rng: &mut ChaCha8Rng,
    ) -> Option<Face> {
        // Drawn in any case, so that one error does not move all later ones.
        let (dx, dy, dh) = (bell(rng), bell(rng), bell(rng));
        let (missed, dimmed) = (
            rng.random::<f32>() < self.miss,
            rng.random::<f32>() < self.dim,
        );
        let (score, wobble) = (rng.random::<f32>(), bell(rng));
        let jitter = self.jitter_ratio * truth.height();
        let height = truth.height() + jitter * dh;
        let center = truth.center();
        let bbox = BBox::new(
            center.x + jitter * dx - height * ASPECT / 2.0,
            center.y + jitter * dy - height / 2.0,
            height * ASPECT,
            height,
        )?;
        if missed {
            return None;
        }
        let during = |ranges: &[Range<f32>]| ranges.iter().any(|range| range.contains(&secs));
        let noisy = if self.jitter_ratio > 0.0 { wobble } else { 0.0 };
        let score = if dimmed {
            0.35 + 0.2 * score
        } else {
            0.8 + 0.15 * score
        };
        Some(face_of(
            &bbox,
            Score::clamped(score),
            if during(&person.looks) { 0.9 } else { 0.15 } + 0.05 * noisy,
            if during(&person.smiles) { 0.85 } else { 0.1 } + 0.05 * noisy,
        ))
    }

    fn ghost(&self, rng: &mut ChaCha8Rng) -> Option<Face> {
        let (x, y, size) = (
            rng.random::<f32>(),
            rng.random::<f32>(),
            rng.random::<f32>(),
        );
        let (score, appears) = (rng.random::<f32>(), rng.random::<f32>() < self.ghost);
        let height = 30.0 + 60.0 * size;
        let bbox = BBox::new(1_200.0 * x, 640.0 * y, height * ASPECT, height)?;
        appears.then(|| face_of(&bbox, Score::clamped(0.5 + 0.35 * score), 0.5, 0.3))
    }
}

/// A face with everything read: how much it looks and how much it smiles, each in `[0, 1]`.
pub fn face_of(bbox: &BBox, score: Score, attention: f32, happy: f32) -> Face {
    let point = |x: f32, y: f32| {
        Point::new(
            bbox.left() + x * bbox.width(),
            bbox.top() + y * bbox.height(),
        )
    };
    let happy = happy.clamp(0.0, 1.0);
    let mut weights = [(1.0 - happy) * 0.05; 7];
    weights[Expression::Neutral as usize] = (1.0 - happy) * 0.75;
    weights[Expression::Happy as usize] = happy;
    let attention = Attention::clamped(attention);
    Face {
        bbox_in_frame: *bbox,
        score,
        landmarks_in_frame: Landmarks([
            point(0.3, 0.4),
            point(0.7, 0.4),
            point(0.5, 0.6),
            point(0.35, 0.8),
            point(0.65, 0.8),
        ]),
        readings: FaceReadings {
            expression: ExpressionDistribution::from_weights(weights),
            head_pose: Some(HeadPose {
                yaw_deg: (1.0 - attention.get()) * 60.0,
                pitch_deg: 0.0,
                roll_deg: 0.0,
            }),
            attention: Some(attention),
        },
    }
}
