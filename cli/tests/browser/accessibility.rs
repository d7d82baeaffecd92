//! What axe finds on the pages, measured against WCAG 2.2 AA.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::driver::Browser;
use crate::page::until;
use crate::program::Program;

/// The script of axe-core (MPL-2.0), where it is installed.
fn axe() -> Option<String> {
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
        for (path, ready) in [
            (
                "/screen/demo",
                "document.querySelector('.layer.front .message') && !document.getElementById('notice').hidden",
            ),
            (
                "/console",
                "document.querySelectorAll('#report tbody tr').length > 1 && document.querySelectorAll('#features tbody tr').length > 0",
            ),
            ("/privacy?lang=en", "document.readyState === 'complete'"),
            ("/privacy?lang=de", "document.readyState === 'complete'"),
            ("/login", "document.readyState === 'complete'"),
            ("/", "document.readyState === 'complete'"),
        ] {
            page.goto(&program.url(path)).await.unwrap();
            until(&page, &format!("return Boolean({ready})"), |is_ready| {
                is_ready == true
            })
            .await;
            page.execute(&axe, Vec::new()).await.unwrap();
            let result = page.execute_async(RUN, Vec::new()).await.unwrap();
            if path == "/screen/demo" {
                // The page that its code leads to, with the buttons of whoever stands there.
                let link = "return document.querySelector('#notice .qr').href";
                let here = page.execute(link, Vec::new()).await.unwrap();
                let here = here.as_str().unwrap();
                page.goto(&format!("{here}?lang=en")).await.unwrap();
                until(&page, "return document.forms.length", |n| *n == 1).await;
                page.execute(&axe, Vec::new()).await.unwrap();
                let of_here = page.execute_async(RUN, Vec::new()).await.unwrap();
                let of_here: Vec<String> =
                    serde_json::from_value(of_here["found"].clone()).unwrap();
                found.extend(of_here.iter().map(|one| format!("{scheme} here {one}")));
            }
            assert!(
                result["n"].as_u64() > Some(5),
                "{path}: axe looked at something: {result}"
            );
            let violations: Vec<Value> = serde_json::from_value(result["found"].clone()).unwrap();
            found.extend(
                violations
                    .iter()
                    .map(|one| format!("{scheme} {path} {}", one.as_str().unwrap_or_default())),
            );
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    browser.stop().await;
}
