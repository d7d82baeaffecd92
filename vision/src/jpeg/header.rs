//! What a JPEG says about itself before its first pixel: read without a decoder, so that limits
//! hold before any memory is asked for.

use regard_domain::FrameSize;

use crate::PhotoError;

const SOI: u8 = 0xD8;
const EOI: u8 = 0xD9;
const SOS: u8 = 0xDA;
const DHT: u8 = 0xC4;
const APP1: u8 = 0xE1;

/// What the segments before the first scan say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JpegHeader<'a> {
    pub(crate) size: FrameSize,
    pub(crate) n_components: u8,
    /// Whether coefficients must be kept until the last scan: progressive, or several scans.
    pub(crate) is_buffered: bool,
    /// Whether a Huffman table precedes the first scan; webcams leave them out.
    pub(crate) has_huffman: bool,
    /// Where the first scan's marker begins.
    pub(crate) scan_offset: usize,
    /// Body of the EXIF block, if there is one.
    pub(crate) exif: Option<&'a [u8]>,
}

/// Whether bytes begin like a JPEG.
pub(crate) const fn looks_like_jpeg(bytes: &[u8]) -> bool {
    matches!(bytes, [0xFF, SOI, 0xFF, ..])
}

fn damaged(reason: &str) -> PhotoError {
    PhotoError::Damaged {
        format: "JPEG",
        reason: reason.to_owned(),
    }
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}

/// Reads the segments up to the first scan.
///
/// # Errors
/// [`PhotoError::NotAnImage`], [`PhotoError::Truncated`], [`PhotoError::Unsupported`] (arithmetic coding,
/// lossless, 12 bits), [`PhotoError::Damaged`].
pub(crate) fn read_header(bytes: &[u8]) -> Result<JpegHeader<'_>, PhotoError> {
    if bytes.is_empty() {
        return Err(PhotoError::Empty);
    }
    if !looks_like_jpeg(bytes) {
        return Err(PhotoError::NotAnImage);
    }
    let mut at = 2;
    let mut frame = None;
    let mut has_huffman = false;
    let mut exif = None;
    loop {
        // Any number of 0xFF may fill the space before a marker.
        while bytes.get(at) == Some(&0xFF) && bytes.get(at + 1) == Some(&0xFF) {
            at += 1;
        }
        let (Some(0xFF), Some(&marker)) = (bytes.get(at).copied(), bytes.get(at + 1)) else {
            return Err(if at + 1 >= bytes.len() {
                PhotoError::Truncated
            } else {
                damaged("no marker where one belongs")
            });
        };
        if matches!(marker, 0x01 | 0xD0..=0xD7) {
            at += 2;
            continue;
        }
        if marker == EOI {
            return Err(damaged("ends before its first scan"));
        }
        let len = usize::from(be16(bytes, at + 2).ok_or(PhotoError::Truncated)?);
        if len < 2 {
            return Err(damaged("a segment shorter than its own length field"));
        }
        let body = bytes
            .get(at + 4..at + 2 + len)
            .ok_or(PhotoError::Truncated)?;
        match marker {
            SOS => {
                let (size, n_components, is_progressive) =
                    frame.ok_or_else(|| damaged("a scan before the frame header"))?;
                let is_buffered = is_progressive || body.first() != Some(&n_components);
                return Ok(JpegHeader {
                    size,
                    n_components,
                    is_buffered,
                    has_huffman,
                    scan_offset: at,
                    exif,
                });
            }
            DHT => has_huffman = true,
            APP1 => exif = exif.or_else(|| body.strip_prefix(b"Exif\0\0")),
            0xC0..=0xCF if !matches!(marker, 0xC8 | 0xCC) => {
                if frame.is_some() {
                    return Err(damaged("two frame headers"));
                }
                frame = Some(read_frame_header(marker, body)?);
            }
            _ => {}
        }
        at += 2 + len;
    }
}

