//! `regard redact`, `regard find-me` and `regard doctor --camera`.

use std::fs;
use std::path::{Path, PathBuf};

use regard_testkit::actor::Actor;
use regard_testkit::clip;
use regard_vision::Photo;
use serde_json::Value;

use crate::faces::{Running, photographs};
use crate::program::{fixture, run};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn photographs_are_covered_beside_their_originals_and_never_over_them() {
    let folder = tempfile::tempdir().unwrap();
    let album = folder.path().join("album");
    fs::create_dir_all(album.join("1927")).unwrap();
    fs::copy(fixture("photos/solvay.jpg"), album.join("1927/solvay.jpg")).unwrap();
    fs::copy(fixture("photos/astronaut.webp"), album.join("a.webp")).unwrap();
    fs::copy(fixture("hostile/truncated.jpg"), album.join("cut.jpg")).unwrap();
    let out = folder.path().join("out");
    let wish = ["redact", text(&album), "-o", text(&out), "--style", "box"];
    let said = run(&[&wish[..], &["--format", "json"]].concat());
    assert_eq!(said.code, 2, "{}{}", said.out, said.err);
    assert!(said.err.contains("cut.jpg: "), "{}", said.err);
    let told: Value = serde_json::from_str(&said.out).unwrap();
    let covered = |at: usize| told[at]["covered"].as_u64().unwrap();
    assert!(covered(0) >= 29 && covered(1) >= 1, "{told}");
    assert!(out.join("1927/solvay.jpg").exists() && !out.join("cut.jpg").exists());
    let after = Photo::open(&out.join("1927/solvay.jpg")).unwrap();
    let before = Photo::open(&fixture("photos/solvay.jpg")).unwrap();
    assert_eq!(after.size(), before.size());

    let said = run(&["redact", text(&album), "-o", text(&album)]);
    assert_eq!(said.code, 1);
    assert!(
        said.err.contains("is where the originals are"),
        "{}",
        said.err
    );
    let original = fs::read(fixture("photos/astronaut.webp")).unwrap();
    assert_eq!(fs::read(album.join("a.webp")).unwrap(), original);
}

/// They agree to one thing; the file of their token.
fn enroll(running: &Running, actor: &Actor, purpose: &str) -> PathBuf {
    let photos = photographs(&running.path(""), |view| actor.turned(view));
    let photos: Vec<&str> = photos.iter().map(String::as_str).collect();
    let token = running.path("face.token");
    let wish = ["--agree", purpose, "--face-token", text(&token)];
    let said = running.regard(&[&["enroll"][..], &photos[..], &wish[..]].concat());
    assert_eq!(said.code, 0, "{}", said.err);
    token
}

#[test]
fn nobody_is_looked_for_without_their_token() {
    let said = run(&["find-me", text(&fixture("photos"))]);
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(said.err.contains("untargeted_collection"), "{}", said.err);
    assert!(said.out.is_empty());
}

#[test]
fn somebody_finds_their_own_photographs_and_stays_to_be_seen_in_them() {
    let (running, actor) = (Running::start("in_persons_hands"), Actor::new());
    let token = enroll(&running, &actor, "verify");
    let token = text(&token);
    let album = running.path("album");
    fs::create_dir(&album).unwrap();
    for number in [0, 7, 19] {
        fs::write(album.join(format!("me{number}.jpg")), actor.alive(number)).unwrap();
    }
    for name in ["astronaut.jpg", "grace_hopper.jpg", "solvay.jpg"] {
        fs::copy(fixture("photos").join(name), album.join(name)).unwrap();
    }
    // Agreeing to be verified is no leave to be looked for.
    let find = ["find-me", text(&album), "--face-token", token];
    let said = running.regard(&find);
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(said.err.contains("consent_missing"), "{}", said.err);

    enroll(&running, &actor, "analyse_library");
    let said = running.regard(&find);
    assert_eq!(said.code, 0, "{}", said.err);
    let rows: Vec<Value> = said
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let found: Vec<&str> = rows
        .iter()
        .filter(|row| row["likeness"] == "found")
        .map(|row| row["source"].as_str().unwrap().rsplit('/').next().unwrap())
        .collect();
    // The portrait of whom the made-up sitter is made is hers too.
    let hers = ["grace_hopper.jpg", "me0.jpg", "me19.jpg", "me7.jpg"];
    assert_eq!(found, hers, "{}", said.out);
    assert!(
        rows.iter().all(|row| row["likeness"] != "maybe"),
        "{rows:?}"
    );
    assert!(
        rows.iter()
            .all(|row| row["probability"].as_f64() > Some(0.9))
    );
    assert!(said.err.contains("of 3"), "{}", said.err);

    let out = running.path("out");
    let wish = ["redact", text(&album), "-o", text(&out), "--format", "json"];
    let said = running.regard(&[&wish[..], &["--keep-face-token", token]].concat());
    assert_eq!(said.code, 0, "{}", said.err);
    let told: Value = serde_json::from_str(&said.out).unwrap();
    for line in told.as_array().unwrap() {
        let source = line["source"].as_str().unwrap();
        let is_hers = hers.iter().any(|name| source.ends_with(name));
        assert_eq!(line["kept"], u64::from(is_hers), "{line}");
        assert!(is_hers || line["covered"].as_u64() > Some(0), "{line}");
    }
}

