//! The admin token: made at the first start, shown once, known afterwards by its hash.

use anyhow::{Context, Result};
use regard_engine::{Engine, from_hex, to_hex};
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
            return Ok(Self {
                hash: *hash,
                fresh: None,
            });
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
