//! The screen lights the face with colours in an order drawn at random, and the face has to throw them back.
//!
//! A living face near a screen is lit by it; a screen that shows a face shines by itself and hardly reflects; a recording
//! follows other colours; a picture tinted by a program is tinted all over. A print is lit as a face is, but evenly: what
//! tells it is that the light of a face falls off to its sides. Where the room lights the face from the front as well, that is
//! not to be seen, so that a print may pass: the turn of the head is the check against prints.

mod answer;

use std::time::Duration;

use rand::CryptoRng;
use rand::seq::IndexedRandom;
use regard_domain::Timestamp;

pub use self::answer::ColorAnswer;
use super::light::{FaceLight, N_LIGHT_SPOTS, linear};
use super::{Liveness, LivenessFault};

/// Colours drawn from: far apart in hue, none darker than a quarter of the brightest, so that their change is no flash.
const PALETTE: [[u8; 3]; 6] = [
    [255, 70, 70],
    [60, 220, 80],
    [90, 120, 255],
    [240, 200, 40],
    [50, 210, 220],
    [255, 90, 220],
];

/// Colours of a challenge: 6 · 5^9, some 12 million orders.
const N_STEPS: usize = 10;

/// How long each is shown. Twice a second is below the three flashes a second of WCAG 2.3.1, and no message may flash
/// for less than 50 ms.
const STEP: Duration = Duration::from_millis(500);

/// Other orders that the light on the face is held against: the true one has to explain it better than each.
const N_DECOYS: usize = 400;

/// Longest gap between frames with exactly one face.
const MAX_GAP: Duration = Duration::from_millis(700);

/// Longest time from a colour's being asked for to its light in a frame: display 20 ms, exposure 33, browser and decoding
/// 50 to 250, and some to spare. What comes later comes by way of somebody.
pub const MAX_COLOR_LATENCY: Duration = Duration::from_millis(500);

/// How long frames are taken in after the last colour, so that late answers are seen to be late.
const AFTER: Duration = Duration::from_millis(1_500);

/// Most frames taken in; later ones are left out. Origin: 60 a second for as long as a challenge lasts.
const MAX_FRAMES: usize = 400;

/// Fewest frames that say anything: three a colour.
const MIN_FRAMES: usize = 3 * N_STEPS;

/// One colour of a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColorStep {
    /// sRGB, to fill the screen with.
    pub color: [u8; 3],
    /// How long.
    pub lasts: Duration,
}

/// An order of colours, by their numbers.
type Order = [u8; N_STEPS];

/// What a frame adds: when, and the hue of each spot and of what is beside the head.
#[derive(Clone, Copy)]
struct Sample {
    secs: f32,
    spots: [[f32; 2]; N_LIGHT_SPOTS],
    beside: Option<[f32; 2]>,
}

/// One colour challenge: a state machine of measurements and times.
///
/// # Privacy
/// Holds hues of spots of one face for some seconds; nothing of it is a template. Lives for one attempt.
pub struct ColorChallenge {
    order: Order,
    decoys: Vec<Order>,
    begun: Option<Timestamp>,
    last_seen: Option<Timestamp>,
    is_lost: bool,
    samples: Vec<Sample>,
}

impl ColorChallenge {
    /// A challenge nobody can foresee.
    pub fn new(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let order = draw(rng);
        let mut decoys: Vec<Order> = (0..N_DECOYS).map(|_| draw(rng)).collect();
        decoys.retain(|decoy| *decoy != order);
        Self {
            order,
            decoys,
            begun: None,
            last_seen: None,
            is_lost: false,
            samples: Vec::new(),
        }
    }

    /// What the screen is to show, in order.
    pub fn steps(&self) -> impl ExactSizeIterator<Item = ColorStep> {
        self.order.iter().map(|number| ColorStep {
            color: PALETTE[usize::from(*number)],
            lasts: STEP,
        })
    }

    /// How long the colours are shown.
    pub const fn duration() -> Duration {
        STEP.saturating_mul(N_STEPS as u32)
    }

