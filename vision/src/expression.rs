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

/// Which images of a face are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Views {
    /// The face and its mirror image: the mean of both is counted.
    Both,
    /// The face as it is.
    Plain,
    /// Its mirror image.
    Mirrored,
}

impl Views {
    /// For a face of a film that is read again and again, after that many readings: both the first time, then one at a
    /// time by turns, at half the cost. Where readings are smoothed over some of them, that comes to the mean of both;
    /// `accuracy_7_in_turn` of `cargo xtask accuracy` tells what it costs.
    pub const fn in_turn(n_readings: u32) -> Self {
        match n_readings {
            0 => Self::Both,
            n if n % 2 == 0 => Self::Mirrored,
            _ => Self::Plain,
        }
    }

    /// Whether each image is mirrored.
    const fn are_mirrored(self) -> &'static [bool] {
        match self {
            Self::Both => &[false, true],
            Self::Plain => &[false],
            Self::Mirrored => &[true],
        }
    }
}

/// What each network said and what follows, for one face. All but the last are raw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExpressionDetail {
    /// face-api, mean of the images that were read.
    pub face_api: ExpressionDistribution,
    /// mini-Xception, mean of the images that were read.
    pub mini_xception: ExpressionDistribution,
    /// Mean of both.
    pub combined: ExpressionDistribution,
    /// Mean of both at [`Temperature::FITTED`].
    pub calibrated: ExpressionDistribution,
}

/// Two expression networks, on each face and its mirror image, or on one of them.
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
        views: Views,
        key: &Scoped<ExpressionScope>,
    ) -> Result<Vec<ExpressionDetail>, AnalysisError> {
        let mut details = Vec::with_capacity(bboxes_in_frame.len());
        for batch in bboxes_in_frame.chunks(MAX_BATCH) {
            check_live(key.is_live())?;
            let face_api = self.run_face_api(frame, batch, views)?;
            let mini_xception = self.run_mini_xception(frame, batch, views)?;
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

    /// `[n, 3, 112, 112]`: the images of each face, RGB planes in 0..255.
    fn run_face_api(
        &mut self,
        frame: RgbView<'_>,
        bboxes: &[BBox],
        views: Views,
    ) -> Result<Vec<ExpressionDistribution>, AnalysisError> {
        const SIDE: usize = FACE_API_SIDE_PX;
        const PLANE: usize = SIDE * SIDE;
        let are_mirrored = views.are_mirrored();
        let n = bboxes.len() * are_mirrored.len();
        self.input.resize(n * 3 * PLANE, 0.0);
        let images = self.input.chunks_exact_mut(are_mirrored.len() * 3 * PLANE);
        for (bbox, images) in bboxes.iter().zip(images) {
            crop_square(frame, bbox, SIDE, |y, row| {
                for (image, is_mirrored) in images.chunks_exact_mut(3 * PLANE).zip(are_mirrored) {
                    for (channel, plane) in image.chunks_exact_mut(PLANE).enumerate() {
                        let values = row.iter().skip(channel).step_by(3).copied();
                        put_row(&mut plane[y * SIDE..(y + 1) * SIDE], *is_mirrored, values);
                    }
                }
            });
        }
        self.face_api.run(&[n, 3, SIDE, SIDE], &self.input)?;
        read_means(&self.face_api, (n, are_mirrored.len()), &FACE_API_ORDER)
    }

    /// `[n, 64, 64, 1]`: the images of each face, gray in -1..1.
    fn run_mini_xception(
        &mut self,
        frame: RgbView<'_>,
        bboxes: &[BBox],
        views: Views,
    ) -> Result<Vec<ExpressionDistribution>, AnalysisError> {
        const SIDE: usize = MINI_XCEPTION_SIDE_PX;
        const PLANE: usize = SIDE * SIDE;
        let are_mirrored = views.are_mirrored();
        let n = bboxes.len() * are_mirrored.len();
        self.input.resize(n * PLANE, 0.0);
        let images = self.input.chunks_exact_mut(are_mirrored.len() * PLANE);
        for (bbox, images) in bboxes.iter().zip(images) {
            crop_square(frame, bbox, SIDE, |y, row| {
                for (image, is_mirrored) in images.chunks_exact_mut(PLANE).zip(are_mirrored) {
                    let values = row.as_chunks::<3>().0.iter();
                    let values = values.map(|&rgb| (gray(rgb) / 255.0 - 0.5) * 2.0);
                    put_row(&mut image[y * SIDE..(y + 1) * SIDE], *is_mirrored, values);
                }
            });
        }
        self.mini_xception.run(&[n, SIDE, SIDE, 1], &self.input)?;
        let read = (n, are_mirrored.len());
        read_means(&self.mini_xception, read, &MINI_XCEPTION_ORDER)
    }
}

/// Values of a row as they are, or from the other end.
fn put_row(row: &mut [f32], is_mirrored: bool, values: impl Iterator<Item = f32>) {
    if is_mirrored {
        for (place, value) in row.iter_mut().rev().zip(values) {
            *place = value;
        }
    } else {
        for (place, value) in row.iter_mut().zip(values) {
            *place = value;
        }
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

/// Means over the `each` images of every face, of `n` images in all, in our order.
fn read_means(
    model: &Model,
    (n, each): (usize, usize),
    order: &[Expression; 7],
) -> Result<Vec<ExpressionDistribution>, AnalysisError> {
    let values = model.output(0, n * 7)?;
    values
        .chunks_exact(each * 7)
        .map(|images| {
            let mut weights = [0.0_f32; 7];
            for image in images.chunks_exact(7) {
                for (expression, value) in order.iter().zip(image) {
                    weights[*expression as usize] += value;
                }
            }
            ExpressionDistribution::from_weights(weights)
                .ok_or_else(|| model.unexpected("values that are no probabilities".to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Over any run of readings after the first, the face and its mirror image are read as often, but for one.
    #[test]
    fn both_images_take_turns() {
        assert_eq!(Views::in_turn(0), Views::Both);
        let mut ahead = 0_i32;
        for n in 1..100 {
            ahead += match Views::in_turn(n) {
                Views::Both => panic!("both after {n} readings"),
                Views::Plain => 1,
                Views::Mirrored => -1,
            };
            assert!((0..=1).contains(&ahead), "after {n}");
        }
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
