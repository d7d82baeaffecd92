//! The console of an operator: every panel filled, and never the picture where the profile does not allow it.

use fantoccini::Locator;
use serde_json::json;

use crate::driver::Browser;
use crate::page::{eval, press, save, save_for_docs, scanned, until};
use crate::program::Program;

#[tokio::test]
async fn every_panel_is_filled() {
    let Some(mut browser) = Browser::start(&[]).await else {
        return;
    };
    let program = Program::demo(&[]);
    let page = browser.page.clone();
    browser.resize(1920, 1080);
    page.goto(&program.url("/console")).await.unwrap();
    let panels = "
        const text = (id) => document.getElementById(id)?.innerText.trim() ?? '';
        const count = (query) => document.querySelectorAll(query).length;
        return [
            ['camera', text('camera-state') === 'camera open'], ['profile', text('profile').includes('lab')],
            ['visitors', Number(text('n-visitors')) >= 1], ['boxes', count('#boxes rect.box') >= 1],
            ['landmarks', count('#boxes circle.point') >= 5], ['attention', text('attention').includes('%')],
            ['expression', count('#expression .bar-row') === 7], ['thumb', text('thumb').length > 2],
            ['message', text('decision-facts').includes('Policy')], ['probability', /Probability\\s+\\d+ %/.test(text('decision-facts'))],
            ['why', count('#explanation li') >= 2], ['candidates', count('#candidates .bar-row') >= 1],
            ['features', count('#features tbody tr') >= 3], ['log', count('#log li') >= 2],
            ['attention plot', document.getElementById('attention-plot').naturalWidth > 0],
            ['expression plot', document.getElementById('expression-plot').naturalWidth > 0],
            ['today', count('#report tbody tr') >= 2], ['intervals', /to .*n \\d/s.test(text('report'))],
            ['messages plot', document.getElementById('messages-plot').naturalWidth > 0],
            ['engine', text('engine-state') === 'running'], ['latency', /\\d+ ms/.test(text('engine'))],
            ['cameras', count('#cameras tbody tr') === 1], ['ledger', text('ledger-state') === 'ledger kept'],
            ['commitments', text('commitments').includes('entries')], ['screens', count('#screens li') === 1],
            ['not away', document.getElementById('away').hidden], ['no refusal', document.getElementById('refusal').hidden],
        ].filter(([, isFilled]) => !isFilled).map(([name]) => name);";
    // Not all at the same instant: a face looks away for a while.
    let mut missing: Option<Vec<String>> = None;
    until(&page, panels, |now| {
        let now: Vec<String> = serde_json::from_value(now.clone()).unwrap();
        let still = match missing.take() {
            None => now,
            Some(before) => before
                .into_iter()
                .filter(|name| now.contains(name))
                .collect(),
        };
        let is_done = still.is_empty();
        missing = Some(still);
        is_done
    })
    .await;

    // Under profile lab the operator may look at the picture.
    press(&page, "picture").await;
    until(
        &page,
        "return document.getElementById('preview').naturalWidth",
        |w| w.as_u64() > Some(0),
    )
    .await;
    press(&page, "picture").await;
    assert_eq!(
        eval(&page, "return document.getElementById('preview').hidden").await,
        true
    );
    let boxes = "return document.querySelectorAll('#boxes circle.point').length";
    until(&page, boxes, |n| n.as_u64() > Some(4)).await;
    save_for_docs(&page, "console").await;
    browser.resize(390, 844);
    assert_eq!(
        eval(
            &page,
            "return document.documentElement.scrollWidth <= innerWidth"
        )
        .await,
        true,
        "no sideways scrolling on a telephone"
    );
    save(&page, "console-390x844").await;
    browser.stop().await;
}

