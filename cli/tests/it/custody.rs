//! `regard keys`, `erasure`, `backup`, `restore`, as an owner types them.

use std::fs;
use std::path::Path;

use regard_backends::{KeyStore as _, SqliteKeys, SqliteOptions, SqliteStore, Store as _};
use regard_commitments::{
    Commitments, EntryBody, ErasureProof, Ledger, LedgerEntry, MerkleTree, NoteSigner, Profile,
    RetentionGate, SiteKeys, Zeroizing, subject,
};
use regard_domain::{PersonId, Timestamp};
use regard_engine::{SiteKeyConfig, SiteKeyFile};

use crate::program::run;

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// What an installation leaves that has run and stopped.
fn installation(data: &Path) -> SiteKeyFile {
    let seed = regard_engine::site_keys(data).unwrap();
    let key = seed.commitments_key();
    let signed = Commitments::demo().sign(&key);
    let verified = signed.verify(&key.verifying_key()).unwrap();
    let gate = RetentionGate::new(&verified, &Profile::named("lab").unwrap()).unwrap();
    let now = Timestamp::from_millis(1_800_000_000_000);
    let kept = gate.keep(signed, now).granted().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = SqliteStore::open(data, SqliteOptions::default())
            .await
            .unwrap();
        store.put_commitments(1, &kept).await.unwrap();
        store.close().await;
        SqliteKeys::open(data).await.unwrap().close().await;
    });
    let beside = SiteKeyConfig {
        file: Some(data.with_file_name("data.key")),
        passphrase_file: None,
        token: None,
    };
    SiteKeyFile::open_or_create(&beside, data).unwrap()
}

#[test]
fn keys_are_shown_and_rotated() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let none = run(&["keys", "show", "--data", &text(&data)]);
    assert_eq!(none.code, 1);
    assert_eq!(none.errors().len(), 1, "{}", none.err);

    let first = installation(&data).ring().current().to_string();
    let shown = run(&["keys", "show", "--data", &text(&data), "--format", "json"]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    let json: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
    assert_eq!(json["site_keys"], serde_json::json!([first]));
    assert_eq!(
        (&json["in_data_folder"], &json["n_persons"]),
        (&false.into(), &0.into())
    );
    let rotated = run(&["keys", "rotate", "--data", &text(&data)]);
    assert_eq!(rotated.code, 0, "{}", rotated.err);
    let again = run(&["keys", "show", "--data", &text(&data)]);
    assert!(!again.out.contains(&first), "{}", again.out);
    let secret = fs::read_to_string(folder.path().join("data.key")).unwrap();
    let secret = secret
        .lines()
        .nth(1)
        .unwrap()
        .trim_start_matches("plain ")
        .to_owned();
    assert!(!again.out.contains(&secret) && !rotated.out.contains(&secret));
}

#[test]
fn a_backup_is_written_and_put_back() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    installation(&data);
    let file = folder.path().join("backup");
    let made = run(&["backup", "-o", &text(&file), "--data", &text(&data)]);
    assert_eq!(made.code, 0, "{}", made.err);
    assert!(fs::read(&file).unwrap().starts_with(b"regard-backup-v2\n"));
    let back = run(&["restore", &text(&file), "--data", &text(&data)]);
    assert_eq!(back.code, 0, "{}", back.err);
    assert!(back.out.contains("0 sealed rows open"), "{}", back.out);
    // Under another key of the site it stays shut.
    let other = folder.path().join("other.key");
    let config = SiteKeyConfig {
        file: Some(other.clone()),
        passphrase_file: None,
        token: None,
    };
    SiteKeyFile::open_or_create(&config, &data).unwrap();
    let refused = run(&[
        "restore",
        &text(&file),
        "--data",
        &text(&data),
        "--site-key",
        &text(&other),
    ]);
    assert_eq!(refused.code, 1);
    assert!(
        refused.errors()[0].contains("was made under site key"),
        "{}",
        refused.err
    );
    let nowhere = run(&[
        "backup",
        "-o",
        &text(&file),
        "--data",
        &text(&folder.path().join("no")),
    ]);
    assert_eq!(
        (nowhere.code, nowhere.errors().len()),
        (1, 1),
        "{}",
        nowhere.err
    );
}

#[test]
fn a_proof_of_erasure_is_checked_without_the_installation() {
    let folder = tempfile::tempdir().unwrap();
    let keys = SiteKeys::from_seed(Zeroizing::new([3; 32]));
    let signer = NoteSigner::new("regard/ledger/shop", keys.ledger_key()).unwrap();
    let mut ledger = Ledger::new(MerkleTree::new(), signer);
    let person = PersonId::from_bits(7);
    let written = ledger.append_proven(&LedgerEntry {
        at: Timestamp::from_millis(1_780_315_200_000),
        body: EntryBody::Erased {
            subject: subject(person),
        },
    });
    let proof = ErasureProof::new(person, &written, &ledger.verifier()).unwrap();
    let file = folder.path().join("proof.json");
    let json = serde_json::to_string(&proof).unwrap();
    fs::write(&file, &json).unwrap();
    let good = run(&["erasure", "verify", &text(&file)]);
    assert_eq!(good.code, 0, "{}", good.err);
    assert!(good.out.contains("2026-06-01T12:00:00"), "{}", good.out);
    assert!(good.out.contains("Compare that key"), "{}", good.out);
    let key = ledger.verifier().to_string();
    let pinned = run(&["erasure", "verify", &text(&file), "--key", &key]);
    assert_eq!(pinned.code, 0, "{}", pinned.err);
    assert!(!pinned.out.contains("Compare"), "{}", pinned.out);
    fs::write(&file, json.replace("\"index\":0", "\"index\":1")).unwrap();
    let bad = run(&["erasure", "verify", &text(&file)]);
    assert_eq!((bad.code, bad.errors().len()), (1, 1), "{}", bad.err);
    let missing = run(&["erasure", "verify", &text(&folder.path().join("none"))]);
    assert_eq!(
        (missing.code, missing.errors().len()),
        (1, 1),
        "{}",
        missing.err
    );
}
