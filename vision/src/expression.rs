//! What faces show: seven expressions, calibrated.

mod calibration;

use regard_commitments::{ExpressionScope, Scoped};
use regard_domain::{BBox, Expression, ExpressionDistribution, SimilarityTransform};
use regard_inference::Network;

pub use self::calibration::Temperature;
use crate::detector::check_live;
use crate::model::Model;
use crate::warp::{Border, gray, warp_rows};
use crate::{AnalysisError, RgbView};

/// Ids of the two networks in the catalogue.
pub(crate) const FACE_API_ID: &str = "faceapi-expression";
pub(crate) const MINI_XCEPTION_ID: &str = "fer-mini-xception";

/// Least probability at which an expression is called by its name; below, it is uncertain.
/// Origin: a fifth of the 4,102 FER2013 Training faces lie below at [`Temperature::FITTED`], so that four
/// fifths are named; on PublicTest those named are right in 67 % and all in 61 %.
pub const CERTAIN_FROM: f32 = 0.42;

/// Faces given to the networks at once: bounds memory (8 faces and mirror images: 15 MB in rten).
const MAX_BATCH: usize = 8;

const FACE_API_SIDE_PX: usize = 112;
const MINI_XCEPTION_SIDE_PX: usize = 64;

/// Outputs of face-api in the order of the model card.
const FACE_API_ORDER: [Expression; 7] = [
    Expression::Neutral,
    Expression::Happy,
    Expression::Sad,
    Expression::Angry,
    Expression::Fearful,
    Expression::Disgusted,
    Expression::Surprised,
];

/// Outputs of mini-Xception in the order of the model card.
const MINI_XCEPTION_ORDER: [Expression; 7] = [
    Expression::Angry,
    Expression::Disgusted,
    Expression::Fearful,
    Expression::Happy,
    Expression::Sad,
    Expression::Surprised,
    Expression::Neutral,
];

/// What each network said and what follows, for one face. All but the last are raw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExpressionDetail {
    /// face-api, mean of the face and its mirror image.
    pub face_api: ExpressionDistribution,
    /// mini-Xception, mean of the face and its mirror image.
    pub mini_xception: ExpressionDistribution,
    /// Mean of both.
    pub combined: ExpressionDistribution,
    /// Mean of both at [`Temperature::FITTED`].
    pub calibrated: ExpressionDistribution,
}

/// Two expression networks, on each face and its mirror image.
///
/// # Privacy
/// Says what a face shows, not what anyone feels; needs the scope `expression`. Keeps the crops of
/// the last faces until the next.
///
/// # Source
/// Model cards `faceapi-expression` and `fer-mini-xception`.
pub struct ExpressionAnalyzer {
    face_api: Model,
    mini_xception: Model,
    temperature: Temperature,
    input: Vec<f32>,
}

impl ExpressionAnalyzer {
    /// An analyser on two loaded networks.
    pub fn new(face_api: Box<dyn Network>, mini_xception: Box<dyn Network>) -> Self {
        Self {
            face_api: Model::new(FACE_API_ID, face_api),
            mini_xception: Model::new(MINI_XCEPTION_ID, mini_xception),
            temperature: Temperature::FITTED,
            input: Vec::new(),
        }
    }

    /// What the faces in these boxes show, in their order. Where a box leaves the picture, the
    /// nearest pixels stand in.
    ///
    /// # Errors
    /// When the grant has ended or a network fails.
    pub fn analyze(
        &mut self,
        frame: RgbView<'_>,
        bboxes_in_frame: &[BBox],
        key: &Scoped<ExpressionScope>,
    ) -> Result<Vec<ExpressionDetail>, AnalysisError> {
        let mut details = Vec::with_capacity(bboxes_in_frame.len());
        for batch in bboxes_in_frame.chunks(MAX_BATCH) {
            check_live(key.is_live())?;
            let face_api = self.run_face_api(frame, batch)?;
            let mini_xception = self.run_mini_xception(frame, batch)?;
            for (face_api, mini_xception) in face_api.into_iter().zip(mini_xception) {
                let combined = face_api.mixed(&mini_xception, 0.5);
                details.push(ExpressionDetail {
                    face_api,
                    mini_xception,
                    combined,
                    calibrated: self.temperature.apply(&combined),
                });
            }
        }
        Ok(details)
    }

