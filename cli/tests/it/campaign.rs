//! `regard campaign` beside an installation that runs: two people, a draft, a preview, versions.

use std::fs;

use serde_json::Value;

use crate::faces::Running;

const SPRING: &str = "[[campaign]]\nid = 'spring'\nname = 'Spring'\nviewer_benefit = 'A coffee.'\n[[campaign.creative]]\nid = 'a'\nname = 'a'\n\
                      language = 'en'\ncontent = { kind = 'text', title = 'Coffee' }\n";

#[test]
fn a_draft_is_made_shown_approved_and_taken_back_at_the_terminal() {
    let running = Running::start("in_persons_hands");
    let file = running.path("spring.toml");
    let file = file.to_str().unwrap();
    fs::write(
        file,
        SPRING.replace("title = 'Coffee'", "title = 'Your price'"),
    )
    .unwrap();
    let said = running.regard(&["campaign", "check", file]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("significant_effect"), "{}", said.out);
    assert_eq!(
        running
            .regard(&["campaign", "check", file, "--strict"])
            .code,
        2
    );
    let bad = SPRING.replace("language", "changes_price_or_access = true\nlanguage");
    fs::write(file, bad).unwrap();
    let said = running.regard(&["campaign", "check", file]);
    assert_eq!(said.code, 2, "{}{}", said.out, said.err);
    assert!(
        said.out
            .contains("mistake: significant_effect: creative[0]"),
        "{}",
        said.out
    );

    drafted(&running, file);
    approved(&running);
    taken_back(&running);
}

/// A draft may have mistakes, a submitted one may not; it is shown, and of two changes at once the second is told.
fn drafted(running: &Running, file: &str) {
    let said = running.regard(&["campaign", "save", file, "--revision", "0"]);
    assert_eq!(said.out.trim(), "draft 1 of spring", "{}", said.err);
    let said = running.regard(&["campaign", "submit", "spring"]);
    assert!(
        said.code == 1 && said.err.contains("significant_effect"),
        "{}",
        said.err
    );
    fs::write(file, SPRING).unwrap();
    let said = running.regard(&["campaign", "save", file, "--revision", "0"]);
    assert!(
        said.code == 1 && said.err.contains("draft_changed"),
        "{}",
        said.err
    );
    let said = running.regard(&["campaign", "save", file, "--revision", "1"]);
    assert_eq!(said.out.trim(), "draft 2 of spring", "{}", said.err);
    let preview = |seconds: &str| {
        let of = ["campaign", "preview", "spring", "--message", "a"];
        let on = ["--screen", "window", "--seconds", seconds];
        running.regard(&[&of[..], &on[..]].concat())
    };
    let said = preview("1");
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("not counted"), "{}", said.out);
    let said = preview("31");
    assert!(said.err.contains("bad_duration"), "{}", said.err);
}

/// Somebody else lets it in force, after it was sent back once.
fn approved(running: &Running) {
    assert_eq!(running.regard(&["campaign", "submit", "spring"]).code, 0);
    let said = running.regard(&["campaign", "list"]);
    assert!(
        said.out.contains("draft 2: waiting for approval, by admin"),
        "{}",
        said.out
    );
    let said = running.regard(&["campaign", "approve", "spring"]);
    assert!(said.err.contains("same_person"), "{}", said.err);
    let said = running.regard(&["campaign", "reject", "spring", "--note", "say until when"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let said = running.regard(&["campaign", "list"]);
    assert!(
        said.out.contains("sent back") && said.out.contains("say until when"),
        "{}",
        said.out
    );
    assert_eq!(running.regard(&["campaign", "submit", "spring"]).code, 0);
    let other = running.token("operator");
    let said = running.regard_as(other.to_str().unwrap(), &["campaign", "approve", "spring"]);
    assert_eq!(said.out.trim(), "spring is in force", "{}", said.err);
}

/// What was in force is a draft again, and thrown away.
fn taken_back(running: &Running) {
    let said = running.regard(&["campaign", "show", "spring", "--in-force"]);
    assert!(said.out.contains("title = \"Coffee\""), "{}", said.out);
    // There is no draft: what is in force is shown.
    let shown = running.regard(&["campaign", "show", "spring"]);
    assert_eq!(shown.out, said.out, "{}", shown.err);
    let said = running.regard(&["campaign", "evidence", "spring"]);
    assert!(
        said.out.starts_with("nothing is known yet"),
        "{}{}",
        said.out,
        said.err
    );
    let said = running.regard(&["campaign", "versions", "spring"]);
    assert!(
        said.out.starts_with("1  ") && said.out.contains("by operator"),
        "{}",
        said.out
    );
    let said = running.regard(&["campaign", "versions", "spring", "--draft", "1"]);
    assert_eq!(
        said.out.trim(),
        "version 1 of spring is draft 1",
        "{}",
        said.err
    );
    let said = running.regard(&["campaign", "list", "--format", "json"]);
    let lines: Value = serde_json::from_str(&said.out).unwrap();
    let spring = lines
        .as_array()
        .unwrap()
        .iter()
        .find(|line| line["id"] == "spring");
    assert_eq!(spring.unwrap()["draft"]["standing"], "draft");
    assert_eq!(running.regard(&["campaign", "discard", "spring"]).code, 0);
    let said = running.regard(&["campaign", "discard", "spring"]);
    assert!(said.err.contains("unknown_draft"), "{}", said.err);
}
