//! The real driver: calls carried to `linuxvideo`, nothing decided here.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::Duration;

use linuxvideo::format::{Format, FrameSizes, PixFormat, PixelFormat};
use linuxvideo::stream::ReadStream;
use linuxvideo::{BufType, Fract};
use regard_domain::FrameSize;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Accepted, CameraFormat, Device, Driver, PixelChoice, Request};

/// Denominator under which frame rates are asked for: 29.97 frames a second is exact to 1/1000.
const FPS_SCALE: f64 = 1000.0;

/// Cameras behind `/dev/video*`.
pub(super) struct LinuxDriver;

fn open(path: &Path) -> io::Result<linuxvideo::Device> {
    // A plain file answers ioctls in ways that say nothing to a person.
    if !fs::metadata(path)?.file_type().is_char_device() {
        let what = "not a camera device; cameras are /dev/video0, /dev/video1, …";
        return Err(io::Error::new(io::ErrorKind::Unsupported, what));
    }
    linuxvideo::Device::open(path)
}

fn pixel_choice(format: PixelFormat) -> Option<PixelChoice> {
    if format == PixelFormat::MJPG || format == PixelFormat::JPEG {
        Some(PixelChoice::Mjpeg)
    } else if format == PixelFormat::YUYV {
        Some(PixelChoice::Yuyv)
    } else {
        None
    }
}

fn sizes_of(device: &linuxvideo::Device, format: PixelFormat) -> (Vec<FrameSize>, bool) {
    match device.frame_sizes(format) {
        Ok(FrameSizes::Discrete(sizes)) => {
            let mut sizes: Vec<_> = sizes
                .iter()
                .map(|size| FrameSize {
                    width: size.width(),
                    height: size.height(),
                })
                .collect();
            sizes.sort_by_key(|size| std::cmp::Reverse((size.width, size.height)));
            sizes.dedup();
            (sizes, false)
        }
        Ok(FrameSizes::Stepwise(range) | FrameSizes::Continuous(range)) => {
            let largest = FrameSize {
                width: range.max_width(),
                height: range.max_height(),
            };
            (vec![largest], true)
        }
        // Some drivers do not list sizes; they take what they are asked for or the nearest.
        Err(_) => (Vec::new(), true),
    }
}

impl Driver for LinuxDriver {
    fn formats(&self, path: &Path) -> io::Result<Vec<CameraFormat>> {
        let device = open(path)?;
        let mut formats = Vec::new();
        for description in device.formats(BufType::VIDEO_CAPTURE) {
            let format = description?.pixel_format();
            let (sizes, has_range) = sizes_of(&device, format);
            // Two codes mean the same to us; the driver is asked by the one it lists.
            formats.push(CameraFormat {
                fourcc: format.to_string(),
                is_usable: pixel_choice(format).is_some(),
                sizes,
                has_range,
            });
        }
        Ok(formats)
    }

    fn check_free(&self, path: &Path) -> io::Result<()> {
        let device = open(path)?;
        // Asking for the format it has already changes nothing, and fails while another captures.
        if let Format::VideoCapture(format) = device.format(BufType::VIDEO_CAPTURE)? {
            device.video_capture(format)?;
        }
        Ok(())
    }

    fn start(&self, path: &Path, request: &Request) -> io::Result<Box<dyn Device>> {
        let device = open(path)?;
        let offers_mjpg = device
            .formats(BufType::VIDEO_CAPTURE)
            .any(|format| format.is_ok_and(|format| format.pixel_format() == PixelFormat::MJPG));
        let code = match request.pixels {
            PixelChoice::Mjpeg if offers_mjpg => PixelFormat::MJPG,
            PixelChoice::Mjpeg => PixelFormat::JPEG,
            PixelChoice::Yuyv => PixelFormat::YUYV,
        };
        let wanted = PixFormat::new(request.size.width, request.size.height, code);
        let capture = device.video_capture(wanted)?;
        if let Some(fps) = request.fps {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "at most 240,000, checked where the specification is read"
            )]
            let per_thousand_secs = (fps * FPS_SCALE).round().max(1.0) as u32;
            // Drivers without a choice of rates refuse; they deliver what they have.
            if let Err(error) = capture.set_frame_interval(Fract::new(1000, per_thousand_secs)) {
                tracing::debug!(%error, "the camera keeps its frame rate");
            }
        }
        let format = capture.format();
        let accepted = Accepted {
            pixels: pixel_choice(format.pixel_format()),
            size: FrameSize {
                width: format.width(),
                height: format.height(),
            },
            stride: format.bytes_per_line() as usize,
        };
        let stream = capture.into_stream()?;
        Ok(Box::new(Capture { stream, accepted }))
    }
}

/// A camera that captures.
struct Capture {
    stream: ReadStream,
    accepted: Accepted,
}

impl Device for Capture {
    fn accepted(&self) -> Accepted {
        self.accepted
    }

    fn wait(&mut self, timeout: Duration) -> io::Result<bool> {
        let timeout = Timespec::try_from(timeout).map_err(io::Error::other)?;
        let mut ready = [PollFd::new(&self.stream, PollFlags::IN)];
        match poll(&mut ready, Some(&timeout)) {
            // An unplugged camera is "ready" too: taking then says what happened.
            Ok(n_ready) => Ok(n_ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }

    fn take(&mut self) -> io::Result<Option<Vec<u8>>> {
        self.stream
            .dequeue(|view| Ok((!view.is_error()).then(|| view.to_vec())))
    }
}
