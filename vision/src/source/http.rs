//! Motion-JPEG over HTTP, as network cameras send it.
//!
//! A client of our own, and not a library's: it must look at its grant while it waits for bytes,
//! and the stream has no end.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use regard_domain::Timestamp;
use url::Url;

use super::chunked::Chunked;
use super::error::{BadFrame, LostReason, OpenError, SourceError};
use super::frame::RawFrame;
use super::jpeg_stream::{JpegFrame, JpegSplitter};
use super::open::{FrameSource, STALL_TIMEOUT, WAKE_INTERVAL, Watch};
use super::spec::{HttpSpec, without_secrets};

/// Longest time one address may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Longest header of an answer, in bytes. Origin: what servers commonly accept of requests.
const MAX_HEADER_BYTES: usize = 16 * 1024;

/// Most header lines of an answer.
const MAX_HEADERS: usize = 64;

/// Most pieces in which a header may come, an empty one every [`WAKE_INTERVAL`]: 10 s of silence.
const MAX_HEADER_READS: usize = 100;

/// Most redirections followed.
const MAX_REDIRECTS: usize = 3;

/// Bytes read at once.
const READ_LEN: usize = 64 * 1024;

/// The body of an answer on its way to images.
struct Body {
    /// Nothing: the body is not chunked.
    chunked: Option<Chunked>,
    splitter: JpegSplitter,
}

impl Body {
    fn of(answer: &Answer) -> Self {
        Self {
            chunked: answer.is_chunked.then(Chunked::new),
            splitter: JpegSplitter::new(),
        }
    }

    /// Takes bytes; an error when the body ends in them.
    fn take(&mut self, bytes: &[u8]) -> Result<(), LostReason> {
        let splitter = &mut self.splitter;
        let Some(chunked) = self.chunked.as_mut() else {
            splitter.push(bytes);
            return Ok(());
        };
        match chunked.decode(bytes, &mut |data| splitter.push(data)) {
            Ok(true) => Ok(()),
            Ok(false) => Err(LostReason::Closed),
            Err(what) => Err(LostReason::Malformed { what }),
        }
    }
}

/// A network camera.
pub(super) struct HttpSource {
    name: String,
    stream: TcpStream,
    body: Body,
    piece: Vec<u8>,
    watch: Watch,
    next_index: u64,
    last_frame_at: Option<Timestamp>,
    /// What came after the frame that was given out first.
    pending: Option<BadFrame>,
    /// How the stream ended; said once all its frames are given out.
    ended: Option<LostReason>,
}

/// The head of an answer, and the bytes of the body that came with it.
struct Answer {
    status: u16,
    content_type: String,
    location: Option<String>,
    wants_digest: bool,
    is_chunked: bool,
    body: Vec<u8>,
}

/// Host and port of a URL, for messages.
fn address_of(url: &Url) -> String {
    let port = url.port_or_known_default().unwrap_or(80);
    format!("{}:{port}", url.host_str().unwrap_or_default())
}

impl HttpSource {
    pub(super) fn open(spec: &HttpSpec, watch: &Watch) -> Result<Self, OpenError> {
        let mut url = spec.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let mut stream = connect(&url, watch)?;
            let answer = ask(&mut stream, &url, watch)?;
            match (answer.status, &answer.location) {
                (301 | 302 | 303 | 307 | 308, Some(location)) => url = redirect(&url, location)?,
                _ => return Self::from_answer(spec, &url, stream, &answer, watch),
            }
        }
        Err(OpenError::Answer {
            address: address_of(&spec.url),
            what: format!("more than {MAX_REDIRECTS} redirections"),
        })
    }

    fn from_answer(
        spec: &HttpSpec,
        url: &Url,
        stream: TcpStream,
        answer: &Answer,
        watch: &Watch,
    ) -> Result<Self, OpenError> {
        check_answer(answer).map_err(|what| OpenError::Answer {
            address: address_of(url),
            what,
        })?;
        let mut source = Self {
            name: format!("network camera {}", without_secrets(spec.url.as_str())),
            stream,
            body: Body::of(answer),
            piece: vec![0; READ_LEN],
            watch: watch.clone(),
            next_index: 0,
            last_frame_at: None,
            pending: None,
            ended: None,
        };
        source.ended = source.body.take(&answer.body).err();
        Ok(source)
    }

    /// The newest image that is complete, passing over older ones, for they are late.
    fn newest(&mut self) -> Option<Result<JpegFrame, BadFrame>> {
        if let Some(reason) = self.pending.take() {
            return Some(Err(reason));
        }
        let mut newest = None;
        while let Some(outcome) = self.body.splitter.next_frame() {
            self.next_index += 1;
            match outcome {
                Ok(jpeg) => newest = Some(jpeg),
                Err(reason) if newest.is_none() => return Some(Err(reason)),
                Err(reason) => {
                    self.pending = Some(reason);
                    break;
                }
            }
        }
        newest.map(Ok)
    }

    /// Reads once; nothing came within [`WAKE_INTERVAL`] is no error.
    fn read(&mut self) -> Result<(), LostReason> {
        let n_bytes = match self.stream.read(&mut self.piece) {
            Ok(0) => return Err(LostReason::Closed),
            Ok(n_bytes) => n_bytes,
            Err(error) if is_pause(&error) => return Ok(()),
            Err(error) => return Err(LostReason::Io(error)),
        };
        let piece = std::mem::take(&mut self.piece);
        let outcome = self.body.take(&piece[..n_bytes]);
        self.piece = piece;
        outcome
    }
}

