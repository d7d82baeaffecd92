//! What is under the file of the site's keys: the disk it lies on, and the tokens that destroy keys.

use std::fmt;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::token::{TokenError, TokenSiteKey};
use crate::keys::KeyError;
use crate::private_file::{create_private, write_private};

/// Writes the file and destroys keys in tokens. Tests put one in its place that dies.
pub(super) trait KeyDisk: fmt::Debug + Send + Sync {
    /// Puts these bytes in place of the file, whole or not at all.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Destroys a key in its token.
    fn destroy(&self, key: &TokenSiteKey) -> Result<(), TokenError>;
}

/// The disk and the tokens themselves.
#[derive(Debug)]
pub(super) struct RealDisk;

impl KeyDisk for RealDisk {
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        write_private(path, bytes)
    }

    fn destroy(&self, key: &TokenSiteKey) -> Result<(), TokenError> {
        key.destroy()
    }
}

/// Keeps others from rotating the keys of a file as long as the answer lives: two who each write a fresh key would
/// overwrite one another's, and what was wrapped under it would be lost. The lock lies beside the file, for the file itself
/// is replaced.
///
/// # Errors
/// [`KeyError::Rotating`] when somebody else holds it; [`KeyError::Io`].
pub(super) fn hold(path: &Path) -> Result<File, KeyError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lock");
    let beside = PathBuf::from(beside);
    let io_error = |source| KeyError::Io {
        path: beside.clone(),
        source,
    };
    let file = create_private(&beside).map_err(io_error)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(KeyError::Rotating {
            path: path.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(io_error(source)),
    }
}
