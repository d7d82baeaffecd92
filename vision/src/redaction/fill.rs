//! Areas filled in from what lies around them.

use std::ops::Range;

use regard_domain::{BBox, FrameSize};

use crate::Picture;
use crate::picture::BYTES_PER_PIXEL;

/// How far along its border a filled area takes each colour from, as a share of its side: enough that no line at the border
/// is drawn out across it.
const SMOOTH_SHARE: f32 = 0.15;

/// Whole pixels, at least one, inside a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rect {
    pub(super) left: usize,
    pub(super) top: usize,
    right: usize,
    bottom: usize,
}

impl Rect {
    /// Every pixel that a box touches; nothing where it touches none.
    pub(super) fn of(area: &BBox, size: FrameSize) -> Option<Self> {
        let inside = area.clipped(size)?;
        let rect = Self {
            left: inside.left().floor() as usize,
            top: inside.top().floor() as usize,
            right: (inside.right().ceil() as usize).min(size.width as usize),
            bottom: (inside.bottom().ceil() as usize).min(size.height as usize),
        };
        (rect.left < rect.right && rect.top < rect.bottom).then_some(rect)
    }

    pub(super) fn rows(&self) -> Range<usize> {
        self.top..self.bottom
    }

    pub(super) fn columns(&self) -> Range<usize> {
        self.left..self.right
    }

    pub(super) const fn width(&self) -> usize {
        self.right - self.left
    }

    pub(super) const fn height(&self) -> usize {
        self.bottom - self.top
    }

    /// Whether the two overlap or touch, so that one would be filled in from the other.
    const fn meets(&self, other: &Self) -> bool {
        self.left <= other.right
            && other.left <= self.right
            && self.top <= other.bottom
            && other.top <= self.bottom
    }

    fn joined(&self, other: &Self) -> Self {
        Self {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }
}

/// Areas of which no two meet, and which cover all that were given.
pub(super) fn apart(mut areas: Vec<Rect>) -> Vec<Rect> {
    let mut done: Vec<Rect> = Vec::new();
    while let Some(mut area) = areas.pop() {
        while let Some(at) = done.iter().position(|other| other.meets(&area)) {
            area = area.joined(&done.swap_remove(at));
        }
        done.push(area);
    }
    done
}

/// A line of colours beside an area.
type Line = Vec<[f32; 3]>;

/// Fills areas in from the pixels around them, each side weighing the more the nearer it is. Grey where an area is all of the
/// picture.
pub(super) fn fill_from_outside(picture: &mut Picture, areas: Vec<Rect>) {
    for area in apart(areas) {
        let size = picture.size();
        let sides = Sides::around(picture, &area);
        let width = size.width as usize;
        for row in area.rows() {
            for column in area.columns() {
                let at = (row * width + column) * BYTES_PER_PIXEL;
                let color = sides.color(&area, column, row);
                picture.pixels_mut()[at..at + BYTES_PER_PIXEL].copy_from_slice(&color);
            }
        }
    }
}

/// What lies around an area; nothing beyond the edges of the picture.
struct Sides {
    left: Option<Line>,
    right: Option<Line>,
    above: Option<Line>,
    below: Option<Line>,
}

impl Sides {
    fn around(picture: &Picture, area: &Rect) -> Self {
        let size = picture.size();
        let (width, height) = (size.width as usize, size.height as usize);
        let pixel = |column: usize, row: usize| -> [f32; 3] {
            let at = (row * width + column) * BYTES_PER_PIXEL;
            std::array::from_fn(|channel| f32::from(picture.pixels()[at + channel]))
        };
        let column = |at: usize| smooth(&area.rows().map(|row| pixel(at, row)).collect::<Line>());
        let row = |at: usize| smooth(&area.columns().map(|c| pixel(c, at)).collect::<Line>());
        Self {
            left: area.left.checked_sub(1).map(column),
            right: (area.right < width).then(|| column(area.right)),
            above: area.top.checked_sub(1).map(row),
            below: (area.bottom < height).then(|| row(area.bottom)),
        }
    }

    fn color(&self, area: &Rect, column: usize, row: usize) -> [u8; 3] {
        let (x, y) = (column - area.left, row - area.top);
        let sides = [
            (&self.left, y, x + 1),
            (&self.right, y, area.width() - x),
            (&self.above, x, y + 1),
            (&self.below, x, area.height() - y),
        ];
        let (mut sums, mut weights) = ([0.0_f32; 3], 0.0_f32);
        for (side, at, distance) in sides {
            let Some(color) = side.as_ref().and_then(|line| line.get(at)) else {
                continue;
            };
            let weight = 1.0 / distance as f32;
            weights += weight;
            for (sum, value) in sums.iter_mut().zip(color) {
                *sum += weight * value;
            }
        }
        if weights > 0.0 {
            sums.map(|sum| (sum / weights + 0.5) as u8)
        } else {
            [128; 3]
        }
    }
}

/// A line of which each colour is the mean of those around it.
fn smooth(line: &[[f32; 3]]) -> Line {
    let reach = ((line.len() as f32 * SMOOTH_SHARE) as usize).max(1);
    (0..line.len())
        .map(|at| {
            let near = &line[at.saturating_sub(reach)..(at + reach + 1).min(line.len())];
            std::array::from_fn(|channel| {
                near.iter().map(|color| color[channel]).sum::<f32>() / near.len() as f32
            })
        })
        .collect()
}
