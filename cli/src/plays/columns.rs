//! A report of plays as a table of Parquet.

use anyhow::Result;
use regard_library::{Cell, Column, ColumnKind, ParquetTable};
use regard_reports::{NUMBERS, PlayTable};

/// A column of the table; empty units where there are none.
const fn column(name: &'static str, kind: ColumnKind, is_nullable: bool) -> Column {
    Column {
        name,
        kind,
        is_nullable,
        unit: "",
    }
}

/// A number with the ends of its interval.
macro_rules! numbers {
    ($($name:literal),+ $(,)?) => {
        [
            column("key", ColumnKind::Text, false),
            column("plays", ColumnKind::Int, false),
            column("shown_secs", ColumnKind::Real, false),
            $(
                column($name, ColumnKind::Real, true),
                column(concat!($name, "_low"), ColumnKind::Real, true),
                column(concat!($name, "_high"), ColumnKind::Real, true),
            )+
        ]
    };
}

/// The columns, those of CSV; what the rows have in common is called `key`.
const COLUMNS: [Column; 3 + 3 * NUMBERS.len()] = numbers![
    "opportunities",
    "opportunity_to_see",
    "likelihood_to_see",
    "dwell_secs",
    "attention_secs",
    "smile_lift",
    "scanned",
    "converted",
];

/// The table as bytes of Parquet.
///
/// # Errors
/// When the encoder fails.
pub(super) fn parquet_of(table: &PlayTable) -> Result<Vec<u8>> {
    let mut writer = ParquetTable::new(Vec::new(), &COLUMNS)?;
    for row in &table.rows {
        let n_plays = i64::try_from(row.n_plays).unwrap_or(i64::MAX);
        let head = [
            Cell::Text(Some(row.key.clone())),
            Cell::Int(Some(n_plays)),
            Cell::Real(Some(row.shown_secs)),
        ];
        let numbers = row.numbers();
        let numbers = numbers
            .iter()
            .flat_map(|number| [number.value, number.low, number.high].map(Cell::Real));
        writer.push(head.into_iter().chain(numbers))?;
    }
    Ok(writer.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_are_the_numbers_of_a_report_with_their_intervals() {
        let names = NUMBERS
            .iter()
            .flat_map(|name| ["", "_low", "_high"].map(|end| format!("{name}{end}")));
        let names: Vec<String> = names.collect();
        let columns: Vec<&str> = COLUMNS[3..].iter().map(|column| column.name).collect();
        assert_eq!(columns, names);
    }
}
