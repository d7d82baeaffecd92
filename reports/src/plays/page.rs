//! A table as one page that loads nothing.

use std::fmt::Write as _;

use super::table::{NUMBERS, Number, PlayTable};
use crate::svg::escaped;

/// What stands above the numbers.
const COLUMNS: [&str; NUMBERS.len()] = [
    "Opportunities to see",
    "Opportunity to see",
    "Likelihood to see",
    "Dwell, s",
    "Attention, s",
    "Smile lift",
    "Scanned",
    "Converted",
];

/// A number with its interval, in words.
pub(super) fn shown(number: Number) -> String {
    match (number.value, number.low, number.high) {
        (None, _, _) => "–".to_owned(),
        (Some(value), Some(low), Some(high)) => format!("{value:.3} ({low:.3} to {high:.3})"),
        (Some(value), _, _) => format!("{value:.3}"),
    }
}

/// What the words mean.
pub(super) const MEANING: &str = "Intervals hold the truth in 95 of 100 reports at least; attention has one from 30 plays on, of which somebody looked at 20. An opportunity to see is a play with somebody in \
view: how many of all plays, where those that were not measured are estimated, and which part of those measured; the likelihood to see is the part of those that somebody looked at. Dwell and attention are seconds a play, attention \
summed over those who look. The smile lift is the mean probability of a smile during a play less that in the second before: what \
a face shows, not what anybody feels.";

/// What is said where people are left out.
pub(super) const WITHHELD: &str = "What was measured of people is left out: it leaves the site with noise alone, paid from the \
privacy budget of the day (regard statistics).";

impl PlayTable {
    /// One page, complete in itself.
    pub fn to_html(&self, site: &str) -> String {
        let title = format!("Plays by {}, {} to {}", self.by, self.from, self.to);
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n{}<title>{}</title>\n</head>\n<body>\n<h1>{}</h1>\n<p>{}: {} to {}.</p>\n",
            include_str!("../../templates/head.html"),
            escaped(&title),
            escaped(&format!("Plays by {}", self.by)),
            escaped(site),
            escaped(&self.from),
            escaped(&self.to)
        );
        page.push_str(&self.to_svg());
        page.push_str("\n<div class=\"scroll\"><table>\n<thead><tr>");
        // Writing to a string cannot fail.
        let _ = write!(
            page,
            "<th scope=\"col\">{}</th><th scope=\"col\">Plays</th><th scope=\"col\">Shown, s</th>",
            capital(self.by)
        );
        for column in COLUMNS {
            let _ = write!(page, "<th scope=\"col\">{column}</th>");
        }
        page.push_str("</tr></thead>\n<tbody>\n");
        for row in &self.rows {
            let _ = write!(
                page,
                "<tr><th scope=\"row\">{}</th><td>{}</td><td>{:.0}</td>",
                escaped(&row.key),
                row.n_plays,
                row.shown_secs
            );
            for number in row.numbers() {
                let _ = write!(page, "<td>{}</td>", shown(number));
            }
            page.push_str("</tr>\n");
        }
        page.push_str("</tbody></table></div>\n");
        let meaning = if self.has_people { MEANING } else { WITHHELD };
        let _ = write!(page, "<p>{meaning}</p>\n</body>\n</html>\n");
        page
    }
}

pub(super) fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::plays;
    use super::super::{Grouping, PlayTable};

    #[test]
    fn a_page_is_complete_in_itself() {
        let table = PlayTable::new(
            &plays(),
            Grouping::Message,
            ("Monday".to_owned(), "Tuesday".to_owned()),
        );
        let page = table.to_html("Café <x>");
        assert!(page.contains("Café &lt;x&gt;") && page.contains("spring / coffee"));
        for foreign in ["src=", "href=", "url(", "@import", "<script"] {
            assert!(!page.contains(foreign), "{foreign}");
        }
        assert!(table.without_people().to_html("x").contains("left out"));
    }
}
