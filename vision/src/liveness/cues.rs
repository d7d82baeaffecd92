//! What single frames, and pairs of them, say without anybody doing anything.

use std::fmt;

use regard_commitments::{AttentionScope, CountScope, Scoped};
use regard_domain::{BBox, Face, Point};

use super::spectrum::{PATCH_SIDE, Spectrum};
use crate::detector::check_live;
use crate::{AnalysisError, FaceMesh, RgbView};

/// Width to which frames are reduced to see what moves; a face of a fifth of the frame is then 32 pixels wide.
const SMALL_WIDTH: usize = 160;

/// Farthest shift between two frames that is looked for, in pixels of the small frame.
const MAX_SHIFT: i32 = 5;

// Numbers of points in the mesh. Origin: MediaPipe's canonical face model.
const EYES: [[usize; 4]; 2] = [[33, 133, 159, 145], [362, 263, 386, 374]];

/// What one frame says.
///
/// # Privacy
/// Figures about a picture and how a face moved, no pixels and no shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PassiveCue {
    /// Greatest peak of the spectrum over its neighbourhood: noise has about 10, the grid of a screen may have hundreds.
    pub peak: f32,
    /// Energy of fine structure against that of coarse structure, as a logarithm to base 10.
    pub detail: f32,
    /// How far the face moved since the frame before, and what is around it, in widths of the face; `None` for the first
    /// frame and where nothing is to be seen around.
    pub shifts: Option<([f32; 2], [f32; 2])>,
    /// How much the shape of the face changed since the frame before, beside moving, turning and growing in the image: root mean
    /// square in distances of the eyes.
    pub change: Option<f32>,
    /// Opening of the eyes: height over width, mean of both.
    pub eye_opening: Option<f32>,
    /// Probability of a living face by the optional networks.
    pub network: Option<f32>,
}

/// Measures cues, frame by frame.
///
/// # Privacy
/// Keeps the last frame, reduced and gray, and the last shape until the next; overwritten when dropped.
#[derive(Default)]
pub struct CueMeter {
    spectrum: Spectrum,
    small: Vec<f32>,
    before: Vec<f32>,
    size: (usize, usize),
    shape: Vec<Point>,
}

impl CueMeter {
    /// A meter that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The cues of a frame with one face; the mesh with the key it was measured under. `network` is what
    /// [`crate::LivenessNetworks`] said of it.
    ///
    /// # Errors
    /// When a grant has ended.
    pub fn measure(
        &mut self,
        frame: RgbView<'_>,
        face: &Face,
        mesh: Option<(&FaceMesh, &Scoped<AttentionScope>)>,
        network: Option<f32>,
        key: &Scoped<CountScope>,
    ) -> Result<PassiveCue, AnalysisError> {
        check_live(key.is_live())?;
        let bbox = &face.bbox_in_frame;
        let (peak, detail) = self.texture(frame, bbox);
        self.reduce(frame);
        let scale = self.size.0 as f32 / frame.size().width as f32;
        let shifts = bbox.scaled(scale, scale).and_then(|b| self.shifts(&b));
        let (mut change, mut eye_opening) = (None, None);
        if let Some((mesh, key)) = mesh {
            check_live(key.is_live())?;
            let shape: Vec<Point> = mesh.points().iter().map(|p| Point::new(p.x, p.y)).collect();
            change = shape_change(&self.shape, &shape);
            eye_opening = opening(&shape);
            self.shape = shape;
        }
        std::mem::swap(&mut self.small, &mut self.before);
        Ok(PassiveCue {
            peak,
            detail,
            shifts,
            change,
            eye_opening,
            network,
        })
    }

    /// Peak and detail of the middle of the face at the frame's own scale; neutral where the face is smaller than the patch.
    fn texture(&mut self, frame: RgbView<'_>, bbox: &BBox) -> (f32, f32) {
        let size = frame.size();
        let half = PATCH_SIDE as f32 / 2.0;
        let center = bbox.center();
        let (left, top) = ((center.x - half).round(), (center.y - half).round());
        let fits = left >= 0.0
            && top >= 0.0
            && left as usize + PATCH_SIDE <= size.width as usize
            && top as usize + PATCH_SIDE <= size.height as usize;
        if !fits || bbox.width() < PATCH_SIDE as f32 * 0.8 {
            return (0.0, 0.0);
        }
        let rows = frame
            .pixels()
            .chunks_exact(size.width as usize * 3)
            .skip(top as usize)
            .take(PATCH_SIDE)
            .map(|row| &row[left as usize * 3..][..PATCH_SIDE * 3]);
        self.spectrum.analyze(rows)
    }

