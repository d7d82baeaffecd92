//! Words by which a campaign gives away that it aims at weakness, or decides about what matters to somebody.
//!
//! A list of words sees what is called by its name, in five languages, and not what hides under another. Names that policies
//! and conditions use are refused by it; texts for people are only pointed out, because "for the price of a tea" is no price
//! that depends on who looks.

/// Words that speak of distress, fatigue, age, disability, poverty: the row `vulnerability_targeting`.
const WEAKNESSES: &[&str] = &[
    // Distress.
    "distress",
    "distressed",
    "stress",
    "stressed",
    "grief",
    "grieving",
    "despair",
    "desperate",
    "anxious",
    "anxiety",
    "panic",
    "lonely",
    "loneliness",
    "sadness",
    "sad",
    "crying",
    "depressed",
    "depression",
    "verzweifelt",
    "verzweiflung",
    "trauer",
    "einsam",
    "traurig",
    "désespoir",
    "desespoir",
    "détresse",
    "detresse",
    "tristesse",
    "solitude",
    "desesperación",
    "desesperacion",
    "tristeza",
    "soledad",
    "wanhoop",
    "verdriet",
    "eenzaam",
    "eenzaamheid",
    // Fatigue.
    "fatigue",
    "fatigued",
    "tired",
    "tiredness",
    "exhausted",
    "exhaustion",
    "sleepy",
    "drowsy",
    "müde",
    "muede",
    "müdigkeit",
    "erschöpft",
    "fatigué",
    "cansancio",
    "cansado",
    "vermoeid",
    "vermoeidheid",
    // Intoxication and addiction take away resistance just so.
    "drunk",
    "intoxicated",
    "addicted",
    "addiction",
    "gambler",
    "sucht",
    "süchtig",
    "betrunken",
    "ivre",
    "borracho",
    "adicto",
    "adicción",
    "verslaafd",
    "dronken",
    // Age.
    "age",
    "ages",
    "aged",
    "elderly",
    "senior",
    "seniors",
    "minors",
    "child",
    "children",
    "kid",
    "kids",
    "teen",
    "teens",
    "teenager",
    "alter",
    "kinder",
    "jugendliche",
    "senioren",
    "âge",
    "enfant",
    "enfants",
    "edad",
    "niño",
    "niños",
    "leeftijd",
    "ouderen",
    "kinderen",
    // Disability.
    "disability",
    "disabled",
    "handicap",
    "handicapped",
    "wheelchair",
    "behinderung",
    "behindert",
    "rollstuhl",
    "handicapé",
    "discapacidad",
    "discapacitado",
    "rolstoel",
    "gehandicapt",
    // Poverty.
    "poverty",
    "poor",
    "debt",
    "indebted",
    "homeless",
    "unemployed",
    "bankrupt",
    "armut",
    "schulden",
    "obdachlos",
    "arbeitslos",
    "pauvreté",
    "pauvre",
    "dette",
    "chômeur",
    "pobreza",
    "pobre",
    "deuda",
    "desempleado",
    "armoede",
    "dakloos",
    "werkloos",
];

/// Words of decisions that matter to somebody: credit, insurance, work, housing, schooling, access; and of prices that
/// depend on who looks: the row `significant_effect`.
const EFFECTS: &[&str] = &[
    "creditworthiness",
    "creditworthy",
    "creditscore",
    "credit score",
    "credit limit",
    "credit approved",
    "loan approved",
    "loan denied",
    "loan approval",
    "mortgage approved",
    "personal price",
    "personalized price",
    "personalised price",
    "individual price",
    "dynamic price",
    "dynamic pricing",
    "price for you",
    "your price",
    "surcharge",
    "surge price",
    "price change",
    "price discrimination",
    "insurance rate",
    "insurance premium",
    "premium class",
    "job application",
    "hiring",
    "dismissal",
    "benefit claim",
    "eligibility",
    "eligible for",
    "entitlement",
    "deny access",
    "denied access",
    "access denied",
    "access granted",
    "access control",
    "admission denied",
    "entry denied",
    "blacklist",
    "watchlist",
    "tenant screening",
    "bonität",
    "bonitaet",
    "kreditwürdig",
    "kreditwürdigkeit",
    "kreditzusage",
    "ihr preis",
    "persönlicher preis",
    "zutritt verweigert",
    "solvabilité",
    "crédit accordé",
    "crédit refusé",
    "votre prix",
    "prix personnel",
    "accès refusé",
    "solvencia",
    "crédito aprobado",
    "su precio",
    "precio personal",
    "acceso denegado",
    "kredietwaardig",
    "krediet goedgekeurd",
    "uw prijs",
    "persoonlijke prijs",
    "toegang geweigerd",
];

/// Words that press upon people.
const PRESSURE: &[&str] = &[
    "last chance",
    "you have no choice",
    "only today or never",
    "don't miss your last",
    "letzte chance",
    "dernière chance",
    "última oportunidad",
    "laatste kans",
];

/// The words of a name or a text: lower case, cut where letters end and where a name goes on in capitals.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_small = false;
    for c in text.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && was_small) {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        was_small = c.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The first entry of a list whose words stand in the text one after the other.
fn find(text: &str, list: &'static [&'static str]) -> Option<&'static str> {
    let text = words(text);
    list.iter().copied().find(|entry| {
        let entry: Vec<&str> = entry.split(' ').collect();
        text.windows(entry.len())
            .any(|window| window.iter().zip(&entry).all(|(a, b)| a == b))
    })
}

