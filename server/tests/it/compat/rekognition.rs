//! The interface of Amazon Rekognition by hand: what its real clients do not send.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use regard_domain::Clock as _;
use regard_engine::{Calendar, SystemClock, to_hex};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::site::{ACCESS_KEY, SECRET_KEY, Site, one, smiling};
use crate::client::{Answer, Request};

/// `20260601T120000Z`, now and so many seconds on.
fn amz_date(ahead_secs: i64) -> String {
    let now = SystemClock::new().now().as_millis() / 1_000 + ahead_secs;
    let at = regard_domain::Timestamp::from_millis(now * 1_000);
    let day = Calendar::new(Some("UTC"))
        .unwrap()
        .day_of(at)
        .unwrap()
        .to_string();
    let of_day = now.rem_euclid(86_400);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{}T{hour:02}{minute:02}{second:02}Z", day.replace('-', ""))
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// A request that is signed, written anew from the standard and not from what checks it.
fn signed(site: &Site, operation: &str, body: &[u8], date: &str) -> Request {
    let (host, target) = (
        site.world.address.to_string(),
        format!("RekognitionService.{operation}"),
    );
    let hash = |bytes: &[u8]| to_hex(&Sha256::digest(bytes));
    let canonical = format!(
        "POST\n/\n\nhost:{host}\nx-amz-date:{date}\nx-amz-target:{target}\n\nhost;x-amz-date;x-amz-target\n{}",
        hash(body)
    );
    let scope = format!("{}/eu-west-1/rekognition/aws4_request", &date[..8]);
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n{date}\n{scope}\n{}",
        hash(canonical.as_bytes())
    );
    let key = scope
        .split('/')
        .fold(format!("AWS4{SECRET_KEY}").into_bytes(), |key, part| {
            hmac(&key, part)
        });
    let signature = to_hex(&hmac(&key, &to_sign));
    site.world
        .post("/")
        .header("x-amz-date", date)
        .header("x-amz-target", &target)
        .header("content-type", "application/x-amz-json-1.1")
        .header(
            "authorization",
            &format!(
                "AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{scope}, SignedHeaders=host;x-amz-date;x-amz-target, \
                 Signature={signature}"
            ),
        )
        .bytes(body.to_vec())
}

fn call(site: &Site, operation: &str, body: &Value) -> Request {
    signed(site, operation, body.to_string().as_bytes(), &amz_date(0))
}

