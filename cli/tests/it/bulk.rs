//! `regard analyze` as a job: tables, archives, copies, samples, interruptions, object stores.

mod cache;
mod kill;
mod large;
mod place;
mod store;

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::codecs::jpeg::JpegEncoder;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

use crate::program::{Said, fixture, program, said_by};

/// A small JPEG of noise that nobody is in, its own for each seed.
fn noise(seed: u64) -> Vec<u8> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut picture = image::RgbImage::new(24, 24);
    // Coarse enough that no two look alike from afar.
    for y in 0..24 {
        for x in 0..24 {
            let value = if x % 3 == 0 && y % 3 == 0 {
                rng.random::<u8>()
            } else {
                picture.get_pixel(x - x % 3, y - y % 3).0[0]
            };
            picture.put_pixel(x, y, image::Rgb([value; 3]));
        }
    }
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 90)
        .encode_image(&picture)
        .unwrap();
    bytes
}

/// A photograph with a face, with a comment that makes it another file.
fn with_comment(comment: &str) -> Vec<u8> {
    let picture = image::open(fixture("photos/astronaut.png"))
        .unwrap()
        .into_rgb8();
    let mut bytes = Cursor::new(Vec::new());
    JpegEncoder::new_with_quality(&mut bytes, 90)
        .encode_image(&picture)
        .unwrap();
    let bytes = bytes.into_inner();
    let len = u16::try_from(comment.len() + 2).unwrap().to_be_bytes();
    [
        &bytes[..2],
        &[0xFF, 0xFE],
        &len,
        comment.as_bytes(),
        &bytes[2..],
    ]
    .concat()
}

/// Runs `regard analyze SOURCES… -o OUTPUT` with options.
fn analyze(sources: &[&Path], output: &Path, options: &[&str]) -> Said {
    let mut command = program();
    command.arg("analyze").args(sources).arg("-o").arg(output);
    said_by(command.args(options))
}

fn json_lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A folder of some of everything, and a place for tables.
fn collection() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (pictures, tables) = (folder.path().join("in"), folder.path().join("out"));
    fs::create_dir(&pictures).unwrap();
    fs::create_dir(&tables).unwrap();
    fs::write(pictures.join("a.jpg"), with_comment("first")).unwrap();
    fs::write(pictures.join("b.jpg"), with_comment("first")).unwrap();
    fs::write(pictures.join("c.jpg"), with_comment("second")).unwrap();
    fs::write(pictures.join("d.jpg"), noise(1)).unwrap();
    fs::write(pictures.join("e.jpg"), "text").unwrap();
    fs::write(pictures.join("notes.txt"), "passed over").unwrap();
    (folder, pictures, tables)
}

/// The tables of a job whose faces go to Parquet.
const TABLES: [&str; 2] = ["faces.parquet", "items.ndjson"];

/// The tables in two folders are the same, byte for byte.
fn are_the_same(one: &Path, other: &Path) {
    for table in TABLES {
        let read = |folder: &Path| fs::read(folder.join(table)).unwrap();
        assert!(read(one) == read(other), "{table} differs");
    }
}

#[test]
fn a_job_writes_faces_and_items_and_leaves_nothing_else() {
    let (_folder, pictures, tables) = collection();
    let output = tables.join("faces.parquet");
    let items = tables.join("items.ndjson");
    let report = tables.join("report.html");
    let options = [
        "--items",
        items.to_str().unwrap(),
        "--report",
        report.to_str().unwrap(),
    ];
    let said = analyze(&[&pictures], &output, &options);
    assert_eq!((said.code, said.errors().len()), (2, 1), "{}", said.err);
    assert!(
        said.err
            .contains("3 faces; 1 with the bytes of another; 1 bad (1 no picture)"),
        "{}",
        said.err
    );
    assert_eq!(
        names_in(&tables),
        ["faces.parquet", "items.ndjson", "report.html"]
    );
    let rows = json_lines(&items);
    let column = |name: &str| -> Vec<Value> { rows.iter().map(|row| row[name].clone()).collect() };
    let null = Value::Null;
    assert_eq!(column("item"), [0, 1, 2, 3, 4].map(Value::from));
    assert_eq!(column("n_faces"), [1, 1, 1, 0, 0].map(Value::from));
    assert_eq!(
        column("duplicate_of"),
        [
            null.clone(),
            0.into(),
            null.clone(),
            null.clone(),
            null.clone()
        ]
    );
    assert_eq!(
        column("near_duplicate_of"),
        [
            null.clone(),
            null.clone(),
            0.into(),
            null.clone(),
            null.clone()
        ]
    );
    assert_eq!(column("width")[..4], [160, 160, 160, 24].map(Value::from));
    assert_eq!(rows[4]["error_kind"], "not_a_picture");
    assert_eq!(rows[4]["error"], "not an image");
    let page = fs::read_to_string(&report).unwrap();
    assert!(page.contains("Faces in a photograph") && !page.contains("a.jpg"));
    assert!(page.contains("fewer than 10"));
}