    /// `[2n, 3, 112, 112]`: each face and its mirror image, RGB planes in 0..255.
    fn run_face_api(
        &mut self,
        frame: RgbView<'_>,
        bboxes: &[BBox],
    ) -> Result<Vec<ExpressionDistribution>, AnalysisError> {
        const SIDE: usize = FACE_API_SIDE_PX;
        const PLANE: usize = SIDE * SIDE;
        self.input.resize(bboxes.len() * 6 * PLANE, 0.0);
        for (bbox, pair) in bboxes.iter().zip(self.input.chunks_exact_mut(6 * PLANE)) {
            let (own, mirrored) = pair.split_at_mut(3 * PLANE);
            crop_square(frame, bbox, SIDE, |y, row| {
                for channel in 0..3 {
                    let place = channel * PLANE + y * SIDE..channel * PLANE + (y + 1) * SIDE;
                    let values = row.iter().skip(channel).step_by(3);
                    put_mirrored(
                        &mut own[place.clone()],
                        &mut mirrored[place],
                        values.copied(),
                    );
                }
            });
        }
        let n = bboxes.len() * 2;
        self.face_api.run(&[n, 3, SIDE, SIDE], &self.input)?;
        read_pairs(&self.face_api, n, &FACE_API_ORDER)
    }

    /// `[2n, 64, 64, 1]`: each face and its mirror image, gray in -1..1.
    fn run_mini_xception(
        &mut self,
        frame: RgbView<'_>,
        bboxes: &[BBox],
    ) -> Result<Vec<ExpressionDistribution>, AnalysisError> {
        const SIDE: usize = MINI_XCEPTION_SIDE_PX;
        const PLANE: usize = SIDE * SIDE;
        self.input.resize(bboxes.len() * 2 * PLANE, 0.0);
        for (bbox, pair) in bboxes.iter().zip(self.input.chunks_exact_mut(2 * PLANE)) {
            let (own, mirrored) = pair.split_at_mut(PLANE);
            crop_square(frame, bbox, SIDE, |y, row| {
                let place = y * SIDE..(y + 1) * SIDE;
                let values = row.as_chunks::<3>().0.iter();
                let values = values.map(|&rgb| (gray(rgb) / 255.0 - 0.5) * 2.0);
                put_mirrored(&mut own[place.clone()], &mut mirrored[place], values);
            });
        }
        let n = bboxes.len() * 2;
        self.mini_xception.run(&[n, SIDE, SIDE, 1], &self.input)?;
        read_pairs(&self.mini_xception, n, &MINI_XCEPTION_ORDER)
    }
}

/// Values of a row as they are, and from the other end.
fn put_mirrored(own: &mut [f32], mirrored: &mut [f32], values: impl Iterator<Item = f32>) {
    let places = own.iter_mut().zip(mirrored.iter_mut().rev());
    for ((own, mirrored), value) in places.zip(values) {
        (*own, *mirrored) = (value, value);
    }
}

/// The square around the larger side of a box, scaled, row by row into `put`.
fn crop_square(frame: RgbView<'_>, bbox: &BBox, side: usize, mut put: impl FnMut(usize, &[f32])) {
    let longest = bbox.width().max(bbox.height());
    let (left, top) = (
        bbox.center().x - longest * 0.5,
        bbox.center().y - longest * 0.5,
    );
    let frame_from_crop = SimilarityTransform::new(longest / side as f32, 0.0, left, top);
    match frame_from_crop {
        Some(transform) => warp_rows(frame, &transform, side, Border::Nearest, put),
        // Only when the square of a valid box overflows: nothing to be seen there.
        None => (0..side).for_each(|y| put(y, &vec![0.0; side * 3])),
    }
}

/// Mean of each face and its mirror image, in our order.
fn read_pairs(
    model: &Model,
    n: usize,
    order: &[Expression; 7],
) -> Result<Vec<ExpressionDistribution>, AnalysisError> {
    let values = model.output(0, n * 7)?;
    values
        .chunks_exact(14)
        .map(|pair| {
            let mut weights = [0.0_f32; 7];
            for (i, expression) in order.iter().enumerate() {
                weights[*expression as usize] = pair[i] + pair[i + 7];
            }
            ExpressionDistribution::from_weights(weights)
                .ok_or_else(|| model.unexpected("values that are no probabilities".to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_orders_hold_all_seven() {
        for order in [FACE_API_ORDER, MINI_XCEPTION_ORDER] {
            let mut sorted = order;
            sorted.sort();
            assert_eq!(sorted, Expression::ALL);
        }
    }
}
