//! A message on a screen for some seconds, so that those who made it see it there before it is in force.

use std::time::Duration;

use regard_decision::{Campaign, CampaignFault, validate_placed};
use regard_domain::{CreativeId, ScreenId, SlotId, Timestamp};
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
    /// The screen has no such slot.
    #[error("screen {screen} has no slot {slot}")]
    UnknownSlot {
        /// Which screen.
        screen: ScreenId,
        /// Which slot was meant.
        slot: SlotId,
        /// Those it has; none where it is not parted.
        known: Vec<SlotId>,
    },
    /// The campaign could not be in force: nobody is shown what must not be shown, not for a second either.
    #[error("the campaign has {} mistakes", .0.len())]
    Campaign(Vec<CampaignFault>),
    /// The engine did not do it.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl Engine {
    /// Shows a message of a campaign, in force or not, on a screen from now on, for so long, at most [`MAX_PREVIEW`]: on all of the
    /// glass, or where a slot lies, with nothing beside it. It is no play: nothing is measured, counted, learned or decided for the
    /// screen meanwhile, in none of its slots, and the plays before it end. Answers until when.
    ///
    /// # Errors
    /// [`PreviewError`]; [`EngineError::LedgerUnavailable`] where the ledger cannot be written, for then screens show the
    /// default message alone.
    pub async fn preview_on_screen(
        &self,
        campaign: &Campaign,
        creative: &CreativeId,
        screen: &ScreenId,
        slot: Option<&SlotId>,
        duration: Duration,
    ) -> Result<Timestamp, PreviewError> {
        let shown = campaign.creative(creative);
        let shown = shown.ok_or_else(|| PreviewError::UnknownCreative(creative.clone()))?;
        let default = self.default_message(screen)?;
        self.check_slot_of(screen, slot)?;
        let campaign_alone = std::slice::from_ref(campaign);
        let faults = validate_placed(campaign_alone, &default, &[], &self.slots());
        if !faults.is_empty() {
            return Err(PreviewError::Campaign(faults));
        }
        let preview = Box::new((campaign.id.clone(), shown.clone(), slot.cloned()));
        let screen = screen.clone();
        let until = self.ask(|reply| Command::Preview {
            screen,
            preview,
            duration: duration.min(MAX_PREVIEW),
            reply,
        });
        Ok(until.await?.ok_or(EngineError::LedgerUnavailable)?)
    }

    /// Whether a screen has the slot that is named, where one is.
    fn check_slot_of(&self, screen: &ScreenId, slot: Option<&SlotId>) -> Result<(), PreviewError> {
        let Some(slot) = slot else { return Ok(()) };
        let layout = self.layout(screen)?;
        let known: Vec<SlotId> = layout.iter().flat_map(|it| it.slots()).cloned().collect();
        if known.contains(slot) {
            return Ok(());
        }
        Err(PreviewError::UnknownSlot {
            screen: screen.clone(),
            slot: slot.clone(),
            known,
        })
    }
}
