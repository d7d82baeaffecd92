//! The program is killed while people come, agree, take back, correct and go, while the key of the site is rotated and while
//! what is past its time is swept: what was acknowledged holds, and what was not is there wholly or not at all.
//!
//! Rounds and seed as for its neighbour. After each death the files are looked at as an outsider would, and the program that
//! goes on is asked about everybody.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, sleep};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use regard_backends::{
    Integrity, KeyStore as _, PersonRow, Setting, SqliteKeys, SqliteKeysReader, SqliteOptions,
    SqliteReader, SqliteStore, Store,
};
use regard_commitments::{
    Commitments, Digest, EntryBody, LedgerEntry, MerkleTree, PersonTokenHash, Profile,
    RetentionGate, SiteKeyId, WrappedKey, subject,
};
use regard_domain::{PersonId, Timestamp};
use serde_json::{Value, json};

use super::autopsy::{copy, verifier};
use super::{now_micros, rounds};
use crate::program::program;
use crate::running::{Serve, token_in};
use crate::site;

/// Longest life of a round, in microseconds.
const LIFE_MICROS: u64 = 900_000;

/// Of the people who went, so many show their tokens again in each round: five wrong tokens a minute lock a network out.
const N_ASKED_OF_THE_GONE: usize = 3;

/// One round in so many also rotates the key of the site, and kills that too.
const ROTATIONS: u32 = 4;

const PURPOSES: [&str; 2] = ["learn", "personalise"];

/// Whether something holds: known, or asked for when the program died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Yes,
    No,
    /// Either may be; never half of it.
    Unsure,
}

impl Known {
    fn allows(self, is_so: bool) -> bool {
        match self {
            Self::Yes => is_so,
            Self::No => !is_so,
            Self::Unsure => true,
        }
    }
}

/// What was acknowledged about one person.
#[derive(Clone, Debug)]
struct Somebody {
    id: PersonId,
    token: String,
    consents: BTreeMap<&'static str, Known>,
    is_frozen: Known,
    is_gone: Known,
    /// What they prefer, by number, and one that was sent when the program died.
    prefers: (Option<u64>, Option<u64>),
}

type People = Arc<Mutex<Vec<Somebody>>>;

/// The API, as a program of the site uses it.
struct Api {
    agent: ureq::Agent,
    address: String,
    admin: String,
}

impl Api {
    fn new(serve: &Serve, admin: &str) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            .proxy(None)
            .build();
        Self {
            agent: agent.into(),
            address: serve.address().to_owned(),
            admin: format!("Bearer {admin}"),
        }
    }

    /// Status and body; nothing when the program died meanwhile.
    fn ask(&self, method: &str, path: &str, by: &str, body: &Value) -> Option<(u16, Value)> {
        self.answer(method, path, by, body).ok()
    }

    fn answer(
        &self,
        method: &str,
        path: &str,
        by: &str,
        body: &Value,
    ) -> Result<(u16, Value), ureq::Error> {
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address))
            .header("authorization", by)
            .header("content-type", "application/json")
            // Nothing is left over from one act for the next.
            .header("connection", "close")
            .body(body.to_string())?;
        let mut answer = self.agent.run(request)?;
        let text = answer.body_mut().read_to_string()?;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok((answer.status().as_u16(), body))
    }
}

/// Does one thing after the other until the program answers no more.
fn keep_busy(api: &Api, people: &People, mut rng: StdRng, is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        let n = people.lock().unwrap().len();
        let act = rng.random_range(0..10);
        let done = if n < 4 || act == 0 {
            come(api, people)
        } else {
            let who = rng.random_range(0..n);
            let purpose = PURPOSES[rng.random_range(0..PURPOSES.len())];
            act_of(api, people, who, (act, purpose), rng.random())
        };
        if done.is_none() {
            return;
        }
    }
}

fn come(api: &Api, people: &People) -> Option<()> {
    let (status, answer) = api.ask("POST", "/v1/persons", &api.admin, &json!({}))?;
    assert_eq!(status, 201, "{answer}");
    let id = u128::from_str_radix(answer["person"].as_str().unwrap(), 16).unwrap();
    people.lock().unwrap().push(Somebody {
        id: PersonId::from_bits(id),
        token: format!("Person {}", answer["token"].as_str().unwrap()),
        consents: BTreeMap::new(),
        is_frozen: Known::No,
        is_gone: Known::No,
        prefers: (None, None),
    });
    Some(())
}

