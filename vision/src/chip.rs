//! The aligned crop of a face.

use std::fmt;

use regard_commitments::{CountScope, Scoped};
use regard_domain::{Face, Landmarks, Point, SimilarityTransform};

use crate::warp::{Border, warp};
use crate::{AnalysisError, RgbView};

/// Side of a chip in pixels.
pub const CHIP_SIDE_PX: usize = 112;

/// Where the five points lie in a chip.
///
/// # Source
/// Model card `sface-2021dec-int8`.
const POINTS_IN_CHIP: [Point; 5] = [
    Point::new(38.2946, 51.6963),
    Point::new(73.5318, 51.5014),
    Point::new(56.0252, 71.7366),
    Point::new(41.5493, 92.3655),
    Point::new(70.7299, 92.2041),
];

/// The transform that lays the five points of a face onto their places in a chip; nothing when the
/// points coincide.
///
/// # Source
/// Umeyama 1991 on the points of the model card.
pub fn chip_from_frame(landmarks_in_frame: &Landmarks) -> Option<SimilarityTransform> {
    SimilarityTransform::fit(&landmarks_in_frame.0, &POINTS_IN_CHIP)
}

/// A face, upright and of fixed size, 112 × 112 RGB: what embeddings are made of.
///
/// # Privacy
/// The picture of one face. Never printed, never serialized, overwritten when dropped; only
/// `Grant<Recognition>` turns it into more.
pub struct FaceChip {
    pixels: Vec<u8>,
    chip_from_frame: SimilarityTransform,
}

impl FaceChip {
    /// Cuts a face out of a frame; nothing when its five points coincide. Black outside the frame.
    ///
    /// # Errors
    /// When the grant has ended.
    pub fn cut(
        frame: RgbView<'_>,
        face: &Face,
        key: &Scoped<CountScope>,
    ) -> Result<Option<Self>, AnalysisError> {
        crate::detector::check_live(key.is_live())?;
        let Some(chip_from_frame) = chip_from_frame(&face.landmarks_in_frame) else {
            return Ok(None);
        };
        let mut pixels = Vec::new();
        let frame_from_chip = chip_from_frame.inverse();
        warp(
            frame,
            &frame_from_chip,
            CHIP_SIDE_PX,
            Border::Black,
            &mut pixels,
        );
        Ok(Some(Self {
            pixels,
            chip_from_frame,
        }))
    }

    /// The pixels, row by row, RGB.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// How it was cut out.
    pub const fn chip_from_frame(&self) -> &SimilarityTransform {
        &self.chip_from_frame
    }
}

impl Drop for FaceChip {
    fn drop(&mut self) {
        self.pixels.fill(0);
        // Without this the compiler may leave the overwriting out, as nobody reads it.
        std::hint::black_box(&self.pixels);
    }
}

impl fmt::Debug for FaceChip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaceChip(112x112, pixels withheld)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn frame_from_chip_undoes_chip_from_frame(
            scale in 0.2_f32..8.0, angle in -1.5_f32..1.5, x in -50.0_f32..2_000.0, y in -50.0_f32..2_000.0,
            wobble in proptest::array::uniform5((-2.0_f32..2.0, -2.0_f32..2.0)),
        ) {
            let truth = SimilarityTransform::new(scale, angle, x, y).unwrap();
            let mut points = POINTS_IN_CHIP;
            for (point, (dx, dy)) in points.iter_mut().zip(wobble) {
                *point = truth.map(Point::new(point.x + dx, point.y + dy));
            }
            let there = chip_from_frame(&Landmarks(points)).unwrap();
            let back = there.inverse();
            for point in points {
                prop_assert!(back.map(there.map(point)).distance(point) < 0.05 * scale.max(1.0));
                // The wobble is all that is left between a point and its place.
            }
            let left_eye = there.map(points[0]);
            prop_assert!(left_eye.distance(POINTS_IN_CHIP[0]) < 6.0);
        }
    }

    #[test]
    fn five_points_in_one_give_no_chip() {
        assert!(chip_from_frame(&Landmarks([Point::new(3.0, 4.0); 5])).is_none());
    }
}
