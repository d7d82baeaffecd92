//! Persons and their own record, over the wire.

use regard_commitments::{ErasureProof, SignedReceipt};
use serde_json::{Value, json};

use crate::client::{Answer, Request};
use crate::world::World;

fn as_person(request: Request, token: &str) -> Request {
    request.header("authorization", &format!("Person {token}"))
}

/// A request of the one who holds the token.
struct Me<'a> {
    world: &'a World,
    token: String,
}

impl<'a> Me<'a> {
    async fn enroll(world: &'a World, is_minor: bool) -> Self {
        let body = json!({"is_minor": is_minor});
        let enrolled = world.post("/v1/persons").json(&body).send().await;
        assert_eq!(enrolled.status, 201, "{}", enrolled.text());
        let enrolled: Value = enrolled.json();
        assert!(enrolled["token_qr_svg"].as_str().unwrap().contains("<svg"));
        assert_eq!(
            enrolled["purposes"],
            json!(["personalise", "learn", "research"])
        );
        let token = enrolled["token"].as_str().unwrap().to_owned();
        assert!(token.starts_with("rgp_"));
        Self { world, token }
    }

    async fn get(&self) -> Answer {
        as_person(self.world.get("/v1/persons/me"), &self.token)
            .send()
            .await
    }

    async fn offer(&self, purpose: &str) -> Answer {
        let request = as_person(self.world.post("/v1/persons/me/offers"), &self.token);
        request.json(&json!({"purpose": purpose})).send().await
    }

    async fn consent(&self, body: &Value) -> Answer {
        let request = as_person(self.world.post("/v1/persons/me/consents"), &self.token);
        request.json(body).send().await
    }

    async fn agree(&self, purpose: &str) -> Answer {
        let offer: Value = self.offer(purpose).await.json();
        self.consent(&json!({"offer": offer["offer"], "days": 7}))
            .await
    }

    async fn put(&self, path: &str, body: &Value) -> Answer {
        let request = as_person(
            self.world.put(&format!("/v1/persons/me/{path}")),
            &self.token,
        );
        request.json(body).send().await
    }

    async fn delete(&self, path: &str) -> Answer {
        as_person(
            self.world.delete(&format!("/v1/persons/me{path}")),
            &self.token,
        )
        .send()
        .await
    }
}

#[tokio::test]
async fn a_person_comes_agrees_looks_corrects_withdraws_and_goes() {
    let world = World::open().await;
    let me = Me::enroll(&world, false).await;
    let agreed = me.agree("personalise").await;
    assert_eq!(agreed.status, 201, "{}", agreed.text());
    let agreed: Value = agreed.json();
    let receipt = SignedReceipt::from_text(agreed["receipt"].as_str().unwrap());
    let key = world.engine.custodian().receipts_key();
    assert!(receipt.verify(&key).is_ok());
    assert_eq!(agreed["sha256"], receipt.digest().to_string());

    let likes = json!({"language": "nl"});
    assert_eq!(me.put("preferences", &likes).await.status, 204);
    let held: Value = me.get().await.json();
    assert_eq!(held["preferences"], likes);
    assert_eq!(held["consents"][0]["purpose"], "personalise");
    assert_eq!(held["consents"][0]["is_live"], true);
    assert_eq!(held["receipts"], json!([receipt.as_str()]));
    assert_eq!(
        (&held["templates"], &held["decisions"]),
        (&json!([]), &json!([]))
    );

    assert_eq!(
        me.put("freeze", &json!({"is_frozen": true})).await.status,
        204
    );
    let held: Value = me.get().await.json();
    assert!(held["frozen_at"].is_string());
    assert_eq!(
        me.put("freeze", &json!({"is_frozen": false})).await.status,
        204
    );

    assert_eq!(me.delete("/consents/personalise").await.status, 204);
    let held: Value = me.get().await.json();
    assert_eq!(
        (&held["consents"][0]["is_live"], &held["preferences"]),
        (&json!(false), &Value::Null)
    );
    let refused = me.put("preferences", &likes).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "consent_withdrawn")
    );

    let erased = me.delete("").await;
    assert_eq!(erased.status, 200, "{}", erased.text());
    let proof: ErasureProof = erased.json();
    assert!(proof.verify(None).is_ok());
    for answer in [me.get().await, me.delete("").await] {
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (401, "person_token_unknown")
        );
    }
    world.stop().await;
}

