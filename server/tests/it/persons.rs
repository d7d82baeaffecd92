//! Persons and their own record, over the wire.

use regard_commitments::{ConsentPurpose, ErasureProof, SignedReceipt};
use serde_json::{Value, json};

use crate::client::Answer;
use crate::own::as_person;
use crate::world::World;

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
        ("identify", 403, "purpose_not_promised"),
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
    // The program can make templates; whether it may is for the promises to say.
    let (left_out, agreed) = (
        "the promises of this site leave it out",
        "only of people who agreed to be recognised",
    );
    assert!(page.text().contains(left_out) && !page.text().contains(agreed));
    let refused = world.post("/v1/persons").json(&json!({})).send().await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "purpose_not_promised")
    );
    world.stop().await;
    let world = World::promising(|document| {
        document.consent_purposes = [ConsentPurpose::Verify].into();
    })
    .await;
    let page = world
        .get("/privacy")
        .header("accept-language", "en")
        .send()
        .await;
    assert!(page.text().contains(agreed) && !page.text().contains(left_out));
    world.stop().await;
}

/// Asks with a token of a person; the status.
async fn status_of(world: &World, token: &str) -> u16 {
    let by = format!("Person {token}");
    let asked = world.get("/v1/persons/me").header("authorization", &by);
    asked.send().await.status
}

async fn one_enrolled(world: &World) -> String {
    let by = format!("Bearer {}", world.token);
    let request = world.post("/v1/persons").header("authorization", &by);
    let enrolled: Value = request.json(&json!({})).send().await.json();
    enrolled["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn wrong_tokens_of_persons_are_locked_out_of_the_api_as_on_the_page() {
    let world = World::closed().await;
    let (known, fresh) = (one_enrolled(&world).await, one_enrolled(&world).await);
    assert_eq!(status_of(&world, &known).await, 200);
    let flipped = |token: &str| {
        let last = if token.ends_with('0') { "1" } else { "0" };
        format!("{}{last}", &token[..token.len() - 1])
    };
    // Every way in counts, whatever is asked for; no token at all is no guess.
    for n in 0..5 {
        let by = format!("Person {}", flipped(&fresh));
        let asked = match n {
            0 => world.delete("/v1/persons/me"),
            1 => world
                .post("/v1/persons/me/offers")
                .json(&json!({"purpose": "learn"})),
            2 => world
                .put("/v1/persons/me/freeze")
                .json(&json!({"is_frozen": true})),
            3 => world.delete("/v1/persons/me/consents/learn"),
            _ => world.get("/v1/persons/me"),
        };
        assert_eq!(world.get("/v1/persons/me").send().await.status, 401);
        let answer = asked.header("authorization", &by).send().await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (401, "person_token_unknown"),
            "{n}"
        );
    }
    let by = format!("Person {fresh}");
    let locked = world
        .get("/v1/persons/me")
        .header("authorization", &by)
        .send()
        .await;
    assert_eq!((locked.status, locked.code().as_str()), (429, "locked_out"));
    assert_eq!(locked.header("retry-after"), Some("60"));
    // Whose token was right a while ago goes on; the console has a count of its own; the ledger was told.
    assert_eq!(status_of(&world, &known).await, 200);
    let console = world.get("/v1/health").bearer(&world.token).send().await;
    assert_eq!(console.status, 200);
    world.told_of(regard_commitments::AdminAct::LockedOut).await;
    // Once erased, the token that was known is as unknown as any.
    let by = format!("Person {known}");
    let erased = world
        .delete("/v1/persons/me")
        .header("authorization", &by)
        .send()
        .await;
    assert_eq!(erased.status, 200, "{}", erased.text());
    assert_eq!(status_of(&world, &known).await, 401);
    assert_eq!(status_of(&world, &known).await, 429);
    world.stop().await;
}

#[tokio::test]
async fn changes_of_one_record_have_a_lid_and_withdrawal_and_erasure_have_none() {
    let world = World::closed().await;
    let (one, other) = (one_enrolled(&world).await, one_enrolled(&world).await);
    let freeze = |token: &str, is_frozen: bool| {
        let by = format!("Person {token}");
        let body = json!({ "is_frozen": is_frozen });
        world
            .put("/v1/persons/me/freeze")
            .header("authorization", &by)
            .json(&body)
    };
    for n in 0..60 {
        assert_eq!(freeze(&one, n % 2 == 0).send().await.status, 204, "{n}");
    }
    let refused = freeze(&one, true).send().await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (429, "too_many_changes")
    );
    assert_eq!(freeze(&other, true).send().await.status, 204);
    let by = format!("Person {one}");
    let withdrawn = world
        .delete("/v1/persons/me/consents/learn")
        .header("authorization", &by);
    assert_eq!(
        withdrawn.send().await.code(),
        "consent_missing",
        "the gate answers, not the lid"
    );
    let erased = world
        .delete("/v1/persons/me")
        .header("authorization", &by)
        .send()
        .await;
    assert_eq!(erased.status, 200, "{}", erased.text());
    world.stop().await;
}
