//! Finds every mistake in the campaigns at once.

use crate::{Campaign, CampaignFault, Creative};

/// All mistakes of all campaigns and of the default message (path `default_message`), in order.
pub fn validate(campaigns: &[Campaign], default_message: &Creative) -> Vec<CampaignFault> {
    todo!()
}