/// Size, number of components, whether progressive.
fn read_frame_header(marker: u8, body: &[u8]) -> Result<(FrameSize, u8, bool), PhotoError> {
    let unsupported = |what: &str| PhotoError::Unsupported {
        what: what.to_owned(),
    };
    match marker {
        0xC0..=0xC2 => {}
        0xC9..=0xCB | 0xCD..=0xCF => return Err(unsupported("JPEG with arithmetic coding")),
        _ => return Err(unsupported("lossless or hierarchical JPEG")),
    }
    let [precision, h1, h0, w1, w0, n_components, ..] = *body else {
        return Err(damaged("frame header too short"));
    };
    if precision != 8 {
        return Err(unsupported("JPEG of more than 8 bits a channel"));
    }
    if !matches!(n_components, 1 | 3 | 4) {
        return Err(unsupported("JPEG with neither 1, 3 nor 4 components"));
    }
    let (width, height) = (u16::from_be_bytes([w1, w0]), u16::from_be_bytes([h1, h0]));
    if height == 0 {
        return Err(unsupported("JPEG that states its height after its pixels"));
    }
    if width == 0 {
        return Err(damaged("width 0"));
    }
    let size = FrameSize {
        width: u32::from(width),
        height: u32::from(height),
    };
    Ok((size, n_components, marker == 0xC2))
}

/// Whether the end marker follows the first scan. A picture without it was cut short; what
/// follows the marker (padding of webcams, previews) does not matter.
pub(crate) fn has_end(bytes: &[u8], scan_offset: usize) -> bool {
    bytes.get(scan_offset..).is_some_and(|rest| {
        // Inside a scan 0xFF is always stuffed or a marker, so the pair cannot be data.
        rest.windows(2).rev().any(|pair| pair == [0xFF, EOI])
    })
}

/// The four typical Huffman tables as DHT segments.
///
/// # Source
/// ITU-T T.81 annex K.3.3, tables K.3 to K.6: the tables that Motion-JPEG streams leave out.
pub(crate) fn standard_huffman_tables() -> Vec<u8> {
    let mut segments = Vec::with_capacity(4 * 200);
    for (class_and_id, counts, values) in [
        (0x00, &DC_LUMA_COUNTS, &DC_VALUES[..]),
        (0x01, &DC_CHROMA_COUNTS, &DC_VALUES[..]),
        (0x10, &AC_LUMA_COUNTS, &AC_LUMA_VALUES[..]),
        (0x11, &AC_CHROMA_COUNTS, &AC_CHROMA_VALUES[..]),
    ] {
        // Length field, class and id, 16 counts, values: at most 181.
        let len = (2 + 1 + 16 + values.len()) as u8;
        segments.extend_from_slice(&[0xFF, DHT, 0, len, class_and_id]);
        segments.extend_from_slice(counts);
        segments.extend_from_slice(values);
    }
    segments
}

const DC_LUMA_COUNTS: [u8; 16] = [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0];
const DC_CHROMA_COUNTS: [u8; 16] = [0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0];
const DC_VALUES: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
const AC_LUMA_COUNTS: [u8; 16] = [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7D];
const AC_CHROMA_COUNTS: [u8; 16] = [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77];
const AC_LUMA_VALUES: [u8; 162] = [
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07,
    0x22, 0x71, 0x14, 0x32, 0x81, 0x91, 0xa1, 0x08, 0x23, 0x42, 0xb1, 0xc1, 0x15, 0x52, 0xd1, 0xf0,
    0x24, 0x33, 0x62, 0x72, 0x82, 0x09, 0x0a, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x25, 0x26, 0x27, 0x28,
    0x29, 0x2a, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49,
    0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69,
    0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89,
    0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7,
    0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3, 0xc4, 0xc5,
    0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe1, 0xe2,
    0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8,
    0xf9, 0xfa,
];
const AC_CHROMA_VALUES: [u8; 162] = [
    0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71,
    0x13, 0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xa1, 0xb1, 0xc1, 0x09, 0x23, 0x33, 0x52, 0xf0,
    0x15, 0x62, 0x72, 0xd1, 0x0a, 0x16, 0x24, 0x34, 0xe1, 0x25, 0xf1, 0x17, 0x18, 0x19, 0x1a, 0x26,
    0x27, 0x28, 0x29, 0x2a, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48,
    0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68,
    0x69, 0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87,
    0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5,
    0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3,
    0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda,
    0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8,
    0xf9, 0xfa,
];
