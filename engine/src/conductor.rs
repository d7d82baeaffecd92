//! The loop's decisions: moments in, messages out, what came of them back in.
//!
//! Deterministic: the same inputs at the same times and the same seed give the same effects, so that
//! a recording replays bit for bit. It reads no clock and does no I/O; the thread around it does.

mod choosing;
mod evidence;
mod learning;
mod offers;
mod persons;
mod preview;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use regard_audience::Digest;
use regard_backends::{
    CampaignInForce, DecisionRow, Fact, MinuteAggregate, OutcomeRow, PlayEnd, PlayStart, PolicyRow,
};
use regard_decision::{
    Acceptance, Attributor, BadFact, Campaign, CampaignFault, Creative, Director, FactValue,
    Outcome, Planner, PlayMeter,
};
use regard_domain::{
    Audience, CameraId, CampaignId, CreativeId, PlayId, ScreenId, SlotId, Timestamp, TrackId,
};
use regard_evaluation::Evidence;

pub(crate) use self::persons::Taken;
use self::persons::{Guest, ShownTo};
use crate::calendar::Calendar;
use crate::minute::MinuteTally;
use crate::uses::{Uses, UsesByCamera};
use crate::view::{PlayReport, Showing};

/// Name under which the reward that a policy learned is logged beside the outcomes it came from.
/// A decision that has one has been learned from, also after a restart.
pub(crate) const LEARNED: &str = "reward";

/// Name under which it is logged that guardrails have heard of a play whose window closed, or, with the value 0, that
/// nobody is to hear of it: a preview cut it short.
pub(crate) const HEARD: &str = "heard";

/// How often campaigns are said to be in force: twice within the shortest time that rows are kept,
/// an hour.
const TELL_IN_FORCE_EVERY: Duration = Duration::from_secs(1_800);

/// What follows from an input.
#[expect(
    clippy::large_enum_variant,
    reason = "most effects are rows, and live for a moment"
)]
pub(crate) enum Effect {
    /// A screen is to show something else, in the slot of that place in its layout, from 0.
    Show {
        screen: ScreenId,
        place: usize,
        showing: Arc<Showing>,
    },
    /// Something is to be kept.
    Keep(Row),
    /// A change that an audience caused reached the glass.
    OnGlass {
        captured_at: Timestamp,
        shown_at: Timestamp,
    },
}

/// A row on its way to the retention gate.
#[derive(Clone, Debug)]
pub(crate) enum Row {
    Decision(DecisionRow),
    Outcome(OutcomeRow),
    PlayStart(PlayStart),
    PlayEnd(PlayEnd),
    Policy(PolicyRow),
    Minute(MinuteAggregate),
    Fact(Fact),
    Campaign(CampaignInForce),
}

/// A screen and the camera that watches its audience.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    pub(crate) screen: ScreenId,
    pub(crate) camera: Option<CameraId>,
    /// The slots it is parted into, in the order in which they choose; none where a message has all of the glass.
    pub(crate) slots: Vec<SlotId>,
}

/// One slot of a screen, by its place in the layout from 0; of a screen that is not parted, all of it.
type Place = (ScreenId, usize);

/// What shows one message at a time: a slot, or a screen that is not parted.
struct Stage {
    camera: Option<CameraId>,
    slot: Option<SlotId>,
    director: Director,
    meter: PlayMeter,
    showing: Option<Arc<Showing>>,
    on_glass: Option<OnGlass>,
    /// Until when something is shown that is no message.
    previewed_until: Option<Timestamp>,
}

struct OnGlass {
    play: PlayId,
    /// What is shown, where it is a message of a campaign.
    message: Option<(CampaignId, CreativeId)>,
    since: Timestamp,
    reported_millis: Option<u64>,
}

impl OnGlass {
    /// Its play ends.
    fn ends(&self, at: Timestamp) -> Effect {
        let elapsed = at.saturating_since(self.since).as_millis();
        let elapsed = u64::try_from(elapsed).unwrap_or(u64::MAX);
        Effect::Keep(Row::PlayEnd(PlayEnd {
            id: self.play,
            at,
            shown_millis: self.reported_millis.unwrap_or(elapsed),
        }))
    }
}

struct Seen {
    audience: Audience,
    /// Who is there.
    tracks: Vec<TrackId>,
    tally: MinuteTally,
}

/// Screens, and slots of them, whose message may change.
#[derive(Clone, Copy)]
enum Whom<'a> {
    /// Those whose audience this camera watches.
    Watched(&'a CameraId),
    /// Those whose message has run its time.
    Ended,
    /// Every one.
    All,
}