    /// The screen began to show the first colour at this time, as it reports itself.
    pub fn begin(&mut self, at: Timestamp) {
        self.begun = Some(at);
        self.last_seen = Some(at);
        self.is_lost = false;
        self.samples.clear();
    }

    /// A frame with its capture time; `None` where not exactly one face was in it. Frames before [`ColorChallenge::begin`] and
    /// out of order are left out.
    pub fn observe(&mut self, at: Timestamp, light: Option<&FaceLight>) {
        let (Some(begun), Some(last_seen)) = (self.begun, self.last_seen) else {
            return;
        };
        if at < begun || at > begun.plus(Self::duration()).plus(AFTER) {
            return;
        }
        self.is_lost |= at.saturating_since(last_seen) > MAX_GAP;
        let Some(light) = light else { return };
        if at < last_seen || self.samples.len() >= MAX_FRAMES {
            return;
        }
        self.last_seen = Some(at);
        self.samples.push(Sample {
            secs: at.secs_since(begun),
            spots: light.spots().map(hue),
            beside: light.beside().filter(|l| is_lit(*l)).map(hue),
        });
    }

    /// Whether it is passed, at this time.
    pub fn verdict(&self, now: Timestamp) -> Liveness {
        let Some(begun) = self.begun else {
            return Liveness::Pending;
        };
        if self.is_lost {
            return Liveness::Failed(vec![LivenessFault::FaceLost]);
        }
        let end = begun.plus(Self::duration()).plus(AFTER);
        if now < end {
            return Liveness::Pending;
        }
        let end_of_colors = begun.plus(Self::duration());
        if self
            .last_seen
            .is_none_or(|seen| end_of_colors.saturating_since(seen) > MAX_GAP)
        {
            return Liveness::Failed(vec![LivenessFault::FaceLost]);
        }
        if self.samples.len() < MIN_FRAMES {
            return Liveness::Failed(vec![LivenessFault::TooFewFrames]);
        }
        let faults = self.answer().faults();
        if faults.is_empty() {
            Liveness::Passed
        } else {
            Liveness::Failed(faults)
        }
    }

    /// What the light on the face says: figures behind the verdict.
    pub fn answer(&self) -> ColorAnswer {
        ColorAnswer::of(&self.order, &self.decoys, &self.samples)
    }
}

impl std::fmt::Debug for ColorChallenge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ColorChallenge({} frames)", self.samples.len())
    }
}

/// An order in which no colour follows itself.
fn draw(rng: &mut (impl CryptoRng + ?Sized)) -> Order {
    const NUMBERS: [u8; PALETTE.len()] = [0, 1, 2, 3, 4, 5];
    let mut order = [0; N_STEPS];
    let mut before = None;
    for step in &mut order {
        let others: Vec<u8> = NUMBERS.into_iter().filter(|n| Some(*n) != before).collect();
        *step = *others.choose(rng).expect("five colours are left");
        before = Some(*step);
    }
    order
}

/// Light added so that the logarithm of darkness stays small: half of one step of an eight-bit camera near black.
const DARK: f32 = 0.002;

/// Least light beside the head whose hue is worth anything.
fn is_lit(light: [f32; 3]) -> bool {
    light.iter().sum::<f32>() / 3.0 > 0.01
}

/// Red against green, and blue against both, in logarithms: what a lamp adds to these does not depend on the colour of what
/// it lights, and exposure drops out.
fn hue([r, g, b]: [f32; 3]) -> [f32; 2] {
    let [r, g, b] = [r, g, b].map(|v| (v + DARK).ln());
    [r - g, b - 0.5 * (r + g)]
}

/// The same of the screen's colours, as light: small additions show in proportion to it.
fn push(number: u8) -> [f32; 2] {
    let [r, g, b] = PALETTE[usize::from(number)].map(linear);
    [r - g, b - 0.5 * (r + g)]
}

#[cfg(test)]
mod tests;
