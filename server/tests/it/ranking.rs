//! The ranking service: who may use it, and how errors look. That its real client works, the program's tests show.

use serde_json::{Value, json};

use crate::world::World;

fn wish(event: &str) -> Value {
    json!({
        "eventId": event,
        "contextFeatures": [{"timeOfDay": "morning"}],
        "actions": [{"id": "a", "features": [{"x": 1}]}, {"id": "b", "features": null}],
    })
}

#[tokio::test]
async fn the_key_is_a_token_of_the_right_role() {
    let world = World::closed().await;
    let (_, device) = world
        .make_token(&json!({"role": "device", "cameras": ["demo"]}))
        .await;
    let (_, analyst) = world.make_token(&json!({"role": "analyst"})).await;
    let rank = |key: &str| {
        let request = world.post("/personalizer/v1.0/rank").json(&wish("e"));
        request.header("ocp-apim-subscription-key", key)
    };
    let answer = rank(&device).send().await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    for (key, status) in [("wrong", 401), (analyst.as_str(), 403)] {
        let answer = rank(key).send().await;
        assert_eq!(answer.status, status);
        let body: Value = answer.json();
        assert_eq!(body["error"]["code"], "401");
        assert!(
            body["error"]["message"]
                .as_str()
                .unwrap()
                .starts_with("access denied")
        );
    }
    // The key opens nothing else, and a device does not set the service.
    let other = world
        .get("/v1/facts")
        .header("ocp-apim-subscription-key", &analyst);
    assert_eq!(other.send().await.code(), "token_missing");
    let set = world
        .put("/personalizer/v1.0/configurations/service")
        .json(&json!({}));
    assert_eq!(
        set.header("ocp-apim-subscription-key", &device)
            .send()
            .await
            .status,
        403
    );
    world.stop().await;
}

#[tokio::test]
async fn mistakes_are_told_in_the_form_of_the_service() {
    let world = World::open().await;
    let rank = |body: &Value| world.post("/personalizer/v1.0/rank").json(body);
    let told = |answer: &crate::client::Answer| {
        let body: Value = answer.json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (
            answer.status,
            text(&body["error"]["code"]),
            text(&body["error"]["innerError"]["code"]),
        )
    };
    let mut none = wish("e");
    none["actions"] = json!([]);
    let bad = |code: &str| (400, "BadRequest".to_owned(), code.to_owned());
    assert_eq!(told(&rank(&none).send().await), bad("InvalidRankRequest"));
    assert_eq!(
        told(&rank(&json!({})).send().await),
        bad("InvalidRankRequest")
    );
    let mut aimed = wish("e");
    aimed["contextFeatures"] = json!([{"user": {"age": 12}}]);
    assert_eq!(
        told(&rank(&aimed).send().await),
        bad("vulnerability_targeting")
    );
    assert_eq!(rank(&wish("e")).send().await.status, 201);
    let reward = |value: f64| {
        let request = world.post("/personalizer/v1.0/events/e/reward");
        request.json(&json!({ "value": value }))
    };
    assert_eq!(told(&reward(2.0).send().await), bad("InvalidRewardRequest"));
    assert_eq!(reward(1.0).send().await.status, 204);
    let unknown = world
        .post("/personalizer/v1.0/events/none/activate")
        .send()
        .await;
    assert_eq!(told(&unknown).0, 404);
    let version = world
        .post("/personalizer/v7/rank")
        .json(&wish("e"))
        .send()
        .await;
    assert_eq!(version.status, 404);
    let report: Value = world.get("/v1/ranking").send().await.json();
    assert_eq!(
        (&report["n_events"], &report["n_rewarded"]),
        (&json!(1), &json!(1))
    );
    world.stop().await;
}
