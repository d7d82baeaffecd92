//! From the detector's twelve outputs to faces.

use regard_domain::{BBox, Face, FaceReadings, Landmarks, Point, Score};

/// Distances between the cells of the three output grids, in input pixels.
pub(super) const STRIDES_PX: [usize; 3] = [8, 16, 32];

/// The outputs of one stride, row-major over cells.
#[derive(Clone, Copy)]
pub(super) struct Grid<'a> {
    pub(super) stride_px: usize,
    pub(super) n_columns: usize,
    pub(super) cls: &'a [f32],
    pub(super) obj: &'a [f32],
    pub(super) bbox: &'a [f32],
    pub(super) points: &'a [f32],
}

/// Where the input lies in the frame.
#[derive(Clone, Copy)]
pub(super) struct Placement {
    pub(super) frame_from_input: (f32, f32),
    pub(super) origin_in_frame: (f32, f32),
}

impl Placement {
    fn map(&self, x: f32, y: f32) -> Point {
        Point::new(
            x * self.frame_from_input.0 + self.origin_in_frame.0,
            y * self.frame_from_input.1 + self.origin_in_frame.1,
        )
    }
}

/// Adds the faces of one grid whose score reaches `score_floor`. What is not finite is no face.
///
/// # Source
/// Model card `yunet-2023mar`.
pub(super) fn decode(
    grid: &Grid<'_>,
    placement: Placement,
    score_floor: f32,
    faces: &mut Vec<Face>,
) {
    let stride = grid.stride_px as f32;
    for (cell, (cls, obj)) in grid.cls.iter().zip(grid.obj).enumerate() {
        let score = (cls.clamp(0.0, 1.0) * obj.clamp(0.0, 1.0)).sqrt();
        if score.is_nan() || score < score_floor {
            continue;
        }
        let column = (cell % grid.n_columns) as f32;
        let row = (cell / grid.n_columns) as f32;
        let Some(b) = grid.bbox.get(cell * 4..cell * 4 + 4) else {
            return;
        };
        let Some(k) = grid.points.get(cell * 10..cell * 10 + 10) else {
            return;
        };
        let (width, height) = (b[2].exp() * stride, b[3].exp() * stride);
        let top_left = placement.map(
            (column + b[0]) * stride - width * 0.5,
            (row + b[1]) * stride - height * 0.5,
        );
        let points: [Point; 5] = std::array::from_fn(|i| {
            placement.map((column + k[2 * i]) * stride, (row + k[2 * i + 1]) * stride)
        });
        let is_finite = points.iter().all(|p| p.x.is_finite() && p.y.is_finite());
        let (fx, fy) = placement.frame_from_input;
        if let Some(bbox) = BBox::new(top_left.x, top_left.y, width * fx, height * fy)
            && is_finite
        {
            faces.push(Face {
                bbox_in_frame: bbox,
                score: Score::clamped(score),
                landmarks_in_frame: Landmarks(points),
                readings: FaceReadings::default(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_cell_by_hand() {
        let (mut cls, mut obj) = ([0.0; 4], [1.2; 4]);
        let (mut bbox, mut points) = ([0.0; 16], [0.0; 40]);
        (cls[3], obj[3]) = (0.81, 1.0);
        bbox[12..16].copy_from_slice(&[0.5, 0.25, 2.0_f32.ln(), 0.0]);
        points[30..32].copy_from_slice(&[0.5, -1.0]);
        let grid = Grid {
            stride_px: 16,
            n_columns: 2,
            cls: &cls,
            obj: &obj,
            bbox: &bbox,
            points: &points,
        };
        let placement = Placement {
            frame_from_input: (2.0, 3.0),
            origin_in_frame: (100.0, 200.0),
        };
        let mut faces = Vec::new();
        decode(&grid, placement, 0.5, &mut faces);
        assert_eq!(faces.len(), 1);
        // Column 1, row 1: centre (24, 20), size 32 x 16 in the input.
        let b = faces[0].bbox_in_frame;
        assert!((faces[0].score.get() - 0.9).abs() < 1e-6);
        assert!((b.left() - 116.0).abs() < 1e-3 && (b.top() - 236.0).abs() < 1e-3);
        assert!((b.width() - 64.0).abs() < 1e-3 && (b.height() - 48.0).abs() < 1e-3);
        let eye = faces[0].landmarks_in_frame.0[0];
        assert_eq!((eye.x, eye.y), (148.0, 200.0));
    }

    #[test]
    fn what_is_not_finite_is_no_face() {
        for poison in [f32::NAN, f32::INFINITY] {
            let mut bbox = [0.0; 4];
            bbox[2] = poison;
            let grid = |cls| Grid {
                stride_px: 8,
                n_columns: 1,
                cls,
                obj: &[1.0],
                bbox: &bbox,
                points: &[0.0; 10],
            };
            let placement = Placement {
                frame_from_input: (1.0, 1.0),
                origin_in_frame: (0.0, 0.0),
            };
            let mut faces = Vec::new();
            decode(&grid(&[1.0]), placement, 0.5, &mut faces);
            decode(&grid(&[f32::NAN]), placement, 0.0, &mut faces);
            assert!(faces.is_empty());
        }
    }
}
