//! The key of the site in a PKCS#11 token, as an owner sets it up: SoftHSM, where it is installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::program::{Said, program, said_by};
use crate::running::{Serve, token_in};
use crate::site;

const MODULES: [&str; 4] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
];

/// A folder with a token in software, and its address.
struct Token {
    folder: tempfile::TempDir,
    uri: String,
}

impl Token {
    fn make() -> Option<Self> {
        let module = MODULES.iter().find(|path| Path::new(path).exists());
        let tool = Command::new("softhsm2-util").arg("--version").output();
        let (Some(module), Ok(_)) = (module, tool) else {
            println!("skipped: keys in tokens: SoftHSM not found; Debian: apt install softhsm2");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let tokens = folder.path().join("tokens");
        fs::create_dir(&tokens).unwrap();
        let settings = format!(
            "directories.tokendir = {}\nlog.level = ERROR\n",
            tokens.display()
        );
        fs::write(folder.path().join("softhsm2.conf"), settings).unwrap();
        let pin = folder.path().join("pin");
        regard_engine::write_private(&pin, b"4711 regard\n").unwrap();
        let made = Command::new("softhsm2-util")
            .args([
                "--init-token",
                "--free",
                "--label",
                "The shop",
                "--so-pin",
                "87654321",
            ])
            .args(["--pin", "4711 regard"])
            .env("SOFTHSM2_CONF", folder.path().join("softhsm2.conf"))
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        // What the library itself reads and writes is named: the program shuts itself in.
        let uri = format!(
            "pkcs11:token=The%20shop?module-path={module}&pin-source=file:{}&x-regard-reach={}",
            pin.display(),
            folder.path().display()
        );
        Some(Self { folder, uri })
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("softhsm2.conf")
    }

    /// The program, where the library finds its tokens.
    fn program(&self) -> Command {
        let mut program = program();
        program.env("SOFTHSM2_CONF", self.config());
        program
    }

    fn run(&self, arguments: &[&str]) -> Said {
        said_by(self.program().args(arguments))
    }

    fn serve(&self, site: &Path, more: &[&str]) -> Serve {
        let mut program = self.program();
        let serve = [
            "serve",
            "--config",
            "regard.toml",
            "--listen",
            "127.0.0.1:0",
        ];
        Serve::spawn(program.args(serve).args(more).current_dir(site))
    }
}

/// Takes somebody in and has them agree; their token.
fn enrolled(serve: &Serve, admin: &str) -> String {
    let mut agent = ureq::Agent::config_builder().http_status_as_error(false);
    agent = agent.proxy(None);
    let agent: ureq::Agent = agent.build().into();
    let post = |path: &str, by: &str, body: &Value| -> Value {
        let mut answer = agent
            .post(format!("http://{}{path}", serve.address()))
            .header("authorization", by)
            .header("content-type", "application/json")
            .send(body.to_string())
            .unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        assert_eq!(answer.status(), 201, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    };
    let person = post("/v1/persons", &format!("Bearer {admin}"), &json!({}));
    let by = format!("Person {}", person["token"].as_str().unwrap());
    let offer = post("/v1/persons/me/offers", &by, &json!({"purpose": "learn"}));
    post(
        "/v1/persons/me/consents",
        &by,
        &json!({"offer": offer["offer"]}),
    );
    by
}

fn record(serve: &Serve, by: &str) -> (u16, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .build()
        .into();
    let mut answer = agent
        .get(format!("http://{}/v1/persons/me", serve.address()))
        .header("authorization", by)
        .call()
        .unwrap();
    (
        answer.status().as_u16(),
        answer.body_mut().read_to_string().unwrap(),
    )
}

#[test]
fn an_installation_keeps_its_key_in_a_token() {
    let Some(token) = Token::make() else { return };
    let folder = site::small();
    let by = lives_in_its_token(&token, folder.path());
    is_shown_and_examined(&token, folder.path());
    opens_nothing_without_its_token(folder.path());
    goes_into_the_file(&token, folder.path(), &by);
}

fn data_of(site: &Path) -> String {
    site.join("data").display().to_string()
}

/// Somebody is taken in under the key, and the key changed; the token of that person.
fn lives_in_its_token(token: &Token, site: &Path) -> String {
    let data = data_of(site);
    let serve = token.serve(site, &["--site-key", &token.uri]);
    let admin = loop {
        if let Some(found) = token_in(&serve.next_line()) {
            break found;
        }
    };
    let by = enrolled(&serve, &admin);
    let (status, held) = record(&serve, &by);
    assert_eq!(status, 200, "{held}");
    let written = fs::read_to_string(site.join("data.key")).unwrap();
    assert!(
        written.contains("pkcs11 ") && !written.contains("plain"),
        "{written}"
    );

    // Within the token the key is changed while the program runs; elsewhere only while it does not.
    let elsewhere = token.run(&["keys", "rotate", "--data", &data, "--to", "file"]);
    assert_eq!(elsewhere.code, 1, "{}{}", elsewhere.out, elsewhere.err);
    assert!(
        elsewhere.err.contains("the program must not run"),
        "{}",
        elsewhere.err
    );
    let rotated = token.run(&["keys", "rotate", "--data", &data]);
    assert_eq!(rotated.code, 0, "{}{}", rotated.out, rotated.err);
    assert!(
        rotated.out.contains("in the token pkcs11:token=The%20shop"),
        "{}",
        rotated.out
    );
    assert_eq!(record(&serve, &by).0, 200);
    enrolled(&serve, &admin);
    let (_, code) = serve.stop();
    assert_eq!(code, Some(0));
    by
}

fn is_shown_and_examined(token: &Token, site: &Path) {
    let data = data_of(site);
    let shown = token.run(&["keys", "show", "--data", &data, "--format", "json"]);
    let shown: Value = serde_json::from_str(&shown.out).unwrap();
    assert!(
        shown["token"]
            .as_str()
            .unwrap()
            .starts_with("pkcs11:token=The%20shop;"),
        "{shown}"
    );
    assert_eq!(
        (&shown["n_persons"], &shown["rotation_unfinished"]),
        (&2.into(), &false.into())
    );
    let doctor = said_by(
        token
            .program()
            .env("REGARD_DATA_DIR", &data)
            .args(["doctor", "--format", "json"]),
    );
    let doctor: Value = serde_json::from_str(&doctor.out).unwrap();
    let checks = doctor["checks"].as_array().unwrap();
    let key = checks.iter().find(|check| check["area"] == "keys").unwrap();
    assert_eq!(
        (&key["state"], &key["required"]),
        (&"good".into(), &true.into()),
        "{key}"
    );
    assert!(
        key["detail"]
            .as_str()
            .unwrap()
            .contains("1 key of the site"),
        "{key}"
    );
}

/// All files of the machine, without the token, open nothing; doctor and start say why.
fn opens_nothing_without_its_token(site: &Path) {
    let data = data_of(site);
    let away = site.join("away.conf");
    let settings = format!("directories.tokendir = {}\n", site.display());
    fs::write(&away, settings).unwrap();
    let mut thief = program();
    thief
        .env("SOFTHSM2_CONF", &away)
        .env("REGARD_DATA_DIR", &data);
    let said = said_by(thief.args(["doctor", "--format", "json"]));
    assert_eq!(said.code, 1, "{}", said.out);
    let start = [
        "serve",
        "--config",
        "regard.toml",
        "--listen",
        "127.0.0.1:0",
    ];
    let said = said_by(
        program()
            .env("SOFTHSM2_CONF", &away)
            .args(start)
            .current_dir(site),
    );
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert!(said.err.contains("no token of that label"), "{}", said.err);
    assert!(!said.err.contains("4711"), "{}", said.err);
}

/// Into the file, and on without the token.
fn goes_into_the_file(token: &Token, site: &Path, by: &str) {
    let data = data_of(site);
    let out = token.run(&["keys", "rotate", "--data", &data, "--to", "file"]);
    assert_eq!(out.code, 0, "{}{}", out.out, out.err);
    let written = fs::read_to_string(site.join("data.key")).unwrap();
    assert!(written.contains("plain"));
    let serve = Serve::start(site, &[]);
    let (status, held) = record(&serve, by);
    assert_eq!(status, 200, "{held}");
    serve.stop();
    // A start that names the token is told that the key is not in it.
    let mut wrong = token.program();
    wrong.args([
        "serve",
        "--config",
        "regard.toml",
        "--listen",
        "127.0.0.1:0",
        "--site-key",
        &token.uri,
    ]);
    let said = said_by(wrong.current_dir(site));
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(said.err.contains("regard keys rotate --to"), "{}", said.err);
}

#[test]
fn an_address_of_a_token_is_checked_before_anything_is_done() {
    for (text, says) in [
        ("pkcs11:token=a", "no module is named"),
        (
            "pkcs11:token=a?module-path=/m.so&pin-value=1234",
            "a PIN does not belong into an address",
        ),
        ("", "name a file, or a token"),
    ] {
        let said = said_by(program().args(["keys", "show", "--site-key", text]));
        assert_eq!(said.code, 64, "{text}: {}", said.err);
        assert!(said.err.contains(says), "{text}: {}", said.err);
    }
    let said = said_by(program().args(["keys", "rotate", "--to", "somewhere"]));
    assert_eq!(said.code, 64, "{}", said.err);
    let doctor = said_by(program().env("REGARD_SITE_KEY", "pkcs11:x").arg("doctor"));
    assert_eq!(doctor.code, 1, "{}", doctor.out);
}