/// One act of somebody. Before it is sent its outcome is unsure; when it is acknowledged, it is known.
fn act_of(
    api: &Api,
    people: &People,
    who: usize,
    (act, purpose): (u32, &'static str),
    number: u64,
) -> Option<()> {
    let of = |change: &dyn Fn(&mut Somebody)| change(&mut people.lock().unwrap()[who]);
    let one = people.lock().unwrap()[who].clone();
    if one.is_gone != Known::No {
        return Some(());
    }
    let by = one.token.as_str();
    match act {
        1..=4 => {
            let offered = json!({ "purpose": purpose });
            let (status, offer) = api.ask("POST", "/v1/persons/me/offers", by, &offered)?;
            assert_eq!(status, 201, "{offer}");
            of(&|one| {
                one.consents.insert(purpose, Known::Unsure);
            });
            let taken = json!({ "offer": offer["offer"], "days": 30 });
            let (status, receipt) = api.ask("POST", "/v1/persons/me/consents", by, &taken)?;
            assert_eq!(status, 201, "{receipt}");
            of(&|one| {
                one.consents.insert(purpose, Known::Yes);
            });
        }
        5..=6 => {
            if !one.consents.contains_key(purpose) {
                return Some(());
            }
            of(&|one| {
                one.consents.insert(purpose, Known::Unsure);
                if purpose == "personalise" {
                    one.prefers = (None, one.prefers.1.or(one.prefers.0));
                }
            });
            let path = format!("/v1/persons/me/consents/{purpose}");
            let (status, answer) = api.ask("DELETE", &path, by, &json!({}))?;
            // One that was on its way when the program died may never have been given.
            let was_none = answer["code"] == "consent_missing";
            let may_be_none = one.consents[purpose] != Known::Yes;
            assert!(
                status == 204 || (was_none && may_be_none),
                "{status} {answer}"
            );
            of(&|one| {
                one.consents.insert(purpose, Known::No);
                if purpose == "personalise" {
                    one.prefers = (None, None);
                }
            });
        }
        7 => {
            let is_frozen = one.is_frozen != Known::Yes;
            of(&|one| one.is_frozen = Known::Unsure);
            let body = json!({ "is_frozen": is_frozen });
            let (status, answer) = api.ask("PUT", "/v1/persons/me/freeze", by, &body)?;
            // Sixty changes an hour are the lid.
            assert!(status == 204 || status == 429, "{status} {answer}");
            let known = if is_frozen { Known::Yes } else { Known::No };
            let known = if status == 204 { known } else { one.is_frozen };
            of(&|one| one.is_frozen = known);
        }
        8 => {
            if one.consents.get("personalise") != Some(&Known::Yes) {
                return Some(());
            }
            of(&|one| one.prefers.1 = Some(number));
            let body = json!({ "n": number.to_string() });
            let (status, answer) = api.ask("PUT", "/v1/persons/me/preferences", by, &body)?;
            assert!(status == 204 || status == 429, "{status} {answer}");
            of(&|one| {
                if status == 204 {
                    one.prefers.0 = Some(number);
                }
                one.prefers.1 = None;
            });
        }
        _ => {
            of(&|one| one.is_gone = Known::Unsure);
            let (status, proof) = api.ask("DELETE", "/v1/persons/me", by, &json!({}))?;
            assert_eq!(status, 200, "{proof}");
            of(&|one| one.is_gone = Known::Yes);
        }
    }
    Some(())
}

/// What a death leaves, as an outsider finds it: the ledger is whole and goes on where it was, both files are sound, nobody who
/// went left a key or a row.
#[derive(Default)]
struct Remains {
    leaves: Vec<Digest>,
    erased: BTreeSet<Digest>,
}

impl Remains {
    async fn of(data: &Path, people: &[Somebody], before: &Self, place: &str) -> Self {
        let table = tempfile::tempdir().unwrap();
        copy(data, table.path());
        let store = SqliteStore::open(table.path(), SqliteOptions::default())
            .await
            .unwrap();
        let soundness = store.integrity_check().await.unwrap();
        assert_eq!(soundness, Integrity::Sound, "{place}");
        let rows = store.ledger_range(0..u64::MAX).await.unwrap();
        let bytes: Vec<&[u8]> = rows
            .iter()
            .map(|row| row.bytes.as_deref().unwrap())
            .collect();
        let key = std::fs::read_to_string(data.join("site.key")).unwrap();
        let checkpoints = store.checkpoints().await.unwrap();
        let notes = checkpoints.iter().map(|checkpoint| &checkpoint.note);
        regard_commitments::verify_ledger(&bytes, notes, &verifier(key.trim()))
            .unwrap_or_else(|fault| panic!("{place}: {fault}"));
        let leaves: Vec<Digest> = rows.iter().map(|row| row.hash).collect();
        let root = |leaves: &[Digest]| leaves.iter().copied().collect::<MerkleTree>().root();
        assert!(
            leaves.len() >= before.leaves.len(),
            "{place}: the ledger got shorter"
        );
        let kept = &leaves[..before.leaves.len()];
        assert_eq!(root(kept), root(&before.leaves), "{place}: another history");
        let erased = bytes
            .iter()
            .filter_map(
                |bytes| match LedgerEntry::from_leaf_bytes(bytes).unwrap().body {
                    EntryBody::Erased { subject } => Some(subject),
                    _ => None,
                },
            )
            .collect();

        let keys = SqliteKeys::open(table.path()).await.unwrap();
        for one in people {
            let row = keys.person(one.id).await.unwrap();
            assert!(
                one.is_gone.allows(row.is_none()),
                "{place}: somebody who went is there, or the other way round"
            );
            let sealed = store.sealed_of(one.id).await.unwrap();
            // Rows may outlive their key by a crash: nothing opens them, and the next start removes them.
            if one.is_gone == Known::Yes {
                assert_eq!(sealed, [], "{place}: rows of somebody who went");
            }
            for purpose in PURPOSES {
                let key = keys
                    .purpose_key(one.id, purpose.parse().unwrap())
                    .await
                    .unwrap();
                let known = one.consents.get(purpose).copied().unwrap_or(Known::No);
                let known = if one.is_gone == Known::No {
                    known
                } else {
                    Known::Unsure
                };
                assert!(known.allows(key.is_some()), "{place}: the key of {purpose}");
                assert!(
                    row.is_some() || key.is_none(),
                    "{place}: a key without a person"
                );
            }
        }
        keys.close().await;
        store.close().await;
        Self { leaves, erased }
    }
}

/// Rows whose time was over long ago: a setting, and a person whom nobody will open any more.
async fn leave_something_overdue(data: &Path, number: u128) -> PersonId {
    let seeds = regard_engine::existing_site_keys(data).unwrap();
    let key = seeds.commitments_key();
    let promise = Commitments::demo()
        .sign(&key)
        .verify(&key.verifying_key())
        .unwrap();
    let gate = RetentionGate::new(&promise, &Profile::named("lab").unwrap()).unwrap();
    let long_ago = Timestamp::from_millis(0);
    let setting = Setting {
        name: format!("overdue.{number}"),
        value: "x".to_owned(),
    };
    let setting = gate.keep(setting, long_ago).granted().unwrap();
    let store = SqliteStore::open(data, SqliteOptions::default())
        .await
        .unwrap();
    store.put_setting(&setting).await.unwrap();
    store.close().await;
    let person = PersonId::from_bits(number << 64 | 7);
    let row = PersonRow {
        person,
        token: PersonTokenHash::from_bytes([7; 32]),
        key: WrappedKey {
            site_key: SiteKeyId::from_bytes([7; 16]),
            bytes: vec![7; 72],
        },
        file: vec![7; 600],
    };
    let tells = LedgerEntry {
        at: Timestamp::from_micros(now_micros()),
        body: EntryBody::Enrolled {
            subject: subject(person),
        },
    };
    let kept = gate.keep(row, long_ago).granted().unwrap();
    let keys = SqliteKeys::open(data).await.unwrap();
    keys.create(&kept, &tells).await.unwrap();
    keys.close().await;
    person
}

/// Waits until a sweep has been: nothing that was over at the start is there any more.
async fn swept(data: &Path, started_at: Timestamp) {
    let began = std::time::Instant::now();
    loop {
        let reader = SqliteReader::open(data).await.unwrap();
        let keys = SqliteKeysReader::open(data).await.unwrap().unwrap();
        let mut tables = reader.overdue(started_at).await.unwrap();
        tables.extend(keys.overdue(started_at).await.unwrap());
        reader.close().await;
        keys.close().await;
        let n_overdue: u64 = tables.iter().map(|table| table.n_overdue).sum();
        if n_overdue == 0 {
            return;
        }
        assert!(
            began.elapsed() < crate::running::PATIENCE,
            "not swept: {tables:?}"
        );
        sleep(Duration::from_millis(20));
    }
}

/// Asks the program that goes on about everybody, and takes for known what it says of what was unsure.
fn settle(api: &Api, people: &People, (rng, n_gone): (&mut StdRng, usize), place: &str) {
    let mut people = people.lock().unwrap();
    let mut n_asked_of_the_gone = 0;
    for one in people.iter_mut() {
        let is_surely_gone = one.is_gone == Known::Yes;
        if is_surely_gone {
            if n_asked_of_the_gone >= n_gone || !rng.random_ratio(1, 3) {
                continue;
            }
            n_asked_of_the_gone += 1;
        }
        let (status, held) = api
            .answer("GET", "/v1/persons/me", &one.token, &json!({}))
            .unwrap_or_else(|error| panic!("{place}: {error}"));
        let is_gone = status == 401;
        assert!(is_gone || status == 200, "{place}: {status} {held}");
        assert!(
            one.is_gone.allows(is_gone),
            "{place}: {:?}, but {status}",
            one.is_gone
        );
        one.is_gone = if is_gone { Known::Yes } else { Known::No };
        if is_gone {
            // One whose going was cut short shows a wrong token now, once.
            n_asked_of_the_gone += usize::from(!is_surely_gone);
            continue;
        }
        let is_frozen = !held["frozen_at"].is_null();
        assert!(one.is_frozen.allows(is_frozen), "{place}: frozen");
        one.is_frozen = if is_frozen { Known::Yes } else { Known::No };
        for purpose in PURPOSES {
            let consents = held["consents"].as_array().unwrap();
            let is_live = consents
                .iter()
                .any(|consent| consent["purpose"] == purpose && consent["is_live"] == true);
            let known = one.consents.get(purpose).copied().unwrap_or(Known::No);
            assert!(
                known.allows(is_live),
                "{place}: {purpose} was {known:?} and is {is_live}"
            );
            if known != Known::No || is_live {
                one.consents
                    .insert(purpose, if is_live { Known::Yes } else { Known::No });
            }
            // Whoever agreed can always show it.
            let n_receipts = held["receipts"].as_array().unwrap().len();
            assert!(
                n_receipts >= usize::from(is_live),
                "{place}: a consent without a receipt"
            );
        }
        let prefers = held["preferences"]["n"]
            .as_str()
            .map(|n| n.parse().unwrap());
        let (kept, sent) = one.prefers;
        let is_one_of_them = prefers == kept || (sent.is_some() && prefers == sent);
        assert!(
            is_one_of_them,
            "{place}: prefers {prefers:?}, not {kept:?} or {sent:?}"
        );
        one.prefers = (prefers, None);
    }
}

/// `regard keys rotate`, killed after a while if it still runs.
fn rotate_and_kill(data: &Path, wait: Duration) {
    let mut child = program()
        .args(["keys", "rotate", "--data"])
        .arg(data)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    sleep(wait);
    let _ = child.kill();
    child.wait().unwrap();
}

#[test]
fn killed_at_any_moment_people_keep_what_was_acknowledged() {
    let rounds = rounds();
    let seed: u64 = std::env::var("REGARD_KILL_SEED")
        .map_or(20_271_101, |seed| seed.parse().expect("a seed is a number"));
    println!("seed {seed}, {rounds} rounds");
    let mut rng = StdRng::seed_from_u64(seed ^ 0x5eed);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = site::small();
    let data = folder.path().join("data");
    let people: People = Arc::default();
    let (mut admin, mut before) = (String::new(), Remains::default());
    let mut n_rotations = 0;
    for round in 0..rounds {
        let place = format!("seed {seed}, round {round}");
        let serve = Serve::start(folder.path(), &[]);
        if admin.is_empty() {
            admin = loop {
                if let Some(token) = token_in(&serve.next_line()) {
                    break token;
                }
            };
        }
        let api = Api::new(&serve, &admin);
        let asked = (&mut rng, N_ASKED_OF_THE_GONE);
        settle(&api, &people, asked, &place);
        let is_over = Arc::new(AtomicBool::new(false));
        let busy = {
            let (people, is_over) = (Arc::clone(&people), Arc::clone(&is_over));
            let rng = StdRng::seed_from_u64(rng.random());
            thread::spawn(move || keep_busy(&api, &people, rng, &is_over))
        };
        let life = Duration::from_micros(rng.random_range(0..LIFE_MICROS));
        if round > 0 && rng.random_ratio(1, ROTATIONS) {
            n_rotations += 1;
            rotate_and_kill(&data, life);
        } else {
            sleep(life);
        }
        serve.kill();
        is_over.store(true, Ordering::Relaxed);
        busy.join().unwrap();
        let now = people.lock().unwrap().clone();
        before = runtime.block_on(Remains::of(&data, &now, &before, &place));
        // One more thing for the sweep of the next start to be killed in.
        runtime.block_on(leave_something_overdue(&data, u128::from(round) + 1));
    }
    after_all(
        &runtime,
        folder.path(),
        (&admin, &people),
        (rounds, n_rotations),
    );
}

/// Left alone, the program brings everything in order: what is past its time is gone, the ledger tells of everybody who went,
/// a rotation that was broken off is finished, and an audit finds nothing.
fn after_all(
    runtime: &tokio::runtime::Runtime,
    folder: &Path,
    (admin, people): (&str, &People),
    (rounds, n_rotations): (u32, u32),
) {
    let data = folder.join("data");
    let text = data.display().to_string();
    let started_at = Timestamp::from_micros(now_micros());
    let serve = Serve::start(folder, &[]);
    let api = Api::new(&serve, admin);
    let mut rng = StdRng::seed_from_u64(1);
    settle(&api, people, (&mut rng, N_ASKED_OF_THE_GONE), "after all");
    runtime.block_on(swept(&data, started_at));
    let rotated = program()
        .args(["keys", "rotate", "--data", &text])
        .output()
        .unwrap();
    assert!(rotated.status.success(), "{rotated:?}");
    settle(&api, people, (&mut rng, 0), "after the last rotation");
    assert_eq!(serve.stop().1, Some(0));
    let people = people.lock().unwrap().clone();
    let remains = runtime.block_on(Remains::of(&data, &people, &Remains::default(), "the end"));
    for one in people.iter().filter(|one| one.is_gone == Known::Yes) {
        assert!(
            remains.erased.contains(&subject(one.id)),
            "the ledger tells nothing of somebody who went"
        );
    }
    for round in 0..rounds {
        let overdue = PersonId::from_bits((u128::from(round) + 1) << 64 | 7);
        assert!(
            remains.erased.contains(&subject(overdue)),
            "the ledger tells nothing of one whose time was over"
        );
    }
    let report = folder.join("report");
    let mut audit = Command::new(env!("CARGO_BIN_EXE_regard"));
    let said = audit
        .args(["audit", "--data", &text, "-o"])
        .arg(&report)
        .output()
        .unwrap();
    assert!(
        said.status.success(),
        "{}",
        String::from_utf8_lossy(&said.stdout)
    );
    let count = |is: fn(&Somebody) -> bool| people.iter().filter(|one| is(one)).count();
    println!(
        "after {rounds} deaths, {n_rotations} of them with a rotation: {} came, {} went, {} consents hold, {} ledger entries",
        people.len(),
        count(|one| one.is_gone == Known::Yes),
        people
            .iter()
            .filter(|one| one.is_gone == Known::No)
            .flat_map(|one| one.consents.values())
            .filter(|known| **known == Known::Yes)
            .count(),
        remains.leaves.len(),
    );
    assert!(
        count(|one| one.is_gone == Known::Yes) > 0 || rounds < 8,
        "nobody ever went"
    );
}
