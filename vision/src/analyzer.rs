//! The analysers of one thread behind one door.

use std::sync::Arc;

use regard_commitments::{AttentionScope, CountScope, ExpressionScope, Scoped};
use regard_domain::{Attention, BBox, ExpressionDistribution, Face, HeadPose};
use regard_inference::{Catalog, LoadOptions, Network, Runtime};

use crate::attention::attention_of;
use crate::detector::{DETECTOR_ID, check_live};
use crate::expression::{FACE_API_ID, MINI_XCEPTION_ID, Views};
use crate::head_pose::quick_head_pose;
use crate::mesh::MESH_ID;
use crate::quality::{FAR_PX, FaceQuality, NEAR_PX, QualityMeter, REGION_FACTOR, Seen};
use crate::{
    AnalysisError, CameraPlacement, Detector, DetectorOptions, ExpressionAnalyzer, FaceMesh, Keys,
    MeshAnalyzer, Photo, RgbView,
};

/// Ids of the networks of the closed loop in the catalogue: where faces are, where they are turned, what they show.
pub const LIVE_MODELS: [&str; 4] = [DETECTOR_ID, MESH_ID, FACE_API_ID, MINI_XCEPTION_ID];

/// What an analyser is to do.
#[derive(Clone, Debug, PartialEq)]
pub struct AnalyzerOptions {
    /// How faces are found.
    pub detector: DetectorOptions,
    /// Where the screen is, as seen from the camera.
    pub placement: CameraPlacement,
    /// Whether head pose comes from the dense mesh; otherwise from the five points alone, which
    /// hardly show pitch.
    pub with_mesh: bool,
    /// Threads for each run of a network. One is right where several analysers run side by side.
    pub threads_per_run: usize,
}

impl AnalyzerOptions {
    /// For live frames, the camera at the middle of what people look at.
    pub const LIVE: Self = Self {
        detector: DetectorOptions::LIVE,
        placement: CameraPlacement {
            screen_right_deg: 0.0,
            screen_up_deg: 0.0,
        },
        with_mesh: true,
        threads_per_run: 1,
    };

    /// For photographs, whose camera counts as the screen.
    pub const PHOTO: Self = Self {
        detector: DetectorOptions::PHOTO,
        ..Self::LIVE
    };
}

/// All analysers of one thread. Networks are loaded when first needed. Not shared: one a thread.
///
/// # Privacy
/// Looks at faces under the keys given; keeps no pixels between calls except scratch buffers, which
/// the next call overwrites.
pub struct FaceAnalyzer {
    runtime: Arc<dyn Runtime>,
    catalog: Arc<Catalog>,
    options: AnalyzerOptions,
    detector: Option<Detector>,
    expression: Option<ExpressionAnalyzer>,
    mesh: Option<MeshAnalyzer>,
    quality: QualityMeter,
}

/// Head pose of a face, and the mesh that it is from where there is one.
type PoseAndMesh = (Option<HeadPose>, Option<FaceMesh>);

impl FaceAnalyzer {
    /// An analyser; no network is loaded yet.
    pub fn new(runtime: Arc<dyn Runtime>, catalog: Arc<Catalog>, options: AnalyzerOptions) -> Self {
        Self {
            runtime,
            catalog,
            options,
            detector: None,
            expression: None,
            mesh: None,
            quality: QualityMeter::default(),
        }
    }

    /// What it was told to do.
    pub const fn options(&self) -> &AnalyzerOptions {
        &self.options
    }

    fn load(&self, id: &'static str) -> Result<Box<dyn Network>, AnalysisError> {
        let failed = |source| AnalysisError::Load { model: id, source };
        let bytes = self.catalog.bytes_of(id).map_err(|e| failed(Box::new(e)))?;
        let options = LoadOptions {
            threads: self.options.threads_per_run,
        };
        self.runtime
            .load(&bytes, &options)
            .map_err(|e| failed(Box::new(e)))
    }

