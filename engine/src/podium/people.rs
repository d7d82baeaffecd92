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

/// What was said, and what follows from it for the use of data.
pub(crate) struct People {
    uses: UsesByCamera,
    /// When somebody was last seen on a camera, or agreed.
    present_at: BTreeMap<CameraId, Timestamp>,
    /// When somebody last objected, the oldest first.
    objected_at: VecDeque<Timestamp>,
}

impl People {
    /// Nobody has said anything; these uses were told already.
    pub(crate) fn new(uses: UsesByCamera) -> Self {
        Self {
            uses,
            present_at: BTreeMap::new(),
            objected_at: VecDeque::new(),
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

    /// Objections within the last hour.
    pub(super) fn n_objections_last_hour(&mut self, now: Timestamp) -> usize {
        while let Some(first) = self.objected_at.front()
            && now.saturating_since(*first) > COUNTED
        {
            self.objected_at.pop_front();
        }
        self.objected_at.len()
    }
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
            self.people.objected_at.push_back(now);
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
