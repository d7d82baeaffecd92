//! What services hold stays, and what is taken out is gone: over a restart, with an older file, in every file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use regard_backends::{KeyStore as _, SqliteKeys};
use regard_domain::Clock as _;
use regard_engine::SystemClock;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::statistics::Moved;

use super::site::{RECOGNITION_KEY, Site, one, other, same};

const FACES: &str = "/api/v1/recognition/faces";
const RECOGNIZE: &str = "/api/v1/recognition/recognize";

/// A name that is nobody's.
const NAME: &str = "Wilhelmina-Planted";

async fn add(site: &Site, subject: &str, picture: &[u8]) -> String {
    let request = site.post(RECOGNITION_KEY, &format!("{FACES}?subject={subject}"));
    let consent = request.header("x-consent-id", "consent-planted-77");
    let answer = consent.file("a.jpg", picture).send().await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json::<Value>()["image_id"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// The names found for a picture, nearest first.
async fn found(site: &Site, picture: &[u8]) -> Vec<String> {
    let path = format!("{RECOGNIZE}?prediction_count=9");
    let answer = site
        .post(RECOGNITION_KEY, &path)
        .file("a.jpg", picture)
        .send()
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body: Value = answer.json();
    let subjects = body["result"][0]["subjects"].as_array().unwrap().clone();
    let names = subjects
        .iter()
        .map(|one| one["subject"].as_str().unwrap().to_owned());
    names.collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_is_there_after_a_restart_and_what_was_removed_is_not() {
    let site = Site::new().await;
    add(&site, "Ann", &one()).await;
    let bob = add(&site, "Bob", &other()).await;
    let data = site.world.end().await;
    let older = tempfile::tempdir().unwrap();
    std::fs::copy(
        data.path().join("regard.db"),
        older.path().join("regard.db"),
    )
    .unwrap();

    let site = Site::on(data).await;
    assert_eq!(found(&site, &same()).await, ["Ann", "Bob"]);
    let path = format!("{FACES}/{bob}");
    assert_eq!(site.delete(RECOGNITION_KEY, &path).send().await.status, 200);
    assert_eq!(found(&site, &other()).await, ["Ann"]);
    let data = site.world.end().await;

    let site = Site::on(data).await;
    assert_eq!(found(&site, &other()).await, ["Ann"]);
    let data = site.world.end().await;

    // The file as it was before: its key is gone, and so is the face.
    for rest in ["regard.db-wal", "regard.db-shm"] {
        let _ = std::fs::remove_file(data.path().join(rest));
    }
    std::fs::copy(
        older.path().join("regard.db"),
        data.path().join("regard.db"),
    )
    .unwrap();
    let site = Site::on(data).await;
    assert_eq!(found(&site, &other()).await, ["Ann"]);
    site.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_an_attestation_runs_out_keys_and_templates_go_while_the_program_runs() {
    let clock = Moved::to(SystemClock::new().now().as_micros());
    let site = Site::at(Arc::<Moved>::clone(&clock)).await;
    add(&site, "Ann", &one()).await;
    let keys = SqliteKeys::open(site.world.data.path()).await.unwrap();
    let held = async || keys.secrets("collection/").await.unwrap().len();
    let rows = async || {
        let store = site.world.engine.store();
        store.collected(None, 9).await.unwrap().len()
    };
    // The collection, the name, the face.
    assert_eq!((held().await, rows().await), (3, 3));
    let collections = site.world.engine.collections();
    collections.drop_ended().await.unwrap();
    assert_eq!((held().await, rows().await), (3, 3), "it holds for a day");
    clock.go_on(86_400_000_000);
    collections.drop_ended().await.unwrap();
    assert_eq!((held().await, rows().await), (0, 0));
    keys.close().await;
    site.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_file_holds_a_picture_a_name_a_template_or_a_key() {
    let site = Site::new().await;
    add(&site, NAME, &one()).await;
    let path = format!("{RECOGNIZE}?face_plugins=calculator&status=true");
    let answer = site
        .post(RECOGNITION_KEY, &path)
        .file("a.jpg", &one())
        .send()
        .await;
    let body: Value = answer.json();
    let vector = body["result"][0]["embedding"].as_array().unwrap().clone();
    let vector: Vec<f32> = vector.iter().map(|v| v.as_f64().unwrap() as f32).collect();
    // The template, as it lies in memory.
    let greatest = vector.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
    let template: Vec<u8> = vector
        .iter()
        .map(|v| ((v / greatest * 127.0).round() as i8).cast_unsigned())
        .collect();
    let numbers: Vec<u8> = vector.iter().flat_map(|v| v.to_le_bytes()).collect();
    let picture = one();
    let middle = picture.len() / 2;
    let planted: [(&str, &[u8]); 6] = [
        ("picture", &picture[middle..middle + 24]),
        ("template", &template[..24]),
        ("embedding", &numbers[..24]),
        ("name", NAME.as_bytes()),
        ("consent", b"consent-planted-77"),
        ("key", RECOGNITION_KEY.as_bytes()),
    ];
    let scan = |data: &TempDir, when: &str| {
        for file in files(data.path()) {
            let bytes = std::fs::read(&file).unwrap();
            for (what, needle) in planted {
                let holds = bytes.windows(needle.len()).any(|window| window == needle);
                assert!(!holds, "{when}: {what} in {}", file.display());
            }
        }
    };
    scan(&site.world.data, "while it runs");
    let data = site.world.end().await;
    scan(&data, "when it ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_error_says_again_what_was_sent() {
    let site = Site::new().await;
    let subject = json!({"subject": NAME});
    let path = "/api/v1/recognition/subjects";
    assert_eq!(
        site.post(RECOGNITION_KEY, path)
            .json(&subject)
            .send()
            .await
            .status,
        201
    );
    for request in [
        site.post(RECOGNITION_KEY, path).json(&subject),
        site.delete(RECOGNITION_KEY, &format!("{path}/{NAME}-2")),
        site.post(RECOGNITION_KEY, RECOGNIZE)
            .json(&json!({"file": NAME, "x": [NAME]})),
        site.post(RECOGNITION_KEY, RECOGNIZE)
            .json(&json!([{ "file": NAME }])),
    ] {
        let answer = request.send().await;
        assert!(
            answer.status >= 400 && !answer.text().contains(NAME),
            "{}",
            answer.text()
        );
    }
    site.world.stop().await;
}
