//! Campaigns that change one by one, and where a scan of their codes leads.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::world::World;

fn creative(id: &str) -> Value {
    json!({"id": id, "name": id, "content": {"kind": "text", "title": id}})
}

fn campaign(id: &str) -> Value {
    json!({"id": id, "name": id, "creative": [creative("first")]})
}

#[tokio::test]
async fn a_campaign_is_added_read_replaced_and_removed() {
    let world = World::open().await;
    let post = world.post("/v1/campaigns").json(&campaign("summer"));
    let post = post.send().await;
    assert_eq!(post.status, 201);
    let place = post.header("location").unwrap().to_owned();
    assert_eq!(place, "/v1/campaigns/summer");
    let again = world.post("/v1/campaigns").json(&campaign("summer"));
    let again = again.send().await;
    assert_eq!(
        (again.status, again.code().as_str()),
        (409, "campaign_exists")
    );
    let read: Value = world.get(&place).send().await.json();
    assert_eq!(read["name"], "summer");
    // What is read can be sent back.
    let mut changed = read.clone();
    changed["name"] = "Late summer".into();
    let put = world.put(&place).json(&changed).send().await;
    assert_eq!(put.status, 204, "{}", put.text());
    let read: Value = world.get(&place).send().await.json();
    assert_eq!(read["name"], "Late summer");

    let other = world.put("/v1/campaigns/spring").json(&changed);
    assert_eq!(other.send().await.code(), "other_campaign");
    let unknown = world.put("/v1/campaigns/none").json(&campaign("none"));
    assert_eq!(unknown.send().await.code(), "unknown_campaign");
    changed["weight"] = (-1.0).into();
    let bad = world.put(&place).json(&changed).send().await;
    assert_eq!((bad.status, bad.code().as_str()), (422, "bad_campaigns"));
    let kept: Value = world.get(&place).send().await.json();
    assert_eq!(kept, read, "nothing changed");

    assert_eq!(world.delete(&place).send().await.status, 204);
    for request in [world.get(&place), world.delete(&place)] {
        let gone = request.send().await;
        assert_eq!(
            (gone.status, gone.code().as_str()),
            (404, "unknown_campaign")
        );
    }
    let all: Value = world.get("/v1/campaigns").send().await.json();
    assert_eq!(all.as_array().unwrap().len(), 1);
    world.stop().await;
}

#[tokio::test]
async fn evidence_and_offers_are_told() {
    let world = World::open().await;
    let mut learner = campaign("summer");
    learner["priority"] = 9.into();
    learner["policy"] = json!({"kind": "lints"});
    learner["experiment"] = json!({"kind": "ab", "holdout": 0.1});
    learner["guardrail"] = json!([{"metric": "complaints", "at_most": 0.1}]);
    learner["creative"] = json!(["first", "second", "third"].map(creative).to_vec());
    let post = world.post("/v1/campaigns").json(&learner).send().await;
    assert_eq!(post.status, 201, "{}", post.text());
    let evidence = world.get("/v1/campaigns/summer/evidence").send().await;
    let evidence: Value = evidence.json();
    assert_eq!(evidence["arms"], json!([]));
    assert_eq!(evidence["ablation"], Value::Null);
    let none = world.get("/v1/campaigns/none/evidence").send().await;
    assert_eq!(
        (none.status, none.code().as_str()),
        (404, "unknown_campaign")
    );

    let offers = world.get("/v1/offers?screen=demo&n=2&visitors=2&looking=1&dwell_secs=9");
    let offers: Value = offers.send().await.json();
    let offers = offers.as_array().unwrap().clone();
    assert_eq!(offers.len(), 2, "{offers:?}");
    for offer in &offers {
        assert_eq!(offer["campaign"], "summer");
        let number = |name: &str| offer[name].as_f64().unwrap();
        assert!(number("low") < number("expected") && number("expected") < number("high"));
    }
    for (query, code) in [
        ("screen=none", "unknown_screen"),
        ("screen=demo&n=0", "bad_n"),
        ("screen=demo&visitors=1&looking=2", "bad_audience"),
        ("screen=demo&personal=true&looking=1", "bad_audience"),
        ("screen=demo&personal=maybe", "bad_query"),
        // Nobody who agreed to it stands there.
        ("screen=demo&personal=true", "consent_missing"),
        ("n=1", "bad_query"),
    ] {
        let refused = world.get(&format!("/v1/offers?{query}")).send().await;
        assert_eq!(refused.code(), code, "{query}");
    }
    // Harm is measured or complained about, never a success.
    learner["reward"] = json!({"terms": [{"kind": "complaint"}]});
    let refused = world
        .put("/v1/campaigns/summer")
        .json(&learner)
        .send()
        .await;
    assert_eq!(refused.code(), "bad_campaigns");
    world.stop().await;
}

