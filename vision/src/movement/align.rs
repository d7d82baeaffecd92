//! A mesh laid onto another by rotation, scale and shift, so that what the head does is taken out.

use crate::MeshPoint;

/// A point or direction in space.
pub(super) type Vec3 = [f64; 3];

/// Rotation, scale and shift in space.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pose3 {
    rotation: [Vec3; 3],
    scale: f64,
    from: Vec3,
    to: Vec3,
}

impl Pose3 {
    /// The pose that takes `from` nearest to `to` in the sense of least squares; nothing when they differ in length or have no
    /// extent.
    ///
    /// # Source
    /// Horn 1987, section 4: the rotation is the eigenvector of the greatest eigenvalue of a symmetric matrix of four rows, found
    /// here by repeated squaring.
    pub(super) fn fit(from: &[Vec3], to: &[Vec3]) -> Option<Self> {
        if from.len() != to.len() || from.len() < 3 {
            return None;
        }
        let (from_mean, to_mean) = (mean(from), mean(to));
        let mut s = [[0.0; 3]; 3];
        let (mut from_spread, mut to_spread) = (0.0, 0.0);
        for (p, q) in from.iter().zip(to) {
            let (p, q) = (minus(*p, from_mean), minus(*q, to_mean));
            for (row, p) in s.iter_mut().zip(p) {
                for (cell, q) in row.iter_mut().zip(q) {
                    *cell += p * q;
                }
            }
            from_spread += dot(p, p);
            to_spread += dot(q, q);
        }
        if !(from_spread > 0.0 && to_spread > 0.0 && from_spread.is_finite()) {
            return None;
        }
        let rotation = rotation_of(&s)?;
        Some(Self {
            rotation,
            scale: (to_spread / from_spread).sqrt(),
            from: from_mean,
            to: to_mean,
        })
    }

    /// The image of a point.
    pub(super) fn map(&self, point: Vec3) -> Vec3 {
        let p = minus(point, self.from);
        std::array::from_fn(|i| self.scale * dot(self.rotation[i], p) + self.to[i])
    }
}

/// The rotation that belongs to sums of products.
fn rotation_of(s: &[Vec3; 3]) -> Option<[Vec3; 3]> {
    let [[xx, xy, xz], [yx, yy, yz], [zx, zy, zz]] = *s;
    let mut n = [
        [xx + yy + zz, yz - zy, zx - xz, xy - yx],
        [yz - zy, xx - yy - zz, xy + yx, zx + xz],
        [zx - xz, xy + yx, yy - xx - zz, yz + zy],
        [xy - yx, zx + xz, yz + zy, zz - xx - yy],
    ];
    // Shifted until no eigenvalue is negative, so that squaring brings out the greatest.
    let shift: f64 = n.iter().flatten().map(|v| v.abs()).sum();
    if !(shift > 0.0 && shift.is_finite()) {
        return None;
    }
    for (i, row) in n.iter_mut().enumerate() {
        row[i] += shift;
    }
    /// Squarings: eigenvalues that differ by a millionth are told apart.
    const N_SQUARINGS: usize = 30;
    for _ in 0..N_SQUARINGS {
        let size = n.iter().flatten().fold(0.0_f64, |m, v| m.max(v.abs()));
        let old = n.map(|row| row.map(|v| v / size));
        n = std::array::from_fn(|i| {
            std::array::from_fn(|j| (0..4).map(|k| old[i][k] * old[k][j]).sum())
        });
    }
    let column = (0..4).max_by(|a, b| n[*a][*a].total_cmp(&n[*b][*b]))?;
    let q: [f64; 4] = std::array::from_fn(|i| n[i][column]);
    let length = q.iter().map(|v| v * v).sum::<f64>().sqrt();
    let [w, x, y, z] = q.map(|v| v / length);
    let rotation = [
        [
            1.0 - 2.0 * (y * y + z * z),
            2.0 * (x * y - w * z),
            2.0 * (x * z + w * y),
        ],
        [
            2.0 * (x * y + w * z),
            1.0 - 2.0 * (x * x + z * z),
            2.0 * (y * z - w * x),
        ],
        [
            2.0 * (x * z - w * y),
            2.0 * (y * z + w * x),
            1.0 - 2.0 * (x * x + y * y),
        ],
    ];
    rotation
        .iter()
        .flatten()
        .all(|v| v.is_finite())
        .then_some(rotation)
}

/// A point of a mesh.
pub(super) fn vec3(point: MeshPoint) -> Vec3 {
    [point.x, point.y, point.z].map(f64::from)
}

pub(super) fn mean(points: &[Vec3]) -> Vec3 {
    let n = points.len().max(1) as f64;
    std::array::from_fn(|i| points.iter().map(|p| p[i]).sum::<f64>() / n)
}

pub(super) fn minus(a: Vec3, b: Vec3) -> Vec3 {
    std::array::from_fn(|i| a[i] - b[i])
}

pub(super) fn dot(a: Vec3, b: Vec3) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(super) fn cross(a: Vec3, b: Vec3) -> Vec3 {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

/// The vector of length 1 in the same direction; nothing where there is none.
pub(super) fn unit_of(a: Vec3) -> Option<Vec3> {
    let length = dot(a, a).sqrt();
    (length > 0.0 && length.is_finite()).then(|| a.map(|v| v / length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_turned_scaled_shifted_set_is_laid_back(
            yaw in -1.5_f64..1.5, pitch in -1.2_f64..1.2, roll in -3.0_f64..3.0, scale in 0.1_f64..9.0,
            shift in proptest::array::uniform3(-50.0_f64..50.0),
        ) {
            let points: Vec<Vec3> = (0..9_i32)
                .map(|i| [f64::from(i % 3) - 1.0, f64::from(i / 3) * 0.7, f64::from(i * i % 5) * 0.3])
                .collect();
            let turn = |[x, y, z]: Vec3| {
                let (x, y) = (roll.cos() * x - roll.sin() * y, roll.sin() * x + roll.cos() * y);
                let (y, z) = (pitch.cos() * y - pitch.sin() * z, pitch.sin() * y + pitch.cos() * z);
                let (x, z) = (yaw.cos() * x + yaw.sin() * z, -yaw.sin() * x + yaw.cos() * z);
                [scale * x + shift[0], scale * y + shift[1], scale * z + shift[2]]
            };
            let moved: Vec<Vec3> = points.iter().map(|p| turn(*p)).collect();
            let back = Pose3::fit(&moved, &points).unwrap();
            for (p, q) in points.iter().zip(&moved) {
                let d = minus(back.map(*q), *p);
                prop_assert!(dot(d, d).sqrt() < 1e-6, "{d:?}");
            }
        }
    }

    #[test]
    fn points_without_extent_have_no_pose() {
        assert!(Pose3::fit(&[[1.0; 3]; 4], &[[0.0; 3]; 4]).is_none());
        assert!(Pose3::fit(&[[1.0; 3]; 4], &[[0.0; 3]; 3]).is_none());
    }
}
