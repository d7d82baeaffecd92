use super::*;

fn config() -> AcmeConfig {
    let directory = "https://ca.lan/acme/directory".parse().unwrap();
    let domains = vec!["signage.lan".to_owned(), "192.0.2.7".to_owned()];
    AcmeConfig::new(directory, domains, PathBuf::from("acme"))
}

#[test]
fn pauses_double_up_to_an_hour() {
    let config = config();
    let secs: Vec<u64> = [1, 2, 3, 4, 6, 7, 8, 40, u32::MAX]
        .into_iter()
        .map(|n| config.pause_after(n).as_secs())
        .collect();
    assert_eq!(secs, [60, 120, 240, 480, 1_920, 3_600, 3_600, 3_600, 3_600]);
    let patient = AcmeConfig {
        shortest_pause: Duration::from_secs(7_200),
        ..config
    };
    assert_eq!(patient.pause_after(3).as_secs(), 7_200);
}

#[test]
fn its_host_is_among_those_that_are_called_and_its_names_are_ours() {
    let mut server = crate::ServerConfig::new(PathBuf::from("assets"), [0; 32]);
    server.host_names = vec!["till.lan".to_owned()];
    assert!(server.outbound_hosts().is_empty());
    server.acme = Some(config());
    assert_eq!(server.outbound_hosts(), [("ca.lan".to_owned(), 443_u16)]);
    let names: Vec<&str> = server.names_by_lookup().collect();
    assert_eq!(names, ["till.lan", "signage.lan", "192.0.2.7"]);
    assert_eq!(config().http_port(), Some(80));
    let challenge = AcmeChallenge::TlsAlpn01;
    let other = AcmeConfig {
        challenge,
        ..config()
    };
    assert_eq!(other.http_port(), None);
}

#[test]
fn names_and_addresses_are_told_apart() {
    let address = "192.0.2.7".parse().unwrap();
    assert_eq!(
        config().identifiers(),
        [
            Identifier::Dns("signage.lan".to_owned()),
            Identifier::Ip(address)
        ]
    );
}

#[test]
fn keys_of_external_accounts_come_in_every_alphabet_and_stay_out_of_sight() {
    let check = |key: &str| ExternalAccount::new("kid-1".to_owned(), key).map(|read| read.key);
    let bytes = [0xfb_u8, 0xff, 0xfe, 0x01];
    for key in ["-__-AQ", "+//+AQ==", "-__-AQ=="] {
        assert_eq!(check(key).unwrap().as_slice(), bytes, "{key}");
    }
    for key in ["", "no key", "-__-A", "=="] {
        assert!(check(key).is_err(), "{key}");
    }
    assert!(ExternalAccount::new(String::new(), "-__-AQ").is_err());
    let read = ExternalAccount::new("kid-1".to_owned(), "-__-AQ").unwrap();
    let shown = format!("{read:?}");
    assert!(shown.contains("kid-1") && !shown.contains("251"), "{shown}");
}

#[test]
fn roots_are_certificates_that_can_be_trusted() {
    let made = rcgen::generate_simple_self_signed(vec!["ca.lan".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let shown = format!("{:?}", AcmeRoots::from_pem(certificate.as_bytes()).unwrap());
    assert_eq!(shown, "AcmeRoots(1 certificates)");
    let nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for text in ["", "no PEM", key.as_str(), nonsense] {
        assert!(AcmeRoots::from_pem(text.as_bytes()).is_err(), "{text}");
    }
}
