//! The child process that compresses frames.

use std::ffi::OsString;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::{self, JoinHandle};

use regard_domain::FrameSize;

use super::FilmError;
use super::matroska::{opening, write_frame};
use crate::source::{FfmpegInfo, find_ffmpeg};
use crate::{Picture, RgbView};

/// What the child complains that is kept, in bytes.
const MAX_COMPLAINT_LEN: u64 = 4_096;

/// Where sound comes from.
pub(super) struct Sound<'a> {
    pub(super) from: &'a Path,
}

/// A running `ffmpeg` that writes a file; killed when dropped before its end.
pub(super) struct Encoder {
    child: Child,
    input: Option<BufWriter<ChildStdin>>,
    complaint: Option<JoinHandle<String>>,
    planes: Vec<u8>,
    start_micros: u64,
    size: FrameSize,
}

/// Whether the `ffmpeg` at hand has an encoder.
fn has_encoder(info: &FfmpegInfo, name: &str) -> bool {
    let answer = Command::new(&info.path)
        .args(["-hide_banner", "-encoders"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    answer.is_ok_and(|answer| {
        let text = String::from_utf8_lossy(&answer.stdout).into_owned();
        text.lines()
            .any(|line| line.split_whitespace().nth(1) == Some(name))
    })
}

fn file_argument(path: &Path) -> OsString {
    // With the protocol before it, no name is taken for a protocol or an option.
    let mut name = OsString::from("file:");
    name.push(path);
    name
}

fn arguments(
    info: &FfmpegInfo,
    output: &Path,
    sound: Option<&Sound<'_>>,
    start_secs: f64,
) -> Vec<OsString> {
    let mut all: Vec<OsString> = Vec::new();
    let mut add = |texts: &[&str]| all.extend(texts.iter().map(OsString::from));
    add(&["-hide_banner", "-nostats", "-loglevel", "error", "-y"]);
    // The child counts from the first frame it gets; sound keeps its place against the pictures.
    add(&["-itsoffset", &format!("{start_secs:.6}")]);
    add(&[
        "-protocol_whitelist",
        "pipe",
        "-f",
        "matroska",
        "-i",
        "pipe:0",
    ]);
    if let Some(sound) = sound {
        add(&["-protocol_whitelist", "file", "-i"]);
        all.push(file_argument(sound.from));
    }
    let mut add = |texts: &[&str]| all.extend(texts.iter().map(OsString::from));
    add(&["-map", "0:v:0"]);
    if sound.is_some() {
        add(&["-map", "1:a?", "-c:a", "copy"]);
    }
    // Nothing of the original but pixels and sound: no place, no device, no chapters, no title.
    add(&["-map_metadata", "-1", "-map_chapters", "-1"]);
    add(&["-map_metadata:s", "-1", "-sn", "-dn"]);
    // Encoders want even sides.
    add(&["-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2"]);
    add(&info.frame_rate_options());
    add(&["-enc_time_base", "1:90000"]);
    if has_encoder(info, "libx264") {
        add(&["-c:v", "libx264", "-preset", "veryfast", "-crf", "18"]);
    } else {
        add(&["-c:v", "mpeg4", "-q:v", "2"]);
    }
    add(&["-pix_fmt", "yuv420p"]);
    add(&["-colorspace", "smpte170m", "-color_primaries", "smpte170m"]);
    add(&["-color_trc", "smpte170m", "-color_range", "tv"]);
    let ending = output.extension().unwrap_or_default();
    let ending = ending.to_string_lossy().to_ascii_lowercase();
    if matches!(ending.as_str(), "mp4" | "m4v" | "mov") {
        add(&["-video_track_timescale", "90000", "-movflags", "+faststart"]);
    }
    all.push(file_argument(output));
    all
}

impl Encoder {
    pub(super) fn start(
        output: &Path,
        sound: Option<&Sound<'_>>,
        size: FrameSize,
        start_secs: f64,
    ) -> Result<Self, FilmError> {
        let info = find_ffmpeg().ok_or(FilmError::FfmpegMissing)?;
        let mut child = Command::new(&info.path)
            .args(arguments(&info, output, sound, start_secs))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(FilmError::Write)?;
        let input = child.stdin.take();
        let words = child.stderr.take();
        // From here on dropping kills the child.
        let mut this = Self {
            child,
            input: input.map(BufWriter::new),
            complaint: None,
            planes: Vec::new(),
            start_micros: (start_secs.max(0.0) * 1e6) as u64,
            size,
        };
        if let Some(mut words) = words {
            let reader = thread::Builder::new().name("ffmpeg-words".to_owned());
            let reader = reader.spawn(move || {
                let mut kept = Vec::new();
                // What is beyond is read and forgotten, for a child that nobody listens to stands still.
                let _ = (&mut words).take(MAX_COMPLAINT_LEN).read_to_end(&mut kept);
                let _ = io::copy(&mut words, &mut io::sink());
                String::from_utf8_lossy(&kept).into_owned()
            });
            this.complaint = Some(reader.map_err(FilmError::Write)?);
        }
        this.put(|input, _| input.write_all(&opening(size)))?;
        Ok(this)
    }

    pub(super) fn frame(&mut self, picture: &Picture, time_secs: f64) -> Result<(), FilmError> {
        if picture.size() != self.size {
            return Err(FilmError::SizeChanged {
                from: self.size,
                to: picture.size(),
            });
        }
        let micros = (time_secs.max(0.0) * 1e6).round() as u64;
        let micros = micros.saturating_sub(self.start_micros);
        let view: RgbView<'_> = picture.view();
        self.put(|input, planes| write_frame(input, view, micros, planes))
    }

    fn put(
        &mut self,
        write: impl FnOnce(&mut BufWriter<ChildStdin>, &mut Vec<u8>) -> io::Result<()>,
    ) -> Result<(), FilmError> {
        let Some(input) = self.input.as_mut() else {
            return Err(FilmError::Write(io::ErrorKind::BrokenPipe.into()));
        };
        match write(input, &mut self.planes) {
            Ok(()) => Ok(()),
            // It has given up; its last words say more than a broken pipe.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(self.failed()),
            Err(error) => Err(FilmError::Write(error)),
        }
    }

    /// Ends the file.
    pub(super) fn finish(mut self) -> Result<(), FilmError> {
        let flushed = match self.input.take() {
            Some(mut input) => input.flush(),
            None => Ok(()),
        };
        let status = self.child.wait().map_err(FilmError::Write)?;
        if status.success() && flushed.is_ok() {
            return Ok(());
        }
        Err(self.failed())
    }

    fn failed(&mut self) -> FilmError {
        drop(self.input.take());
        let _ = self.child.kill();
        let status = self.child.wait();
        let said = self.complaint.take().and_then(|words| words.join().ok());
        let lines: Vec<String> = said
            .unwrap_or_default()
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .take(2)
            .map(str::to_owned)
            .collect();
        let message = match (lines.is_empty(), status) {
            (false, _) => lines.join("; "),
            (true, Ok(status)) => status.to_string(),
            (true, Err(error)) => error.to_string(),
        };
        FilmError::Ffmpeg { message }
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        drop(self.input.take());
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
