//! A certificate authority that speaks ACME, as RFC 8555 has it, for tests that start it themselves.
//!
//! It takes nothing on trust: nonces are used once, every request is signed by the key of its account for the address it is sent
//! to, names are proven by going there (RFC 8555, section 8.3; RFC 8737), signing requests are checked. What real ones do at
//! times it does when told: refuse nonces, limit rates, ask for terms and accounts, issue the wrong thing, be gone.

mod http;
mod jws;
mod proof;
mod protocol;
mod state;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::authority::Authority;
use http::Request;
pub use proof::shown_certificate;
use state::Shared;

/// Longest wait for bytes of somebody who speaks.
const PATIENCE: Duration = Duration::from_secs(60);

/// What an authority asks for, and what it does wrong.
#[derive(Clone, Debug)]
pub struct Rules {
    /// How long what it issues is valid.
    pub lifetime: Duration,
    /// The challenges it offers.
    pub challenges: Vec<&'static str>,
    /// How many of the next signed requests have their nonce refused, whatever it is.
    pub n_bad_nonces: u32,
    /// Orders are refused with these seconds in `Retry-After`.
    pub rate_limited_secs: Option<u64>,
    /// What `Retry-After` says in answers about an order that is not finished.
    pub order_retry_after: Option<&'static str>,
    /// Whether accounts have to agree to terms.
    pub wants_terms: bool,
    /// The external account that others have to be bound to: id and HMAC key.
    pub external_account: Option<(String, Vec<u8>)>,
    /// Names it does not issue for.
    pub rejected: BTreeSet<String>,
    /// What it issues for instead of what was asked.
    pub issues_for: Option<Vec<String>>,
    /// How often an order that is finalized is still being processed when it is asked for.
    pub n_processing: u32,
    /// Whether its directory leads to another host.
    pub leads_elsewhere: bool,
    /// Whether it hangs up on whoever comes.
    pub is_down: bool,
}

impl Default for Rules {
    /// An hour, both challenges, and nothing wrong.
    fn default() -> Self {
        Self {
            lifetime: Duration::from_secs(3_600),
            challenges: vec!["http-01", "tls-alpn-01", "dns-01"],
            n_bad_nonces: 0,
            rate_limited_secs: None,
            order_retry_after: None,
            wants_terms: false,
            external_account: None,
            rejected: BTreeSet::new(),
            issues_for: None,
            n_processing: 0,
            leads_elsewhere: false,
            is_down: false,
        }
    }
}

/// What an authority has seen and done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Requests that were answered.
    pub n_requests: usize,
    /// Accounts that were made.
    pub n_accounts: usize,
    /// What the accounts said last whom to write to.
    pub contact: Vec<String>,
    /// Orders that were taken.
    pub n_orders: usize,
    /// Proofs that it went and found.
    pub n_proofs: usize,
    /// The certificates it issued, in DER.
    pub issued: Vec<Vec<u8>>,
    /// The kinds of problems it answered with, in order: `badNonce`.
    pub problems: Vec<String>,
}

/// An authority on a free port of this machine. Gone when dropped.
pub struct AcmeAuthority {
    shared: Arc<Shared>,
    address: SocketAddr,
}

impl AcmeAuthority {
    /// One with the usual rules.
    ///
    /// # Panics
    /// When this machine has no free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = listener.local_addr().expect("it has an address");
        let house = Authority::new("house");
        let tls = encryption(&house);
        let shared = Arc::new(Shared::new(house, format!("https://{address}")));
        let serving = Arc::clone(&shared);
        thread::spawn(move || serve(&serving, &listener, &tls));
        Self { shared, address }
    }

    /// The address of its directory.
    pub fn directory(&self) -> String {
        format!("https://{}/directory", self.address)
    }

    /// Its port on 127.0.0.1.
    pub const fn port(&self) -> u16 {
        self.address.port()
    }

    /// The certificate that signs its own and those it issues, as PEM.
    pub fn root(&self) -> String {
        self.shared.house().pem()
    }

    /// Other rules from now on.
    pub fn rule(&self, change: impl FnOnce(&mut Rules)) {
        change(&mut self.shared.state().rules);
    }

    /// Where every name leads, for proofs; until this is said it waits.
    pub fn names_lead_to(&self, address: SocketAddr) {
        self.shared.lead_to(address);
    }

    /// Forgets accounts and orders, as one that is set up anew.
    pub fn forget(&self) {
        self.shared.state().forget();
    }

    /// What it has seen and done.
    pub fn tally(&self) -> Tally {
        self.shared.state().tally.clone()
    }
}

impl Drop for AcmeAuthority {
    fn drop(&mut self) {
        self.shared.end();
        // Whoever waits for somebody to come hears of the end.
        let _ = TcpStream::connect(self.address);
    }
}

fn encryption(house: &Authority) -> Arc<rustls::ServerConfig> {
    let signed = house.sign("127.0.0.1");
    let certificate = CertificateDer::from_pem_slice(signed.certificate.as_bytes());
    let key = PrivateKeyDer::from_pem_slice(signed.key.as_bytes());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has the usual versions")
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.expect("it was made here")],
            key.expect("it was made here"),
        );
    Arc::new(config.expect("they belong together"))
}

fn serve(shared: &Arc<Shared>, listener: &TcpListener, tls: &Arc<rustls::ServerConfig>) {
    for stream in listener.incoming() {
        if shared.is_over() {
            return;
        }
        let Ok(stream) = stream else { continue };
        if shared.state().rules.is_down {
            continue;
        }
        let (shared, tls) = (Arc::clone(shared), Arc::clone(tls));
        // Whoever goes away is no concern of ours.
        thread::spawn(move || drop(answer(&shared, stream, tls)));
    }
}

/// Reads one request and answers it.
fn answer(
    shared: &Arc<Shared>,
    stream: TcpStream,
    tls: Arc<rustls::ServerConfig>,
) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let connection = rustls::ServerConnection::new(tls).map_err(io::Error::other)?;
    let mut stream = rustls::StreamOwned::new(connection, stream);
    let request = Request::read(&mut stream)?;
    let answer = protocol::answer(shared, &request);
    answer.write(&mut stream, request.method != "HEAD")?;
    stream.conn.send_close_notify();
    stream.flush()
}
