//! Who vouches for a broker, and what it is shown of us.

use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A certificate that a broker is shown, and its key, both as PEM.
///
/// # Privacy
/// The key proves to the broker that it is us; it is in no output.
#[derive(Clone, Copy)]
pub struct ShownCertificate<'a> {
    /// The chain, ours first.
    pub certificate: &'a [u8],
    /// Its private key, without a passphrase.
    pub key: &'a [u8],
}

/// Why a connection cannot be encrypted as was asked.
#[derive(Debug, Error)]
pub enum BadBrokerTls {
    /// There are no authorities in what was named.
    #[error("expected certificates of authorities in PEM, found none that can be used")]
    Authorities,
    /// The system trusts nobody.
    #[error(
        "expected authorities that this system trusts, found none; name one as ca under [mqtt.tls]"
    )]
    System,
    /// There is no certificate to show.
    #[error("expected a certificate in PEM, found none that can be used")]
    Certificate,
    /// There is no key.
    #[error("expected a private key in PEM, without a passphrase, found none that can be used")]
    Key,
    /// Certificate and key do not belong together, or the key is of a kind that is not known.
    #[error("expected the key of the certificate, found one that cannot be used with it")]
    Unfit(#[source] rustls::Error),
}

/// Who vouches for a broker, and what it is shown. Cheap to clone.
#[derive(Clone)]
pub struct BrokerTls {
    config: Arc<ClientConfig>,
    shows_certificate: bool,
}

impl fmt::Debug for BrokerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrokerTls")
            .field("shows_certificate", &self.shows_certificate)
            .finish_non_exhaustive()
    }
}

impl BrokerTls {
    /// With certificates of authorities as PEM, or whoever the system trusts; and a certificate of ours, where one is shown.
    ///
    /// # Errors
    /// [`BadBrokerTls`].
    pub fn new(
        authorities: Option<&[u8]>,
        shown: Option<ShownCertificate<'_>>,
    ) -> Result<Self, BadBrokerTls> {
        let roots = match authorities {
            Some(pem) => named_roots(pem)?,
            None => system_roots()?,
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(BadBrokerTls::Unfit)?
            .with_root_certificates(roots);
        let config = match shown {
            None => builder.with_no_client_auth(),
            Some(shown) => {
                let chain = certificates(shown.certificate).ok_or(BadBrokerTls::Certificate)?;
                let key =
                    PrivateKeyDer::from_pem_slice(shown.key).map_err(|_| BadBrokerTls::Key)?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(BadBrokerTls::Unfit)?
            }
        };
        Ok(Self {
            config: Arc::new(config),
            shows_certificate: shown.is_some(),
        })
    }

    /// Whether a broker that asks is shown a certificate.
    pub(super) const fn shows_certificate(&self) -> bool {
        self.shows_certificate
    }

    /// Encrypts a connection to a host whose certificate has to be for this name.
    pub(super) async fn encrypt(
        &self,
        host: &str,
        socket: TcpStream,
    ) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host)
            .map_err(io::Error::other)?
            .to_owned();
        let connector = TlsConnector::from(Arc::clone(&self.config));
        connector.connect(name, socket).await
    }
}

/// Every certificate of a PEM text, at least one.
fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    found.ok().filter(|found| !found.is_empty())
}

fn named_roots(pem: &[u8]) -> Result<RootCertStore, BadBrokerTls> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem).ok_or(BadBrokerTls::Authorities)? {
        roots
            .add(certificate)
            .map_err(|_| BadBrokerTls::Authorities)?;
    }
    Ok(roots)
}

/// Whoever the system trusts; what cannot be read of it is as if it were not there.
fn system_roots() -> Result<RootCertStore, BadBrokerTls> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(BadBrokerTls::System);
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_used_is_said_by_its_part() {
        let made = rcgen::generate_simple_self_signed(["broker.lan".to_owned()]).expect("made");
        let other = rcgen::generate_simple_self_signed(["other.lan".to_owned()]).expect("made");
        let certificate = made.cert.pem();
        let (key, another) = (
            made.signing_key.serialize_pem(),
            other.signing_key.serialize_pem(),
        );
        let check = |ca: &str, shown: Option<(&str, &str)>| {
            let shown = shown.map(|(certificate, key)| ShownCertificate {
                certificate: certificate.as_bytes(),
                key: key.as_bytes(),
            });
            BrokerTls::new(Some(ca.as_bytes()), shown)
        };
        let told = check(&certificate, Some((&certificate, &key))).expect("all is well");
        assert!(told.shows_certificate());
        assert!(!format!("{told:?}").contains("PRIVATE"));
        assert!(!check(&certificate, None).expect("well").shows_certificate());
        assert!(matches!(check("", None), Err(BadBrokerTls::Authorities)));
        assert!(matches!(check(&key, None), Err(BadBrokerTls::Authorities)));
        assert!(matches!(
            check(&certificate, Some(("no PEM", &key))),
            Err(BadBrokerTls::Certificate)
        ));
        assert!(matches!(
            check(&certificate, Some((&certificate, &certificate))),
            Err(BadBrokerTls::Key)
        ));
        assert!(matches!(
            check(&certificate, Some((&certificate, &another))),
            Err(BadBrokerTls::Unfit(_))
        ));
    }
}
