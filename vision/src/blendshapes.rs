//! Weights of movements after the manner of facial animation.

use crate::{AnalysisError, FaceMesh};

/// How many weights there are.
const N_BLENDSHAPES: usize = 52;

/// How far a face shows each of 52 movements, from 0 to 1, as MediaPipe's network says: muscles, not what anybody feels. A face
/// at rest has other weights than nought, and other ones than other faces: compare a person with themselves.
///
/// # Source
/// Model card `mediapipe-face-blendshapes-52`; order and names: `kBlendshapeNames` in MediaPipe's `face_blendshapes_graph.cc`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Blendshapes([f32; N_BLENDSHAPES]);

impl Blendshapes {
    /// Their names in every output, in the order of [`Blendshapes::values`]. Left and right are the person's own.
    pub const NAMES: [&'static str; N_BLENDSHAPES] = [
        "neutral",
        "brow_down_left",
        "brow_down_right",
        "brow_inner_up",
        "brow_outer_up_left",
        "brow_outer_up_right",
        "cheek_puff",
        "cheek_squint_left",
        "cheek_squint_right",
        "eye_blink_left",
        "eye_blink_right",
        "eye_look_down_left",
        "eye_look_down_right",
        "eye_look_in_left",
        "eye_look_in_right",
        "eye_look_out_left",
        "eye_look_out_right",
        "eye_look_up_left",
        "eye_look_up_right",
        "eye_squint_left",
        "eye_squint_right",
        "eye_wide_left",
        "eye_wide_right",
        "jaw_forward",
        "jaw_left",
        "jaw_open",
        "jaw_right",
        "mouth_close",
        "mouth_dimple_left",
        "mouth_dimple_right",
        "mouth_frown_left",
        "mouth_frown_right",
        "mouth_funnel",
        "mouth_left",
        "mouth_lower_down_left",
        "mouth_lower_down_right",
        "mouth_press_left",
        "mouth_press_right",
        "mouth_pucker",
        "mouth_right",
        "mouth_roll_lower",
        "mouth_roll_upper",
        "mouth_shrug_lower",
        "mouth_shrug_upper",
        "mouth_smile_left",
        "mouth_smile_right",
        "mouth_stretch_left",
        "mouth_stretch_right",
        "mouth_upper_up_left",
        "mouth_upper_up_right",
        "nose_sneer_left",
        "nose_sneer_right",
    ];

    /// The weights of a run of the network; nothing where one is no number.
    pub(crate) fn from_output(values: &[f32]) -> Option<Self> {
        let values: [f32; N_BLENDSHAPES] = values.try_into().ok()?;
        let is_sound = values.iter().all(|v| v.is_finite());
        is_sound.then(|| Self(values.map(|v| v.clamp(0.0, 1.0))))
    }

    /// All of them, in the order of [`Blendshapes::NAMES`]; each in `[0, 1]`.
    pub const fn values(&self) -> &[f32; N_BLENDSHAPES] {
        &self.0
    }

    /// The one of that name; nothing where none is called so.
    pub fn value(&self, name: &str) -> Option<f32> {
        let at = Self::NAMES.iter().position(|known| *known == name)?;
        Some(self.0[at])
    }
}

/// Points of the mesh that the network of blendshapes takes.
pub(crate) const N_INPUT_POINTS: usize = 146;

/// Which points those are. Origin: `kLandmarksSubsetIdxs` in MediaPipe's `face_blendshapes_graph.cc`.
#[rustfmt::skip]
const INPUT_POINTS: [usize; N_INPUT_POINTS] = [
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65, 66, 67, 70, 78, 80, 81, 82, 84, 87,
    88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136, 144, 145, 146, 148, 149, 150, 152, 153, 154, 155, 157, 158, 159, 160, 161,
    162, 163, 168, 172, 173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249, 251, 263, 267, 269, 270, 276, 282, 283, 284, 285, 288,
    291, 293, 295, 296, 297, 300, 308, 310, 311, 312, 314, 317, 318, 321, 323, 324, 332, 334, 336, 338, 356, 361, 362, 365, 373, 374,
    375, 377, 378, 379, 380, 381, 382, 384, 385, 386, 387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454, 466, 468, 469, 470,
    471, 472, 473, 474, 475, 476, 477,
];

/// What the network of blendshapes takes of a mesh of 478 points: x and y of each of its points, in frame pixels. Where the face is
/// and how large does not matter to it; how far it is tilted does.
///
/// # Errors
/// When the mesh has no irises.
pub(crate) fn input_of(mesh: &FaceMesh, into: &mut Vec<f32>) -> Result<(), AnalysisError> {
    let points = mesh.points();
    into.clear();
    for at in INPUT_POINTS {
        let point = points.get(at).ok_or(AnalysisError::NoIrises)?;
        into.extend([point.x, point.y]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MeshPoint;
    use crate::mesh::{N_FINE_MESH_POINTS, N_MESH_POINTS};

    #[test]
    fn points_and_names_stand_in_order_and_once_each() {
        assert!(INPUT_POINTS.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(INPUT_POINTS[N_INPUT_POINTS - 1], N_FINE_MESH_POINTS - 1);
        let mut names = Blendshapes::NAMES.to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), N_BLENDSHAPES);
    }

    #[test]
    fn weights_are_numbers_between_nought_and_one() {
        let mut values = [0.25; N_BLENDSHAPES];
        values[25] = 1.5;
        values[0] = -1e-6;
        let weights = Blendshapes::from_output(&values).unwrap();
        assert_eq!(weights.value("jaw_open"), Some(1.0));
        assert_eq!(weights.value("neutral"), Some(0.0));
        assert_eq!(weights.value("jaw_ajar"), None);
        values[3] = f32::NAN;
        assert_eq!(Blendshapes::from_output(&values), None);
        assert_eq!(Blendshapes::from_output(&values[1..]), None);
    }

    #[test]
    fn a_mesh_without_irises_has_no_weights() {
        let mesh = |n: usize| {
            let point = |i: usize| MeshPoint {
                x: i as f32,
                y: -(i as f32),
                z: 0.0,
            };
            FaceMesh::made_up((0..n).map(point).collect())
        };
        let mut input = vec![9.0];
        assert!(input_of(&mesh(N_MESH_POINTS), &mut input).is_err());
        input_of(&mesh(N_FINE_MESH_POINTS), &mut input).unwrap();
        assert_eq!(input.len(), 2 * N_INPUT_POINTS);
        assert_eq!(input[2..6], [1.0, -1.0, 4.0, -4.0]);
        assert_eq!(input[290..], [477.0, -477.0]);
    }
}
