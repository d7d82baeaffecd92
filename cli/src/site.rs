//! The configuration, as every command reads it.

use std::path::Path;

use anyhow::Result;

use crate::config::{self, Site};
use crate::speech::complain;

/// Reads a configuration and everything it names; each mistake is said on standard error, in a line with its place.
///
/// # Errors
/// How many there were.
pub(crate) fn load_site(file: &Path) -> Result<Site> {
    config::load(file).map_err(|mistakes| {
        for mistake in &mistakes {
            complain(mistake);
        }
        let counted = match mistakes.len() {
            1 => "1 mistake".to_owned(),
            n => format!("{n} mistakes"),
        };
        let file = file.display();
        anyhow::anyhow!("{file} cannot be used: {counted}, listed above")
    })
}
