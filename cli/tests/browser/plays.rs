//! How long a message was on the glass, as told and as kept.

use serde_json::Value;

use crate::driver::Browser;
use crate::messages::{show_only, words};
use crate::page::{FRONT_WORDS, until, wait_for};
use crate::program::Program;
use crate::proxy::{Log, relay};

/// A busy machine paints and sends late; a play that is counted twice or from the wrong start is off by far more.
const TOLERANCE_MILLIS: f64 = 700.0;

/// The body of a request.
fn body(text: &str) -> Option<Value> {
    let start = text.find("\r\n\r\n").map_or(0, |at| at + 4);
    serde_json::from_str(text[start..].trim()).ok()
}

/// The last report that a play ended, whether head and body came together or not.
fn ended(log: &Log, place: usize) -> Option<Value> {
    let mut reports: Vec<Value> = log
        .since(place, "shown_millis")
        .iter()
        .filter_map(|(_, text)| body(text))
        .collect();
    reports.retain(|report| report["ended"] == true);
    reports.pop()
}

fn row(program: &Program, creative: &str) -> Option<Value> {
    let report = program.get("/v1/report/today");
    report["rows"]
        .as_array()?
        .iter()
        .find(|row| row["creative"] == creative)
        .cloned()
}

#[tokio::test]
async fn what_is_reported_is_what_was_shown_also_when_the_page_goes() {
    let Some(mut browser) = Browser::start(&[]).await else {
        return;
    };
    let program = Program::demo(&["--no-screen"]);
    let (address, log) = relay(program.host());
    let page = browser.page.clone();
    show_only(&program, &[words("one", "One", "#204060")]);
    page.goto(&format!("{address}/screen/demo")).await.unwrap();
    until(&page, FRONT_WORDS, |text| text == "One").await;
    wait_for("it is said to be on the glass", || {
        !log.since(0, "/shown").is_empty()
    })
    .await;
    let began = log.since(0, "/shown")[0].0;
    tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;
    let place = log.len();
    show_only(&program, &[words("two", "Two", "#602040")]);
    until(&page, FRONT_WORDS, |text| text == "Two").await;
    wait_for("the next is said to be on the glass", || {
        !log.since(place, "/shown").is_empty()
    })
    .await;
    wait_for("the end is told", || ended(&log, place).is_some()).await;
    let changed = log.since(place, "/shown")[0].0;
    let told = ended(&log, place).unwrap()["shown_millis"]
        .as_f64()
        .unwrap();
    let lasted = changed.duration_since(began).as_secs_f64() * 1_000.0;
    assert!(
        (told - lasted).abs() < TOLERANCE_MILLIS,
        "told {told}, lasted {lasted}"
    );
    wait_for("it is kept", || {
        row(&program, "one").is_some_and(|row| row["shown_secs"].as_f64() > Some(0.0))
    })
    .await;
    let kept = row(&program, "one").unwrap();
    assert_eq!(kept["plays"], 1, "{kept}");
    assert!(
        (kept["shown_secs"].as_f64().unwrap() * 1_000.0 - told).abs() < 10.0,
        "{kept}, told {told}"
    );

    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    let place = log.len();
    page.goto("about:blank").await.unwrap();
    wait_for("the page said goodbye", || ended(&log, place).is_some()).await;
    let lasted = changed.elapsed().as_secs_f64() * 1_000.0;
    let told = ended(&log, place).unwrap()["shown_millis"]
        .as_f64()
        .unwrap();
    assert!(
        told > 1_400.0 && told <= lasted + TOLERANCE_MILLIS,
        "told {told}, lasted {lasted}"
    );
    // The play is closed when the next one begins, here after a pause that nobody saw.
    tokio::time::sleep(std::time::Duration::from_millis(2_000)).await;
    show_only(&program, &[words("three", "Three", "#206040")]);
    wait_for("the next is decided", || {
        program.get("/v1/decisions?limit=1")[0]["creative"] == "three"
    })
    .await;
    page.goto(&format!("{address}/screen/demo")).await.unwrap();
    until(&page, FRONT_WORDS, |text| text == "Three").await;
    wait_for("it is kept", || {
        row(&program, "two").is_some_and(|row| row["shown_secs"].as_f64() > Some(0.0))
    })
    .await;
    let kept = row(&program, "two").unwrap();
    assert!(
        (kept["shown_secs"].as_f64().unwrap() * 1_000.0 - told).abs() < 10.0,
        "{kept}, told {told}"
    );
    browser.stop().await;
}
