//! Changes of one campaign among many.

use regard_decision::{Campaign, Creative};
use regard_domain::CampaignId;

use crate::handle::EngineError;

/// One change, applied to the campaigns in force at its turn: two changes at once both count.
#[derive(Clone, Debug, PartialEq)]
pub enum CampaignChange {
    /// A new campaign.
    Add(Campaign),
    /// A campaign in place of the one of its id.
    Replace(Campaign),
    /// The end of a campaign.
    Remove(CampaignId),
    /// A message, new in its campaign or in place of the one of its id.
    PutCreative {
        /// In which campaign.
        campaign: CampaignId,
        /// The message.
        creative: Box<Creative>,
    },
}

impl CampaignChange {
    /// The campaigns after the change.
    ///
    /// # Errors
    /// [`EngineError::CampaignExists`], [`EngineError::UnknownCampaign`].
    pub(crate) fn apply(self, mut campaigns: Vec<Campaign>) -> Result<Vec<Campaign>, EngineError> {
        let place = |campaigns: &[Campaign], id: &CampaignId| {
            let place = campaigns.iter().position(|known| known.id == *id);
            place.ok_or_else(|| EngineError::UnknownCampaign(id.clone()))
        };
        match self {
            Self::Add(campaign) => {
                if place(&campaigns, &campaign.id).is_ok() {
                    return Err(EngineError::CampaignExists(campaign.id));
                }
                campaigns.push(campaign);
            }
            Self::Replace(campaign) => {
                let place = place(&campaigns, &campaign.id)?;
                campaigns[place] = campaign;
            }
            Self::Remove(id) => {
                let place = place(&campaigns, &id)?;
                campaigns.remove(place);
            }
            Self::PutCreative { campaign, creative } => {
                let place = place(&campaigns, &campaign)?;
                let creatives = &mut campaigns[place].creatives;
                match creatives.iter_mut().find(|known| known.id == creative.id) {
                    Some(known) => *known = *creative,
                    None => creatives.push(*creative),
                }
            }
        }
        Ok(campaigns)
    }
}
