//! A run of the conductor that remembers, is set up otherwise than by default, and is recorded; then
//! replayed, whole and with one thing taken away.

use std::fs;
use std::io::Cursor;

use regard_audience::{CrowdSettings, LookSettings, TrackerSettings};
use regard_backends::{Fact, PolicyRow};
use regard_commitments::Commitments;
use regard_decision::{Campaign, Creative, FactFeature, FactValue, Outcome, OutcomeKind, Trigger};
use regard_domain::{
    Attention, BBox, CreativeId, DecisionId, ExpressionDistribution, Face, FaceReadings, FrameSize,
    Landmarks, Point, Score, ScreenId, Sighting, Timestamp,
};
use regard_inference::RuntimeChoice;
use serde_json::{Value, json};

use super::*;
use crate::config::{EngineConfig, ScreenConfig};
use crate::recording::RecordingWriter;
use crate::remembered::Memory;
use crate::uses::{Uses, UsesByCamera};

mod slots;
mod uses;

const SEED: [u8; 32] = [9; 32];
const TRACK_SEED: [u8; 32] = [4; 32];

/// An afternoon in 2027.
const START: i64 = 1_800_000_000_000;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(START + millis)
}

fn camera() -> CameraId {
    CameraId::new("cam").unwrap()
}

fn screen() -> ScreenId {
    ScreenId::new("entrance").unwrap()
}

fn message(id: &str, more: &Value) -> Value {
    let mut message = json!({
        "id": id, "name": id, "content": {"kind": "text", "title": id},
        "min_show_millis": 400, "duration_millis": 900,
    });
    for (key, value) in more.as_object().unwrap() {
        message[key] = value.clone();
    }
    message
}

/// One campaign that learns, one whose budget was used up long ago, one whose cap of the day is
/// nearly so.
fn campaigns() -> Vec<Campaign> {
    let someone = json!({"n_visitors": {"min": 1}});
    let text = json!([
        {
            "id": "learns", "name": "Learns", "policy": {"kind": "linucb"}, "priority": 1,
            "reward": {"window_secs": 2},
            "creatives": [
                message("a", &json!({"when": someone.clone()})),
                message("b", &json!({"when": someone.clone()})),
            ],
        },
        {
            "id": "spent", "name": "Spent", "priority": 9, "budget": {"max_plays_total": 40},
            "creatives": [message("c", &json!({}))],
        },
        {
            "id": "capped", "name": "Capped", "priority": 5,
            "creatives": [message("d", &json!({"caps": {"max_per_day": 3}}))],
        },
    ]);
    serde_json::from_value(text).unwrap()
}

/// No setting as by default.
fn crowd() -> CrowdSettings {
    CrowdSettings {
        tracker: TrackerSettings {
            high_score: 0.55,
            low_score: 0.25,
            sure_score: 0.97,
            confirming_hits: 5,
            subject_height_meters: 0.3,
        },
        look: LookSettings {
            begin_attention: 0.7,
            end_attention: 0.3,
            begin_after_secs: 0.2,
            end_after_secs: 0.4,
        },
        expression_time_constant_secs: 0.5,
        attention_time_constant_secs: 0.3,
        expression_floor: 0.45,
        beat_hz: 4.0,
        expression_hz: 5.0,
        mesh_hz: 6.0,
    }
}

fn config() -> EngineConfig {
    let features = vec![FactFeature {
        name: "degrees".to_owned(),
        min: -10.0,
        max: 40.0,
    }];
    EngineConfig {
        data_dir: "unused".into(),
        commitments: Commitments::demo(),
        cameras: Vec::new(),
        screens: vec![ScreenConfig {
            screen: screen(),
            camera: Some(camera()),
            in_process: false,
            layout: None,
        }],
        campaigns: campaigns(),
        default_message: Creative::text(CreativeId::new("welcome").unwrap(), "Welcome", ""),
        context: ContextSpec::new(features).unwrap(),
        time_zone: Some("Pacific/Auckland".to_owned()),
        crowd: crowd(),
        n_workers: None,
        runtime: RuntimeChoice::Rten,
        models: None,
        detector_long_side_px: 320,
        site_key: crate::config::SiteKeyConfig::default(),
        recognition: crate::config::RecognitionConfig::default(),
        papers: None,
        recording: None,
    }
}

