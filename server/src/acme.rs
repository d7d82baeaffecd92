//! Certificates of an authority that speaks ACME (RFC 8555): one in the network of a shop, or a public one.
//!
//! The operator names the directory; nothing is asked of anybody else. A certificate is ordered, proven by a challenge, checked
//! and only then put in force; it is renewed at two thirds of its validity. Whatever fails on the way leaves the one before in force.

mod account;
mod carrier;
mod challenges;
mod error;
mod issued;
mod keeper;
mod order;
mod standing;

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use instant_acme::Identifier;
use regard_commitments::Zeroizing;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use thiserror::Error;

pub(crate) use challenges::{Challenges, router};
pub(crate) use keeper::Keeper;
pub use standing::AcmeStanding;

use crate::OutboundUrl;

/// Port on which authorities look for the answer of `http-01` (RFC 8555, section 8.3).
const HTTP_PORT: u16 = 80;

/// Shortest pause after a try that failed; each further one doubles it, up to [`LONGEST_PAUSE`].
const SHORTEST_PAUSE: Duration = Duration::from_secs(60);

/// Longest pause between tries, unless the authority asks for more. Public authorities let five proofs of a name fail within an
/// hour; those of a shop may issue for a day only, which leaves eight hours for all tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);

/// How the authority is shown that a name leads here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcmeChallenge {
    /// By a text over HTTP, on this port of the address that is listened on. Authorities ask at port 80 of the name; 0 takes any
    /// free port, for something in front that leads there.
    Http01 {
        /// The port.
        port: u16,
    },
    /// By a certificate for the occasion in the TLS handshake (RFC 8737), on the port that is served. Authorities ask at port 443
    /// of the name.
    TlsAlpn01,
}

impl Default for AcmeChallenge {
    fn default() -> Self {
        Self::Http01 { port: HTTP_PORT }
    }
}

impl AcmeChallenge {
    /// Its name in RFC 8555 and RFC 8737.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http01 { .. } => "http-01",
            Self::TlsAlpn01 => "tls-alpn-01",
        }
    }
}

/// A text that holds no certificate of an authority.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("expected certificates of authorities in PEM, found none that can be used")]
pub struct BadAcmeRoots;

/// Who vouches for the host of the directory.
#[derive(Clone)]
pub struct AcmeRoots(Arc<Vec<ureq::tls::Certificate<'static>>>);

impl fmt::Debug for AcmeRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AcmeRoots({} certificates)", self.0.len())
    }
}

impl AcmeRoots {
    /// The authorities of a PEM text.
    ///
    /// # Errors
    /// [`BadAcmeRoots`] when it holds none, or one that nobody can trust.
    pub fn from_pem(pem: &[u8]) -> Result<Self, BadAcmeRoots> {
        let found: Result<Vec<CertificateDer<'static>>, _> =
            CertificateDer::pem_slice_iter(pem).collect();
        let found = found
            .ok()
            .filter(|found| !found.is_empty())
            .ok_or(BadAcmeRoots)?;
        let mut usable = RootCertStore::empty();
        let mut roots = Vec::new();
        for certificate in found {
            roots.push(ureq::tls::Certificate::from_der(&certificate).to_owned());
            usable.add(certificate).map_err(|_| BadAcmeRoots)?;
        }
        Ok(Self(Arc::new(roots)))
    }
}

/// A text that is no key of an external account.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "expected the key of an external account in base64url, as the authority gives it, found something else"
)]
pub struct BadExternalAccount;

/// An account that the operator already has with the authority, to which this installation's is bound (RFC 8555, section 7.3.4).
///
/// # Privacy
/// The key is in no output.
#[derive(Clone)]
pub struct ExternalAccount {
    key_id: String,
    key: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for ExternalAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExternalAccount")
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

impl ExternalAccount {
    /// By the id of its key and the key in base64, of either alphabet, padded or not.
    ///
    /// # Errors
    /// [`BadExternalAccount`] when the key is none.
    pub fn new(key_id: String, key: &str) -> Result<Self, BadExternalAccount> {
        // Room for all of it: what a text outgrows is left in memory as it was.
        let mut url_safe = Zeroizing::new(String::with_capacity(key.len()));
        url_safe.extend(key.trim_end_matches('=').chars().map(|c| match c {
            '+' => '-',
            '/' => '_',
            other => other,
        }));
        let key = BASE64_URL_SAFE_NO_PAD
            .decode(url_safe.as_bytes())
            .map_err(|_| BadExternalAccount)?;
        if key.is_empty() || key_id.is_empty() {
            return Err(BadExternalAccount);
        }
        Ok(Self {
            key_id,
            key: Zeroizing::new(key),
        })
    }
}

/// From whom certificates come, for which names, and how that these lead here is proven.
#[derive(Clone, Debug)]
pub struct AcmeConfig {
    /// The directory of the authority.
    pub directory: OutboundUrl,
    /// Whether the operator agrees to the terms of that authority.
    pub agrees_to_terms: bool,
    /// Whom the authority may write to, as `mailto:` addresses.
    pub contact: Vec<String>,
    /// Names, and addresses where the authority issues for them, at least one; the first is the name of the whole.
    pub domains: Vec<String>,
    /// How the authority is shown that they lead here.
    pub challenge: AcmeChallenge,
    /// Who vouches for the host of the directory; nothing: the public authorities that Mozilla trusts.
    pub roots: Option<AcmeRoots>,
    /// The account to bind to, where the authority wants that.
    pub external_account: Option<ExternalAccount>,
    /// The folder in which account, key and certificate are kept.
    pub folder: PathBuf,
    /// Shortest pause between two tries.
    pub shortest_pause: Duration,
}

impl AcmeConfig {
    /// With `http-01` on port 80, public authorities, no contact, no agreement to terms, and a minute between tries.
    pub const fn new(directory: OutboundUrl, domains: Vec<String>, folder: PathBuf) -> Self {
        Self {
            directory,
            agrees_to_terms: false,
            contact: Vec::new(),
            domains,
            challenge: AcmeChallenge::Http01 { port: HTTP_PORT },
            roots: None,
            external_account: None,
            folder,
            shortest_pause: SHORTEST_PAUSE,
        }
    }

    /// The port on which the authority looks for texts, where it does.
    pub const fn http_port(&self) -> Option<u16> {
        match self.challenge {
            AcmeChallenge::Http01 { port } => Some(port),
            AcmeChallenge::TlsAlpn01 => None,
        }
    }

    /// The host and port that are called.
    pub fn host(&self) -> (String, u16) {
        (self.directory.host().to_owned(), self.directory.port())
    }

    /// Names and addresses, as an order lists them.
    fn identifiers(&self) -> Vec<Identifier> {
        let domains = self.domains.iter();
        domains
            .map(|domain| {
                let number = domain.parse::<IpAddr>();
                number.map_or_else(|_| Identifier::Dns(domain.clone()), Identifier::Ip)
            })
            .collect()
    }

    /// How long to wait after so many tries in a row that failed.
    fn pause_after(&self, n_failures: u32) -> Duration {
        let doublings = n_failures.saturating_sub(1).min(16);
        let pause = self.shortest_pause.saturating_mul(1 << doublings);
        pause.min(LONGEST_PAUSE.max(self.shortest_pause))
    }
}

#[cfg(test)]
mod tests;
