//! `regard serve` from start to end.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::running::{Serve, token_in};

const CONFIG: &str = "
[[camera]]
id = \"clip\"
source = \"clip:CLIP?loop\"
[[screen]]
id = \"window\"
camera = \"clip\"
in_process = true
[engine]
runtime = \"rten\"
";

pub(crate) fn site() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit/fixtures/clip/demo.mjpeg");
    let config = CONFIG.replace("CLIP", clip.to_str().unwrap());
    fs::write(folder.path().join("regard.toml"), config).unwrap();
    let demo = regard_commitments::Commitments::demo_text();
    fs::write(folder.path().join("commitments.toml"), demo).unwrap();
    folder
}

#[test]
fn it_runs_shows_its_token_once_and_stops_when_told() {
    let folder = site();
    let serve = Serve::start(folder.path(), &[]);
    assert!(serve.get("/healthz", None).starts_with("HTTP/1.1 200"));
    assert!(serve.get("/v1/health", None).starts_with("HTTP/1.1 401"));
    let (printed, code) = serve.stop();
    assert_eq!(code, Some(0), "{printed}");
    let token = token_in(&printed).expect("the first start prints the token");

    let serve = Serve::start(folder.path(), &[]);
    assert!(
        serve
            .get("/v1/health", Some(&token))
            .starts_with("HTTP/1.1 200")
    );
    assert!(
        serve
            .get("/v1/health", Some("regard_0"))
            .starts_with("HTTP/1.1 401")
    );
    let (printed, code) = serve.stop();
    assert_eq!((token_in(&printed), code), (None, Some(0)), "{printed}");

    let serve = Serve::start(folder.path(), &["--new-admin-token"]);
    assert!(
        serve
            .get("/v1/health", Some(&token))
            .starts_with("HTTP/1.1 401")
    );
    let (printed, _) = serve.stop();
    assert_ne!(token_in(&printed).expect("a new one was asked for"), token);
    check_kept_secret(&folder.path().join("data"), &token);
}

/// The token itself is nowhere on the disk, and the folder is its owner's alone.
fn check_kept_secret(data: &Path, token: &str) {
    for entry in fs::read_dir(data).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            let is_there = bytes
                .windows(token.len())
                .any(|window| window == token.as_bytes());
            assert!(!is_there, "the token is in {}", path.display());
        }
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(data).unwrap().permissions().mode() & 0o077, 0);
    }
}

#[test]
fn what_init_writes_runs_without_a_camera() {
    let folder = tempfile::tempdir().unwrap();
    let init = Command::new(env!("CARGO_BIN_EXE_regard"))
        .arg("init")
        .current_dir(folder.path())
        .output();
    assert!(init.unwrap().status.success());
    let serve = Serve::start(folder.path(), &[]);
    assert!(serve.get("/healthz", None).starts_with("HTTP/1.1 200"));
    assert!(
        serve
            .get("/screen/entrance", None)
            .starts_with("HTTP/1.1 200")
    );
    let (printed, code) = serve.stop();
    assert_eq!(code, Some(0), "{printed}");
    let copies = fs::read_dir(folder.path().join("data/assets/configured")).unwrap();
    assert_eq!(copies.count(), 1);
}

#[test]
fn others_are_not_let_in_by_the_command_line_alone() {
    let folder = site();
    let output = Command::new(env!("CARGO_BIN_EXE_regard"))
        .args(["serve", "--config", "regard.toml", "--listen", "0.0.0.0:0"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("allow_remote"));
}
