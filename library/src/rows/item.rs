//! One row an item.

use regard_domain::FrameSize;
use serde::{Deserialize, Serialize};

use super::Cell;
use crate::Fault;
use crate::job::ContentHash;

/// What an item was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    /// A photograph.
    Photo,
    /// A video.
    Video,
}

impl MediaKind {
    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Photo => "photo",
            Self::Video => "video",
        }
    }
}

/// What is known of an item when it has been looked at.
///
/// # Privacy
/// Where a picture was taken only where that was asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// What it was, if anything.
    pub kind: Option<MediaKind>,
    /// The usual name of its format; of photographs.
    pub format: Option<String>,
    /// Its size in bytes.
    pub n_bytes: Option<u64>,
    /// What its bytes are called.
    pub content: Option<ContentHash>,
    /// Size of the upright picture as it was taken.
    pub size: Option<Size>,
    /// Pictures analysed.
    pub n_frames: u64,
    /// Faces found.
    pub n_faces: u64,
    /// EXIF orientation, 1 to 8.
    pub orientation: Option<u8>,
    /// Seconds from 1970 on the clock of whoever took it.
    pub taken_at_secs: Option<i64>,
    /// Minutes that clock was ahead of universal time, where the picture says.
    pub taken_at_offset_min: Option<i16>,
    /// Degrees north and east.
    pub place: Option<(f64, f64)>,
    /// See [`crate::Look`].
    pub sharpness: Option<f64>,
    /// Mean luma in `[0, 1]`.
    pub brightness: Option<f64>,
    /// What it looks like from afar, in hexadecimal; of photographs that show something.
    pub look: Option<String>,
    /// What was wrong with it.
    pub fault: Option<Fault>,
}

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    width: u32,
    height: u32,
}

impl From<FrameSize> for Size {
    fn from(size: FrameSize) -> Self {
        Self {
            width: size.width,
            height: size.height,
        }
    }
}

/// An item and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ItemRow {
    /// Its number among the rows, from 0.
    pub item: u64,
    /// Its name.
    pub source: String,
    /// The item with the same bytes that came first.
    pub duplicate_of: Option<u64>,
    /// The item that looks almost the same and came first.
    pub near_duplicate_of: Option<u64>,
    /// What is known of it.
    #[serde(flatten)]
    pub facts: Facts,
}

impl ItemRow {
    /// Its cells, in the order of [`super::ITEM_COLUMNS`].
    pub fn cells(&self) -> Vec<Cell> {
        let facts = &self.facts;
        let text = |text: Option<&str>| Cell::Text(text.map(str::to_owned));
        let fault = facts.fault.as_ref();
        vec![
            Cell::of(Some(self.item)),
            text(Some(&self.source)),
            text(facts.kind.map(MediaKind::as_str)),
            text(facts.format.as_deref()),
            Cell::of(facts.n_bytes),
            Cell::Text(facts.content.map(|hash| hash.to_string())),
            Cell::Int(facts.size.map(|size| size.width.into())),
            Cell::Int(facts.size.map(|size| size.height.into())),
            Cell::of(Some(facts.n_frames)),
            Cell::of(Some(facts.n_faces)),
            Cell::Int(facts.orientation.map(i64::from)),
            Cell::Wall(facts.taken_at_secs),
            Cell::Int(facts.taken_at_offset_min.map(i64::from)),
            Cell::Real(facts.place.map(|(latitude, _)| latitude)),
            Cell::Real(facts.place.map(|(_, longitude)| longitude)),
            Cell::Real(facts.sharpness),
            Cell::Real(facts.brightness),
            Cell::of(self.duplicate_of),
            Cell::of(self.near_duplicate_of),
            text(fault.map(|fault| fault.kind.as_str())),
            text(fault.map(|fault| fault.reason.as_str())),
        ]
    }

    /// The names of its columns with its cells, as a line of JSON has them.
    pub fn to_json(&self) -> String {
        let cells = self.cells();
        let names = super::ITEM_COLUMNS.iter().map(|column| column.name);
        let fields: Vec<String> = names
            .zip(&cells)
            .map(|(name, cell)| format!("\"{name}\":{}", cell.to_json()))
            .collect();
        format!("{{{}}}", fields.join(","))
    }
}
