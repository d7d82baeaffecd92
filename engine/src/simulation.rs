//! Made-up audiences walk past a screen; the loop runs on them as fast as it can.
//!
//! The conductor is the real one, with a clock of the simulation's. Moments come as a camera's would, plays
//! are on the glass a twentieth of a second after they were chosen, and what visitors do depends on tastes
//! that the simulation knows, so that it can say what each choice lost.

mod street;

use std::collections::BTreeMap;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use regard_audience::Digest;
use regard_decision::{
    BadContextSpec, Campaign, CampaignFault, ContextSpec, Creative, Decision, Planner,
};
use regard_domain::{
    CameraId, CampaignId, CreativeId, Moment, MomentCause, PlayId, ScreenId, SlotId, Timestamp,
};
use regard_evaluation::EvidenceReport;

use crate::calendar::{Calendar, UnknownTimeZone};
use crate::conductor::{Conductor, Effect, LEARNED, Row, Seat};
use crate::uses::{Uses, UsesByCamera};

use self::street::Street;
pub use self::street::Tastes;

/// How often the audience is told of, while there is one: the beat of a camera.
const BEAT: Duration = Duration::from_millis(100);

/// How long a message takes from the choice to the glass: what players take.
const TO_GLASS: Duration = Duration::from_millis(50);

/// What is simulated.
#[derive(Clone, Debug)]
pub struct SimulationConfig {
    /// The campaigns.
    pub campaigns: Vec<Campaign>,
    /// The message when there is none.
    pub default_message: Creative,
    /// Facts that policies learn from.
    pub context: ContextSpec,
    /// When it begins.
    pub begins_at: Timestamp,
    /// How long it goes on.
    pub lasts: Duration,
    /// Name of the time zone.
    pub time_zone: String,
    /// The slots the screen is parted into, in the order in which they choose; none where it is not. The first catches the eye,
    /// the n-th an n-th as often.
    pub slots: Vec<SlotId>,
    /// What visitors like.
    pub tastes: Tastes,
    /// Of arrivals, draws and ids.
    pub seed: u64,
}

/// A play of a simulation.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedPlay {
    /// When it was chosen.
    pub at: Timestamp,
    /// In which slot; nothing where the screen is not parted.
    pub slot: Option<SlotId>,
    /// Of which campaign; nothing for the default message.
    pub campaign: Option<CampaignId>,
    /// Which message.
    pub creative: CreativeId,
    /// How probable that anyone there would look at it, where it was.
    pub expected: f64,
    /// The same of the best message that could have been chosen.
    pub best: f64,
}

/// What came of a simulation.
#[derive(Clone, Debug, Default)]
pub struct Simulated {
    /// The plays that somebody was there for, in order.
    pub plays: Vec<SimulatedPlay>,
    /// Plays without anybody there.
    pub n_unseen: u64,
    /// Visitors that came by.
    pub n_visitors: u64,
    /// Rewards that policies learned.
    pub n_rewards: u64,
    /// Their sum.
    pub rewards: f64,
    /// What experiments and guardrails knew at the end.
    pub evidence: BTreeMap<CampaignId, EvidenceReport>,
    /// Messages that guardrails stopped, and which.
    pub stopped: Vec<(CampaignId, CreativeId, String)>,
}

impl Simulated {
    /// What was lost so far against the best choices, after each play.
    pub fn regret(&self) -> Vec<f64> {
        let losses = self.plays.iter().map(|play| play.best - play.expected);
        let sum = |sum: &mut f64, loss: f64| {
            *sum += loss;
            Some(*sum)
        };
        losses.scan(0.0, sum).collect()
    }
}

