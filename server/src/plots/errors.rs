//! What recognition gets wrong, as measured and stored with the network: one kind of error against the other, and against how
//! many are enrolled.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};
use regard_identity::Rate;

use super::curve::Area;
use super::{Drawn, PlotError, Theme, named};

const SIZE_PX: (u32, u32) = (640, 300);

/// Pieces that a dashed stretch between two points is cut into; each second one is drawn.
const N_DASHES: u32 = 12;

/// Shares of comparisons of one person that a plot shows: from one in a thousand to all.
const FNMR_DECADES: (f64, f64) = (-3.0, 0.0);

/// A point of a curve: where it is, what is missed there, and whether a model of the tail speaks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ErrorPoint {
    /// False match rate, or how many are enrolled.
    pub(crate) x: f64,
    /// Share of honest comparisons, or searches, that fail.
    pub(crate) missed: Rate,
    /// Whether data reach as far as `x`.
    pub(crate) is_extrapolated: bool,
}

/// What the axis to the right counts, and what is marked on it.
struct Axis {
    title: &'static str,
    left_title: &'static str,
    decades: (f64, f64),
    name: fn(f64) -> String,
}

/// False non-matches over false matches (a DET curve). Marked are the rates that can be asked for, the one of the site filled.
pub(crate) fn det(points: &[ErrorPoint], marked: &[(ErrorPoint, bool)], theme: Theme) -> Drawn {
    let axis = Axis {
        title: "false match rate",
        left_title: "false non-match rate",
        decades: (-8.0, -1.0),
        name: |decade| format!("1e{decade:.0}"),
    };
    let name = "Error trade-off of one-to-one comparisons: false non-match rate over false match rate, with 95 % intervals";
    drawn(&axis, (points, marked), theme, name)
}

/// Searches that miss somebody who is enrolled, over how many are; marked is the gallery as it is.
pub(crate) fn open_set(
    points: &[ErrorPoint],
    marked: &[(ErrorPoint, bool)],
    theme: Theme,
) -> Drawn {
    let axis = Axis {
        title: "persons enrolled",
        left_title: "searches that miss somebody enrolled",
        decades: (0.0, 7.0),
        name: |decade| match decade.round() as i32 {
            decade @ 0..=2 => format!("{}", 10_i32.pow(decade.unsigned_abs())),
            decade @ 3..=5 => format!("{} k", 10_i32.pow(decade.unsigned_abs() - 3)),
            decade => format!("{} M", 10_i32.pow(decade.unsigned_abs().saturating_sub(6))),
        },
    };
    let name = "Share of searches that miss somebody who is enrolled, over how many are enrolled, with 95 % intervals";
    drawn(&axis, (points, marked), theme, name)
}

/// Where a point lies: decades to the right and upwards.
fn placed(point: &ErrorPoint, share: f64) -> (f64, f64) {
    let least = 10.0_f64.powf(FNMR_DECADES.0);
    (point.x.log10(), share.clamp(least, 1.0).log10())
}

/// A share as people read it.
fn percent_of_decade(decade: f64) -> String {
    let percent = 100.0 * 10.0_f64.powf(decade);
    if percent < 0.95 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.0} %")
    }
}

fn drawn(
    axis: &Axis,
    (points, marked): (&[ErrorPoint], &[(ErrorPoint, bool)]),
    theme: Theme,
    name: &str,
) -> Drawn {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE_PX).into_drawing_area();
        draw_curve(&area, axis, (points, marked), theme)?;
        let letters = theme.letters(13);
        area.draw(&Text::new(axis.left_title, (8, 4), letters))?;
        let right = theme.letters_at(13, HPos::Right, VPos::Top);
        area.draw(&Text::new(axis.title, (632, 280), right.clone()))?;
        let dashed = "dashed: extrapolated, a model of the tail speaks";
        area.draw(&Text::new(dashed, (632, 4), right))?;
        area.present()?;
    }
    Ok(named(&svg, name))
}

fn draw_curve(
    area: &Area<'_>,
    axis: &Axis,
    (points, marked): (&[ErrorPoint], &[(ErrorPoint, bool)]),
    theme: Theme,
) -> Result<(), PlotError> {
    let (left, right) = axis.decades;
    let (low, high) = FNMR_DECADES;
    let mut chart = ChartBuilder::on(area)
        .margin_top(26)
        .margin_right(14)
        .margin_bottom(16)
        .x_label_area_size(24)
        .y_label_area_size(52)
        .build_cartesian_2d(left..right, low..high)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(theme.grid())
        .axis_style(theme.grid())
        .label_style(theme.letters(13))
        .x_labels((right - left) as usize + 1)
        .y_labels((high - low) as usize + 1)
        .x_label_formatter(&|decade| (axis.name)(*decade))
        .y_label_formatter(&|decade| percent_of_decade(*decade))
        .draw()?;
    let inside = |point: &&ErrorPoint| (left..=right).contains(&point.x.log10());
    let points: Vec<ErrorPoint> = points.iter().filter(inside).copied().collect();
    let upper = points.iter().map(|point| placed(point, point.missed.high));
    let lower = points.iter().rev();
    let lower = lower.map(|point| placed(point, point.missed.low));
    let band: Vec<(f64, f64)> = upper.chain(lower).collect();
    if band.len() > 2 {
        let fill = theme.accent().mix(0.14).filled();
        chart.draw_series(std::iter::once(Polygon::new(band, fill)))?;
    }
    let line = theme.accent().stroke_width(2);
    for pair in points.windows(2) {
        let ends = (
            placed(&pair[0], pair[0].missed.value),
            placed(&pair[1], pair[1].missed.value),
        );
        let is_dashed = pair.iter().any(|point| point.is_extrapolated);
        let pieces = stretches(ends, is_dashed);
        chart.draw_series(
            pieces
                .into_iter()
                .map(|piece| PathElement::new(piece, line)),
        )?;
    }
    for (point, is_ours) in marked.iter().filter(|(point, _)| inside(&point)) {
        let at = placed(point, point.missed.value);
        let style = if *is_ours {
            theme.accent().filled()
        } else {
            theme.accent().stroke_width(2)
        };
        let size = if *is_ours { 6 } else { 4 };
        chart.draw_series(std::iter::once(Circle::new(at, size, style)))?;
    }
    Ok(())
}

/// The pieces of a line that are drawn: all of it, or each second of many.
fn stretches(
    ((x0, y0), (x1, y1)): ((f64, f64), (f64, f64)),
    is_dashed: bool,
) -> Vec<Vec<(f64, f64)>> {
    if !is_dashed {
        return vec![vec![(x0, y0), (x1, y1)]];
    }
    let at = |n: u32| {
        let part = f64::from(n) / f64::from(N_DASHES);
        (x0 + part * (x1 - x0), y0 + part * (y1 - y0))
    };
    let begins = (0..N_DASHES).step_by(2);
    begins.map(|n| vec![at(n), at(n + 1)]).collect()
}
