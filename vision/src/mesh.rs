//! 468 points of a face, or 478, in space.

use std::fmt;

use regard_commitments::{AttentionScope, Scoped};
use regard_domain::{Face, HeadPose, Point, SimilarityTransform};
use regard_inference::Network;

use crate::detector::check_live;
use crate::head_pose::pose_from_axes;
use crate::model::Model;
use crate::warp::{Border, warp_rows};
use crate::{AnalysisError, RgbView};

/// Id of the mesh network in the catalogue.
pub(crate) const MESH_ID: &str = "mediapipe-face-mesh-468";

/// Id of the optional mesh network.
pub(crate) const FINE_MESH_ID: &str = "mediapipe-face-landmarks-478";

/// Points of the built-in mesh.
pub const N_MESH_POINTS: usize = 468;

/// Points of the optional mesh: those of the built-in one, in the same order, and five on each iris.
pub const N_FINE_MESH_POINTS: usize = 478;

/// What a network of meshes takes and gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct MeshForm {
    id: &'static str,
    side_px: usize,
    n_points: usize,
}

/// The network that is built in.
const BUILT_IN: MeshForm = MeshForm {
    id: MESH_ID,
    side_px: 192,
    n_points: N_MESH_POINTS,
};

/// The network of the optional files.
const FINE: MeshForm = MeshForm {
    id: FINE_MESH_ID,
    side_px: 256,
    n_points: N_FINE_MESH_POINTS,
};

/// Side of the region in sides of the face's box. Origin: model card.
const REGION_FACTOR: f32 = 1.5;

/// Least logit at which the region is said to hold a face: even odds.
const FACE_LOGIT_FLOOR: f32 = 0.0;

// Numbers of points in the mesh. Origin: MediaPipe's canonical face model.
const FOREHEAD: usize = 10;
const CHIN: usize = 152;
const LEFT_EYE_OUTER: usize = 33;
const RIGHT_EYE_OUTER: usize = 263;
const LEFT_CHEEK: usize = 234;
const RIGHT_CHEEK: usize = 454;

/// A point in space: x and y in frame pixels, z in the same scale, growing away from the camera.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeshPoint {
    /// To the right.
    pub x: f32,
    /// Down.
    pub y: f32,
    /// Away from the camera.
    pub z: f32,
}

impl MeshPoint {
    fn minus(self, other: Self) -> [f32; 3] {
        [self.x - other.x, self.y - other.y, self.z - other.z]
    }
}

/// The mesh of one face.
///
/// # Privacy
/// The shape of a face: kept for one frame, never printed, never serialized.
#[derive(Clone)]
pub struct FaceMesh {
    points: Vec<MeshPoint>,
    face_logit: f32,
}

impl FaceMesh {
    /// The points in the order of MediaPipe's canonical face model: 468 of them, of the optional network ten more on the irises.
    pub fn points(&self) -> &[MeshPoint] {
        &self.points
    }

    /// The outer corners of the eyes, left in the image first.
    pub(crate) fn eyes(&self) -> Option<[Point; 2]> {
        let at = |i: usize| self.points.get(i).map(|p| Point::new(p.x, p.y));
        Some([at(LEFT_EYE_OUTER)?, at(RIGHT_EYE_OUTER)?])
    }

    /// A mesh of these points, for tests.
    #[cfg(test)]
    pub(crate) const fn made_up(points: Vec<MeshPoint>) -> Self {
        Self {
            points,
            face_logit: 1.0,
        }
    }

    /// Raw output of the network: above 0 a face is likelier than not.
    pub const fn face_logit(&self) -> f32 {
        self.face_logit
    }

    /// Where the face is turned; nothing when the mesh is degenerate.
    ///
    /// The axis through the ears is the mean of the lines between the outer eye corners and between
    /// the cheeks, the vertical one runs from forehead to chin.
    ///
    /// # Source
    /// Measured on 8 images of AFLW2000-3D: mean absolute error 2.8° (yaw 2.6, pitch 2.2, roll 3.5);
    /// n is 8, so a sanity check and no more. Fitting a mean face in space (Procrustes) measured the same.
    pub fn head_pose(&self) -> Option<HeadPose> {
        let at = |i: usize| self.points.get(i).copied();
        let eyes = at(RIGHT_EYE_OUTER)?.minus(at(LEFT_EYE_OUTER)?);
        let cheeks = at(RIGHT_CHEEK)?.minus(at(LEFT_CHEEK)?);
        let across = std::array::from_fn(|i| eyes[i] + cheeks[i]);
        let down = at(CHIN)?.minus(at(FOREHEAD)?);
        pose_from_axes(across, down)
    }
}

impl fmt::Debug for FaceMesh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaceMesh({} points withheld)", self.points.len())
    }
}

/// A mesh network of MediaPipe.
///
/// # Privacy
/// Measures the shape of a face to tell where it is turned; needs the scope `attention`. Keeps the
/// crop of the last face until the next.
///
/// # Source
/// Model cards `mediapipe-face-mesh-468` and `mediapipe-face-landmarks-478`.
pub struct MeshAnalyzer {
    form: MeshForm,
    model: Model,
    input: Vec<f32>,
}

