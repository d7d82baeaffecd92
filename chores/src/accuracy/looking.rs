//! What the measurements of the networks share: a grant for stored pictures, the models, tables.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use regard_commitments::{Answer, Grant, LibraryDeclaration, Sensing, ask_library};
use regard_domain::CameraId;
use regard_inference::{Catalog, Native};
use regard_vision::{AnalyzerOptions, FaceAnalyzer};

/// Leave to look at evaluation pictures.
pub(super) fn grant() -> Result<Grant<Sensing>> {
    let declaration = LibraryDeclaration::own_media(CameraId::new("evaluation")?);
    match ask_library(&declaration) {
        Answer::Granted(grant) => Ok(grant),
        Answer::Refused(refusal) => bail!("refused: {refusal:?}"),
    }
}

/// The built-in models on the built-in runtime.
pub(super) fn analyzer(options: AnalyzerOptions) -> Result<FaceAnalyzer> {
    let catalog = Catalog::open(None)?;
    Ok(FaceAnalyzer::new(
        Arc::new(Native::new()),
        Arc::new(catalog),
        options,
    ))
}

/// Rows of a table with a line of names: name → value. Fields hold no commas.
pub(super) fn read_csv(path: &Path) -> Result<Vec<BTreeMap<String, String>>> {
    let text = fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    lines
        .filter(|line| !line.trim().is_empty())
        .map(|line| {
            let values: Vec<&str> = line.split(',').collect();
            if values.len() != names.len() {
                bail!("{}: {} fields in {line:?}", path.display(), values.len());
            }
            let pairs = names.iter().zip(values);
            Ok(pairs
                .map(|(n, v)| ((*n).trim().to_owned(), v.trim().to_owned()))
                .collect())
        })
        .collect()
}

/// A number of a row.
pub(super) fn number(row: &BTreeMap<String, String>, name: &str) -> Result<f32> {
    let text = row.get(name).with_context(|| format!("no column {name}"))?;
    text.parse()
        .with_context(|| format!("{name}: {text:?} is no number"))
}
