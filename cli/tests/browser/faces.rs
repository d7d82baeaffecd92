//! Somebody scans the code on the screen and enrols on their phone, and shows later that it is them; a film passes for nobody.

use std::fs;
use std::path::Path;

use fantoccini::{Client, Locator};
use regard_testkit::actor::Actor;

use crate::driver::Browser;
use crate::page::{FRONT_WORDS, eval, has, press, scanned, until};
use crate::program::{BROWSER_CAMERA, Program};

/// A site at which people may be verified, their template in their own hands.
pub(crate) fn site() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("regard.toml"), BROWSER_CAMERA).unwrap();
    let demo = regard_commitments::Commitments::demo_text();
    let old = "consent_purposes = [\"personalise\", \"learn\", \"research\"]";
    assert!(demo.contains(old));
    let promised = demo.replace(old, "consent_purposes = [\"verify\", \"personalise\"]");
    fs::write(folder.path().join("commitments.toml"), promised).unwrap();
    folder
}

/// Opens the page to enrol as somebody who scanned the code on the screen.
pub(crate) async fn open(page: &Client, program: &Program) {
    let link = scanned(page, program).await;
    page.goto(&link).await.unwrap();
    let enroll = page.find(Locator::Css("a[href^='/enroll']")).await.unwrap();
    enroll.click().await.unwrap();
    until(page, "return location.pathname", |path| path == "/enroll").await;
}

async fn agree_to_verify(page: &Client) {
    agree_to(page, &["verify"]).await;
}

/// Agrees to purposes on the page to enrol; the token of the record.
pub(crate) async fn agree_to(page: &Client, purposes: &[&str]) -> String {
    let ticked = "return document.querySelectorAll('[name=purpose]:checked').length";
    assert_eq!(eval(page, ticked).await, 0, "nothing is ticked beforehand");
    for purpose in purposes {
        let box_of = format!("[name=purpose][value={purpose}]");
        let box_of = page.find(Locator::Css(&box_of)).await.unwrap();
        box_of.click().await.unwrap();
    }
    let button = Locator::Css("#agree button");
    page.find(button).await.unwrap().click().await.unwrap();
    until(
        page,
        "return document.getElementById('start').hidden",
        |hidden| hidden == false,
    )
    .await;
    let token = "return document.getElementById('record-token').textContent";
    eval(page, token).await.as_str().unwrap().to_owned()
}

/// Keeps a copy of each file that the page makes from here on: its own rules let no script read them again.
pub(crate) async fn keep_files(page: &Client) {
    let script = "window.kept = []; const make = URL.createObjectURL; \
                  URL.createObjectURL = (file) => { file.text().then((text) => window.kept.push(text)); return make(file); };";
    page.execute(script, Vec::new()).await.unwrap();
}

/// The face token among the files that were kept.
pub(crate) async fn kept_token(page: &Client) -> String {
    let kept = "return window.kept.find((text) => text.startsWith('RGT1:')) ?? ''";
    let token = until(page, kept, |text| text != "").await;
    token.as_str().unwrap().to_owned()
}

/// Takes the photographs that are asked for, until the stage closes.
pub(crate) async fn take_photos(page: &Client, actor: &Actor, folder: &Path) {
    let state = "return [document.getElementById('stage').hidden, document.getElementById('step').textContent, \
                 document.getElementById('progress').value]";
    let mut before = eval(page, "return [true, '', 0]").await;
    for _ in 0..12 {
        let now = until(page, state, |now| {
            *now != before && (now[0] == true || now[1] != "")
        })
        .await;
        if now[0] == true {
            return;
        }
        // The visitor's right is the picture's left.
        let step = now[1].as_str().unwrap();
        let view = match step {
            "Turn your head to your right." => "left",
            "Turn your head to your left." => "right",
            "Lift your head." => "up",
            "Lower your head." => "down",
            _ => "ahead",
        };
        let file = folder.join(format!("{view}.jpg"));
        fs::write(&file, actor.turned(view)).unwrap();
        let input = page.find(Locator::Id("photo")).await.unwrap();
        input.send_keys(file.to_str().unwrap()).await.unwrap();
        before = now;
    }
    panic!("the challenge did not end");
}