fn planner(config: &EngineConfig) -> Planner {
    let context = config.context.clone().with_slots(config.slots()).unwrap();
    let campaigns = config.campaigns.clone();
    Planner::new(campaigns, config.default_message.clone(), context).unwrap()
}

fn uses() -> UsesByCamera {
    [(Some(camera()), Uses::ALL)].into()
}

fn seats() -> [Seat; 1] {
    [Seat {
        screen: screen(),
        camera: Some(camera()),
        slots: Vec::new(),
    }]
}

/// A decision of the run before, as it was stored.
fn earlier(id: u128, millis: i64, campaign: &str, creative: &str) -> Decision {
    let calendar = Calendar::new(Some("Pacific/Auckland")).unwrap();
    let config = config();
    let audience = regard_domain::Audience::EMPTY;
    let local = calendar.local(at(millis));
    let context = planner(&config).context(&audience, local);
    let mut rng = ChaCha20Rng::from_seed(SEED);
    let mut decision = planner(&config).decide(&screen(), &context, at(millis), &mut rng);
    decision.id = DecisionId::from_bits(id);
    decision.campaign = Some(campaign.parse().unwrap());
    decision.creative = creative.parse().unwrap();
    decision.is_default = false;
    decision.reason.trigger = Trigger::Start;
    decision
}

/// What the run before left: a policy that prefers `b`, a fact, a budget that is spent, two of three
/// plays of the day, and one reward that is still awaited.
fn remembered(config: &EngineConfig) -> Remembered {
    let mut learned = planner(config);
    let id: CampaignId = "learns".parse().unwrap();
    for i in 0..40_u8 {
        let update = regard_decision::PolicyUpdate {
            decision: DecisionId::from_bits(i.into()),
            campaign: id.clone(),
            creative: if i % 2 == 0 { "a" } else { "b" }.parse().unwrap(),
            features: (0_u8..)
                .take(learned.feature_names().len())
                .map(|k| f32::from(i % 11 * k % 7) / 7.0)
                .collect(),
            reward: f32::from(i % 2) * 0.9 + f32::from(i % 5) / 50.0,
            is_held_out: false,
            propensity: 0.5,
            segments: Vec::new(),
            others: Vec::new(),
            apprentice_weight: None,
        };
        learned.apply(&update).unwrap();
    }
    let mut memory = Remembered::default();
    memory.add(Memory::Policy {
        row: Box::new(PolicyRow {
            at: at(-50_000),
            state: learned.policy_state(&id).unwrap(),
            campaign: id,
        }),
    });
    memory.add(Memory::Fact {
        row: Fact {
            name: "degrees".to_owned(),
            value: Some(FactValue::Number(23.7)),
            at: at(-90_000),
        },
    });
    memory.add(Memory::Total {
        campaign: "spent".parse().unwrap(),
        n: 40,
    });
    for (number, millis) in [(1001, -9_000), (1002, -6_000)] {
        memory.add(Memory::Decided {
            decision: Box::new(earlier(number, millis, "capped", "d")),
            outcomes: Vec::new(),
        });
    }
    let awaited = earlier(1003, -1_500, "learns", "a");
    memory.add(Memory::Decided {
        outcomes: vec![Outcome {
            decision: awaited.id,
            kind: OutcomeKind::AttentionSeconds,
            value: 0.7,
            at: at(-700),
            key: "meter".to_owned(),
        }],
        decision: Box::new(awaited),
    });
    memory
}