    fn detector(&mut self) -> Result<&mut Detector, AnalysisError> {
        let detector = match self.detector.take() {
            Some(loaded) => loaded,
            None => Detector::new(self.load(DETECTOR_ID)?, self.options.detector),
        };
        Ok(self.detector.insert(detector))
    }

    fn expression(&mut self) -> Result<&mut ExpressionAnalyzer, AnalysisError> {
        let expression = match self.expression.take() {
            Some(loaded) => loaded,
            None => ExpressionAnalyzer::new(self.load(FACE_API_ID)?, self.load(MINI_XCEPTION_ID)?),
        };
        Ok(self.expression.insert(expression))
    }

    fn mesh(&mut self) -> Result<&mut MeshAnalyzer, AnalysisError> {
        let mesh = match self.mesh.take() {
            Some(loaded) => loaded,
            None => MeshAnalyzer::new(self.load(MESH_ID)?),
        };
        Ok(self.mesh.insert(mesh))
    }

    /// Loads the networks that these keys will need, so that the first frame does not wait for them.
    ///
    /// # Errors
    /// When a network cannot be loaded.
    pub fn warm_up(&mut self, keys: &Keys<'_>) -> Result<(), AnalysisError> {
        self.detector()?;
        if keys.expression.is_some() {
            self.expression()?;
        }
        if keys.attention.is_some() && self.options.with_mesh {
            self.mesh()?;
        }
        Ok(())
    }

    /// Finds the faces of a whole frame, greatest score first; readings are empty.
    ///
    /// # Errors
    /// When the grant has ended, or the network cannot be loaded or fails.
    pub fn detect(
        &mut self,
        frame: RgbView<'_>,
        key: &Scoped<CountScope>,
    ) -> Result<Vec<Face>, AnalysisError> {
        self.detector()?.detect(frame, key)
    }

    /// Finds the faces of a whole frame, also small ones (from 24 pixels up), in overlapping tiles at native scale.
    ///
    /// # Errors
    /// As [`FaceAnalyzer::detect`].
    pub fn detect_in_tiles(
        &mut self,
        frame: RgbView<'_>,
        key: &Scoped<CountScope>,
    ) -> Result<Vec<Face>, AnalysisError> {
        self.detector()?.detect_in_tiles(frame, key)
    }

    /// Finds the faces of a whole frame, and small ones in one piece of it at native scale, a different
    /// one each turn; see [`Detector::detect_in_turn`].
    ///
    /// # Errors
    /// As [`FaceAnalyzer::detect`].
    pub fn detect_in_turn(
        &mut self,
        frame: RgbView<'_>,
        expected_in_frame: &[BBox],
        turn: u64,
        key: &Scoped<CountScope>,
    ) -> Result<Vec<Face>, AnalysisError> {
        self.detector()?
            .detect_in_turn(frame, expected_in_frame, turn, key)
    }

    /// Finds faces near boxes where they are expected (from tracks), greatest score first. Cheaper
    /// than a whole frame while few faces are in view; blind to newcomers elsewhere.
    ///
    /// # Errors
    /// As [`FaceAnalyzer::detect`].
    pub fn detect_around(
        &mut self,
        frame: RgbView<'_>,
        expected_in_frame: &[BBox],
        key: &Scoped<CountScope>,
    ) -> Result<Vec<Face>, AnalysisError> {
        self.detector()?
            .detect_around(frame, expected_in_frame, key)
    }

