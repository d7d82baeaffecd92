//! A campaign made in the console from nothing: written, looked at, shown on a screen, let in force, ended.

use fantoccini::{Client, Locator};
use serde_json::{Value, json};

use crate::accessibility::{axe, looked_at};
use crate::driver::Browser;
use crate::page::{eval, press, save, until};
use crate::program::Program;

const SAID: &str = "return [document.getElementById('said').hidden, document.getElementById('said').textContent, document.getElementById('mistake').textContent]";

/// Puts a value into a field as somebody who types does.
async fn fill(page: &Client, path: &str, value: &str) {
    let script = format!(
        "const field = document.querySelector('[data-path=\"{path}\"]');
         field.value = {}; field.dispatchEvent(new Event('input', {{ bubbles: true }}));
         field.dispatchEvent(new Event('change', {{ bubbles: true }})); return field.value;",
        Value::from(value)
    );
    assert_eq!(eval(page, &script).await, value, "{path}");
}

/// Presses and waits for what the page says of it.
async fn done(page: &Client, id: &str, expected: &str) {
    let button = format!("document.getElementById('{id}').scrollIntoView({{ block: 'center' }})");
    eval(page, &button).await;
    press(page, id).await;
    until(page, SAID, |said| said[1] == expected).await;
}

/// What is said beside a field.
async fn beside(page: &Client, path: &str, part: &str) {
    let script = format!(
        "const field = document.querySelector('[data-path=\"{path}\"]');
         return (field.getAttribute('aria-describedby') ?? '').split(' ').map((id) => document.getElementById(id)?.textContent ?? '').join(' ')"
    );
    let has = |said: &Value| said.as_str().is_some_and(|said| said.contains(part));
    until(page, &script, has).await;
}

async fn standing(page: &Client) -> Value {
    let script = "return [...document.querySelectorAll('#standing [data-standing]')].map((badge) => badge.dataset.standing)";
    eval(page, script).await
}

const ON_GLASS: &str = "return document.querySelector('.layer.front')?.innerText ?? ''";

