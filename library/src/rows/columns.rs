//! The columns of both tables, as `docs/bulk.md` has them.

use regard_commitments::civil_from_days;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// Whole numbers: `Int64`.
    Int,
    /// Numbers: `Float64`.
    Real,
    /// Texts: `Utf8`.
    Text,
    /// Times on a wall clock whose zone is not known: `Timestamp(ms)` without a zone, for Parquet has none of seconds.
    Wall,
}

impl ColumnKind {
    /// The type in Arrow and Parquet.
    pub const fn arrow_name(self) -> &'static str {
        match self {
            Self::Int => "Int64",
            Self::Real => "Float64",
            Self::Text => "Utf8",
            Self::Wall => "Timestamp(ms)",
        }
    }

    /// The type in SQLite.
    pub const fn sql_name(self) -> &'static str {
        match self {
            Self::Int => "INTEGER",
            Self::Real => "REAL",
            Self::Text | Self::Wall => "TEXT",
        }
    }
}

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: ColumnKind,
    /// Whether a row may have nothing in it.
    pub is_nullable: bool,
    /// Its unit, empty where it has none.
    pub unit: &'static str,
}

const fn column(
    name: &'static str,
    kind: ColumnKind,
    is_nullable: bool,
    unit: &'static str,
) -> Column {
    Column {
        name,
        kind,
        is_nullable,
        unit,
    }
}

use ColumnKind::{Int, Real, Text, Wall};

/// One row a face: those of Parquet and SQLite. NDJSON and CSV have the same under nested and dotted names, without `item`.
pub const FACE_COLUMNS: &[Column] = &[
    column("item", Int, false, ""),
    column("source", Text, false, ""),
    column("frame", Int, false, ""),
    column("time_secs", Real, true, "s"),
    column("track", Int, true, ""),
    column("bbox_left", Real, false, "px"),
    column("bbox_top", Real, false, "px"),
    column("bbox_width", Real, false, "px"),
    column("bbox_height", Real, false, "px"),
    column("score", Real, false, "[0, 1]"),
    column("left_eye_x", Real, false, "px"),
    column("left_eye_y", Real, false, "px"),
    column("right_eye_x", Real, false, "px"),
    column("right_eye_y", Real, false, "px"),
    column("nose_x", Real, false, "px"),
    column("nose_y", Real, false, "px"),
    column("left_mouth_x", Real, false, "px"),
    column("left_mouth_y", Real, false, "px"),
    column("right_mouth_x", Real, false, "px"),
    column("right_mouth_y", Real, false, "px"),
    column("expression", Text, true, ""),
    column("p_neutral", Real, true, "[0, 1]"),
    column("p_happy", Real, true, "[0, 1]"),
    column("p_sad", Real, true, "[0, 1]"),
    column("p_angry", Real, true, "[0, 1]"),
    column("p_fearful", Real, true, "[0, 1]"),
    column("p_disgusted", Real, true, "[0, 1]"),
    column("p_surprised", Real, true, "[0, 1]"),
    column("yaw_deg", Real, true, "°"),
    column("pitch_deg", Real, true, "°"),
    column("roll_deg", Real, true, "°"),
    column("attention", Real, true, "[0, 1]"),
];

/// One row an item: a photograph, a video, or something that was wrong.
pub const ITEM_COLUMNS: &[Column] = &[
    column("item", Int, false, ""),
    column("source", Text, false, ""),
    column("kind", Text, true, ""),
    column("format", Text, true, ""),
    column("n_bytes", Int, true, "bytes"),
    column("sha256", Text, true, "hex"),
    column("width", Int, true, "px"),
    column("height", Int, true, "px"),
    column("n_frames", Int, false, ""),
    column("n_faces", Int, false, ""),
    column("orientation", Int, true, "EXIF 1 to 8"),
    column("taken_at", Wall, true, "ms"),
    column("taken_at_offset_min", Int, true, "min"),
    column("latitude", Real, true, "°"),
    column("longitude", Real, true, "°"),
    column("sharpness", Real, true, ""),
    column("brightness", Real, true, "[0, 1]"),
    column("duplicate_of", Int, true, "item"),
    column("near_duplicate_of", Int, true, "item"),
    column("error_kind", Text, true, ""),
    column("error", Text, true, ""),
];

/// A time on a wall clock as ISO 8601 has it.
pub(crate) fn wall_text(secs: i64) -> String {
    let (days, of_day) = (secs.div_euclid(86_400), secs.rem_euclid(86_400));
    let (year, month, day) = civil_from_days(days);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_a_wall_clock() {
        // From `date -u -d @… +%FT%T`.
        assert_eq!(wall_text(0), "1970-01-01T00:00:00");
        assert_eq!(wall_text(951_827_696), "2000-02-29T12:34:56");
        assert_eq!(wall_text(1_796_083_199), "2026-11-30T23:59:59");
        assert_eq!(wall_text(-1), "1969-12-31T23:59:59");
    }
}
