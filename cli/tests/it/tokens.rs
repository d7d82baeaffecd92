//! `regard tokens`, and tokens that the program meets while it runs.

use std::fs;

use serde_json::Value;

use crate::program::{program, run};
use crate::running::{Serve, token_in};
use crate::serve::site;

#[test]
fn tokens_are_made_listed_and_revoked_in_the_data_folder() {
    let folder = site();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let nothing = run(&["tokens", "list", "--data", data]);
    assert_eq!(nothing.code, 1);
    assert!(
        nothing.errors()[0].contains("regard serve"),
        "{}",
        nothing.err
    );

    let serve = Serve::start(folder.path(), &[]);
    let busy = run(&["tokens", "list", "--data", data]);
    assert_eq!(busy.code, 1);
    assert!(busy.errors()[0].contains("POST /v1/tokens"), "{}", busy.err);
    let (printed, _) = serve.stop();
    let admin = token_in(&printed).unwrap();

    let made = run(&[
        "tokens", "new", "--role", "analyst", "--days", "7", "--data", data, "--format", "json",
    ]);
    assert_eq!(made.code, 0, "{}", made.err);
    let made: Value = serde_json::from_str(&made.out).unwrap();
    let (token, id) = (
        made["token"].as_str().unwrap().to_owned(),
        made["record"]["id"].as_str().unwrap().to_owned(),
    );
    assert!(token.starts_with(&format!("rgd_analyst_{id}_")), "{token}");
    let bad = run(&["tokens", "new", "--role", "screen", "--data", data]);
    assert_eq!(bad.code, 1);
    assert!(bad.errors()[0].contains("names the screens"), "{}", bad.err);
    let unknown = run(&["tokens", "new", "--role", "root", "--data", data]);
    assert_eq!(unknown.code, 64);
    assert!(unknown.err.contains("privacy_officer"), "{}", unknown.err);

    let serve = Serve::start(folder.path(), &[]);
    let report = |token: &str| serve.get("/v1/report/today", Some(token));
    assert!(report(&token).starts_with("HTTP/1.1 200"));
    assert!(report(&admin).starts_with("HTTP/1.1 200"));
    let tokens = serve.get("/v1/tokens", Some(&token));
    assert!(tokens.starts_with("HTTP/1.1 403"), "{tokens}");
    let (printed, code) = serve.stop();
    assert_eq!((token_in(&printed), code), (None, Some(0)));

    let revoked = run(&["tokens", "revoke", &id, "--data", data]);
    assert_eq!(revoked.code, 0, "{}", revoked.err);
    assert!(revoked.out.contains("revoked on"), "{}", revoked.out);
    let listed = run(&["tokens", "list", "--data", data, "--format", "json"]);
    let listed: Value = serde_json::from_str(&listed.out).unwrap();
    let states: Vec<(&str, &str)> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (
                row["role"].as_str().unwrap(),
                row["state"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(states.len(), 2);
    assert!(states.contains(&("admin", "live")) && states.contains(&("analyst", "revoked")));
    let none = run(&["tokens", "revoke", "ffffffffffff", "--data", data]);
    assert_eq!(none.code, 1);

    // The ledger goes on where these acts left it, and the end before them was a good one.
    let serve = Serve::start(folder.path(), &[]);
    assert!(
        serve
            .get("/v1/report/today", Some(&token))
            .starts_with("HTTP/1.1 401")
    );
    let (_, code) = serve.stop();
    assert_eq!(code, Some(0));
    for entry in fs::read_dir(data).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            let secret = &token.as_bytes()[token.len() - 64..];
            let is_there = bytes.windows(secret.len()).any(|window| window == secret);
            assert!(!is_there, "the secret is in {}", path.display());
        }
    }
}

/// What comes from outside stays on its line of the log, and paints nothing.
#[test]
fn log_injection() {
    let folder = site();
    let log = folder.path().join("log");
    let mut command = program();
    command
        .args([
            "serve",
            "--config",
            "regard.toml",
            "--listen",
            "127.0.0.1:0",
            "-vv",
        ])
        .current_dir(folder.path())
        .env("NO_COLOR", "1")
        .stderr(fs::File::create(&log).unwrap());
    let serve = Serve::spawn(&mut command);
    let forged = "x\\n2026-01-01T00:00:00Z ERROR forged\\u001b[31m";
    let beat = format!(
        "{{\"player\":\"{forged}\",\"notice_hash\":\"{forged}\",\"notice_visible\":true,\"visible\":true,\"showing\":null}}"
    );
    serve.send("POST", "/v1/screens/window/heartbeat", "", &beat);
    serve.send("POST", "/v1/outcomes", forged, &beat);
    serve.get("/%0a2026-01-01T00:00:00Z%20ERROR%20forged", Some("x"));
    serve.get("/v1/health", Some("rgd_admin_0123456789ab_forged"));
    let (_, code) = serve.stop();
    assert_eq!(code, Some(0));
    let log = fs::read_to_string(&log).unwrap();
    for line in log.lines() {
        assert!(!line.starts_with("2026-01-01"), "{line}");
    }
    assert!(!log.contains('\u{1b}'), "{log}");
}
