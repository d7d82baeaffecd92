//! What is written of pictures: one row a face, one row an item.

mod columns;
mod face;
mod item;

pub use self::columns::{Column, ColumnKind, FACE_COLUMNS, ITEM_COLUMNS};
pub(crate) use self::face::rounded;
pub use self::face::{FaceRow, Place};
pub use self::item::{Facts, ItemRow, MediaKind};

/// A value of a table; what was not computed is none.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// A whole number.
    Int(Option<i64>),
    /// A number.
    Real(Option<f64>),
    /// A text.
    Text(Option<String>),
    /// Seconds from 1970-01-01T00:00:00 on the clock of whoever took the picture, whatever its zone.
    Wall(Option<i64>),
}

impl Cell {
    /// A count or an index. One past the greatest whole number of tables is none; there is no such thing.
    pub(crate) fn of(number: Option<u64>) -> Self {
        Self::Int(number.and_then(|n| i64::try_from(n).ok()))
    }

    /// As CSV has it: nothing where it is none.
    pub fn to_text(&self) -> String {
        match self {
            Self::Int(number) => number.map(|n| n.to_string()).unwrap_or_default(),
            Self::Real(number) => number.map(|n| n.to_string()).unwrap_or_default(),
            Self::Text(text) => text.clone().unwrap_or_default(),
            Self::Wall(secs) => secs.map(columns::wall_text).unwrap_or_default(),
        }
    }

    /// As JSON has it.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Int(number) => (*number).into(),
            Self::Real(number) => (*number).into(),
            Self::Text(text) => text.clone().into(),
            Self::Wall(secs) => secs.map(columns::wall_text).into(),
        }
    }
}
