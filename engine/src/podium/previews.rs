//! Messages that somebody wants to see on a screen before they are in force.

use std::sync::Arc;
use std::time::Duration;

use regard_decision::Creative;
use regard_domain::{CampaignId, ScreenId, SlotId, Timestamp};

use super::Podium;
use crate::recording::Input;
use crate::view::ScreenPreview;

impl Podium {
    /// Shows it from now on; answers until when. While the ledger cannot be written screens show the default message alone.
    pub(super) fn preview(
        &mut self,
        screen: &ScreenId,
        (campaign, creative, slot): (CampaignId, Creative, Option<SlotId>),
        duration: Duration,
        now: Timestamp,
    ) -> Option<Timestamp> {
        if !self.conductor.planner().is_ledger_writable() {
            return None;
        }
        let until = now.plus(duration);
        self.record(now, || Input::Preview {
            screen: screen.clone(),
            until,
        });
        let effects = self.conductor.preview(screen, until, now);
        self.carry_out(effects, now);
        let preview = Arc::new(ScreenPreview {
            campaign,
            creative,
            slot,
            until,
        });
        if let Some(sender) = self.outlets.screens.get(screen) {
            sender.send_modify(|view| {
                let mut next = (**view).clone();
                next.preview = Some(preview);
                *view = Arc::new(next);
            });
        }
        Some(until)
    }
}
