//! Distances in a face whose pose has been taken out.

use regard_domain::HeadPose;

use super::align::{Pose3, Vec3, cross, dot, mean, minus, unit_of, vec3};
use super::unit::{ActionUnit, N_UNITS, UnitValues};
use crate::FaceMesh;

/// Points that no facial movement moves much: bridge of the nose, corners of the eyes, temples, sides of the face.
const STILL: [usize; 12] = [168, 6, 197, 195, 33, 133, 362, 263, 127, 356, 234, 454];

// Left in the image first. Origin of all numbers: MediaPipe's canonical face model.
const INNER_BROW: [[usize; 2]; 2] = [[107, 55], [336, 285]];
const OUTER_BROW: [[usize; 2]; 2] = [[70, 46], [300, 276]];
const MIDDLE_BROW: [[usize; 4]; 2] = [[105, 66, 52, 65], [334, 296, 282, 295]];
const INNER_CORNER: [usize; 2] = [133, 362];
const OUTER_CORNER: [usize; 2] = [33, 263];
const UPPER_LID: [[usize; 3]; 2] = [[158, 159, 160], [385, 386, 387]];
const LOWER_LID: [[usize; 3]; 2] = [[153, 145, 144], [380, 374, 373]];
const CHEEK: [[usize; 3]; 2] = [[50, 117, 118], [280, 346, 347]];
const NOSE_WING: [[usize; 2]; 2] = [[129, 98], [358, 327]];
const NOSE_BASE: usize = 2;
const UPPER_LIP: [usize; 3] = [37, 0, 267];
const MOUTH_CORNER: [usize; 2] = [61, 291];
const INNER_LIPS: [[usize; 2]; 3] = [[82, 87], [13, 14], [312, 317]];
const LIP_EDGES: [[usize; 2]; 2] = [[0, 13], [14, 17]];
const LOWER_LIP: usize = 17;
const CHIN_BOSS: [usize; 2] = [200, 199];
const CHIN: [usize; 3] = [152, 148, 377];
const FOREHEAD: usize = 10;

/// Every point that is kept of a mesh; sorted, without doubles.
fn kept_points() -> Vec<usize> {
    let mut all: Vec<usize> = STILL.to_vec();
    all.extend(INNER_BROW.as_flattened());
    all.extend(OUTER_BROW.as_flattened());
    all.extend(MIDDLE_BROW.as_flattened());
    all.extend(UPPER_LID.as_flattened());
    all.extend(LOWER_LID.as_flattened());
    all.extend(CHEEK.as_flattened());
    all.extend(NOSE_WING.as_flattened());
    all.extend(INNER_LIPS.as_flattened());
    all.extend(LIP_EDGES.as_flattened());
    all.extend(
        UPPER_LIP
            .iter()
            .chain(&MOUTH_CORNER)
            .chain(&CHIN_BOSS)
            .chain(&CHIN),
    );
    all.extend([NOSE_BASE, FOREHEAD]);
    all.sort_unstable();
    all.dedup();
    all
}

/// Which points of a mesh are kept, and where each stands among them.
#[derive(Clone, Debug)]
pub(super) struct Selection {
    kept: Vec<usize>,
}

/// The kept points of one mesh, in frame pixels.
///
/// # Privacy
/// The shape of a face in a few dozen points.
#[derive(Clone)]
pub(super) struct KeptMesh(Box<[[f32; 3]]>);

impl Selection {
    pub(super) fn new() -> Self {
        Self {
            kept: kept_points(),
        }
    }

    pub(super) fn of(&self, mesh: &FaceMesh) -> KeptMesh {
        let points = mesh.points();
        let at = |i: &usize| points.get(*i).map_or([0.0; 3], |p| [p.x, p.y, p.z]);
        KeptMesh(self.kept.iter().map(at).collect())
    }

    fn at(&self, mesh: &KeptMesh, point: usize) -> Vec3 {
        let place = self.kept.binary_search(&point).unwrap_or(0);
        mesh.0[place].map(f64::from)
    }

    fn still(&self, mesh: &KeptMesh) -> Vec<Vec3> {
        STILL.iter().map(|i| self.at(mesh, *i)).collect()
    }
}

/// The still points of one face, upright, facing the camera, its outer eye corners one apart: what other meshes of the same
/// face are laid onto.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    still: Vec<Vec3>,
}

impl Reference {
    /// From the mesh of a frame in which the head is turned little.
    pub(super) fn of(selection: &Selection, mesh: &KeptMesh) -> Option<Self> {
        let at = |i| selection.at(mesh, i);
        let [left, right] = OUTER_CORNER.map(at);
        let across = minus(right, left);
        let width = dot(across, across).sqrt();
        let x = unit_of(across)?;
        let down = minus(at(CHIN[0]), at(FOREHEAD));
        let along = dot(down, x);
        let y = unit_of(std::array::from_fn(|i| down[i] - along * x[i]))?;
        let z = cross(x, y);
        let middle = mean(&[left, right]);
        let upright = |p: Vec3| {
            let p = minus(p, middle);
            [dot(p, x), dot(p, y), dot(p, z)].map(|v| v / width)
        };
        let still = selection.still(mesh).into_iter().map(upright).collect();
        Some(Self { still })
    }
}