impl FrameSource for HttpSource {
    fn describe(&self) -> String {
        self.name.clone()
    }

    fn next(&mut self, now: &dyn Fn() -> Timestamp) -> Result<RawFrame, SourceError> {
        loop {
            let present = now();
            self.watch.check(present)?;
            match self.newest() {
                Some(Ok(jpeg)) => {
                    self.last_frame_at = Some(present);
                    let index = self.next_index - 1 - u64::from(self.pending.is_some());
                    return Ok(RawFrame::mjpeg(jpeg.bytes, jpeg.size, present, index));
                }
                Some(Err(reason)) => return Err(SourceError::BadFrame { reason }),
                None => {}
            }
            if let Some(reason) = self.ended.take() {
                return Err(SourceError::Lost { reason });
            }
            let waited = present.saturating_since(*self.last_frame_at.get_or_insert(present));
            if waited >= STALL_TIMEOUT {
                let reason = LostReason::Stalled { waited };
                return Err(SourceError::Lost { reason });
            }
            self.ended = self.read().err();
        }
    }
}

/// Whether reading only waited in vain.
fn is_pause(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}

fn connect(url: &Url, watch: &Watch) -> Result<TcpStream, OpenError> {
    let failed = |source| OpenError::Connect {
        address: address_of(url),
        source,
    };
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in url.socket_addrs(|| Some(80)).map_err(failed)? {
        watch.check_open()?;
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(stream) => {
                stream
                    .set_read_timeout(Some(WAKE_INTERVAL))
                    .map_err(failed)?;
                stream
                    .set_write_timeout(Some(CONNECT_TIMEOUT))
                    .map_err(failed)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(failed(last))
}

fn request_for(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    let query = url
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    let mut request = format!(
        "GET {}{query} HTTP/1.1\r\nHost: {host}{port}\r\nUser-Agent: regard\r\n\
         Accept: multipart/x-mixed-replace, video/*, */*\r\nConnection: close\r\n",
        url.path()
    );
    if !url.username().is_empty() || url.password().is_some() {
        let mut pair: Vec<u8> = percent_decode_str(url.username()).collect();
        pair.push(b':');
        pair.extend(percent_decode_str(url.password().unwrap_or_default()));
        request.push_str(&format!(
            "Authorization: Basic {}\r\n",
            STANDARD.encode(pair)
        ));
    }
    request.push_str("\r\n");
    request
}

/// Sends the request and reads the head of the answer.
fn ask(stream: &mut TcpStream, url: &Url, watch: &Watch) -> Result<Answer, OpenError> {
    let failed = |source| OpenError::Connect {
        address: address_of(url),
        source,
    };
    let strange = |what: String| OpenError::Answer {
        address: address_of(url),
        what,
    };
    stream
        .write_all(request_for(url).as_bytes())
        .map_err(failed)?;
    let mut head = Vec::new();
    let mut piece = [0; 4096];
    let mut n_pauses = 0;
    loop {
        watch.check_open()?;
        match stream.read(&mut piece) {
            Ok(0) => return Err(strange("nothing and hung up".to_owned())),
            Ok(n_bytes) => head.extend_from_slice(&piece[..n_bytes]),
            Err(error) if is_pause(&error) => {
                n_pauses += 1;
                if n_pauses >= MAX_HEADER_READS {
                    return Err(failed(io::ErrorKind::TimedOut.into()));
                }
                continue;
            }
            Err(error) => return Err(failed(error)),
        }
        if let Some(answer) = parse_answer(&head).map_err(strange)? {
            return Ok(answer);
        }
        if head.len() > MAX_HEADER_BYTES {
            return Err(strange("a header without end".to_owned()));
        }
    }
}

/// The answer, once its head is complete.
fn parse_answer(bytes: &[u8]) -> Result<Option<Answer>, String> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let n_head = match response.parse(bytes) {
        Ok(httparse::Status::Complete(n_head)) => n_head,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(format!("something that is not HTTP ({error})")),
    };
    let value_of = |name: &str| {
        response
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))
            .map(|header| String::from_utf8_lossy(header.value).trim().to_owned())
    };
    let is_chunked = value_of("transfer-encoding")
        .is_some_and(|coding| coding.to_ascii_lowercase().ends_with("chunked"));
    let wants_digest = value_of("www-authenticate")
        .is_some_and(|scheme| scheme.to_ascii_lowercase().starts_with("digest"));
    Ok(Some(Answer {
        status: response.code.unwrap_or_default(),
        content_type: value_of("content-type")
            .unwrap_or_default()
            .to_ascii_lowercase(),
        location: value_of("location"),
        wants_digest,
        is_chunked,
        body: bytes[n_head..].to_vec(),
    }))
}

