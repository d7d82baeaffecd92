//! What faces showed over the last minutes.

use plotters::prelude::*;
use regard_domain::Expression;

use super::curve::{Curve, LEFT_PX, drawn};
use super::{Drawn, Theme};

/// Width of one entry of the legend, in pixels.
const LEGEND_STEP: i32 = 83;

/// The curves of the mean probability of each expression, in percent.
pub(crate) fn expression(curve: &Curve, theme: Theme) -> Drawn {
    let title = "Mean probability of each expression over the last minutes";
    drawn(title, |area| {
        let mut chart = curve.percent_chart(area, 0, theme)?;
        let mut left = LEFT_PX;
        for (index, expression) in Expression::ALL.into_iter().enumerate() {
            let color = theme.series(index);
            let width = if expression == Expression::Neutral {
                1
            } else {
                2
            };
            let percent = |all: [f32; Expression::ALL.len()]| all[expression as usize] * 100.0;
            for stretch in curve.stretches(|p| p.expression.map(percent)) {
                chart.draw_series(LineSeries::new(stretch, color.stroke_width(width)))?;
            }
            let swatch = [(left, 11), (left + 14, 11)];
            area.draw(&PathElement::new(swatch, color.stroke_width(3)))?;
            area.draw(&Text::new(
                expression.name(),
                (left + 18, 4),
                theme.letters(12),
            ))?;
            left += LEGEND_STEP;
        }
        Ok(())
    })
}
