//! A campaign made in the console from nothing: written, looked at, shown on a screen, let in force, ended.

use std::time::{SystemTime, UNIX_EPOCH};

use fantoccini::{Client, Locator};
use serde_json::{Value, json};

use crate::accessibility::{axe, looked_at};
use crate::driver::Browser;
use crate::page::{FRONT_WORDS, eval, press, save, until};
use crate::program::Program;

const SAID: &str = "return [document.getElementById('said').hidden, document.getElementById('said').textContent, document.getElementById('mistake').textContent]";

/// Puts a value into a field as somebody who types does.
pub(crate) async fn fill(page: &Client, path: &str, value: &str) {
    let script = format!(
        "const field = document.querySelector('[data-path=\"{path}\"]');
         field.value = {}; field.dispatchEvent(new Event('input', {{ bubbles: true }}));
         field.dispatchEvent(new Event('change', {{ bubbles: true }})); return field.value;",
        Value::from(value)
    );
    assert_eq!(eval(page, &script).await, value, "{path}");
}

/// Presses and waits for what the page says of it.
pub(crate) async fn done(page: &Client, id: &str, expected: &str) {
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

/// What axe finds on the page as it is, where axe is installed.
async fn look(page: &Client, axe: Option<&str>, name: &str, found: &mut Vec<String>) {
    if let Some(axe) = axe {
        found.extend(looked_at(page, axe, name).await);
    }
}

/// A new campaign is written; what there is to say of it stands beside its fields, and its message beside the form.
async fn write(page: &Client) {
    let new = page.find(Locator::Css("main .button.primary")).await;
    new.unwrap().click().await.unwrap();
    let parts = "return document.querySelectorAll('.message-part').length";
    until(page, parts, |n| *n == 1).await;
    for (path, value) in [
        ("id", "tulips"),
        ("name", "Tulips"),
        ("creative.0.id", "tulip"),
        ("creative.0.name", "Tulip"),
        ("creative.0.content.title", "Your price, today"),
        ("creative.0.content.color", "#777777"),
        ("creative.0.content.background", "#888888"),
        ("creative.0.duration_millis", "5"),
        ("budget.max_plays_per_day", "1440"),
        ("budget.pacing", "even"),
        ("priority", "90"),
    ] {
        fill(page, path, value).await;
    }
    beside(page, "creative.0.content.title", "significant_effect").await;
    beside(page, "creative.0.content.color", "contrast").await;
    beside(page, "viewer_benefit", "what the viewer gains").await;
    let glass = "return document.querySelector('#glass .layer.front')?.innerText ?? ''";
    until(page, glass, |words| *words == "Your price, today").await;
    // Somebody's mistake is told at its field too.
    fill(page, "creative.0.duration_millis", "0.1").await;
    beside(page, "creative.0.duration_millis", "; ").await;
    let invalid = "return document.querySelector('[data-path=\"creative.0.duration_millis\"]').getAttribute('aria-invalid')";
    until(page, invalid, |invalid| *invalid == "true").await;
    save(page, "campaign-findings").await;
}

/// The form with its findings, light and dark.
async fn look_at_form(browser: &Browser, axe: Option<&str>, found: &mut Vec<String>) {
    let page = &browser.page;
    // The contrast of the message is the very thing that the page complains of.
    fill(page, "creative.0.content.color", "#ffffff").await;
    fill(page, "creative.0.content.background", "#10324a").await;
    // What has a mistake is not shown.
    fill(page, "creative.0.duration_millis", "5").await;
    let color = "return getComputedStyle(document.querySelector('#glass .layer.front h1')).color";
    until(page, color, |color| *color == "rgb(255, 255, 255)").await;
    let said = "return document.querySelectorAll('#checks li').length";
    until(page, said, |n| n.as_u64() > Some(0)).await;
    for scheme in ["light", "dark"] {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        browser.devtools("Emulation.setEmulatedMedia", &features);
        look(page, axe, &format!("{scheme} campaign"), found).await;
        save(page, &format!("campaign-{scheme}")).await;
    }
}

/// A part of the day that ends a minute before it begins, past midnight. The minute is not now in any zone: zones lie a
/// quarter of an hour apart.
fn all_day_but_a_minute() -> (String, String) {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let start = since.as_secs() / 60 + 37;
    let clock = |minute: u64| format!("{:02}:{:02}", minute / 60 % 24, minute % 60);
    (clock(start), clock(start - 1))
}

/// It is mended and saved.
async fn mend(page: &Client) {
    for (path, value) in [
        ("creative.0.content.title", "Tulips are here"),
        ("creative.0.content.color", "#ffffff"),
        ("creative.0.content.background", "#7a1f3d"),
        ("creative.0.duration_millis", "6"),
        ("viewer_benefit", "A bunch for the way home."),
    ] {
        fill(page, path, value).await;
    }
    press(page, "add-daypart").await;
    let (start, end) = all_day_but_a_minute();
    fill(page, "schedule.dayparts.0.start", &start).await;
    fill(page, "schedule.dayparts.0.end", &end).await;
    done(page, "save", "Saved.").await;
    assert_eq!(standing(page).await, json!(["never", "draft"]));
    let said = "return document.getElementById('checks').textContent";
    until(page, said, |said| *said == "Nothing to look at.").await;
}

const MARK: &str = "const mark = document.getElementById('preview-mark'); return mark.hidden ? '' : mark.textContent";

/// On the screen for some seconds, with its mark; nothing of it is a play.
async fn show((page, screen): (&Client, &Client), axe: Option<&str>, found: &mut Vec<String>) {
    assert_eq!(eval(screen, MARK).await, "");
    eval(page, "document.getElementById('seconds').value = 12").await;
    let said = "On the screen now, marked as a preview; not counted.";
    done(page, "show", said).await;
    until(screen, FRONT_WORDS, |words| *words == "Tulips are here").await;
    let marked = eval(screen, MARK).await;
    let marked = marked.as_str().unwrap();
    assert!(marked.starts_with("Preview: a trial"), "{marked}");
    save(screen, "preview-on-screen").await;
    look(screen, axe, "preview on a screen", found).await;
    until(screen, MARK, |mark| *mark == "").await;
    assert_ne!(eval(screen, FRONT_WORDS).await, "Tulips are here");
    let plays = "return fetch('/v1/decisions?limit=500').then((all) => all.json()).then((all) => all.filter((one) => one.campaign === 'tulips').length)";
    assert_eq!(eval(page, plays).await, 0);
}

async fn take_over(page: &Client, pasted: &Value) {
    let script = format!(
        "document.getElementById('json').value = {}; document.getElementById('apply').click()",
        Value::from(pasted.to_string())
    );
    eval(page, &script).await;
}

/// What is pasted need not be a campaign: the form goes on where a message has no content, or content of a kind that there is none of,
/// and where messages are no list.
async fn paste(page: &Client) {
    let parts = "return document.querySelectorAll('.message-part').length";
    let is_quiet = "return document.getElementById('mistake').hidden";
    for (creative, schedule, n_parts) in [
        (json!({ "id": "a" }), json!("always"), 0),
        (json!("a"), json!({ "dayparts": 7, "weekdays": 3 }), 0),
        (json!([null, "a"]), json!(null), 2),
    ] {
        let odd =
            json!({ "id": "tulips", "name": "Tulips", "creative": creative, "schedule": schedule });
        take_over(page, &odd).await;
        until(page, parts, |n| *n == n_parts).await;
        assert_eq!(eval(page, is_quiet).await, true, "{odd}");
        press(page, "add-message").await;
        press(page, "add-daypart").await;
        until(page, parts, |n| *n == n_parts + 1).await;
        assert_eq!(eval(page, is_quiet).await, true, "{odd}");
    }
    take_over(page, &json!([])).await;
    until(page, is_quiet, |quiet| quiet.as_bool() == Some(false)).await;

    let creative = json!([{ "id": "a" }, { "id": "b", "content": { "kind": "slides" } }]);
    let odd = json!({ "id": "tulips", "name": "Tulips", "creative": creative });
    take_over(page, &odd).await;
    until(page, parts, |n| *n == 2).await;
    fill(page, "name", "Tulips, pasted").await;
    let json = "return document.getElementById('json').value";
    let is_taken = |json: &Value| json.as_str().is_some_and(|json| json.contains("pasted"));
    until(page, json, is_taken).await;
}

#[tokio::test]
async fn a_campaign_is_made_shown_let_in_force_and_opened_again() {
    let (Some(mut browser), Some(mut wall)) =
        (Browser::start(&[]).await, Browser::start(&[]).await)
    else {
        return;
    };
    let demo = Program::demo(&[]);
    let (page, screen) = (browser.page.clone(), wall.page.clone());
    let (axe, mut found) = (axe(), Vec::new());
    let axe = axe.as_deref();
    browser.resize(1440, 1300);
    screen.goto(&demo.url("/screen/demo")).await.unwrap();
    until(&screen, FRONT_WORDS, |words| *words != "").await;
    let list = demo.url("/console/campaigns?lang=en");
    page.goto(&list).await.unwrap();
    look(&page, axe, "campaigns", &mut found).await;
    write(&page).await;
    look_at_form(&browser, axe, &mut found).await;
    mend(&page).await;
    show((&page, &screen), axe, &mut found).await;

    done(
        &page,
        "submit",
        "Submitted: somebody else can approve it now.",
    )
    .await;
    assert_eq!(standing(&page).await, json!(["never", "waiting"]));
    // In the demonstration nobody logs in, so that nobody can be told apart.
    done(&page, "approve", "Approved: it is in force.").await;
    assert_eq!(standing(&page).await, json!(["live"]));
    until(&screen, FRONT_WORDS, |words| *words == "Tulips are here").await;
    assert_eq!(eval(&screen, MARK).await, "");

    // A version that was in force is opened again.
    fill(&page, "name", "Tulips, second week").await;
    done(&page, "put", "It is in force.").await;
    let first = "[...document.querySelectorAll('#versions button')].at(-1).click()";
    eval(&page, first).await;
    let name = "return document.querySelector('[data-path=name]').value";
    until(&page, name, |name| *name == "Tulips").await;
    paste(&page).await;
    page.goto(&demo.url("/console/campaigns?lang=nl"))
        .await
        .unwrap();
    let row = "return document.querySelector('[data-campaign=tulips]')?.innerText ?? ''";
    until(&page, row, |row| {
        let row = row.as_str().unwrap_or_default();
        row.contains("Tulips, second week") && row.contains("Loopt")
    })
    .await;
    save(&page, "campaigns-list").await;
    assert!(found.is_empty(), "{}", found.join("\n"));
    browser.stop().await;
    wall.stop().await;
}
