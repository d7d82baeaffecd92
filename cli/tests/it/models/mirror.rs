//! A web server of one file that can misbehave.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// How a request is answered.
pub(crate) enum Answer {
    /// As it should be, ranges included.
    Good,
    /// So many bytes of what is announced, then the connection ends.
    CutAfter(usize),
    /// The whole file, whatever was asked for.
    WholeDespiteRange,
    NotFound,
}

/// Serves until the test's process ends: the thread waits for a connection that does not come.
pub(crate) struct Mirror {
    pub(crate) url: String,
    ranges: Arc<Mutex<Vec<Option<usize>>>>,
}

impl Mirror {
    /// Serves the bytes as `toy.onnx`; the answer goes by the number of the request.
    pub(crate) fn start(bytes: Vec<u8>, answer: fn(usize) -> Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/models", listener.local_addr().unwrap());
        let ranges: Arc<Mutex<Vec<Option<usize>>>> = Arc::default();
        let seen = Arc::clone(&ranges);
        thread::spawn(move || {
            for (n, stream) in listener.incoming().enumerate() {
                let mut stream = stream.unwrap();
                let (path, range) = request(&stream);
                assert_eq!(path, "/models/toy.onnx");
                seen.lock().unwrap().push(range);
                // The other end may have gone, which is its own affair.
                let _ = serve(&mut stream, &bytes, range, &answer(n));
            }
        });
        Self { url, ranges }
    }

    /// Where each request began, if it said so.
    pub(crate) fn ranges(&self) -> Vec<Option<usize>> {
        self.ranges.lock().unwrap().clone()
    }
}

fn request(stream: &TcpStream) -> (String, Option<usize>) {
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    let path = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
    let mut range = None;
    for line in lines.take_while(|line| !line.is_empty()) {
        if let Some(from) = line.to_ascii_lowercase().strip_prefix("range: bytes=") {
            range = Some(from.trim_end_matches('-').parse().unwrap());
        }
    }
    (path, range)
}

fn serve(
    stream: &mut TcpStream,
    bytes: &[u8],
    range: Option<usize>,
    answer: &Answer,
) -> std::io::Result<()> {
    let range = match answer {
        Answer::NotFound => {
            return stream.write_all(
                b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            );
        }
        Answer::WholeDespiteRange => None,
        Answer::Good | Answer::CutAfter(_) => range,
    };
    let start = range.unwrap_or(0);
    let status = match range {
        Some(_) => format!(
            "206 Partial Content\r\nContent-Range: bytes {start}-{}/{}",
            bytes.len() - 1,
            bytes.len()
        ),
        None => "200 OK".to_owned(),
    };
    let body = &bytes[start..];
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    let sent = match answer {
        Answer::CutAfter(n) => &body[..(*n).min(body.len())],
        _ => body,
    };
    stream.write_all(sent)
}
