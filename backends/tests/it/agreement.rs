//! The store in memory counts row by row, the one on disk by query: whatever is done to both, they say the same.

use proptest::prelude::*;
use regard_backends::{
    Batch, DecisionRow, MemoryStore, OutcomeRow, SqliteOptions, SqliteStore, Store,
};
use regard_decision::OutcomeKind;

use crate::{
    conformance::everything,
    fixtures::{
        Keeper, decision, end_of, fact, later, leaves, minute, outcome, play_of, policy, setting,
    },
};

#[derive(Clone, Debug)]
enum Step {
    Decision {
        id: u128,
        at: u64,
        campaign: usize,
        end: u64,
    },
    Play {
        id: u128,
        at: u64,
        campaign: usize,
        end: u64,
    },
    End {
        id: u128,
        shown: u64,
        end: u64,
    },
    Outcome {
        id: u128,
        kind: usize,
        key: usize,
        quarters: i32,
        end: u64,
    },
    Policy {
        campaign: usize,
        version: u64,
        end: u64,
    },
    Minute {
        minute: u64,
        run: u64,
        entered: u32,
        end: u64,
    },
    Fact {
        name: usize,
        value: Option<f64>,
        end: u64,
    },
    Setting {
        value: usize,
        end: u64,
    },
    Ledger {
        index: u64,
    },
    Commit,
    Sweep {
        now: u64,
    },
}

const CAMPAIGNS: [&str; 3] = ["", "summer", "winter"];

fn step() -> impl Strategy<Value = Step> {
    let id = 0..6_u128;
    let end = 1..60_u64;
    prop_oneof![
        4 => (id.clone(), 0..50_u64, 0..3_usize, end.clone())
            .prop_map(|(id, at, campaign, end)| Step::Decision { id, at, campaign, end }),
        4 => (id.clone(), 0..50_u64, 0..3_usize, end.clone())
            .prop_map(|(id, at, campaign, end)| Step::Play { id, at, campaign, end }),
        3 => (id.clone(), 0..9_000_u64, end.clone()).prop_map(|(id, shown, end)| Step::End { id, shown, end }),
        6 => (id, 0..5_usize, 0..2_usize, -8..40_i32, end.clone())
            .prop_map(|(id, kind, key, quarters, end)| Step::Outcome { id, kind, key, quarters, end }),
        1 => (1..3_usize, 0..9_u64, end.clone())
            .prop_map(|(campaign, version, end)| Step::Policy { campaign, version, end }),
        2 => (0..3_u64, 0..3_u64, 0..9_u32, end.clone())
            .prop_map(|(minute, run, entered, end)| Step::Minute { minute, run, entered, end }),
        1 => (0..3_usize, proptest::option::of(-1.0..1.0), end.clone())
            .prop_map(|(name, value, end)| Step::Fact { name, value, end }),
        1 => (0..3_usize, end.clone()).prop_map(|(value, end)| Step::Setting { value, end }),
        2 => (0..4_u64).prop_map(|index| Step::Ledger { index }),
        4 => Just(Step::Commit),
        2 => (0..60_u64).prop_map(|now| Step::Sweep { now }),
    ]
}

fn kind(number: usize) -> OutcomeKind {
    let custom = OutcomeKind::Custom("basket".to_owned());
    [
        OutcomeKind::AttentionSeconds,
        OutcomeKind::SmileLift,
        OutcomeKind::Scan,
        OutcomeKind::Conversion,
        custom,
    ][number]
        .clone()
}

/// What the step brought about, as text.
async fn take(store: &dyn Store, keeper: &Keeper, batch: &mut Batch, step: &Step) -> String {
    match step.clone() {
        Step::Decision {
            id,
            at,
            campaign,
            end,
        } => {
            let row = DecisionRow(decision(id, later(at), CAMPAIGNS[campaign], "a"));
            batch.decision(keeper.until(row, later(end)));
        }
        Step::Play {
            id,
            at,
            campaign,
            end,
        } => {
            let made = decision(id, later(at), CAMPAIGNS[campaign], "b");
            batch.play_start(keeper.until(play_of(&made), later(end)));
        }
        Step::End { id, shown, end } => {
            batch.play_end(keeper.until(end_of(id, later(50), shown), later(end)));
        }
        Step::Outcome {
            id,
            kind: number,
            key,
            quarters,
            end,
        } => {
            // Quarters add up without rounding, in any order.
            let value = quarters as f32 / 4.0;
            let row = OutcomeRow(outcome(id, kind(number), ["k", "l"][key], value));
            batch.outcome(keeper.until(row, later(end)));
        }
        Step::Policy {
            campaign,
            version,
            end,
        } => {
            batch.policy(keeper.until(policy(CAMPAIGNS[campaign], version), later(end)));
        }
        Step::Minute {
            minute: at,
            run,
            entered,
            end,
        } => {
            batch.minute(keeper.until(minute(at, run, entered), later(end)));
        }
        Step::Fact { name, value, end } => {
            batch.fact(keeper.until(fact(["f", "g", "h"][name], value), later(end)));
        }
        Step::Setting { value, end } => {
            let row = setting("token", ["x", "y", "z"][value]);
            store
                .put_setting(&keeper.until(row, later(end)))
                .await
                .unwrap();
        }
        Step::Ledger { index } => {
            return format!(
                "{:?}",
                store.append_ledger(&leaves(keeper, index..index + 1)).await
            );
        }
        Step::Commit => {
            let report = store.commit(batch).await.unwrap();
            batch.clear();
            return format!("{report:?}");
        }
        Step::Sweep { now } => return format!("{:?}", store.sweep(later(now)).await.unwrap()),
    }
    String::new()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn memory_and_disk_say_the_same(steps in proptest::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let keeper = Keeper::new();
            let memory = MemoryStore::new(1_000);
            let disk = SqliteStore::open(folder.path(), SqliteOptions::default()).await.unwrap();
            let (mut for_memory, mut for_disk) = (Batch::new(), Batch::new());
            for step in steps.iter().chain([&Step::Commit]) {
                let said = take(&memory, &keeper, &mut for_memory, step).await;
                assert_eq!(said, take(&disk, &keeper, &mut for_disk, step).await, "{step:?}");
            }
            assert_eq!(everything(&memory).await, everything(&disk).await);
            disk.close().await;
        });
    }
}

#[tokio::test]
async fn of_a_policy_the_newest_state_alone_waits() {
    let keeper = Keeper::new();
    let mut batch = Batch::new();
    for (campaign, version) in [("x", 1), ("y", 1), ("x", 2)] {
        batch.policy(keeper.long(policy(campaign, version)));
    }
    assert_eq!(batch.len(), 2);
    // What could not be written and what came meanwhile.
    let mut newer = Batch::new();
    newer
        .policy(keeper.long(policy("x", 3)))
        .fact(keeper.long(fact("rain", None)));
    batch.append(&mut newer);
    assert_eq!((batch.len(), newer.len()), (3, 0));
    let store = MemoryStore::new(1_000);
    store.commit(&batch).await.unwrap();
    let kept = store.policies().await.unwrap();
    assert_eq!(kept, [policy("x", 3), policy("y", 1)]);
}
