//! `regard init` and `regard serve --check`, as their users meet them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

fn regard(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_regard"))
        .args(args)
        .current_dir(folder)
        .env_remove("REGARD_LOG")
        .output()
        .unwrap()
}

fn init() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let output = regard(folder.path(), &["init"]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    folder
}

fn check(folder: &Path) -> (i32, String, String) {
    let output = regard(folder, &["serve", "--config", "regard.toml", "--check"]);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// Replaces what must be there once.
fn edit(folder: &Path, file: &str, changes: &[(&str, &str)]) {
    let path = folder.join(file);
    let mut text = fs::read_to_string(&path).unwrap();
    for (old, new) in changes {
        assert!(text.contains(old), "{old:?} is not in {file}");
        text = text.replacen(old, new, 1);
    }
    fs::write(path, text).unwrap();
}

#[test]
fn what_init_writes_passes_the_check() {
    let folder = init();
    let (code, out, err) = check(folder.path());
    assert_eq!((code, out.as_str()), (0, "ok\n"), "{err}");
    assert_eq!(err, "1 camera, 1 screen, 2 campaigns with 4 messages\n");
}

#[test]
fn init_never_writes_over_what_is_there() {
    let folder = init();
    fs::write(folder.path().join("regard.toml"), "mine").unwrap();
    let again = regard(folder.path(), &["init"]);
    assert_eq!(again.status.code(), Some(1));
    let said = String::from_utf8(again.stderr).unwrap();
    assert!(
        said.starts_with("error: ") && said.contains("regard.toml") && said.contains("--force"),
        "{said}"
    );
    assert_eq!(
        fs::read_to_string(folder.path().join("regard.toml")).unwrap(),
        "mine"
    );
    let forced = regard(folder.path(), &["init", "--force"]);
    assert!(forced.status.success());
    assert_eq!(check(folder.path()).0, 0);
}

#[test]
fn a_wrong_command_line_is_not_a_wrong_configuration() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        regard(folder.path(), &["serve", "--chekc"]).status.code(),
        Some(64)
    );
    assert_eq!(
        regard(folder.path(), &["serve", "--config", "gone.toml"])
            .status
            .code(),
        Some(1)
    );
}

/// A screen that is parted into these slots: id and left, top, width, height.
fn parted(slots: &[(&str, [u32; 4])]) -> String {
    let slot = |(id, [left, top, width, height]): &(&str, [u32; 4])| {
        format!(
            "[[screen.slot]]\nid = \"{id}\"\nleft = {left}\ntop = {top}\nwidth = {width}\nheight = {height}\n"
        )
    };
    slots.iter().map(slot).collect()
}

#[test]
fn a_screen_is_parted_into_slots_that_campaigns_may_name() {
    let folder = init();
    let folder = folder.path();
    let slots = parted(&[("main", [0, 0, 70, 100]), ("side", [70, 0, 30, 100])]);
    edit(
        folder,
        "regard.toml",
        &[("# in_process = false", slots.as_str())],
    );
    let screens = "screens = [\"entrance\"]";
    let of_side = format!("{screens}\nslots = [\"side\"]");
    edit(
        folder,
        "campaigns/welcome.toml",
        &[(screens, of_side.as_str())],
    );
    let (code, _, err) = check(folder);
    assert_eq!(code, 0, "{err}");
    // Audiences may walk past that screen before anybody does.
    let simulate = |screen: &str| {
        let place = ["--config", "regard.toml", "--screen", screen];
        let how = ["--policy", "lints", "--days", "0.05", "--format", "json"];
        regard(folder, &[&["simulate"][..], &place[..], &how[..]].concat())
    };
    let simulated = simulate("entrance");
    let rows: serde_json::Value = serde_json::from_slice(&simulated.stdout).unwrap();
    assert!(rows[0]["n_visitors"].as_u64() > Some(0), "{rows}");
    let nowhere = simulate("exit");
    let said = String::from_utf8(nowhere.stderr).unwrap();
    assert!(said.contains("regard.toml has no screen exit"), "{said}");
    edit(
        folder,
        "campaigns/welcome.toml",
        &[("slots = [\"side\"]", "slots = [\"sied\"]")],
    );
    let (code, _, err) = check(folder);
    assert_eq!(code, 1);
    assert!(
        err.contains(
            "campaign[0].slots: expected the id of a [[screen.slot]], found \"sied\"; did you mean \"side\"?"
        ),
        "{err}"
    );
}

