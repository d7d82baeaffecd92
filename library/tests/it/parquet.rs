//! Tables of Parquet, and the page that says what is in them.

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use regard_library::{Cell, Column, ColumnKind, FACE_COLUMNS, ITEM_COLUMNS, ParquetTable};

fn cells(columns: &[Column], number: i64, is_full: bool) -> Vec<Cell> {
    columns
        .iter()
        .map(|column| {
            let is_there = is_full || !column.is_nullable;
            match column.kind {
                ColumnKind::Int => Cell::Int(is_there.then_some(number)),
                ColumnKind::Real => Cell::Real(is_there.then_some(number as f64 / 4.0)),
                ColumnKind::Text => Cell::Text(is_there.then(|| format!("{number}"))),
                ColumnKind::Wall => Cell::Wall(is_there.then_some(number)),
            }
        })
        .collect()
}

/// Rows of a table as a reader of Arrow shows them.
fn read(bytes: Vec<u8>) -> (String, usize, usize) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let builder = ParquetRecordBatchReaderBuilder::try_new(file.reopen().unwrap()).unwrap();
    let fields: Vec<String> = builder
        .schema()
        .fields()
        .iter()
        .map(|f| format!("{} {} {}", f.name(), f.data_type(), f.is_nullable()))
        .collect();
    let batches: Vec<_> = builder.build().unwrap().map(Result::unwrap).collect();
    let n_rows = batches.iter().map(arrow_array::RecordBatch::num_rows).sum();
    let n_nulls = batches
        .iter()
        .flat_map(|b| b.columns().iter().map(|c| c.null_count()))
        .sum();
    (fields.join("\n"), n_rows, n_nulls)
}

#[test]
fn what_is_written_is_read_with_its_schema() {
    for columns in [FACE_COLUMNS, ITEM_COLUMNS] {
        let n_rows = 20_000;
        let write = || {
            let mut table = ParquetTable::new(Vec::new(), columns).unwrap();
            for number in 0..n_rows {
                table.push(cells(columns, number, number % 2 == 0)).unwrap();
            }
            table.finish().unwrap()
        };
        let bytes = write();
        assert_eq!(bytes, write(), "the same rows give the same bytes");
        let (schema, n_read, n_nulls) = read(bytes);
        let expected: Vec<String> = columns
            .iter()
            .map(|c| format!("{} {} {}", c.name, c.kind.arrow_name(), c.is_nullable))
            .collect();
        assert_eq!(schema, expected.join("\n"));
        assert_eq!(n_read, 20_000);
        let n_nullable = columns.iter().filter(|c| c.is_nullable).count();
        assert_eq!(n_nulls, n_nullable * 10_000);
    }
}

#[test]
fn a_row_that_does_not_fit_is_an_error() {
    let mut table = ParquetTable::new(Vec::new(), ITEM_COLUMNS).unwrap();
    assert!(table.push(vec![Cell::Text(None)]).is_err());
    let mut table = ParquetTable::new(Vec::new(), ITEM_COLUMNS).unwrap();
    assert!(table.push(vec![Cell::Int(Some(1))]).is_err());
    // Nothing in a column that has to have something.
    let mut table = ParquetTable::new(Vec::new(), ITEM_COLUMNS).unwrap();
    let mut row = cells(ITEM_COLUMNS, 1, true);
    row[0] = Cell::Int(None);
    table.push(row).unwrap();
    assert!(table.finish().is_err());
}

/// The page has one line for each column, in the order of the tables: name, type, unit, whether it may be empty.
#[test]
fn the_page_says_what_the_code_does() {
    let page = include_str!("../../../docs/bulk.md");
    let mut rest = page;
    for (heading, columns) in [("### Faces", FACE_COLUMNS), ("### Items", ITEM_COLUMNS)] {
        let at = rest.find(heading).unwrap_or_else(|| panic!("no {heading}"));
        rest = &rest[at..];
        let rows: Vec<Vec<&str>> = rest
            .lines()
            .skip_while(|line| !line.starts_with('|'))
            .take_while(|line| line.starts_with('|'))
            .skip(2)
            .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
            .collect();
        assert_eq!(rows.len(), columns.len(), "{heading}");
        for (row, column) in rows.iter().zip(columns) {
            let null = if column.is_nullable { "yes" } else { "no" };
            let name = format!("`{}`", column.name);
            assert_eq!(
                row[..4],
                [name.as_str(), column.kind.arrow_name(), column.unit, null],
                "{heading}"
            );
            assert!(row[4].len() > 3, "{} has no meaning", column.name);
        }
    }
}
