//! What holds of the slots of a screen together, and of each for itself.

use std::collections::BTreeMap;

use proptest::prelude::*;
use regard_audience::Digest;
use regard_backends::{PlayEnd, PlayStart};
use regard_commitments::Answer;
use regard_decision::{
    Campaign, ContextSpec, Creative, Decision, Outcome, OutcomeKind, Planner, Trigger,
};
use regard_domain::{
    Attention, CameraId, CampaignId, ExpressionDistribution, SlotId, TrackId, Visitor,
};
use serde_json::{Value, json};

use super::*;
use crate::calendar::Calendar;
use crate::conductor::{HEARD, LEARNED, Seat};
use crate::uses::Uses;
use crate::view::{OfferFor, PlayReport};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000 + millis)
}

fn screen() -> ScreenId {
    "window".parse().unwrap()
}

fn camera() -> CameraId {
    "door".parse().unwrap()
}

fn slots() -> Vec<SlotId> {
    let slots: [SlotId; 2] = ["main", "side"].map(|id| id.parse().unwrap());
    slots.into()
}

fn visitor(number: u64) -> Visitor {
    Visitor {
        track: TrackId::from_bits(number.into()),
        number,
        dwell_secs: 1.0,
        is_looking: true,
        looked_secs: 1.0,
        attention: Attention::new(0.9),
        expression: None,
        expression_label: ExpressionDistribution::uniform().label(0.5),
        face_height_ratio: 0.2,
    }
}

fn message(id: &str, more: &Value) -> Value {
    let mut message = json!({"id": id, "name": id, "content": {"kind": "text", "title": id}, "min_show_millis": 1000});
    for (key, value) in more.as_object().unwrap() {
        message[key] = value.clone();
    }
    message
}

/// A screen of two slots and what came of it.
struct House {
    conductor: Conductor,
    n_moments: u64,
    decisions: Vec<Decision>,
    starts: Vec<PlayStart>,
    ends: Vec<PlayEnd>,
    outcomes: Vec<Outcome>,
    /// The newest of each place.
    latest: BTreeMap<usize, Arc<Showing>>,
}

impl House {
    fn new(campaigns: Value) -> Self {
        let campaigns = serde_json::from_value(campaigns).unwrap();
        let default = Creative::text("welcome".parse().unwrap(), "Welcome", "");
        let context = ContextSpec::default();
        let context = context.with_slots(slots().into_iter().collect()).unwrap();
        let planner = Planner::new(campaigns, default, context).unwrap();
        let seat = Seat {
            screen: screen(),
            camera: Some(camera()),
            slots: slots(),
        };
        let uses = [(Some(camera()), Uses::ALL)].into();
        let calendar = Calendar::new(Some("UTC")).unwrap();
        Self {
            conductor: Conductor::new(calendar, planner, &[seat], uses, [3; 32]),
            n_moments: 0,
            decisions: Vec::new(),
            starts: Vec::new(),
            ends: Vec::new(),
            outcomes: Vec::new(),
            latest: BTreeMap::new(),
        }
    }

    /// How many changed.
    fn take(&mut self, effects: Vec<Effect>) -> usize {
        let mut n = 0;
        for effect in effects {
            match effect {
                Effect::Show { place, showing, .. } => {
                    self.latest.insert(place, showing);
                    n += 1;
                }
                Effect::Keep(Row::Decision(row)) => self.decisions.push(row.0),
                Effect::Keep(Row::PlayStart(row)) => self.starts.push(row),
                Effect::Keep(Row::PlayEnd(row)) => self.ends.push(row),
                Effect::Keep(Row::Outcome(row)) => self.outcomes.push(row.0),
                Effect::Keep(_) | Effect::OnGlass { .. } => {}
            }
        }
        n
    }

    fn tick(&mut self, millis: i64) -> usize {
        let effects = self.conductor.tick(at(millis));
        self.take(effects)
    }

