//! Somebody who is called, for tests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;

use super::*;

/// What came to a listener.
pub(crate) struct Heard {
    /// Lines of the head, in lower case.
    pub(crate) head: Vec<String>,
    pub(crate) body: Vec<u8>,
}

/// A listener that answers as told, with a status and a body, and hands over what came.
pub(crate) fn listener(
    answers: Vec<(&'static str, &'static str)>,
) -> (OutboundUrl, std::sync::mpsc::Receiver<Heard>) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for (status, text) in answers {
            let (mut stream, _) = socket.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut head = Vec::new();
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if line.trim().is_empty() {
                    break;
                }
                head.push(line.trim().to_ascii_lowercase());
            }
            let length = head
                .iter()
                .find_map(|line| line.strip_prefix("content-length: "))
                .and_then(|n| n.parse().ok())
                .unwrap_or(0);
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let answer = format!(
                "HTTP/1.1 {status}\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
                text.len()
            );
            stream.write_all(answer.as_bytes()).unwrap();
            sender.send(Heard { head, body }).unwrap();
        }
    });
    (url.parse().unwrap(), receiver)
}

#[test]
fn an_address_names_a_host_and_nobody() {
    let url: OutboundUrl = "https://signage.example.org/hook?x=1".parse().unwrap();
    assert_eq!((url.host(), url.port()), ("signage.example.org", 443));
    let url: OutboundUrl = "http://[::1]:9000".parse().unwrap();
    assert_eq!((url.host(), url.port()), ("::1", 9000));
    assert_eq!(url.below("/a").as_str(), "http://[::1]:9000/a");
    for bad in [
        "",
        "example.org",
        "ftp://example.org/",
        "https://user@example.org/",
        "https://user:secret@example.org/",
        "https:///path",
        "http://example.org:0/",
        "javascript:alert(1)",
        "https://example.org/#x",
    ] {
        assert_eq!(bad.parse::<OutboundUrl>(), Err(BadOutboundUrl), "{bad}");
    }
}
