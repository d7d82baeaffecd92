//! Campaigns before they are in force, and changes that know what they change.

use std::time::Duration;

use regard_commitments::{Actor, AdminAct, Role};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::world::World;

fn campaign(id: &str, name: &str) -> Value {
    let creative = json!({"id": "a", "name": "a", "content": {"kind": "text", "title": "Coffee"}});
    json!({"id": id, "name": name, "creative": [creative]})
}

#[tokio::test]
async fn a_change_is_made_to_what_was_read_and_versions_are_remembered() {
    let world = World::open().await;
    let read = world.get("/v1/campaigns/spring").send().await;
    let tag = read.header("etag").unwrap().to_owned();
    let mut changed: Value = read.json();
    changed["name"] = "Late spring".into();
    let put = |tag: &str| {
        world
            .put("/v1/campaigns/spring")
            .header("if-match", tag)
            .json(&changed)
    };
    assert_eq!(put(&tag).send().await.status, 204);
    let late = put(&tag).send().await;
    assert_eq!(
        (late.status, late.code().as_str()),
        (412, "campaign_changed")
    );
    let gone = world
        .delete("/v1/campaigns/spring")
        .header("if-match", &tag)
        .send()
        .await;
    assert_eq!(gone.status, 412);
    assert_eq!(
        world.delete("/v1/campaigns/spring").send().await.status,
        204
    );
    let versions: Value = world
        .get("/v1/campaigns/spring/versions")
        .send()
        .await
        .json();
    let versions = versions.as_array().unwrap();
    assert_eq!(versions.len(), 2);
    assert_eq!(versions[0]["campaign"]["name"], "Late spring");
    assert_eq!(
        (&versions[1]["number"], &versions[1]["campaign"]),
        (&json!(2), &Value::Null)
    );
    world.stop().await;
}

#[tokio::test]
async fn nobody_lets_their_own_draft_in_force() {
    let world = World::new(|config| {
        config.admin_token = regard_server::AdminToken::IfMissing;
        config.requires_approval = true;
    })
    .await;
    let (_, one) = world.make_token(&json!({"role": "operator"})).await;
    let (_, two) = world.make_token(&json!({"role": "operator"})).await;
    let alone = world
        .post("/v1/campaigns")
        .bearer(&one)
        .json(&campaign("summer", "Summer"));
    let alone = alone.send().await;
    assert_eq!(
        (alone.status, alone.code().as_str()),
        (403, "approval_missing")
    );

    let draft = |body: &Value| world.put("/v1/drafts/summer").bearer(&one).json(body);
    // A draft may have mistakes, a submitted one may not.
    let kept = draft(&campaign("summer", "")).send().await;
    assert_eq!(kept.status, 200, "{}", kept.text());
    let act = |what: &str, token: &str| {
        world
            .post(&format!("/v1/drafts/summer/{what}"))
            .bearer(token)
    };
    let submitted = act("submit", &one).send().await;
    assert_eq!(
        (submitted.status, submitted.code().as_str()),
        (422, "bad_campaigns")
    );
    let old = draft(&campaign("summer", "Summer"))
        .header("if-match", "\"7\"")
        .send()
        .await;
    assert_eq!((old.status, old.code().as_str()), (412, "draft_changed"));
    let kept = draft(&campaign("summer", "Summer"))
        .header("if-match", "\"1\"")
        .send()
        .await;
    assert_eq!(kept.json::<Value>()["revision"], 2);
    assert_eq!(
        act("approve", &two).send().await.code(),
        "draft_not_submitted"
    );
    assert_eq!(act("submit", &one).send().await.status, 204);
    let own = act("approve", &one).send().await;
    assert_eq!((own.status, own.code().as_str()), (403, "same_person"));
    let back = act("reject", &two)
        .json(&json!({"note": "say until when"}))
        .send()
        .await;
    assert_eq!(back.status, 204);
    let drafts: Value = world.get("/v1/drafts").bearer(&one).send().await.json();
    assert_eq!(drafts[0]["note"], "say until when");
    let read = world.get("/v1/drafts/summer").bearer(&one).send().await;
    assert_eq!(read.json::<Value>(), drafts[0]);
    assert_eq!(act("submit", &one).send().await.status, 204);
    let approved = act("approve", &two).send().await;
    assert_eq!(approved.status, 204, "{}", approved.text());
    let read = world.get("/v1/campaigns/summer").bearer(&one).send().await;
    assert_eq!(read.json::<Value>()["name"], "Summer");
    let drafts: Value = world.get("/v1/drafts").bearer(&one).send().await.json();
    assert_eq!(drafts, json!([]));
    let gone = world.get("/v1/drafts/summer").bearer(&one).send().await;
    assert_eq!((gone.status, gone.code().as_str()), (404, "unknown_draft"));
    world.stop().await;
}

