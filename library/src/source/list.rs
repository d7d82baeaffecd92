//! Lists of names in a file, one a line.

use std::ffi::OsString;
use std::io::{self, BufRead, Read};
use std::os::unix::ffi::OsStringExt;

/// Longest line, in bytes. Origin: twice the longest path of Linux (4096), with room for addresses of objects.
const MAX_LINE_BYTES: u64 = 8_192;

/// The names of a list as they come. Empty lines are passed over; a line's end may be that of Windows.
pub(crate) struct ListLines<R> {
    reader: R,
    n_lines: u64,
    is_over: bool,
}

impl<R: BufRead> ListLines<R> {
    pub(crate) const fn new(reader: R) -> Self {
        Self {
            reader,
            n_lines: 0,
            is_over: false,
        }
    }

    /// Number of the line that was read last, from 1.
    pub(crate) const fn n_lines(&self) -> u64 {
        self.n_lines
    }
}

/// Why a line gives no name.
#[derive(Debug)]
pub(crate) enum BadLine {
    /// Longer than any name.
    TooLong,
    /// A byte that no name has.
    Nul,
    /// The list could not be read any further.
    Read(io::Error),
}

impl<R: BufRead> Iterator for ListLines<R> {
    type Item = Result<OsString, BadLine>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.is_over {
            let mut line = Vec::new();
            let read = (&mut self.reader)
                .take(MAX_LINE_BYTES)
                .read_until(b'\n', &mut line);
            let n = match read {
                Ok(n) => n,
                Err(error) => {
                    self.is_over = true;
                    return Some(Err(BadLine::Read(error)));
                }
            };
            if n == 0 {
                self.is_over = true;
                return None;
            }
            self.n_lines += 1;
            if line.last() != Some(&b'\n') && n as u64 == MAX_LINE_BYTES {
                if let Err(error) = self.skip_line() {
                    self.is_over = true;
                    return Some(Err(BadLine::Read(error)));
                }
                return Some(Err(BadLine::TooLong));
            }
            if line.last() == Some(&b'\n') {
                line.pop();
            }
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            if line.contains(&0) {
                return Some(Err(BadLine::Nul));
            }
            if !line.is_empty() {
                return Some(Ok(OsString::from_vec(line)));
            }
        }
        None
    }
}

impl<R: BufRead> ListLines<R> {
    /// Reads on to the end of the line, keeping nothing.
    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.reader.fill_buf()?;
            if buffer.is_empty() {
                return Ok(());
            }
            let end = buffer.iter().position(|b| *b == b'\n');
            let n = end.map_or(buffer.len(), |at| at + 1);
            self.reader.consume(n);
            if end.is_some() {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Vec<String> {
        ListLines::new(bytes)
            .map(|line| match line {
                Ok(name) => name.to_string_lossy().into_owned(),
                Err(error) => format!("! {error:?}"),
            })
            .collect()
    }

    #[test]
    fn one_name_a_line() {
        assert_eq!(read(b"a.jpg\r\n\n# b\nlast"), ["a.jpg", "# b", "last"]);
        assert_eq!(read(b""), Vec::<String>::new());
        assert_eq!(read(b"a\0b\nc"), ["! Nul", "c"]);
    }

    #[test]
    fn a_line_without_end_takes_no_memory() {
        let mut bytes = vec![b'x'; 1 << 20];
        bytes.extend(b"\nshort\n");
        assert_eq!(read(&bytes), ["! TooLong", "short"]);
        // One that is just as long as may be, with its end, is none too many.
        let mut bytes = vec![b'y'; MAX_LINE_BYTES as usize - 1];
        bytes.extend(b"\nz");
        assert_eq!(read(&bytes).len(), 2);
    }
}
