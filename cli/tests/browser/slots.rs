//! A screen that is parted into slots: each has a message of its own, which comes, fades and is told of for itself.

use fantoccini::{Client, Locator};
use serde_json::{Value, json};

use crate::accessibility::{axe, looked_at};
use crate::campaigns::{done, fill};
use crate::driver::Browser;
use crate::page::{eval, save, until, wait_for};
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
    assert_eq!(eval(&page, fits).await, json!([true, true]));
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

/// Whether a place is from 70 to 100 percent of the width, as that of the calm slot.
fn is_aside(place: &Value) -> bool {
    let edges: Option<[f64; 2]> = serde_json::from_value(place.clone()).ok();
    edges.is_some_and(|[left, width]| (left - 0.7).abs() < 0.01 && (width - 0.3).abs() < 0.01)
}

/// Where the front layer of a glass lies, and its words.
fn front_of(glass: &str) -> String {
    format!(
        "const glass = document.querySelector('{glass}').getBoundingClientRect();
         const layer = document.querySelector('{glass} > .layer.front');
         const box = layer?.getBoundingClientRect();
         return [layer ? [(box.left - glass.left) / glass.width, box.width / glass.width] : null, layer?.innerText ?? ''];"
    )
}

/// The campaign of the calm slot in its form.
async fn open_form(page: &Client, program: &mut Program) {
    page.goto(&program.url("/console")).await.unwrap();
    let field = page.find(Locator::Id("token")).await.unwrap();
    field.send_keys(&program.token()).await.unwrap();
    let button = Locator::Css("button[type=submit]");
    page.find(button).await.unwrap().click().await.unwrap();
    until(page, "return location.pathname", |at| *at == "/console").await;
    let form = program.url("/console/campaign?id=calm&lang=en");
    page.goto(&form).await.unwrap();
    let ticks = "return [...document.querySelectorAll('[data-path=slots] input')].map((box) => [box.value, box.checked])";
    let expected = json!([["main", false], ["side", true]]);
    until(page, ticks, |ticks| *ticks == expected).await;
}

/// The message is looked at where the slot lies: beside the form, then on the screen, where nothing else is to be seen.
async fn look_aside(page: &Client, screen: &Client) {
    let place = "const place = document.getElementById('place');
        place.value = 'side'; place.dispatchEvent(new Event('change', { bubbles: true }));
        return [...place.options].map((option) => option.text);";
    let places = eval(page, place).await;
    assert_eq!(
        places,
        json!(["All of the glass", "window: main", "window: side"])
    );
    fill(page, "creative.0.content.title", "Quiet").await;
    let is_there = |front: &Value| is_aside(&front[0]) && front[1] == "Quiet";
    until(page, &front_of("#glass"), is_there).await;
    save(page, "campaign-slot").await;
    done(page, "save", "Saved.").await;
    eval(page, "document.getElementById('seconds').value = 15").await;
    let said = "On the screen now, marked as a preview; not counted.";
    done(page, "show", said).await;
    until(screen, &front_of("#stage"), is_there).await;
    let beside = "return document.querySelectorAll('.slot > .layer.front').length";
    until(screen, beside, |n| *n == 0).await;
    save(screen, "preview-in-slot").await;
    // Then each slot has its message again.
    until(screen, &front("main"), |text| {
        text == "One" || text == "Two"
    })
    .await;
    until(screen, &front("side"), |text| text == "Still").await;
    until(screen, &front_of("#stage"), |front| front[0].is_null()).await;
}

#[tokio::test]
async fn a_campaign_is_kept_to_slots_in_its_form_and_looked_at_in_one() {
    let (Some(mut browser), Some(mut wall)) =
        (Browser::start(&[]).await, Browser::start(&[]).await)
    else {
        return;
    };
    let folder = site();
    let mut program = Program::serve(folder.path());
    let (page, screen) = (browser.page.clone(), wall.page.clone());
    browser.resize(1440, 1300);
    screen.goto(&program.url("/screen/window")).await.unwrap();
    until(&screen, &front("side"), |text| text == "Still").await;
    open_form(&page, &mut program).await;
    look_aside(&page, &screen).await;
    if let Some(axe) = axe() {
        let found = looked_at(&page, &axe, "campaign with slots").await;
        assert!(found.is_empty(), "{}", found.join("\n"));
    }

    // A slot that is not there any more stays ticked, and is complained of, until somebody unticks it.
    let paste = "const field = document.getElementById('json');
        field.value = JSON.stringify({ ...JSON.parse(field.value), slots: ['sied'] });
        document.getElementById('apply').click();";
    eval(&page, paste).await;
    let gone =
        "return document.querySelector('[data-path=slots] [data-gone] input:checked')?.value ?? ''";
    until(&page, gone, |value| *value == "sied").await;
    let complaint = "return document.querySelector('[data-path=slots]').closest('.field').querySelector('.finding.bad')?.textContent ?? ''";
    let is_told = |said: &Value| {
        said.as_str()
            .is_some_and(|said| said.contains("main, side"))
    };
    until(&page, complaint, is_told).await;
    let press = "for (const value of ['sied', 'main']) document.querySelector(`[data-path=slots] input[value=${value}]`).click();";
    eval(&page, press).await;
    until(&page, complaint, |said| *said == "").await;
    done(&page, "put", "It is in force.").await;
    let slots = "return fetch('/v1/campaigns/calm').then((answer) => answer.json()).then((campaign) => campaign.slots)";
    assert_eq!(eval(&page, slots).await, json!(["main"]));
    browser.stop().await;
    wall.stop().await;
}
