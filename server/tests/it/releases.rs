//! The release in writing that Illinois wants before a face is measured: shown, signed, taken along, gone with the record.

use std::collections::BTreeSet;

use regard_commitments::{Commitments, ConsentPurpose, LegalBasis, Profile};
use regard_domain::ScreenId;
use serde_json::{Value, json};

use crate::client::Answer;
use crate::own::{Browser, as_person, hidden};
use crate::world::World;

const NAME: &str = "Augusta Ada King";

/// A site at which people may be verified, under the law of a place.
async fn site(profile: &'static str) -> World {
    World::promising(|document: &mut Commitments| {
        document.profile = profile.to_owned();
        document.legal_basis = LegalBasis::Consent;
        document.consent_purposes = BTreeSet::from([ConsentPurpose::Verify, ConsentPurpose::Learn]);
        document.alternative_path = Some("the guard looks at the card".to_owned());
        let profile = Profile::named(profile).unwrap();
        for (kind, period) in &mut document.retention {
            if let Some(longest) = profile.max_retention(*kind) {
                *period = (*period).min(longest);
            }
        }
    })
    .await
}

/// The code on the screen now.
fn code(world: &World) -> String {
    let screen = ScreenId::new("demo").unwrap();
    let now = world.engine.now();
    world.engine.place_codes().on_screen(&screen, now)
}

/// The page to enrol as somebody who stands before the screen sees it.
async fn page(world: &World, lang: &str) -> String {
    let path = format!("/enroll?screen=demo&code={}&lang={lang}", code(world));
    let page = world.page(&path).await;
    assert_eq!(page.status, 200);
    page.text().to_owned()
}

/// Comes as the page has it come; the token of the record.
async fn come(world: &World) -> String {
    let body = json!({"screen": "demo", "code": code(world)});
    let made = world.post("/enroll/persons").json(&body).send().await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made: Value = made.json();
    made["token"].as_str().unwrap().to_owned()
}

async fn post(world: &World, token: &str, path: &str, body: &Value) -> Answer {
    let request = world.post(&format!("/v1/persons/me/{path}")).json(body);
    as_person(request, token).send().await
}

async fn offer(world: &World, token: &str, purpose: &str) -> Value {
    let offer = post(world, token, "offers", &json!({"purpose": purpose})).await;
    assert_eq!(offer.status, 201, "{}", offer.text());
    offer.json()
}

/// Agrees to be verified with this signature.
async fn agree(world: &World, token: &str, release: &Value) -> Answer {
    let offer = offer(world, token, "verify").await;
    let given = json!({"offer": offer["offer"], "release": release});
    post(world, token, "consents", &given).await
}

async fn held(world: &World, token: &str) -> Answer {
    as_person(world.get("/v1/persons/me"), token).send().await
}

#[tokio::test]
async fn the_release_is_read_before_the_camera_opens_where_the_law_wants_one() {
    let world = site("us-il").await;
    for (lang, title) in [
        ("en", "Release in writing"),
        ("fr", "Autorisation écrite"),
        ("de", "Schriftliche Freigabe"),
        ("es", "Autorización por escrito"),
        ("nl", "Schriftelijke vrijgave"),
    ] {
        let page = page(&world, lang).await;
        let camera = page.find("id=\"start-camera\"").unwrap();
        assert!(page.find(title).unwrap() < camera, "{page}");
        assert!(page.contains(&format!("href=\"/privacy?lang={lang}\"")));
        for told in [
            "The person running this demonstration",
            "the guard looks at the card",
            "30 ",
        ] {
            assert!(page.contains(told), "{told} in {page}");
        }
        for field in ["signed", "signed_by"] {
            let begins = format!("name=\"{field}\"");
            let (_, field) = page.split_once(&begins).unwrap();
            let (field, _) = field.split_once('>').unwrap();
            assert!(field.ends_with("required"), "{field}");
        }
        let token = come(&world).await;
        let offer = offer(&world, &token, "verify").await;
        let texts = offer["releases"].as_array().unwrap();
        let text = texts.iter().find(|text| text["language"] == lang).unwrap();
        assert_eq!(hidden(&page, "release"), [text["sha256"].as_str().unwrap()]);
    }
    world.stop().await;

    let world = site("eu").await;
    let page = page(&world, "en").await;
    assert!(page.contains("id=\"agree\"") && !page.contains("Release in writing"));
    assert!(hidden(&page, "release").is_empty());
    let token = come(&world).await;
    let offer = offer(&world, &token, "verify").await;
    assert_eq!(offer["releases"], json!([]));
    assert_eq!(agree(&world, &token, &Value::Null).await.status, 201);
    // What nobody asked for is not kept either.
    let signature = json!({"sha256": "0".repeat(64), "name": NAME, "is_ticked": true});
    assert_eq!(agree(&world, &token, &signature).await.status, 201);
    let held: Value = held(&world, &token).await.json();
    assert_eq!(held["written_releases"], json!([]));
    world.stop().await;
}

