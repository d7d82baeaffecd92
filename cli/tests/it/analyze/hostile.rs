//! Damaged files, strange names, folders that lead round in circles.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use super::parsed;
use crate::program::{fixture, program, run, said_by};

#[test]
fn every_damaged_file_is_a_line_and_the_rest_is_done() {
    let said = said_by(program().arg("analyze").arg(fixture("hostile")));
    assert_eq!(said.code, 2);
    let folder = fixture("hostile").display().to_string();
    let lines: Vec<String> = said
        .errors()
        .iter()
        .map(|line| line.replace(&folder, ""))
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
    // Two frames of the clip that is cut, a photograph with damaged EXIF data, a GIF of one picture.
    let found: Vec<String> = parsed(&said.out)
        .iter()
        .map(|r| {
            format!(
                "{} {}",
                r["source"].as_str().unwrap().replace(&folder, ""),
                r["frame"]
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            "/bad_exif.jpg 0",
            "/cut.mjpeg 0",
            "/cut.mjpeg 1",
            "/one_frame.gif 0"
        ]
    );
    assert!(!said.err.contains("panicked"), "{}", said.err);
}

#[test]
fn nothing_done_is_1() {
    let check = |paths: &[&Path], reason: &str| {
        let said = said_by(program().arg("analyze").args(paths));
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{}", said.err);
        assert_eq!(said.errors().len(), paths.len(), "{}", said.err);
        assert!(said.errors()[0].ends_with(reason), "{}", said.err);
    };
    check(&[&fixture("hostile/text.jpg")], ": not an image");
    check(
        &[&fixture("hostile/zero.jpg"), &fixture("hostile/text.jpg")],
        ": the file is empty",
    );
    check(&[Path::new("/no/such/file")], ": no such file or folder");
    check(
        &[Path::new("-")],
        ": standard input is not read; name a file or a folder",
    );
    check(&[Path::new("/dev/null")], ": neither a file nor a folder");
    check(&[&fixture("PROVENANCE.toml")], ": not a picture or video");
    let empty = tempfile::tempdir().unwrap();
    fs::write(empty.path().join("notes.txt"), "text").unwrap();
    check(&[empty.path()], ": no picture or video in this folder");
}

#[test]
fn links_in_circles_and_names_beyond_utf8() {
    let folder = tempfile::tempdir().unwrap();
    let photo = fixture("photos/astronaut.png");
    let odd = OsStr::from_bytes(b"b\\h\xf6he\n.png");
    fs::create_dir(folder.path().join("c")).unwrap();
    fs::copy(&photo, folder.path().join("a.png")).unwrap();
    fs::copy(&photo, folder.path().join(odd)).unwrap();
    symlink("..", folder.path().join("c/up")).unwrap();
    symlink("nothing", folder.path().join("d.png")).unwrap();
    fs::write(folder.path().join("notes.txt"), "passed over").unwrap();
    let said = said_by(program().arg("analyze").arg(folder.path()));
    let place = folder.path().display().to_string();
    assert_eq!(said.code, 2);
    assert_eq!(
        said.errors(),
        [
            format!("error: {place}/c/up: a link to a folder that it stands in; not followed"),
            format!("error: {place}/d.png: a link that leads nowhere"),
        ]
    );
    let sources: Vec<String> = parsed(&said.out)
        .iter()
        .map(|r| r["source"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        sources,
        [
            format!("{place}/a.png"),
            format!("{place}/b\\\\h\\xF6he\n.png")
        ]
    );
    let broken = folder.path().join(OsStr::from_bytes(b"x\xff\n.jpg"));
    fs::write(&broken, "text").unwrap();
    let said = said_by(program().arg("analyze").arg(&broken));
    assert_eq!(
        said.errors(),
        [format!("error: {place}/x\\xFF\\n.jpg: not an image")]
    );
}

#[test]
fn headers_of_30000_by_30000_take_no_memory() {
    // 30,000 x 30,000 pixels are 2.7 GB; networks and threads reserve well below half of that.
    let script = "ulimit -v 1200000; exec \"$0\" \"$@\"";
    let configured = program();
    let mut command = Command::new("sh");
    command
        .args(["-c", script])
        .arg(configured.get_program())
        .arg("analyze");
    for name in ["huge_header.jpg", "huge_header.png"] {
        command.arg(fixture("hostile").join(name));
    }
    command
        .arg(fixture("photos/astronaut.png"))
        .env("ORT_DYLIB_PATH", "/nonexistent");
    let said = said_by(&mut command);
    assert_eq!(
        (said.code, said.out.lines().count()),
        (2, 1),
        "{}",
        said.err
    );
    for line in said.errors() {
        assert!(line.contains("too large: 30000x30000"), "{line}");
    }
    assert_eq!(said.errors().len(), 2);
}

#[test]
fn a_bad_input_does_not_hide_that_a_folder_is_empty() {
    let empty = tempfile::tempdir().unwrap();
    let empty = empty.path().display().to_string();
    let said = run(&["analyze", "/no/such/file", &empty]);
    assert_eq!((said.code, said.errors().len()), (1, 2), "{}", said.err);
}
