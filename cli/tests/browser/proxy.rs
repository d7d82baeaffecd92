//! A plain relay between browser and program: what was really asked, and when.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// What browsers sent, in the order of arrival.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<(Instant, String)>>>);

impl Log {
    /// Everything that was sent so far, each with its time.
    pub(crate) fn sent(&self) -> Vec<(Instant, String)> {
        self.0.lock().unwrap().clone()
    }

    /// Requests since a place in the log whose text holds the words.
    pub(crate) fn since(&self, place: usize, words: &str) -> Vec<(Instant, String)> {
        let sent = self.sent().into_iter().skip(place);
        sent.filter(|(_, text)| text.contains(words)).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap().len()
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
            let Ok(program) = TcpStream::connect(&host) else {
                continue; // The program is away: so is its relay.
            };
            let (from, to) = (browser.try_clone().unwrap(), program.try_clone().unwrap());
            let seen = seen.clone();
            std::thread::spawn(move || pass(from, to, Some(&seen)));
            std::thread::spawn(move || pass(program, browser, None));
        }
    });
    (address, log)
}

fn pass(mut from: TcpStream, mut to: TcpStream, log: Option<&Log>) {
    let mut bytes = [0; 1 << 14];
    while let Ok(n) = from.read(&mut bytes) {
        if n == 0 || to.write_all(&bytes[..n]).is_err() {
            break;
        }
        if let Some(log) = log {
            let text = String::from_utf8_lossy(&bytes[..n]).into_owned();
            log.0.lock().unwrap().push((Instant::now(), text));
        }
    }
    // Whichever side ended first ends both.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
