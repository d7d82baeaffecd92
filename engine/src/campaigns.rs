//! Changes of one campaign among many, and the slots that campaigns may name.

use std::collections::BTreeSet;
use std::sync::Arc;

use regard_commitments::Digest;
use regard_decision::{Campaign, Creative, validate_placed, validate_slots};
use regard_domain::{CampaignId, ScreenId, SlotId};

use crate::handle::{Engine, EngineError};
use crate::layout::Layout;
use crate::seed::to_hex;

/// What stands for a campaign as it is: 16 bytes of the hash of its text, which the order of fields of the type makes one.
pub(crate) fn tag_of(campaign: &Campaign) -> String {
    let text = serde_json::to_vec(campaign).unwrap_or_default();
    let digest = Digest::of(&[b"regard campaign", &text]);
    to_hex(&digest.as_bytes()[..16])
}

/// One change, applied to the campaigns in force at its turn: two changes at once both count.
#[derive(Clone, Debug, PartialEq)]
pub enum CampaignChange {
    /// A new campaign.
    Add(Campaign),
    /// A campaign in place of the one of its id.
    Replace(Campaign),
    /// The end of a campaign.
    Remove(CampaignId),
    /// A change of the campaign of that id, if it is still the one that the tag stands for.
    IfUnchanged {
        /// Of which campaign.
        id: CampaignId,
        /// What stands for it, see [`Engine::campaign_tag`](crate::Engine::campaign_tag).
        tag: String,
        /// What is to be done.
        change: Box<CampaignChange>,
    },
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
            Self::IfUnchanged { id, tag, change } => {
                let place = place(&campaigns, &id)?;
                if tag_of(&campaigns[place]) != tag {
                    return Err(EngineError::CampaignChanged(id));
                }
                return change.apply(campaigns);
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

impl Engine {
    /// How a screen is parted into slots; nothing where one message has all of the glass. It stays so while the engine runs.
    ///
    /// # Errors
    /// [`EngineError::UnknownScreen`].
    pub fn layout(&self, screen: &ScreenId) -> Result<Option<Arc<Layout>>, EngineError> {
        let view = self.screen(screen)?;
        let layout = view.borrow().layout.clone();
        Ok(layout)
    }

    /// The slots that screens are parted into, each id once; none where no screen is.
    pub fn slots(&self) -> BTreeSet<SlotId> {
        let views = self.shared.screens.values();
        let layouts: Vec<Arc<Layout>> = views
            .filter_map(|view| view.borrow().layout.clone())
            .collect();
        let slots = layouts.iter().flat_map(|layout| layout.slots());
        slots.cloned().collect()
    }

    /// Whether campaigns may take the place of those in force, as far as the slots go that they name.
    ///
    /// # Errors
    /// [`EngineError::Campaigns`] with every mistake, where one is in the slots.
    pub(crate) fn check_slots(
        &self,
        campaigns: &[Campaign],
        in_force: &[Campaign],
    ) -> Result<(), EngineError> {
        let slots = self.slots();
        let unknown = validate_slots(campaigns, in_force, &slots);
        if unknown.is_empty() {
            return Ok(());
        }
        let screens = self.screens();
        Err(EngineError::Campaigns(match screens.first() {
            Some(screen) => {
                validate_placed(campaigns, &self.default_message(screen)?, in_force, &slots)
            }
            None => unknown,
        }))
    }
}
