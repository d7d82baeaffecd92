//! What people in front of a screen say: do not look at me, I agree, I no longer do.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use regard_commitments::{Answer, Refusal, RefusalCode};
use regard_domain::{CameraId, ScreenId, Timestamp};

use super::Podium;
use crate::recording::Input;
use crate::uses::{Uses, UsesByCamera};
use crate::view::Objection;

/// How long nobody must be seen before an agreement is over. Origin: whoever agrees reads their phone first, with
/// the face down; whoever comes half a minute later was not asked.
const GONE_AFTER: Duration = Duration::from_secs(20);

/// Over which time objections are counted.
const COUNTED: Duration = Duration::from_secs(3_600);

/// Objections in front of one screen within [`COUNTED`] from which on the operator is alerted. Origin: four of 15 minutes
/// shut a camera for the whole hour. None is refused for that.
const REPEATED_FROM: usize = 4;

/// Objections counted for one screen: whoever presses more often than every few seconds is told of as that many.
const MAX_COUNTED: usize = 1_000;

/// What was said, and what follows from it for the use of data.
pub(crate) struct People {
    uses: UsesByCamera,
    /// When somebody was last seen on a camera, or agreed.
    present_at: BTreeMap<CameraId, Timestamp>,
    /// When somebody objected in front of a screen within the last hour, the oldest first.
    objected_at: BTreeMap<ScreenId, VecDeque<Timestamp>>,
}

impl People {
    /// Nobody has said anything; these uses were told already.
    pub(crate) fn new(uses: UsesByCamera) -> Self {
        Self {
            uses,
            present_at: BTreeMap::new(),
            objected_at: BTreeMap::new(),
        }
    }

    /// Somebody is seen on a camera.
    pub(super) fn seen(&mut self, camera: &CameraId, now: Timestamp) {
        match self.present_at.get_mut(camera) {
            Some(at) => *at = now,
            None => {
                self.present_at.insert(camera.clone(), now);
            }
        }
    }

    /// Somebody objects in front of a screen; how often that was within the last hour.
    fn objected(&mut self, screen: &ScreenId, now: Timestamp) -> usize {
        let at = self.objected_at.entry(screen.clone()).or_default();
        while at.front().is_some_and(|first| is_over(*first, now)) || at.len() >= MAX_COUNTED {
            at.pop_front();
        }
        at.push_back(now);
        at.len()
    }

    /// Objections within the last hour, by screen; screens without any are left out.
    pub(super) fn objections(&mut self, now: Timestamp) -> BTreeMap<ScreenId, usize> {
        self.objected_at.retain(|_, at| {
            at.retain(|one| !is_over(*one, now));
            !at.is_empty()
        });
        let counted = self.objected_at.iter();
        counted
            .map(|(screen, at)| (screen.clone(), at.len()))
            .collect()
    }
}

fn is_over(at: Timestamp, now: Timestamp) -> bool {
    now.saturating_since(at) > COUNTED
}

/// Whether so many objections within an hour are for the operator to look into.
pub(super) fn is_repeated(n_objections: usize) -> bool {
    n_objections >= REPEATED_FROM
}

impl Podium {
    /// The cameras that look at the audience of a screen.
    fn watching(&self, screen: &ScreenId) -> Vec<CameraId> {
        let camera = self.watched_by.get(screen).and_then(Option::as_ref);
        camera.into_iter().cloned().collect()
    }

    /// Somebody asks not to be looked at.
    pub(super) fn object(
        &mut self,
        screen: &ScreenId,
        duration: Duration,
        now: Timestamp,
    ) -> Objection {
        self.record(now, || Input::Objected {
            screen: screen.clone(),
        });
        let effects = self.conductor.objected(screen, now);
        self.carry_out(effects, now);
        let cameras = self.watching(screen);
        let mut until = now;
        for camera in &cameras {
            let ruled = self.gate.blind(camera, now.plus(duration), now);
            self.enter(ruled.entries);
            self.revoked(&ruled.outcome, now);
            until = self
                .gate
                .objected_until(camera, now)
                .map_or(until, |end| end.max(until));
        }
        if !cameras.is_empty() {
            let n = self.people.objected(screen, now);
            self.outlets.metrics.objected(screen.as_str());
            if n == REPEATED_FROM {
                tracing::warn!(%screen, n, "people in front of this screen object again and again; the operator should look into it");
            }
        }
        Objection { cameras, until }
    }

