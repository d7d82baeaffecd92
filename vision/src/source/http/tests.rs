//! Against a server in this process, on the loopback interface.

use std::net::TcpListener;
use std::thread::{self, JoinHandle};

use super::*;
use crate::source::clip::DEMO_CLIP;
use crate::source::jpeg_stream::MAX_JPEG_BYTES;
use crate::source::pace::fake::FakeClock;
use crate::source::spec::SourceSpec;

const HEAD: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=--b\r\n\r\n";

/// Serves one list of pieces to each connection in turn; gives back the requests.
fn serve(answers: Vec<Vec<Vec<u8>>>) -> (u16, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let mut requests = Vec::new();
        for pieces in answers {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_nodelay(true).unwrap();
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") {
                assert_eq!(stream.read(&mut byte).unwrap(), 1);
                request.push(byte[0]);
            }
            requests.push(String::from_utf8(request).unwrap());
            for piece in pieces {
                // The client hangs up when it has seen enough.
                if stream.write_all(&piece).is_err() {
                    break;
                }
            }
        }
        requests
    });
    (port, server)
}

fn frames(n_frames: usize) -> Vec<Vec<u8>> {
    let mut splitter = JpegSplitter::new();
    splitter.push(&DEMO_CLIP[..600_000]);
    (0..n_frames)
        .map(|_| splitter.next_frame().unwrap().unwrap().bytes)
        .collect()
}

