//! Where a photograph was taken is written down only where that was asked for.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{analyze, json_lines, noise};

/// Degrees, minutes, seconds, and what they come to.
const NORTH: ([u32; 3], f64) = ([48, 51, 30], 48.858_333);
const WEST: ([u32; 3], f64) = ([2, 17, 40], -2.294_444);

/// The EXIF block of a camera that knows where it is: one directory that names another, in the order of little ends.
fn exif() -> Vec<u8> {
    let entry = |tag: u16, kind: u16, n: u32, value: [u8; 4]| {
        [
            &tag.to_le_bytes()[..],
            &kind.to_le_bytes(),
            &n.to_le_bytes(),
            &value,
        ]
        .concat()
    };
    let (ascii, long, rational) = (2, 4, 5);
    let (gps_at, numbers_at) = (26_u32, 26 + 2 + 4 * 12 + 4_u32);
    let mut block = b"II*\0\x08\0\0\0\x01\0".to_vec();
    block.extend(entry(0x8825, long, 1, gps_at.to_le_bytes()));
    block.extend([0; 4]);
    block.extend([4, 0]);
    block.extend(entry(1, ascii, 2, *b"N\0\0\0"));
    block.extend(entry(2, rational, 3, numbers_at.to_le_bytes()));
    block.extend(entry(3, ascii, 2, *b"W\0\0\0"));
    block.extend(entry(4, rational, 3, (numbers_at + 24).to_le_bytes()));
    block.extend([0; 4]);
    for number in NORTH.0.iter().chain(&WEST.0) {
        block.extend(number.to_le_bytes());
        block.extend(1_u32.to_le_bytes());
    }
    block
}

/// A photograph that says where it was taken.
fn photo() -> Vec<u8> {
    let jpeg = noise(41);
    let body = [b"Exif\0\0", exif().as_slice()].concat();
    let len = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
    [&[0xFF, 0xD8, 0xFF, 0xE1], &len[..], &body, &jpeg[2..]].concat()
}

/// Whether a file has the number as SQLite and Parquet write it.
fn holds(path: &Path, number: f64) -> bool {
    let bytes = fs::read(path).unwrap();
    let is_in = |wanted: [u8; 8]| bytes.windows(8).any(|window| window == wanted);
    is_in(number.to_be_bytes()) || is_in(number.to_le_bytes())
}

#[test]
fn places_are_dropped_unless_they_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    fs::create_dir(place("in")).unwrap();
    fs::write(place("in/a.jpg"), photo()).unwrap();
    let cache = place("cache");
    // Asked first, so that the cache has it and must not tell it those who did not ask.
    for (at, is_asked) in [true, false, true].into_iter().enumerate() {
        let (items, table) = (
            place(&format!("{at}.ndjson")),
            place(&format!("{at}.sqlite")),
        );
        let mut options = vec![
            "--items",
            items.to_str().unwrap(),
            "--cache",
            cache.to_str().unwrap(),
        ];
        options.extend(is_asked.then_some("--gps"));
        let said = analyze(&[&place("in")], &table, &options);
        assert_eq!(said.code, 0, "{}", said.err);
        assert_eq!(
            said.err.contains("known from the cache"),
            at == 2,
            "{}",
            said.err
        );
        let row = &json_lines(&items)[0];
        let expected = |degrees: f64| {
            if is_asked {
                degrees.into()
            } else {
                Value::Null
            }
        };
        assert_eq!(row["latitude"], expected(NORTH.1), "{row}");
        assert_eq!(row["longitude"], expected(WEST.1), "{row}");
        assert_eq!(holds(&table, NORTH.1), is_asked, "{at}");
        assert_eq!(holds(&table, WEST.1), is_asked, "{at}");
        if !is_asked {
            let text = fs::read_to_string(&items).unwrap();
            assert!(!text.contains("48.8") && !text.contains("2.29"), "{text}");
        }
    }
}
