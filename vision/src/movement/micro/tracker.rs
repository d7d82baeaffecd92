//! Windows of a face followed from frame to frame in a crop that goes with the head.

use regard_domain::{Point, SimilarityTransform, Timestamp};

use super::super::measure::point_of;
use super::flow::{Gray, Window};
use super::place::{EYES, MicroPlace, N_PLACES, N_WINDOWS, STILL};
use super::rigid::{Moved, Rigid};
use super::traces::Instant;
use crate::warp::{Border, gray, warp_rows};
use crate::{FaceMesh, RgbView};

/// Side of the crop in pixels.
const SIDE_PX: usize = 168;

/// Distance between the outer eye corners in the crop, in pixels, and where their middle lies. Origin: a face is 1.6 such
/// distances wide and its chin 1.2 below, so that all of it lies inside with a window's half to spare.
const EYES_PX: f32 = 72.0;
const EYES_IN_CROP: Point = Point::new(84.0, 54.0);

/// The middle of the face in the crop, about which the head turns.
const MIDDLE: (f32, f32) = (84.0, 84.0);

/// Least correlation with which a window counts as found.
const FOUND_FROM: f32 = 0.6;

/// Median correlation below which the pictures are taken anew that windows are compared with; and below which the face is lost.
const RENEWED_BELOW: f32 = 0.9;
const LOST_BELOW: f32 = 0.6;

/// Seconds after which they are taken anew in any case: light and wrinkles change.
const RENEWED_AFTER_SECS: f32 = 4.0;

/// Farthest that the head may go between two frames, in crop pixels: beyond, searches do not find.
const MAX_STEP_PX: f32 = 7.0;

/// How far the mesh's eyes may be from where they are followed, in eye distances.
const MAX_DRIFT: f32 = 0.25;

/// What windows are compared with.
struct Key {
    windows: Vec<Window>,
    /// From the middle of the face, in crop pixels.
    at: [[f32; 3]; N_WINDOWS],
    /// Left, top, width and height of each eye, and how it looked.
    eyes: Vec<((f32, f32), (usize, usize), Vec<f32>)>,
    since: Timestamp,
}

/// Follows one face. Holds two crops of it.
pub(super) struct FlowTracker {
    crop: Gray,
    frame_from_crop: Option<SimilarityTransform>,
    key: Option<Key>,
    /// What each place had moved when the key was taken, in crop pixels.
    base: [[f32; 2]; N_PLACES],
    last: Option<(Timestamp, Rigid)>,
}

impl FlowTracker {
    pub(super) const fn new() -> Self {
        Self {
            crop: Gray::new(SIDE_PX),
            frame_from_crop: None,
            key: None,
            base: [[0.0; 2]; N_PLACES],
            last: None,
        }
    }

    /// Whether a mesh is needed to go on.
    pub(super) const fn is_lost(&self) -> bool {
        self.frame_from_crop.is_none()
    }

    /// The face is somewhere else, or gone.
    pub(super) fn lose(&mut self) {
        *self = Self::new();
    }

    /// Takes the next frame: what each window did. Nothing while the face is lost.
    pub(super) fn see(
        &mut self,
        frame: RgbView<'_>,
        at: Timestamp,
        mesh: Option<&FaceMesh>,
    ) -> Option<Instant> {
        if let (Some(transform), Some(mesh)) = (&self.frame_from_crop, mesh) {
            if has_drifted(transform, mesh) {
                self.lose();
            }
        }
        let Some(transform) = self.frame_from_crop else {
            return self.begin(frame, at, mesh?);
        };
        self.cut(frame, &transform);
        let Some((instant, rigid, correlation)) = self.follow(at) else {
            self.lose();
            return self.begin(frame, at, mesh?);
        };
        self.frame_from_crop = moved_with(&transform, &rigid);
        self.last = Some((at, rigid));
        let age = self
            .key
            .as_ref()
            .map_or(0.0, |key| at.secs_since(key.since));
        if correlation < RENEWED_BELOW || age > RENEWED_AFTER_SECS {
            self.renew(frame, at, mesh, &instant);
        }
        Some(instant)
    }

    fn begin(&mut self, frame: RgbView<'_>, at: Timestamp, mesh: &FaceMesh) -> Option<Instant> {
        let transform = anchored(mesh)?;
        self.frame_from_crop = Some(transform);
        self.cut(frame, &transform);
        self.take_key(at, &places_in_crop(&transform, mesh));
        self.base = [[0.0; 2]; N_PLACES];
        self.last = None;
        Some(Instant::beginning(at))
    }

