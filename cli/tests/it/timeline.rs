//! `regard timeline`: what faces in a video do over time.

use std::fs;
use std::path::{Path, PathBuf};

use regard_testkit::clip::frames;
use regard_testkit::wall::clip_jpegs;

use crate::program::{program, said_by};

/// The first images of the demo clip: the man at rest until the 27th, then his brows go up and his mouth opens.
fn clip(folder: &Path, n_images: usize) -> PathBuf {
    let path = folder.join("man.mjpeg");
    fs::write(&path, clip_jpegs()[..n_images].concat()).unwrap();
    path
}

#[test]
fn a_page_a_table_and_a_picture_of_a_face_that_opens_its_mouth() {
    let folder = tempfile::tempdir().unwrap();
    let video = clip(folder.path(), 45);
    let path = |name: &str| folder.path().join(name);
    let said = said_by(
        program()
            .args(["timeline", "--mjpeg-fps", "15"])
            .arg(&video)
            .arg("-o")
            .arg(path("out.html"))
            .arg("--csv")
            .arg(path("out.csv"))
            .arg("--events")
            .arg(path("events.csv"))
            .arg("--svg")
            .arg(path("out.svg")),
    );
    assert_eq!((said.code, said.errors()), (0, vec![]), "{}", said.err);
    assert!(said.out.contains("face 1: "), "{}", said.out);
    let page = fs::read_to_string(path("out.html")).unwrap();
    assert!(page.contains("class=\"timeline\"") && page.contains("15.0 times a second"));
    assert!(!page.contains("<video"), "browsers do not play Motion-JPEG");
    assert!(
        fs::read_to_string(path("out.svg"))
            .unwrap()
            .starts_with("<svg")
    );
    let csv = fs::read_to_string(path("out.csv")).unwrap();
    let mut lines = csv.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 45);
    let column = |name: &str| -> Vec<f64> {
        let at = header.iter().position(|h| *h == name).unwrap();
        rows.iter()
            .map(|row| row[at].parse().unwrap_or(f64::NAN))
            .collect()
    };
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    // By hand: neutral to 1.8 s, brows up and mouth open 1.8 to 2.7 s (testkit/fixtures/clip/demo.toml).
    for (unit, least) in [("lips_part", 0.3), ("jaw_drop", 0.1), ("arousal", 0.2)] {
        let values = column(unit);
        let (rest, open) = (mean(&values[3..24]), mean(&values[31..38]));
        assert!(open > rest + least, "{unit}: {rest} {open}");
    }
    assert!(column("lips_part")[3..24].iter().all(|v| v.abs() < 0.2));
    let events = fs::read_to_string(path("events.csv")).unwrap();
    let opens = events
        .lines()
        .find(|line| line.contains(",lips_part,"))
        .unwrap();
    let onset: f64 = opens.split(',').nth(4).unwrap().parse().unwrap();
    assert!((1.5..2.2).contains(&onset), "{opens}");
    assert!(!events.contains("micro_movement"), "not asked for");
}

#[test]
fn one_damaged_frame_costs_that_frame_alone() {
    let folder = tempfile::tempdir().unwrap();
    let video = clip(folder.path(), 20);
    let mut frames = frames();
    frames.truncate(20);
    // The first Huffman table of the tenth frame names more codes than there can be.
    let frame = &mut frames[9];
    let table = (0..frame.len())
        .find(|i| frame[*i..].starts_with(&[0xff, 0xc4]))
        .unwrap();
    frame[table + 5..table + 21].fill(0x7f);
    fs::write(&video, frames.concat()).unwrap();
    let table = folder.path().join("out.csv");
    let said = said_by(
        program()
            .args(["timeline", "--mjpeg-fps", "15"])
            .arg(&video)
            .arg("-o")
            .arg(folder.path().join("out.html"))
            .arg("--csv")
            .arg(&table),
    );
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(
        said.err
            .contains("1 damaged frames left out, the first: frame 9"),
        "{}",
        said.err
    );
    assert_eq!(fs::read_to_string(table).unwrap().lines().count(), 1 + 19);
}

#[test]
fn small_movements_need_a_participant_and_an_installation() {
    let folder = tempfile::tempdir().unwrap();
    let video = clip(folder.path(), 45);
    let alone = said_by(program().args(["timeline", "--micro"]).arg(&video));
    assert_eq!(alone.code, 64);
    let token = folder.path().join("token.txt");
    fs::write(&token, "nobody\n").unwrap();
    let nowhere = said_by(
        program()
            .current_dir(folder.path())
            .args([
                "timeline",
                "--micro",
                "--mjpeg-fps",
                "15",
                "--data",
                "empty",
                "--participant",
            ])
            .arg(&token)
            .arg(&video),
    );
    // What was seen of slower movements is written all the same.
    assert_eq!(nowhere.code, 2);
    assert!(folder.path().join("man.mjpeg.timeline.html").exists());
    assert!(
        nowhere.err.contains("holds no installation"),
        "{}",
        nowhere.err
    );
    let onto_itself = said_by(program().arg("timeline").arg(&video).arg("-o").arg(&video));
    assert!(onto_itself.code == 1 && onto_itself.err.contains("is the video"));
    let missing = said_by(program().args(["timeline", "nothing.mp4"]));
    assert!(
        missing.code == 1 && missing.err.contains("nothing.mp4"),
        "{}",
        missing.err
    );
}