#[test]
fn slots_that_cannot_be_are_told_where_they_stand() {
    for (slots, said) in [
        (
            parted(&[("main", [0, 0, 60, 100]), ("main", [60, 0, 40, 100])]),
            "screen[0].slot[1].id: expected an id of its own, found \"main\" a second time",
        ),
        (
            parted(&[("main", [0, 0, 60, 100]), ("side", [50, 0, 50, 100])]),
            "screen[0].slot[1]: expected a part of the glass of its own, found one that lies over slot \"main\"",
        ),
        (
            parted(&[("main", [50, 0, 60, 100])]),
            "screen[0].slot[0]: expected a slot that ends within 100 percent, found one that ends at 110 from the left \
             and 100 from the top",
        ),
        (
            parted(&[("main", [0, 0, 100, 9])]),
            "screen[0].slot[0]: expected at least 10 percent of width and height, found 100 by 9",
        ),
        (
            parted(&[("main", [0, 0, 120, 100])]),
            "screen[0].slot[0].width: expected a whole number from 0 to 100, found 120",
        ),
        (
            "[[screen.slot]]\nid = \"main\"\nleft = 0\ntop = 0\nwidth = 50\n".to_owned(),
            "screen[0].slot[0]: \"height\" is missing",
        ),
        (
            (0..7)
                .map(|i| {
                    parted(&[(
                        ["a", "b", "c", "d", "e", "f", "g"][i as usize],
                        [i * 14, 0, 14, 100],
                    )])
                })
                .collect(),
            "screen[0].slot: expected 1 to 6 slots, found 7",
        ),
    ] {
        let folder = init();
        edit(
            folder.path(),
            "regard.toml",
            &[("# in_process = false", slots.as_str())],
        );
        let (code, _, err) = check(folder.path());
        assert_eq!(code, 1, "{slots}");
        assert!(err.contains(said), "{said}\n{err}");
        // What is said is said of what somebody wrote, once.
        assert_eq!(err.matches("screen[0].slot").count(), 1, "{err}");
    }
}

