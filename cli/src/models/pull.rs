//! Bringing an optional model.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use regard_inference::{Catalog, CatalogError, ModelEntry, Obtain};

use super::download::{Download, PartFile};
use crate::args::PullArgs;
use crate::exit;
use crate::printable::shown;
use crate::speech::complain;

/// Where a file comes from.
#[derive(Debug, PartialEq, Eq)]
enum Origin {
    Url(String),
    File(PathBuf),
}

/// Brings a model's file into a folder, unless it is there and good.
pub(super) fn pull(args: &PullArgs) -> Result<ExitCode> {
    let Some(to) = args.to.clone().or_else(super::folder) else {
        complain("error: no folder to put it into; name one with --to, or set REGARD_MODELS");
        return Ok(ExitCode::from(exit::USAGE));
    };
    fs::create_dir_all(&to).with_context(|| format!("{}: cannot be made", shown(&to)))?;
    let listed_in = super::folder().unwrap_or_else(|| to.clone());
    let catalog = Catalog::open(Some(&listed_in)).context("the models cannot be listed")?;
    let entry = catalog
        .entry(&args.id)
        .context("`regard models list` names those there are")?;
    entry
        .check_licence()
        .context("it cannot be used, so it is not brought")?;
    if entry.obtain == Obtain::Committed && catalog.bytes_of(&entry.id).is_ok() {
        return exit::print(&format!(
            "{}: part of this installation already, and good",
            entry.id
        ));
    }
    let target = to.join(&entry.file);
    if contents(&target, entry).is_ok_and(|bytes| entry.check_bytes(&bytes).is_ok()) {
        return exit::print(&format!(
            "{}: there already, and good: {}",
            entry.id,
            shown(&target)
        ));
    }
    let origin = origin(entry, args.from.as_deref())?;
    let mut part = PartFile::open(&to.join(format!("{}.part", entry.file)))?;
    let brought = match origin {
        Origin::Url(url) => Download::new(&url, entry).run(&mut part),
        Origin::File(path) => copy(&path, entry, &mut part),
    };
    if let Err(error) = brought {
        part.remove_if_empty();
        return Err(error);
    }
    part.become_file(&target)?;
    exit::print(&format!(
        "{}: {} bytes, hash as recorded: {}",
        entry.id,
        entry.bytes,
        shown(&target)
    ))
}

fn origin(entry: &ModelEntry, from: Option<&OsStr>) -> Result<Origin> {
    let Some(from) = from else {
        return match entry.obtain {
            Obtain::UpstreamOnnx => upstream_url(entry).map(Origin::Url),
            Obtain::Committed | Obtain::MirrorOnly => Err(no_download(entry)),
        };
    };
    if let Some(url) = from.to_str().filter(|text| is_url(text)) {
        return Ok(Origin::Url(url_in_mirror(url, &entry.file)));
    }
    let path = Path::new(from);
    let path = if path.is_dir() {
        path.join(&entry.file)
    } else {
        path.to_owned()
    };
    if path.is_file() {
        return Ok(Origin::File(path));
    }
    Err(anyhow!("{}: no such file", shown(&path)))
}

fn is_url(text: &str) -> bool {
    let scheme = text
        .split_once("://")
        .map(|(scheme, _)| scheme.to_ascii_lowercase());
    matches!(scheme.as_deref(), Some("http" | "https"))
}

/// The URL of the file in a mirror, of which the file itself or its folder is named.
fn url_in_mirror(url: &str, file: &str) -> String {
    if url.rsplit('/').next() == Some(file) {
        return url.to_owned();
    }
    format!("{}/{file}", url.trim_end_matches('/'))
}

/// What to do about a model that upstream has in another form only.
fn no_download(entry: &ModelEntry) -> anyhow::Error {
    let id = &entry.id;
    anyhow!(
        "{id} cannot be downloaded as it is; upstream: {}; conversion: {}; the result must be {} of {} bytes with SHA-256 {}; bring it with `regard models pull {id} --from` and a folder, a file or a URL",
        entry.upstream.as_deref().unwrap_or("not recorded"),
        entry.conversion.as_deref().unwrap_or("not recorded"),
        entry.file,
        entry.bytes,
        entry.sha256,
    )
}

/// Where upstream keeps the file.
fn upstream_url(entry: &ModelEntry) -> Result<String> {
    let id = &entry.id;
    let field = |name: &str, value: &Option<String>| {
        value
            .clone()
            .with_context(|| format!("the manifest does not say {name} of {id}"))
    };
    let repository = field("upstream_repository", &entry.upstream_repository)?;
    let revision = field("upstream_revision", &entry.upstream_revision)?;
    let path = field("upstream_path", &entry.upstream_path)?;
    let Some(name) = repository.strip_prefix("github:") else {
        bail!(
            "upstream_repository of {id} is not on a forge that this program knows: {repository}"
        );
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    for text in [name, &revision, &path] {
        let is_good =
            text.chars().all(plain) && !text.split('/').any(|s| s.is_empty() || s == "..");
        if !is_good {
            bail!("the manifest's upstream of {id} is no place: {text:?}");
        }
    }
    Ok(format!(
        "https://raw.githubusercontent.com/{name}/{revision}/{path}"
    ))
}

/// The file, but never more than one byte past what is recorded.
fn contents(path: &Path, entry: &ModelEntry) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(entry.bytes + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn copy(path: &Path, entry: &ModelEntry, part: &mut PartFile) -> Result<()> {
    let bytes =
        contents(path, entry).with_context(|| format!("{}: cannot be read", shown(path)))?;
    entry
        .check_bytes(&bytes)
        .map_err(|error| in_place(&shown(path), error))?;
    part.restart()?;
    part.file()
        .write_all(&bytes)
        .context("the file cannot be written")
}

/// Where a wrong file came from.
pub(super) fn in_place(place: &str, error: CatalogError) -> anyhow::Error {
    anyhow::Error::new(error).context(format!("{place}: another file than the one recorded"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str) -> ModelEntry {
        Catalog::open(None).unwrap().entry(id).unwrap().clone()
    }

    #[test]
    fn upstream_is_where_the_manifest_says() {
        assert_eq!(
            origin(&entry("yunet-n-dynamic"), None).unwrap(),
            Origin::Url(
                "https://raw.githubusercontent.com/ShiqiYu/libfacedetection.train/0047ac24/onnx/yunet_n_dynamic.onnx"
                    .to_owned()
            )
        );
        let mut odd = entry("yunet-n-dynamic");
        odd.upstream_path = Some("../../elsewhere".to_owned());
        assert!(origin(&odd, None).is_err());
    }

    #[test]
    fn a_mirror_is_a_folder_or_the_file_itself() {
        let check = |url: &str, expected: &str| {
            assert!(is_url(url));
            assert_eq!(url_in_mirror(url, "m.onnx"), expected);
        };
        check("http://h/models", "http://h/models/m.onnx");
        check("http://h/models/", "http://h/models/m.onnx");
        check("HTTPS://h/models/m.onnx", "HTTPS://h/models/m.onnx");
        assert!(!is_url("/models") && !is_url("file:///models"));
    }

    #[test]
    fn what_cannot_be_downloaded_is_explained() {
        let entry = entry("minifasnet-v2");
        let text = origin(&entry, None).unwrap_err().to_string();
        for part in [
            "Silent-Face-Anti-Spoofing",
            "exported to ONNX",
            &entry.sha256,
            "--from",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }
}
