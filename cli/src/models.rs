//! `regard models`.

mod download;
mod pull;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use regard_inference::{Catalog, FileState, ModelEntry};
use serde::Serialize;

use crate::args::{ListFormat, ModelsCommand};
use crate::exit;
use crate::printable::on_one_line;
use crate::speech::complain;

/// Does what was asked with models.
pub(crate) fn models(command: &ModelsCommand) -> Result<ExitCode> {
    match command {
        ModelsCommand::List { format } => list(*format),
        ModelsCommand::Verify => verify(),
        ModelsCommand::Pull(args) => pull::pull(args),
    }
}

/// The folder of further models, where one is named.
pub(crate) fn folder() -> Option<PathBuf> {
    std::env::var_os("REGARD_MODELS")
        .filter(|name| !name.is_empty())
        .map(PathBuf::from)
}

/// The models of this installation.
pub(crate) fn catalog() -> Result<Catalog> {
    let folder = folder();
    Catalog::open(folder.as_deref()).context(
        "the models cannot be listed; set REGARD_MODELS to a folder of models, or to nothing",
    )
}

/// How a model's file stands: a word for programs, and what is wrong with it.
pub(crate) fn state_of(state: &FileState) -> (&'static str, Option<String>) {
    match state {
        FileState::Good => ("good", None),
        FileState::NotObtained => ("not_obtained", None),
        FileState::Bad(error) => ("bad", Some(on_one_line(error))),
    }
}

/// A model as programs read it.
#[derive(Serialize)]
pub(crate) struct ModelLine<'a> {
    id: &'a str,
    role: &'static str,
    file: &'a str,
    bytes: u64,
    sha256: &'a str,
    licence: Option<&'a str>,
    training_data: &'a str,
    training_data_terms: &'a str,
    training_data_disclosed: bool,
    consent_of_subjects: &'static str,
    /// Nothing where it was not measured; things have no groups of people.
    error_by_group: Option<&'a str>,
    #[serde(skip)]
    is_about_people: bool,
    obtain: &'static str,
    upstream: Option<&'a str>,
    adds: Option<&'a str>,
    card: Option<&'a str>,
    state: &'static str,
    problem: Option<String>,
}

impl<'a> ModelLine<'a> {
    pub(crate) fn new(entry: &'a ModelEntry, state: &FileState) -> Self {
        let (state, problem) = state_of(state);
        Self {
            id: &entry.id,
            role: entry.role.as_str(),
            file: &entry.file,
            bytes: entry.bytes,
            sha256: &entry.sha256,
            licence: entry.licence.as_deref(),
            training_data: &entry.training_data,
            training_data_terms: &entry.training_data_terms,
            training_data_disclosed: entry.training_data_disclosed,
            consent_of_subjects: entry.consent_of_subjects.as_str(),
            error_by_group: entry.error_by_group.as_deref(),
            is_about_people: entry.role.is_about_people(),
            obtain: entry.obtain.as_str(),
            upstream: entry.upstream.as_deref(),
            adds: entry.adds.as_deref(),
            card: entry.card.as_deref(),
            state,
            problem,
        }
    }

    /// Several lines for people.
    fn text(&self) -> String {
        let mut lines = vec![
            format!("{}", self.id),
            format!(
                "  {}, {}, weights: {}, {}",
                self.role,
                size(self.bytes),
                self.licence.unwrap_or("no licence recorded, not used"),
                match self.state {
                    "not_obtained" => "not here; optional",
                    state => state,
                }
            ),
        ];
        lines.extend(
            self.problem
                .as_ref()
                .map(|problem| format!("  problem: {problem}")),
        );
        lines.push(format!(
            "  trained on {} (terms: {}); consent of the people shown: {}",
            self.training_data, self.training_data_terms, self.consent_of_subjects
        ));
        if self.is_about_people {
            lines.push(format!(
                "  error by group of people: {}",
                self.error_by_group
                    .unwrap_or("not measured; no figure of it holds for everyone alike")
            ));
        }
        if self.state == "not_obtained" {
            lines.extend(self.adds.map(|adds| format!("  adds {adds}")));
            let how = match self.obtain {
                "upstream-onnx" => format!("regard models pull {}", self.id),
                _ => format!("regard models pull {} --from MIRROR", self.id),
            };
            lines.push(format!("  to get it: {how}"));
        }
        lines.join("\n")
    }
}

/// A number of bytes for people.
pub(crate) fn size(n_bytes: u64) -> String {
    match n_bytes {
        0..1_000 => format!("{n_bytes} B"),
        1_000..1_000_000 => format!("{} kB", n_bytes.div_ceil(1_000)),
        _ => format!("{:.1} MB", n_bytes as f64 / 1e6),
    }
}

fn list(format: ListFormat) -> Result<ExitCode> {
    let catalog = catalog()?;
    let findings = catalog.verify();
    let lines: Vec<ModelLine<'_>> = catalog
        .entries()
        .zip(&findings)
        .map(|(entry, finding)| ModelLine::new(entry, &finding.state))
        .collect();
    let text = match format {
        ListFormat::Json => serde_json::to_string_pretty(&lines)?,
        ListFormat::Text => lines
            .iter()
            .map(ModelLine::text)
            .collect::<Vec<_>>()
            .join("\n\n"),
    };
    exit::print(&text)
}

fn verify() -> Result<ExitCode> {
    let catalog = catalog()?;
    let mut n_bad = 0_u32;
    let mut lines = Vec::new();
    for (entry, finding) in catalog.entries().zip(catalog.verify()) {
        let (state, problem) = state_of(&finding.state);
        match problem {
            None => lines.push(format!("{state:<13}{}", entry.id)),
            Some(problem) => {
                n_bad += 1;
                lines.push(format!("{state:<13}{}", entry.id));
                complain(format_args!("error: {}: {problem}", entry.id));
            }
        }
    }
    let printed = exit::print(&lines.join("\n"))?;
    Ok(if n_bad == 0 {
        printed
    } else {
        ExitCode::from(exit::SOME_BAD)
    })
}