/// Whether a name speaks of somebody's distress, fatigue, age, disability or poverty, or of what they show without knowing.
pub fn names_a_weakness(name: &str) -> bool {
    find(name, WEAKNESSES).is_some() || is_about_the_unknowing(name)
}

/// Whether a name speaks of micro-expressions: what a person shows without knowing serves no decision and no reward
/// (AI Act 5(1)(a)), wherever it was measured.
pub(crate) fn is_about_the_unknowing(name: &str) -> bool {
    let letters: String = name.chars().filter(char::is_ascii_alphabetic).collect();
    ["microexpression", "micromovement"]
        .iter()
        .any(|word| letters.contains(word))
}

/// Whether a name speaks of a decision that matters to somebody: credit, insurance, work, access, a price of their own.
pub fn names_a_significant_effect(name: &str) -> bool {
    find(name, EFFECTS).is_some()
}

/// What was found in the texts of a campaign: nothing that is refused, something that a person looks at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct LintFinding {
    /// Where, such as `creative[1].content.title`.
    pub path: String,
    /// Which refusal it would be if it is what it seems: `vulnerability_targeting` or `significant_effect`.
    pub code: &'static str,
    /// The words.
    pub words: String,
    /// What to think of.
    pub advice: &'static str,
}

/// What a person should look at in the texts of a campaign before it is shown.
pub fn lint(campaign: &crate::Campaign) -> Vec<LintFinding> {
    let mut findings = Vec::new();
    let mut look = |path: String, text: &str| {
        let lists = [
            (
                EFFECTS,
                "significant_effect",
                "a message may not change anybody's price, credit or access: offer the same to everyone, and name a person to ask",
            ),
            (
                PRESSURE,
                "vulnerability_targeting",
                "do not press: say what the offer is and until when",
            ),
        ];
        for (list, code, advice) in lists {
            if let Some(found) = find(text, list) {
                findings.push(LintFinding {
                    path: path.clone(),
                    code,
                    words: found.to_owned(),
                    advice,
                });
            }
        }
    };
    look("name".to_owned(), &campaign.name);
    look("viewer_benefit".to_owned(), &campaign.viewer_benefit);
    for (i, creative) in campaign.creatives.iter().enumerate() {
        let path = |field: &str| format!("creative[{i}].{field}");
        look(path("name"), &creative.name);
        look(path("alt_text"), &creative.alt_text);
        match &creative.content {
            crate::Content::Text { title, body, .. } => {
                look(path("content.title"), title);
                look(path("content.body"), body);
            }
            crate::Content::Html {
                inline: Some(inline),
                ..
            } => look(path("content.inline"), inline),
            crate::Content::Html { inline: None, .. }
            | crate::Content::Image { .. }
            | crate::Content::Video { .. } => {}
        }
    }
    findings.sort();
    findings.dedup();
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_without_knowing_is_known_by_its_name() {
        for name in [
            "micro_expression",
            "visitor.micro-expression.happy",
            "microexpressions",
            "micro.movement_2",
        ] {
            assert!(names_a_weakness(name), "{name}");
        }
        for name in ["micro_brewery", "expression", "movement", "microphone"] {
            assert!(!names_a_weakness(name), "{name}");
        }
    }

    #[test]
    fn names_are_cut_into_words_however_they_are_written() {
        for name in [
            "viewer.age",
            "viewerAge",
            "AGE",
            "user_age=35",
            "ist-müde",
            "kind=elderly",
            "en_detresse",
        ] {
            assert!(names_a_weakness(name), "{name}");
        }
        for name in [
            "page",
            "image",
            "language",
            "storage",
            "kind=coffee",
            "harm",
            "weather.rain",
            "coffee",
            "average",
        ] {
            assert!(!names_a_weakness(name), "{name}");
        }
    }

    #[test]
    fn effects_are_found_and_prices_of_tea_are_not() {
        for name in [
            "loan_approved",
            "creditScore",
            "custom-personal-price",
            "access.denied",
            "Ihr Preis heute",
        ] {
            assert!(names_a_significant_effect(name), "{name}");
        }
        for name in [
            "two for the price of one",
            "credit card accepted",
            "access by the stairs",
            "conversion",
        ] {
            assert!(!names_a_significant_effect(name), "{name}");
        }
    }

    #[test]
    fn texts_are_pointed_out_where_they_stand() {
        let id = |text: &str| regard_domain::CreativeId::new(text).unwrap();
        let campaign = crate::Campaign {
            name: "spring".to_owned(),
            viewer_benefit: "Coffee for the price of tea".to_owned(),
            creatives: vec![
                crate::Creative::text(id("a"), "Coffee", "Two for one"),
                crate::Creative::text(id("b"), "Your price, today alone", "LAST  chance!"),
            ],
            ..crate::Campaign::named("c".parse().unwrap())
        };
        let found = lint(&campaign);
        let found: Vec<_> = found.iter().map(|f| (f.path.as_str(), f.code)).collect();
        assert_eq!(
            found,
            [
                ("creative[1].content.body", "vulnerability_targeting"),
                ("creative[1].content.title", "significant_effect"),
                ("creative[1].name", "significant_effect"),
            ]
        );
    }
}
