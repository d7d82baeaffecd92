//! A real browser against the running demo: player, console, and the browser's own camera.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests fail by panicking and say what they skip"
)]

mod accessibility;
mod campaigns;
mod console;
mod creatives;
mod driver;
mod faces;
mod honesty;
mod messages;
mod page;
mod plays;
mod program;
mod proxy;
mod recognised;
mod reconnecting;
mod shapes;
mod slots;
mod studies;
mod switching;
mod timeline;
mod zones;

use fantoccini::Locator;

use crate::driver::Browser;
use crate::page::{FRONT_WORDS, press, save_for_docs, until};
use crate::program::Program;

#[tokio::test]
async fn the_player_changes_its_message_with_the_face_and_the_console_says_why() {
    let Some(mut browser) = Browser::start(&[]).await else {
        return;
    };
    let demo = Program::demo(&[]);
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
    save_for_docs(&page, "screen").await;

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
    let demo = Program::demo(&["--browser"]);
    let page = browser.page.clone();
    page.goto(&demo.url("/console")).await.unwrap();
    until(
        &page,
        "return document.getElementById('webcam').hidden",
        |hidden| hidden == false,
    )
    .await;
    press(&page, "webcam").await;
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
