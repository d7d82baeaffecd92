//! Object stores: a double that fails on purpose, and a real one where there is one (`REGARD_MOTO`).

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::{json_lines, noise, with_comment};
use crate::program::{Said, program, said_by};

/// A store in this process, of one bucket, that fails now and then.
struct Double {
    objects: BTreeMap<String, Vec<u8>>,
    /// Answered wrongly once: with an error of the server, or with half of the bytes.
    failed: Mutex<BTreeSet<String>>,
    /// Keys that nobody may read, and that are listed without being there.
    forbidden: &'static str,
    gone: &'static str,
    /// Most objects on a page of the list; so many pages are good, or all of them.
    page: usize,
    good_pages: Option<usize>,
}

impl Double {
    /// Listens; the address.
    fn start(self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let double = Arc::new(self);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let double = Arc::clone(&double);
                // Whoever asks may go away.
                thread::spawn(move || drop(double.serve(stream)));
            }
        });
        address
    }

    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut stream = stream;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let mut range = None;
            loop {
                let mut header = String::new();
                reader.read_line(&mut header)?;
                let header = header.trim().to_ascii_lowercase();
                if header.is_empty() {
                    break;
                }
                if let Some(value) = header.strip_prefix("range: bytes=") {
                    let (from, to) = value.split_once('-').unwrap();
                    range = Some((from.parse::<usize>().unwrap(), to.parse::<usize>().unwrap()));
                }
            }
            let mut words = line.split_whitespace();
            let (method, target) = (words.next().unwrap(), words.next().unwrap());
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            if method == "GET" && query.contains("list-type=2") {
                self.list(&mut stream, query)?;
            } else {
                let key = path.trim_start_matches("/bucket/").to_owned();
                self.object(&mut stream, method, &key, range)?;
            }
        }
    }

    fn fails_once(&self, what: &str) -> bool {
        self.failed.lock().unwrap().insert(what.to_owned())
    }

    fn list(&self, stream: &mut TcpStream, query: &str) -> std::io::Result<()> {
        let token = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("continuation-token="));
        let from: usize = token.map_or(0, |token| token.parse().unwrap());
        if self.good_pages.is_some_and(|n| from / self.page >= n) {
            return stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
        }
        if self.fails_once(&format!("page {from}")) {
            return stream.write_all(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n");
        }
        let keys: Vec<(&String, usize)> = self.objects.iter().map(|(k, v)| (k, v.len())).collect();
        let mut body = "<ListBucketResult>".to_owned();
        for (key, size) in keys.iter().skip(from).take(self.page) {
            body.push_str(&format!(
                "<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>\"{size}\"</ETag><Size>{size}</Size></Contents>"
            ));
        }
        let next = from + self.page;
        let is_cut = next < keys.len();
        body.push_str(&format!("<IsTruncated>{is_cut}</IsTruncated>"));
        if is_cut {
            body.push_str(&format!(
                "<NextContinuationToken>{next}</NextContinuationToken>"
            ));
        }
        body.push_str("</ListBucketResult>");
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    fn object(
        &self,
        stream: &mut TcpStream,
        method: &str,
        key: &str,
        range: Option<(usize, usize)>,
    ) -> std::io::Result<()> {
        let bytes = match self.objects.get(key) {
            Some(_) if key == self.forbidden => {
                return stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
            }
            Some(bytes) if key != self.gone => bytes,
            Some(_) | None => {
                return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
            }
        };
        let (from, to) = range.unwrap_or((0, bytes.len().saturating_sub(1)));
        let to = to.min(bytes.len().saturating_sub(1));
        let part = &bytes[from..=to];
        if key.ends_with("3.jpg") && self.fails_once(key) {
            return stream.write_all(b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n");
        }
        let n = bytes.len();
        let status = match range {
            Some(_) => format!("206 Partial Content\r\nContent-Range: bytes {from}-{to}/{n}"),
            None => "200 OK".to_owned(),
        };
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nETag: \"{n}\"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n",
            part.len()
        )?;
        if method == "HEAD" {
            return Ok(());
        }
        if key.ends_with("4.jpg") && self.fails_once(key) {
            stream.write_all(&part[..part.len() / 2])?;
            return Err(std::io::Error::other("cut"));
        }
        stream.write_all(part)
    }
}

/// The program, which is told of a store and knows as whom to ask.
fn asking(endpoint: &str, folder: &Path, source: &str) -> Command {
    let mut command = program();
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("AWS_") {
            command.env_remove(name);
        }
    }
    command
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", "us-east-1")
        .args(["analyze", source, "--items"])
        .arg(folder.join("items.ndjson"))
        .arg("-o")
        .arg(folder.join("faces.ndjson"));
    command
}

fn objects() -> BTreeMap<String, Vec<u8>> {
    let mut objects = BTreeMap::new();
    for i in 0..8_u64 {
        objects.insert(format!("p/{i}.jpg"), noise(i));
    }
    objects.insert("p/face.jpg".into(), with_comment("in a store"));
    objects.insert("p/notes.txt".into(), b"text".to_vec());
    objects.insert("p/empty.jpg".into(), Vec::new());
    objects
}

fn double() -> Double {
    Double {
        objects: objects(),
        failed: Mutex::default(),
        forbidden: "p/5.jpg",
        gone: "p/6.jpg",
        page: 4,
        good_pages: None,
    }
}

fn rows(folder: &Path) -> Vec<String> {
    json_lines(&folder.join("items.ndjson"))
        .iter()
        .map(|row| {
            let error = row["error_kind"].as_str().unwrap_or("good");
            format!(
                "{} {} {error}",
                row["source"].as_str().unwrap(),
                row["n_faces"]
            )
        })
        .collect()
}

