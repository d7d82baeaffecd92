//! What would fit an audience, or somebody of it who agreed to that.

use regard_commitments::{Answer, Refusal, RefusalCode};
use regard_decision::{Context, OwnTaste};
use regard_domain::{Audience, ScreenId, Timestamp};

use super::Conductor;
use crate::view::{OfferFor, Proposal};

fn nobody_agreed() -> Refusal {
    Refusal::new(
        RefusalCode::ConsentMissing,
        "nobody before this screen was recognised and agrees that messages are chosen for them",
        "ask about the audience as a whole, or let whoever wants it be recognised",
    )
}

impl Conductor {
    /// What fits whoever is meant, the most promising first; nothing when there is no such screen. Only campaigns whose policy
    /// has a model of rewards make offers. Of a screen that is parted, each message as in the first slot in which it may be
    /// shown. Nothing is shown, kept or learned.
    ///
    /// # Privacy
    /// For a person their wishes and their own history take part, under their `Grant<Personalization>`; without a live one
    /// it is refused.
    pub(crate) fn offers(
        &self,
        screen: &ScreenId,
        whom: OfferFor,
        now: Timestamp,
    ) -> Option<Answer<Vec<Proposal>>> {
        let stage = self.main_of(screen)?;
        let camera = stage.camera.as_ref();
        let uses = self.uses(camera);
        let seen = camera.and_then(|c| self.seen.get(c));
        let seen = seen.filter(|_| uses.selection).map(|s| s.audience);
        let audience = match whom {
            OfferFor::Described(audience) => audience,
            OfferFor::Present | OfferFor::Person => seen.unwrap_or(Audience::EMPTY),
        };
        let mut context = self.planner.context(&audience, self.calendar.local(now));
        let taste = match whom {
            OfferFor::Present | OfferFor::Described(_) => None,
            OfferFor::Person => {
                let guest = camera.and_then(|c| self.guests.get(c));
                let guest = guest.filter(|_| uses.selection);
                let taste = guest.and_then(|guest| guest.taste(&self.planner, now));
                let (Some(guest), Some(taste)) = (guest, taste) else {
                    return Some(Answer::Refused(nobody_agreed()));
                };
                context = guest.enter(context);
                if !context.is_personal() {
                    return Some(Answer::Refused(nobody_agreed()));
                }
                Some(taste)
            }
        };
        Some(Answer::Granted(self.ranked(
            screen,
            &context,
            taste.as_ref(),
            now,
        )))
    }

    /// What may be shown in some slot of a screen, the most promising first, to somebody's taste where there is one.
    fn ranked(
        &self,
        screen: &ScreenId,
        whole: &Context,
        taste: Option<&OwnTaste>,
        now: Timestamp,
    ) -> Vec<Proposal> {
        let mut offers: Vec<Proposal> = Vec::new();
        for stage in self.slots_of(screen) {
            let of_slot = stage.slot.as_ref().map(|slot| whole.clone().in_slot(slot));
            let context = of_slot.as_ref().unwrap_or(whole);
            for campaign in self.planner.campaigns() {
                let id = &campaign.id;
                let ranked = match taste {
                    Some(taste) => self.planner.predict_for(taste, id, screen, context, now),
                    None => self.planner.predict(id, screen, context, now),
                };
                for (creative, prediction) in ranked.unwrap_or_default() {
                    let is_same = |o: &Proposal| o.campaign == *id && o.creative == creative;
                    if offers.iter().any(is_same) {
                        continue;
                    }
                    offers.push(Proposal {
                        campaign: id.clone(),
                        creative,
                        mean: prediction.mean,
                        deviation: prediction.deviation,
                    });
                }
            }
        }
        offers.sort_by(|a, b| {
            let by_mean = b.mean.total_cmp(&a.mean);
            by_mean.then_with(|| (&a.campaign, &a.creative).cmp(&(&b.campaign, &b.creative)))
        });
        offers
    }
}
