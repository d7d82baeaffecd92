//! Cameras of this machine, through Video4Linux.
//!
//! No build machine of this project has a camera: everything but `linux.rs`, which only carries
//! calls to the driver, is tested against a fake device.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use regard_domain::{FrameSize, Timestamp};

use super::error::{BadFrame, LostReason, OpenError, SourceError};
use super::frame::{RawFrame, RawPixels, yuyv_row_bytes};
use super::jpeg_stream::jpeg_size;
use super::open::{FrameSource, STALL_TIMEOUT, WAKE_INTERVAL, Watch, open_failed};
use super::spec::{PixelChoice, V4l2Spec};

#[cfg(target_os = "linux")]
mod linux;
mod list;
#[cfg(test)]
mod tests;

#[cfg(target_os = "linux")]
use linux::LinuxDriver as SystemDriver;
#[cfg(not(target_os = "linux"))]
use no_driver::NoDriver as SystemDriver;

pub use list::{CameraFormat, CameraInfo, CameraProblem, list_cameras};

/// What is asked of MJPEG cameras when the owner names no size: most have it at 30 frames a second.
const DEFAULT_MJPEG_SIZE: FrameSize = FrameSize {
    width: 1280,
    height: 720,
};

/// What is asked of uncompressed cameras when the owner names no size: USB 2 carries no more at 30 frames a second.
const DEFAULT_YUYV_SIZE: FrameSize = FrameSize {
    width: 640,
    height: 480,
};

/// `ENODEV`: the device went away. Origin: Linux `errno-base.h`.
const ENODEV: i32 = 19;

/// What is asked of a camera.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Request {
    pixels: PixelChoice,
    size: FrameSize,
    fps: Option<f64>,
}

/// What a camera agreed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Accepted {
    /// Nothing: a format we cannot read.
    pixels: Option<PixelChoice>,
    size: FrameSize,
    /// Bytes from one row to the next of uncompressed frames; 0 where the driver does not say.
    stride: usize,
}

/// The way to cameras; a fake one in tests.
trait Driver {
    /// What a camera offers for capture; nothing for devices of other kinds.
    fn formats(&self, path: &Path) -> io::Result<Vec<CameraFormat>>;

    /// Fails with `EBUSY` where another program captures.
    fn check_free(&self, path: &Path) -> io::Result<()>;

    /// Starts capturing.
    fn start(&self, path: &Path, request: &Request) -> io::Result<Box<dyn Device>>;
}

/// A camera that captures until it is dropped.
trait Device: Send {
    fn accepted(&self) -> Accepted;

    /// Waits for a frame at most so long; true when [`Device::take`] will not block.
    fn wait(&mut self, timeout: Duration) -> io::Result<bool>;

    /// The frame that waits; nothing in place of one that the driver marked as damaged.
    fn take(&mut self) -> io::Result<Option<Vec<u8>>>;
}

/// The request nearest to what the owner wrote among what the camera offers.
fn choose(spec: &V4l2Spec, offered: &[CameraFormat]) -> Option<Request> {
    let find = |choice| {
        offered
            .iter()
            .find(|format| format.pixel_choice() == Some(choice))
    };
    let candidates = match spec.format {
        Some(PixelChoice::Mjpeg) => [find(PixelChoice::Mjpeg), None],
        Some(PixelChoice::Yuyv) => [find(PixelChoice::Yuyv), None],
        None => [find(PixelChoice::Mjpeg), find(PixelChoice::Yuyv)],
    };
    let format = candidates.into_iter().flatten().next()?;
    let pixels = format.pixel_choice()?;
    let default = match pixels {
        PixelChoice::Mjpeg => DEFAULT_MJPEG_SIZE,
        PixelChoice::Yuyv => DEFAULT_YUYV_SIZE,
    };
    let wanted = FrameSize {
        width: spec.width.unwrap_or(default.width),
        height: spec.height.unwrap_or(default.height),
    };
    let distance = |size: &&FrameSize| {
        let sides = size.width.abs_diff(wanted.width) + size.height.abs_diff(wanted.height);
        (sides, size.width, size.height)
    };
    let size = if format.has_range {
        wanted
    } else {
        format
            .sizes
            .iter()
            .min_by_key(distance)
            .copied()
            .unwrap_or(wanted)
    };
    Some(Request {
        pixels,
        size,
        fps: spec.fps,
    })
}

/// A camera as a source.
pub(super) struct V4l2Source {
    path: PathBuf,
    device: Box<dyn Device>,
    pixels: PixelChoice,
    accepted: Accepted,
    watch: Watch,
    next_index: u64,
    last_frame_at: Option<Timestamp>,
}

