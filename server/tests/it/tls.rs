//! Encryption, as a browser meets it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use regard_server::{AdminToken, TlsFiles};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::world::World;

const PATIENCE: Duration = Duration::from_secs(60);

/// Asks over TLS, trusting one certificate alone; nothing when the server shows another.
async fn ask(address: SocketAddr, trusted: &[u8], request: &str) -> Option<String> {
    ask_as(
        address,
        trusted,
        ("localhost", &address.to_string()),
        request,
    )
    .await
}

/// The same for a certificate of another name, and as a host of that name.
pub(crate) async fn ask_as(
    address: SocketAddr,
    trusted: &[u8],
    (name, host): (&str, &str),
    request: &str,
) -> Option<String> {
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(trusted).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let socket = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(name, socket).await.ok()?;
    let text = format!("{request} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    // Some servers end the connection without a word; what came counts.
    let _ = stream.read_to_string(&mut answer).await;
    Some(answer)
}

fn written_by(folder: &Path) -> Vec<u8> {
    std::fs::read(TlsFiles::own(folder).certificate).unwrap()
}

#[tokio::test]
async fn a_certificate_of_its_own_encrypts_and_a_newer_one_is_taken_up() {
    let folder = tempfile::tempdir().unwrap();
    let files = TlsFiles::own(folder.path());
    let world = World::new(|config| {
        config.tls = Some(files.clone());
        config.admin_token = AdminToken::IfMissing;
    })
    .await;
    let first = written_by(folder.path());
    let answer = ask(world.address, &first, "GET /login").await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let cookie = answer.lines().find(|line| line.starts_with("set-cookie"));
    assert!(cookie.unwrap().contains("; Secure"), "{answer}");
    let code = ask(world.address, &first, "GET /privacy").await.unwrap();
    assert!(!code.contains("http://127"), "{code}");

    // Somebody who speaks no TLS is told nothing.
    let mut plain = TcpStream::connect(world.address).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");

    // A file that cannot be used changes nothing; a good pair is in force within seconds.
    std::fs::write(&files.certificate, "nonsense").unwrap();
    let other = tempfile::tempdir().unwrap();
    let others = TlsFiles::own(other.path());
    let making = World::new(|config| config.tls = Some(others.clone())).await;
    making.stop().await;
    let second = written_by(other.path());
    assert!(ask(world.address, &first, "GET /healthz").await.is_some());
    std::fs::copy(&others.key, &files.key).unwrap();
    std::fs::copy(&others.certificate, &files.certificate).unwrap();
    let began = Instant::now();
    while ask(world.address, &second, "GET /healthz").await.is_none() {
        assert!(
            began.elapsed() < PATIENCE,
            "the newer certificate is not taken up"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(ask(world.address, &first, "GET /healthz").await.is_none());
    world.stop().await;
}
