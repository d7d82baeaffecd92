//! Faces at full resolution, rather one too many than one too few.

use std::sync::Arc;

use regard_commitments::{CountScope, LibraryDeclaration, Scope, Scoped, Scopes, ask_library};
use regard_domain::{BBox, CameraId};
use regard_inference::{Catalog, Runtime};
use regard_vision::{AnalysisError, AnalyzerOptions, DetectorOptions, FaceAnalyzer, RgbView};

use super::WatchError;

/// Least score that is covered. Origin: half of what the model card calls a face (.6 to .7); a lamp that is covered harms
/// nobody, a face that is not does.
const SCORE_FLOOR: f32 = 0.35;

/// Overlap from which two boxes are one face.
const SAME_FACE_IOU: f32 = 0.4;

/// Longer side from which a photograph is searched in tiles besides; smaller ones are enlarged to it.
const LONG_SIDE_PX: u32 = 640;

/// A face, or what may be one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sighting {
    pub(crate) bbox: BBox,
    pub(crate) score: f32,
}

/// Finds faces in several sizes of a picture: reduced or enlarged to 640 pixels, and as it is, in tiles where it is large.
pub(crate) struct FaceFinder {
    /// Reduced and in tiles, or enlarged.
    wide: FaceAnalyzer,
    /// As it is: what is enlarged otherwise.
    native: FaceAnalyzer,
    count: Scoped<CountScope>,
}

impl FaceFinder {
    pub(crate) fn new(
        runtime: &Arc<dyn Runtime>,
        catalog: &Arc<Catalog>,
        threads_per_run: usize,
    ) -> Result<Self, WatchError> {
        let declaration = LibraryDeclaration {
            source: CameraId::new("library").expect("a valid id"),
            lawfully_held: true,
            wanted: Scopes::NONE.with(Scope::Count),
        };
        let grant = ask_library(&declaration)
            .into_result()
            .map_err(WatchError::Refused)?;
        let count = grant.count().ok_or(AnalysisError::GrantEnded)?;
        let analyzer = |detector| {
            let options = AnalyzerOptions {
                detector,
                threads_per_run,
                ..AnalyzerOptions::PHOTO
            };
            FaceAnalyzer::new(Arc::clone(runtime), Arc::clone(catalog), options)
        };
        let wide = DetectorOptions {
            long_side_px: LONG_SIDE_PX,
            score_floor: SCORE_FLOOR,
            full_resolution: true,
            ..DetectorOptions::PHOTO
        };
        let native = DetectorOptions {
            enlarge: false,
            full_resolution: false,
            ..wide
        };
        Ok(Self {
            wide: analyzer(wide),
            native: analyzer(native),
            count,
        })
    }

    pub(crate) fn warm_up(&mut self) -> Result<(), AnalysisError> {
        let keys = regard_vision::Keys {
            count: &self.count,
            attention: None,
            expression: None,
        };
        self.wide.warm_up(&keys)
    }

    /// Every place of a picture in which a face may be, the surest first.
    pub(crate) fn find(&mut self, picture: RgbView<'_>) -> Result<Vec<Sighting>, AnalysisError> {
        let mut faces = self.wide.detect(picture, &self.count)?;
        if picture.size().width.max(picture.size().height) < LONG_SIDE_PX {
            faces.extend(self.native.detect(picture, &self.count)?);
        }
        faces.sort_by(|a, b| b.score.get().total_cmp(&a.score.get()));
        let mut found: Vec<Sighting> = Vec::with_capacity(faces.len());
        for face in faces {
            let is_known = |known: &Sighting| known.bbox.iou(&face.bbox_in_frame) >= SAME_FACE_IOU;
            if !found.iter().any(is_known) {
                found.push(Sighting {
                    bbox: face.bbox_in_frame,
                    score: face.score.get(),
                });
            }
        }
        Ok(found)
    }
}
