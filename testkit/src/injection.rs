//! Small movements put into a face at rest: a real clip at a made-up rate of frames, with local warps at known times.
//!
//! **What it is not.** A warp of skin is no micro-expression: nobody has shown that spotting the one is spotting the other. Frames
//! between those of the clip are weighted means of its four nearest, brought over each other by where the head is: what a face does
//! faster than half the clip's own rate is not in them, and neither is the noise that such frames would have; fresh noise of a
//! sensor is put on top. The clip runs to and fro, so that it can last longer than it is. Light does not flicker, nothing is
//! compressed, every frame comes on time.

mod noise;
mod resample;

use rand::{Rng, RngExt};
use regard_domain::Point;

pub use self::noise::SensorNoise;
pub use self::resample::{NeutralClip, PosedFrame};

/// What moves, and where to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Both inner brows, up.
    InnerBrowsUp,
    /// One outer brow, up.
    OuterBrowUp,
    /// Both inner brows, down and together.
    BrowsDown,
    /// Both cheeks, up.
    CheeksUp,
    /// Both wings of the nose, up.
    NoseUp,
    /// Both corners of the mouth, outwards and up.
    CornersUp,
    /// One corner of the mouth, outwards and up.
    OneCornerUp,
    /// Both corners of the mouth, down.
    CornersDown,
    /// Upper lip, up.
    UpperLipUp,
    /// Chin and lower lip, up.
    ChinUp,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::InnerBrowsUp,
        Self::OuterBrowUp,
        Self::BrowsDown,
        Self::CheeksUp,
        Self::NoseUp,
        Self::CornersUp,
        Self::OneCornerUp,
        Self::CornersDown,
        Self::UpperLipUp,
        Self::ChinUp,
    ];
}

/// Where things are in a face; left is left in the image. In pixels of the clip's first frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FacePlaces {
    /// Outer corners of the eyes, left and right: their distance is the unit of heights.
    pub outer_eyes: [Point; 2],
    /// Inner ends of the brows.
    pub inner_brows: [Point; 2],
    /// Outer halves of the brows.
    pub outer_brows: [Point; 2],
    /// Cheeks below the eyes.
    pub cheeks: [Point; 2],
    /// Wings of the nose.
    pub nose_wings: [Point; 2],
    /// Corners of the mouth.
    pub mouth_corners: [Point; 2],
    /// Middle of the upper lip.
    pub upper_lip: Point,
    /// Boss of the chin.
    pub chin: Point,
}

impl FacePlaces {
    /// Distance between the outer corners of the eyes, in pixels.
    pub fn eye_distance_px(&self) -> f32 {
        self.outer_eyes[0].distance(self.outer_eyes[1])
    }
}

/// Skin around one place, moved one way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Warp {
    /// Its middle, in pixels of the clip's first frame.
    pub middle: Point,
    /// How far it goes at its height, right and down, in the same pixels.
    pub by: (f32, f32),
    /// Deviation of the normal curve with which it fades around the middle, in the same pixels.
    pub reach_px: f32,
}

/// One movement: when, what, how far.
#[derive(Clone, Debug, PartialEq)]
pub struct Injection {
    /// What.
    pub action: Action,
    /// Number of the first frame that shows it.
    pub from: u64,
    /// How many frames show it.
    pub n_frames: u64,
    /// Where in it the height is, in `[0, 1]`.
    pub apex: f32,
    /// How far it goes, in distances between the outer eye corners.
    pub height: f32,
    /// The skin that moves.
    pub warps: Vec<Warp>,
}

impl Injection {
    /// How far of the way it is in a frame, in `[0, 1]`; 0 before and after. A raised cosine up to the height, another one down.
    pub fn share_at(&self, frame: u64) -> f32 {
        let Some(nth) = frame
            .checked_sub(self.from)
            .filter(|nth| *nth < self.n_frames)
        else {
            return 0.0;
        };
        let phase = (nth + 1) as f32 / (self.n_frames + 1) as f32;
        let turned = if phase < self.apex {
            phase / self.apex
        } else {
            (1.0 - phase) / (1.0 - self.apex)
        };
        0.5 - 0.5 * (turned * std::f32::consts::PI).cos()
    }
}