fn face(i: i64, who: i64) -> Face {
    let left = 100.0 + 300.0 * who as f32 + (i % 50) as f32 * 1.3;
    let point = |dx: f32, dy: f32| Point::new(left + dx, 120.0 + dy);
    let wave = 0.5 + 0.45 * ((i as f32) / (17.0 + who as f32)).sin();
    let weights = [1.0 - wave, wave, 0.05, 0.02, 0.02, 0.02, 0.1];
    Face {
        bbox_in_frame: BBox::new(left, 120.0, 60.0, 80.0).unwrap(),
        score: Score::new(if i % 3 == 0 { 0.58 } else { 0.93 }).unwrap(),
        landmarks_in_frame: Landmarks([
            point(18.0, 30.0),
            point(42.0, 30.0),
            point(30.0, 45.0),
            point(20.0, 62.0),
            point(40.0, 62.0),
        ]),
        readings: FaceReadings {
            expression: ExpressionDistribution::from_weights(weights),
            head_pose: None,
            attention: Attention::new(wave),
        },
    }
}

fn sighting(i: i64) -> Sighting {
    let here = |who: i64| (i / (60 + 25 * who)) % 2 == 1;
    Sighting {
        camera: camera(),
        frame_index: i.unsigned_abs(),
        captured_at: at(i * 33),
        frame_size: FrameSize {
            width: 640,
            height: 480,
        },
        faces: (0..2)
            .filter(|who| here(*who))
            .map(|who| face(i, who))
            .collect(),
    }
}

/// What really happened, told to a conductor as the podium tells it, and written down.
struct Live {
    conductor: Conductor,
    writer: RecordingWriter,
    crowd: Crowd,
    rng: ChaCha20Rng,
    out: Replayed,
}

impl Live {
    fn write(&mut self, now: Timestamp, input: &Input) {
        self.writer.write(now, input);
    }

    /// What follows is shown at once, as an in-process screen does.
    fn carry_out(&mut self, effects: Vec<Effect>, now: Timestamp) {
        for effect in effects {
            match effect {
                Effect::Show {
                    screen, showing, ..
                } => {
                    let play = showing.play;
                    let at = now.plus(std::time::Duration::from_millis(7));
                    self.write(
                        now,
                        &Input::Shown {
                            screen: screen.clone(),
                            play,
                            at,
                        },
                    );
                    let more = self.conductor.shown(&screen, play, at);
                    self.carry_out(more, now);
                }
                Effect::Keep(Row::Decision(row)) => self.out.decisions.push(row.0),
                Effect::Keep(Row::Policy(row)) => {
                    self.out.policies.insert(row.campaign, row.state);
                }
                Effect::Keep(_) | Effect::OnGlass { .. } => {}
            }
        }
    }

    fn frame(&mut self, i: i64) {
        let sighting = sighting(i);
        let now = at(i * 33 + 5);
        self.write(
            now,
            &Input::Seen {
                sighting: (&sighting).into(),
            },
        );
        let digest = self.crowd.observe(&sighting, &mut self.rng).unwrap();
        self.out.moments.extend(digest.moment.clone());
        let effects = self
            .conductor
            .seen(&camera(), &digest, sighting.captured_at, now);
        self.carry_out(effects, now);
        if i % 2 == 0 {
            self.write(now, &Input::Tick);
            let effects = self.conductor.tick(now);
            self.carry_out(effects, now);
        }
        if i == 400 || i == 430 {
            let writable = i == 430;
            self.write(now, &Input::Ledger { writable });
            let effects = self.conductor.ledger(writable, now);
            self.carry_out(effects, now);
        }
        if i == 500 {
            let until = at(18_500);
            let input = Input::Preview {
                screen: screen(),
                until,
            };
            self.write(now, &input);
            let effects = self.conductor.preview(&screen(), until, now);
            self.carry_out(effects, now);
        }
        if i == 300 {
            let (name, value) = ("degrees".to_owned(), FactValue::Number(3.0));
            let expires_at = Some(at(15_000));
            let input = Input::Fact {
                name: name.clone(),
                value: value.clone(),
                expires_at,
            };
            self.write(now, &input);
            let effects = self
                .conductor
                .set_fact(&name, value, expires_at, now)
                .unwrap();
            self.carry_out(effects, now);
        }
    }
}

