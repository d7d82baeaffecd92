//! Reports of plays over HTTP: what they count, and every form of them.

use serde_json::{Value, json};

use crate::slots::{campaign, settled, shown};
use crate::streams::next;
use crate::world::World;

/// The row of that key.
fn row<'r>(report: &'r Value, key: &str) -> Option<&'r Value> {
    let rows = report["rows"].as_array()?;
    rows.iter().find(|row| row["key"] == key)
}

/// An installation in which message `one` of campaign `loud` had one play, and somebody bought.
async fn sold() -> World {
    let world = World::parted(&json!([campaign("loud", "main", "one")])).await;
    let (_, mut stream) = world.get("/v1/screens/demo/events").stream().await;
    let first = next(&mut stream, "decision").await;
    assert_eq!(first["creative"]["id"], "one");
    next(&mut stream, "decision").await;
    shown(&world, &first).await;
    let bought =
        json!({"decision": first["id"], "kind": "conversion", "value": 1.0, "key": "order-1"});
    // However often it is sent.
    for _ in 0..2 {
        world.post("/v1/outcomes").json(&bought).send().await;
    }
    let put = world.put("/v1/campaigns");
    let put = put.json(&json!([campaign("loud", "main", "two")]));
    let put = put.send().await;
    assert!((200..300).contains(&put.status), "{}", put.text());
    let second = next(&mut stream, "decision").await;
    assert_eq!(second["creative"]["id"], "two");
    shown(&world, &second).await;
    world
}

#[tokio::test]
async fn what_came_of_plays_is_counted_by_message_hour_and_segment_with_its_interval() {
    let world = sold().await;
    let report = settled(&world, "/v1/reports/plays", |report| {
        row(report, "loud / one").is_some_and(|row| row["converted"]["n_with"] == 1)
    })
    .await;
    let one = row(&report, "loud / one").unwrap();
    assert_eq!(
        (&one["n_plays"], &one["scanned"]["n_with"]),
        (&json!(1), &json!(0))
    );
    // Of one in one, the share at which that is as rare as 2.5 in 100.
    let low = one["converted"]["interval"][0].as_f64().unwrap();
    assert!((low - 0.025).abs() < 1e-9, "{one}");
    let keys = |report: &Value| -> Vec<String> {
        let rows = report["rows"].as_array().unwrap().iter();
        rows.map(|row| row["key"].as_str().unwrap().to_owned())
            .collect()
    };
    let by = |what: &str| world.get(&format!("/v1/reports/plays?by={what}"));
    let hours = keys(&by("hour").send().await.json());
    assert!(hours.iter().all(|key| key.ends_with(":00")), "{hours:?}");
    assert_eq!(hours.len(), 1);
    assert_eq!(keys(&by("segment").send().await.json()), ["no segment"]);
    world.stop().await;
}

#[tokio::test]
async fn a_report_has_every_form_and_what_is_asked_wrongly_is_said() {
    let world = sold().await;
    settled(&world, "/v1/reports/plays", |report| {
        row(report, "loud / one").is_some()
    })
    .await;
    for (format, kind, begins) in [
        ("csv", "text/csv", "message,plays,shown_secs,"),
        ("html", "text/html", "<!doctype html>"),
        ("svg", "image/svg+xml", "<svg "),
        ("pdf", "application/pdf", "%PDF-"),
    ] {
        let path = format!("/v1/reports/plays?format={format}");
        let answer = world.get(&path).send().await;
        assert_eq!(answer.status, 200, "{format}");
        let told = answer.header("content-type").unwrap();
        assert!(told.starts_with(kind), "{format}: {told}");
        assert!(answer.body.starts_with(begins.as_bytes()), "{format}");
        if format != "pdf" {
            assert!(answer.text().contains("loud / one"), "{format}");
        }
    }
    for (asked, code) in [
        ("by=moon", "bad_grouping"),
        ("format=xls", "bad_format"),
        ("from_micros=0", "bad_span"),
    ] {
        let answer = world
            .get(&format!("/v1/reports/plays?{asked}"))
            .send()
            .await;
        assert_eq!((answer.status, answer.code().as_str()), (422, code));
    }
    world.stop().await;
}
