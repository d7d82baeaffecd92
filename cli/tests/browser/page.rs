//! Asking a page, and looking at what it painted.

use std::time::{Duration, Instant};

use fantoccini::{Client, Locator};
use image::RgbImage;
use serde_json::Value;

use crate::program::Program;

/// Longest time a page is waited for; a busy machine takes seconds where an idle one takes none.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The words of the message on the glass.
pub(crate) const FRONT_WORDS: &str =
    "return document.querySelector('.layer.front')?.innerText ?? ''";

/// Whether words of a page have this text among them.
pub(crate) fn has(words: &Value, text: &str) -> bool {
    words.as_str().is_some_and(|words| words.contains(text))
}

/// What a script on the page returns.
pub(crate) async fn eval(page: &Client, script: &str) -> Value {
    page.execute(script, Vec::new()).await.unwrap()
}

/// What a script on the page returns, asked again until it satisfies.
pub(crate) async fn until(
    page: &Client,
    script: &str,
    mut satisfies: impl FnMut(&Value) -> bool,
) -> Value {
    let began = Instant::now();
    let mut last = Value::Null;
    while began.elapsed() < PATIENCE {
        last = eval(page, script).await;
        if satisfies(&last) {
            return last;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    save(page, "failed").await;
    panic!("the page did not come to it within {PATIENCE:?}; last: {last}; script: {script}");
}

/// Presses what has that id.
pub(crate) async fn press(page: &Client, id: &str) {
    let button = page.find(Locator::Id(id)).await.unwrap();
    button.click().await.unwrap();
}

/// Opens the demonstration's screen in the page and waits for the code of its notice; the address behind it.
pub(crate) async fn scanned(page: &Client, program: &Program) -> String {
    page.goto(&program.url("/screen/demo")).await.unwrap();
    let link = "return document.querySelector('#notice .qr').href";
    let is_code = |link: &Value| has(link, "/here/");
    let link = until(page, link, is_code).await;
    link.as_str().unwrap().to_owned()
}

/// Waits until something outside the page is so.
pub(crate) async fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(
            began.elapsed() < PATIENCE,
            "not within {PATIENCE:?}: {what}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What the browser paints.
pub(crate) async fn painted(page: &Client) -> RgbImage {
    let png = page.screenshot().await.unwrap();
    image::load_from_memory(&png).unwrap().to_rgb8()
}

/// Whether two colours are the same but for what codecs lose.
pub(crate) fn is_near(one: [u8; 3], other: [u8; 3], tolerance: u8) -> bool {
    one.iter()
        .zip(other)
        .all(|(a, b)| a.abs_diff(b) <= tolerance)
}

/// Keeps a picture of the page below the target folder.
pub(crate) async fn save(page: &Client, name: &str) {
    let png = page.screenshot().await.unwrap();
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(folder.join(format!("{name}.png")), &png).unwrap();
}

/// The same, and in `docs/` when asked to.
pub(crate) async fn save_for_docs(page: &Client, name: &str) {
    save(page, name).await;
    if std::env::var_os("REGARD_UPDATE_SCREENSHOTS").is_some() {
        let from = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.png"));
        let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs");
        std::fs::copy(from, std::path::Path::new(docs).join(format!("{name}.png"))).unwrap();
    }
}
