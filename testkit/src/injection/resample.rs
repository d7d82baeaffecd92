//! A clip at another rate of frames.

use regard_domain::{FrameSize, Point, SimilarityTransform};

use super::noise::Normal;
use super::{Injection, SensorNoise, Warp};

/// A frame of a clip, with points of the face that say where the head is: the same in every frame, at least two.
#[derive(Clone, Debug)]
pub struct PosedFrame {
    /// Width and height in pixels.
    pub size: FrameSize,
    /// The pixels, RGB.
    pub rgb: Vec<u8>,
    /// Points of the face that hold still in it.
    pub anchors: Vec<Point>,
}

/// A stretch of a clip in which a face is at rest.
pub struct NeutralClip {
    frames: Vec<PosedFrame>,
    fps: f64,
    /// From the first frame to each.
    poses: Vec<SimilarityTransform>,
}

impl NeutralClip {
    /// From frames that came so many times a second; nothing when there are fewer than four, when they differ in size or
    /// in anchors, or when the anchors coincide.
    pub fn new(frames: Vec<PosedFrame>, fps: f64) -> Option<Self> {
        let first = frames.first()?;
        let n_bytes = first.size.width as usize * first.size.height as usize * 3;
        let fits = |f: &PosedFrame| f.size == first.size && f.rgb.len() == n_bytes;
        if frames.len() < 4 || fps.is_nan() || fps <= 0.0 || !frames.iter().all(fits) {
            return None;
        }
        let poses = frames
            .iter()
            .map(|f| SimilarityTransform::fit(&first.anchors, &f.anchors))
            .collect::<Option<_>>()?;
        Some(Self { frames, fps, poses })
    }

    /// Width and height of its frames.
    pub fn size(&self) -> FrameSize {
        self.frames[0].size
    }

    /// Its frames, in order.
    pub fn frames(&self) -> &[PosedFrame] {
        &self.frames
    }

    /// How long it is, in seconds, once through.
    pub fn secs(&self) -> f64 {
        (self.frames.len() - 1) as f64 / self.fps
    }

    /// Frame `index` of the clip at `fps` frames a second, to and fro, with what is injected and the noise of a sensor.
    pub fn frame(
        &self,
        index: u64,
        fps: f64,
        injections: &[Injection],
        (noise, seed): (SensorNoise, u64),
    ) -> Vec<u8> {
        let near = self.nearest(self.place_at(index as f64 / fps));
        let pose = mean_pose(&near.map(|(frame, weight)| (self.poses[frame], weight)));
        // Where a place of this frame was in each of the four.
        let back = near.map(|(frame, weight)| {
            (
                &self.frames[frame].rgb,
                then(&pose.inverse(), &self.poses[frame]),
                weight,
            )
        });
        let moving: Vec<(Warp, f32)> = injections
            .iter()
            .filter(|one| one.share_at(index) > 0.0)
            .flat_map(|one| one.warps.iter().map(move |w| (*w, one.share_at(index))))
            .map(|(warp, share)| (in_frame(&warp, &pose), share))
            .collect();
        let size = self.size();
        let (width, height) = (size.width as usize, size.height as usize);
        let deviations = noise.deviations();
        let mut normal = Normal::new(seed.wrapping_mul(1_000_003).wrapping_add(index));
        let mut out = Vec::with_capacity(width * height * 3);
        let mut from = vec![Point::new(0.0, 0.0); width];
        let mut row = vec![[0.0_f32; 3]; width];
        for y in 0..height {
            for (x, from) in from.iter_mut().enumerate() {
                *from = unwarped(Point::new(x as f32 + 0.5, y as f32 + 0.5), &moving);
            }
            row.fill([0.0; 3]);
            for (rgb, pose, weight) in &back {
                add_row(rgb, (width, height), pose, (&from, *weight), &mut row);
            }
            // A cast to bytes cuts off and stays in range.
            out.extend(row.as_flattened().iter().map(|v| {
                let light = usize::from(*v as u8);
                (v + normal.next() * deviations[light] + 0.5) as u8
            }));
        }
        out
    }

    /// Where in the clip, in frames, it is after so many seconds: it goes to its end and back, slowing down before each turn, for a
    /// motion that turns round at once is a pulse.
    fn place_at(&self, secs: f64) -> f64 {
        let phase = secs / self.secs() * std::f64::consts::PI;
        (0.5 - 0.5 * phase.cos()) * (self.frames.len() - 1) as f64
    }

