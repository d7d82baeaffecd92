//! What axe finds on the pages, measured against WCAG 2.2 AA.

use std::path::PathBuf;

use fantoccini::{Client, Locator};
use serde_json::{Value, json};

use crate::driver::Browser;
use crate::page::{press, save, until};
use crate::program::Program;

/// The script of axe-core (MPL-2.0), where it is installed.
pub(crate) fn axe() -> Option<String> {
    let named = std::env::var_os("REGARD_AXE").map(PathBuf::from);
    let beside = || {
        let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        root.join("node_modules/axe-core/axe.min.js")
    };
    let script = std::fs::read_to_string(named.unwrap_or_else(beside)).ok();
    if script.is_none() {
        println!(
            "skipped: accessibility: axe-core not found; `npm install axe-core` or name axe.min.js in REGARD_AXE"
        );
    }
    script
}

const RUN: &str = "const done = arguments[arguments.length - 1];
    axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then(
        (result) => done({ n: result.passes.length, found: result.violations.flatMap((rule) =>
            rule.nodes.map((node) => `${rule.id}: ${node.html.slice(0, 160)} ${node.any.concat(node.all).map((check) => check.message).join('; ')}`)) }),
        (error) => done({ n: 0, found: [String(error)] }));";

const IS_READ: &str = "document.readyState === 'complete'";

/// Pages, and when each is all there.
const PAGES: [(&str, &str); 13] = [
    (
        "/screen/demo",
        "document.querySelector('.layer.front .message') && !document.getElementById('notice').hidden",
    ),
    (
        "/console",
        "document.querySelectorAll('#report tbody tr').length > 1 && document.querySelectorAll('#features tbody tr').length > 0",
    ),
    (
        "/console/papers",
        "document.querySelectorAll('.papers tbody tr').length === 8",
    ),
    (
        "/console/papers/impact_assessment",
        "document.querySelectorAll('main section').length > 6",
    ),
    ("/console/studies", IS_READ),
    (
        "/console/recognition?persons=yes",
        "document.querySelectorAll('#identify-points tbody tr').length === 8 && document.getElementById('det-plot').naturalWidth > 0",
    ),
    ("/privacy?lang=en", IS_READ),
    ("/privacy?lang=de", IS_READ),
    ("/privacy?easy=yes&lang=de", IS_READ),
    ("/me?lang=en", IS_READ),
    ("/me?lang=fr", IS_READ),
    ("/login", IS_READ),
    ("/", IS_READ),
];