    fn see(&mut self, millis: i64, n_visitors: u64) -> usize {
        self.n_moments += 1;
        let moment = Moment {
            camera: camera(),
            at: at(millis),
            sequence: self.n_moments,
            cause: MomentCause::Beat,
            visitors: (1..=n_visitors).map(visitor).collect(),
        };
        let digest = Digest {
            moment: Some(moment),
            visits: Vec::new(),
        };
        let effects = self
            .conductor
            .seen(&camera(), &digest, at(millis), at(millis));
        self.take(effects)
    }

    /// The player says that what was decided last for a place is on the glass.
    fn shown(&mut self, place: usize, millis: i64) {
        let play = self.latest[&place].play;
        let effects = self.conductor.shown(&screen(), play, at(millis));
        self.take(effects);
    }

    fn now(&self, place: usize) -> &Decision {
        &self.latest[&place].decision
    }

    fn of_kind(&self, kind: &OutcomeKind, decision: &Decision) -> Vec<f32> {
        let of = |o: &&Outcome| o.kind == *kind && o.decision == decision.id;
        self.outcomes.iter().filter(of).map(|o| o.value).collect()
    }
}

fn named(name: &str) -> OutcomeKind {
    OutcomeKind::Custom(name.to_owned())
}

/// Fixed in their order: the first for the first slot.
fn in_order() -> Value {
    json!([{
        "id": "k", "name": "K", "policy": {"kind": "fixed"},
        "guardrail": [{"metric": "objections", "at_most": 0.5}],
        "creatives": [
            message("a", &json!({"duration_millis": 5000})),
            message("b", &json!({"duration_millis": 8000})),
            message("c", &json!({})),
        ],
    }])
}

#[test]
fn each_slot_has_its_decision_its_play_its_measures_and_its_reward() {
    let mut house = House::new(in_order());
    assert_eq!(house.tick(0), 2);
    let (main, side) = (house.now(0).clone(), house.now(1).clone());
    for (decision, creative, slot) in [(&main, "a", "main"), (&side, "b", "side")] {
        assert_eq!(decision.creative.as_str(), creative);
        assert_eq!(decision.slot.as_ref().map(SlotId::as_str), Some(slot));
        let feature = format!("slot.{slot}");
        let of_slots = decision
            .features
            .iter()
            .filter(|(n, _)| n.starts_with("slot."));
        let set: Vec<&str> = of_slots
            .filter(|(_, value)| *value > 0.0)
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(set, [feature]);
    }
    house.shown(0, 0);
    house.shown(1, 0);
    for millis in (100..=5_000).step_by(100) {
        let changed = house.see(millis, 1);
        assert_eq!(changed, usize::from(millis == 5_000), "{millis}");
    }
    // The first slot begins anew; the second goes on.
    assert_ne!(house.now(0).id, main.id);
    assert_eq!(house.now(1).id, side.id);
    house.shown(0, 5_000);
    let ended: Vec<_> = house.ends.iter().map(|end| end.id).collect();
    assert_eq!(ended, [main.play()]);
    let started: Vec<_> = house.starts.iter().map(|s| s.slot.as_ref()).collect();
    let slot = slots();
    assert_eq!(started, [Some(&slot[0]), Some(&slot[1]), Some(&slot[0])]);
    // What a player says of one play is not taken for the other.
    let report = PlayReport {
        play: side.play(),
        shown_millis: 7_777,
        ended: true,
    };
    let effects = house.conductor.play(&screen(), report, at(7_900));
    house.take(effects);
    for millis in (5_100..=8_000).step_by(100) {
        house.see(millis, 1);
    }
    house.shown(1, 8_000);
    assert_eq!(house.ends.len(), 2);
    assert_eq!(
        (house.ends[1].id, house.ends[1].shown_millis),
        (side.play(), 7_777)
    );
    // The audience looked at the screen: that counts for what either slot showed, as long as it did.
    for (decision, secs) in [(&main, 5.0), (&side, 8.0)] {
        let looked = house.of_kind(&OutcomeKind::AttentionSeconds, decision);
        assert_eq!(looked.len(), 1);
        assert!((looked[0] - secs).abs() < 0.21, "{looked:?}");
    }
    house.tick(8_050);
    for decision in [&main, &side] {
        assert_eq!(house.of_kind(&named(LEARNED), decision).len(), 1);
    }
}

