//! What came to somebody who is called, for tests; and which addresses may be called.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;

use super::*;

/// One request: the lines of its head as they came, and its body.
pub(crate) fn heard(stream: &TcpStream) -> (Vec<String>, Vec<u8>) {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_owned());
    }
    let length = head
        .iter()
        .find_map(|line| {
            let line = line.to_ascii_lowercase();
            line.strip_prefix("content-length: ")?.parse().ok()
        })
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (head, body)
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
