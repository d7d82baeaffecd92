//! Frames that a browser sends.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use regard_domain::Timestamp;
use thiserror::Error;

use super::error::{BadFrame, SourceError};
use super::frame::RawFrame;
use super::jpeg_stream::{MAX_JPEG_BYTES, jpeg_size};
use super::open::{FrameSource, WAKE_INTERVAL, Watch};

/// Frames that wait to be taken. When full the oldest goes: a late frame is worth nothing.
pub const PUSH_QUEUE_LEN: usize = 2;

/// Why a pushed frame was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PushError {
    /// No source is open at the other end: the gate is closed, or the camera has not begun.
    #[error("the camera is not open")]
    NotOpen,
    /// Not a JPEG, or too long.
    #[error("bad frame: {0}")]
    BadFrame(#[source] BadFrame),
}

#[derive(Default)]
struct Waiting {
    frames: VecDeque<RawFrame>,
    n_open: usize,
    n_pushed: u64,
    n_dropped: u64,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
}

/// The queue between the server's WebSocket and a `push:` source. Cheap to clone; clones share it.
///
/// # Privacy
/// Holds at most two frames, and none while no source is open under a live grant.
#[derive(Clone, Default)]
pub struct PushQueue(Arc<Shared>);

impl PushQueue {
    /// An empty queue, closed until a source is opened on it.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // A panic elsewhere cannot leave a list of frames in a bad state.
        self.0
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands in a JPEG and when it was captured; true when an older frame had to go for it.
    ///
    /// # Errors
    /// [`PushError::NotOpen`] while no source is open, [`PushError::BadFrame`] when it is no JPEG or
    /// longer than [`MAX_JPEG_BYTES`].
    pub fn push(&self, jpeg: Vec<u8>, captured_at: Timestamp) -> Result<bool, PushError> {
        if jpeg.len() > MAX_JPEG_BYTES {
            let max = MAX_JPEG_BYTES;
            return Err(PushError::BadFrame(BadFrame::TooLong { max }));
        }
        let size = jpeg_size(&jpeg).ok_or(PushError::BadFrame(BadFrame::NotJpeg))?;
        let mut waiting = self.lock();
        if waiting.n_open == 0 {
            return Err(PushError::NotOpen);
        }
        let index = waiting.n_pushed;
        waiting.n_pushed += 1;
        let full = waiting.frames.len() >= PUSH_QUEUE_LEN;
        if full {
            waiting.frames.pop_front();
            waiting.n_dropped += 1;
        }
        waiting
            .frames
            .push_back(RawFrame::mjpeg(jpeg, size, captured_at, index));
        drop(waiting);
        self.0.arrived.notify_one();
        Ok(full)
    }

    /// How many frames went because a newer one came.
    pub fn n_dropped(&self) -> u64 {
        self.lock().n_dropped
    }

    /// Whether a source takes frames from it.
    pub fn is_open(&self) -> bool {
        self.lock().n_open > 0
    }

    pub(super) fn open(&self, name: &str, watch: &Watch) -> PushSource {
        self.lock().n_open += 1;
        PushSource {
            name: name.to_owned(),
            queue: self.clone(),
            watch: watch.clone(),
        }
    }
}

impl fmt::Debug for PushQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PushQueue({} frames withheld)", self.lock().frames.len())
    }
}

/// The taking end of a [`PushQueue`].
pub(super) struct PushSource {
    name: String,
    queue: PushQueue,
    watch: Watch,
}

impl FrameSource for PushSource {
    fn describe(&self) -> String {
        format!("browser camera {}", self.name)
    }

    fn next(&mut self, now: &dyn Fn() -> Timestamp) -> Result<RawFrame, SourceError> {
        let mut waiting = self.queue.lock();
        loop {
            self.watch.check(now())?;
            if let Some(frame) = waiting.frames.pop_front() {
                return Ok(frame);
            }
            // A browser that sends nothing is no lost device: it may come at any time.
            let (guard, _) = self
                .queue
                .0
                .arrived
                .wait_timeout(waiting, WAKE_INTERVAL)
                .unwrap_or_else(PoisonError::into_inner);
            waiting = guard;
        }
    }
}

impl Drop for PushSource {
    fn drop(&mut self) {
        let mut waiting = self.queue.lock();
        waiting.n_open = waiting.n_open.saturating_sub(1);
        if waiting.n_open == 0 {
            waiting.frames.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::clip::DEMO_CLIP;
    use crate::source::jpeg_stream::JpegSplitter;

    fn jpeg() -> Vec<u8> {
        let mut splitter = JpegSplitter::new();
        splitter.push(&DEMO_CLIP[..100_000]);
        splitter.next_frame().unwrap().unwrap().bytes
    }

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    #[test]
    fn the_oldest_goes_when_full() {
        let queue = PushQueue::new();
        let watch = Watch::of(|_| true);
        let mut source = queue.open("door", &watch);
        let dropped: Vec<_> = (0..5).map(|i| queue.push(jpeg(), at(i)).unwrap()).collect();
        assert_eq!(dropped, [false, false, true, true, true]);
        assert_eq!(queue.n_dropped(), 3);
        let next = |source: &mut PushSource| {
            let frame = source.next(&|| at(9)).unwrap();
            (frame.index, frame.captured_at, frame.size.width)
        };
        assert_eq!(next(&mut source), (3, at(3), 400));
        assert_eq!(next(&mut source), (4, at(4), 400));
    }

    #[test]
    fn nothing_is_kept_while_nobody_may_look() {
        let queue = PushQueue::new();
        assert_eq!(queue.push(jpeg(), at(0)), Err(PushError::NotOpen));
        let source = queue.open("door", &Watch::of(|_| true));
        queue.push(jpeg(), at(1)).unwrap();
        drop(source);
        assert!(!queue.is_open());
        assert_eq!(format!("{queue:?}"), "PushQueue(0 frames withheld)");
        assert_eq!(queue.push(jpeg(), at(2)), Err(PushError::NotOpen));
    }

    #[test]
    fn a_dead_grant_and_bad_frames_are_refused() {
        let queue = PushQueue::new();
        let mut source = queue.open("door", &Watch::of(|now| now < at(10)));
        let bad = queue.push(b"GIF89a".to_vec(), at(0));
        assert_eq!(bad, Err(PushError::BadFrame(BadFrame::NotJpeg)));
        let max = MAX_JPEG_BYTES;
        let long = queue.push(vec![0xFF; max + 1], at(0));
        assert_eq!(long, Err(PushError::BadFrame(BadFrame::TooLong { max })));
        queue.push(jpeg(), at(1)).unwrap();
        assert!(matches!(source.next(&|| at(10)), Err(SourceError::Refused)));
    }
}