fn is_fault(answer: &Answer, kind: &str) {
    let body: Value = answer.json();
    assert_eq!(
        (answer.status, body["__type"].as_str()),
        (400, Some(kind)),
        "{body}"
    );
    assert!(!body["Message"].as_str().unwrap().is_empty());
    assert_eq!(
        answer.header("content-type"),
        Some("application/x-amz-json-1.1")
    );
    assert!(
        answer
            .header("x-amzn-requestid")
            .is_some_and(|id| id.len() == 36)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_signed_lately_and_whole() {
    let site = Site::new().await;
    let empty = json!({});
    let good = call(&site, "ListCollections", &empty).send().await;
    assert_eq!(good.status, 200, "{}", good.text());
    assert_eq!(
        good.header("content-type"),
        Some("application/x-amz-json-1.1")
    );
    for (secs, is_good) in [(-290, true), (290, true), (-310, false), (310, false)] {
        let answer = signed(&site, "ListCollections", b"{}", &amz_date(secs))
            .send()
            .await;
        if is_good {
            assert_eq!(answer.status, 200, "{secs}");
        } else {
            is_fault(&answer, "InvalidSignatureException");
        }
    }
    let unsigned = site
        .world
        .post("/")
        .header("x-amz-target", "RekognitionService.ListCollections");
    is_fault(
        &unsigned.bytes(b"{}".to_vec()).send().await,
        "MissingAuthenticationTokenException",
    );
    let other =
        call(&site, "ListCollections", &empty).header("authorization", "AWS4-HMAC-SHA256 nonsense");
    is_fault(&other.send().await, "IncompleteSignatureException");
    let changed = call(&site, "ListCollections", &empty).bytes(b"{ }".to_vec());
    is_fault(&changed.send().await, "InvalidSignatureException");
    let moved = call(&site, "ListCollections", &empty)
        .header("x-amz-target", "RekognitionService.DeleteCollection");
    is_fault(&moved.send().await, "InvalidSignatureException");
    is_fault(
        &site.world.post("/").send().await,
        "UnknownOperationException",
    );
    // The page at the same address is as it was.
    assert_eq!(site.world.get("/").send().await.status, 200);
    site.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_of_their_form() {
    let site = Site::new().await;
    for (operation, body, kind) in [
        ("CreateCollection", "", "InvalidParameterException"),
        ("CreateCollection", "[]", "SerializationException"),
        (
            "CreateCollection",
            "{\"CollectionId\": ",
            "SerializationException",
        ),
        (
            "CreateCollection",
            "{\"CollectionId\": 7}",
            "SerializationException",
        ),
        (
            "CreateCollection",
            "{\"CollectionId\": \"a b\"}",
            "InvalidParameterException",
        ),
        ("DetectFaces", "{}", "InvalidParameterException"),
        (
            "DetectFaces",
            "{\"Image\": {\"Bytes\": \"?\"}}",
            "SerializationException",
        ),
        (
            "DetectFaces",
            "{\"Image\": {\"Bytes\": \"aGk=\"}}",
            "InvalidImageFormatException",
        ),
        (
            "SearchFaces",
            "{\"CollectionId\": \"photos\", \"FaceId\": \"x\"}",
            "InvalidParameterException",
        ),
        (
            "ListFaces",
            "{\"CollectionId\": \"photos\", \"MaxResults\": 5000}",
            "InvalidParameterException",
        ),
        (
            "ListFaces",
            "{\"CollectionId\": \"photos\"}",
            "ResourceNotFoundException",
        ),
        ("DetectText", "{}", "UnknownOperationException"),
        ("RecognizeCelebrities", "{}", "AccessDeniedException"),
    ] {
        let answer = signed(&site, operation, body.as_bytes(), &amz_date(0))
            .send()
            .await;
        is_fault(&answer, kind);
    }
    // Bytes that are no text at all.
    let answer = signed(&site, "ListCollections", &[0xFF, 0xFE, 0], &amz_date(0))
        .send()
        .await;
    is_fault(&answer, "SerializationException");
    site.world.stop().await;
}

/// No screen of this site shows a notice. Where one does, the real client is told more (`cli/tests/clients/rekognition_client.py`).
#[tokio::test(flavor = "multi_thread")]
async fn what_a_face_shows_is_told_under_a_live_notice_alone() {
    let site = Site::new().await;
    let image = json!({ "Bytes": STANDARD.encode(one()) });
    let asked = json!({ "Image": image, "Attributes": ["ALL"] });
    let detected = call(&site, "DetectFaces", &asked).send().await;
    assert_eq!(detected.status, 200, "{}", detected.text());
    let detected: Value = detected.json();
    let asked = json!({ "CollectionId": "photos", "Image": image, "DetectionAttributes": ["ALL"] });
    let collection = json!({ "CollectionId": "photos" });
    let made = call(&site, "CreateCollection", &collection).send().await;
    assert_eq!(made.status, 200, "{}", made.text());
    let indexed = call(&site, "IndexFaces", &asked).send().await;
    assert_eq!(indexed.status, 200, "{}", indexed.text());
    let indexed: Value = indexed.json();
    for detail in [
        &detected["FaceDetails"][0],
        &indexed["FaceRecords"][0]["FaceDetail"],
    ] {
        for name in ["BoundingBox", "Landmarks", "Pose", "Quality"] {
            assert!(detail.get(name).is_some(), "{name}: {detail}");
        }
        for name in ["Emotions", "Gender", "AgeRange"] {
            assert!(detail.get(name).is_none(), "{name}: {detail}");
        }
    }
    site.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn under_a_live_notice_all_attributes_tell_emotions_and_no_more() {
    let site = Site::new().await;
    let image = json!({ "Bytes": STANDARD.encode(smiling()) });
    let asked = json!({ "Image": image, "Attributes": ["ALL"] });
    let request = call(&site, "DetectFaces", &asked);
    let detected = site.under_a_live_notice(request.send()).await;
    assert_eq!(detected.status, 200, "{}", detected.text());
    let detail = detected.json::<Value>()["FaceDetails"][0].clone();
    let emotions = detail["Emotions"].as_array().unwrap();
    assert_eq!((emotions.len(), &emotions[0]["Type"]), (7, &json!("HAPPY")));
    let percent = emotions
        .iter()
        .map(|one| one["Confidence"].as_f64().unwrap());
    let sum: f64 = percent.sum();
    assert!((sum - 100.0).abs() < 0.01, "{sum}");
    for name in ["Gender", "AgeRange"] {
        assert!(detail.get(name).is_none(), "{name}: {detail}");
    }
    site.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_it_is_not_configured_there_is_nothing() {
    let world = crate::world::World::open().await;
    for request in [
        world
            .post("/")
            .header("x-amz-target", "RekognitionService.ListCollections"),
        world
            .get("/api/v1/recognition/subjects")
            .header("x-api-key", "x"),
        world.get("/static/x/images/y"),
    ] {
        let answer = request.send().await;
        assert!(matches!(answer.status, 404 | 405), "{}", answer.status);
    }
    world.stop().await;
}
