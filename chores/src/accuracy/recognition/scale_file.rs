//! Writes the scale of the embedding model.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result};
use regard_identity::{EMBEDDING_MODEL, MatchScale};
use regard_inference::Catalog;

use super::calibration::Line;
use super::curve::Scores;
use super::tail::Row;

/// Writes `models/scales/<model>.toml`, and reads it back.
pub(super) fn write(rows: &[Row], line: &Line, scores: &Scores) -> Result<()> {
    let catalog = Catalog::open(None)?;
    let entry = catalog.entry(EMBEDDING_MODEL)?;
    let mut text = String::from(
        "# What similarities of this model are worth. Written by `cargo xtask accuracy --write`;\n\
         # fields: `identity/src/match_scale.rs`; method: `docs/recognition.md`.\n",
    );
    writeln!(text, "model = {EMBEDDING_MODEL:?}")?;
    writeln!(text, "sha256 = {:?}", entry.sha256)?;
    writeln!(
        text,
        "data = \"LFW DevTrain, {} pictures of {} people: {} pairs of strangers, {} of one person\"",
        scores.n_pictures.iter().sum::<u64>(),
        scores.n_pictures.len(),
        scores.n_strangers,
        scores.same.len(),
    )?;
    writeln!(text, "\n[likelihood]")?;
    writeln!(text, "slope = {:.3}", line.slope)?;
    writeln!(text, "offset = {:.3}", line.offset)?;
    for row in rows {
        writeln!(text, "\n[[point]]")?;
        writeln!(text, "fmr = {:e}", row.fmr)?;
        writeln!(text, "threshold = {:.4}", row.threshold)?;
        writeln!(text, "low = {:.4}", row.low)?;
        writeln!(text, "high = {:.4}", row.high)?;
        if row.is_extrapolated {
            writeln!(text, "extrapolated = true")?;
        }
        writeln!(text, "fnmr = {:.4}", row.fnmr)?;
        writeln!(text, "fnmr_low = {:.4}", row.fnmr_low)?;
        writeln!(text, "fnmr_high = {:.4}", row.fnmr_high)?;
    }
    MatchScale::parse(&text).context("the scale that was measured is not one")?;
    let folder = xtask::run::root().join("models/scales");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(format!("{EMBEDDING_MODEL}.toml")), text)?;
    Ok(())
}
