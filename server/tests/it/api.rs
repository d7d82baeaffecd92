use std::sync::Arc;

use regard_commitments::AdminAct;
use regard_server::{Classifier, ClassifierAnswer, ClassifyError, NamedClassifier};
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

/// Knows one picture, abstains on another, and fails on a third.
struct Shelf;

impl Classifier for Shelf {
    fn classify(&self, picture: &[u8]) -> Result<ClassifierAnswer, ClassifyError> {
        let (decision, abstained) = match picture {
            b"cola" => (Some("cola".to_owned()), None),
            b"hand" => (None, Some("like_none")),
            b"broken" => {
                return Err(ClassifyError::Failed(
                    "secret words of the network".to_owned(),
                ));
            }
            _ => return Err(ClassifyError::BadPicture("not an image".to_owned())),
        };
        Ok(ClassifierAnswer {
            set: decision.iter().cloned().collect(),
            decision,
            abstained,
            error: 0.01,
            probabilities: vec![("cola".to_owned(), 0.9), ("water".to_owned(), 0.1)],
        })
    }
}

fn shelf(id: &str) -> NamedClassifier {
    NamedClassifier {
        id: id.to_owned(),
        classifier: Arc::new(Shelf),
    }
}

#[tokio::test]
async fn what_is_held_becomes_a_fact_and_goes_when_it_is_not_told() {
    let world = World::new(|config| {
        config.open_console = true;
        config.classifiers = vec![shelf("shelf")];
    })
    .await;
    let ask = |path: &str, picture: &[u8]| {
        let request = world.post(path).header("content-type", "image/jpeg");
        request.bytes(picture.to_vec())
    };
    let facts = || async { world.get("/v1/facts").send().await.json::<Value>() };
    let path = "/v1/classify?fact=held_product&ttl_secs=60";
    let said: Value = ask(path, b"cola").send().await.json();
    assert_eq!(said["decision"], "cola");
    assert_eq!(said["classifier"], "shelf");
    assert_eq!(
        said["probabilities"][1],
        json!({"class": "water", "probability": 0.1})
    );
    assert_eq!(facts().await, json!({"held_product": {"value": "cola"}}));
    ask(path, b"cola").send().await;
    let said: Value = ask(path, b"hand").send().await.json();
    assert_eq!(
        (&said["decision"], &said["abstained"]),
        (&Value::Null, &json!("like_none"))
    );
    assert_eq!(facts().await, json!({}), "abstention is no fact");
    // Without a fact nothing is set; bad pictures, names and times are told apart.
    ask("/v1/classify", b"cola").send().await;
    assert_eq!(facts().await, json!({}));
    for (path, picture, status, code) in [
        ("/v1/classify", &b"text"[..], 422, "bad_picture"),
        (
            "/v1/classify?classifier=x",
            b"cola",
            404,
            "no_such_classifier",
        ),
        ("/v1/classify?fact=Held", b"cola", 422, "bad_fact"),
        ("/v1/classify?fact=a&ttl_secs=0", b"cola", 422, "bad_fact"),
        ("/v1/classify", b"broken", 503, "not_classified"),
    ] {
        let answer = ask(path, picture).send().await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{path}"
        );
        assert!(!answer.text().contains("secret words"));
    }
    // The ledger heard of both changes, and not of the look that saw the same.
    let data = world.end().await;
    let world = World::on(data, |_| {}, |config| config.open_console = true).await;
    let acts = world.acts().await;
    let n_set = acts
        .iter()
        .filter(|(act, _)| *act == AdminAct::FactsSet)
        .count();
    assert_eq!(n_set, 2);
    world.stop().await;
}

#[tokio::test]
async fn a_fact_is_taken_back_for_good() {
    let world = World::open().await;
    let facts = json!({"queue": {"value": 3.0}, "rain": {"value": true, "ttl_secs": 60}});
    world.put("/v1/facts").json(&facts).send().await;
    for name in ["queue", "rain"] {
        let path = format!("/v1/facts/{name}");
        assert_eq!(world.delete(&path).send().await.status, 204);
        let again = world.delete(&path).send().await;
        assert_eq!((again.status, again.code().as_str()), (404, "no_such_fact"));
    }
    let now: Value = world.get("/v1/facts").send().await.json();
    assert_eq!(now, json!({}));
    // Over a restart, too.
    let data = world.end().await;
    let world = World::on(data, |_| {}, |config| config.open_console = true).await;
    let now: Value = world.get("/v1/facts").send().await.json();
    assert_eq!(now, json!({}));
    world.stop().await;
}
