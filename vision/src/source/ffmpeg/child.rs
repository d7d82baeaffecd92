//! The child process, the thread that reads its pictures, the thread that reads its words.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use regard_domain::FrameSize;

use super::super::spec::without_secrets;
use super::ppm::read_pixmap;

/// Pictures that wait to be taken.
const QUEUE_LEN: usize = 2;

/// Lines of complaint that are kept; the last says most.
const N_KEPT_LINES: usize = 3;

/// Longest line of the child that is looked at, in bytes.
const MAX_LINE_LEN: u64 = 4096;

/// Longest wait for the time of a picture that is already there.
const TIME_PATIENCE: Duration = Duration::from_secs(1);

/// What gives when the queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum WhenFull {
    /// The oldest picture: of a live stream it is late.
    DropOldest,
    /// The child's time: of a file every picture counts.
    Wait,
}

/// A picture from the child.
pub(in super::super) struct ChildFrame {
    pub(in super::super) rgb: Vec<u8>,
    pub(in super::super) size: FrameSize,
    /// Where the stream says it belongs; nothing where it does not say.
    pub(in super::super) time_secs: Option<f64>,
    pub(in super::super) index: u64,
}

/// How the child ended.
#[derive(Clone, Debug)]
pub(in super::super) struct Ending {
    /// It said that all went well.
    pub(in super::super) is_success: bool,
    /// It complained that its input was cut short.
    pub(in super::super) is_cut: bool,
    /// Its last complaints, or how it ended; without credentials.
    pub(in super::super) message: String,
}

/// What came within the time given.
pub(in super::super) enum Popped {
    Frame(ChildFrame),
    Nothing,
    Ended(Ending),
}

#[derive(Default)]
struct Queue {
    frames: VecDeque<ChildFrame>,
    /// The child's output has ended, perhaps with an error of reading it.
    has_ended: bool,
    reading_error: Option<String>,
    /// Nobody takes frames any more.
    is_closed: bool,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    complaints: Mutex<Complaints>,
}

