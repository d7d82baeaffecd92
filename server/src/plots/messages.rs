//! Attention seconds a play of each message, with intervals.

use std::fmt::Write as _;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::curve::Area;
use super::{Drawn, Theme, named};
use crate::wire::ReportRow;

/// Messages drawn; the table has them all.
const MAX_ROWS: usize = 16;
/// Height of one message, in pixels.
const ROW_PX: u32 = 30;
/// Room for names on the left.
const NAMES_PX: i32 = 250;
/// Longest name written out, in characters.
const MAX_NAME_CHARS: usize = 32;
const WIDTH_PX: u32 = 960;
/// Room for the numbers behind a bar.
const NUMBERS_PX: f64 = 330.0;

/// Bars of the messages with the greatest means, with whiskers for the interval.
pub(crate) fn messages(rows: &[ReportRow], theme: Theme) -> Drawn {
    let mut measured: Vec<&ReportRow> = rows
        .iter()
        .filter(|row| row.attention_secs.mean.is_some())
        .collect();
    let mean = |row: &ReportRow| row.attention_secs.mean.unwrap_or(0.0);
    measured.sort_by(|a, b| {
        mean(b)
            .total_cmp(&mean(a))
            .then(a.creative.cmp(&b.creative))
    });
    measured.truncate(MAX_ROWS);
    let most = |row: &&ReportRow| row.attention_secs.high.unwrap_or(0.0).max(mean(row));
    let most = measured.iter().map(most).fold(1.0, f64::max);
    let n_rows = u32::try_from(measured.len()).unwrap_or(0).max(1);
    let mut svg = String::new();
    {
        let size = (WIDTH_PX, n_rows * ROW_PX + 34);
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let x_px = |secs: f64| {
            let room = f64::from(WIDTH_PX) - f64::from(NAMES_PX) - NUMBERS_PX;
            NAMES_PX + 10 + (secs.clamp(0.0, most) / most * room).round() as i32
        };
        for (index, row) in measured.iter().enumerate() {
            let middle = (i32::try_from(index).unwrap_or(0) * 2 + 1) * (ROW_PX as i32) / 2 + 4;
            draw_row(&area, row, middle, theme, &x_px)?;
        }
        let bottom = (n_rows * ROW_PX + 8) as i32;
        for step in 0..=4 {
            let secs = most * f64::from(step) / 4.0;
            let style = theme.letters_at(13, HPos::Center, VPos::Top);
            area.draw(&Text::new(
                format!("{secs:.1} s"),
                (x_px(secs), bottom),
                style,
            ))?;
        }
        area.present()?;
    }
    Ok(named(
        &svg,
        "Attention seconds a play and opportunities to see of each message, with 95 % intervals",
    ))
}

fn draw_row(
    area: &Area<'_>,
    row: &ReportRow,
    middle: i32,
    theme: Theme,
    x_px: &impl Fn(f64) -> i32,
) -> Result<(), super::PlotError> {
    let attention = &row.attention_secs;
    let mean = attention.mean.unwrap_or(0.0);
    let bar = [(x_px(0.0), middle - 8), (x_px(mean), middle + 8)];
    area.draw(&Rectangle::new(bar, theme.accent().mix(0.45).filled()))?;
    let mut end = x_px(mean);
    if let (Some(low), Some(high)) = (attention.low, attention.high) {
        let (left, right) = (x_px(low), x_px(high));
        end = end.max(right);
        let ink = theme.ink().stroke_width(2);
        area.draw(&PathElement::new([(left, middle), (right, middle)], ink))?;
        for x in [left, right] {
            area.draw(&PathElement::new([(x, middle - 5), (x, middle + 5)], ink))?;
        }
    }
    let name: String = row.creative.chars().take(MAX_NAME_CHARS).collect();
    area.draw(&Text::new(
        name,
        (NAMES_PX, middle),
        theme.letters_at(14, HPos::Right, VPos::Center),
    ))?;
    let mut value = format!("{mean:.1} s, n {}", attention.n);
    let seen = &row.opportunities;
    if let (Some(count), Some(low), Some(high)) = (seen.count, seen.low, seen.high) {
        // Writing to a string cannot fail.
        let _ = write!(value, "; opportunities {count:.0} ({low:.0} to {high:.0})");
    }
    area.draw(&Text::new(
        value,
        (end + 8, middle),
        theme.letters_at(13, HPos::Left, VPos::Center),
    ))?;
    Ok(())
}
