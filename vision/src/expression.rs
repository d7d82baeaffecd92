//! What faces show: seven expressions, calibrated.

mod calibration;

use regard_commitments::{ExpressionScope, Scoped};
use regard_domain::{BBox, Expression, ExpressionDistribution, SimilarityTransform};
use regard_inference::Network;

pub use self::calibration::Temperature;
use crate::detector::check_live;
use crate::model::Model;
use crate::warp::{Border, gray, warp};
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
    crop: Vec<u8>,
    input: Vec<f32>,
}

impl ExpressionAnalyzer {
    /// An analyser on two loaded networks.
    pub fn new(face_api: Box<dyn Network>, mini_xception: Box<dyn Network>) -> Self {
        Self {
            face_api: Model::new(FACE_API_ID, face_api),
            mini_xception: Model::new(MINI_XCEPTION_ID, mini_xception),
            temperature: Temperature::FITTED,
            crop: Vec::new(),
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
        self.input.clear();
        for bbox in bboxes {
            crop_square(frame, bbox, SIDE, &mut self.crop);
            let start = self.input.len();
            for channel in 0..3 {
                let plane = self.crop.iter().skip(channel).step_by(3);
                self.input.extend(plane.map(|v| f32::from(*v)));
            }
            append_mirrored(&mut self.input, start, SIDE);
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
        self.input.clear();
        for bbox in bboxes {
            crop_square(frame, bbox, SIDE, &mut self.crop);
            let start = self.input.len();
            self.input
                .extend(gray(&self.crop).map(|v| (v / 255.0 - 0.5) * 2.0));
            append_mirrored(&mut self.input, start, SIDE);
        }
        let n = bboxes.len() * 2;
        self.mini_xception.run(&[n, SIDE, SIDE, 1], &self.input)?;
        read_pairs(&self.mini_xception, n, &MINI_XCEPTION_ORDER)
    }
}

/// The square around the larger side of a box, scaled.
fn crop_square(frame: RgbView<'_>, bbox: &BBox, side: usize, crop: &mut Vec<u8>) {
    let longest = bbox.width().max(bbox.height());
    let (left, top) = (
        bbox.center().x - longest * 0.5,
        bbox.center().y - longest * 0.5,
    );
    let frame_from_crop = SimilarityTransform::new(longest / side as f32, 0.0, left, top);
    match frame_from_crop {
        Some(transform) => warp(frame, &transform, side, Border::Nearest, crop),
        // Only when the square of a valid box overflows: nothing to be seen there.
        None => {
            crop.clear();
            crop.resize(side * side * 3, 0);
        }
    }
}

/// Appends the mirror image of the planes from `start` on.
fn append_mirrored(input: &mut Vec<f32>, start: usize, side: usize) {
    let end = input.len();
    for row in (start..end).step_by(side) {
        for x in (0..side).rev() {
            input.push(input[row + x]);
        }
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
    fn mirrored_twice_is_the_same() {
        let mut input: Vec<f32> = (0..12).map(|v| v as f32).collect();
        append_mirrored(&mut input, 0, 3);
        assert_eq!(input[12..15], [2.0, 1.0, 0.0]);
        let once = input[12..].to_vec();
        let mut again = once.clone();
        append_mirrored(&mut again, 0, 3);
        assert_eq!(again[12..], input[..12]);
    }

    #[test]
    fn the_two_orders_hold_all_seven() {
        for order in [FACE_API_ORDER, MINI_XCEPTION_ORDER] {
            let mut sorted = order;
            sorted.sort();
            assert_eq!(sorted, Expression::ALL);
        }
    }
}
