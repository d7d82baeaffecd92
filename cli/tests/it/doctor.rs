//! `regard doctor`.

use std::fs::Permissions;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::program::{program, said_by};
use crate::site;

fn report(command: &mut std::process::Command) -> (i32, Value) {
    let said = said_by(command.args(["doctor", "--format", "json"]));
    (said.code, serde_json::from_str(&said.out).unwrap())
}

fn check<'a>(report: &'a Value, area: &str, name: &str) -> &'a Value {
    let checks = report["checks"].as_array().unwrap();
    let found = checks
        .iter()
        .find(|c| c["area"] == area && c["name"] == name);
    found.unwrap_or_else(|| panic!("no {area} {name} in {report}"))
}

#[test]
fn optional_things_may_be_missing_and_each_comes_with_advice() {
    let (code, report) = report(program().env("PATH", "/nonexistent"));
    assert_eq!(code, 0, "{report}");
    assert_eq!(report["ok"], true);
    assert_eq!(check(&report, "video", "ffmpeg")["state"], "missing");
    for runtime in ["native", "rten"] {
        assert_eq!(check(&report, "runtimes", runtime)["state"], "good");
    }
    assert_eq!(
        check(&report, "runtimes", "onnxruntime")["state"],
        "missing"
    );
    let model = check(&report, "models", "yunet-2023mar");
    assert_eq!(
        (&model["state"], &model["required"]),
        (&"good".into(), &true.into())
    );
    assert!(model["detail"].as_str().unwrap().contains("MIT"));
    for check in report["checks"].as_array().unwrap() {
        assert_eq!(
            check["state"] == "good",
            check["remedy"].is_null(),
            "{check}"
        );
    }
}

#[test]
fn what_nothing_works_without_is_1() {
    let (code, report) = report(program().env("REGARD_MODELS", "/no/such/folder"));
    assert_eq!((code, &report["ok"]), (1, &false.into()));
    let list = check(&report, "models", "list of models");
    assert!(
        list["detail"].as_str().unwrap().contains("/no/such/folder"),
        "{list}"
    );
    let (code, report) = self::report(program().env("REGARD_DATA_DIR", "/proc/no/such/folder"));
    assert_eq!(code, 1);
    assert_eq!(check(&report, "data", "REGARD_DATA_DIR")["state"], "bad");
}

/// A file that its owner alone may read.
fn write_secret(file: &Path, text: &str) {
    std::fs::write(file, text).unwrap();
    std::fs::set_permissions(file, Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn what_a_configuration_names_is_looked_at_too() {
    let folder = site::small();
    let config = folder.path().join("regard.toml");
    let plain = std::fs::read_to_string(&config).unwrap();
    let looked = |more: &str| {
        std::fs::write(&config, format!("{plain}\n[recognition.gallery]\n{more}")).unwrap();
        let arguments = ["doctor", "--format", "json", "--config"];
        let said = said_by(program().args(arguments).arg(&config));
        let report: Value = serde_json::from_str(&said.out).unwrap();
        (said.code, report)
    };
    let (code, report) = looked("max_templates = 7\n");
    assert_eq!(code, 0, "{report}");
    let gallery = check(&report, "configuration", "gallery");
    assert_eq!(gallery["state"], "good");
    assert!(
        gallery["detail"].as_str().unwrap().contains("room for 7"),
        "{gallery}"
    );
    // Nobody listens there; the password stands nowhere.
    let address = "postgres://me:opensesame@127.0.0.1:1/faces\n";
    write_secret(&folder.path().join("gallery.address"), address);
    let (code, report) = looked("kind = \"pgvector\"\naddress_file = \"gallery.address\"\n");
    let gallery = check(&report, "configuration", "gallery");
    assert_eq!((code, &gallery["state"]), (1, &"bad".into()), "{report}");
    let detail = gallery["detail"].as_str().unwrap();
    assert!(detail.contains("127.0.0.1:1, database faces"), "{detail}");
    assert!(!report.to_string().contains("opensesame"), "{report}");
    // A part runs, and answers whoever has its secret.
    let secret = folder.path().join("shards.secret");
    write_secret(&secret, &"0a".repeat(32));
    let mut part = program();
    part.args([
        "gallery",
        "shard",
        "--listen",
        "127.0.0.1:0",
        "--secret-file",
    ]);
    let mut part = part.arg(&secret).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let output = part.stdout.take().unwrap();
    BufReader::new(output).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on ").unwrap();
    let shards = format!("kind = \"shards\"\nshards = [\"{address}\"]\n");
    let looked_at_shards = |file: &str| looked(&format!("{shards}secret_file = \"{file}\"\n"));
    let (code, report) = looked_at_shards("shards.secret");
    let gallery = check(&report, "configuration", "gallery").clone();
    write_secret(&folder.path().join("other.secret"), &"0b".repeat(32));
    let (other_code, other) = looked_at_shards("other.secret");
    part.kill().unwrap();
    part.wait().unwrap();
    assert_eq!((code, &gallery["state"]), (0, &"good".into()), "{report}");
    let detail = gallery["detail"].as_str().unwrap();
    assert!(
        detail.contains("answer: 1") && detail.contains("0 templates"),
        "{detail}"
    );
    let gallery = check(&other, "configuration", "gallery");
    assert_eq!(
        (other_code, &gallery["state"]),
        (1, &"bad".into()),
        "{other}"
    );
    let (code, report) = looked("kind = \"pgvektor\"\n");
    assert_eq!(code, 1);
    let read = report["checks"].as_array().unwrap().iter();
    let read: Vec<&Value> = read.filter(|c| c["area"] == "configuration").collect();
    assert_eq!(
        (read.len(), &read[0]["state"]),
        (1, &"bad".into()),
        "{report}"
    );
}

#[test]
fn people_get_text() {
    let said = said_by(program().arg("doctor"));
    assert_eq!(said.code, 0, "{}", said.out);
    for part in [
        "machine\n",
        "cameras\n",
        "video\n",
        "runtimes\n",
        "models\n",
        "data\n",
        "keys\n",
        "  ok  native: ",
        "  ok  rten: ",
    ] {
        assert!(said.out.contains(part), "{part} in {}", said.out);
    }
}