#[derive(Default)]
struct Complaints {
    lines: VecDeque<String>,
    is_cut: bool,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // A panic elsewhere cannot leave a list of frames in a bad state.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn complaints(&self) -> MutexGuard<'_, Complaints> {
        self.complaints
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a frame in; false when nobody wants it any more.
    fn push(&self, frame: ChildFrame, when_full: WhenFull) -> bool {
        let mut queue = self.queue();
        while queue.frames.len() >= QUEUE_LEN && !queue.is_closed {
            match when_full {
                WhenFull::DropOldest => {
                    queue.frames.pop_front();
                }
                WhenFull::Wait => {
                    queue = self
                        .changed
                        .wait(queue)
                        .unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
        let is_wanted = !queue.is_closed;
        if is_wanted {
            queue.frames.push_back(frame);
        }
        drop(queue);
        self.changed.notify_all();
        is_wanted
    }
}

/// A running `ffmpeg`; killed when dropped.
pub(in super::super) struct FfmpegChild {
    child: Child,
    shared: Arc<Shared>,
    readers: Vec<JoinHandle<()>>,
}

impl FfmpegChild {
    pub(super) fn spawn(mut command: Command, when_full: WhenFull) -> io::Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let missing = || io::Error::other("a pipe of the child is missing");
        let output = child.stdout.take().ok_or_else(missing)?;
        let words = child.stderr.take().ok_or_else(missing)?;
        let shared = Arc::new(Shared::default());
        let (times_in, times_out) = channel();
        // From here on dropping kills the child, also when a thread cannot be had.
        let mut this = Self {
            child,
            shared: Arc::clone(&shared),
            readers: Vec::new(),
        };
        let for_words = Arc::clone(&shared);
        let words_reader = thread::Builder::new()
            .name("ffmpeg-words".to_owned())
            .spawn(move || read_words(words, &for_words, &times_in))?;
        this.readers.push(words_reader);
        let frames_reader = thread::Builder::new()
            .name("ffmpeg-frames".to_owned())
            .spawn(move || read_frames(output, &shared, &times_out, when_full))?;
        this.readers.push(frames_reader);
        Ok(this)
    }

    /// The next frame, waited for at most so long.
    pub(in super::super) fn pop(&mut self, timeout: Duration) -> Popped {
        let queue = self.shared.queue();
        let (mut queue, _) = self
            .shared
            .changed
            .wait_timeout_while(queue, timeout, |queue| {
                queue.frames.is_empty() && !queue.has_ended
            })
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(frame) = queue.frames.pop_front() {
            drop(queue);
            self.shared.changed.notify_all();
            return Popped::Frame(frame);
        }
        if !queue.has_ended {
            return Popped::Nothing;
        }
        let reading_error = queue.reading_error.clone();
        drop(queue);
        Popped::Ended(self.ending(reading_error))
    }

    /// How it ended, once its output has; waits for it to go.
    fn ending(&mut self, reading_error: Option<String>) -> Ending {
        if reading_error.is_some() {
            // It still writes, but nothing we can read.
            let _ = self.child.kill();
        }
        let status = self.child.wait();
        self.join();
        let complaints = self.shared.complaints();
        let is_success = reading_error.is_none() && status.as_ref().is_ok_and(ExitStatus::success);
        let mut parts: Vec<String> = complaints.lines.iter().cloned().collect();
        parts.extend(reading_error);
        if parts.is_empty() {
            parts.push(match status {
                Ok(status) => status.to_string(),
                Err(error) => error.to_string(),
            });
        }
        Ending {
            is_success,
            is_cut: complaints.is_cut,
            message: parts.join("; "),
        }
    }

    fn join(&mut self) {
        for reader in self.readers.drain(..) {
            // A reader that panicked has said so on its own.
            let _ = reader.join();
        }
    }
}

impl Drop for FfmpegChild {
    fn drop(&mut self) {
        self.shared.queue().is_closed = true;
        self.shared.changed.notify_all();
        // Both fail only when the child is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.join();
    }
}

fn read_frames(
    output: ChildStdout,
    shared: &Shared,
    times: &Receiver<Option<f64>>,
    when: WhenFull,
) {
    let mut output = BufReader::with_capacity(1 << 16, output);
    let mut index = 0;
    let error = loop {
        match read_pixmap(&mut output) {
            Ok(Some(pixmap)) => {
                let frame = ChildFrame {
                    rgb: pixmap.rgb,
                    size: pixmap.size,
                    time_secs: times.recv_timeout(TIME_PATIENCE).ok().flatten(),
                    index,
                };
                index += 1;
                if !shared.push(frame, when) {
                    break None;
                }
            }
            Ok(None) => break None,
            // The child was killed or died in the middle of a picture: it says why itself.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break None,
            Err(error) => break Some(error.to_string()),
        }
    };
    let mut queue = shared.queue();
    queue.has_ended = true;
    queue.reading_error = error;
    drop(queue);
    shared.changed.notify_all();
}

fn read_words(words: ChildStderr, shared: &Shared, times: &Sender<Option<f64>>) {
    let mut words = BufReader::new(words);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut words).take(MAX_LINE_LEN).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line);
        if let Some(time_secs) = time_in(&text) {
            // Fails when the frames are no longer read; then nobody needs times.
            let _ = times.send(time_secs);
        } else if let Some(complaint) = complaint_in(&text) {
            let mut complaints = shared.complaints();
            complaints.is_cut |= says_cut(&complaint);
            if complaints.lines.len() >= N_KEPT_LINES {
                complaints.lines.pop_front();
            }
            if complaints.lines.back() != Some(&complaint) {
                complaints.lines.push_back(complaint);
            }
        }
    }
}

/// The time in a line of the filter `showinfo`; inside, nothing when the frame has none.
pub(super) fn time_in(line: &str) -> Option<Option<f64>> {
    let is_frame = line.contains("showinfo") && line.contains(" n:");
    let (_, after) = line.split_once("pts_time:").filter(|_| is_frame)?;
    let word = after.split_whitespace().next().unwrap_or_default();
    Some(word.parse().ok().filter(|secs: &f64| secs.is_finite()))
}

/// What a line complains of, without credentials; nothing in lines of other kinds.
pub(super) fn complaint_in(line: &str) -> Option<String> {
    let (_, text) = ["[error] ", "[fatal] ", "[panic] "]
        .iter()
        .find_map(|level| line.split_once(level))?;
    let words: Vec<String> = text.split_whitespace().map(clean_word).collect();
    Some(words.join(" "))
}

/// A word of a message, without the secrets of a URL in it.
fn clean_word(word: &str) -> String {
    let is_quote = |c: char| matches!(c, '\'' | '"' | ',' | '(' | ')' | '[' | ']');
    let bare = word.trim_matches(is_quote).trim_end_matches(':');
    if bare.contains("://") {
        word.replace(bare, &without_secrets(bare))
    } else {
        word.to_owned()
    }
}

/// Whether a complaint means that the input ends too early.
fn says_cut(complaint: &str) -> bool {
    let complaint = complaint.to_ascii_lowercase();
    [
        "partial file",
        "ended prematurely",
        "truncat",
        "moov atom not found",
        "end of file",
    ]
    .iter()
    .any(|sign| complaint.contains(sign))
}
