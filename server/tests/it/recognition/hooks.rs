//! A receiver of events: told in order, signed, again until it has heard, by pseudonym alone.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hmac::{Hmac, Mac};
use regard_commitments::Custody;
use regard_server::{WebhookConfig, WebhookEvent, webhook_url};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use super::{Film, live};

/// One delivery: its id, when it says it is, its signature, its body, and whether it was taken.
#[derive(Clone, Debug)]
struct Delivery {
    id: String,
    secs: String,
    signature: String,
    body: String,
    is_taken: bool,
}

/// A program that takes events, and turns the first of each away.
#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<Vec<Delivery>>>);

impl Receiver {
    async fn start(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, all) = (listener.local_addr().unwrap(), self.clone());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let all = all.clone();
                tokio::spawn(async move { all.hear(BufReader::new(socket)).await });
            }
        });
        address
    }

    async fn hear(&self, mut socket: BufReader<tokio::net::TcpStream>) {
        loop {
            let mut headers = Vec::new();
            loop {
                let mut line = String::new();
                if socket.read_line(&mut line).await.unwrap_or(0) == 0 {
                    return;
                }
                let line = line.trim_end().to_ascii_lowercase();
                if line.is_empty() {
                    break;
                }
                headers.push(line);
            }
            // The head, cased as it came, is not needed; signatures are.
            let of = |name: &str| {
                let prefix = format!("{name}: ");
                let found = headers.iter().find_map(|line| line.strip_prefix(&prefix));
                found.unwrap_or_default().to_owned()
            };
            let mut body = vec![0; of("content-length").parse().unwrap_or(0)];
            socket.read_exact(&mut body).await.unwrap();
            let mut all_answer = "HTTP/1.1 500 no\r\ncontent-length: 0\r\n\r\n";
            {
                let mut all = self.0.lock().unwrap();
                let id = of("webhook-id");
                let is_taken = all.iter().any(|one| one.id == id);
                if is_taken {
                    all_answer = "HTTP/1.1 204 ok\r\ncontent-length: 0\r\n\r\n";
                }
                all.push(Delivery {
                    id,
                    secs: of("webhook-timestamp"),
                    signature: of("webhook-signature"),
                    body: String::from_utf8(body).unwrap(),
                    is_taken,
                });
            }
            socket.write_all(all_answer.as_bytes()).await.unwrap();
        }
    }

    fn taken(&self) -> Vec<Delivery> {
        let all = self.0.lock().unwrap();
        all.iter().filter(|one| one.is_taken).cloned().collect()
    }

    async fn wait_for(&self, n: usize) -> Vec<Delivery> {
        let began = std::time::Instant::now();
        loop {
            let taken = self.taken();
            if taken.len() >= n {
                return taken;
            }
            let all = self.0.lock().unwrap().len();
            assert!(
                began.elapsed().as_secs() < 60,
                "{} of {n} taken, {all} came",
                taken.len()
            );
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}

/// Lower case as the receiver has it, for headers were read so.
fn signed(secret: &str, delivery: &Delivery) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let key = STANDARD
        .decode(secret.strip_prefix("whsec_").unwrap())
        .unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{}.{}.{}", delivery.id, delivery.secs, delivery.body).as_bytes());
    let text = STANDARD.encode(mac.finalize().into_bytes());
    format!("v1,{text}").to_ascii_lowercase()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_is_told_what_happens_in_order_signed_and_until_it_has_heard() {
    let receiver = Receiver::default();
    let address = receiver.start().await;
    let url = format!("http://{address}/hook");
    let film = Film::with(Custody::InPersonsHands, |config| {
        config.webhooks = vec![WebhookConfig {
            id: "till".to_owned(),
            url: webhook_url(&url).unwrap(),
            events: [
                WebhookEvent::Enrolled,
                WebhookEvent::Verified,
                WebhookEvent::Withdrawn,
                WebhookEvent::Erased,
            ]
            .into(),
        }];
    })
    .await;
    // The receiver hears of what happens from now on.
    let began = std::time::Instant::now();
    while film
        .world
        .engine
        .store()
        .setting("webhook.heard.till")
        .await
        .unwrap()
        .is_none()
    {
        assert!(began.elapsed().as_secs() < 30);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let made = film.world.post("/v1/webhooks/till/secret").send().await;
    assert_eq!(made.status, 200, "{}", made.text());
    let secret = made.json::<Value>()["secret"].as_str().unwrap().to_owned();
    let unknown = film.world.post("/v1/webhooks/other/secret").send().await;
    assert_eq!(unknown.code(), "unknown_webhook");

    let me = film.come(&["verify"]).await;
    let enrolled = film.enroll(&me).await;
    receiver.wait_for(1).await;
    let wanted = json!({"mode": live(), "face_token": enrolled["face_token"]});
    let begun = film.made("/v1/verifications", None, &wanted).await;
    assert_eq!(film.film(&begun).await, json!([]));
    assert_eq!(film.end(&begun).await.json::<Value>()["is_match"], true);
    receiver.wait_for(2).await;
    let as_me = |path: &str| {
        let request = film.world.delete(path);
        request.header("authorization", &format!("Person {}", me.token))
    };
    let withdrawn = as_me("/v1/persons/me/consents/verify").send().await;
    assert_eq!(withdrawn.status, 204);
    assert_eq!(as_me("/v1/persons/me").send().await.status, 200);

    let taken = receiver.wait_for(4).await;
    let bodies: Vec<Value> = taken
        .iter()
        .map(|one| serde_json::from_str(&one.body).unwrap())
        .collect();
    let kinds: Vec<&str> = bodies
        .iter()
        .map(|body| body["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["enrolled", "verified", "withdrawn", "erased"]);
    let pseudonym = regard_commitments::subject(me.person.parse().unwrap()).to_string();
    for (delivery, body) in taken.iter().zip(&bodies) {
        assert_eq!(body["data"]["person"], pseudonym);
        assert!(!delivery.body.contains(&me.person), "{}", delivery.body);
        assert_eq!(delivery.signature, signed(&secret, delivery));
    }
    assert_eq!(bodies[2]["data"]["purpose"], "verify");
    let standing: Value = film.world.get("/v1/webhooks").send().await.json();
    let one = &standing["webhooks"][0];
    assert_eq!(
        (&one["id"], &one["n_told"], &one["fault"]),
        (&json!("till"), &json!(4), &Value::Null)
    );
    assert!(one["n_failed"].as_u64() >= Some(4), "{one}");
    film.world.stop().await;
}
