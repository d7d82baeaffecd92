//! The tables that a job ends in: files that appear when all is in them.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use regard_backends::{SqliteColumn, SqliteTables, SqliteValue};
use regard_library::{Cell, Column, FACE_COLUMNS, FaceRow, ITEM_COLUMNS, Job, ParquetTable, Row};
use tempfile::TempPath;
use tokio::runtime::Runtime;

use super::output::csv_lines;
use super::report::Report;
use crate::args::TableFormat;
use crate::printable::shown;
use crate::whole_file::{appear, beside};

/// Which rows a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum With {
    Faces,
    Items,
    Both,
}

/// A file that is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) path: PathBuf,
    pub(super) format: TableFormat,
    pub(super) with: With,
}

/// The files of a job: faces to the output, items where they were asked for, or where the format has room for them.
pub(super) fn plan(output: &Path, format: TableFormat, items: Option<&Path>) -> Vec<Plan> {
    let is_database = format == TableFormat::Sqlite;
    let mut plans = vec![Plan {
        path: output.to_owned(),
        format,
        with: if is_database { With::Both } else { With::Faces },
    }];
    let beside = (format == TableFormat::Parquet).then(|| {
        let mut name = output.file_stem().unwrap_or_default().to_owned();
        name.push(".items.parquet");
        output.with_file_name(name)
    });
    if let Some(path) = items.map(Path::to_owned).or(beside) {
        plans.push(Plan {
            format: TableFormat::of(&path).unwrap_or(TableFormat::Ndjson),
            path,
            with: With::Items,
        });
    }
    plans
}

enum Writer {
    Text(BufWriter<File>, TableFormat),
    Parquet(Box<ParquetTable<BufWriter<File>>>),
    Sqlite(Box<SqliteTables>, Runtime),
}

/// A table in the making.
struct Table {
    writer: Writer,
    with: With,
    temporary: TempPath,
    path: PathBuf,
}

impl Table {
    fn create(plan: &Plan) -> Result<Self> {
        // Through a link, so that the link stays one.
        let path = fs::canonicalize(&plan.path).unwrap_or_else(|_| plan.path.clone());
        let (file, temporary) = beside(&path)?;
        let columns = match plan.with {
            With::Faces | With::Both => FACE_COLUMNS,
            With::Items => ITEM_COLUMNS,
        };
        let writer = match plan.format {
            TableFormat::Ndjson => Writer::Text(BufWriter::new(file), plan.format),
            TableFormat::Csv => {
                let mut file = BufWriter::new(file);
                let header = match plan.with {
                    With::Faces | With::Both => FaceRow::csv_header(),
                    With::Items => ITEM_COLUMNS.iter().map(|c| c.name.to_owned()).collect(),
                };
                file.write_all(&csv_lines(std::iter::once(header))?)?;
                Writer::Text(file, plan.format)
            }
            TableFormat::Parquet => {
                Writer::Parquet(Box::new(ParquetTable::new(BufWriter::new(file), columns)?))
            }
            TableFormat::Sqlite => {
                let runtime = tokio::runtime::Builder::new_current_thread().build()?;
                let mut tables = Vec::new();
                if plan.with != With::Items {
                    tables.push(("faces", sqlite_columns(FACE_COLUMNS)));
                }
                if plan.with != With::Faces {
                    tables.push(("items", sqlite_columns(ITEM_COLUMNS)));
                }
                let tables = runtime.block_on(SqliteTables::create(&temporary, &tables))?;
                Writer::Sqlite(Box::new(tables), runtime)
            }
        };
        Ok(Self {
            writer,
            with: plan.with,
            temporary,
            path,
        })
    }

    fn push(&mut self, row: &Row<'_>) -> Result<()> {
        let is_wanted = match row {
            Row::Face(..) => self.with != With::Items,
            Row::Item(_) => self.with != With::Faces,
        };
        if !is_wanted {
            return Ok(());
        }
        match &mut self.writer {
            Writer::Text(file, format) => {
                let line = text_of(row, *format)?;
                file.write_all(&line)?;
            }
            Writer::Parquet(table) => table.push(cells_of(row))?,
            Writer::Sqlite(tables, runtime) => {
                let table = match row {
                    Row::Item(_) if self.with == With::Both => 1,
                    Row::Item(_) | Row::Face(..) => 0,
                };
                let values = cells_of(row)
                    .into_iter()
                    .map(|cell| value_of(&cell))
                    .collect();
                runtime.block_on(tables.push(table, values))?;
            }
        }
        Ok(())
    }

