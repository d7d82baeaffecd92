//! A file over HTTP, going on where an earlier try ended.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use regard_inference::ModelEntry;
use ureq::http::{HeaderMap, StatusCode, header};

use super::pull::in_place;
use crate::printable::{on_one_line, shown};

/// How long a connection may take, and a server to answer. Origin: satellite links and busy mirrors
/// stay well below.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long one read may take before the connection counts as dead.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Connections for one file. Each must bring some of it; a server that gives up more often than
/// this is not worth more.
const MAX_CONNECTIONS: u32 = 20;

const CHUNK_LEN: usize = 64 * 1024;

/// A file in the making, held by this process alone, kept for the next try when it stays unfinished.
pub(super) struct PartFile {
    file: File,
    path: PathBuf,
}

impl PartFile {
    /// Opens what an earlier try left, or a new one.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let cannot = || format!("{}: cannot be written", shown(path));
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(path).with_context(cannot)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!("{}: another program is at it", shown(path));
            }
            // Some network file systems have no locks; the hash is checked anyway.
            Err(TryLockError::Error(_)) => {}
        }
        Ok(Self {
            file,
            path: path.to_owned(),
        })
    }

    pub(super) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    fn len(&self) -> Result<u64> {
        Ok(self.file.metadata().context("the unfinished file")?.len())
    }

    /// Forgets what is in it.
    pub(super) fn restart(&mut self) -> Result<()> {
        self.file
            .set_len(0)
            .context("the unfinished file cannot be emptied")?;
        self.file.rewind().context("the unfinished file")
    }

    fn contents(&mut self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.file
            .rewind()
            .and_then(|()| self.file.read_to_end(&mut bytes))
            .context("the unfinished file cannot be read")?;
        Ok(bytes)
    }

    fn remove(&self) {
        // What stays is emptied by the next try, when its hash is wrong.
        let _ = fs::remove_file(&self.path);
    }

    /// Nothing in it is nothing to go on from.
    pub(super) fn remove_if_empty(&self) {
        if self.len().is_ok_and(|len| len == 0) {
            self.remove();
        }
    }

    /// Gives the finished file its name.
    pub(super) fn become_file(self, target: &Path) -> Result<()> {
        self.file
            .sync_all()
            .and_then(|()| fs::rename(&self.path, target))
            .with_context(|| format!("{}: cannot be written", shown(target)))
    }
}

/// What one connection brought.
enum Ended {
    /// All there is to bring.
    Complete,
    /// Some more, then the connection ended, for this reason.
    Cut { brought: u64, why: String },
    /// Nothing: the server cannot go on from there.
    StartOver,
}

/// The download of a model's file.
pub(super) struct Download<'a> {
    url: &'a str,
    entry: &'a ModelEntry,
    agent: ureq::Agent,
    bar: ProgressBar,
}

