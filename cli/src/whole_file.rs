//! Files that are there whole or not at all.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::printable::shown;

/// Writes a file, and its folder where there is none. Written beside, then renamed: an interrupted run
/// leaves the old file or the new one.
pub(crate) fn write_whole(path: &Path, content: impl AsRef<[u8]>) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).with_context(|| format!("the folder {}", shown(folder)))?;
    let beside = path.with_extension("part");
    fs::write(&beside, content)
        .and_then(|()| fs::rename(&beside, path))
        .with_context(|| format!("{} could not be written", shown(path)))
}
