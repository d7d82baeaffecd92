//! Archives as they should be, and as somebody makes them who means harm.

use std::fs::{self, File};
use std::io::{self, Cursor, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use regard_library::Limits;
use tar::{Builder, EntryType, Header};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::scribe::found;

/// The beginning of a JPEG; nobody looks further here.
const JPEG: &[u8] = b"\xff\xd8\xff\xe0 and so on, and so on";

fn header(kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_mtime(1);
    header
}

/// Writes the name as it stands, whatever it is; the crate would not.
fn named(mut header: Header, name: &[u8]) -> Header {
    let place = &mut header.as_old_mut().name;
    place.fill(0);
    place[..name.len()].copy_from_slice(name);
    header.set_cksum();
    header
}

fn entry(builder: &mut Builder<Vec<u8>>, name: &str, bytes: &[u8]) {
    let header = named(
        header(EntryType::Regular, bytes.len() as u64),
        name.as_bytes(),
    );
    builder.append(&header, bytes).unwrap();
}

fn link(builder: &mut Builder<Vec<u8>>, kind: EntryType, name: &str) {
    let mut header = header(kind, 0);
    header.set_link_name("/etc/passwd").unwrap();
    builder
        .append(&named(header, name.as_bytes()), io::empty())
        .unwrap();
}

fn hostile_tar() -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    entry(&mut tar, "a.jpg", JPEG);
    builder_folder(&mut tar, "folder/");
    entry(&mut tar, "notes.txt", b"text");
    entry(&mut tar, "folder/b.jpg", JPEG);
    entry(&mut tar, "../../etc/evil.jpg", JPEG);
    entry(&mut tar, "/etc/evil.jpg", JPEG);
    entry(&mut tar, "a.jpg", JPEG);
    link(&mut tar, EntryType::Symlink, "soft.jpg");
    link(&mut tar, EntryType::Link, "hard.jpg");
    link(&mut tar, EntryType::Char, "null.jpg");
    link(&mut tar, EntryType::Fifo, "pipe.jpg");
    entry(&mut tar, "inner.tar", b"whatever");
    entry(&mut tar, "inner.bin", b"PK\x03\x04 and so on");
    entry(&mut tar, "film.mjpeg", JPEG);
    entry(&mut tar, "z.jpg", JPEG);
    tar.into_inner().unwrap()
}

fn builder_folder(builder: &mut Builder<Vec<u8>>, name: &str) {
    let header = named(header(EntryType::Directory, 0), name.as_bytes());
    builder.append(&header, io::empty()).unwrap();
}

/// What is to be said of it under that name.
fn hostile_lines(name: &str) -> Vec<String> {
    let size = JPEG.len();
    [
        format!("photo {name}/a.jpg {size}"),
        format!("photo {name}/folder/b.jpg {size}"),
        format!("! refused {name}/../../etc/evil.jpg: its name leads out of the archive"),
        format!("! refused {name}/etc/evil.jpg: its name leads out of the archive"),
        format!("! refused {name}/a.jpg: a second entry of this name; the first one was taken"),
        format!("! refused {name}/soft.jpg: a symbolic link in an archive is not followed"),
        format!("! refused {name}/hard.jpg: a hard link in an archive is not followed"),
        format!("! refused {name}/null.jpg: a device or a pipe in an archive"),
        format!("! refused {name}/pipe.jpg: a device or a pipe in an archive"),
        format!("! refused {name}/inner.tar: an archive within an archive is not opened; unpack it first"),
        format!("! refused {name}/inner.bin: an archive within an archive is not opened; unpack it first"),
        format!("video {name}/film.mjpeg {size}"),
        format!("photo {name}/z.jpg {size}"),
        format!(". {name} archive"),
    ]
    .to_vec()
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn lines_of(name: &str, bytes: &[u8]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), bytes).unwrap();
    found(folder.path(), name, Limits::default())
}

#[test]
fn what_is_wrong_with_a_tape_archive_is_a_line_each_and_the_rest_is_found() {
    let tar = hostile_tar();
    assert_eq!(lines_of("x.tar", &tar), hostile_lines("x.tar"));
    // By whatever name.
    assert_eq!(lines_of("x", &tar), hostile_lines("x"));
    assert_eq!(lines_of("x.tgz", &gzipped(&tar)), hostile_lines("x.tgz"));
}

