use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;

use super::*;

/// The test vector of the standard's own documentation, computed anew with Python's `hmac`.
#[test]
fn signatures_are_those_of_the_standard() {
    let secret = STANDARD.decode("plJ3nmyCDGBKInavdOK15jsl").unwrap();
    let body = br#"{"event_type":"ping","data":{"success":true}}"#;
    assert_eq!(
        signature(&secret, "msg_loFOjxBNrRLzqYUf", 1_731_705_121, body),
        "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="
    );
}

#[test]
fn a_secret_is_long_enough_and_never_printed() {
    let good = format!("whsec_{}", STANDARD.encode([7; 32]));
    let secret: WebhookSecret = good.parse().unwrap();
    assert_eq!(format!("{secret:?}"), "WebhookSecret(withheld)");
    for bad in ["", "whsec_", "whsec_AAAA", &good[6..], "whsec_&&&&"] {
        assert!(bad.parse::<WebhookSecret>().is_err(), "{bad}");
    }
}

/// What came to a listener.
pub(crate) struct Heard {
    /// Lines of the head, in lower case.
    pub(crate) head: Vec<String>,
    pub(crate) body: Vec<u8>,
}

/// A listener that answers as told, with a status and a body, and hands over what came.
pub(crate) fn listener(
    answers: Vec<(&'static str, &'static str)>,
) -> (OutboundUrl, std::sync::mpsc::Receiver<Heard>) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for (status, text) in answers {
            let (mut stream, _) = socket.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut head = Vec::new();
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if line.trim().is_empty() {
                    break;
                }
                head.push(line.trim().to_ascii_lowercase());
            }
            let length = head
                .iter()
                .find_map(|line| line.strip_prefix("content-length: "))
                .and_then(|n| n.parse().ok())
                .unwrap_or(0);
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let answer = format!(
                "HTTP/1.1 {status}\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
                text.len()
            );
            stream.write_all(answer.as_bytes()).unwrap();
            sender.send(Heard { head, body }).unwrap();
        }
    });
    (url.parse().unwrap(), receiver)
}

fn config(url: OutboundUrl) -> WebhookConfig {
    WebhookConfig {
        url,
        secret: WebhookSecret(Zeroizing::new(vec![7; 32])),
        events: BTreeSet::from(["decision".to_owned()]),
    }
}

#[tokio::test]
async fn a_message_is_tried_until_it_arrives_and_can_be_checked() {
    let (url, requests) = listener(vec![
        ("503 Busy", ""),
        ("302 Found", ""),
        ("204 No Content", ""),
    ]);
    let webhooks = Webhooks::new(&[config(url)]);
    webhooks.tell("other", &serde_json::json!(1), Timestamp::from_millis(0));
    let data = serde_json::json!({ "screen": "window" });
    webhooks.tell("decision", &data, Timestamp::from_millis(1_700_000_000_000));
    let pauses = [Duration::ZERO; 3];
    let delivering = webhooks.deliver(&webhooks.posts[0], &pauses);
    let counting = async {
        while webhooks.counts().delivered == 0 {
            tokio::task::yield_now().await;
        }
    };
    futures::future::select(Box::pin(delivering), Box::pin(counting)).await;
    let counts = WebhookCounts {
        delivered: 1,
        failed: 2,
        lost: 0,
    };
    assert_eq!(webhooks.counts(), counts);
    let all: Vec<_> = requests.try_iter().collect();
    assert_eq!(all.len(), 3, "no redirect was followed");
    let header = |place: usize, name: &str| {
        let mut head = all[place].head.iter();
        let line = head.find_map(|line| line.strip_prefix(name).map(str::to_owned));
        line.unwrap_or_default()
    };
    let id = header(2, "webhook-id: ");
    assert_eq!(
        header(0, "webhook-id: "),
        id,
        "the same message keeps its id"
    );
    assert_eq!(header(2, "webhook-timestamp: "), "1700000000");
    let expected = signature(&[7; 32], &id, 1_700_000_000, &all[2].body).to_ascii_lowercase();
    assert_eq!(header(2, "webhook-signature: "), expected);
    let body: serde_json::Value = serde_json::from_slice(&all[2].body).unwrap();
    assert_eq!((&body["type"], &body["data"]), (&"decision".into(), &data));
}

#[tokio::test]
async fn what_nobody_takes_is_given_up_and_what_waits_has_a_lid() {
    let (url, _requests) = listener(vec![("410 Gone", "")]);
    let webhooks = Webhooks::new(&[config(url)]);
    for _ in 0..=MAX_WAITING {
        webhooks.tell("decision", &serde_json::json!(1), Timestamp::from_millis(0));
    }
    assert_eq!(webhooks.counts().lost, 1, "the oldest gave way");
    let delivering = webhooks.deliver(&webhooks.posts[0], &[]);
    let counting = async {
        while webhooks.counts().lost == 1 {
            tokio::task::yield_now().await;
        }
    };
    futures::future::select(Box::pin(delivering), Box::pin(counting)).await;
    assert!(webhooks.counts().lost >= 2 && webhooks.counts().delivered == 0);
}
