//! Campaigns before they are in force, and changes that know what they change.

use serde_json::{Value, json};

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
    assert_eq!(act("submit", &one).send().await.status, 204);
    let approved = act("approve", &two).send().await;
    assert_eq!(approved.status, 204, "{}", approved.text());
    let read = world.get("/v1/campaigns/summer").bearer(&one).send().await;
    assert_eq!(read.json::<Value>()["name"], "Summer");
    let drafts: Value = world.get("/v1/drafts").bearer(&one).send().await.json();
    assert_eq!(drafts, json!([]));
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
