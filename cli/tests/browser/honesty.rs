//! The word of the player counts only while a person can see the notice.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tempfile::TempDir;

use crate::driver::Browser;
use crate::page::{eval, save, scanned, until, wait_for};
use crate::program::Program;
use crate::proxy::relay;

fn is_open(program: &Program) -> bool {
    program.get("/v1/health")["cameras"][0]["open"] == true
}

/// What hides the notice, and what undoes it.
const WAYS: [(&str, &str); 8] = [
    ("faint", "notice.style.opacity = '0'"),
    ("half faint", "notice.style.opacity = '0.3'"),
    ("invisible", "notice.style.visibility = 'hidden'"),
    ("taken out", "notice.style.display = 'none'"),
    (
        "pushed out of the window",
        "notice.style.transform = 'translateY(60%)'",
    ),
    (
        "covered",
        "cover.style.cssText = 'position:fixed;inset:0;z-index:9;background:#000'; document.body.append(cover)",
    ),
    (
        "covered by what no click meets",
        "cover.style.cssText = 'position:fixed;inset:0;z-index:9;background:#000;pointer-events:none'; document.body.append(cover)",
    ),
    (
        "half covered",
        "cover.style.cssText = 'position:fixed;left:40%;right:0;bottom:0;height:50%;z-index:9;background:#000'; document.body.append(cover)",
    ),
];

#[tokio::test]
async fn a_hidden_notice_shuts_the_camera() {
    let Some(mut browser) = Browser::start(&[]).await else {
        return;
    };
    let program = Program::demo(&["--no-screen"]);
    let (address, log) = relay(program.host());
    let page = browser.page.clone();
    page.goto(&format!("{address}/screen/demo")).await.unwrap();
    wait_for("the camera opens", || is_open(&program)).await;
    eval(&page, "globalThis.notice = document.getElementById('notice'); globalThis.cover = document.createElement('div');").await;
    for (way, script) in WAYS {
        let place = log.len();
        eval(&page, script).await;
        wait_for(&format!("{way}: the player says so"), || {
            !log.since(place, "\"notice_visible\":false").is_empty()
        })
        .await;
        wait_for(&format!("{way}: the camera shuts"), || !is_open(&program)).await;
        let refusal = program.get("/v1/health")["cameras"][0]["refusal"]["code"].clone();
        assert_eq!(refusal, "notice_missing", "{way}");
        eval(&page, "notice.style.cssText = ''; cover.remove();").await;
        wait_for(&format!("{way}: it opens again"), || is_open(&program)).await;
    }
    browser.stop().await;
}

#[tokio::test]
async fn a_page_in_the_background_shows_no_notice() {
    let Some(mut browser) = Browser::start(&[]).await else {
        return;
    };
    let program = Program::demo(&["--no-screen"]);
    let (address, log) = relay(program.host());
    let page = browser.page.clone();
    page.goto(&format!("{address}/screen/demo")).await.unwrap();
    wait_for("the camera opens", || is_open(&program)).await;
    let screen = page.window().await.unwrap();
    let place = log.len();
    let other = page.new_window(true).await.unwrap();
    page.switch_to_window(other.handle).await.unwrap();
    wait_for("the player says so", || {
        !log.since(place, "\"visible\":false").is_empty()
    })
    .await;
    wait_for("the camera shuts", || !is_open(&program)).await;
    page.close_window().await.unwrap();
    page.switch_to_window(screen).await.unwrap();
    until(&page, "return document.visibilityState", |state| {
        state == "visible"
    })
    .await;
    wait_for("the camera opens again", || is_open(&program)).await;
    browser.stop().await;
}

/// From the last heartbeat to the revocation: one second in which the notice counts as shown, a tenth until the gate looks
/// after it, and room for a machine on which a browser and other tests run. The second itself is held to by a clock that
/// nothing delays (`a_stale_notice_revokes_within_its_time`).
const SHUT_WITHIN: Duration = Duration::from_secs(3);

/// The wire of the screen is cut: nobody says any more that the notice is shown.
#[tokio::test]
async fn a_screen_that_is_cut_off_shuts_the_camera() {
    let Some(mut browser) = Browser::start(&[]).await else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let program = Program::demo(&["--no-screen", "--data", data]);
    let (address, log) = relay(program.host());
    let page = browser.page.clone();
    page.goto(&format!("{address}/screen/demo")).await.unwrap();
    wait_for("the camera opens", || is_open(&program)).await;
    log.cut();
    wait_for("the camera shuts", || !is_open(&program)).await;
    let refusal = program.get("/v1/health")["cameras"][0]["refusal"]["code"].clone();
    assert_eq!(refusal, "notice_missing");
    let mut revoked = Value::Null;
    wait_for("the ledger tells of it", || {
        let told = ["ledger", "tail", "--data", data, "--format", "json"];
        let told = Program::run(folder.path(), &told);
        let mut lines = told
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let last = lines.rfind(|line| line["entry"]["body"]["kind"] == "revoked");
        revoked = last.unwrap_or_default();
        revoked != Value::Null
    })
    .await;
    assert_eq!(revoked["entry"]["body"]["code"], "notice_missing");
    // Heartbeats and ledger are told by clocks of one machine.
    let (now, wall) = (Instant::now(), SystemTime::now());
    let last = log.since(0, "/heartbeat").last().unwrap().0;
    let at = Duration::from_micros(revoked["entry"]["at"].as_u64().unwrap());
    let took = (UNIX_EPOCH + at)
        .duration_since(wall - (now - last))
        .unwrap();
    println!("revoked {took:?} after the last heartbeat");
    assert!(took <= SHUT_WITHIN, "{took:?}");
    browser.stop().await;
}

/// Scanning the code of the screen opens the same page as following it.
#[tokio::test]
async fn whoever_scans_the_code_shuts_the_camera() {
    let Some(mut browser) = Browser::start(&[]).await else {
        return;
    };
    // The screen of the program itself goes on showing the notice while the page is another one.
    let program = Program::demo(&[]);
    let page = browser.page.clone();
    let link = scanned(&page, &program).await;
    wait_for("the camera opens", || is_open(&program)).await;
    page.goto(&link).await.unwrap();
    wait_for("the program's own screen takes over", || is_open(&program)).await;
    let press = "document.querySelector('form[action$=\"/object\"] button').click()";
    eval(&page, press).await;
    wait_for("the camera shuts", || !is_open(&program)).await;
    let refusal = program.get("/v1/health")["cameras"][0]["refusal"]["code"].clone();
    assert_eq!(refusal, "objection_active");
    let says = "return document.querySelector('[role=status]')?.textContent ?? ''";
    // Health is told once a second: the page may have to be read again.
    for _ in 0..50 {
        if eval(&page, says).await.as_str().unwrap().contains("15") {
            save(&page, "here").await;
            browser.stop().await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        page.refresh().await.unwrap();
    }
    panic!("the page does not say that the camera is shut");
}
