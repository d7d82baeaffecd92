//! Points, boxes and similarity transforms in the plane; y points down.

use serde::{Deserialize, Serialize};

/// A point `(x, y)`; the name of the variable says in which space.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// To the right.
    pub x: f32,
    /// Down.
    pub y: f32,
}

impl Point {
    /// A point.
    pub const fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }

    /// Euclidean distance.
    pub fn distance(self, other: Self) -> f32 {
        (self.x - other.x).hypot(self.y - other.y)
    }
}

/// Width and height of an image in pixels, both at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameSize {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// An axis-parallel box: finite, of positive width and height.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BBox {
    left: f32,
    top: f32,
    width: f32,
    height: f32,
}

impl BBox {
    /// The box, unless a number is not finite or a side is not positive.
    pub fn new(left: f32, top: f32, width: f32, height: f32) -> Option<Self> {
        let finite = [left, top, width, height].iter().all(|v| v.is_finite());
        (finite && width > 0.0 && height > 0.0).then_some(Self {
            left,
            top,
            width,
            height,
        })
    }

    /// Left edge.
    pub const fn left(&self) -> f32 {
        self.left
    }

    /// Top edge.
    pub const fn top(&self) -> f32 {
        self.top
    }

    /// Width, above 0.
    pub const fn width(&self) -> f32 {
        self.width
    }

    /// Height, above 0.
    pub const fn height(&self) -> f32 {
        self.height
    }

    /// Right edge.
    pub fn right(&self) -> f32 {
        self.left + self.width
    }

    /// Bottom edge.
    pub fn bottom(&self) -> f32 {
        self.top + self.height
    }

    /// Width times height.
    pub fn area(&self) -> f32 {
        self.width * self.height
    }

    /// The middle.
    pub fn center(&self) -> Point {
        Point::new(self.left + self.width * 0.5, self.top + self.height * 0.5)
    }

    /// Area of the overlap; 0 when apart.
    pub fn intersection(&self, other: &Self) -> f32 {
        let width = self.right().min(other.right()) - self.left.max(other.left);
        let height = self.bottom().min(other.bottom()) - self.top.max(other.top);
        if width > 0.0 && height > 0.0 {
            width * height
        } else {
            0.0
        }
    }

    /// Intersection over union, in `[0, 1]`.
    pub fn iou(&self, other: &Self) -> f32 {
        let shared = self.intersection(other);
        let union = self.area() + other.area() - shared;
        if union > 0.0 {
            (shared / union).clamp(0.0, 1.0)
        } else {
            0.0
        }
    }

    /// The square with the same middle whose side is `factor` times the larger side.
    /// Nothing when the result would not be finite and positive.
    pub fn square(&self, factor: f32) -> Option<Self> {
        let side = self.width.max(self.height) * factor;
        let center = self.center();
        Self::new(center.x - side * 0.5, center.y - side * 0.5, side, side)
    }

    /// The box with both axes multiplied; nothing when the result is not a box.
    pub fn scaled(&self, x_factor: f32, y_factor: f32) -> Option<Self> {
        Self::new(
            self.left * x_factor,
            self.top * y_factor,
            self.width * x_factor,
            self.height * y_factor,
        )
    }

    /// The part inside a frame; nothing when it lies outside.
    pub fn clipped(&self, size: FrameSize) -> Option<Self> {
        let (left, top) = (self.left.max(0.0), self.top.max(0.0));
        let right = self.right().min(size.width as f32);
        let bottom = self.bottom().min(size.height as f32);
        Self::new(left, top, right - left, bottom - top)
    }
}

/// Where a face is turned, in degrees, each in `[-180, 180]`.
/// Yaw > 0: turned to the right of the image; pitch > 0: up; roll > 0: clockwise in the image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeadPose {
    /// About the vertical axis.
    pub yaw_deg: f32,
    /// About the axis through the ears.
    pub pitch_deg: f32,
    /// About the viewing axis.
    pub roll_deg: f32,
}

/// Rotation, uniform scale and shift: `x' = a·x − b·y + tx`, `y' = b·x + a·y + ty`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SimilarityTransform {
    a: f32,
    b: f32,
    tx: f32,
    ty: f32,
}

impl SimilarityTransform {
    /// Scale (not 0), rotation in radians (clockwise in the image) and shift.
    pub fn new(scale: f32, angle_rad: f32, tx: f32, ty: f32) -> Option<Self> {
        let (sin, cos) = angle_rad.sin_cos();
        let finite = [scale, angle_rad, tx, ty].iter().all(|v| v.is_finite());
        (finite && scale != 0.0).then_some(Self {
            a: scale * cos,
            b: scale * sin,
            tx,
            ty,
        })
    }

