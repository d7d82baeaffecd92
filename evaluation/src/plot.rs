//! Drawings of what was estimated and of what was lost while learning.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::Color;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::evaluate::{Estimate, Evaluation};
use crate::interval::Interval;

/// A drawing that could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the plot could not be drawn: {0}")]
pub struct PlotError(String);

impl<E: std::error::Error + Send + Sync> From<DrawingAreaErrorKind<E>> for PlotError {
    fn from(error: DrawingAreaErrorKind<E>) -> Self {
        Self(error.to_string())
    }
}

const WIDTH_PX: u32 = 960;
const ROW_PX: u32 = 44;
const NAMES_PX: i32 = 130;

/// Letters and lines on white.
const INK: RGBColor = RGBColor(75, 87, 102);
const GRID: RGBColor = RGBColor(225, 230, 236);

/// Colours told apart by people with any colour vision, dark enough on white.
/// # Source
/// Okabe and Ito 2008, some darkened to reach a contrast of 3 to 1.
const SERIES: [RGBColor; 7] = [
    RGBColor(0, 100, 160),
    RGBColor(190, 75, 0),
    RGBColor(0, 121, 86),
    RGBColor(120, 80, 160),
    RGBColor(95, 105, 116),
    RGBColor(130, 110, 0),
    RGBColor(175, 70, 125),
];

fn letters(size: i32, horizontal: HPos) -> TextStyle<'static> {
    let mut style = TextStyle::from(("system-ui, sans-serif", size).into_font());
    style.color = INK.to_backend_color();
    style.pos(Pos::new(horizontal, VPos::Center))
}

fn titled(svg: &str, title: &str) -> String {
    let title = title.replace('&', "&amp;").replace('<', "&lt;");
    svg.replacen('>', &format!(" role=\"img\"><title>{title}</title>"), 1)
}

/// Every estimate with its intervals, and the mean of the log as a line.
///
/// # Errors
/// [`PlotError`].
pub fn estimates_svg(evaluation: &Evaluation) -> Result<String, PlotError> {
    let ends = evaluation.estimates.iter().flat_map(|e| {
        let intervals = [e.bootstrap, e.bernstein, e.anytime].into_iter().flatten();
        // Whole ranges of rare rewards would hide everything else.
        let narrow = intervals.filter(|i| i.high - i.low < 0.5);
        narrow.flat_map(|i| [i.low, i.high]).chain([e.value])
    });
    let (mut low, mut high) = (evaluation.logged, evaluation.logged);
    for end in ends.filter(|e| e.is_finite()) {
        low = low.min(end);
        high = high.max(end);
    }
    let margin = ((high - low) * 0.08).max(1e-6);
    let (low, high) = (low - margin, high + margin);
    let room = f64::from(WIDTH_PX) - f64::from(NAMES_PX) - 30.0;
    let x_px = |value: f64| {
        let share = ((value - low) / (high - low)).clamp(0.0, 1.0);
        NAMES_PX + (share * room).round() as i32
    };
    let n_rows = evaluation.estimates.len() as u32;
    let bottom = (n_rows * ROW_PX + 30) as i32;
    let mut svg = String::new();
    {
        let size = (WIDTH_PX, n_rows * ROW_PX + 60);
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&WHITE)?;
        let legend = [
            ("bootstrap", 0),
            ("empirical Bernstein", 1),
            ("anytime-valid", 2),
        ];
        for (i, (name, series)) in legend.into_iter().enumerate() {
            let x = NAMES_PX + i as i32 * 190;
            let color = SERIES[series];
            area.draw(&PathElement::new(
                [(x, 12), (x + 24, 12)],
                color.stroke_width(3),
            ))?;
            area.draw(&Text::new(name, (x + 30, 12), letters(13, HPos::Left)))?;
        }
        let line = [
            (x_px(evaluation.logged), 26),
            (x_px(evaluation.logged), bottom),
        ];
        area.draw(&PathElement::new(line, INK.mix(0.6).stroke_width(1)))?;
        let label = letters(13, HPos::Right);
        area.draw(&Text::new(
            "the log",
            (x_px(evaluation.logged) - 4, bottom - 6),
            label,
        ))?;
        for (row, estimate) in evaluation.estimates.iter().enumerate() {
            let middle = 30 + (row as i32) * ROW_PX as i32 + ROW_PX as i32 / 2;
            draw_estimate(&area, estimate, middle, &x_px)?;
        }
        for step in 0..=4 {
            let value = low + (high - low) * f64::from(step) / 4.0;
            let text = format!("{value:.4}");
            area.draw(&Text::new(
                text,
                (x_px(value), bottom + 14),
                letters(13, HPos::Center),
            ))?;
        }
        area.present()?;
    }
    Ok(titled(
        &svg,
        "Estimated mean reward of a play, with intervals",
    ))
}

