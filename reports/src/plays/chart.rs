//! A table as bars with whiskers, SVG.

use std::fmt::Write as _;

use super::table::{Number, PlayTable, numbers};
use crate::svg::escaped;

/// Rows that are drawn; the table has them all.
const MAX_ROWS: usize = 40;
const ROW_PX: f64 = 26.0;
const NAMES_PX: f64 = 260.0;
const WIDTH_PX: f64 = 960.0;

/// Longest name written out, in characters.
const MAX_NAME_CHARS: usize = 36;

impl PlayTable {
    /// Seconds looked at a play where that is in it, else plays; with intervals.
    pub fn to_svg(&self) -> String {
        let rows: Vec<(&str, Number)> = self
            .rows
            .iter()
            .take(MAX_ROWS)
            .map(|row| {
                let plays = Number {
                    value: Some(row.n_plays as f64),
                    ..Number::default()
                };
                let number = if self.has_people {
                    numbers(row)[3]
                } else {
                    plays
                };
                (row.key.as_str(), number)
            })
            .collect();
        let title = if self.has_people {
            "Seconds looked at a play, with 95 % intervals"
        } else {
            "Plays"
        };
        let most = rows
            .iter()
            .filter_map(|(_, n)| n.high.or(n.value))
            .fold(1e-9, f64::max);
        let x = |value: f64| {
            NAMES_PX + 10.0 + value.clamp(0.0, most) / most * (WIDTH_PX - NAMES_PX - 110.0)
        };
        let height = ROW_PX.mul_add(rows.len().max(1) as f64, 16.0);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH_PX} {height}\" width=\"100%\" role=\"img\" font-family=\"system-ui, sans-serif\" font-size=\"13\"><title>{title}</title>"
        );
        for (i, (name, number)) in rows.iter().enumerate() {
            let middle = ROW_PX.mul_add(i as f64 + 0.5, 8.0);
            let name: String = name.chars().take(MAX_NAME_CHARS).collect();
            // Writing to a string cannot fail.
            let _ = write!(
                svg,
                "<text x=\"{NAMES_PX}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"currentColor\">{}</text>",
                middle + 4.0,
                escaped(&name)
            );
            let Some(value) = number.value else { continue };
            let _ = write!(
                svg,
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"14\" fill=\"#7aa6d8\"/>",
                x(0.0),
                middle - 7.0,
                x(value) - x(0.0)
            );
            let mut end = x(value);
            if let (Some(low), Some(high)) = (number.low, number.high) {
                end = end.max(x(high));
                let _ = write!(
                    svg,
                    "<path d=\"M{0:.1} {2:.1}H{1:.1}M{0:.1} {3:.1}V{4:.1}M{1:.1} {3:.1}V{4:.1}\" stroke=\"currentColor\" stroke-width=\"2\" fill=\"none\"/>",
                    x(low),
                    x(high),
                    middle,
                    middle - 5.0,
                    middle + 5.0
                );
            }
            let _ = write!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"currentColor\">{value:.1}</text>",
                end + 8.0,
                middle + 4.0
            );
        }
        svg.push_str("</svg>");
        svg
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::plays;
    use super::super::{Grouping, PlayTable};

    #[test]
    fn a_chart_names_its_rows_and_breaks_out_of_nothing() {
        let mut plays = plays();
        plays[0].screen = "</text><script>".to_owned();
        let table = PlayTable::new(&plays, Grouping::Screen, (String::new(), String::new()));
        let svg = table.to_svg();
        assert!(
            svg.contains("&lt;script&gt;") && !svg.contains("<script"),
            "{svg}"
        );
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"));
        assert_eq!(
            svg.matches("<rect").count(),
            2,
            "of the door nothing was measured"
        );
        assert!(
            table
                .without_people()
                .to_svg()
                .contains("<title>Plays</title>")
        );
    }
}