#[tokio::test]
async fn of_changes_at_once_none_is_lost() {
    let world = World::open().await;
    let names: Vec<String> = (0..24).map(|i| format!("message-{i}")).collect();
    let posts = names.iter().map(|name| {
        let path = "/v1/campaigns/spring/creatives";
        world.post(path).json(&creative(name)).send()
    });
    for answer in futures::future::join_all(posts).await {
        assert_eq!(answer.status, 204, "{}", answer.text());
    }
    let read: Value = world.get("/v1/campaigns/spring").send().await.json();
    let found: BTreeSet<&str> = read["creative"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["id"].as_str())
        .collect();
    assert!(
        names.iter().all(|name| found.contains(name.as_str())),
        "{found:?}"
    );
    // The same id replaces.
    let mut again = creative("message-3");
    again["name"] = "Another".into();
    let path = "/v1/campaigns/spring/creatives";
    assert_eq!(world.post(path).json(&again).send().await.status, 204);
    let read: Value = world.get("/v1/campaigns/spring").send().await.json();
    assert_eq!(read["creative"].as_array().unwrap().len(), names.len() + 1);
    world.stop().await;
}

#[tokio::test]
async fn a_scan_counts_once_and_leads_where_the_message_says() {
    let world = World::open().await;
    let bad = {
        let mut bad = campaign("offer");
        bad["creative"][0]["target_url"] = "javascript:alert(1)".into();
        world.post("/v1/campaigns").json(&bad).send().await
    };
    assert_eq!(bad.code(), "bad_campaigns");
    let mut offer = campaign("offer");
    offer["priority"] = 50.into();
    offer["creative"][0]["target_url"] = "https://shop.example/spring?from=screen".into();
    let post = world.post("/v1/campaigns").json(&offer).send().await;
    assert_eq!(post.status, 201, "{}", post.text());

    let (_, mut stream) = world.get("/v1/screens/demo/events").stream().await;
    let decision = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            let decision = stream.next("decision").await.unwrap();
            if decision["campaign"] == "offer" {
                break decision;
            }
        }
    });
    let decision = decision.await.unwrap();
    let id = decision["id"].as_str().unwrap();
    assert_eq!(decision["scan"]["host"], "shop.example");
    let url = format!("http://{}/s/{id}", world.address);
    assert_eq!(decision["scan"]["url"], url.as_str());
    let drawing = decision["scan"]["qr_svg"].as_str().unwrap();
    assert!(drawing.contains("<svg"), "{drawing}");

    for _ in 0..2 {
        let scan = world.get(&format!("/s/{id}")).send().await;
        assert_eq!(scan.status, 302);
        let place = scan.header("location");
        assert_eq!(place, Some("https://shop.example/spring?from=screen"));
    }
    let outcomes = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            let stored = world.engine.store().outcomes_of(id.parse().unwrap()).await;
            let stored = stored.unwrap();
            if !stored.is_empty() {
                break stored;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let scans = outcomes.await.unwrap();
    assert_eq!(scans.len(), 1, "{scans:?}");
    // Messages without a target, and decisions nobody knows, lead to the privacy page.
    let scan = world.get(&format!("/s/{}", "0".repeat(31) + "7"));
    let scan = scan.send().await;
    assert_eq!(
        (scan.status, scan.header("location")),
        (302, Some("/privacy"))
    );
    world.stop().await;
}