/// What is put in, and how much of it.
#[derive(Clone, Debug, PartialEq)]
pub struct InjectionPlan {
    /// Frames that the whole lasts.
    pub n_frames: u64,
    /// Frames a second.
    pub fps: f64,
    /// Fewest and most frames of one movement.
    pub lengths: (u64, u64),
    /// Least and greatest height, in distances between the outer eye corners.
    pub heights: (f32, f32),
    /// Least and greatest rest between two movements, in seconds.
    pub rests_secs: (f64, f64),
}

impl InjectionPlan {
    /// Draws movements of all kinds in turn, one after the other with rests between them. Their places are off by up to a twentieth
    /// of the distance between the eyes, and reach a tenth to two tenths of it.
    pub fn draw(&self, places: &FacePlaces, rng: &mut impl Rng) -> Vec<Injection> {
        let mut drawn = Vec::new();
        let mut next = self.rest(rng);
        let first: usize = rng.random_range(0..Action::ALL.len());
        loop {
            let n_frames = rng.random_range(self.lengths.0..=self.lengths.1);
            let rest = self.rest(rng);
            if next + n_frames + rest > self.n_frames {
                return drawn;
            }
            let action = Action::ALL[(first + drawn.len() * 3) % Action::ALL.len()];
            let height = rng.random_range(self.heights.0..=self.heights.1);
            drawn.push(Injection {
                action,
                from: next,
                n_frames,
                apex: rng.random_range(0.35..0.65),
                height,
                warps: warps(action, height, places, rng),
            });
            next += n_frames + rest;
        }
    }

    fn rest(&self, rng: &mut impl Rng) -> u64 {
        let secs = rng.random_range(self.rests_secs.0..=self.rests_secs.1);
        (secs * self.fps).ceil() as u64
    }
}

fn warps(action: Action, height: f32, places: &FacePlaces, rng: &mut impl Rng) -> Vec<Warp> {
    let unit = places.eye_distance_px();
    let [left, right] = places.outer_eyes;
    // Along the eyes and across them, however the head is tilted.
    let (ax, ay) = ((right.x - left.x) / unit, (right.y - left.y) / unit);
    let side = usize::from(rng.random_bool(0.5));
    let diagonal = std::f32::consts::FRAC_1_SQRT_2;
    // Outwards and down, in eye distances: outwards of the left side is to the left.
    let (spots, outward, down): (Vec<(Point, f32)>, f32, f32) = match action {
        Action::InnerBrowsUp => (both(places.inner_brows), 0.0, -1.0),
        Action::OuterBrowUp => (one(places.outer_brows, side), 0.0, -1.0),
        Action::BrowsDown => (both(places.inner_brows), -0.5, 0.87),
        Action::CheeksUp => (both(places.cheeks), 0.0, -1.0),
        Action::NoseUp => (both(places.nose_wings), 0.0, -1.0),
        Action::CornersUp => (both(places.mouth_corners), diagonal, -diagonal),
        Action::OneCornerUp => (one(places.mouth_corners, side), diagonal, -diagonal),
        Action::CornersDown => (both(places.mouth_corners), 0.0, 1.0),
        Action::UpperLipUp => (vec![(places.upper_lip, 0.0)], 0.0, -1.0),
        Action::ChinUp => (vec![(places.chin, 0.0)], 0.0, -1.0),
    };
    spots
        .into_iter()
        .map(|(spot, sign)| {
            let (along, across) = (outward * sign * height * unit, down * height * unit);
            let off = 0.05 * unit;
            Warp {
                middle: Point::new(
                    spot.x + rng.random_range(-off..off),
                    spot.y + rng.random_range(-off..off),
                ),
                by: (along * ax - across * ay, along * ay + across * ax),
                reach_px: rng.random_range(0.1..0.2) * unit,
            }
        })
        .collect()
}

fn both(points: [Point; 2]) -> Vec<(Point, f32)> {
    vec![(points[0], -1.0), (points[1], 1.0)]
}

fn one(points: [Point; 2], side: usize) -> Vec<(Point, f32)> {
    vec![both(points)[side]]
}

#[cfg(test)]
mod tests;