    /// Somebody in front of a screen agrees to be looked at.
    pub(super) fn agree(
        &mut self,
        screen: &ScreenId,
        duration: Duration,
        now: Timestamp,
    ) -> Answer<Timestamp> {
        let mut answer = Answer::Refused(Refusal::new(
            RefusalCode::FeatureNotInProfile,
            format!("no camera looks at the audience of screen {screen}"),
            "nothing needs to be done",
        ));
        for camera in self.watching(screen) {
            let ruled = self.gate.agree(&camera, now.plus(duration), now);
            self.enter(ruled.entries);
            answer = ruled.outcome;
            self.people.seen(&camera, now);
        }
        self.look_at_uses(now);
        answer
    }

    /// Somebody takes their agreement back.
    pub(super) fn withdraw(&mut self, screen: &ScreenId, now: Timestamp) {
        for camera in self.watching(screen) {
            let ruled = self.gate.withdraw_agreement(&camera, now);
            if ruled.entries.is_empty() && ruled.outcome.is_empty() {
                continue; // Nobody had agreed.
            }
            self.enter(ruled.entries);
            self.record(now, || Input::Withdrawn {
                camera: camera.clone(),
            });
            self.conductor.withdrawn(&camera);
            self.revoked(&ruled.outcome, now);
        }
        self.look_at_uses(now);
    }

    /// Ends agreements of people who have left, and tells what data may serve now.
    pub(super) fn look_after_people(&mut self, now: Timestamp) {
        let cameras: Vec<CameraId> = self.cameras.keys().cloned().collect();
        for camera in cameras {
            let is_gone = |at: &Timestamp| now.saturating_since(*at) >= GONE_AFTER;
            if self.gate.agreed_until(&camera, now).is_some()
                && self.people.present_at.get(&camera).is_none_or(is_gone)
            {
                let ruled = self.gate.agreement_over(&camera, now);
                self.enter(ruled.entries);
                self.revoked(&ruled.outcome, now);
            }
        }
        self.look_at_uses(now);
    }

    /// Tells the conductor what data of each audience may serve, where that changed.
    fn look_at_uses(&mut self, now: Timestamp) {
        let cameras: Vec<Option<CameraId>> = self.people.uses.keys().cloned().collect();
        for camera in cameras {
            let (uses, _) = Uses::of(&self.gate, camera.as_ref(), now);
            if self.people.uses.insert(camera.clone(), uses) != Some(uses) {
                self.record(now, || Input::Uses {
                    camera: camera.clone(),
                    uses,
                });
                let effects = self.conductor.set_uses(camera.as_ref(), uses, now);
                self.carry_out(effects, now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against a plain list of all that was said.
    #[test]
    fn objections_are_counted_by_screen_and_for_an_hour() {
        let screens: Vec<ScreenId> = ["door", "till"].map(|id| ScreenId::new(id).unwrap()).into();
        let at = |mins: u64| Timestamp::from_millis(0).plus(Duration::from_mins(mins));
        let mut people = People::new(UsesByCamera::new());
        let mut said: Vec<(usize, u64)> = Vec::new();
        for mins in (0..300).step_by(7) {
            let which = usize::from(mins % 3 == 0);
            said.push((which, mins));
            let n = people.objected(&screens[which], at(mins));
            let within = |which: usize, now: u64| {
                said.iter()
                    .filter(|(w, m)| *w == which && now - m <= 60)
                    .count()
            };
            assert_eq!(n, within(which, mins), "{mins}");
            let counted = people.objections(at(mins));
            for (which, screen) in screens.iter().enumerate() {
                assert_eq!(
                    counted.get(screen).copied().unwrap_or(0),
                    within(which, mins),
                    "{mins}"
                );
            }
        }
        assert!(people.objections(at(400)).is_empty());
        assert!(!is_repeated(3) && is_repeated(4));
    }

    #[test]
    fn pressing_without_end_is_counted_to_a_lid() {
        let screen = ScreenId::new("door").unwrap();
        let mut people = People::new(UsesByCamera::new());
        for _ in 0..2 * MAX_COUNTED {
            people.objected(&screen, Timestamp::from_millis(0));
        }
        assert_eq!(
            people.objections(Timestamp::from_millis(0))[&screen],
            MAX_COUNTED
        );
    }
}
