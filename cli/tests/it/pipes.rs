//! Whoever reads what the program says may leave at any time, as `head` does.

use std::fs;
use std::io::pipe;
use std::net::TcpListener;
use std::process::Stdio;

use crate::program::{fixture, program, said_by};
use crate::running::Serve;

/// An end to write into, of a pipe that nobody reads.
fn nobody() -> Stdio {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    writer.into()
}

/// Commands that come to an end by themselves, in a folder that `init` filled.
fn commands() -> Vec<(Vec<String>, i32)> {
    let photo = fixture("photos/astronaut.png").display().to_string();
    let text = fixture("hostile/text.jpg").display().to_string();
    let commands: [(&[&str], i32); 8] = [
        (&["init", "other"], 0),
        (&["serve", "--check"], 0),
        (&["serve", "--config", "none.toml"], 1),
        (&["doctor"], 0),
        (&["models", "list"], 0),
        (&["models", "verify"], 0),
        (&["analyze", &photo], 0),
        (&["analyze", &text], 1),
    ];
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    commands.map(|(words, code)| (owned(words), code)).into()
}

#[test]
fn commands_end_as_ever_when_nobody_reads() {
    let folder = tempfile::tempdir().unwrap();
    let said = said_by(program().arg("init").current_dir(folder.path()));
    assert_eq!(said.code, 0, "{}", said.err);
    for (words, code) in commands() {
        let said = said_by(
            program()
                .args(&words)
                .current_dir(folder.path())
                .stdout(nobody()),
        );
        assert_eq!(said.code, code, "{words:?}: {}", said.err);
        assert!(!said.err.contains("panicked"), "{words:?}: {}", said.err);
        // `init` does not write twice, and nothing else does.
        let _ = fs::remove_dir_all(folder.path().join("other"));
        let said = said_by(
            program()
                .args(["-vv"])
                .args(&words)
                .current_dir(folder.path())
                .stderr(nobody()),
        );
        assert_eq!(said.code, code, "{words:?} without standard error");
    }
}

#[test]
fn what_runs_goes_on_when_nobody_reads() {
    let folder = tempfile::tempdir().unwrap();
    let said = said_by(program().arg("init").current_dir(folder.path()));
    assert_eq!(said.code, 0, "{}", said.err);
    for what in ["demo", "serve"] {
        // Nobody can say which port was taken, so we name one that was free a moment ago.
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap().to_string();
        drop(free);
        let mut command = program();
        command
            .args(["-vv", what, "--listen", &address])
            .env("TMPDIR", folder.path())
            .current_dir(folder.path())
            .stdout(nobody())
            .stderr(nobody());
        let running = Serve::unread(&mut command, &address);
        assert!(running.get("/healthz", None).starts_with("HTTP/1.1 200"));
        assert_eq!(running.stop().1, Some(0), "{what}");
    }
}
