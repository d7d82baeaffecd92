//! Roles, tokens and what the ledger is told of them.

use std::time::Duration;

use regard_commitments::{Actor, AdminAct, Role};
use regard_server::AdminToken;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::api::heartbeat;
use crate::world::{World, example_of};

const PATIENCE: Duration = Duration::from_secs(20);

/// Every route of the document answers somebody without a token with 401, unless it is for everyone, and
/// none answers 405: each stands in the table.
#[tokio::test]
async fn every_route_of_the_document_is_in_the_table() {
    let world = World::open().await;
    let document: Value = world.get("/openapi.json").send().await.json();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let example = example_of(path, "0123456789ab");
        for method in methods.as_object().unwrap().keys() {
            let request = match method.as_str() {
                "get" => world.get(&example),
                "post" => world.post(&example),
                "put" => world.put(&example),
                "delete" => world.delete(&example),
                other => panic!("{other}"),
            };
            let answer = request.stream().await.0;
            assert_ne!(
                answer.status, 405,
                "{method} {path} is not in the table of access/rights.rs"
            );
        }
    }
    world.stop().await;
}

#[tokio::test]
async fn each_role_has_its_part() {
    let world = World::closed().await;
    let mut tokens = Vec::new();
    for role in ["operator", "analyst", "privacy_officer"] {
        tokens.push(
            world
                .make_token(&json!({ "role": role, "days": 1 }))
                .await
                .1,
        );
    }
    let screen = json!({"role": "screen", "screens": ["demo"]});
    tokens.push(world.make_token(&screen).await.1);
    let device = json!({"role": "device", "cameras": ["demo"]});
    tokens.push(world.make_token(&device).await.1);
    tokens.push(world.token.clone());
    let fact = json!({"rain": {"value": true}});
    let expected: [(&str, &str, [u16; 6]); 7] = [
        ("GET", "/v1/health", [200, 200, 200, 403, 403, 200]),
        ("GET", "/v1/report/today", [200, 200, 200, 403, 403, 200]),
        ("GET", "/v1/moment", [200, 403, 200, 403, 403, 200]),
        ("GET", "/v1/decisions", [403, 403, 200, 403, 403, 200]),
        ("PUT", "/v1/facts", [204, 403, 403, 403, 204, 204]),
        ("PUT", "/v1/campaigns", [422, 403, 403, 403, 403, 422]),
        ("GET", "/v1/tokens", [403, 403, 403, 403, 403, 200]),
    ];
    for (method, path, statuses) in expected {
        for (token, status) in tokens.iter().zip(statuses) {
            let request = match (method, path) {
                ("PUT", "/v1/facts") => world.put(path).json(&fact),
                ("PUT", _) => world.put(path).json(&json!({})),
                _ => world.get(path),
            };
            let answer = request.bearer(token).send().await;
            assert_eq!(answer.status, status, "{method} {path} {}", &token[..12]);
            if status == 403 {
                assert_eq!(answer.code(), "role_missing");
                let problem: Value = answer.json();
                assert!(problem["remedy"].as_str().unwrap().contains("admin"));
            }
        }
    }
    world.stop().await;
}

#[tokio::test]
async fn a_token_is_made_listed_and_revoked_at_once() {
    let world = World::closed().await;
    for (body, code) in [
        (json!({"role": "screen"}), "bad_token"),
        (json!({"role": "admin", "screens": ["demo"]}), "bad_token"),
        (json!({"role": "analyst", "days": 0}), "bad_token"),
        (
            json!({"role": "screen", "screens": ["none"]}),
            "unknown_screen",
        ),
        (
            json!({"role": "device", "cameras": ["none"]}),
            "unknown_camera",
        ),
        (json!({"role": "root"}), "bad_body"),
    ] {
        let answer = world.post("/v1/tokens").bearer(&world.token).json(&body);
        assert_eq!(answer.send().await.code(), code, "{body}");
    }
    let (id, token) = world.make_token(&json!({"role": "operator"})).await;
    let session = world
        .log_in(&token, None)
        .await
        .cookie("regard_session")
        .unwrap();
    let live = || world.get("/v1/live").header("cookie", &session);
    let (opened, mut stream) = live().stream().await;
    assert_eq!(opened.status, 200);
    let listed: Value = world
        .get("/v1/tokens")
        .bearer(&world.token)
        .send()
        .await
        .json();
    let row = listed
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["id"] == id.as_str());
    assert_eq!(row.unwrap()["state"], "live");
    assert!(!listed.to_string().contains(&token) && !listed.to_string().contains("argon2"));
    let revoke = || {
        world
            .delete(&format!("/v1/tokens/{id}"))
            .bearer(&world.token)
    };
    assert_eq!(revoke().send().await.status, 204);
    // The stream that was open ends, the session is none any more, the token neither.
    let ended = async { while stream.next("none").await.is_some() {} };
    timeout(PATIENCE, ended)
        .await
        .expect("the stream of a revoked token ends");
    assert_eq!(live().send().await.code(), "token_missing");
    let shown = world.get("/v1/health").bearer(&token).send().await;
    assert_eq!(shown.code(), "token_wrong");
    assert_eq!(revoke().send().await.status, 204, "twice changes nothing");
    let unknown = world.delete("/v1/tokens/ffffffffffff").bearer(&world.token);
    assert_eq!(unknown.send().await.code(), "unknown_token");
    world.stop().await;
}

