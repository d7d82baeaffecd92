//! Whatever `ffmpeg` reads, through a child process: a decoder that dies takes no engine with it.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use regard_domain::{FrameSize, Timestamp};

use super::error::{LostReason, OpenError, SourceError};
use super::frame::{RawFrame, RawPixels};
use super::open::{FrameSource, OpenOptions, STALL_TIMEOUT, WAKE_INTERVAL, Watch};
use super::pace::Pace;
use super::spec::{FfmpegSpec, without_secrets};

mod child;
mod ppm;
#[cfg(test)]
mod tests;

pub(super) use child::{FfmpegChild, Popped, WhenFull};

/// How often as long as [`STALL_TIMEOUT`] a stream may take for its first frame.
/// Origin: RTSP cameras answer only at the next key frame, up to 10 s away, after connecting.
const FIRST_FRAME_PATIENCE: u32 = 3;

/// The `ffmpeg` on PATH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FfmpegInfo {
    /// Where it is.
    pub path: PathBuf,
    /// Its version, as it says itself.
    pub version: String,
}

impl FfmpegInfo {
    /// Major and minor version; nothing of builds that are numbered otherwise, which are new.
    fn number(&self) -> Option<(u32, u32)> {
        let digits = self.version.trim_start_matches('n');
        let mut parts = digits.split(|c: char| !c.is_ascii_digit());
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    }

    /// The options that hand every frame on once, at its own time.
    pub(crate) fn frame_rate_options(&self) -> [&'static str; 2] {
        match self.number() {
            // `-fps_mode` came with 5.1, where `-vsync` began to go.
            Some(number) if number < (5, 1) => ["-vsync", "passthrough"],
            Some(_) | None => ["-fps_mode", "passthrough"],
        }
    }
}

/// Looks for `ffmpeg` on PATH and asks its version; nothing when there is none that runs.
pub fn find_ffmpeg() -> Option<FfmpegInfo> {
    find_in(&env::var_os("PATH")?)
}

fn find_in(path: &OsStr) -> Option<FfmpegInfo> {
    env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join("ffmpeg"))
        .find_map(|path| {
            let answer = Command::new(&path)
                .arg("-version")
                .stdin(Stdio::null())
                .stderr(Stdio::null())
                .output()
                .ok()?;
            let text = String::from_utf8_lossy(&answer.stdout).into_owned();
            let version = text.strip_prefix("ffmpeg version ")?;
            let version = version.split_whitespace().next()?.to_owned();
            Some(FfmpegInfo { path, version })
        })
}

/// What the child reads.
pub(super) enum Input<'a> {
    /// A file of this machine, and whether it plays at its own rate.
    File { path: &'a Path, real_time: bool },
    /// A stream.
    Url(&'a str),
}

/// Containers and bare streams the child may read from a file. None of them leads on to other files, as playlists, scripts and
/// patterns do: a file that is called a film and is one of those would have others read that nobody named.
const FILE_FORMATS: &str = "mov,matroska,avi,asf,flv,mpeg,mpegts,mpegvideo,m4v,h264,hevc,av1,obu,ivf,ogg,mxf,mjpeg,jpeg_pipe,gif,dv,nut,rm,wtv,swf,yuv4mpegpipe";

/// Protocols the child may use to read a URL, so that a playlist cannot open files of this machine.
fn protocols_for(url: &str) -> &'static str {
    match url.split("://").next().unwrap_or_default() {
        "rtsp" | "rtsps" => "rtsp,rtsps,rtp,srtp,udp,tcp,tls",
        "rtmp" | "rtmps" => "rtmp,rtmps,tcp,tls",
        "srt" | "udp" | "rtp" => "srt,udp,rtp",
        _ => "http,https,tcp,tls,crypto,httpproxy,data",
    }
}

