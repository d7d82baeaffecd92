//! A client as plain as the wire: what it sends and gets can be read in the test.

use std::net::SocketAddr;

use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// A request being put together.
pub(crate) struct Request {
    address: SocketAddr,
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// An answer whose body goes on.
pub(crate) struct Stream {
    reader: BufReader<TcpStream>,
    /// Events that came while another was waited for: which comes first depends on the engine.
    passed_over: Vec<(String, serde_json::Value)>,
}

impl Request {
    pub(crate) fn new(address: SocketAddr, method: &'static str, path: &str) -> Self {
        let headers = vec![("host".to_owned(), address.to_string())];
        Self {
            address,
            method,
            path: path.to_owned(),
            headers,
            body: Vec::new(),
        }
    }

    /// Sets a header; `host` replaces the right one.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn json(self, body: &serde_json::Value) -> Self {
        let bytes = serde_json::to_vec(body).unwrap();
        self.header("content-type", "application/json").bytes(bytes)
    }

    /// With a token.
    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn bytes(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }

    /// A form with one file.
    pub(crate) fn file(self, name: &str, bytes: &[u8]) -> Self {
        let head = format!(
            "--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             Content-Type: image/png\r\n\r\n"
        );
        let body = [head.as_bytes(), bytes, b"\r\n--cut--\r\n"].concat();
        self.header("content-type", "multipart/form-data; boundary=cut")
            .bytes(body)
    }

    async fn connect(self) -> (Answer, BufReader<TcpStream>) {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("content-length: {}\r\n\r\n", self.body.len()));
        socket
            .write_all(&[text.as_bytes(), &self.body].concat())
            .await
            .unwrap();
        let mut reader = BufReader::new(socket);
        let mut line = String::new();
        reader.read_line(&mut line).await.unwrap();
        let status = line
            .split(' ')
            .nth(1)
            .expect("a status line")
            .parse()
            .unwrap();
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).await.unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        (
            Answer {
                status,
                headers,
                body: Vec::new(),
            },
            reader,
        )
    }

    /// Sends it and reads all that comes back.
    pub(crate) async fn send(self) -> Answer {
        let is_head = self.method == "HEAD";
        let (mut answer, mut reader) = self.connect().await;
        let length = answer
            .header("content-length")
            .and_then(|text| text.parse().ok());
        if let Some(length) = length.filter(|_| !is_head) {
            answer.body = vec![0; length];
            reader.read_exact(&mut answer.body).await.unwrap();
        }
        answer
    }

    /// Sends it and leaves the connection open.
    pub(crate) async fn stream(self) -> (Answer, Stream) {
        let (answer, reader) = self.connect().await;
        (
            answer,
            Stream {
                reader,
                passed_over: Vec::new(),
            },
        )
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// A cookie it sets, as it is sent back.
    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        let set = self
            .headers
            .iter()
            .filter(|(known, _)| known == "set-cookie");
        let mut pairs = set.filter_map(|(_, value)| value.split(';').next());
        let begins = format!("{name}=");
        pairs
            .find(|pair| pair.starts_with(&begins))
            .map(str::to_owned)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    /// The code of a problem, which must look like one.
    pub(crate) fn code(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        let problem: serde_json::Value = self.json();
        assert_eq!(problem["status"], self.status);
        problem["code"].as_str().unwrap().to_owned()
    }
}

impl Stream {
    /// The oldest event of that name not taken yet. Nothing when the stream ends.
    pub(crate) async fn next(&mut self, name: &str) -> Option<serde_json::Value> {
        if let Some(at) = self.passed_over.iter().position(|(known, _)| known == name) {
            return Some(self.passed_over.remove(at).1);
        }
        loop {
            let mut line = String::new();
            if self.reader.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            let Some(event) = line.strip_prefix("event: ") else {
                continue;
            };
            let event = event.trim_end().to_owned();
            let mut line = String::new();
            self.reader.read_line(&mut line).await.ok()?;
            let data = serde_json::from_str(line.strip_prefix("data: ")?).unwrap();
            if event == name {
                return Some(data);
            }
            self.passed_over.push((event, data));
        }
    }
}