#[test]
fn what_holds_of_a_screen_holds_of_all_its_slots() {
    let mut house = House::new(in_order());
    house.tick(0);
    let (main, side) = (house.now(0).clone(), house.now(1).clone());
    house.shown(0, 10);
    house.shown(1, 20);
    // Nobody can tell which of the two somebody objected before.
    let effects = house.conductor.objected(&screen(), at(1_000));
    house.take(effects);
    for decision in [&main, &side] {
        assert_eq!(house.of_kind(&OutcomeKind::Objection, decision), [1.0]);
    }
    // A preview takes the whole glass.
    let effects = house.conductor.preview(&screen(), at(3_000), at(2_000));
    assert_eq!(house.take(effects), 0);
    let ended: BTreeMap<_, _> = house.ends.iter().map(|e| (e.id, e.shown_millis)).collect();
    assert_eq!(
        ended,
        BTreeMap::from([(main.play(), 1_990), (side.play(), 1_980)])
    );
    for decision in [&main, &side] {
        assert_eq!(house.of_kind(&named(HEARD), decision), [0.0]);
    }
    assert_eq!(house.tick(2_900), 0);
    assert_eq!(house.tick(3_000), 2);
    for place in 0..2 {
        assert_eq!(house.now(place).reason.trigger, Trigger::Start);
    }
    // Without a ledger every slot has the default message, and the slots come back together with it.
    let effects = house.conductor.ledger(false, at(3_500));
    assert_eq!(house.take(effects), 2);
    assert!(house.now(0).is_default && house.now(1).is_default);
    let effects = house.conductor.ledger(true, at(9_000));
    assert_eq!(house.take(effects), 2);
    let shown = [0, 1].map(|place| house.now(place).creative.to_string());
    assert_eq!(shown, ["a", "b"]);
}

/// Nobody is before the camera, and the time of the message is far from over.
#[test]
fn a_message_that_is_taken_off_goes_with_the_next_beat_and_the_other_slot_plays_on() {
    let campaign = |id: &str, slot: &str, enabled: bool| {
        let creative = message(id, &json!({"duration_millis": 600_000}));
        json!({"id": id, "name": id, "slots": [slot], "enabled": enabled, "creatives": [creative]})
    };
    let with = |enabled| {
        json!([
            campaign("loud", "main", enabled),
            campaign("calm", "side", true)
        ])
    };
    let mut house = House::new(with(true));
    assert_eq!(house.tick(0), 2);
    assert_eq!(house.tick(100), 0);
    let off: Vec<Campaign> = serde_json::from_value(with(false)).unwrap();
    house.conductor.set_campaigns(off).unwrap();
    assert_eq!(house.tick(200), 1);
    let decision = house.now(0);
    assert_eq!(
        (&decision.reason.trigger, &decision.campaign),
        (&Trigger::Withdrawn, &None)
    );
    assert_eq!(house.now(1).creative.as_str(), "calm");
    assert_eq!(house.tick(300), 0);
}

#[test]
fn campaigns_of_a_slot_are_fetched_ahead_and_offered_where_they_run() {
    let campaign = |id: &str, slots: Value| {
        json!({
            "id": id, "name": id, "policy": {"kind": "lints"}, "slots": slots,
            "creatives": [message(id, &json!({}))],
        })
    };
    let house = House::new(json!([
        campaign("anywhere", json!([])),
        campaign("beside", json!(["side"])),
        campaign("elsewhere", json!(["strip"])),
    ]));
    let ids = |creatives: Vec<(Option<CampaignId>, Creative)>| -> Vec<String> {
        creatives.iter().map(|(_, c)| c.id.to_string()).collect()
    };
    let creatives = house.conductor.creatives(&screen());
    assert_eq!(ids(creatives), ["welcome", "anywhere", "beside"]);
    let offers = house.conductor.offers(&screen(), OfferFor::Present, at(0));
    let Some(Answer::Granted(offers)) = offers else {
        panic!("{offers:?}");
    };
    let offered: BTreeSet<&str> = offers.iter().map(|o| o.creative.as_str()).collect();
    assert_eq!(offered, BTreeSet::from(["anywhere", "beside"]));
    assert_eq!(offers.len(), 2, "each once");
}

