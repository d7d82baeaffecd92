//! A real browser against the running demo: player, console, and the browser's own camera.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests fail by panicking and say what they skip"
)]

mod driver;
mod program;

use std::time::{Duration, Instant};

use fantoccini::{Client, Locator};

use crate::driver::Browser;
use crate::program::Demo;

/// Longest time a page is waited for; a busy machine takes seconds where an idle one takes none.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a script on the page returns, asked again until it satisfies.
async fn until(
    page: &Client,
    script: &str,
    mut satisfies: impl FnMut(&serde_json::Value) -> bool,
) -> serde_json::Value {
    let began = Instant::now();
    let mut last = serde_json::Value::Null;
    while began.elapsed() < PATIENCE {
        last = page.execute(script, Vec::new()).await.unwrap();
        if satisfies(&last) {
            return last;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    save(page, "failed").await;
    panic!("the page did not come to it within {PATIENCE:?}; last: {last}; script: {script}");
}

const FRONT_WORDS: &str = "return document.querySelector('.layer.front')?.innerText ?? ''";

#[tokio::test]
async fn the_player_changes_its_message_with_the_face_and_the_console_says_why() {
    let Some(mut browser) = Browser::start(&[]).await else {
        return;
    };
    let demo = Demo::start(&[]);
    let page = browser.page.clone();
    page.goto(&demo.url("/screen/demo")).await.unwrap();

    let mut seen: Vec<String> = Vec::new();
    until(&page, FRONT_WORDS, |words| {
        let words = words.as_str().unwrap_or_default().to_owned();
        if !words.is_empty() && !seen.contains(&words) {
            seen.push(words);
        }
        seen.len() >= 3
    })
    .await;
    let notice = page.find(Locator::Css("#notice .lines")).await.unwrap();
    assert!(
        notice.is_displayed().await.unwrap(),
        "the notice is in view"
    );
    let qr = until(
        &page,
        "return document.querySelector('#notice .qr img').naturalWidth",
        |w| w.as_u64() > Some(0),
    )
    .await;
    assert!(qr.as_u64() > Some(0), "the code leads to the privacy page");
    // The browser took over from the screen in the program, and what it shows is acknowledged.
    until(
        &page,
        "return fetch('/metrics').then(r => r.text())",
        |text| {
            text.as_str().unwrap_or_default().lines().any(|line| {
                line.starts_with("regard_frame_to_screen_seconds_count") && !line.ends_with(" 0")
            })
        },
    )
    .await;
    save(&page, "screen").await;

    page.goto(&demo.url("/console")).await.unwrap();
    until(
        &page,
        "return document.getElementById('n-visitors').innerText",
        |n| n == "1",
    )
    .await;
    until(
        &page,
        "return document.querySelectorAll('#boxes *').length",
        |n| n.as_u64() > Some(0),
    )
    .await;
    let facts = "return document.getElementById('decision-facts').innerText";
    let facts = until(&page, facts, |text| {
        text.as_str().unwrap_or_default().contains('%')
    })
    .await;
    assert!(facts.as_str().unwrap().contains("Probability"), "{facts}");
    until(
        &page,
        "return document.getElementById('attention-plot').naturalWidth",
        |w| w.as_u64() > Some(0),
    )
    .await;
    until(
        &page,
        "return document.querySelectorAll('#report tbody tr').length",
        |n| n.as_u64() > Some(1),
    )
    .await;
    save(&page, "console").await;

    page.goto(&demo.url("/privacy")).await.unwrap();
    let text = page
        .find(Locator::Css("main"))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(text.len() > 500, "the privacy page says something");
    browser.stop().await;
}

#[tokio::test]
async fn the_browsers_own_camera_is_looked_at() {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../testkit/fixtures");
    let clip = std::path::Path::new(fixtures)
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
    let demo = Demo::start(&["--browser"]);
    let page = browser.page.clone();
    page.goto(&demo.url("/console")).await.unwrap();
    until(
        &page,
        "return document.getElementById('webcam').hidden",
        |hidden| hidden == false,
    )
    .await;
    page.find(Locator::Id("webcam"))
        .await
        .unwrap()
        .click()
        .await
        .unwrap();
    until(
        &page,
        "return document.getElementById('n-visitors').innerText",
        |n| n == "1",
    )
    .await;
    let words = "return document.getElementById('said').innerText";
    until(&page, words, |text| {
        !text.as_str().unwrap_or_default().is_empty()
    })
    .await;
    browser.stop().await;
}

/// Keeps a picture of the page below the target folder, and in `docs/` when asked to.
async fn save(page: &Client, name: &str) {
    let png = page.screenshot().await.unwrap();
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(folder.join(format!("{name}.png")), &png).unwrap();
    if std::env::var_os("REGARD_UPDATE_SCREENSHOTS").is_some() {
        let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs");
        std::fs::write(std::path::Path::new(docs).join(format!("{name}.png")), &png).unwrap();
    }
}
