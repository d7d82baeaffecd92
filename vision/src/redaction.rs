//! Covering faces so that nothing brings them back.

mod fill;
#[cfg(test)]
mod tests;

use std::fmt;

use rand::Rng;
use regard_domain::{BBox, FrameSize, Point};

use self::fill::{Rect, fill_from_outside};
use crate::picture::BYTES_PER_PIXEL;
use crate::{Picture, RgbView};

/// Colours along one side of a veil.
///
/// # Source
/// Sinha, Balas, Ostrovsky, Russell, *Face Recognition by Humans: Nineteen Results* (2006), result 1: people know
/// familiar faces from 7 × 10 pixels. McPherson, Shokri, Shmatikov, *Defeating Image Obfuscation with Deep Learning*
/// (arXiv:1609.00408), and Hill, Zhou, Saul, Shacham, *On the (In)effectiveness of Mosaicing and Blurring* (PoPETs 2016):
/// what finer mosaics and blurs keep is enough to tell faces apart by machine. Four cells over the covered area, which is
/// half as wide again as the face, leave fewer than three across the face itself.
const N_CELLS: usize = 4;

/// Steps to which colours are rounded, of 256, and the greatest noise before rounding: a cell keeps three bits a channel,
/// so that a small change of the face does not show in it.
const COLOR_STEP: u8 = 32;
const MAX_NOISE: f32 = 24.0;

/// Smallest side of a cell in pixels; smaller areas get one colour. Origin: of a face 12 pixels wide, cells of 5 leave what a
/// detector takes for a face again once a coder has rounded the colours (4 of 381 frames of the clips measured).
const MIN_CELL_PX: f32 = 10.0;

/// The colour of boxes: dark, and of no skin.
const BOX_COLOR: [u8; 3] = [32, 32, 32];

/// How covered faces look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RedactionStyle {
    /// A few colours, washed into each other.
    #[default]
    Blur,
    /// The same colours as cells.
    Pixelate,
    /// A dark box: nothing of the face, not even its colours.
    Box,
    /// Filled in from what lies around: nothing of the face either.
    Remove,
}

/// What stands for one face wherever it is covered: a few colours, rough on purpose.
///
/// Taken once for all frames of a track: cells taken anew from each frame would sample a moving face at ever new
/// places, and many rough samples add up to a fine picture.
///
/// # Privacy
/// Sixteen colours of the surroundings of a face and of it, in three bits a channel after noise. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Veil {
    cells: [[u8; 3]; N_CELLS * N_CELLS],
}

impl fmt::Debug for Veil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Veil(colours withheld)")
    }
}

impl Veil {
    /// The veil of an area of a picture; grey where the area lies outside.
    pub fn of(picture: RgbView<'_>, area: &BBox, rng: &mut impl Rng) -> Self {
        let mut cells = [[128; 3]; N_CELLS * N_CELLS];
        for (at, cell) in cells.iter_mut().enumerate() {
            let (column, row) = ((at % N_CELLS) as f32, (at / N_CELLS) as f32);
            let (width, height) = (
                area.width() / N_CELLS as f32,
                area.height() / N_CELLS as f32,
            );
            let part = BBox::new(
                area.left() + column * width,
                area.top() + row * height,
                width,
                height,
            );
            let Some(mean) = part.and_then(|part| mean_color(picture, &part)) else {
                continue;
            };
            // The same for each channel, so that what is grey stays grey; 24 bits of a draw are all that a single has.
            let unit = (rng.next_u32() >> 8) as f32 / (1_u32 << 24) as f32;
            let noise = (2.0 * unit - 1.0) * MAX_NOISE;
            *cell = mean.map(|mean| rounded(mean + noise));
        }
        let veil = Self { cells };
        if area.width().max(area.height()) < MIN_CELL_PX * N_CELLS as f32 {
            veil.flat()
        } else {
            veil
        }
    }

    /// One colour throughout: what is left when anything like a face shows through.
    #[must_use]
    pub fn flat(&self) -> Self {
        let mean = |channel: usize| {
            let sum: u32 = self.cells.iter().map(|cell| u32::from(cell[channel])).sum();
            rounded(sum as f32 / self.cells.len() as f32)
        };
        Self {
            cells: [[mean(0), mean(1), mean(2)]; N_CELLS * N_CELLS],
        }
    }

    /// The colour of a cell.
    fn cell(&self, at: Point) -> [u8; 3] {
        let place = |share: f32| ((share * N_CELLS as f32) as usize).min(N_CELLS - 1);
        self.cells[place(at.y) * N_CELLS + place(at.x)]
    }

