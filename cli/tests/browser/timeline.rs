//! The page of `regard timeline`: curves that run with the video.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use fantoccini::{Client, Locator};
use serde_json::Value;

use crate::accessibility::{axe, looked_at};
use crate::driver::Browser;
use crate::page::{eval, painted, press, save, until};
use crate::program::Program;

/// The first seconds of the demonstration's clip as WebM; nothing where ffmpeg is not installed or has no VP8.
fn film(folder: &Path) -> Option<PathBuf> {
    let clip = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../testkit/fixtures/clip/demo.mjpeg"
    );
    let file = folder.join("man.webm");
    let run = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "mjpeg", "-r", "15", "-i", clip])
        .args(["-frames:v", "48", "-c:v", "libvpx", "-b:v", "2M"])
        .arg(&file)
        .stderr(Stdio::null())
        .status();
    if !run.is_ok_and(|status| status.success()) {
        println!("skipped: the page of a timeline: ffmpeg with VP8 not found");
        return None;
    }
    Some(file)
}

/// Where the cursor of the first face stands, as seconds.
const CURSOR: &str = "const chart = document.querySelector('svg.timeline');
    const x = Number(chart.querySelector('.cursor').getAttribute('x1'));
    return (x - Number(chart.dataset.left)) / Number(chart.dataset.width) * Number(chart.dataset.secs)";

/// Where the video stands.
const VIDEO: &str = "return document.querySelector('video').currentTime";

fn is_at(expected: f64) -> impl FnMut(&Value) -> bool {
    move |secs| {
        secs.as_f64()
            .is_some_and(|secs| (secs - expected).abs() < 0.02)
    }
}

/// The video and the cursor both come to stand there.
async fn both_at(page: &Client, expected: f64) {
    until(page, VIDEO, is_at(expected)).await;
    until(page, CURSOR, is_at(expected)).await;
    let said = eval(page, "return document.getElementById('now').value").await;
    assert_eq!(said, format!("{expected:.2} s").as_str());
}

/// Curves that are to be seen, from the top down.
const SEEN: &str = "return [...document.querySelectorAll('svg.timeline g.row')]
    .filter((row) => row.getAttribute('display') !== 'none')
    .sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top)
    .map((row) => row.dataset.curve)";

async fn seen(page: &Client) -> Vec<String> {
    let names = eval(page, SEEN).await;
    let names = names.as_array().unwrap();
    names
        .iter()
        .map(|name| name.as_str().unwrap().to_owned())
        .collect()
}

/// The video takes the cursor along, and the cursor the video.
async fn runs_with_the_video(page: &Client) {
    eval(page, "document.querySelector('video').currentTime = 1.5").await;
    both_at(page, 1.5).await;
    // The slider, as the arrow keys move it.
    let slide = "const seek = document.getElementById('seek'); seek.value = 2.25; seek.dispatchEvent(new Event('input'))";
    eval(page, slide).await;
    both_at(page, 2.25).await;
    // A click into a curve, a quarter of the way along.
    let click = "const chart = document.querySelector('svg.timeline'), box = chart.getBoundingClientRect();
        const scale = box.width / chart.viewBox.baseVal.width;
        const x = Number(chart.dataset.left) + Number(chart.dataset.width) / 4;
        chart.dispatchEvent(new MouseEvent('click', { clientX: box.left + x * scale, clientY: box.top + 20, bubbles: true }));
        return Number(chart.dataset.secs) / 4";
    let at = eval(page, click).await.as_f64().unwrap();
    until(page, VIDEO, is_at(at)).await;
    until(page, CURSOR, is_at(at)).await;
    // What stands out leads to where it begins.
    let opens = "document.querySelector('section details').open = true; const go = document.querySelector('button.go');
        go.click(); return Number(go.dataset.secs)";
    let at = eval(page, opens).await.as_f64().unwrap();
    until(page, VIDEO, is_at(at)).await;
    until(page, CURSOR, is_at(at)).await;
    // Played, it goes on, and the cursor goes with it.
    eval(page, "document.querySelector('video').currentTime = 0").await;
    both_at(page, 0.0).await;
    press(page, "play").await;
    until(page, CURSOR, |secs| secs.as_f64() > Some(0.5)).await;
    let apart =
        "const video = document.querySelector('video'); video.pause(); return video.currentTime";
    let stopped = eval(page, apart).await.as_f64().unwrap();
    until(page, CURSOR, is_at(stopped)).await;
    let label = "return document.getElementById('play').textContent";
    until(page, label, |label| *label == "Play").await;
}

