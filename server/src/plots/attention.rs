//! Attention and the number of visitors over the last minutes.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::curve::{Curve, LEFT_PX, drawn};
use super::{Drawn, Theme};

/// Visitors that the right axis shows at least, so that one person does not fill the plot.
const MIN_VISITORS: f64 = 4.0;

/// Room for the numbers of the right axis, in pixels.
const RIGHT_PX: u32 = 34;

/// Numbers at the right axis above 0, at most.
const N_NUMBERS: f64 = 4.0;

/// The curve of mean attention, in percent, with the number of visitors behind it.
pub(crate) fn attention(curve: &Curve, theme: Theme) -> Drawn {
    let most = curve
        .points
        .iter()
        .map(|p| f64::from(p.n_visitors))
        .fold(MIN_VISITORS, f64::max)
        .ceil();
    let title = "Mean attention and visitors in view over the last minutes";
    drawn(title, |area| {
        let chart = curve.percent_chart(area, RIGHT_PX, theme)?;
        let mut chart = chart.set_secondary_coord(curve.start()..0.0, 0.0..most);
        for stretch in curve.stretches(|p| Some(p.n_visitors)) {
            let fill = theme.series(0).mix(0.16);
            chart.draw_secondary_series(AreaSeries::new(stretch, 0.0, fill))?;
        }
        for stretch in curve.stretches(|p| p.attention.map(|share| share * 100.0)) {
            chart.draw_series(
                AreaSeries::new(stretch, 0.0, theme.accent().mix(0.14))
                    .border_style(theme.accent().stroke_width(2)),
            )?;
        }
        area.draw(&Text::new(
            "attention",
            (LEFT_PX, 4),
            theme.letters(13).color(&theme.accent()),
        ))?;
        let beside = theme.letters_at(13, HPos::Left, VPos::Center);
        let step = (most / N_NUMBERS).ceil();
        let mut n = 0.0;
        while n <= most {
            let (x, y) = chart.backend_coord(&(0.0, n / most * 100.0));
            let number = Text::new(format!("{n:.0}"), (x + 8, y), beside.clone());
            area.draw(&number)?;
            n += step;
        }
        let right = theme.letters_at(13, HPos::Right, VPos::Top);
        area.draw(&Text::new("visitors in view", (636, 4), right))?;
        Ok(())
    })
}
