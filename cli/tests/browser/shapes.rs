//! Windows of any shape: message and notice have room of their own, and the code can be read.

use image::RgbImage;
use serde_json::{Value, json};

use crate::driver::Browser;
use crate::messages::{show_only, words};
use crate::page::{eval, painted, save, until};
use crate::program::Program;

/// Wide, upright, old, very wide, and a telephone.
const SHAPES: [(u32, u32); 6] = [
    (1920, 1080),
    (1080, 1920),
    (1024, 768),
    (3840, 1080),
    (1920, 540),
    (390, 844),
];

/// Turns the languages of the notice faster than people read.
const FAST: &str = "const slow = globalThis.setInterval;
    globalThis.setInterval = (run, millis, ...more) => slow(run, millis === 8000 ? 300 : millis, ...more);";

/// Where everything is.
const LAYOUT: &str = "
    const rect = (node) => { const b = node.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom]; };
    const notice = document.getElementById('notice');
    const words = document.querySelector('.layer.front .words');
    const parts = [...notice.querySelectorAll('.title, .state, .lines li, .more, .qr')].map(rect);
    return {
        language: notice.lang, notice: rect(notice), stage: rect(document.getElementById('stage')), parts,
        code: rect(notice.querySelector('.qr img')), scan: rect(document.querySelector('.layer.front .scan')), letters: parseFloat(getComputedStyle(notice).fontSize),
        fits: words.scrollHeight <= words.clientHeight && words.scrollWidth <= words.clientWidth,
        scrolls: document.documentElement.scrollHeight > innerHeight || document.documentElement.scrollWidth > innerWidth,
    };";

fn numbers(value: &Value) -> [f64; 4] {
    serde_json::from_value(value.clone()).unwrap()
}

/// The text of the code at a place of a picture.
fn code(image: &RgbImage, place: [f64; 4]) -> Option<String> {
    let [left, top, right, bottom] = place.map(|edge| edge.max(0.0) as u32);
    let cut = image::imageops::crop_imm(image, left, top, right - left, bottom - top).to_image();
    let gray = image::imageops::grayscale(&cut);
    // As a telephone sees it: more of its pixels than of the screen's, from here and from there.
    (2..=4).find_map(|scale| {
        let (width, height) = (gray.width() * scale, gray.height() * scale);
        let filter = image::imageops::FilterType::CatmullRom;
        let seen = image::imageops::resize(&gray, width, height, filter);
        let pixel = |x: usize, y: usize| seen.get_pixel(x as u32, y as u32).0[0];
        let (width, height) = (width as usize, height as usize);
        let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(width, height, pixel);
        let grids = prepared.detect_grids();
        grids.iter().find_map(|grid| Some(grid.decode().ok()?.1))
    })
}

fn check(layout: &Value, (width, height): (u32, u32)) {
    let (width, height) = (f64::from(width), f64::from(height));
    let [notice, stage, code] = ["notice", "stage", "code"].map(|name| numbers(&layout[name]));
    let told = format!("{width}x{height}: {layout}");
    assert!(
        notice[0] >= 0.0
            && notice[1] >= 0.0
            && notice[2] <= width + 0.5
            && notice[3] <= height + 0.5,
        "{told}"
    );
    assert!(
        stage[3] <= notice[1] + 0.5,
        "message and notice do not overlap: {told}"
    );
    assert!(
        stage[3] - stage[1] >= 0.38 * height,
        "the message has room: {told}"
    );
    for part in layout["parts"].as_array().unwrap() {
        let part = numbers(part);
        // A line that is empty takes no room.
        if part[2] > part[0] {
            assert!(
                part[0] >= notice[0]
                    && part[1] >= notice[1]
                    && part[2] <= notice[2] + 0.5
                    && part[3] <= notice[3] + 0.5,
                "all of the notice: {part:?} {told}"
            );
        }
    }
    assert!(code[2] - code[0] >= 64.0, "{told}");
    assert!(layout["letters"].as_f64().unwrap() >= 11.0, "{told}");
    assert_eq!(
        (&layout["fits"], &layout["scrolls"]),
        (&json!(true), &json!(false)),
        "{told}"
    );
}

#[tokio::test]
async fn the_notice_has_its_place_in_any_window() {
    let Some(mut browser) = Browser::start(&[]).await else {
        return;
    };
    let program = Program::demo(&["--no-screen"]);
    let mut message = words(
        "long",
        "A message with a rather long title for every kind of window",
        "#204060",
    );
    message["content"]["body"] =
        "And with a second line, which says in some more words what the first one was about."
            .into();
    message["target_url"] = "https://example.org/spring".into();
    show_only(&program, &[message]);
    let page = browser.page.clone();
    browser.devtools(
        "Page.addScriptToEvaluateOnNewDocument",
        &json!({ "source": FAST }),
    );
    for (width, height) in SHAPES {
        browser.resize(width, height);
        page.goto(&program.url("/screen/demo")).await.unwrap();
        let codes_are_there = "return document.querySelector('#notice .qr img').naturalWidth > 0 && document.querySelector('.layer.front .scan img')?.naturalWidth > 0";
        until(&page, codes_are_there, |is_there| is_there == true).await;
        let mut languages = Vec::new();
        while languages.len() < 5 {
            let layout = until(&page, LAYOUT, |layout| {
                !languages.contains(&layout["language"])
            })
            .await;
            check(&layout, (width, height));
            languages.push(layout["language"].clone());
        }
        let name = format!("screen-{width}x{height}");
        save(&page, &name).await;
        let image = painted(&page).await;
        let layout = eval(&page, LAYOUT).await;
        let notice = code(&image, numbers(&layout["code"]));
        let privacy = notice.unwrap_or_default();
        assert!(
            privacy.starts_with(&program.url("/screen/demo/here/")),
            "{name}: the code of the notice leads to {privacy}"
        );
        let scan = code(&image, numbers(&layout["scan"])).unwrap_or_default();
        assert!(
            scan.starts_with(&program.url("/s/")),
            "{name}: the code of the message: {scan}"
        );
        // Both codes apart from the words.
        let overlap = "const a = document.querySelector('.layer.front .scan').getBoundingClientRect();
            return [...document.querySelectorAll('.layer.front .words > *')].some((node) => {
                const range = document.createRange(); range.selectNodeContents(node);
                return [...range.getClientRects()].some((b) => b.left < a.right && b.right > a.left && b.top < a.bottom && b.bottom > a.top);
            });";
        assert_eq!(
            eval(&page, overlap).await,
            false,
            "{name}: the code lies over the words"
        );
        let path = scan.trim_start_matches(&program.url(""));
        let (status, _) = program.ask("GET", path, "", Vec::new());
        assert_eq!(status, 302);
    }
    // A scan counts, once a decision.
    page.goto(&program.url("/privacy")).await.unwrap();
    let text = eval(&page, "return document.querySelector('main').innerText").await;
    assert!(
        text.as_str().unwrap().len() > 500,
        "the page says something"
    );
    browser.stop().await;
}
