//! The program as a user starts it, and its API.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The configuration of a site whose one camera is that of a browser.
pub(crate) const BROWSER_CAMERA: &str = "
[[camera]]
id = \"demo\"
source = \"push:browser\"
[[screen]]
id = \"demo\"
camera = \"demo\"
[engine]
runtime = \"rten\"
";

/// A running program; it ends with the test.
pub(crate) struct Program {
    child: Child,
    address: String,
    output: BufReader<ChildStdout>,
    /// Where it keeps what is temporary: gone with the test, even where the program was killed.
    _temporary: TempDir,
}

impl Program {
    /// Starts the demo on a free port and reads where it listens.
    pub(crate) fn demo(arguments: &[&str]) -> Self {
        Self::demo_at("127.0.0.1:0", arguments)
    }

    /// Starts the demo on that address.
    pub(crate) fn demo_at(listen: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_regard"));
        command.args(["demo", "--listen", listen]).args(arguments);
        Self::start(command)
    }

    /// Starts an installation on a free port.
    pub(crate) fn serve(folder: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_regard"));
        command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .current_dir(folder)
            .env_remove("REGARD_DATA_DIR");
        Self::start(command)
    }

    fn start(mut command: Command) -> Self {
        let temporary = TempDir::new().unwrap();
        command.env("TMPDIR", temporary.path());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut first).unwrap();
        let address = first
            .trim()
            .strip_prefix("listening on ")
            .expect("the first line")
            .to_owned();
        Self {
            child,
            address,
            output,
            _temporary: temporary,
        }
    }

    /// The admin token, printed at the first start.
    pub(crate) fn token(&mut self) -> String {
        let lines = self.output.by_ref().lines().map_while(Result::ok);
        let mut tokens = lines
            .filter_map(|line| line.strip_prefix("Admin token").map(str::to_owned))
            .filter_map(|line| line.rsplit(' ').next().map(str::to_owned));
        tokens.next().expect("a token is printed")
    }

    /// Name and port it listens on.
    pub(crate) fn host(&self) -> &str {
        self.address.trim_start_matches("http://")
    }

    /// Address of a page.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    /// Runs another command of the program to its end; what it prints.
    pub(crate) fn run(folder: &Path, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_regard"));
        let command = command
            .args(arguments)
            .current_dir(folder)
            .env_remove("REGARD_DATA_DIR");
        let said = command.output().unwrap();
        let errors = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(said.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(said.stdout).unwrap()
    }

    /// Sends the process a signal.
    pub(crate) fn signal(&self, name: &str) {
        let (signal, pid) = (format!("-{name}"), self.child.id().to_string());
        assert!(
            Command::new("kill")
                .args([signal, pid])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Ends it as a crash does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// What an address answers.
    pub(crate) fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask("GET", path, "", Vec::new());
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Sends JSON and expects that it is taken.
    pub(crate) fn send(&self, method: &str, path: &str, body: &Value) {
        let bytes = serde_json::to_vec(body).unwrap();
        let (status, answer) = self.ask(method, path, "application/json", bytes);
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
    }

    /// Uploads a file; what the API says of it.
    pub(crate) fn upload(&self, name: &str, bytes: &[u8]) -> Value {
        let head = format!(
            "--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"
        );
        let body = [head.as_bytes(), bytes, b"\r\n--cut--\r\n"].concat();
        let kind = "multipart/form-data; boundary=cut";
        let (status, answer) = self.ask("POST", "/v1/assets", kind, body);
        assert_eq!(status, 201, "{name}: {answer}");
        serde_json::from_str(&answer).unwrap()
    }

    /// Method, address, type and bytes of a request; status and text of its answer.
    pub(crate) fn ask(&self, method: &str, path: &str, kind: &str, body: Vec<u8>) -> (u16, String) {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .build()
            .into();
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(self.url(path))
            .header("content-type", kind)
            .body(body)
            .unwrap();
        let mut answer = agent.run(request).unwrap();
        let status = answer.status().as_u16();
        (status, answer.body_mut().read_to_string().unwrap())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself; the test says so then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