/// The commitments of the demonstration, under the profile of the European Union.
fn site_of_profile_eu() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let clip = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../testkit/fixtures/clip/demo.mjpeg"
    );
    let config = format!(
        "[[camera]]\nid = \"clip\"\nsource = \"clip:{clip}?loop\"\n[[screen]]\nid = \"window\"\ncamera = \"clip\"\nin_process = true\n"
    );
    std::fs::write(folder.path().join("regard.toml"), config).unwrap();
    let demo = regard_commitments::Commitments::demo_text();
    let eu = demo.replace("profile = \"lab\"", "profile = \"eu\"");
    assert_ne!(demo, eu);
    std::fs::write(folder.path().join("commitments.toml"), eu).unwrap();
    folder
}

#[tokio::test]
async fn without_profile_lab_there_is_no_picture() {
    let Some(mut browser) = Browser::start(&[]).await else {
        return;
    };
    let folder = site_of_profile_eu();
    let mut program = Program::serve(folder.path());
    let token = program.token();

    let page = browser.page.clone();
    page.goto(&program.url("/console")).await.unwrap();
    assert!(
        page.current_url()
            .await
            .unwrap()
            .path()
            .starts_with("/login")
    );
    let field = page.find(Locator::Id("token")).await.unwrap();
    field.send_keys(&token).await.unwrap();
    page.find(Locator::Css("button[type=submit]"))
        .await
        .unwrap()
        .click()
        .await
        .unwrap();
    until(
        &page,
        "return document.getElementById('camera-state')?.innerText ?? ''",
        |text| text == "camera open",
    )
    .await;
    until(
        &page,
        "return document.querySelectorAll('#boxes rect.box').length",
        |n| n.as_u64() > Some(0),
    )
    .await;
    assert_eq!(
        eval(
            &page,
            "return document.getElementById('profile').innerText.includes('eu')"
        )
        .await,
        true
    );
    let offered = "return [document.getElementById('picture'), document.getElementById('preview')].map((node) => node.checkVisibility())";
    assert_eq!(eval(&page, offered).await, json!([false, false]));
    let refused = "return fetch('/v1/cameras/clip/preview.jpg').then(async (r) => [r.status, (await r.json()).code])";
    assert_eq!(
        eval(&page, refused).await,
        json!([403, "feature_not_in_profile"])
    );
    // Even a page that asks for it gets none.
    eval(&page, "document.getElementById('picture').click()").await;
    tokio::time::sleep(std::time::Duration::from_millis(800)).await;
    assert_eq!(
        eval(
            &page,
            "return document.getElementById('preview').naturalWidth"
        )
        .await,
        0
    );
    page.goto(&program.url("/privacy?lang=en")).await.unwrap();
    let text = eval(&page, "return document.querySelector('main').innerText").await;
    assert!(
        text.as_str()
            .unwrap()
            .contains("It never leaves the computer."),
        "{text}"
    );
    browser.stop().await;
}

#[tokio::test]
async fn repeated_objections_are_told_on_the_console() {
    let Some(mut browser) = Browser::start(&[]).await else {
        return;
    };
    let program = Program::demo(&[]);
    let page = browser.page.clone();
    let link = scanned(&page, &program).await;
    let here = link.split("/screen/").nth(1).unwrap().to_owned();
    page.goto(&program.url("/console")).await.unwrap();
    let hidden = "return document.getElementById('objections').hidden";
    let said = "return document.getElementById('commitments').innerText";
    for n in 1..=4 {
        let (status, _) = program.ask(
            "POST",
            &format!("/screen/{here}/object"),
            "application/json",
            Vec::new(),
        );
        assert_eq!(status, 200);
        let told = format!("{n} (demo {n})");
        until(&page, said, |text| {
            text.as_str().is_some_and(|text| text.contains(&told))
        })
        .await;
        assert_eq!(eval(&page, hidden).await, n < 4, "{n}");
    }
    let alert = eval(
        &page,
        "return document.getElementById('objections').innerText",
    )
    .await;
    assert!(
        alert
            .as_str()
            .unwrap()
            .contains("Screen demo: 4 within the last hour"),
        "{alert}"
    );
    save(&page, "objections").await;
    browser.stop().await;
}
