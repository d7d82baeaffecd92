//! Facts that campaigns may ask about, told and taken back from outside.

use regard_decision::FactValue;
use regard_domain::Timestamp;

use super::{Engine, EngineError};
use crate::command::Command;

impl Engine {
    /// Sets a fact that campaigns may ask about, until `expires_at` or for good.
    ///
    /// # Errors
    /// [`EngineError::Fact`], [`EngineError::Busy`], [`EngineError::Stopped`].
    pub async fn set_fact(
        &self,
        name: String,
        value: FactValue,
        expires_at: Option<Timestamp>,
    ) -> Result<(), EngineError> {
        self.ask(|reply| Command::SetFact {
            name,
            value,
            expires_at,
            reply,
        })
        .await?
        .map_err(EngineError::Fact)
    }

    /// Takes a fact back; says whether it was there.
    ///
    /// # Errors
    /// [`EngineError::Busy`], [`EngineError::Stopped`].
    pub async fn forget_fact(&self, name: String) -> Result<bool, EngineError> {
        self.ask(|reply| Command::ForgetFact { name, reply }).await
    }

    /// The facts now, in order of name.
    ///
    /// # Errors
    /// [`EngineError::Busy`], [`EngineError::Stopped`].
    pub async fn facts(&self) -> Result<Vec<(String, FactValue)>, EngineError> {
        self.ask(|reply| Command::Facts { reply }).await
    }
}
