//! A picture that is drawn on: rectangles, dots and letters, as far as they lie inside it.

use font8x8::UnicodeFonts;
use regard_domain::{BBox, FrameSize, Point};

use crate::{Picture, RgbView};

pub(super) const LABEL_COLOR: [u8; 3] = [255, 255, 255];
const LABEL_GROUND: [u8; 3] = [0, 0, 0];

/// Side of a letter before enlargement.
pub(super) const LETTER_PX: i32 = 8;

pub(super) struct Canvas {
    picture: Picture,
    line_px: i32,
}

impl Canvas {
    /// A copy of the picture in the upper left of a canvas of at least its size. None when the
    /// picture has no pixels.
    pub(super) fn new(picture: RgbView<'_>, size: FrameSize, line_px: i32) -> Option<Self> {
        let (from, to) = (picture.size().width as usize * 3, size.width as usize * 3);
        let mut pixels = vec![0; to * size.height as usize];
        for (row, source) in pixels
            .chunks_exact_mut(to)
            .zip(picture.pixels().chunks_exact(from))
        {
            row[..from].copy_from_slice(source);
        }
        Some(Self {
            picture: Picture::from_rgb(pixels, size)?,
            line_px,
        })
    }

    pub(super) fn into_picture(self) -> Picture {
        self.picture
    }

    pub(super) fn outline(&mut self, b: &BBox, color: [u8; 3]) {
        let (left, top) = (b.left() as i32, b.top() as i32);
        let (width, height) = (b.width() as i32, b.height() as i32);
        let line = self.line_px;
        let last = |start: i32, len: i32| start.saturating_add(len).saturating_sub(line);
        self.fill(left, top, width, line, color);
        self.fill(left, last(top, height), width, line, color);
        self.fill(left, top, line, height, color);
        self.fill(last(left, width), top, line, height, color);
    }

    pub(super) fn dot(&mut self, at: Point, color: [u8; 3]) {
        let reach = self.line_px;
        let side = reach.saturating_mul(2) + 1;
        let (x, y) = (at.x as i32, at.y as i32);
        self.fill(
            x.saturating_sub(reach),
            y.saturating_sub(reach),
            side,
            side,
            color,
        );
    }

    /// Writes ASCII on a dark ground that covers [`text_size`].
    pub(super) fn write(&mut self, text: &str, left: i32, top: i32) {
        let (width, height) = text_size(text, self.line_px);
        self.fill(left, top, width, height, LABEL_GROUND);
        let letter_px = LETTER_PX * self.line_px;
        for (i, letter) in (0_i32..).zip(text.chars()) {
            let x = left + self.line_px + letter_px * i;
            self.draw_letter(letter, x, top + self.line_px);
        }
    }

    fn draw_letter(&mut self, letter: char, left: i32, top: i32) {
        let Some(rows) = font8x8::BASIC_FONTS.get(letter) else {
            return; // Labels are ASCII.
        };
        let dot = self.line_px;
        for (y, row) in (0_i32..).zip(rows) {
            for x in (0_i32..8).filter(|x| row & (1 << x) != 0) {
                self.fill(left + x * dot, top + y * dot, dot, dot, LABEL_COLOR);
            }
        }
    }

    /// Fills the part of a rectangle that lies inside the picture.
    fn fill(&mut self, left: i32, top: i32, width: i32, height: i32, color: [u8; 3]) {
        let size = self.picture.size();
        let clamp =
            |v: i32, most: u32| v.clamp(0, i32::try_from(most).unwrap_or(i32::MAX)) as usize;
        let columns = clamp(left, size.width)..clamp(left.saturating_add(width), size.width);
        let rows = clamp(top, size.height)..clamp(top.saturating_add(height), size.height);
        let row_len = size.width as usize * 3;
        let pixels = self.picture.pixels_mut();
        for y in rows {
            let row = &mut pixels[y * row_len..(y + 1) * row_len];
            for pixel in row[columns.start * 3..columns.end * 3].chunks_exact_mut(3) {
                pixel.copy_from_slice(&color);
            }
        }
    }
}

/// Width and height in pixels of written text with its ground.
pub(super) fn text_size(text: &str, line_px: i32) -> (i32, i32) {
    let letters = i32::try_from(text.len()).unwrap_or(i32::MAX);
    let width = letters
        .saturating_mul(LETTER_PX * line_px)
        .saturating_add(2 * line_px);
    (width, LETTER_PX * line_px + 2 * line_px)
}
