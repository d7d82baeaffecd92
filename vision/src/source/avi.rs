//! Motion-JPEG in AVI.

use std::io::{self, ErrorKind, Read};

use super::error::BadFrame;
use super::jpeg_stream::{JpegFrame, MAX_JPEG_BYTES, jpeg_size};

/// Longest header chunk that is read, in bytes; stream headers have 56 and formats 40 and a few.
const MAX_HEADER_LEN: u32 = 4096;

/// Codes under which AVI files hold plain JPEGs.
const MJPEG_CODES: [&[u8; 4]; 4] = [b"MJPG", b"mjpg", b"JPEG", b"jpeg"];

/// Frames a second when the header gives none that makes sense.
const FALLBACK_FPS: f64 = 25.0;

/// The frames of an AVI file, one after the other; the index at its end is not used, so that a file
/// that was never finished reads as well.
///
/// # Source
/// Microsoft, "AVI RIFF File Reference"; OpenDML 1.02 for files of more than one `RIFF` (`AVIX`).
pub(super) struct AviReader {
    input: Box<dyn Read + Send>,
    video: VideoStream,
    /// For empty chunks, which mean "as before".
    last: Option<Vec<u8>>,
    has_ended: bool,
}

/// The video stream that is read.
struct VideoStream {
    /// The two digits its chunks begin with.
    number: [u8; 2],
    fps: f64,
}

/// What stands before a chunk's data.
struct ChunkHead {
    id: [u8; 4],
    n_bytes: u32,
}

impl ChunkHead {
    /// Bytes of the data with the one that pads it to an even number.
    const fn padded(&self) -> u64 {
        self.n_bytes as u64 + (self.n_bytes & 1) as u64
    }
}

