use std::collections::VecDeque;
use std::fs;
use std::sync::{Arc, Mutex};

use super::list::list_with;
use super::*;
use crate::source::clip::DEMO_CLIP;
use crate::source::jpeg_stream::JpegSplitter;
use crate::source::pace::fake::FakeClock;

/// What the fake camera does when a frame is asked of it.
#[derive(Clone)]
enum Event {
    Frame(Vec<u8>),
    Damaged,
    Error(i32),
}

/// A camera whose every answer is written down beforehand; silent when it has none left.
struct Fake {
    formats: Vec<CameraFormat>,
    accepted: Option<Accepted>,
    opening_error: Option<i32>,
    events: Arc<Mutex<VecDeque<Event>>>,
    requests: Mutex<Vec<Request>>,
    n_open: Arc<Mutex<u32>>,
    clock: FakeClock,
}

struct FakeDevice {
    accepted: Accepted,
    events: Arc<Mutex<VecDeque<Event>>>,
    n_open: Arc<Mutex<u32>>,
    clock: FakeClock,
}

impl Driver for Fake {
    fn formats(&self, _path: &Path) -> io::Result<Vec<CameraFormat>> {
        match self.opening_error {
            Some(code) => Err(io::Error::from_raw_os_error(code)),
            None => Ok(self.formats.clone()),
        }
    }

    fn check_free(&self, path: &Path) -> io::Result<()> {
        if path.ends_with("video10") {
            return Err(io::ErrorKind::ResourceBusy.into());
        }
        Ok(())
    }

    fn start(&self, _path: &Path, request: &Request) -> io::Result<Box<dyn Device>> {
        self.requests.lock().unwrap().push(*request);
        *self.n_open.lock().unwrap() += 1;
        let as_asked = Accepted {
            pixels: Some(request.pixels),
            size: request.size,
            stride: request.size.width as usize * 2,
        };
        Ok(Box::new(FakeDevice {
            accepted: self.accepted.unwrap_or(as_asked),
            events: Arc::clone(&self.events),
            n_open: Arc::clone(&self.n_open),
            clock: self.clock.clone(),
        }))
    }
}

impl Drop for FakeDevice {
    fn drop(&mut self) {
        *self.n_open.lock().unwrap() -= 1;
    }
}

impl Device for FakeDevice {
    fn accepted(&self) -> Accepted {
        self.accepted
    }

    fn wait(&mut self, timeout: Duration) -> io::Result<bool> {
        if self.events.lock().unwrap().is_empty() {
            self.clock.sleep().wait(timeout);
            return Ok(false);
        }
        self.clock.advance_millis(33);
        Ok(true)
    }

    fn take(&mut self) -> io::Result<Option<Vec<u8>>> {
        match self.events.lock().unwrap().pop_front().unwrap() {
            Event::Frame(bytes) => Ok(Some(bytes)),
            Event::Damaged => Ok(None),
            Event::Error(code) => Err(io::Error::from_raw_os_error(code)),
        }
    }
}

const fn size(width: u32, height: u32) -> FrameSize {
    FrameSize { width, height }
}

fn format(fourcc: &str, sizes: &[FrameSize]) -> CameraFormat {
    CameraFormat {
        fourcc: fourcc.to_owned(),
        is_usable: matches!(fourcc, "MJPG" | "YUYV"),
        sizes: sizes.to_vec(),
        has_range: sizes.is_empty(),
    }
}

fn webcam(events: Vec<Event>) -> Fake {
    let sizes = [size(1920, 1080), size(1280, 720), size(640, 480)];
    Fake {
        formats: vec![format("YUYV", &sizes), format("MJPG", &sizes)],
        accepted: None,
        opening_error: None,
        events: Arc::new(Mutex::new(events.into())),
        requests: Mutex::default(),
        n_open: Arc::default(),
        clock: FakeClock::default(),
    }
}

fn spec(width: Option<u32>, height: Option<u32>, format: Option<PixelChoice>) -> V4l2Spec {
    V4l2Spec {
        path: "/dev/video0".into(),
        width,
        height,
        fps: Some(30.0),
        format,
    }
}

fn jpeg() -> Vec<u8> {
    let mut splitter = JpegSplitter::new();
    splitter.push(&DEMO_CLIP[..100_000]);
    splitter.next_frame().unwrap().unwrap().bytes
}

