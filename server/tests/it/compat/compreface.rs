//! The interface of CompreFace, row by row and error by error.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::ImageFormat;
use regard_commitments::{EntryBody, RecognitionKind, RefusalCode};
use serde_json::{Value, json};

use super::site::{
    ACTS_KEY, BARE_KEY, CAMERA_KEY, DETECTION_KEY, RECOGNITION_KEY, Site, VERIFICATION_KEY,
    as_format, crowd, nobody, one, other, same, smiling,
};
use crate::client::{Answer, Request};

const FACES: &str = "/api/v1/recognition/faces";
const SUBJECTS: &str = "/api/v1/recognition/subjects";
const RECOGNIZE: &str = "/api/v1/recognition/recognize";

async fn good(request: Request) -> Value {
    let answer = request.send().await;
    assert!(matches!(answer.status, 200 | 201), "{}", answer.text());
    answer.json()
}

fn is_fault(answer: &Answer, status: u16, code: u64) {
    let body: Value = answer.json();
    assert_eq!(
        (answer.status, body["code"].as_u64()),
        (status, Some(code)),
        "{body}"
    );
    assert!(
        body["message"]
            .as_str()
            .is_some_and(|message| !message.is_empty())
    );
}

async fn fault(request: Request, status: u16, code: u64) -> String {
    let answer = request.send().await;
    is_fault(&answer, status, code);
    answer.json::<Value>()["message"]
        .as_str()
        .unwrap()
        .to_owned()
}

impl Site {
    async fn add(&self, subject: &str, picture: &[u8]) -> String {
        let path = format!("{FACES}?subject={subject}");
        let added = good(self.post(RECOGNITION_KEY, &path).file("a.jpg", picture)).await;
        assert_eq!(added["subject"], subject);
        added["image_id"].as_str().unwrap().to_owned()
    }

