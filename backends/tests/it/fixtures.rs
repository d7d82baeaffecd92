//! Rows to write. Every number in them comes from the arguments.

use std::time::Duration;

use regard_backends::{
    Batch, DecisionRow, Document, Fact, MinuteAggregate, OutcomeRow, PlayEnd, PlayStart, PolicyRow,
    Setting,
};
use regard_commitments::{
    Answer, Commitments, Kept, Leaf, Profile, Retained, RetentionGate, SignedCommitments, SiteKeys,
    VisitSums, Zeroizing, leaf_hash,
};
use regard_decision::{
    Decision, FactValue, Learned, LocalTime, Outcome, OutcomeKind, POLICY_STATE_FORMAT,
    PolicyState, Reason, Trigger,
};
use regard_domain::{DecisionId, PlayId, Timestamp};

/// An afternoon in 2027.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

pub(crate) fn later(secs: u64) -> Timestamp {
    START.plus(Duration::from_secs(secs))
}

pub(crate) fn signed(version: u32) -> SignedCommitments {
    let mut document = Commitments::demo();
    document.version = version;
    document.sign(&keys().commitments_key())
}

fn keys() -> SiteKeys {
    SiteKeys::from_seed(Zeroizing::new([7; 32]))
}

/// Gives rows the end that a test wants, by way of the real gate: it is asked as many days earlier as it would add.
pub(crate) struct Keeper(RetentionGate);

impl Keeper {
    pub(crate) fn new() -> Self {
        let verified = signed(1)
            .verify(&keys().commitments_key().verifying_key())
            .unwrap();
        Self(RetentionGate::new(&verified, &Profile::named("lab").unwrap()).unwrap())
    }

    pub(crate) fn until<T: Retained>(&self, row: T, keep_until: Timestamp) -> Kept<T> {
        let period = self.0.period(T::KIND).unwrap().duration();
        let asked = keep_until.as_micros() - i64::try_from(period.as_micros()).unwrap();
        match self.0.keep(row, Timestamp::from_micros(asked)) {
            Answer::Granted(kept) => {
                assert_eq!(kept.keep_until(), keep_until);
                kept
            }
            Answer::Refused(refusal) => panic!("{refusal:?}"),
        }
    }

    /// With an end that no test reaches.
    pub(crate) fn long<T: Retained>(&self, row: T) -> Kept<T> {
        self.until(row, later(10_000_000))
    }
}

pub(crate) fn leaf(index: u64) -> Leaf {
    let bytes = format!("entry {index}").into_bytes();
    Leaf {
        index,
        at: later(index),
        hash: leaf_hash(&bytes),
        bytes,
    }
}

pub(crate) fn leaves(keeper: &Keeper, indices: std::ops::Range<u64>) -> Vec<Kept<Leaf>> {
    indices.map(|index| keeper.long(leaf(index))).collect()
}

pub(crate) fn decision(id: u128, at: Timestamp, campaign: &str, creative: &str) -> Decision {
    Decision {
        id: DecisionId::from_bits(id),
        at,
        local: LocalTime::new(2027, 1, 15, 9, 0).unwrap(),
        screen: "entrance".parse().unwrap(),
        slot: (id % 2 == 1).then(|| "side".parse().unwrap()),
        campaign: (!campaign.is_empty()).then(|| campaign.parse().unwrap()),
        creative: creative.parse().unwrap(),
        is_default: campaign.is_empty(),
        policy: "thompson".to_owned(),
        policy_version: 3,
        propensity: 0.1 + 0.2,
        candidates: Vec::new(),
        features: vec![
            ("bias".to_owned(), 1.0),
            ("attention".to_owned(), 1.0 / 3.0),
        ],
        held_out: None,
        segments: Vec::new(),
        is_personal: false,
        reason: reason(),
    }
}

fn reason() -> Reason {
    Reason {
        trigger: Trigger::Start,
        cause: None,
        met: Vec::new(),
        excluded: Vec::new(),
    }
}

pub(crate) fn play_of(decision: &Decision) -> PlayStart {
    PlayStart {
        id: decision.play(),
        screen: decision.screen.clone(),
        slot: decision.slot.clone(),
        campaign: decision.campaign.clone(),
        creative: decision.creative.clone(),
        at: decision.at,
    }
}

pub(crate) fn end_of(play: u128, at: Timestamp, shown_millis: u64) -> PlayEnd {
    PlayEnd {
        id: PlayId::from_bits(play),
        at,
        shown_millis,
    }
}

pub(crate) fn outcome(decision: u128, kind: OutcomeKind, key: &str, value: f32) -> Outcome {
    Outcome {
        decision: DecisionId::from_bits(decision),
        kind,
        value,
        at: later(60),
        key: key.to_owned(),
    }
}

pub(crate) fn policy(campaign: &str, version: u64) -> PolicyRow {
    PolicyRow {
        campaign: campaign.parse().unwrap(),
        at: later(version),
        state: PolicyState {
            format: POLICY_STATE_FORMAT,
            evidence: String::new(),
            version,
            learned: Learned::Linucb {
                features: vec!["bias".to_owned()],
                // Has no short decimal form: a store that rounds is found out.
                ridge: 1.0 / 3.0 + version as f64,
                actions: [].into(),
            },
        },
    }
}

pub(crate) fn minute(minute: u64, run: u64, entered: u32) -> MinuteAggregate {
    MinuteAggregate {
        camera: "cam".parse().unwrap(),
        minute: later(minute * 60),
        run,
        observed_millis: 30_000,
        entered,
        left: 1,
        looks: 2,
        peak_visitors: entered,
        visitor_secs: 4.5,
        looking_secs: 1.5,
        attention_secs: 0.25,
        expression_secs: [0.5, 1.0, 0.0, 0.0, 0.0, 0.0, 3.0],
        visits: VisitSums {
            visits: u64::from(entered),
            lookers: 1,
            looks: 2,
            attention_millis: 2_500,
            dwell_millis: 4_500,
            expressions: [0, 1, 0, 0, 0, 0, 0],
        },
    }
}

pub(crate) fn fact(name: &str, value: Option<f64>) -> Fact {
    Fact {
        name: name.to_owned(),
        value: value.map(FactValue::Number),
        at: START,
    }
}

pub(crate) fn document(name: &str, value: &str) -> Document {
    Document {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

pub(crate) fn setting(name: &str, value: &str) -> Setting {
    Setting {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

/// One of everything, with the end given.
pub(crate) fn one_of_each(keeper: &Keeper, number: u128, keep_until: Timestamp) -> Batch {
    let seconds = u64::try_from(number).unwrap();
    let made = decision(number, later(seconds), "summer", "a");
    let mut batch = Batch::new();
    batch
        .play_start(keeper.until(play_of(&made), keep_until))
        .play_end(keeper.until(end_of(number, later(seconds + 5), 5_000), keep_until))
        .outcome(keeper.until(
            OutcomeRow(outcome(number, OutcomeKind::AttentionSeconds, "m", 2.0)),
            keep_until,
        ))
        .policy(keeper.until(policy(&format!("c{number}"), seconds), keep_until))
        .minute(keeper.until(minute(seconds, 1, 1), keep_until))
        .fact(keeper.until(fact(&format!("f{number}"), Some(0.1)), keep_until))
        .decision(keeper.until(DecisionRow(made), keep_until));
    batch
}