    /// Takes new pictures to compare with; where the places are, they stay.
    fn renew(
        &mut self,
        frame: RgbView<'_>,
        at: Timestamp,
        mesh: Option<&FaceMesh>,
        instant: &Instant,
    ) {
        let (Some(transform), Some(key)) = (self.frame_from_crop, &self.key) else {
            return;
        };
        let places = mesh.map_or(key.at, |mesh| places_in_crop(&transform, mesh));
        self.cut(frame, &transform);
        self.take_key(at, &places);
        self.base = instant.places.map(|p| p.map(|v| v * EYES_PX));
        // The pictures are those of this frame, in which nothing has moved.
        self.last = None;
    }

    fn cut(&mut self, frame: RgbView<'_>, frame_from_crop: &SimilarityTransform) {
        let values = self.crop.values_mut();
        values.resize(SIDE_PX * SIDE_PX, 0.0);
        warp_rows(
            frame,
            frame_from_crop,
            SIDE_PX,
            Border::Nearest,
            |y, row| {
                let into = &mut values[y * SIDE_PX..(y + 1) * SIDE_PX];
                for (into, rgb) in into.iter_mut().zip(row.as_chunks::<3>().0) {
                    *into = gray(*rgb);
                }
            },
        );
        self.crop.blur();
    }

    fn take_key(&mut self, at: Timestamp, places: &[[f32; 3]; N_WINDOWS]) {
        let windows = places
            .iter()
            .map(|[x, y, _]| Window::cut(&self.crop, in_picture(*x, *y)))
            .collect();
        // The corners of the eyes are windows 3 to 6 of what holds still: inner left, inner right, outer left, outer right.
        let still = |nth: usize| places[N_PLACES + nth];
        let eyes = [(still(5), still(3)), (still(4), still(6))]
            .into_iter()
            .map(|(left, right)| {
                let width = (right[0] - left[0]).abs().max(8.0);
                let middle = in_picture(
                    f32::midpoint(left[0], right[0]),
                    f32::midpoint(left[1], right[1]),
                );
                let size = (width as usize, (width * 0.7) as usize);
                let corner = (
                    middle.0 - size.0 as f32 * 0.5,
                    middle.1 - size.1 as f32 * 0.5,
                );
                (corner, size, self.crop.box_values(corner, size))
            })
            .collect();
        self.key = Some(Key {
            windows,
            at: *places,
            eyes,
            since: at,
        });
    }

    /// Where the windows of the key are now, what the head did, and the median correlation.
    fn follow(&self, at: Timestamp) -> Option<(Instant, Rigid, f32)> {
        let key = self.key.as_ref()?;
        let last = self.last.map(|(_, rigid)| rigid).unwrap_or_default();
        let mut correlations = Vec::with_capacity(N_WINDOWS);
        let mut moved = [Moved {
            at: [0.0; 3],
            shift: [0.0; 2],
            information: [0.0; 3],
            is_found: false,
        }; N_WINDOWS];
        for ((window, at), into) in key.windows.iter().zip(key.at).zip(&mut moved) {
            let found = window.find(&self.crop, last.in_depth_at(at));
            correlations.push(found.correlation);
            *into = Moved {
                at,
                shift: found.shift,
                information: found.information,
                is_found: found.correlation >= FOUND_FROM,
            };
        }
        let middle = correlations.len() / 2;
        let (_, median, _) = correlations.select_nth_unstable_by(middle, f32::total_cmp);
        let correlation = *median;
        if correlation < LOST_BELOW {
            return None;
        }
        let rigid = Rigid::fit(&moved)?;
        if rigid.shift[0].hypot(rigid.shift[1]) > MAX_STEP_PX {
            return None;
        }
        let mut instant = Instant::beginning(at);
        instant.begins = false;
        for (place, window) in moved.iter().take(N_PLACES).enumerate() {
            let [dx, dy] = rigid.shift_at(window.at);
            let own = if window.is_found {
                [window.shift[0] - dx, window.shift[1] - dy]
            } else {
                [f32::NAN; 2]
            };
            instant.places[place] =
                std::array::from_fn(|axis| (self.base[place][axis] + own[axis]) / EYES_PX);
        }
        instant.eye_change = self.eye_change(key, &rigid);
        // Depth comes back with every frame; shift, growth and roll were carried into the crop.
        let turn = rigid.turn_since(&last);
        instant.head_step = (rigid.shift[0].hypot(rigid.shift[1]) + turn) / EYES_PX;
        Some((instant, rigid, correlation))
    }

    /// How much both eyes have changed, `[0, 2]`: one less the correlation, the smaller of both, since lids close together.
    fn eye_change(&self, key: &Key, rigid: &Rigid) -> f32 {
        key.eyes
            .iter()
            .map(|((left, top), size, before)| {
                let at = [left - MIDDLE.0, top - MIDDLE.1, 0.0];
                let [dx, dy] = rigid.shift_at(at);
                let now = self.crop.box_values((left + dx, top + dy), *size);
                1.0 - correlation(before, &now)
            })
            .fold(f32::INFINITY, f32::min)
    }
}

/// From the middle of the face to the middle of the first pixel of the picture.
fn in_picture(x: f32, y: f32) -> (f32, f32) {
    (x + MIDDLE.0 - 0.5, y + MIDDLE.1 - 0.5)
}