/// What the loop decides and learns.
pub(crate) struct Conductor {
    calendar: Calendar,
    planner: Planner,
    stages: BTreeMap<Place, Stage>,
    seen: BTreeMap<CameraId, Seen>,
    /// Those who were recognised, by the camera they are before.
    guests: BTreeMap<CameraId, Guest>,
    /// What was shown to them lately.
    shown_to: ShownTo,
    /// What may be done with what is known of each audience; nothing where nothing is said.
    uses: UsesByCamera,
    attributor: Attributor,
    fact_ends: BTreeMap<String, Timestamp>,
    /// When the campaigns were last said to be in force.
    told_in_force: Option<Timestamp>,
    /// What experiments and guardrails of each campaign know.
    evidence: BTreeMap<CampaignId, Evidence>,
    rng: ChaCha20Rng,
}

impl Conductor {
    /// A conductor of these screens, with an empty memory.
    pub(crate) fn new(
        calendar: Calendar,
        planner: Planner,
        seats: &[Seat],
        uses: UsesByCamera,
        seed: [u8; 32],
    ) -> Self {
        let stage = |seat: &Seat, slot: Option<SlotId>| Stage {
            camera: seat.camera.clone(),
            slot,
            director: Director::new(seat.screen.clone()),
            meter: PlayMeter::new(),
            showing: None,
            on_glass: None,
            previewed_until: None,
        };
        let mut stages = BTreeMap::new();
        for seat in seats {
            let mut slots: Vec<_> = seat.slots.iter().cloned().map(Some).collect();
            if slots.is_empty() {
                slots.push(None);
            }
            for (place, slot) in slots.into_iter().enumerate() {
                stages.insert((seat.screen.clone(), place), stage(seat, slot));
            }
        }
        Self {
            calendar,
            planner,
            stages,
            seen: BTreeMap::new(),
            guests: BTreeMap::new(),
            shown_to: ShownTo::default(),
            uses,
            attributor: Attributor::new(),
            fact_ends: BTreeMap::new(),
            told_in_force: None,
            evidence: BTreeMap::new(),
            rng: ChaCha20Rng::from_seed(seed),
        }
    }

    /// The slots of a screen, in order; of one that is not parted, itself.
    fn slots_of(&self, screen: &ScreenId) -> impl Iterator<Item = &Stage> {
        let places = (screen.clone(), 0)..=(screen.clone(), usize::MAX);
        self.stages.range(places).map(|(_, stage)| stage)
    }

    fn slots_of_mut(&mut self, screen: &ScreenId) -> impl Iterator<Item = &mut Stage> {
        let places = (screen.clone(), 0)..=(screen.clone(), usize::MAX);
        self.stages.range_mut(places).map(|(_, stage)| stage)
    }

    /// The first slot of a screen: what holds of the screen as a whole holds of it.
    fn main_of(&self, screen: &ScreenId) -> Option<&Stage> {
        self.slots_of(screen).next()
    }

    /// What may be done with what this camera, or none, tells of an audience.
    fn uses(&self, camera: Option<&CameraId>) -> Uses {
        self.uses.get(&camera.cloned()).copied().unwrap_or_default()
    }

    /// Says what may be done from now on with what is known of an audience.
    pub(crate) fn set_uses(
        &mut self,
        camera: Option<&CameraId>,
        uses: Uses,
        now: Timestamp,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.uses.insert(camera.cloned(), uses);
        if let Some(camera) = camera {
            // What was chosen for an audience that may not be looked at so any more has to go.
            self.consider(Whom::Watched(camera), None, now, &mut effects);
        }
        effects
    }

    /// The planner, for reading.
    pub(crate) fn planner(&self) -> &Planner {
        &self.planner
    }

    /// Every message a screen may come to show, the default message first.
    pub(crate) fn creatives(&self, screen: &ScreenId) -> Vec<(Option<CampaignId>, Creative)> {
        let default = (None, self.planner.default_message().clone());
        let here = |c: &&Campaign| {
            let mut slots = self.slots_of(screen);
            c.enabled && slots.any(|stage| c.runs_at(screen, stage.slot.as_ref()))
        };
        let of_campaigns = self.planner.campaigns().filter(here).flat_map(|campaign| {
            let id = Some(campaign.id.clone());
            campaign
                .creatives
                .iter()
                .map(move |creative| (id.clone(), creative.clone()))
        });
        std::iter::once(default).chain(of_campaigns).collect()
    }

