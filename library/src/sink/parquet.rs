//! Apache Parquet.

use std::io::Write;
use std::sync::Arc;

use arrow_array::builder::{
    ArrayBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMillisecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use thiserror::Error;

use crate::rows::{Cell, Column, ColumnKind};

/// Rows that are encoded at a time.
const BATCH_ROWS: usize = 8_192;

/// Rows of a row group, which is held until it is whole; 10 to 20 MB. Readers skip whole groups by their statistics.
const GROUP_ROWS: usize = 131_072;

/// Why a table cannot be written.
#[derive(Debug, Error)]
pub enum TableError {
    /// The encoder or the disk.
    #[error("the table could not be written")]
    Parquet(#[from] ParquetError),
    /// A row that does not fit its columns.
    #[error("a row does not fit the columns of its table")]
    Shape(#[from] ArrowError),
}

enum Values {
    Int(Int64Builder),
    Real(Float64Builder),
    Text(StringBuilder),
    Wall(TimestampMillisecondBuilder),
}

impl Values {
    fn new(kind: ColumnKind) -> Self {
        match kind {
            ColumnKind::Int => Self::Int(Int64Builder::new()),
            ColumnKind::Real => Self::Real(Float64Builder::new()),
            ColumnKind::Text => Self::Text(StringBuilder::new()),
            ColumnKind::Wall => Self::Wall(TimestampMillisecondBuilder::new()),
        }
    }

    /// Whether the value was of the column's kind.
    fn push(&mut self, cell: Cell) -> bool {
        match (self, cell) {
            (Self::Int(values), Cell::Int(value)) => values.append_option(value),
            (Self::Real(values), Cell::Real(value)) => values.append_option(value),
            (Self::Text(values), Cell::Text(value)) => values.append_option(value),
            (Self::Wall(values), Cell::Wall(value)) => {
                values.append_option(value.map(|secs| secs.saturating_mul(1_000)));
            }
            _ => return false,
        }
        true
    }

    fn finish(&mut self) -> ArrayRef {
        let builder: &mut dyn ArrayBuilder = match self {
            Self::Int(values) => values,
            Self::Real(values) => values,
            Self::Text(values) => values,
            Self::Wall(values) => values,
        };
        builder.finish()
    }
}

/// A table in a file of Parquet: rows in the order they come, so that the same rows give the same bytes.
pub struct ParquetTable<W: Write + Send> {
    writer: ArrowWriter<W>,
    schema: Arc<Schema>,
    values: Vec<Values>,
    n_rows: usize,
}

/// The schema of a table in Arrow; units and meanings of the columns stand in `docs/bulk.md`.
fn schema_of(columns: &[Column]) -> Schema {
    let fields: Vec<Field> = columns
        .iter()
        .map(|column| {
            let kind = match column.kind {
                ColumnKind::Int => DataType::Int64,
                ColumnKind::Real => DataType::Float64,
                ColumnKind::Text => DataType::Utf8,
                ColumnKind::Wall => DataType::Timestamp(TimeUnit::Millisecond, None),
            };
            Field::new(column.name, kind, column.is_nullable)
        })
        .collect();
    Schema::new(fields)
}

impl<W: Write + Send> ParquetTable<W> {
    /// A table without rows.
    ///
    /// # Errors
    /// When nothing can be written.
    pub fn new(writer: W, columns: &[Column]) -> Result<Self, TableError> {
        let schema = Arc::new(schema_of(columns));
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .set_created_by(concat!("regard ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        Ok(Self {
            writer: ArrowWriter::try_new(writer, Arc::clone(&schema), Some(properties))?,
            schema,
            values: columns.iter().map(|c| Values::new(c.kind)).collect(),
            n_rows: 0,
        })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When it does not fit, or cannot be written.
    pub fn push(&mut self, cells: impl IntoIterator<Item = Cell>) -> Result<(), TableError> {
        let mut n = 0;
        for (values, cell) in self.values.iter_mut().zip(cells) {
            if !values.push(cell) {
                let reason = format!("column {n}");
                return Err(ArrowError::SchemaError(reason).into());
            }
            n += 1;
        }
        if n != self.values.len() {
            return Err(ArrowError::SchemaError(format!("{n} cells")).into());
        }
        self.n_rows += 1;
        if self.n_rows == BATCH_ROWS {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), TableError> {
        let columns = self.values.iter_mut().map(Values::finish).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        self.n_rows = 0;
        Ok(self.writer.write(&batch)?)
    }

    /// Writes what is left; the file with all of it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> Result<W, TableError> {
        if self.n_rows > 0 {
            self.flush()?;
        }
        Ok(self.writer.into_inner()?)
    }
}
