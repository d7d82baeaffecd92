//! Pictures, films and pages beside the campaign files.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use regard_decision::{Content, Creative};
use regard_engine::to_hex;
use regard_server::{SNIFF_LEN, message_kind};
use sha2::{Digest, Sha256};

/// Folder of their copies, inside the asset folder; the rest of it belongs to uploads.
pub(super) const FOLDER: &str = "configured";

/// One file that messages name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Asset {
    /// Name in the asset folder: by its bytes, so that a changed file is a new asset and files of
    /// the same name from different folders do not meet.
    pub(crate) name: String,
    /// Where the owner keeps it.
    pub(crate) source: PathBuf,
}

/// The asset that a message names, if it names one, and as what it is to be shown.
pub(super) fn asset_of(creative: &mut Creative) -> Option<(&'static str, &mut String)> {
    match &mut creative.content {
        Content::Image { asset } => Some(("image", asset)),
        Content::Video { asset } => Some(("video", asset)),
        Content::Html { asset, .. } => Some(("html", asset.as_mut()?)),
        Content::Text { .. } => None,
    }
}

/// What is expected of a file that is shown as `kind`.
fn expected(kind: &str) -> &'static str {
    match kind {
        "image" => "a picture (PNG, JPEG, GIF, WebP or SVG)",
        "video" => "a film (MP4 or WebM)",
        _ => "a page (HTML)",
    }
}

impl Asset {
    /// Finds the file, which is to be shown as `kind` (`image`, `video` or `html`), and what it will
    /// be called.
    ///
    /// # Errors
    /// Why it cannot be used, in words.
    pub(super) fn find(folder: &Path, named: &str, kind: &str) -> Result<Self, String> {
        let source = folder.join(named);
        let said = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => {
                format!("expected a file, found nothing at {}", source.display())
            }
            _ => format!("{} cannot be read: {error}", source.display()),
        };
        let metadata = fs::metadata(&source).map_err(said)?;
        if !metadata.is_file() {
            return Err(format!(
                "expected a file, found a folder at {}",
                source.display()
            ));
        }
        if metadata.len() == 0 {
            return Err(format!(
                "expected {}, found an empty file at {}",
                expected(kind),
                source.display()
            ));
        }
        let mut file = File::open(&source).map_err(said)?;
        let mut head = Vec::new();
        let head_len = u64::try_from(SNIFF_LEN).unwrap_or(u64::MAX);
        file.by_ref()
            .take(head_len)
            .read_to_end(&mut head)
            .map_err(said)?;
        let found = message_kind(&head);
        if found != Some(kind) {
            let found = found.map_or("nothing that can be shown", expected);
            return Err(format!(
                "expected {}, found {found} at {}",
                expected(kind),
                source.display()
            ));
        }
        let mut hasher = Sha256::new_with_prefix(&head);
        io::copy(&mut file, &mut hasher).map_err(said)?;
        let digits = to_hex(&hasher.finalize());
        let extension = source.extension().and_then(|extension| extension.to_str());
        let is_plain =
            |e: &&str| (1..=5).contains(&e.len()) && e.bytes().all(|b| b.is_ascii_alphanumeric());
        let name = match extension.filter(is_plain) {
            Some(extension) => format!("{FOLDER}/{digits}.{extension}"),
            None => format!("{FOLDER}/{digits}"),
        };
        Ok(Self { name, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_shown_is_said() {
        let site = tempfile::tempdir().unwrap();
        fs::create_dir(site.path().join("folder")).unwrap();
        fs::write(site.path().join("empty.png"), "").unwrap();
        fs::write(site.path().join("note.png"), "a note").unwrap();
        fs::write(site.path().join("page.webm"), "<!doctype html><p>hello").unwrap();
        for (named, kind, said) in [
            ("gone.png", "image", "nothing"),
            ("folder", "image", "a folder"),
            ("empty.png", "image", "empty"),
            ("note.png", "image", "nothing that can be shown"),
            (
                "page.webm",
                "video",
                "expected a film (MP4 or WebM), found a page (HTML)",
            ),
        ] {
            let message = Asset::find(site.path(), named, kind).unwrap_err();
            assert!(message.contains(said), "{message}");
        }
    }
}
