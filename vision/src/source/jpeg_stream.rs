//! JPEG images out of a stream of bytes, by walking markers.

use regard_domain::FrameSize;

use super::error::BadFrame;

/// Longest JPEG taken, in bytes. Origin: an 8K frame (7680 × 4320) at 4 bits a pixel.
pub const MAX_JPEG_BYTES: usize = 16 * 1024 * 1024;

/// What follows `FF` in a marker that matters here.
mod marker {
    pub(super) const SOI: u8 = 0xD8;
    pub(super) const EOI: u8 = 0xD9;
    pub(super) const SOS: u8 = 0xDA;
    pub(super) const TEM: u8 = 0x01;
}

/// Whether a marker stands alone, without a length after it.
const fn is_standalone(code: u8) -> bool {
    matches!(code, marker::TEM | 0xD0..=0xD7)
}

/// Whether a marker starts a frame header, which tells the size.
const fn is_frame_header(code: u8) -> bool {
    matches!(code, 0xC0..=0xCF) && !matches!(code, 0xC4 | 0xC8 | 0xCC)
}

/// Width and height from the body of a frame header (after its length).
fn size_in_header(body: &[u8]) -> Option<FrameSize> {
    let [_, h1, h0, w1, w0, ..] = *body else {
        return None;
    };
    let size = FrameSize {
        width: u32::from(u16::from_be_bytes([w1, w0])),
        height: u32::from(u16::from_be_bytes([h1, h0])),
    };
    (size.width > 0 && size.height > 0).then_some(size)
}

/// Width and height of one JPEG, found in its header without decoding.
pub(super) fn jpeg_size(jpeg: &[u8]) -> Option<FrameSize> {
    let mut rest = jpeg.strip_prefix(&[0xFF, marker::SOI])?;
    loop {
        rest = rest.strip_prefix(&[0xFF])?;
        while let Some(after_fill) = rest.strip_prefix(&[0xFF]) {
            rest = after_fill;
        }
        let (&code, after_code) = rest.split_first()?;
        if is_standalone(code) {
            rest = after_code;
            continue;
        }
        if matches!(code, 0 | marker::SOI | marker::EOI | marker::SOS) {
            return None;
        }
        let length = usize::from(u16::from_be_bytes([
            *after_code.first()?,
            *after_code.get(1)?,
        ]));
        let body = after_code.get(2..length.max(2))?;
        if is_frame_header(code) {
            return size_in_header(body);
        }
        rest = &after_code[length.max(2)..];
    }
}

/// One JPEG cut out of a stream.
///
/// # Privacy
/// A frame: exists under `Grant<Sensing>` or is of a file that an operator gave.
pub struct JpegFrame {
    /// From start to end marker.
    pub bytes: Vec<u8>,
    /// Width and height in pixels, as its header says.
    pub size: FrameSize,
}

impl std::fmt::Debug for JpegFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "JpegFrame({} bytes withheld)", self.bytes.len())
    }
}

/// Where in an image the splitter stands; `at` is the next byte to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before a start marker.
    Between,
    /// Where a marker must be.
    Marker,
    /// In compressed data, where only some markers end it.
    Scan,
}

/// Cuts JPEGs out of bytes that come in pieces of any size.
///
/// Walks from segment to segment, so that a thumbnail inside one never ends an image. What stands
/// between images (multipart headers, padding) is skipped. Holds at most [`MAX_JPEG_BYTES`] and the
/// last piece.
#[derive(Debug)]
pub struct JpegSplitter {
    buffer: Vec<u8>,
    at: usize,
    place: Place,
    size: Option<FrameSize>,
    has_scan: bool,
    max_bytes: usize,
}

impl Default for JpegSplitter {
    fn default() -> Self {
        Self::new()
    }
}

impl JpegSplitter {
    /// A splitter at the start of its stream.
    pub const fn new() -> Self {
        Self::with_max_bytes(MAX_JPEG_BYTES)
    }

    pub(super) const fn with_max_bytes(max_bytes: usize) -> Self {
        Self {
            buffer: Vec::new(),
            at: 0,
            place: Place::Between,
            size: None,
            has_scan: false,
            max_bytes,
        }
    }

    /// Takes the next piece.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next image that is complete, or what was wrong with the next that was not; nothing until
    /// more bytes come. Call until it gives nothing before pushing again.
    pub fn next_frame(&mut self) -> Option<Result<JpegFrame, BadFrame>> {
        loop {
            let step = match self.place {
                Place::Between => self.find_start(),
                Place::Marker => self.pass_marker(),
                Place::Scan => self.pass_scan(),
            };
            match step {
                Step::On => {}
                Step::Image => return Some(self.cut_image()),
                Step::Broken(reason) => return Some(Err(reason)),
                Step::NeedMore => {
                    if self.place != Place::Between && self.buffer.len() >= self.max_bytes {
                        self.at = self.max_bytes;
                        self.restart();
                        let max = self.max_bytes;
                        return Some(Err(BadFrame::TooLong { max }));
                    }
                    return None;
                }
            }
        }
    }

