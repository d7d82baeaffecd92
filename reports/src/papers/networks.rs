//! What papers say of the networks, and of what was measured of them.

use regard_commitments::Scope;

use super::Measurement;
use super::draft::Draft;
use super::facts::ModelFact;
use super::paper::{Item, Source, note, table};
use super::words::list;

impl<'a> Draft<'a> {
    pub(super) fn models(&self) -> Item {
        let row = |model: &&ModelFact| {
            vec![
                model.id.clone(),
                model.role.clone(),
                model
                    .licence
                    .clone()
                    .unwrap_or_else(|| "not recorded".to_owned()),
                model.training_data.clone(),
                model.consent_of_subjects.clone(),
                model.sha256.clone(),
            ]
        };
        table(
            Source::Models,
            "models",
            "Networks",
            &[
                "Network",
                "For",
                "Licence",
                "Learned from",
                "People in that data agreed",
                "SHA-256",
            ],
            self.used_models().iter().map(row).collect(),
        )
    }

    /// Networks that this configuration ever runs.
    pub(super) fn used_models(&self) -> Vec<&'a ModelFact> {
        let reads = self.reads_expressions();
        let looks = self.happens(Scope::Count);
        let models = self.facts.models.iter();
        models
            .filter(|model| model.is_used && looks && (reads || model.role != "expression"))
            .collect()
    }

    /// What the cards of the networks say under a heading.
    pub(super) fn cards(&self, heading: &str, label: &str) -> Item {
        let said = self.used_models().into_iter().filter_map(|model| {
            let text = model.card_says(heading)?;
            Some(vec![model.id.clone(), text.to_owned()])
        });
        let id = heading.to_lowercase().replace(' ', "_");
        table(
            Source::Models,
            &id,
            label,
            &["Network", "What is known"],
            said.collect(),
        )
    }

    pub(super) fn measurements(&self) -> Item {
        let pairs = |all: &[(String, String)]| {
            list(all.iter().map(|(name, value)| format!("{name} {value}")))
        };
        let row = |m: &Measurement| {
            vec![
                m.name.clone(),
                m.n.to_string(),
                pairs(&m.values),
                pairs(&m.bounds),
            ]
        };
        table(
            Source::Models,
            "measurements",
            "Measured of this program, on named data",
            &["Data", "Items", "Result", "Bound that every change keeps"],
            self.facts.measurements.iter().map(row).collect(),
        )
    }

    /// For whom figures speak. It stands in every paper that has figures of networks, and says only what was measured.
    pub(super) fn by_group(&self) -> Item {
        let networks = self.used_models();
        let measured: Vec<String> = networks
            .iter()
            .filter_map(|model| Some(format!("{}: {}", model.id, model.error_by_group.as_ref()?)))
            .collect();
        if measured.is_empty() {
            return note(
                "No error by group of people is measured: nobody should read these figures as equal for all. What is known of \
                 biases stands in the cards of the networks.",
            );
        }
        let others = if measured.len() < networks.len() {
            " Of the other networks it is not: nobody should read their figures as equal for all."
        } else {
            ""
        };
        note(format!(
            "Error by group of people is measured of some networks. {}.{others} What is known of biases stands in the cards of the \
             networks.",
            measured.join("; ")
        ))
    }
}
