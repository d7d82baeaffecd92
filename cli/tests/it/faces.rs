//! `regard enroll`, `regard verify-face` and `regard gallery`, as somebody at a terminal uses them beside an installation that runs.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use regard_testkit::actor::Actor;
use serde_json::{Value, json};

use crate::program::{Said, program, run};
use crate::site;

/// An installation at which people may be verified.
pub(crate) struct Running {
    folder: tempfile::TempDir,
    child: Child,
    url: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; the test says so then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    pub(crate) fn start(custody: &str) -> Self {
        Self::start_with(custody, |_| String::new())
    }

    /// The same with more in its configuration, made from its folder.
    pub(crate) fn start_with(custody: &str, more: impl FnOnce(&Path) -> String) -> Self {
        let folder = site::small();
        let config = folder.path().join("regard.toml");
        let text = fs::read_to_string(&config).unwrap() + &more(folder.path());
        fs::write(&config, text).unwrap();
        let file = folder.path().join("commitments.toml");
        let promised = fs::read_to_string(&file).unwrap();
        let purposes = "consent_purposes = [\"verify\", \"identify\", \"personalise\", \"analyse_library\"]\n\
                        alternative_path = \"the guard looks at the card\"\n\
                        custody_justification = \"an access gate with a guard beside it\"";
        let old = "consent_purposes = [\"personalise\", \"learn\", \"research\"]";
        assert!(promised.contains(old));
        let promised = promised.replace(old, purposes);
        let custody_line = promised
            .lines()
            .find(|line| line.starts_with("custody ="))
            .unwrap()
            .to_owned();
        let promised = promised.replace(&custody_line, &format!("custody = \"{custody}\""));
        let dpia = "\n[dpia]\nreference = \"DPIA 7\"\nsigned_by = \"the officer\"\nsigned_on = \"2026-05-01\"\n";
        fs::write(&file, promised + dpia).unwrap();
        let mut child = program()
            .args(["serve", "--listen", "127.0.0.1:0"])
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        output.read_line(&mut first).unwrap();
        let url = first
            .trim()
            .strip_prefix("listening on ")
            .unwrap()
            .to_owned();
        let lines = output.by_ref().lines().map_while(Result::ok);
        let token = lines
            .filter_map(|line| line.strip_prefix("Admin token").map(str::to_owned))
            .find_map(|line| line.rsplit(' ').next().map(str::to_owned));
        fs::write(folder.path().join("admin.token"), token.unwrap()).unwrap();
        Self { folder, child, url }
    }

