//! Where the conductor stands: one thread that owns the gate and the decisions, hears every command
//! in turn, and tells the others.

mod people;
mod previews;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use regard_commitments::{
    Answer, Digest as NoticeHash, Grant, LedgerEntry, Refusal, Revocation, Scopes, Sensing,
    SensingGate,
};
use regard_decision::{Campaign, CampaignFault};
use regard_domain::{CameraId, CampaignId, Clock, ScreenId, Timestamp};
use tokio::sync::{mpsc, watch};

pub(crate) use self::people::People;
use crate::calendar::Calendar;
use crate::campaigns::CampaignChange;
use crate::chronicle::{ChronicleState, Line};
use crate::command::Command;
use crate::conductor::{Conductor, Effect};
use crate::handle::EngineError;
use crate::lane::CameraGauge;
use crate::memory::resident_bytes;
use crate::metrics::Metrics;
use crate::players::Players;
use crate::recognition::Recognizer;
use crate::recorder::Recorder;
use crate::recording::{Input, RecordingWriter};
use crate::stopper::Stopper;
use crate::studies::Studies;
use crate::uses::Uses;
use crate::view::{CameraHealth, Health, Heartbeat, ScreenHealth, ScreenView};

/// How often time is looked at: half of the gate's own beat, so that a notice that went missing
/// closes the camera well within its second.
const TICK: Duration = Duration::from_millis(50);

/// How often health is told.
const HEALTH_EVERY: Duration = Duration::from_secs(1);

/// One camera as the podium knows it.
pub(crate) struct CameraPost {
    pub(crate) wanted: Scopes,
    pub(crate) gauge: Arc<CameraGauge>,
    pub(crate) is_open: bool,
    pub(crate) refusal: Option<Refusal>,
    pub(crate) fault: Option<String>,
}

/// What the podium tells others through.
pub(crate) struct Outlets {
    pub(crate) screens: BTreeMap<ScreenId, watch::Sender<Arc<ScreenView>>>,
    pub(crate) health: watch::Sender<Arc<Health>>,
    pub(crate) entries: mpsc::UnboundedSender<Line>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) chronicle: Arc<ChronicleState>,
    pub(crate) metrics: Arc<Metrics>,
}

/// Facts of the start that health repeats.
pub(crate) struct Facts {
    pub(crate) runtime: String,
    pub(crate) picture_allowed: bool,
    pub(crate) started_at: Timestamp,
}

/// The thread's belongings.
pub(crate) struct Podium {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) gate: SensingGate,
    pub(crate) recognizer: Arc<Recognizer>,
    pub(crate) studies: Arc<Studies>,
    pub(crate) people: People,
    pub(crate) conductor: Conductor,
    pub(crate) calendar: Calendar,
    pub(crate) cameras: BTreeMap<CameraId, CameraPost>,
    /// Which camera watches the audience of each screen.
    pub(crate) watched_by: BTreeMap<ScreenId, Option<CameraId>>,
    pub(crate) players: Arc<Players>,
    /// Screens that the program plays itself while no browser does.
    pub(crate) in_process: BTreeSet<ScreenId>,
    pub(crate) outlets: Outlets,
    pub(crate) facts: Facts,
    pub(crate) recording: Option<RecordingWriter>,
    pub(crate) stopper: Stopper,
}

impl Podium {
    /// What holds before the first command is heard.
    pub(crate) fn begin(&mut self) {
        let now = self.clock.now();
        self.gate
            .set_utc_offset_secs(self.calendar.utc_offset_secs(now));
        self.look_after_people(now);
        self.tell_health(now);
    }

