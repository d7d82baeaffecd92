//! `regard models`, with a mirror on this machine.

mod mirror;

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use self::mirror::{Answer, Mirror};
use crate::program::{Said, program, run, said_by};

/// Not a network, but as long as one that does not come in one piece.
fn good_bytes() -> Vec<u8> {
    (0..300_000_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect()
}

/// A folder of models whose manifest knows `toy`.
struct Folder {
    folder: TempDir,
    bytes: Vec<u8>,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bytes = good_bytes();
        let hash: String = Sha256::digest(&bytes)
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        let entry = |id: &str, licence: &str| {
            format!(
                "[[model]]\nid = \"{id}\"\nrole = \"detector\"\nfile = \"{id}.onnx\"\nbytes = {}\nsha256 = \"{hash}\"\n{licence}\nobtain = \"mirror-only\"\nupstream = \"nowhere\"\nconversion = \"none\"\n",
                bytes.len()
            )
        };
        let manifest = entry("toy", "licence = \"MIT\"") + &entry("unlicensed", "");
        fs::write(folder.path().join("manifest.toml"), manifest).unwrap();
        Self { folder, bytes }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Said {
        said_by(
            program()
                .env("REGARD_MODELS", self.folder.path())
                .args(arguments),
        )
    }

    fn pull(&self, from: &str) -> Said {
        self.run(&["models", "pull", "toy", "--from", from])
    }

    fn has_toy(&self) -> bool {
        fs::read(self.path("toy.onnx")).is_ok_and(|bytes| bytes == self.bytes)
    }

    fn has_part(&self) -> bool {
        self.path("toy.onnx.part").exists()
    }
}

#[test]
fn a_whole_file_comes_over_http_once() {
    let folder = Folder::new();
    let mirror = Mirror::start(folder.bytes.clone(), |_| Answer::Good);
    let said = folder.pull(&mirror.url);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(folder.has_toy() && !folder.has_part());
    assert_eq!(mirror.ranges(), [None]);
    let again = folder.pull(&mirror.url);
    assert_eq!(again.code, 0);
    assert!(again.out.contains("there already"), "{}", again.out);
    assert_eq!(mirror.ranges().len(), 1);
}

#[test]
fn a_connection_that_ends_early_is_taken_up_where_it_ended() {
    let folder = Folder::new();
    let mirror = Mirror::start(folder.bytes.clone(), |n| match n {
        0 | 1 => Answer::CutAfter(100_000),
        _ => Answer::Good,
    });
    let said = folder.pull(&mirror.url);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(folder.has_toy());
    assert_eq!(mirror.ranges(), [None, Some(100_000), Some(200_000)]);
}

#[test]
fn a_later_try_goes_on_where_an_earlier_one_gave_up() {
    let folder = Folder::new();
    let mirror = Mirror::start(folder.bytes.clone(), |n| match n {
        0 => Answer::CutAfter(70_000),
        1 => Answer::CutAfter(0),
        _ => Answer::Good,
    });
    let said = folder.pull(&mirror.url);
    assert_eq!((said.code, said.errors().len()), (1, 1), "{}", said.err);
    assert!(
        said.err.contains("gives up after 70000 bytes"),
        "{}",
        said.err
    );
    assert!(!folder.has_toy() && folder.has_part());
    assert_eq!(folder.pull(&mirror.url).code, 0);
    assert!(folder.has_toy() && !folder.has_part());
    assert_eq!(mirror.ranges().last(), Some(&Some(70_000)));
}

#[test]
fn a_server_without_ranges_starts_over() {
    let folder = Folder::new();
    let mirror = Mirror::start(folder.bytes.clone(), |n| match n {
        0 => Answer::CutAfter(70_000),
        _ => Answer::WholeDespiteRange,
    });
    assert_eq!(folder.pull(&mirror.url).code, 0);
    assert!(folder.has_toy());
}

#[test]
fn what_another_file_left_is_thrown_away() {
    let folder = Folder::new();
    fs::write(folder.path("toy.onnx.part"), vec![9; 1000]).unwrap();
    let mirror = Mirror::start(folder.bytes.clone(), |_| Answer::Good);
    let said = folder.pull(&mirror.url);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(folder.has_toy());
    assert_eq!(mirror.ranges(), [Some(1000), None]);
}

#[test]
fn another_file_is_refused() {
    let folder = Folder::new();
    let mut other = folder.bytes.clone();
    other[7] ^= 1;
    let check = |bytes: Vec<u8>, reason: &str| {
        let mirror = Mirror::start(bytes, |_| Answer::Good);
        let said = folder.pull(&mirror.url);
        assert_eq!((said.code, said.errors().len()), (1, 1), "{}", said.err);
        assert!(said.err.contains(reason), "{}", said.err);
        assert!(!folder.path("toy.onnx").exists());
    };
    check(other, "has SHA-256");
    assert!(
        !folder.has_part(),
        "what is known to be wrong does not stay"
    );
    check(
        folder.bytes[1..].to_vec(),
        "it has 299999 bytes, 300000 are recorded",
    );
    check(
        [folder.bytes.as_slice(), &[0]].concat(),
        "it has 300001 bytes, 300000 are recorded",
    );
}

#[test]
fn a_server_that_has_nothing_is_named() {
    let folder = Folder::new();
    let mirror = Mirror::start(Vec::new(), |_| Answer::NotFound);
    let said = folder.pull(&mirror.url);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("toy.onnx: 404 Not Found"), "{}", said.err);
    drop(mirror);
    let said = folder.pull("http://127.0.0.1:1/");
    assert!(
        said.code == 1 && said.err.contains("cannot be reached"),
        "{}",
        said.err
    );
}

