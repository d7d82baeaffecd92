use std::path::PathBuf;
use std::process::Command;

use super::*;
use crate::source::ffmpeg::FfmpegInfo;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../testkit/fixtures")
        .join(name)
}

/// Times of the frames, messages of what passed, and of what ended it.
fn read(path: &Path) -> (Vec<f64>, Vec<String>, Option<String>) {
    let options = VideoOptions {
        mjpeg_fps: 15.0,
        ..VideoOptions::default()
    };
    let (mut times, mut passing) = (Vec::new(), Vec::new());
    let reader = match open_video(path, &options) {
        Ok(reader) => reader,
        Err(error) => return (times, passing, Some(error.to_string())),
    };
    for outcome in reader {
        match outcome {
            Ok(frame) => times.push(frame.time_secs),
            Err(error) if error.is_passing() => passing.push(error.to_string()),
            Err(error) => return (times, passing, Some(error.to_string())),
        }
    }
    (times, passing, None)
}

/// A folder that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("regard-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn make(info: &FfmpegInfo, arguments: &[&str], to: &Path) {
    let made = Command::new(&info.path)
        .args(["-v", "error", "-nostdin", "-y"])
        .args(arguments)
        .arg(to)
        .status()
        .unwrap();
    assert!(made.success());
}

#[test]
fn bare_motion_jpeg_has_its_frames_and_times() {
    let (times, passing, end) = read(&fixture("clip/demo.mjpeg"));
    assert_eq!((times.len(), passing.len(), end), (372, 0, None));
    assert!((times[371] - 371.0 / 15.0).abs() < 1e-9);
}

#[test]
fn a_cut_clip_gives_what_it_has_and_says_so() {
    let (times, _, end) = read(&fixture("hostile/cut.mjpeg"));
    assert!(!times.is_empty());
    assert_eq!(
        end.unwrap(),
        format!("the video is cut short after {} frames", times.len())
    );
}

#[test]
fn kinds_are_told_by_content() {
    for (name, wanted) in [
        ("clip/demo.mjpeg", Some(VideoKind::Mjpeg)),
        ("photos/astronaut.jpg", None),
        ("photos/astronaut.gif", Some(VideoKind::Gif)),
        ("hostile/one_frame.gif", None),
        ("hostile/zero.jpg", None),
        ("hostile/text.jpg", None),
        ("clip/demo.toml", None),
    ] {
        assert_eq!(VideoKind::sniff(&fixture(name)).unwrap(), wanted, "{name}");
    }
    assert!(VideoKind::sniff(Path::new("/no/such/file")).is_err());
    let (_, _, end) = read(&fixture("photos/astronaut.jpg"));
    assert_eq!(end.unwrap(), "not a video");
}

#[test]
fn films_of_other_kinds_come_through_ffmpeg() {
    let Some(info) = find_ffmpeg() else {
        println!("skipped: ffmpeg not found");
        return;
    };
    let folder = Folder::new("films");
    let pattern = [
        "-f",
        "lavfi",
        "-i",
        "testsrc=size=160x120:rate=10:duration=2",
    ];
    let avi = folder.0.join("native.avi");
    make(&info, &[&pattern[..], &["-c:v", "mjpeg"]].concat(), &avi);
    assert_eq!(VideoKind::sniff(&avi).unwrap(), Some(VideoKind::Avi));
    let foreign = folder.0.join("foreign.avi");
    make(
        &info,
        &[&pattern[..], &["-c:v", "mpeg4"]].concat(),
        &foreign,
    );
    // A colon in the name must not make a protocol of it.
    let film = folder.0.join("a:film -y.mkv");
    make(&info, &[&pattern[..], &["-c:v", "mpeg4"]].concat(), &film);
    let gif = folder.0.join("moving.gif");
    make(&info, &pattern, &gif);
    assert_eq!(VideoKind::sniff(&gif).unwrap(), Some(VideoKind::Gif));
    for path in [&avi, &foreign, &film, &gif] {
        let (times, passing, end) = read(path);
        assert_eq!(
            (times.len(), passing.len(), end),
            (20, 0, None),
            "{}",
            path.display()
        );
        for (index, time) in (0_u32..).zip(&times) {
            assert!(
                (time - f64::from(index) / 10.0).abs() < 0.006,
                "{}",
                path.display()
            );
        }
    }
    // A variable rate: frames 5 to 9 are left out, the times of the others stay.
    let gaps = folder.0.join("gaps.mkv");
    let select = [
        "-vf",
        "select='not(between(n,5,9))'",
        "-fps_mode",
        "passthrough",
    ];
    make(
        &info,
        &[&pattern[..], &["-c:v", "mpeg4"], &select].concat(),
        &gaps,
    );
    let (times, _, end) = read(&gaps);
    assert_eq!((times.len(), end), (15, None));
    assert!(
        (times[4] - 0.4).abs() < 0.006 && (times[5] - 1.0).abs() < 0.006,
        "{times:?}"
    );
    for path in [&avi, &foreign, &film] {
        let whole = std::fs::read(path).unwrap();
        let cut = path.with_extension(format!("cut.{}", ending_of(path)));
        std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
        let (times, _, end) = read(&cut);
        assert!(!times.is_empty() && times.len() < 20, "{}", path.display());
        assert!(end.is_some(), "{} ends in silence", cut.display());
    }
    let text = folder.0.join("text.mp4");
    std::fs::write(&text, "this is no film").unwrap();
    let (times, _, end) = read(&text);
    assert!(times.is_empty() && end.unwrap().contains("ffmpeg failed after 0 frames"));
}