    /// Calibrated expression of each face and its mirror image, in the order given.
    ///
    /// # Errors
    /// When the grant has ended, or a network cannot be loaded or fails.
    ///
    /// # Examples
    /// ```no_run
    /// use regard_commitments::{ExpressionScope, Scoped};
    /// use regard_domain::Face;
    /// use regard_vision::{FaceAnalyzer, RgbView};
    ///
    /// fn look(analyzer: &mut FaceAnalyzer, frame: RgbView<'_>, faces: &[Face], key: &Scoped<ExpressionScope>) {
    ///     let _ = analyzer.expressions(frame, faces, key);
    /// }
    /// ```
    /// Leave to count people is none to look at what they show:
    /// ```compile_fail,E0308
    /// use regard_commitments::{CountScope, Scoped};
    /// use regard_domain::Face;
    /// use regard_vision::{FaceAnalyzer, RgbView};
    ///
    /// fn look(analyzer: &mut FaceAnalyzer, frame: RgbView<'_>, faces: &[Face], key: &Scoped<CountScope>) {
    ///     let _ = analyzer.expressions(frame, faces, key);
    /// }
    /// ```
    pub fn expressions(
        &mut self,
        frame: RgbView<'_>,
        faces: &[Face],
        key: &Scoped<ExpressionScope>,
    ) -> Result<Vec<ExpressionDistribution>, AnalysisError> {
        self.expressions_of(frame, faces, Views::Both, key)
    }

    /// The same of those images of each face; see [`Views::in_turn`].
    ///
    /// # Errors
    /// As [`FaceAnalyzer::expressions`].
    pub fn expressions_of(
        &mut self,
        frame: RgbView<'_>,
        faces: &[Face],
        views: Views,
        key: &Scoped<ExpressionScope>,
    ) -> Result<Vec<ExpressionDistribution>, AnalysisError> {
        let bboxes: Vec<BBox> = faces.iter().map(|f| f.bbox_in_frame).collect();
        let details = self.expression()?.analyze(frame, &bboxes, views, key)?;
        Ok(details.into_iter().map(|d| d.calibrated).collect())
    }

    /// The mesh of each face, in the order given; `None` where the network sees no face.
    ///
    /// # Errors
    /// When the grant has ended, or the network cannot be loaded or fails.
    pub fn meshes(
        &mut self,
        frame: RgbView<'_>,
        faces: &[Face],
        key: &Scoped<AttentionScope>,
    ) -> Result<Vec<Option<FaceMesh>>, AnalysisError> {
        let mesh = self.mesh()?;
        faces.iter().map(|f| mesh.analyze(frame, f, key)).collect()
    }

    /// Head pose of each face, in the order given: from the dense mesh, or from the five points
    /// where options or the picture leave no mesh. `None` where neither can be had.
    ///
    /// # Errors
    /// As [`FaceAnalyzer::meshes`].
    pub fn head_poses(
        &mut self,
        frame: RgbView<'_>,
        faces: &[Face],
        key: &Scoped<AttentionScope>,
    ) -> Result<Vec<Option<HeadPose>>, AnalysisError> {
        let known = self.head_poses_and_meshes(frame, faces, key)?;
        Ok(known.into_iter().map(|(pose, _)| pose).collect())
    }

    /// The same with the mesh that each pose is from, for whoever needs both.
    ///
    /// # Errors
    /// As [`FaceAnalyzer::meshes`].
    pub fn head_poses_and_meshes(
        &mut self,
        frame: RgbView<'_>,
        faces: &[Face],
        key: &Scoped<AttentionScope>,
    ) -> Result<Vec<PoseAndMesh>, AnalysisError> {
        let meshes = if self.options.with_mesh {
            self.meshes(frame, faces, key)?
        } else {
            vec![None; faces.len()]
        };
        let known = faces.iter().zip(meshes).map(|(face, mesh)| {
            let quick = || quick_head_pose(&face.landmarks_in_frame, key);
            let pose = mesh.as_ref().and_then(FaceMesh::head_pose);
            (pose.or_else(quick), mesh)
        });
        Ok(known.collect())
    }