fn draw_estimate(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    estimate: &Estimate,
    middle: i32,
    x_px: &impl Fn(f64) -> i32,
) -> Result<(), PlotError> {
    let name = estimate.estimator.name();
    let at = (NAMES_PX - 12, middle);
    area.draw(&Text::new(name, at, letters(15, HPos::Right)))?;
    let intervals = [estimate.bootstrap, estimate.bernstein, estimate.anytime];
    for (series, interval) in intervals.into_iter().enumerate() {
        if let Some(Interval { low, high }) = interval {
            let y = middle + (series as i32 - 1) * 9;
            let line = [(x_px(low), y), (x_px(high), y)];
            area.draw(&PathElement::new(line, SERIES[series].stroke_width(3)))?;
        }
    }
    let point = (x_px(estimate.value), middle);
    area.draw(&Circle::new(point, 5, INK.filled()))?;
    Ok(())
}

/// A curve with its name.
#[derive(Clone, Debug, PartialEq)]
pub struct RegretCurve {
    /// Whose.
    pub name: String,
    /// Regret of all plays so far, after each.
    pub regret: Vec<f64>,
}

/// Points drawn of a curve: more than there are pixels add nothing.
const N_POINTS: usize = 400;

/// Regret over plays, a curve each.
///
/// # Errors
/// [`PlotError`].
pub fn regret_svg(curves: &[RegretCurve]) -> Result<String, PlotError> {
    let most = curves
        .iter()
        .filter_map(|c| c.regret.last())
        .copied()
        .fold(1e-9, f64::max);
    let n = curves
        .iter()
        .map(|c| c.regret.len())
        .max()
        .unwrap_or(1)
        .max(1);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH_PX, 480)).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .margin(12)
            .margin_right(150)
            .x_label_area_size(40)
            .y_label_area_size(60)
            .build_cartesian_2d(0.0..n as f64, 0.0..most * 1.05)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(GRID)
            .label_style(letters(13, HPos::Center))
            .x_desc("plays")
            .y_desc("regret")
            .draw()?;
        let mut ends: Vec<(f64, &str, RGBColor)> = Vec::new();
        for (i, curve) in curves.iter().enumerate() {
            let color = SERIES[i % SERIES.len()];
            let step = (curve.regret.len() / N_POINTS).max(1);
            let points = curve.regret.iter().enumerate().step_by(step);
            let points = points.map(|(i, regret)| (i as f64, *regret));
            chart.draw_series(LineSeries::new(points, color.stroke_width(2)))?;
            ends.push((
                curve.regret.last().copied().unwrap_or(0.0),
                &curve.name,
                color,
            ));
        }
        // Names at the ends of the curves, pushed apart where these meet.
        ends.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut above = i32::MIN;
        for (regret, name, color) in ends {
            let (_, y) = chart.backend_coord(&(n as f64, regret));
            let y = y.max(above.saturating_add(17));
            above = y;
            let mut style = letters(14, HPos::Left);
            style.color = color.to_backend_color();
            area.draw(&Text::new(name, (WIDTH_PX as i32 - 150, y), style))?;
        }
        area.present()?;
    }
    Ok(titled(&svg, "Regret over plays"))
}
