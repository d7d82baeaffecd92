//! A table as bars with whiskers, SVG.

use std::fmt::Write as _;

use super::table::{Number, PlayTable};
use crate::svg::escaped;

/// Rows that are drawn; the table has them all.
const MAX_ROWS: usize = 40;
const ROW_PX: f64 = 26.0;
const HEAD_PX: f64 = 30.0;
const NAMES_PX: f64 = 260.0;
const WIDTH_PX: f64 = 960.0;
/// Room for the number behind a bar and its interval: each of up to seven characters.
const NUMBER_PX: f64 = 165.0;

/// Longest name written out, in characters.
const MAX_NAME_CHARS: usize = 36;

/// One column of bars.
struct Panel {
    title: &'static str,
    numbers: Vec<Number>,
    left: f64,
    width: f64,
}

impl Panel {
    fn draw(&self, svg: &mut String) {
        let ends = self.numbers.iter().filter_map(|n| n.high.or(n.value));
        let most = ends.fold(1e-9, f64::max);
        let x = |value: f64| self.left + value.clamp(0.0, most) / most * (self.width - NUMBER_PX);
        // Writing to a string cannot fail.
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"18\" fill=\"currentColor\" font-weight=\"600\">{}</text>",
            self.left, self.title
        );
        for (i, number) in self.numbers.iter().enumerate() {
            let middle = middle_of(i);
            let Some(value) = number.value else { continue };
            let _ = write!(
                svg,
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"14\" fill=\"#7aa6d8\"/>",
                x(0.0),
                middle - 7.0,
                x(value) - x(0.0)
            );
            let mut end = x(value);
            let mut said = format!("{value:.1}");
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
                if high - low >= 0.05 {
                    let _ = write!(said, " ({low:.1}–{high:.1})");
                }
            }
            let _ = write!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"currentColor\" font-size=\"12\">{said}</text>",
                end + 6.0,
                middle + 4.0
            );
        }
    }
}

fn middle_of(row: usize) -> f64 {
    ROW_PX.mul_add(row as f64 + 0.5, HEAD_PX)
}

impl PlayTable {
    /// Opportunities to see and seconds looked at a play where they are in it, else plays; with intervals.
    pub fn to_svg(&self) -> String {
        let rows = || self.rows.iter().take(MAX_ROWS);
        let room = WIDTH_PX - NAMES_PX - 10.0;
        let at = |place: f64, of: f64| (NAMES_PX + 10.0 + room * place / of, room / of - 10.0);
        let panel = |title, numbers, (left, width)| Panel {
            title,
            numbers,
            left,
            width,
        };
        let (title, panels) = if self.has_people {
            let opportunities = rows().map(|row| row.opportunities.into()).collect();
            let attention = rows().map(|row| row.attention_secs.into()).collect();
            let panels = vec![
                panel("Opportunities to see", opportunities, at(0.0, 2.0)),
                panel("Seconds looked at a play", attention, at(1.0, 2.0)),
            ];
            let title = "Opportunities to see, and seconds looked at a play, with 95 % intervals";
            (title, panels)
        } else {
            let plays = rows().map(|row| Number {
                value: Some(row.n_plays as f64),
                ..Number::default()
            });
            ("Plays", vec![panel("Plays", plays.collect(), at(0.0, 1.0))])
        };
        let height = ROW_PX.mul_add(self.rows.len().clamp(1, MAX_ROWS) as f64, HEAD_PX + 8.0);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH_PX} {height}\" width=\"100%\" role=\"img\" font-family=\"system-ui, sans-serif\" font-size=\"13\"><title>{title}</title>"
        );
        for (i, row) in rows().enumerate() {
            let name: String = row.key.chars().take(MAX_NAME_CHARS).collect();
            // Writing to a string cannot fail.
            let _ = write!(
                svg,
                "<text x=\"{NAMES_PX}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"currentColor\">{}</text>",
                middle_of(i) + 4.0,
                escaped(&name)
            );
        }
        for panel in &panels {
            panel.draw(&mut svg);
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
            4,
            "of the door nothing was measured"
        );
        assert!(svg.contains("Opportunities to see"));
        assert!(
            table
                .without_people()
                .to_svg()
                .contains("<title>Plays</title>")
        );
    }
}