#[test]
fn the_nearest_offer_is_taken() {
    fn check(spec: &V4l2Spec, offered: &[CameraFormat], wanted: Option<(PixelChoice, FrameSize)>) {
        let got = choose(spec, offered).map(|request| (request.pixels, request.size));
        assert_eq!(got, wanted);
    }
    use PixelChoice::{Mjpeg, Yuyv};
    let both = webcam(Vec::new()).formats;
    let only_h264 = [format("H264", &[size(1920, 1080)])];
    let range = [format("YUYV", &[])];
    check(
        &spec(None, None, None),
        &both,
        Some((Mjpeg, size(1280, 720))),
    );
    check(
        &spec(None, None, Some(Yuyv)),
        &both,
        Some((Yuyv, size(640, 480))),
    );
    check(
        &spec(Some(1900), Some(1000), None),
        &both,
        Some((Mjpeg, size(1920, 1080))),
    );
    check(
        &spec(Some(1), Some(1), None),
        &both[..1],
        Some((Yuyv, size(640, 480))),
    );
    check(&spec(None, None, Some(Mjpeg)), &both[..1], None);
    check(&spec(None, None, None), &only_h264, None);
    check(
        &spec(Some(800), Some(600), None),
        &range,
        Some((Yuyv, size(800, 600))),
    );
}

#[test]
fn frames_come_and_bad_ones_are_counted() {
    let good = jpeg();
    let fake = webcam(vec![
        Event::Frame(good.clone()),
        Event::Damaged,
        Event::Frame(Vec::new()),
        Event::Frame(good[..40].to_vec()),
        Event::Frame(good.clone()),
    ]);
    let watch = Watch::of(|_| true);
    let mut source = V4l2Source::open_with(&fake, &spec(None, None, None), &watch).unwrap();
    assert_eq!(source.describe(), "camera /dev/video0 1280x720 MJPEG");
    let clock = fake.clock.clone();
    let outcomes: Vec<String> = (0..5)
        .map(|_| match source.next(&|| clock.now()) {
            Ok(frame) => format!("{} {}", frame.index, frame.size.width),
            Err(error) => error.to_string(),
        })
        .collect();
    let not = "bad frame: not a JPEG image";
    let flagged = "bad frame: the camera reports a damaged frame";
    assert_eq!(outcomes, ["0 400", flagged, not, not, "4 400"]);
}

#[test]
fn short_uncompressed_frames_are_refused_and_strides_kept() {
    let whole = vec![128; 660 * 480];
    let mut fake = webcam(vec![
        Event::Frame(whole.clone()),
        Event::Frame(whole[..whole.len() - 21].to_vec()),
        Event::Frame(whole[..whole.len() - 20].to_vec()),
    ]);
    fake.accepted = Some(Accepted {
        pixels: Some(PixelChoice::Yuyv),
        size: size(320, 480),
        stride: 660,
    });
    let watch = Watch::of(|_| true);
    let mut source = V4l2Source::open_with(&fake, &spec(None, None, None), &watch).unwrap();
    let clock = fake.clock.clone();
    let mut next = || source.next(&|| clock.now());
    let frame = next().unwrap();
    assert!(matches!(frame.pixels, RawPixels::Yuyv { stride: 660, .. }));
    assert_eq!(frame.size, size(320, 480));
    assert!(matches!(
        next(),
        Err(SourceError::BadFrame {
            reason: BadFrame::Short {
                needed: 316_780,
                ..
            }
        })
    ));
    // The padding after the last row is nobody's.
    assert!(next().is_ok());
}

#[test]
fn an_unplugged_camera_is_lost_and_comes_back() {
    let fake = webcam(vec![Event::Frame(jpeg()), Event::Error(ENODEV)]);
    let watch = Watch::of(|_| true);
    let clock = fake.clock.clone();
    let open = || V4l2Source::open_with(&fake, &spec(None, None, None), &watch);
    let mut source = open().unwrap();
    source.next(&|| clock.now()).unwrap();
    let lost = source.next(&|| clock.now());
    let unplugged = LostReason::Unplugged.to_string();
    assert!(matches!(lost, Err(SourceError::Lost { reason }) if reason.to_string() == unplugged));
    drop(source);
    assert_eq!(*fake.n_open.lock().unwrap(), 0);
    fake.events.lock().unwrap().push_back(Event::Frame(jpeg()));
    assert_eq!(open().unwrap().next(&|| clock.now()).unwrap().index, 0);
}

