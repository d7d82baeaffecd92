//! Certificates of an authority: issued, served, renewed, and kept when there is none.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use regard_server::{
    AcmeChallenge, AcmeConfig, AcmeRoots, AcmeStanding, ExternalAccount, TlsFiles,
};
use regard_testkit::acme::{AcmeAuthority, Rules, shown_certificate};
use tempfile::TempDir;

use crate::tls::ask_as;
use crate::world::World;

/// The name that leads here.
const NAME: &str = "signage.lan";

const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks at something that has no way to call us.
const PAUSE: Duration = Duration::from_millis(50);

/// What names an authority, tries again soon, and takes any free port for texts.
fn config(authority: &AcmeAuthority, data: &Path) -> AcmeConfig {
    let directory = authority.directory().parse().unwrap();
    AcmeConfig {
        challenge: AcmeChallenge::Http01 { port: 0 },
        roots: Some(AcmeRoots::from_pem(authority.root().as_bytes()).unwrap()),
        shortest_pause: Duration::from_millis(200),
        ..AcmeConfig::new(directory, vec![NAME.to_owned()], data.join("acme"))
    }
}

/// A server that asks an authority, and names that lead to it.
async fn world(
    authority: &AcmeAuthority,
    data: TempDir,
    adjust: impl FnOnce(&mut AcmeConfig),
) -> World {
    let mut acme = config(authority, data.path());
    adjust(&mut acme);
    let files = TlsFiles::own(data.path());
    let world = World::on(
        data,
        |_| {},
        |config| {
            config.open_console = true;
            config.tls = Some(files);
            config.acme = Some(acme);
        },
    )
    .await;
    authority.names_lead_to(world.proving.unwrap_or(world.address));
    world
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// What a server shows at this moment.
async fn shown(address: SocketAddr) -> Vec<u8> {
    let asked = tokio::task::spawn_blocking(move || shown_certificate(address, NAME));
    asked.await.unwrap().expect("hands are shaken at any time")
}

/// Waits until a server shows what was issued as the `n`-th, shaking hands all the time.
async fn until_shown(authority: &AcmeAuthority, address: SocketAddr, n: usize) {
    let began = Instant::now();
    loop {
        let issued = authority.tally().issued;
        let now = shown(address).await;
        if issued.len() >= n && issued.last() == Some(&now) {
            return;
        }
        let seen = authority.tally();
        assert!(began.elapsed() < PATIENCE, "not shown: {seen:?}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Waits until it stands so with the certificate.
async fn until(world: &World, is_so: impl Fn(&AcmeStanding) -> bool) -> AcmeStanding {
    let began = Instant::now();
    loop {
        let standing = AcmeStanding::read(&world.data.path().join("acme")).unwrap();
        if let Some(standing) = standing.filter(&is_so) {
            return standing;
        }
        assert!(began.elapsed() < PATIENCE, "it does not come to that");
        tokio::time::sleep(PAUSE).await;
    }
}

/// What health says of the certificate.
async fn health(authority: &AcmeAuthority, world: &World) -> serde_json::Value {
    let root = authority.root();
    let answer = ask_as(
        world.address,
        root.as_bytes(),
        (NAME, NAME),
        "GET /v1/health",
    )
    .await;
    let answer = answer.expect("the authority vouches for it");
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    let health: serde_json::Value = serde_json::from_str(body).unwrap();
    health["certificate"].clone()
}

#[tokio::test]
async fn a_certificate_is_issued_served_and_found_again() {
    for challenge in [AcmeChallenge::Http01 { port: 0 }, AcmeChallenge::TlsAlpn01] {
        let authority = AcmeAuthority::start();
        authority.rule(|rules| rules.n_processing = 2);
        let adjust = |acme: &mut AcmeConfig| {
            acme.challenge = challenge;
            acme.contact = vec!["mailto:it@shop.example".to_owned()];
        };
        let world = world(&authority, folder(), adjust).await;
        until_shown(&authority, world.address, 1).await;
        let seen = authority.tally();
        assert_eq!((seen.n_accounts, seen.n_orders, seen.n_proofs), (1, 1, 1));
        assert_eq!(seen.contact, ["mailto:it@shop.example"]);
        assert_eq!(seen.problems, [""; 0]);
        let told = health(&authority, &world).await;
        assert_eq!(told["origin"], "authority", "{told}");
        assert_eq!(told["acme"]["domains"][0], NAME);
        assert_eq!(told["acme"]["error"], serde_json::Value::Null);
        let standing = until(&world, |standing| standing.valid_until_micros.is_some()).await;
        assert_eq!(
            told["valid_until_micros"],
            standing.valid_until_micros.unwrap()
        );
        #[cfg(unix)]
        for file in ["account.json", "certificate.pem"] {
            use std::os::unix::fs::PermissionsExt;
            let file = world.data.path().join("acme").join(file);
            let mode = std::fs::metadata(&file).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{}", file.display());
        }

        // Nobody is asked at the next start, and nobody needs to be there.
        let data = world.end().await;
        authority.rule(|rules| rules.is_down = true);
        let again = self::world(&authority, data, adjust).await;
        assert_eq!(shown(again.address).await, seen.issued[0]);
        assert_eq!(authority.tally().n_orders, 1);
        again.stop().await;
    }
}

#[tokio::test]
async fn until_there_is_a_certificate_one_made_here_stands_in_and_is_explained() {
    let authority = AcmeAuthority::start();
    authority.rule(|rules| rules.is_down = true);
    let world = world(&authority, folder(), |_| {}).await;
    let own = std::fs::read(TlsFiles::own(world.data.path()).certificate).unwrap();
    let answer = ask_as(world.address, &own, (NAME, NAME), "GET /v1/health")
        .await
        .unwrap();
    assert!(answer.contains("\"origin\":\"own\""), "{answer}");
    let standing = until(&world, |standing| standing.n_failures >= 2).await;
    let error = standing.last_error.unwrap();
    assert!(
        error.contains(&authority.directory()) && error.contains("cannot be asked"),
        "{error}"
    );
    assert!(standing.remedy.unwrap().contains("directory"));
    assert_eq!(standing.valid_until_micros, None);
    authority.rule(|rules| rules.is_down = false);
    until_shown(&authority, world.address, 1).await;
    let standing = until(&world, |standing| standing.n_failures == 0).await;
    assert_eq!(standing.last_error, None);
    world.stop().await;
}

#[tokio::test]
async fn it_is_renewed_at_two_thirds_and_stays_when_nobody_renews_it() {
    let authority = AcmeAuthority::start();
    authority.rule(|rules| rules.lifetime = Duration::from_secs(9));
    let world = world(&authority, folder(), |_| {}).await;
    until_shown(&authority, world.address, 1).await;
    let first = until(&world, |standing| standing.valid_until_micros.is_some()).await;
    let left = first.valid_until_micros.unwrap() - first.next_try_at_micros;
    // From a second before it was signed to nine after: a third of ten is left.
    assert_eq!(left / 1_000, 3_333);
    authority.rule(|rules| rules.lifetime = Duration::from_secs(4));
    until_shown(&authority, world.address, 2).await;
    assert_eq!(authority.tally().n_accounts, 1);
    authority.rule(|rules| rules.is_down = true);
    // What was being asked for when it went is in force by now, or never will be.
    until(&world, |standing| standing.n_failures > 0).await;
    let last = shown(world.address).await;
    assert!(authority.tally().issued.contains(&last));
    let expired = until(&world, |standing| {
        let until = standing.valid_until_micros.unwrap_or(i64::MAX);
        standing.n_failures > 0 && until < world.engine.now().as_micros()
    })
    .await;
    assert!(expired.last_error.unwrap().contains("cannot be asked"));
    assert_eq!(
        shown(world.address).await,
        last,
        "an expired one is better than none"
    );
    authority.rule(|rules| {
        rules.is_down = false;
        rules.lifetime = Duration::from_secs(3_600);
    });
    let n_issued = authority.tally().issued.len();
    until_shown(&authority, world.address, n_issued + 1).await;
    world.stop().await;
}

/// What an authority does, what is said of it, and what of what to do about it.
type Failing = (fn(&mut Rules), &'static str, &'static str);

#[tokio::test]
async fn what_goes_wrong_is_said_with_what_to_do_and_tried_again() {
    let failing: [Failing; 8] = [
        (
            |rules| {
                rules.rejected.insert(NAME.to_owned());
            },
            "refuses (rejectedIdentifier): not issued for signage.lan",
            "domains",
        ),
        (
            |rules| rules.wants_terms = true,
            "refuses (userActionRequired)",
            "agrees_to_terms",
        ),
        (
            |rules| rules.external_account = Some(("kid-1".to_owned(), b"secret".to_vec())),
            "refuses (externalAccountRequired)",
            "external_account",
        ),
        (
            |rules| rules.challenges = vec!["dns-01", "device-attest-01"],
            "for signage.lan the certificate authority at https://127.0.0.1:",
            "challenge",
        ),
        (
            |rules| rules.leads_elsewhere = true,
            "the directory leads to ca.elsewhere.invalid, a host or port that the configuration does not name",
            "no other host is called",
        ),
        (
            |rules| rules.issues_for = Some(vec!["other.lan".to_owned()]),
            "it is not for all of the names",
            "clock",
        ),
        (
            |rules| rules.n_bad_nonces = 3,
            "refuses (badNonce)",
            "keeps its answers",
        ),
        (
            |rules| {
                rules.n_processing = 2;
                rules.order_retry_after = Some("18446744073709551615");
            },
            "has not finished the order in time",
            "by itself",
        ),
    ];
    for (rule, reason, remedy) in failing {
        let authority = AcmeAuthority::start();
        authority.rule(rule);
        let world = world(&authority, folder(), |_| {}).await;
        let standing = until(&world, |standing| standing.n_failures > 0).await;
        let said = standing.last_error.unwrap();
        assert!(said.contains(reason), "{said}");
        assert!(standing.remedy.unwrap().contains(remedy), "{remedy}");
        assert!(!world.data.path().join("acme/certificate.pem").exists());
        let served = shown(world.address).await;
        assert!(!authority.tally().issued.contains(&served));
        authority.rule(|rules| *rules = Rules::default());
        until(&world, |standing| standing.n_failures == 0).await;
        world.stop().await;
    }
}

#[tokio::test]
async fn nonces_that_are_refused_now_and_then_stop_nothing() {
    let authority = AcmeAuthority::start();
    authority.rule(|rules| rules.n_bad_nonces = 2);
    let world = world(&authority, folder(), |_| {}).await;
    until_shown(&authority, world.address, 1).await;
    assert_eq!(authority.tally().problems, ["badNonce", "badNonce"]);
    let standing = until(&world, |standing| standing.valid_until_micros.is_some()).await;
    assert_eq!(standing.last_error, None);
    world.stop().await;
}

#[tokio::test]
async fn an_authority_that_asks_to_wait_is_left_alone_over_restarts_too() {
    let authority = AcmeAuthority::start();
    authority.rule(|rules| rules.rate_limited_secs = Some(7_200));
    let world = world(&authority, folder(), |_| {}).await;
    let standing = until(&world, |standing| standing.n_failures > 0).await;
    let wait = standing.next_try_at_micros - world.engine.now().as_micros();
    assert!((7_000..=7_200).contains(&(wait / 1_000_000)), "{wait}");
    assert!(standing.last_error.unwrap().contains("rateLimited"));
    let data = world.end().await;
    authority.rule(|rules| rules.rate_limited_secs = None);
    let n_requests = authority.tally().n_requests;
    let world = self::world(&authority, data, |_| {}).await;
    // Whoever is asked for a page has begun to look after the certificate too.
    for _ in 0..20 {
        shown(world.address).await;
    }
    assert_eq!(authority.tally().n_requests, n_requests);
    // With another name it is another order.
    let data = world.end().await;
    let adjust = |acme: &mut AcmeConfig| acme.domains.push("kiosk.lan".to_owned());
    let world = self::world(&authority, data, adjust).await;
    until_shown(&authority, world.address, 1).await;
    world.stop().await;
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_is_told_with_its_challenge() {
    // Nobody listens there, nor is given that port.
    let elsewhere = SocketAddr::from(([127, 0, 0, 1], 1));
    for (challenge, reason, remedy) in [
        (
            AcmeChallenge::Http01 { port: 0 },
            "http-01 for signage.lan failed (connection)",
            "port 80",
        ),
        (
            AcmeChallenge::TlsAlpn01,
            "tls-alpn-01 for signage.lan failed (connection)",
            "port 443",
        ),
    ] {
        let authority = AcmeAuthority::start();
        // Before anybody asks: the first proof is looked for there.
        authority.names_lead_to(elsewhere);
        let mut acme = config(&authority, Path::new(""));
        acme.challenge = challenge;
        let data = folder();
        acme.folder = data.path().join("acme");
        let files = TlsFiles::own(data.path());
        let world = World::on(
            data,
            |_| {},
            |config| {
                config.tls = Some(files);
                config.acme = Some(acme);
            },
        )
        .await;
        let standing = until(&world, |standing| standing.n_failures > 0).await;
        let said = standing.last_error.unwrap();
        assert!(said.contains(reason), "{said}");
        assert!(standing.remedy.unwrap().contains(remedy));
        authority.names_lead_to(world.proving.unwrap_or(world.address));
        until_shown(&authority, world.address, 1).await;
        world.stop().await;
    }
}

#[tokio::test]
async fn an_account_is_bound_told_of_changes_and_made_again_when_it_is_forgotten() {
    let authority = AcmeAuthority::start();
    let key = b"thirty-two bytes, more or less..";
    authority.rule(|rules| {
        rules.external_account = Some(("kid-1".to_owned(), key.to_vec()));
        rules.wants_terms = true;
    });
    let bind = |acme: &mut AcmeConfig| {
        acme.agrees_to_terms = true;
        // The key above, `base64 | tr +/ -_ | tr -d =`.
        let text = "dGhpcnR5LXR3byBieXRlcywgbW9yZSBvciBsZXNzLi4";
        acme.external_account = Some(ExternalAccount::new("kid-1".to_owned(), text).unwrap());
    };
    let world = world(&authority, folder(), bind).await;
    until_shown(&authority, world.address, 1).await;
    assert_eq!(authority.tally().contact, [""; 0]);

    let data = world.end().await;
    let change = |acme: &mut AcmeConfig| {
        bind(acme);
        acme.contact = vec!["mailto:new@shop.example".to_owned()];
        acme.domains.push("kiosk.lan".to_owned());
    };
    let world = self::world(&authority, data, change).await;
    until_shown(&authority, world.address, 2).await;
    let seen = authority.tally();
    assert_eq!(
        (seen.n_accounts, seen.contact.as_slice()),
        (1, &["mailto:new@shop.example".to_owned()][..])
    );
    let root = authority.root();
    for name in [NAME, "kiosk.lan"] {
        let answer = ask_as(world.address, root.as_bytes(), (name, name), "GET /healthz").await;
        assert!(answer.unwrap().starts_with("HTTP/1.1 200"), "{name}");
    }

    let data = world.end().await;
    authority.forget();
    let more = |acme: &mut AcmeConfig| {
        change(acme);
        acme.domains.push("till.lan".to_owned());
    };
    let world = self::world(&authority, data, more).await;
    until_shown(&authority, world.address, 3).await;
    let seen = authority.tally();
    assert_eq!(
        (seen.n_accounts, seen.problems.as_slice()),
        (2, &["accountDoesNotExist".to_owned()][..])
    );
    world.stop().await;
}

#[tokio::test]
async fn another_authority_is_asked_and_the_old_certificate_serves_until_it_answers() {
    let (old, new) = (AcmeAuthority::start(), AcmeAuthority::start());
    let world = world(&old, folder(), |_| {}).await;
    until_shown(&old, world.address, 1).await;
    let first = old.tally().issued.remove(0);
    new.rule(|rules| rules.is_down = true);
    // It is not there at the first start under its name, nor at the second.
    let mut data = world.end().await;
    for _ in 0..2 {
        let world = self::world(&new, data, |_| {}).await;
        until(&world, |standing| {
            standing.n_failures > 0 && standing.directory == new.directory()
        })
        .await;
        assert_eq!(shown(world.address).await, first);
        data = world.end().await;
    }
    new.rule(|rules| rules.is_down = false);
    let world = self::world(&new, data, |_| {}).await;
    until_shown(&new, world.address, 1).await;
    assert_eq!((old.tally().n_orders, new.tally().n_orders), (1, 1));
    world.stop().await;
}
