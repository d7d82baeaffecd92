//! What faces showed over the last minutes.

use plotters::prelude::*;
use regard_domain::{Expression, Timestamp};
use regard_engine::HistoryPoint;

use super::{Drawn, Theme, ago, named, stretches};

/// Width of one entry of the legend, in pixels.
const LEGEND_STEP: i32 = 83;

/// The curves of the mean probability of each expression, in percent.
pub(crate) fn expression(
    points: &[HistoryPoint],
    now: Timestamp,
    minutes: u32,
    theme: Theme,
) -> Drawn {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (640, 240)).into_drawing_area();
        let start = -f64::from(minutes);
        let mut chart = ChartBuilder::on(&area)
            .margin_top(24)
            .margin_right(12)
            .x_label_area_size(22)
            .y_label_area_size(50)
            .build_cartesian_2d(start..0.0, 0.0..100.0)?;
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
        for (index, expression) in Expression::ALL.into_iter().enumerate() {
            let color = theme.series(index);
            let percent =
                |p: &HistoryPoint| p.expression.map(|all| all[expression as usize] * 100.0);
            for stretch in stretches(points, now, percent) {
                let width = if expression == Expression::Neutral {
                    1
                } else {
                    2
                };
                chart.draw_series(LineSeries::new(stretch, color.stroke_width(width)))?;
            }
            let left = 54 + LEGEND_STEP * i32::try_from(index).unwrap_or(0);
            let swatch = [(left, 11), (left + 14, 11)];
            area.draw(&PathElement::new(swatch, color.stroke_width(3)))?;
            area.draw(&Text::new(
                expression.name(),
                (left + 18, 4),
                theme.letters(12),
            ))?;
        }
        area.present()?;
    }
    Ok(named(
        &svg,
        "Mean probability of each expression over the last minutes",
    ))
}
