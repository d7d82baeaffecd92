//! What a person agreed to, read while the program does not run.

use regard_backends::KeyStore;
use regard_commitments::{KeySlot, PersonFile, SiteKeyring};
use regard_domain::PersonId;

use super::{CustodyError, file_place, token_in};

/// Whose token this is.
///
/// # Errors
/// [`CustodyError::UnknownToken`]; [`CustodyError::Store`].
pub(crate) async fn person_of(keys: &dyn KeyStore, text: &str) -> Result<PersonId, CustodyError> {
    let token = token_in(text)?;
    match keys.person(token.person()).await? {
        Some(row) if row.token.is_of(&token) => Ok(row.person),
        Some(_) | None => Err(CustodyError::UnknownToken),
    }
}

/// The file of a person.
///
/// # Errors
/// [`CustodyError::UnknownToken`] where there is none; [`CustodyError::Damaged`] where it does not open.
pub(crate) async fn file_of(
    keys: &dyn KeyStore,
    ring: &SiteKeyring,
    person: PersonId,
) -> Result<PersonFile, CustodyError> {
    let row = keys
        .person(person)
        .await?
        .ok_or(CustodyError::UnknownToken)?;
    let key = ring.unwrap((person, KeySlot::Record), &row.key, None)?;
    let bytes = key
        .open(&file_place(person), &row.file)
        .map_err(|_| CustodyError::Damaged)?;
    serde_json::from_slice(&bytes).map_err(|_| CustodyError::Damaged)
}
