//! Copies of the assets in the data folder.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::asset::{Asset, FOLDER};
use crate::whole_file::beside;

/// Copies the assets into the asset folder, each at once for everyone who looks, and removes copies
/// that nothing names any more.
pub(crate) fn install(assets: &[Asset], asset_dir: &Path) -> io::Result<()> {
    let folder = asset_dir.join(FOLDER);
    fs::create_dir_all(&folder)?;
    let wanted: BTreeSet<PathBuf> = assets
        .iter()
        .map(|asset| asset_dir.join(&asset.name))
        .collect();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        if !wanted.contains(&path) {
            fs::remove_file(path)?;
        }
    }
    for asset in assets {
        let target = asset_dir.join(&asset.name);
        if target.exists() {
            continue;
        }
        let (mut copy, temporary) = beside(&target)?;
        io::copy(&mut File::open(&asset.source)?, &mut copy)?;
        temporary.persist(&target).map_err(|e| e.error)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_follow_their_files() {
        let (site, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(site.path().join("a.svg"), "<svg/>").unwrap();
        let first = Asset::find(site.path(), "a.svg", "image").unwrap();
        assert!(first.name.starts_with("configured/") && first.name.ends_with(".svg"));
        install(std::slice::from_ref(&first), data.path()).unwrap();
        assert_eq!(
            fs::read_to_string(data.path().join(&first.name)).unwrap(),
            "<svg/>"
        );

        fs::write(site.path().join("a.svg"), "<svg></svg>").unwrap();
        let second = Asset::find(site.path(), "a.svg", "image").unwrap();
        assert_ne!(first, second);
        install(std::slice::from_ref(&second), data.path()).unwrap();
        assert!(!data.path().join(&first.name).exists());
        assert!(data.path().join(&second.name).exists());
    }
}