/// Curves come and go as they are ticked, without gaps.
async fn curves_are_chosen(page: &Client) {
    let all = seen(page).await;
    assert!(all.contains(&"lips_part".to_owned()), "{all:?}");
    let summary = page.find(Locator::Css("#curves summary")).await.unwrap();
    summary.click().await.unwrap();
    let tick = async |name: &str| {
        let box_of = format!("#curves input[name='{name}']");
        let found = page.find(Locator::Css(&box_of)).await.unwrap();
        found.click().await.unwrap();
    };
    tick("valence").await;
    assert_eq!(seen(page).await, all[1..], "the first is gone");
    tick("valence").await;
    assert_eq!(seen(page).await, all, "and back in its place");
    let none = "for (const button of document.querySelectorAll('#curves .none')) button.click()";
    eval(page, none).await;
    assert!(seen(page).await.is_empty());
    tick("jaw_drop").await;
    tick("lips_part").await;
    // In the order of the table, whatever was ticked first.
    assert_eq!(seen(page).await, ["lips_part", "jaw_drop"]);
    let height = "return document.querySelector('svg.timeline').viewBox.baseVal.height";
    assert_eq!(eval(page, height).await, 2 * 34 + 26);
    // Their paths are painted where they stand.
    let place = "const row = document.querySelector('g.row[data-curve=lips_part] path'); row.scrollIntoView({ block: 'center' });
        const box = row.getBoundingClientRect(); return [box.left, box.top, box.width, box.height]";
    let place: Vec<f64> = serde_json::from_value(eval(page, place).await).unwrap();
    let picture = painted(page).await;
    // A thin line is mixed with the grey behind it: bluer than red, which neither the ground nor its dashes nor events are.
    let is_line = |x: u32, y: u32| {
        let [red, _, blue] = picture.get_pixel(x, y).0;
        i32::from(blue) - i32::from(red) > 40
    };
    let [left, top, width, height] = [0, 1, 2, 3].map(|at| place[at] as u32);
    let n_columns = (left..left + width)
        .filter(|x| (top..=top + height).any(|y| is_line(*x, y)))
        .count();
    assert!(
        n_columns as f64 > 0.5 * f64::from(width),
        "{n_columns} of {width}"
    );
}

#[tokio::test]
async fn curves_run_with_the_video_and_are_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let Some(film) = film(folder.path()) else {
        return;
    };
    let Some(mut browser) = Browser::start(&["--allow-file-access-from-files".to_owned()]).await
    else {
        return;
    };
    let name = film.file_name().unwrap().to_str().unwrap();
    let told = Program::run(folder.path(), &["timeline", name, "-o", "page.html"]);
    assert!(
        told.contains("points of faces by mediapipe-face-"),
        "{told}"
    );
    let page = &browser.page;
    let address = format!("file://{}", folder.path().join("page.html").display());
    page.goto(&address).await.unwrap();
    let ready = "return document.querySelector('video').readyState >= 1 && !document.querySelector('video').hidden";
    until(page, ready, |ready| *ready == true).await;
    runs_with_the_video(page).await;
    save(page, "timeline").await;
    let mut found = Vec::new();
    let axe = axe();
    if let Some(axe) = &axe {
        found.extend(looked_at(page, axe, "timeline").await);
    }
    curves_are_chosen(page).await;
    if let Some(axe) = &axe {
        found.extend(looked_at(page, axe, "timeline, choosing").await);
    }
    save(page, "timeline-chosen").await;
    // Where the optional networks are, their weights are to be had, and are not in the way before.
    let has_weights =
        "return document.querySelector('#curves input[name=blendshape_jaw_open]') !== null";
    if eval(page, has_weights).await == true {
        let tick = "document.querySelector('#curves input[name=blendshape_jaw_open]').click()";
        eval(page, tick).await;
        assert_eq!(
            seen(page).await,
            ["lips_part", "jaw_drop", "blendshape_jaw_open"]
        );
        save(page, "timeline-weights").await;
    } else {
        println!("skipped: blendshapes in the page: their network is not under REGARD_MODELS");
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    browser.stop().await;
}
