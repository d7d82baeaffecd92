//! The process is killed while it writes: what it acknowledged is there, what it did not is there wholly or not at all.

use std::{
    env,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use regard_backends::{Batch, Integrity, SqliteOptions, SqliteStore, Store};
use regard_domain::DecisionId;

use crate::fixtures::{Keeper, later, leaf, leaves, one_of_each};

/// Names the folder to the child that is to be killed.
const FOLDER: &str = "REGARD_TEST_KILL_FOLDER";

/// Rows of each kind in one batch of the child.
const ROWS: u128 = 4;

/// Rounds in every run of the tests, and in the slow ones.
const ROUNDS: (u32, u32) = (5, 200);

/// The child's part: without its variable, as in every ordinary run, there is nothing to do.
#[tokio::test]
async fn child() {
    let Some(folder) = env::var_os(FOLDER) else {
        return;
    };
    let keeper = Keeper::new();
    let store = SqliteStore::open(Path::new(&folder), SqliteOptions::default())
        .await
        .unwrap();
    let mut number = next_batch(&store).await;
    let mut index = store.ledger_len().await.unwrap();
    loop {
        let mut batch = Batch::new();
        for row in 0..ROWS {
            let id = number * ROWS + row;
            batch.append(&mut one_of_each(&keeper, id, later(10_000_000)));
        }
        store.commit(&batch).await.unwrap();
        println!("batch {number}");
        number += 1;
        store
            .append_ledger(&leaves(&keeper, index..index + 2))
            .await
            .unwrap();
        index += 2;
        println!("ledger {index}");
    }
}

async fn next_batch(store: &SqliteStore) -> u128 {
    let decisions = store.decisions(u32::MAX, None).await.unwrap();
    decisions
        .iter()
        .map(|d| d.id.as_bits() / ROWS + 1)
        .max()
        .unwrap_or(0)
}

#[tokio::test]
async fn nothing_acknowledged_is_lost() {
    let is_slow = env::var_os("REGARD_SLOW").is_some();
    let usual = if is_slow { ROUNDS.1 } else { ROUNDS.0 };
    let rounds = env::var("REGARD_KILL_ROUNDS").map_or(usual, |n| n.parse().unwrap());
    let seed = env::var("REGARD_KILL_SEED").map_or(20_270_115, |seed| seed.parse().unwrap());
    println!("seed {seed}, {rounds} rounds");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = Acknowledged::default();
    for round in 0..rounds {
        let n_lines = rng.random_range(1..40);
        // Something between no time and that of a commit, so that the blow falls anywhere in it.
        let spins = rng.random_range(0..400_000_u32);
        kill_after(folder.path(), n_lines, spins, &mut acknowledged);
        check(folder.path(), &acknowledged, round).await;
    }
    assert!(acknowledged.batches > u128::from(rounds) / 2);
}

#[derive(Debug, Default)]
struct Acknowledged {
    batches: u128,
    entries: u64,
}

fn kill_after(folder: &Path, n_lines: usize, spins: u32, acknowledged: &mut Acknowledged) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["kill::child", "--exact", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut note = |line: &str| {
        let mut words = line.split(' ');
        // The first line shares its own with the name of the test.
        let (number, what) = (words.next_back().unwrap(), words.next_back());
        match what {
            Some("batch") => acknowledged.batches = number.parse::<u128>().unwrap() + 1,
            Some("ledger") => acknowledged.entries = number.parse().unwrap(),
            _ => return false,
        }
        true
    };
    let mut seen = 0;
    while seen < n_lines {
        let line = lines.next().expect("the child writes until it is killed");
        seen += usize::from(note(&line.unwrap()));
    }
    for spin in 0..spins {
        std::hint::black_box(spin);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // What it still said before it died was acknowledged too; the last line may be cut.
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    for line in rest.iter().rev().skip(1).rev() {
        note(line);
    }
}

async fn check(folder: &Path, acknowledged: &Acknowledged, round: u32) {
    let store = SqliteStore::open(folder, SqliteOptions::default())
        .await
        .unwrap();
    let place = format!("round {round}, {acknowledged:?}");
    assert_eq!(
        store.integrity_check().await.unwrap(),
        Integrity::Sound,
        "{place}"
    );
    let there = next_batch(&store).await;
    assert!(there >= acknowledged.batches, "{there}, {place}");
    assert!(there <= acknowledged.batches + 2, "{there}, {place}");
    let decisions = store.decisions(u32::MAX, None).await.unwrap();
    assert_eq!(decisions.len() as u128, there * ROWS, "{place}");
    let plays = store.plays_since(None, later(0)).await.unwrap();
    assert_eq!(plays.len() as u128, there * ROWS, "{place}");
    assert!(plays.iter().all(|p| p.ended_at.is_some()), "{place}");
    for id in 0..there * ROWS {
        let outcomes = store.outcomes_of(DecisionId::from_bits(id)).await.unwrap();
        assert_eq!(outcomes.len(), 1, "{place}");
    }
    assert_eq!(store.facts().await.unwrap().len() as u128, there * ROWS);
    let len = store.ledger_len().await.unwrap();
    assert!(
        len >= acknowledged.entries && len % 2 == 0,
        "{len}, {place}"
    );
    for (row, index) in store.ledger_range(0..len).await.unwrap().iter().zip(0..) {
        assert_eq!((row.index, row.hash), (index, leaf(index).hash), "{place}");
    }
    store.close().await;
}
