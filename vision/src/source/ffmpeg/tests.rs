use super::child::{complaint_in, time_in};
use super::*;
use crate::source::pace::fake::FakeClock;
use crate::source::spec::SourceSpec;

fn ffmpeg_spec(text: &str) -> FfmpegSpec {
    match text.parse().unwrap() {
        SourceSpec::Ffmpeg(spec) => spec,
        other => panic!("{other:?} is not ffmpeg"),
    }
}

#[test]
fn lines_of_the_child_are_understood() {
    let line =
        "[Parsed_showinfo_0 @ 0x55d] [info] n:   3 pts:   1536 pts_time:0.12    pos: 1 fmt:yuv";
    assert_eq!(time_in(line), Some(Some(0.12)));
    assert_eq!(
        time_in("[Parsed_showinfo_0 @ 0x1] [info] n: 0 pts: NOPTS pts_time:NOPTS"),
        Some(None)
    );
    assert_eq!(
        time_in("[Parsed_showinfo_0 @ 0x1] [info] config in time_base: 1/12800"),
        None
    );
    assert_eq!(time_in("[info] title: n: pts_time:7"), None);
    assert_eq!(
        complaint_in("[info] Input #0, rtsp, from 'rtsp://u:pw@cam'"),
        None
    );
    let line = "[rtsp @ 0x55] [error] rtsp://u:s3cret@cam/1?t=s3cret: 401 Unauthorized";
    let complaint = complaint_in(line).unwrap();
    assert_eq!(complaint, "rtsp://cam/1: 401 Unauthorized");
}

#[test]
fn names_and_playlists_cannot_become_options_or_protocols() {
    let info = |version: &str| FfmpegInfo {
        path: "/usr/bin/ffmpeg".into(),
        version: version.to_owned(),
    };
    let arguments_of = |version: &str, input: &Input<'_>| -> Vec<String> {
        arguments(&info(version), input, None)
            .into_iter()
            .map(|argument| argument.into_string().unwrap())
            .collect()
    };
    let path = Path::new("-y http://evil.mp4");
    let real_time = false;
    let all = arguments_of("5.1.9-0+deb12u1", &Input::File { path, real_time });
    let joined = all.join(" ");
    assert!(
        all.contains(&"file:-y http://evil.mp4".to_owned()),
        "{joined}"
    );
    assert!(joined.contains("-protocol_whitelist file "), "{joined}");
    // Nothing that leads on to other files.
    let formats = all.iter().position(|one| one == "-format_whitelist");
    let formats: Vec<&str> = all[formats.unwrap() + 1].split(',').collect();
    for other in ["hls", "concat", "dash", "image2", "sdp", "imf", "lavfi"] {
        assert!(!formats.contains(&other), "{other}");
    }
    assert!(joined.contains("-fps_mode passthrough"));
    let all = arguments_of("4.4.2-0ubuntu0.22", &Input::Url("https://cam/x.m3u8")).join(" ");
    assert!(
        all.contains("-vsync passthrough") && !all.contains("file"),
        "{all}"
    );
    let all = arguments_of("N-109-gabc", &Input::Url("rtsp://cam/1")).join(" ");
    assert!(
        all.contains("-fps_mode") && all.contains("-rtsp_transport tcp"),
        "{all}"
    );
}

#[test]
fn a_machine_without_ffmpeg_is_told_so() {
    assert!(find_in(OsStr::new("")).is_none());
    assert!(find_in(OsStr::new("/nonexistent:relative")).is_none());
    assert!(
        OpenError::FfmpegMissing
            .to_string()
            .contains("apt install ffmpeg")
    );
}

#[test]
fn a_film_plays_as_a_camera() {
    let Some(info) = find_ffmpeg() else {
        println!("skipped: ffmpeg not found");
        return;
    };
    assert!(!info.version.is_empty());
    let clip = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../testkit/fixtures/clip/demo.mjpeg"
    );
    let options = OpenOptions {
        pace: Pace::AsFast,
        ..OpenOptions::default()
    };
    let watch = Watch::of(|_| true);
    let clock = FakeClock::default();
    let mut source =
        FfmpegSource::open(&ffmpeg_spec(&format!("ffmpeg:{clip}")), &options, &watch).unwrap();
    let mut n_frames = 0;
    let end = loop {
        match source.next(&|| clock.now()) {
            Ok(frame) => {
                assert_eq!((frame.index, frame.size.width), (n_frames, 400));
                assert!(matches!(&frame.pixels, RawPixels::Rgb(rgb) if rgb.len() == 360_000));
                n_frames += 1;
            }
            Err(error) => break error,
        }
    };
    assert!(matches!(end, SourceError::Ended), "{end}");
    assert_eq!(n_frames, 372);
}

#[test]
fn a_child_that_fails_says_why_and_a_dropped_one_is_gone() {
    if find_ffmpeg().is_none() {
        println!("skipped: ffmpeg not found");
        return;
    }
    let watch = Watch::of(|_| true);
    let clock = FakeClock::default();
    let options = OpenOptions::default();
    let text = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../testkit/fixtures/hostile/text.jpg"
    );
    let mut source =
        FfmpegSource::open(&ffmpeg_spec(&format!("ffmpeg:{text}")), &options, &watch).unwrap();
    let error = source.next(&|| clock.now()).unwrap_err().to_string();
    assert!(
        error.contains("ffmpeg ended") && error.len() > 40,
        "{error}"
    );
    let missing = FfmpegSource::open(&ffmpeg_spec("ffmpeg:/no/such.mp4"), &options, &watch);
    assert!(matches!(missing.err(), Some(OpenError::NotFound { .. })));

    // In real time the child would live for 25 s: dropping ends it, or this test hangs.
    let clip = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../testkit/fixtures/clip/demo.mjpeg"
    );
    let mut source =
        FfmpegSource::open(&ffmpeg_spec(&format!("ffmpeg:{clip}")), &options, &watch).unwrap();
    source.next(&|| clock.now()).unwrap();
    drop(source);
}
