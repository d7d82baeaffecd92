//! `regard commitments`, as an owner types it.

use std::fs;

use crate::program::run;

fn text(path: &std::path::Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// What checkpoints are checked with is published beside the promise.
fn check_ledger_key(public: &std::path::Path) {
    let key = fs::read_to_string(public.join("ledger.key")).unwrap();
    let key: regard_commitments::NoteVerifier = key.trim().parse().unwrap();
    assert!(key.name().starts_with("regard/ledger/"));
}

#[test]
fn written_shown_compared_signed_and_published() {
    let folder = tempfile::tempdir().unwrap();
    let file = text(&folder.path().join("commitments.toml"));
    let wrote = run(&["commitments", "new", &file, "--profile", "nl"]);
    assert_eq!(wrote.code, 0, "{}", wrote.err);
    let again = run(&["commitments", "new", &file]);
    assert_eq!(again.code, 1);
    assert!(
        again.errors()[0].contains("is there already"),
        "{}",
        again.err
    );

    let shown = run(&["commitments", "show", &file]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    for part in [
        "nl (Netherlands)",
        "30 days",
        "to nobody",
        "undeclared, so expressions",
    ] {
        assert!(shown.out.contains(part), "{part} in {}", shown.out);
    }

    let newer = text(&folder.path().join("newer.toml"));
    let document = fs::read_to_string(&file).unwrap();
    let weaker = document
        .replace("version = 1", "version = 2")
        .replace("decision = \"30 days\"", "decision = \"60 days\"")
        .replace("outcome = \"30 days\"", "outcome = \"10 days\"");
    fs::write(&newer, weaker).unwrap();
    let diff = run(&["commitments", "diff", &file, &newer]);
    assert_eq!(diff.code, 0, "{}", diff.err);
    assert_eq!(
        diff.out,
        "weakens      Rows of kind decision are kept for 60 days instead of 30 days.\n\
         strengthens  Rows of kind outcome are kept for 10 days instead of 30 days.\n\n\
         Version 2 weakens the promise. What was taken under version 1 stays under version 1.\n"
    );
    let strict = run(&["commitments", "diff", &file, &newer, "--fail-on-weakening"]);
    assert_eq!(strict.code, 2);
    let back = run(&["commitments", "diff", &newer, &file]);
    assert!(
        back.errors()[0].contains("give the new one version 3"),
        "{}",
        back.err
    );

    let data = text(&folder.path().join("data"));
    let signed = text(&folder.path().join("signed.json"));
    let sign = run(&["commitments", "sign", &file, "--data", &data, "-o", &signed]);
    assert_eq!(sign.code, 0, "{}", sign.err);
    let same = run(&["commitments", "diff", &signed, &file, "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&same.out).unwrap();
    assert_eq!(json["direction"], "neutral");
    assert_eq!(json["changes"], serde_json::json!([]));

    let public = folder.path().join("public");
    let publish = [
        "commitments",
        "publish",
        &file,
        "--data",
        &data,
        "--to",
        &text(&public),
    ];
    let published = run(&publish);
    assert_eq!(published.code, 0, "{}", published.err);
    let page = fs::read_to_string(public.join("commitments.html")).unwrap();
    check_ledger_key(&public);
    assert!(page.contains("Netherlands") && page.contains("lang=\"en\""));
    assert!(!page.contains("<script"), "a page to read, nothing more");
    // Signed with the same key, so the same text.
    assert_eq!(
        fs::read_to_string(public.join("commitments.json")).unwrap(),
        fs::read_to_string(&signed).unwrap()
    );
    assert_eq!(
        fs::read_to_string(public.join("commitments.key"))
            .unwrap()
            .trim()
            .len(),
        64
    );
}

#[test]
fn what_is_no_document_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = text(&folder.path().join("bad.toml"));
    fs::write(&file, "version = 1\nprofile = 5\n").unwrap();
    let said = run(&["commitments", "show", &file]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("bad.toml:2:11: "), "{}", said.err);
    let said = run(&["commitments", "show", "/nonexistent/x.toml"]);
    assert!(said.errors()[0].contains("cannot be read"), "{}", said.err);
    let said = run(&["commitments", "new", "x.toml", "--profile", "mars"]);
    assert_eq!(said.code, 64);
    let json = text(&folder.path().join("bad.json"));
    fs::write(&json, "{}").unwrap();
    let said = run(&["commitments", "show", &json]);
    assert!(
        said.errors()[0].contains("neither TOML nor"),
        "{}",
        said.err
    );
}
