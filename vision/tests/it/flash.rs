//! Films that were made to flash, and films that were not.

use std::path::{Path, PathBuf};
use std::process::Command;

use regard_vision::{find_ffmpeg, look_for_flashes};

/// A film of two seconds at 60 frames a second, in black, over which `boxes` are drawn.
fn film(folder: &Path, name: &str, boxes: &str) -> PathBuf {
    let file = folder.join(name);
    let source = format!("color=c=black:s=320x180:r=60:d=2,{boxes}");
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-f", "lavfi", "-i", &source])
        .args(["-c:v", "mpeg4", "-q:v", "2", "-pix_fmt", "yuv420p"])
        .arg(&file)
        .status()
        .unwrap();
    assert!(status.success(), "{name}");
    file
}

#[test]
fn what_flashes_in_a_film_is_found_frame_by_frame() {
    if find_ffmpeg().is_none() {
        println!("skipped: flashes in films: ffmpeg not found");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let look =
        |name: &str, boxes: &str| look_for_flashes(&film(folder.path(), name, boxes)).unwrap();

    // White for one frame of a sixtieth of a second.
    let one = look("one.mp4", "drawbox=color=white:t=fill:enable='eq(n\\,60)'");
    let secs = one.shortest_secs.unwrap();
    assert!((secs - 1.0 / 60.0).abs() < 1e-3, "{one:?}");
    assert_eq!(
        (one.most_in_a_second, one.n_frames, one.is_whole),
        (1, 120, true)
    );

    // Five times a second, a tenth of a second each: long enough to be seen, too often to be shown.
    let strobe = look(
        "strobe.mp4",
        "drawbox=color=white:t=fill:enable='lt(mod(n\\,12)\\,6)'",
    );
    assert!((4..=5).contains(&strobe.most_in_a_second), "{strobe:?}");
    assert!(
        (strobe.shortest_secs.unwrap() - 0.1).abs() < 1e-3,
        "{strobe:?}"
    );

    // A cut to white, and a spot of 1 % of the picture that flickers: neither is a flash.
    let cut = look("cut.mp4", "drawbox=color=white:t=fill:enable='gte(n\\,60)'");
    assert_eq!(
        (cut.shortest_secs, cut.most_in_a_second),
        (None, 0),
        "{cut:?}"
    );
    let spot = look(
        "spot.mp4",
        "drawbox=w=32:h=18:color=white:t=fill:enable='lt(mod(n\\,4)\\,2)'",
    );
    assert_eq!(
        (spot.shortest_secs, spot.most_in_a_second),
        (None, 0),
        "{spot:?}"
    );

    // Half a film says so.
    let bytes = std::fs::read(folder.path().join("one.mp4")).unwrap();
    let half = folder.path().join("half.mp4");
    std::fs::write(&half, &bytes[..bytes.len() / 2]).unwrap();
    match look_for_flashes(&half) {
        Ok(found) => assert!(!found.is_whole, "{found:?}"),
        Err(error) => assert!(!error.is_passing(), "{error}"),
    }
}