/// What a revoked token was stays so after a restart; a screen that was logged in stays logged in.
#[tokio::test]
async fn tokens_and_screens_outlive_a_restart() {
    let closed = |config: &mut regard_server::ServerConfig| {
        config.listen = "0.0.0.0:0".parse().unwrap();
        config.allow_remote = true;
        config.admin_token = AdminToken::IfMissing;
    };
    let world = World::new(closed).await;
    let admin = world.token.clone();
    let (id, _) = world
        .make_token(&json!({"role": "screen", "screens": ["demo"]}))
        .await;
    let (_, screen) = world
        .make_token(&json!({"role": "screen", "screens": ["demo"]}))
        .await;
    let session = world
        .log_in(&screen, None)
        .await
        .cookie("regard_session")
        .unwrap();
    let revoke = world.delete(&format!("/v1/tokens/{id}")).bearer(&admin);
    assert_eq!(revoke.send().await.status, 204);
    let data = world.end().await;
    let world = World::on(data, |_| {}, closed).await;
    assert_eq!(world.token, "", "no second admin token");
    let page = world.get("/screen/demo").header("cookie", &session);
    assert_eq!(page.send().await.status, 200);
    let listed: Value = world.get("/v1/tokens").bearer(&admin).send().await.json();
    let states: Vec<&str> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["state"].as_str().unwrap())
        .collect();
    assert_eq!(
        states.iter().filter(|state| **state == "revoked").count(),
        1
    );
    let data = world.end().await;
    let world = World::on(
        data,
        |_| {},
        |config| {
            closed(config);
            config.admin_token = AdminToken::Replace;
        },
    )
    .await;
    assert_ne!(world.token, "");
    let old = world.get("/v1/tokens").bearer(&admin).send().await;
    assert_eq!(old.code(), "token_wrong");
    let page = world.get("/screen/demo").header("cookie", &session);
    assert_eq!(page.send().await.status, 200, "screens keep their tokens");
    world.stop().await;
}

#[tokio::test]
async fn the_ledger_tells_of_every_act_and_names_nobody() {
    let world = World::closed().await;
    let (id, token) = world.make_token(&json!({"role": "operator"})).await;
    let made = world.told_of(AdminAct::TokenMade).await;
    assert!(
        matches!(
            made,
            Actor::Token {
                role: Role::Admin,
                ..
            }
        ),
        "{made:?}"
    );
    let fact = json!({"rain": {"value": true}});
    let put = world
        .put("/v1/facts")
        .bearer(&token)
        .json(&fact)
        .send()
        .await;
    assert_eq!(put.status, 204);
    let campaigns: Value = world
        .get("/v1/campaigns")
        .bearer(&token)
        .send()
        .await
        .json();
    let put = world.put("/v1/campaigns").bearer(&token).json(&campaigns);
    assert_eq!(put.send().await.status, 204);
    let page = b"<!DOCTYPE html><title>x</title>";
    let upload = world.post("/v1/assets").bearer(&token).file("x", page);
    assert_eq!(upload.send().await.status, 201);
    for act in [
        AdminAct::FactsSet,
        AdminAct::CampaignsChanged,
        AdminAct::AssetUploaded,
    ] {
        let by = world.told_of(act).await;
        let expected = Actor::Token {
            role: Role::Operator,
            id: id.parse().unwrap(),
        };
        assert_eq!(by, expected, "{act}");
    }
    let rows = world.get("/v1/decisions").bearer(&world.token).send().await;
    assert_eq!(rows.status, 200);
    let by = world.told_of(AdminAct::RowsRead).await;
    assert!(matches!(
        by,
        Actor::Token {
            role: Role::Admin,
            ..
        }
    ));
    for _ in 0..5 {
        world.log_in("wrong", None).await;
    }
    assert_eq!(world.told_of(AdminAct::LockedOut).await, Actor::Stranger {});
    let revoke = world
        .delete(&format!("/v1/tokens/{id}"))
        .bearer(&world.token);
    assert_eq!(revoke.send().await.status, 204);
    world.told_of(AdminAct::TokenRevoked).await;
    // What was refused is no act.
    let acts = world.acts().await;
    let n_made = acts
        .iter()
        .filter(|(act, _)| *act == AdminAct::TokenMade)
        .count();
    assert_eq!(n_made, 2);
    check_nameless(&world, &token).await;
    world.stop().await;
}

/// No entry holds an address, a word that was sent, or a part of a secret.
async fn check_nameless(world: &World, token: &str) {
    let rows = world
        .engine
        .store()
        .ledger_range(0..u64::MAX)
        .await
        .unwrap();
    for row in rows {
        let text = String::from_utf8(row.bytes.unwrap()).unwrap();
        assert!(
            !text.contains("127.0.0.1") && !text.contains("rain"),
            "{text}"
        );
        assert!(!text.contains(&token[token.len() - 20..]), "{text}");
    }
}

#[tokio::test]
async fn a_screen_plays_with_its_own_token_from_elsewhere() {
    let world = World::new(|config| {
        config.listen = "0.0.0.0:0".parse().unwrap();
        config.allow_remote = true;
        config.admin_token = AdminToken::IfMissing;
    })
    .await;
    let (_, token) = world
        .make_token(&json!({"role": "screen", "screens": ["demo"]}))
        .await;
    let beat = heartbeat(&"0".repeat(64));
    let post = world.post("/v1/screens/demo/heartbeat").json(&beat);
    assert_eq!(post.send().await.code(), "token_missing");
    // Proven once, then cheap: fifty heartbeats, as a screen sends in twelve seconds.
    for _ in 0..50 {
        let post = world.post("/v1/screens/demo/heartbeat").bearer(&token);
        assert_eq!(post.json(&beat).send().await.status, 204);
    }
    let other = world.get("/v1/screens/other/events").bearer(&token);
    assert_eq!(other.send().await.code(), "out_of_scope");
    world.stop().await;
}
