//! Encryption of what comes and goes: the owner's certificate, one made here, or one of an authority.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, SystemTime};

use regard_domain::Timestamp;
use regard_engine::write_private;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::server::Acceptor;
use thiserror::Error;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use crate::ServerConfig;
use crate::acme::Challenges;
use crate::certificate::Validity;

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

/// What is served with, and what is known of it.
pub(crate) struct InForce {
    config: Arc<rustls::ServerConfig>,
    /// Nothing where the certificate says it in a way that is not understood.
    validity: Option<Validity>,
    /// Who signed it, as far as that matters to those who come.
    origin: Origin,
}

/// Where a certificate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// From the owner's files.
    Owner,
    /// It was made here, and browsers warn of it.
    Own,
    /// From an authority, by ACME.
    Authority,
}

impl Origin {
    /// As health says it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Own => "own",
            Self::Authority => "authority",
        }
    }
}

impl InForce {
    /// A chain, ours first, that an authority issued.
    ///
    /// # Errors
    /// As rustls says, when chain and key cannot be used together.
    pub(crate) fn of_authority(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        validity: Validity,
    ) -> Result<Self, rustls::Error> {
        Ok(Self {
            config: serving(chain, key)?,
            validity: Some(validity),
            origin: Origin::Authority,
        })
    }
}

/// The certificate in force, and the files it comes from.
pub(crate) struct Tls {
    files: TlsFiles,
    current: RwLock<InForce>,
    /// Whether the files only stand in until an authority has issued a certificate.
    stands_in: bool,
    challenges: Arc<Challenges>,
}

impl Tls {
    /// Reads certificate and key, and makes them where that is wished for.
    pub(crate) fn open(files: TlsFiles, config: &ServerConfig) -> Result<Self, TlsError> {
        if files.makes_own && !(files.certificate.exists() && files.key.exists()) {
            make(&files, config)?;
        }
        let current = RwLock::new(read(&files)?);
        Ok(Self {
            files,
            current,
            stands_in: config.acme.is_some(),
            challenges: Arc::default(),
        })
    }

    /// Shakes hands with whoever comes now; nobody comes out of it where an authority looks for its proof.
    ///
    /// # Errors
    /// Whoever comes speaks no TLS, or none that is spoken here.
    pub(crate) async fn accept(
        &self,
        stream: TcpStream,
    ) -> io::Result<Option<TlsStream<TcpStream>>> {
        let coming = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let proof = self.challenges.asked_for(&coming.client_hello());
        if let Some(proof) = proof {
            // The proof is the handshake; nothing is said after it.
            coming.into_stream(proof).await?.shutdown().await?;
            return Ok(None);
        }
        let config = Arc::clone(&self.current().config);
        coming.into_stream(config).await.map(Some)
    }

    fn current(&self) -> RwLockReadGuard<'_, InForce> {
        self.current.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves with another certificate from now on. Connections that are open stay as they are.
    pub(crate) fn take_up(&self, newer: InForce) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = newer;
    }

    /// What authorities are shown.
    pub(crate) const fn challenges(&self) -> &Arc<Challenges> {
        &self.challenges
    }

    /// Where the certificate in force comes from.
    pub(crate) fn origin(&self) -> Origin {
        self.current().origin
    }

    /// Until when the certificate in force is valid, where that can be read.
    pub(crate) fn valid_until(&self) -> Option<Timestamp> {
        self.current().validity.map(|validity| validity.until)
    }

    /// Takes newer files up as they come, for ever. A certificate that cannot be used is told of, and the
    /// one before stays.
    pub(crate) async fn follow(&self) {
        if self.stands_in {
            return std::future::pending().await;
        }
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
                    self.take_up(newer);
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

fn read(files: &TlsFiles) -> Result<InForce, TlsError> {
    let failed = |path: &Path, what| {
        let path = path.to_owned();
        move |source| TlsError::Read { path, what, source }
    };
    let path = &files.certificate;
    let chain: Result<Vec<CertificateDer<'static>>, _> =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let chain = chain.map_err(failed(path, "certificate"))?;
    let Some(ours) = chain.first() else {
        return Err(TlsError::Empty(path.clone()));
    };
    let validity = Validity::of(ours);
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(failed(&files.key, "key"))?;
    let unfit = |source| TlsError::Unfit {
        path: path.clone(),
        source,
    };
    Ok(InForce {
        config: serving(chain, key).map_err(unfit)?,
        validity,
        origin: if files.makes_own {
            Origin::Own
        } else {
            Origin::Owner
        },
    })
}

/// What serves pages with a chain, ours first, and its key.
fn serving(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<rustls::ServerConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
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
        let tls = Tls::open(files.clone(), &config(folder.path())).unwrap();
        assert_eq!(tls.origin(), Origin::Own);
        assert!(tls.valid_until().is_some());
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