#[tokio::test]
async fn somebody_enrols_on_their_phone_and_shows_later_that_it_is_them() {
    // No camera: the page offers photographs, one by one.
    let Some(mut browser) = Browser::start(&[]).await else {
        return;
    };
    let (site, actor) = (site(), Actor::new());
    let program = Program::serve(site.path());
    let page = browser.page.clone();
    open(&page, &program).await;
    agree_to_verify(&page).await;
    let token = eval(
        &page,
        "return document.getElementById('record-token').textContent",
    )
    .await;
    assert!(token.as_str().unwrap().starts_with("rgp_"));
    let receipts = "return document.querySelectorAll('#receipts a[download]').length";
    assert_eq!(eval(&page, receipts).await, 1);
    keep_files(&page).await;
    press(&page, "start-camera").await;
    take_photos(&page, &actor, site.path()).await;
    until(
        &page,
        "return document.getElementById('done').hidden",
        |hidden| hidden == false,
    )
    .await;
    until(
        &page,
        "return document.getElementById('face-code').naturalWidth",
        |width| width.as_u64() > Some(0),
    )
    .await;
    let face_token = kept_token(&page).await;

    // Later, for another application.
    let wallet = site.path().join("wallet.txt");
    fs::write(&wallet, &face_token).unwrap();
    page.goto(&program.url("/verify?audience=till&nonce=n-0"))
        .await
        .unwrap();
    let input = page.find(Locator::Id("token-file")).await.unwrap();
    input.send_keys(wallet.to_str().unwrap()).await.unwrap();
    until(
        &page,
        "return document.getElementById('token').value",
        |text| text.as_str() == Some(&face_token),
    )
    .await;
    let button = Locator::Css("#claim button");
    page.find(button).await.unwrap().click().await.unwrap();
    take_photos(&page, &actor, site.path()).await;
    let words = until(
        &page,
        "return document.getElementById('answer-words').textContent",
        |words| words != "",
    )
    .await;
    assert_eq!(words, "It is you.");
    let assertion = eval(
        &page,
        "return document.getElementById('assertion-text').value",
    )
    .await;
    assert_eq!(assertion.as_str().unwrap().split('.').count(), 3);
    browser.stop().await;
}

/// A site with somebody before its screen.
const WITH_SOMEBODY: &str = "
[[camera]]
id = \"demo\"
source = \"demo\"
[[screen]]
id = \"demo\"
camera = \"demo\"
in_process = true
[engine]
runtime = \"rten\"
";

