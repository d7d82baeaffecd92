//! Going where a name leads, to see whether whoever ordered is there.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme};
use sha2::{Digest, Sha256};
use x509_parser::extensions::GeneralName;

use super::PATIENCE;
use super::state::{Number, Problem, Shared, Status};

/// What is asked for in the handshake, and where the hash stands in the certificate (RFC 8737, sections 3 and 6.1).
const ALPN: &[u8] = b"acme-tls/1";
const HASH_OID: &str = "1.3.6.1.5.5.7.1.31";

/// Longest answer that is read, in bytes.
const MAX_ANSWER_BYTES: u64 = 64 << 10;

/// What is to be found.
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) token: String,
    /// Token and thumbprint.
    pub(super) text: String,
}

/// Looks, and says what became of it.
pub(super) fn look(shared: &Arc<Shared>, number: Number, kind: &'static str, wanted: &Wanted) {
    let found = match (shared.leads_to(), kind) {
        (None, _) => Err(Problem::new(400, "dns", "the name leads nowhere")),
        (Some(address), "http-01") => over_http(address, wanted),
        (Some(address), "tls-alpn-01") => in_handshake(address, wanted),
        (Some(_), _) => Err(Problem::new(400, "dns", "there is no such record")),
    };
    let mut state = shared.state();
    state.tally.n_proofs += usize::from(found.is_ok());
    if let Some(authorization) = state.authorizations.get_mut(&number) {
        authorization.status = if found.is_ok() {
            Status::Valid
        } else {
            Status::Invalid
        };
        authorization.error = found.err();
    }
    state.move_on();
}

fn connection(error: &impl ToString) -> Problem {
    Problem::new(400, "connection", error.to_string())
}

fn connect(address: SocketAddr) -> Result<TcpStream, Problem> {
    let stream = TcpStream::connect(address).map_err(|error| connection(&error))?;
    stream
        .set_read_timeout(Some(PATIENCE))
        .map_err(|error| connection(&error))?;
    Ok(stream)
}

/// RFC 8555, section 8.3.
fn over_http(address: SocketAddr, wanted: &Wanted) -> Result<(), Problem> {
    let mut stream = connect(address)?;
    let request = format!(
        "GET /.well-known/acme-challenge/{} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
        wanted.token, wanted.name
    );
    let mut answer = Vec::new();
    stream
        .write_all(request.as_bytes())
        .and_then(|()| stream.take(MAX_ANSWER_BYTES).read_to_end(&mut answer))
        .map_err(|error| connection(&error))?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    if !head.starts_with("HTTP/1.1 200 ") {
        let status = head.lines().next().unwrap_or_default();
        let detail = format!("expected 200, found {status:?}");
        return Err(Problem::new(403, "unauthorized", detail));
    }
    if body.trim_end() != wanted.text {
        let detail = "the text there is another";
        return Err(Problem::new(403, "unauthorized", detail));
    }
    Ok(())
}

/// RFC 8737, section 3.
fn in_handshake(address: SocketAddr, wanted: &Wanted) -> Result<(), Problem> {
    let tls = |detail: &str| Problem::new(400, "tls", detail);
    let refused = |detail: &str| Problem::new(403, "unauthorized", detail);
    let mut config = trusting();
    config.alpn_protocols = vec![ALPN.to_vec()];
    let name = ServerName::try_from(wanted.name.clone()).map_err(|_| tls("it is no name"))?;
    let client = ClientConnection::new(Arc::new(config), name);
    let mut client = client.map_err(|error| tls(&error.to_string()))?;
    let mut stream = connect(address)?;
    while client.is_handshaking() {
        let done = client.complete_io(&mut stream);
        done.map_err(|error| tls(&error.to_string()))?;
    }
    if client.alpn_protocol() != Some(ALPN) {
        return Err(refused("acme-tls/1 is not spoken there"));
    }
    let shown = client.peer_certificates().unwrap_or_default();
    let [certificate] = shown else {
        return Err(refused("expected one certificate"));
    };
    let (_, read) = x509_parser::parse_x509_certificate(certificate)
        .map_err(|_| refused("the certificate cannot be read"))?;
    let names = read.subject_alternative_name().ok().flatten();
    let names = names
        .as_ref()
        .map(|names| names.value.general_names.as_slice());
    match names.unwrap_or_default() {
        [GeneralName::DNSName(name)] if *name == wanted.name => {}
        _ => return Err(refused("the certificate is not for this name alone")),
    }
    let mut extensions = read.extensions().iter();
    let found = extensions.find(|one| one.oid.to_id_string() == HASH_OID);
    // An octet string of 32 bytes, in DER.
    let mut hash = vec![0x04, 0x20];
    hash.extend(Sha256::digest(&wanted.text));
    match found {
        Some(extension) if extension.critical && extension.value == hash => Ok(()),
        Some(_) => Err(refused("the hash in the certificate is another")),
        None => Err(refused("there is no hash in the certificate")),
    }
}

/// The certificate that a server shows to whoever asks for a name, in DER. Nobody vouches for it.
///
/// # Errors
/// As the system says, and when nobody shakes hands there.
pub fn shown_certificate(address: SocketAddr, name: &str) -> io::Result<Vec<u8>> {
    let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
    let client = ClientConnection::new(Arc::new(trusting()), name);
    let mut client = client.map_err(io::Error::other)?;
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    while client.is_handshaking() {
        client.complete_io(&mut stream)?;
    }
    let shown = client.peer_certificates().unwrap_or_default();
    let ours = shown.first().map(|certificate| certificate.to_vec());
    ours.ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// A client that takes every certificate.
fn trusting() -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has the usual versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Whoever))
        .with_no_client_auth()
}

/// Takes every certificate: what is in it is looked at afterwards.
#[derive(Debug)]
struct Whoever;

impl ServerCertVerifier for Whoever {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let provider = rustls::crypto::ring::default_provider();
        provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
