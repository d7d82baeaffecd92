//! The account with the authority: made once, kept, and used again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use instant_acme::{Account, AccountCredentials, ExternalAccountKey, NewAccount};
use regard_commitments::Zeroizing;
use regard_engine::write_private;
use serde::{Deserialize, Serialize};

use super::carrier::Carrier;
use super::error::AcmeError;
use crate::AcmeConfig;

/// What is kept of an account, its private key in it.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// The directory of its authority.
    directory: String,
    /// Whom the authority was told that it may write to.
    contact: Vec<String>,
    credentials: AccountCredentials,
}

/// The file in the folder of an authority.
fn file(folder: &Path) -> PathBuf {
    folder.join("account.json")
}

/// The account that is kept, or a new one. One with another authority is of no use with this one, and makes room.
///
/// # Errors
/// [`AcmeError`].
pub(super) async fn open(config: &AcmeConfig, carrier: Carrier) -> Result<Account, AcmeError> {
    let contact: Vec<&str> = config.contact.iter().map(String::as_str).collect();
    let kept = read(&config.folder)?;
    let Some(kept) = kept.filter(|kept| kept.directory == config.directory.as_str()) else {
        return make(config, &contact, carrier).await;
    };
    let told = |error| AcmeError::of(&config.directory, error);
    let is_told = kept.contact == config.contact;
    let builder = Account::builder_with_http(Box::new(carrier));
    let account = builder.from_credentials(kept.credentials).await;
    let account = account.map_err(told)?;
    if !is_told {
        account.update_contacts(&contact).await.map_err(told)?;
        if let Some(kept) = read(&config.folder)? {
            let contact = config.contact.clone();
            write(&config.folder, &Kept { contact, ..kept })?;
        }
    }
    Ok(account)
}

/// Forgets an account that the authority does not know any more.
///
/// # Errors
/// [`AcmeError::Keep`] when its file cannot be removed.
pub(super) fn forget(config: &AcmeConfig) -> Result<(), AcmeError> {
    let path = file(&config.folder);
    match fs::remove_file(&path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(AcmeError::Keep { path, source })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

async fn make(
    config: &AcmeConfig,
    contact: &[&str],
    carrier: Carrier,
) -> Result<Account, AcmeError> {
    let new = NewAccount {
        contact,
        terms_of_service_agreed: config.agrees_to_terms,
        only_return_existing: false,
    };
    let external = config.external_account.as_ref();
    let external =
        external.map(|account| ExternalAccountKey::new(account.key_id.clone(), &account.key));
    let directory = config.directory.to_string();
    let builder = Account::builder_with_http(Box::new(carrier));
    let made = builder.create(&new, directory, external.as_ref()).await;
    let (account, credentials) = made.map_err(|error| AcmeError::of(&config.directory, error))?;
    let kept = Kept {
        directory: config.directory.to_string(),
        contact: config.contact.clone(),
        credentials,
    };
    write(&config.folder, &kept)?;
    Ok(account)
}

/// What is kept in a folder; nothing where there is nothing, or nothing that can be read: then a new account is made.
fn read(folder: &Path) -> Result<Option<Kept>, AcmeError> {
    let path = file(folder);
    let text = match fs::read(&path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(AcmeError::Keep { path, source }),
    };
    Ok(serde_json::from_slice(&text).ok())
}

fn write(folder: &Path, kept: &Kept) -> Result<(), AcmeError> {
    let path = file(folder);
    let text = serde_json::to_string(kept).map(Zeroizing::new);
    let written = text
        .map_err(io::Error::other)
        .and_then(|text| write_private(&path, text.as_bytes()));
    written.map_err(|source| AcmeError::Keep { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_account_makes_room_for_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path()).unwrap().is_none());
        for bytes in [&b""[..], b"{}", b"{\"directory\": 7}", &[0xff, 0xfe]] {
            fs::write(file(folder.path()), bytes).unwrap();
            assert!(read(folder.path()).unwrap().is_none(), "{bytes:?}");
        }
        fs::remove_file(file(folder.path())).unwrap();
        fs::create_dir(file(folder.path())).unwrap();
        let fault = read(folder.path()).map(|_| ()).unwrap_err();
        assert!(matches!(fault, AcmeError::Keep { .. }), "{fault}");
    }
}
