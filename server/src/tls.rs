//! Encryption of what comes and goes: the owner's certificate, or one made here.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use regard_engine::write_private;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;

use crate::ServerConfig;

/// How often the files are looked at for a newer certificate. Those who renew one do so days before its end.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Where certificate and key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain of certificates, PEM, ours first.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// Whether both are made here where they are missing: signed by nobody but themselves, so that browsers
    /// ask before they go on.
    pub makes_own: bool,
}

impl TlsFiles {
    /// A certificate of our own in the data folder.
    pub fn own(data_dir: &Path) -> Self {
        Self {
            certificate: data_dir.join("tls.crt"),
            key: data_dir.join("tls.key"),
            makes_own: true,
        }
    }
}

/// Why there is no encryption.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read, or holds nothing of the kind.
    #[error("{} holds no usable {what}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What was looked for in it.
        what: &'static str,
        /// Why.
        source: pem::Error,
    },
    /// The file of the certificate is empty.
    #[error("{} holds no certificate", .0.display())]
    Empty(PathBuf),
    /// Certificate and key do not belong together, or the key is of a kind not known.
    #[error("certificate {} and its key cannot be used together", path.display())]
    Unfit {
        /// The file of the certificate.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// A certificate of our own cannot be made.
    #[error("a certificate cannot be made")]
    Make(#[from] rcgen::Error),
    /// A certificate of our own cannot be written.
    #[error("{} cannot be written", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The certificate in force, and the files it comes from.
pub(crate) struct Tls {
    files: TlsFiles,
    current: RwLock<Arc<rustls::ServerConfig>>,
}

impl Tls {
    /// Reads certificate and key, and makes them where that is wished for.
    pub(crate) fn open(files: TlsFiles, config: &ServerConfig) -> Result<Self, TlsError> {
        if files.makes_own && !(files.certificate.exists() && files.key.exists()) {
            make(&files, config)?;
        }
        let current = RwLock::new(read(&files)?);
        Ok(Self { files, current })
    }

    /// What shakes hands with whoever comes now.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&current))
    }

    /// Takes newer files up as they come, for ever. A certificate that cannot be used is told of, and the
    /// one before stays.
    pub(crate) async fn follow(&self) {
        let mut known = self.written_at();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let written_at = self.written_at();
            if written_at == known {
                continue;
            }
            known = written_at;
            match read(&self.files) {
                Ok(newer) => {
                    *self.current.write().unwrap_or_else(PoisonError::into_inner) = newer;
                    tracing::info!("a newer certificate is in force");
                }
                Err(error) => {
                    // Half of them may be there yet; the other half changes the time again.
                    let error = crate::problem::chain(&error);
                    tracing::warn!(
                        error,
                        "the newer certificate cannot be used; the one before stays"
                    );
                }
            }
        }
    }

    fn written_at(&self) -> [Option<SystemTime>; 2] {
        [&self.files.certificate, &self.files.key]
            .map(|path| fs::metadata(path).and_then(|file| file.modified()).ok())
    }
}

fn read(files: &TlsFiles) -> Result<Arc<rustls::ServerConfig>, TlsError> {
    let failed = |path: &Path, what| {
        let path = path.to_owned();
        move |source| TlsError::Read { path, what, source }
    };
    let path = &files.certificate;
    let chain: Result<Vec<CertificateDer<'static>>, _> =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let chain = chain.map_err(failed(path, "certificate"))?;
    if chain.is_empty() {
        return Err(TlsError::Empty(path.clone()));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(failed(&files.key, "key"))?;
    let unfit = |source| TlsError::Unfit {
        path: path.clone(),
        source,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unfit)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(unfit)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Makes a key and a certificate for every name this server has.
fn make(files: &TlsFiles, config: &ServerConfig) -> Result<(), TlsError> {
    let made = rcgen::generate_simple_self_signed(config.names())?;
    write(&files.key, &made.signing_key.serialize_pem())?;
    write(&files.certificate, &made.cert.pem())
}

fn write(path: &Path, text: &str) -> Result<(), TlsError> {
    write_private(path, text.as_bytes()).map_err(|source| TlsError::Write {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(folder: &Path) -> ServerConfig {
        ServerConfig::new(folder.join("assets"), [0; 32])
    }

    #[test]
    fn a_certificate_is_made_once_and_its_key_is_guarded() {
        let folder = tempfile::tempdir().unwrap();
        let files = TlsFiles::own(folder.path());
        Tls::open(files.clone(), &config(folder.path())).unwrap();
        let first = fs::read(&files.certificate).unwrap();
        Tls::open(files.clone(), &config(folder.path())).unwrap();
        assert_eq!(fs::read(&files.certificate).unwrap(), first);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(&files.key).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0);
        }
    }

    #[test]
    fn what_cannot_be_used_is_said_with_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let own = TlsFiles::own(folder.path());
        let open = |certificate: &Path, key: &Path| {
            let files = TlsFiles {
                certificate: certificate.to_owned(),
                key: key.to_owned(),
                makes_own: false,
            };
            Tls::open(files, &config(folder.path())).map(drop)
        };
        assert!(matches!(
            open(&own.certificate, &own.key),
            Err(TlsError::Read {
                what: "certificate",
                ..
            })
        ));
        Tls::open(own.clone(), &config(folder.path())).unwrap();
        assert!(matches!(
            open(&own.certificate, &own.certificate),
            Err(TlsError::Read { what: "key", .. })
        ));
        assert!(matches!(open(&own.key, &own.key), Err(TlsError::Empty(_))));
        let other = tempfile::tempdir().unwrap();
        let others = TlsFiles::own(other.path());
        Tls::open(others.clone(), &config(other.path())).unwrap();
        assert!(matches!(
            open(&own.certificate, &others.key),
            Err(TlsError::Unfit { .. })
        ));
    }
}