#[test]
fn paths_are_relative_to_the_configuration() {
    let folder = init();
    let elsewhere = tempfile::tempdir().unwrap();
    let config = folder.path().join("regard.toml");
    let output = regard(
        elsewhere.path(),
        &["serve", "--check", "--config", config.to_str().unwrap()],
    );
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// One way of going wrong: the file, and what is replaced in it.
type Slip = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

const SLIPS: &[Slip] = &[
    (
        "syntax, three times",
        "regard.toml",
        &[
            ("runtime = \"auto\"", "runtime = auto"),
            ("[server]", "[server"),
            ("id = \"entrance\"", "id \"entrance\""),
        ],
    ),
    (
        "unknown keys and sections",
        "regard.toml",
        &[
            ("listen =", "lisen ="),
            ("[engine]", "[engin]"),
            ("[site]", "[sight_and_sound]"),
        ],
    ),
    (
        "wrong sorts of values",
        "regard.toml",
        &[
            ("listen = \"127.0.0.1:8787\"", "listen = 8787"),
            (
                "campaigns = [\"campaigns/*.toml\"]",
                "campaigns = \"campaigns/*.toml\"",
            ),
            (
                "detector_long_side_px = 320",
                "detector_long_side_px = \"320\"",
            ),
            ("screen_up_deg = -10", "screen_up_deg = true"),
        ],
    ),
    (
        "values out of range",
        "regard.toml",
        &[
            (
                "detector_long_side_px = 320",
                "detector_long_side_px = 32000",
            ),
            ("screen_up_deg = -10", "screen_up_deg = -100"),
            ("# workers = 2", "workers = 0"),
            ("# max_upload_mib = 64", "max_upload_mib = -1"),
            (
                "# time_zone = \"Europe/Paris\"",
                "time_zone = \"Europe/Pari\"",
            ),
            ("runtime = \"auto\"", "runtime = \"onnx\""),
        ],
    ),
    (
        "missing keys",
        "regard.toml",
        &[
            ("source = \"v4l2:/dev/video0\"", ""),
            ("id = \"entrance\"", ""),
            ("id = \"welcome\"\nname = \"Nothing else to show\"", ""),
        ],
    ),
    (
        "bad ids",
        "regard.toml",
        &[
            ("id = \"entrance\"", "id = \"Front Door\""),
            ("camera = \"entrance\"", "camera = \"\""),
        ],
    ),
    (
        "the same id twice",
        "regard.toml",
        &[(
            "[default_message]",
            "[[camera]]\nid = \"entrance\"\nsource = \"demo\"\n[[screen]]\nid = \"entrance\"\n[default_message]",
        )],
    ),
    (
        "references to nothing",
        "regard.toml",
        &[
            ("camera = \"entrance\"", "camera = \"entrence\""),
            (
                "[[screen]]\nid = \"entrance\"",
                "[[screen]]\nid = \"window\"",
            ),
            (
                "commitments = \"commitments.toml\"",
                "commitments = \"promises.toml\"",
            ),
            (
                "campaigns = [\"campaigns/*.toml\"]",
                "campaigns = [\"campaigns/*.toml\", \"campaigns/summer.toml\"]",
            ),
        ],
    ),
    (
        "a bad source",
        "regard.toml",
        &[("source = \"v4l2:/dev/video0", "source = \"v4l:/dev/video0")],
    ),
    (
        "a bad option of a source",
        "regard.toml",
        &[(
            "source = \"v4l2:/dev/video0",
            "source = \"v4l2:/dev/video0?fsp=30",
        )],
    ),
    (
        "a password is not repeated",
        "regard.toml",
        &[(
            "source = \"v4l2:/dev/video0",
            "source = \"http://me:secret@[bad/stream",
        )],
    ),
    (
        "open to others by accident",
        "regard.toml",
        &[
            ("127.0.0.1:8787", "0.0.0.0:8787"),
            (
                "# public_url = \"https://signage.example.org\"",
                "public_url = \"signage.example.org\"",
            ),
            (
                "# host_names = [\"signage.example.org\"]",
                "host_names = [\"https://signage.example.org\"]",
            ),
        ],
    ),
    (
        "two places for one screen, and one without a distance",
        "regard.toml",
        &[
            ("# screen_right_cm = 0", "screen_right_cm = 0"),
            (
                "[[screen]]",
                "[[camera]]\nid = \"window\"\nsource = \"demo\"\nscreen_up_cm = 20\n[[screen]]",
            ),
        ],
    ),
    (
        "features",
        "regard.toml",
        &[(
            "    # { name = \"weather.celsius\", min = -10, max = 40 },",
            "    { name = \"weather.celsius\", min = 40, max = -10 },",
        )],
    ),
    (
        "slips in a campaign",
        "campaigns/welcome.toml",
        &[
            ("kind = \"rules\"", "kind = \"rule\""),
            ("viewer_benefit", "viewer_benefits"),
            ("screens = [\"entrance\"]", "screens = [\"entrence\"]"),
            ("kind = \"image\"", "kind = \"imgae\""),
            ("label = \"happy\"", "label = \"hapy\""),
            ("fit = \"cover\"", "fit = \"stretch\""),
            ("kind = \"thompson\"", "kind = \"thompson\", explore = 0.1"),
            ("\"attention_seconds\"", "\"attention\""),
            ("\"monday\"", "\"montag\""),
            ("start = \"07:00\"", "start = \"7am\""),
        ],
    ),
    (
        "what a campaign may not be",
        "campaigns/welcome.toml",
        &[
            ("label = \"happy\"", "label = \"sad\""),
            ("min_show_millis = 1000", "min_show_millis = 20"),
            ("alt_text = \"Welcome, good to see you\"", ""),
            ("n_looking = { min = 1 }", "attention = { min = 80 }"),
            ("max_plays_per_day = 2000", "max_plays_per_day = 0"),
            ("background = \"#3d2314\"", "background = \"brown\""),
            ("id = \"tea\"", "id = \"coffee\""),
            ("id = \"offers\"", "id = \"welcome\""),
        ],
    ),
    (
        "a picture that is not there",
        "campaigns/welcome.toml",
        &[("welcome.svg", "wellcome.svg")],
    ),
    (
        "a campaign without its name, another with a mistake of content",
        "campaigns/welcome.toml",
        &[
            ("name = \"Welcome\"\n", ""),
            ("max_plays_per_day = 2000", "max_plays_per_day = 0"),
        ],
    ),
    (
        "syntax of a campaign file",
        "campaigns/welcome.toml",
        &[("[[campaign.creative]]", "[[campaign.creative]")],
    ),
    (
        "form of the commitments",
        "commitments.toml",
        &[
            ("version = 1", "version = \"one\""),
            ("venue = \"shop\"", "venue = \"schop\""),
            ("custody =", "custodian ="),
            ("decision = \"30 days\"", "decision = \"a month\""),
            ("outcome = \"30 days\"", "outcomes = \"30 days\""),
        ],
    ),
    (
        "content of the commitments",
        "commitments.toml",
        &[
            ("version = 1", "version = 0"),
            ("profile = \"eu\"", "profile = \"ue\""),
            ("contact = \"privacy@example.org\"", "contact = \"\""),
        ],
    ),
    (
        "promises that the profile does not allow",
        "commitments.toml",
        &[
            ("decision = \"30 days\"", "decision = \"30000 days\""),
            ("credential = \"365 days\"", ""),
        ],
    ),
    (
        "a staff zone of no camera",
        "commitments.toml",
        &[(
            "staff = { rule = \"undeclared\" }",
            "staff = { rule = \"zones\", zones = [{ camera = \"entry\", left = 0, top = 0, width = 200, height = 1000 }] }",
        )],
    ),
];

#[test]
fn every_mistake_is_told_with_its_place() {
    let mut all = String::new();
    for (name, file, changes) in SLIPS {
        let folder = init();
        edit(folder.path(), file, changes);
        let (code, out, err) = check(folder.path());
        assert_eq!((code, out.as_str()), (1, ""), "{name}: {err}");
        assert!(!err.contains("secret"), "{name}: {err}");
        all += &format!("# {name}\n{err}\n");
    }
    insta::assert_snapshot!(all);
}

#[test]
fn mistakes_of_all_files_are_told_at_once() {
    let folder = init();
    edit(
        folder.path(),
        "regard.toml",
        &[("camera = \"entrance\"", "camera = \"entrence\"")],
    );
    edit(
        folder.path(),
        "campaigns/welcome.toml",
        &[("priority = 10", "priority = \"high\"")],
    );
    edit(
        folder.path(),
        "commitments.toml",
        &[("profile = \"eu\"", "profile = \"e u\"")],
    );
    let (_, _, err) = check(folder.path());
    for file in [
        "regard.toml:",
        "campaigns/welcome.toml:",
        "commitments.toml:",
    ] {
        assert!(
            err.lines().any(|line| line.starts_with(file)),
            "{file} {err}"
        );
    }
    assert!(
        err.ends_with("error: regard.toml cannot be used: 3 mistakes, listed above\n"),
        "{err}"
    );
}

/// What the check says of an installation with this broker.
fn check_with_broker(folder: &Path, broker: &str) -> (i32, String) {
    let file = folder.join("regard.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{text}\n[mqtt]\n{broker}\n")).unwrap();
    let (code, _, err) = check(folder);
    fs::write(&file, text).unwrap();
    (code, err)
}

