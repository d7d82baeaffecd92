//! SQLite's result codes as our errors.

use crate::StoreError;

// https://www.sqlite.org/rescode.html; the low byte is the primary code.
const SQLITE_CORRUPT: i32 = 11;
const SQLITE_FULL: i32 = 13;
const SQLITE_NOTADB: i32 = 26;
/// The shared index of the log could not grow: on a full disk this comes before `SQLITE_FULL`.
const SQLITE_IOERR_SHMSIZE: i32 = 4874;

pub(super) fn from_sqlx(error: sqlx::Error) -> StoreError {
    if let sqlx::Error::PoolClosed = error {
        return StoreError::Closed;
    }
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .and_then(|code| code.parse::<i32>().ok());
    match code {
        Some(SQLITE_IOERR_SHMSIZE) => StoreError::Full,
        Some(code) if code & 0xff == SQLITE_FULL => StoreError::Full,
        Some(code) if matches!(code & 0xff, SQLITE_CORRUPT | SQLITE_NOTADB) => {
            StoreError::Corrupt {
                source: error.into(),
            }
        }
        _ => StoreError::Other {
            source: error.into(),
        },
    }
}
