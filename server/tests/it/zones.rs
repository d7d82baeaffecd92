//! Zones over the wire: who draws them, what is refused, and what the ledger is told.

use regard_commitments::{Actor, AdminAct, Role};
use serde_json::{Value, json};

use crate::world::World;

const PATH: &str = "/v1/cameras/demo/zones";

fn rectangle() -> Value {
    json!([[0, 0], [500, 0], [500, 1000], [0, 1000]])
}

#[tokio::test]
async fn zones_are_drawn_by_who_runs_the_site_and_stand_in_the_ledger() {
    let world = World::closed().await;
    let mut tokens = Vec::new();
    for role in ["operator", "analyst", "privacy_officer"] {
        let body = json!({ "role": role, "days": 1 });
        tokens.push(world.make_token(&body).await.1);
    }
    let [operator, analyst, officer] = &tokens[..] else {
        panic!("three tokens");
    };
    let none = json!({"version": 0, "zones": []});
    let get = |token: &str| world.get(PATH).bearer(token);
    assert_eq!(get(officer).send().await.json::<Value>(), none);
    assert_eq!(get(analyst).send().await.code(), "role_missing");
    assert_eq!(world.get(PATH).send().await.code(), "token_missing");

    let wanted = json!({"based_on": 0, "zones": [rectangle()]});
    let put = |token: &str| world.put(PATH).bearer(token).json(&wanted);
    for token in [analyst, officer] {
        assert_eq!(put(token).send().await.code(), "role_missing");
    }
    let drawn = put(operator).send().await;
    assert_eq!(drawn.status, 200, "{}", drawn.text());
    let in_force = json!({"version": 1, "zones": [rectangle()]});
    assert_eq!(drawn.json::<Value>(), in_force);
    assert_eq!(get(operator).send().await.json::<Value>(), in_force);
    // Drawn on what is not there any more: nothing is lost.
    let late = put(operator).send().await;
    assert_eq!((late.status, late.code().as_str()), (409, "zones_changed"));

    world.told_of(AdminAct::ZonesChanged).await;
    let acts = world.acts().await;
    let changed: Vec<&Actor> = acts
        .iter()
        .filter(|(act, _)| *act == AdminAct::ZonesChanged)
        .map(|(_, by)| by)
        .collect();
    assert!(
        matches!(
            changed[..],
            [Actor::Token {
                role: Role::Operator,
                ..
            }]
        ),
        "{changed:?}"
    );
    world.stop().await;
}

#[tokio::test]
async fn what_is_no_zone_is_refused_and_changes_nothing() {
    let world = World::open().await;
    let many = vec![rectangle(); 17];
    for (zones, status, code) in [
        (json!([[[0, 0], [1, 1]]]), 422, "bad_zone"),
        (json!([[[0, 0], [1001, 0], [0, 9]]]), 422, "bad_zone"),
        (
            json!([rectangle(), [[0, 0], [5, 5], [9, 9]]]),
            422,
            "bad_zone",
        ),
        (json!([[[0, 0, 0]]]), 400, "bad_body"),
        (json!([[[-1, 0], [9, 0], [0, 9]]]), 422, "bad_body"),
        (json!(many), 422, "too_many_zones"),
    ] {
        let body = json!({"based_on": 0, "zones": zones});
        let refused = world.put(PATH).json(&body).send().await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (status, code),
            "{body}"
        );
    }
    let second = world
        .put(PATH)
        .json(&json!({"based_on": 0, "zones": [rectangle(), [[0, 0], [5, 5], [9, 9]]]}));
    let text = second.send().await;
    assert!(
        text.text().contains("zone 2: the corners lie on one line"),
        "{}",
        text.text()
    );
    let elsewhere = world
        .put("/v1/cameras/none/zones")
        .json(&json!({"based_on": 0, "zones": []}));
    assert_eq!(elsewhere.send().await.code(), "unknown_camera");
    let held: Value = world.get(PATH).send().await.json();
    assert_eq!(held, json!({"version": 0, "zones": []}));
    world.stop().await;
}

/// Passers-by are told how much of the picture is never looked at.
#[tokio::test]
async fn the_privacy_page_counts_zones() {
    let world = World::open().await;
    let row = |n: u32| format!("Zones of the picture that are never looked at</dt><dd>{n}</dd>");
    let page = || async { world.get("/privacy?lang=en").send().await };
    assert!(page().await.text().contains(&row(0)));
    let wanted = json!({"based_on": 0, "zones": [rectangle()]});
    assert_eq!(world.put(PATH).json(&wanted).send().await.status, 200);
    assert!(
        page().await.text().contains(&row(1)),
        "{}",
        page().await.text()
    );
    world.stop().await;
}
