//! The words of a person's own page in every language of the notice.

mod de;
mod en;
mod es;
mod fr;
mod nl;

use regard_commitments::{ConsentPurpose, Language};

macro_rules! words {
    ($($name:ident,)+) => {
        /// The words of one language.
        pub(in crate::pages) struct OwnWords {
            $(pub(in crate::pages) $name: &'static str,)+
            /// What each purpose is called, in their order.
            pub(in crate::pages) purposes: [&'static str; 6],
            /// What each custody means: in the person's hands, shared, by the site.
            pub(in crate::pages) custodies: [&'static str; 3],
        }

        impl OwnWords {
            /// Every single word with its name.
            #[cfg(test)]
            fn all(&self) -> Vec<(&'static str, &'static str)> {
                vec![$((stringify!($name), self.$name),)+]
            }
        }
    };
}

words! {
    title, lead, about_this_screen,
    // Whoever has not shown a token.
    open, open_lead, token, open_button, where_token,
    never_enrolled, never_enrolled_why, never_enrolled_how,
    // What went well.
    done_agreed, done_withdrawn, done_corrected, done_forgotten, done_parted, done_frozen, done_unfrozen, done_closed,
    // What did not.
    form_too_old, over, wrong_token, locked_out, too_many_changes, not_sure, bad_preferences, too_large, refused, unrecorded,
    erased_unrecorded, unavailable,
    // What is held.
    held, number, came, custody, minor, minor_note, frozen_since, templates, decisions, none_made, receipts,
    commitments, never_named,
    consents, consents_none, given, until, state, live, frozen, withdrawn, expired, renewed,
    by_guardian, version, receipt,
    releases, signed_by,
    withdraw, withdraw_note, may_agree, agree, agree_as_guardian, agree_note,
    take, take_note, download, receipts_note,
    known, known_note, known_none, you_said, counted, forget, yes, no,
    merged, merged_note, merged_line, part,
    correct, correct_note, preferences, save, correct_needs,
    freeze, freeze_note, freeze_button, unfreeze_button,
    erase, erase_note, sure, erase_button,
    complain, complain_note, contact, authority,
    close, close_note,
    // What is left of a record that is gone.
    gone, gone_lead, gone_at, gone_entry, gone_ledger, gone_key, proof_shows, proof_check, proof_keep, proof_download, proof_text,
}

impl OwnWords {
    /// What a purpose is called.
    pub(in crate::pages) fn purpose_name(&self, purpose: ConsentPurpose) -> &'static str {
        let place = ConsentPurpose::ALL
            .iter()
            .position(|known| *known == purpose);
        place
            .and_then(|place| self.purposes.get(place))
            .copied()
            .unwrap_or(purpose.as_str())
    }
}

/// The words of a language.
pub(in crate::pages) const fn own_words(language: Language) -> &'static OwnWords {
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

    /// Places where something is put in.
    fn holes(text: &str) -> Vec<&str> {
        let parts = text.split('{').skip(1);
        parts.filter_map(|part| part.split('}').next()).collect()
    }

    #[test]
    fn every_language_says_all_of_it_and_in_its_own_words() {
        let english = own_words(Language::En);
        for language in Language::ALL {
            let w = own_words(language);
            for ((name, word), (_, in_english)) in w.all().into_iter().zip(english.all()) {
                assert!(!word.trim().is_empty(), "{language:?} {name}");
                assert_eq!(holes(word), holes(in_english), "{language:?} {name}");
                // Words that two languages share; a sentence never is one.
                let is_sentence = in_english.contains(' ');
                assert!(
                    language == Language::En || !is_sentence || word != in_english,
                    "{language:?} {name} is not translated"
                );
            }
            assert_eq!(w.purposes.len(), ConsentPurpose::ALL.len());
            let lists = w.purposes.iter().chain(&w.custodies);
            for (word, in_english) in lists.zip(english.purposes.iter().chain(&english.custodies)) {
                assert!(!word.is_empty());
                assert!(
                    language == Language::En || word != in_english,
                    "{language:?} {word}"
                );
            }
        }
    }
}