/// The run, and the text of its recording.
fn live() -> (Replayed, String) {
    live_of(&config(), &seats())
}

fn live_of(config: &EngineConfig, seats: &[Seat]) -> (Replayed, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recording.ndjson");
    let calendar = Calendar::new(config.time_zone.as_deref()).unwrap();
    let seeds = std::iter::once((camera(), TRACK_SEED));
    let head = Head::of(config, &calendar, &SEED, seeds, &uses()).unwrap();
    let remembered = remembered(config);
    let mut live = Live {
        writer: RecordingWriter::create(&path, head, remembered.memories()).unwrap(),
        conductor: remembered.conductor(planner(config), calendar, seats, uses(), SEED),
        crowd: Crowd::new(camera(), config.crowd).unwrap(),
        rng: ChaCha20Rng::from_seed(TRACK_SEED),
        out: Replayed::default(),
    };
    for i in 0..700 {
        live.frame(i);
    }
    let end = at(700 * 33);
    live.write(end, &Input::Finished);
    let effects = live.conductor.finish(end);
    live.carry_out(effects, end);
    live.writer.finish();
    (live.out, fs::read_to_string(&path).unwrap())
}

fn replayed(text: &str) -> Result<Replayed, RecordingError> {
    replay(Cursor::new(text.as_bytes()))
}

/// The recording with its head changed.
fn with_head(text: &str, change: impl FnOnce(&mut Value)) -> String {
    let (head, rest) = text.split_once('\n').unwrap();
    let mut head: Value = serde_json::from_str(head).unwrap();
    change(&mut head);
    format!("{head}\n{rest}")
}

/// The recording without its memories of one kind.
fn without(text: &str, kind: &str) -> String {
    let mark = format!("{{\"memory\":\"{kind}\"");
    let n = text.lines().filter(|line| line.starts_with(&mark)).count();
    assert!(n > 0, "nothing of kind {kind} was recorded");
    let kept: Vec<&str> = text.lines().filter(|l| !l.starts_with(&mark)).collect();
    with_head(&(kept.join("\n") + "\n"), |head| {
        head["n_memories"] = json!(head["n_memories"].as_u64().unwrap() - n as u64);
    })
}

#[test]
fn a_run_with_memory_and_settings_of_its_own_is_replayed_bit_for_bit() {
    let (live, text) = live();
    let replayed = replayed(&text).unwrap();
    assert_eq!(replayed, live);
    // The run had something to remember, to learn, and to leave out.
    let by = |policy: &str| live.decisions.iter().filter(|d| d.policy == policy).count();
    assert!(
        by("linucb") > 5 && by("default") > 0,
        "{} and {}",
        by("linucb"),
        by("default")
    );
    let of = |id: &str| {
        live.decisions
            .iter()
            .filter(|d| d.campaign.as_ref().is_some_and(|c| c.as_str() == id))
            .count()
    };
    assert_eq!((of("spent"), of("capped")), (0, 1));
    let learned = &live.policies[&"learns".parse().unwrap()];
    assert!(learned.version > 41, "{}", learned.version);
    assert!(live.moments.len() > 50);
}

#[test]
fn what_came_in_time_counts_however_long_the_program_was_down() {
    let config = config();
    let calendar = Calendar::new(config.time_zone.as_deref()).unwrap();
    // The window is two seconds and closed long ago.
    let learned_with = |outcome_millis: Option<i64>| {
        let decision = earlier(7, -60_000, "learns", "a");
        let outcome = |millis| Outcome {
            decision: decision.id,
            kind: OutcomeKind::AttentionSeconds,
            value: 0.9,
            at: at(millis),
            key: "meter".to_owned(),
        };
        let mut memory = Remembered::default();
        memory.add(Memory::Decided {
            outcomes: outcome_millis.map(outcome).into_iter().collect(),
            decision: Box::new(decision.clone()),
        });
        let mut conductor =
            memory.conductor(planner(&config), calendar.clone(), &seats(), uses(), SEED);
        let effects = conductor.tick(at(0));
        effects.into_iter().find_map(|effect| match effect {
            Effect::Keep(Row::Outcome(row)) => Some(row.0.value),
            _ => None,
        })
    };
    let (none, in_time) = (learned_with(None), learned_with(Some(-59_000)));
    assert!(in_time > none, "{in_time:?} is no more than {none:?}");
    assert_eq!(learned_with(Some(-57_000)), none, "it came too late");
}

