//! Paragraphs laid out, page after page.

use crate::font::Weight;
use crate::sheet::{A4, Mark, Role, Shape, Sheet, Text};

/// Around the text, in points.
pub(crate) const MARGIN: f32 = 48.0;
const INK: [u8; 3] = [0x17, 0x20, 0x2a];
const LINE: f32 = 1.35;

/// Lays out paragraphs, page after page.
pub(crate) struct Layout {
    pub(crate) sheets: Vec<Sheet>,
    title: String,
    y: f32,
}

impl Layout {
    pub(crate) fn new(title: String) -> Self {
        let mut layout = Self {
            sheets: Vec::new(),
            title,
            y: 0.0,
        };
        layout.turn();
        layout
    }

    /// A drawing across the page, so high; its shapes are given from its own top left corner.
    pub(crate) fn draw(&mut self, height: f32, alt: String, shapes: Vec<Shape>) {
        if self.y + height > A4.1 - MARGIN {
            self.turn();
        }
        let (x, y) = (MARGIN, self.y);
        let moved = shapes.into_iter().map(|shape| match shape {
            Shape::Rectangle {
                color,
                left,
                top,
                width,
                height,
            } => Shape::Rectangle {
                color,
                left: left + x,
                top: top + y,
                width,
                height,
            },
            Shape::Disc {
                color,
                x: center_x,
                y: center_y,
                radius,
            } => Shape::Disc {
                color,
                x: center_x + x,
                y: center_y + y,
                radius,
            },
        });
        let shapes = moved.collect();
        self.y += height + 6.0;
        if let Some(sheet) = self.sheets.last_mut() {
            sheet.marks.push(Mark::Drawing { alt, shapes });
        }
    }

    fn turn(&mut self) {
        self.sheets.push(Sheet {
            language: "en",
            title: self.title.clone(),
            marks: Vec::new(),
        });
        self.y = MARGIN;
    }

    pub(crate) fn put(&mut self, role: Role, weight: Weight, size: f32, text: &str) {
        // Letters that the font does not have would be boxes.
        let text: String = text
            .chars()
            .map(|c| {
                if weight.missing(&c.to_string()).is_some() {
                    '?'
                } else {
                    c
                }
            })
            .collect();
        let lines = weight.wrap(&text, size, A4.0 - 2.0 * MARGIN);
        let height = lines.len() as f32 * size * LINE;
        if self.y + height > A4.1 - MARGIN {
            self.turn();
        }
        let top = self.y;
        let lines = lines.into_iter().enumerate();
        let lines = lines.map(|(i, line)| ((i as f32).mul_add(size * LINE, top + size), line));
        let text = Text {
            role,
            weight,
            size,
            color: INK,
            left: MARGIN,
            lines: lines.collect(),
        };
        self.y += height + size * 0.5;
        if let Some(sheet) = self.sheets.last_mut() {
            sheet.marks.push(Mark::Text(text));
        }
    }
}
