//! What can be asked of a running engine about campaigns: evidence and offers.

use regard_domain::{Audience, CampaignId, ScreenId};
use regard_evaluation::EvidenceReport;

use crate::command::Command;
use crate::handle::{Engine, EngineError};
use crate::view::Proposal;

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

    /// What fits the audience of a screen now, or one that is described instead, the most promising first.
    ///
    /// # Errors
    /// [`EngineError::UnknownScreen`], [`EngineError::Busy`], [`EngineError::Stopped`].
    pub async fn offers(
        &self,
        screen: ScreenId,
        described: Option<Audience>,
    ) -> Result<Vec<Proposal>, EngineError> {
        let asked = screen.clone();
        let answer = self
            .ask(|reply| Command::Offers {
                screen: asked,
                described,
                reply,
            })
            .await?;
        answer.ok_or(EngineError::UnknownScreen(screen))
    }
}
