//! A recording played again: the same moments and decisions, bit for bit.

use std::collections::BTreeMap;
use std::io::BufRead;

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use regard_audience::Crowd;
use regard_decision::{ContextSpec, Decision, Planner, PolicyState};
use regard_domain::{CameraId, CampaignId, Moment};

use crate::calendar::Calendar;
use crate::conductor::{Conductor, Effect, Row, Seat};
use crate::recording::{Head, Input, RecordingError, RecordingReader};
use crate::remembered::Remembered;
use crate::seed::from_hex;

/// What a replay gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replayed {
    /// Every moment, in order.
    pub moments: Vec<Moment>,
    /// Every decision, in order.
    pub decisions: Vec<Decision>,
    /// What the policies had learned at the end, of those that learned anything.
    pub policies: BTreeMap<CampaignId, PolicyState>,
}

/// Plays a recording again.
///
/// # Errors
/// [`RecordingError`] when a line cannot be read or the head cannot be set up.
pub fn replay(recording: impl BufRead) -> Result<Replayed, RecordingError> {
    let (head, remembered, mut reader) = RecordingReader::open(recording)?;
    let mut conductor = conductor_of(&head, &remembered)?;
    let mut crowds = crowds_of(&head)?;
    let mut replayed = Replayed::default();
    while let Some((now, input)) = reader.next_input()? {
        let effects = match input {
            Input::Tick => conductor.tick(now),
            Input::Seen { sighting } => {
                let sighting = sighting.to_sighting();
                let Some((crowd, rng)) = crowds.get_mut(&sighting.camera) else {
                    continue;
                };
                let Ok(digest) = crowd.observe(&sighting, rng) else {
                    continue;
                };
                replayed.moments.extend(digest.moment.clone());
                conductor.seen(&sighting.camera, &digest, sighting.captured_at, now)
            }
            Input::Emptied { camera, at } => {
                let Some((crowd, _)) = crowds.get_mut(&camera) else {
                    continue;
                };
                let digest = crowd.close(at);
                conductor.emptied(&camera, &digest, now)
            }
            Input::Closed { camera } => conductor.closed(&camera, now),
            Input::Shown { screen, play, at } => conductor.shown(&screen, play, at),
            Input::Play { screen, report } => conductor.play(&screen, report, now),
            Input::Outcome { outcome } => conductor.outcome(outcome, now).1,
            Input::Fact {
                name,
                value,
                expires_at,
            } => conductor
                .set_fact(&name, value, expires_at, now)
                .unwrap_or_default(),
            Input::FactGone { name } => conductor.forget_fact(&name, now).1,
            Input::Ledger { writable } => conductor.ledger(writable, now),
            Input::Uses { camera, uses } => conductor.set_uses(camera.as_ref(), uses, now),
            Input::Withdrawn { camera } => {
                conductor.withdrawn(&camera);
                Vec::new()
            }
            Input::Objected { screen } => conductor.objected(&screen, now),
            Input::Preview { screen, until } => conductor.preview(&screen, until, now),
            Input::Finished => conductor.finish(now),
            Input::Campaigns { campaigns } => {
                // Mistakes were answered then as they are now: nothing changes.
                let _ = conductor.set_campaigns(campaigns);
                Vec::new()
            }
        };
        for effect in effects {
            match effect {
                Effect::Keep(Row::Decision(row)) => replayed.decisions.push(row.0),
                Effect::Keep(Row::Policy(row)) => {
                    replayed.policies.insert(row.campaign, row.state);
                }
                Effect::Keep(_) | Effect::Show { .. } | Effect::OnGlass { .. } => {}
            }
        }
    }
    Ok(replayed)
}

fn conductor_of(head: &Head, remembered: &Remembered) -> Result<Conductor, RecordingError> {
    let calendar = Calendar::new(Some(&head.time_zone)).map_err(setup)?;
    let slots = head.slots.values().flatten().cloned().collect();
    let context = ContextSpec::new(head.fact_features.clone())
        .and_then(|facts| facts.with_slots(slots))
        .map_err(setup)?;
    let planner = Planner::new(
        head.campaigns.clone(),
        head.default_message.clone(),
        context,
    )
    .map_err(|faults| RecordingError::Setup(format!("{} mistakes in campaigns", faults.len())))?;
    let seats: Vec<Seat> = head
        .screens
        .iter()
        .map(|(screen, camera)| Seat {
            screen: screen.clone(),
            camera: camera.clone(),
            slots: head.slots.get(screen).cloned().unwrap_or_default(),
        })
        .collect();
    let seed = seed_from_hex(&head.seed)?;
    let uses = head.uses.iter().cloned().collect();
    Ok(remembered.conductor(planner, calendar, &seats, uses, seed))
}

fn setup(error: impl std::fmt::Display) -> RecordingError {
    RecordingError::Setup(error.to_string())
}

fn crowds_of(head: &Head) -> Result<BTreeMap<CameraId, (Crowd, ChaCha20Rng)>, RecordingError> {
    head.cameras
        .iter()
        .map(|(camera, seed)| {
            let crowd = Crowd::new(camera.clone(), head.crowd).map_err(setup)?;
            let rng = ChaCha20Rng::from_seed(seed_from_hex(seed)?);
            Ok((camera.clone(), (crowd, rng)))
        })
        .collect()
}

fn seed_from_hex(text: &str) -> Result<[u8; 32], RecordingError> {
    let bad = || RecordingError::Setup("a seed is not 64 hexadecimal digits".to_owned());
    from_hex(text).map(|seed| *seed).ok_or_else(bad)
}

#[cfg(test)]
mod tests;
