//! What can be asked of a running engine about campaigns: evidence and offers.

use regard_commitments::Answer;
use regard_domain::{CampaignId, ScreenId};
use regard_evaluation::EvidenceReport;

use crate::command::Command;
use crate::handle::{Engine, EngineError};
use crate::view::{OfferFor, Proposal};

impl Engine {
    /// What the experiment and the guardrails of a campaign know.
    ///
    /// # Errors
    /// [`EngineError::UnknownCampaign`], [`EngineError::Busy`], [`EngineError::Stopped`].
    pub async fn evidence(&self, campaign: CampaignId) -> Result<EvidenceReport, EngineError> {
        let asked = campaign.clone();
        let answer = self
            .ask(|reply| Command::Evidence {
                campaign: asked,
                reply,
            })
            .await?;
        answer.ok_or(EngineError::UnknownCampaign(campaign))
    }

    /// What fits whoever is meant before a screen, the most promising first.
    ///
    /// # Privacy
    /// For a person their wishes and their own history take part, under their consent to `personalise`, while they stand before the
    /// screen at which they were recognised. Nothing of them is kept or learned; the answer holds messages, not whom they are for.
    ///
    /// # Errors
    /// [`EngineError::Refused`] with `consent_missing` where a person is meant and nobody there agrees to it;
    /// [`EngineError::UnknownScreen`], [`EngineError::Busy`], [`EngineError::Stopped`].
    pub async fn offers(
        &self,
        screen: ScreenId,
        whom: OfferFor,
    ) -> Result<Vec<Proposal>, EngineError> {
        let asked = screen.clone();
        let answer = self
            .ask(|reply| Command::Offers {
                screen: asked,
                whom,
                reply,
            })
            .await?;
        match answer.ok_or(EngineError::UnknownScreen(screen))? {
            Answer::Granted(offers) => Ok(offers),
            Answer::Refused(refusal) => Err(EngineError::Refused(refusal)),
        }
    }
}