#[tokio::test]
async fn replayed_consent() {
    let world = World::open().await;
    let (me, other) = (
        Me::enroll(&world, false).await,
        Me::enroll(&world, false).await,
    );
    let offer: Value = me.offer("learn").await.json();
    let body = json!({"offer": offer["offer"]});
    // Sent by somebody else it is gone: the offer was not theirs.
    let theirs: Value = me.offer("learn").await.json();
    let stolen = other.consent(&json!({"offer": theirs["offer"]})).await;
    assert_eq!(
        (stolen.status, stolen.code().as_str()),
        (403, "consent_missing")
    );
    assert_eq!(me.consent(&body).await.status, 201);
    assert_eq!(me.delete("/consents/learn").await.status, 204);
    let again = me.consent(&body).await;
    assert_eq!(
        (again.status, again.code().as_str()),
        (403, "consent_missing")
    );
    let held: Value = me.get().await.json();
    assert_eq!(held["consents"][0]["is_live"], false);
    world.stop().await;
}

#[tokio::test]
async fn minors_and_what_is_not_offered_are_refused_in_our_form() {
    let world = World::open().await;
    let minor = Me::enroll(&world, true).await;
    let alone = minor.agree("learn").await;
    assert_eq!(
        (alone.status, alone.code().as_str()),
        (403, "minor_protection")
    );
    let offer: Value = minor.offer("learn").await.json();
    let guarded = json!({"offer": offer["offer"], "by_guardian": true});
    assert_eq!(minor.consent(&guarded).await.status, 201);
    for (purpose, status, code) in [
        ("identify", 403, "feature_not_in_profile"),
        ("marketing", 422, "unknown_purpose"),
    ] {
        let refused = minor.offer(purpose).await;
        assert_eq!((refused.status, refused.code().as_str()), (status, code));
    }
    for (body, code) in [
        (json!({"offer": "x"}), "bad_offer"),
        (json!({"offer": "0".repeat(32), "days": 0}), "bad_days"),
    ] {
        let refused = minor.consent(&body).await;
        assert_eq!((refused.status, refused.code().as_str()), (422, code));
    }
    let long = minor.put("preferences", &json!("x".repeat(20_000))).await;
    assert_eq!(
        (long.status, long.code().as_str()),
        (422, "preferences_too_large")
    );
    world.stop().await;
}

#[tokio::test]
async fn neither_token_passes_for_the_other() {
    let world = World::closed().await;
    let nobody = world.post("/v1/persons").json(&json!({})).send().await;
    assert_eq!(nobody.status, 401);
    let operator = format!("Bearer {}", world.token);
    let enroll = world.post("/v1/persons").header("authorization", &operator);
    let enrolled: Value = enroll.json(&json!({})).send().await.json();
    let token = enrolled["token"].as_str().unwrap();
    // The console's token reaches no record.
    let mine = world
        .get("/v1/persons/me")
        .header("authorization", &operator)
        .send()
        .await;
    assert_eq!(
        (mine.status, mine.code().as_str()),
        (401, "person_token_unknown")
    );
    // The person's token opens no console, as either scheme.
    for scheme in ["Person", "Bearer"] {
        let request = world
            .get("/v1/decisions")
            .header("authorization", &format!("{scheme} {token}"));
        assert_eq!(request.send().await.status, 401, "{scheme}");
    }
    // Forged: another secret under the same id.
    let forged = format!("{}{}", &token[..token.len() - 4], "0000");
    for sent in [&forged[..], "", "rgp_", &token.to_uppercase()] {
        let answer = as_person(world.get("/v1/persons/me"), sent).send().await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (401, "person_token_unknown")
        );
    }
    assert_eq!(
        as_person(world.get("/v1/persons/me"), token)
            .send()
            .await
            .status,
        200
    );
    world.stop().await;
}

#[tokio::test]
async fn the_privacy_page_says_whether_anything_is_kept_about_single_persons() {
    let only = "only of people who enrolled themselves";
    let world = World::open().await;
    let page = world
        .get("/privacy")
        .header("accept-language", "en")
        .send()
        .await;
    assert!(page.text().contains(only));
    world.stop().await;
    let world = World::promising(|document| document.consent_purposes.clear()).await;
    let page = world
        .get("/privacy")
        .header("accept-language", "en")
        .send()
        .await;
    assert!(!page.text().contains(only));
    let refused = world.post("/v1/persons").json(&json!({})).send().await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "purpose_not_promised")
    );
    world.stop().await;
}
