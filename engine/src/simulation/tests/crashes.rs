//! The program dies again and again while it learns: what is stored of policy, evidence and rewards agrees,
//! and a reward counts once however often it is sent.

use std::collections::BTreeMap;

use regard_backends::PolicyRow;
use regard_decision::{Outcome, OutcomeKind, PolicyState};
use regard_domain::DecisionId;
use regard_evaluation::Evidence;

use super::*;
use crate::conductor::HEARD;
use crate::remembered::{Memory, Remembered};

/// What a store would hold: rows of one call go in together.
#[derive(Default)]
struct Stored {
    policies: BTreeMap<CampaignId, PolicyRow>,
    decisions: Vec<Decision>,
    outcomes: BTreeMap<DecisionId, Vec<Outcome>>,
}

impl Stored {
    fn keep(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Keep(Row::Decision(row)) => self.decisions.push(row.0.clone()),
                Effect::Keep(Row::Policy(row)) => {
                    self.policies.insert(row.campaign.clone(), row.clone());
                }
                Effect::Keep(Row::Outcome(row)) => {
                    // As in the store: once for each decision, kind and key.
                    let of_it = self.outcomes.entry(row.0.decision).or_default();
                    let is_same = |o: &Outcome| o.kind == row.0.kind && o.key == row.0.key;
                    if !of_it.iter().any(is_same) {
                        of_it.push(row.0.clone());
                    }
                }
                Effect::Keep(_) | Effect::Show { .. } | Effect::OnGlass { .. } => {}
            }
        }
    }

    fn n(&self, name: &str) -> u64 {
        let kind = OutcomeKind::Custom(name.to_owned());
        let all = self.outcomes.values().flatten();
        all.filter(|o| o.kind == kind).count() as u64
    }

    fn remembered(&self) -> Remembered {
        let mut remembered = Remembered::default();
        for row in self.policies.values() {
            // Through text, as a store has it.
            let state = PolicyState::from_json(&row.state.to_json()).unwrap();
            let row = PolicyRow {
                state,
                ..row.clone()
            };
            remembered.add(Memory::Policy { row: Box::new(row) });
        }
        for decision in &self.decisions {
            remembered.add(Memory::Decided {
                decision: Box::new(decision.clone()),
                outcomes: self.outcomes.get(&decision.id).cloned().unwrap_or_default(),
            });
        }
        remembered
    }
}

struct Life {
    street: Street,
    conductor: Conductor,
    stored: Stored,
    rng: ChaCha20Rng,
}

fn ids() -> (CameraId, ScreenId) {
    (
        CameraId::new("simulated").unwrap(),
        ScreenId::new("simulated").unwrap(),
    )
}

fn conductor(config: &SimulationConfig, remembered: &Remembered, seed: u8) -> Conductor {
    let calendar = Calendar::new(Some("UTC")).unwrap();
    let slots = config.slots.iter().cloned().collect();
    let context = config.context.clone().with_slots(slots).unwrap();
    let campaigns = config.campaigns.clone();
    let planner = Planner::new(campaigns, config.default_message.clone(), context).unwrap();
    let (camera, screen) = ids();
    let seats = [Seat {
        screen,
        camera: Some(camera.clone()),
        slots: config.slots.clone(),
    }];
    let uses: UsesByCamera = [(Some(camera), Uses::ALL)].into();
    remembered.conductor(planner, calendar, &seats, uses, [seed; 32])
}

impl Life {
    fn beat(&mut self, now: Timestamp, sequence: u64) {
        let (camera, screen) = ids();
        let (cause, _) = self.street.step(now);
        let moment = Moment {
            camera: camera.clone(),
            at: now,
            sequence,
            cause,
            visitors: self.street.visitors(now),
        };
        let digest = Digest {
            moment: Some(moment),
            visits: Vec::new(),
        };
        let effects = self.conductor.seen(&camera, &digest, now, now);
        self.stored.keep(&effects);
        for effect in &effects {
            if let Effect::Show { place, showing, .. } = effect {
                let campaign = showing.decision.campaign.as_ref();
                self.street.show(*place, (campaign, &showing.creative.id));
                let shown = self.conductor.shown(&screen, showing.play, now);
                self.stored.keep(&shown);
                // A scan of every third message is sent three times.
                if self.rng.random_range(0..3) == 0 {
                    for _ in 0..3 {
                        let outcome = Outcome {
                            decision: showing.decision.id,
                            kind: OutcomeKind::Scan,
                            value: 1.0,
                            at: now,
                            key: "scan".to_owned(),
                        };
                        let (_, kept) = self.conductor.outcome(outcome, now);
                        self.stored.keep(&kept);
                    }
                }
            }
        }
        let effects = self.conductor.tick(now);
        self.stored.keep(&effects);
    }

    fn has(&self, decision: &Decision, kind: &OutcomeKind) -> bool {
        let came = self.stored.outcomes.get(&decision.id);
        came.is_some_and(|came| came.iter().any(|outcome| outcome.kind == *kind))
    }

