//! The program while it runs: its address, what it prints, its end.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::program::program;

/// Longest wait for a line: models load and a busy machine is slow.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What the end of `serve` may take.
const END: Duration = Duration::from_secs(10);

/// Between two looks at something that has no way to call us.
const PAUSE: Duration = Duration::from_millis(10);

/// A running `serve`; killed when a test ends early.
pub(crate) struct Serve {
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
    /// A program whose words nobody reads, from the moment it answers at the address it was told.
    pub(crate) fn unread(command: &mut Command, address: &str) -> Self {
        let running = Self {
            child: command.spawn().unwrap(),
            lines: channel().1,
            address: address.to_owned(),
        };
        let began_at = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(began_at.elapsed() < PATIENCE, "nothing at {address}");
            sleep(PAUSE);
        }
        running
    }

    /// `serve` on the `regard.toml` of a folder, from the moment it says its address.
    pub(crate) fn start(folder: &Path, more: &[&str]) -> Self {
        Self::spawn(
            program()
                .args([
                    "serve",
                    "--config",
                    "regard.toml",
                    "--listen",
                    "127.0.0.1:0",
                ])
                .args(more)
                .current_dir(folder)
                .stderr(Stdio::inherit()),
        )
    }

    /// The program, from the moment it says its address.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = lines_of(child.stdout.take().unwrap());
        let mut serve = Self {
            child,
            lines,
            address: String::new(),
        };
        let first = serve.lines.recv_timeout(PATIENCE).unwrap();
        let address = first
            .strip_prefix("listening on http://")
            .or_else(|| first.strip_prefix("listening on https://"))
            .expect("the first line is the address");
        assert!(address.starts_with("127.0.0.1:"), "{first}");
        address.clone_into(&mut serve.address);
        serve
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The number of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The whole answer to a GET, head and body.
    pub(crate) fn get(&self, path: &str, token: Option<&str>) -> String {
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

    /// Asks for an answer that comes bit by bit, such as events.
    pub(crate) fn listen(&self, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address);
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    /// Sends JSON; the status of the answer.
    pub(crate) fn put(&self, path: &str, token: &str, json: &str) -> Option<u16> {
        self.send("PUT", path, token, json)
    }

    /// Sends JSON by a method; the status of the answer.
    pub(crate) fn send(&self, method: &str, path: &str, token: &str, json: &str) -> Option<u16> {
        self.send_as(method, path, token, "application/json", json)
    }

    /// Sends text of some kind by a method; the status of the answer.
    pub(crate) fn send_as(
        &self,
        method: &str,
        path: &str,
        token: &str,
        kind: &str,
        text: &str,
    ) -> Option<u16> {
        self.send_bytes((method, path), token, kind, text.as_bytes())
    }

    /// Sends bytes of some kind by a method; the status of the answer.
    pub(crate) fn send_bytes(
        &self,
        (method, path): (&str, &str),
        token: &str,
        kind: &str,
        bytes: &[u8],
    ) -> Option<u16> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            self.address,
            bytes.len()
        );
        stream
            .write_all(&[request.as_bytes(), bytes].concat())
            .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.split(' ').nth(1)?.parse().ok()
    }

    /// Waits for the next line it prints.
    pub(crate) fn next_line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).unwrap()
    }

    /// What it printed since.
    pub(crate) fn printed(&self) -> String {
        self.lines.try_iter().map(|line| line + "\n").collect()
    }

    /// Ends it as a failure of the machine does: at once.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Tells it to stop as a service manager does; all it printed, and its exit code.
    pub(crate) fn stop(mut self) -> (String, Option<i32>) {
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
        while asked_at.elapsed() < END {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (printed, status.code());
            }
            sleep(PAUSE);
        }
        panic!("it still runs after {END:?}\n{printed}")
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        // It has ended already when the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The token among what was printed, if one was made.
pub(crate) fn token_in(printed: &str) -> Option<String> {
    let line = printed
        .lines()
        .find(|line| line.starts_with("Admin token"))?;
    line.rsplit(' ').next().map(str::to_owned)
}
