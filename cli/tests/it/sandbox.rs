//! What the program takes from itself, seen from outside.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;

use crate::program::program;
use crate::running::{Serve, token_in};
use crate::serve::site;

/// A field of `/proc/PID/status` in every thread of a process.
fn of_all_threads(pid: u32, field: &str) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let read = |task: std::io::Result<fs::DirEntry>| {
        // A thread may end while it is looked at.
        let status = fs::read_to_string(task.unwrap().path().join("status")).ok()?;
        let mut lines = status.lines();
        let value = lines.find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
        Some(value.trim().to_owned())
    };
    tasks.filter_map(read).collect()
}

fn check_limited(pid: u32) {
    let filters = of_all_threads(pid, "Seccomp");
    if filters.is_empty() {
        println!("skipped: the sandbox: this kernel has no seccomp");
        return;
    }
    assert!(
        filters.len() > 3,
        "engine and web have threads: {filters:?}"
    );
    assert!(filters.iter().all(|mode| mode == "2"), "{filters:?}");
    let privileges = of_all_threads(pid, "NoNewPrivs");
    assert!(
        privileges.iter().all(|given_up| given_up == "1"),
        "{privileges:?}"
    );
}

#[test]
fn serve_limits_every_thread_and_says_so() {
    let folder = site();
    let record = folder.path().join("record.jsonl");
    let serve = Serve::start(folder.path(), &["--record", record.to_str().unwrap()]);
    check_limited(serve.pid());
    let token = loop {
        if let Some(token) = token_in(&serve.next_line()) {
            break token;
        }
    };
    let health = serve.get("/v1/health", Some(&token));
    assert!(health.contains("\"sandbox\":{\"files\":\""), "{health}");
    assert!(
        health.contains("calls refused; no program can be started"),
        "{health}"
    );
    let page = "<!DOCTYPE html><title>x</title>";
    let form = format!(
        "--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n{page}\r\n--cut--\r\n"
    );
    let kind = "multipart/form-data; boundary=cut";
    assert_eq!(
        serve.send_as("POST", "/v1/assets", &token, kind, &form),
        Some(201)
    );
    let (printed, code) = serve.stop();
    assert_eq!(code, Some(0), "{printed}");
    assert!(
        fs::metadata(&record).unwrap().len() > 0,
        "the recording outside the data folder"
    );
}

#[test]
fn demo_limits_itself_and_takes_its_folder_away() {
    let mut command = program();
    // A test that fails kills the program, which then leaves its folder: in one that goes with the test.
    let temporary = tempfile::tempdir().unwrap();
    command.args(["demo", "--listen", "127.0.0.1:0"]);
    command.env("TMPDIR", temporary.path());
    let demo = Serve::spawn(&mut command);
    check_limited(demo.pid());
    let own = format!("regard-demo-{}-", demo.pid());
    let left = || {
        let entries = fs::read_dir(temporary.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name());
        names
            .filter(|name| name.to_string_lossy().starts_with(&own))
            .count()
    };
    assert_eq!(left(), 1);
    let (printed, code) = demo.stop();
    assert_eq!(code, Some(0), "{printed}");
    assert_eq!(left(), 0);
}

/// A camera that needs ffmpeg gets it, sandbox or not.
#[test]
fn ffmpeg_is_started_within_the_sandbox() {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if !std::env::split_paths(&path).any(|folder| folder.join("ffmpeg").is_file()) {
        println!("skipped: ffmpeg within the sandbox: ffmpeg not found");
        return;
    }
    let folder = site();
    let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit/fixtures/clip/demo.mjpeg");
    let file = folder.path().join("regard.toml");
    let config = fs::read_to_string(&file).unwrap();
    let source = format!("clip:{}?loop", clip.display());
    let config = config.replace(&source, &format!("ffmpeg:{}", clip.display()));
    assert!(config.contains("ffmpeg:"));
    fs::write(&file, config).unwrap();
    let serve = Serve::start(folder.path(), &[]);
    check_limited(serve.pid());
    let token = loop {
        if let Some(token) = token_in(&serve.next_line()) {
            break token;
        }
    };
    let began = std::time::Instant::now();
    loop {
        let metrics = serve.get("/metrics", Some(&token));
        let line = metrics
            .lines()
            .find(|line| line.starts_with("regard_frames_total "));
        let n_frames = line.and_then(|line| line.split(' ').nth(1)?.parse::<f64>().ok());
        if n_frames.is_some_and(|n| n > 0.0) {
            break;
        }
        assert!(
            began.elapsed() < crate::running::PATIENCE,
            "no frame: {metrics}"
        );
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let (_, code) = serve.stop();
    assert_eq!(code, Some(0));
}