#[tokio::test]
async fn a_campaign_is_looked_at_before_it_is_kept() {
    let world = World::open().await;
    let mut bad = campaign("summer", "Your price");
    bad["creative"][0]["when"] = json!({"facts": [{"name": "viewer.age", "less": 30}]});
    bad["creative"][0]["content"]["color"] = "#777777".into();
    bad["creative"][0]["content"]["background"] = "#888888".into();
    let said: Value = world
        .post("/v1/campaigns/check")
        .json(&bad)
        .send()
        .await
        .json();
    assert_eq!(said["mistakes"][0]["kind"], "vulnerability_targeting");
    assert_eq!(said["findings"][0]["code"], "significant_effect");
    let checks: Vec<&str> = said["remarks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["check"].as_str().unwrap())
        .collect();
    assert_eq!(checks, ["contrast", "language", "benefit"]);
    world.stop().await;
}

#[tokio::test]
async fn all_campaigns_are_seen_at_a_glance() {
    let world = World::open().await;
    let put = |body: &Value| world.put("/v1/drafts/summer").json(body);
    assert_eq!(put(&campaign("summer", "Summer")).send().await.status, 200);
    let tried = world.get("/v1/campaign-overview").send().await;
    let lines: Value = tried.json();
    let line = |id: &str| lines.as_array().unwrap().iter().find(|l| l["id"] == id);
    let (spring, summer) = (line("spring").unwrap(), line("summer").unwrap());
    assert_eq!(
        (
            &spring["standing"],
            &spring["is_in_force"],
            &spring["draft"]
        ),
        (&json!("live"), &json!(true), &Value::Null)
    );
    assert_eq!(
        (&summer["standing"], &summer["draft"]["standing"]),
        (&Value::Null, &json!("draft"))
    );
    world.post("/v1/drafts/summer/submit").send().await;
    let page = world.get("/console/campaigns?lang=de").send().await;
    assert_eq!(page.status, 200);
    let text = page.text();
    for part in [
        "<html lang=\"de\">",
        "data-standing=\"live\"",
        "data-draft=\"waiting\"",
        "Wartet auf Freigabe",
        "/console/campaign?id=summer",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_campaign_is_looked_at_as_a_screen_would_show_it() {
    let world = World::open().await;
    let mut body = campaign("summer", "Summer");
    body["creative"][0]["target_url"] = "https://shop.example/coffee".into();
    let seen: Value = world
        .post("/v1/campaigns/preview")
        .json(&body)
        .send()
        .await
        .json();
    assert_eq!(seen["creatives"][0]["creative"]["title"], "Coffee");
    assert_eq!(seen["creatives"][0]["scan"]["host"], "shop.example");
    assert_eq!(
        seen["creatives"][0]["scan"]["url"], "https://shop.example/coffee",
        "no scan is counted"
    );
    world.stop().await;
}

#[tokio::test]
async fn a_draft_is_seen_on_a_screen_and_is_no_play() {
    let world = World::open().await;
    let body = campaign("summer", "Summer");
    let (_, mut stream) = world.get("/v1/screens/demo/events").stream().await;
    let patience = Duration::from_secs(20);
    let before = timeout(patience, stream.next("decision")).await.unwrap();
    let before = before.unwrap();
    let show = |wish: Value| world.post("/v1/drafts/summer/preview").json(&wish);
    let wish = json!({"screen": "demo", "creative": "a", "seconds": 2});
    assert_eq!(show(wish.clone()).send().await.code(), "unknown_draft");
    assert_eq!(
        world
            .put("/v1/drafts/summer")
            .json(&body)
            .send()
            .await
            .status,
        200
    );
    for (wrong, code) in [
        (
            json!({"screen": "demo", "creative": "a", "seconds": 31}),
            "bad_duration",
        ),
        (
            json!({"screen": "demo", "creative": "a", "seconds": 0}),
            "bad_duration",
        ),
        (
            json!({"screen": "demo", "creative": "b"}),
            "unknown_creative",
        ),
        (json!({"screen": "none", "creative": "a"}), "unknown_screen"),
    ] {
        let answer = show(wrong.clone()).send().await;
        assert_eq!(answer.code(), code, "{wrong}");
    }
    let answer = show(wish).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let until = answer.json::<Value>()["until_micros"].as_i64().unwrap();
    let preview = timeout(patience, stream.next("preview")).await.unwrap();
    let preview = preview.unwrap();
    assert_eq!(preview["creative"]["title"], "Coffee");
    assert_eq!(preview["until_micros"], until);
    assert_eq!(preview["marks"].as_array().unwrap().len(), 5);
    assert_eq!(
        preview["marks"][0]["text"],
        "Preview: a trial of a message that is not in force"
    );
    // The play that it cut short is told by a player that has not heard yet: no play begins with it.
    let late = json!({"decision": before["id"], "player": "test", "play": before["play"]});
    let told = world.post("/v1/screens/demo/shown").json(&late);
    assert_eq!(told.send().await.status, 204);
    let after = timeout(patience, stream.next("decision")).await.unwrap();
    let after = after.unwrap();
    assert_ne!(after["id"], before["id"], "decided anew");
    assert!(after["at_micros"].as_i64().unwrap() >= until);
    let decisions: Value = world.get("/v1/decisions").send().await.json();
    let of_summer = |d: &&Value| d["campaign"] == "summer";
    assert_eq!(
        decisions
            .as_array()
            .unwrap()
            .iter()
            .filter(of_summer)
            .count(),
        0
    );
    let told = world.told_times(AdminAct::CampaignPreviewed, 1).await;
    assert_eq!(told, 1, "what was refused is no act");
    world.stop().await;
}

#[tokio::test]
async fn nobody_is_shown_what_could_not_be_in_force() {
    let world = World::open().await;
    let mut body = campaign("summer", "Summer");
    body["creative"][0]["changes_price_or_access"] = true.into();
    assert_eq!(
        world
            .put("/v1/drafts/summer")
            .json(&body)
            .send()
            .await
            .status,
        200
    );
    let show = world
        .post("/v1/drafts/summer/preview")
        .json(&json!({"screen": "demo", "creative": "a"}));
    let answer = show.send().await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (422, "bad_campaigns")
    );
    let mistakes = &answer.json::<Value>()["mistakes"];
    assert!(
        mistakes.to_string().contains("significant_effect"),
        "{mistakes}"
    );
    world.stop().await;
}

#[tokio::test]
async fn where_approval_is_asked_somebody_else_looks_at_it_on_the_screen() {
    let world = World::new(|config| {
        config.admin_token = regard_server::AdminToken::IfMissing;
        config.requires_approval = true;
    })
    .await;
    let (_, one) = world.make_token(&json!({"role": "operator"})).await;
    let (id, two) = world.make_token(&json!({"role": "operator"})).await;
    let put = world.put("/v1/drafts/summer").bearer(&one);
    let put = put.json(&campaign("summer", "Summer")).send().await;
    assert_eq!(put.status, 200);
    let show = |token: &str| {
        world
            .post("/v1/drafts/summer/preview")
            .bearer(token)
            .json(&json!({"screen": "demo", "creative": "a", "seconds": 1}))
    };
    assert_eq!(show(&two).send().await.code(), "draft_not_submitted");
    let submit = world.post("/v1/drafts/summer/submit").bearer(&one);
    assert_eq!(submit.send().await.status, 204);
    assert_eq!(show(&one).send().await.code(), "same_person");
    assert_eq!(show(&two).send().await.status, 200);
    let by = world.told_of(AdminAct::CampaignPreviewed).await;
    let expected = Actor::Token {
        role: Role::Operator,
        id: id.parse().unwrap(),
    };
    assert_eq!(by, expected, "the ledger says who put it on the screen");
    let (_, officer) = world.make_token(&json!({"role": "privacy_officer"})).await;
    assert_eq!(show(&officer).send().await.status, 403);
    let page = world
        .get("/console/campaign?id=summer&lang=en")
        .bearer(&officer);
    let page = page.send().await;
    let text = page.text();
    assert!(
        text.contains("You can look") && !text.contains("id=\"save\""),
        "{text}"
    );
    world.stop().await;
}

/// A film of half a second, black but for one frame, where `ffmpeg` is there to make it.
fn flashing_film() -> Option<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("flash.mp4");
    let source =
        "color=c=black:s=320x180:r=50:d=0.5,drawbox=color=white:t=fill:enable='eq(n\\,12)'";
    let made = std::process::Command::new("ffmpeg")
        .args([
            "-v", "error", "-y", "-f", "lavfi", "-i", source, "-c:v", "mpeg4",
        ])
        .arg(&file)
        .status();
    made.ok().filter(std::process::ExitStatus::success)?;
    Some(std::fs::read(&file).unwrap())
}

#[tokio::test]
async fn a_film_that_flashes_is_remarked() {
    let Some(film) = flashing_film() else {
        println!("skipped: films that flash: ffmpeg not found");
        return;
    };
    let world = World::open().await;
    let answer = world
        .post("/v1/assets")
        .file("flash.mp4", &film)
        .send()
        .await;
    let upload: Value = answer.json();
    let mut body = campaign("summer", "Summer");
    let content = json!({"kind": "video", "asset": upload["asset"]});
    body["creative"][0]["content"] = content;
    body["creative"][0]["alt_text"] = "a light that flashes".into();
    let check = || world.post("/v1/campaigns/check").json(&body);
    let said: Value = check().send().await.json();
    let flashes: Vec<&str> = said["remarks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|remark| remark["check"] == "flash")
        .map(|remark| remark["advice"].as_str().unwrap())
        .collect();
    assert_eq!(flashes.len(), 1, "{said}");
    assert!(flashes[0].contains("for 20 ms"), "{flashes:?}");
    world.stop().await;
}
