//! The real clients of CompreFace and Amazon Rekognition against the program, where they are installed: `compreface-sdk` and
//! `boto3` in the Python that `REGARD_CLIENTS_PYTHON` names, `@exadel/compreface-js-sdk` and `@aws-sdk/client-rekognition` in the
//! folder that `REGARD_CLIENTS_NODE` names. The installation is set up as its owner would: configuration, token of the privacy
//! officer, attestations.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use regard_testkit::clip;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::faces::Running;
use crate::program::fixture;

const RECOGNITION_KEY: &str = "00000000-0000-0000-0000-000000000002";
const DETECTION_KEY: &str = "00000000-0000-0000-0000-000000000003";
const VERIFICATION_KEY: &str = "00000000-0000-0000-0000-000000000004";
const ACCESS_KEY: &str = "AKIDTESTONLY";
const SECRET_KEY: &str = "a/secret+of/tests/only";

/// The file with the token of the privacy officer.
const OFFICER: &str = "privacy_officer.token";

/// What services may do, as the owner configures it.
fn configuration(folder: &Path) -> String {
    let secret = folder.join("rekognition.secret");
    fs::write(&secret, format!("{SECRET_KEY}\n")).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let service = |name: &str, kind: &str, key: &str| {
        let digest = Sha256::digest(key);
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        format!(
            "[[compat.compreface]]\nservice = \"{name}\"\nkind = \"{kind}\"\nkey_sha256 = \"{hex}\"\n"
        )
    };
    service("staff", "recognition", RECOGNITION_KEY)
        + &service("counting", "detection", DETECTION_KEY)
        + &service("pairs", "verification", VERIFICATION_KEY)
        + "[compat.rekognition]\nregion = \"eu-west-1\"\n[[compat.rekognition.key]]\n"
        + &format!(
            "id = \"{ACCESS_KEY}\"\nsecret_file = \"rekognition.secret\"\nservice = \"desk\"\n"
        )
}

/// An installation whose privacy officer attested what its services hold.
fn attested() -> Running {
    let running = Running::start_with("controller", configuration);
    running.token("privacy_officer");
    for (service, collection, uploads_are_acts) in [
        ("staff", "staff", true),
        ("pairs", "pairs", false),
        ("desk", "photos", true),
        ("desk", "My.Photos", true),
        ("desk", "acts", false),
        ("desk", "compare-faces", false),
    ] {
        let mut arguments = vec!["attestations", "new", service, collection];
        arguments.extend(["--purpose", "open the gate", "--signed-by", "the officer"]);
        arguments.extend(["--source", "pictures that staff sent in with a signed form"]);
        arguments.extend(["--days", "30"]);
        if uploads_are_acts {
            arguments.push("--uploads-are-acts");
        }
        let said = running.regard_as(OFFICER, &arguments);
        assert_eq!(said.code, 0, "{}", said.err);
    }
    running
}

/// One person, twice; another; several; nobody.
fn pictures(folder: &Path) -> PathBuf {
    let folder = folder.join("pictures");
    fs::create_dir(&folder).unwrap();
    let frames = clip::frames();
    fs::write(folder.join("one.jpg"), &frames[0]).unwrap();
    fs::write(folder.join("same.jpg"), &frames[30]).unwrap();
    fs::copy(fixture("photos/grace_hopper.jpg"), folder.join("other.jpg")).unwrap();
    fs::copy(fixture("photos/solvay.jpg"), folder.join("crowd.jpg")).unwrap();
    let gray = image::RgbImage::from_pixel(64, 64, image::Rgb([90, 90, 90]));
    gray.save(folder.join("nobody.png")).unwrap();
    folder
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(name)
}

/// The Python that has the clients, if one is named.
fn python() -> Option<Command> {
    std::env::var_os("REGARD_CLIENTS_PYTHON").map(Command::new)
}

