//! Others are told what begins: a webhook, and a real broker where there is one.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use regard_server::{MqttConfig, WebhookConfig, WebhookEvent, webhook_url};

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

/// Ended when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A broker of its own on a free port, and everything that is said on it, as `topic payload`.
fn broker(folder: &std::path::Path) -> Option<(u16, Running, Running, Receiver<String>)> {
    let find = |name: &str| {
        let places = [
            "/usr/sbin",
            "/usr/bin",
            "/usr/local/bin",
            "/opt/homebrew/bin",
        ];
        places
            .iter()
            .map(|place| std::path::Path::new(place).join(name))
            .find(|file| file.exists())
    };
    let (mosquitto, listener) = (find("mosquitto")?, find("mosquitto_sub")?);
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let config = folder.join("mosquitto.conf");
    std::fs::write(
        &config,
        format!("listener {port} 127.0.0.1\nallow_anonymous true\n"),
    )
    .unwrap();
    let mut command = Command::new(mosquitto);
    command.arg("-v").arg("-c").arg(config);
    command.stderr(Stdio::piped()).stdout(Stdio::null());
    let mut running = Running(command.spawn().unwrap());
    // It says so when it listens.
    let mut lines = BufReader::new(running.0.stderr.take().unwrap())
        .lines()
        .map_while(Result::ok);
    lines.find(|line| line.contains(" running"))?;
    std::thread::spawn(move || lines.for_each(drop));
    let mut heard = Command::new(listener)
        .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-t", "#", "-v"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(heard.stdout.take().unwrap());
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in said.lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    Some((port, running, Running(heard), receiver))
}

#[expect(clippy::print_stdout, reason = "a test says what it skips")]
fn skip() {
    println!(
        "skipped: MQTT on a real broker: mosquitto not found; Debian: apt install mosquitto mosquitto-clients"
    );
}

#[tokio::test]
async fn home_assistant_finds_the_screen_on_a_real_broker() {
    let folder = tempfile::tempdir().unwrap();
    let Some((port, _broker, _listener, said)) = broker(folder.path()) else {
        return skip();
    };
    let world = World::new(|config| {
        config.open_console = true;
        config.connectors.mqtt = Some(MqttConfig {
            broker: format!("mqtt://127.0.0.1:{port}").parse().unwrap(),
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
