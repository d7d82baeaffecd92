//! Colours and letters of plots.

use plotters::prelude::*;
use plotters::style::Color;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde::Deserialize;
use thiserror::Error;
use utoipa::ToSchema;

/// A plot that could not be drawn.
#[derive(Debug, Error)]
#[error("the plot could not be drawn: {0}")]
pub(crate) struct PlotError(pub(crate) String);

impl<E: std::error::Error + Send + Sync> From<DrawingAreaErrorKind<E>> for PlotError {
    fn from(error: DrawingAreaErrorKind<E>) -> Self {
        Self(error.to_string())
    }
}

/// Colours for light or dark surroundings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Theme {
    /// On white.
    #[default]
    Light,
    /// On near black.
    Dark,
}

/// Colours told apart by people with any colour vision, dark enough on white.
/// # Source
/// Okabe and Ito 2008, some darkened to reach a contrast of 3 to 1.
const ON_LIGHT: [RGBColor; 7] = [
    RGBColor(95, 105, 116),
    RGBColor(0, 121, 86),
    RGBColor(0, 100, 160),
    RGBColor(190, 75, 0),
    RGBColor(120, 80, 160),
    RGBColor(130, 110, 0),
    RGBColor(175, 70, 125),
];

/// The same for a dark ground.
const ON_DARK: [RGBColor; 7] = [
    RGBColor(160, 172, 184),
    RGBColor(64, 205, 160),
    RGBColor(110, 185, 240),
    RGBColor(250, 140, 70),
    RGBColor(190, 155, 235),
    RGBColor(235, 215, 90),
    RGBColor(235, 150, 200),
];

impl Theme {
    /// Letters.
    pub(super) const fn ink(self) -> RGBColor {
        match self {
            Self::Light => RGBColor(75, 87, 102),
            Self::Dark => RGBColor(165, 178, 193),
        }
    }

    /// Lines of the grid.
    pub(super) const fn grid(self) -> RGBColor {
        match self {
            Self::Light => RGBColor(225, 230, 236),
            Self::Dark => RGBColor(38, 48, 58),
        }
    }

    /// What matters.
    pub(super) const fn accent(self) -> RGBColor {
        match self {
            Self::Light => RGBColor(10, 100, 128),
            Self::Dark => RGBColor(99, 199, 227),
        }
    }

    /// One of seven colours.
    pub(super) const fn series(self, index: usize) -> RGBColor {
        let palette = match self {
            Self::Light => &ON_LIGHT,
            Self::Dark => &ON_DARK,
        };
        palette[index % palette.len()]
    }

    /// Letters of this height in pixels.
    pub(super) fn letters(self, size: i32) -> TextStyle<'static> {
        let mut style = TextStyle::from(("system-ui, sans-serif", size).into_font());
        style.color = self.ink().to_backend_color();
        style
    }

    /// The same, placed by the given corner.
    pub(super) fn letters_at(
        self,
        size: i32,
        horizontal: HPos,
        vertical: VPos,
    ) -> TextStyle<'static> {
        self.letters(size).pos(Pos::new(horizontal, vertical))
    }
}
