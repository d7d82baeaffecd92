//! Attention and the number of visitors over the last minutes.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};
use regard_domain::Timestamp;
use regard_engine::HistoryPoint;

use super::{Drawn, Theme, ago, named, stretches};

/// Visitors that the right axis shows at least, so that one person does not fill the plot.
const MIN_VISITORS: f64 = 4.0;

/// The curve of mean attention, in percent, with the number of visitors behind it.
pub(crate) fn attention(
    points: &[HistoryPoint],
    now: Timestamp,
    minutes: u32,
    theme: Theme,
) -> Drawn {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (640, 240)).into_drawing_area();
        let start = -f64::from(minutes);
        let most = points
            .iter()
            .map(|p| f64::from(p.n_visitors))
            .fold(MIN_VISITORS, f64::max)
            .ceil();
        let mut chart = ChartBuilder::on(&area)
            .margin_top(24)
            .margin_right(4)
            .x_label_area_size(22)
            .y_label_area_size(50)
            .right_y_label_area_size(30)
            .build_cartesian_2d(start..0.0, 0.0..100.0)?
            .set_secondary_coord(start..0.0, 0.0..most);
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
        chart
            .configure_secondary_axes()
            .axis_style(theme.grid())
            .label_style(theme.letters(13))
            .y_labels(4)
            .y_label_formatter(&|n| {
                if n.fract() == 0.0 {
                    format!("{n:.0}")
                } else {
                    String::new()
                }
            })
            .draw()?;
        for stretch in stretches(points, now, |p| Some(p.n_visitors)) {
            let fill = theme.series(0).mix(0.16);
            chart.draw_secondary_series(AreaSeries::new(stretch, 0.0, fill))?;
        }
        let percent = |p: &HistoryPoint| p.attention.map(|share| share * 100.0);
        for stretch in stretches(points, now, percent) {
            chart.draw_series(
                AreaSeries::new(stretch, 0.0, theme.accent().mix(0.14))
                    .border_style(theme.accent().stroke_width(2)),
            )?;
        }
        area.draw(&Text::new(
            "attention",
            (54, 4),
            theme.letters(13).color(&theme.accent()),
        ))?;
        let right = theme.letters_at(13, HPos::Right, VPos::Top);
        area.draw(&Text::new("visitors in view", (636, 4), right))?;
        area.present()?;
    }
    Ok(named(
        &svg,
        "Mean attention and visitors in view over the last minutes",
    ))
}
