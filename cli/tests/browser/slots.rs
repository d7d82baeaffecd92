//! A screen that is parted into slots: each has a message of its own, which comes, fades and is told of for itself.

use serde_json::Value;

use crate::driver::Browser;
use crate::page::{eval, until, wait_for};
use crate::program::Program;
use crate::proxy::{Log, relay};

/// A loud slot whose two messages take turns, and a calm one whose message stays.
const SITE: &str = "
[[screen]]
id = \"window\"
[[screen.slot]]
id = \"main\"
left = 0
top = 0
width = 70
height = 100
[[screen.slot]]
id = \"side\"
left = 70
top = 0
width = 30
height = 100
[[campaign]]
id = \"loud\"
name = \"Loud\"
slots = [\"main\"]
policy = { kind = \"fixed\", order = \"round_robin\" }
[[campaign.creative]]
id = \"one\"
name = \"One\"
content = { kind = \"text\", title = \"One\", background = \"#ff0000\", color = \"#ffffff\" }
duration_millis = 4000
min_show_millis = 2000
transition_millis = 1500
[[campaign.creative]]
id = \"two\"
name = \"Two\"
content = { kind = \"text\", title = \"Two\", background = \"#0000ff\", color = \"#ffffff\" }
duration_millis = 4000
min_show_millis = 2000
transition_millis = 1500
[[campaign]]
id = \"calm\"
name = \"Calm\"
slots = [\"side\"]
[[campaign.creative]]
id = \"still\"
name = \"Still\"
content = { kind = \"text\", title = \"Still\", background = \"#206040\", color = \"#ffffff\" }
duration_millis = 3600000
[engine]
runtime = \"rten\"
";

fn site() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("regard.toml"), SITE).unwrap();
    let demo = regard_commitments::Commitments::demo_text();
    std::fs::write(folder.path().join("commitments.toml"), demo).unwrap();
    folder
}

/// Words in front in a slot.
fn front(slot: &str) -> String {
    format!(
        "return document.querySelector('.slot[data-slot={slot}] > .layer.front')?.innerText ?? ''"
    )
}

/// Writes down, frame by frame, how opaque the layers of each slot are.
const WATCH: &str = "
    globalThis.frames_seen = [];
    const slots = [...document.querySelectorAll('.slot')].map((slot) => [...slot.querySelectorAll('.layer')]);
    const look = () => {
        frames_seen.push(slots.map((layers) => layers.map((layer) => {
            const style = getComputedStyle(layer);
            return style.visibility === 'visible' && layer.childElementCount > 0 ? Number(style.opacity) : 0;
        })));
        requestAnimationFrame(look);
    };
    look();
    globalThis.still = document.querySelector('.slot[data-slot=side] > .layer.front .message');";

/// Plays that were said to be on the glass, and plays that were said to have ended.
fn told(log: &Log) -> (Vec<String>, Vec<String>) {
    let bodies = log
        .since(0, "\"play\":")
        .into_iter()
        .filter_map(|(_, text)| {
            let start = text.find("\r\n\r\n").map_or(0, |at| at + 4);
            serde_json::from_str::<Value>(text[start..].trim()).ok()
        });
    let (mut shown, mut ended) = (Vec::new(), Vec::new());
    for body in bodies {
        let play = body["play"].as_str().unwrap().to_owned();
        if body.get("shown_millis").is_none() {
            shown.push(play);
        } else if body["ended"] == true {
            ended.push(play);
        }
    }
    (shown, ended)
}

/// Plays of a slot that ended, as a report has them.
fn reported(folder: &std::path::Path, slot: &str) -> u64 {
    let text = Program::run(folder, &["report", "--by", "slot", "--format", "json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    let mut rows = report["rows"].as_array().unwrap().iter();
    let key = format!("window / {slot}");
    rows.find(|row| row["key"] == key.as_str())
        .map_or(0, |row| row["n_plays"].as_u64().unwrap())
}

#[tokio::test]
async fn slots_stand_side_by_side_and_one_changes_without_the_other() {
    let Some(mut browser) = Browser::start(&[]).await else {
        return;
    };
    let folder = site();
    let program = Program::serve(folder.path());
    let (address, log) = relay(program.host());
    let page = browser.page.clone();
    page.goto(&format!("{address}/screen/window"))
        .await
        .unwrap();
    until(&page, &front("main"), |text| text == "One" || text == "Two").await;
    until(&page, &front("side"), |text| text == "Still").await;
    eval(&page, WATCH).await;

    // Where the configuration says, and the words within.
    let places = eval(
        &page,
        "const stage = document.getElementById('stage').getBoundingClientRect();
         return ['main', 'side'].map((id) => {
             const box = document.querySelector(`.slot[data-slot=${id}]`).getBoundingClientRect();
             return [(box.left - stage.left) / stage.width, (box.top - stage.top) / stage.height,
                 box.width / stage.width, box.height / stage.height];
         });",
    )
    .await;
    let places: [[f64; 4]; 2] = serde_json::from_value(places).unwrap();
    let expected = [[0.0, 0.0, 0.7, 1.0], [0.7, 0.0, 0.3, 1.0]];
    for (place, expected) in places.as_flattened().iter().zip(expected.as_flattened()) {
        assert!((place - expected).abs() < 0.005, "{places:?}");
    }
    let fits = "return [...document.querySelectorAll('.slot > .layer.front .words')]
        .map((words) => words.scrollWidth <= words.clientWidth && words.scrollHeight <= words.clientHeight)";
    assert_eq!(eval(&page, fits).await, serde_json::json!([true, true]));
    let notice = "const notice = document.getElementById('notice').getBoundingClientRect();
        return !document.getElementById('notice').hidden && notice.bottom <= innerHeight + 1
            && notice.top >= document.getElementById('stage').getBoundingClientRect().bottom - 1";
    until(&page, notice, |lies_below| lies_below == true).await;

    // The loud slot goes round; the calm one keeps the very message it had.
    for title in ["Two", "One", "Two"] {
        until(&page, &front("main"), |text| text == title).await;
    }
    let stays = "return still.isConnected && still.closest('.layer').classList.contains('front')";
    assert_eq!(eval(&page, stays).await, true);
    let frames = eval(&page, "return frames_seen").await;
    let frames: Vec<[[f64; 2]; 2]> = serde_json::from_value(frames).unwrap();
    let fades = |opacity: &f64| *opacity > 0.02 && *opacity < 0.98;
    let faded = frames.iter().any(|[main, _]| main.iter().any(fades));
    assert!(faded, "the loud slot faded");
    for both in &frames {
        for layers in both {
            let is_whole = layers.iter().any(|opacity| *opacity > 0.999);
            assert!(
                is_whole,
                "one layer of each slot is whole in every frame: {both:?}"
            );
        }
        assert!(
            !both[1].iter().any(fades),
            "the calm slot did not: {both:?}"
        );
    }

    // Two plays are on the glass at any time; those that ended are of the loud slot.
    wait_for("plays are told of", || {
        let (shown, ended) = told(&log);
        ended.len() >= 2 && shown.len() == ended.len() + 2
    })
    .await;
    wait_for("plays are kept", || reported(folder.path(), "main") >= 2).await;
    assert_eq!(reported(folder.path(), "side"), 0, "it is on the glass");
    // Whoever leaves says so of both.
    page.goto("about:blank").await.unwrap();
    wait_for("the page said goodbye", || {
        let (shown, ended) = told(&log);
        shown.iter().all(|play| ended.contains(play))
    })
    .await;
    browser.stop().await;
}
