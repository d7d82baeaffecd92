//! Whether the slots that campaigns name are there.

use std::collections::BTreeSet;

use regard_domain::SlotId;

use super::{Faults, validate};
use crate::{Campaign, CampaignFault, Creative, FaultKind};

/// All mistakes of campaigns that are to take the place of those in force, on screens with these slots: those that [`validate`](fn@crate::validate)
/// tells, and then those of [`validate_slots`].
pub fn validate_placed(
    campaigns: &[Campaign],
    default_message: &Creative,
    in_force: &[Campaign],
    slots: &BTreeSet<SlotId>,
) -> Vec<CampaignFault> {
    let mut faults = validate(campaigns, default_message);
    faults.extend(validate_slots(campaigns, in_force, slots));
    faults
}

/// Mistakes of campaigns that name slots which no screen has; paths as in [`validate`](fn@crate::validate).
///
/// A campaign that is in force as it is, is not asked: screens may have been parted otherwise since, which is no reason to refuse a
/// change of another campaign.
pub fn validate_slots(
    campaigns: &[Campaign],
    in_force: &[Campaign],
    slots: &BTreeSet<SlotId>,
) -> Vec<CampaignFault> {
    let (expected, suggestion) = if slots.is_empty() {
        (
            "none, for no screen is parted into slots".to_owned(),
            "leave `slots` out, or part a screen with [[screen.slot]] in the configuration",
        )
    } else {
        let known: Vec<&str> = slots.iter().map(SlotId::as_str).collect();
        (
            format!("the id of a slot that a screen has ({})", known.join(", ")),
            "name one that is there, or leave `slots` out to run in every slot",
        )
    };
    let mut faults = Faults::default();
    for (i, campaign) in campaigns.iter().enumerate() {
        if in_force.contains(campaign) {
            continue;
        }
        for slot in campaign.slots.difference(slots) {
            faults.refuse(
                FaultKind::UnknownSlot,
                format!("campaign[{i}].slots"),
                (expected.as_str(), format!("\"{slot}\"")),
                suggestion,
            );
        }
    }
    faults.0
}
