//! A year of an installation, a fortnight less a day at a time, under a clock that is moved: nothing outlives its time, and everything that ages does.
//!
//! Each time the program is started anew on what the one before left, as after a power cut or an update; a start sweeps. What
//! is looked at is what an outsider finds in the files, and what the API says.

use std::collections::{BTreeMap, BTreeSet};

use regard_backends::{Batch, MinuteAggregate, Overdue, SqliteKeysReader, SqliteReader};
use regard_commitments::{
    Answer, Commitments, Custody, DataKind, Dpia, EntryBody, LedgerEntry, MerkleTree, NoteSigner,
    Profile, RetentionGate, SiteKeys, StatisticsTerms, VisitSums, Zeroizing, ledger_origin,
    verify_ledger,
};
use regard_domain::{CameraId, Timestamp};
use regard_server::{AdminToken, ServerConfig};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::papers::maker;
use crate::statistics::Moved;
use crate::world::World;

/// 2026-06-01 12:00 UTC.
const BEGIN: i64 = 1_780_315_200_000_000;
const DAY: i64 = 86_400_000_000;

/// Days from one step to the next: 28 of them are 364 days, the last of a year.
const STEP_DAYS: i64 = 13;

/// Steps: a year, and one more in which what holds for a year is seen to have ended.
const STEPS: i64 = 30;

/// Days that a person is kept after the last consent, and that each of several consents holds.
const PERSON_DAYS: i64 = 60;
const CONSENT_DAYS: i64 = 30;

/// How long rows of people's doings are kept here: some days each, so that a year sees them come and go.
fn promises(document: &mut Commitments) {
    let mut keep = |kind, period: &str| {
        document.retention.insert(kind, period.parse().unwrap());
    };
    for kind in [
        DataKind::Decision,
        DataKind::Outcome,
        DataKind::Play,
        DataKind::Fact,
    ] {
        keep(kind, "3 days");
    }
    keep(DataKind::MinuteAggregate, "14 days");
    keep(DataKind::PolicyState, "14 days");
    keep(DataKind::Content, "30 days");
    keep(DataKind::Credential, "100 days");
    keep(DataKind::Person, &format!("{PERSON_DAYS} days"));
    let epsilon_per_day = "1".parse().unwrap();
    document.statistics = Some(StatisticsTerms { epsilon_per_day });
    // So that each consent needs the impact assessment.
    document.custody = Custody::Controller;
    document.custody_justification = Some("A test of a year".to_owned());
    document.dpia = Some(Dpia {
        reference: "DPIA 7".to_owned(),
        signed_by: "the officer".to_owned(),
        signed_on: "2026-06-01".parse().unwrap(),
        configuration: None,
    });
}

async fn begin(data: TempDir, at: i64) -> World {
    let mut document = Commitments::demo();
    promises(&mut document);
    let adjust = |config: &mut ServerConfig| config.admin_token = AdminToken::IfMissing;
    World::at_with_papers(data, Moved::to(at), promises, maker(&document), adjust).await
}

/// Rows by table, and how many of them are past their time by more than the start may take to sweep.
async fn tables(data: &std::path::Path, at: i64) -> Vec<Overdue> {
    let now = Timestamp::from_micros(at);
    let reader = SqliteReader::open(data).await.unwrap();
    assert_eq!(reader.endless_tables().await.unwrap(), [""; 0]);
    let mut found = reader.overdue(now).await.unwrap();
    reader.close().await;
    let keys = SqliteKeysReader::open(data).await.unwrap().unwrap();
    found.extend(keys.overdue(now).await.unwrap());
    keys.close().await;
    found
}

