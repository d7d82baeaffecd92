//! A real broker: told what is said, encrypted or not, and told from one that only says it is.

use std::path::Path;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use regard_backends::{
    Broker, BrokerAddress, BrokerConfig, BrokerLine, BrokerTls, LineError, ShownCertificate, Word,
};
use regard_testkit::broker::{Authority, Encryption, Mosquitto, SKIPPED, Signed};

const PATIENCE: Duration = Duration::from_secs(30);

fn word(payload: &str) -> Word {
    Word {
        topic: "regard/test".to_owned(),
        payload: payload.to_owned(),
        retain: true,
    }
}

/// A broker that shows this certificate, and demands one that `clients` signed where somebody is named.
fn encrypted(folder: &Path, shown: &Signed, clients: Option<&Authority>) -> Option<Mosquitto> {
    Mosquitto::start(folder, Some(&Encryption { shown, clients }))
}

/// A line to a broker that `authority` vouches for.
fn line(
    port: u16,
    authority: Option<&Authority>,
    shown: Option<&Signed>,
) -> (Broker, BrokerLine, BrokerAddress) {
    let shown = shown.map(|signed| ShownCertificate {
        certificate: signed.certificate.as_bytes(),
        key: signed.key.as_bytes(),
    });
    let scheme = if authority.is_some() { "mqtts" } else { "mqtt" };
    let address: BrokerAddress = format!("{scheme}://127.0.0.1:{port}").parse().unwrap();
    let tls = authority.map(|one| BrokerTls::new(Some(one.pem().as_bytes()), shown).unwrap());
    let (broker, line) = Broker::new(BrokerConfig {
        address: address.clone(),
        tls,
        client_id: "regard_test".to_owned(),
        user: None,
        last_will: Word {
            topic: "regard/availability".to_owned(),
            payload: "offline".to_owned(),
            retain: true,
        },
    });
    (broker, line, address)
}

/// What is heard under the topic of the test, while somebody looks after the line.
async fn heard(line: &mut BrokerLine, said: Receiver<String>) -> (String, Receiver<String>) {
    let listening = tokio::task::spawn_blocking(move || {
        loop {
            let word = said.recv_timeout(PATIENCE).expect("a word");
            if let Some(payload) = word.strip_prefix("regard/test ") {
                return (payload.to_owned(), said);
            }
        }
    });
    tokio::select! {
        result = line.next_connection() => panic!("the connection ended: {result:?}"),
        heard = listening => heard.unwrap(),
    }
}

async fn refusal(line: &mut BrokerLine) -> (LineError, String) {
    let error = line.next_connection().await.expect_err("it is refused");
    let text = error.to_string();
    (error, text)
}

#[tokio::test]
async fn who_is_vouched_for_is_told_under_encryption() {
    let folder = tempfile::tempdir().unwrap();
    let house = Authority::new("house");
    let shown = house.sign("127.0.0.1");
    let Some(mut broker) = encrypted(folder.path(), &shown, None) else {
        return println!("{SKIPPED}");
    };
    let said = broker.said();
    let (voice, mut line, _) = line(broker.encrypted_port, Some(&house), None);
    voice.say(word("hello")).unwrap();
    line.next_connection().await.unwrap();
    assert_eq!(heard(&mut line, said).await.0, "hello");
}

