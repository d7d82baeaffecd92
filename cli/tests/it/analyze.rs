//! `regard analyze` on photographs, videos and what is damaged.

mod damage;
mod hostile;
mod videos;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::program::{fixture, program, run, said_by};

/// The records of a run, which must have gone well.
fn records(paths: &[&Path]) -> Vec<Value> {
    let said = said_by(program().arg("analyze").args(paths));
    assert_eq!((said.code, said.errors()), (0, vec![]), "{}", said.err);
    parsed(&said.out)
}

fn parsed(ndjson: &str) -> Vec<Value> {
    ndjson
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("{value} is no number"))
}

fn bbox(record: &Value) -> [f64; 4] {
    ["left", "top", "width", "height"].map(|side| number(&record["bbox"][side]))
}

pub(crate) fn iou(a: [f64; 4], b: [f64; 4]) -> f64 {
    let overlap = |i: usize| (a[i] + a[i + 2]).min(b[i] + b[i + 2]) - a[i].max(b[i]);
    let shared = overlap(0).max(0.0) * overlap(1).max(0.0);
    shared / (a[2] * a[3] + b[2] * b[3] - shared)
}

/// A record with as many decimals as all processors agree on, one line.
fn coarse(record: &Value) -> String {
    let name = Path::new(record["source"].as_str().unwrap())
        .file_name()
        .unwrap()
        .to_owned();
    let [left, top, width, height] = bbox(record).map(|px| (px / 2.0).round() * 2.0);
    let pose = &record["head_pose"];
    // Adding zero turns a negative zero into a plain one.
    let round = |angle: &Value| (number(angle) / 3.0).round() * 3.0 + 0.0;
    format!(
        "{} frame {} track {} at {left},{top} {width}x{height} score {:.1} {} yaw {:.0} pitch {:.0} roll {:.0} attention {:.1}",
        name.display(),
        record["frame"],
        record["track"],
        number(&record["score"]),
        record["expression"]["label"].as_str().unwrap(),
        round(&pose["yaw_deg"]),
        round(&pose["pitch_deg"]),
        round(&pose["roll_deg"]),
        number(&record["attention"]),
    )
}

#[test]
fn portraits_of_all_formats_in_order() {
    let names = [
        "astronaut.jpg",
        "astronaut.png",
        "astronaut.webp",
        "astronaut.bmp",
        "grace_hopper.jpg",
    ];
    let paths = names.map(|name| fixture("photos").join(name));
    let paths: Vec<&Path> = paths.iter().map(AsRef::as_ref).collect();
    let records = records(&paths);
    insta::assert_snapshot!(records.iter().map(coarse).collect::<Vec<_>>().join("\n"));
    for record in &records {
        let text = record["expression"]["probabilities"].as_object().unwrap();
        let sum: f64 = text.values().map(number).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{record}");
        assert!(record["time_secs"].is_null() && record["track"].is_null());
    }
}

#[test]
fn fields_stand_in_the_documented_order() {
    let path = fixture("photos/astronaut.png");
    let said = run(&[Path::new("analyze"), &path]);
    let mut rest = said.out.as_str();
    for key in [
        "source",
        "frame",
        "time_secs",
        "track",
        "bbox",
        "left",
        "top",
        "width",
        "height",
        "score",
        "landmarks",
        "expression",
        "label",
        "probabilities",
        "neutral",
        "happy",
        "sad",
        "angry",
        "fearful",
        "disgusted",
        "surprised",
        "head_pose",
        "yaw_deg",
        "pitch_deg",
        "roll_deg",
        "attention",
    ] {
        let key = format!("\"{key}\":");
        let at = rest
            .find(&key)
            .unwrap_or_else(|| panic!("{key} is not where it belongs"));
        rest = &rest[at + key.len()..];
    }
    assert_eq!(said.out.lines().count(), 1);
    assert!(
        said.err
            .starts_with("analysed 1 photograph: 1 face; 0 bad; "),
        "{}",
        said.err
    );
}

#[test]
fn a_group_has_a_record_a_face() {
    let records = records(&[&fixture("photos/solvay.jpg")]);
    assert!(
        (25..=29).contains(&records.len()),
        "{} faces of 29",
        records.len()
    );
    let scores: Vec<f64> = records
        .iter()
        .map(|record| number(&record["score"]))
        .collect();
    assert!(scores.is_sorted_by(|a, b| a >= b), "greatest score first");
}

#[test]
fn a_lying_picture_is_turned_upright() {
    let lying = fixture("photos/astronaut_exif6.jpg");
    let folder = tempfile::tempdir().unwrap();
    let upright = folder.path().join("upright.png");
    image::open(&lying)
        .unwrap()
        .rotate90()
        .save(&upright)
        .unwrap();
    let records = records(&[&lying, &upright]);
    assert_eq!(records.len(), 2);
    assert!(
        iou(bbox(&records[0]), bbox(&records[1])) > 0.97,
        "{records:?}"
    );
    for i in 0..5 {
        for axis in 0..2 {
            let of = |record: &Value| number(&record["landmarks"][i][axis]);
            assert!((of(&records[0]) - of(&records[1])).abs() < 2.0, "point {i}");
        }
    }
}

