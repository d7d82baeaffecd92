//! What a killed program left on the disk.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fmt, fs};

use regard_backends::{Integrity, SqliteOptions, SqliteStore, Store};
use regard_commitments::{
    Commitments, Digest, MerkleTree, NoteSigner, NoteVerifier, SiteKeys, Zeroizing, ledger_origin,
    verify_ledger,
};
use regard_decision::{FactValue, OutcomeKind};
use regard_domain::{DecisionId, Timestamp};
use serde_json::Value;

use super::Told;

/// The outcome that stands for "this play was learned from".
const LEARNED: &str = "reward";

/// What is remembered of one death to the next.
#[derive(Default)]
pub(super) struct Body {
    n_decisions: usize,
    n_plays: usize,
    /// Updates that the policy has seen.
    version: u64,
    ledger_len: u64,
    ledger_root: Option<Digest>,
    key: String,
    n_deaths: usize,
    fact: Option<u32>,
}

/// A data folder, taken apart. Of a copy, so that the program itself finds what the death left.
pub(super) struct Autopsy {
    place: String,
    /// When each decision was made, in microseconds.
    decisions: BTreeMap<DecisionId, i64>,
    n_plays: usize,
    n_open_plays: usize,
    version: u64,
    leaves: Vec<Digest>,
    key: String,
    fact: Option<u32>,
}

pub(super) fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

pub(super) fn verifier(key: &str) -> NoteVerifier {
    let mut seed = [0; 32];
    for (i, byte) in seed.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&key[2 * i..2 * i + 2], 16).unwrap();
    }
    let keys = SiteKeys::from_seed(Zeroizing::new(seed));
    let origin = ledger_origin(&Commitments::demo().site.id);
    NoteSigner::new(origin, keys.ledger_key())
        .unwrap()
        .verifier()
}

impl Autopsy {
    /// Opens what is there and checks that it is sound and consistent in itself.
    pub(super) fn of(data: &Path, place: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let table = tempfile::tempdir().unwrap();
        copy(data, table.path());
        runtime
            .unwrap()
            .block_on(Self::open(table.path(), place.to_owned()))
    }

    async fn open(data: &Path, place: String) -> Self {
        let store = SqliteStore::open(data, SqliteOptions::default())
            .await
            .unwrap();
        let soundness = store.integrity_check().await.unwrap();
        assert_eq!(soundness, Integrity::Sound, "{place}");
        let start = Timestamp::from_micros(0);
        let decisions = store.decisions_since(start).await.unwrap();
        let plays = store.plays_since(None, start).await.unwrap();
        let mut n_learned = 0;
        for decision in &decisions {
            let outcomes = store.outcomes_of(decision.id).await.unwrap();
            let is_learned = |kind: &OutcomeKind| *kind == OutcomeKind::Custom(LEARNED.to_owned());
            let n = outcomes.iter().filter(|o| is_learned(&o.kind)).count();
            assert!(n <= 1, "{place}: learned twice from {}", decision.id);
            n_learned += n as u64;
        }
        // What was learned and that it was learned are written together or not at all.
        let version = store
            .policies()
            .await
            .unwrap()
            .iter()
            .map(|row| row.state.version)
            .sum();
        assert_eq!(version, n_learned, "{place}");
        let key = fs::read_to_string(data.join("site.key")).unwrap_or_default();
        let leaves = Self::ledger(&store, &key, &place).await;
        let facts = store.facts().await.unwrap();
        let fact = facts.iter().find(|fact| fact.name == super::FACT);
        let autopsy = Self {
            decisions: decisions.iter().map(|d| (d.id, d.at.as_micros())).collect(),
            n_plays: plays.len(),
            n_open_plays: plays.iter().filter(|p| p.ended_at.is_none()).count(),
            version,
            leaves,
            key,
            fact: fact.and_then(|fact| match fact.value {
                Some(FactValue::Number(number)) => Some(number as u32),
                _ => None,
            }),
            place,
        };
        store.close().await;
        autopsy
    }

