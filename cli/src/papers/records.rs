//! What is on record about the program: model cards and measurements.

use anyhow::{Context, Result};
use regard_inference::ModelEntry;
use regard_reports::{Measurement, ModelFact};
use regard_vision::LIVE_MODELS;
use serde::Deserialize;

macro_rules! measured {
    ($($name:literal),+) => {
        [$(($name, include_str!(concat!("../../../accuracy/", $name, ".toml"))),)+]
    };
}

/// Measurements of the program, by name; a test compares this list with the folder.
const MEASURED: [(&str, &str); 19] = measured![
    "conformal-descriptor",
    "conformal-mobilenet",
    "detection-widerface",
    "expression-fer2013-groups",
    "expression-fer2013-public",
    "head-pose-aflw2000",
    "interval-coverage",
    "micro-expressions",
    "micro-expressions-real",
    "policies-regret",
    "presentation-attacks",
    "presentation-attacks-samples",
    "recognition-lfw",
    "recognition-open-set",
    "recognition-unlinkability",
    "redaction",
    "tracking-street-10fps",
    "tracking-street-30fps",
    "tracking-tud-campus"
];

/// A file of measurements.
#[derive(Deserialize)]
struct Measured {
    n: u64,
    #[serde(default)]
    floors: toml::Table,
    #[serde(default)]
    ceilings: toml::Table,
    measured: toml::Table,
}

/// What was measured.
pub(super) fn measurements() -> Result<Vec<Measurement>> {
    MEASURED
        .iter()
        .map(|(name, text)| measurement(name, text))
        .collect()
}

fn measurement(name: &str, text: &str) -> Result<Measurement> {
    let file: Measured = toml::from_str(text).with_context(|| format!("accuracy/{name}.toml"))?;
    let pairs = |table: &toml::Table, sign: &str| -> Vec<(String, String)> {
        let values = table.iter();
        values
            .map(|(name, value)| (name.clone(), format!("{sign}{value}")))
            .collect()
    };
    let mut bounds = pairs(&file.floors, "≥ ");
    bounds.extend(pairs(&file.ceilings, "≤ "));
    Ok(Measurement {
        name: name.to_owned(),
        n: file.n,
        values: pairs(&file.measured, ""),
        bounds,
    })
}

/// What is on record about a model.
pub(super) fn model(entry: &ModelEntry) -> ModelFact {
    let package = entry
        .package
        .as_deref()
        .zip(entry.package_version.as_deref());
    let origin = match (package, &entry.upstream) {
        (Some((package, version)), _) => format!("{package} {version}"),
        (None, Some(upstream)) => upstream.clone(),
        (None, None) => "not recorded".to_owned(),
    };
    ModelFact {
        id: entry.id.clone(),
        role: entry.role.as_str().to_owned(),
        is_used: LIVE_MODELS.contains(&entry.id.as_str()),
        sha256: entry.sha256.clone(),
        licence: entry.licence.clone(),
        origin,
        input: entry.preprocessing.clone(),
        output: entry.output_meaning.clone(),
        training_data: entry.training_data.clone(),
        training_data_terms: entry.training_data_terms.clone(),
        consent_of_subjects: entry.consent_of_subjects.as_str().to_owned(),
        error_by_group: entry.error_by_group.clone(),
        card: entry.card_text().map(sections).unwrap_or_default(),
    }
}

/// The sections of a card: each begins a line with its name between asterisks. Marks of Markdown are taken out, and rows
/// of tables become lines.
fn sections(card: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for line in card.lines() {
        let heading = line
            .strip_prefix("**")
            .and_then(|rest| rest.split_once("**"));
        if let Some((name, rest)) = heading {
            found.push((name.trim_end_matches('.').to_owned(), plain(rest)));
        } else if let Some((_, text)) = found.last_mut() {
            let is_rule = line.starts_with('|') && line.chars().all(|c| "|- :".contains(c));
            let line = plain(line);
            if !line.is_empty() && !is_rule {
                if !text.is_empty() {
                    text.push('\n');
                }
                text.push_str(&line);
            }
        }
    }
    found
}

fn plain(line: &str) -> String {
    let text = line.replace("**", "").replace('`', "");
    let cells = text.trim().trim_matches('|').split('|').map(str::trim);
    cells.collect::<Vec<_>>().join(" | ")
}

#[cfg(test)]
mod tests {
    use regard_inference::Catalog;

    use super::*;

    #[test]
    fn every_measurement_is_on_record() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../accuracy");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
            .collect();
        files.sort();
        let names: Vec<&str> = MEASURED.iter().map(|(name, _)| *name).collect();
        assert_eq!(files, names);
        let measured = measurements().unwrap();
        assert!(measured.iter().all(|m| m.n > 0 && !m.values.is_empty()));
        let expression = measured
            .iter()
            .find(|one| one.name == "expression-fer2013-public");
        let bounds = &expression.unwrap().bounds;
        assert!(
            bounds.contains(&("ece".to_owned(), "≤ 0.03".to_owned())),
            "{bounds:?}"
        );
    }

    #[test]
    fn cards_of_the_networks_that_run_say_what_papers_ask() {
        let catalog = Catalog::open(None).unwrap();
        let models: Vec<ModelFact> = catalog.entries().map(model).collect();
        let used: Vec<&ModelFact> = models.iter().filter(|model| model.is_used).collect();
        assert_eq!(used.len(), LIVE_MODELS.len());
        for model in used {
            for heading in ["Training data", "Measured", "Limits", "Known biases"] {
                let text = model.card_says(heading);
                assert!(
                    text.is_some_and(|text| text.len() > 20),
                    "{} {heading}",
                    model.id
                );
            }
        }
    }

    #[test]
    fn a_card_is_read_by_its_headings() {
        let card = "# Title\n\n**Measured** on `x`:\n\n| a | b |\n|---|---|\n| 1 | **2** |\n\n**Limits.** None.\n";
        let expected = [
            ("Measured".to_owned(), "on x:\na | b\n1 | 2".to_owned()),
            ("Limits".to_owned(), "None.".to_owned()),
        ];
        assert_eq!(sections(card), expected);
    }
}
