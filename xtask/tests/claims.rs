//! What texts must not claim: that somebody's feelings are known, that figures hold for everyone alike, that nothing goes
//! wrong. Read are all texts that anybody gets to see, with the code around them.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

/// Files and folders with texts that people read.
const TEXTS: [&str; 17] = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "accuracy/README.md",
    "docs",
    "models/cards",
    "cli/data",
    "cli/src",
    "commitments/data",
    "commitments/src",
    "decision/src",
    "engine/src",
    "evaluation/src",
    "library/src",
    "reports/src",
    "server/src",
    "server/templates",
];

/// Scripts speak to people too.
const SCRIPTS: &str = "server/static";

const KINDS: [&str; 6] = ["md", "rs", "html", "js", "toml", "txt"];

/// How words for feelings begin, in the languages of the pages.
const FEELINGS: [&str; 15] = [
    "emotion",
    "émotion",
    "emoción",
    "emociones",
    "emotie",
    "gefühl",
    "fühlen",
    "fühlt",
    "gevoel",
    "voelt",
    "feel",
    "ressent",
    "siente",
    "mood",
    "humeur",
];

/// A sentence with one of these may name a feeling: it says what is not known.
const DENIALS: [&str; 22] = [
    "not", "never", "no", "nobody", "nor", "nothing", "none", "neither", "without", "nicht",
    "kein", "keine", "nie", "pas", "jamais", "ni", "niet", "geen", "nooit", "nunca", "forbids",
    "refused",
];

/// What no text says, in small letters.
const CLAIMS: [&str; 27] = [
    "bias-free",
    "free of bias",
    "free from bias",
    "no bias",
    "without bias",
    "equally well",
    "equally accurate",
    "works for everyone",
    "all skin",
    "any skin",
    "every skin",
    "regardless of",
    "irrespective of",
    "sans biais",
    "ohne verzerrung",
    "vorurteilsfrei",
    "sin sesgo",
    "zonder vooroordeel",
    "error-free",
    "always right",
    "never wrong",
    "fully accurate",
    "100 % accurate",
    "100% accurate",
    "gdpr-compliant",
    "gdpr compliant",
    "legally safe",
];

/// Names that others gave, where they stand: the wire of Amazon, files of upstream, words of the law, made-up values of tests.
const NAMES: [(&str, &str); 7] = [
    ("server/src/compat/", "emotion"),
    ("docs/compat.md", "`emotions`"),
    ("models/cards/", "emotions-recognition-retail"),
    ("models/cards/", "emotion_model.hdf5"),
    ("reports/src/papers/", "emotion recognition"),
    ("reports/src/papers/", "emotion_recognition"),
    ("commitments/src/", "\"mood\""),
];

/// It lists the words that a notice must not have.
const LIST: &str = "cli/src/audit/words.rs";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Files below a path, from the root on.
fn files(path: &str, found: &mut Vec<String>) {
    let at = root().join(path);
    if at.is_file() {
        found.push(path.to_owned());
        return;
    }
    let entries = fs::read_dir(&at).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    for name in names {
        files(&format!("{path}/{name}"), found);
    }
}

/// What a line claims that it must not.
fn claims(file: &str, line: &str) -> Vec<String> {
    let mut line = line.to_lowercase();
    for (_, name) in NAMES.iter().filter(|(place, _)| file.starts_with(place)) {
        line = line.replace(name, "");
    }
    let mut found: Vec<String> = CLAIMS
        .iter()
        .filter(|claim| line.contains(*claim))
        .map(|claim| (*claim).to_owned())
        .collect();
    for sentence in line.split(['.', ';', '!', '?']) {
        let words = || sentence.split(|letter: char| !letter.is_alphanumeric());
        if words().any(|word| DENIALS.contains(&word)) {
            continue;
        }
        let named = words().filter(|word| FEELINGS.iter().any(|feeling| word.starts_with(feeling)));
        found.extend(named.map(str::to_owned));
    }
    found
}

#[test]
fn no_text_claims_to_know_feelings_or_to_serve_everyone_alike() {
    let mut all = Vec::new();
    for path in TEXTS.iter().chain([&SCRIPTS]) {
        files(path, &mut all);
    }
    all.retain(|file| file != LIST && KINDS.iter().any(|kind| file.ends_with(&format!(".{kind}"))));
    assert!(all.len() > 300, "{} files", all.len());
    let mut found = Vec::new();
    for file in &all {
        let text = fs::read_to_string(root().join(file)).unwrap();
        for (number, line) in (1..).zip(text.lines()) {
            let claims = claims(file, line);
            if !claims.is_empty() {
                found.push(format!("{file}:{number}: {}", claims.join(", ")));
            }
        }
    }
    assert!(
        found.is_empty(),
        "texts that claim too much:\n{}",
        found.join("\n")
    );
}

#[test]
fn claims_are_found_and_denials_are_none() {
    for (line, expected) in [
        ("It detects emotions.", Some("emotions")),
        ("One for your mood!", Some("mood")),
        ("On voit vos émotions.", Some("émotions")),
        ("Sieht, was Sie fühlen.", Some("fühlen")),
        // What is denied in another sentence is not denied here.
        ("We do not film you. We know what you feel.", Some("feel")),
        ("Works regardless of skin", Some("regardless of")),
        ("A GDPR-compliant camera", Some("gdpr-compliant")),
        ("What a face shows, never what anybody feels", None),
        (
            "Nicht, was Sie fühlen: ein Gesicht zeigt nur Bewegung.",
            None,
        ),
        ("let not_feelings = 1;", None),
        ("a feeble signal, a moody word is another", Some("moody")),
        ("consentimiento, Zustimmung, toestemming", None),
    ] {
        let found = claims("README.md", line);
        assert_eq!(found.first().map(String::as_str), expected, "{line}");
    }
    // Names of others are let through in their place alone.
    let wire = "detail[\"Emotions\"] = json!(all)";
    assert!(claims("server/src/compat/detail.rs", wire).is_empty());
    assert!(!claims("server/src/pages/live.rs", wire).is_empty());
}

/// Measurements of what is said about faces.
const OF_FACES: [&str; 6] = [
    "accuracy/recognition-",
    "accuracy/expression-",
    "accuracy/micro-",
    "accuracy/presentation-",
    "accuracy/redaction",
    "accuracy/detection-",
];

#[test]
fn whoever_states_figures_about_faces_says_for_whom_they_are_not_measured() {
    let mut all = vec!["accuracy/README.md".to_owned()];
    files("docs", &mut all);
    // A table of tests and files, and no figures.
    all.retain(|file| file.ends_with(".md") && file != "docs/law.md");
    let mut n_stating = 0;
    for file in all {
        let text = fs::read_to_string(root().join(&file)).unwrap();
        let states = OF_FACES.iter().any(|figures| text.contains(figures));
        if states || file == "accuracy/README.md" {
            n_stating += 1;
            assert!(
                text.contains("rror by group of people is not measured"),
                "{file} has figures about faces and does not say that error by group of people is not measured"
            );
        }
    }
    assert!(n_stating >= 4, "{n_stating}");
}
