//! The optional pair of networks that draw 478 points of a face and say from them how far it shows each of 52 movements.

use regard_commitments::{AttentionScope, ExpressionScope, Scoped};
use regard_domain::{Face, Point};
use regard_inference::{Catalog, CatalogError, LoadOptions, Network, Runtime};

use crate::blendshapes::{N_INPUT_POINTS, input_of};
use crate::detector::check_live;
use crate::mesh::FINE_MESH_ID;
use crate::model::Model;
use crate::{AnalysisError, Blendshapes, FaceMesh, MeshAnalyzer, RgbView};

/// Id of the network of blendshapes in the catalogue.
const BLENDSHAPES_ID: &str = "mediapipe-face-blendshapes-52";

/// How far the eyes of the last mesh may be from the eyes of the face, in distances between the eyes, to begin from that mesh.
/// Origin: half of how far a face fills the region to either side of it.
const MAX_EYE_SHIFT: f32 = 0.5;

/// The mesh of 478 points, and blendshapes where their file is there too.
///
/// # Privacy
/// Measures the shape of a face and what it shows, under the scopes `attention` and `expression`. Keeps the crop of the last face
/// until the next. What comes out is what a face shows, and no input of a decision: it has no conversion into anything of the
/// rooms `audience` and `decision`, which do not know this one.
///
/// # Source
/// Model cards `mediapipe-face-landmarks-478` and `mediapipe-face-blendshapes-52`; a region from the mesh of the last frame, as
/// MediaPipe's `face_landmarker_graph.cc` has it for videos.
pub struct FineMeshAnalyzer {
    mesh: MeshAnalyzer,
    blendshapes: Option<Model>,
    input: Vec<f32>,
}

impl FineMeshAnalyzer {
    /// Loads what is there; nothing where the file of the mesh has not been brought.
    ///
    /// # Errors
    /// When a file that is there cannot be used.
    pub fn load(
        runtime: &dyn Runtime,
        catalog: &Catalog,
        options: &LoadOptions,
    ) -> Result<Option<Self>, AnalysisError> {
        let network = |id: &'static str| -> Result<Option<Box<dyn Network>>, AnalysisError> {
            let failed = |source| AnalysisError::Load { model: id, source };
            let bytes = match catalog.bytes_of(id) {
                Ok(bytes) => bytes,
                Err(CatalogError::NotObtained { .. }) => return Ok(None),
                Err(error) => return Err(failed(Box::new(error))),
            };
            let loaded = runtime.load(&bytes, options);
            loaded.map(Some).map_err(|e| failed(Box::new(e)))
        };
        let Some(mesh) = network(FINE_MESH_ID)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            mesh: MeshAnalyzer::fine(mesh),
            blendshapes: network(BLENDSHAPES_ID)?
                .map(|network| Model::new(BLENDSHAPES_ID, network)),
            input: Vec::new(),
        }))
    }

    /// Whether the file of the blendshapes is there too.
    pub const fn has_blendshapes(&self) -> bool {
        self.blendshapes.is_some()
    }

    /// The mesh of a face; nothing when the network sees no face there. `last`: the mesh of the same face in the frame before,
    /// where there was one: the points then tremble less than from the box of the face, at the same price. Without it, or when
    /// the face has moved on, the network runs twice.
    ///
    /// # Errors
    /// When the grant has ended or the network fails.
    pub fn analyze(
        &mut self,
        frame: RgbView<'_>,
        face: &Face,
        last: Option<&FaceMesh>,
        key: &Scoped<AttentionScope>,
    ) -> Result<Option<FaceMesh>, AnalysisError> {
        if let Some(last) = last.filter(|last| is_near(face, last))
            && let Some(mesh) = self.mesh.refine(frame, last, key)?
            && is_near(face, &mesh)
        {
            return Ok(Some(mesh));
        }
        match self.mesh.analyze(frame, face, key)? {
            Some(mesh) => self.mesh.refine(frame, &mesh, key),
            None => Ok(None),
        }
    }

    /// How far the face of a mesh of 478 points shows each movement; nothing where the file is not there, or the network says
    /// what is no number.
    ///
    /// # Errors
    /// When the grant has ended, the mesh is the built-in one, or the network fails.
    pub fn blendshapes(
        &mut self,
        mesh: &FaceMesh,
        key: &Scoped<ExpressionScope>,
    ) -> Result<Option<Blendshapes>, AnalysisError> {
        check_live(key.is_live())?;
        let Some(model) = &mut self.blendshapes else {
            return Ok(None);
        };
        input_of(mesh, &mut self.input)?;
        model.run(&[1, N_INPUT_POINTS, 2], &self.input)?;
        let values = model.output(0, Blendshapes::NAMES.len())?;
        Ok(Blendshapes::from_output(values))
    }
}

/// Whether a mesh may be that of a face: its eyes are about where those of the face are.
fn is_near(face: &Face, mesh: &FaceMesh) -> bool {
    let [left, right, ..] = face.landmarks_in_frame.0;
    let Some([mesh_left, mesh_right]) = mesh.eyes() else {
        return false;
    };
    let middle = |a: Point, b: Point| Point::new(f32::midpoint(a.x, b.x), f32::midpoint(a.y, b.y));
    let shift = middle(left, right).distance(middle(mesh_left, mesh_right));
    shift <= MAX_EYE_SHIFT * left.distance(right)
}
