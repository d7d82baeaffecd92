//! What is in an item, ready to be looked at.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use regard_vision::{MAX_FILE_BYTES, VideoKind};
use tempfile::TempPath;

use super::budget::Lease;
use super::media::{Media, classify};
use super::store::RemoteObject;
use super::{Limits, on_one_line};
use crate::{Fault, FaultKind};

/// Where the bytes of an item are.
///
/// # Privacy
/// May show faces: never printed.
pub enum Content {
    /// In a file of the user's.
    File(PathBuf),
    /// In a file of ours, which goes when this goes.
    Spooled(Spooled),
    /// Here: those of a photograph.
    Memory(PhotoBytes),
    /// In an object store; fetched by whoever looks at them, so that several are at once.
    Object(RemoteObject),
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File(_) => "Content::File",
            Self::Spooled(_) => "Content::Spooled",
            Self::Memory(_) => "Content::Memory",
            Self::Object(_) => "Content::Object",
        })
    }
}

/// A file of ours that goes when this goes, and the leave to have it on disk.
pub struct Spooled {
    pub(crate) path: TempPath,
    pub(crate) _lease: Lease,
}

/// The bytes of a photograph, or of something that claims to be one.
///
/// # Privacy
/// May show faces: never printed.
pub struct PhotoBytes {
    bytes: Vec<u8>,
    _lease: Option<Lease>,
}

impl PhotoBytes {
    pub(crate) const fn new(bytes: Vec<u8>, lease: Option<Lease>) -> Self {
        Self {
            bytes,
            _lease: lease,
        }
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes
    }
}

/// A video, or something that claims to be one, in a file.
pub struct MovingPicture {
    path: PathBuf,
    _spooled: Option<Spooled>,
}

impl MovingPicture {
    /// The file; it may go with this value.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// What an item turned out to be.
pub enum Loaded {
    /// A photograph, or something that claims to be one.
    Photo(PhotoBytes),
    /// A video, or something that claims to be one.
    Video(MovingPicture),
    /// Neither.
    Neither,
}

impl Content {
    /// Looks what it is, and reads it where it is a photograph.
    ///
    /// # Errors
    /// When it cannot be read, or is larger than the limits.
    pub fn load(self, limits: Limits) -> Result<Loaded, Fault> {
        match self {
            Self::Memory(bytes) => Ok(Loaded::Photo(bytes)),
            Self::File(path) => load_file(path, None, limits),
            Self::Spooled(spooled) => load_file(spooled.path.to_path_buf(), Some(spooled), limits),
            Self::Object(object) => match object.fetch(limits)? {
                // Nothing in the store is fetched as an object again.
                Some(content) => content.load(limits),
                None => Ok(Loaded::Neither),
            },
        }
    }

    /// All bytes of what may be a photograph, of several pictures too; nothing where it is none by its first bytes and its name.
    ///
    /// # Errors
    /// When it cannot be read, or is larger than the limits.
    pub fn photo_bytes(self, limits: Limits) -> Result<Option<PhotoBytes>, Fault> {
        match self {
            Self::Memory(bytes) => Ok(Some(bytes)),
            Self::File(path) => photo_in(&path, limits),
            Self::Spooled(spooled) => photo_in(&spooled.path, limits),
            Self::Object(object) => match object.fetch(limits)? {
                // Nothing in the store is fetched as an object again.
                Some(content) => content.photo_bytes(limits),
                None => Ok(None),
            },
        }
    }
}

fn photo_in(path: &Path, limits: Limits) -> Result<Option<PhotoBytes>, Fault> {
    let is_photo = match classify(path).map_err(|error| unreadable(&error))? {
        Media::Photo => true,
        Media::Video => {
            // The first picture of a GIF is one.
            let kind = VideoKind::sniff(path).map_err(|error| unreadable(&error))?;
            kind == Some(VideoKind::Gif)
        }
        Media::Neither => false,
    };
    is_photo.then(|| read_whole(path, limits)).transpose()
}

fn load_file(path: PathBuf, spooled: Option<Spooled>, limits: Limits) -> Result<Loaded, Fault> {
    match classify(&path).map_err(|error| unreadable(&error))? {
        Media::Photo => read_whole(&path, limits).map(Loaded::Photo),
        Media::Video => Ok(Loaded::Video(MovingPicture {
            path,
            _spooled: spooled,
        })),
        Media::Neither => Ok(Loaded::Neither),
    }
}

/// The bytes of a photograph's file.
fn read_whole(path: &Path, limits: Limits) -> Result<PhotoBytes, Fault> {
    let max_bytes = limits.max_item_bytes.min(MAX_FILE_BYTES);
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    let stated = file.metadata().map_err(|error| unreadable(&error))?.len();
    if stated > max_bytes {
        return Err(too_large(stated, max_bytes));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(stated).unwrap_or(0));
    // A file may grow while it is read, and a device has no length at all.
    let n = file
        .take(max_bytes + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(&error))?;
    if n as u64 > max_bytes {
        return Err(too_large(n as u64, max_bytes));
    }
    Ok(PhotoBytes::new(bytes, None))
}

pub(crate) fn unreadable(error: &std::io::Error) -> Fault {
    Fault::new(FaultKind::Unreadable, on_one_line(error))
}

/// What is said of something that has more bytes than may be.
pub(crate) fn too_large(n_bytes: u64, max_bytes: u64) -> Fault {
    let remedy = if max_bytes < MAX_FILE_BYTES {
        " (--max-item)"
    } else {
        ""
    };
    Fault::new(
        FaultKind::TooLarge,
        format!("the file is too large: {n_bytes} bytes, at most {max_bytes}{remedy}"),
    )
}
