use serde_json::{Value, json};

use crate::world::World;

/// A heartbeat of a screen that shows the notice.
pub(crate) fn heartbeat(hash: &str) -> Value {
    json!({"player": "test", "notice_hash": hash, "notice_visible": true, "visible": true, "showing": null})
}

#[tokio::test]
async fn the_document_names_every_route() {
    let world = World::open().await;
    let mut document: Value = world.get("/openapi.json").send().await.json();
    assert!(document["paths"].as_object().unwrap().len() > 30);
    document["info"]["version"] = "[version]".into();
    let mut summary = String::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let answers: Vec<&str> = operation["responses"]
                .as_object()
                .unwrap()
                .keys()
                .map(String::as_str)
                .collect();
            assert!(
                operation["summary"].is_string(),
                "{method} {path} says nothing of itself"
            );
            let tag = operation["tags"][0].as_str().unwrap();
            summary.push_str(&format!("{method} {path} [{tag}] {}\n", answers.join(" ")));
        }
    }
    insta::assert_snapshot!("routes", summary);
    insta::assert_json_snapshot!("openapi", document);
    world.stop().await;
}

#[tokio::test]
async fn facts_come_back() {
    let world = World::open().await;
    let facts = json!({"weather.rain": {"value": true, "ttl_secs": 60}, "queue": {"value": 3.0}});
    assert_eq!(world.put("/v1/facts").json(&facts).send().await.status, 204);
    let now: Value = world.get("/v1/facts").send().await.json();
    assert_eq!(
        now,
        json!({"weather.rain": {"value": true}, "queue": {"value": 3.0}})
    );
    for (body, code) in [
        (json!({"person.name": {"value": "x"}}), "bad_fact"),
        (
            json!({"visitor.religion": {"value": "x"}}),
            "sensitive_inference",
        ),
        (json!({"Bad Name": {"value": 1}}), "bad_fact"),
        (json!({"a": {"value": 1, "ttl_secs": 0}}), "bad_fact"),
        (json!({"a": {"value": 1, "surplus": 0}}), "bad_body"),
        (json!([1]), "bad_body"),
    ] {
        assert_eq!(
            world.put("/v1/facts").json(&body).send().await.code(),
            code,
            "{body}"
        );
    }
    world.stop().await;
}

#[tokio::test]
async fn campaigns_change_whole_or_not_at_all() {
    let world = World::open().await;
    let before: Value = world.get("/v1/campaigns").send().await.json();
    let mut bad = before.clone();
    bad[0]["creative"][0]["changes_price_or_access"] = true.into();
    bad[0]["weight"] = (-1.0).into();
    let answer = world.put("/v1/campaigns").json(&bad).send().await;
    assert_eq!(answer.code(), "bad_campaigns");
    let mistakes: Value = answer.json();
    let mistakes = mistakes["mistakes"].as_array().unwrap();
    assert!(mistakes.len() >= 2, "all at once: {mistakes:?}");
    let after: Value = world.get("/v1/campaigns").send().await.json();
    assert_eq!(before, after);
    let creative =
        json!({"id": "second", "name": "Second", "content": {"kind": "text", "title": "Two"}});
    let post = world
        .post("/v1/campaigns/spring/creatives")
        .json(&creative)
        .send()
        .await;
    assert_eq!(post.status, 204);
    let after: Value = world.get("/v1/campaigns").send().await.json();
    assert_eq!(after[0]["creative"].as_array().unwrap().len(), 2);
    let unknown = world
        .post("/v1/campaigns/none/creatives")
        .json(&creative)
        .send()
        .await;
    assert_eq!(unknown.code(), "unknown_campaign");
    world.stop().await;
}

#[tokio::test]
async fn outcomes_need_a_decision_and_are_not_measures() {
    let world = World::open().await;
    let body =
        |kind: &str| json!({"decision": "0".repeat(32), "kind": kind, "value": 1.0, "key": "k"});
    for (kind, code) in [
        ("scan", "unknown_decision"),
        ("attention_seconds", "bad_outcome_kind"),
        ("bliss", "bad_outcome_kind"),
    ] {
        assert_eq!(
            world
                .post("/v1/outcomes")
                .json(&body(kind))
                .send()
                .await
                .code(),
            code
        );
    }
    world.stop().await;
}

#[tokio::test]
async fn what_is_read_is_well_formed() {
    let world = World::open().await;
    let health: Value = world.get("/v1/health").send().await.json();
    assert_eq!(health["commitments"]["profile"], "lab");
    assert_eq!(health["cameras"][0]["takes_frames"], true);
    assert_eq!(world.get("/healthz").send().await.status, 200);
    let moment: Value = world.get("/v1/moment?camera=demo").send().await.json();
    assert!(moment.is_null());
    assert_eq!(
        world.get("/v1/moment?camera=none").send().await.code(),
        "unknown_camera"
    );
    let report: Value = world.get("/v1/report/today").send().await.json();
    assert_eq!(report["confidence"], 0.95);
    for (limit, status) in [
        ("1", 200),
        ("1000", 200),
        ("0", 422),
        ("1001", 422),
        ("x", 400),
    ] {
        let answer = world
            .get(&format!("/v1/decisions?limit={limit}"))
            .send()
            .await;
        assert_eq!(answer.status, status, "{limit}");
    }
    for plot in [
        "attention.svg?minutes=5",
        "expression.svg?theme=dark",
        "messages.svg",
    ] {
        let plot = world.get(&format!("/console/plots/{plot}")).send().await;
        assert_eq!(
            (plot.status, plot.header("content-type")),
            (200, Some("image/svg+xml"))
        );
    }
    assert_eq!(
        world
            .get("/console/plots/attention.svg?minutes=99")
            .send()
            .await
            .code(),
        "bad_minutes"
    );
    assert_eq!(
        world
            .get("/v1/cameras/demo/preview.jpg")
            .send()
            .await
            .code(),
        "no_picture"
    );
    let metrics = world.get("/metrics").send().await;
    for name in [
        "regard_frames_total ",
        "regard_camera_open 0",
        "regard_frame_to_screen_seconds_count ",
    ] {
        assert!(metrics.text().contains(name), "{name}\n{}", metrics.text());
    }
    world.stop().await;
}