/// What is wrong with the answer and what to do about it.
fn check_answer(answer: &Answer) -> Result<(), String> {
    match answer.status {
        200 => {}
        401 if answer.wants_digest => {
            return Err(
                "401: it wants digest authentication; use ffmpeg:http://… instead".to_owned(),
            );
        }
        401 | 403 => {
            let status = answer.status;
            return Err(format!(
                "{status}: put the right user and password into the URL"
            ));
        }
        status => return Err(format!("{status}: check the path of the URL")),
    }
    let kind = answer.content_type.as_str();
    if kind.starts_with("multipart/") || (kind.starts_with("video/") && kind.contains("jpeg")) {
        Ok(())
    } else if kind.starts_with("image/") {
        Err("a single picture; use the URL of its Motion-JPEG stream".to_owned())
    } else {
        let kind: String = kind.chars().take(40).collect();
        Err(format!(
            "{kind:?}, no Motion-JPEG stream; for other streams use ffmpeg:URL"
        ))
    }
}

/// Where a redirection leads. Credentials go along to the same host only.
fn redirect(from: &Url, location: &str) -> Result<Url, OpenError> {
    let strange = |what: &str| OpenError::Answer {
        address: address_of(from),
        what: what.to_owned(),
    };
    let mut to = from
        .join(location)
        .map_err(|_| strange("a redirection to nowhere"))?;
    if to.scheme() != "http" || !to.has_host() {
        return Err(strange(
            "a redirection away from plain HTTP; use ffmpeg:https://… instead",
        ));
    }
    let same_host = to.host_str() == from.host_str()
        && to.port_or_known_default() == from.port_or_known_default();
    let (user, password) = if same_host {
        (from.username(), from.password())
    } else {
        ("", None)
    };
    // Both fail only for URLs without a host, which this one has.
    let _ = to.set_username(user);
    let _ = to.set_password(password);
    Ok(to)
}

/// The images in all that a camera sends, head included, when it comes in pieces of that length (above
/// 0); how many bytes were held at most; what was wrong with the answer.
#[cfg(feature = "fuzz")]
pub fn images_in_answer(
    bytes: &[u8],
    piece_len: usize,
) -> Result<(Vec<Result<JpegFrame, BadFrame>>, usize), String> {
    let Some(answer) = parse_answer(bytes)? else {
        return Err("a head without end".to_owned());
    };
    check_answer(&answer)?;
    let mut body = Body::of(&answer);
    let (mut images, mut n_held) = (Vec::new(), 0);
    for piece in answer.body.chunks(piece_len) {
        let is_over = body.take(piece).is_err();
        n_held = n_held.max(body.splitter.n_held());
        images.extend(std::iter::from_fn(|| body.splitter.next_frame()));
        if is_over {
            break;
        }
    }
    Ok((images, n_held))
}

#[cfg(test)]
mod tests;
