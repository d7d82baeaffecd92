//! The folder of assets, and the addresses under which they are served.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use regard_decision::AssetFacts;
use regard_engine::to_hex;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::films::Films;
use super::sniff::{AssetKind, MAX_PIXELS, MAX_SIDE, SNIFF_LEN};
use super::svg::{MAX_SVG_LEN, SvgError, sanitize};

/// Addresses remembered. When full, addresses that no message names any more go first by name; the
/// file stays, and the next message that names it brings its address back.
const MAX_ADDRESSES: usize = 4_096;

/// Why a file is not served.
#[derive(Debug, Error)]
pub(crate) enum AssetError {
    /// The name leads out of the asset folder.
    #[error("the name leads out of the asset folder")]
    Outside,
    /// It cannot be read or written.
    #[error("the file cannot be read or written")]
    Io(#[source] io::Error),
    /// Its bytes are of no kind that can be shown.
    #[error("not a PNG, JPEG, GIF, WebP, SVG, MP4, WebM or HTML file")]
    UnknownKind,
    /// The picture is too large to be decoded by players, or its header is damaged.
    #[error(
        "the picture has more than {MAX_PIXELS} pixels, a side over {MAX_SIDE}, or a damaged header"
    )]
    BadDimensions,
    /// The drawing cannot be made harmless.
    #[error("the drawing was refused")]
    Svg(#[source] SvgError),
    /// The page is too long or not UTF-8.
    #[error("the page is longer than {MAX_SVG_LEN} bytes or not UTF-8")]
    BadPage,
}

impl From<io::Error> for AssetError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// One asset as it can be served.
#[derive(Clone, Debug)]
pub(crate) struct AssetRef {
    /// `{sha256}.{extension}`, after `/assets/`.
    pub(crate) name: String,
    /// What it is.
    pub(crate) kind: AssetKind,
    /// Width and height of a picture in pixels; `None` for films, pages and drawings.
    pub(crate) size_px: Option<(usize, usize)>,
    /// Where the bytes are.
    pub(crate) bytes: AssetBytes,
}

/// Where the bytes of an asset are.
#[derive(Clone, Debug)]
pub(crate) enum AssetBytes {
    /// In a file, served as it is.
    File(PathBuf),
    /// In memory: drawings made harmless, pages.
    Memory(Arc<[u8]>),
}

impl AssetRef {
    /// Path on this server.
    pub(crate) fn url(&self) -> String {
        format!("/assets/{}", self.name)
    }
}

/// State of a file when it was read.
type Stamp = (u64, Option<SystemTime>);

#[derive(Debug, Default)]
struct Known {
    by_path: BTreeMap<PathBuf, (Stamp, AssetRef)>,
    by_name: BTreeMap<String, AssetRef>,
}

/// The asset folder.
#[derive(Debug)]
pub(crate) struct AssetLibrary {
    dir: PathBuf,
    known: Mutex<Known>,
    films: Films,
}

