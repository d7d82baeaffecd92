//! `regard serve` from start to end.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Longest wait for a line: models load and a busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the end of `serve` may take.
const END: Duration = Duration::from_secs(5);

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

/// A running `serve`; killed when a test ends early.
struct Serve {
    child: Child,
    lines: Receiver<String>,
    address: String,
}

fn lines_of(stdout: ChildStdout) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

impl Serve {
    fn start(folder: &Path, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_regard"))
            .args([
                "serve",
                "--config",
                "regard.toml",
                "--listen",
                "127.0.0.1:0",
            ])
            .args(more)
            .current_dir(folder)
            .env_remove("REGARD_DATA_DIR")
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let lines = lines_of(child.stdout.take().unwrap());
        let mut serve = Self {
            child,
            lines,
            address: String::new(),
        };
        let first = serve.lines.recv_timeout(PATIENCE).unwrap();
        let address = first
            .strip_prefix("listening on http://")
            .expect("the first line is the address");
        assert!(address.starts_with("127.0.0.1:"), "{first}");
        address.clone_into(&mut serve.address);
        serve
    }

    fn get(&self, path: &str, token: Option<&str>) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let token = token
            .map(|t| format!("Authorization: Bearer {t}\r\n"))
            .unwrap_or_default();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\n{token}Connection: close\r\n\r\n",
            self.address
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Tells it to stop as a service manager does; all it printed, and its exit code.
    fn stop(mut self) -> (String, Option<i32>) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        let asked_at = Instant::now();
        let mut printed = String::new();
        loop {
            match self
                .lines
                .recv_timeout(END.saturating_sub(asked_at.elapsed()))
            {
                Ok(line) => printed += &(line + "\n"),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it still runs after {END:?}\n{printed}"),
            }
        }
        (printed, self.child.wait().unwrap().code())
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        // It has ended already when the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn token_in(printed: &str) -> Option<String> {
    let line = printed
        .lines()
        .find(|line| line.starts_with("Admin token"))?;
    line.rsplit(' ').next().map(str::to_owned)
}

fn site() -> tempfile::TempDir {
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
