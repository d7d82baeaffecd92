//! Who looks into the acts of people before cameras, and welcomes those who are who they show to be.

use std::sync::Arc;
use std::time::Duration;

use regard_domain::{CameraId, ScreenId};
use regard_vision::LivenessFault;
use tokio::sync::mpsc;

use crate::handle::Engine;
use crate::recognition::{AttemptOutcome, CaptureOutcome, RecognitionError, Visitor, kind_of};
use crate::spot::{LookedInto, Quiet, SpotCall};
use crate::welcome::WelcomeError;

/// Acts that wait to be looked into, while the face network is loaded. When full, whoever holds up a token holds it up a moment
/// longer.
pub(crate) const MAX_CALLS: usize = 4;

/// How long crops of whoever acted are waited for: a check for a living face takes three seconds of somebody who has only
/// just come.
const GATHERING: Duration = Duration::from_secs(6);

/// How long a token that was looked into is not looked into again while it is held up: where its holder was welcomed, and where
/// not. Whoever was welcomed, was lost from view and came back is another track.
const WELCOMED: Quiet = Quiet {
    same: Duration::from_secs(60),
    others: REFUSED.others,
};
const REFUSED: Quiet = Quiet {
    same: Duration::from_secs(5),
    others: Duration::from_secs(5),
};

/// How often it is looked whether the engine stops.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Looks into acts until the engine stops: each by itself, so that a slow search before one camera holds up nobody before another.
/// Of each camera there is one at a time.
pub(crate) async fn greet(engine: Engine, mut calls: mpsc::Receiver<SpotCall>) {
    engine.recognizer().warm().await;
    while !engine.shared.stopper.is_stopping() {
        match tokio::time::timeout(LOOK_AGAIN, calls.recv()).await {
            Err(_) => {}
            Ok(None) => return,
            Ok(Some(call)) => {
                let clock = Arc::clone(&engine.shared.clock);
                let looked_into = LookedInto::new(call, REFUSED, clock);
                tokio::spawn(look_into(engine.clone(), looked_into));
            }
        }
    }
}

async fn look_into(engine: Engine, mut looked_into: LookedInto) {
    let mut faults = Vec::new();
    let arrived = arrive(&engine, &looked_into.call, &mut faults).await;
    let SpotCall { act, at, .. } = &looked_into.call;
    let times = (*at, engine.now());
    engine
        .recognizer()
        .note_act(kind_of(act), arrived.as_ref().copied(), faults, times);
    if matches!(arrived, Ok(AttemptOutcome::Accepted)) {
        looked_into.quiet = WELCOMED;
    }
}

/// What an act came to, and in `faults` what spoke against a living face.
async fn arrive(
    engine: &Engine,
    call: &SpotCall,
    faults: &mut Vec<LivenessFault>,
) -> Result<AttemptOutcome, RecognitionError> {
    let (spot, track) = (&call.spot, call.track);
    let Some(screen) = screen_of(engine, &spot.camera) else {
        // The configuration gives spots to cameras before screens alone.
        return Ok(AttemptOutcome::Failed);
    };
    let approached = engine.recognizer().approach(&call.act).await?;
    let gathered = spot.want(approached.sensing(), track);
    let gathered = match tokio::time::timeout(GATHERING, gathered).await {
        Ok(Ok(gathered)) => gathered,
        // They went, somebody came beside them, or they took their consent back.
        Ok(Err(_)) => return Ok(AttemptOutcome::GivenUp),
        Err(_) => return Ok(AttemptOutcome::RanOut),
    };
    faults.clone_from(&gathered.faults);
    let outcome = engine.recognizer().arrive(approached, gathered).await?;
    let visitor = match &outcome {
        CaptureOutcome::Verified(claim) if claim.compared.is_match => Visitor::Verified(claim),
        CaptureOutcome::Identified(found) if found.consent.is_some() => Visitor::Found(found),
        CaptureOutcome::Verified(_)
        | CaptureOutcome::Identified(_)
        | CaptureOutcome::Enrolled(_) => return Ok(AttemptOutcome::NotMatched),
    };
    match engine.welcome_track(&screen, visitor, track).await {
        Ok(()) => Ok(AttemptOutcome::Accepted),
        // They went, or somebody came beside them: the screen stays everybody's.
        Err(WelcomeError::NotAlone) => Ok(AttemptOutcome::GivenUp),
        Err(WelcomeError::Recognition(error)) => Err(error),
        Err(WelcomeError::Custody(error)) => Err(error.into()),
        Err(WelcomeError::Engine(error)) => {
            tracing::warn!(%error, "somebody who was recognised could not be welcomed");
            Ok(AttemptOutcome::Failed)
        }
    }
}

/// A screen before which a camera sees people; what holds for one holds for all of the camera.
fn screen_of(engine: &Engine, camera: &CameraId) -> Option<ScreenId> {
    let mut all = engine.shared.watched_by.iter();
    let found = all.find(|(_, watching)| watching.as_ref() == Some(camera));
    found.map(|(screen, _)| screen.clone())
}
