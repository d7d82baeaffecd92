//! Bytes of pictures and templates are looked for in every place that something could be written to.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use regard_commitments::{ConsentPurpose, Custody};
use serde_json::json;

use super::{Film, actor, live, pictures};

/// How many bytes in a row are taken for those of a picture or a template, and not for chance: one in 2^96.
const WINDOW: usize = 12;

/// Everything that the program logs in this process.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

static LOG: OnceLock<Log> = OnceLock::new();

fn log() -> &'static Log {
    LOG.get_or_init(|| {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(move || writer.clone());
        // Another test may have been first; then its lines are not heard, and the log is empty.
        let _ = subscriber.try_init();
        log
    })
}

/// The windows of what must not be found, and of the texts that the same bytes could be written as.
struct Planted(BTreeSet<Vec<u8>>);

impl Planted {
    fn new(secrets: &[Vec<u8>]) -> Self {
        let mut windows = BTreeSet::new();
        for secret in secrets {
            use base64::Engine as _;
            let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
            let numbers: Vec<String> = secret.iter().map(ToString::to_string).collect();
            let base64 = base64::engine::general_purpose::STANDARD.encode(secret);
            windows.extend(secret.windows(WINDOW).map(<[u8]>::to_vec));
            windows.extend(hex.as_bytes().windows(2 * WINDOW).map(<[u8]>::to_vec));
            windows.extend(base64.as_bytes().windows(2 * WINDOW).map(<[u8]>::to_vec));
            for joint in [", ", ","] {
                let all = numbers
                    .windows(WINDOW)
                    .map(|part| part.join(joint).into_bytes());
                windows.extend(all);
            }
        }
        // Runs of one byte stand in every file.
        windows.retain(|window| window.iter().collect::<BTreeSet<_>>().len() > 4);
        Self(windows)
    }

    fn is_in(&self, bytes: &[u8]) -> bool {
        let lengths: BTreeSet<usize> = self.0.iter().map(Vec::len).collect();
        lengths
            .into_iter()
            .any(|length| bytes.windows(length).any(|window| self.0.contains(window)))
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            found.extend(files_below(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

#[test]
fn what_is_planted_is_found() {
    let secret: Vec<u8> = (0..64).map(|n: u8| n.wrapping_mul(37)).collect();
    let planted = Planted::new(std::slice::from_ref(&secret));
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(planted.is_in(&[b"head", &secret[20..40]].concat()));
    assert!(planted.is_in(hex.as_bytes()) && planted.is_in(format!("{secret:?}").as_bytes()));
    assert!(!planted.is_in(b"nothing of it stands here, and nothing comes near"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_face_is_in_the_log_the_files_or_an_answer() {
    let log = log();
    let panics = log.clone();
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let _ = panics.clone().write_all(panic.to_string().as_bytes());
        usual(panic);
    }));
    let film = Film::new(Custody::Controller).await;
    let me = film.come(&["verify", "identify"]).await;
    let mut said: Vec<Vec<u8>> = Vec::new();
    let body = json!({"mode": live()});
    let begun = film
        .made("/v1/persons/me/faces", Some(&me.token), &body)
        .await;
    let path = format!(
        "/v1/captures/{}/pictures",
        begun["capture"].as_str().unwrap()
    );
    let ahead = actor().alive(0);
    for bad in [&ahead[..ahead.len() / 2], &ahead[2..], &[]] {
        let answer = pictures(film.world.post(&path), &[(None, bad)])
            .send()
            .await;
        assert!(answer.status >= 400, "{}", answer.status);
        said.push(answer.body);
    }
    assert_eq!(film.film(&begun).await, json!([]));
    said.push(film.end(&begun).await.body);
    for path in [
        "/metrics",
        "/v1/health",
        "/v1/recognition",
        "/v1/recognition/attempts",
        "/v1/recognition/curve",
        "/console/recognition?persons=yes",
        "/v1/attestations",
        "/v1/persons",
        "/v1/decisions",
        "/privacy",
    ] {
        said.push(film.world.get(path).send().await.body);
    }
    let export = film.world.get("/v1/persons/me");
    let export = export.header("authorization", &format!("Person {}", me.token));
    said.push(export.send().await.body);
    // What the site holds, opened: the numbers that must be nowhere else.
    let person = me.person.parse().unwrap();
    let custodian = film.world.engine.custodian();
    let claimed = custodian.claimed_by_id(person, ConsentPurpose::Verify);
    let claimed = claimed.await.unwrap().granted().unwrap();
    let mut secrets: Vec<Vec<u8>> = vec![ahead];
    for face in &claimed.faces {
        // The head of a template says which network made it, and stands elsewhere too.
        secrets.push(face.template[face.template.len() - 128..].to_vec());
        secrets.push(face.diversifier.to_vec());
    }
    let planted = Planted::new(&secrets);
    for (number, answer) in said.iter().enumerate() {
        assert!(!planted.is_in(answer), "answer {number}");
    }
    let data = film.world.end().await;
    for file in files_below(data.path()) {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!planted.is_in(&bytes), "{}", file.display());
    }
    let logged = log.0.lock().unwrap().clone();
    assert!(!planted.is_in(&logged), "the log");
    assert!(!logged.is_empty(), "the log was heard");
}
