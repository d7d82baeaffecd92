//! Embeddings by number: in memory, or spooled to disk.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Most values of an embedding. Origin: four times the widest in common use.
pub const MAX_DIM: usize = 8_192;

/// Most examples of one go: their numbers are 32 bits wide, and what is kept in memory of each stays below 100 bytes.
pub const MAX_EXAMPLES: usize = 20_000_000;

/// A spool that could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The file cannot be made or written: mostly because the disk is full.
    #[error("embeddings cannot be spooled to {}; name a folder with room (4 bytes a value and photograph)", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file cannot be read back.
    #[error("spooled embeddings cannot be read back")]
    Read(#[source] io::Error),
}

/// Embeddings by number, all of the same length.
pub trait Rows: Sync {
    /// How many values each has.
    fn dim(&self) -> usize;

    /// Hands each of the rows named to `take`, in the order named, with its place in `rows`.
    ///
    /// # Errors
    /// [`SpoolError::Read`].
    fn visit(&self, rows: &[u32], take: &mut dyn FnMut(usize, &[f32])) -> Result<(), SpoolError>;
}

/// Embeddings in memory.
#[derive(Clone, Debug, Default)]
pub struct Table {
    dim: usize,
    values: Vec<f32>,
}

impl Table {
    /// Rows of `dim` values, one after the other; nothing where they do not fill their rows.
    pub fn new(dim: usize, values: Vec<f32>) -> Option<Self> {
        let is_whole = dim > 0 && values.len().is_multiple_of(dim);
        is_whole.then_some(Self { dim, values })
    }

    /// How many rows there are.
    pub fn n_rows(&self) -> usize {
        self.values.len() / self.dim.max(1)
    }

    /// One row.
    pub fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.dim..][..self.dim]
    }
}

impl Rows for Table {
    fn dim(&self) -> usize {
        self.dim
    }

    fn visit(&self, rows: &[u32], take: &mut dyn FnMut(usize, &[f32])) -> Result<(), SpoolError> {
        for (place, row) in rows.iter().enumerate() {
            take(place, self.row(*row as usize));
        }
        Ok(())
    }
}

/// Embeddings on disk, in a file without a name that is gone when the program is.
#[derive(Debug)]
pub(super) struct Spool {
    dim: usize,
    file: File,
}

impl Rows for Spool {
    fn dim(&self) -> usize {
        self.dim
    }

    fn visit(&self, rows: &[u32], take: &mut dyn FnMut(usize, &[f32])) -> Result<(), SpoolError> {
        let row_bytes = self.dim * size_of::<f32>();
        let mut bytes = vec![0; row_bytes];
        let mut values = vec![0.0; self.dim];
        for (place, row) in rows.iter().enumerate() {
            let at = u64::from(*row) * row_bytes as u64;
            self.file
                .read_exact_at(&mut bytes, at)
                .map_err(SpoolError::Read)?;
            for (value, four) in values.iter_mut().zip(bytes.as_chunks::<4>().0) {
                *value = f32::from_le_bytes(*four);
            }
            take(place, &values);
        }
        Ok(())
    }
}

/// A spool that is being filled.
pub(super) struct SpoolWriter {
    dim: usize,
    path: PathBuf,
    out: BufWriter<File>,
}

impl SpoolWriter {
    /// A spool in a folder.
    pub(super) fn create(folder: &Path, dim: usize) -> Result<Self, SpoolError> {
        let failed = |source| SpoolError::Write {
            path: folder.to_owned(),
            source,
        };
        let file = tempfile::tempfile_in(folder).map_err(failed)?;
        Ok(Self {
            dim,
            path: folder.to_owned(),
            out: BufWriter::with_capacity(1 << 20, file),
        })
    }

    /// Adds a row, which has the length of all.
    pub(super) fn push(&mut self, row: &[f32]) -> Result<(), SpoolError> {
        debug_assert_eq!(row.len(), self.dim);
        row.iter()
            .try_for_each(|value| self.out.write_all(&value.to_le_bytes()))
            .map_err(|source| SpoolError::Write {
                path: self.path.clone(),
                source,
            })
    }

    /// The spool, to be read.
    pub(super) fn finish(self) -> Result<Spool, SpoolError> {
        let path = self.path;
        let file = self.out.into_inner().map_err(|error| SpoolError::Write {
            path,
            source: error.into_error(),
        })?;
        Ok(Spool {
            dim: self.dim,
            file,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spooled_comes_back_in_any_order() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = SpoolWriter::create(folder.path(), 3).unwrap();
        for row in 0..50_u8 {
            let value = f32::from(row);
            writer.push(&[value, -value, 0.5]).unwrap();
        }
        let spool = writer.finish().unwrap();
        let mut seen = Vec::new();
        spool
            .visit(&[49, 0, 7, 7], &mut |place, row| seen.push((place, row[0])))
            .unwrap();
        assert_eq!(seen, [(0, 49.0), (1, 0.0), (2, 7.0), (3, 7.0)]);
        assert!(spool.visit(&[50], &mut |_, _| ()).is_err());
        // Nothing is left in the folder: the file never had a name.
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = SpoolWriter::create(Path::new("/nowhere/at/all"), 3)
            .err()
            .unwrap();
        assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
    }
}