#[tokio::test]
async fn a_campaign_is_made_shown_let_in_force_and_ended() {
    let (Some(mut browser), Some(mut wall)) = (Browser::start(&[]).await, Browser::start(&[]).await)
    else {
        return;
    };
    let demo = Program::demo(&[]);
    let (page, screen) = (browser.page.clone(), wall.page.clone());
    let axe = axe();
    let mut found = Vec::new();
    browser.resize(1440, 1300);
    screen.goto(&demo.url("/screen/demo")).await.unwrap();
    until(&screen, ON_GLASS, |words| words != "").await;

    page.goto(&demo.url("/console/campaigns?lang=en")).await.unwrap();
    if let Some(axe) = &axe {
        found.extend(looked_at(&page, axe, "campaigns").await);
    }
    let new = page.find(Locator::Css("main .button.primary")).await.unwrap();
    new.click().await.unwrap();
    until(&page, "return document.querySelectorAll('.message-part').length", |n| *n == 1).await;
    for (path, value) in [
        ("id", "tulips"),
        ("name", "Tulips"),
        ("creative.0.id", "tulip"),
        ("creative.0.name", "Tulip"),
        ("creative.0.content.title", "Your price, today"),
        ("creative.0.content.color", "#777777"),
        ("creative.0.content.background", "#888888"),
        ("creative.0.duration_millis", "5"),
        ("budget.max_plays_per_day", "40"),
        ("budget.pacing", "even"),
        ("priority", "90"),
    ] {
        fill(&page, path, value).await;
    }
    beside(&page, "creative.0.content.title", "significant_effect").await;
    beside(&page, "creative.0.content.color", "contrast").await;
    beside(&page, "viewer_benefit", "what the viewer gains").await;
    // What stands in the form is on the glass beside it, as a screen would show it.
    let glass = "return document.querySelector('#glass .layer.front')?.innerText ?? ''";
    until(&page, glass, |words| *words == "Your price, today").await;
    // Somebody's mistake is told at its field too.
    fill(&page, "creative.0.duration_millis", "0.1").await;
    beside(&page, "creative.0.duration_millis", "expected").await;
    let invalid = "return document.querySelector('[data-path=\"creative.0.duration_millis\"]').getAttribute('aria-invalid')";
    assert_eq!(eval(&page, invalid).await, "true");
    save(&page, "campaign-findings").await;
    for scheme in ["light", "dark"] {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        browser.devtools("Emulation.setEmulatedMedia", &features);
        if let Some(axe) = &axe {
            // The contrast of the message is the very thing that the page complains of.
            fill(&page, "creative.0.content.color", "#ffffff").await;
            fill(&page, "creative.0.content.background", "#10324a").await;
            until(&page, "return document.querySelectorAll('#checks li').length", |n| n.as_u64() > Some(0)).await;
            found.extend(looked_at(&page, axe, &format!("{scheme} campaign")).await);
        }
        save(&page, &format!("campaign-{scheme}")).await;
    }
    for (path, value) in [
        ("creative.0.content.title", "Tulips are here"),
        ("creative.0.content.color", "#ffffff"),
        ("creative.0.content.background", "#7a1f3d"),
        ("creative.0.duration_millis", "6"),
        ("viewer_benefit", "A bunch for the way home."),
    ] {
        fill(&page, path, value).await;
    }
    press(&page, "add-daypart").await;
    fill(&page, "schedule.dayparts.0.start", "00:00").await;
    fill(&page, "schedule.dayparts.0.end", "00:00").await;
    done(&page, "save", "Saved.").await;
    assert_eq!(standing(&page).await, json!(["never", "draft"]));
    until(&page, "return document.getElementById('checks').textContent", |said| *said == "Nothing to look at.").await;

    // On the screen for some seconds, with its mark, and nothing of it is a play.
    let mark = "const mark = document.getElementById('preview-mark'); return mark.hidden ? '' : mark.textContent";
    assert_eq!(eval(&screen, mark).await, "");
    fill_seconds(&page, 6).await;
    done(&page, "show", "On the screen now, marked as a preview; not counted.").await;
    until(&screen, ON_GLASS, |words| *words == "Tulips are here").await;
    let marked = eval(&screen, mark).await;
    assert!(marked.as_str().unwrap().starts_with("Preview: a trial"), "{marked}");
    save(&screen, "preview-on-screen").await;
    if let Some(axe) = &axe {
        found.extend(looked_at(&screen, axe, "preview on a screen").await);
    }
    until(&screen, mark, |mark| *mark == "").await;
    let after = eval(&screen, ON_GLASS).await;
    assert_ne!(after, "Tulips are here");
    let plays = "return fetch('/v1/decisions?limit=500').then((all) => all.json()).then((all) => all.filter((one) => one.campaign === 'tulips').length)";
    assert_eq!(eval(&page, plays).await, 0);

    done(&page, "submit", "Submitted: somebody else can approve it now.").await;
    assert_eq!(standing(&page).await, json!(["never", "waiting"]));
    // In the demonstration nobody logs in, so that nobody can be told apart.
    done(&page, "approve", "Approved: it is in force.").await;
    assert_eq!(standing(&page).await, json!(["live"]));
    until(&screen, ON_GLASS, |words| *words == "Tulips are here").await;
    assert_eq!(eval(&screen, mark).await, "");

    // A version that was in force is opened again.
    fill(&page, "name", "Tulips, second week").await;
    done(&page, "put", "It is in force.").await;
    let first = "[...document.querySelectorAll('#versions button')].at(-1).click()";
    eval(&page, first).await;
    until(&page, "return document.querySelector('[data-path=name]').value", |name| *name == "Tulips").await;
    page.goto(&demo.url("/console/campaigns?lang=nl")).await.unwrap();
    let row = "return document.querySelector('[data-campaign=tulips]')?.innerText ?? ''";
    until(&page, row, |row| row.as_str().is_some_and(|row| row.contains("Tulips, second week") && row.contains("Loopt"))).await;
    save(&page, "campaigns-list").await;
    assert!(found.is_empty(), "{}", found.join("\n"));
    browser.stop().await;
    wall.stop().await;
}

async fn fill_seconds(page: &Client, seconds: u32) {
    let script = format!("document.getElementById('seconds').value = {seconds}");
    eval(page, &script).await;
}
