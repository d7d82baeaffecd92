//! When which slot of which screen changes.

use std::collections::BTreeSet;
use std::sync::Arc;

use regard_backends::DecisionRow;
use regard_decision::{Context, Director, PolicyUpdate};
use regard_domain::{Audience, Moment, MomentCause, PersonId, ScreenId, Timestamp};

use super::{Conductor, Effect, Place, Row, Stage, Whom};
use crate::view::Showing;

/// What led to a look: a moment, and when its frame was captured; nothing where time alone did.
type Told<'a> = Option<(&'a Moment, Timestamp)>;

/// Who is before a screen: what a decision may know, and who was recognised.
type Before = (Context, Option<PersonId>);

impl Conductor {
    /// Lets directors see whether to change. Of a screen that is parted, the slots after one that changed see too: it may
    /// have taken what one of them shows.
    pub(super) fn consider(
        &mut self,
        whom: Whom<'_>,
        moment: Told<'_>,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let is_meant = |stage: &Stage| match whom {
            Whom::Watched(camera) => stage.camera.as_ref() == Some(camera),
            Whom::Ended => {
                let has_ended = stage.director.ends_at().is_none_or(|end| end <= now);
                has_ended || stage.director.is_withdrawn(&self.planner)
            }
            Whom::All => true,
        };
        let concerned = |stage: &Stage| stage.previewed_until.is_none() && is_meant(stage);
        let meant = self.stages.iter().filter(|(_, stage)| concerned(stage));
        let meant: BTreeSet<Place> = meant.map(|(place, _)| place.clone()).collect();
        let screens: BTreeSet<ScreenId> = meant.iter().map(|(screen, _)| screen.clone()).collect();
        let mut updates = Vec::new();
        for screen in screens {
            let Some(before) = self.before(&screen, now) else {
                continue;
            };
            let mut has_changed = false;
            for slot in 0..self.slots_of(&screen).count() {
                let place = (screen.clone(), slot);
                if !has_changed && !meant.contains(&place) {
                    continue;
                }
                let decided = self.choose(&place, &before, moment, now, effects);
                has_changed |= decided.is_some();
                updates.extend(decided.unwrap_or_default());
            }
        }
        self.learn(&updates, now, effects);
    }

    /// Who is before a screen now.
    fn before(&self, screen: &ScreenId, now: Timestamp) -> Option<Before> {
        let camera = self.main_of(screen)?.camera.as_ref();
        let uses = self.uses(camera);
        let seen = camera.and_then(|camera| self.seen.get(camera));
        let seen = seen.filter(|_| uses.selection);
        let audience = seen.map_or(Audience::EMPTY, |seen| seen.audience);
        let guest = camera.and_then(|camera| self.guests.get(camera));
        let guest = guest.filter(|_| uses.selection);
        let context = self.planner.context(&audience, self.calendar.local(now));
        let context = match guest {
            Some(guest) => guest.enter(context),
            None => context,
        };
        Some((context, guest.and_then(|guest| guest.person_at(now))))
    }

    /// Lets the director of one slot see whether to change; nothing where it does not.
    fn choose(
        &mut self,
        place: &Place,
        (whole, person): &Before,
        moment: Told<'_>,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Option<Vec<PolicyUpdate>> {
        let directors = self.slots_of(&place.0).map(|stage| &stage.director);
        let taken = Director::taken_beside(directors, place.1, now);
        let stage = self.stages.get_mut(place)?;
        let slot = stage.slot.as_ref();
        let of_slot = slot.map(|slot| whole.clone().in_slot(slot));
        let cause = moment.map_or(MomentCause::Beat, |(m, _)| m.cause);
        let decision = stage.director.consider_beside(
            &taken,
            &mut self.planner,
            of_slot.as_ref().unwrap_or(whole),
            (cause, now),
            &mut self.rng,
        )?;
        let creative = self.planner.creative(&decision).cloned()?;
        let showing = Arc::new(Showing {
            play: decision.play(),
            creative,
            captured_at: moment.map(|(_, at)| at),
            decision: decision.clone(),
        });
        stage.showing = Some(Arc::clone(&showing));
        if let Some(person) = person {
            self.shown_to.note(*person, &decision, now);
        }
        let (screen, place) = place.clone();
        effects.push(Effect::Show {
            screen,
            place,
            showing,
        });
        effects.push(Effect::Keep(Row::Decision(DecisionRow(decision.clone()))));
        Some(self.open_reward(&decision))
    }
}

#[cfg(test)]
mod tests;