#[test]
fn whatever_is_taken_out_of_a_recording_is_missed() {
    let (live, text) = live();
    for kind in ["policy", "fact", "total", "decided"] {
        assert_ne!(replayed(&without(&text, kind)).unwrap(), live, "{kind}");
    }
    let other = [
        ("crowd", json!(CrowdSettings::default())),
        ("time_zone", json!("UTC")),
        ("seed", json!("00".repeat(32))),
        ("cameras", json!([["cam", "00".repeat(32)]])),
        ("screens", json!([["exit", "cam"]])),
        ("campaigns", json!([])),
        (
            "default_message",
            json!(Creative::text("other".parse().unwrap(), "x", "")),
        ),
        ("fact_features", json!([])),
        ("uses", json!([])),
    ];
    for (field, value) in &other {
        let changed = with_head(&text, |head| head[*field] = value.clone());
        assert_ne!(changed, text, "{field}");
        assert_ne!(replayed(&changed).unwrap(), live, "{field}");
    }
    // Every field of the head is either among those or says what the recording is.
    let head: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    for field in head.as_object().unwrap().keys() {
        let is_form = field == "format" || field == "n_memories";
        assert!(
            is_form || other.iter().any(|(name, _)| name == field),
            "{field}"
        );
        let cut = with_head(&text, |head| {
            head.as_object_mut().unwrap().remove(field);
        });
        assert!(replayed(&cut).is_err(), "a head without {field} was taken");
    }
}

/// Every number in a value, with its path.
fn numbers(value: &Value, path: &str, found: &mut Vec<(String, f64)>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                numbers(value, &format!("{path}.{name}"), found);
            }
        }
        other => found.push((path.to_owned(), other.as_f64().unwrap())),
    }
}

#[test]
fn every_tracker_setting_is_carried() {
    let (mut ours, mut default) = (Vec::new(), Vec::new());
    numbers(&json!(crowd()), "", &mut ours);
    numbers(&json!(CrowdSettings::default()), "", &mut default);
    assert_eq!(ours.len(), default.len());
    for (ours, default) in ours.iter().zip(&default) {
        assert_ne!(ours, default, "the test has a setting as by default");
    }
    // Fields as `Debug` names them: one that is not written cannot hide.
    let n_fields = format!("{:?}", crowd()).matches(": ").count() - 2;
    assert_eq!(n_fields, ours.len(), "a setting is not written");
    let again: CrowdSettings = serde_json::from_value(json!(crowd())).unwrap();
    assert_eq!(again, crowd());
}

#[test]
fn other_forms_and_cut_recordings_are_refused_with_a_reason() {
    let (_, text) = live();
    let says = |text: &str, words: &str| {
        let error = replayed(text).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    let old = r#"{"format":1,"seed":"00","cameras":[],"screens":[],"campaigns":[],"default_message":{},"time_zone":null}"#;
    says(old, "recording has form 1, this program reads form 4");
    says("", "recording is empty");
    says("{}\n", "line 1 of the recording is not valid");
    let head = text.lines().next().unwrap();
    says(&format!("{head}\n"), "ends after 0 of the 6 lines");
    says(
        &with_head(&text, |h| h["time_zone"] = json!("Mars/Olympus")),
        "Mars/Olympus",
    );
    says(
        &with_head(&text, |h| h["crowd"]["beat_hz"] = json!(0.0)),
        "beat_hz",
    );
}
