//! A screen that is parted into slots, as players, the console and reports see it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::Answer;
use crate::streams::next;
use crate::world::World;

pub(crate) fn campaign(id: &str, slot: &str, creative: &str) -> Value {
    json!({
        "id": id, "name": id, "slots": [slot],
        "creative": [{
            "id": creative, "name": creative, "content": {"kind": "text", "title": creative},
            "target_url": format!("https://shop.example/{creative}"), "duration_millis": 600_000,
        }],
    })
}

pub(crate) async fn shown(world: &World, decision: &Value) {
    let body = json!({"decision": decision["id"], "player": "test", "play": decision["play"]});
    let answer = world.post("/v1/screens/demo/shown").json(&body);
    assert_eq!(answer.send().await.status, 204);
}

/// What an address answers once it satisfies.
pub(crate) async fn settled(
    world: &World,
    path: &str,
    satisfies: impl Fn(&Value) -> bool,
) -> Value {
    let asked = async {
        loop {
            let answer: Value = world.get(path).send().await.json();
            if satisfies(&answer) {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let asked = tokio::time::timeout(Duration::from_secs(30), asked).await;
    asked.expect(path)
}

fn plays_of(report: &Value) -> Vec<(String, u64)> {
    let rows = report["rows"].as_array().unwrap().iter();
    let row = |row: &Value| {
        let key = row["key"].as_str().unwrap().to_owned();
        (key, row["n_plays"].as_u64().unwrap())
    };
    rows.map(row).collect()
}

#[tokio::test]
async fn each_slot_is_told_shown_scanned_and_reported_for_itself() {
    let campaigns = json!([
        campaign("loud", "main", "one"),
        campaign("calm", "side", "still")
    ]);
    let world = World::parted(&campaigns).await;
    let (_, mut stream) = world.get("/v1/screens/demo/events").stream().await;
    let layout = next(&mut stream, "layout").await;
    assert_eq!(
        layout,
        json!({"slots": [
            {"slot": "main", "left": 0, "top": 0, "width": 70, "height": 100},
            {"slot": "side", "left": 70, "top": 0, "width": 30, "height": 100},
        ]})
    );
    let main = next(&mut stream, "decision").await;
    let side = next(&mut stream, "decision").await;
    for (decision, slot, creative) in [(&main, "main", "one"), (&side, "side", "still")] {
        assert_eq!(decision["slot"], slot);
        assert_eq!(decision["creative"]["id"], creative);
        assert_eq!(decision["propensity"], 1.0);
        shown(&world, decision).await;
        // The code of a message leads where that message says, whichever slot it is in.
        let scan = world.get(&format!("/s/{}", decision["id"].as_str().unwrap()));
        let scan = scan.send().await;
        let target = format!("https://shop.example/{creative}");
        assert_eq!(scan.header("location"), Some(target.as_str()));
    }
    let preload = next(&mut stream, "preload").await;
    assert_eq!(preload["creatives"].as_array().unwrap().len(), 3);
    let log = settled(&world, "/v1/decisions?limit=9", |log| {
        log.as_array().is_some_and(|log| log.len() == 2)
    })
    .await;
    let slots: BTreeSet<&str> = log
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["slot"].as_str())
        .collect();
    assert_eq!(slots, BTreeSet::from(["main", "side"]));
    let (_, mut console) = world.get("/v1/live").stream().await;
    for slot in ["main", "side"] {
        let decision = next(&mut console, "decision").await;
        assert_eq!(decision["slot"], slot);
        assert!(
            decision["features"]
                .as_array()
                .unwrap()
                .iter()
                .any(|feature| {
                    feature[0] == format!("slot.{slot}").as_str() && feature[1] == 1.0
                })
        );
    }

    // One slot changes: its play ends, and that of the other goes on.
    let campaigns = json!([
        campaign("loud", "main", "two"),
        campaign("calm", "side", "still")
    ]);
    let put = world.put("/v1/campaigns").json(&campaigns).send().await;
    assert!((200..300).contains(&put.status), "{}", put.text());
    let second = next(&mut stream, "decision").await;
    assert_eq!(
        (&second["slot"], &second["creative"]["id"]),
        (&json!("main"), &json!("two"))
    );
    shown(&world, &second).await;
    let path = "/v1/reports/plays?by=slot";
    let report = settled(&world, path, |report| !plays_of(report).is_empty()).await;
    assert_eq!(plays_of(&report), [("demo / main".to_owned(), 1)]);
    let report = settled(&world, "/v1/reports/plays?by=screen", |_| true).await;
    assert_eq!(plays_of(&report), [("demo".to_owned(), 1)]);
    world.stop().await;
}

#[tokio::test]
async fn a_slot_without_a_message_of_its_own_has_the_default_message() {
    let world = World::parted(&json!([campaign("loud", "main", "one")])).await;
    let (_, mut stream) = world.get("/v1/screens/demo/events").stream().await;
    let main = next(&mut stream, "decision").await;
    let side = next(&mut stream, "decision").await;
    assert_eq!(
        (&main["slot"], &main["is_default"]),
        (&json!("main"), &json!(false))
    );
    assert_eq!(
        (&side["slot"], &side["is_default"]),
        (&json!("side"), &json!(true))
    );
    world.stop().await;
}

#[tokio::test]
async fn a_screen_that_is_not_parted_hears_of_no_slot() {
    let world = World::open().await;
    let (_, mut stream) = world.get("/v1/screens/demo/events").stream().await;
    let decision = next(&mut stream, "decision").await;
    assert!(decision.get("slot").is_none(), "{decision}");
    let log = settled(&world, "/v1/decisions?limit=1", |log| {
        log.as_array().is_some_and(|log| log.len() == 1)
    })
    .await;
    assert!(log[0].get("slot").is_none(), "{log}");
    world.stop().await;
}

/// Asserts a refusal of that code which names the slot, the slots there are and what to do.
fn refused(answer: &Answer, code: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (422, code));
    let problem: Value = answer.json();
    let said = format!("{} {}", problem["detail"], problem["mistakes"]);
    for part in ["sied", "main, side", "campaign["] {
        assert!(said.contains(part), "{part}: {problem}");
    }
    if code == "unknown_slot" {
        let remedy = problem["remedy"].as_str().unwrap();
        assert!(remedy.contains("leave `slots` out"), "{problem}");
    }
}

#[tokio::test]
async fn a_campaign_names_slots_that_there_are() {
    let world = World::parted(&json!([campaign("loud", "main", "one")])).await;
    let wrong = campaign("calm", "sied", "still");
    let before: Value = world.get("/v1/campaigns").send().await.json();
    let added = world.post("/v1/campaigns").json(&wrong).send().await;
    refused(&added, "unknown_slot");
    let all = json!([campaign("loud", "main", "one"), wrong]);
    let put = world.put("/v1/campaigns").json(&all).send().await;
    refused(&put, "unknown_slot");
    let loud = campaign("loud", "sied", "one");
    let put = world.put("/v1/campaigns/loud").json(&loud).send().await;
    refused(&put, "unknown_slot");
    // Every mistake is told at once.
    let mut worse = wrong.clone();
    worse["weight"] = (-1.0).into();
    let added = world.post("/v1/campaigns").json(&worse).send().await;
    refused(&added, "bad_campaigns");
    let mistakes = added.json::<Value>()["mistakes"].clone();
    assert_eq!(mistakes.as_array().unwrap().len(), 2, "{mistakes}");
    // Who is not there is said before what is wrong with them.
    let put = world.put("/v1/campaigns/calm").json(&wrong).send().await;
    assert_eq!(put.code(), "unknown_campaign");
    let after: Value = world.get("/v1/campaigns").send().await.json();
    assert_eq!(after, before, "nothing changed");

    // A draft may have the mistake until it is submitted; whoever writes it is told.
    let checked = world.post("/v1/campaigns/check").json(&wrong).send().await;
    let checked: Value = checked.json();
    let mistake = &checked["mistakes"][0];
    assert_eq!(
        (&mistake["kind"], &mistake["path"]),
        (&json!("unknown_slot"), &json!("campaign[0].slots"))
    );
    let kept = world.put("/v1/drafts/calm").json(&wrong).send().await;
    assert_eq!(kept.status, 200, "{}", kept.text());
    let submitted = world.post("/v1/drafts/calm/submit").send().await;
    refused(&submitted, "unknown_slot");
    let right = campaign("calm", "side", "still");
    let added = world.post("/v1/campaigns").json(&right).send().await;
    assert_eq!(added.status, 201, "{}", added.text());
    world.stop().await;
}

#[tokio::test]
async fn where_no_screen_is_parted_no_campaign_names_a_slot() {
    let world = World::open().await;
    let wish = campaign("calm", "side", "still");
    let added = world.post("/v1/campaigns").json(&wish).send().await;
    assert_eq!((added.status, added.code().as_str()), (422, "unknown_slot"));
    let text = added.text();
    for part in ["side", "no screen is parted", "[[screen.slot]]"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_message_is_looked_at_where_a_slot_lies() {
    let world = World::parted(&json!([campaign("loud", "main", "one")])).await;
    let (_, mut stream) = world.get("/v1/screens/demo/events").stream().await;
    for _ in 0..2 {
        next(&mut stream, "decision").await;
    }
    let draft = campaign("calm", "side", "still");
    let kept = world.put("/v1/drafts/calm").json(&draft).send().await;
    assert_eq!(kept.status, 200, "{}", kept.text());
    let show = |wish: &Value| world.post("/v1/drafts/calm/preview").json(wish);
    let mut wish = json!({"screen": "demo", "creative": "still", "slot": "sied", "seconds": 1});
    let wrong = show(&wish).send().await;
    assert_eq!((wrong.status, wrong.code().as_str()), (422, "unknown_slot"));
    assert!(wrong.text().contains("main, side"), "{}", wrong.text());
    wish["slot"] = "side".into();
    let shown = show(&wish).send().await;
    assert_eq!(shown.status, 200, "{}", shown.text());
    let preview = next(&mut stream, "preview").await;
    assert_eq!(
        (&preview["slot"], &preview["creative"]["id"]),
        (&json!("side"), &json!("still"))
    );
    // Every slot decides anew after it, that which lay beside it too.
    let until = shown.json::<Value>()["until_micros"].as_i64().unwrap();
    let mut slots: BTreeSet<String> = BTreeSet::new();
    while slots.len() < 2 {
        let decision = next(&mut stream, "decision").await;
        if decision["at_micros"].as_i64().unwrap() >= until {
            slots.insert(decision["slot"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(slots, ["main", "side"].map(str::to_owned).into());
    // As before, where no slot is named.
    let whole = json!({"screen": "demo", "creative": "still", "seconds": 1});
    assert_eq!(show(&whole).send().await.status, 200);
    let preview = next(&mut stream, "preview").await;
    assert!(preview.get("slot").is_none(), "{preview}");
    world.stop().await;
}

#[tokio::test]
async fn the_form_offers_the_slots_there_are() {
    let world = World::parted(&json!([campaign("loud", "main", "one")])).await;
    let page = world.page("/console/campaign?lang=en").await;
    for part in [
        "data-path=\"slots\"",
        "<input type=\"checkbox\" value=\"side\">",
        "value=\"side\" data-screen=\"demo\" data-left=\"70\" data-top=\"0\" data-width=\"30\" data-height=\"100\"",
    ] {
        assert!(page.text().contains(part), "{part}: {}", page.text());
    }
    world.stop().await;
    let world = World::open().await;
    let page = world.page("/console/campaign?lang=en").await;
    for part in ["data-path=\"slots\"", "id=\"place\""] {
        assert!(!page.text().contains(part), "{part}: {}", page.text());
    }
    world.stop().await;
}
