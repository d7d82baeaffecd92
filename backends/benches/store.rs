//! Rows a second of the group commit, and how long the reads of console and reports take.
//!
//! `REGARD_BENCH_PLAYS` sets how many plays lie in the store that is read, over thirty days; 20 000 unless told.

#![expect(
    clippy::unwrap_used,
    reason = "as in tests: nobody could act on the failure"
)]

#[path = "../tests/it/fixtures.rs"]
#[expect(dead_code, reason = "shared with the room's tests, which use the rest")]
mod fixtures;

use std::{cell::Cell, env, ops::Range, sync::OnceLock};

use divan::{Bencher, black_box, counter::ItemsCount};
use fixtures::{Keeper, START, decision, end_of, later, outcome, play_of};
use regard_backends::{Batch, DecisionRow, OutcomeRow, SqliteOptions, SqliteStore, Store};
use regard_decision::OutcomeKind;
use regard_domain::Timestamp;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const DAY_SECS: u64 = 86_400;
const DAYS: u64 = 30;

/// Odd, so that multiplying with it permutes the ids, which then come as unordered as random ones.
const SCATTER: u128 = 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835;

fn main() {
    divan::main();
}

struct Scene {
    runtime: Runtime,
    store: SqliteStore,
    _folder: TempDir,
}

fn scene() -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let runtime = Runtime::new().unwrap();
    let store = runtime
        .block_on(SqliteStore::open(folder.path(), SqliteOptions::default()))
        .unwrap();
    Scene {
        runtime,
        store,
        _folder: folder,
    }
}

/// A decision, its play from beginning to end, and two outcomes: five rows.
fn add_play(keeper: &Keeper, batch: &mut Batch, number: u64, at: Timestamp) {
    let id = u128::from(number).wrapping_mul(SCATTER);
    let creative = ["a", "b", "c", "d"][usize::try_from(number % 4).unwrap()];
    let campaign = ["summer", "winter"][usize::try_from(number / 4 % 2).unwrap()];
    let made = decision(id, at, campaign, creative);
    let value = (number % 37) as f32 / 10.0;
    batch
        .play_start(keeper.long(play_of(&made)))
        .play_end(keeper.long(end_of(id, at, 8_000)))
        .outcome(keeper.long(OutcomeRow(outcome(
            id,
            OutcomeKind::AttentionSeconds,
            "m",
            value,
        ))))
        .outcome(keeper.long(OutcomeRow(outcome(id, OutcomeKind::SmileLift, "m", value))))
        .decision(keeper.long(DecisionRow(made)));
}

#[divan::bench(args = [1, 20, 200])]
fn group_commit(bencher: Bencher<'_, '_>, plays: u64) {
    let (scene, keeper, next) = (scene(), Keeper::new(), Cell::new(0));
    bencher
        .counter(ItemsCount::new(plays * 5))
        .with_inputs(|| {
            let mut batch = Batch::new();
            for number in next.get()..next.get() + plays {
                add_play(&keeper, &mut batch, number, later(number));
            }
            next.set(next.get() + plays);
            batch
        })
        .bench_local_refs(|batch| scene.runtime.block_on(scene.store.commit(batch)).unwrap());
}

fn full() -> &'static Scene {
    static FULL: OnceLock<Scene> = OnceLock::new();
    FULL.get_or_init(|| {
        let plays = env::var("REGARD_BENCH_PLAYS").map_or(20_000, |n| n.parse().unwrap());
        let (scene, keeper) = (scene(), Keeper::new());
        let mut batch = Batch::new();
        for number in 0..plays {
            let at = later(number * DAYS * DAY_SECS / plays);
            add_play(&keeper, &mut batch, number, at);
            if batch.len() >= 10_000 || number + 1 == plays {
                scene.runtime.block_on(scene.store.commit(&batch)).unwrap();
                batch.clear();
            }
        }
        scene
    })
}

fn one_day() -> Range<Timestamp> {
    later(10 * DAY_SECS)..later(11 * DAY_SECS)
}

#[divan::bench]
fn report_of_a_day(bencher: Bencher<'_, '_>) {
    let scene = full();
    bencher.bench(|| {
        scene
            .runtime
            .block_on(scene.store.creative_report(black_box(one_day())))
    });
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn report_of_all_days(bencher: Bencher<'_, '_>) {
    let scene = full();
    let all = START..later(DAYS * DAY_SECS);
    bencher.bench(|| {
        scene
            .runtime
            .block_on(scene.store.creative_report(black_box(all.clone())))
    });
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn play_rows_of_a_day(bencher: Bencher<'_, '_>) {
    let scene = full();
    bencher.bench(|| {
        scene
            .runtime
            .block_on(scene.store.play_rows(black_box(one_day())))
    });
}

#[divan::bench]
fn play_counts_of_the_last_day(bencher: Bencher<'_, '_>) {
    let scene = full();
    let since = later(29 * DAY_SECS);
    bencher.bench(|| {
        scene
            .runtime
            .block_on(scene.store.play_counts(black_box(since)))
    });
}

#[divan::bench]
fn latest_fifty_decisions(bencher: Bencher<'_, '_>) {
    let scene = full();
    bencher.bench(|| {
        scene
            .runtime
            .block_on(scene.store.decisions(black_box(50), None))
    });
}