fn part(jpeg: &[u8], length: &str) -> Vec<u8> {
    let head = format!("--b\r\nContent-Type: image/jpeg\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), jpeg, b"\r\n"].concat()
}

fn http_spec(url: &str) -> HttpSpec {
    match url.parse().unwrap() {
        SourceSpec::Http(spec) => spec,
        other => panic!("{other:?} is not http"),
    }
}

fn open(port: u16, path: &str) -> Result<HttpSource, OpenError> {
    let spec = http_spec(&format!("http://127.0.0.1:{port}/{path}"));
    HttpSource::open(&spec, &Watch::of(|_| true))
}

/// Everything until the stream is lost: indices and bytes of frames, and how it ended.
fn read_all(source: &mut HttpSource) -> (Vec<(u64, Vec<u8>)>, usize, LostReason) {
    let clock = FakeClock::default();
    let (mut good, mut n_bad) = (Vec::new(), 0);
    loop {
        match source.next(&|| clock.now()) {
            Ok(frame) => match frame.pixels {
                super::super::frame::RawPixels::Mjpeg(bytes) => good.push((frame.index, bytes)),
                other => panic!("{other:?} is not MJPEG"),
            },
            Err(SourceError::BadFrame { .. }) => n_bad += 1,
            Err(SourceError::Lost { reason }) => return (good, n_bad, reason),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Every frame that was given out is the one that its index says, and the last one came.
fn check_frames(got: &[(u64, Vec<u8>)], sent: &[Vec<u8>]) {
    for (index, bytes) in got {
        assert!(
            *bytes == sent[usize::try_from(*index).unwrap()],
            "frame {index}"
        );
    }
    assert!(got.windows(2).all(|pair| pair[0].0 < pair[1].0));
    assert_eq!(got.last().unwrap().0, sent.len() as u64 - 1);
}

#[test]
fn frames_come_whole_however_they_are_cut() {
    let sent = frames(6);
    let body: Vec<u8> = sent.iter().flat_map(|jpeg| part(jpeg, "1")).collect();
    for n_piece in [7, 1_000, 65_536, body.len()] {
        let mut pieces = vec![HEAD.as_bytes().to_vec()];
        pieces.extend(body.chunks(n_piece).map(<[u8]>::to_vec));
        // The header cut as well.
        let all = pieces.concat();
        let pieces = all.chunks(n_piece).map(<[u8]>::to_vec).collect();
        let (port, server) = serve(vec![pieces]);
        let (good, n_bad, reason) = read_all(&mut open(port, "v").unwrap());
        check_frames(&good, &sent);
        assert_eq!(n_bad, 0);
        assert!(matches!(reason, LostReason::Closed));
        server.join().unwrap();
    }
}

#[test]
fn chunked_bodies_are_read() {
    let sent = frames(3);
    let body: Vec<u8> = sent.iter().flat_map(|jpeg| part(jpeg, "")).collect();
    let head = HEAD.replace("\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n");
    let mut pieces = vec![head.into_bytes()];
    for data in body.chunks(3_333) {
        pieces.push(format!("{:x}\r\n", data.len()).into_bytes());
        pieces.push([data, b"\r\n"].concat());
    }
    pieces.push(b"0\r\n\r\n".to_vec());
    let (port, server) = serve(vec![pieces]);
    let (good, _, reason) = read_all(&mut open(port, "v").unwrap());
    check_frames(&good, &sent);
    assert!(matches!(reason, LostReason::Closed));
    server.join().unwrap();
}

#[test]
fn a_cut_connection_is_lost_and_a_new_one_goes_on() {
    let sent = frames(2);
    let half = [HEAD.as_bytes(), &part(&sent[0], "9"), &sent[1][..500]].concat();
    let whole = [HEAD.as_bytes(), &part(&sent[1], "9")].concat();
    let (port, server) = serve(vec![vec![half], vec![whole]]);
    let (good, _, reason) = read_all(&mut open(port, "v").unwrap());
    assert!(good == [(0, sent[0].clone())]);
    // A server that hangs up with a request unread resets the connection.
    assert!(matches!(reason, LostReason::Closed | LostReason::Io(_)));
    let (good, _, _) = read_all(&mut open(port, "v").unwrap());
    assert!(good == [(0, sent[1].clone())]);
    server.join().unwrap();
}

#[test]
fn absurd_lengths_are_not_believed() {
    let sent = frames(3);
    let lengths = ["99999999999999999999999", "-1", "0"];
    let body: Vec<u8> = sent
        .iter()
        .zip(lengths)
        .flat_map(|(jpeg, length)| part(jpeg, length))
        .collect();
    let (port, server) = serve(vec![vec![[HEAD.as_bytes(), &body].concat()]]);
    let (good, _, _) = read_all(&mut open(port, "v").unwrap());
    check_frames(&good, &sent);
    server.join().unwrap();
}

#[test]
fn a_part_without_end_is_given_up() {
    let jpeg = frames(1).remove(0);
    let head = [HEAD.as_bytes(), &jpeg[..jpeg.len() - 2]].concat();
    let mut pieces = vec![head];
    pieces.resize(1 + MAX_JPEG_BYTES / 65_536 + 8, vec![1; 65_536]);
    pieces.push(part(&jpeg, "1"));
    let (port, server) = serve(vec![pieces]);
    let mut source = open(port, "v").unwrap();
    let (good, n_bad, _) = read_all(&mut source);
    assert_eq!((good.len(), n_bad), (1, 1));
    assert!(source.body.splitter.n_held() <= MAX_JPEG_BYTES);
    server.join().unwrap();
}

#[test]
fn credentials_go_to_the_camera_and_nowhere_else() {
    let answer = vec![HEAD.as_bytes().to_vec()];
    let moved = b"HTTP/1.1 302 Found\r\nLocation: /new?x=1\r\n\r\n".to_vec();
    let (port, server) = serve(vec![vec![moved], answer]);
    let spec = http_spec(&format!("http://us%40er:p%3Aw@127.0.0.1:{port}/old"));
    let source = HttpSource::open(&spec, &Watch::of(|_| true)).unwrap();
    let requests = server.join().unwrap();
    // "us@er:p:w" in base64.
    assert!(
        requests
            .iter()
            .all(|r| r.contains("Authorization: Basic dXNAZXI6cDp3\r\n"))
    );
    assert!(requests[1].starts_with("GET /new?x=1 HTTP/1.1\r\n"));
    let printed = source.describe();
    assert!(
        !printed.contains("p%3Aw") && !printed.contains("er:"),
        "{printed}"
    );

    let from = Url::parse("http://user:pw@cam/").unwrap();
    let to = redirect(&from, "http://elsewhere/x").unwrap();
    assert!(to.username().is_empty() && to.password().is_none());
    assert!(redirect(&from, "https://cam/").is_err());
    assert!(redirect(&from, "file:///etc/passwd").is_err());
}

#[test]
fn other_answers_say_what_to_do() {
    for (answer, needle) in [
        (
            "HTTP/1.1 401 No\r\nWWW-Authenticate: Digest x\r\n\r\n",
            "use ffmpeg:http",
        ),
        ("HTTP/1.1 401 No\r\n\r\n", "user and password"),
        ("HTTP/1.1 404 No\r\n\r\n", "check the path"),
        (
            "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n",
            "a single picture",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n",
            "no Motion-JPEG",
        ),
        ("SSH-2.0-OpenSSH\r\n\r\n", "not HTTP"),
        ("", "hung up"),
    ] {
        let (port, server) = serve(vec![vec![answer.as_bytes().to_vec()]]);
        let error = open(port, "v").err().unwrap();
        assert!(error.to_string().contains(needle), "{answer}: {error}");
        server.join().unwrap();
    }
    let endless = vec![vec![b"HTTP/1.1 200 OK\r\nX: ".to_vec(), vec![b'a'; 40_000]]];
    let (port, server) = serve(endless);
    let error = open(port, "v").err().unwrap();
    assert!(matches!(
        error,
        OpenError::Answer { .. } | OpenError::Connect { .. }
    ));
    server.join().unwrap();
}

#[test]
fn a_dead_grant_ends_the_wait_for_bytes() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(HEAD.as_bytes()).unwrap();
        // Says nothing more; ends when the client hangs up.
        let mut sink = Vec::new();
        let _ = stream.read_to_end(&mut sink);
    });
    let clock = FakeClock::default();
    let watch = Watch::of(|now| now.as_millis() < 300);
    let spec = http_spec(&format!("http://127.0.0.1:{port}/"));
    let mut source = HttpSource::open(&spec, &watch).unwrap();
    let outcome = source.next(&|| {
        clock.advance_millis(100);
        clock.now()
    });
    assert!(matches!(outcome, Err(SourceError::Refused)));
    drop(source);
    server.join().unwrap();
}