    /// The ledger's hashes, after an outsider's check of entries and checkpoints.
    async fn ledger(store: &SqliteStore, key: &str, place: &str) -> Vec<Digest> {
        let len = store.ledger_len().await.unwrap();
        if len == 0 {
            return Vec::new(); // Killed before the site had a key.
        }
        let rows = store.ledger_range(0..len).await.unwrap();
        let entries: Vec<&[u8]> = rows.iter().filter_map(|row| row.bytes.as_deref()).collect();
        assert_eq!(entries.len() as u64, len, "{place}");
        let checkpoints = store.checkpoints().await.unwrap();
        let notes = checkpoints.iter().map(|checkpoint| &checkpoint.note);
        let report = verify_ledger(entries, notes, &verifier(key.trim()))
            .unwrap_or_else(|fault| panic!("{place}: {fault}"));
        assert_eq!(report.n_entries, len, "{place}");
        rows.iter().map(|row| row.hash).collect()
    }

    /// Of those told of, which are not here. What is lost is lost from the end: an older decision is
    /// never missing where a newer one is kept.
    pub(super) fn lost(&self, told: &[Told]) -> Vec<Told> {
        let is_here = |one: &Told| self.decisions.contains_key(&one.id.parse().unwrap());
        let lost: Vec<Told> = told.iter().filter(|one| !is_here(one)).cloned().collect();
        if let Some(first) = lost.first() {
            let newest = self.decisions.values().max().copied().unwrap_or(0);
            assert!(newest <= first.at_micros, "{}: a gap, {lost:?}", self.place);
        }
        lost
    }

    /// Compares with the death before, and becomes what the next is compared with.
    pub(super) fn after(&self, before: &Body, fact: Option<u32>, ledger_len: u64) -> Body {
        let place = &self.place;
        assert!(self.decisions.len() >= before.n_decisions, "{place}");
        assert!(self.n_plays >= before.n_plays, "{place}");
        assert!(self.version >= before.version, "{place}: learning was lost");
        assert!(
            before.key.is_empty() || self.key == before.key,
            "{place}: another key"
        );
        // Each death cuts one play short.
        let n_deaths = before.n_deaths + 1;
        assert!(
            self.n_open_plays <= n_deaths,
            "{place}: {} open plays",
            self.n_open_plays
        );
        let len = self.leaves.len() as u64;
        assert!(len >= before.ledger_len.max(ledger_len), "{place}");
        let root = |n: u64| {
            let leaves = self.leaves.iter().take(n as usize);
            leaves.copied().collect::<MerkleTree>().root()
        };
        if let Some(earlier) = before.ledger_root {
            assert_eq!(root(before.ledger_len), earlier, "{place}: another history");
        }
        // Facts that were acknowledged are here; one set in the last moment may be.
        assert!(
            self.fact >= fact.or(before.fact),
            "{place}: {:?}",
            self.fact
        );
        Body {
            n_decisions: self.decisions.len(),
            n_plays: self.n_plays,
            version: self.version,
            ledger_len: len,
            ledger_root: (len > 0).then(|| root(len)),
            key: self.key.clone(),
            n_deaths,
            fact: self.fact,
        }
    }
}

impl Body {
    /// The program says what was found on the disk.
    pub(super) fn check_fact(&self, value: &Value) {
        let value = value.as_f64().map(|number| number as u32);
        assert_eq!(value, self.fact, "the fact after the restart");
    }

    pub(super) fn check_has_learned(&self) {
        assert!(self.version > 10, "{self}");
    }
}

impl fmt::Display for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "after {} deaths: {} decisions, {} plays, {} rewards learned, {} ledger entries",
            self.n_deaths, self.n_decisions, self.n_plays, self.version, self.ledger_len
        )
    }
}