    /// The four frames around a place in the clip, and their weights: a cubic B-spline, whose sum is 1 and
    /// which changes smoothly.
    fn nearest(&self, place: f64) -> [(usize, f32); 4] {
        let first = place.floor();
        let u = (place - first) as f32;
        let v = 1.0 - u;
        let weights = [
            v * v * v / 6.0,
            (3.0 * u * u * u - 6.0 * u * u + 4.0) / 6.0,
            (3.0 * v * v * v - 6.0 * v * v + 4.0) / 6.0,
            u * u * u / 6.0,
        ];
        let last = self.frames.len() as i64 - 1;
        // Before the first frame and after the last one, the clip is mirrored.
        let reflected = |i: i64| {
            let i = i.rem_euclid(2 * last);
            (if i > last { 2 * last - i } else { i }) as usize
        };
        std::array::from_fn(|k| (reflected(first as i64 + k as i64 - 1), weights[k]))
    }
}

/// The weighted mean of poses that differ little.
fn mean_pose(poses: &[(SimilarityTransform, f32); 4]) -> SimilarityTransform {
    // A similarity is linear in what it does to two points.
    let corners = [Point::new(0.0, 0.0), Point::new(100.0, 0.0)];
    let to = corners.map(|corner| {
        poses
            .iter()
            .fold(Point::new(0.0, 0.0), |sum, (pose, weight)| {
                let at = pose.map(corner);
                Point::new(sum.x + weight * at.x, sum.y + weight * at.y)
            })
    });
    SimilarityTransform::fit(&corners, &to).unwrap_or(poses[0].0)
}

/// One after the other.
fn then(first: &SimilarityTransform, second: &SimilarityTransform) -> SimilarityTransform {
    let corners = [Point::new(0.0, 0.0), Point::new(100.0, 0.0)];
    let to = corners.map(|p| second.map(first.map(p)));
    SimilarityTransform::fit(&corners, &to).unwrap_or(*second)
}

/// A warp where the head is now.
fn in_frame(warp: &Warp, pose: &SimilarityTransform) -> Warp {
    let (a, b, ..) = pose.coefficients();
    let (x, y) = warp.by;
    Warp {
        middle: pose.map(warp.middle),
        by: (a * x - b * y, b * x + a * y),
        reach_px: warp.reach_px * pose.scale(),
    }
}

/// Where what is seen at a place was before the skin moved.
fn unwarped(place: Point, moving: &[(Warp, f32)]) -> Point {
    let mut from = place;
    for (warp, share) in moving {
        let far = place.distance(warp.middle) / warp.reach_px;
        if far < 4.0 {
            let by = share * (-0.5 * far * far).exp();
            from = Point::new(from.x - by * warp.by.0, from.y - by * warp.by.1);
        }
    }
    from
}

/// Adds weighted bilinear values of a picture at the places that a pose takes `from` to; outside, the nearest.
fn add_row(
    rgb: &[u8],
    (width, height): (usize, usize),
    pose: &SimilarityTransform,
    (from, weight): (&[Point], f32),
    row: &mut [[f32; 3]],
) {
    let (a, b, tx, ty) = pose.coefficients();
    let (right, bottom) = ((width - 1) as f32, (height - 1) as f32);
    for (from, sum) in from.iter().zip(row) {
        let x = (a * from.x - b * from.y + tx - 0.5).clamp(0.0, right);
        let y = (b * from.x + a * from.y + ty - 0.5).clamp(0.0, bottom);
        let (left, top) = ((x as usize).min(width - 2), (y as usize).min(height - 2));
        let (fx, fy) = (x - left as f32, (y - top as f32) * weight);
        let at = (top * width + left) * 3;
        // Two neighbours of each line at once: one check of bounds for six values.
        let (upper, lower) = (&rgb[at..at + 6], &rgb[at + width * 3..at + width * 3 + 6]);
        let (above, below) = (weight - fy, fy);
        for (i, sum) in sum.iter_mut().enumerate() {
            let (ul, ur) = (f32::from(upper[i]), f32::from(upper[i + 3]));
            let (ll, lr) = (f32::from(lower[i]), f32::from(lower[i + 3]));
            *sum += above * (ul + (ur - ul) * fx) + below * (ll + (lr - ll) * fx);
        }
    }
}