    /// Whether the stream may end here: no image has begun.
    pub fn is_between(&self) -> bool {
        self.place == Place::Between
    }

    /// Bytes held.
    pub fn n_held(&self) -> usize {
        self.buffer.len()
    }

    /// What may be looked at of the present image: never past the lid, so that where an endless image
    /// is given up does not depend on how the bytes came.
    fn view(&self) -> &[u8] {
        &self.buffer[..self.buffer.len().min(self.max_bytes)]
    }

    /// Forgets all before `at` and looks for a start from there.
    fn restart(&mut self) {
        self.buffer.drain(..self.at);
        self.at = 0;
        self.place = Place::Between;
        self.size = None;
        self.has_scan = false;
    }

    fn find_start(&mut self) -> Step {
        let start = self.buffer[self.at..]
            .windows(3)
            .position(|w| w[0] == 0xFF && w[1] == marker::SOI && w[2] == 0xFF);
        if let Some(start) = start {
            self.at += start;
            self.restart();
            self.place = Place::Marker;
            self.at = 2;
            Step::On
        } else {
            // The last two may begin a start marker that goes on in the next piece.
            self.at = self.buffer.len().saturating_sub(2).max(self.at);
            self.restart();
            Step::NeedMore
        }
    }

    fn pass_marker(&mut self) -> Step {
        let rest = &self.view()[self.at..];
        let Some(&first) = rest.first() else {
            return Step::NeedMore;
        };
        if first != 0xFF {
            self.restart();
            return Step::Broken(BadFrame::NotJpeg);
        }
        let Some(n_fill) = rest.iter().position(|b| *b != 0xFF) else {
            // Go on from the last one, so that endless fill is not walked again and again.
            self.at += rest.len() - 1;
            return Step::NeedMore;
        };
        let code = rest[n_fill];
        let after_code = self.at + n_fill + 1;
        match code {
            marker::EOI => {
                self.at = after_code;
                Step::Image
            }
            marker::SOI => {
                // A new image begins inside this one: this one was cut short.
                self.at = after_code - 2;
                self.restart();
                Step::Broken(BadFrame::NotJpeg)
            }
            0 => {
                self.at = after_code;
                self.restart();
                Step::Broken(BadFrame::NotJpeg)
            }
            code if is_standalone(code) => {
                self.at = after_code;
                Step::On
            }
            code => self.pass_segment(code, after_code),
        }
    }

    fn pass_segment(&mut self, code: u8, after_code: usize) -> Step {
        let rest = &self.view()[after_code..];
        let [l1, l0, ..] = *rest else {
            return Step::NeedMore;
        };
        let length = usize::from(u16::from_be_bytes([l1, l0]));
        if length < 2 {
            self.at = after_code;
            self.restart();
            return Step::Broken(BadFrame::NotJpeg);
        }
        let Some(body) = rest.get(2..length) else {
            return Step::NeedMore;
        };
        if is_frame_header(code) && self.size.is_none() {
            self.size = size_in_header(body);
        }
        self.at = after_code + length;
        if code == marker::SOS {
            self.has_scan = true;
            self.place = Place::Scan;
        }
        Step::On
    }

    fn pass_scan(&mut self) -> Step {
        let rest = &self.view()[self.at..];
        let Some(ff) = rest.iter().position(|b| *b == 0xFF) else {
            self.at += rest.len();
            return Step::NeedMore;
        };
        self.at += ff;
        match self.view().get(self.at + 1) {
            None => Step::NeedMore,
            // A stuffed FF or a restart: the scan goes on.
            Some(0 | 0xD0..=0xD7) => {
                self.at += 2;
                Step::On
            }
            Some(_) => {
                self.place = Place::Marker;
                Step::On
            }
        }
    }

    fn cut_image(&mut self) -> Result<JpegFrame, BadFrame> {
        let (size, has_scan) = (self.size, self.has_scan);
        let tail = self.buffer.split_off(self.at);
        let bytes = std::mem::replace(&mut self.buffer, tail);
        self.at = 0;
        self.restart();
        match size {
            Some(size) if has_scan => Ok(JpegFrame { bytes, size }),
            Some(_) | None => Err(BadFrame::NotJpeg),
        }
    }
}

/// What one step of the walk found.
enum Step {
    On,
    Image,
    Broken(BadFrame),
    NeedMore,
}

#[cfg(test)]
mod tests;
