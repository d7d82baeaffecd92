//! The analysers of one thread behind one door.

use std::sync::Arc;

use regard_domain::{Attention, BBox, ExpressionDistribution, Face, HeadPose};

use regard_commitments::{AttentionScope, CountScope, ExpressionScope, Scoped};
use regard_inference::{Catalog, Runtime};
use crate::{AnalysisError, CameraPlacement, DetectorOptions, Keys, Photo, RgbView};

/// What an analyser is to do.
#[derive(Clone, Debug, PartialEq)]
pub struct AnalyzerOptions {
    /// How faces are found.
    pub detector: DetectorOptions,
    /// Where the camera is, as seen from the screen.
    pub placement: CameraPlacement,
    /// Whether head pose comes from the dense mesh; otherwise from the five points alone.
    pub with_mesh: bool,
}

/// All analysers of one thread. Networks are loaded when first needed. Not shared: one a thread.
///
/// # Privacy
/// Looks at faces under the keys given; keeps no pixels between calls except scratch buffers.
pub struct FaceAnalyzer {
    runtime: Arc<dyn Runtime>,
    catalog: Arc<Catalog>,
    options: AnalyzerOptions,
}

impl FaceAnalyzer {
    /// An analyser; no network is loaded yet.
    pub fn new(runtime: Arc<dyn Runtime>, catalog: Arc<Catalog>, options: AnalyzerOptions) -> Self {
        Self {
            runtime,
            catalog,
            options,
        }
    }

    /// Finds the faces of a whole frame, greatest score first; readings are empty.
    ///
    /// # Errors
    /// When the network cannot be loaded or fails.
    pub fn detect(
        &mut self,
        frame: RgbView<'_>,
        key: &Scoped<CountScope>,
    ) -> Result<Vec<Face>, AnalysisError> {
        todo!()
    }

    /// Finds faces near boxes where they are expected (from tracks), greatest score first.
    /// Cheaper than a whole frame while few faces are in view.
    ///
    /// # Errors
    /// When the network cannot be loaded or fails.
    pub fn detect_around(
        &mut self,
        frame: RgbView<'_>,
        expected_in_frame: &[BBox],
        key: &Scoped<CountScope>,
    ) -> Result<Vec<Face>, AnalysisError> {
        todo!()
    }

    /// Expression of each face, in the order given; `None` where a face cannot be cut out.
    ///
    /// # Errors
    /// When a network cannot be loaded or fails.
    pub fn expressions(
        &mut self,
        frame: RgbView<'_>,
        faces: &[Face],
        key: &Scoped<ExpressionScope>,
    ) -> Result<Vec<Option<ExpressionDistribution>>, AnalysisError> {
        todo!()
    }

    /// Head pose of each face from the dense mesh; `None` where the mesh finds no face.
    ///
    /// # Errors
    /// When a network cannot be loaded or fails.
    pub fn head_poses(
        &mut self,
        frame: RgbView<'_>,
        faces: &[Face],
        key: &Scoped<AttentionScope>,
    ) -> Result<Vec<Option<HeadPose>>, AnalysisError> {
        todo!()
    }

    /// Head pose from the five points of the detector alone: no network, for the frames in between.
    pub fn quick_head_pose(&self, face: &Face, key: &Scoped<AttentionScope>) -> Option<HeadPose> {
        todo!()
    }

    /// How much a face with that pose is turned to the screen.
    pub fn attention(&self, pose: &HeadPose, key: &Scoped<AttentionScope>) -> Attention {
        todo!()
    }

    /// Everything the keys allow about every face of a photograph, greatest score first.
    ///
    /// # Errors
    /// When a network cannot be loaded or fails.
    pub fn analyze_photo(
        &mut self,
        photo: &Photo,
        keys: &Keys<'_>,
    ) -> Result<Vec<Face>, AnalysisError> {
        todo!()
    }
}
