//! Others are told what begins: a webhook, and a real broker where there is one.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use regard_backends::{BrokerTls, ShownCertificate};
use regard_server::{MqttConfig, WebhookConfig, WebhookEvent, webhook_url};
use regard_testkit::broker::{Authority, Encryption, Mosquitto, SKIPPED};

use crate::slots::campaign;
use crate::world::World;

const PATIENCE: Duration = Duration::from_secs(30);

/// One request: its body.
fn hook() -> (String, Receiver<String>) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", socket.local_addr().unwrap());
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let (mut stream, _) = socket.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if let Some(n) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
                length = n.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        stream
            .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
            .unwrap();
        let _ = sender.send(String::from_utf8(body).unwrap());
    });
    (url, receiver)
}

#[tokio::test]
async fn a_webhook_hears_what_begins_and_nothing_about_people() {
    let (url, requests) = hook();
    let world = World::new(|config| {
        config.open_console = true;
        config.webhooks = vec![WebhookConfig {
            id: "sign".to_owned(),
            url: webhook_url(&url).unwrap(),
            events: [WebhookEvent::Decision].into(),
        }];
    })
    .await;
    let made = world.post("/v1/webhooks/sign/secret").bearer(&world.token);
    assert_eq!(made.send().await.status, 200);
    let body = tokio::task::spawn_blocking(move || requests.recv_timeout(PATIENCE)).await;
    let body: serde_json::Value = serde_json::from_str(&body.unwrap().unwrap()).unwrap();
    assert_eq!(
        (&body["type"], &body["data"]["screen"]),
        (&"decision".into(), &"demo".into())
    );
    let mut keys: Vec<&str> = body["data"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    assert_eq!(keys, ["campaign", "creative", "decision", "screen"]);
    world.stop().await;
}

#[expect(clippy::print_stdout, reason = "a test says what it skips")]
fn skip() {
    println!("{SKIPPED}");
}

#[tokio::test]
async fn home_assistant_finds_the_screen_on_a_real_broker() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut broker) = Mosquitto::start(folder.path(), None) else {
        return skip();
    };
    let said = broker.said();
    let address = format!("mqtt://127.0.0.1:{}", broker.plain_port);
    find_the_screen(&address, None, said).await;
}

#[tokio::test]
async fn home_assistant_finds_it_under_encryption_with_certificates_of_both_sides() {
    let folder = tempfile::tempdir().unwrap();
    let house = Authority::new("house");
    let encryption = Encryption {
        shown: &house.sign("127.0.0.1"),
        clients: Some(&house),
    };
    let Some(mut broker) = Mosquitto::start(folder.path(), Some(&encryption)) else {
        return skip();
    };
    let said = broker.said();
    let own = house.sign("regard.lan");
    let shown = ShownCertificate {
        certificate: own.certificate.as_bytes(),
        key: own.key.as_bytes(),
    };
    let tls = BrokerTls::new(Some(house.pem().as_bytes()), Some(shown)).unwrap();
    let address = format!("mqtts://127.0.0.1:{}", broker.encrypted_port);
    find_the_screen(&address, Some(tls), said).await;
}

/// Each slot is found and told of for itself, and the screen as it was before it had slots.
#[tokio::test]
async fn home_assistant_finds_the_slots_of_a_screen() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut broker) = Mosquitto::start(folder.path(), None) else {
        return skip();
    };
    let said = broker.said();
    let address = format!("mqtt://127.0.0.1:{}", broker.plain_port);
    let campaigns = serde_json::json!([
        campaign("loud", "main", "one"),
        campaign("calm", "side", "still")
    ]);
    let world = World::parted_with(&campaigns, |config| {
        config.connectors.mqtt = Some(MqttConfig {
            broker: address.parse().unwrap(),
            tls: None,
            user: None,
            discovery_prefix: "homeassistant".to_owned(),
        });
    })
    .await;
    let site = world.engine.commitments().document().site.id.to_string();
    let node = format!("regard_{}", site.replace('-', "_"));
    let heard = tokio::task::spawn_blocking(move || {
        let mut wanted = vec![
            format!("homeassistant/sensor/{node}/demo_message/config "),
            format!("homeassistant/sensor/{node}/demo_slot_main_message/config "),
            format!("homeassistant/sensor/{node}/demo_slot_side_message/config "),
            format!("{node}/screen/demo/message one"),
            format!("{node}/screen/demo/slot/main/message one"),
            format!("{node}/screen/demo/slot/side/message still"),
        ];
        let mut words: Vec<String> = Vec::new();
        while !wanted.is_empty() {
            let word = said.recv_timeout(PATIENCE);
            let word = word.unwrap_or_else(|_| panic!("{wanted:?} of {words:#?}"));
            wanted.retain(|begin| !word.starts_with(begin.as_str()));
            words.push(word);
        }
        words
    });
    let heard = heard.await.unwrap();
    assert!(
        !heard
            .iter()
            .any(|word| word.ends_with("/screen/demo/message still")),
        "the second slot is not the screen: {heard:#?}"
    );
    world.stop().await;
}

/// What Home Assistant needs is said, what is on the screen, and in the end that nobody is there.
async fn find_the_screen(address: &str, tls: Option<BrokerTls>, said: Receiver<String>) {
    let world = World::new(|config| {
        config.open_console = true;
        config.connectors.mqtt = Some(MqttConfig {
            broker: address.parse().unwrap(),
            tls,
            user: None,
            discovery_prefix: "homeassistant".to_owned(),
        });
    })
    .await;
    let site = world
        .engine
        .commitments()
        .document()
        .site
        .id
        .to_string()
        .replace('-', "_");
    let (said, words) = tokio::task::spawn_blocking(move || {
        let mut words: Vec<String> = Vec::new();
        let node = format!("regard_{site}");
        let wanted = [
            format!("homeassistant/sensor/{node}/demo_message/config "),
            format!("homeassistant/sensor/{node}/demo_visitors/config "),
            format!("{node}/availability online"),
            format!("{node}/screen/demo/message "),
        ];
        while !wanted
            .iter()
            .all(|begin| words.iter().any(|word| word.starts_with(begin)))
        {
            words.push(
                said.recv_timeout(PATIENCE)
                    .unwrap_or_else(|_| panic!("{words:#?}")),
            );
        }
        (said, words)
    })
    .await
    .unwrap();
    let config = words
        .iter()
        .find(|word| word.contains("demo_visitors/config"))
        .unwrap();
    let config: serde_json::Value =
        serde_json::from_str(config.split_once(' ').unwrap().1).unwrap();
    assert_eq!(config["state_class"], "measurement");
    assert!(
        config["availability_topic"]
            .as_str()
            .unwrap()
            .ends_with("/availability")
    );
    world.stop().await;
    let last = tokio::task::spawn_blocking(move || {
        loop {
            let word = said.recv_timeout(PATIENCE).expect("a last word");
            if word.ends_with("/availability offline") {
                return word;
            }
        }
    });
    last.await.unwrap();
}
