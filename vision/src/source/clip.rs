//! Motion-JPEG files as cameras, and the clip that comes with the program.

use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use regard_commitments::{Grant, Sensing};
use regard_domain::Timestamp;

use super::avi::AviReader;
use super::error::{BadFrame, LostReason, OpenError, SourceError};
use super::frame::RawFrame;
use super::jpeg_stream::{JpegFrame, JpegSplitter};
use super::open::{FrameSource, OpenOptions, Watch, gated, open_failed};
use super::pace::Pacer;
use super::spec::{ClipSpec, DEFAULT_FPS};

/// The demo's camera: about 25 seconds of a face, to be looped.
///
/// # Privacy
/// Shows people who published these pictures themselves; the fixture's `PROVENANCE.toml` names them.
pub const DEMO_CLIP: &[u8] = include_bytes!("../../../testkit/fixtures/clip/demo.mjpeg");

/// Frames a second of [`DEMO_CLIP`], as its `demo.toml` says (a test compares them).
pub const DEMO_CLIP_FPS: f64 = 15.0;

/// Bytes read at once from a file or stream.
const READ_LEN: usize = 64 * 1024;

/// Where a clip's bytes are.
#[derive(Clone)]
enum ClipBytes {
    File(PathBuf),
    Static(&'static [u8]),
    Shared(Arc<[u8]>),
}

impl ClipBytes {
    fn reader(&self) -> std::io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Self::File(path) => Box::new(File::open(path)?),
            Self::Static(bytes) => Box::new(*bytes),
            Self::Shared(bytes) => Box::new(Cursor::new(Arc::clone(bytes))),
        })
    }
}

/// Bare Motion-JPEG from a reader, image by image.
pub(super) struct MjpegReader {
    input: Box<dyn Read + Send>,
    splitter: JpegSplitter,
    piece: Vec<u8>,
    has_ended: bool,
}

impl MjpegReader {
    pub(super) fn new(input: Box<dyn Read + Send>) -> Self {
        Self {
            input,
            splitter: JpegSplitter::new(),
            piece: vec![0; READ_LEN],
            has_ended: false,
        }
    }