#[tokio::test]
async fn no_face_is_measured_before_the_release_is_signed_and_the_signature_goes_with_the_record() {
    let world = site("us-il").await;
    let text = page(&world, "en").await;
    let sha256 = hidden(&text, "release")[0];
    let token = come(&world).await;
    for (release, status, code) in [
        (Value::Null, 403, "consent_missing"),
        (
            json!({"sha256": sha256, "name": NAME}),
            403,
            "consent_missing",
        ),
        (
            json!({"sha256": sha256, "name": " ", "is_ticked": true}),
            403,
            "consent_missing",
        ),
        (
            json!({"sha256": "0".repeat(64), "name": NAME, "is_ticked": true}),
            403,
            "consent_missing",
        ),
        (
            json!({"sha256": "0", "name": NAME, "is_ticked": true}),
            422,
            "bad_release",
        ),
    ] {
        let refused = agree(&world, &token, &release).await;
        assert_eq!((refused.status, refused.code().as_str()), (status, code));
    }
    let begin = json!({"mode": {"kind": "photos"}, "act": "qr"});
    let refused = post(&world, &token, "faces", &begin).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "consent_missing")
    );

    let signature = json!({"sha256": sha256, "name": NAME, "is_ticked": true});
    let agreed = agree(&world, &token, &signature).await;
    assert_eq!(agreed.status, 201, "{}", agreed.text());
    assert!(!agreed.text().contains(NAME));
    let begun = post(&world, &token, "faces", &begin).await;
    assert_eq!(begun.status, 201, "{}", begun.text());
    let told: Value = held(&world, &token).await.json();
    let release = &told["written_releases"][0];
    assert_eq!(
        (&release["name"], &release["text_sha256"]),
        (&json!(NAME), &json!(sha256))
    );
    let read = release["text"].as_str().unwrap();
    assert!(
        read.contains("three years") && read.contains("/privacy"),
        "{read}"
    );

    let me = Browser::open(&world, &token).await;
    assert!(me.shows("Releases that you signed") && me.shows(NAME));
    assert!(!me.shows("Your name is not known here"));
    let erased = as_person(world.delete("/v1/persons/me"), &token);
    let erased = erased.send().await;
    assert_eq!(erased.status, 200, "{}", erased.text());
    assert!(!erased.text().contains(NAME));
    assert_eq!(held(&world, &token).await.status, 401);
    world.stop().await;
}

#[tokio::test]
async fn a_release_is_signed_on_a_persons_own_page_without_scripts() {
    let world = site("us-il").await;
    let token = come(&world).await;
    let mut me = Browser::open(&world, &token).await;
    let first = |me: &Browser<'_>, name: &str| hidden(&me.text, name)[0].to_owned();
    // One of the two purposes measures a face.
    assert_eq!(hidden(&me.text, "offer").len(), 2);
    assert_eq!(hidden(&me.text, "release").len(), 1);
    let (offer, release) = (first(&me, "offer"), first(&me, "release"));
    let fields = [
        ("offer", offer.as_str()),
        ("release", release.as_str()),
        ("signed_by", NAME),
    ];
    let unsigned = me.press("agree", &fields).await;
    assert_eq!(unsigned.status, 403);
    assert!(me.shows("consent_missing"), "{}", me.text);

    let offer = first(&me, "offer");
    let fields = [
        ("offer", offer.as_str()),
        ("release", release.as_str()),
        ("signed_by", NAME),
        ("signed", "yes"),
    ];
    me.press("agree", &fields).await;
    assert!(me.shows("The receipt is in your record"), "{}", me.text);
    assert!(me.shows("Releases that you signed") && me.shows(NAME));
    assert!(
        hidden(&me.text, "release").is_empty(),
        "signed and not asked again"
    );
    world.stop().await;
}

/// What is not promised is not offered: no form that would come to nothing, and whoever runs the site reads why.
#[tokio::test]
async fn a_page_of_what_is_not_promised_says_so_and_asks_for_no_token() {
    let promised = site("lab").await;
    let page = promised.page("/verify?lang=de").await;
    assert!(
        page.text()
            .contains(r#"<form id="claim" class="card" method="post">"#)
    );
    assert!(!page.text().contains(r#"class="why""#));
    let silent =
        World::promising(|document: &mut Commitments| document.consent_purposes.clear()).await;
    let page = silent.page("/verify?lang=de").await;
    let text = page.text();
    assert!(
        text.contains(r#"<form id="claim" class="card" method="post" hidden>"#),
        "{text}"
    );
    assert!(
        text.contains(r#"<div class="why"><p>Das wird hier nicht angeboten."#)
            && text.contains("purpose_not_promised"),
        "{text}"
    );
}
