//! A folder of images as a camera.

use std::fs;
use std::path::{Path, PathBuf};

use image::ImageReader;
use regard_domain::{FrameSize, Timestamp};

use super::error::{BadFrame, OpenError, SourceError};
use super::frame::{RawFrame, RawPixels};
use super::open::{FrameSource, OpenOptions, Watch, open_failed};
use super::pace::Pacer;
use super::spec::FolderSpec;
use crate::{MAX_FILE_BYTES, PhotoFormat};

/// Most images of a folder. Origin: an hour at 25 frames a second; as a video it would be a file.
const MAX_FOLDER_IMAGES: usize = 90_000;

/// Endings of the names that are taken, in lower case.
const ENDINGS: [&str; 9] = [
    "jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "jpe",
];

/// The images of a folder in the order of their names.
pub(super) struct FolderSource {
    path: PathBuf,
    images: Vec<PathBuf>,
    looping: bool,
    pacer: Pacer,
    watch: Watch,
    next_index: u64,
}

fn is_image_name(path: &Path) -> bool {
    path.extension()
        .and_then(|ending| ending.to_str())
        .is_some_and(|ending| ENDINGS.contains(&ending.to_ascii_lowercase().as_str()))
}

fn images_in(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut images = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if is_image_name(&path) && path.is_file() {
            images.push(path);
        }
    }
    images.sort();
    Ok(images)
}

impl FolderSource {
    pub(super) fn open(
        spec: &FolderSpec,
        options: &OpenOptions,
        watch: &Watch,
    ) -> Result<Self, OpenError> {
        let images = images_in(&spec.path).map_err(|source| open_failed(&spec.path, source))?;
        if images.is_empty() || images.len() > MAX_FOLDER_IMAGES {
            let what = format!(
                "{} holds {} images; a folder source takes 1 to {MAX_FOLDER_IMAGES}",
                spec.path.display(),
                images.len()
            );
            return Err(OpenError::Unsupported { what });
        }
        Ok(Self {
            path: spec.path.clone(),
            images,
            looping: spec.looping,
            pacer: Pacer::new(options.pace, options.sleep.clone(), spec.fps),
            watch: watch.clone(),
            next_index: 0,
        })
    }

    fn image_at(&self, index: u64) -> Option<&Path> {
        let n = self.images.len() as u64;
        let at = if self.looping { index % n } else { index };
        let at = usize::try_from(at).ok()?;
        self.images.get(at).map(PathBuf::as_path)
    }
}

fn unreadable(path: &Path, why: &dyn std::fmt::Display) -> BadFrame {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    BadFrame::Unreadable {
        what: format!("{name}: {why}"),
    }
}

fn read_still(path: &Path) -> Result<(Vec<u8>, FrameSize), BadFrame> {
    let n_bytes = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if n_bytes.len() > MAX_FILE_BYTES {
        return Err(unreadable(path, &"the file is too large"));
    }
    let bytes = fs::read(path).map_err(|error| unreadable(path, &error))?;
    if PhotoFormat::sniff(&bytes).is_none() {
        return Err(unreadable(path, &"not an image"));
    }
    // A slice, as photographs are read: each further kind of reader compiles every decoder once more.
    let (width, height) = ImageReader::new(std::io::Cursor::new(bytes.as_slice()))
        .with_guessed_format()
        .map_err(|error| unreadable(path, &error))?
        .into_dimensions()
        .map_err(|error| unreadable(path, &error))?;
    Ok((bytes, FrameSize { width, height }))
}

impl FrameSource for FolderSource {
    fn describe(&self) -> String {
        format!("folder {}", self.path.display())
    }

    fn next(&mut self, now: &dyn Fn() -> Timestamp) -> Result<RawFrame, SourceError> {
        if self.image_at(self.next_index).is_none() {
            return Err(SourceError::Ended);
        }
        let (index, captured_at) = self.pacer.wait_for(self.next_index, now, &self.watch)?;
        self.next_index = index + 1;
        let path = self.image_at(index).ok_or(SourceError::Ended)?;
        let (bytes, size) = read_still(path).map_err(|reason| SourceError::BadFrame { reason })?;
        Ok(RawFrame {
            pixels: RawPixels::Still(bytes),
            size,
            captured_at,
            index,
        })
    }
}