impl AssetLibrary {
    /// The assets under a folder, which need not exist yet.
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self {
            dir,
            known: Mutex::default(),
            films: Films::default(),
        }
    }

    /// The folder.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The asset that a message names, read and checked unless it is known and unchanged. Reads
    /// files: not for asynchronous tasks.
    ///
    /// # Errors
    /// [`AssetError`] says why it is not served.
    pub(crate) fn resolve(&self, asset: &str) -> Result<AssetRef, AssetError> {
        let relative = Path::new(asset);
        if !relative
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
        {
            return Err(AssetError::Outside);
        }
        let path = self.dir.join(relative).canonicalize()?;
        if !path.starts_with(self.dir.canonicalize()?) {
            return Err(AssetError::Outside);
        }
        let metadata = fs::metadata(&path)?;
        let stamp = (metadata.len(), metadata.modified().ok());
        if let Some((known, asset)) = self.lock().by_path.get(&path)
            && *known == stamp
        {
            return Ok(asset.clone());
        }
        let asset = inspect(&path)?;
        let mut known = self.lock();
        known.by_path.insert(path, (stamp, asset.clone()));
        remember(&mut known, asset.clone());
        Ok(asset)
    }

    /// What can be said of the file of a message; nothing where it cannot be shown. Reads files.
    pub(crate) fn facts(&self, asset: &str) -> Option<AssetFacts> {
        let found = self.resolve(asset).ok()?;
        let bytes = match &found.bytes {
            AssetBytes::File(path) if found.kind == AssetKind::Gif => fs::read(path).ok()?,
            AssetBytes::File(path) => {
                let n_bytes = fs::metadata(path).ok()?.len();
                return Some(AssetFacts {
                    n_bytes,
                    flashes: self.films.known(&found.name),
                    ..facts_of(found.size_px, &[])
                });
            }
            AssetBytes::Memory(bytes) => bytes.to_vec(),
        };
        Some(facts_of(found.size_px, &bytes))
    }

    /// Looks through the film of a message for flashes, where it has one that nobody looked through yet: [`Self::facts`] tells
    /// of them then. Takes as long as decoding all of it: not for asynchronous tasks.
    pub(crate) fn look_through(&self, asset: &str) {
        let Ok(found) = self.resolve(asset) else {
            return;
        };
        if let AssetBytes::File(path) = &found.bytes
            && found.kind.message() == "video"
        {
            self.films.look(&found.name, path);
        }
    }

    /// A page written into a message itself.
    ///
    /// # Errors
    /// [`AssetError::BadPage`] when it is too long.
    pub(crate) fn inline_page(&self, page: &str) -> Result<AssetRef, AssetError> {
        let asset = in_memory(AssetKind::Html, page.as_bytes().to_vec())?;
        remember(&mut self.lock(), asset.clone());
        Ok(asset)
    }

    /// The asset of an address. Uploads of earlier runs are found by their name in the folder.
    pub(crate) fn by_name(&self, name: &str) -> Option<AssetRef> {
        if let Some(asset) = self.lock().by_name.get(name) {
            return Some(asset.clone());
        }
        let (hash, _) = name.split_once('.')?;
        let is_ours =
            hash.len() == 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.');
        self.resolve(name)
            .ok()
            .filter(|asset| is_ours && asset.name == name)
    }

    /// Takes a file that was written beside the assets under another name: checks it and gives it
    /// the name of its hash, at once for everyone who looks.
    ///
    /// # Errors
    /// [`AssetError`] says why it was not taken; the file is gone then, as it is afterwards anyway.
    pub(crate) fn take(&self, file: tempfile::NamedTempFile) -> Result<AssetRef, AssetError> {
        let asset = inspect(file.path())?;
        let target = self.dir.join(&asset.name);
        match &asset.bytes {
            AssetBytes::File(_) => {
                file.persist(target).map_err(|error| error.error)?;
            }
            AssetBytes::Memory(bytes) => {
                let clean = tempfile::NamedTempFile::new_in(&self.dir)?;
                fs::write(clean.path(), bytes)?;
                clean.persist(target).map_err(|error| error.error)?;
            }
        }
        self.resolve(&asset.name)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        // A panic elsewhere cannot leave the maps half changed.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn facts_of(size_px: Option<(usize, usize)>, bytes: &[u8]) -> AssetFacts {
    let size = size_px.and_then(|(w, h)| Some((u32::try_from(w).ok()?, u32::try_from(h).ok()?)));
    AssetFacts {
        size_px: size,
        shortest_frame_millis: super::gif::shortest_frame_millis(bytes),
        flashes: None,
        n_bytes: bytes.len() as u64,
    }
}

fn remember(known: &mut Known, asset: AssetRef) {
    if known.by_name.len() >= MAX_ADDRESSES {
        let used: Vec<String> = known
            .by_path
            .values()
            .map(|(_, a)| a.name.clone())
            .collect();
        known.by_name.retain(|name, _| used.contains(name));
    }
    known.by_name.insert(asset.name.clone(), asset);
}

fn inspect(path: &Path) -> Result<AssetRef, AssetError> {
    let mut file = File::open(path)?;
    let mut head = Vec::with_capacity(SNIFF_LEN);
    file.by_ref()
        .take(SNIFF_LEN as u64)
        .read_to_end(&mut head)?;
    let kind = AssetKind::of(&head).ok_or(AssetError::UnknownKind)?;
    if kind.is_text() {
        let mut text = head;
        file.take(MAX_SVG_LEN as u64 + 1).read_to_end(&mut text)?;
        return in_memory(kind, text);
    }
    let size_px = if kind.message() == "image" {
        Some(dimensions(path)?)
    } else {
        None
    };
    let mut hasher = Sha256::new();
    hasher.update(&head);
    io::copy(&mut file, &mut hasher)?;
    let name = format!("{}.{}", to_hex(&hasher.finalize()), kind.extension());
    Ok(AssetRef {
        name,
        kind,
        size_px,
        bytes: AssetBytes::File(path.to_owned()),
    })
}

