//! What all curves over the last minutes share: stretches of points, axes, the frame.

use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use regard_domain::Timestamp;
use regard_engine::HistoryPoint;

use super::{Drawn, PlotError, Theme};

/// Minutes without a point after which a curve breaks: a point a second, of which two may be missing.
const GAP_MINUTES: f64 = 3.0 / 60.0;

/// Size of a plot of curves in pixels; it scales.
const SIZE_PX: (u32, u32) = (640, 240);

/// Where the letters above a plot begin, in pixels: above its left axis.
pub(super) const LEFT_PX: i32 = 54;

/// A drawing being made.
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Percent over minutes before now.
pub(super) type Chart<'a> =
    ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// The last minutes of a camera.
pub(crate) struct Curve {
    /// Second by second, the oldest first.
    pub(crate) points: Vec<HistoryPoint>,
    /// When the plot ends.
    pub(crate) now: Timestamp,
    /// How far back it goes.
    pub(crate) minutes: u32,
}

impl Curve {
    /// Where the plot begins, in minutes before now.
    pub(super) fn start(&self) -> f64 {
        -f64::from(self.minutes)
    }

    /// The stretches in which no value is missing, as minutes before now and value.
    pub(super) fn stretches(
        &self,
        value: impl Fn(&HistoryPoint) -> Option<f32>,
    ) -> Vec<Vec<(f64, f64)>> {
        let mut all: Vec<Vec<(f64, f64)>> = Vec::new();
        let mut is_joined = false;
        for point in &self.points {
            let Some(y) = value(point).filter(|y| y.is_finite()) else {
                is_joined = false;
                continue;
            };
            let x = (point.at.as_micros() - self.now.as_micros()) as f64 / 6e7;
            match all.last_mut() {
                Some(last)
                    if is_joined
                        && last
                            .last()
                            .is_some_and(|(before, _)| x - before <= GAP_MINUTES) =>
                {
                    last.push((x, f64::from(y)));
                }
                _ => all.push(vec![(x, f64::from(y))]),
            }
            is_joined = true;
        }
        all
    }

    /// Axes of percent over time, with room for `right_px` pixels of letters at the right, which stays empty: an axis there would
    /// get the numbers of the left one.
    pub(super) fn percent_chart<'a>(
        &self,
        area: &Area<'a>,
        right_px: u32,
        theme: Theme,
    ) -> Result<Chart<'a>, PlotError> {
        let mut chart = ChartBuilder::on(area)
            .margin_top(24)
            .margin_right(right_px.max(12))
            .x_label_area_size(22)
            .y_label_area_size(50)
            .build_cartesian_2d(self.start()..0.0, 0.0..100.0)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(theme.grid())
            .axis_style(theme.grid())
            .label_style(theme.letters(13))
            .x_labels(6)
            .y_labels(5)
            .x_label_formatter(&|minutes| ago(*minutes))
            .y_label_formatter(&|share| format!("{share:.0} %"))
            .draw()?;
        Ok(chart)
    }
}

/// A drawing of curves with a name for those who cannot see it.
pub(super) fn drawn(
    title: &str,
    draw: impl for<'a> FnOnce(&Area<'a>) -> Result<(), PlotError>,
) -> Drawn {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE_PX).into_drawing_area();
        draw(&area)?;
        area.present()?;
    }
    Ok(super::named(&svg, title))
}

/// Labels of the time axis: minutes and seconds before now.
pub(super) fn ago(minutes: f64) -> String {
    let before = (-60.0 * minutes).round().max(0.0) as u64;
    match (before / 60, before % 60) {
        (0, 0) => "now".to_owned(),
        (0, secs) => format!("−{secs} s"),
        (minutes, 0) => format!("−{minutes} min"),
        (minutes, secs) => format!("−{minutes}:{secs:02}"),
    }
}
