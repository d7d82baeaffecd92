//! A study from its plan to its report: two participants before cameras of their own, and one who thinks better of it.

use std::fs;
use std::path::{Path, PathBuf};

use fantoccini::{Client, Locator};
use regard_testkit::wall::clip_jpegs;
use serde_json::Value;

use crate::accessibility::{axe, looked_at};
use crate::driver::Browser;
use crate::page::{eval, press, save, until};
use crate::program::{BROWSER_CAMERA, Program};

const PLAN: &str = "
id = \"spring\"
title = { en = \"Which do you like?\", de = \"Was gefällt Ihnen?\" }
explanation = \"We choose what our window shows this spring.\"
rest_millis = 2500
min_participants = 2
movements = { shortest_millis = 40 }
[[creative]]
id = \"coffee\"
name = \"Coffee\"
duration_millis = 3000
content = { kind = \"text\", title = \"A coffee on us\", background = \"#3b2416\" }
[[creative]]
id = \"tulips\"
name = \"Tulips\"
duration_millis = 3000
content = { kind = \"text\", title = \"Tulips are here\", background = \"#7a1f3d\" }
[[creative]]
id = \"bikes\"
name = \"Bikes\"
duration_millis = 3000
content = { kind = \"text\", title = \"Ride into spring\", background = \"#0b4a8f\" }
[[question]]
id = \"liking\"
kind = \"liking\"
text = \"How much do you like this message?\"
[[question]]
id = \"where\"
kind = \"choice\"
text = \"Where would you notice it?\"
options = [\"In the window\", \"At the till\"]
";

/// A laboratory whose commitments name research and movements of a fraction of a second.
fn site() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let promised = regard_commitments::Commitments::demo_text()
        .replacen("scopes = [", "scopes = [\"micro_expression\", ", 1)
        .replacen("categories = [", "categories = [\"micro_expression\", ", 1)
        .replacen("purposes = [", "purposes = [\"research\", ", 1);
    write("regard.toml", BROWSER_CAMERA);
    write("commitments.toml", &promised);
    write("study.toml", PLAN);
    folder
}

/// Some frames of the demonstration's clip: a camera that films one person.
fn clip(folder: &Path, name: &str, frames: std::ops::Range<usize>) -> PathBuf {
    let file = folder.join(name);
    fs::write(&file, clip_jpegs()[frames].concat()).unwrap();
    file
}

/// A browser whose camera is that clip.
async fn browser(clip: &Path) -> Option<Browser> {
    Browser::start(&[
        "--use-fake-device-for-media-stream".to_owned(),
        "--use-fake-ui-for-media-stream".to_owned(),
        format!("--use-file-for-fake-video-capture={}", clip.display()),
    ])
    .await
}

async fn is_shown(page: &Client, id: &str) {
    let script = format!("return document.getElementById('{id}').hidden");
    until(page, &script, |hidden| *hidden == false).await;
}

async fn click(page: &Client, css: &str) {
    page.find(Locator::Css(css))
        .await
        .unwrap()
        .click()
        .await
        .unwrap();
}

/// What axe finds on the page as it is, where axe is installed.
async fn look(page: &Client, axe: Option<&str>, name: &str, found: &mut Vec<String>) {
    if let Some(axe) = axe {
        found.extend(looked_at(page, axe, name).await);
    }
}

/// Reads what is measured, agrees, and tries out the camera.
async fn agree(page: &Client, link: &str, axe: Option<&str>, found: &mut Vec<String>) {
    page.goto(&format!("{link}?lang=en")).await.unwrap();
    let told = eval(page, "return document.querySelector('main').innerText").await;
    let told = told.as_str().unwrap();
    for part in [
        "Which do you like?",
        "We choose what our window shows",
        "No picture and no film of you is kept",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let ticked = "return document.querySelectorAll('#agree :checked').length";
    assert_eq!(eval(page, ticked).await, 0, "nothing is ticked beforehand");
    look(page, axe, "study, beginning", found).await;
    for name in ["agrees", "adult"] {
        click(page, &format!("#agree [name={name}]")).await;
    }
    click(page, "#agree button").await;
    is_shown(page, "camera").await;
    press(page, "start-camera").await;
    is_shown(page, "ready").await;
    // No fake camera takes the 75 frames a second that movements of 40 ms need: they are not looked for, and the rest goes on.
    let code = eval(
        page,
        "return document.getElementById('movements').dataset.code",
    )
    .await;
    assert_eq!(code, "fps_too_low_for_microexpression");
    until(
        page,
        "return document.getElementById('face').textContent",
        |face| *face == "Your face is seen well.",
    )
    .await;
    look(page, axe, "study, camera", found).await;
}

/// Looks at all messages and says of each how much it is liked.
async fn take_part(page: &Client, liking: u32, axe: Option<&str>, found: &mut Vec<String>) {
    press(page, "begin").await;
    for message in 1..=3 {
        let state = "return [document.getElementById('questions').hidden, document.getElementById('which').textContent, \
                     document.getElementById('stage').hidden && !document.getElementById('ready').hidden \
                     && !document.getElementById('camera').hidden && !document.getElementById('mistake').hidden]";
        loop {
            let which = format!("Message {message} of 3");
            let now = until(page, state, |now| {
                now[2] == true || now[0] == false && now[1] == which.as_str()
            })
            .await;
            if now[2] != true {
                break;
            }
            // On a busy machine too little was seen at rest: the page asks to try again, and a person would.
            press(page, "begin").await;
        }
        if message == 1 {
            save(page, "study-questions").await;
            look(page, axe, "study, questions", found).await;
        }
        click(
            page,
            &format!("#fields [name='q-liking'][value='{liking}']"),
        )
        .await;
        click(page, "#fields [name='q-where'][value='0']").await;
        click(page, "#answers button").await;
    }
    is_shown(page, "done").await;
    look(page, axe, "study, end", found).await;
}

fn report(site: &Path, url: &str, format: &str) -> String {
    let arguments = [
        "study",
        "report",
        "spring",
        "--format",
        format,
        "--url",
        url,
        "--token-file",
        "token",
    ];
    Program::run(site, &arguments)
}

fn report_json(site: &Path, url: &str) -> Value {
    serde_json::from_str(&report(site, url, "json")).unwrap()
}

/// What a report of two says.
fn told_of_both(both: &Value) {
    assert_eq!(both["n_participants"], 2, "{both}");
    assert_eq!(both["is_below_usual"], true, "the laboratory is warned");
    for creative in both["creatives"].as_array().unwrap() {
        assert_eq!(creative["n"], 2, "{creative}");
        assert!(creative["suppressed"].is_null(), "{creative}");
        assert_eq!(creative["liking"]["mean"], 4.0, "{creative}");
        // However slowly a busy machine looks: of each participant something was seen during each message.
        assert_eq!(creative["means"][0][1]["n"], 2, "{creative}");
        assert_eq!(creative["bands"].as_array().unwrap().len(), 3, "{creative}");
    }
    assert_eq!(both["foretelling"]["told"], "too_few");
    assert!(!both.to_string().contains("movement"), "{both}");
}

/// What it says when one of them is gone.
fn told_of_one(one: &Value) {
    assert_eq!(one["n_participants"], 1, "{one}");
    for creative in one["creatives"].as_array().unwrap() {
        assert_eq!(creative["suppressed"]["n"], 1, "{creative}");
        assert!(creative["liking"].is_null() && creative["bands"].as_array().unwrap().is_empty());
    }
}

/// Files below a folder in which a JPEG begins.
fn pictures_in(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(pictures_in(&path));
        } else if fs::read(&path).is_ok_and(|bytes| {
            bytes
                .windows(4)
                .any(|four| four == [0xff, 0xd8, 0xff, 0xe0])
        }) {
            found.push(path);
        }
    }
    found
}

#[tokio::test]
async fn two_take_part_and_one_thinks_better_of_it() {
    let site = site();
    let folder = site.path();
    let clips = [
        clip(folder, "man.mjpeg", 0..48),
        clip(folder, "woman.mjpeg", 70..116),
    ];
    let Some(mut first) = browser(&clips[0]).await else {
        return;
    };
    let Some(mut second) = browser(&clips[1]).await else {
        return;
    };
    let axe = axe();
    let mut program = Program::serve(folder);
    fs::write(folder.join("token"), program.token()).unwrap();
    let url = program.url("");
    let study = |arguments: &[&str]| {
        let head = ["study"].iter().chain(arguments);
        let all: Vec<&str> = head
            .chain(&["--url", &url, "--token-file", "token"])
            .copied()
            .collect();
        Program::run(folder, &all)
    };
    study(&["new", "study.toml"]);
    let links = study(&["invite", "spring", "-n", "2"]);
    let links: Vec<&str> = links.lines().collect();
    let mut found = Vec::new();
    for (browser, (link, liking)) in [&first, &second].into_iter().zip(links.iter().zip([2, 6])) {
        agree(&browser.page, link, axe.as_deref(), &mut found).await;
        take_part(&browser.page, liking, axe.as_deref(), &mut found).await;
    }

    told_of_both(&report_json(folder, &url));
    let page = report(folder, &url, "html");
    assert!(
        page.contains("2 participants") && page.contains("below-usual"),
        "{page}"
    );
    assert!(page.contains("fps_too_low_for_microexpression"), "{page}");
    fs::write(folder.join("report.html"), &page).unwrap();

    // An invitation is good once.
    first.page.goto(links[0]).await.unwrap();
    let title = eval(
        &first.page,
        "return document.querySelector('h1').textContent",
    )
    .await;
    assert_eq!(title, "This invitation is not good");
    let file = format!("file://{}", folder.join("report.html").display());
    first.page.goto(&file).await.unwrap();
    save(&first.page, "study-report").await;
    look(&first.page, axe.as_deref(), "study, report", &mut found).await;

    // The second thinks better of it.
    press(&second.page, "erase").await;
    is_shown(&second.page, "gone").await;
    look(&second.page, axe.as_deref(), "study, erased", &mut found).await;
    told_of_one(&report_json(folder, &url));
    assert!(found.is_empty(), "{}", found.join("\n"));

    // No picture was kept, and the ledger tells what happened.
    assert_eq!(pictures_in(&folder.join("data")), Vec::<PathBuf>::new());
    let told = Program::run(folder, &["ledger", "tail", "-n", "100", "--data", "data"]);
    for (what, n) in [
        ("study_made", 1),
        ("study_invited", 1),
        ("consent_given", 2),
        ("study_granted", 2),
        ("erased", 1),
    ] {
        assert!(told.matches(what).count() >= n, "{what}: {told}");
    }
    first.stop().await;
    second.stop().await;
}
