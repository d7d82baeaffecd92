//! Words for what nothing here may find out about anybody: race, religion, health, orientation, politics.
//!
//! A list of words sees what is called by its name, in five languages, and not what hides under another: that a network
//! calls its outputs `class_0` and `class_1` is for whoever brings it to answer for.

use std::fmt;

/// A sensitive category.
///
/// # Source
/// GDPR 9(1); AI Act 5(1)(g).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SensitiveCategory {
    /// Racial or ethnic origin.
    Race,
    /// Religious or philosophical belief.
    Religion,
    /// Health.
    Health,
    /// Sex life or sexual orientation.
    Orientation,
    /// Political opinion, trade union membership.
    Politics,
}

impl SensitiveCategory {
    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Race => "race",
            Self::Religion => "religion",
            Self::Health => "health",
            Self::Orientation => "orientation",
            Self::Politics => "politics",
        }
    }
}

impl fmt::Display for SensitiveCategory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

use SensitiveCategory::{Health, Orientation, Politics, Race, Religion};

/// What a category is called, in English, German, French, Spanish and Dutch; words of a name one after the other.
const CATEGORIES: &[(&str, SensitiveCategory)] = &[
    ("race", Race),
    ("races", Race),
    ("racial", Race),
    ("ethnicity", Race),
    ("ethnicities", Race),
    ("ethnic", Race),
    ("ethnie", Race),
    ("ethnique", Race),
    ("ethnizität", Race),
    ("ethnisch", Race),
    ("etnia", Race),
    ("etnicidad", Race),
    ("etniciteit", Race),
    ("etnisch", Race),
    ("raza", Race),
    ("rasse", Race),
    ("hautfarbe", Race),
    ("huidskleur", Race),
    ("skin color", Race),
    ("skin colour", Race),
    ("skin tone", Race),
    ("skin type", Race),
    ("fitzpatrick", Race),
    ("ancestry", Race),
    ("caste", Race),
    ("religion", Religion),
    ("religions", Religion),
    ("religious", Religion),
    ("religiosity", Religion),
    ("religiös", Religion),
    ("religieux", Religion),
    ("religión", Religion),
    ("religioso", Religion),
    ("religie", Religion),
    ("faith", Religion),
    ("creed", Religion),
    ("konfession", Religion),
    ("glaube", Religion),
    ("geloof", Religion),
    ("health", Health),
    ("healthy", Health),
    ("disease", Health),
    ("diseases", Health),
    ("illness", Health),
    ("diagnosis", Health),
    ("diagnose", Health),
    ("diagnostic", Health),
    ("depression", Health),
    ("autism", Health),
    ("dementia", Health),
    ("parkinson", Health),
    ("pregnant", Health),
    ("pregnancy", Health),
    ("schwanger", Health),
    ("enceinte", Health),
    ("embarazada", Health),
    ("zwanger", Health),
    ("bmi", Health),
    ("heart rate", Health),
    ("heartrate", Health),
    ("pulse rate", Health),
    ("blood pressure", Health),
    ("gesundheit", Health),
    ("krankheit", Health),
    ("santé", Health),
    ("sante", Health),
    ("maladie", Health),
    ("salud", Health),
    ("enfermedad", Health),
    ("gezondheid", Health),
    ("ziekte", Health),
    ("sexuality", Orientation),
    ("sexualität", Orientation),
    ("sexualité", Orientation),
    ("sexualidad", Orientation),
    ("seksualiteit", Orientation),
    ("sexual orientation", Orientation),
    ("sexual preference", Orientation),
    ("sexuelle orientierung", Orientation),
    ("orientation sexuelle", Orientation),
    ("orientación sexual", Orientation),
    ("orientacion sexual", Orientation),
    ("seksuele geaardheid", Orientation),
    ("sex life", Orientation),
    ("homosexual", Orientation),
    ("heterosexual", Orientation),
    ("bisexual", Orientation),
    ("lgbt", Orientation),
    ("lgbtq", Orientation),
    ("politics", Politics),
    ("political", Politics),
    ("politik", Politics),
    ("politisch", Politics),
    ("politique", Politics),
    ("política", Politics),
    ("politica", Politics),
    ("politiek", Politics),
    ("ideology", Politics),
    ("party affiliation", Politics),
    ("voting intention", Politics),
    ("trade union", Politics),
    ("union membership", Politics),
    ("gewerkschaft", Politics),
    ("syndicat", Politics),
    ("sindicato", Politics),
    ("vakbond", Politics),
];