/// Why a simulation did not begin.
#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    /// The campaigns; every mistake is listed.
    #[error("the campaigns have {} mistakes", .0.len())]
    Campaigns(Vec<CampaignFault>),
    /// The time zone.
    #[error(transparent)]
    TimeZone(#[from] UnknownTimeZone),
    /// The slots.
    #[error("the slots cannot be learned from")]
    Slots(#[from] BadContextSpec),
}

/// Runs a simulation to its end.
///
/// # Errors
/// [`SimulationError`]; nothing was simulated then.
pub fn simulate(config: &SimulationConfig) -> Result<Simulated, SimulationError> {
    let calendar = Calendar::new(Some(&config.time_zone))?;
    let slots = config.slots.iter().cloned().collect();
    let planner = Planner::new(
        config.campaigns.clone(),
        config.default_message.clone(),
        config.context.clone().with_slots(slots)?,
    )
    .map_err(SimulationError::Campaigns)?;
    let camera = CameraId::new("simulated").expect("this text is an id");
    let screen = ScreenId::new("simulated").expect("this text is an id");
    let all = Uses {
        measurement: true,
        selection: true,
        learning: true,
    };
    let uses: UsesByCamera = [(Some(camera.clone()), all)].into();
    let seat = Seat {
        screen: screen.clone(),
        camera: Some(camera.clone()),
        slots: config.slots.clone(),
    };
    let mut rng = ChaCha20Rng::seed_from_u64(config.seed);
    let conductor = Conductor::new(calendar.clone(), planner, &[seat], uses, rng.random());
    let mut run = Run {
        street: Street::new(config.tastes.clone(), calendar, rng.random()),
        conductor,
        camera,
        screen,
        on_its_way: BTreeMap::new(),
        simulated: Simulated::default(),
        n_moments: 0,
    };
    run.conductor.follow_campaigns();
    let end = config.begins_at.plus(config.lasts);
    let mut now = config.begins_at;
    while now < end {
        run.beat(now);
        now = now.plus(BEAT);
    }
    let effects = run.conductor.finish(now);
    run.carry_out(effects, now);
    Ok(run.finish(config))
}

struct Run {
    conductor: Conductor,
    street: Street,
    camera: CameraId,
    screen: ScreenId,
    /// Plays that the player has not shown yet, by the place of their slot, and when it will have.
    on_its_way: BTreeMap<usize, (PlayId, Timestamp)>,
    simulated: Simulated,
    n_moments: u64,
}

impl Run {
    fn beat(&mut self, now: Timestamp) {
        let due = self.on_its_way.extract_if(.., |_, (_, at)| *at <= now);
        let due: Vec<(PlayId, Timestamp)> = due.map(|(_, play)| play).collect();
        for (play, at) in due {
            let effects = self.conductor.shown(&self.screen, play, at);
            self.carry_out(effects, now);
        }
        let (cause, n_came) = self.street.step(now);
        self.simulated.n_visitors += n_came;
        // An empty street is told of once a second, as nothing happens there.
        let is_beat = !self.street.is_empty() || now.as_micros() % 1_000_000 == 0;
        if is_beat || cause != MomentCause::Beat {
            self.n_moments += 1;
            let moment = Moment {
                camera: self.camera.clone(),
                at: now,
                sequence: self.n_moments,
                cause,
                visitors: self.street.visitors(now),
            };
            let digest = Digest {
                moment: Some(moment),
                visits: Vec::new(),
            };
            let effects = self.conductor.seen(&self.camera, &digest, now, now);
            self.carry_out(effects, now);
            let effects = self.conductor.tick(now);
            self.carry_out(effects, now);
        }
    }

    fn carry_out(&mut self, effects: Vec<Effect>, now: Timestamp) {
        for effect in effects {
            match effect {
                Effect::Show { place, showing, .. } => {
                    let decision = &showing.decision;
                    self.note(place, decision);
                    let message = (decision.campaign.as_ref(), &showing.creative.id);
                    self.street.show(place, message);
                    let arrives = (showing.play, now.plus(TO_GLASS));
                    self.on_its_way.insert(place, arrives);
                }
                Effect::Keep(Row::Outcome(row)) => {
                    if row.0.kind.to_string() == format!("custom:{LEARNED}") {
                        self.simulated.n_rewards += 1;
                        self.simulated.rewards += f64::from(row.0.value);
                    }
                }
                Effect::Keep(_) | Effect::OnGlass { .. } => {}
            }
        }
    }

    fn note(&mut self, place: usize, decision: &Decision) {
        if self.street.is_empty() {
            self.simulated.n_unseen += 1;
            return;
        }
        let of = |campaign: Option<&CampaignId>, creative: &CreativeId| {
            self.street.expected(place, (campaign, creative))
        };
        let candidates = decision.candidates.iter();
        let best = candidates.map(|c| of(c.campaign.as_ref(), &c.creative));
        self.simulated.plays.push(SimulatedPlay {
            at: decision.at,
            slot: decision.slot.clone(),
            campaign: decision.campaign.clone(),
            creative: decision.creative.clone(),
            expected: of(decision.campaign.as_ref(), &decision.creative),
            best: best.fold(0.0, f64::max),
        });
    }

    fn finish(self, config: &SimulationConfig) -> Simulated {
        let mut simulated = self.simulated;
        for campaign in &config.campaigns {
            if let Some(report) = self.conductor.evidence(&campaign.id) {
                simulated.evidence.insert(campaign.id.clone(), report);
            }
            let stopped = self.conductor.planner().stopped(&campaign.id);
            for (creative, guardrail) in stopped.into_iter().flatten() {
                let stopped = (campaign.id.clone(), creative.clone(), guardrail.clone());
                simulated.stopped.push(stopped);
            }
        }
        simulated
    }
}

#[cfg(test)]
mod tests;
