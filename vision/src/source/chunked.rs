//! The chunked coding of HTTP/1.1 bodies, undone piece by piece.

/// Longest line of a chunk's size with its extensions, in bytes.
const MAX_LINE_LEN: usize = 1024;

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expecting {
    Size,
    Data { left: u64 },
    LineEnd,
    Ended,
}

/// Undoes the chunked coding; holds one line at most.
///
/// # Source
/// RFC 9112, section 7.1. Trailers are not read: the body has ended before them.
#[derive(Debug)]
pub(super) struct Chunked {
    expecting: Expecting,
    line: Vec<u8>,
}

impl Chunked {
    pub(super) const fn new() -> Self {
        Self {
            expecting: Expecting::Size,
            line: Vec::new(),
        }
    }

    /// Passes on the data in these bytes; false once the body has ended.
    pub(super) fn decode(
        &mut self,
        mut bytes: &[u8],
        data: &mut dyn FnMut(&[u8]),
    ) -> Result<bool, &'static str> {
        while !bytes.is_empty() {
            match self.expecting {
                Expecting::Ended => return Ok(false),
                Expecting::Data { left } => {
                    let n_taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    let (taken, rest) = bytes.split_at(n_taken);
                    data(taken);
                    bytes = rest;
                    let left = left - n_taken as u64;
                    self.expecting = if left == 0 {
                        Expecting::LineEnd
                    } else {
                        Expecting::Data { left }
                    };
                }
                Expecting::Size | Expecting::LineEnd => {
                    let (&byte, rest) = bytes.split_first().expect("not empty, as checked above");
                    bytes = rest;
                    if byte == b'\n' {
                        self.end_line()?;
                    } else if self.line.len() < MAX_LINE_LEN {
                        self.line.push(byte);
                    } else {
                        return Err("the line of a chunk's size has no end");
                    }
                }
            }
        }
        Ok(self.expecting != Expecting::Ended)
    }

    fn end_line(&mut self) -> Result<(), &'static str> {
        let line = std::mem::take(&mut self.line);
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        if self.expecting == Expecting::LineEnd {
            self.expecting = Expecting::Size;
            return if line.is_empty() {
                Ok(())
            } else {
                Err("a chunk is longer than it said")
            };
        }
        let digits = line.split(|b| *b == b';').next().unwrap_or_default();
        let left = std::str::from_utf8(digits.trim_ascii())
            .ok()
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|digits| u64::from_str_radix(digits, 16).ok())
            .ok_or("the size of a chunk is no number")?;
        self.expecting = if left == 0 {
            Expecting::Ended
        } else {
            Expecting::Data { left }
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(pieces: &[&[u8]]) -> Result<(Vec<u8>, bool), &'static str> {
        let mut chunked = Chunked::new();
        let (mut out, mut goes_on) = (Vec::new(), true);
        for piece in pieces {
            goes_on = chunked.decode(piece, &mut |data| out.extend_from_slice(data))?;
        }
        Ok((out, goes_on))
    }

    #[test]
    fn any_cut_gives_the_same_data() {
        let body = b"4\r\nWiki\r\n6;name=value\r\npedia \r\nB\r\nin \r\n\r\nchun\r\n0\r\n\r\n";
        for cut in 0..=body.len() {
            let (out, goes_on) = decoded(&[&body[..cut], &body[cut..]]).unwrap();
            assert_eq!(out, b"Wikipedia in \r\n\r\nchun");
            assert!(!goes_on || cut == body.len());
        }
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(decoded(&[b"x\r\n"]).is_err());
        assert!(decoded(&[b"-4\r\nWiki"]).is_err());
        assert!(decoded(&[b"\r\n"]).is_err());
        assert!(decoded(&[b"11111111111111111\r\n"]).is_err());
        assert!(decoded(&[b"1\r\nab\r\n"]).is_err());
        assert!(decoded(&[&[b'1'; MAX_LINE_LEN + 1]]).is_err());
    }
}