/// What networks call the groups that they sort people into. As words about the world some of them are harmless, a kitchen
/// for one; as what a network says of a face none is.
const GROUPS: &[(&str, SensitiveCategory)] = &[
    ("asian", Race),
    ("african", Race),
    ("caucasian", Race),
    ("hispanic", Race),
    ("latino", Race),
    ("latina", Race),
    ("latino hispanic", Race),
    ("indian", Race),
    ("middle eastern", Race),
    ("black", Race),
    ("white", Race),
    ("christian", Religion),
    ("muslim", Religion),
    ("jewish", Religion),
    ("hindu", Religion),
    ("buddhist", Religion),
    ("sikh", Religion),
    ("atheist", Religion),
    ("ill", Health),
    ("sick", Health),
    ("drunk", Health),
    ("autistic", Health),
    ("depressed", Health),
    ("gay", Orientation),
    ("lesbian", Orientation),
    ("straight", Orientation),
    ("queer", Orientation),
    ("republican", Politics),
    ("democrat", Politics),
    ("liberal", Politics),
    ("conservative", Politics),
    ("socialist", Politics),
    ("communist", Politics),
];

/// The words of a name: parted where it is no letter, and where a small letter meets a capital; in small letters.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_small = false;
    for c in name.chars() {
        let is_letter = c.is_alphabetic();
        if (!is_letter || (c.is_uppercase() && was_small))
            && words.last().is_some_and(|word| !word.is_empty())
        {
            words.push(String::new());
        }
        if is_letter && let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
        was_small = c.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

fn find(name: &str, list: &[(&str, SensitiveCategory)]) -> Option<SensitiveCategory> {
    let words = words(name);
    let has = |known: &str| {
        let known: Vec<&str> = known.split(' ').collect();
        words
            .windows(known.len())
            .any(|some| some.iter().zip(&known).all(|(a, b)| a == b))
    };
    let found = list.iter().find(|(known, _)| has(known));
    found.map(|(_, category)| *category)
}

/// The sensitive category that a name speaks of, such as the name of a fact, if it speaks of one.
pub fn sensitive_in_name(name: &str) -> Option<SensitiveCategory> {
    find(name, CATEGORIES)
}

/// The sensitive category that an output or a label of a network speaks of, if it speaks of one: also by naming a group.
pub fn sensitive_in_label(label: &str) -> Option<SensitiveCategory> {
    find(label, CATEGORIES).or_else(|| find(label, GROUPS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_word_by_word() {
        for (name, expected) in [
            ("visitor.religion", Some(Religion)),
            ("faceRace", Some(Race)),
            ("RACE_7", Some(Race)),
            ("skin-tone", Some(Race)),
            ("person.sexual_orientation", Some(Orientation)),
            ("salle.santé", Some(Health)),
            ("heart.rate", Some(Health)),
            ("party affiliation", Some(Politics)),
            // Other words that hold the same letters, and facts about the world.
            ("screen.orientation", None),
            ("interface", None),
            ("trace.id", None),
            ("terrace.open", None),
            ("embraced", None),
            ("skin", None),
            ("heart", None),
            ("weather.rain", None),
            ("kitchen.asian", None),
            ("", None),
            ("...", None),
        ] {
            assert_eq!(sensitive_in_name(name), expected, "{name}");
        }
    }

    #[test]
    fn labels_name_groups_too() {
        for (label, expected) in [
            ("Latino_Hispanic", Some(Race)),
            ("East Asian", Some(Race)),
            ("Middle Eastern", Some(Race)),
            ("muslim", Some(Religion)),
            ("race_output", Some(Race)),
            ("happy", None),
            ("neutral", None),
            ("prob_emotion", None),
            ("Identity_1", None),
            ("whiteboard", None),
        ] {
            assert_eq!(sensitive_in_label(label), expected, "{label}");
        }
    }

    #[test]
    fn every_word_of_the_lists_is_found_by_itself() {
        for (word, category) in CATEGORIES {
            assert_eq!(sensitive_in_name(word), Some(*category), "{word}");
        }
        for (word, category) in GROUPS {
            assert_eq!(sensitive_in_label(word), Some(*category), "{word}");
        }
    }
}
