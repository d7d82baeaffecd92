//! The light on a face, spot by spot, and around it: what one frame tells the colour challenge.

use std::fmt;

use regard_commitments::{CountScope, Scoped};
use regard_domain::{Face, Point};

use crate::chip::{CHIP_SIDE_PX, chip_from_frame};
use crate::detector::check_live;
use crate::warp::{Border, warp};
use crate::{AnalysisError, RgbView};

/// Spots of a face that are measured.
pub const N_LIGHT_SPOTS: usize = 9;

/// Spots in the middle of the face, which the screen's light meets head on; the others are at its sides.
pub(super) const N_MIDDLE_SPOTS: usize = 5;

/// Middle and radius of each spot in the chip: forehead, nose, chin, two cheeks beside the nose; then two temples and two
/// outer cheeks. Origin: a face is about 2.1 times as wide as its eyes are apart, 37 pixels from the middle of a chip.
const SPOTS_IN_CHIP: [(f32, f32, f32); N_LIGHT_SPOTS] = [
    (56.0, 34.0, 9.0),
    (56.0, 66.0, 6.0),
    (56.0, 106.0, 5.0),
    (37.0, 76.0, 6.0),
    (75.0, 76.0, 6.0),
    (21.0, 46.0, 4.0),
    (91.0, 46.0, 4.0),
    (24.0, 76.0, 4.0),
    (88.0, 76.0, 4.0),
];

/// Columns of the chip's plane beside the head, on the right; mirrored on the left. Rows from above the eyes to the mouth.
const BESIDE: (f32, f32) = (130.0, 170.0);
const BESIDE_ROWS: (f32, f32) = (0.0, 90.0);

/// Distance of samples beside the head, in chip pixels.
const SAMPLE_STEP: f32 = 5.0;

/// Samples beside the head that have to lie in the picture. Origin: a quarter of one side.
const MIN_SAMPLES: usize = 36;

/// Light on a face and beside it in one frame, linear, each channel in `[0, 1]`.
///
/// # Privacy
/// Colours of nine spots of a face: kept for the seconds of a challenge, never printed.
#[derive(Clone, Copy, PartialEq)]
pub struct FaceLight {
    spots: [[f32; 3]; N_LIGHT_SPOTS],
    beside: Option<[f32; 3]>,
}

impl FaceLight {
    /// From measured light; nothing when a value is no light.
    pub fn new(spots: [[f32; 3]; N_LIGHT_SPOTS], beside: Option<[f32; 3]>) -> Option<Self> {
        let mut all = spots.iter().flatten().chain(beside.iter().flatten());
        let is_light = all.all(|v| (0.0..=1.0).contains(v));
        is_light.then_some(Self { spots, beside })
    }

    /// Light of the spots: the first five in the middle of the face, the rest at its sides.
    pub const fn spots(&self) -> &[[f32; 3]; N_LIGHT_SPOTS] {
        &self.spots
    }

    /// Light beside the head; `None` where too little of that is in the picture.
    pub const fn beside(&self) -> Option<[f32; 3]> {
        self.beside
    }

    /// Measures one face; nothing when its five points coincide.
    ///
    /// # Errors
    /// When the grant has ended.
    pub fn measure(
        frame: RgbView<'_>,
        face: &Face,
        key: &Scoped<CountScope>,
    ) -> Result<Option<Self>, AnalysisError> {
        check_live(key.is_live())?;
        let Some(transform) = chip_from_frame(&face.landmarks_in_frame) else {
            return Ok(None);
        };
        let frame_from_chip = transform.inverse();
        let mut chip = Vec::new();
        warp(
            frame,
            &frame_from_chip,
            CHIP_SIDE_PX,
            Border::Nearest,
            &mut chip,
        );
        let spots = SPOTS_IN_CHIP.map(|spot| mean_in_spot(&chip, spot));
        chip.fill(0);
        // Without this the compiler may leave the overwriting out, as nobody reads it.
        std::hint::black_box(&chip);
        let beside = light_beside(frame, |p| frame_from_chip.map(p));
        Ok(Self::new(spots, beside))
    }
}

impl fmt::Debug for FaceLight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaceLight({N_LIGHT_SPOTS} spots withheld)")
    }
}

fn mean_in_spot(chip: &[u8], (x, y, radius): (f32, f32, f32)) -> [f32; 3] {
    let mut mean = Mean::default();
    for (at, pixel) in chip.chunks_exact(3).enumerate() {
        let (column, row) = ((at % CHIP_SIDE_PX) as f32, (at / CHIP_SIDE_PX) as f32);
        if (column - x).hypot(row - y) <= radius {
            mean.add(pixel);
        }
    }
    mean.get().unwrap_or_default()
}

fn light_beside(frame: RgbView<'_>, frame_from_chip: impl Fn(Point) -> Point) -> Option<[f32; 3]> {
    let mut mean = Mean::default();
    let size = frame.size();
    let n_steps = |(from, to): (f32, f32)| ((to - from) / SAMPLE_STEP) as usize;
    for i in 0..n_steps(BESIDE) {
        for j in 0..n_steps(BESIDE_ROWS) {
            let right = BESIDE.0 + i as f32 * SAMPLE_STEP;
            let y = BESIDE_ROWS.0 + j as f32 * SAMPLE_STEP;
            for x in [right, CHIP_SIDE_PX as f32 - right] {
                let place = frame_from_chip(Point::new(x, y));
                let (column, row) = (place.x.floor(), place.y.floor());
                let is_inside = column >= 0.0
                    && row >= 0.0
                    && column < size.width as f32
                    && row < size.height as f32;
                if is_inside {
                    let at = (row as usize * size.width as usize + column as usize) * 3;
                    mean.add(&frame.pixels()[at..at + 3]);
                }
            }
        }
    }
    mean.get().filter(|_| mean.n >= MIN_SAMPLES)
}

#[derive(Default)]
struct Mean {
    sum: [f32; 3],
    n: usize,
}

impl Mean {
    fn add(&mut self, pixel: &[u8]) {
        for (sum, value) in self.sum.iter_mut().zip(pixel) {
            *sum += linear(*value);
        }
        self.n += 1;
    }

    fn get(&self) -> Option<[f32; 3]> {
        (self.n > 0).then(|| self.sum.map(|s| (s / self.n as f32).min(1.0)))
    }
}

/// Light of a coded value.
///
/// # Source
/// IEC 61966-2-1 (sRGB).
pub(super) fn linear(value: u8) -> f32 {
    let v = f32::from(value) / 255.0;
    if v <= 0.040_45 {
        v / 12.92
    } else {
        ((v + 0.055) / 1.055).powf(2.4)
    }
}