    /// The colours washed into each other, at a place in the unit square.
    fn washed(&self, at: Point) -> [u8; 3] {
        let axis = |share: f32| {
            let place = (share * N_CELLS as f32 - 0.5).clamp(0.0, (N_CELLS - 1) as f32);
            let first = (place as usize).min(N_CELLS - 2);
            (first, place - first as f32)
        };
        let ((x, right), (y, down)) = (axis(at.x), axis(at.y));
        let cell = |dx: usize, dy: usize| self.cells[(y + dy) * N_CELLS + x + dx];
        let corners = [cell(0, 0), cell(1, 0), cell(0, 1), cell(1, 1)];
        std::array::from_fn(|channel| {
            let [a, b, c, d] = corners.map(|corner| f32::from(corner[channel]));
            let (above, below) = (a + (b - a) * right, c + (d - c) * right);
            (above + (below - above) * down + 0.5) as u8
        })
    }
}

/// The middle of the step that a value lies in.
fn rounded(value: f32) -> u8 {
    let step = f32::from(COLOR_STEP);
    ((value.clamp(0.0, 255.0) / step).floor() * step + step / 2.0) as u8
}

/// The mean colour of what a box covers of a picture; nothing where it covers no pixel.
fn mean_color(picture: RgbView<'_>, part: &BBox) -> Option<[f32; 3]> {
    let rect = Rect::of(part, picture.size())?;
    let width = picture.size().width as usize;
    let (mut sums, mut n) = ([0_u64; 3], 0_u64);
    for row in rect.rows() {
        let at = (row * width + rect.left) * BYTES_PER_PIXEL;
        let bytes = &picture.pixels()[at..at + rect.width() * BYTES_PER_PIXEL];
        for pixel in bytes.chunks_exact(BYTES_PER_PIXEL) {
            for (sum, value) in sums.iter_mut().zip(pixel) {
                *sum += u64::from(*value);
            }
        }
        n += rect.width() as u64;
    }
    Some(sums.map(|sum| (sum as f64 / n as f64) as f32))
}

/// The box with a share of its larger side added on each side: what is covered of a head whose face is the box.
pub fn with_margin(bbox: &BBox, margin: f32) -> BBox {
    let more = bbox.width().max(bbox.height()) * margin.max(0.0);
    BBox::new(
        bbox.left() - more,
        bbox.top() - more,
        bbox.width() + 2.0 * more,
        bbox.height() + 2.0 * more,
    )
    .unwrap_or(*bbox)
}

/// Covers areas of a picture, each with the veil of its face. No pixel that an area touches keeps anything of its own.
///
/// # Privacy
/// What is covered cannot be computed back: a box and what is filled in hold nothing of it, a blur and a mosaic the
/// sixteen rough colours of its veil and nothing else. What tells people beside the face (hair, clothes, gait, voice, the
/// place) stays.
pub fn cover(picture: &mut Picture, covers: &[(BBox, &Veil)], style: RedactionStyle) {
    let size = picture.size();
    match style {
        RedactionStyle::Remove => {
            let areas = covers.iter().filter_map(|(area, _)| Rect::of(area, size));
            fill_from_outside(picture, areas.collect());
        }
        RedactionStyle::Box => {
            for (area, _) in covers {
                paint(picture, area, |_| BOX_COLOR);
            }
        }
        RedactionStyle::Pixelate => {
            for (area, veil) in covers {
                paint(picture, area, |at| veil.cell(at));
            }
        }
        RedactionStyle::Blur => {
            for (area, veil) in covers {
                paint(picture, area, |at| veil.washed(at));
            }
        }
    }
}

/// Paints an area by the place of each pixel in it.
fn paint(picture: &mut Picture, area: &BBox, color: impl Fn(Point) -> [u8; 3]) {
    let size = picture.size();
    let Some(rect) = Rect::of(area, size) else {
        return;
    };
    let width = size.width as usize;
    let share = |at: usize, start: f32, len: f32| ((at as f32 + 0.5 - start) / len).clamp(0.0, 1.0);
    for row in rect.rows() {
        let y = share(row, area.top(), area.height());
        for column in rect.columns() {
            let x = share(column, area.left(), area.width());
            let at = (row * width + column) * BYTES_PER_PIXEL;
            picture.pixels_mut()[at..at + BYTES_PER_PIXEL]
                .copy_from_slice(&color(Point::new(x, y)));
        }
    }
}

impl RgbView<'_> {
    /// A copy of the part of the picture that a box covers; nothing where it covers no pixel.
    ///
    /// # Privacy
    /// May be the picture of a face: never printed.
    pub fn crop(self, area: &BBox) -> Option<Picture> {
        let rect = Rect::of(area, self.size())?;
        let width = self.size().width as usize;
        let mut pixels = Vec::with_capacity(rect.width() * rect.height() * BYTES_PER_PIXEL);
        for row in rect.rows() {
            let at = (row * width + rect.left) * BYTES_PER_PIXEL;
            pixels.extend_from_slice(&self.pixels()[at..at + rect.width() * BYTES_PER_PIXEL]);
        }
        let size = FrameSize {
            width: u32::try_from(rect.width()).ok()?,
            height: u32::try_from(rect.height()).ok()?,
        };
        Picture::from_rgb(pixels, size)
    }
}
