//! The built-in font, and how wide its words are.

use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider};

/// Atkinson Hyperlegible, made so that letters are hard to confuse; provenance in `fonts/README.md`.
const REGULAR: &[u8] = include_bytes!("../fonts/atkinson-hyperlegible-regular.ttf");
const BOLD: &[u8] = include_bytes!("../fonts/atkinson-hyperlegible-bold.ttf");

/// One of the two weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Weight {
    Regular,
    Bold,
}

impl Weight {
    /// The font file.
    pub(crate) fn bytes(self) -> &'static [u8] {
        match self {
            Self::Regular => REGULAR,
            Self::Bold => BOLD,
        }
    }

    fn font(self) -> FontRef<'static> {
        FontRef::new(self.bytes()).expect("a test reads both fonts")
    }

    /// The first character that the font does not have; spaces of any kind count as had.
    pub(crate) fn missing(self, text: &str) -> Option<char> {
        let font = self.font();
        let characters = font.charmap();
        text.chars()
            .find(|c| !c.is_whitespace() && characters.map(*c).is_none())
    }

    /// Width of a text in points, at a size in points; without kerning, which only makes it narrower or a
    /// little wider.
    pub(crate) fn width(self, text: &str, size: f32) -> f32 {
        let font = self.font();
        let (characters, metrics) = (
            font.charmap(),
            font.glyph_metrics(Size::new(size), LocationRef::default()),
        );
        text.chars()
            .filter_map(|c| characters.map(c))
            .filter_map(|glyph| metrics.advance_width(glyph))
            .sum()
    }

    /// The text in lines no wider than `width` points. A word that is wider by itself is cut.
    pub(crate) fn wrap(self, text: &str, size: f32, width: f32) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        let mut line = String::new();
        for word in text.split_whitespace() {
            let longer = if line.is_empty() {
                word.to_owned()
            } else {
                format!("{line} {word}")
            };
            if self.width(&longer, size) <= width {
                line = longer;
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            for c in word.chars() {
                line.push(c);
                if self.width(&line, size) > width && line.chars().count() > 1 {
                    line.pop();
                    lines.push(std::mem::replace(&mut line, c.to_string()));
                }
            }
        }
        if !line.is_empty() {
            lines.push(line);
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_weights_have_the_letters_of_the_languages() {
        for weight in [Weight::Regular, Weight::Bold] {
            let letters = "AZaz09ÄÖÜäöüßéèêëàçœæîïôùñ¿¡áíóú€’“”«»„‘–.,:;!?()/@-_%";
            assert_eq!(weight.missing(letters), None);
            assert_eq!(weight.missing("naïve 漢字"), Some('漢'));
        }
    }

    #[test]
    fn lines_are_no_wider_than_asked_and_lose_nothing() {
        let text = "The camera stays closed until someone here scans the code and agrees https://a-very-long-address.example/without/any/space/in/it/at/all";
        for width in [60.0, 120.0, 400.0] {
            let lines = Weight::Regular.wrap(text, 14.0, width);
            for line in &lines {
                assert!(Weight::Regular.width(line, 14.0) <= width, "{line}");
            }
            let squeezed = |text: &str| text.replace(' ', "");
            assert_eq!(squeezed(&lines.concat()), squeezed(text));
        }
        assert!(Weight::Regular.wrap("  ", 14.0, 100.0).is_empty());
    }
}
