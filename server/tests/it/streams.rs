use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use crate::api::heartbeat;
use crate::client::Stream;
use crate::world::World;

/// What does not come within this does not come.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) async fn next(stream: &mut Stream, name: &str) -> Value {
    timeout(PATIENCE, stream.next(name))
        .await
        .expect(name)
        .expect("the stream goes on")
}

#[tokio::test]
async fn a_player_is_told_what_to_show_and_its_reports_count() {
    let world = World::open().await;
    let (answer, mut stream) = world.get("/v1/screens/demo/events").stream().await;
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    let decision = next(&mut stream, "decision").await;
    assert_eq!(decision["creative"]["title"], "Welcome");
    assert!(
        decision.get("candidates").is_none(),
        "only the console hears of candidates"
    );
    let notice = next(&mut stream, "notice").await;
    assert_eq!(notice["texts"].as_array().unwrap().len(), 5);
    assert_eq!(notice["lab"], true);
    let camera = next(&mut stream, "camera").await;
    assert_eq!(
        (&camera["open"], &camera["refusal"]["code"]),
        (&json!(false), &json!("notice_missing"))
    );
    let preload = next(&mut stream, "preload").await;
    assert!(!preload["creatives"].as_array().unwrap().is_empty());
    let ping = next(&mut stream, "ping").await;
    assert!(ping["now_micros"].as_i64().unwrap() > 0);

    let hash = notice["hash"].as_str().unwrap().to_owned();
    let (decision_id, play) = (&decision["id"], &decision["play"]);
    for (path, body) in [
        (
            "shown",
            json!({"decision": decision_id, "player": "test", "play": play}),
        ),
        (
            "plays",
            json!({"play": play, "decision": decision_id, "shown_millis": 1200, "ended": false}),
        ),
    ] {
        let answer = world
            .post(&format!("/v1/screens/demo/{path}"))
            .json(&body)
            .send()
            .await;
        assert_eq!(answer.status, 204, "{path}: {}", answer.text());
    }
    // With heartbeats the camera opens, without them it shuts again.
    let opened = async {
        loop {
            let post = world
                .post("/v1/screens/demo/heartbeat")
                .json(&heartbeat(&hash))
                .send()
                .await;
            assert_eq!(post.status, 204);
            if let Ok(event) = timeout(Duration::from_millis(200), stream.next("camera")).await {
                break event.unwrap();
            }
        }
    };
    assert_eq!(timeout(PATIENCE, opened).await.unwrap()["open"], true);
    assert_eq!(next(&mut stream, "camera").await["open"], false);
    let wrong = world
        .post("/v1/screens/none/heartbeat")
        .json(&heartbeat(&hash))
        .send()
        .await;
    assert_eq!(wrong.code(), "unknown_screen");
    let nonsense = world
        .post("/v1/screens/demo/shown")
        .json(&json!({"decision": "x"}))
        .send()
        .await;
    assert_eq!(nonsense.code(), "bad_body");
    world.stop().await;
}

#[tokio::test]
async fn the_console_hears_health_and_decisions_with_why() {
    let world = World::open().await;
    let (_, mut stream) = world.get("/v1/live?camera=demo").stream().await;
    let health = next(&mut stream, "health").await;
    assert_eq!(health["ledger"]["ok"], true);
    let (_, mut stream) = world.get("/v1/live").stream().await;
    let decision = next(&mut stream, "decision").await;
    assert!(!decision["explanation"].as_array().unwrap().is_empty());
    let candidates = decision["candidates"].as_array().unwrap();
    let sum: f64 = candidates
        .iter()
        .map(|c| c["propensity"].as_f64().unwrap())
        .sum();
    assert!((sum - 1.0).abs() < 1e-6, "{sum}");
    assert_eq!(
        world.get("/v1/live?camera=none").send().await.code(),
        "unknown_camera"
    );
    world.stop().await;
}

#[tokio::test]
async fn streams_end_with_the_server() {
    let world = World::open().await;
    let (_, mut player) = world.get("/v1/screens/demo/events").stream().await;
    let (_, mut console) = world.get("/v1/live").stream().await;
    next(&mut player, "notice").await;
    timeout(PATIENCE, world.stop())
        .await
        .expect("the server ends although streams were open");
    for stream in [&mut player, &mut console] {
        timeout(PATIENCE, async {
            while stream.next("none").await.is_some() {}
        })
        .await
        .unwrap();
    }
}
