//! Somebody who was recognised and agreed that messages are chosen for them: for as long as they are there.

use std::collections::VecDeque;
use std::time::Duration;

use regard_commitments::{Grant, Personalization};
use regard_decision::{Acceptance, Context, Decision, Facts, OutcomeKind, OwnTaste, Planner};
use regard_domain::{
    CameraId, CreativeId, DecisionId, Moment, PersonId, ScreenId, Timestamp, TrackId,
};

use super::{Conductor, Effect, Whom};
use crate::layout::MAX_SLOTS;

/// How long a visitor may be out of sight and still be there. Origin: within two seconds motion alone resumes a track.
const OUT_OF_SIGHT: Duration = Duration::from_secs(2);

/// How long it is remembered what was shown to somebody: time to scan its code and go to the till.
const REMEMBERED: Duration = Duration::from_secs(600);

/// Messages that are remembered. When full the oldest goes. Origin: one every ten seconds for all that time, in each slot of a screen.
const MAX_SHOWN: usize = 64 * MAX_SLOTS;

/// Something that somebody was shown and took up.
///
/// # Privacy
/// Names a person by a random id; for their own history, where they agreed to that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) person: PersonId,
    pub(crate) creative: CreativeId,
}

/// What was shown lately to those who were recognised.
///
/// # Privacy
/// Ties decisions to persons, in memory alone, for ten minutes; no row and no recording does.
#[derive(Default)]
pub(super) struct ShownTo(VecDeque<(Timestamp, DecisionId, Taken)>);

impl ShownTo {
    /// Notes what somebody is shown.
    pub(super) fn note(&mut self, person: PersonId, decision: &Decision, now: Timestamp) {
        // The message for everybody that is shown when there is no campaign is nobody's to take up.
        if decision.campaign.is_none() {
            return;
        }
        if self.0.len() >= MAX_SHOWN {
            self.0.pop_front();
        }
        let creative = decision.creative.clone();
        self.0
            .push_back((now, decision.id, Taken { person, creative }));
    }

    /// Forgets what was shown too long ago to be taken up.
    pub(super) fn tidy(&mut self, now: Timestamp) {
        self.0
            .retain(|(at, _, _)| now.saturating_since(*at) < REMEMBERED);
    }

    /// Who was shown the message of a decision; it is told once.
    fn take(&mut self, decision: DecisionId, now: Timestamp) -> Option<Taken> {
        self.tidy(now);
        let at = self.0.iter().position(|(_, id, _)| *id == decision)?;
        self.0.remove(at).map(|(_, _, taken)| taken)
    }
}

/// Somebody before a camera whose wishes take part.
///
/// # Privacy
/// Holds wishes of a person under their grant, in memory alone; enters no recording.
pub(super) struct Guest {
    grant: Grant<Personalization>,
    wishes: Facts,
    seen_at: Timestamp,
}

impl Conductor {
    /// The one visitor before the camera of a screen; nothing where there is nobody, or more than one: then nobody can tell
    /// who was recognised.
    pub(crate) fn alone(&self, screen: &ScreenId) -> Option<TrackId> {
        let camera = self.main_of(screen)?.camera.as_ref()?;
        match self.seen.get(camera)?.tracks[..] {
            [track] => Some(track),
            _ => None,
        }
    }

    /// Lets the wishes of somebody take part in what their screen shows; whether they are still there.
    pub(crate) fn welcome(
        &mut self,
        screen: &ScreenId,
        grant: Grant<Personalization>,
        wishes: Facts,
        now: Timestamp,
    ) -> (bool, Vec<Effect>) {
        let mut effects = Vec::new();
        let camera = self.main_of(screen).and_then(|stage| stage.camera.clone());
        let Some(camera) = camera.filter(|_| self.alone(screen) == Some(grant.track())) else {
            return (false, effects);
        };
        let guest = Guest {
            grant,
            wishes,
            seen_at: now,
        };
        self.guests.insert(camera.clone(), guest);
        self.consider(Whom::Watched(&camera), None, now, &mut effects);
        (true, effects)
    }

    /// Who took up what they were shown, where an outcome says that somebody did, and is none that was turned away.
    pub(crate) fn taken(
        &mut self,
        (decision, kind): (DecisionId, &OutcomeKind),
        acceptance: Acceptance,
        now: Timestamp,
    ) -> Option<Taken> {
        let says_so = matches!(kind, OutcomeKind::Scan | OutcomeKind::Conversion);
        match acceptance {
            Acceptance::Counted | Acceptance::Late if says_so => self.shown_to.take(decision, now),
            Acceptance::Counted
            | Acceptance::Late
            | Acceptance::Duplicate
            | Acceptance::Unknown
            | Acceptance::Invalid
            | Acceptance::Full => None,
        }
    }

