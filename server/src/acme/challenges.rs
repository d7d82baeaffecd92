//! What an authority is shown so that it believes that a name leads here, for as long as it looks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::http::{HeaderValue, StatusCode};
use axum::routing::get;
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::ClientHello;
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use super::error::AcmeError;

/// What an authority asks for in the handshake (RFC 8737, section 3).
const ALPN: &[u8] = b"acme-tls/1";

/// What is shown now; nearly always nothing.
#[derive(Default)]
pub(crate) struct Challenges {
    /// Of `http-01`: the text for each token.
    texts: Mutex<BTreeMap<String, String>>,
    /// Of `tls-alpn-01`: the certificate for each name.
    certificates: Mutex<BTreeMap<String, Arc<rustls::ServerConfig>>>,
}

/// Something that is shown until this is dropped.
pub(super) struct Shown {
    challenges: Arc<Challenges>,
    what: What,
}

enum What {
    Text(String),
    Certificate(String),
}

impl Drop for Shown {
    fn drop(&mut self) {
        match &self.what {
            What::Text(token) => drop(self.challenges.texts().remove(token)),
            What::Certificate(name) => drop(self.challenges.certificates().remove(name)),
        }
    }
}

impl Challenges {
    fn texts(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn certificates(&self) -> MutexGuard<'_, BTreeMap<String, Arc<rustls::ServerConfig>>> {
        let certificates = self.certificates.lock();
        certificates.unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows a text to whoever asks for a token over HTTP.
    pub(super) fn show_text(self: &Arc<Self>, token: &str, text: &str) -> Shown {
        self.texts().insert(token.to_owned(), text.to_owned());
        Shown {
            challenges: Arc::clone(self),
            what: What::Text(token.to_owned()),
        }
    }

    /// Shows a certificate with a hash of 32 bytes to whoever asks for a name as an authority does.
    ///
    /// # Errors
    /// [`AcmeError`] when the certificate cannot be made.
    pub(super) fn show_certificate(
        self: &Arc<Self>,
        name: &str,
        hash: &[u8],
    ) -> Result<Shown, AcmeError> {
        let config = proof(name, hash)?;
        let name = name.to_ascii_lowercase();
        self.certificates().insert(name.clone(), Arc::new(config));
        Ok(Shown {
            challenges: Arc::clone(self),
            what: What::Certificate(name),
        })
    }

    /// What to shake hands with, where somebody asks as an authority does and there is something to show.
    pub(crate) fn asked_for(&self, hello: &ClientHello<'_>) -> Option<Arc<rustls::ServerConfig>> {
        // An authority offers this and nothing else (RFC 8737, section 4); whoever would speak HTTP too is served as usual.
        let mut offered = hello.alpn()?;
        let is_asked = offered.next() == Some(ALPN) && offered.next().is_none();
        let name = hello.server_name().filter(|_| is_asked)?;
        self.certificates().get(&name.to_ascii_lowercase()).cloned()
    }
}

/// A certificate that is good for nothing but the proof.
fn proof(name: &str, hash: &[u8]) -> Result<rustls::ServerConfig, AcmeError> {
    let mut params = CertificateParams::new(vec![name.to_owned()])?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(hash)];
    let key = KeyPair::generate()?;
    let made = params.self_signed(&key)?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let signing = rustls::crypto::ring::sign::any_ecdsa_type(&key)?;
    let shown = CertifiedKey::new(vec![made.der().clone()], signing);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        // The extension is one that browsers have to refuse, and the usual way would too.
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(shown)));
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(config)
}

/// What is served on the port of `http-01`: the texts that are shown now, and nothing else.
pub(crate) fn router(challenges: Arc<Challenges>) -> Router {
    Router::new()
        .route("/.well-known/acme-challenge/{token}", get(text))
        .with_state(challenges)
}

async fn text(
    State(challenges): State<Arc<Challenges>>,
    Path(token): Path<String>,
) -> Result<([(HeaderName, HeaderValue); 1], String), StatusCode> {
    let kind = HeaderValue::from_static("application/octet-stream");
    let text = challenges.texts().get(&token).cloned();
    let text = text.ok_or(StatusCode::NOT_FOUND)?;
    Ok(([(CONTENT_TYPE, kind)], text))
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use rustls::server::{Accepted, Acceptor};
    use rustls::{ClientConfig, ClientConnection, RootCertStore};
    use tower::ServiceExt as _;

    use super::*;

    /// What browsers offer.
    const HTTP: &[u8] = b"http/1.1";
    const HTTP_2: &[u8] = b"h2";

    /// What somebody says first who asks for a name and offers these protocols.
    fn hello(name: &'static str, protocols: &[&[u8]]) -> Accepted {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|one| one.to_vec()).collect();
        let mut client = ClientConnection::new(Arc::new(config), name.try_into().unwrap()).unwrap();
        let mut said = Vec::new();
        client.write_tls(&mut said).unwrap();
        let mut acceptor = Acceptor::default();
        acceptor.read_tls(&mut said.as_slice()).unwrap();
        acceptor.accept().unwrap().unwrap()
    }

    #[test]
    fn a_proof_is_shown_to_whoever_asks_as_an_authority_does_and_to_nobody_else() {
        let challenges = Arc::new(Challenges::default());
        let is_shown = |name: &'static str, protocols: &[&[u8]]| {
            let hello = hello(name, protocols);
            challenges.asked_for(&hello.client_hello()).is_some()
        };
        assert!(!is_shown("signage.lan", &[ALPN]), "nothing is to be shown");
        let shown = challenges
            .show_certificate("signage.lan", &[7; 32])
            .unwrap();
        assert!(is_shown("signage.lan", &[ALPN]));
        let others: [(&'static str, &[&[u8]]); 7] = [
            ("other.lan", &[ALPN]),
            ("192.0.2.7", &[ALPN]),
            ("signage.lan", &[]),
            ("signage.lan", &[HTTP]),
            ("signage.lan", &[HTTP_2, HTTP]),
            ("signage.lan", &[ALPN, HTTP]),
            ("signage.lan", &[HTTP, ALPN]),
        ];
        for (name, protocols) in others {
            assert!(!is_shown(name, protocols), "{name}: {protocols:?}");
        }
        drop(shown);
        assert!(!is_shown("signage.lan", &[ALPN]));
    }

    async fn ask(challenges: &Arc<Challenges>, path: &str) -> (u16, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = router(Arc::clone(challenges)).oneshot(request).await;
        let answer = answer.unwrap();
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), 1_024).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_text_is_shown_for_its_token_while_it_is_wanted() {
        let challenges = Arc::new(Challenges::default());
        let path = "/.well-known/acme-challenge/t1";
        assert_eq!(ask(&challenges, path).await.0, 404);
        let shown = challenges.show_text("t1", "t1.print");
        assert_eq!(ask(&challenges, path).await, (200, "t1.print".to_owned()));
        for other in [
            "/",
            "/.well-known/acme-challenge/t2",
            "/login",
            "/v1/health",
        ] {
            assert_eq!(ask(&challenges, other).await.0, 404, "{other}");
        }
        drop(shown);
        assert_eq!(ask(&challenges, path).await.0, 404);
    }

    #[test]
    fn a_certificate_is_shown_for_its_name_while_it_is_wanted() {
        let challenges = Arc::new(Challenges::default());
        let shown = challenges
            .show_certificate("Signage.lan", &[7; 32])
            .unwrap();
        assert_eq!(challenges.certificates().len(), 1);
        assert!(challenges.certificates().contains_key("signage.lan"));
        drop(shown);
        assert!(challenges.certificates().is_empty());
    }
}