/// What a record is in a table: dotted names, nothing where it has null.
fn flat(record: &Value) -> BTreeMap<String, String> {
    fn put(into: &mut BTreeMap<String, String>, name: &str, value: &Value) {
        let inside = |key: &str| {
            // Points are arrays of x and y; probabilities stand beside the label.
            let key = match (name.strip_prefix("landmarks."), key) {
                (Some(_), "0") => "x",
                (Some(_), "1") => "y",
                _ => key,
            };
            match (name, key) {
                ("", key) => key.to_owned(),
                (name, "probabilities") => name.to_owned(),
                (name, key) => format!("{name}.{key}"),
            }
        };
        match value {
            Value::Object(map) => map.iter().for_each(|(key, v)| put(into, &inside(key), v)),
            Value::Array(list) => {
                list.iter()
                    .enumerate()
                    .for_each(|(i, v)| put(into, &inside(&i.to_string()), v));
            }
            Value::Null => {}
            Value::String(text) => drop(into.insert(name.to_owned(), text.clone())),
            number => {
                drop(into.insert(name.to_owned(), format!("{:.6}", number.as_f64().unwrap())));
            }
        }
    }
    let mut map = BTreeMap::new();
    put(&mut map, "", record);
    map
}

#[test]
fn a_table_says_the_same_as_json() {
    let photos = [
        fixture("photos/astronaut.gif"),
        fixture("photos/grace_hopper.jpg"),
    ];
    let table = said_by(program().args(["analyze", "--format", "csv"]).args(&photos));
    let json = said_by(program().arg("analyze").args(&photos));
    let mut reader = csv::Reader::from_reader(table.out.as_bytes());
    let header: Vec<String> = reader
        .headers()
        .unwrap()
        .iter()
        .map(str::to_owned)
        .collect();
    insta::assert_snapshot!(header.join("\n"));
    let rows: Vec<BTreeMap<String, String>> = reader
        .records()
        .map(|row| {
            let cells = header
                .iter()
                .cloned()
                .zip(row.unwrap().iter().map(str::to_owned).collect::<Vec<_>>());
            cells
                .filter(|(_, cell)| !cell.is_empty())
                .map(|(name, cell)| match cell.parse::<f64>() {
                    Ok(number) => (name, format!("{number:.6}")),
                    Err(_) => (name, cell),
                })
                .collect()
        })
        .collect();
    assert_eq!(rows.len(), 4, "three frames and a photograph");
    assert_eq!(rows, parsed(&json.out).iter().map(flat).collect::<Vec<_>>());
}

#[test]
fn the_number_of_workers_changes_nothing() {
    let with = |n: &str| {
        let folder = fixture("photos");
        let mut said = said_by(program().args(["analyze", "--workers", n]).arg(folder));
        said.err = String::new();
        (said.code, said.out)
    };
    let alone = with("1");
    assert_eq!(alone.0, 0);
    assert_eq!(alone, with("4"));
    let sources: Vec<String> = parsed(&alone.1)
        .iter()
        .map(|r| r["source"].as_str().unwrap().to_owned())
        .collect();
    assert!(sources.is_sorted(), "in the order of the names");
}

#[test]
fn a_file_appears_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.ndjson");
    let names = || {
        let mut names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        names.sort();
        names
    };
    fs::write(&file, "what was there before").unwrap();
    let bad = said_by(
        program()
            .args(["analyze", "-o"])
            .arg(&file)
            .arg(fixture("hostile/text.jpg")),
    );
    assert_eq!(bad.code, 1);
    assert_eq!(fs::read_to_string(&file).unwrap(), "what was there before");
    let good = said_by(
        program()
            .args(["analyze", "-o"])
            .arg(&file)
            .arg(fixture("photos/astronaut.png")),
    );
    assert_eq!((good.code, good.out.as_str()), (0, ""));
    assert_eq!(parsed(&fs::read_to_string(&file).unwrap()).len(), 1);
    assert_eq!(names(), ["out.ndjson"]);
    let nowhere = folder.path().join("no/such/folder/out");
    let said = said_by(
        program()
            .args(["analyze", "-o"])
            .arg(&nowhere)
            .arg(fixture("photos/astronaut.png")),
    );
    assert_eq!((said.code, said.errors().len()), (1, 1), "{}", said.err);
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let mut child = program()
        .arg("analyze")
        .arg(fixture("photos"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut err = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut err)
        .unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(err, "");
}

#[test]
fn drawings_show_the_picture_with_something_on_it() {
    let folder = tempfile::tempdir().unwrap();
    let drawn = folder.path().join("drawn");
    let photo = fixture("photos/astronaut.jpg");
    let said = said_by(
        program()
            .args(["analyze", "--draw"])
            .arg(&drawn)
            .arg(&photo),
    );
    assert_eq!(said.code, 0, "{}", said.err);
    let drawing = image::open(drawn.join("astronaut.jpg.faces.jpg"))
        .unwrap()
        .into_rgb8();
    let original = image::open(&photo).unwrap().into_rgb8();
    assert_eq!(drawing.dimensions(), original.dimensions());
    let record = &parsed(&said.out)[0];
    let [left, top, width, _] = bbox(record);
    let (x, y) = ((left + width / 2.0) as u32, top as u32);
    // Somewhere across the upper edge of the box there is a line in its color.
    let is_line = |y: u32| {
        let [r, g, b] = drawing.get_pixel(x, y).0.map(i32::from);
        (r - 230).abs() + (g - 159).abs() + b < 120
    };
    assert!((y.saturating_sub(2)..=y + 2).any(is_line));
}

#[test]
fn what_is_not_understood_is_64() {
    for arguments in [
        &["analyze"][..],
        &["analyze", "--format", "xml", "x"],
        &["analyze", "--every", "0", "x"],
        &["analyze", "--workers", "0", "x"],
    ] {
        let said = run(arguments);
        assert_eq!((said.code, said.out.as_str()), (64, ""), "{arguments:?}");
        assert!(said.err.starts_with("error: "), "{}", said.err);
    }
}
