//! Where rows go as they come: standard output, or a pipe, as NDJSON or CSV.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};
use regard_library::FaceRow;

use crate::args::TableFormat;
use crate::printable::shown;

enum Target {
    Stdout(io::StdoutLock<'static>),
    File(File),
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(stdout) => stdout.write(bytes),
            Self::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::File(file) => file.flush(),
        }
    }
}

/// The rows' way out, for whoever reads along.
pub(super) struct Output {
    writer: BufWriter<Target>,
    format: TableFormat,
    name: String,
}

impl Output {
    /// Opens the pipe, or standard output where none is named, and writes the header if the format has one. `false` beside it
    /// when nobody reads.
    pub(super) fn open(file: Option<&Path>, format: TableFormat) -> Result<(Self, bool)> {
        let name = file.map_or_else(|| "standard output".to_owned(), shown);
        let target = match file {
            None => Target::Stdout(io::stdout().lock()),
            Some(path) => {
                let file = File::options().write(true).open(path);
                Target::File(file.with_context(|| format!("{name}: cannot be written"))?)
            }
        };
        let header = match format {
            TableFormat::Ndjson => Vec::new(),
            TableFormat::Csv => csv_lines(std::iter::once(FaceRow::csv_header()))?,
            TableFormat::Parquet | TableFormat::Sqlite => {
                bail!("{name}: such a table is written to a file only; name one with -o FILE")
            }
        };
        let mut output = Self {
            writer: BufWriter::new(target),
            format,
            name,
        };
        let is_read = output.put(&header)?;
        Ok((output, is_read))
    }

    /// Writes the rows of a picture; `false` when nobody reads any more.
    pub(super) fn write(&mut self, source: &str, rows: &[FaceRow]) -> Result<bool> {
        if rows.is_empty() {
            return Ok(true);
        }
        let lines = match self.format {
            TableFormat::Csv => csv_lines(rows.iter().map(|row| row.csv_row(source)))?,
            TableFormat::Ndjson | TableFormat::Parquet | TableFormat::Sqlite => {
                let mut lines = Vec::new();
                for row in rows {
                    lines.extend(row.to_json(source)?.into_bytes());
                    lines.push(b'\n');
                }
                lines
            }
        };
        self.put(&lines)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<bool> {
        match self
            .writer
            .write_all(bytes)
            .and_then(|()| self.writer.flush())
        {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(error).with_context(|| format!("{}: cannot be written", self.name)),
        }
    }
}

/// A pipe or a device: to be written to, not replaced.
pub(super) fn exists_and_is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

pub(super) fn csv_lines(rows: impl Iterator<Item = Vec<String>>) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.write_record(row)?;
    }
    writer.into_inner().context("CSV")
}
