//! `regard ledger`, on an installation that runs and on what it left.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{Said, run};
use crate::running::{PATIENCE, Serve};
use crate::site;

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn json(said: &Said) -> Value {
    serde_json::from_str(&said.out)
        .unwrap_or_else(|error| panic!("{error}: {}{}", said.out, said.err))
}

/// What is told over HTTP, without the head.
fn body(answer: &str) -> String {
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// The checkpoint that covers at least so many entries.
fn checkpoint(serve: &Serve, at_least: u64) -> (String, u64) {
    let began_at = Instant::now();
    loop {
        let note = body(&serve.get("/ledger/checkpoint", None));
        let size = note.lines().nth(1).unwrap().parse().unwrap();
        if size >= at_least {
            return (note, size);
        }
        assert!(began_at.elapsed() < PATIENCE, "no checkpoint of {at_least}");
        sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_ledger_is_read_proven_and_checked_while_it_is_written() {
    let folder = site::small();
    let data = text(&folder.path().join("data"));
    let serve = Serve::start(folder.path(), &[]);
    // The start, the commitments, the grant to the camera.
    let (note, size) = checkpoint(&serve, 3);

    let tail = run(&["ledger", "tail", "--data", &data, "--format", "json"]);
    assert_eq!(tail.code, 0, "{}", tail.err);
    let lines: Vec<Value> = tail
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(lines.len() as u64 >= size);
    assert_eq!(lines[0]["entry"]["body"]["kind"], "started");
    assert_eq!(lines[1]["entry"]["body"]["kind"], "commitments_published");
    let two = run(&["ledger", "tail", "--data", &data, "-n", "2"]);
    assert_eq!(two.out.lines().count(), 2, "{}", two.out);

    let file = text(&folder.path().join("checkpoint"));
    fs::write(&file, &note).unwrap();
    let verify = [
        "ledger",
        "verify",
        "--data",
        &data,
        "--checkpoint",
        &file,
        "--format",
        "json",
    ];
    let verified = run(&verify);
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
    let verified = json(&verified);
    assert_eq!(
        (&verified["ok"], &verified["published"][0]["size"]),
        (&true.into(), &size.into())
    );

    let key = run(&["ledger", "key", "--data", &data])
        .out
        .trim()
        .to_owned();
    assert!(key.starts_with("regard/ledger/"), "{key}");
    let proof = text(&folder.path().join("proof.json"));
    let wrote = run(&["ledger", "prove", "1", "--data", &data, "-o", &proof]);
    assert_eq!(wrote.code, 0, "{}", wrote.err);
    // A stranger has the proof and the key, and no installation.
    let checked = run(&["ledger", "check", &proof, "--key", &key, "--format", "json"]);
    assert_eq!(checked.code, 0, "{}{}", checked.out, checked.err);
    assert_eq!(
        json(&checked)["entry"]["body"]["kind"],
        "commitments_published"
    );
    let line = lines[1].to_string();
    let by_entry = run(&["ledger", "prove", "--entry", &line, "--data", &data]);
    assert_eq!(json(&by_entry)["index"], 1);
    site::tamper(
        Path::new(&proof),
        "commitments_published",
        "commitments_unpublish",
    );
    let forged = run(&["ledger", "check", &proof, "--key", &key]);
    assert_eq!(forged.code, 2, "{}{}", forged.out, forged.err);
    let late = run(&["ledger", "prove", "999", "--data", &data]);
    assert_eq!(late.code, 1);
    assert!(late.errors()[0].contains("999"), "{}", late.err);
    serve.stop();
}

#[test]
fn any_changed_byte_of_an_entry_is_noticed() {
    let folder = site::small();
    let serve = Serve::start(folder.path(), &[]);
    checkpoint(&serve, 3);
    serve.stop();
    let data = folder.path().join("data");
    let whole = run(&["ledger", "verify", "--data", &text(&data)]);
    assert_eq!(whole.code, 0, "{}{}", whole.out, whole.err);
    assert!(
        whole.out.ends_with("the ledger is whole\n"),
        "{}",
        whole.out
    );
    for (from, to) in [
        ("\"kind\":\"started\"", "\"kind\":\"stopped\""),
        ("\"camera\":\"entrance\"", "\"camera\":\"entranse\""),
        ("regard/ledger/", "regard/Ledger/"),
    ] {
        let copy = folder.path().join(format!("copy-{}", to.len()));
        site::copy(&data, &copy);
        site::tamper(&copy.join("regard.db"), from, to);
        let said = run(&["ledger", "verify", "--data", &text(&copy)]);
        assert_eq!(said.code, 2, "{from}: {}{}", said.out, said.err);
        assert!(said.out.contains("DOES NOT VERIFY"), "{}", said.out);
    }
}

#[test]
fn truncation_is_noticed_once_a_checkpoint_was_published() {
    let folder = site::small();
    let data = folder.path().join("data");
    let serve = Serve::start(folder.path(), &[]);
    let (early, _) = checkpoint(&serve, 3);
    serve.stop();
    let old = folder.path().join("old");
    site::copy(&data, &old);
    let serve = Serve::start(folder.path(), &[]);
    let len = run(&["ledger", "tail", "--data", &text(&old), "-n", "1000"])
        .out
        .lines()
        .count();
    let (published, _) = checkpoint(&serve, len as u64 + 2);
    serve.stop();
    let file = text(&folder.path().join("published"));
    fs::write(&file, published).unwrap();
    // The old folder alone is a good ledger; against what was published it is too short.
    assert_eq!(run(&["ledger", "verify", "--data", &text(&old)]).code, 0);
    let said = run(&[
        "ledger",
        "verify",
        "--data",
        &text(&old),
        "--against",
        &file,
    ]);
    assert_eq!(said.code, 2, "{}{}", said.out, said.err);
    assert!(said.out.contains("only"), "{}", said.out);
    let grown = run(&[
        "ledger",
        "verify",
        "--data",
        &text(&data),
        "--against",
        &file,
    ]);
    assert_eq!(grown.code, 0, "{}{}", grown.out, grown.err);
    // And what it grew by can be shown to whoever kept the early checkpoint.
    let size = early.lines().nth(1).unwrap();
    let proof = text(&folder.path().join("growth.json"));
    let wrote = run(&[
        "ledger",
        "prove",
        "--from",
        size,
        "--data",
        &text(&data),
        "-o",
        &proof,
    ]);
    assert_eq!(wrote.code, 0, "{}", wrote.err);
    let key = run(&["ledger", "key", "--data", &text(&data)]).out;
    let key_file = text(&folder.path().join("ledger.key"));
    fs::write(&key_file, key).unwrap();
    let checked = run(&[
        "ledger", "check", &proof, "--key", &key_file, "--format", "json",
    ]);
    assert_eq!(checked.code, 0, "{}{}", checked.out, checked.err);
    assert_eq!(json(&checked)["old_size"].to_string(), size);
}

#[test]
fn a_witness_vouches_for_growth_and_refuses_a_fork() {
    let folder = site::small();
    let (data, own) = (folder.path().join("data"), folder.path().join("witness"));
    let serve = Serve::start(folder.path(), &[]);
    checkpoint(&serve, 3);
    let key = run(&["ledger", "key", "--data", &text(&data)])
        .out
        .trim()
        .to_owned();
    // The witness has an installation of its own: its key.
    regard_engine::site_keys(&own).unwrap();
    let (state, cosigned) = (
        folder.path().join("seen.json"),
        folder.path().join("cosigned"),
    );
    let witness = |source: &str| {
        let (state, own, cosigned) = (text(&state), text(&own), text(&cosigned));
        run(&[
            "ledger", "witness", source, "--key", &key, "--state", &state, "--data", &own, "-o",
            &cosigned,
        ])
    };
    let address = format!("http://{}/ledger", serve.address());
    let first = witness(&address);
    assert_eq!(first.code, 0, "{}", first.err);
    assert!(
        first.out.starts_with("\u{2014} regard/witness/"),
        "{}",
        first.out
    );
    let witness_key = run(&["ledger", "key", "--witness", "--data", &text(&own)]).out;
    let verify = |data: &Path| {
        let (file, data) = (text(&cosigned), text(data));
        run(&[
            "ledger",
            "verify",
            "--data",
            &data,
            "--checkpoint",
            &file,
            "--witness",
            witness_key.trim(),
        ])
    };
    let verified = verify(&data);
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
    serve.stop();

    // Someone copies the installation, and each copy goes on with a history of its own.
    let fork = site::small();
    site::copy(&data, &fork.path().join("data"));
    let serve = Serve::start(folder.path(), &[]);
    let seen: Value = serde_json::from_str(&fs::read_to_string(&state).unwrap()).unwrap();
    let seen = seen["logs"].as_object().unwrap().values().next().unwrap()["size"].as_u64();
    let (_, size) = checkpoint(&serve, seen.unwrap() + 3);
    let address = format!("http://{}/ledger", serve.address());
    let grown = witness(&address);
    assert_eq!(grown.code, 0, "{}", grown.err);
    assert_eq!(verify(&data).code, 0);
    serve.stop();
    let serve = Serve::start(fork.path(), &[]);
    checkpoint(&serve, size + 1);
    serve.stop();
    let before = fs::read_to_string(&state).unwrap();
    let serve = Serve::start(fork.path(), &[]);
    checkpoint(&serve, size + 3);
    let address = format!("http://{}/ledger", serve.address());
    let refused = witness(&address);
    assert_eq!(refused.code, 1, "{}{}", refused.out, refused.err);
    assert!(refused.errors()[0].contains("fork"), "{}", refused.err);
    assert_eq!(fs::read_to_string(&state).unwrap(), before);
    serve.stop();
    // What the witness vouched for is not to be found in the fork.
    let against = verify(&fork.path().join("data"));
    assert_eq!(against.code, 2, "{}{}", against.out, against.err);
}

#[test]
fn a_witness_takes_requests_as_the_standard_writes_them() {
    let folder = site::small();
    let (data, own) = (folder.path().join("data"), folder.path().join("witness"));
    let serve = Serve::start(folder.path(), &[]);
    let (_, size) = checkpoint(&serve, 3);
    serve.stop();
    regard_engine::site_keys(&own).unwrap();
    let (data, own) = (text(&data), text(&own));
    let key = run(&["ledger", "key", "--data", &data]).out;
    let key_file = text(&folder.path().join("ledger.key"));
    fs::write(&key_file, key).unwrap();
    let (request, state) = (
        text(&folder.path().join("request")),
        text(&folder.path().join("seen")),
    );
    let prove = |from: &str| {
        run(&[
            "ledger",
            "prove",
            "--from",
            from,
            "--request",
            "--data",
            &data,
            "-o",
            &request,
        ])
    };
    let witness = || {
        run(&[
            "ledger", "witness", &request, "--key", &key_file, "--state", &state, "--data", &own,
        ])
    };
    assert_eq!(prove("0").code, 0);
    assert_eq!(witness().code, 0);
    let again = witness();
    assert_eq!(again.code, 1, "{}", again.out);
    assert!(
        again.errors()[0].contains("begins at size 0"),
        "{}",
        again.err
    );
    let from = fs::read_to_string(&request).unwrap();
    let from = from.lines().nth(3).unwrap();
    assert!(from.parse::<u64>().unwrap() >= size);
    assert_eq!(prove(from).code, 0);
    let same = witness();
    assert_eq!(same.code, 0, "{}", same.err);
}

#[test]
fn what_is_no_installation_and_no_proof_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let data = text(&folder.path().join("nothing"));
    for command in ["tail", "verify"] {
        let said = run(&["ledger", command, "--data", &data]);
        assert_eq!(said.code, 1, "{}", said.out);
        assert!(said.errors()[0].contains("--data"), "{}", said.err);
    }
    assert!(
        !folder.path().join("nothing").exists(),
        "nothing is made by looking"
    );
    let file = text(&folder.path().join("proof.json"));
    fs::write(&file, "{}").unwrap();
    let said = run(&["ledger", "check", &file, "--key", "a+b+c"]);
    assert_eq!(said.code, 1);
    assert!(said.errors()[0].contains("ledger key"), "{}", said.err);
}