#[test]
fn a_silent_camera_is_lost_and_a_dead_grant_closes_it() {
    let fake = webcam(Vec::new());
    let clock = fake.clock.clone();
    let watch = Watch::of(|_| true);
    let mut source = V4l2Source::open_with(&fake, &spec(None, None, None), &watch).unwrap();
    let outcome = source.next(&|| clock.now());
    assert!(matches!(
        outcome,
        Err(SourceError::Lost {
            reason: LostReason::Stalled { .. }
        })
    ));
    assert!(clock.now().as_millis() <= 10_200);
    drop(source);

    let died_at = clock.now().plus(Duration::from_millis(500));
    let watch = Watch::of(move |now| now < died_at);
    let source = V4l2Source::open_with(&fake, &spec(None, None, None), &watch).unwrap();
    let mut source = super::super::open::gated(source, &watch);
    assert_eq!(*fake.n_open.lock().unwrap(), 1);
    assert!(matches!(
        source.next(&|| clock.now()),
        Err(SourceError::Refused)
    ));
    assert_eq!(
        *fake.n_open.lock().unwrap(),
        0,
        "the device is closed, not only silent"
    );
    assert!(clock.now().saturating_since(died_at) <= WAKE_INTERVAL);
    assert!(matches!(
        source.next(&|| clock.now()),
        Err(SourceError::Refused)
    ));
}

#[test]
fn a_driver_that_answers_with_something_else_is_not_used() {
    let mut fake = webcam(Vec::new());
    fake.accepted = Some(Accepted {
        pixels: None,
        size: size(640, 480),
        stride: 0,
    });
    let watch = Watch::of(|_| true);
    let error = V4l2Source::open_with(&fake, &spec(None, None, None), &watch)
        .err()
        .unwrap();
    let text = error.to_string();
    assert!(text.contains("YUYV, MJPG") && error.is_final(), "{text}");
    // EBUSY and EACCES, from errno-base.h.
    for (code, needle) in [(16, "in use by another"), (13, "usermod -aG video")] {
        fake.opening_error = Some(code);
        let error = V4l2Source::open_with(&fake, &spec(None, None, None), &watch)
            .err()
            .unwrap();
        assert!(error.to_string().contains(needle), "{error}");
        assert!(!error.is_final());
    }
}

#[test]
fn cameras_are_listed_with_what_keeps_them_from_working() {
    let folder = std::env::temp_dir().join(format!("regard-v4l2-{}", std::process::id()));
    for number in [10, 2, 0] {
        let device = folder.join(format!("video{number}"));
        fs::create_dir_all(&device).unwrap();
        fs::write(device.join("name"), format!("Cam \u{e9} {number}\n")).unwrap();
    }
    fs::create_dir_all(folder.join("v4l-subdev0")).unwrap();
    let dev = Path::new("/dev");
    let cameras = list_with(&webcam(Vec::new()), &folder, dev);
    let names: Vec<_> = cameras.iter().map(|camera| camera.name.as_str()).collect();
    assert_eq!(names, ["Cam é 0", "Cam é 2", "Cam é 10"]);
    assert!(cameras[0].problem.is_none());
    let busy = cameras[2].problem.as_ref().unwrap();
    assert!(busy.what.contains("another program"));

    let mut fake = webcam(Vec::new());
    fake.opening_error = Some(13);
    let denied = list_with(&fake, &folder, dev);
    assert!(
        denied[0]
            .problem
            .as_ref()
            .unwrap()
            .remedy
            .contains("usermod")
    );
    let mut fake = webcam(Vec::new());
    fake.formats = vec![format("H264", &[])];
    let foreign = list_with(&fake, &folder, dev);
    assert!(
        foreign[0]
            .problem
            .as_ref()
            .unwrap()
            .remedy
            .contains("ffmpeg:/dev/video0")
    );
    fake.formats.clear();
    assert!(list_with(&fake, &folder, dev).is_empty());
    fs::remove_dir_all(&folder).unwrap();
    assert!(list_with(&fake, &folder, dev).is_empty());
}