    /// Notes who is there.
    pub(super) fn see_guests(&mut self, moment: &Moment, now: Timestamp) {
        if let Some(guest) = self.guests.get_mut(&moment.camera)
            && moment
                .visitors
                .iter()
                .any(|visitor| visitor.track == guest.grant.track())
        {
            guest.seen_at = now;
        }
    }

    /// Ends the part of those who left or took their consent back; the tracks of those who left.
    pub(crate) fn look_after_guests(&mut self, now: Timestamp) -> (Vec<TrackId>, Vec<Effect>) {
        let (mut gone, mut cameras, mut effects) = (Vec::new(), Vec::new(), Vec::new());
        self.guests.retain(|camera, guest| {
            let has_left = now.saturating_since(guest.seen_at) > OUT_OF_SIGHT;
            let stays = !has_left && guest.grant.is_live_at(now);
            if has_left {
                gone.push(guest.grant.track());
            }
            if !stays {
                cameras.push(camera.clone());
            }
            stays
        });
        for camera in cameras {
            self.consider(Whom::Watched(&camera), None, now, &mut effects);
        }
        (gone, effects)
    }

    /// Nobody is before a camera any more.
    pub(super) fn guest_left(&mut self, camera: &CameraId) {
        if let Some(guest) = self.guests.get_mut(camera) {
            // It ends with the next look, which tells whose track it was.
            guest.seen_at = Timestamp::from_micros(0);
        }
    }
}

impl Guest {
    /// Who it is, while they agree.
    pub(super) fn person_at(&self, now: Timestamp) -> Option<PersonId> {
        self.grant.is_live_at(now).then(|| self.grant.person())
    }

    /// What they took up before, as far as it says what else they may take up; nothing where their grant has ended.
    pub(super) fn taste(&self, planner: &Planner, now: Timestamp) -> Option<OwnTaste> {
        self.person_at(now)?;
        planner.own_taste(&self.wishes, &self.grant).ok()
    }

    /// The context with what they wish; as it was where their grant has ended.
    pub(super) fn enter(&self, context: Context) -> Context {
        let whole = context.clone();
        context
            .with_person(&self.wishes, &self.grant)
            .unwrap_or(whole)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use regard_decision::{Campaign, ContextSpec, Creative, LocalTime};
    use regard_domain::Audience;

    use super::*;

    const NOON: Timestamp = Timestamp::from_millis(1_780_315_200_000);

    #[test]
    fn what_was_shown_is_told_once_and_forgotten_in_time_though_nobody_asks() {
        let decision = DecisionId::from_bits;
        let shown = |id: u128, at: Timestamp| {
            let person = PersonId::from_bits(7);
            let creative = CreativeId::new("coffee").unwrap();
            (at, decision(id), Taken { person, creative })
        };
        let later = NOON.plus(Duration::from_secs(1));
        let mut lately = ShownTo(VecDeque::from([
            shown(1, NOON),
            shown(2, NOON),
            shown(3, later),
        ]));
        assert!(lately.take(decision(1), NOON).is_some());
        assert_eq!(lately.take(decision(1), NOON), None);
        lately.tidy(NOON.plus(REMEMBERED));
        assert_eq!(lately.0.len(), 1);
        assert!(lately.take(decision(3), NOON.plus(REMEMBERED)).is_some());
    }

    #[test]
    fn what_every_slot_of_a_screen_showed_within_the_time_is_remembered() {
        let mut campaign = Campaign::named("k".parse().unwrap());
        campaign.creatives = vec![Creative::text("coffee".parse().unwrap(), "Coffee", "")];
        let default = Creative::text("welcome".parse().unwrap(), "Welcome", "");
        let mut planner = Planner::new(vec![campaign], default, ContextSpec::default()).unwrap();
        let local = LocalTime::new(2026, 6, 1, 12, 0).unwrap();
        let context = planner.context(&Audience::EMPTY, local);
        let (screen, mut rng) = (
            "window".parse().unwrap(),
            rand_chacha::ChaCha8Rng::seed_from_u64(1),
        );
        let mut lately = ShownTo::default();
        let mut shown = Vec::new();
        let mut now = NOON;
        while now < NOON.plus(REMEMBERED) {
            for _ in 0..MAX_SLOTS {
                let decision = planner.decide(&screen, &context, now, &mut rng);
                lately.note(PersonId::from_bits(7), &decision, now);
                shown.push(decision.id);
            }
            now = now.plus(Duration::from_secs(10));
        }
        let last = NOON.plus(Duration::from_secs(599));
        assert!(shown.iter().all(|id| lately.take(*id, last).is_some()));
        // It has a lid all the same.
        for _ in 0..2 * MAX_SHOWN {
            let decision = planner.decide(&screen, &context, last, &mut rng);
            lately.note(PersonId::from_bits(7), &decision, last);
        }
        assert_eq!(lately.0.len(), MAX_SHOWN);
    }
}