#[test]
fn how_a_broker_is_known_is_read_before_anything_runs() {
    let folder = init();
    let folder = folder.path();
    fs::write(folder.join("nonsense.pem"), "nonsense").unwrap();
    for (broker, said) in [
        (
            "broker = \"http://broker.lan\"",
            "mqtt.broker: expected mqtts:// or mqtt://, a host and perhaps a port, such as \
             \"mqtts://broker.example:8883\", found \"http://broker.lan\"",
        ),
        (
            "broker = \"mqtt://broker.lan\"\ntls = { ca = \"nonsense.pem\" }",
            "mqtt.tls: expected a broker with mqtts://, found one with mqtt://; write mqtts://, or remove [mqtt.tls]",
        ),
        (
            "broker = \"mqtts://broker.lan\"\ntls = { certificate = \"nonsense.pem\" }",
            "mqtt.tls: expected both certificate and key, found one; name both, or neither where the broker asks \
             for none",
        ),
        (
            "broker = \"mqtts://broker.lan\"\ntls = { ca = \"missing.pem\" }",
            "mqtt.tls.ca: expected a PEM file, found none at missing.pem",
        ),
        (
            "broker = \"mqtts://broker.lan\"\ntls = { ca = \"nonsense.pem\" }",
            "mqtt.tls.ca: expected certificates of authorities in PEM, found none that can be used",
        ),
    ] {
        let (code, err) = check_with_broker(folder, broker);
        assert_eq!(code, 1, "{broker}: {err}");
        assert!(err.contains(said), "{broker}: {err}");
    }
}

