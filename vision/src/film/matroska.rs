//! Uncompressed frames with their times as Matroska, for the standard input of `ffmpeg`: the only common way that carries the
//! time of each frame through a pipe.

use std::io::{self, Write};

use regard_domain::FrameSize;

use crate::RgbView;
use crate::picture::BYTES_PER_PIXEL;

/// Nanoseconds of a unit of time: microseconds.
const TIME_SCALE: u64 = 1_000;

/// Ids of elements.
///
/// # Source
/// RFC 9559 (Matroska) and RFC 8794 (EBML).
mod id {
    pub(super) const EBML: u32 = 0x1A45_DFA3;
    pub(super) const DOC_TYPE: u32 = 0x4282;
    pub(super) const DOC_TYPE_VERSION: u32 = 0x4287;
    pub(super) const DOC_TYPE_READ_VERSION: u32 = 0x4285;
    pub(super) const SEGMENT: u32 = 0x1853_8067;
    pub(super) const INFO: u32 = 0x1549_A966;
    pub(super) const TIMESTAMP_SCALE: u32 = 0x002A_D7B1;
    pub(super) const MUXING_APP: u32 = 0x4D80;
    pub(super) const WRITING_APP: u32 = 0x5741;
    pub(super) const TRACKS: u32 = 0x1654_AE6B;
    pub(super) const TRACK_ENTRY: u32 = 0xAE;
    pub(super) const TRACK_NUMBER: u32 = 0xD7;
    pub(super) const TRACK_UID: u32 = 0x73C5;
    pub(super) const TRACK_TYPE: u32 = 0x83;
    pub(super) const CODEC_ID: u32 = 0x86;
    pub(super) const VIDEO: u32 = 0xE0;
    pub(super) const PIXEL_WIDTH: u32 = 0xB0;
    pub(super) const PIXEL_HEIGHT: u32 = 0xBA;
    pub(super) const UNCOMPRESSED_FOURCC: u32 = 0x002E_B524;
    pub(super) const CLUSTER: u32 = 0x1F43_B675;
    pub(super) const TIMESTAMP: u32 = 0xE7;
    pub(super) const SIMPLE_BLOCK: u32 = 0xA3;
}

/// An element: id, length, content.
fn element(id: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = head(id, content.len() as u64);
    bytes.extend_from_slice(content);
    bytes
}

/// Id and length of an element; lengths always take eight bytes.
fn head(id: u32, len: u64) -> Vec<u8> {
    let mut bytes: Vec<u8> = id
        .to_be_bytes()
        .into_iter()
        .skip_while(|byte| *byte == 0)
        .collect();
    bytes.extend_from_slice(&(len | 1 << 56).to_be_bytes());
    bytes
}

fn number(id: u32, value: u64) -> Vec<u8> {
    element(id, &value.to_be_bytes())
}

/// Bytes of a frame: luma, then both colour planes at half the width and height, rounded up.
fn frame_len(size: FrameSize) -> usize {
    let (width, height) = (size.width as usize, size.height as usize);
    width * height + 2 * width.div_ceil(2) * height.div_ceil(2)
}

/// What stands before the first frame.
pub(super) fn opening(size: FrameSize) -> Vec<u8> {
    let video = [
        number(id::PIXEL_WIDTH, size.width.into()),
        number(id::PIXEL_HEIGHT, size.height.into()),
        element(id::UNCOMPRESSED_FOURCC, b"I420"),
    ]
    .concat();
    let track = [
        number(id::TRACK_NUMBER, 1),
        number(id::TRACK_UID, 1),
        number(id::TRACK_TYPE, 1),
        element(id::CODEC_ID, b"V_UNCOMPRESSED"),
        element(id::VIDEO, &video),
    ]
    .concat();
    let info = [
        number(id::TIMESTAMP_SCALE, TIME_SCALE),
        element(id::MUXING_APP, b"regard"),
        element(id::WRITING_APP, b"regard"),
    ]
    .concat();
    let ebml = [
        element(id::DOC_TYPE, b"matroska"),
        number(id::DOC_TYPE_VERSION, 4),
        number(id::DOC_TYPE_READ_VERSION, 2),
    ]
    .concat();
    // All ones: a length that is not known yet.
    let unknown = (1 << 56) - 1;
    [
        element(id::EBML, &ebml),
        head(id::SEGMENT, unknown),
        element(id::INFO, &info),
        element(id::TRACKS, &element(id::TRACK_ENTRY, &track)),
    ]
    .concat()
}

