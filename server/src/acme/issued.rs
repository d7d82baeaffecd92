//! A certificate that an authority issued, with its key: checked, and kept in one file so that a crash leaves the older pair or
//! the newer one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use regard_commitments::Zeroizing;
use regard_domain::Timestamp;
use regard_engine::write_private;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::error::AcmeError;
use crate::OutboundUrl;
use crate::certificate::{Validity, is_for};
use crate::tls::InForce;

/// How far the clocks of an authority and of this machine may differ, in microseconds: five minutes, as far as Kerberos allows.
const CLOCK_SKEW_MICROS: i64 = 300 * 1_000_000;

/// Key and chain as PEM.
pub(super) struct Issued {
    /// The private key, then the chain, ours first.
    text: Zeroizing<String>,
}

/// The file in the folder of an authority.
fn file(folder: &Path) -> PathBuf {
    folder.join("certificate.pem")
}

impl Issued {
    /// Of a key and the chain that was issued for it.
    pub(super) fn new(key: &str, chain: &str) -> Self {
        let text = format!("{}\n{chain}", key.trim_end());
        Self {
            text: Zeroizing::new(text),
        }
    }

    /// What is kept in a folder, of no use where it is no text; nothing where nothing was issued yet.
    ///
    /// # Errors
    /// As the system says, when the file is there and cannot be read.
    pub(super) fn read(folder: &Path) -> io::Result<Option<Self>> {
        let text = match fs::read_to_string(file(folder)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            // Another one is issued; the start does not wait for somebody to remove it.
            Err(error) if error.kind() == io::ErrorKind::InvalidData => String::new(),
            Err(error) => return Err(error),
        };
        Ok(Some(Self {
            text: Zeroizing::new(text),
        }))
    }

    /// Writes it to a folder, for the owner of this process alone.
    ///
    /// # Errors
    /// [`AcmeError::Keep`]; what was there before is there then.
    pub(super) fn keep(&self, folder: &Path) -> Result<(), AcmeError> {
        let path = file(folder);
        write_private(&path, self.text.as_bytes())
            .map_err(|source| AcmeError::Keep { path, source })
    }

    /// What is served with it, and whether it is for all of some names; why not, in words, where it cannot be used.
    pub(super) fn usable(
        &self,
        names: &[String],
    ) -> Result<(InForce, Validity, bool), &'static str> {
        let pem = self.text.as_bytes();
        let chain: Result<Vec<CertificateDer<'static>>, _> =
            CertificateDer::pem_slice_iter(pem).collect();
        let chain = chain.map_err(|_| "it is no PEM")?;
        let ours = chain.first().ok_or("there is none")?;
        let validity = Validity::of(ours).ok_or("it cannot be read")?;
        let is_for_all = is_for(ours, names);
        let key = PrivateKeyDer::from_pem_slice(pem).map_err(|_| "its key is missing")?;
        let in_force = InForce::of_authority(chain, key, validity)
            .map_err(|_| "it is not for the key that it was asked for")?;
        Ok((in_force, validity, is_for_all))
    }

    /// As [`Self::usable`], of a certificate that was issued just now.
    ///
    /// # Errors
    /// [`AcmeError::Unfit`] when it is not for this key, not for all of these names, or not valid now.
    pub(super) fn check(
        &self,
        directory: &OutboundUrl,
        names: &[String],
        now: Timestamp,
    ) -> Result<(InForce, Validity), AcmeError> {
        let unfit = |why| AcmeError::Unfit {
            directory: directory.clone(),
            why,
        };
        let (in_force, validity, is_for_all) = self.usable(names).map_err(unfit)?;
        if !is_for_all {
            return Err(unfit(
                "it is not for all of the names that it was asked for",
            ));
        }
        if validity.until <= now {
            return Err(unfit("it has expired already"));
        }
        if validity.from.as_micros() > now.as_micros().saturating_add(CLOCK_SKEW_MICROS) {
            return Err(unfit("it is not valid yet"));
        }
        Ok((in_force, validity))
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    /// From the year to the next one.
    fn issued(names: &[&str], year: i32, key: &KeyPair, shown: &KeyPair) -> Issued {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = rcgen::date_time_ymd(year, 1, 1);
        params.not_after = rcgen::date_time_ymd(year + 1, 1, 1);
        let made = params.self_signed(key).unwrap();
        Issued::new(&shown.serialize_pem(), &made.pem())
    }

    #[test]
    fn only_a_certificate_for_this_key_these_names_and_this_day_is_taken() {
        let directory: OutboundUrl = "https://ca.lan/dir".parse().unwrap();
        let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let names = vec!["a.lan".to_owned(), "b.lan".to_owned()];
        // 2026-07-01, `date -u -d 2026-07-01 +%s`.
        let now = Timestamp::from_micros(1_782_864_000_000_000);
        let why = |issued: &Issued| match issued.check(&directory, &names, now) {
            Ok(_) => "",
            Err(AcmeError::Unfit { why, .. }) => why,
            Err(error) => panic!("{error}"),
        };
        let both = ["a.lan", "b.lan"];
        assert_eq!(why(&issued(&both, 2026, &key, &key)), "");
        assert!(why(&issued(&both[..1], 2026, &key, &key)).contains("names"));
        assert!(why(&issued(&both, 2025, &key, &key)).contains("expired"));
        assert!(why(&issued(&both, 2027, &key, &key)).contains("not valid yet"));
        assert!(why(&issued(&both, 2026, &key, &other)).contains("key"));
        assert_eq!(why(&Issued::new("", "")), "there is none");
        let pem = issued(&both, 2026, &key, &key);
        let chain = pem.text.split_once("-----END PRIVATE KEY-----").unwrap().1;
        assert_eq!(why(&Issued::new("", chain)), "its key is missing");
    }

    #[test]
    fn what_is_kept_is_read_again_and_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Issued::read(folder.path()).unwrap().is_none());
        let key = KeyPair::generate().unwrap();
        let made = issued(&["a.lan"], 2026, &key, &key);
        made.keep(folder.path()).unwrap();
        let read = Issued::read(folder.path()).unwrap().unwrap();
        assert_eq!(*read.text, *made.text);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(file(folder.path()))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o077, 0);
        }
    }
}