    /// Address of the installation.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What the API answers to whoever has the admin token.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let token = fs::read_to_string(self.path("admin.token")).unwrap();
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .build()
            .into();
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("authorization", format!("Bearer {}", token.trim()))
            .header("content-type", "application/json")
            .body(serde_json::to_vec(body).unwrap())
            .unwrap();
        let mut answer = agent.run(request).unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        assert!(answer.status().is_success(), "{path}: {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// The same of what is only looked at.
    fn get(&self, path: &str) -> Value {
        let token = fs::read_to_string(self.path("admin.token")).unwrap();
        let agent: ureq::Agent = ureq::Agent::config_builder().proxy(None).build().into();
        let request = agent.get(format!("{}{path}", self.url));
        let request = request.header("authorization", format!("Bearer {}", token.trim()));
        let mut answer = request.call().unwrap();
        serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A token of another role, as a file.
    pub(crate) fn token(&self, role: &str) -> PathBuf {
        let made = self.ask("POST", "/v1/tokens", &json!({ "role": role }));
        let file = self.path(&format!("{role}.token"));
        fs::write(&file, made["token"].as_str().unwrap()).unwrap();
        file
    }

    pub(crate) fn regard(&self, arguments: &[&str]) -> Said {
        self.regard_as("admin.token", arguments)
    }

    /// The same with the token in another file.
    pub(crate) fn regard_as(&self, token: &str, arguments: &[&str]) -> Said {
        let token = self.path(token);
        let of = ["--url", &self.url, "--token-file", token.to_str().unwrap()];
        run(&[arguments, &of].concat())
    }
}

/// Five photographs of somebody, as files.
pub(crate) fn photographs(folder: &Path, picture: impl Fn(&str) -> Vec<u8>) -> Vec<String> {
    ["ahead", "left", "right", "up", "down"]
        .map(|view| {
            let file = folder.join(format!("{view}.jpg"));
            fs::write(&file, picture(view)).unwrap();
            file.to_str().unwrap().to_owned()
        })
        .to_vec()
}

#[test]
fn somebody_enrols_at_the_terminal_and_is_verified_by_their_token() {
    let (running, actor) = (Running::start("in_persons_hands"), Actor::new());
    let photos = photographs(running.folder.path(), |view| actor.turned(view));
    let photos: Vec<&str> = photos.iter().map(String::as_str).collect();
    let token = running.path("face.token");
    let token = token.to_str().unwrap();
    let wish = ["--agree", "verify", "--face-token", token];
    let said = running.regard(&[&["enroll"][..], &photos[..], &wish[..]].concat());
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(
        said.out.starts_with("enrolled for verify; "),
        "{}",
        said.out
    );
    assert!(
        said.out.contains("rgp_"),
        "the token of the record: {}",
        said.out
    );
    let held = fs::read_to_string(token).unwrap();
    assert!(held.starts_with("RGT1:") && !said.out.contains(&held));

    let claim = ["--face-token", token, "--fmr", "1e-4"];
    let said = running.regard(&[&["verify-face"][..], &photos[..], &claim[..]].concat());
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(
        said.out.starts_with("the same person: similarity "),
        "{}",
        said.out
    );
    let json = [&claim[..], &["--format", "json"][..]].concat();
    let said = running.regard(&[&["verify-face"][..], &photos[..], &json[..]].concat());
    let told: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(told["is_match"], true);

    // A portrait looks ahead and never turns; a token that is none is told as such; a turn that is missing too.
    let stranger = running.path("stranger");
    fs::create_dir(&stranger).unwrap();
    let still = photographs(&stranger, |_| actor.stranger());
    let still: Vec<&str> = still.iter().map(String::as_str).collect();
    let said = running.regard(&[&["verify-face"][..], &still[..], &claim[..]].concat());
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    let said = running.regard(&[&["verify-face"][..], &photos[..1], &claim[..]].concat());
    assert!(said.err.contains("is asked for"), "{}", said.err);
    let other = running.path("admin.token");
    let claim = ["--face-token", other.to_str().unwrap()];
    let said = running.regard(&[&["verify-face"][..], &photos[..], &claim[..]].concat());
    assert!(said.err.contains("not_a_face_token"), "{}", said.err);
    assert_eq!(said.code, 1);
}

#[test]
fn a_gallery_is_listed_armed_and_turned_over() {
    let running = Running::start("controller");
    let list = || running.regard(&["gallery", "list"]);
    let listed = |state: &str| {
        format!(
            "visitors  {state}  0 persons, 0 templates, room for 1000000, everybody is compared\n"
        )
    };
    assert_eq!(list().out, listed("not armed"));
    let said = running.regard(&["gallery", "arm"]);
    assert_eq!(
        (said.code, said.out.as_str()),
        (0, "visitors  armed\n"),
        "{}",
        said.err
    );
    assert_eq!(list().out, listed("armed"));
    let said = running.regard(&["gallery", "rekey"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let said = running.regard(&["gallery", "disarm"]);
    assert_eq!(said.out, "visitors  not armed\n", "{}", said.err);
    let said = running.regard(&["gallery", "arm", "others"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("unknown_gallery"), "{}", said.err);
}

#[test]
fn two_records_of_one_person_are_made_one_and_two_again() {
    let (running, actor) = (Running::start("controller"), Actor::new());
    let photos = photographs(running.folder.path(), |view| actor.turned(view));
    let photos: Vec<&str> = photos.iter().map(String::as_str).collect();
    for _ in 0..2 {
        let wish = ["--agree", "identify"];
        let said = running.regard(&[&["enroll"][..], &photos[..], &wish[..]].concat());
        assert_eq!(said.code, 0, "{}", said.err);
    }
    let persons = || running.get("/v1/persons")["persons"].clone();
    let id = |at: usize| persons()[at]["person"].as_str().unwrap().to_owned();
    let (from, into) = (id(0), id(1));
    let gallery = |arguments: &[&str]| running.regard(&[&["gallery"][..], arguments].concat());
    let refused = |arguments: &[&str], code: &str| {
        let said = gallery(arguments);
        assert_eq!(said.code, 1, "{}", said.out);
        assert!(said.err.contains(code), "{}", said.err);
    };
    refused(&["merge", &from, &into], "act_missing");
    let said = gallery(&["merge", &from, &into, "--has-asked"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let told = format!("{from} answers as {into}; regard gallery unmerge {from} undoes it\n");
    assert_eq!(said.out, told);
    assert!(
        gallery(&["list"]).out.contains("1 persons, 2 templates"),
        "{}",
        gallery(&["list"]).out
    );
    assert_eq!(persons()[0]["answers_as"], json!(into));
    refused(&["merge", &into, &from, "--has-asked"], "already_one");
    refused(&["apart", &into, &from], "already_one");
    let said = gallery(&["unmerge", &from]);
    assert_eq!(said.code, 0, "{}", said.err);
    let told = format!("{from} answers for itself, not as {into}\n");
    assert_eq!(said.out, told);
    refused(&["unmerge", &from], "not_merged");
    assert!(gallery(&["list"]).out.contains("2 persons, 2 templates"));
    let said = gallery(&["apart", &from, &into]);
    assert_eq!(said.code, 0, "{}", said.err);
    refused(&["merge", &into, &from, "--has-asked"], "two_people");
    refused(
        &["merge", &from, &into, "--has-asked", "--gallery", "others"],
        "unknown_gallery",
    );
    let said = gallery(&["merge", "somebody", &into]);
    assert_eq!(said.code, 64, "{}", said.err);
}
