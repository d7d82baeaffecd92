//! Where records go: standard output or a file, as NDJSON or CSV.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempPath;

use super::record::Record;
use crate::args::RecordFormat;
use crate::printable::shown;

/// What a new file is allowed, before the user's mask.
const NEW_FILE_MODE: u32 = 0o666;

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

/// The records' way out. A file appears under its name only when all is in it.
pub(super) struct Output {
    writer: BufWriter<Target>,
    format: RecordFormat,
    name: String,
    /// A file in the making, and what it is to replace.
    unfinished: Option<(TempPath, PathBuf)>,
}

impl Output {
    /// Opens the file, or standard output where none is named, and writes the header if the format
    /// has one. `false` beside it when nobody reads.
    pub(super) fn open(file: Option<&Path>, format: RecordFormat) -> Result<(Self, bool)> {
        let name = file.map_or_else(|| "standard output".to_owned(), shown);
        let cannot = || format!("{name}: cannot be written");
        let (target, unfinished) = match file {
            None => (Target::Stdout(io::stdout().lock()), None),
            Some(path) if exists_and_is_special(path) => {
                let file = File::options()
                    .write(true)
                    .open(path)
                    .with_context(cannot)?;
                (Target::File(file), None)
            }
            Some(path) => {
                // Through a link, so that the link stays one.
                let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
                let (file, temporary) = beside(&path).with_context(cannot)?.into_parts();
                (Target::File(file), Some((temporary, path)))
            }
        };
        let writer = BufWriter::new(target);
        let mut output = Self {
            writer,
            format,
            name,
            unfinished,
        };
        let header = match format {
            RecordFormat::Ndjson => Vec::new(),
            RecordFormat::Csv => csv_lines(std::iter::once(Record::csv_header()))?,
        };
        let is_read = output.put(&header)?;
        Ok((output, is_read))
    }

    /// Writes the records of a picture; `false` when nobody reads any more.
    pub(super) fn write(&mut self, records: &[Record]) -> Result<bool> {
        if records.is_empty() {
            return Ok(true);
        }
        let lines = match self.format {
            RecordFormat::Ndjson => {
                let mut lines = Vec::new();
                for record in records {
                    serde_json::to_writer(&mut lines, record)?;
                    lines.push(b'\n');
                }
                lines
            }
            RecordFormat::Csv => csv_lines(records.iter().map(Record::csv_row))?,
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

    /// Lets the file appear under its name.
    pub(super) fn finish(self) -> Result<()> {
        let cannot = || format!("{}: cannot be written", self.name);
        if let Target::File(file) = self.writer.get_ref()
            && self.unfinished.is_some()
        {
            file.sync_all().with_context(cannot)?;
        }
        match self.unfinished {
            Some((temporary, path)) => temporary
                .persist(path)
                .map_err(|e| e.error)
                .with_context(|| format!("{}: cannot be written", self.name)),
            None => Ok(()),
        }
    }
}

/// A pipe or a device: to be written to, not replaced.
fn exists_and_is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

fn beside(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it has no name",
        ));
    };
    if path.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    }
    let mut prefix = std::ffi::OsString::from(".");
    prefix.push(name);
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    tempfile::Builder::new()
        .prefix(&prefix)
        .suffix(".unfinished")
        .permissions(fs::Permissions::from_mode(NEW_FILE_MODE))
        .tempfile_in(folder.unwrap_or(Path::new(".")))
}

fn csv_lines(rows: impl Iterator<Item = Vec<String>>) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.write_record(row)?;
    }
    writer.into_inner().context("CSV")
}
