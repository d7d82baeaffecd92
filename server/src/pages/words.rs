//! The words of the privacy page in every language of the notice.

/// The words of a page: a struct with a word for each name, and which of them a language has. Beside it stand the modules of the
/// languages, each with its `WORDS`.
macro_rules! page_words {
    ($(#[$doc:meta])* $words:ident, $of:ident: $($name:ident,)+) => {
        $(#[$doc])*
        pub(in crate::pages) struct $words {
            $(pub(in crate::pages) $name: &'static str,)+
        }

        impl $words {
            /// Every word with its name: scripts find them by that.
            pub(in crate::pages) fn all(&self) -> Vec<(&'static str, &'static str)> {
                vec![$((stringify!($name), self.$name),)+]
            }
        }

        /// The words of a language.
        pub(in crate::pages) const fn $of(language: regard_commitments::Language) -> &'static $words {
            match language {
                regard_commitments::Language::En => &en::WORDS,
                regard_commitments::Language::Fr => &fr::WORDS,
                regard_commitments::Language::De => &de::WORDS,
                regard_commitments::Language::Es => &es::WORDS,
                regard_commitments::Language::Nl => &nl::WORDS,
            }
        }

        #[cfg(test)]
        #[test]
        fn every_language_says_all_of_it_and_in_its_own_words() {
            super::tests::are_translated(|language| $of(language).all());
        }
    };
}

mod campaigns;
mod de;
mod en;
mod es;
mod face;
mod fr;
mod nl;
mod own;
mod study;

use axum::http::{HeaderMap, header};
use regard_commitments::{DataKind, Language};

pub(super) use campaigns::{CampaignWords, campaign_words};
pub(super) use face::{FaceWords, face_words};
pub(super) use own::{OwnWords, own_words};
pub(super) use study::{StudyWords, study_words};

/// The words of one language.
pub(crate) struct Words {
    /// Beside the notice, while the camera is open.
    pub(crate) camera_on: &'static str,
    /// Beside the notice, while it is closed.
    pub(crate) camera_off: &'static str,
    /// Beside the notice, while there is no connection.
    pub(crate) camera_unknown: &'static str,
    /// Above a message that is only looked at.
    pub(crate) preview: &'static str,
    /// Name of the language in itself.
    pub(super) language: &'static str,
    pub(super) languages: &'static str,
    pub(super) title: &'static str,
    pub(super) lead: &'static str,
    pub(super) now: &'static str,
    pub(super) now_note: &'static str,
    pub(super) refresh: &'static str,
    pub(super) camera: &'static str,
    pub(super) open: &'static str,
    pub(super) closed: &'static str,
    pub(super) closed_because: &'static str,
    pub(super) looked_per_sec: &'static str,
    pub(super) looked_total: &'static str,
    pub(super) pictures_kept: &'static str,
    pub(super) templates_kept: &'static str,
    pub(super) zones: &'static str,
    pub(super) chosen_total: &'static str,
    pub(super) rows_per_person: &'static str,
    pub(super) never: &'static str,
    pub(super) not_promised: &'static str,
    pub(super) only_agreed: &'static str,
    pub(super) only_enrolled: &'static str,
    pub(super) what: &'static str,
    pub(super) how: &'static str,
    pub(super) frame_from_browser: &'static str,
    pub(super) frame_searched: &'static str,
    pub(super) frame_stays: &'static str,
    pub(super) frame_in_console_here: &'static str,
    pub(super) frame_in_console_elsewhere: &'static str,
    pub(super) how_steps: [&'static str; 4],
    pub(super) expression_note: &'static str,
    pub(super) kept: &'static str,
    pub(super) kept_what: &'static str,
    pub(super) kept_long: &'static str,
    pub(super) hours: &'static str,
    pub(super) days: &'static str,
    pub(super) kinds: [&'static str; 12],
    pub(super) recipients: &'static str,
    pub(super) rights: &'static str,
    pub(super) rights_list: [&'static str; 5],
    pub(super) cannot_tell: &'static str,
    pub(super) own: &'static str,
    /// Leads to the page in easy words.
    pub(super) easy: &'static str,
    /// Leads from there to all of it.
    pub(super) full: &'static str,
    /// In easy words, to whoever stands there.
    pub(super) easy_object: &'static str,
    /// In easy words, to whoever enrolled.
    pub(super) easy_own: &'static str,
    pub(super) automated: &'static str,
    pub(super) contact: &'static str,
    pub(super) proof: &'static str,
    pub(super) proof_version: &'static str,
    pub(super) proof_profile: &'static str,
    pub(super) proof_hash: &'static str,
    pub(super) proof_ledger: &'static str,
    pub(super) benefits: &'static str,
    pub(super) here: &'static str,
    pub(super) object: &'static str,
    pub(super) object_note: &'static str,
    pub(super) objected: &'static str,
    pub(super) agree: &'static str,
    pub(super) agree_note: &'static str,
    pub(super) agreed: &'static str,
    pub(super) withdraw: &'static str,
    /// Leads to enrolling, from in front of a screen.
    pub(super) enroll_here: &'static str,
    /// Leads to showing one's token there.
    pub(super) verify_here: &'static str,
    pub(super) nothing_looks: &'static str,
    pub(super) scan: &'static str,
    pub(super) code_expired: &'static str,
    pub(super) sign_used_up: &'static str,
    pub(super) not_now: &'static str,
    pub(super) refused: &'static str,
    pub(super) refused_note: &'static str,
    pub(super) refused_none: &'static str,
    pub(super) refused_what: &'static str,
    pub(super) refused_often: &'static str,
    pub(super) complain: &'static str,
    pub(super) yesterday: &'static str,
    pub(super) yesterday_note: &'static str,
    pub(super) yesterday_none: &'static str,
    pub(super) yesterday_few: &'static str,
    pub(super) yesterday_visits: &'static str,
    pub(super) yesterday_lookers: &'static str,
    pub(super) yesterday_looked: &'static str,
    pub(super) yesterday_stayed: &'static str,
    pub(super) yesterday_chance: &'static str,
}

impl Words {
    /// What a kind of row is called.
    pub(super) fn kind(&self, kind: DataKind) -> &'static str {
        let place = DataKind::ALL.iter().position(|known| *known == kind);
        place
            .and_then(|place| self.kinds.get(place))
            .copied()
            .unwrap_or(kind.as_str())
    }
}

/// The words of a language.
pub(crate) const fn words(language: Language) -> &'static Words {
    match language {
        Language::En => &en::WORDS,
        Language::Fr => &fr::WORDS,
        Language::De => &de::WORDS,
        Language::Es => &es::WORDS,
        Language::Nl => &nl::WORDS,
    }
}

/// The language of a tag such as `de-AT`.
pub(crate) fn language_of(tag: &str) -> Option<Language> {
    let first = tag
        .trim()
        .split(['-', '_', ';'])
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    Language::ALL
        .into_iter()
        .find(|language| language.tag() == first)
}

/// The language that the browser of whoever asks likes best.
pub(super) fn liked(headers: &HeaderMap) -> Option<Language> {
    let accept = headers.get(header::ACCEPT_LANGUAGE)?;
    accept.to_str().ok().and_then(preferred)
}

/// The language a browser likes best, after RFC 9110 section 12.5.4; ties go to the earlier.
fn preferred(accept_language: &str) -> Option<Language> {
    let mut best: Option<(Language, f32)> = None;
    for range in accept_language.split(',') {
        let mut parts = range.split(';');
        let Some(language) = parts.next().and_then(language_of) else {
            continue;
        };
        let quality = parts.find_map(|part| part.trim().strip_prefix("q=")?.parse().ok());
        let quality: f32 = quality.unwrap_or(1.0);
        if quality > 0.0 && best.is_none_or(|(_, known)| quality > known) {
            best = Some((language, quality));
        }
    }
    best.map(|(language, _)| language)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing is left out in any language, and nothing is left in English.
    pub(super) fn are_translated(all: impl Fn(Language) -> Vec<(&'static str, &'static str)>) {
        let english = all(Language::En);
        for language in Language::ALL {
            for ((name, word), (_, in_english)) in all(language).into_iter().zip(&english) {
                assert!(!word.trim().is_empty(), "{language:?} {name}");
                assert!(
                    language == Language::En || word != *in_english,
                    "{language:?} {name} is not translated"
                );
            }
        }
    }

    #[test]
    fn the_preferred_language_wins() {
        for (accept, language) in [
            ("fr", Some(Language::Fr)),
            ("fr;q=0.3, de-AT;q=0.9, en;q=0.9", Some(Language::De)),
            ("ja, nl;q=0.1", Some(Language::Nl)),
            ("ja", None),
            ("es;q=0", None),
            ("", None),
        ] {
            assert_eq!(preferred(accept), language, "{accept}");
        }
    }

    #[test]
    fn a_browsers_camera_is_named_in_every_language() {
        for language in Language::ALL {
            assert_eq!(
                words(language)
                    .frame_from_browser
                    .matches("{cameras}")
                    .count(),
                1
            );
        }
    }

    #[test]
    fn what_the_chance_means_is_said_in_every_language() {
        for language in Language::ALL {
            let note = words(language).yesterday_note;
            assert_eq!(note.matches("{factor}").count(), 1);
            assert_eq!(note.matches("{epsilon}").count(), 1);
        }
    }

    #[test]
    fn every_kind_has_a_name_in_every_language() {
        for language in Language::ALL {
            for &kind in DataKind::ALL {
                assert!(!words(language).kind(kind).is_empty());
            }
            assert_eq!(words(language).kinds.len(), DataKind::ALL.len());
        }
    }
}