    async fn recognized(&self, key: &str, picture: &[u8]) -> Value {
        good(self.post(key, RECOGNIZE).file("a.jpg", picture)).await["result"][0].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_lists_is_answered() {
    let site = Site::new().await;
    let key = RECOGNITION_KEY;
    // Subjects, also with a slash at the end.
    assert_eq!(
        good(site.get(key, &format!("{SUBJECTS}/"))).await,
        json!({"subjects": []})
    );
    let created = site
        .post(key, SUBJECTS)
        .json(&json!({"subject": "Zoë"}))
        .send()
        .await;
    assert_eq!(
        (created.status, created.json::<Value>()),
        (201, json!({"subject": "Zoë"}))
    );
    let ann = site.add("Ann", &one()).await;
    let bob = site.add("Bob", &other()).await;
    assert_eq!(
        good(site.get(key, SUBJECTS)).await,
        json!({"subjects": ["Ann", "Bob", "Zoë"]})
    );
    // A page of faces.
    let listed = good(site.get(key, &format!("{FACES}?page=1&size=1"))).await;
    assert_eq!(
        listed,
        json!({"faces": [{"image_id": bob, "subject": "Bob"}], "page_number": 1, "page_size": 1,
               "total_pages": 2, "total_elements": 2})
    );
    let listed = good(site.get(key, &format!("{FACES}?subject=Ann"))).await;
    assert_eq!(
        listed["faces"],
        json!([{"image_id": ann, "subject": "Ann"}])
    );
    // The picture itself is not kept.
    fault(site.get(key, &format!("{FACES}/{ann}/img")), 404, 11).await;
    fault(
        site.get(key, &format!("/static/{key}/images/{ann}")),
        404,
        11,
    )
    .await;
    site.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_searches_is_answered() {
    let site = Site::new().await;
    let key = RECOGNITION_KEY;
    let ann = site.add("Ann", &one()).await;
    let bob = site.add("Bob", &other()).await;
    // A search with everything, pictures as base64.
    let asked = format!(
        "{RECOGNIZE}?limit=1&prediction_count=2&face_plugins=landmarks,pose,calculator&status=true"
    );
    let body = json!({"file": STANDARD.encode(same())});
    let found = good(site.post(key, &asked).json(&body)).await;
    let face = &found["result"][0];
    let names: Vec<&str> = face["subjects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["subject"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["Ann", "Bob"]);
    let scores: Vec<f64> = face["subjects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["similarity"].as_f64().unwrap())
        .collect();
    assert!(scores[0] > 0.5 && scores[1] < 0.5, "{scores:?}");
    for side in ["pitch", "roll", "yaw"] {
        assert!(face["pose"][side].is_f64());
    }
    // The embedding that was given out is taken again.
    let vector = face["embedding"].clone();
    let vectors = json!({"embeddings": [vector]});
    let path = "/api/v1/recognition/embeddings/recognize?prediction_count=1";
    let by_vector = good(site.post(key, path).json(&vectors)).await;
    assert_eq!(by_vector["result"][0]["similarities"][0]["subject"], "Ann");
    let again = by_vector["result"][0]["similarities"][0]["similarity"]
        .as_f64()
        .unwrap();
    assert!((again - scores[0]).abs() < 0.02, "{again} {scores:?}");
    let path = format!("/api/v1/recognition/embeddings/faces/{ann}/verify");
    let by_vector = good(site.post(key, &path).json(&vectors)).await;
    assert!(by_vector["result"][0]["similarity"].as_f64().unwrap() > 0.5);
    // One to one.
    let path = format!("{FACES}/{bob}/verify");
    let verified = good(site.post(key, &path).file("a.jpg", &same())).await;
    assert!(verified["result"][0]["similarity"].as_f64().unwrap() < 0.5);
    site.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_changes_is_answered() {
    let site = Site::new().await;
    let key = RECOGNITION_KEY;
    let ann = site.add("Ann", &one()).await;
    let bob = site.add("Bob", &other()).await;
    // A name that is there takes the faces of the other.
    let renamed = site
        .put(key, &format!("{SUBJECTS}/Bob"))
        .json(&json!({"subject": "Ann", "api_endpoint": "Bob"}));
    assert_eq!(good(renamed).await, json!({"updated": true}));
    let listed = good(site.get(key, &format!("{FACES}?subject=Ann"))).await;
    assert_eq!(listed["total_elements"], 2);
    // Taking out.
    let several = site
        .post(key, &format!("{FACES}/delete"))
        .json(&json!([bob, "nonsense"]));
    assert_eq!(
        good(several).await,
        json!([{"image_id": bob, "subject": "Ann"}])
    );
    let one_face = good(site.delete(key, &format!("{FACES}/{ann}"))).await;
    assert_eq!(one_face, json!({"image_id": ann, "subject": "Ann"}));
    assert_eq!(
        good(site.delete(key, &format!("{FACES}?subject=Ann"))).await,
        json!({"deleted": 0})
    );
    let created = site.post(key, SUBJECTS).json(&json!({"subject": "Zoë"}));
    assert_eq!(created.send().await.status, 201);
    assert_eq!(
        good(site.delete(key, &format!("{SUBJECTS}/Zo%C3%AB"))).await,
        json!({"subject": "Zoë"})
    );
    assert_eq!(
        good(site.delete(key, SUBJECTS)).await,
        json!({"deleted": 1})
    );
    site.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_pictures_and_two_vectors_are_compared() {
    let site = Site::new().await;
    let path = "/api/v1/verification/verify?face_plugins=calculator,landmarks";
    let pair = |a: &[u8], b: &[u8]| json!({"source_image": STANDARD.encode(a), "target_image": STANDARD.encode(b)});
    let request = site
        .post(VERIFICATION_KEY, path)
        .json(&pair(&one(), &same()));
    let compared = good(request).await["result"][0].clone();
    let (source, target) = (&compared["source_image_face"], &compared["face_matches"][0]);
    let similarity = target["similarity"].as_f64().unwrap();
    assert!(similarity > 0.5);
    let vectors = json!({"source": source["embedding"], "targets": [target["embedding"]]});
    let path = "/api/v1/verification/embeddings/verify";
    let again = good(site.post(VERIFICATION_KEY, path).json(&vectors)).await;
    let again = again["result"][0]["similarity"].as_f64().unwrap();
    assert!((again - similarity).abs() < 0.02, "{again} {similarity}");
    // A vector of one service is nobody's in another.
    let staff = good(
        site.post(
            RECOGNITION_KEY,
            &format!("{RECOGNIZE}?face_plugins=calculator"),
        )
        .file("a.jpg", &one()),
    )
    .await;
    let across =
        json!({"source": source["embedding"], "targets": [staff["result"][0]["embedding"]]});
    let across = good(site.post(VERIFICATION_KEY, path).json(&across)).await;
    assert!(
        across["result"][0]["similarity"].as_f64().unwrap() < 0.3,
        "{across}"
    );
    for bad in [
        json!({"source": [0.0], "targets": [[1.0]]}),
        json!({"source": vec![0.0; 128], "targets": [vec![1.0; 128]]}),
        json!({"source": vec![1.0; 128], "targets": []}),
    ] {
        fault(site.post(VERIFICATION_KEY, path).json(&bad), 400, 26).await;
    }
    site.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_has_its_code() {
    let site = Site::new().await;
    let key = RECOGNITION_KEY;
    let none = "00000000-0000-0000-0000-000000000000";
    let picture = |path: &str, bytes: &[u8]| site.post(key, path).file("a.jpg", bytes);
    fault(site.world.get(SUBJECTS), 400, 20).await;
    fault(site.get("no-key", SUBJECTS), 404, 10).await;
    fault(site.get(DETECTION_KEY, SUBJECTS), 404, 10).await;
    fault(site.get(key, "/api/v1/recognition/nothing"), 404, 0).await;
    fault(site.put(key, SUBJECTS), 404, 0).await;
    fault(site.get(key, "/api/v1/nothing"), 404, 0).await;
    fault(site.get(key, "/static/no-key/images/x"), 404, 10).await;
    fault(picture(&format!("{FACES}?subject="), &one()), 400, 26).await;
    fault(picture(FACES, &one()), 400, 33).await;
    fault(site.post(key, &format!("{FACES}?subject=a")), 400, 34).await;
    fault(
        site.post(key, RECOGNIZE).json(&json!({"photo": ""})),
        400,
        34,
    )
    .await;
    fault(
        site.post(key, RECOGNIZE).json(&json!({"file": "?"})),
        400,
        0,
    )
    .await;
    fault(site.post(key, RECOGNIZE).json(&json!([1])), 400, 0).await;
    fault(picture(&format!("{RECOGNIZE}?limit=-1"), &one()), 400, 26).await;
    fault(
        picture(&format!("{RECOGNIZE}?det_prob_threshold=2"), &one()),
        400,
        26,
    )
    .await;
    fault(
        picture(&format!("{RECOGNIZE}?face_plugins=race"), &one()),
        400,
        26,
    )
    .await;
    fault(picture(RECOGNIZE, b"<svg/>"), 400, 21).await;
    fault(picture(RECOGNIZE, b""), 400, 21).await;
    fault(picture(RECOGNIZE, &one()[..500]), 400, 0).await;
    fault(picture(RECOGNIZE, &vec![0; (5 << 20) + 1]), 400, 0).await;
    fault(picture(RECOGNIZE, &nobody()), 400, 28).await;
    fault(picture(&format!("{FACES}?subject=a"), &nobody()), 400, 28).await;
    fault(picture(&format!("{FACES}?subject=a"), &crowd()), 400, 31).await;
    fault(picture(&format!("{FACES}/{none}/verify"), &one()), 404, 11).await;
    fault(site.delete(key, &format!("{FACES}/{none}")), 404, 11).await;
    fault(site.delete(key, &format!("{SUBJECTS}/nobody")), 404, 42).await;
    // A form that ends before its end.
    let cut =
        b"--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\n\r\nby"
            .to_vec();
    let kind = "multipart/form-data; boundary=cut";
    fault(
        site.post(key, RECOGNIZE)
            .header("content-type", kind)
            .bytes(cut),
        400,
        0,
    )
    .await;
    site.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_of_every_format_are_read() {
    let site = Site::new().await;
    let path = "/api/v1/detection/detect";
    for format in [
        ImageFormat::Png,
        ImageFormat::Bmp,
        ImageFormat::Gif,
        ImageFormat::Tiff,
        ImageFormat::WebP,
        ImageFormat::Ico,
    ] {
        let bytes = as_format(&one(), format);
        let found = good(site.post(DETECTION_KEY, path).file("a", &bytes)).await;
        let boxed = &found["result"][0]["box"];
        assert!(
            boxed["x_max"].as_i64() > boxed["x_min"].as_i64(),
            "{format:?} {found}"
        );
    }
    // Nearly as large as may be.
    let large = image::load_from_memory(&one()).unwrap();
    let large = large.resize(1_440, 1_080, image::imageops::FilterType::Triangle);
    let mut bytes = std::io::Cursor::new(Vec::new());
    large
        .to_rgb8()
        .write_to(&mut bytes, ImageFormat::Bmp)
        .unwrap();
    let bytes = bytes.into_inner();
    assert!(bytes.len() > 4 << 20 && bytes.len() < 5 << 20);
    good(site.post(DETECTION_KEY, path).file("a", &bytes)).await;
    site.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_attestation_nobody_is_compared() {
    let site = Site::new().await;
    let add = |key: &str| {
        site.post(key, &format!("{FACES}?subject=a"))
            .file("a.jpg", &one())
    };
    let said = fault(add(BARE_KEY), 400, 0).await;
    assert!(said.starts_with("consent_missing: "), "{said}");
    let said = fault(site.post(BARE_KEY, RECOGNIZE).file("a.jpg", &one()), 400, 0).await;
    assert!(said.starts_with("consent_missing: "), "{said}");
    let said = fault(add(CAMERA_KEY), 400, 0).await;
    assert!(said.starts_with("no_reidentification: "), "{said}");
    let from_camera = site
        .post(RECOGNITION_KEY, RECOGNIZE)
        .header("x-regard-source", "camera");
    let said = fault(from_camera.file("a.jpg", &one()), 400, 0).await;
    assert!(said.starts_with("no_reidentification: "), "{said}");
    // Where uploads are not acts, each search names one, and it is good once.
    good(add(ACTS_KEY)).await;
    let search = || site.post(ACTS_KEY, RECOGNIZE).file("a.jpg", &same());
    let said = fault(search(), 400, 0).await;
    assert!(said.starts_with("act_missing: "), "{said}");
    let act = site.act("guests").await;
    let found = good(search().header("x-regard-act", &act)).await;
    assert_eq!(found["result"][0]["subjects"][0]["subject"], "a");
    for act in [act.as_str(), "nonsense"] {
        let said = fault(search().header("x-regard-act", act), 400, 0).await;
        assert!(said.starts_with("act_missing: "), "{said}");
    }
    // A device tells of one.
    let told = |by: &str| {
        site.world
            .post("/v1/collections/guests/acts")
            .json(&json!({ "by": by }))
    };
    assert_eq!(told("wish").send().await.status, 422);
    let act = good(told("button")).await;
    let found = search().header("x-regard-act", act["act"].as_str().unwrap());
    good(found).await;
    // Of another collection it is none.
    let act = site.act("staff").await;
    fault(search().header("x-regard-act", &act), 400, 0).await;
    // The ledger says all of it, by hashes.
    let ledger = site.ledger().await;
    let n = |code| {
        let of = |body: &&EntryBody| matches!(body, EntryBody::RecognitionRefused { recognition: RecognitionKind::Attested, code: found, .. } if *found == code);
        ledger.iter().filter(of).count()
    };
    assert_eq!(n(RefusalCode::ConsentMissing), 2);
    assert_eq!(n(RefusalCode::NoReidentification), 2);
    assert_eq!(n(RefusalCode::ActMissing), 4);
    let searched = ledger.iter().filter(|body| {
        matches!(
            body,
            EntryBody::RecognitionGranted {
                act: Some(_),
                attestation: Some(_),
                ..
            }
        )
    });
    assert_eq!(searched.count(), 2);
    site.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_face_shows_is_told_under_a_live_notice_alone() {
    let site = Site::new().await;
    let path =
        "/api/v1/detection/detect?face_plugins=expression,gender,age,mask,calculator&status=true";
    let found = good(site.post(DETECTION_KEY, path).file("a.jpg", &one())).await;
    let (face, versions) = (&found["result"][0], &found["plugins_versions"]);
    for slug in ["expression", "gender", "age", "mask", "embedding"] {
        assert!(face.get(slug).is_none(), "{slug}: {face}");
    }
    for slug in ["expression", "gender", "age", "mask", "calculator"] {
        assert!(
            versions[slug]
                .as_str()
                .unwrap()
                .starts_with("unavailable: "),
            "{versions}"
        );
    }
    assert_eq!(versions["expression"], "unavailable: notice_missing");
    site.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn under_a_live_notice_the_plugin_tells_what_a_face_shows() {
    let site = Site::new().await;
    let path = "/api/v1/detection/detect?face_plugins=expression&status=true";
    let ask = |picture: Vec<u8>| site.post(DETECTION_KEY, path).file("a.jpg", &picture);
    let told = async {
        let answers = [good(ask(one())).await, good(ask(smiling())).await];
        answers.map(|answer| {
            let versions = &answer["plugins_versions"];
            assert_eq!(
                versions["expression"],
                "faceapi-expression, fer-mini-xception"
            );
            let shown = &answer["result"][0]["expression"];
            let probability = shown["probability"].as_f64().unwrap();
            // The likeliest of seven.
            assert!((1.0 / 7.0..=1.0).contains(&probability), "{shown}");
            shown["value"].as_str().unwrap().to_owned()
        })
    };
    assert_eq!(site.under_a_live_notice(told).await, ["neutral", "happy"]);
    site.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_clients_at_once_are_answered() {
    let site = Site::new().await;
    site.add("Ann", &one()).await;
    let picture = as_format(&same(), ImageFormat::Jpeg);
    let tasks: Vec<_> = (0..200)
        .map(|n| {
            let request = if n % 4 == 0 {
                site.post(RECOGNITION_KEY, RECOGNIZE)
                    .file("a.jpg", &picture)
            } else {
                site.get(RECOGNITION_KEY, FACES)
            };
            tokio::spawn(request.send())
        })
        .collect();
    for task in tasks {
        let answer = task.await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let face = site.recognized(RECOGNITION_KEY, &picture).await;
    assert_eq!(face["subjects"][0]["subject"], "Ann");
    site.world.stop().await;
}