impl V4l2Source {
    pub(super) fn open(spec: &V4l2Spec, watch: &Watch) -> Result<Self, OpenError> {
        Self::open_with(&SystemDriver, spec, watch)
    }

    fn open_with(driver: &dyn Driver, spec: &V4l2Spec, watch: &Watch) -> Result<Self, OpenError> {
        let failed = |source| open_failed(&spec.path, source);
        let offered = driver.formats(&spec.path).map_err(failed)?;
        let no_usable_format = || OpenError::NoUsableFormat {
            path: spec.path.clone(),
            offered: list::offer_of(&offered),
        };
        let request = choose(spec, &offered).ok_or_else(no_usable_format)?;
        watch.check_open()?;
        let device = driver.start(&spec.path, &request).map_err(failed)?;
        let accepted = device.accepted();
        // A driver may answer with another format than the one it was asked for.
        let pixels = accepted.pixels.ok_or_else(no_usable_format)?;
        if accepted.size.width == 0 || accepted.size.height == 0 {
            return Err(no_usable_format());
        }
        Ok(Self {
            path: spec.path.clone(),
            device,
            pixels,
            accepted,
            watch: watch.clone(),
            next_index: 0,
            last_frame_at: None,
        })
    }

    /// Waits for the driver, looking at the grant in between.
    fn wait(&mut self, now: &dyn Fn() -> Timestamp) -> Result<(), SourceError> {
        loop {
            let present = now();
            self.watch.check(present)?;
            if self.device.wait(WAKE_INTERVAL).map_err(lost)? {
                return Ok(());
            }
            let waited = now().saturating_since(*self.last_frame_at.get_or_insert(present));
            if waited >= STALL_TIMEOUT {
                let reason = LostReason::Stalled { waited };
                return Err(SourceError::Lost { reason });
            }
        }
    }

    fn check_frame(&self, bytes: Vec<u8>) -> Result<(RawPixels, FrameSize), BadFrame> {
        match self.pixels {
            PixelChoice::Mjpeg => {
                let size = jpeg_size(&bytes).ok_or(BadFrame::NotJpeg)?;
                Ok((RawPixels::Mjpeg(bytes), size))
            }
            PixelChoice::Yuyv => {
                let size = self.accepted.size;
                let row_bytes = yuyv_row_bytes(size.width);
                let stride = self.accepted.stride.max(row_bytes);
                let needed = stride * (size.height as usize - 1) + row_bytes;
                if bytes.len() < needed {
                    let found = bytes.len();
                    return Err(BadFrame::Short { found, needed });
                }
                Ok((RawPixels::Yuyv { bytes, stride }, size))
            }
        }
    }
}

fn lost(error: io::Error) -> SourceError {
    let reason = if error.raw_os_error() == Some(ENODEV) {
        LostReason::Unplugged
    } else {
        LostReason::Io(error)
    };
    SourceError::Lost { reason }
}

impl FrameSource for V4l2Source {
    fn describe(&self) -> String {
        let FrameSize { width, height } = self.accepted.size;
        let format = match self.pixels {
            PixelChoice::Mjpeg => "MJPEG",
            PixelChoice::Yuyv => "YUYV",
        };
        format!("camera {} {width}x{height} {format}", self.path.display())
    }

    fn next(&mut self, now: &dyn Fn() -> Timestamp) -> Result<RawFrame, SourceError> {
        self.wait(now)?;
        let taken = self.device.take().map_err(lost)?;
        // The driver's own stamp is not handed out by the library; what is lost is the time from
        // the interrupt to here, below a millisecond while this thread waits.
        let captured_at = now();
        self.last_frame_at = Some(captured_at);
        let index = self.next_index;
        self.next_index += 1;
        let (pixels, size) = taken
            .ok_or(BadFrame::Flagged)
            .and_then(|bytes| self.check_frame(bytes))
            .map_err(|reason| SourceError::BadFrame { reason })?;
        Ok(RawFrame {
            pixels,
            size,
            captured_at,
            index,
        })
    }
}

#[cfg(not(target_os = "linux"))]
mod no_driver {
    //! Where there is no Video4Linux.

    use super::{CameraFormat, Device, Driver, Path, Request, io};

    pub(super) struct NoDriver;

    fn unsupported<T>() -> io::Result<T> {
        let what = "v4l2 cameras exist on Linux only; use http:, ffmpeg: or push:";
        Err(io::Error::new(io::ErrorKind::Unsupported, what))
    }

    impl Driver for NoDriver {
        fn formats(&self, _path: &Path) -> io::Result<Vec<CameraFormat>> {
            unsupported()
        }

        fn check_free(&self, _path: &Path) -> io::Result<()> {
            unsupported()
        }

        fn start(&self, _path: &Path, _request: &Request) -> io::Result<Box<dyn Device>> {
            unsupported()
        }
    }
}