    /// A frame of a camera was digested.
    pub(crate) fn seen(
        &mut self,
        camera: &CameraId,
        digest: &Digest,
        captured_at: Timestamp,
        now: Timestamp,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        let uses = self.uses(Some(camera));
        let seen = self.seen.entry(camera.clone()).or_insert_with(|| Seen {
            audience: Audience::EMPTY,
            tracks: Vec::new(),
            tally: MinuteTally::new(camera.clone()),
        });
        if uses.measurement {
            digest
                .visits
                .iter()
                .for_each(|visit| seen.tally.left(visit));
        }
        let Some(moment) = &digest.moment else {
            return effects;
        };
        seen.audience = moment.audience();
        seen.tracks = moment
            .visitors
            .iter()
            .map(|visitor| visitor.track)
            .collect();
        if uses.measurement {
            let minute = seen.tally.observe(moment);
            effects.extend(minute.map(|row| Effect::Keep(Row::Minute(row))));
        }
        let watching = |stage: &&mut Stage| stage.camera.as_ref() == Some(camera);
        if uses.measurement || uses.learning {
            for stage in self.stages.values_mut().filter(watching) {
                stage.meter.observe(moment);
            }
        }
        if !uses.selection {
            return effects;
        }
        self.see_guests(moment, now);
        let told = Some((moment, captured_at));
        self.consider(Whom::Watched(camera), told, now, &mut effects);
        effects
    }

    /// A camera closed: nobody is seen any more, and what was counted of the minute is kept.
    pub(crate) fn closed(&mut self, camera: &CameraId, now: Timestamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.guest_left(camera);
        if let Some(mut seen) = self.seen.remove(camera) {
            effects.extend(
                seen.tally
                    .finish()
                    .map(|row| Effect::Keep(Row::Minute(row))),
            );
            self.consider(Whom::Watched(camera), None, now, &mut effects);
        }
        effects
    }

    /// Nobody is seen on a camera any more; stays ended with that.
    pub(crate) fn emptied(
        &mut self,
        camera: &CameraId,
        digest: &Digest,
        now: Timestamp,
    ) -> Vec<Effect> {
        if self.uses(Some(camera)).measurement
            && let Some(seen) = self.seen.get_mut(camera)
        {
            digest
                .visits
                .iter()
                .for_each(|visit| seen.tally.left(visit));
        }
        self.closed(camera, now)
    }

    /// Time went by: messages end, facts expire, rewards fall due.
    pub(crate) fn tick(&mut self, now: Timestamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.expire_facts(now);
        self.shown_to.tidy(now);
        self.end_previews(Some(now));
        self.consider(Whom::Ended, None, now, &mut effects);
        let due = self.attributor.due(now);
        self.learn(&due, now, &mut effects);
        self.hear_of_settled(now, &mut effects);
        self.tell_in_force(now, &mut effects);
        effects
    }

    /// Says now and then which campaigns are in force, so that their budgets are not forgotten.
    fn tell_in_force(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let is_due =
            |last: Timestamp| now < last || now.saturating_since(last) >= TELL_IN_FORCE_EVERY;
        if !self.told_in_force.is_none_or(is_due) {
            return;
        }
        self.told_in_force = Some(now);
        effects.extend(self.planner.campaigns().map(|c| {
            let campaign = c.id.clone();
            Effect::Keep(Row::Campaign(CampaignInForce { campaign }))
        }));
    }

    /// The ledger cannot be written, or can be again: screens go over to the default message at
    /// once, and come back as soon as it has had its time.
    pub(crate) fn ledger(&mut self, is_writable: bool, now: Timestamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.planner.set_ledger_writable(is_writable);
        if !is_writable {
            self.end_previews(None);
        }
        self.consider(Whom::All, None, now, &mut effects);
        effects
    }

    fn expire_facts(&mut self, now: Timestamp) {
        let expired: Vec<String> = self
            .fact_ends
            .iter()
            .filter(|(_, end)| **end <= now)
            .map(|(n, _)| n.clone())
            .collect();
        for name in expired {
            self.fact_ends.remove(&name);
            self.planner.remove_fact(&name);
        }
    }