#[test]
fn slots_contest_messages_of_a_campaign_that_runs_in_several_of_one_screen() {
    let campaign = |id: &str, screens: Value, slots: Value| {
        json!({
            "id": id, "name": id, "screens": screens, "slots": slots,
            "creatives": [message(id, &json!({}))],
        })
    };
    let house = House::new(json!([
        campaign("anywhere", json!([]), json!([])),
        campaign("both", json!(["window"]), json!(["main", "side"])),
        campaign("elsewhere", json!(["door"]), json!([])),
        campaign("one", json!([]), json!(["side", "strip"])),
    ]));
    let conductor = &house.conductor;
    let contested = conductor
        .planner()
        .campaigns()
        .filter(|campaign| conductor.is_contested(campaign));
    let contested: Vec<&str> = contested.map(|campaign| campaign.id.as_str()).collect();
    assert_eq!(contested, ["anywhere", "both"]);
}

fn most_within(starts: &[i64], millis: i64) -> usize {
    let within = |from: &i64| {
        starts
            .iter()
            .filter(|at| (*from..*from + millis).contains(*at))
            .count()
    };
    starts.iter().map(within).max().unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// Whoever comes and goes, whatever reaches the glass and when.
    #[test]
    fn slots_never_show_the_same_and_exceed_no_cap_together(
        per_hour in 1..5_u32, gap in 0..20_000_i64, total in 1..30_u32,
        steps in prop::collection::vec((1..4_000_i64, 0..4_u64, any::<bool>(), any::<bool>()), 1..80),
    ) {
        let mut house = House::new(json!([
            {
                "id": "k", "name": "K", "policy": {"kind": "thompson"},
                "budget": {"max_plays_total": total},
                "creatives": [
                    message("a", &json!({
                        "duration_millis": 3000,
                        "caps": {"max_per_hour": per_hour, "min_gap_millis": gap},
                    })),
                    message("b", &json!({"when": {"n_visitors": {"min": 1}}, "duration_millis": 2000})),
                    message("c", &json!({"duration_millis": 4000})),
                ],
            },
            {
                "id": "crowd", "name": "Crowd", "priority": 5,
                "creatives": [message("d", &json!({"when": {"n_visitors": {"min": 3}}}))],
            },
        ]));
        let mut millis = 0;
        for (step, n_visitors, is_beat, reaches_the_glass) in steps {
            millis += step;
            if is_beat {
                house.tick(millis);
            } else {
                house.see(millis, n_visitors);
            }
            let shown = house.latest.values().filter_map(|showing| {
                let decision = &showing.decision;
                Some((decision.campaign.clone()?, decision.creative.clone()))
            });
            let shown: Vec<_> = shown.collect();
            let apart: BTreeSet<_> = shown.iter().collect();
            prop_assert_eq!(apart.len(), shown.len(), "{:?}", shown);
            if reaches_the_glass {
                let places: Vec<usize> = house.latest.keys().copied().collect();
                places.into_iter().for_each(|place| house.shown(place, millis));
            }
        }
        let of_k: Vec<&Decision> = house
            .decisions
            .iter()
            .filter(|d| d.campaign.as_ref().is_some_and(|c| c.as_str() == "k"))
            .collect();
        prop_assert!(of_k.len() <= total as usize);
        let capped = of_k.iter().filter(|d| d.creative.as_str() == "a");
        let capped: Vec<i64> = capped.map(|d| d.at.as_millis()).collect();
        prop_assert!(most_within(&capped, 3_600_000) <= per_hour as usize);
        if gap > 0 {
            prop_assert!(most_within(&capped, gap) <= 1);
        }
        // A play that began was decided for, and has ended unless it is the last of its slot.
        for start in &house.starts {
            let decision = house.decisions.iter().find(|d| d.play() == start.id).unwrap();
            prop_assert_eq!(&decision.slot, &start.slot);
        }
        prop_assert!(house.starts.len() <= house.ends.len() + 2);
    }
}
