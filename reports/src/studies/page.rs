//! A study as one page, complete in itself.

use std::fmt::Write as _;

use regard_evaluation::StimulusResult;

use super::StudyPaper;
use super::chart::{Scale, alt, svg};
use super::words;
use crate::svg::escaped;

impl StudyPaper<'_> {
    /// One page that loads nothing.
    pub fn to_html(&self) -> String {
        let result = self.result;
        let title = format!("Study: {}", result.title);
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n{}<title>{}</title>\n</head>\n<body>\n<main>\n<h1>{}</h1>\n<p>{}, study {}. {} whose consent holds now.</p>\n",
            include_str!("../../templates/head.html"),
            escaped(&title),
            escaped(&title),
            escaped(self.site),
            escaped(result.study.as_str()),
            words::people(result.n_participants)
        );
        // Writing to a string cannot fail.
        if let Some(warning) = words::warning(result) {
            let _ = writeln!(page, "<p class=\"asked\" id=\"below-usual\">{warning}</p>");
        }
        let _ = writeln!(page, "<p>{}</p>", words::MEANING);
        for one in &result.creatives {
            self.put_message(&mut page, one);
        }
        put_lines(
            &mut page,
            "moments",
            "Moments that win or lose people",
            &words::turning_points(result),
        );
        let _ = writeln!(page, "<p>{}</p>", words::TURNING);
        let lines = words::foretelling(result);
        put_lines(
            &mut page,
            "foretelling",
            "Preference foretold from curves",
            &lines,
        );
        let refused = words::refused_movements(self.refused_movements, result);
        if !refused.is_empty() {
            put_lines(
                &mut page,
                "refused-movements",
                words::NOT_LOOKED_FOR,
                &refused,
            );
        }
        page.push_str("</main>\n</body>\n</html>\n");
        page
    }

    fn put_message(&self, page: &mut String, one: &StimulusResult) {
        let id = escaped(one.creative.as_str());
        let _ = writeln!(
            page,
            "<section id=\"creative-{id}\">\n<h2>{}</h2>\n<p>{}</p>",
            escaped(&one.name),
            words::seen(one)
        );
        if let Some(why) = words::suppressed(one) {
            let _ = writeln!(page, "<p class=\"asked\">{why}</p>\n</section>");
            return;
        }
        for line in words::means(one) {
            let _ = writeln!(page, "<p>{line}</p>");
        }
        for (signal, band) in &one.bands {
            let title = alt(
                &format!("{} during {}", words::name(*signal), one.name),
                band,
            );
            let scale = Scale::new(Some(*signal), band, one.duration_millis);
            let _ = writeln!(
                page,
                "<h3>{}</h3>\n{}",
                words::name(*signal),
                svg(&title, band, scale)
            );
        }
        if let Some(band) = self.movements_of(&one.creative) {
            let title = alt(
                &format!(
                    "Movements of a fraction of a second a step during {}",
                    one.name
                ),
                band,
            );
            let scale = Scale::new(None, band, one.duration_millis);
            let _ = writeln!(
                page,
                "<h3>Movements of a fraction of a second</h3>\n<p>Shown without knowing: for this study alone, never for choosing messages. {}</p>\n{}",
                words::MOVEMENTS,
                svg(&title, band, scale)
            );
        }
        let answers = words::answers(one);
        if !answers.is_empty() {
            page.push_str("<h3>Answers</h3>\n<ul>\n");
            for line in answers {
                let _ = writeln!(page, "<li>{}</li>", escaped(&line));
            }
            page.push_str("</ul>\n");
        }
        page.push_str("</section>\n");
    }
}

fn put_lines(page: &mut String, id: &str, title: &str, lines: &[String]) {
    let _ = writeln!(page, "<section id=\"{id}\">\n<h2>{title}</h2>\n<ul>");
    for line in lines {
        let _ = writeln!(page, "<li>{}</li>", escaped(line));
    }
    page.push_str("</ul>\n</section>\n");
}