#[tokio::test]
async fn pages_can_be_used_by_everyone() {
    let Some(axe) = axe() else { return };
    let Some(mut browser) = Browser::start(&[]).await else {
        return;
    };
    let program = Program::demo(&[]);
    let page = browser.page.clone();
    let mut found = Vec::new();
    for scheme in ["light", "dark"] {
        let features = json!({ "features": [
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ] });
        browser.devtools("Emulation.setEmulatedMedia", &features);
        for (path, ready) in PAGES {
            page.goto(&program.url(path)).await.unwrap();
            until(&page, &format!("return Boolean({ready})"), |is_ready| {
                is_ready == true
            })
            .await;
            found.extend(looked_at(&page, &axe, &format!("{scheme} {path}")).await);
            if path.starts_with("/console/recognition") {
                save(&page, &format!("recognition-{scheme}")).await;
            }
            if path == "/screen/demo" {
                found.extend(page_of_the_place(&page, &axe, scheme).await);
            }
        }
    }
    for scheme in ["light", "dark"] {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        browser.devtools("Emulation.setEmulatedMedia", &features);
        found.extend(zones_being_drawn(&page, &program, &axe, scheme).await);
        found.extend(persons_pages(&page, &program, &axe, scheme).await);
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    browser.stop().await;
}

/// The page that the code of the screen leads to, with the buttons of whoever stands there.
async fn page_of_the_place(page: &Client, axe: &str, scheme: &str) -> Vec<String> {
    let link = "return document.querySelector('#notice .qr').href";
    let here = page.execute(link, Vec::new()).await.unwrap();
    let here = here.as_str().unwrap();
    page.goto(&format!("{here}?lang=en")).await.unwrap();
    until(page, "return document.forms.length", |n| *n == 1).await;
    let mut found = looked_at(page, axe, &format!("{scheme} here")).await;
    page.goto(&format!("{here}?lang=en&easy=yes"))
        .await
        .unwrap();
    found.extend(looked_at(page, axe, &format!("{scheme} here, easy")).await);
    found
}

/// What axe finds on the page as it is.
pub(crate) async fn looked_at(page: &Client, axe: &str, name: &str) -> Vec<String> {
    page.execute(axe, Vec::new()).await.unwrap();
    let result = page.execute_async(RUN, Vec::new()).await.unwrap();
    assert!(result["n"].as_u64() > Some(5), "{name}: {result}");
    let found: Vec<String> = serde_json::from_value(result["found"].clone()).unwrap();
    found
        .into_iter()
        .map(|one| format!("{name} {one}"))
        .collect()
}

/// The console while a zone is drawn on it.
async fn zones_being_drawn(
    page: &Client,
    program: &Program,
    axe: &str,
    scheme: &str,
) -> Vec<String> {
    page.goto(&program.url("/console")).await.unwrap();
    let button = "return document.getElementById('draw-zones').hidden";
    until(page, button, |hidden| *hidden == false).await;
    for id in ["draw-zones", "zone-rectangle"] {
        press(page, id).await;
    }
    until(
        page,
        "return document.querySelectorAll('#zone-list input').length",
        |n| *n == 8,
    )
    .await;
    save(page, &format!("zones-{scheme}")).await;
    looked_at(page, axe, &format!("{scheme} zones")).await
}

/// The page of somebody who enrolled, as it opens with their token, with a consent, after a mistake, and when all is erased.
async fn persons_pages(page: &Client, program: &Program, axe: &str, scheme: &str) -> Vec<String> {
    let mut found = Vec::new();
    let body = serde_json::to_vec(&json!({})).unwrap();
    let (status, enrolled) = program.ask("POST", "/v1/persons", "application/json", body);
    assert_eq!(status, 201, "{enrolled}");
    let enrolled: Value = serde_json::from_str(&enrolled).unwrap();
    page.goto(&program.url("/me?lang=de")).await.unwrap();
    let token = page.find(Locator::Id("token")).await.unwrap();
    token.send_keys("rgp_wrong").await.unwrap();
    press_of_form(page, "open").await;
    until(
        page,
        "return document.querySelectorAll('.mistake').length",
        |n| *n == 1,
    )
    .await;
    found.extend(looked_at(page, axe, &format!("{scheme} wrong token")).await);
    let token = page.find(Locator::Id("token")).await.unwrap();
    token
        .send_keys(enrolled["token"].as_str().unwrap())
        .await
        .unwrap();
    press_of_form(page, "open").await;
    until(
        page,
        "return document.querySelectorAll('#held').length",
        |n| *n == 1,
    )
    .await;
    press_of_form(page, "agree").await;
    until(
        page,
        "return document.querySelectorAll('textarea').length",
        |n| *n == 1,
    )
    .await;
    save(page, &format!("own-{scheme}")).await;
    found.extend(looked_at(page, axe, &format!("{scheme} own page")).await);
    let address = page.current_url().await.unwrap();
    assert!(!address.as_str().contains("rgp_"), "{address}");
    let tick = "document.querySelector('[name=sure]').click()";
    page.execute(tick, Vec::new()).await.unwrap();
    press_of_form(page, "erase").await;
    until(
        page,
        "return document.querySelectorAll('#gone').length",
        |n| *n == 1,
    )
    .await;
    save(page, &format!("erased-{scheme}")).await;
    found.extend(looked_at(page, axe, &format!("{scheme} erased")).await);
    press_of_form(page, "close").await;
    until(
        page,
        "return document.querySelectorAll('#open').length",
        |n| *n == 1,
    )
    .await;
    found
}

async fn press_of_form(page: &Client, act: &str) {
    let button = format!("form[action='/me/{act}'] button");
    page.find(Locator::Css(&button))
        .await
        .unwrap()
        .click()
        .await
        .unwrap();
}

#[tokio::test]
async fn papers_can_be_read_by_everyone() {
    let Some(axe) = axe() else { return };
    let Some(mut browser) = Browser::start(&[]).await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let demo = regard_commitments::Commitments::demo_text();
    std::fs::write(folder.path().join("commitments.toml"), demo).unwrap();
    let config = "[[camera]]\nid = \"door\"\nsource = \"push:browser\"\n[[screen]]\nid = \"window\"\ncamera = \"door\"\n";
    std::fs::write(folder.path().join("regard.toml"), config).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_regard"));
    let command = command.arg("papers").current_dir(folder.path());
    let said = command.env_remove("REGARD_DATA_DIR").output().unwrap();
    assert!(said.status.success(), "{said:?}");
    let page = browser.page.clone();
    let mut found = Vec::new();
    let mut n_pages = 0;
    for file in std::fs::read_dir(folder.path().join("papers")).unwrap() {
        let file = file.unwrap().path();
        if file.extension().is_none_or(|ending| ending != "html") {
            continue;
        }
        n_pages += 1;
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        page.goto(&format!("file://{}", file.display()))
            .await
            .unwrap();
        found.extend(looked_at(&page, &axe, &name).await);
    }
    assert_eq!(n_pages, 9);
    assert!(found.is_empty(), "{}", found.join("\n"));
    browser.stop().await;
}
