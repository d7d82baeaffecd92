//! Messages are fetched ahead, and fade into each other without a gap.

use std::time::Instant;

use image::ImageFormat;
use serde_json::{Value, json};

use crate::driver::Browser;
use crate::messages::{film, picture, show_only, uploaded, words};
use crate::page::{FRONT_WORDS, PATIENCE, eval, painted, until, wait_for};
use crate::program::Program;
use crate::proxy::relay;

#[tokio::test]
async fn a_change_asks_the_server_for_nothing() {
    let Some(mut browser) = Browser::start(&[]).await else {
        return;
    };
    let program = Program::demo(&["--no-screen"]);
    let (address, log) = relay(program.host());
    let mut later = vec![
        uploaded(
            &program,
            "picture",
            "a.png",
            &picture([9, 99, 199], ImageFormat::Png),
        ),
        uploaded(
            &program,
            "page",
            "b.html",
            b"<!doctype html><body style='background:#123456'>page</body>",
        ),
    ];
    later.extend(film([180, 120, 20]).map(|film| uploaded(&program, "film", "c.webm", &film)));
    let now = words("now", "Now", "#204060");
    let waiting: Vec<Value> = later
        .iter()
        .map(|message| {
            let mut message = message.clone();
            // Many more people than the clip has.
            message["when"] = json!({"n_visitors": {"min": 99}});
            message
        })
        .collect();
    let calm = [&waiting[..], &[now]].concat();
    show_only(&program, &calm);
    browser
        .page
        .goto(&format!("{address}/screen/demo"))
        .await
        .unwrap();
    for message in &later {
        let asset = message["content"]["asset"].as_str().unwrap().to_owned();
        let stem = asset.split('.').next().unwrap().to_owned();
        wait_for("all is fetched ahead", || {
            !log.since(0, &format!("GET /assets/{stem}")).is_empty()
        })
        .await;
    }
    until(&browser.page, FRONT_WORDS, |text| text == "Now").await;
    // Films come in pieces.
    let mut n_asked = 0;
    wait_for("the last piece came", || {
        std::thread::sleep(std::time::Duration::from_millis(1_000));
        std::mem::replace(&mut n_asked, log.since(0, "GET /assets/").len())
            == log.since(0, "GET /assets/").len()
    })
    .await;

    let place = log.len();
    for (turn, message) in later.iter().enumerate() {
        let mut messages = waiting.clone();
        messages[turn] = message.clone();
        show_only(&program, &messages);
        let asset = message["content"]["asset"].as_str().unwrap();
        let stem = asset.split('.').next().unwrap().to_owned();
        let source = "return document.querySelector('.layer.front .message')?.src ?? ''";
        until(&browser.page, source, |source| {
            source.as_str().is_some_and(|s| s.contains(&stem))
        })
        .await;
        show_only(&program, &calm);
        until(&browser.page, FRONT_WORDS, |text| text == "Now").await;
    }
    let asked = log.since(place, "GET /assets/");
    assert!(asked.is_empty(), "asked again: {asked:?}");
    browser.stop().await;
}

/// Writes down, frame by frame, how opaque both layers are.
const WATCH: &str = "
    globalThis.frames_seen = [];
    const layers = [...document.querySelectorAll('.layer')];
    const look = () => {
        frames_seen.push(layers.map((layer) => {
            const style = getComputedStyle(layer);
            return style.visibility === 'visible' && layer.childElementCount > 0 ? Number(style.opacity) : 0;
        }));
        requestAnimationFrame(look);
    };
    look();";

#[tokio::test]
async fn messages_fade_into_each_other_without_a_gap() {
    let Some(mut browser) = Browser::start(&[]).await else {
        return;
    };
    let program = Program::demo(&["--no-screen"]);
    let fading = |id: &str, background: &str| {
        let mut message = words(id, id, background);
        message["transition_millis"] = 2_000.into();
        message["min_show_millis"] = 2_000.into();
        message
    };
    show_only(&program, &[fading("red", "#ff0000")]);
    let page = browser.page.clone();
    page.goto(&program.url("/screen/demo")).await.unwrap();
    until(&page, FRONT_WORDS, |text| text == "red").await;
    eval(&page, WATCH).await;
    let at = "const b = document.getElementById('stage').getBoundingClientRect(); return [b.left + 8, b.top + 8].map(Math.round)";
    let at = eval(&page, at).await;
    let [x, y] = [0, 1].map(|i| at[i].as_u64().unwrap() as u32);

    // The first message may have faded in over what the demo showed before.
    let began = Instant::now();
    while painted(&page).await.get_pixel(x, y).0 != [255, 0, 0] {
        assert!(began.elapsed() < PATIENCE, "red is painted");
    }
    show_only(&program, &[fading("blue", "#0000ff")]);
    let mut colors = Vec::new();
    let began = Instant::now();
    while colors.last() != Some(&[0_u8, 0, 255]) {
        assert!(began.elapsed() < PATIENCE, "{colors:?}");
        colors.push(painted(&page).await.get_pixel(x, y).0);
    }
    for [r, g, b] in &colors {
        let light = u32::from(*r) + u32::from(*b);
        assert!(
            (245..=265).contains(&light) && *g < 10,
            "between red and blue only: {colors:?}"
        );
    }
    let frames = eval(&page, "return frames_seen").await;
    let frames: Vec<[f64; 2]> = serde_json::from_value(frames).unwrap();
    assert!(
        frames
            .iter()
            .any(|both| both.iter().any(|o| *o > 0.02 && *o < 0.98)),
        "it faded"
    );
    for both in &frames {
        assert!(
            both.iter().any(|opacity| *opacity > 0.999),
            "one layer is whole in every frame: {both:?}"
        );
    }
    browser.stop().await;
}