/// A message for everybody, and one for those who like coffee.
pub(crate) const FOR_ALL_AND_YOURS: &str = "
[[campaign]]
id = \"all\"
name = \"All\"
[[campaign.creative]]
id = \"hello\"
name = \"Hello\"
min_show_millis = 600000
duration_millis = 600000
content = { kind = \"text\", title = \"For everybody\" }
[[campaign]]
id = \"yours\"
name = \"Yours\"
human_contact = \"Whoever is at the till\"
priority = 9
[[campaign.creative]]
id = \"coffee\"
name = \"Coffee\"
min_show_millis = 600000
duration_millis = 600000
when = { facts = [{ name = \"person.coffee\", equals = true }] }
content = { kind = \"text\", title = \"Your coffee\" }
";

/// A request of the page as the person whose token that is; the status of the answer.
pub(crate) async fn as_person(
    page: &Client,
    token: &str,
    (method, path): (&str, &str),
    body: &str,
) -> u64 {
    let script = format!(
        "return fetch('{path}', {{ method: '{method}', headers: {{ authorization: 'Person {token}', \
         'content-type': 'application/json' }}, body: {body} }}).then(answer => answer.status)"
    );
    eval(page, &script).await.as_u64().unwrap()
}

/// The face token of somebody who agreed and is enrolled by photographs.
pub(crate) async fn enrolled(page: &Client, actor: &Actor, folder: &Path) -> String {
    keep_files(page).await;
    press(page, "start-camera").await;
    take_photos(page, actor, folder).await;
    until(
        page,
        "return document.getElementById('done').hidden",
        |hidden| hidden == false,
    )
    .await;
    kept_token(page).await
}

/// Shows who they are until the screen welcomes them: the man of the clip goes away for some seconds now and then.
async fn welcomed(
    (page, program): (&Client, &Program),
    actor: &Actor,
    folder: &Path,
    face_token: &str,
) {
    let ended = "return document.getElementById('answer').hidden ? '' : \
                 document.getElementById('welcome').hidden ? 'no' : 'yes'";
    for _ in 0..4 {
        let link = scanned(page, program).await;
        page.goto(&link).await.unwrap();
        let show = page.find(Locator::Css("a[href^='/verify']")).await.unwrap();
        show.click().await.unwrap();
        until(page, "return location.pathname", |path| path == "/verify").await;
        let fill = format!("document.getElementById('token').value = '{face_token}'");
        page.execute(&fill, Vec::new()).await.unwrap();
        let button = Locator::Css("#claim button");
        page.find(button).await.unwrap().click().await.unwrap();
        take_photos(page, actor, folder).await;
        if until(page, ended, |ended| ended != "").await == "yes" {
            return;
        }
    }
    panic!("nobody was welcomed");
}

#[tokio::test]
async fn a_visitor_who_shows_who_they_are_sees_what_they_wish_until_they_take_it_back() {
    let Some(mut browser) = Browser::start(&[]).await else {
        return;
    };
    let (site, actor) = (site(), Actor::new());
    let config = format!("{WITH_SOMEBODY}{FOR_ALL_AND_YOURS}");
    fs::write(site.path().join("regard.toml"), config).unwrap();
    let program = Program::serve(site.path());
    let page = browser.page.clone();
    open(&page, &program).await;
    let token = agree_to(&page, &["personalise", "verify"]).await;
    let face_token = enrolled(&page, &actor, site.path()).await;
    let preferences = ("PUT", "/v1/persons/me/preferences");
    let likes = "JSON.stringify({ coffee: true })";
    assert_eq!(as_person(&page, &token, preferences, likes).await, 204);

    // Before the screen, for which somebody stands already.
    scanned(&page, &program).await;
    until(&page, FRONT_WORDS, |words| has(words, "For everybody")).await;
    welcomed((&page, &program), &actor, site.path(), &face_token).await;
    page.goto(&program.url("/screen/demo")).await.unwrap();
    until(&page, FRONT_WORDS, |words| has(words, "Your coffee")).await;
    let withdraw = ("DELETE", "/v1/persons/me/consents/personalise");
    assert_eq!(as_person(&page, &token, withdraw, "undefined").await, 204);
    until(&page, FRONT_WORDS, |words| has(words, "For everybody")).await;
    browser.stop().await;
}

#[tokio::test]
async fn a_film_before_the_camera_is_looked_at_and_enrols_nobody() {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../testkit/fixtures");
    let clip = Path::new(fixtures)
        .join("clip/demo.mjpeg")
        .canonicalize()
        .unwrap();
    let fake_camera = [
        "--use-fake-device-for-media-stream".to_owned(),
        "--use-fake-ui-for-media-stream".to_owned(),
        format!("--use-file-for-fake-video-capture={}", clip.display()),
    ];
    let Some(mut browser) = Browser::start(&fake_camera).await else {
        return;
    };
    let site = site();
    let program = Program::serve(site.path());
    let page = browser.page.clone();
    open(&page, &program).await;
    agree_to_verify(&page).await;
    press(&page, "start-camera").await;
    // It is looked at live, and told what to do or what is wrong.
    let told = "return [document.getElementById('hint').textContent, document.getElementById('progress').value, \
                document.getElementById('mistake').textContent]";
    until(&page, told, |told| {
        told[0] != "" || told[1].as_f64() > Some(0.0) || told[2] != ""
    })
    .await;
    let is_live = "return document.getElementById('live').hidden";
    assert_eq!(eval(&page, is_live).await, false);
    // The man of the clip does what he did, not what he is asked; or nobody waits for that.
    page.execute("document.getElementById('stop').click()", Vec::new())
        .await
        .unwrap();
    let mistake = "return document.getElementById('mistake').textContent";
    until(&page, mistake, |text| text != "").await;
    let closed = "return [document.getElementById('done').hidden, document.getElementById('video').srcObject === null]";
    let closed = eval(&page, closed).await;
    assert_eq!(
        closed,
        serde_json::json!([true, true]),
        "nobody is enrolled, and the camera is closed"
    );
    browser.stop().await;
}