    /// Writes what is left; nothing has its name yet.
    fn finish(self) -> Result<(TempPath, PathBuf)> {
        match self.writer {
            Writer::Text(mut file, _) => file.flush()?,
            Writer::Parquet(table) => table.finish()?.flush()?,
            Writer::Sqlite(tables, runtime) => {
                let indexes: &[(&str, &str)] = match self.with {
                    With::Faces => &[("faces", "item")],
                    With::Items => &[("items", "item")],
                    With::Both => &[("faces", "item"), ("items", "item")],
                };
                runtime.block_on(tables.finish(indexes))?;
            }
        }
        Ok((self.temporary, self.path))
    }
}

fn sqlite_columns(columns: &[Column]) -> Vec<SqliteColumn> {
    columns
        .iter()
        .map(|column| SqliteColumn {
            name: column.name,
            kind: column.kind.sql_name(),
            is_nullable: column.is_nullable,
        })
        .collect()
}

fn cells_of(row: &Row<'_>) -> Vec<Cell> {
    match row {
        Row::Face(item, source, face) => {
            // Numbers of items stay far below the greatest.
            let item = i64::try_from(*item).ok();
            let mut cells = vec![Cell::Int(item), Cell::Text(Some((*source).to_owned()))];
            cells.extend(face.cells());
            cells
        }
        Row::Item(item) => item.cells(),
    }
}

fn value_of(cell: &Cell) -> SqliteValue {
    match cell {
        Cell::Int(Some(number)) => SqliteValue::Int(*number),
        Cell::Real(Some(number)) => SqliteValue::Real(*number),
        Cell::Text(Some(text)) => SqliteValue::Text(text.clone()),
        Cell::Wall(Some(_)) => SqliteValue::Text(cell.to_text()),
        Cell::Int(None) | Cell::Real(None) | Cell::Text(None) | Cell::Wall(None) => {
            SqliteValue::Null
        }
    }
}

fn text_of(row: &Row<'_>, format: TableFormat) -> Result<Vec<u8>> {
    if format == TableFormat::Csv {
        let cells = match row {
            Row::Face(_, source, face) => face.csv_row(source),
            Row::Item(item) => item.cells().iter().map(Cell::to_text).collect(),
        };
        return csv_lines(std::iter::once(cells));
    }
    let json = match row {
        Row::Face(_, source, face) => face.to_json(source)?,
        Row::Item(item) => item.to_json(),
    };
    Ok([json.as_bytes(), b"\n"].concat())
}

/// Writes all rows of a job to its tables and its report; they appear one after the other when all are whole. When that is
/// interrupted the log is still there, and they are written again.
pub(super) fn write_tables(
    job: &Job,
    plans: &[Plan],
    mut report: Option<&mut Report>,
) -> Result<()> {
    let mut tables = plans
        .iter()
        .map(|plan| Table::create(plan).with_context(|| cannot(&plan.path)))
        .collect::<Result<Vec<_>>>()?;
    job.rows::<anyhow::Error>(|row| {
        if let Some(report) = report.as_mut() {
            report.add(&row);
        }
        for table in &mut tables {
            let pushed = table.push(&row);
            pushed.with_context(|| cannot(&table.path))?;
        }
        Ok(())
    })?;
    let mut finished = Vec::new();
    for table in tables {
        let path = table.path.clone();
        finished.push(table.finish().with_context(|| cannot(&path))?);
    }
    for (temporary, path) in finished {
        appear(temporary, &path).with_context(|| cannot(&path))?;
    }
    if let Some(report) = report {
        report.write().with_context(|| cannot(report.path()))?;
    }
    Ok(())
}

fn cannot(path: &Path) -> String {
    format!("{}: cannot be written", shown(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_tables_go() {
        let planned =
            |output: &str, format, items: Option<&str>| -> Vec<(String, TableFormat, With)> {
                plan(Path::new(output), format, items.map(Path::new))
                    .into_iter()
                    .map(|plan| (plan.path.display().to_string(), plan.format, plan.with))
                    .collect()
            };
        use TableFormat::{Csv, Ndjson, Parquet, Sqlite};
        assert_eq!(
            planned("a/b.csv", Csv, None),
            [("a/b.csv".into(), Csv, With::Faces)]
        );
        assert_eq!(
            planned("a/b.parquet", Parquet, None),
            [
                ("a/b.parquet".into(), Parquet, With::Faces),
                ("a/b.items.parquet".into(), Parquet, With::Items)
            ]
        );
        assert_eq!(
            planned("b.db", Sqlite, None),
            [("b.db".into(), Sqlite, With::Both)]
        );
        assert_eq!(
            planned("b", Ndjson, Some("c.csv")),
            [
                ("b".into(), Ndjson, With::Faces),
                ("c.csv".into(), Csv, With::Items)
            ]
        );
    }
}