/// Writes a frame; `planes` is scratch.
pub(super) fn write_frame(
    output: &mut impl Write,
    picture: RgbView<'_>,
    time_micros: u64,
    planes: &mut Vec<u8>,
) -> io::Result<()> {
    // Track 1, at the time of its cluster, a key frame as all are.
    const BLOCK_HEAD: [u8; 4] = [0x81, 0, 0, 0x80];
    fill_planes(picture, planes);
    let block_len = BLOCK_HEAD.len() + planes.len();
    let block = head(id::SIMPLE_BLOCK, block_len as u64);
    let time = number(id::TIMESTAMP, time_micros);
    let cluster = head(id::CLUSTER, (time.len() + block.len() + block_len) as u64);
    output.write_all(&[cluster, time, block, BLOCK_HEAD.to_vec()].concat())?;
    output.write_all(planes)
}

/// Limited-range BT.601 planes with colour at half the width and height.
///
/// # Source
/// ITU-R BT.601-7, 2.5.1 to 2.5.3, in 16.16 fixed point, rounded.
fn fill_planes(picture: RgbView<'_>, planes: &mut Vec<u8>) {
    let size = picture.size();
    let (width, height) = (size.width as usize, size.height as usize);
    planes.clear();
    planes.resize(frame_len(size), 0);
    let (luma, chroma) = planes.split_at_mut(width * height);
    for (y, pixel) in luma
        .iter_mut()
        .zip(picture.pixels().chunks_exact(BYTES_PER_PIXEL))
    {
        let [r, g, b] = [pixel[0], pixel[1], pixel[2]].map(i32::from);
        *y = byte(((16_829 * r + 33_039 * g + 6_416 * b + 32_768) >> 16) + 16);
    }
    let columns = width.div_ceil(2);
    let (blue, red) = chroma.split_at_mut(columns * height.div_ceil(2));
    for (at, (u, v)) in blue.iter_mut().zip(red).enumerate() {
        let (x, y) = (2 * (at % columns), 2 * (at / columns));
        let mut sum = [0_i32; 3];
        // The last column and row of an odd side count twice.
        for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
            let (x, y) = ((x + dx).min(width - 1), (y + dy).min(height - 1));
            let from = (y * width + x) * BYTES_PER_PIXEL;
            for (sum, value) in sum.iter_mut().zip(&picture.pixels()[from..]) {
                *sum += i32::from(*value);
            }
        }
        let [r, g, b] = sum;
        // Four pixels were summed: two bits more.
        *u = byte(((-9_714 * r - 19_070 * g + 28_784 * b + 131_072) >> 18) + 128);
        *v = byte(((28_784 * r - 24_103 * g - 4_681 * b + 131_072) >> 18) + 128);
    }
}

fn byte(value: i32) -> u8 {
    u8::try_from(value.clamp(0, 255)).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_spell_as_the_standard_does() {
        assert_eq!(element(0xE7, &[5]), [0xE7, 0x01, 0, 0, 0, 0, 0, 0, 1, 5]);
        assert_eq!(
            head(id::SEGMENT, (1 << 56) - 1)[4..],
            [1, 255, 255, 255, 255, 255, 255, 255]
        );
        assert!(
            opening(FrameSize {
                width: 3,
                height: 5
            })
            .starts_with(&[0x1A, 0x45, 0xDF, 0xA3])
        );
    }

    #[test]
    fn planes_have_the_colours_of_the_standard() {
        let check = |rgb: [u8; 3], expected: [u8; 3]| {
            let size = FrameSize {
                width: 3,
                height: 3,
            };
            let pixels = rgb.repeat(9);
            let mut planes = Vec::new();
            fill_planes(RgbView::new(&pixels, size).unwrap(), &mut planes);
            assert_eq!(planes.len(), 9 + 4 + 4);
            let parts = [&planes[..9], &planes[9..13], &planes[13..]];
            for (part, expected) in parts.iter().zip(expected) {
                assert!(
                    part.iter().all(|v| v.abs_diff(expected) <= 1),
                    "{rgb:?}: {part:?} is not {expected}"
                );
            }
        };
        check([255, 255, 255], [235, 128, 128]);
        check([0, 0, 0], [16, 128, 128]);
        check([255, 0, 0], [81, 90, 240]);
        check([0, 255, 0], [145, 54, 34]);
        check([0, 0, 255], [41, 240, 110]);
    }
}
