//! Which room may open onto which, and which words belong to one room alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Room → rooms it may depend on. A new door is a change of this list, reviewed as one.
const DOORS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("inference", &["domain"]),
    ("commitments", &["domain"]),
    ("vision", &["domain", "inference", "commitments"]),
    (
        "identity",
        &["domain", "inference", "commitments", "vision"],
    ),
    ("audience", &["domain"]),
    ("decision", &["domain", "commitments"]),
    (
        "backends",
        &["domain", "commitments", "identity", "decision"],
    ),
    ("evaluation", &["domain", "decision"]),
    (
        "engine",
        &[
            "domain",
            "inference",
            "commitments",
            "vision",
            "identity",
            "audience",
            "decision",
            "evaluation",
            "backends",
        ],
    ),
    (
        "reports",
        &["domain", "commitments", "decision", "evaluation"],
    ),
    (
        "library",
        &[
            "domain",
            "inference",
            "commitments",
            "vision",
            "identity",
            "audience",
            "evaluation",
        ],
    ),
    (
        "server",
        &[
            "domain",
            "commitments",
            "identity",
            "audience",
            "decision",
            "evaluation",
            "backends",
            "engine",
            "reports",
        ],
    ),
    (
        "cli",
        &[
            "domain",
            "inference",
            "commitments",
            "vision",
            "identity",
            "audience",
            "decision",
            "evaluation",
            "backends",
            "engine",
            "reports",
            "library",
            "server",
        ],
    ),
];

/// Word in source → rooms that alone may use it.
const WORDS: &[(&str, &[&str])] = &[
    ("rten::", &["inference"]),
    ("ort::", &["inference"]),
    ("sqlx::", &["backends"]),
    ("axum::", &["server"]),
    ("rumqttc::", &["backends"]),
    // Calls to others: only where the addresses are those of the configuration.
    ("ureq::", &["server", "cli"]),
    ("instant_acme::", &["server"]),
    ("anyhow::", &["cli"]),
    ("opendp::", &["engine"]),
    ("cryptoki::", &["engine"]),
    // Leave to embed faces of evaluation sets: no room of the program may make it, only `xtask` and tests.
    ("for_evaluation", &["commitments"]),
    // Leave that the gate of the site gave, on a machine that holds a part of the gallery: it comes over the sealed channel alone.
    ("relayed_leave", &["commitments", "backends"]),
    // What micro-expressions show is for studies: decisions, their audiences and what they learn from never see the type.
    ("StudyOnly", &["commitments", "vision", "engine"]),
    ("StudyGate", &["commitments", "engine"]),
    (
        "MovementSums",
        &["commitments", "engine", "reports", "server"],
    ),
    // Curves of a face, and weights of its movements, are for whoever analyses a video of their own: the live loop, its audiences
    // and its decisions do not know them.
    ("MovementMeter", &["vision", "cli"]),
    ("FineMeshAnalyzer", &["vision", "cli"]),
    ("SystemTime::now", &["engine", "cli"]),
    ("Instant::now", &["engine", "cli", "server"]),
    // Where random numbers come from is said: the system's generator, or a seed that a test gives.
    ("rand::rng()", &[]),
    ("std::process::exit", &["cli"]),
    ("thread::spawn", &["engine", "vision"]),
    ("tokio::spawn", &["engine", "server"]),
];

/// Rooms that compute only: no I/O, no tasks, nothing asynchronous.
const PURE: &[&str] = &[
    "domain",
    "commitments",
    "identity",
    "audience",
    "decision",
    "evaluation",
    "reports",
];
const IMPURE_WORDS: &[&str] = &[
    "std::fs",
    "std::net",
    "async fn",
    "tokio",
    "println!",
    "std::env::",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Whether the word stands in the code by itself, not as the end of a longer name.
fn contains_word(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        !code[..at]
            .chars()
            .next_back()
            .is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

/// Every Rust file under `src/` of a room, without its test modules.
fn sources(room: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(room).join("src")];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for path in entries.flatten().map(|e| e.path()) {
            if path.is_dir() {
                if !path.ends_with("tests") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|e| e == "rs")
                && path.file_stem().is_some_and(|s| s != "tests")
            {
                let text = std::fs::read_to_string(&path).expect("a source file is readable");
                let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
                let code: Vec<&str> = code
                    .lines()
                    .filter(|l| !l.trim_start().starts_with("//"))
                    .collect();
                found.push((path, code.join("\n")));
            }
        }
    }
    found
}

fn dependencies(room: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join(room).join("Cargo.toml")).expect("a manifest");
    let manifest: toml::Table = text.parse().expect("valid TOML");
    let table = manifest
        .get("dependencies")
        .and_then(|d| d.as_table())
        .cloned()
        .unwrap_or_default();
    table
        .keys()
        .filter_map(|k| k.strip_prefix("regard-"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn rooms_open_only_onto_rooms_they_may() {
    let doors: BTreeMap<&str, BTreeSet<String>> = DOORS
        .iter()
        .map(|(room, may)| (*room, may.iter().map(|m| (*m).to_owned()).collect()))
        .collect();
    for (room, may) in doors {
        let extra: Vec<String> = dependencies(room).difference(&may).cloned().collect();
        assert!(
            extra.is_empty(),
            "`{room}` opens onto {extra:?}, which DOORS does not list"
        );
    }
}

#[test]
fn words_stay_in_their_rooms() {
    let mut faults = Vec::new();
    for (room, _) in DOORS {
        for (path, code) in sources(room) {
            for (word, rooms) in WORDS {
                if contains_word(&code, word) && !rooms.contains(room) {
                    faults.push(format!("{}: `{word}` belongs to {rooms:?}", path.display()));
                }
            }
            if PURE.contains(room) {
                for word in IMPURE_WORDS.iter().filter(|w| contains_word(&code, w)) {
                    faults.push(format!(
                        "{}: `{word}` in a room that only computes",
                        path.display()
                    ));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn files_hold_one_noun() {
    let long: Vec<String> = DOORS
        .iter()
        .flat_map(|(room, _)| sources(room))
        .filter(|(path, _)| std::fs::read_to_string(path).map_or(0, |t| t.lines().count()) > 600)
        .map(|(path, _)| path.display().to_string())
        .collect();
    assert!(long.is_empty(), "past 600 lines: {long:?}");
}