#[test]
fn an_archive_that_is_cut_gives_what_it_has() {
    let tar = hostile_tar();
    let end = tar.len() - 1_024 - 700;
    let lines = lines_of("x.tar", &tar[..end]);
    let n = lines.len();
    assert!(
        n > 8 && lines[..8] == hostile_lines("x.tar")[..8],
        "{lines:?}"
    );
    assert!(lines[n - 2].starts_with("! cut_short x.tar"), "{lines:?}");
    let packed = gzipped(&tar);
    let lines = lines_of("x.tgz", &packed[..packed.len() / 2]);
    assert!(
        lines[lines.len() - 2].starts_with("! cut_short x.tgz"),
        "{lines:?}"
    );
    let mut wrong = tar.clone();
    // The sum of the third header no longer fits.
    wrong[3 * 512 + 40] ^= 1;
    let lines = lines_of("x.tar", &wrong);
    assert!(
        lines
            .iter()
            .any(|l| l.starts_with("! damaged x.tar: after ")),
        "{lines:?}"
    );
    for bytes in [b"".as_slice(), b"text", &[0; 2_048], &gzipped(b"text")] {
        let lines = lines_of("y.tar", bytes);
        assert!(lines[0].starts_with("! ") && lines.len() == 2, "{lines:?}");
    }
}

/// A header that claims so many bytes, and nothing after it.
fn claim(kind: EntryType, name: &str, size: u64) -> Vec<u8> {
    let mut header = header(kind, size);
    if kind == EntryType::GNUSparse {
        header.as_gnu_mut().unwrap().realsize[..12].copy_from_slice(b"77777777777\0");
    }
    named(header, name.as_bytes()).as_bytes().to_vec()
}

#[test]
fn headers_that_lie_take_neither_memory_nor_time() {
    let check = |bytes: &[u8], expected: &str| {
        let began = Instant::now();
        for (name, bytes) in [("x.tar", bytes.to_vec()), ("x.tgz", gzipped(bytes))] {
            let lines = lines_of(name, &bytes);
            assert!(
                lines.iter().any(|line| line.contains(expected)),
                "{expected}: {lines:?}"
            );
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{expected}");
    };
    let terabyte = 1_u64 << 40;
    check(&claim(EntryType::Regular, "a.jpg", terabyte), "too large");
    check(&claim(EntryType::Regular, "a.jpg", 1 << 20), "cut short: ");
    check(&claim(EntryType::Regular, "a.mp4", 1 << 20), "cut short: ");
    // Names and extensions that would be held in memory.
    let mut zeros = claim(EntryType::GNULongName, "././@LongLink", terabyte);
    zeros.resize(8 << 20, b'x');
    check(&zeros, "the headers of one entry are longer");
    let mut zeros = claim(EntryType::XHeader, "pax", terabyte);
    zeros.resize(8 << 20, b'x');
    check(&zeros, "the headers of one entry are longer");
    check(&claim(EntryType::GNUSparse, "holes.jpg", 0), "x.t");
}

#[test]
fn a_bomb_is_defused() {
    // 600 MB of nothing as one picture, in 600 kB; and as many empty entries.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let size = 600 << 20;
    encoder
        .write_all(&claim(EntryType::Regular, "a.txt", size))
        .unwrap();
    io::copy(&mut io::repeat(0).take(size), &mut encoder).unwrap();
    let bomb = encoder.finish().unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("x.tgz"), bomb).unwrap();
    let limits = Limits {
        max_ratio: 100,
        ..Limits::default()
    };
    let lines = found(folder.path(), "x.tgz", limits);
    assert!(
        lines[0].contains("! refused x.tgz: after 1 entries: it unfolds to more than 100 times"),
        "{lines:?}"
    );
}

fn zip_with(write: impl FnOnce(&mut ZipWriter<Cursor<Vec<u8>>>)) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    write(&mut zip);
    zip.finish().unwrap().into_inner()
}

fn stored() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Stored)
}

/// Writes over bytes wherever they stand: names of the same length, and sizes, in both headers.
fn replaced(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let places: Vec<usize> = (0..=bytes.len() - from.len())
        .filter(|at| bytes[*at..].starts_with(from))
        .collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    bytes
}