#[test]
fn every_format_says_the_same() {
    let (_folder, pictures, tables) = collection();
    for (name, beside) in [
        ("x.parquet", Some("x.items.parquet")),
        ("x.ndjson", None),
        ("x.csv", None),
        ("x.sqlite", None),
    ] {
        let said = analyze(&[&pictures], &tables.join(name), &[]);
        assert_eq!(said.code, 2, "{name}: {}", said.err);
        assert_eq!(
            beside.is_some(),
            tables.join("x.items.parquet").exists() && name == "x.parquet"
        );
    }
    let faces = json_lines(&tables.join("x.ndjson"));
    assert_eq!(faces.len(), 3);
    let sources: Vec<&str> = faces
        .iter()
        .map(|f| f["source"].as_str().unwrap())
        .collect();
    let expected =
        ["a.jpg", "b.jpg", "c.jpg"].map(|name| pictures.join(name).display().to_string());
    assert_eq!(sources, expected);
    // The copy has what the first one has.
    let without_source = |face: &Value| {
        let mut face = face.clone();
        face["source"] = Value::Null;
        face
    };
    assert_eq!(without_source(&faces[0]), without_source(&faces[1]));
    let mut reader = csv::Reader::from_path(tables.join("x.csv")).unwrap();
    assert_eq!(reader.records().count(), 3);
    assert!(
        fs::read(tables.join("x.sqlite"))
            .unwrap()
            .starts_with(b"SQLite format 3\0")
    );
    // Standard output, as ever.
    let said = said_by(program().arg("analyze").arg(&pictures));
    let lines: Vec<Value> = said
        .out
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(lines, faces);
}

#[test]
fn archives_and_lists_are_sources_like_folders() {
    let (folder, pictures, tables) = collection();
    let mut tar = Vec::new();
    for name in ["a.jpg", "d.jpg", "e.jpg"] {
        tar.extend(tar_entry(name, &fs::read(pictures.join(name)).unwrap()));
    }
    tar.extend(tar_entry("../out.jpg", &noise(2)));
    tar.resize(tar.len() + 1_024, 0);
    let archive = folder.path().join("x.tar");
    fs::write(&archive, tar).unwrap();
    let list = folder.path().join("list");
    fs::write(
        &list,
        format!(
            "{}\n{}\n",
            archive.display(),
            pictures.join("d.jpg").display()
        ),
    )
    .unwrap();
    let items = tables.join("items.ndjson");
    let output = tables.join("x.csv");
    let options = ["--items", items.to_str().unwrap()];
    let named = PathBuf::from(format!("@{}", list.display()));
    let said = analyze(&[&named], &output, &options);
    assert_eq!((said.code, said.errors().len()), (2, 2), "{}", said.err);
    assert!(
        said.errors()[1].ends_with("its name leads out of the archive"),
        "{}",
        said.err
    );
    let rows = json_lines(&items);
    let names: Vec<String> = rows
        .iter()
        .map(|r| {
            r["source"]
                .as_str()
                .unwrap()
                .replace(&folder.path().display().to_string(), "")
        })
        .collect();
    assert_eq!(
        names,
        [
            "/x.tar/a.jpg",
            "/x.tar/d.jpg",
            "/x.tar/e.jpg",
            "/x.tar/../out.jpg",
            "/in/d.jpg"
        ]
    );
    assert_eq!(rows[4]["duplicate_of"], 1);
    assert_eq!(rows[3]["error_kind"], "refused");
}

/// An entry of a tape archive, whatever its name.
fn tar_entry(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut header = vec![0; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..108].copy_from_slice(b"0000644\0");
    header[124..136].copy_from_slice(format!("{:011o}\0", bytes.len()).as_bytes());
    header[136..148].copy_from_slice(b"00000000001\0");
    header[148..156].copy_from_slice(b"        ");
    header[156] = b'0';
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = header.iter().map(|b| u32::from(*b)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header.extend(bytes);
    header.resize(header.len().next_multiple_of(512), 0);
    header
}

#[test]
fn a_sample_is_the_same_again_and_unknown_people_are_not_grouped() {
    let folder = tempfile::tempdir().unwrap();
    let pictures = folder.path().join("in");
    fs::create_dir(&pictures).unwrap();
    for i in 0..20 {
        fs::write(pictures.join(format!("{i:02}.jpg")), noise(i)).unwrap();
    }
    let items = folder.path().join("items.csv");
    let sample = |size: &str| {
        let options = ["--items", items.to_str().unwrap(), "--sample", size];
        let said = analyze(&[&pictures], &folder.path().join("x.csv"), &options);
        assert_eq!(said.code, 0, "{}", said.err);
        fs::read_to_string(&items).unwrap()
    };
    let five = sample("5");
    assert_eq!(five.lines().count(), 6);
    assert_eq!(sample("5"), five);
    assert_eq!(sample("100%").lines().count(), 21);
    let said = analyze(
        &[&pictures],
        &folder.path().join("y.csv"),
        &["--group-people"],
    );
    assert_eq!(said.code, 1);
    assert!(
        said.err
            .starts_with("error: untargeted_collection: unknown people are not grouped"),
        "{}",
        said.err
    );
}

#[test]
fn what_cannot_be_is_said_before_the_work_begins() {
    let (_folder, pictures, tables) = collection();
    let check = |output: &Path, options: &[&str], expected: &str| {
        let said = analyze(&[&pictures], output, options);
        assert_eq!((said.code, said.errors().len()), (1, 1), "{}", said.err);
        assert!(said.err.contains(expected), "{}", said.err);
    };
    let nowhere = tables.join("no/such/folder/x.csv");
    check(&nowhere, &[], "no/such/folder");
    let same = tables.join("x.csv");
    check(
        &same,
        &["--items", same.to_str().unwrap()],
        "two things to be written cannot be one file",
    );
    fs::write(tables.join("z.csv.job"), "somebody's notes\n").unwrap();
    check(&tables.join("z.csv"), &[], "is not the log of a job");
    let said = said_by(
        program()
            .args(["analyze", "--format", "parquet"])
            .arg(&pictures),
    );
    assert_eq!(said.code, 1);
    assert!(said.err.contains("name one with -o FILE"), "{}", said.err);
    let said = said_by(program().args(["analyze", "--sample", "0", "x"]));
    assert_eq!(said.code, 64);
}