    /// A play is on the glass. The one before it ends; its measures are taken.
    pub(crate) fn shown(&mut self, screen: &ScreenId, play: PlayId, at: Timestamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        let Some((stage, showing)) = self.slots_of_mut(screen).find_map(|stage| {
            let showing = stage.showing.clone().filter(|s| s.play == play)?;
            Some((stage, showing))
        }) else {
            return effects; // It has been overtaken by a newer decision.
        };
        if stage.on_glass.as_ref().is_some_and(|g| g.play == play) {
            return effects; // A second player of the same screen.
        }
        if stage.previewed_until.is_some() {
            return effects; // A player that comes back speaks of what was shown before the preview.
        }
        let outcomes = stage.meter.begin(showing.decision.id, at);
        let ended = stage.on_glass.replace(OnGlass {
            play,
            message: showing
                .decision
                .campaign
                .clone()
                .map(|campaign| (campaign, showing.decision.creative.clone())),
            since: at,
            reported_millis: None,
        });
        if let Some(captured_at) = showing.captured_at {
            effects.push(Effect::OnGlass {
                captured_at,
                shown_at: at,
            });
        }
        if let Some(ended) = ended {
            self.end_play(&ended, outcomes, at, &mut effects);
        }
        effects.push(Effect::Keep(Row::PlayStart(PlayStart {
            id: play,
            screen: screen.clone(),
            slot: showing.decision.slot.clone(),
            campaign: showing.decision.campaign.clone(),
            creative: showing.decision.creative.clone(),
            at,
        })));
        effects
    }

    fn end_play(
        &mut self,
        ended: &OnGlass,
        outcomes: Vec<Outcome>,
        at: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let decision = regard_domain::DecisionId::from_bits(ended.play.as_bits());
        effects.push(ended.ends(at));
        if let Some((campaign, creative)) = &ended.message {
            self.hear_of_play((campaign, creative), &outcomes, at, effects);
        }
        for outcome in outcomes {
            if self.attributor.accept(outcome.clone(), at) != Acceptance::Invalid {
                effects.push(Effect::Keep(Row::Outcome(OutcomeRow(outcome))));
            }
        }
        self.attributor.play_ended(decision);
    }

    /// A player says how long a play was on the glass.
    pub(crate) fn play(
        &mut self,
        screen: &ScreenId,
        report: PlayReport,
        now: Timestamp,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.main_of(screen).is_none() {
            return effects;
        }
        let glasses = self.slots_of_mut(screen);
        let mut glasses = glasses.filter_map(|stage| stage.on_glass.as_mut());
        match glasses.find(|glass| glass.play == report.play) {
            Some(glass) => {
                glass.reported_millis = report.ended.then_some(report.shown_millis);
            }
            // The player speaks of the play before, after the next one began: its word is exact.
            None if report.ended => effects.push(Effect::Keep(Row::PlayEnd(PlayEnd {
                id: report.play,
                at: now,
                shown_millis: report.shown_millis,
            }))),
            None => {}
        }
        effects
    }

    /// The screens stop: plays end, minutes are kept, what is due is learned.
    pub(crate) fn finish(&mut self, now: Timestamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        let ended: Vec<(OnGlass, Vec<Outcome>)> = self
            .stages
            .values_mut()
            .filter_map(|stage| Some((stage.on_glass.take()?, stage.meter.end(now))))
            .collect();
        for (glass, outcomes) in ended {
            self.end_play(&glass, outcomes, now, &mut effects);
        }
        for seen in self.seen.values_mut() {
            effects.extend(
                seen.tally
                    .finish()
                    .map(|row| Effect::Keep(Row::Minute(row))),
            );
        }
        let due = self.attributor.due(now);
        self.learn(&due, now, &mut effects);
        effects
    }

    /// Sets a fact. One without an end is kept over restarts.
    pub(crate) fn set_fact(
        &mut self,
        name: &str,
        value: FactValue,
        expires_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Vec<Effect>, BadFact> {
        self.planner.set_fact(name, value.clone())?;
        match expires_at {
            Some(end) => {
                self.fact_ends.insert(name.to_owned(), end);
                Ok(Vec::new())
            }
            None => {
                self.fact_ends.remove(name);
                let fact = Fact {
                    name: name.to_owned(),
                    value: Some(value),
                    at: now,
                };
                Ok(vec![Effect::Keep(Row::Fact(fact))])
            }
        }
    }

    /// Takes a fact back; says whether it was there. One that was kept over restarts is gone after the next, too.
    pub(crate) fn forget_fact(&mut self, name: &str, now: Timestamp) -> (bool, Vec<Effect>) {
        let was_there = self.planner.remove_fact(name);
        let was_passing = self.fact_ends.remove(name).is_some();
        if !was_there || was_passing {
            return (was_there, Vec::new());
        }
        let fact = Fact {
            name: name.to_owned(),
            value: None,
            at: now,
        };
        (true, vec![Effect::Keep(Row::Fact(fact))])
    }

    /// Replaces the campaigns; returned are those whose learning had to begin afresh.
    pub(crate) fn set_campaigns(
        &mut self,
        campaigns: Vec<Campaign>,
    ) -> Result<Vec<CampaignId>, Vec<CampaignFault>> {
        let afresh = self.planner.set_campaigns(campaigns)?;
        self.forget_comparisons(&afresh);
        self.follow_campaigns();
        Ok(afresh)
    }
}
