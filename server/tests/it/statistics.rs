//! What leaves the site about people.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use regard_backends::{Batch, MinuteAggregate};
use regard_commitments::{
    Answer, Commitments, Profile, RetentionGate, SiteKeys, StatisticsTerms, VisitSums, Zeroizing,
};
use regard_domain::{CameraId, Clock, Timestamp};
use regard_engine::SystemClock;
use regard_server::AdminToken;
use serde_json::{Value, json};

use crate::world::World;

/// 2026-06-02 12:00 UTC.
const NOON: i64 = 1_780_401_600_000_000;

/// Real time, moved so that it began at an instant.
pub(crate) struct Moved {
    clock: SystemClock,
    by_micros: AtomicI64,
}

impl Moved {
    pub(crate) fn to(micros: i64) -> Arc<Self> {
        let clock = SystemClock::new();
        let by_micros = (micros - clock.now().as_micros()).into();
        Arc::new(Self { clock, by_micros })
    }

    /// Goes on at once to so much later.
    pub(crate) fn go_on(&self, micros: i64) {
        self.by_micros.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for Moved {
    fn now(&self) -> Timestamp {
        let by_micros = self.by_micros.load(Ordering::SeqCst);
        Timestamp::from_micros(self.clock.now().as_micros() + by_micros)
    }
}

fn granting(epsilon: &str) -> impl FnOnce(&mut Commitments) {
    let epsilon_per_day = epsilon.parse().unwrap();
    move |document| document.statistics = Some(StatisticsTerms { epsilon_per_day })
}

/// A site that was there on 2026-06-01, and to whose camera so many came that day at three; now it is noon of the next.
async fn the_day_after(visits: u64, epsilon: &str) -> World {
    let closed = |config: &mut regard_server::ServerConfig| {
        config.admin_token = AdminToken::IfMissing;
    };
    let data = tempfile::tempdir().unwrap();
    let before = Moved::to(NOON - 86_400_000_000);
    let world = World::at(data, before, granting(epsilon), closed).await;
    let admin = world.token.clone();
    let minute = Timestamp::from_micros(NOON - 33 * 3_600_000_000 + 60_000_000);
    let row = MinuteAggregate {
        observed_millis: 60_000,
        visits: VisitSums {
            visits,
            ..VisitSums::default()
        },
        ..MinuteAggregate::empty(CameraId::new("demo").unwrap(), minute, 1)
    };
    let key = SiteKeys::from_seed(Zeroizing::new([1; 32])).commitments_key();
    let promise = Commitments::demo()
        .sign(&key)
        .verify(&key.verifying_key())
        .unwrap();
    let gate = RetentionGate::new(&promise, &Profile::named("lab").unwrap()).unwrap();
    let Answer::Granted(kept) = gate.keep(row, world.engine.now()) else {
        panic!("the demonstration keeps minutes");
    };
    world
        .engine
        .store()
        .commit(Batch::new().minute(kept))
        .await
        .unwrap();
    let data = world.end().await;
    let mut world = World::at(data, Moved::to(NOON), granting(epsilon), closed).await;
    world.token = admin;
    world
}

async fn get(world: &World, token: &str, path: &str) -> crate::client::Answer {
    world.get(path).bearer(token).send().await
}

#[tokio::test]
async fn a_day_is_told_once_with_noise() {
    let world = the_day_after(5_000, "1").await;
    let path = "/v1/statistics/2026-06-01?detail=hours";
    let told: Value = get(&world, &world.token, path).await.json();
    assert_eq!(
        (&told["day"], &told["detail"], &told["delta"]),
        (&json!("2026-06-01"), &json!("hours"), &json!("0"))
    );
    assert_eq!(told["epsilon"], "0.6");
    assert_eq!(told["noise"]["dwell_secs"]["sensitivity"], 60.0);
    let cells = told["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 24);
    assert_eq!(
        (&cells[3]["hour"], &cells[3]["screens"]),
        (&json!(3), &json!(["demo"]))
    );
    // Scale 1/0.15: noise beyond 200 comes once in 10¹³ draws.
    let visits = cells[3]["sums"]["visits"].as_u64().unwrap();
    assert!(visits.abs_diff(5_000) <= 200, "{visits}");
    let again: Value = get(&world, &world.token, path).await.json();
    assert_eq!(again, told);
    let csv = get(&world, &world.token, &format!("{path}&format=csv")).await;
    assert!(csv.header("content-type").unwrap().starts_with("text/csv"));
    let row = format!("2026-06-01,hours,demo,3,{visits},");
    assert!(
        csv.text().lines().any(|line| line.starts_with(&row)),
        "{}",
        csv.text()
    );
    let list: Value = get(&world, &world.token, "/v1/statistics").await.json();
    assert_eq!(list["budget"]["granted"], "1");
    assert_eq!(list["budget"]["day"], "2026-06-01");
    for (path, code) in [
        ("/v1/statistics/2026-06-02", "day_not_over"),
        ("/v1/statistics/2026-05-31", "never_released"),
        ("/v1/statistics/2026-6-1", "bad_path"),
        ("/v1/statistics/2026-06-01?detail=minutes", "bad_query"),
    ] {
        assert_eq!(get(&world, &world.token, path).await.code(), code, "{path}");
    }
    world.stop().await;
}

#[tokio::test]
async fn privacy_budget_spent() {
    let world = the_day_after(5_000, "0.6").await;
    // The program tells the day by itself, and hours no more: whoever comes first, one of the two has no room.
    let codes = async || {
        let mut codes = Vec::new();
        for detail in ["hours", "day"] {
            let answer = get(
                &world,
                &world.token,
                &format!("/v1/statistics/2026-06-01?detail={detail}"),
            )
            .await;
            if answer.status != 200 {
                let problem: Value = answer.json();
                assert_eq!(problem["status"], 403);
                assert_eq!(problem["article"], "GDPR 5(1)(c), 25");
                assert!(
                    problem["remedy"]
                        .as_str()
                        .unwrap()
                        .contains("epsilon_per_day"),
                    "{problem}"
                );
                codes.push(problem["code"].as_str().unwrap().to_owned());
            }
        }
        codes
    };
    assert_eq!(codes().await, ["privacy_budget_spent"]);
    assert_eq!(codes().await, ["privacy_budget_spent"]);
    world.stop().await;
}

#[tokio::test]
async fn who_is_below_the_privacy_officer_gets_noised_numbers_alone() {
    let world = the_day_after(5_000, "1").await;
    let day = "/v1/statistics/2026-06-01";
    for (role, exact) in [
        ("admin", true),
        ("privacy_officer", true),
        ("operator", false),
        ("analyst", false),
    ] {
        let (_, token) = world.make_token(&json!({"role": role})).await;
        assert_eq!(get(&world, &token, day).await.status, 200, "{role}");
        let report: Value = get(&world, &token, "/v1/report/today").await.json();
        assert_eq!(
            report["people"],
            if exact { "exact" } else { "withheld" },
            "{role}"
        );
        let plot = get(&world, &token, "/console/plots/messages.svg").await;
        assert_eq!(plot.status == 200, exact, "{role}");
        let rows = get(&world, &token, "/v1/decisions").await;
        assert_eq!(rows.status == 200, exact, "{role}");
    }
    let (_, analyst) = world.make_token(&json!({"role": "analyst"})).await;
    for live in [
        "/v1/moment",
        "/console/plots/attention.svg",
        "/console/plots/expression.svg",
    ] {
        assert_eq!(
            get(&world, &analyst, live).await.code(),
            "role_missing",
            "{live}"
        );
    }
    assert_eq!(world.get(day).send().await.code(), "token_missing");
    world.stop().await;
}

#[tokio::test]
async fn everyone_reads_yesterday_with_what_it_is_worth() {
    let world = the_day_after(5_000, "1").await;
    let told: Value = get(&world, &world.token, "/v1/statistics/2026-06-01")
        .await
        .json();
    let visits = told["cells"][0]["sums"]["visits"].as_u64().unwrap();
    let page = world.page("/privacy?lang=en").await;
    let page = page.text();
    for said in [
        "Yesterday, in numbers",
        "2026-06-01",
        &format!("<td>{visits}</td>"),
        "epsilon 0.4",
        "at most 1.5 times",
        "± 30",
    ] {
        assert!(page.contains(said), "{said}");
    }
    for (lang, said) in [
        ("fr", "Hier, en chiffres"),
        ("de", "Gestern, in Zahlen"),
        ("es", "Ayer, en cifras"),
        ("nl", "Gisteren, in cijfers"),
    ] {
        let page = world.page(&format!("/privacy?lang={lang}")).await;
        let page = page.text();
        assert!(
            page.contains(said) && page.contains(&visits.to_string()),
            "{lang}"
        );
    }
    world.stop().await;
}

/// Reading a page for everyone spends nothing.
#[tokio::test]
async fn a_page_for_everyone_makes_no_release() {
    let world = the_day_after(5_000, "0").await;
    let page = world.page("/privacy?lang=en").await;
    let page = page.text();
    assert!(page.contains("Nothing was told about yesterday."));
    let list: Value = get(&world, &world.token, "/v1/statistics").await.json();
    assert_eq!(
        (&list["budget"]["spent"], &list["releases"]),
        (&json!("0"), &json!([]))
    );
    world.stop().await;
}
