//! Each test limits a thread of its own, which ends with it: the others go on as they were.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests fail by panicking and say what they skip"
)]

use std::fs;
use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use super::*;

/// Runs within a sandbox; nothing where the kernel has no Landlock.
fn within<T: Send + 'static>(reach: Reach, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    if files::available().is_none() {
        println!("skipped: the sandbox: this kernel has no Landlock");
        return None;
    }
    let inside = thread::spawn(move || {
        let state = enter(&reach);
        assert!(state.files.starts_with("limited"), "{state:?}");
        assert!(state.calls.contains("calls refused"), "{state:?}");
        work()
    });
    Some(inside.join().unwrap())
}

fn reach(folder: &Path) -> Reach {
    Reach {
        writes: vec![folder.to_owned()],
        reads: vec![
            PathBuf::from("/usr"),
            PathBuf::from("/bin"),
            PathBuf::from("/lib"),
            PathBuf::from("/lib64"),
            PathBuf::from("/etc"),
        ],
        devices: vec![PathBuf::from("/dev/null")],
        connects: Some(Default::default()),
        ..Reach::default()
    }
}

fn denied<T>(result: std::io::Result<T>) -> bool {
    result.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
}

#[test]
fn nothing_is_written_nor_read_outside() {
    let [data, other] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    fs::write(other.path().join("there"), "x").unwrap();
    let (inside, outside) = (data.path().to_owned(), other.path().to_owned());
    let ran = within(reach(data.path()), move || {
        fs::write(inside.join("made"), "x").unwrap();
        fs::rename(inside.join("made"), inside.join("moved")).unwrap();
        fs::create_dir(inside.join("folder")).unwrap();
        fs::write(inside.join("folder/deep"), "x").unwrap();
        fs::remove_dir_all(inside.join("folder")).unwrap();
        assert!(denied(fs::write(outside.join("made"), "x")));
        assert!(denied(fs::write(outside.join("there"), "y")));
        assert!(denied(fs::read(outside.join("there"))));
        assert!(denied(fs::remove_file(outside.join("there"))));
        assert!(denied(fs::create_dir(outside.join("folder"))));
        assert!(fs::rename(inside.join("moved"), outside.join("moved")).is_err());
        assert!(denied(std::os::unix::net::UnixListener::bind(
            inside.join("socket")
        )));
        fs::write("/dev/null", "x").unwrap();
    });
    if ran.is_some() {
        assert_eq!(fs::read_to_string(other.path().join("there")).unwrap(), "x");
        assert!(data.path().join("moved").exists());
    }
    // The thread that did not enter is as free as before.
    fs::write(other.path().join("there"), "y").unwrap();
}

#[test]
fn programs_are_started_only_where_a_camera_needs_one() {
    let data = tempfile::tempdir().unwrap();
    let none = within(reach(data.path()), || Command::new("/bin/true").status());
    if let Some(none) = none {
        assert!(denied(none));
    }
    let reach = Reach {
        starts_programs: true,
        ..reach(data.path())
    };
    let inside = data.path().to_owned();
    let outside = tempfile::tempdir().unwrap();
    let file = outside.path().join("made").display().to_string();
    let said = within(reach, move || {
        let script = format!("echo x > {}/made; echo x > {file}; true", inside.display());
        Command::new("/bin/sh").args(["-c", &script]).output()
    });
    if let Some(said) = said {
        assert!(said.unwrap().status.success());
        assert!(
            data.path().join("made").exists(),
            "children write the data folder"
        );
        assert!(!outside.path().join("made").exists(), "and nothing else");
    }
}

#[test]
fn only_ports_that_are_named_are_reached() {
    let data = tempfile::tempdir().unwrap();
    let [one, two] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [named, other] = [&one, &two].map(|one| one.local_addr().unwrap());
    let reach = Reach {
        connects: Some([named.port()].into()),
        listens: [0].into(),
        ..reach(data.path())
    };
    let knows_ports = files::available().is_some_and(|abi| abi.as_str() >= "ABI 4");
    within(reach, move || {
        TcpStream::connect(named).unwrap();
        if knows_ports {
            assert!(denied(TcpStream::connect(other)));
        } else {
            println!("skipped: ports: this kernel's Landlock knows none");
        }
        TcpListener::bind("127.0.0.1:0").unwrap();
        UdpSocket::bind("127.0.0.1:0").unwrap();
    });
}