/// An authority as it is meant to be, but for some lines.
fn authority(changed: &[(&str, &str)]) -> String {
    let mut lines = vec![
        ("directory", "\"https://ca.lan/acme/directory\""),
        ("domains", "[\"signage.lan\"]"),
    ];
    lines.retain(|(key, _)| changed.iter().all(|(other, _)| other != key));
    lines.extend(changed);
    let lines = lines
        .iter()
        .map(|(key, value)| format!("{key} = {value}\n"));
    format!("\n[server.tls.acme]\n{}", lines.collect::<String>())
}

/// How names are proven on the port that is served.
const ALPN: (&str, &str) = ("challenge", "\"tls-alpn-01\"");

/// What is said of an authority that is named wrongly, and what is said about it.
const NO_AUTHORITIES: [(&[(&str, &str)], &str); 14] = [
    (
        &[("directory", "\"http://ca.lan/acme/directory\"")],
        "expected https:// and the address of an ACME directory",
    ),
    (
        &[("domains", "[]")],
        "server.tls.acme.domains: expected at least one name, found none",
    ),
    (&[("domains", "[\"*.shop.lan\"]")], "list each name"),
    (
        &[("domains", "[\"https://signage.lan\"]")],
        "expected a name without scheme",
    ),
    (
        &[("domains", "[\"192.0.2.7\"]"), ALPN],
        "challenge = \"http-01\" proves addresses",
    ),
    (
        &[("http_port", "8080"), ALPN],
        "server.tls.acme.http_port: expected challenge = \"http-01\"",
    ),
    (
        &[("domains", "[\"signage.lan\", \"Signage.lan\"]")],
        "server.tls.acme.domains[1]: expected each name once, found signage.lan a second time",
    ),
    (
        &[("http_port", "8787")],
        "server.tls.acme.http_port: expected another port than 8787",
    ),
    (
        &[(
            "external_account",
            "{ key_id = \"\", key_file = \"nonsense.txt\" }",
        )],
        "server.tls.acme.external_account.key_id: expected the id of the key",
    ),
    (
        &[("http_port", "0")],
        "expected a whole number from 1 to 65535, found 0",
    ),
    (
        &[("contact", "[\"it@shop.example\"]")],
        "expected an address such as \"mailto:it@shop.example\"",
    ),
    (
        &[("ca", "\"missing.pem\"")],
        "server.tls.acme.ca: expected a PEM file, found none at missing.pem",
    ),
    (
        &[("ca", "\"nonsense.txt\"")],
        "server.tls.acme.ca: expected certificates of authorities in PEM",
    ),
    (
        &[(
            "external_account",
            "{ key_id = \"kid-1\", key_file = \"nonsense.txt\" }",
        )],
        "server.tls.acme.external_account.key_file: expected the key of an external account in base64url",
    ),
];

