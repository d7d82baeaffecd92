//! Portable pixmaps, one after the other: pictures that say their own size.

use std::io::{self, Read};

use regard_domain::FrameSize;

use crate::{MAX_PIXELS, MAX_SIDE_PX};

/// Longest header: `P6`, three numbers of at most five digits, what stands between them.
const MAX_HEADER_LEN: usize = 32;

/// One picture.
pub(super) struct Pixmap {
    pub(super) rgb: Vec<u8>,
    pub(super) size: FrameSize,
}

fn bad(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Reads the next picture; nothing at the end of the input.
///
/// # Errors
/// `UnexpectedEof` when the input ends inside one, `InvalidData` when it is none or too large.
pub(super) fn read_pixmap(input: &mut impl Read) -> io::Result<Option<Pixmap>> {
    let mut header: Vec<u8> = Vec::with_capacity(MAX_HEADER_LEN);
    // Four spaces or line ends: `ffmpeg` writes "P6\n<width> <height>\n255\n".
    while header.iter().filter(|b| b.is_ascii_whitespace()).count() < 4 {
        let mut byte = [0];
        if input.read(&mut byte)? == 0 {
            return if header.is_empty() {
                Ok(None)
            } else {
                Err(io::ErrorKind::UnexpectedEof.into())
            };
        }
        header.push(byte[0]);
        if header.len() > MAX_HEADER_LEN {
            return Err(bad("a picture without a header"));
        }
    }
    let size = parse_header(&header).ok_or_else(|| bad("a picture without a header"))?;
    let n_pixels = u64::from(size.width) * u64::from(size.height);
    if n_pixels > MAX_PIXELS || size.width.max(size.height) > MAX_SIDE_PX {
        return Err(bad("a picture that is too large"));
    }
    let mut rgb = vec![0; size.width as usize * size.height as usize * 3];
    input.read_exact(&mut rgb)?;
    Ok(Some(Pixmap { rgb, size }))
}

fn parse_header(header: &[u8]) -> Option<FrameSize> {
    let text = std::str::from_utf8(header).ok()?;
    let mut words = text.split_ascii_whitespace();
    (words.next()? == "P6").then_some(())?;
    let width = words.next()?.parse().ok()?;
    let height = words.next()?.parse().ok()?;
    let is_valid = words.next()? == "255" && width > 0 && height > 0;
    is_valid.then_some(FrameSize { width, height })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_follow_each_other_and_cuts_are_noticed() {
        let bytes = b"P6\n2 1\n255\nabcdefP6\n1 1\n255\nxyz";
        let mut input = bytes.as_slice();
        let first = read_pixmap(&mut input).unwrap().unwrap();
        assert_eq!(
            (first.rgb.as_slice(), first.size.width),
            (&b"abcdef"[..], 2)
        );
        let second = read_pixmap(&mut input).unwrap().unwrap();
        assert_eq!(second.rgb, b"xyz");
        assert!(read_pixmap(&mut input).unwrap().is_none());
        let error = read_pixmap(&mut &bytes[..14]).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn other_headers_are_refused() {
        for header in [
            "P5\n2 1\n255\n",
            "P6\n0 1\n255\n",
            "P6\n2 1\n65535\n",
            "P6\n99999 99999\n255\n",
            "P6 this is no picture at all and goes on",
        ] {
            let error = read_pixmap(&mut header.as_bytes()).err().unwrap();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{header}");
        }
    }
}
