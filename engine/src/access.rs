//! Tokens, and what the ledger is told of those who hold them.

mod offline;
mod record;
mod sitting;
mod token;

use std::time::Duration;

use regard_backends::StoreError;
use regard_commitments::{Actor, AdminAct, Digest, EntryBody};

use crate::command::Command;
use crate::handle::{Engine, EngineError};

pub use offline::{Installation, InstallationError};
pub use record::{BadToken, NewToken, TokenRecord};
pub use sitting::SittingError;
pub use token::Token;

/// Pause before the engine, when busy, is told again of an act that was done.
const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// How often it is told: half a minute in all, after which it hangs and everything else has failed too.
const MAX_TRIES: u32 = 1_500;

impl Engine {
    /// Every token that is kept, in order of id; those revoked or expired among them, until they are swept.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tokens(&self) -> Result<Vec<TokenRecord>, StoreError> {
        record::read_all(&**self.store()).await
    }

    /// Keeps a token, durably, for the period that is promised for credentials, counted from now.
    ///
    /// # Errors
    /// As [`Self::put_setting`].
    pub async fn keep_token(&self, record: &TokenRecord) -> Result<(), EngineError> {
        self.put_setting(&record.setting_name(), record.to_json())
            .await
    }

    /// Whether acts can be entered in the ledger now. Those that cannot are not to be done.
    ///
    /// # Errors
    /// [`EngineError::LedgerUnavailable`].
    pub fn check_ledger(&self) -> Result<(), EngineError> {
        let is_writable = self.health().borrow().ledger_fault.is_none();
        is_writable
            .then_some(())
            .ok_or(EngineError::LedgerUnavailable)
    }

    /// Enters in the ledger what somebody did; ask [`Self::check_ledger`] before doing it.
    ///
    /// # Errors
    /// [`EngineError::Busy`], [`EngineError::Stopped`]; the log tells then what the ledger does not.
    pub async fn administered(
        &self,
        act: AdminAct,
        by: Actor,
        subject: Digest,
    ) -> Result<(), EngineError> {
        let body = EntryBody::Administered { act, by, subject };
        for _ in 0..MAX_TRIES {
            match self
                .shared
                .commands
                .send(Command::Enter { body: body.clone() })
            {
                Err(EngineError::Busy) => tokio::time::sleep(RETRY_PAUSE).await,
                Ok(()) => return Ok(()),
                Err(error) => {
                    tracing::error!(%act, "an act was done and is not in the ledger");
                    return Err(error);
                }
            }
        }
        tracing::error!(%act, "an act was done and is not in the ledger");
        Err(EngineError::Busy)
    }
}
