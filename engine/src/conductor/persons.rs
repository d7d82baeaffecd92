//! Somebody who was recognised and agreed that messages are chosen for them: for as long as they are there.

use std::time::Duration;

use regard_commitments::{Grant, Personalization};
use regard_decision::{Context, Facts};
use regard_domain::{CameraId, Moment, ScreenId, Timestamp, TrackId};

use super::{Conductor, Effect, Whom};

/// How long a visitor may be out of sight and still be there. Origin: within two seconds motion alone resumes a track.
const OUT_OF_SIGHT: Duration = Duration::from_secs(2);

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
        let camera = self.stages.get(screen)?.camera.as_ref()?;
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
        let camera = self
            .stages
            .get(screen)
            .and_then(|stage| stage.camera.clone());
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
    /// The context with what they wish; as it was where their grant has ended.
    pub(super) fn enter(&self, context: Context) -> Context {
        let whole = context.clone();
        context
            .with_person(&self.wishes, &self.grant)
            .unwrap_or(whole)
    }
}