#[tokio::test]
async fn who_is_not_vouched_for_or_is_for_another_name_is_told_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (house, stranger) = (Authority::new("house"), Authority::new("stranger"));
    let shown = house.sign("other.lan");
    let Some(broker) = encrypted(folder.path(), &shown, None) else {
        return println!("{SKIPPED}");
    };
    let (_voice, mut line_of_stranger, address) =
        line(broker.encrypted_port, Some(&stranger), None);
    // It is tried again, and told again.
    for _ in 0..2 {
        let (error, text) = refusal(&mut line_of_stranger).await;
        assert!(matches!(error, LineError::Distrusted { .. }), "{error:?}");
        let expected = format!(
            "the certificate of {address} is not trusted: nobody who is trusted here has signed it; \
             name the certificate of who signed it as ca under [mqtt.tls]"
        );
        assert_eq!(text, expected);
    }
    let (_voice, mut line_of_house, _) = line(broker.encrypted_port, Some(&house), None);
    let (error, text) = refusal(&mut line_of_house).await;
    assert!(matches!(error, LineError::Distrusted { .. }), "{error:?}");
    assert!(text.contains("it is for another name"), "{text}");
    assert!(text.contains("other.lan"), "{text}");
}

#[tokio::test]
async fn a_broker_that_demands_a_certificate_gets_one_it_knows_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let (house, stranger) = (Authority::new("house"), Authority::new("stranger"));
    let shown = house.sign("127.0.0.1");
    let Some(mut broker) = encrypted(folder.path(), &shown, Some(&house)) else {
        return println!("{SKIPPED}");
    };
    let (_voice, mut without, address) = line(broker.encrypted_port, Some(&house), None);
    let (error, text) = refusal(&mut without).await;
    let is_asked = matches!(error, LineError::AsksForCertificate { .. });
    assert!(is_asked, "{error:?}");
    assert!(text.starts_with(&address.to_string()), "{text}");
    assert!(text.ends_with("name certificate and key under [mqtt.tls]"));

    let unknown = stranger.sign("regard.lan");
    let (_voice, mut with_unknown, _) = line(broker.encrypted_port, Some(&house), Some(&unknown));
    let (error, text) = refusal(&mut with_unknown).await;
    let is_refused = matches!(error, LineError::CertificateRefused { .. });
    assert!(is_refused, "{error:?}");
    assert!(text.contains("UnknownCA"), "{text}");

    let said = broker.said();
    let known = house.sign("regard.lan");
    let (voice, mut with_known, _) = line(broker.encrypted_port, Some(&house), Some(&known));
    with_known.next_connection().await.unwrap();
    voice.say(word("it is us")).unwrap();
    assert_eq!(heard(&mut with_known, said).await.0, "it is us");
}

#[tokio::test]
async fn what_is_said_while_the_broker_is_away_is_said_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut broker) = Mosquitto::start(folder.path(), None) else {
        return println!("{SKIPPED}");
    };
    let said = broker.said();
    let (voice, mut line, _) = line(broker.plain_port, None, None);
    line.next_connection().await.unwrap();
    voice.say(word("before")).unwrap();
    assert_eq!(heard(&mut line, said).await.0, "before");
    broker.end();
    let broken = line.next_connection().await.expect_err("nobody is there");
    assert!(matches!(broken, LineError::Broken { .. }), "{broken:?}");
    let away = line.next_connection().await.expect_err("nobody is there");
    assert!(matches!(away, LineError::Unreachable { .. }), "{away:?}");
    voice.say(word("after")).unwrap();
    broker.start_again();
    let said = broker.said();
    line.next_connection().await.unwrap();
    // What it had heard before may come once more: the answer was perhaps lost with the broker.
    let (mut last, mut said) = heard(&mut line, said).await;
    while last == "before" {
        (last, said) = heard(&mut line, said).await;
    }
    assert_eq!(last, "after");
}

#[tokio::test]
async fn a_port_for_the_other_kind_of_connection_is_told_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let Some(broker) = Mosquitto::start(folder.path(), None) else {
        return println!("{SKIPPED}");
    };
    let house = Authority::new("house");
    let (_voice, mut line, _) = line(broker.plain_port, Some(&house), None);
    let (error, text) = refusal(&mut line).await;
    let is_told = matches!(
        error,
        LineError::Closed { .. } | LineError::Handshake { .. }
    );
    assert!(is_told, "{error:?}");
    assert!(
        text.ends_with("look whether that port is for connections with TLS"),
        "{text}"
    );
}
