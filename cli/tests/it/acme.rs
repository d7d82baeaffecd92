//! A certificate of an authority, by the program as its owner runs it: limited by its sandbox.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use regard_testkit::acme::{AcmeAuthority, shown_certificate};
use serde_json::Value;

use crate::program::{program, said_by};
use crate::running::{PATIENCE, Serve};
use crate::serve::site;

const NAME: &str = "signage.lan";

/// Between two looks at something that has no way to call us.
const PAUSE: Duration = Duration::from_millis(50);

/// Adds an authority to the configuration of a folder.
fn name(authority: &AcmeAuthority, folder: &Path, challenge: &str) {
    fs::write(folder.join("root.pem"), authority.root()).unwrap();
    let file = folder.join("regard.toml");
    let text = fs::read_to_string(&file).unwrap();
    let directory = authority.directory();
    let more = format!(
        "[server.tls.acme]\ndirectory = \"{directory}\"\ndomains = [\"{NAME}\"]\nca = \"root.pem\"\n{challenge}\n"
    );
    fs::write(&file, text + &more).unwrap();
}

/// A free port that nobody is given who takes any: those are further up.
fn free_port() -> SocketAddr {
    let own = u16::try_from(std::process::id() % 20_000).unwrap();
    let address = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
    let mut ports = (10_240 + own..32_768).map(address);
    ports
        .find(|address| TcpListener::bind(address).is_ok())
        .unwrap()
}

fn until_issued(authority: &AcmeAuthority, address: SocketAddr) {
    let began_at = Instant::now();
    loop {
        let shown = shown_certificate(address, NAME).unwrap();
        let seen = authority.tally();
        if seen.issued.last() == Some(&shown) {
            return;
        }
        assert!(began_at.elapsed() < PATIENCE, "not issued: {seen:?}");
        sleep(PAUSE);
    }
}

/// What the doctor says of the certificate in a folder.
fn doctor(folder: &Path) -> Value {
    let data = folder.join("data");
    let said = said_by(
        program()
            .args(["doctor", "--format", "json"])
            .env("REGARD_DATA_DIR", data),
    );
    let report: Value = serde_json::from_str(&said.out).unwrap();
    let checks = report["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["area"] == "certificate");
    found.cloned().unwrap_or_default()
}

#[test]
fn a_certificate_is_issued_to_the_program_within_its_sandbox() {
    for is_http in [false, true] {
        let authority = AcmeAuthority::start();
        let folder = site();
        assert!(doctor(folder.path()).is_null());
        let port = free_port();
        let challenge = match is_http {
            true => format!("http_port = {}", port.port()),
            false => "challenge = \"tls-alpn-01\"".to_owned(),
        };
        name(&authority, folder.path(), &challenge);
        let serve = Serve::start(folder.path(), &[]);
        let address: SocketAddr = serve.address().parse().unwrap();
        authority.names_lead_to(if is_http { port } else { address });
        until_issued(&authority, address);
        let (printed, code) = serve.stop();
        assert_eq!(code, Some(0), "{printed}");
        let told = doctor(folder.path());
        assert_eq!(told["state"], "good", "{told}");
        assert_eq!(told["name"], "ACME signage.lan");
        assert!(
            told["detail"].as_str().unwrap().starts_with("valid until "),
            "{told}"
        );
    }
}

#[test]
fn an_authority_that_cannot_be_asked_is_told_by_the_doctor_and_stops_nothing() {
    let authority = AcmeAuthority::start();
    authority.rule(|rules| rules.is_down = true);
    let folder = site();
    name(&authority, folder.path(), "challenge = \"tls-alpn-01\"");
    let serve = Serve::start(folder.path(), &[]);
    let address: SocketAddr = serve.address().parse().unwrap();
    assert!(shown_certificate(address, NAME).is_ok());
    let began_at = Instant::now();
    let told = loop {
        let told = doctor(folder.path());
        // It is written down before it is asked, too.
        if told["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("tries that failed"))
        {
            break told;
        }
        assert!(began_at.elapsed() < PATIENCE, "nothing is said");
        sleep(PAUSE);
    };
    assert_eq!(told["state"], "bad");
    let detail = told["detail"].as_str().unwrap();
    assert!(
        detail.contains(&authority.directory()) && detail.contains("cannot be asked"),
        "{detail}"
    );
    assert!(told["remedy"].as_str().unwrap().contains("directory"));
    let (printed, code) = serve.stop();
    assert_eq!(code, Some(0), "{printed}");
}