/// Waits until the sweep of the start has been.
async fn swept(data: &std::path::Path, at: i64) -> Vec<Overdue> {
    let began = std::time::Instant::now();
    loop {
        let found = tables(data, at).await;
        if found.iter().all(|table| table.n_overdue == 0) {
            return found;
        }
        let patience = std::time::Duration::from_secs(30);
        assert!(began.elapsed() < patience, "not swept: {found:#?}");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

/// What a step leaves: visits of the day before, a fact, a campaign changed and back.
async fn live(world: &World, step: i64) {
    let key = SiteKeys::from_seed(Zeroizing::new([1; 32])).commitments_key();
    let mut document = Commitments::demo();
    promises(&mut document);
    let promise = document.sign(&key).verify(&key.verifying_key()).unwrap();
    let gate = RetentionGate::new(&promise, &Profile::named("lab").unwrap()).unwrap();
    let now = world.engine.now();
    let minute = Timestamp::from_micros((now.as_micros() - DAY) / 60_000_000 * 60_000_000);
    let row = MinuteAggregate {
        observed_millis: 60_000,
        visits: VisitSums {
            visits: 1_000,
            ..VisitSums::default()
        },
        ..MinuteAggregate::empty(CameraId::new("demo").unwrap(), minute, 1)
    };
    let Answer::Granted(kept) = gate.keep(row, now) else {
        panic!("minutes are promised");
    };
    world
        .engine
        .store()
        .commit(Batch::new().minute(kept))
        .await
        .unwrap();
    let facts = json!({ "weather.rain": { "value": step % 2 == 0 } });
    let set = world.put("/v1/facts").bearer(&world.token).json(&facts);
    assert_eq!(set.send().await.status, 204);
    let mut campaign: Value = world
        .get("/v1/campaigns/spring")
        .bearer(&world.token)
        .send()
        .await
        .json();
    // On, so that it is shown; then off every other time, so that the papers change.
    for is_enabled in [true, step % 2 == 1] {
        campaign["enabled"] = json!(is_enabled);
        let put = world.put("/v1/campaigns/spring").bearer(&world.token);
        assert_eq!(put.json(&campaign).send().await.status, 204);
        if step % 2 == 1 || is_enabled {
            play(world, &format!("scan-{step}-{is_enabled}")).await;
        }
    }
}

/// What the screen shows is on the glass, and somebody scans its code.
async fn play(world: &World, key: &str) {
    let screen = regard_domain::ScreenId::new("demo").unwrap();
    let mut view = world.engine.screen(&screen).unwrap();
    let shown = view
        .wait_for(|view| {
            let showing = view.showing.as_ref();
            showing.is_some_and(|one| one.decision.campaign.is_some())
        })
        .await
        .unwrap()
        .clone();
    let decision = shown.showing.as_ref().unwrap().decision.id;
    let play = json!({ "decision": decision, "play": decision, "player": "a" });
    let post = world.post("/v1/screens/demo/shown").bearer(&world.token);
    assert_eq!(post.json(&play).send().await.status, 204);
    let scan = json!({ "decision": decision, "kind": "scan", "value": 1.0, "key": key });
    let post = world.post("/v1/outcomes").bearer(&world.token);
    let answer = post.json(&scan).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// A person, and when each of their consents was given.
struct Somebody {
    by: String,
    came_at: i64,
}

/// Somebody comes and agrees for a month; the code of the refusal where they may not.
async fn come(world: &World, at: i64) -> Result<Somebody, String> {
    let enrolled = world
        .post("/v1/persons")
        .bearer(&world.token)
        .json(&json!({}))
        .send()
        .await;
    let enrolled: Value = enrolled.json();
    let by = format!("Person {}", enrolled["token"].as_str().unwrap());
    let ask = |path: &str, body: Value| {
        let request = world.post(path).header("authorization", &by);
        async move { request.json(&body).send().await }
    };
    let offer = ask("/v1/persons/me/offers", json!({ "purpose": "learn" })).await;
    if offer.status != 201 {
        return Err(offer.code());
    }
    let offer: Value = offer.json();
    let taken = json!({ "offer": offer["offer"], "days": CONSENT_DAYS });
    let receipt = ask("/v1/persons/me/consents", taken).await;
    if receipt.status != 201 {
        return Err(receipt.code());
    }
    Ok(Somebody { by, came_at: at })
}

/// Their consent holds for a month, their record for two, and then nothing is known of them.
async fn look_after(world: &World, people: &mut Vec<Somebody>, at: i64) {
    let mut n_wrong = 0;
    let mut left = Vec::new();
    for one in people.drain(..) {
        let age_days = (at - one.came_at) / DAY;
        let held = world
            .get("/v1/persons/me")
            .header("authorization", &one.by)
            .send()
            .await;
        if age_days >= PERSON_DAYS {
            assert_eq!(held.code(), "person_token_unknown", "after {age_days} days");
            n_wrong += 1;
            continue;
        }
        assert_eq!(held.status, 200, "after {age_days} days: {}", held.text());
        let held: Value = held.json();
        let is_live = held["consents"][0]["is_live"] == true;
        assert_eq!(is_live, age_days < CONSENT_DAYS, "after {age_days} days");
        left.push(one);
    }
    assert!(n_wrong < 5, "more would be locked out");
    *people = left;
}

/// The day before is told once, from a budget of its own, and no more than that.
async fn tell_the_day_before(world: &World, at: i64) {
    let day = regard_commitments::Date::of(Timestamp::from_micros(at - DAY)).unwrap();
    for detail in ["day", "hours"] {
        let path = format!("/v1/statistics/{day}?detail={detail}");
        let told = world.get(&path).bearer(&world.token).send().await;
        assert_eq!(told.status, 200, "{path}: {}", told.text());
        let again = world.get(&path).bearer(&world.token).send().await;
        assert_eq!(told.text(), again.text(), "{path}");
    }
    let list: Value = world
        .get("/v1/statistics")
        .bearer(&world.token)
        .send()
        .await
        .json();
    let budget = &list["budget"];
    assert_eq!(
        budget["spent"]
            .as_str()
            .or(budget["epsilon_spent"].as_str()),
        Some("1"),
        "{list:#}"
    );
}

/// The ledger is whole, and its checkpoints cover all of it.
async fn ledger(data: &std::path::Path) -> Vec<EntryBody> {
    let reader = SqliteReader::open(data).await.unwrap();
    let rows = reader.ledger_range(0..u64::MAX).await.unwrap();
    let checkpoints = reader.checkpoints().await.unwrap();
    reader.close().await;
    let bytes: Vec<&[u8]> = rows
        .iter()
        .map(|row| row.bytes.as_deref().unwrap())
        .collect();
    let keys = regard_engine::existing_site_keys(data).unwrap();
    let origin = ledger_origin(&Commitments::demo().site.id);
    let verifier = NoteSigner::new(origin, keys.ledger_key())
        .unwrap()
        .verifier();
    let notes = checkpoints.iter().map(|one| &one.note);
    let report = verify_ledger(&bytes, notes, &verifier).unwrap();
    assert_eq!(
        report.n_covered, report.n_entries,
        "the last entry is covered"
    );
    let tree: MerkleTree = rows.iter().map(|row| row.hash).collect();
    assert_eq!(tree.root(), report.root);
    let entry = |bytes: &&[u8]| LedgerEntry::from_leaf_bytes(bytes).unwrap().body;
    bytes.iter().map(entry).collect()
}

/// Who may come in, and how long.
struct Credentials {
    admin: String,
    operator: String,
    officer: String,
    /// Of the first day.
    session: String,
}

impl Credentials {
    async fn make(world: &World) -> Self {
        let admin = world.token.clone();
        let body = json!({ "role": "privacy_officer", "days": 90 });
        let officer = world.make_token(&body).await.1;
        let operator = world.make_token(&json!({ "role": "operator" })).await.1;
        let session = world.log_in(&admin, None).await.cookie("regard_session");
        Self {
            admin,
            operator,
            officer,
            session: session.unwrap(),
        }
    }

    /// The first admin has no end, as long as it is used; an operator has a year, and the officer what was said.
    async fn look_after(&self, world: &World, step: i64) {
        for (token, is_over) in [
            (&self.admin, false),
            (&self.operator, is_year_over(step)),
            (&self.officer, step * STEP_DAYS >= 90),
        ] {
            let health = world.get("/v1/health").bearer(token);
            let status = health.send().await.status;
            assert_eq!(status, if is_over { 401 } else { 200 }, "step {step}");
        }
        let shown = world
            .get("/v1/health")
            .header("cookie", &self.session)
            .send()
            .await
            .status;
        assert_eq!(
            shown,
            if step == 0 { 200 } else { 401 },
            "a session of the first day, step {step}"
        );
    }
}

fn is_year_over(step: i64) -> bool {
    step * STEP_DAYS >= 365
}

/// What the tables had.
#[derive(Default)]
struct Tables {
    /// Most rows that each ever had.
    most: BTreeMap<String, u64>,
    /// Those that had fewer after a start than before.
    shrank: BTreeSet<String>,
}

impl Tables {
    fn were_swept(&mut self, tables: Vec<Overdue>) {
        for table in tables {
            if table.n_rows < self.most.get(&table.table).copied().unwrap_or(0) {
                self.shrank.insert(table.table);
            }
        }
    }

    fn were_left(&mut self, tables: Vec<Overdue>) {
        for table in tables {
            let before = self.most.entry(table.table).or_default();
            *before = table.n_rows.max(*before);
        }
    }

    /// Every table was used, and those with a short time let go of what they had.
    fn came_and_went(&self) {
        let Self { most, shrank } = self;
        let unused: Vec<&String> = most
            .iter()
            .filter(|(_, n)| **n == 0)
            .map(|(table, _)| table)
            .collect();
        // What a policy learns takes an audience; `engine` and `backends` have it come and go. What services collect takes
        // faces: `backends` and the tests of `compat` have that come and go. Studies take participants with cameras: `backends` and
        // the tests of `studies` have these come and go.
        let elsewhere = ["policies", "collected", "studies", "invitations"];
        assert!(
            unused
                .iter()
                .all(|table| elsewhere.contains(&table.as_str())),
            "never used: {unused:?}"
        );
        for table in [
            "decisions",
            "outcomes",
            "plays",
            "facts",
            "minutes",
            "purpose_keys",
            "persons",
            "sealed",
        ] {
            assert!(
                shrank.contains(table),
                "{table} never let go of anything: {most:?}, {shrank:?}"
            );
        }
    }
}

/// How the impact assessment stands, which gets as old as the installation.
async fn assessment(world: &World, step: i64) -> String {
    let papers: Value = world
        .get("/v1/papers")
        .bearer(&world.token)
        .send()
        .await
        .json();
    assert_eq!(
        papers["impact_assessment"]["age_days"],
        step * STEP_DAYS,
        "{papers:#}"
    );
    papers["impact_assessment"]["state"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// What the ledger says of the year.
fn tells_of_a_year(told: &[EntryBody]) {
    let count = |is: fn(&EntryBody) -> bool| told.iter().filter(|body| is(body)).count();
    assert_eq!(
        count(|body| matches!(body, EntryBody::Started { .. })),
        STEPS as usize
    );
    assert!(count(|body| matches!(body, EntryBody::Swept { .. })) > 20);
    assert!(count(|body| matches!(body, EntryBody::ConsentEnded { .. })) > 20);
    assert!(count(|body| matches!(body, EntryBody::Erased { .. })) > 20);
    assert_eq!(
        count(|body| matches!(body, EntryBody::Released { .. })),
        2 * (STEPS as usize - 1)
    );
    assert!(count(|body| matches!(body, EntryBody::PapersChanged { .. })) > 20);
}

#[tokio::test]
async fn a_year_goes_by() {
    let mut data = tempfile::tempdir().unwrap();
    let mut credentials: Option<Credentials> = None;
    let mut people = Vec::new();
    let mut rows = Tables::default();
    let mut states = Vec::new();
    for step in 0..STEPS {
        let at = BEGIN + step * STEP_DAYS * DAY;
        let mut world = begin(data, at).await;
        if credentials.is_none() {
            credentials = Some(Credentials::make(&world).await);
        }
        if let Some(credentials) = &credentials {
            credentials.look_after(&world, step).await;
            world.token.clone_from(&credentials.admin);
        }

        rows.were_swept(swept(world.data.path(), at).await);
        look_after(&world, &mut people, at).await;
        live(&world, step).await;
        if step > 0 {
            tell_the_day_before(&world, at).await;
        }
        states.push(assessment(&world, step).await);
        let came = come(&world, at).await;
        let refused = came.as_ref().err().map(String::as_str);
        assert_eq!(
            refused,
            is_year_over(step).then_some("dpia_missing"),
            "step {step}"
        );
        people.extend(came.ok());
        data = world.end().await;
        ledger(data.path()).await;
        rows.were_left(tables(data.path(), at).await);
    }
    let n_held = states.iter().filter(|state| *state == "holds").count();
    assert_eq!(n_held, 29, "steps 0 to 28 are 0 to 364 days: {states:?}");
    assert!(
        states[29..].iter().all(|state| state == "too_old"),
        "{states:?}"
    );
    rows.came_and_went();
    tells_of_a_year(&ledger(data.path()).await);
}
