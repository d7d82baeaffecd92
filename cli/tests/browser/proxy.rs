//! A plain relay between browser and program: what was really asked, and when.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// What browsers sent, in the order of arrival.
#[derive(Clone, Default)]
pub(crate) struct Log {
    sent: Arc<Mutex<Vec<(Instant, String)>>>,
    is_cut: Arc<AtomicBool>,
}

impl Log {
    /// Everything that was sent so far, each with its time.
    pub(crate) fn sent(&self) -> Vec<(Instant, String)> {
        self.sent.lock().unwrap().clone()
    }

    /// Cuts the wire: from now on nothing passes, neither over what is connected nor over what would be.
    pub(crate) fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
    }

    fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::SeqCst)
    }

    /// Requests since a place in the log whose text holds the words.
    pub(crate) fn since(&self, place: usize, words: &str) -> Vec<(Instant, String)> {
        let sent = self.sent().into_iter().skip(place);
        sent.filter(|(_, text)| text.contains(words)).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.sent.lock().unwrap().len()
    }
}

/// Relays to the program at `host` for as long as the test runs; its own address, and what it saw.
pub(crate) fn relay(host: &str) -> (String, Log) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (log, host) = (Log::default(), host.to_owned());
    let seen = log.clone();
    std::thread::spawn(move || {
        for browser in listener.incoming().map_while(Result::ok) {
            if seen.is_cut() {
                continue;
            }
            let Ok(program) = TcpStream::connect(&host) else {
                continue; // The program is away: so is its relay.
            };
            let (from, to) = (browser.try_clone().unwrap(), program.try_clone().unwrap());
            let (sent, answered) = (seen.clone(), seen.clone());
            std::thread::spawn(move || pass(from, to, (&sent, true)));
            std::thread::spawn(move || pass(program, browser, (&answered, false)));
        }
    });
    (address, log)
}

fn pass(mut from: TcpStream, mut to: TcpStream, (log, is_logged): (&Log, bool)) {
    let mut bytes = [0; 1 << 14];
    while let Ok(n) = from.read(&mut bytes) {
        if n == 0 || log.is_cut() || to.write_all(&bytes[..n]).is_err() {
            break;
        }
        if is_logged {
            let text = String::from_utf8_lossy(&bytes[..n]).into_owned();
            log.sent.lock().unwrap().push((Instant::now(), text));
        }
    }
    // Whichever side ended first ends both.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