fn correlation(a: &[f32], b: &[f32]) -> f32 {
    let n = a.len().max(1) as f32;
    let (ma, mb) = (a.iter().sum::<f32>() / n, b.iter().sum::<f32>() / n);
    let (mut aa, mut bb, mut ab) = (1.0, 1.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        aa += (x - ma) * (x - ma);
        bb += (y - mb) * (y - mb);
        ab += (x - ma) * (y - mb);
    }
    ab / (aa * bb).sqrt()
}

/// The outer corners of the eyes of a mesh.
fn eyes_of(mesh: &FaceMesh) -> [Point; 2] {
    [EYES[0][0], EYES[1][1]].map(|i| {
        let [x, y, _] = point_of(mesh, i);
        Point::new(x as f32, y as f32)
    })
}

/// The crop that lays the eyes of a mesh where they belong.
fn anchored(mesh: &FaceMesh) -> Option<SimilarityTransform> {
    let half = EYES_PX * 0.5;
    let to = [
        Point::new(EYES_IN_CROP.x - half, EYES_IN_CROP.y),
        Point::new(EYES_IN_CROP.x + half, EYES_IN_CROP.y),
    ];
    let crop_from_frame = SimilarityTransform::fit(&eyes_of(mesh), &to)?;
    Some(crop_from_frame.inverse())
}

fn has_drifted(frame_from_crop: &SimilarityTransform, mesh: &FaceMesh) -> bool {
    let [left, right] = eyes_of(mesh).map(|p| frame_from_crop.inverse().map(p));
    let width = left.distance(right);
    let middle = Point::new(
        f32::midpoint(left.x, right.x),
        f32::midpoint(left.y, right.y),
    );
    // A head that turns brings its eyes closer; what is followed keeps the size it had.
    middle.distance(EYES_IN_CROP) > MAX_DRIFT * EYES_PX || !(0.6..1.6).contains(&(width / EYES_PX))
}

/// Where places and what holds still are, from the middle of the face.
fn places_in_crop(frame_from_crop: &SimilarityTransform, mesh: &FaceMesh) -> [[f32; 3]; N_WINDOWS] {
    let crop_from_frame = frame_from_crop.inverse();
    let points = |window: usize| match MicroPlace::ALL.get(window) {
        Some(place) => place.points(),
        None => STILL[window - N_PLACES],
    };
    let all: [[f32; 3]; N_WINDOWS] = std::array::from_fn(|window| {
        let points = points(window);
        let n = points.len() as f64;
        let sum = points.iter().fold([0.0; 3], |sum, i| {
            let p = point_of(mesh, *i);
            [sum[0] + p[0], sum[1] + p[1], sum[2] + p[2]]
        });
        let [x, y, z] = sum.map(|v| (v / n) as f32);
        let place = crop_from_frame.map(Point::new(x, y));
        [
            place.x - MIDDLE.0,
            place.y - MIDDLE.1,
            z * crop_from_frame.scale(),
        ]
    });
    // Depth from its mean, so that a turn is no shift.
    let depth = all.iter().map(|p| p[2]).sum::<f32>() / N_WINDOWS as f32;
    all.map(|[x, y, z]| [x, y, z - depth])
}

/// The crop after the head has moved.
fn moved_with(frame_from_crop: &SimilarityTransform, rigid: &Rigid) -> Option<SimilarityTransform> {
    let (a, b, ..) = frame_from_crop.coefficients();
    let (grown, roll) = (1.0 + rigid.growth, rigid.roll);
    let origin = [-MIDDLE.0, -MIDDLE.1];
    let start = Point::new(
        MIDDLE.0 + grown * origin[0] - roll * origin[1] + rigid.shift[0],
        MIDDLE.1 + grown * origin[1] + roll * origin[0] + rigid.shift[1],
    );
    let at = frame_from_crop.map(start);
    let scale = frame_from_crop.scale() * grown.hypot(roll);
    let angle = b.atan2(a) + roll.atan2(grown);
    SimilarityTransform::new(scale, angle, at.x, at.y)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crop_goes_with_the_head() {
        let crop = SimilarityTransform::new(1.3, 0.2, 40.0, 30.0).unwrap();
        let rigid = Rigid {
            shift: [1.5, -0.7],
            growth: 0.02,
            roll: 0.01,
            ..Rigid::default()
        };
        let moved = moved_with(&crop, &rigid).unwrap();
        for (x, y) in [(20.0, 30.0), (84.0, 84.0), (120.0, 140.0)] {
            let [dx, dy] = rigid.shift_at([x - MIDDLE.0, y - MIDDLE.1, 0.0]);
            let before = crop.map(Point::new(x + dx, y + dy));
            assert!(before.distance(moved.map(Point::new(x, y))) < 1e-3);
        }
    }
}