#[test]
fn mirrors_may_be_folders_and_files() {
    let mirror = tempfile::tempdir().unwrap();
    let file = mirror.path().join("toy.onnx");
    for from in [mirror.path(), &file] {
        let folder = Folder::new();
        fs::write(&file, &folder.bytes).unwrap();
        assert_eq!(folder.pull(from.to_str().unwrap()).code, 0);
        assert!(folder.has_toy() && !folder.has_part());
        fs::write(&file, "something else").unwrap();
        fs::remove_file(folder.path("toy.onnx")).unwrap();
        let said = folder.pull(from.to_str().unwrap());
        assert_eq!(said.code, 1);
        assert!(
            said.err.contains("has 14 bytes, 300000 are recorded"),
            "{}",
            said.err
        );
        assert!(!folder.path("toy.onnx").exists());
    }
    let folder = Folder::new();
    assert!(folder.pull("/no/such/place").err.contains("no such file"));
}

#[test]
fn what_cannot_be_had_says_what_to_do() {
    let folder = Folder::new();
    let said = folder.run(&["models", "pull", "toy"]);
    assert_eq!(said.code, 1);
    assert!(
        said.err.contains("upstream: nowhere; conversion: none"),
        "{}",
        said.err
    );
    let said = folder.run(&["models", "pull", "unlicensed", "--from", "/"]);
    assert!(
        said.code == 1 && said.err.contains("licence"),
        "{}",
        said.err
    );
    let said = folder.run(&["models", "pull", "nobody"]);
    assert!(
        said.code == 1 && said.err.contains("regard models list"),
        "{}",
        said.err
    );
    let said = run(&["models", "pull", "toy"]);
    assert!(said.code == 64 && said.err.contains("--to"), "{}", said.err);
}

#[test]
fn verify_finds_what_was_altered() {
    let folder = Folder::new();
    assert_eq!(
        folder.run(&["models", "verify"]).code,
        2,
        "a model without licence is bad"
    );
    let said = run(&["models", "verify"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    assert!(
        said.out
            .lines()
            .any(|line| line.starts_with("good") && line.ends_with("yunet-2023mar"))
    );
    fs::write(folder.path("toy.onnx"), "altered").unwrap();
    let said = folder.run(&["models", "verify"]);
    assert_eq!(said.code, 2);
    assert!(
        said.errors()
            .iter()
            .any(|line| line.starts_with("error: toy: ")),
        "{}",
        said.err
    );
}

#[test]
fn the_list_tells_the_truth_about_training_data() {
    let said = run(&["models", "list", "--format", "json"]);
    assert_eq!(said.code, 0);
    let models: Vec<Value> = serde_json::from_str(&said.out).unwrap();
    let lines: Vec<String> = models
        .iter()
        .map(|m| {
            let text = |key: &str| m[key].as_str().unwrap_or("-").to_owned();
            [
                "id",
                "role",
                "licence",
                "consent_of_subjects",
                "obtain",
                "state",
            ]
            .map(text)
            .join(" ")
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
    let text = run(&["models", "list"]).out;
    let about_people = models.iter().filter(|m| m["role"] != "object-embedding");
    let n_said = text
        .matches("error by group of people: not measured")
        .count();
    assert_eq!(n_said, about_people.count(), "{text}");
    for model in &models {
        assert_eq!(model["error_by_group"], Value::Null);
        for key in ["id", "training_data", "consent_of_subjects"] {
            assert!(
                text.contains(model[key].as_str().unwrap()),
                "{key} of {model}"
            );
        }
    }
}
