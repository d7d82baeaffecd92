//! Videos: frames, times, tracks.

use std::fs;

use regard_testkit::clip::frames;
use serde_json::Value;

use super::{number, parsed};
use crate::program::{fixture, program, said_by};

fn frames_of(record: &[Value]) -> Vec<u64> {
    record
        .iter()
        .map(|r| r["frame"].as_u64().unwrap())
        .collect()
}

#[test]
fn tracks_are_numbered_in_order_of_appearance() {
    // The man to frame 47, nobody to 67, then a portrait; and the man again. See clip/demo.toml.
    let all = frames();
    assert_eq!(all.len(), 372);
    let folder = tempfile::tempdir().unwrap();
    let clip = folder.path().join("short.mjpeg");
    fs::write(
        &clip,
        [&all[40..48], &all[60..66], &all[70..76]].concat().concat(),
    )
    .unwrap();
    let said = said_by(program().args(["analyze", "--mjpeg-fps", "15"]).arg(&clip));
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(
        said.err
            .starts_with("analysed 1 video (20 frames): 14 faces; 0 bad;"),
        "{}",
        said.err
    );
    let records = parsed(&said.out);
    let tracks: Vec<u64> = records
        .iter()
        .map(|r| r["track"].as_u64().unwrap())
        .collect();
    assert_eq!(tracks, [[1; 8].as_slice(), &[2; 6]].concat());
    assert_eq!(
        frames_of(&records),
        (0..8).chain(14..20).collect::<Vec<u64>>()
    );
    for record in &records {
        let expected = number(&record["frame"]) / 15.0;
        assert!(
            (number(&record["time_secs"]) - expected).abs() <= 5e-4,
            "{record}"
        );
        assert!(record["expression"].is_object() && record["head_pose"].is_object());
    }
    assert_eq!(records[0]["expression"]["label"], "neutral");
    assert_eq!(records[13]["expression"]["label"], "happy");
}

#[test]
fn samples_and_drawings() {
    let folder = tempfile::tempdir().unwrap();
    let clip = folder.path().join("short.mjpeg");
    fs::write(&clip, frames()[..30].concat()).unwrap();
    let drawn = folder.path().join("drawn");
    let mut command = program();
    command.args(["analyze", "--mjpeg-fps", "10", "--every", "0.5", "--draw"]);
    let said = said_by(command.arg(&drawn).arg(&clip));
    assert_eq!(
        frames_of(&parsed(&said.out)),
        [0, 5, 10, 15, 20, 25],
        "{}",
        said.err
    );
    let mut names: Vec<_> = fs::read_dir(&drawn)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let expected = [0, 10, 20].map(|i| format!("short.mjpeg.frame-{i:06}.faces.jpg"));
    assert_eq!(names, expected);
}

#[test]
fn a_damaged_frame_is_left_out_and_a_cut_video_gives_what_it_has() {
    let mut all = frames();
    all.truncate(4);
    // A picture whose data do not go with its tables.
    let middle = all[1].len() / 2;
    all[1].truncate(middle);
    all[1].extend([0xFF, 0xD9]);
    let last = all[3].len() / 3;
    all[3].truncate(last);
    let folder = tempfile::tempdir().unwrap();
    let clip = folder.path().join("cut.mjpeg");
    fs::write(&clip, all.concat()).unwrap();
    let said = said_by(program().arg("analyze").arg(&clip));
    assert_eq!((said.code, said.errors().len()), (2, 1), "{}", said.err);
    assert!(
        said.errors()[0].contains("the video is cut short after"),
        "{}",
        said.err
    );
    let found = frames_of(&parsed(&said.out));
    assert!(
        found.starts_with(&[0]) && found.ends_with(&[2]),
        "{found:?}"
    );
}

#[test]
fn a_gif_that_moves_is_a_video() {
    let said = said_by(
        program()
            .arg("analyze")
            .arg(fixture("photos/astronaut.gif")),
    );
    let records = parsed(&said.out);
    assert_eq!(frames_of(&records), [0, 1, 2]);
    let times: Vec<f64> = records.iter().map(|r| number(&r["time_secs"])).collect();
    assert_eq!(times, [0.0, 0.1, 0.2]);
    assert!(records.iter().all(|r| r["track"] == 1));
}
