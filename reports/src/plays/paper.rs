//! A table as an accessible PDF: a paragraph a row, so that it is read aloud in order.

use crate::font::Weight;
use crate::layout::Layout;
use crate::pdf;
use crate::sheet::{Paper, Role};

use super::page::{MEANING, WITHHELD, capital, shown};
use super::table::{NUMBERS, PlayTable};

impl PlayTable {
    /// A PDF after PDF/UA-1.
    ///
    /// # Errors
    /// In words, where the rules of PDF/UA-1 are not met.
    pub fn to_pdf(&self, site: &str) -> Result<Vec<u8>, String> {
        let title = format!("Plays by {}", self.by);
        let mut layout = Layout::new(title.clone());
        layout.put(Role::Heading, Weight::Bold, 20.0, &title);
        let span = format!("{site}: {} to {}", self.from, self.to);
        layout.put(Role::Paragraph, Weight::Regular, 11.0, &span);
        for row in &self.rows {
            let head = format!("{} {}", capital(self.by), row.key);
            layout.put(Role::Paragraph, Weight::Bold, 11.0, &head);
            let mut text = format!(
                "{} plays, {:.0} seconds on the glass",
                row.n_plays, row.shown_secs
            );
            let names: [&str; NUMBERS.len()] = [
                "opportunities to see",
                "opportunity to see",
                "likelihood to see",
                "dwell s",
                "attention s",
                "smile lift",
                "scanned",
                "converted",
            ];
            for (name, number) in names.into_iter().zip(row.numbers()) {
                if number.value.is_some() {
                    text.push_str(&format!("; {name} {}", shown(number)));
                }
            }
            layout.put(Role::Paragraph, Weight::Regular, 10.0, &text);
        }
        let meaning = if self.has_people { MEANING } else { WITHHELD };
        layout.put(Role::Paragraph, Weight::Regular, 10.0, meaning);
        pdf::render(&layout.sheets, Paper::A4)
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::plays;
    use super::super::{Grouping, PlayTable};

    #[test]
    fn a_long_report_takes_several_pages() {
        let mut plays = plays();
        for n in 0..200 {
            let mut play = plays[0].clone();
            play.creative = format!("message-{n}");
            plays.push(play);
        }
        let span = ("Monday".to_owned(), "Tuesday".to_owned());
        let pdf = PlayTable::new(&plays, Grouping::Message, span)
            .to_pdf("Café")
            .unwrap();
        assert!(pdf.starts_with(b"%PDF-"));
        let few = PlayTable::new(&plays[..1], Grouping::Hour, (String::new(), String::new()));
        assert!(few.to_pdf("x").unwrap().len() < pdf.len());
    }
}