    /// The transform that takes `from` nearest to `to` in the sense of least squares.
    /// Nothing when the lists differ in length, hold fewer than two points, or coincide in one.
    ///
    /// # Source
    /// Umeyama 1991, section III, for the plane without reflection.
    pub fn fit(from: &[Point], to: &[Point]) -> Option<Self> {
        if from.len() != to.len() || from.len() < 2 {
            return None;
        }
        let mean = |points: &[Point]| {
            let n = points.len() as f32;
            Point::new(
                points.iter().map(|p| p.x).sum::<f32>() / n,
                points.iter().map(|p| p.y).sum::<f32>() / n,
            )
        };
        let (from_mean, to_mean) = (mean(from), mean(to));
        let (mut dot, mut cross, mut spread) = (0.0_f32, 0.0_f32, 0.0_f32);
        for (p, q) in from.iter().zip(to) {
            let (px, py) = (p.x - from_mean.x, p.y - from_mean.y);
            let (qx, qy) = (q.x - to_mean.x, q.y - to_mean.y);
            dot += px * qx + py * qy;
            cross += px * qy - py * qx;
            spread += px * px + py * py;
        }
        let (a, b) = (dot / spread, cross / spread);
        let valid = spread > 0.0 && a.is_finite() && b.is_finite() && (a != 0.0 || b != 0.0);
        valid.then_some(Self {
            a,
            b,
            tx: to_mean.x - (a * from_mean.x - b * from_mean.y),
            ty: to_mean.y - (b * from_mean.x + a * from_mean.y),
        })
    }

    /// The image of a point.
    pub fn map(&self, p: Point) -> Point {
        Point::new(
            self.a * p.x - self.b * p.y + self.tx,
            self.b * p.x + self.a * p.y + self.ty,
        )
    }

    /// The transform that undoes this one.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let det = self.a * self.a + self.b * self.b;
        let (a, b) = (self.a / det, -self.b / det);
        Self {
            a,
            b,
            tx: -(a * self.tx - b * self.ty),
            ty: -(b * self.tx + a * self.ty),
        }
    }

    /// Length of the image of a unit vector.
    pub fn scale(&self) -> f32 {
        self.a.hypot(self.b)
    }

    /// The coefficients `(a, b, tx, ty)`, for loops that map many points.
    pub const fn coefficients(&self) -> (f32, f32, f32, f32) {
        (self.a, self.b, self.tx, self.ty)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn int_box() -> impl Strategy<Value = (i32, i32, i32, i32)> {
        (0..20_i32, 0..20_i32, 1..20_i32, 1..20_i32)
    }

    fn as_box((l, t, w, h): (i32, i32, i32, i32)) -> BBox {
        BBox::new(l as f32, t as f32, w as f32, h as f32).unwrap()
    }

    proptest! {
        #[test]
        fn iou_agrees_with_counting_pixels(a in int_box(), b in int_box()) {
            let inside = |(l, t, w, h): (i32, i32, i32, i32), x, y| {
                (l..l + w).contains(&x) && (t..t + h).contains(&y)
            };
            let (mut both, mut either) = (0, 0);
            for x in 0..40 {
                for y in 0..40 {
                    both += i32::from(inside(a, x, y) && inside(b, x, y));
                    either += i32::from(inside(a, x, y) || inside(b, x, y));
                }
            }
            let counted = both as f32 / either as f32;
            prop_assert!((as_box(a).iou(&as_box(b)) - counted).abs() < 1e-5);
        }

        #[test]
        fn a_fitted_transform_is_undone_by_its_inverse(
            scale in 0.1_f32..10.0, angle in -3.0_f32..3.0, tx in -99.0_f32..99.0, ty in -99.0_f32..99.0,
        ) {
            let truth = SimilarityTransform::new(scale, angle, tx, ty).unwrap();
            let from = [(38.3, 51.7), (73.5, 51.5), (56.0, 71.7), (41.5, 92.4), (70.7, 92.2)]
                .map(|(x, y)| Point::new(x, y));
            let to = from.map(|p| truth.map(p));
            let fitted = SimilarityTransform::fit(&from, &to).unwrap();
            for (p, q) in from.iter().zip(&to) {
                prop_assert!(fitted.map(*p).distance(*q) < 0.05);
                prop_assert!(fitted.inverse().map(*q).distance(*p) < 0.05);
            }
        }
    }

    #[test]
    fn what_is_no_box_is_refused() {
        assert!(BBox::new(0.0, 0.0, 0.0, 1.0).is_none());
        assert!(BBox::new(f32::NAN, 0.0, 1.0, 1.0).is_none());
        assert!(
            as_box((30, 0, 5, 5))
                .clipped(FrameSize {
                    width: 20,
                    height: 20
                })
                .is_none()
        );
        assert!(
            SimilarityTransform::fit(&[Point::new(1.0, 1.0); 5], &[Point::new(0.0, 0.0); 5])
                .is_none()
        );
    }
}