impl<'a> Download<'a> {
    pub(super) fn new(url: &'a str, entry: &'a ModelEntry) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .user_agent(concat!("regard/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(ANSWER_TIMEOUT))
            .timeout_connect(Some(ANSWER_TIMEOUT))
            .timeout_recv_response(Some(ANSWER_TIMEOUT))
            .timeout_per_read(Some(READ_TIMEOUT))
            .build();
        let target = ProgressDrawTarget::stderr();
        let bar = ProgressBar::with_draw_target(Some(entry.bytes), target);
        let template = "{msg} {wide_bar} {bytes}/{total_bytes} {eta}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(entry.id.clone());
        Self {
            url,
            entry,
            agent: config.into(),
            bar,
        }
    }

    /// Fills the file until it is the recorded one.
    ///
    /// # Errors
    /// A server that cannot be reached, has no such file, has another one, or keeps giving up. What
    /// was brought stays for the next try unless it is known to be wrong.
    pub(super) fn run(&self, part: &mut PartFile) -> Result<()> {
        let mut is_left_over = part.len()? > 0;
        loop {
            self.fill(part)?;
            let bytes = part.contents()?;
            match self.entry.check_bytes(&bytes) {
                Ok(()) => break,
                // What an earlier try brought may be of another file: once more from the beginning.
                Err(_) if is_left_over => {
                    is_left_over = false;
                    part.restart()?;
                }
                Err(error) => {
                    part.remove();
                    return Err(in_place(self.url, error));
                }
            }
        }
        self.bar.finish_and_clear();
        Ok(())
    }

    /// Brings bytes until there are as many as recorded.
    fn fill(&self, part: &mut PartFile) -> Result<()> {
        let mut why = String::new();
        for _ in 0..MAX_CONNECTIONS {
            let mut have = part.len()?;
            if have > self.entry.bytes {
                part.restart()?;
                have = 0;
            }
            if have == self.entry.bytes {
                return Ok(());
            }
            match self.connect(have, part)? {
                Ended::Complete => return Ok(()),
                Ended::Cut { brought: 0, why } => {
                    bail!(
                        "{}: the server gives up after {have} bytes: {why}",
                        self.url
                    );
                }
                Ended::Cut { why: reason, .. } => why = reason,
                Ended::StartOver if have == 0 => {
                    bail!(
                        "{}: the server does not send the file from its beginning",
                        self.url
                    );
                }
                Ended::StartOver => part.restart()?,
            }
        }
        bail!(
            "{}: the server gave up {MAX_CONNECTIONS} times, at last: {why}; what was brought stays, so try again",
            self.url
        );
    }

    /// One request, from byte `have` on.
    fn connect(&self, have: u64, part: &mut PartFile) -> Result<Ended> {
        let mut request = self
            .agent
            .get(self.url)
            .header(header::ACCEPT_ENCODING, "identity");
        if have > 0 {
            request = request.header(header::RANGE, format!("bytes={have}-"));
        }
        let response = request
            .call()
            .with_context(|| format!("{}: cannot be reached", self.url))?;
        let start = match response.status() {
            StatusCode::OK => {
                part.restart()?;
                0
            }
            StatusCode::PARTIAL_CONTENT if begins_at(response.headers(), have) => have,
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                return Ok(Ended::StartOver);
            }
            status @ (StatusCode::NOT_FOUND | StatusCode::GONE) => bail!(
                "{}: {status}; the file is not there (any more): try a mirror with --from",
                self.url
            ),
            status => bail!("{}: the server answers {status}", self.url),
        };
        if let Some(rest) = length(response.headers())
            && start + rest != self.entry.bytes
        {
            bail!(
                "{}: another file than the one recorded: it has {} bytes, {} are recorded",
                self.url,
                start + rest,
                self.entry.bytes
            );
        }
        self.receive(start, response.into_body().into_reader(), part)
    }

    fn receive(&self, start: u64, mut body: impl Read, part: &mut PartFile) -> Result<Ended> {
        part.file()
            .seek(SeekFrom::Start(start))
            .context("the unfinished file")?;
        let mut chunk = vec![0; CHUNK_LEN];
        let mut at = start;
        self.bar.set_position(at);
        loop {
            let brought = at - start;
            let n = match body.read(&mut chunk) {
                Ok(0) if at == self.entry.bytes => return Ok(Ended::Complete),
                Ok(0) => {
                    return Ok(Ended::Cut {
                        brought,
                        why: "it ends early".to_owned(),
                    });
                }
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    return Ok(Ended::Cut {
                        brought,
                        why: on_one_line(&error),
                    });
                }
            };
            if at + n as u64 > self.entry.bytes {
                part.remove();
                bail!(
                    "{}: another file than the one recorded: it has more than {} bytes",
                    self.url,
                    self.entry.bytes
                );
            }
            let cannot = || format!("{}: cannot be written", shown(&part.path));
            (&part.file).write_all(&chunk[..n]).with_context(cannot)?;
            at += n as u64;
            self.bar.set_position(at);
        }
    }
}

/// Whether an answer of part of the file begins where it was asked to.
fn begins_at(headers: &HeaderMap, start: u64) -> bool {
    let range = headers
        .get(header::CONTENT_RANGE)
        .and_then(|value| value.to_str().ok());
    range
        .and_then(|range| {
            range
                .strip_prefix("bytes ")?
                .split_once('-')?
                .0
                .trim()
                .parse()
                .ok()
        })
        .is_some_and(|first: u64| first == start)
}

/// How many bytes an answer announces.
fn length(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
}