    /// Hears commands until told to stop, then brings everything to its end.
    pub(crate) fn run(mut self, commands: &Receiver<Command>) {
        let mut last_tick = self.clock.now();
        let mut last_health = last_tick;
        loop {
            match commands.recv_timeout(TICK) {
                Err(RecvTimeoutError::Disconnected) => break,
                Ok(command) => self.hear(command),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let now = self.clock.now();
            if self.stopper.is_stopping() {
                break;
            }
            if now.saturating_since(last_tick) >= TICK {
                last_tick = now;
                self.tick(now);
            }
            if now.saturating_since(last_health) >= HEALTH_EVERY {
                last_health = now;
                self.tell_health(now);
            }
        }
        self.finish();
    }

    fn finish(&mut self) {
        let now = self.clock.now();
        let closed = self.gate.close_all(now);
        self.enter(closed.entries);
        self.record(now, || Input::Finished);
        let effects = self.conductor.finish(now);
        self.carry_out(effects, now);
        if let Some(recording) = &mut self.recording {
            recording.finish();
        }
    }

    fn tick(&mut self, now: Timestamp) {
        self.gate
            .set_utc_offset_secs(self.calendar.utc_offset_secs(now));
        let ruled = self.gate.tick(now);
        self.enter(ruled.entries);
        self.revoked(&ruled.outcome, now);
        self.look_after_people(now);
        self.record(now, || Input::Tick);
        let (gone, effects) = self.conductor.look_after_guests(now);
        for track in gone {
            self.recognizer.track_ended(track);
        }
        self.carry_out(effects, now);
        let effects = self.conductor.tick(now);
        self.carry_out(effects, now);
    }

    fn revoked(&mut self, revocations: &[Revocation], now: Timestamp) {
        for revocation in revocations {
            self.close_camera(
                &revocation.camera,
                Some(revocation.refusal.clone()),
                None,
                now,
            );
        }
    }

    fn close_camera(
        &mut self,
        camera: &CameraId,
        refusal: Option<Refusal>,
        fault: Option<String>,
        now: Timestamp,
    ) {
        let Some(post) = self.cameras.get_mut(camera) else {
            return;
        };
        let was_open = std::mem::take(&mut post.is_open);
        if refusal.is_some() {
            post.refusal = refusal;
        }
        post.fault = fault;
        if was_open {
            self.record(now, || Input::Closed {
                camera: camera.clone(),
            });
            let effects = self.conductor.closed(camera, now);
            self.carry_out(effects, now);
        }
        self.tell_screens();
    }

    fn hear(&mut self, command: Command) {
        let now = self.clock.now();
        match command {
            Command::AskCamera { camera, reply } => self.ask_camera(&camera, &reply, now),
            Command::CameraOpened { camera } => {
                if let Some(post) = self.cameras.get_mut(&camera) {
                    post.is_open = true;
                    post.refusal = None;
                    post.fault = None;
                }
                self.tell_screens();
            }
            Command::CameraClosed { camera, fault } => self.close_camera(&camera, None, fault, now),
            Command::Seen {
                camera,
                digest,
                at,
                sighting,
            } => {
                if let Some(sighting) = sighting {
                    self.record(now, || Input::Seen {
                        sighting: (&*sighting).into(),
                    });
                }
                if digest
                    .moment
                    .as_ref()
                    .is_some_and(|m| !m.visitors.is_empty())
                {
                    self.people.seen(&camera, now);
                }
                let effects = self.conductor.seen(&camera, &digest, at, now);
                self.carry_out(effects, now);
            }
            Command::Emptied { camera, digest, at } => {
                self.record(now, || Input::Emptied {
                    camera: camera.clone(),
                    at,
                });
                let effects = self.conductor.emptied(&camera, &digest, now);
                self.carry_out(effects, now);
            }
            Command::Heartbeat { screen, heartbeat } => self.heartbeat(&screen, &heartbeat, now),
            Command::Shown {
                screen,
                play,
                player,
                at,
            } => {
                if self.players.is_in_charge(&screen, &player, now) {
                    self.record(now, || Input::Shown {
                        screen: screen.clone(),
                        play,
                        at,
                    });
                    let effects = self.conductor.shown(&screen, play, at);
                    self.carry_out(effects, now);
                }
            }
            Command::Play { screen, report } => {
                self.record(now, || Input::Play {
                    screen: screen.clone(),
                    report,
                });
                let effects = self.conductor.play(&screen, report, now);
                self.carry_out(effects, now);
            }
            Command::Enter { body } => self.enter(vec![LedgerEntry { at: now, body }]),
            Command::Ledger { writable } => self.ledger(writable, now),
            other => self.answer(other, now),
        }
    }

    /// Commands that want an answer. Whoever asked may have gone: then nobody hears it.
    fn answer(&mut self, command: Command, now: Timestamp) {
        match command {
            Command::Outcome { outcome, reply } => {
                self.record(now, || Input::Outcome {
                    outcome: outcome.clone(),
                });
                let (decision, kind) = (outcome.decision, outcome.kind.clone());
                let (acceptance, effects) = self.conductor.outcome(outcome, now);
                let taken = self.conductor.taken((decision, &kind), acceptance, now);
                self.carry_out(effects, now);
                let _ = reply.send((acceptance, taken));
            }
            Command::SetFact {
                name,
                value,
                expires_at,
                reply,
            } => {
                self.record(now, || Input::Fact {
                    name: name.clone(),
                    value: value.clone(),
                    expires_at,
                });
                let answer = self.conductor.set_fact(&name, value, expires_at, now);
                let _ = reply.send(answer.map(|effects| self.carry_out(effects, now)));
            }
            Command::ForgetFact { name, reply } => {
                self.record(now, || Input::FactGone { name: name.clone() });
                let (was_there, effects) = self.conductor.forget_fact(&name, now);
                self.carry_out(effects, now);
                let _ = reply.send(was_there);
            }
            Command::Facts { reply } => {
                let facts = self.conductor.planner().facts();
                let _ = reply.send(
                    facts
                        .iter()
                        .map(|(n, v)| (n.to_owned(), v.clone()))
                        .collect(),
                );
            }
            Command::Campaigns { reply } => {
                let campaigns = self.conductor.planner().campaigns();
                let _ = reply.send(campaigns.into_iter().cloned().collect());
            }
            Command::Standings { reply } => {
                let local = self.calendar.local(now);
                let _ = reply.send(self.conductor.planner().standings(local));
            }
            Command::SetCampaigns { campaigns, reply } => {
                let _ = reply.send(self.set_campaigns(campaigns, now));
            }
            Command::ChangeCampaign { change, reply } => {
                let _ = reply.send(self.change_campaign(*change, now));
            }
            Command::Evidence { campaign, reply } => {
                let _ = reply.send(self.conductor.evidence(&campaign));
            }
            Command::Offers {
                screen,
                whom,
                reply,
            } => {
                let _ = reply.send(self.conductor.offers(&screen, whom, now));
            }
            other => self.answer_people(other, now),
        }
    }

    /// The same for what somebody before a screen wants.
    fn answer_people(&mut self, command: Command, now: Timestamp) {
        match command {
            Command::Alone { screen, reply } => {
                // A recording holds nothing of a person, and must lead to the same decisions.
                let is_recorded = self.recording.is_some();
                let alone = self.conductor.alone(&screen).filter(|_| !is_recorded);
                let _ = reply.send(alone);
            }
            Command::Welcome {
                screen,
                grant,
                wishes,
                reply,
            } => {
                let welcomed = self.conductor.welcome(&screen, *grant, wishes, now);
                self.carry_out(welcomed.1, now);
                let _ = reply.send(welcomed.0);
            }
            Command::Object {
                screen,
                duration,
                reply,
            } => {
                let _ = reply.send(self.object(&screen, duration, now));
            }
            Command::Agree {
                screen,
                duration,
                reply,
            } => {
                let _ = reply.send(self.agree(&screen, duration, now));
            }
            Command::Withdraw { screen, reply } => {
                self.withdraw(&screen, now);
                let _ = reply.send(());
            }
            Command::Preview {
                screen,
                preview,
                duration,
                reply,
            } => {
                let _ = reply.send(self.preview(&screen, *preview, duration, now));
            }
            _ => {}
        }
    }

    /// A recording holds all campaigns as they are after a change.
    fn set_campaigns(
        &mut self,
        campaigns: Vec<Campaign>,
        now: Timestamp,
    ) -> Result<Vec<CampaignId>, Vec<CampaignFault>> {
        self.record(now, || Input::Campaigns {
            campaigns: campaigns.clone(),
        });
        let answer = self.conductor.set_campaigns(campaigns);
        self.tell_screens();
        answer
    }

    fn change_campaign(
        &mut self,
        change: CampaignChange,
        now: Timestamp,
    ) -> Result<(), EngineError> {
        let in_force = self.conductor.planner().campaigns().cloned().collect();
        let campaigns = change.apply(in_force)?;
        match self.set_campaigns(campaigns, now) {
            Ok(_) => Ok(()),
            Err(faults) => Err(EngineError::Campaigns(faults)),
        }
    }

    fn ask_camera(
        &mut self,
        camera: &CameraId,
        reply: &SyncSender<Answer<Grant<Sensing>>>,
        now: Timestamp,
    ) {
        let Some(post) = self.cameras.get(camera) else {
            return;
        };
        let ruled = self.gate.ask(camera, post.wanted, now);
        self.enter(ruled.entries);
        if let Answer::Refused(refusal) = &ruled.outcome
            && let Some(post) = self.cameras.get_mut(camera)
            && post.refusal.as_ref().map(|r| r.code) != Some(refusal.code)
        {
            post.refusal = Some(refusal.clone());
            self.tell_screens();
        }
        // The camera thread waits for this; if it has gone, the grant dies with the reply.
        let _ = reply.send(ruled.outcome);
    }

    fn heartbeat(&mut self, screen: &ScreenId, heartbeat: &Heartbeat, now: Timestamp) {
        if !heartbeat.in_view {
            // Where the program has a screen of its own, that one takes over before the time is up.
            if self.players.hidden(screen, &heartbeat.player) && !self.in_process.contains(screen) {
                self.gate.screen_gone(screen);
            }
            return;
        }
        if !self.players.heard(screen, &heartbeat.player, now) {
            return; // Another player is in charge of this screen.
        }
        if let Ok(hash) = heartbeat.notice_hash.parse::<NoticeHash>() {
            self.gate.heartbeat(screen, hash, now);
        }
    }

    fn ledger(&mut self, writable: bool, now: Timestamp) {
        self.recognizer.ledger_writable(writable);
        self.studies.ledger_writable(writable);
        self.record(now, || Input::Ledger { writable });
        let effects = self.conductor.ledger(writable, now);
        self.carry_out(effects, now);
        if writable {
            let held_back = self.gate.ledger_available(now);
            self.enter(held_back);
        } else {
            let revoked = self.gate.ledger_unavailable(now);
            self.revoked(&revoked, now);
        }
    }

    fn enter(&self, entries: Vec<LedgerEntry>) {
        for entry in entries {
            // The reader outlives this thread; if it failed, the gate has been told.
            let _ = self.outlets.entries.send(entry.into());
        }
    }

    fn record(&mut self, now: Timestamp, input: impl FnOnce() -> Input) {
        if let Some(recording) = &mut self.recording {
            recording.write(now, &input());
        }
    }

    fn carry_out(&mut self, effects: Vec<Effect>, now: Timestamp) {
        let mut rows = Vec::new();
        for effect in effects {
            match effect {
                Effect::Show {
                    screen,
                    place,
                    showing,
                } => {
                    let decision = &showing.decision;
                    let creative = decision.creative.as_str();
                    self.outlets.metrics.decision(&decision.policy, creative);
                    if let Some(sender) = self.outlets.screens.get(&screen) {
                        sender.send_modify(|view| {
                            let mut next = (**view).clone();
                            next.show(place, showing);
                            next.preview = None;
                            *view = Arc::new(next);
                        });
                    }
                }
                Effect::Keep(row) => rows.push(row),
                Effect::OnGlass {
                    captured_at,
                    shown_at,
                } => {
                    let latency = shown_at.saturating_since(captured_at);
                    self.outlets.metrics.frame_to_screen(latency);
                }
            }
        }
        self.outlets.recorder.keep(rows, now);
    }

    /// Tells every screen whether its camera is open, and which messages it may come to show.
    fn tell_screens(&mut self) {
        for (screen, sender) in &self.outlets.screens {
            let camera = self.watched_by.get(screen).and_then(Option::as_ref);
            let post = camera.and_then(|camera| self.cameras.get(camera));
            let creatives = self.conductor.creatives(screen);
            sender.send_modify(|view| {
                let mut next = (**view).clone();
                next.camera_open = post.is_some_and(|p| p.is_open);
                next.refusal = post.filter(|p| !p.is_open).and_then(|p| p.refusal.clone());
                if *next.creatives != creatives {
                    next.creatives = Arc::new(creatives);
                }
                *view = Arc::new(next);
            });
        }
        let n_open = self.cameras.values().filter(|p| p.is_open).count();
        self.outlets.metrics.set_cameras_open(n_open as u64);
    }

    fn tell_health(&mut self, now: Timestamp) {
        let refusals: BTreeMap<String, u64> = self
            .gate
            .refusals()
            .into_iter()
            .map(|(code, n)| (code.as_str().to_owned(), n))
            .collect();
        self.outlets.metrics.set_refusals(refusals.clone());
        let objections = self.people.objections(now);
        let objected = |screen: &ScreenId| objections.get(screen).copied().unwrap_or(0);
        let cameras = self.cameras.iter().map(|(id, post)| {
            let rates = post.gauge.rates(now);
            CameraHealth {
                camera: id.clone(),
                source: post.gauge.source(),
                open: post.is_open,
                refusal: post.refusal.clone().filter(|_| !post.is_open),
                fault: post.fault.clone(),
                withheld: Uses::of(&self.gate, Some(id), now).1,
                agreed_until: self.gate.agreed_until(id, now),
                objected_until: self.gate.objected_until(id, now),
                captured_per_sec: rates.captured_per_sec,
                analyzed_per_sec: rates.analyzed_per_sec,
                dropped: rates.dropped,
                picture_allowed: self.facts.picture_allowed,
            }
        });
        let screens = self.outlets.screens.keys().map(|screen| ScreenHealth {
            screen: screen.clone(),
            alive: self.players.in_charge(screen, now).is_some(),
            player: self.players.in_charge(screen, now),
            n_objections_last_hour: objected(screen),
            objections_repeated: people::is_repeated(objected(screen)),
        });
        let health = Health {
            uptime_secs: now.secs_since(self.facts.started_at),
            cameras: cameras.collect(),
            screens: screens.collect(),
            runtime: self.facts.runtime.clone(),
            latency: self.outlets.metrics.latency(),
            resident_bytes: resident_bytes(),
            refusals,
            n_objections_last_hour: objections.values().sum(),
            recording_fault: self.outlets.recorder.fault(),
            rows_queued: self.outlets.recorder.n_waiting(),
            rows_lost: self.outlets.recorder.n_lost(),
            ledger_len: self.outlets.chronicle.len.load(Ordering::Relaxed),
            ledger_fault: self.outlets.chronicle.fault.why(),
            commitments_version: self.gate.commitments().document().version,
            profile: self.gate.profile().name().to_owned(),
        };
        self.outlets.health.send_replace(Arc::new(health));
    }
}