/// Node, and the folder with the clients, if one is named.
fn node() -> Option<(Command, PathBuf)> {
    let folder = std::env::var_os("REGARD_CLIENTS_NODE").map(PathBuf::from)?;
    Some((Command::new("node"), std::path::absolute(folder).unwrap()))
}

fn skip(what: &str, variable: &str) {
    println!("skipped: {what}: the client is not installed; see .ci/run and name it in {variable}");
}

fn passes(mut command: Command, running: &Running, keys: &[&str]) {
    let port = running.url().rsplit(':').next().unwrap();
    command
        .arg(port)
        .args(keys)
        .arg(pictures(&running.path("")));
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(
        output.status.success() && out.contains("all good"),
        "{out}{errors}"
    );
}

const COMPREFACE_KEYS: [&str; 3] = [RECOGNITION_KEY, DETECTION_KEY, VERIFICATION_KEY];
const REKOGNITION_KEYS: [&str; 2] = [ACCESS_KEY, SECRET_KEY];

#[test]
fn compreface_for_python() {
    let Some(mut command) = python() else {
        return skip("CompreFace for Python", "REGARD_CLIENTS_PYTHON");
    };
    command.arg(script("compreface_client.py"));
    passes(command, &attested(), &COMPREFACE_KEYS);
}

#[test]
fn compreface_for_javascript() {
    let Some((mut command, modules)) = node() else {
        return skip("CompreFace for JavaScript", "REGARD_CLIENTS_NODE");
    };
    command.arg(script("compreface_client.mjs")).arg(modules);
    passes(command, &attested(), &COMPREFACE_KEYS);
}

#[test]
fn rekognition_for_python() {
    let Some(mut command) = python() else {
        return skip("boto3", "REGARD_CLIENTS_PYTHON");
    };
    command.arg(script("rekognition_client.py"));
    passes(command, &attested(), &REKOGNITION_KEYS);
}

#[test]
fn rekognition_for_javascript() {
    let Some((mut command, modules)) = node() else {
        return skip("the AWS SDK for JavaScript", "REGARD_CLIENTS_NODE");
    };
    command.arg(script("rekognition_client.mjs")).arg(modules);
    passes(command, &attested(), &REKOGNITION_KEYS);
}

/// The officer makes attestations and takes them back; nobody else does, and what is wrong with one is said.
#[test]
fn the_officer_attests_and_nobody_else() {
    let running = attested();
    let new = |token: &str, days: &str| {
        let wish = [
            "attestations",
            "new",
            "staff",
            "second",
            "--purpose",
            "open the gate",
        ];
        let said = [
            "--signed-by",
            "the officer",
            "--source",
            "a signed form",
            "--days",
            days,
        ];
        running.regard_as(token, &[&wish[..], &said[..]].concat())
    };
    let said = new("admin.token", "30");
    assert_eq!(said.code, 1);
    assert!(said.err.contains("privacy_officer"), "{}", said.err);
    let said = new(OFFICER, "366");
    assert!(said.err.contains("bad_attestation"), "{}", said.err);
    let said = new(OFFICER, "30");
    assert!(
        said.out.contains("staff/second  until "),
        "{}{}",
        said.out,
        said.err
    );
    assert!(
        said.out.contains("each search names its act"),
        "{}",
        said.out
    );
    let name = said.out.split(' ').next().unwrap().to_owned();
    let list = || running.regard_as(OFFICER, &["attestations", "list"]).out;
    assert_eq!((list().lines().count(), list().contains(&name)), (7, true));
    let json = running.regard_as(OFFICER, &["attestations", "list", "--format", "json"]);
    let known: Value = serde_json::from_str(&json.out).unwrap();
    let signed = known[0]["signed"].as_str().unwrap();
    assert_eq!(signed.split('.').count(), 3, "a signed text: {signed}");
    let said = running.regard_as(OFFICER, &["attestations", "end", &name]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(!list().contains(&name));
    let said = running.regard_as(OFFICER, &["attestations", "end", &name]);
    assert!(said.err.contains("unknown_attestation"), "{}", said.err);
}
