//! Frame sources through the door, under grants that the gate gave.
#![expect(clippy::unwrap_used, reason = "helpers of tests, too")]

use std::cell::Cell;
use std::fs;
use std::path::Path;

use regard_commitments::{Answer, Grant, LibraryDeclaration, Sensing, ask_library};
use regard_domain::{CameraId, Timestamp};
use regard_vision::{
    DEMO_CLIP, OpenError, OpenOptions, Pace, PushQueue, RawPixels, SourceError, SourceSpec,
    open_clip_bytes, open_source,
};

fn library_grant() -> Grant<Sensing> {
    let camera = CameraId::new("films").unwrap();
    match ask_library(&LibraryDeclaration::own_media(camera)) {
        Answer::Granted(grant) => grant,
        Answer::Refused(refusal) => panic!("{refusal:?}"),
    }
}

fn as_fast() -> OpenOptions {
    OpenOptions {
        pace: Pace::AsFast,
        push: Some(PushQueue::new()),
        ..OpenOptions::default()
    }
}

fn spec(text: &str) -> SourceSpec {
    text.parse().unwrap()
}

#[test]
fn the_demo_clip_needs_no_file() {
    let mut source = open_source(&SourceSpec::Demo, &library_grant(), &as_fast()).unwrap();
    assert_eq!(source.describe(), "demo clip");
    let now = Cell::new(0);
    for index in 0..400 {
        let frame = source
            .next(&|| {
                now.set(now.get() + 1);
                Timestamp::from_micros(now.get())
            })
            .unwrap();
        assert_eq!((frame.index, frame.size.width), (index, 400));
    }
}

#[test]
fn leave_for_stored_media_opens_no_live_source() {
    for text in [
        "v4l2:/dev/video0",
        "http://127.0.0.1:9/",
        "rtsp://127.0.0.1:9/",
        "ffmpeg:/dev/video0",
        "push:door",
    ] {
        let outcome = open_source(&spec(text), &library_grant(), &as_fast());
        assert!(matches!(outcome, Err(OpenError::Refused)), "{text}");
    }
}

#[test]
fn a_stopped_source_says_so_and_stays_closed() {
    let options = as_fast();
    let bytes = DEMO_CLIP.into();
    let mut source = open_clip_bytes(bytes, 30.0, true, &library_grant(), &options).unwrap();
    let now = || Timestamp::from_micros(7);
    assert_eq!(source.next(&now).unwrap().captured_at, now());
    options
        .stop
        .store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(matches!(source.next(&now), Err(SourceError::Stopped)));
    options
        .stop
        .store(false, std::sync::atomic::Ordering::Relaxed);
    assert!(matches!(source.next(&now), Err(SourceError::Ended)));
}

#[test]
fn a_folder_plays_in_the_order_of_its_names() {
    let photos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit/fixtures/photos");
    let folder = std::env::temp_dir().join(format!("regard-folder-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    for (from, to) in [
        ("astronaut.png", "b.PNG"),
        ("solvay.jpg", "a.jpg"),
        ("solvay.jpg", "d.txt"),
    ] {
        fs::copy(photos.join(from), folder.join(to)).unwrap();
    }
    fs::write(folder.join("c.jpg"), "no image").unwrap();
    let text = format!("folder:{}?fps=2", folder.display());
    let mut source = open_source(&spec(&text), &library_grant(), &as_fast()).unwrap();
    let now = || Timestamp::from_micros(0);
    let mut seen = Vec::new();
    let end = loop {
        match source.next(&now) {
            Ok(frame) => match frame.pixels {
                RawPixels::Still(bytes) => {
                    let kind = if bytes.starts_with(b"\x89PNG") {
                        "png"
                    } else {
                        "jpeg"
                    };
                    seen.push(format!(
                        "{} {kind} {}",
                        frame.index,
                        frame.captured_at.as_millis()
                    ));
                }
                other => panic!("{other:?} is no still"),
            },
            Err(SourceError::BadFrame { reason }) => seen.push(reason.to_string()),
            Err(error) => break error,
        }
    };
    fs::remove_dir_all(&folder).unwrap();
    assert!(matches!(end, SourceError::Ended));
    assert_eq!(seen, ["0 jpeg 0", "1 png 500", "c.jpg: not an image"]);
    let gone = open_source(&spec(&text), &library_grant(), &as_fast());
    assert!(matches!(gone, Err(OpenError::NotFound { .. })));
}
