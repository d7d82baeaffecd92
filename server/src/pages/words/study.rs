//! The words of the page behind an invitation to a study, in every language of the notice.

mod de;
mod en;
mod es;
mod fr;
mod nl;

use regard_commitments::Language;

macro_rules! words {
    ($($name:ident,)+) => {
        /// The words of one language.
        pub(in crate::pages) struct StudyWords {
            $(pub(in crate::pages) $name: &'static str,)+
        }

        impl StudyWords {
            /// Every word with its name: scripts find them by that.
            pub(in crate::pages) fn all(&self) -> Vec<(&'static str, &'static str)> {
                vec![$((stringify!($name), self.$name),)+]
            }
        }
    };
}

words! {
    not_good_title, not_good, made_by, takes, minutes,
    measured_title, measured_attention, measured_expression, measured_movements,
    not_measured_title, not_pictures, not_recognised, not_sound, not_feelings, not_shared,
    free_title, free_choice, free_stop, free_erase, kept,
    agree_title, agree, adult, agree_button,
    camera_title, camera_note, camera_button, no_camera, light, no_face, face_seen, measuring,
    frames_per_sec, movements_on, movements_off, begin_note, begin,
    rest_title, look_at_cross, again, no_rest, showing, stop, stopped,
    question_title, of, not_at_all, very_much, skip_note, next,
    done_title, done, nothing_kept, token_title, token_note, receipt, own_page, erase, erase_note, erased_title, erased, proof,
    refused, failed,
}

/// The words of a language.
pub(in crate::pages) const fn study_words(language: Language) -> &'static StudyWords {
    match language {
        Language::En => &en::WORDS,
        Language::Fr => &fr::WORDS,
        Language::De => &de::WORDS,
        Language::Es => &es::WORDS,
        Language::Nl => &nl::WORDS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_says_all_of_it_and_in_its_own_words() {
        let english = study_words(Language::En);
        for language in Language::ALL {
            let all = study_words(language).all();
            for ((name, word), (_, in_english)) in all.into_iter().zip(english.all()) {
                assert!(!word.trim().is_empty(), "{language:?} {name}");
                assert!(
                    language == Language::En || word != in_english,
                    "{language:?} {name} is not translated"
                );
            }
        }
    }
}