    /// The next image or what was wrong with it; nothing at the end. An image that the end cuts is
    /// an error once.
    pub(super) fn next_frame(&mut self) -> std::io::Result<Option<Result<JpegFrame, BadFrame>>> {
        loop {
            if let Some(outcome) = self.splitter.next_frame() {
                return Ok(Some(outcome));
            }
            if self.has_ended {
                return Ok(None);
            }
            match self.input.read(&mut self.piece) {
                Ok(0) => {
                    self.has_ended = true;
                    if !self.splitter.is_between() {
                        return Ok(Some(Err(BadFrame::CutShort)));
                    }
                }
                Ok(n) => self.splitter.push(&self.piece[..n]),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// A Motion-JPEG file, bare or in AVI.
pub(super) enum ClipReader {
    Bare(MjpegReader),
    Avi(AviReader),
}

impl ClipReader {
    fn open(bytes: &ClipBytes) -> std::io::Result<Self> {
        let mut input = bytes.reader()?;
        let mut head = [0; 12];
        let mut n_head = 0;
        while n_head < head.len() {
            match input.read(&mut head[n_head..])? {
                0 => break,
                n => n_head += n,
            }
        }
        let whole: Box<dyn Read + Send> =
            Box::new(Cursor::new(head).take(n_head as u64).chain(input));
        if &head[..4] == b"RIFF" && &head[8..] == b"AVI " {
            Ok(Self::Avi(AviReader::new(Box::new(BufReader::new(whole)))?))
        } else {
            Ok(Self::Bare(MjpegReader::new(whole)))
        }
    }

    pub(super) fn open_file(path: &Path) -> std::io::Result<Self> {
        Self::open(&ClipBytes::File(path.to_owned()))
    }

    /// Frames a second, where the file says.
    pub(super) fn fps(&self) -> Option<f64> {
        match self {
            Self::Bare(_) => None,
            Self::Avi(avi) => Some(avi.fps()),
        }
    }

    /// The next image or what was wrong with it; nothing at the end.
    pub(super) fn next_frame(&mut self) -> std::io::Result<Option<Result<JpegFrame, BadFrame>>> {
        match self {
            Self::Bare(reader) => reader.next_frame(),
            Self::Avi(reader) => reader.next_frame(),
        }
    }
}

/// A clip that plays as a camera.
pub(super) struct ClipSource {
    name: String,
    bytes: ClipBytes,
    reader: ClipReader,
    looping: bool,
    pacer: Pacer,
    watch: Watch,
    /// Index of the next image of the reader.
    next_index: u64,
    /// Images seen in this round, good or bad.
    n_in_round: u64,
    /// Images in a whole round, once one has ended.
    n_per_round: Option<u64>,
}

impl ClipSource {
    pub(super) fn open(
        spec: &ClipSpec,
        options: &OpenOptions,
        watch: &Watch,
    ) -> Result<Self, OpenError> {
        let name = format!("clip {}", spec.path.display());
        let bytes = ClipBytes::File(spec.path.clone());
        Self::new(name, bytes, spec.fps, spec.looping, options, watch)
            .map_err(|source| open_failed(&spec.path, source))
    }

    pub(super) fn demo(options: &OpenOptions, watch: &Watch) -> Result<Self, OpenError> {
        let (name, bytes) = ("demo clip".to_owned(), ClipBytes::Static(DEMO_CLIP));
        Self::new(name, bytes, Some(DEMO_CLIP_FPS), true, options, watch)
            .map_err(|source| open_failed("the demo clip".as_ref(), source))
    }

    fn new(
        name: String,
        bytes: ClipBytes,
        fps: Option<f64>,
        looping: bool,
        options: &OpenOptions,
        watch: &Watch,
    ) -> std::io::Result<Self> {
        let reader = ClipReader::open(&bytes)?;
        let fps = fps.or_else(|| reader.fps()).unwrap_or(DEFAULT_FPS);
        Ok(Self {
            name,
            bytes,
            reader,
            looping,
            pacer: Pacer::new(options.pace, options.sleep.clone(), fps),
            watch: watch.clone(),
            next_index: 0,
            n_in_round: 0,
            n_per_round: None,
        })
    }

    /// The next image in line, begun anew at the end of a loop.
    fn read_next(&mut self) -> Result<Result<JpegFrame, BadFrame>, SourceError> {
        let lost = |error| SourceError::Lost {
            reason: LostReason::Io(error),
        };
        loop {
            if let Some(outcome) = self.reader.next_frame().map_err(lost)? {
                self.next_index += 1;
                self.n_in_round += 1;
                return Ok(outcome);
            }
            // A round without a single image would go round for ever.
            if !self.looping || self.n_in_round == 0 {
                return Err(SourceError::Ended);
            }
            self.n_per_round = Some(self.n_in_round);
            self.n_in_round = 0;
            self.reader = ClipReader::open(&self.bytes).map_err(lost)?;
        }
    }

    /// Passes over images until `index` is next; whole rounds at once.
    fn skip_to(&mut self, index: u64) -> Result<(), SourceError> {
        while self.next_index < index {
            let behind = index - self.next_index;
            match self.n_per_round {
                Some(n) if self.looping && behind >= n => self.next_index += behind / n * n,
                Some(_) | None => {
                    // What was wrong with a skipped image does not matter.
                    let _ = self.read_next()?;
                }
            }
        }
        Ok(())
    }
}

impl FrameSource for ClipSource {
    fn describe(&self) -> String {
        self.name.clone()
    }

    fn next(&mut self, now: &dyn Fn() -> Timestamp) -> Result<RawFrame, SourceError> {
        let (index, captured_at) = self.pacer.wait_for(self.next_index, now, &self.watch)?;
        self.skip_to(index)?;
        match self.read_next()? {
            Ok(jpeg) => Ok(RawFrame::mjpeg(jpeg.bytes, jpeg.size, captured_at, index)),
            Err(reason) => Err(SourceError::BadFrame { reason }),
        }
    }
}

/// Plays bytes as a camera: Motion-JPEG, bare or in AVI, at `fps` frames a second (above 0).
///
/// # Errors
/// [`OpenError::Refused`] when the grant is dead, [`OpenError::Io`] when the bytes are a broken AVI.
pub fn open_clip_bytes(
    bytes: Arc<[u8]>,
    fps: f64,
    looping: bool,
    grant: &Grant<Sensing>,
    options: &OpenOptions,
) -> Result<Box<dyn FrameSource>, OpenError> {
    let watch = Watch::new(grant, &options.stop);
    watch.check_open()?;
    let (name, bytes) = ("clip in memory".to_owned(), ClipBytes::Shared(bytes));
    let source = ClipSource::new(name, bytes, Some(fps), looping, options, &watch)
        .map_err(|source| open_failed("the clip in memory".as_ref(), source))?;
    Ok(gated(source, &watch))
}

#[cfg(test)]
mod tests;
