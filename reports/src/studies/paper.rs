//! A study as an accessible PDF.

use regard_evaluation::StimulusResult;

use super::StudyPaper;
use super::chart::{PAPER_HEIGHT, Scale, alt, shapes};
use super::words;
use crate::font::Weight;
use crate::layout::Layout;
use crate::pdf;
use crate::sheet::{Paper, Role};

impl StudyPaper<'_> {
    /// A PDF after PDF/UA-1.
    ///
    /// # Errors
    /// In words, where the rules of PDF/UA-1 are not met.
    pub fn to_pdf(&self) -> Result<Vec<u8>, String> {
        pdf::render(&self.laid_out().sheets, Paper::A4)
    }

    /// Its pages before they are written.
    pub(super) fn laid_out(&self) -> Layout {
        let result = self.result;
        let title = format!("Study: {}", result.title);
        let mut layout = Layout::new(title.clone());
        layout.put(Role::Heading, Weight::Bold, 20.0, &title);
        let people = words::people(result.n_participants);
        let head = format!(
            "{}, study {}. {people} whose consent holds now.",
            self.site, result.study
        );
        let say = |layout: &mut Layout, text: &str| {
            layout.put(Role::Paragraph, Weight::Regular, 10.0, text);
        };
        say(&mut layout, &head);
        if let Some(warning) = words::warning(result) {
            layout.put(Role::Paragraph, Weight::Bold, 10.0, &warning);
        }
        say(&mut layout, words::MEANING);
        for one in &result.creatives {
            self.lay_message(&mut layout, one);
        }
        for (title, lines) in [
            (
                "Moments that win or lose people",
                words::turning_points(result),
            ),
            (
                "Preference foretold from curves",
                words::foretelling(result),
            ),
        ] {
            layout.put(Role::Paragraph, Weight::Bold, 12.0, title);
            for line in lines {
                say(&mut layout, &line);
            }
        }
        say(&mut layout, words::TURNING);
        let refused = words::refused_movements(self.refused_movements, result);
        if !refused.is_empty() {
            layout.put(Role::Paragraph, Weight::Bold, 12.0, words::NOT_LOOKED_FOR);
        }
        for line in refused {
            say(&mut layout, &line);
        }
        layout
    }

    fn lay_message(&self, layout: &mut Layout, one: &StimulusResult) {
        layout.put(Role::Paragraph, Weight::Bold, 13.0, &one.name);
        let seen = words::seen(one);
        layout.put(Role::Paragraph, Weight::Regular, 10.0, &seen);
        if let Some(why) = words::suppressed(one) {
            layout.put(Role::Paragraph, Weight::Regular, 10.0, &why);
            return;
        }
        for line in words::means(one) {
            layout.put(Role::Paragraph, Weight::Regular, 10.0, &line);
        }
        for (signal, band) in &one.bands {
            let title = alt(words::name(*signal), band);
            let scale = Scale::new(Some(*signal), band, one.duration_millis);
            layout.put(Role::Paragraph, Weight::Regular, 10.0, &title);
            layout.draw(PAPER_HEIGHT, title, shapes(band, scale));
        }
        if let Some(band) = self.movements_of(&one.creative) {
            let title = alt(
                "Movements of a fraction of a second a step; for this study alone",
                band,
            );
            let scale = Scale::new(None, band, one.duration_millis);
            layout.put(Role::Paragraph, Weight::Regular, 10.0, &title);
            layout.put(Role::Paragraph, Weight::Regular, 10.0, words::MOVEMENTS);
            layout.draw(PAPER_HEIGHT, title, shapes(band, scale));
        }
        for line in words::answers(one) {
            layout.put(Role::Paragraph, Weight::Regular, 10.0, &line);
        }
    }
}