#[test]
fn who_issues_certificates_is_read_before_anything_runs() {
    let folder = init();
    let folder = folder.path();
    let file = folder.join("regard.toml");
    let text = fs::read_to_string(&file).unwrap();
    let check_with = |more: &str| {
        fs::write(&file, format!("{text}{more}")).unwrap();
        let (code, _, err) = check(folder);
        (code, err)
    };
    let (code, err) = check_with(&authority(&[
        ("agrees_to_terms", "true"),
        ("http_port", "8080"),
    ]));
    assert_eq!(code, 0, "{err}");
    fs::write(folder.join("nonsense.txt"), "no key, no certificate\n").unwrap();
    for (changed, said) in NO_AUTHORITIES {
        let (code, err) = check_with(&authority(changed));
        assert_eq!(code, 1, "{changed:?}: {err}");
        assert!(err.contains(said), "{changed:?}: {err}");
    }
    let both = "\n[server.tls]\ncertificate = \"nonsense.txt\"\nkey = \"nonsense.txt\"\n";
    let (code, err) = check_with(&format!("{both}{}", authority(&[])));
    assert_eq!(code, 1);
    assert!(
        err.contains("server.tls: expected certificate and key, or acme, found both"),
        "{err}"
    );
}

/// A site with files for its gallery, each of which its owner alone may read but for one.
fn with_gallery_files() -> tempfile::TempDir {
    let folder = init();
    let secret = "0a".repeat(32) + "\n";
    for (file, text, mode) in [
        (
            "here.address",
            "postgres://me:swordfish@localhost/faces\n",
            0o600,
        ),
        (
            "there.address",
            "postgres://me:swordfish@db.example.org/faces\n",
            0o600,
        ),
        ("nonsense.address", "swordfish\n", 0o600),
        ("shards.secret", secret.as_str(), 0o600),
        ("open.secret", secret.as_str(), 0o640),
    ] {
        let file = folder.path().join(file);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    }
    folder
}

/// What is said of a configuration whose gallery is this one.
fn check_with_gallery(folder: &Path, gallery: &str) -> (i32, String) {
    let file = folder.join("regard.toml");
    let text = fs::read_to_string(&file).unwrap();
    let table = "[recognition.gallery]\n";
    let changed = text.replace(table, &format!("{table}{gallery}\n"));
    assert_ne!(changed, text);
    fs::write(&file, changed).unwrap();
    let (code, _, err) = check(folder);
    fs::write(&file, text).unwrap();
    assert!(!err.contains("swordfish"), "{err}");
    (code, err)
}

fn is_refused(folder: &Path, gallery: &str, said: &str) {
    let (code, err) = check_with_gallery(folder, gallery);
    assert_eq!(code, 1, "{gallery}: {err}");
    assert!(err.contains(said), "{gallery}: {err}");
}

fn in_shards(addresses: &str, file: &str) -> String {
    format!("kind = \"shards\"\nshards = [{addresses}]\nsecret_file = \"{file}\"")
}

