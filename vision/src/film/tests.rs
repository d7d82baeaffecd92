use super::*;
use crate::{PixelPool, RgbView};
use crate::{RawPixels, VideoOptions, WantedSize, decode_jpeg, find_ffmpeg, open_video};

/// Frames that move a bright square, at times that are not even.
const TIMES_SECS: [f64; 5] = [0.2, 0.24, 0.4, 0.44, 0.9];

fn picture(at: usize, size: FrameSize) -> Picture {
    let mut pixels = vec![40; size.width as usize * size.height as usize * 3];
    for y in 8..24 {
        for x in at * 6..at * 6 + 12 {
            pixels[(y * size.width as usize + x) * 3] = 230;
        }
    }
    Picture::from_rgb(pixels, size).unwrap()
}

fn rgb(pixels: RawPixels, size: FrameSize) -> Vec<u8> {
    match pixels {
        RawPixels::Rgb(rgb) => rgb,
        RawPixels::Mjpeg(bytes) => {
            let picture = decode_jpeg(&bytes, WantedSize::Whole, &PixelPool::new()).unwrap();
            assert_eq!(picture.size(), size);
            picture.pixels().to_vec()
        }
        other => panic!("{other:?}"),
    }
}

/// Writes five frames and reads them again: all of them, at their times, with their pixels.
fn round_trip(name: &str, kind: VideoKind, size: FrameSize, knows_times: bool) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let mut writer = FilmWriter::create(&path, kind, None).unwrap();
    for (at, time_secs) in TIMES_SECS.into_iter().enumerate() {
        writer.frame(&picture(at, size), time_secs).unwrap();
    }
    writer.finish().unwrap();
    let options = VideoOptions {
        mjpeg_fps: 25.0,
        ..VideoOptions::default()
    };
    let read: Vec<_> = open_video(&path, &options)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(read.len(), TIMES_SECS.len(), "{name}");
    let first = read[0].time_secs;
    for (at, frame) in read.into_iter().enumerate() {
        let expected = TIMES_SECS[at] - TIMES_SECS[0];
        let time = frame.time_secs - first;
        assert!(
            !knows_times || (time - expected).abs() < 0.011,
            "{name}: {time} is not {expected}"
        );
        let width = frame.size.width as usize;
        let rgb = rgb(frame.pixels, frame.size);
        let red = |x: usize| i32::from(rgb[(16 * width + x) * 3]);
        assert!(
            (red(at * 6 + 6) - 230).abs() < 25,
            "{name}: {}",
            red(at * 6 + 6)
        );
        assert!((red(at * 6 + 24) - 40).abs() < 25, "{name}");
    }
}

const EVEN: FrameSize = FrameSize {
    width: 64,
    height: 48,
};
const ODD: FrameSize = FrameSize {
    width: 63,
    height: 47,
};

#[test]
fn what_needs_no_ffmpeg_comes_back_frame_by_frame() {
    round_trip("a.mjpeg", VideoKind::Mjpeg, ODD, false);
    round_trip("a.gif", VideoKind::Gif, ODD, true);
}

#[test]
fn films_keep_every_frame_and_its_time() {
    if find_ffmpeg().is_none() {
        println!("skipped: ffmpeg not found");
        return;
    }
    round_trip("a.mp4", VideoKind::Other, EVEN, true);
    round_trip("a.mkv", VideoKind::Other, EVEN, true);
    // Encoders want even sides: a column and a row are added.
    round_trip("odd.mp4", VideoKind::Other, ODD, true);
}

#[test]
fn another_size_in_between_and_a_place_that_is_none_are_told() {
    if find_ffmpeg().is_none() {
        println!("skipped: ffmpeg not found");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mp4");
    let mut writer = FilmWriter::create(&path, VideoKind::Other, None).unwrap();
    writer.frame(&picture(0, EVEN), 0.0).unwrap();
    let error = writer.frame(&picture(0, ODD), 0.1).unwrap_err();
    assert!(matches!(error, FilmError::SizeChanged { .. }), "{error}");

    let nowhere = folder.path().join("no/such/folder/a.mp4");
    let mut writer = FilmWriter::create(&nowhere, VideoKind::Other, None).unwrap();
    let tried = (0..200).try_for_each(|at| writer.frame(&picture(0, EVEN), f64::from(at)));
    let error = tried.and_then(|()| writer.finish()).unwrap_err();
    assert!(error.to_string().contains("ffmpeg failed: "), "{error}");
}

#[test]
fn names_say_what_is_inside() {
    let check = |name: &str, kind, expected: &str| {
        assert_eq!(film_name(Path::new(name), kind), Path::new(expected));
    };
    check("a/b.MP4", VideoKind::Other, "a/b.MP4");
    check("b.webm", VideoKind::Other, "b.mkv");
    check("b.avi", VideoKind::Avi, "b.mkv");
    check("b.gif", VideoKind::Gif, "b.gif");
    check("b.mjpeg", VideoKind::Mjpeg, "b.mjpeg");
    assert!(RgbView::new(&[], EVEN).is_none());
}