    /// How fit one of the faces of a picture is to be enrolled or looked up, and what would make it fitter; the pose only with
    /// the key of `attention`. Runs the detector twice more and the mesh once.
    ///
    /// # Errors
    /// [`AnalysisError::NoSuchFace`]; else as [`FaceAnalyzer::detect`].
    pub fn quality(
        &mut self,
        frame: RgbView<'_>,
        faces: &[Face],
        at: usize,
        keys: &Keys<'_>,
    ) -> Result<FaceQuality, AnalysisError> {
        check_live(keys.count.is_live())?;
        let face = *faces.get(at).ok_or(AnalysisError::NoSuchFace)?;
        let pose = match keys.attention {
            Some(key) => self
                .head_poses(frame, &[face], key)?
                .into_iter()
                .flatten()
                .next(),
            None => None,
        };
        self.quality_with_pose(frame, faces, (at, pose), keys.count)
    }

    /// The same of a face whose pose was measured already: the mesh is not run again.
    ///
    /// # Errors
    /// [`AnalysisError::NoSuchFace`]; else as [`FaceAnalyzer::detect`].
    pub fn quality_with_pose(
        &mut self,
        frame: RgbView<'_>,
        faces: &[Face],
        (at, pose): (usize, Option<HeadPose>),
        key: &Scoped<CountScope>,
    ) -> Result<FaceQuality, AnalysisError> {
        check_live(key.is_live())?;
        let face = *faces.get(at).ok_or(AnalysisError::NoSuchFace)?;
        let mut score = |side_px| {
            self.detector()?
                .score_at(frame, &face.bbox_in_frame, REGION_FACTOR, side_px)
        };
        let (near_score, far_score) = (score(NEAR_PX)?, score(FAR_PX)?);
        self.quality.measure(&Seen {
            frame,
            faces,
            at,
            pose,
            near_score,
            far_score,
        })
    }

    /// Head pose from the five points of the detector alone: no network, for the frames in between.
    pub fn quick_head_pose(&self, face: &Face, key: &Scoped<AttentionScope>) -> Option<HeadPose> {
        quick_head_pose(&face.landmarks_in_frame, key)
    }

    /// How much a face with that pose is turned to the screen.
    pub fn attention(&self, pose: &HeadPose, key: &Scoped<AttentionScope>) -> Attention {
        attention_of(pose, &self.options.placement, key)
    }

    /// Fills in the readings that the keys allow, for all faces of one picture.
    ///
    /// # Errors
    /// When a grant has ended, or a network cannot be loaded or fails.
    pub fn read(
        &mut self,
        frame: RgbView<'_>,
        faces: &mut [Face],
        keys: &Keys<'_>,
    ) -> Result<(), AnalysisError> {
        if faces.is_empty() {
            return Ok(());
        }
        if let Some(key) = keys.expression {
            let expressions = self.expressions(frame, faces, key)?;
            for (face, expression) in faces.iter_mut().zip(expressions) {
                face.readings.expression = Some(expression);
            }
        }
        if let Some(key) = keys.attention {
            let poses = self.head_poses(frame, faces, key)?;
            for (face, pose) in faces.iter_mut().zip(poses) {
                face.readings.head_pose = pose;
                face.readings.attention = pose.map(|p| self.attention(&p, key));
            }
        }
        Ok(())
    }

    /// Everything the keys allow about every face of a picture, greatest score first.
    ///
    /// # Errors
    /// As [`FaceAnalyzer::detect`] and [`FaceAnalyzer::read`].
    pub fn analyze(
        &mut self,
        frame: RgbView<'_>,
        keys: &Keys<'_>,
    ) -> Result<Vec<Face>, AnalysisError> {
        let mut faces = self.detect(frame, keys.count)?;
        self.read(frame, &mut faces, keys)?;
        Ok(faces)
    }

    /// Everything the keys allow about every face of a photograph, greatest score first.
    ///
    /// # Errors
    /// As [`FaceAnalyzer::analyze`].
    pub fn analyze_photo(
        &mut self,
        photo: &Photo,
        keys: &Keys<'_>,
    ) -> Result<Vec<Face>, AnalysisError> {
        self.analyze(photo.view(), keys)
    }
}
