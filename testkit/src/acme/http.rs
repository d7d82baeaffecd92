//! As much of HTTP/1.1 as an authority needs.

use std::io::{self, Read, Write};

use serde_json::Value;

/// Largest head and body, in bytes.
const MAX_BYTES: usize = 256 << 10;

/// What was asked.
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    /// The kind of the body.
    pub(super) kind: String,
    pub(super) body: Vec<u8>,
}

impl Request {
    /// Reads one.
    pub(super) fn read(stream: &mut impl Read) -> io::Result<Self> {
        let mut bytes = Vec::new();
        let mut piece = [0; 4_096];
        let head_len = loop {
            if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break at;
            }
            more(stream, &mut piece, &mut bytes)?;
        };
        let head = String::from_utf8_lossy(&bytes[..head_len]).into_owned();
        let mut lines = head.lines();
        let mut first = lines.next().unwrap_or_default().split(' ');
        let (method, path) = (first.next(), first.next());
        let headers: Vec<(String, &str)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
            .collect();
        let header = |wanted: &str| {
            let found = headers.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| *value).unwrap_or_default()
        };
        let len: usize = header("content-length").parse().unwrap_or_default();
        let mut body = bytes.split_off(head_len + 4);
        while body.len() < len.min(MAX_BYTES) {
            more(stream, &mut piece, &mut body)?;
        }
        Ok(Self {
            method: method.unwrap_or_default().to_owned(),
            path: path.unwrap_or_default().to_owned(),
            kind: header("content-type").to_owned(),
            body,
        })
    }
}

fn more(stream: &mut impl Read, piece: &mut [u8], bytes: &mut Vec<u8>) -> io::Result<()> {
    match stream.read(piece)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ if bytes.len() > MAX_BYTES => Err(io::ErrorKind::InvalidData.into()),
        n => {
            bytes.extend_from_slice(&piece[..n]);
            Ok(())
        }
    }
}

/// What is answered.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    kind: &'static str,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// JSON.
    pub(super) fn json(status: u16, value: &Value) -> Self {
        Self::new(status, "application/json", value.to_string())
    }

    /// A text of some kind.
    pub(super) fn new(status: u16, kind: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            kind,
            body: body.into(),
        }
    }

    /// With one more header.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Writes it; of a `HEAD` without its body.
    pub(super) fn write(&self, stream: &mut impl Write, has_body: bool) -> io::Result<()> {
        let mut head = format!(
            "HTTP/1.1 {} x\r\ncontent-type: {}\r\ncontent-length: {}\r\nconnection: close\r\ncache-control: no-store\r\n",
            self.status,
            self.kind,
            self.body.len()
        );
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes())?;
        if has_body {
            stream.write_all(&self.body)?;
        }
        stream.flush()
    }
}
