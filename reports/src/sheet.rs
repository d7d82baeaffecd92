//! A page as marks at places, before it becomes SVG or PDF.

use crate::font::Weight;

/// Width and height of A4 in points of 1/72 inch.
pub(crate) const A4: (f32, f32) = (595.28, 841.89);

/// A size of paper, upright.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paper {
    /// 210 mm × 297 mm.
    A4,
    /// 297 mm × 420 mm.
    A3,
}

impl Paper {
    /// How much larger than A4, along each side.
    pub(crate) fn scale(self) -> f32 {
        match self {
            Self::A4 => 1.0,
            Self::A3 => std::f32::consts::SQRT_2,
        }
    }

    /// Width and height in millimetres.
    pub(crate) fn millimetres(self) -> (u32, u32) {
        match self {
            Self::A4 => (210, 297),
            Self::A3 => (297, 420),
        }
    }
}

/// Red, green, blue.
pub(crate) type Color = [u8; 3];

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Heading,
    Paragraph,
    /// Small print at the foot: no part of the text.
    Footer,
}

/// One thing on the page. Places in points of A4, origin top left, y down.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Mark {
    Text(Text),
    /// What lies below the text, and is no part of it.
    Ground(Shape),
    /// A drawing of rectangles and discs with words for those who do not see it.
    Drawing {
        alt: String,
        shapes: Vec<Shape>,
    },
}

/// A paragraph.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Text {
    pub(crate) role: Role,
    pub(crate) weight: Weight,
    /// Of the letters, in points.
    pub(crate) size: f32,
    pub(crate) color: Color,
    pub(crate) left: f32,
    /// Each with its baseline.
    pub(crate) lines: Vec<(f32, String)>,
}

/// A filled part of a drawing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    Rectangle {
        color: Color,
        left: f32,
        top: f32,
        width: f32,
        height: f32,
    },
    Disc {
        color: Color,
        x: f32,
        y: f32,
        radius: f32,
    },
}

/// A page.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sheet {
    /// Language tag.
    pub(crate) language: &'static str,
    pub(crate) title: String,
    /// In the order in which they are read.
    pub(crate) marks: Vec<Mark>,
}