impl MeshAnalyzer {
    /// An analyser on the loaded network that is built in.
    pub fn new(network: Box<dyn Network>) -> Self {
        Self::of(BUILT_IN, network)
    }

    /// An analyser on the loaded network of the optional files.
    pub(crate) fn fine(network: Box<dyn Network>) -> Self {
        Self::of(FINE, network)
    }

    fn of(form: MeshForm, network: Box<dyn Network>) -> Self {
        Self {
            form,
            model: Model::new(form.id, network),
            input: Vec::new(),
        }
    }

    /// The mesh of a face; nothing when the network sees no face there.
    ///
    /// # Errors
    /// When the grant has ended or the network fails.
    pub fn analyze(
        &mut self,
        frame: RgbView<'_>,
        face: &Face,
        key: &Scoped<AttentionScope>,
    ) -> Result<Option<FaceMesh>, AnalysisError> {
        check_live(key.is_live())?;
        let [left_eye, right_eye, ..] = face.landmarks_in_frame.0;
        let bbox = &face.bbox_in_frame;
        let side = REGION_FACTOR * bbox.width().max(bbox.height());
        self.run(frame, bbox.center(), side, angle(left_eye, right_eye))
    }

    /// The mesh again, from a region of its own bounds: steadier from frame to frame, at the price
    /// of a second run.
    ///
    /// # Errors
    /// When the grant has ended or the network fails.
    pub fn refine(
        &mut self,
        frame: RgbView<'_>,
        mesh: &FaceMesh,
        key: &Scoped<AttentionScope>,
    ) -> Result<Option<FaceMesh>, AnalysisError> {
        check_live(key.is_live())?;
        let Some((center, side, angle)) = own_region(mesh) else {
            return Ok(None);
        };
        self.run(frame, center, side, angle)
    }

    fn run(
        &mut self,
        frame: RgbView<'_>,
        center: Point,
        side: f32,
        angle_rad: f32,
    ) -> Result<Option<FaceMesh>, AnalysisError> {
        let MeshForm {
            side_px, n_points, ..
        } = self.form;
        let scale = side / side_px as f32;
        let Some(turned) = SimilarityTransform::new(scale, angle_rad, 0.0, 0.0) else {
            return Ok(None);
        };
        let half = side_px as f32 * 0.5;
        let middle = turned.map(Point::new(half, half));
        let shift = (center.x - middle.x, center.y - middle.y);
        let Some(frame_from_crop) = SimilarityTransform::new(scale, angle_rad, shift.0, shift.1)
        else {
            return Ok(None);
        };
        let input = &mut self.input;
        input.resize(side_px * side_px * 3, 0.0);
        let border = Border::Nearest;
        warp_rows(frame, &frame_from_crop, side_px, border, |y, row| {
            let own = &mut input[y * side_px * 3..(y + 1) * side_px * 3];
            for (into, value) in own.iter_mut().zip(row) {
                *into = value * (1.0 / 255.0);
            }
        });
        self.model.run(&[1, side_px, side_px, 3], &self.input)?;
        let face_logit = self.model.output(1, 1)?[0];
        let values = self.model.output(0, n_points * 3)?;
        let is_finite = face_logit.is_finite() && values.iter().all(|v| v.is_finite());
        if !is_finite || face_logit < FACE_LOGIT_FLOOR {
            return Ok(None);
        }
        let points = values
            .chunks_exact(3)
            .map(|p| {
                let in_frame = frame_from_crop.map(Point::new(p[0], p[1]));
                MeshPoint {
                    x: in_frame.x,
                    y: in_frame.y,
                    z: p[2] * scale,
                }
            })
            .collect();
        Ok(Some(FaceMesh { points, face_logit }))
    }
}

/// Slope of the line through two points, in radians, clockwise in the image.
fn angle(left: Point, right: Point) -> f32 {
    (right.y - left.y).atan2(right.x - left.x)
}

/// Middle, side and angle of the square around a mesh, level with its eyes.
fn own_region(mesh: &FaceMesh) -> Option<(Point, f32, f32)> {
    let [left_eye, right_eye] = mesh.eyes()?;
    let angle_rad = angle(left_eye, right_eye);
    let level_from_frame = SimilarityTransform::new(1.0, -angle_rad, 0.0, 0.0)?;
    let (mut low, mut high) = (
        Point::new(f32::INFINITY, f32::INFINITY),
        Point::new(f32::NEG_INFINITY, f32::NEG_INFINITY),
    );
    for p in &mesh.points {
        let level = level_from_frame.map(Point::new(p.x, p.y));
        low = Point::new(low.x.min(level.x), low.y.min(level.y));
        high = Point::new(high.x.max(level.x), high.y.max(level.y));
    }
    let middle = Point::new(f32::midpoint(low.x, high.x), f32::midpoint(low.y, high.y));
    let side = REGION_FACTOR * (high.x - low.x).max(high.y - low.y);
    Some((level_from_frame.inverse().map(middle), side, angle_rad))
}
