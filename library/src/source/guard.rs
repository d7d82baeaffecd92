//! Readers that stop where a header claims too much.

use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

use thiserror::Error;

/// Bytes that an archive may unfold to whatever its size, so that small ones of flat pictures are no bombs.
const FREE_BYTES: u64 = 256 << 20;

/// A lid was reached.
#[derive(Debug, Error)]
pub(crate) enum LidError {
    /// Headers of one entry.
    #[error("the headers of one entry are longer than {max_bytes} bytes")]
    Headers {
        /// The lid.
        max_bytes: u64,
    },
    /// All of an archive.
    #[error(
        "it unfolds to more than {max_ratio} times its size; raise --max-ratio if it is meant to"
    )]
    Ratio {
        /// The lid.
        max_ratio: u64,
    },
}

/// Whether an error is that of a lid.
pub(crate) fn is_lid(error: &io::Error) -> bool {
    match error.get_ref() {
        Some(inner) => inner.is::<LidError>(),
        None => false,
    }
}

/// Bytes that have gone through, known to whoever holds a clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Count(Rc<Cell<u64>>);

impl Count {
    pub(crate) fn get(&self) -> u64 {
        self.0.get()
    }

    pub(crate) fn add(&self, n: u64) {
        self.0.set(self.0.get().saturating_add(n));
    }
}

/// Counts what is read.
pub(crate) struct Counted<R> {
    inner: R,
    count: Count,
}

impl<R> Counted<R> {
    pub(crate) fn new(inner: R, count: Count) -> Self {
        Self { inner, count }
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.count.add(n as u64);
        Ok(n)
    }
}

/// How much may come out of what went in.
#[derive(Clone, Debug)]
pub(crate) struct Expansion {
    packed: Count,
    unfolded: Count,
    max_ratio: u64,
}

impl Expansion {
    /// `packed` counts what went in.
    pub(crate) fn new(packed: Count, max_ratio: u64) -> Self {
        Self {
            packed,
            unfolded: Count::default(),
            max_ratio,
        }
    }

    /// Counts what came out.
    pub(crate) fn add(&self, n: u64) -> io::Result<()> {
        self.unfolded.add(n);
        let most = self.packed.get().saturating_mul(self.max_ratio);
        if self.unfolded.get() > most.max(FREE_BYTES) {
            let max_ratio = self.max_ratio;
            return Err(io::Error::other(LidError::Ratio { max_ratio }));
        }
        Ok(())
    }
}

/// What comes out of a decoder, as long as it is in proportion to what went in.
pub(crate) struct Unfolding<R> {
    inner: R,
    expansion: Expansion,
}

impl<R> Unfolding<R> {
    pub(crate) const fn new(inner: R, expansion: Expansion) -> Self {
        Self { inner, expansion }
    }
}

impl<R: Read> Read for Unfolding<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.expansion.add(n as u64)?;
        Ok(n)
    }
}

/// Reads no further than it was given leave to. Clones of the leave are set from outside.
pub(crate) struct Leashed<R> {
    inner: R,
    leash: Leash,
}

/// How many bytes may still be read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leash {
    left: Rc<Cell<u64>>,
}

/// Bytes of all headers of one entry: names and extensions. Origin: sixteen of the longest names, and what programs add.
const MAX_HEADER_BYTES: u64 = 1 << 20;

impl Leash {
    /// Lets the headers of one entry be read, and `n_skipped` bytes before them.
    pub(crate) fn let_headers(&self, n_skipped: u64) {
        self.left.set(MAX_HEADER_BYTES.saturating_add(n_skipped));
    }

    /// Lets everything be read: somebody else counts.
    pub(crate) fn let_all(&self) {
        self.left.set(u64::MAX);
    }
}

impl<R> Leashed<R> {
    pub(crate) const fn new(inner: R, leash: Leash) -> Self {
        Self { inner, leash }
    }
}

impl<R: Read> Read for Leashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.leash.left.get();
        if left == 0 && !buffer.is_empty() {
            return Err(io::Error::other(LidError::Headers {
                max_bytes: MAX_HEADER_BYTES,
            }));
        }
        let n_wanted = buffer
            .len()
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        let n = self.inner.read(&mut buffer[..n_wanted])?;
        if left != u64::MAX {
            self.leash.left.set(left - n as u64);
        }
        Ok(n)
    }
}

impl<R: Seek> Seek for Leashed<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leash_holds_and_can_be_lengthened() {
        let leash = Leash::default();
        let mut reader = Leashed::new(io::repeat(7), leash.clone());
        let mut buffer = [0; 64];
        assert!(is_lid(&reader.read(&mut buffer).unwrap_err()));
        leash.let_headers(0);
        let n = io::copy(&mut (&mut reader).take(MAX_HEADER_BYTES), &mut io::sink()).unwrap();
        assert_eq!(n, MAX_HEADER_BYTES);
        assert!(is_lid(&reader.read(&mut buffer).unwrap_err()));
        leash.let_all();
        assert_eq!(reader.read(&mut buffer).unwrap(), 64);
    }

    #[test]
    fn what_unfolds_out_of_proportion_stops() {
        let packed = Count::default();
        let mut reader = Unfolding::new(io::repeat(0), Expansion::new(packed.clone(), 10));
        let n_free = io::copy(&mut (&mut reader).take(FREE_BYTES), &mut io::sink()).unwrap();
        assert_eq!(n_free, FREE_BYTES);
        assert!(is_lid(&reader.read(&mut [0; 1]).unwrap_err()));
        packed.add(FREE_BYTES);
        assert_eq!(reader.read(&mut [0; 1]).unwrap(), 1);
    }
}
