//! Tables that are written row by row.

mod parquet;

pub use self::parquet::{ParquetTable, TableError};
