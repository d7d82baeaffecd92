//! How it stands with the certificate of an authority, for whoever asks: health, the console, `regard doctor`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use regard_domain::Timestamp;
use regard_engine::write_private;
use serde::{Deserialize, Serialize};

/// How it stands with the certificate of an authority.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcmeStanding {
    /// The directory of the authority.
    pub directory: String,
    /// The names and addresses it is for.
    pub domains: Vec<String>,
    /// Until when the certificate in force is valid, in microseconds since 1970; nothing: none was issued.
    pub valid_until_micros: Option<i64>,
    /// The directory of the authority that issued that one: another than `directory` where that was changed since.
    pub issued_by: Option<String>,
    /// When the authority is asked the next time, in microseconds since 1970.
    pub next_try_at_micros: i64,
    /// When it was asked last, in microseconds since 1970, whatever came of it; 0: never.
    #[serde(default)]
    pub tried_at_micros: i64,
    /// How many tries failed since the last one that did not.
    pub n_failures: u32,
    /// What the last of them failed by …
    pub last_error: Option<String>,
    /// … and what to do about it.
    pub remedy: Option<String>,
    /// Whether the authority itself asked to be left alone until then.
    pub is_told_to_wait: bool,
}

/// The file in the folder of an authority.
fn file(folder: &Path) -> PathBuf {
    folder.join("standing.json")
}

impl AcmeStanding {
    /// As it was written in a folder last; nothing where nothing was.
    ///
    /// # Errors
    /// As the system says; `InvalidData` for a file that is not ours.
    pub fn read(folder: &Path) -> io::Result<Option<Self>> {
        match fs::read(file(folder)) {
            Ok(bytes) => Ok(Some(
                serde_json::from_slice(&bytes).map_err(io::Error::from)?,
            )),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes it to a folder.
    pub(super) fn keep(&self, folder: &Path) -> io::Result<()> {
        let text = serde_json::to_vec(self)?;
        write_private(&file(folder), &text)
    }

    /// When the authority is asked the next time.
    pub(super) const fn next_try(&self) -> Timestamp {
        Timestamp::from_micros(self.next_try_at_micros)
    }
}