#[test]
fn a_store_that_fails_now_and_then_is_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = double().start();
    let said = said_by(&mut asking(&endpoint, folder.path(), "s3://bucket/p"));
    assert_eq!(said.code, 2, "{}", said.err);
    let line = |name: &str, rest: &str| format!("s3://bucket/p/{name} {rest}");
    assert_eq!(
        rows(folder.path()),
        [
            line("0.jpg", "0 good"),
            line("1.jpg", "0 good"),
            line("2.jpg", "0 good"),
            line("3.jpg", "0 good"),
            line("4.jpg", "0 good"),
            line("5.jpg", "0 unreadable"),
            line("6.jpg", "0 unreadable"),
            line("7.jpg", "0 good"),
            line("empty.jpg", "0 not_a_picture"),
            line("face.jpg", "1 good"),
        ]
    );
    assert!(
        said.err.contains("p/6.jpg: it is gone since it was listed"),
        "{}",
        said.err
    );
}

#[test]
fn one_object_can_be_named() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = double().start();
    let said = said_by(&mut asking(
        &endpoint,
        folder.path(),
        "s3://bucket/p/face.jpg",
    ));
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(rows(folder.path()), ["s3://bucket/p/face.jpg 1 good"]);
}

#[test]
fn a_list_that_ends_early_ends_no_job() {
    let folder = tempfile::tempdir().unwrap();
    let mut broken = double();
    broken.good_pages = Some(1);
    let said = said_by(&mut asking(&broken.start(), folder.path(), "s3://bucket/p"));
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(
        said.err.contains("could not be listed to its end"),
        "{}",
        said.err
    );
    assert!(
        said.err.contains("run the same again to go on"),
        "{}",
        said.err
    );
    assert!(!folder.path().join("faces.ndjson").exists());
    // It goes on where it was; the endpoint is no part of the job.
    let said = said_by(&mut asking(
        &double().start(),
        folder.path(),
        "s3://bucket/p",
    ));
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("4 items are done"), "{}", said.err);
    assert_eq!(rows(folder.path()).len(), 10);
}

#[test]
fn who_asks_whom_has_to_be_said_and_plain_lines_stay_here() {
    let folder = tempfile::tempdir().unwrap();
    let check = |command: &mut Command, expected: &str| {
        let Said { code, err, .. } = said_by(command);
        assert_eq!(code, 1, "{err}");
        assert!(err.contains(expected), "{err}");
    };
    let mut far = asking("http://s3.example.org", folder.path(), "s3://bucket/p");
    check(
        &mut far,
        "AWS_ENDPOINT_URL=http://s3.example.org is not encrypted",
    );
    // Whatever else the environment allows.
    check(far.env("AWS_ALLOW_HTTP", "true"), "is not encrypted");
    let mut nobody = asking("http://127.0.0.1:1", folder.path(), "s3://bucket/p");
    nobody.env_remove("AWS_ACCESS_KEY_ID");
    check(&mut nobody, "nobody says as whom to ask");
    check(
        &mut asking("http://127.0.0.1:1", folder.path(), "s3://"),
        "names no bucket",
    );
}

/// A real implementation, from `pip install 'moto[server]'`.
struct Moto {
    child: Child,
    endpoint: String,
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Moto {
    fn start(python: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let child = Command::new(python)
            .args([
                "-m",
                "moto.server",
                "-H",
                "127.0.0.1",
                "-p",
                &port.to_string(),
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let moto = Self {
            child,
            endpoint: format!("127.0.0.1:{port}"),
        };
        let began = Instant::now();
        while TcpStream::connect(&moto.endpoint).is_err() {
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "moto does not start"
            );
            thread::sleep(Duration::from_millis(50));
        }
        moto
    }

    /// Puts something there, as anybody.
    fn put(&self, path: &str, bytes: &[u8]) {
        let mut stream = TcpStream::connect(&self.endpoint).unwrap();
        // Moto wants to be told who asks, and believes it.
        write!(
            stream,
            "PUT /{path} HTTP/1.1\r\nHost: {}\r\nAuthorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            self.endpoint,
            bytes.len()
        )
        .unwrap();
        stream.write_all(bytes).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains(" 200 "), "{path}: {answer}");
    }
}

#[test]
fn a_real_store_has_the_same_rows_as_a_folder() {
    let Ok(python) = env::var("REGARD_MOTO") else {
        println!("skipped: REGARD_MOTO names no Python with moto[server]");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let moto = Moto::start(&python);
    moto.put("bucket", b"");
    let mut objects = objects();
    // A film, which is fetched in several pieces and lies in a file meanwhile.
    let mut film = Vec::new();
    while film.len() < 9 << 20 {
        film.extend(with_comment(&"x".repeat(60_000)));
    }
    objects.insert("p/film.mjpeg".into(), film);
    for (key, bytes) in &objects {
        moto.put(&format!("bucket/{key}"), bytes);
        let path = folder.path().join("in").join(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let endpoint = format!("http://{}", moto.endpoint);
    let mut stored = asking(&endpoint, folder.path(), "s3://bucket/p");
    let said = said_by(stored.args(["--every", "2"]));
    assert_eq!(said.code, 2, "{}", said.err);
    let from_store = rows(folder.path());
    let local = folder.path().join("in/p");
    let mut asked = asking("", folder.path(), local.to_str().unwrap());
    let said = said_by(asked.args(["--every", "2"]));
    assert_eq!(said.code, 2, "{}", said.err);
    let from_folder: Vec<String> = rows(folder.path())
        .iter()
        .map(|row| row.replace(local.to_str().unwrap(), "s3://bucket/p"))
        .collect();
    assert_eq!(from_store, from_folder);
    assert_eq!(from_store.len(), 11);
}
