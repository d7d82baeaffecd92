//! Large photographs: decoded smaller where that does, looked at in pieces where faces are small.

use std::fs::{self, File};
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::imageops::{FilterType, replace, resize};
use serde_json::Value;

use crate::analyze::iou;
use crate::program::{fixture, program, said_by};

/// A photograph of 3200 by 2400 pixels with the astronaut's portrait in it, that many pixels wide.
fn scene(folder: &Path, portrait_px: u32) -> std::path::PathBuf {
    let portrait = image::open(fixture("photos/astronaut.jpg"))
        .unwrap()
        .into_rgb8();
    let portrait = resize(&portrait, portrait_px, portrait_px, FilterType::Triangle);
    let mut scene = image::RgbImage::from_pixel(3_200, 2_400, image::Rgb([120, 130, 110]));
    replace(&mut scene, &portrait, 2_000, 1_200);
    let path = folder.join(format!("{portrait_px}.jpg"));
    JpegEncoder::new_with_quality(File::create(&path).unwrap(), 92)
        .encode_image(&scene)
        .unwrap();
    path
}

/// The box of the one face, or none.
fn face(path: &Path, options: &[&str]) -> Option<[f64; 4]> {
    let said = said_by(program().arg("analyze").arg(path).args(options));
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.lines().count() <= 1, "{}", said.out);
    let row: Value = serde_json::from_str(said.out.lines().next()?).unwrap();
    Some(["left", "top", "width", "height"].map(|side| row["bbox"][side].as_f64().unwrap()))
}

#[test]
fn places_are_those_of_the_photograph_however_it_was_decoded() {
    let folder = tempfile::tempdir().unwrap();
    let alone = face(&fixture("photos/astronaut.jpg"), &[]).unwrap();
    // Twice as large, and elsewhere.
    let [left, top, width, height] = alone.map(|px| px * 2.0);
    let expected = [left + 2_000.0, top + 1_200.0, width, height];
    let path = scene(folder.path(), 1_024);
    // At a half, at a quarter, at an eighth, and whole.
    for options in [
        &[][..],
        &["--min-face", "170"],
        &["--min-face", "200"],
        &["--min-face", "24"],
    ] {
        let found = face(&path, options).unwrap_or_else(|| panic!("nobody with {options:?}"));
        let overlap = iou(found, expected);
        assert!(overlap > 0.7, "{options:?}: {found:?} not {expected:?}");
    }
    // The table says how large the photograph is, not what was decoded of it.
    let items = folder.path().join("items.csv");
    let said = said_by(
        program()
            .args(["analyze", "--min-face", "170", "--items"])
            .arg(&items)
            .arg("-o")
            .arg(folder.path().join("x.csv"))
            .arg(&path),
    );
    assert_eq!(said.code, 0, "{}", said.err);
    let mut reader = csv::Reader::from_path(&items).unwrap();
    let header = reader.headers().unwrap().clone();
    let row = reader.records().next().unwrap().unwrap();
    let cell = |name: &str| &row[header.iter().position(|h| h == name).unwrap()];
    assert_eq!((cell("width"), cell("height")), ("3200", "2400"));
    assert_eq!(
        cell("n_bytes"),
        fs::metadata(&path).unwrap().len().to_string()
    );
}

#[test]
fn small_faces_are_found_where_they_are_wanted() {
    let folder = tempfile::tempdir().unwrap();
    // The face in it is 28 pixels wide, of which 6 are left when the whole is looked at.
    let path = scene(folder.path(), 160);
    assert_eq!(face(&path, &[]), None);
    let [left, top, width, _] = face(&path, &["--min-face", "30"]).unwrap();
    assert!((2_000.0..2_160.0).contains(&left) && (1_200.0..1_360.0).contains(&top));
    assert!((20.0..60.0).contains(&width), "{width}");
}