/// The child's arguments; where a size is given, frames come with each pixel the mean of its part of the picture.
fn arguments(info: &FfmpegInfo, input: &Input<'_>, reduced_to: Option<FrameSize>) -> Vec<OsString> {
    let mut all: Vec<OsString> = Vec::new();
    let mut add = |texts: &[&str]| all.extend(texts.iter().map(OsString::from));
    add(&["-hide_banner", "-nostdin", "-nostats"]);
    add(&["-loglevel", "repeat+level+info"]);
    let input = match input {
        Input::File { path, real_time } => {
            add(&["-protocol_whitelist", "file"]);
            add(&["-format_whitelist", FILE_FORMATS]);
            if *real_time {
                add(&["-re"]);
            }
            // With the protocol before it, no name is taken for a protocol or an option.
            let mut name = OsString::from("file:");
            name.push(path);
            name
        }
        Input::Url(url) => {
            add(&["-protocol_whitelist", protocols_for(url)]);
            add(&["-fflags", "nobuffer", "-flags", "low_delay"]);
            if url.starts_with("rtsp") {
                add(&["-rtsp_transport", "tcp"]);
            }
            OsString::from(url)
        }
    };
    add(&["-max_pixels"]);
    add(&[&crate::MAX_PIXELS.to_string(), "-i"]);
    all.push(input);
    let mut add = |texts: &[&str]| all.extend(texts.iter().map(OsString::from));
    add(&["-map", "0:v:0", "-an", "-sn", "-dn"]);
    // The filter says the time of each frame, which the pictures themselves cannot carry.
    const TIMES: &str = "showinfo=checksum=0";
    let filter = reduced_to.map_or_else(
        || TIMES.to_owned(),
        |size| format!("scale={}:{}:flags=area,{TIMES}", size.width, size.height),
    );
    add(&["-vf", &filter]);
    add(&info.frame_rate_options());
    add(&[
        "-f",
        "image2pipe",
        "-c:v",
        "ppm",
        "-pix_fmt",
        "rgb24",
        "pipe:1",
    ]);
    all
}

/// Starts a child on an input; where a size is given, each cell of a frame of that size is the mean of its part of the picture.
pub(super) fn start(
    info: &FfmpegInfo,
    input: &Input<'_>,
    when_full: WhenFull,
    reduced_to: Option<FrameSize>,
) -> std::io::Result<FfmpegChild> {
    let mut command = Command::new(&info.path);
    command.args(arguments(info, input, reduced_to));
    FfmpegChild::spawn(command, when_full)
}

/// A stream or film that `ffmpeg` reads.
pub(super) struct FfmpegSource {
    name: String,
    child: FfmpegChild,
    is_file: bool,
    watch: Watch,
    has_delivered: bool,
    waiting_since: Option<Timestamp>,
}

impl FfmpegSource {
    pub(super) fn open(
        spec: &FfmpegSpec,
        options: &OpenOptions,
        watch: &Watch,
    ) -> Result<Self, OpenError> {
        let is_file = spec.is_file();
        let real_time = options.pace == Pace::RealTime;
        let input = if is_file {
            let path = Path::new(&spec.input);
            std::fs::metadata(path).map_err(|source| super::open::open_failed(path, source))?;
            Input::File { path, real_time }
        } else {
            Input::Url(&spec.input)
        };
        let info = find_ffmpeg().ok_or(OpenError::FfmpegMissing)?;
        watch.check_open()?;
        let when_full = if is_file && !real_time {
            WhenFull::Wait
        } else {
            WhenFull::DropOldest
        };
        let name = format!("ffmpeg {}", without_secrets(&spec.input));
        let child = start(&info, &input, when_full, None).map_err(|source| OpenError::Io {
            what: name.clone(),
            source,
        })?;
        Ok(Self {
            name,
            child,
            is_file,
            watch: watch.clone(),
            has_delivered: false,
            waiting_since: None,
        })
    }
}

impl FrameSource for FfmpegSource {
    fn describe(&self) -> String {
        self.name.clone()
    }

    fn next(&mut self, now: &dyn Fn() -> Timestamp) -> Result<RawFrame, SourceError> {
        loop {
            let present = now();
            self.watch.check(present)?;
            match self.child.pop(WAKE_INTERVAL) {
                Popped::Frame(frame) => {
                    self.has_delivered = true;
                    self.waiting_since = None;
                    return Ok(RawFrame {
                        pixels: RawPixels::Rgb(frame.rgb),
                        size: frame.size,
                        captured_at: now(),
                        index: frame.index,
                    });
                }
                Popped::Nothing => {}
                Popped::Ended(ending) => {
                    let finished = self.is_file && self.has_delivered && ending.is_success;
                    return Err(if finished {
                        SourceError::Ended
                    } else {
                        let message = ending.message;
                        let reason = LostReason::Ffmpeg { message };
                        SourceError::Lost { reason }
                    });
                }
            }
            let patience = if self.has_delivered {
                1
            } else {
                FIRST_FRAME_PATIENCE
            };
            let waited = now().saturating_since(*self.waiting_since.get_or_insert(present));
            if waited >= STALL_TIMEOUT * patience {
                let reason = LostReason::Stalled { waited };
                return Err(SourceError::Lost { reason });
            }
        }
    }
}
