//! The program goes away and comes back; the screen stays as it was and finds it again.

use serde_json::Value;

use crate::driver::Browser;
use crate::messages::{show_only, words};
use crate::page::{eval, painted, until, wait_for};
use crate::program::Program;
use crate::proxy::relay;

const STATE: &str = "return { front: document.querySelector('.layer.front')?.innerText ?? '',
    camera: document.querySelector('#notice .state').innerText, classes: document.querySelector('#notice .state').className,
    notice: document.querySelector('#notice').checkVisibility() && document.querySelectorAll('#notice .lines li').length > 2,
    away: !document.getElementById('offline').hidden };";

fn is_open(program: &Program) -> bool {
    program.get("/v1/health")["cameras"][0]["open"] == true
}

/// What remains while nobody answers.
async fn check_alone(browser: &Browser, front: &str) {
    let state = until(&browser.page, STATE, |state| state["away"] == true).await;
    assert_eq!(
        state["front"], front,
        "the last good message stays: {state}"
    );
    assert_eq!(state["notice"], true, "the notice stays: {state}");
    assert!(
        state["classes"].as_str().unwrap().contains("unknown"),
        "{state}"
    );
    assert!(!state["camera"].as_str().unwrap().is_empty(), "{state}");
    let corner = painted(&browser.page).await.get_pixel(300, 300).0;
    assert_eq!(corner, [0x20, 0x40, 0x60], "it is painted too");
}

#[tokio::test]
async fn a_screen_outlives_its_server() {
    let Some(mut browser) = Browser::start(&[]).await else {
        return;
    };
    let mut program = Program::demo(&["--no-screen"]);
    let (listen, page) = (program.host().to_owned(), browser.page.clone());
    let mut message = words("first", "", "#204060");
    message["content"]["title"] = "First".into();
    show_only(&program, &[message]);
    page.goto(&program.url("/screen/demo")).await.unwrap();
    until(&page, STATE, |state| {
        state["front"] == "First" && state["classes"].as_str().unwrap().contains("open")
    })
    .await;
    let mark = "globalThis.same_page = true; return true";
    eval(&page, mark).await;

    program.kill();
    check_alone(&browser, "First").await;

    let program = Program::demo_at(&listen, &["--no-screen"]);
    let state = until(&page, STATE, |state| {
        state["away"] == false && state["classes"].as_str().unwrap().contains("open")
    })
    .await;
    assert_ne!(
        state["front"], "First",
        "the new program shows what it decides: {state}"
    );
    wait_for("the camera is open again", || is_open(&program)).await;
    let player = |health: &Value| {
        health["screens"][0]["player"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    assert!(player(&program.get("/v1/health")).starts_with("browser-"));
    assert_eq!(
        eval(&page, "return globalThis.same_page === true").await,
        true,
        "without loading the page anew"
    );
    show_only(&program, &[words("second", "Second", "#602040")]);
    until(&page, STATE, |state| state["front"] == "Second").await;
    browser.stop().await;
}

#[tokio::test]
async fn a_short_silence_shuts_the_camera_and_changes_nothing_else() {
    let Some(mut browser) = Browser::start(&[]).await else {
        return;
    };
    let program = Program::demo(&["--no-screen"]);
    let (address, log) = relay(program.host());
    show_only(&program, &[words("first", "First", "#204060")]);
    let page = browser.page.clone();
    page.goto(&format!("{address}/screen/demo")).await.unwrap();
    let is_calm = |state: &Value| {
        state["front"] == "First" && state["classes"].as_str().unwrap().contains("open")
    };
    until(&page, STATE, is_calm).await;

    // Longer than the gate waits for the notice, shorter than the player waits for the server.
    program.signal("STOP");
    tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;
    let state = eval(&page, STATE).await;
    assert_eq!(
        (state["front"].as_str(), state["notice"].as_bool()),
        (Some("First"), Some(true)),
        "{state}"
    );
    let place = log.len();
    program.signal("CONT");
    wait_for("heartbeats again", || {
        log.since(place, "/heartbeat").len() >= 4
    })
    .await;
    wait_for("the camera is open", || is_open(&program)).await;
    until(&page, STATE, is_calm).await;
    browser.stop().await;
}

#[tokio::test]
async fn a_screen_whose_server_hangs_says_so_and_recovers() {
    let Some(mut browser) = Browser::start(&[]).await else {
        return;
    };
    let program = Program::demo(&["--no-screen"]);
    show_only(&program, &[words("first", "First", "#204060")]);
    let page = browser.page.clone();
    page.goto(&program.url("/screen/demo")).await.unwrap();
    until(&page, STATE, |state| {
        state["front"] == "First" && state["classes"].as_str().unwrap().contains("open")
    })
    .await;
    program.signal("STOP");
    check_alone(&browser, "First").await;
    program.signal("CONT");
    until(&page, STATE, |state| {
        state["away"] == false && state["classes"].as_str().unwrap().contains("open")
    })
    .await;
    wait_for("the camera is open", || is_open(&program)).await;
    browser.stop().await;
}