fn dimensions(path: &Path) -> Result<(usize, usize), AssetError> {
    let size = imagesize::size(path).map_err(|_| AssetError::BadDimensions)?;
    let fits = (1..=MAX_SIDE).contains(&size.width) && (1..=MAX_SIDE).contains(&size.height);
    let good = fits && size.width * size.height <= MAX_PIXELS;
    if good {
        Ok((size.width, size.height))
    } else {
        Err(AssetError::BadDimensions)
    }
}

fn in_memory(kind: AssetKind, bytes: Vec<u8>) -> Result<AssetRef, AssetError> {
    let bytes = match kind {
        AssetKind::Svg => sanitize(&bytes).map_err(AssetError::Svg)?,
        AssetKind::Html if bytes.len() <= MAX_SVG_LEN && std::str::from_utf8(&bytes).is_ok() => {
            bytes
        }
        AssetKind::Html => return Err(AssetError::BadPage),
        AssetKind::Png
        | AssetKind::Jpeg
        | AssetKind::Gif
        | AssetKind::Webp
        | AssetKind::Mp4
        | AssetKind::Webm => return Err(AssetError::UnknownKind),
    };
    let name = format!("{}.{}", to_hex(&Sha256::digest(&bytes)), kind.extension());
    Ok(AssetRef {
        name,
        kind,
        size_px: None,
        bytes: AssetBytes::Memory(bytes.into()),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn library() -> (tempfile::TempDir, AssetLibrary) {
        let dir = tempfile::tempdir().unwrap();
        let library = AssetLibrary::new(dir.path().to_owned());
        (dir, library)
    }

    fn upload(library: &AssetLibrary, bytes: &[u8]) -> Result<AssetRef, AssetError> {
        let mut file = tempfile::NamedTempFile::new_in(library.dir()).unwrap();
        file.write_all(bytes).unwrap();
        library.take(file)
    }

    /// Signature and header chunk of a PNG; nothing after it is read here.
    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.extend([8, 2, 0, 0, 0, 0, 0, 0, 0]);
        bytes
    }

    #[test]
    fn uploads_get_the_name_of_their_hash_and_leave_nothing_else() {
        let (dir, library) = library();
        let asset = upload(&library, &png(640, 480)).unwrap();
        assert_eq!(asset.size_px, Some((640, 480)));
        let expected = format!("{}.png", to_hex(&Sha256::digest(png(640, 480))));
        assert_eq!(asset.name, expected);
        assert_eq!(upload(&library, &png(640, 480)).unwrap().name, expected);
        let fresh = AssetLibrary::new(dir.path().to_owned());
        assert!(fresh.by_name(&expected).is_some());
        assert!(upload(&library, b"words").is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn drawings_are_stored_clean() {
        let (dir, library) = library();
        let svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'><script>x()</script><rect/></svg>";
        let asset = upload(&library, svg).unwrap();
        let stored = fs::read_to_string(dir.path().join(&asset.name)).unwrap();
        assert!(!stored.contains("x()"), "{stored}");
        assert_eq!(
            asset.name,
            format!("{}.svg", to_hex(&Sha256::digest(&stored)))
        );
    }

    #[test]
    fn huge_pictures_are_refused() {
        let (_dir, library) = library();
        for (width, height) in [(30_000, 30_000), (16_384, 16_384), (20_000, 2), (0, 9)] {
            let refused = upload(&library, &png(width, height));
            assert!(
                matches!(refused, Err(AssetError::BadDimensions)),
                "{width} {height}"
            );
        }
    }

    #[test]
    fn names_stay_inside() {
        let (dir, library) = library();
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("a.png"), png(1, 1)).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(outside.path(), dir.path().join("link")).unwrap();
        let absolute = outside.path().join("a.png");
        for name in [
            "../a.png",
            "a/../../b",
            "/etc/hostname",
            "link/a.png",
            absolute.to_str().unwrap(),
        ] {
            let refused = library.resolve(name);
            assert!(
                matches!(refused, Err(AssetError::Outside | AssetError::Io(_))),
                "{name}"
            );
        }
        assert!(library.by_name("../../etc/passwd").is_none());
    }

    #[test]
    fn a_changed_file_gets_a_new_address() {
        let (dir, library) = library();
        fs::write(dir.path().join("a.png"), png(1, 1)).unwrap();
        let old = library.resolve("a.png").unwrap();
        let mut longer = png(2, 2);
        longer.push(0);
        fs::write(dir.path().join("a.png"), longer).unwrap();
        assert_ne!(library.resolve("a.png").unwrap().name, old.name);
    }
}