fn in_database(file: &str) -> String {
    format!("kind = \"pgvector\"\naddress_file = \"{file}\"")
}

const PART: &str = "\"127.0.0.1:1\"";

#[test]
fn what_keeps_the_gallery_is_read_before_anything_runs() {
    let folder = with_gallery_files();
    let folder = folder.path();
    for good in [
        "kind = \"exact\"\nmax_templates = 10",
        in_database("here.address").as_str(),
        in_shards(PART, "shards.secret").as_str(),
    ] {
        let (code, err) = check_with_gallery(folder, good);
        assert_eq!(code, 0, "{good}: {err}");
    }
    for (bad, said) in [
        (
            "kind = \"pgvector\"",
            "recognition.gallery: \"address_file\" is missing",
        ),
        (
            in_database("none.address").as_str(),
            "recognition.gallery.address_file: expected a file whose first line is the secret, found none",
        ),
        (
            in_database("nonsense.address").as_str(),
            "recognition.gallery.address_file: nonsense.address: expected an address such as postgres://",
        ),
        (
            in_database("there.address").as_str(),
            "recognition.gallery.address_file: there.address: expected sslmode=verify-full",
        ),
        (
            "index_beyond = 7",
            "recognition.gallery.index_beyond: expected it beside kind = \"hnsw\" alone",
        ),
        (
            "address_file = \"here.address\"",
            "recognition.gallery.address_file: expected it beside kind = \"pgvector\" alone",
        ),
        (
            in_shards("", "shards.secret").as_str(),
            "recognition.gallery: kind = \"shards\" needs shards",
        ),
        (
            in_shards("\"here\"", "shards.secret").as_str(),
            "expected a numeric address and port",
        ),
        (
            in_shards(PART, "nonsense.address").as_str(),
            "recognition.gallery.secret_file: expected 64 hexadecimal digits",
        ),
        (
            "secret_file = \"shards.secret\"",
            "recognition.gallery: expected shards and secret_file beside kind = \"shards\" alone",
        ),
        (
            "max_templates = 0",
            "recognition.gallery.max_templates: expected a whole number",
        ),
    ] {
        is_refused(folder, bad, said);
    }
}

#[test]
fn what_opens_a_gallery_is_for_its_owner_alone_and_each_part_is_named_once() {
    let folder = with_gallery_files();
    let folder = folder.path();
    let said = "can be read by others; run: chmod 600 open.secret";
    let secret = format!("recognition.gallery.secret_file: open.secret {said}");
    is_refused(folder, &in_shards(PART, "open.secret"), &secret);
    let address = format!("recognition.gallery.address_file: open.secret {said}");
    is_refused(folder, &in_database("open.secret"), &address);
    let twice = in_shards(&format!("{PART}, {PART}"), "shards.secret");
    let said = "recognition.gallery.shards[1]: expected each part once";
    is_refused(folder, &twice, said);
}

#[test]
fn a_password_that_others_can_read_is_warned_of() {
    let folder = init();
    let folder = folder.path();
    fs::write(folder.join("mqtt.password"), "swordfish\n").unwrap();
    for (broker, is_warned) in [
        ("mqtt://192.168.1.5", true),
        ("mqtt://broker.lan:1884", true),
        ("mqtt://127.0.0.1", false),
        ("mqtt://localhost", false),
    ] {
        let told =
            format!("broker = \"{broker}\"\nuser = \"regard\"\npassword_file = \"mqtt.password\"");
        let (code, err) = check_with_broker(folder, &told);
        assert_eq!(code, 0, "{broker}: {err}");
        assert_eq!(
            err.starts_with("warning: the password for mqtt://"),
            is_warned,
            "{err}"
        );
        assert!(!err.contains("swordfish"), "{err}");
        let without = check_with_broker(folder, &format!("broker = \"{broker}\""));
        assert!(!without.1.contains("warning"), "{without:?}");
    }
}
