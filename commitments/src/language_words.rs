//! The words of a text in every language.

use serde::de::DeserializeOwned;

use crate::commitments::Language;

/// The words of something in every language, read once.
pub(crate) struct LanguageWords<W>([(Language, W); 5]);

impl<W: DeserializeOwned> LanguageWords<W> {
    /// Reads what is built in as TOML.
    ///
    /// # Panics
    /// Where a text has other words than are wanted: the tests read every one.
    pub(crate) fn read(texts: [(Language, &str); 5]) -> Self {
        Self(texts.map(|(language, text)| {
            let words = toml::from_str(text).expect("a test reads every language");
            (language, words)
        }))
    }

    /// Those of one language.
    pub(crate) fn of(&self, language: Language) -> &W {
        let found = self.0.iter().find(|(known, _)| *known == language);
        let (_, words) = found.expect("a test reads every language");
        words
    }
}