    /// Means of blocks of the frame, gray.
    fn reduce(&mut self, frame: RgbView<'_>) {
        let (width, height) = (frame.size().width as usize, frame.size().height as usize);
        let factor = width.div_ceil(SMALL_WIDTH);
        self.size = (width / factor, height / factor);
        self.small.clear();
        for y in 0..self.size.1 {
            for x in 0..self.size.0 {
                let mut sum = 0_u32;
                for row in 0..factor {
                    let at = ((y * factor + row) * width + x * factor) * 3;
                    sum += frame.pixels()[at..at + factor * 3]
                        .iter()
                        .map(|v| u32::from(*v))
                        .sum::<u32>();
                }
                self.small.push(sum as f32 / (factor * factor * 3) as f32);
            }
        }
        if self.before.len() != self.small.len() {
            self.before.clear();
        }
    }

    /// Shifts of the face and of what is around it, in widths of the face.
    fn shifts(&self, bbox: &BBox) -> Option<([f32; 2], [f32; 2])> {
        if self.before.is_empty() {
            return None;
        }
        let width = bbox.width();
        let inner = bbox.square(0.8)?;
        let within = |b: &BBox, x: usize, y: usize| {
            let (x, y) = (x as f32 + 0.5, y as f32 + 0.5);
            x >= b.left() && x < b.right() && y >= b.top() && y < b.bottom()
        };
        // Beside and above the head, where neither hair nor shoulders are.
        let (near, far) = (bbox.square(2.0)?, bbox.square(3.6)?);
        let face = self.shift(|x, y| within(&inner, x, y))?;
        let around = self.shift(|x, y| {
            within(&far, x, y) && !within(&near, x, y) && (y as f32) < bbox.bottom()
        })?;
        Some((face.map(|v| v / width), around.map(|v| v / width)))
    }

    /// The shift that lays the pixels of the frame before best on those chosen of this one, to parts of a pixel; nothing
    /// where there are too few, or no structure.
    fn shift(&self, chosen: impl Fn(usize, usize) -> bool) -> Option<[f32; 2]> {
        /// Fewest pixels, and least mean difference of neighbours: below, any shift is as good.
        const MIN_PIXELS: usize = 60;
        const MIN_STRUCTURE: f32 = 1.0;
        let (width, height) = self.size;
        let margin = MAX_SHIFT as usize;
        let mut places = Vec::new();
        for y in margin..height.saturating_sub(margin) {
            for x in margin..width.saturating_sub(margin) {
                if chosen(x, y) {
                    places.push(y * width + x);
                }
            }
        }
        let structure: f32 = places
            .iter()
            .map(|at| (self.small[*at] - self.small[at - 1]).abs())
            .sum();
        if places.len() < MIN_PIXELS || structure < MIN_STRUCTURE * places.len() as f32 {
            return None;
        }
        let cost = |dx: i32, dy: i32| -> f32 {
            let step = dy as isize * width as isize + dx as isize;
            places
                .iter()
                .map(|at| (self.small[*at] - self.before[at.wrapping_add_signed(-step)]).abs())
                .sum()
        };
        let span = -MAX_SHIFT + 1..MAX_SHIFT;
        let (dx, dy) = span
            .clone()
            .flat_map(|dy| span.clone().map(move |dx| (dx, dy)))
            .min_by(|a, b| cost(a.0, a.1).total_cmp(&cost(b.0, b.1)))?;
        let here = cost(dx, dy);
        // The bottom of the parabola through the neighbours.
        let between = |low: f32, high: f32| {
            let bend = low + high - 2.0 * here;
            if bend > 0.0 {
                (0.5 * (low - high) / bend).clamp(-0.5, 0.5)
            } else {
                0.0
            }
        };
        Some([
            dx as f32 + between(cost(dx - 1, dy), cost(dx + 1, dy)),
            dy as f32 + between(cost(dx, dy - 1), cost(dx, dy + 1)),
        ])
    }
}

impl Drop for CueMeter {
    fn drop(&mut self) {
        self.small.fill(0.0);
        self.before.fill(0.0);
        // Without this the compiler may leave the overwriting out, as nobody reads it.
        std::hint::black_box((&self.small, &self.before));
    }
}

impl fmt::Debug for CueMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CueMeter(frame withheld)")
    }
}

/// What is left between two shapes after the best shift, turn and scale, in distances of the eyes' outer corners.
fn shape_change(before: &[Point], now: &[Point]) -> Option<f32> {
    if before.len() != now.len() {
        return None;
    }
    let best = regard_domain::SimilarityTransform::fit(before, now)?;
    let eyes = now.get(EYES[0][0])?.distance(*now.get(EYES[1][1])?);
    let squares = before.iter().zip(now).map(|(a, b)| {
        let rest = best.map(*a).distance(*b);
        rest * rest
    });
    let rest = (squares.sum::<f32>() / now.len() as f32).sqrt() / eyes;
    rest.is_finite().then_some(rest)
}

fn opening(shape: &[Point]) -> Option<f32> {
    let mut sum = 0.0;
    for [outer, inner, upper, lower] in EYES {
        let at = |i: usize| shape.get(i).copied();
        sum += at(upper)?.distance(at(lower)?) / at(outer)?.distance(at(inner)?);
    }
    let opening = sum / 2.0;
    opening.is_finite().then_some(opening)
}

#[cfg(test)]
mod tests;
