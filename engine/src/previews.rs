//! A message on a screen for some seconds, so that those who made it see it there before it is in force.

use std::time::Duration;

use regard_decision::{Campaign, CampaignFault, validate};
use regard_domain::{CreativeId, ScreenId, Timestamp};
use thiserror::Error;

use crate::command::Command;
use crate::handle::{Engine, EngineError};

/// Longest preview. Origin: the longest that a message of a loop usually stays, three times over; long enough to walk to the
/// screen and look.
pub const MAX_PREVIEW: Duration = Duration::from_secs(30);

/// Why a message was not shown.
#[derive(Debug, Error)]
pub enum PreviewError {
    /// The campaign has no such message.
    #[error("the campaign has no message {0}")]
    UnknownCreative(CreativeId),
    /// The campaign could not be in force: nobody is shown what must not be shown, not for a second either.
    #[error("the campaign has {} mistakes", .0.len())]
    Campaign(Vec<CampaignFault>),
    /// The engine did not do it.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl Engine {
    /// Shows a message of a campaign, in force or not, on a screen from now on, for so long, at most [`MAX_PREVIEW`]. It is no
    /// play: nothing is measured, counted, learned or decided for the screen meanwhile, and the play before it ends. Answers
    /// until when.
    ///
    /// # Errors
    /// [`PreviewError`]; [`EngineError::LedgerUnavailable`] where the ledger cannot be written, for then screens show the
    /// default message alone.
    pub async fn preview_on_screen(
        &self,
        campaign: &Campaign,
        creative: &CreativeId,
        screen: &ScreenId,
        duration: Duration,
    ) -> Result<Timestamp, PreviewError> {
        let shown = campaign.creative(creative);
        let shown = shown.ok_or_else(|| PreviewError::UnknownCreative(creative.clone()))?;
        let default = self.default_message(screen)?;
        let faults = validate(std::slice::from_ref(campaign), &default);
        if !faults.is_empty() {
            return Err(PreviewError::Campaign(faults));
        }
        let preview = Box::new((campaign.id.clone(), shown.clone()));
        let screen = screen.clone();
        let until = self.ask(|reply| Command::Preview {
            screen,
            preview,
            duration: duration.min(MAX_PREVIEW),
            reply,
        });
        Ok(until.await?.ok_or(EngineError::LedgerUnavailable)?)
    }
}