    /// Policy, evidence and log say the same.
    fn check(&self) {
        let id: CampaignId = "k".parse().unwrap();
        let Some(row) = self.stored.policies.get(&id) else {
            assert_eq!(self.stored.n(LEARNED), 0);
            return;
        };
        let n_held_out = self
            .stored
            .decisions
            .iter()
            .filter(|d| d.held_out.is_some())
            .filter_map(|d| self.stored.outcomes.get(&d.id))
            .flatten()
            .filter(|o| o.kind == OutcomeKind::Custom(LEARNED.to_owned()))
            .count() as u64;
        assert_eq!(row.state.version + n_held_out, self.stored.n(LEARNED));
        let evidence: Evidence = serde_json::from_str(&row.state.evidence).unwrap();
        let report = evidence.report(false);
        let of_all = report.arms.iter().filter(|arm| arm.segment.is_none());
        assert_eq!(
            of_all.map(|arm| arm.n_plays).sum::<u64>(),
            self.stored.n(LEARNED)
        );
        let is_compared = |d: &&Decision| d.candidates.iter().any(|c| c.by_apprentice.is_some());
        let chosen = self.stored.decisions.iter().filter(|d| !d.is_default);
        let n_compared = chosen.clone().filter(is_compared);
        let n_compared =
            n_compared.filter(|d| self.has(d, &OutcomeKind::Custom(LEARNED.to_owned())));
        assert_eq!(
            report.apprentice.map_or(0, |one| one.n_plays),
            n_compared.count() as u64
        );
        let n_turned = chosen.filter(|d| self.has(d, &OutcomeKind::TurnedAway));
        let turned = report
            .guardrails
            .iter()
            .filter(|g| g.metric == regard_decision::GuardMetric::TurningAway);
        assert_eq!(
            turned.map(|g| g.n_plays).sum::<u64>(),
            n_turned.count() as u64
        );
        let complaints = report
            .guardrails
            .iter()
            .filter(|g| g.metric == regard_decision::GuardMetric::Complaints);
        assert_eq!(
            complaints.map(|g| g.n_plays).sum::<u64>(),
            self.stored.n(HEARD)
        );
    }
}

#[test]
fn model_evidence_and_log_agree_wherever_the_program_dies() {
    let more = json!({"experiment": {"kind": "ab", "holdout": 0.2}});
    let life = dies_again_and_again(&more, &[]);
    assert!(life.stored.n(HEARD) > 30);
}

/// Slots contest the messages, an apprentice learns beside the rules, and plays of both slots are under way when it dies.
#[test]
fn so_do_those_of_a_screen_that_is_parted() {
    let policy = json!({"kind": "lints", "exploration": 0.3, "apprentice_plays": 5, "apprentice_ends": "never"});
    for (more, is_apprentice) in [
        (json!({"experiment": {"kind": "ab", "holdout": 0.2}}), false),
        (
            json!({"policy": policy, "experiment": {"kind": "bandit", "holdout": 0.2}}),
            true,
        ),
    ] {
        let life = dies_again_and_again(&more, &["main", "side"]);
        let learned = OutcomeKind::Custom(LEARNED.to_owned());
        for slot in ["main", "side"] {
            let of_slot = life.stored.decisions.iter();
            let of_slot =
                of_slot.filter(|d| d.slot.as_ref().is_some_and(|own| own.as_str() == slot));
            let n_learned = of_slot.filter(|d| life.has(d, &learned)).count();
            assert!(n_learned > 30, "{slot}: {n_learned}");
        }
        let is_compared = |d: &Decision| d.candidates.iter().any(|c| c.by_apprentice.is_some());
        assert_eq!(life.stored.decisions.iter().any(is_compared), is_apprentice);
    }
}

#[test]
fn so_do_a_bandit_and_what_is_compared_of_an_apprentice() {
    let policy = json!({"kind": "lints", "exploration": 0.3, "apprentice_plays": 5, "apprentice_ends": "never"});
    let more = json!({"policy": policy, "experiment": {"kind": "bandit", "holdout": 0.2}});
    let life = dies_again_and_again(&more, &[]);
    let id: CampaignId = "k".parse().unwrap();
    let text = &life.stored.policies[&id].state.evidence;
    let evidence: Evidence = serde_json::from_str(text).unwrap();
    let apprentice = evidence.report(true).apprentice.unwrap();
    assert!(apprentice.n_plays > 10, "{apprentice:?}");
}

fn dies_again_and_again(more: &Value, slots: &[&str]) -> Life {
    let mut whole = json!({
        "reward": {"window_secs": 20, "terms": [{"kind": "scan"}, {"kind": "attention_seconds"}]},
        "guardrail": [{"metric": "complaints", "at_most": 0.2}, {"metric": "turning_away", "at_most": 0.9}],
    });
    for (key, value) in more.as_object().unwrap() {
        whole[key] = value.clone();
    }
    let mut config = config(campaign(&whole), 1);
    config.slots = slots.iter().map(|id| id.parse().unwrap()).collect();
    let calendar = Calendar::new(Some("UTC")).unwrap();
    let mut life = Life {
        street: Street::new(config.tastes.clone(), calendar, [5; 32]),
        conductor: conductor(&config, &Remembered::default(), 0),
        stored: Stored::default(),
        rng: ChaCha20Rng::seed_from_u64(8),
    };
    let mut now = config.begins_at;
    for death in 1..30_u8 {
        let n_beats = life.rng.random_range(30..700);
        for sequence in 0..n_beats {
            life.beat(now, sequence);
            now = now.plus(BEAT);
        }
        life.check();
        life.conductor = conductor(&config, &life.stored.remembered(), death);
    }
    let n_learned = life.stored.n(LEARNED);
    assert!(n_learned > 60, "{n_learned}");
    life
}
