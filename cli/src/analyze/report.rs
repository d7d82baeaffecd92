//! The summary of a job as a page.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use regard_library::{Cell, Row};
use regard_reports::{CollectionSummary, SummarizedItem};

use crate::whole_file::{appear, beside};

/// A page in the making.
pub(super) struct Report {
    path: PathBuf,
    summary: CollectionSummary,
}

impl Report {
    /// `n_known` items had been looked at by another job.
    pub(super) fn new(path: &Path, n_known: u64) -> Self {
        let mut summary = CollectionSummary::default();
        summary.set_known(n_known);
        Self {
            path: path.to_owned(),
            summary,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Counts a row.
    pub(super) fn add(&mut self, row: &Row<'_>) {
        match row {
            Row::Face(_, _, face) => self.summary.add_face(face.expression(), face.attention()),
            Row::Item(item) => {
                let facts = &item.facts;
                let taken_at = Cell::Wall(facts.taken_at_secs).to_text();
                self.summary.add_item(&SummarizedItem {
                    is_photo: facts.kind == Some(regard_library::MediaKind::Photo),
                    is_video: facts.kind == Some(regard_library::MediaKind::Video),
                    n_faces: facts.n_faces,
                    sharpness: facts.sharpness,
                    brightness: facts.brightness,
                    hour: taken_at.get(11..13).and_then(|hour| hour.parse().ok()),
                    is_copy: item.duplicate_of.is_some(),
                    is_near_copy: item.near_duplicate_of.is_some(),
                    fault: facts.fault.as_ref().map(|fault| fault.kind.words()),
                });
            }
        }
    }

    /// Lets the page appear.
    pub(super) fn write(&self) -> Result<()> {
        let (mut file, temporary) = beside(&self.path)?;
        file.write_all(self.summary.to_html().as_bytes())?;
        Ok(appear(temporary, &self.path)?)
    }
}
