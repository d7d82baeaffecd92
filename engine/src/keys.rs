//! The site's key on the disk: one file, readable by its owner alone.

use std::io;
use std::path::{Path, PathBuf};

use regard_commitments::{SiteKeys, Zeroizing};
use thiserror::Error;

use crate::custody::TokenError;
use crate::private_file::{create_private_folder, read_private, write_private};
use crate::seed::{from_hex, random_key, to_hex};

/// Name of the key file in the data folder.
pub(crate) const KEY_FILE: &str = "site.key";

/// Longest file read, in bytes: twice the digits of a key.
const MAX_LEN: u64 = 128;

/// Why the site's key cannot be used.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The file could not be read or written.
    #[error("the site's key {} could not be read or written", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others may read it.
    #[error("the site's key {} can be read by others; run: chmod 600 {}", path.display(), path.display())]
    TooOpen {
        /// The file.
        path: PathBuf,
    },
    /// Not a key.
    #[error("the site's key {} is not 64 hexadecimal digits", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// Not the keys that wrap the keys of persons.
    #[error("{} does not hold the site's keys for persons; put back the file that was there, or restore it from where you keep it", path.display())]
    MalformedSiteKeys {
        /// The file.
        path: PathBuf,
    },
    /// The keys are encrypted.
    #[error("the site's keys in {} are encrypted; name the file that holds the passphrase", path.display())]
    NoPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// Encrypted with another passphrase.
    #[error("the passphrase does not open the site's keys in {}", path.display())]
    WrongPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// A passphrase that everybody knows.
    #[error("{} begins with an empty line and not with a passphrase", path.display())]
    EmptyPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// In a token.
    #[error("the site's key in its token cannot be used")]
    Token(#[from] TokenError),
    /// The PIN of a token is nowhere.
    #[error(
        "the PIN of the token is not given: add &pin-source=file:/path to {uri}, or name a file that holds it"
    )]
    NoPin {
        /// Which token.
        uri: String,
    },
    /// Another program rotates them.
    #[error("another program rotates the site's keys in {}; wait until it has ended", path.display())]
    Rotating {
        /// The file.
        path: PathBuf,
    },
    /// The keys lie elsewhere than was said.
    #[error("the site's key, as {} has it, is not in {uri}; take it there with: regard keys rotate --to '{uri}'", path.display())]
    NotInToken {
        /// The file.
        path: PathBuf,
        /// Which token.
        uri: String,
    },
    /// The machine gives no random bytes.
    #[error("the system gives no random bytes")]
    NoEntropy(#[source] io::Error),
}

/// Reads the site's key, or makes one where there is none yet, and the data folder with it.
///
/// # Errors
/// [`KeyError`]; also when others than the owner may read the key.
pub fn site_keys(data_dir: &Path) -> Result<SiteKeys, KeyError> {
    create_private_folder(data_dir).map_err(|source| KeyError::Io {
        path: data_dir.to_owned(),
        source,
    })?;
    open_or_create(data_dir)
}

/// Reads the site's key where there is one, and makes nothing.
///
/// # Errors
/// [`KeyError`]; [`KeyError::Io`] when there is none.
pub fn existing_site_keys(data_dir: &Path) -> Result<SiteKeys, KeyError> {
    read(data_dir.join(KEY_FILE))
}

/// Whether a site's key was ever made in this folder.
pub(crate) fn is_there(data_dir: &Path) -> bool {
    data_dir.join(KEY_FILE).exists()
}

/// Reads the site's key, or makes one where there is none yet.
pub(crate) fn open_or_create(data_dir: &Path) -> Result<SiteKeys, KeyError> {
    let path = data_dir.join(KEY_FILE);
    let io_error = |source| KeyError::Io {
        path: path.clone(),
        source,
    };
    if !path.exists() {
        let seed = Zeroizing::new(random_key().map_err(KeyError::NoEntropy)?);
        write_new(&path, &seed).map_err(io_error)?;
    }
    read(path)
}

fn read(path: PathBuf) -> Result<SiteKeys, KeyError> {
    let text = read_private(&path, MAX_LEN)?;
    let seed = from_hex(text.trim()).ok_or(KeyError::Malformed { path })?;
    Ok(SiteKeys::from_seed(seed))
}

/// Writes the file of a key.
pub(crate) fn write_new(path: &Path, seed: &[u8; 32]) -> io::Result<()> {
    let text = Zeroizing::new(to_hex(seed));
    write_private(path, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_guarded() {
        let folder = tempfile::tempdir().unwrap();
        assert!(existing_site_keys(folder.path()).is_err());
        let first = open_or_create(folder.path()).unwrap().seed();
        assert_eq!(*open_or_create(folder.path()).unwrap().seed(), *first);
        assert_eq!(*existing_site_keys(folder.path()).unwrap().seed(), *first);
        let path = folder.path().join(KEY_FILE);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            assert!(matches!(
                open_or_create(folder.path()),
                Err(KeyError::TooOpen { .. })
            ));
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        fs::write(&path, "not a key").unwrap();
        assert!(matches!(
            open_or_create(folder.path()),
            Err(KeyError::Malformed { .. })
        ));
    }
}
