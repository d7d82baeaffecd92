//! The admin token: made at the first start, shown once, known afterwards by its hash.

use anyhow::{Context, Result};
use regard_engine::Engine;
use sha2::{Digest, Sha256};

use crate::run;

/// Name of the setting that holds the hash, in hexadecimal digits.
const SETTING: &str = "admin_token_sha256";

/// Random bytes in a token. 160 bits cannot be guessed, and fit on a line.
const N_TOKEN_BYTES: usize = 20;

/// The token in force.
pub(crate) struct AdminToken {
    /// SHA-256 of its text.
    pub(crate) hash: [u8; 32],
    /// The token itself, if it was made just now.
    pub(crate) fresh: Option<String>,
}

impl AdminToken {
    /// The one that is known, or a new one where there is none, or one is wished for.
    pub(crate) async fn open(engine: &Engine, wants_new: bool) -> Result<Self> {
        let stored = engine
            .store()
            .setting(SETTING)
            .await
            .context("the admin token")?;
        let known = stored.as_deref().and_then(from_hex).filter(|_| !wants_new);
        if let Some(hash) = known {
            return Ok(Self { hash, fresh: None });
        }
        let token = format!("regard_{}", to_hex(&run::random_key()?[..N_TOKEN_BYTES]));
        Ok(Self {
            hash: Sha256::digest(&token).into(),
            fresh: Some(token),
        })
    }

    /// Keeps the hash for the period the commitments promise, counted from now: a token that is used
    /// stays.
    pub(crate) async fn keep(&self, engine: &Engine) -> Result<()> {
        engine
            .put_setting(SETTING, to_hex(&self.hash))
            .await
            .context("the hash of the admin token could not be kept")
    }
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (i, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_come_back() {
        let hash: [u8; 32] = Sha256::digest("x").into();
        assert_eq!(from_hex(&to_hex(&hash)), Some(hash));
        assert_eq!(from_hex("00"), None);
        assert_eq!(from_hex(&"é".repeat(32)), None);
    }
}