/// Frames of a man who never enrolled: every third of the clip, five a second.
fn his_frames(n: usize) -> Vec<Vec<u8>> {
    clip::frames().into_iter().step_by(3).take(n).collect()
}

#[test]
fn somebody_finds_the_times_of_a_video_in_which_they_are_seen() {
    let (running, actor) = (Running::start("in_persons_hands"), Actor::new());
    let token = enroll(&running, &actor, "analyse_library");
    let token = text(&token);
    let album = running.path("album");
    fs::create_dir(&album).unwrap();
    // At five frames a second: she for 1.6 seconds, the man for 4, she again.
    let hers: Vec<Vec<u8>> = (0..8).map(|number| actor.alive(number)).collect();
    let film = [hers.clone(), his_frames(20), hers].concat().concat();
    fs::write(album.join("film.mjpeg"), &film).unwrap();
    fs::write(album.join("his.mjpeg"), his_frames(10).concat()).unwrap();
    fs::write(album.join("me.jpg"), actor.alive(3)).unwrap();
    fs::write(album.join("torn.mjpeg"), "no frame").unwrap();
    let find = ["find-me", text(&album), "--mjpeg-fps", "5"];
    // Without the token the video is looked at no more than a photograph is.
    let said = running.regard(&find);
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(said.err.contains("untargeted_collection"), "{}", said.err);

    let find = [&find[..], &["--face-token", token]].concat();
    let said = running.regard(&find);
    assert_eq!((said.code, said.errors().len()), (2, 1), "{}", said.err);
    assert!(said.errors()[0].contains("torn.mjpeg: "), "{}", said.err);
    assert!(
        said.err.contains("in 1 photographs and 2 videos"),
        "{}",
        said.err
    );
    let rows: Vec<Value> = said
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let told = |row: &Value| -> (String, f64, f64) {
        let source = row["source"].as_str().unwrap().rsplit('/').next().unwrap();
        let secs = |name: &str| row[name].as_f64().unwrap_or(-1.0);
        assert_eq!(row["likeness"], "found", "{row}");
        assert!(secs("from_secs") <= secs("at_secs") && secs("at_secs") <= secs("to_secs"));
        (source.to_owned(), secs("from_secs"), secs("to_secs"))
    };
    let expected = [
        ("film.mjpeg".to_owned(), 0.0, 1.4),
        ("film.mjpeg".to_owned(), 5.6, 7.0),
        ("me.jpg".to_owned(), -1.0, -1.0),
    ];
    assert_eq!(
        rows.iter().map(told).collect::<Vec<_>>(),
        expected,
        "{}",
        said.out
    );
    let csv = running.regard(&[&find[..], &["--format", "csv"]].concat());
    let mut reader = csv::Reader::from_reader(csv.out.as_bytes());
    assert_eq!(&reader.headers().unwrap()[4], "from_secs");
    assert_eq!(reader.records().count(), 3);
}

#[test]
fn a_clip_is_measured_and_what_it_is_too_slow_for_is_said() {
    let clip = fixture("clip/demo.mjpeg");
    let source = format!("clip:{}?fps=15", text(&clip));
    let said = run(&["doctor", "--camera", &source, "--format", "json"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let told: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(told["mean_hz"], 15.0, "{told}");
    assert_eq!(
        (&told["dropped"], &told["times_are"]),
        (&0.into(), &"of_the_recording".into())
    );
    let claims = &told["micro_movements"];
    assert_eq!(claims["shortest_movement_millis"], 200, "{told}");
    let refusal = claims["refusal"].as_str().unwrap();
    assert!(refusal.contains("frames come 15.0 times"), "{refusal}");

    let said = run(&["doctor", "--camera", text(&fixture("photos/solvay.jpg"))]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("is no video"), "{}", said.err);
    let said = run(&["doctor", "--camera", "/dev/no-such-camera"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("no-such-camera"), "{}", said.err);
}
