//! Somebody who enrolled comes before the camera of a screen and holds up their token: the screen shows what is theirs, until they
//! take it back. A stranger with the same token gets what everybody gets. The camera is Chromium's own, fed by films.

use std::fs;
use std::path::{Path, PathBuf};

use fantoccini::{Client, Locator};
use regard_testkit::actor::Actor;
use regard_testkit::clip;
use serde_json::Value;

use crate::driver::Browser;
use crate::faces::{FOR_ALL_AND_YOURS, agree_to, as_person, enrolled, open, site};
use crate::page::{FRONT_WORDS, eval, has, press, save, until};
use crate::program::Program;

/// A site whose camera is that of a browser and reads tokens.
const READS_TOKENS: &str = "
[recognition]
reads_tokens = true
[[camera]]
id = \"demo\"
source = \"push:browser\"
[[screen]]
id = \"demo\"
camera = \"demo\"
in_process = true
[engine]
runtime = \"native\"
";

/// A film of somebody who holds a code beside their face.
fn film(folder: &Path, name: &str, frames: &[Vec<u8>], token: &str) -> PathBuf {
    let frames = frames.iter();
    let bytes: Vec<u8> = frames
        .flat_map(|frame| clip::holding(frame, token))
        .collect();
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// A browser whose camera shows that film, on the console of the site, where it is the camera of the site.
async fn camera(program: &Program, film: &Path, token: &str) -> Browser {
    let fake_camera = [
        "--use-fake-device-for-media-stream".to_owned(),
        "--use-fake-ui-for-media-stream".to_owned(),
        format!("--use-file-for-fake-video-capture={}", film.display()),
    ];
    let browser = Browser::start(&fake_camera)
        .await
        .expect("it started before");
    let page = browser.page.clone();
    page.goto(&program.url("/console")).await.unwrap();
    let field = page.find(Locator::Id("token")).await.unwrap();
    field.send_keys(token).await.unwrap();
    let button = Locator::Css("button[type=submit]");
    page.find(button).await.unwrap().click().await.unwrap();
    let is_hidden = "return document.getElementById('webcam')?.hidden ?? true";
    until(&page, is_hidden, |hidden| hidden == false).await;
    press(&page, "webcam").await;
    let visitors = "return document.getElementById('n-visitors').innerText";
    until(&page, visitors, |n| n == "1").await;
    browser
}

/// What attempts came to, the newest first.
async fn attempts(console: &Client) -> Vec<Value> {
    let script = "return fetch('/v1/recognition/attempts').then(answer => answer.json())";
    let told = eval(console, script).await;
    told["attempts"].as_array().unwrap().clone()
}

#[tokio::test]
async fn whoever_holds_up_their_token_sees_what_is_theirs_and_a_stranger_with_it_does_not() {
    if std::env::var_os("REGARD_SLOW").is_none() {
        println!("skipped: it wants the machine to itself; cargo xtask slow alone");
        return;
    }
    let Some(mut browser) = Browser::start(&[]).await else {
        return;
    };
    let (site, man) = (site(), Actor::man());
    let config = format!("{READS_TOKENS}{FOR_ALL_AND_YOURS}");
    fs::write(site.path().join("regard.toml"), config).unwrap();
    let mut program = Program::serve(site.path());
    let admin = program.token();
    let page = browser.page.clone();
    open(&page, &program).await;
    let token = agree_to(&page, &["personalise", "verify"]).await;
    let face_token = enrolled(&page, &man, site.path()).await;
    let likes = ("PUT", "/v1/persons/me/preferences");
    let coffee = "JSON.stringify({ coffee: true })";
    assert_eq!(as_person(&page, &token, likes, coffee).await, 204);

    // A stranger found the token, or took it.
    let woman = Actor::new();
    let frames: Vec<Vec<u8>> = (0..32).map(|number| woman.alive(number)).collect();
    let stolen = film(site.path(), "stolen.mjpeg", &frames, &face_token);
    let mut stranger = camera(&program, &stolen, &admin).await;
    page.goto(&program.url("/screen/demo")).await.unwrap();
    until(&page, FRONT_WORDS, |words| has(words, "For everybody")).await;
    let mut tried = Vec::new();
    while tried.is_empty() {
        tried = attempts(&stranger.page).await;
        tried.retain(|one| one["kind"] == "verify" && !one["took_millis"].is_null());
        assert!(has(&eval(&page, FRONT_WORDS).await, "For everybody"));
    }
    for one in &tried {
        assert_eq!(one["outcome"], "not_matched", "{one}");
    }
    stranger.stop().await;

    // The man himself, in another film than the one he enrolled by.
    let frames = clip::frames()[clip::SECOND_FILM].to_vec();
    let own = film(site.path(), "own.mjpeg", &frames, &face_token);
    let mut himself = camera(&program, &own, &admin).await;
    until(&page, FRONT_WORDS, |words| has(words, "Your coffee")).await;
    save(&page, "recognised").await;
    let welcomed = attempts(&himself.page).await;
    let welcomed = welcomed.iter().find(|one| one["outcome"] == "accepted");
    let took = welcomed.expect("somebody was recognised")["took_millis"].as_u64();
    println!("from the token to the person: {took:?} ms");
    // No name on a public screen, nor the number that stands for one.
    let glass = eval(&page, "return document.body.innerText").await;
    assert!(
        !has(&glass, "rgp_") && !has(&glass, &token[4..12]),
        "{glass}"
    );

    sees_why_and_corrects(&program, &token).await;

    // Taken back, it is everybody's screen again within a second.
    let script = format!(
        "const done = arguments[arguments.length - 1]; const words = () => document.querySelector('.layer.front')?.innerText ?? ''; \
         const began = performance.now(); \
         fetch('/v1/persons/me/consents/personalise', {{ method: 'DELETE', headers: {{ authorization: 'Person {token}' }} }}); \
         const timer = setInterval(() => {{ const took = performance.now() - began; \
         if (words().includes('For everybody') || took > 30000) {{ clearInterval(timer); done(took); }} }}, 10);"
    );
    let took = page.execute_async(&script, Vec::new()).await.unwrap();
    println!("from taking back to the general message: {took} ms");
    assert!(took.as_f64() < Some(1_000.0), "{took}");
    himself.stop().await;
    browser.stop().await;
}

/// The person reads on their own page what the screen goes by, and takes one thing away; the screen follows.
async fn sees_why_and_corrects(program: &Program, token: &str) {
    // A browser of their own: a page in the background sends no frames.
    let mut phone = Browser::start(&[]).await.expect("it started before");
    let page = phone.page.clone();
    page.goto(&program.url("/me?lang=en")).await.unwrap();
    let field = page.find(Locator::Id("token")).await.unwrap();
    field.send_keys(token).await.unwrap();
    let button = Locator::Css("form[action='/me/open'] button");
    page.find(button).await.unwrap().click().await.unwrap();
    let known = "return document.querySelector('#known')?.closest('section').innerText ?? ''";
    let known = until(&page, known, |text| has(text, "coffee")).await;
    assert!(has(&known, "yes (you said so)"), "{known}");
    assert!(has(&known, "visits: 1 (counted"), "{known}");
    save(&page, "recognised-why").await;
    let forget = Locator::Css("form[action='/me/forget'] input[value=visits] ~ button");
    page.find(forget).await.unwrap().click().await.unwrap();
    let text = "return document.querySelector('#known')?.closest('section').innerText ?? ''";
    until(&page, text, |text| {
        has(text, "coffee") && !has(text, "visits")
    })
    .await;
    phone.stop().await;
}
