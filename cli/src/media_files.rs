//! Photographs and videos below the named files and folders, told by their first bytes.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use regard_vision::{PhotoFormat, VideoKind};

/// Bytes from which the kind of a photograph is told.
const HEAD_LEN: u64 = 16;

/// Deepest nesting of folders that is entered.
const MAX_DEPTH: usize = 64;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MediaKind {
    /// A photograph.
    Photo(PhotoFormat),
    /// A video.
    Video(VideoKind),
}

/// A photograph or a video.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MediaFile {
    /// Where it is, beginning as it was typed.
    pub(crate) path: PathBuf,
    /// Where it is below the folder that was typed; its name where it was typed itself.
    pub(crate) below: PathBuf,
    pub(crate) kind: MediaKind,
}

/// What was found.
#[derive(Debug)]
pub(crate) enum Found {
    /// A photograph or a video.
    File(MediaFile),
    /// Something that was named, or claims to be a picture, and is none that can be read.
    Bad {
        /// What.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// Everything below the inputs, folders in the order of their names. Files in folders that are neither photographs nor videos
/// are passed over; links to folders are not entered, and neither is the folder `left_out`.
pub(crate) fn media_files(inputs: &[PathBuf], left_out: Option<&Path>) -> Vec<Found> {
    let left_out = left_out.and_then(|path| Some(id_of(&fs::metadata(path).ok()?)));
    let mut found = Vec::new();
    for input in inputs {
        match fs::metadata(input) {
            Ok(metadata) if metadata.is_dir() => {
                let before = found.len();
                let mut walk = Walk {
                    root: input,
                    left_out,
                    entered: BTreeSet::new(),
                    found: &mut found,
                };
                walk.enter(input, 0);
                if found.len() == before {
                    found.push(bad(input, "no photograph or video in this folder"));
                }
            }
            Ok(metadata) if metadata.is_file() => found.push(named(input)),
            Ok(_) => found.push(bad(input, "neither a file nor a folder")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                found.push(bad(input, "no such file or folder"));
            }
            Err(error) => found.push(bad(input, &error.to_string())),
        }
    }
    found
}

fn bad(path: &Path, reason: &str) -> Found {
    Found::Bad {
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}

fn named(path: &Path) -> Found {
    match kind_of(path) {
        Ok(Some(kind)) => Found::File(MediaFile {
            path: path.to_owned(),
            below: path.file_name().map(PathBuf::from).unwrap_or_default(),
            kind,
        }),
        Ok(None) => bad(path, "not a photograph or video that can be read"),
        Err(error) => bad(path, &error.to_string()),
    }
}

fn id_of(metadata: &fs::Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

struct Walk<'a> {
    root: &'a Path,
    left_out: Option<(u64, u64)>,
    entered: BTreeSet<(u64, u64)>,
    found: &'a mut Vec<Found>,
}

impl Walk<'_> {
    fn enter(&mut self, folder: &Path, depth: usize) {
        let entries = fs::metadata(folder).and_then(|metadata| {
            let id = id_of(&metadata);
            let is_skipped = depth > 0 && self.left_out == Some(id);
            if is_skipped || depth > MAX_DEPTH || !self.entered.insert(id) {
                return Ok(Vec::new());
            }
            let mut entries = fs::read_dir(folder)?
                .map(|entry| Ok(entry?.path()))
                .collect::<io::Result<Vec<_>>>()?;
            entries.sort_unstable();
            Ok(entries)
        });
        let entries = match entries {
            Ok(entries) => entries,
            Err(error) => {
                self.found.push(bad(folder, &error.to_string()));
                return;
            }
        };
        for path in entries {
            let Ok(own) = fs::symlink_metadata(&path) else {
                continue;
            };
            let leads_to = if own.is_symlink() {
                fs::metadata(&path)
            } else {
                Ok(own.clone())
            };
            match leads_to {
                Ok(to) if to.is_dir() && !own.is_symlink() => self.enter(&path, depth + 1),
                Ok(to) if to.is_file() => self.file(path),
                Ok(_) => {}
                Err(error) => self.found.push(bad(&path, &error.to_string())),
            }
        }
    }

    fn file(&mut self, path: PathBuf) {
        match kind_of(&path) {
            Ok(Some(kind)) => {
                let below = path.strip_prefix(self.root).unwrap_or(&path).to_owned();
                self.found
                    .push(Found::File(MediaFile { path, below, kind }));
            }
            Ok(None) if claims_to_be_a_picture(&path) => {
                self.found
                    .push(bad(&path, "not a photograph that can be read"));
            }
            Ok(None) => {}
            Err(error) => self.found.push(bad(&path, &error.to_string())),
        }
    }
}

/// Endings by which a file says that it is a picture: such a one is told of when it cannot be read, for whoever covers faces
/// must not think that nothing was left.
fn claims_to_be_a_picture(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default();
    let ending = ending.to_string_lossy().to_ascii_lowercase();
    let is_picture = matches!(
        ending.as_str(),
        "jpg"
            | "jpeg"
            | "jpe"
            | "jfif"
            | "png"
            | "webp"
            | "gif"
            | "bmp"
            | "tif"
            | "tiff"
            | "heic"
            | "heif"
            | "avif"
            | "jxl"
            | "jp2"
            | "psd"
    );
    // What macOS keeps beside a file on foreign disks, under the file's name.
    is_picture
        && !path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"._"))
}

fn kind_of(path: &Path) -> io::Result<Option<MediaKind>> {
    let mut head = Vec::new();
    File::open(path)?.take(HEAD_LEN).read_to_end(&mut head)?;
    if let Some(kind) = VideoKind::sniff(path)? {
        let ending = path.extension().unwrap_or_default();
        // `.ts` is TypeScript more often than an MPEG stream, whose packets begin with 0x47.
        let is_program = (ending == "ts" || ending == "mts")
            && head.first() != Some(&0x47)
            && head.get(4) != Some(&0x47);
        return Ok((!is_program).then_some(MediaKind::Video(kind)));
    }
    Ok(PhotoFormat::sniff(&head).map(MediaKind::Photo))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photographs_and_videos_are_found_and_what_claims_to_be_one_is_told_of() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        fs::create_dir_all(root.join("in/sub")).unwrap();
        fs::create_dir_all(root.join("in/out")).unwrap();
        let jpeg = b"\xff\xd8\xff\xe0 and so on";
        for (name, bytes) in [
            ("in/b.txt", &b"text"[..]),
            ("in/a.jpg", jpeg),
            ("in/heic.heic", b"what is this"),
            ("in/sub/film.mjpeg", jpeg),
            ("in/out/done.jpg", jpeg),
            ("single.bin", jpeg),
        ] {
            fs::write(root.join(name), bytes).unwrap();
        }
        std::os::unix::fs::symlink("..", root.join("in/sub/up")).unwrap();
        let inputs = ["in", "single.bin", "missing"].map(|name| root.join(name));
        let lines: Vec<String> = media_files(&inputs, Some(&root.join("in/out")))
            .into_iter()
            .map(|found| match found {
                Found::File(file) => format!("{} {:?}", file.below.display(), file.kind),
                Found::Bad { path, reason } => {
                    format!("! {}: {reason}", path.strip_prefix(root).unwrap().display())
                }
            })
            .collect();
        assert_eq!(
            lines,
            [
                "a.jpg Photo(Jpeg)",
                "! in/heic.heic: not a photograph that can be read",
                "sub/film.mjpeg Video(Mjpeg)",
                "single.bin Photo(Jpeg)",
                "! missing: no such file or folder",
            ]
        );
    }
}