#[test]
fn what_is_wrong_with_a_zip_is_a_line_each_and_the_rest_is_found() {
    let zip = zip_with(|zip| {
        for name in ["a.jpg", "XX/evil.jpg", "b.jpg", "c.jpg", "film.mjpeg"] {
            zip.start_file(name, stored()).unwrap();
            zip.write_all(JPEG).unwrap();
        }
        zip.add_directory("folder/", stored()).unwrap();
        zip.add_symlink("soft.jpg", "/etc/passwd", stored())
            .unwrap();
        zip.start_file("inner.zip", stored()).unwrap();
        zip.write_all(b"PK\x03\x04").unwrap();
        zip.start_file("notes.txt", stored()).unwrap();
        zip.write_all(b"text").unwrap();
    });
    let zip = replaced(zip, b"XX/evil", b"../evil");
    let zip = replaced(zip, b"c.jpg", b"b.jpg");
    let size = JPEG.len();
    assert_eq!(
        lines_of("x.zip", &zip),
        [
            format!("photo x.zip/a.jpg {size}"),
            "! refused x.zip/../evil.jpg: its name leads out of the archive".to_owned(),
            format!("photo x.zip/b.jpg {size}"),
            "! refused x.zip/b.jpg: a second entry of this name; the first one was taken".to_owned(),
            format!("video x.zip/film.mjpeg {size}"),
            "! refused x.zip/soft.jpg: a symbolic link in an archive is not followed".to_owned(),
            "! refused x.zip/inner.zip: an archive within an archive is not opened; unpack it first".to_owned(),
            ". x.zip archive".to_owned(),
        ]
    );
}

#[test]
fn a_zip_that_lies_is_found_out() {
    let zip = zip_with(|zip| {
        zip.start_file("a.jpg", stored()).unwrap();
        zip.write_all(JPEG).unwrap();
        zip.start_file("b.jpg", stored()).unwrap();
        zip.write_all(JPEG).unwrap();
    });
    let problem = |bytes: &[u8]| {
        let lines = lines_of("x.zip", bytes);
        let bad: Vec<String> = lines
            .iter()
            .filter(|l| l.starts_with("! "))
            .cloned()
            .collect();
        assert!(!bad.is_empty(), "{lines:?}");
        bad[0].clone()
    };
    // A byte of the picture is not what its checksum says.
    let said = problem(&replaced(
        zip.clone(),
        b"and so on, and so",
        b"and so on, and SO",
    ));
    assert!(said.starts_with("! damaged x.zip/a.jpg"), "{said}");
    // The directory ends in the middle.
    let said = problem(&zip[..zip.len() - 40]);
    assert!(
        said.starts_with("! damaged x.zip") || said.starts_with("! cut_short"),
        "{said}"
    );
    // The bit of encryption, in the directory and before the entry.
    let mut encrypted = zip.clone();
    for (magic, at) in [(b"PK\x03\x04", 6), (b"PK\x01\x02", 8)] {
        let places: Vec<usize> = (0..zip.len() - 4)
            .filter(|i| zip[*i..].starts_with(magic))
            .collect();
        places.into_iter().for_each(|i| encrypted[i + at] |= 1);
    }
    let said = problem(&encrypted);
    assert!(said.contains("it is encrypted"), "{said}");
    // A hundred thousand entries in 22 bytes.
    let mut empty = b"PK\x05\x06\0\0\0\0".to_vec();
    empty.extend([0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert!(problem(&empty).starts_with("! "));
}

#[test]
fn zips_that_unfold_without_end_stop() {
    let zip = zip_with(|zip| {
        let deflated = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(1));
        zip.start_file("a.mp4", deflated).unwrap();
        let mut left = 300_usize << 20;
        let nothing = vec![0; 1 << 20];
        while left > 0 {
            zip.write_all(&nothing).unwrap();
            left -= nothing.len();
        }
    });
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("x.zip"), &zip).unwrap();
    let limits = Limits {
        max_ratio: 10,
        ..Limits::default()
    };
    let lines = found(folder.path(), "x.zip", limits);
    assert!(
        lines[0].starts_with("! refused x.zip/a.mp4: it unfolds to more than 10 times"),
        "{lines:?}"
    );
    // Each entry for itself has a lid, too.
    let limits = Limits {
        max_item_bytes: 1_000_000,
        ..Limits::default()
    };
    let lines = found(folder.path(), "x.zip", limits);
    assert!(lines[0].starts_with("! too_large x.zip/a.mp4"), "{lines:?}");
}

#[test]
fn archives_in_folders_are_known_by_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir(root.join("in")).unwrap();
    let mut tar = Builder::new(Vec::new());
    entry(&mut tar, "a.jpg", JPEG);
    let tar = tar.into_inner().unwrap();
    fs::write(root.join("in/2.tar"), &tar).unwrap();
    fs::write(root.join("in/1.docx"), b"PK\x03\x04 and so on").unwrap();
    File::create(root.join("in/3.jpg"))
        .unwrap()
        .write_all(JPEG)
        .unwrap();
    let lines = found(root, "in", Limits::default());
    let size = JPEG.len();
    assert_eq!(
        lines,
        [
            "neither in/1.docx".to_owned(),
            format!("photo in/2.tar/a.jpg {size}"),
            format!("photo in/3.jpg {size}"),
            ". in folder".to_owned(),
        ]
    );
    assert!(Path::new("in").is_relative());
}