/// Reads until the buffer is full or the input ends; how many bytes came.
fn fill(input: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut n_filled = 0;
    while n_filled < buffer.len() {
        match input.read(&mut buffer[n_filled..]) {
            Ok(0) => break,
            Ok(n_bytes) => n_filled += n_bytes,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(n_filled)
}

/// The next chunk's head; nothing at the end, also one in the middle of a head.
///
/// Lists are entered and not stepped over, for what is in them comes right after: all chunks of
/// interest come by in one flat row.
fn next_chunk(input: &mut dyn Read) -> io::Result<Option<ChunkHead>> {
    loop {
        let mut head = [0; 8];
        if fill(input, &mut head)? < head.len() {
            return Ok(None);
        }
        let [a, b, c, d, s0, s1, s2, s3] = head;
        let chunk = ChunkHead {
            id: [a, b, c, d],
            n_bytes: u32::from_le_bytes([s0, s1, s2, s3]),
        };
        if !matches!(&chunk.id, b"RIFF" | b"LIST") {
            return Ok(Some(chunk));
        }
        let mut kind = [0; 4];
        if fill(input, &mut kind)? < kind.len() {
            return Ok(None);
        }
        if &kind == b"movi" {
            return Ok(Some(ChunkHead {
                id: kind,
                n_bytes: 0,
            }));
        }
    }
}

/// Passes over bytes; false when the input ends before.
fn skip(input: &mut dyn Read, n_bytes: u64) -> io::Result<bool> {
    Ok(io::copy(&mut input.take(n_bytes), &mut io::sink())? == n_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes
        .get(at..at + 4)
        .and_then(|four| four.try_into().ok())
        .map_or(0, u32::from_le_bytes)
}

/// Rate over scale of a stream header, where it makes sense.
fn fps_of(stream_header: &[u8]) -> f64 {
    let fps = f64::from(u32_at(stream_header, 24)) / f64::from(u32_at(stream_header, 20));
    if (0.001..=1000.0).contains(&fps) {
        fps
    } else {
        FALLBACK_FPS
    }
}

impl AviReader {
    /// Reads the headers.
    ///
    /// # Errors
    /// `Unsupported` when the video is not Motion-JPEG, `InvalidData` when there is none.
    pub(super) fn new(mut input: Box<dyn Read + Send>) -> io::Result<Self> {
        let mut video = None;
        let mut other_code = None;
        let mut n_streams = 0_u8;
        let mut is_video = None;
        while let Some(chunk) = next_chunk(&mut input)? {
            match &chunk.id {
                b"movi" => break,
                b"strh" | b"strf" if chunk.n_bytes <= MAX_HEADER_LEN => {
                    let mut body = vec![0; chunk.n_bytes as usize];
                    fill(&mut input, &mut body)?;
                    skip(&mut input, chunk.padded() - u64::from(chunk.n_bytes))?;
                    if &chunk.id == b"strh" {
                        is_video = body.starts_with(b"vids").then(|| fps_of(&body));
                        n_streams = n_streams.saturating_add(1);
                    } else if let (Some(fps), None) = (is_video.take(), &video) {
                        let code = body.get(16..20).unwrap_or_default();
                        if MJPEG_CODES.iter().any(|known| known.as_slice() == code) {
                            let index = n_streams - 1;
                            let number = [b'0' + index / 10 % 10, b'0' + index % 10];
                            video = Some(VideoStream { number, fps });
                        } else {
                            other_code = Some(String::from_utf8_lossy(code).into_owned());
                        }
                    }
                }
                _ => {
                    if !skip(&mut input, chunk.padded())? {
                        break;
                    }
                }
            }
        }
        let video = video.ok_or_else(|| match other_code {
            Some(code) => io::Error::new(
                ErrorKind::Unsupported,
                format!("an AVI of {code:?}, not Motion-JPEG; read it with ffmpeg:PATH"),
            ),
            None => io::Error::new(ErrorKind::InvalidData, "an AVI without a video stream"),
        })?;
        Ok(Self {
            input,
            video,
            last: None,
            has_ended: false,
        })
    }

    /// Frames a second.
    pub(super) const fn fps(&self) -> f64 {
        self.video.fps
    }

    /// The next frame or what was wrong with it; nothing at the end.
    pub(super) fn next_frame(&mut self) -> io::Result<Option<Result<JpegFrame, BadFrame>>> {
        while !self.has_ended {
            let Some(chunk) = next_chunk(&mut self.input)? else {
                break;
            };
            let is_frame = chunk.id[..2] == self.video.number
                && matches!(&chunk.id[2..], b"dc" | b"db" | b"DC" | b"DB");
            if is_frame && chunk.n_bytes as usize <= MAX_JPEG_BYTES {
                return self.read_frame(&chunk).map(Some);
            }
            let is_whole = skip(&mut self.input, chunk.padded())?;
            if !is_whole {
                self.has_ended = true;
                // An index that is cut has no frame in it.
                let is_index = &chunk.id == b"idx1";
                return Ok((!is_index).then_some(Err(BadFrame::CutShort)));
            }
            if is_frame {
                let max = MAX_JPEG_BYTES;
                return Ok(Some(Err(BadFrame::TooLong { max })));
            }
        }
        self.has_ended = true;
        Ok(None)
    }

    fn read_frame(&mut self, chunk: &ChunkHead) -> io::Result<Result<JpegFrame, BadFrame>> {
        let mut bytes = Vec::new();
        let wanted = u64::from(chunk.n_bytes);
        (&mut self.input).take(wanted).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != wanted {
            self.has_ended = true;
            return Ok(Err(BadFrame::CutShort));
        }
        skip(&mut self.input, chunk.padded() - wanted)?;
        if bytes.is_empty() {
            bytes = self.last.clone().unwrap_or_default();
        } else {
            self.last = Some(bytes.clone());
        }
        Ok(match jpeg_size(&bytes) {
            Some(size) => Ok(JpegFrame { bytes, size }),
            None => Err(BadFrame::NotJpeg),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::clip::DEMO_CLIP;
    use crate::source::jpeg_stream::JpegSplitter;

    fn chunk(id: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let mut bytes = id.to_vec();
        bytes.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
        bytes.extend_from_slice(body);
        if body.len() % 2 == 1 {
            bytes.push(0);
        }
        bytes
    }

    fn list(id: &[u8; 4], kind: &[u8; 4], parts: &[Vec<u8>]) -> Vec<u8> {
        chunk(id, &[kind.to_vec(), parts.concat()].concat())
    }

    fn stream_header(kind: &[u8; 4], scale: u32, rate: u32) -> Vec<u8> {
        let mut body = vec![0; 56];
        body[..4].copy_from_slice(kind);
        body[20..24].copy_from_slice(&scale.to_le_bytes());
        body[24..28].copy_from_slice(&rate.to_le_bytes());
        chunk(b"strh", &body)
    }

    fn format(code: &[u8; 4]) -> Vec<u8> {
        let mut body = vec![0; 40];
        body[16..20].copy_from_slice(code);
        chunk(b"strf", &body)
    }

    fn frames(n_frames: usize) -> Vec<Vec<u8>> {
        let mut splitter = JpegSplitter::new();
        splitter.push(&DEMO_CLIP[..400_000]);
        (0..n_frames)
            .map(|_| splitter.next_frame().unwrap().unwrap().bytes)
            .collect()
    }

    fn avi(code: &[u8; 4], frames: &[Vec<u8>]) -> Vec<u8> {
        let audio = list(
            b"LIST",
            b"strl",
            &[stream_header(b"auds", 1, 8000), format(b"\0\0\0\0")],
        );
        let video = list(
            b"LIST",
            b"strl",
            &[stream_header(b"vids", 1001, 30_000), format(code)],
        );
        let headers = list(b"LIST", b"hdrl", &[chunk(b"avih", &[0; 56]), audio, video]);
        let mut movi = Vec::new();
        for frame in frames {
            movi.push(list(
                b"LIST",
                b"rec ",
                &[chunk(b"00wb", &[7; 5]), chunk(b"01dc", frame)],
            ));
        }
        let index = chunk(b"idx1", &[1; 64]);
        list(
            b"RIFF",
            b"AVI ",
            &[headers, list(b"LIST", b"movi", &movi), index],
        )
    }

    fn read_all(bytes: Vec<u8>) -> Vec<Result<Vec<u8>, BadFrame>> {
        let mut reader = AviReader::new(Box::new(io::Cursor::new(bytes))).unwrap();
        let mut all = Vec::new();
        while let Some(outcome) = reader.next_frame().unwrap() {
            all.push(outcome.map(|jpeg| jpeg.bytes));
        }
        all
    }

    #[test]
    fn frames_come_out_as_they_went_in_and_empty_ones_repeat() {
        let mut wanted = frames(3);
        let mut stored = wanted.clone();
        stored.insert(2, Vec::new());
        wanted.insert(2, wanted[1].clone());
        let bytes = avi(b"MJPG", &stored);
        let reader = AviReader::new(Box::new(io::Cursor::new(bytes.clone()))).unwrap();
        assert!((reader.fps() - 29.97).abs() < 0.001);
        let got: Vec<_> = read_all(bytes).into_iter().map(Result::unwrap).collect();
        assert!(got == wanted);
    }

    #[test]
    fn every_cut_gives_the_frames_before_it() {
        let wanted = frames(3);
        let bytes = avi(b"MJPG", &wanted);
        for n_bytes in (0..bytes.len()).step_by(97) {
            let Ok(mut reader) =
                AviReader::new(Box::new(io::Cursor::new(bytes[..n_bytes].to_vec())))
            else {
                continue;
            };
            let mut n_good = 0;
            while let Some(outcome) = reader.next_frame().unwrap() {
                match outcome {
                    Ok(jpeg) => {
                        assert!(jpeg.bytes == wanted[n_good]);
                        n_good += 1;
                    }
                    Err(reason) => assert_eq!(reason, BadFrame::CutShort),
                }
            }
            let n_whole = wanted
                .iter()
                .filter(|frame| {
                    let end = bytes
                        .windows(frame.len())
                        .position(|w| w == frame.as_slice());
                    end.unwrap() + frame.len() <= n_bytes
                })
                .count();
            assert_eq!(n_good, n_whole, "cut at {n_bytes}");
        }
    }

    #[test]
    fn absurd_sizes_cost_nothing() {
        let mut bytes = avi(b"MJPG", &frames(1));
        bytes.truncate(bytes.len() - 72);
        bytes.extend(b"01dc");
        bytes.extend(u32::MAX.to_le_bytes());
        bytes.extend([0; 100]);
        let all = read_all(bytes);
        assert!(matches!(all.as_slice(), [Ok(_), Err(BadFrame::CutShort)]));
    }

    #[test]
    fn other_codecs_are_named() {
        let error = AviReader::new(Box::new(io::Cursor::new(avi(b"H264", &frames(1)))));
        let error = error.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("H264"));
    }
}