/// What is measured in one frame, in distances between the outer eye corners; not yet relative to rest.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Measured {
    /// In the order of [`ActionUnit::ALL`]; raw, so that only differences of them mean something.
    pub(super) units: [f32; N_UNITS],
    /// Outward and upward place of the left and the right corner of the mouth, for symmetry.
    pub(super) corners: [[f32; 2]; 2],
}

impl Measured {
    pub(super) fn of(
        selection: &Selection,
        mesh: &KeptMesh,
        reference: &Reference,
    ) -> Option<Self> {
        let pose = Pose3::fit(&selection.still(mesh), &reference.still)?;
        let at = |i: usize| pose.map(selection.at(mesh, i));
        // Heights grow upwards.
        let height =
            |points: &[usize]| -points.iter().map(|i| at(*i)[1]).sum::<f64>() / points.len() as f64;
        let both = |f: &dyn Fn(usize) -> f64| f64::midpoint(f(0), f(1));
        let distance = |a: usize, b: usize| {
            let d = minus(at(a), at(b));
            dot(d, d).sqrt()
        };
        let corner_line = |side: usize| height(&[INNER_CORNER[side], OUTER_CORNER[side]]);
        let upper_lid = both(&|side| height(&UPPER_LID[side]) - corner_line(side));
        let lower_lid = both(&|side| height(&LOWER_LID[side]) - corner_line(side));
        let opening = upper_lid - lower_lid;
        let brow_inner = both(&|side| height(&INNER_BROW[side]) - height(&[INNER_CORNER[side]]));
        let brow_outer = both(&|side| height(&OUTER_BROW[side]) - height(&[OUTER_CORNER[side]]));
        let brows =
            (brow_inner + both(&|side| height(&MIDDLE_BROW[side]) - corner_line(side))) * 0.5;
        let brow_gap = distance(INNER_BROW[0][1], INNER_BROW[1][1]);
        let lips_middle = height(&INNER_LIPS[1]);
        let corner_height = both(&|side| height(&[MOUTH_CORNER[side]]));
        let outward = |side: usize| at(MOUTH_CORNER[side])[0] * if side == 0 { -1.0 } else { 1.0 };
        let width = distance(MOUTH_CORNER[0], MOUTH_CORNER[1]);
        let thickness: f64 = LIP_EDGES.iter().map(|[a, b]| distance(*a, *b)).sum();
        let parting: f64 = INNER_LIPS
            .iter()
            .map(|[a, b]| height(&[*a]) - height(&[*b]))
            .sum::<f64>()
            / 3.0;
        let value = |unit: ActionUnit| match unit {
            ActionUnit::InnerBrowRaise => brow_inner,
            ActionUnit::OuterBrowRaise => brow_outer,
            ActionUnit::BrowLower => -0.5 * (brows + brow_gap),
            ActionUnit::UpperLidRaise => upper_lid,
            ActionUnit::CheekRaise => both(&|side| height(&CHEEK[side])),
            ActionUnit::LidTighten => lower_lid + 0.5 * opening,
            ActionUnit::NoseWrinkle => both(&|side| height(&NOSE_WING[side])),
            ActionUnit::UpperLipRaise => height(&UPPER_LIP) - height(&[NOSE_BASE]),
            ActionUnit::LipCornerPull => {
                (both(&outward) + corner_height) * std::f64::consts::FRAC_1_SQRT_2
            }
            ActionUnit::LipCornerDepress => lips_middle - corner_height,
            ActionUnit::ChinRaise => height(&CHIN_BOSS) - height(&[LOWER_LIP]),
            ActionUnit::LipStretch => width - 2.0 * (corner_height - lips_middle),
            ActionUnit::LipPress => -thickness,
            ActionUnit::LipsPart => parting,
            ActionUnit::JawDrop => -height(&CHIN),
            ActionUnit::Blink => -opening,
        };
        let units = ActionUnit::ALL.map(|unit| value(unit) as f32);
        let corners =
            [0, 1].map(|side| [outward(side) as f32, height(&[MOUTH_CORNER[side]]) as f32]);
        units
            .iter()
            .all(|v| v.is_finite())
            .then_some(Self { units, corners })
    }
}

/// Changes from rest in full scales; cut off at ±1.5.
pub(super) fn scaled(change: &UnitValues) -> UnitValues {
    let mut values = *change;
    for (value, unit) in values.iter_mut().zip(ActionUnit::ALL) {
        *value = (*value / unit.full_scale()).clamp(-1.5, 1.5);
    }
    values
}

/// How far a head is turned from facing the camera, in degrees, nodding and shaking together.
pub(super) fn turned_deg(pose: &HeadPose) -> f32 {
    pose.yaw_deg.hypot(pose.pitch_deg)
}

/// [`vec3`] of a point of a whole mesh; the middle where it has none.
pub(super) fn point_of(mesh: &FaceMesh, at: usize) -> Vec3 {
    mesh.points().get(at).map_or([0.0; 3], |p| vec3(*p))
}
