//! Rows as text and back, the same for every store.

use serde::{Serialize, de::DeserializeOwned};

use crate::StoreError;

/// A row as JSON. Reads it back at once: what cannot be read must not be written (JSON has no NaN, and writes `null`).
pub(crate) fn checked<T: Serialize + DeserializeOwned>(row: &T) -> Result<String, String> {
    let body = serde_json::to_string(row).map_err(|e| e.to_string())?;
    serde_json::from_str::<T>(&body).map_err(|e| e.to_string())?;
    Ok(body)
}

/// A document as JSON, in a call of its own.
pub(crate) fn write<T: Serialize + DeserializeOwned>(
    what: &'static str,
    row: &T,
) -> Result<String, StoreError> {
    checked(row).map_err(|source| StoreError::Form {
        what,
        source: source.into(),
    })
}

/// A row from its JSON.
pub(crate) fn read<T: DeserializeOwned>(what: &'static str, body: &str) -> Result<T, StoreError> {
    serde_json::from_str(body).map_err(|source| StoreError::Form {
        what,
        source: source.into(),
    })
}

/// A count as SQL has it: 63 bits.
pub(crate) fn signed(what: &'static str, number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|source| StoreError::Form {
        what,
        source: source.into(),
    })
}

/// A count that SQL gave.
pub(crate) fn unsigned(what: &'static str, number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|source| StoreError::Form {
        what,
        source: source.into(),
    })
}
