//! Messages of every kind, as the browser paints them.

use image::ImageFormat;
use serde_json::{Value, json};

use crate::driver::Browser;
use crate::messages::{creative, film, picture, show_only, uploaded, words};
use crate::page::{eval, is_near, painted, until};
use crate::program::Program;

/// The message in front, when it can be seen.
const FRONT: &str = "
    const layer = document.querySelector('.layer.front');
    const node = layer?.querySelector('.message');
    if (!node) return null;
    const box = document.getElementById('stage').getBoundingClientRect();
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 4];
    const top = document.elementFromPoint(x, y);
    const style = getComputedStyle(layer);
    return {
        kind: node.tagName, words: node.innerText ?? '', source: node.currentSrc || node.src || '',
        width: node.naturalWidth ?? node.videoWidth ?? 0, time: node.currentTime ?? 0,
        isSeen: style.opacity === '1' && style.visibility === 'visible' && (node === top || node.contains(top) || getComputedStyle(node).pointerEvents === 'none'),
        at: [Math.round(x), Math.round(y)],
    };";

/// Shows this message alone and waits until it is painted in that colour.
async fn shown(browser: &Browser, program: &Program, message: Value, color: [u8; 3]) -> Value {
    let source = message["content"]["asset"].as_str().map(str::to_owned);
    let title = message["content"]["title"].as_str().map(str::to_owned);
    show_only(program, &[message]);
    let front = until(&browser.page, FRONT, |front| {
        let of_source = source.as_ref().is_none_or(|name| {
            let stem = name.split('.').next().unwrap_or(name);
            front["source"].as_str().unwrap_or_default().contains(stem)
        });
        let of_title = title.as_ref().is_none_or(|title| {
            front["words"]
                .as_str()
                .unwrap_or_default()
                .contains(title.as_str())
        });
        of_source && of_title && front["isSeen"] == true
    })
    .await;
    let [x, y] = [0, 1].map(|i| front["at"][i].as_u64().unwrap() as u32);
    let mut found = [0; 3];
    for _ in 0..50 {
        found = painted(&browser.page).await.get_pixel(x, y).0;
        if is_near(found, color, 24) {
            return front;
        }
    }
    panic!("painted {found:?}, wanted {color:?}: {front}");
}

#[tokio::test]
async fn pictures_films_and_words_are_painted() {
    let Some(mut browser) = Browser::start(&[]).await else {
        return;
    };
    let program = Program::demo(&["--no-screen"]);
    browser
        .page
        .goto(&program.url("/screen/demo"))
        .await
        .unwrap();

    let front = shown(
        &browser,
        &program,
        words("words", "Hello", "#204060"),
        [0x20, 0x40, 0x60],
    )
    .await;
    assert_eq!(front["kind"], "DIV");
    for (name, format, color) in [
        ("a.png", ImageFormat::Png, [200, 30, 40]),
        ("b.jpg", ImageFormat::Jpeg, [30, 160, 60]),
        ("c.webp", ImageFormat::WebP, [40, 60, 190]),
    ] {
        let message = uploaded(&program, &name[..1], name, &picture(color, format));
        let front = shown(&browser, &program, message, color).await;
        assert_eq!(
            (&front["kind"], &front["width"]),
            (&json!("IMG"), &json!(160)),
            "{name}"
        );
    }
    if let Some(film) = film([180, 120, 20]) {
        let message = uploaded(&program, "film", "film.webm", &film);
        let front = shown(&browser, &program, message, [180, 120, 20]).await;
        assert_eq!(
            (&front["kind"], &front["width"]),
            (&json!("VIDEO"), &json!(320))
        );
        let began = front["time"].as_f64().unwrap();
        until(&browser.page, FRONT, |front| {
            front["time"].as_f64() > Some(began + 0.5)
        })
        .await;
        let is_silent = "return document.querySelector('.layer.front video').muted";
        assert_eq!(eval(&browser.page, is_silent).await, true);
    }
    browser.stop().await;
}

#[tokio::test]
async fn a_drawing_is_shown_without_what_it_smuggled_in() {
    let Some(mut browser) = Browser::start(&[]).await else {
        return;
    };
    let program = Program::demo(&["--no-screen"]);
    browser
        .page
        .goto(&program.url("/screen/demo"))
        .await
        .unwrap();
    let drawing = br##"<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 160 90" width="160" height="90" onload="alert(1)">
        <script>fetch('/v1/facts', { method: 'PUT' })</script>
        <rect width="160" height="90" fill="#8a2be2" onclick="alert(2)"/>
        <image xlink:href="http://127.0.0.1:9/track.png" width="1" height="1"/>
        <foreignObject width="9" height="9"><p xmlns="http://www.w3.org/1999/xhtml">x</p></foreignObject>
    </svg>"##;
    let upload = program.upload("drawing.svg", drawing);
    let (status, kept) = program.ask("GET", upload["url"].as_str().unwrap(), "", Vec::new());
    assert_eq!(status, 200);
    for smuggled in [
        "script",
        "onload",
        "onclick",
        "127.0.0.1:9",
        "foreignObject",
    ] {
        assert!(!kept.contains(smuggled), "{smuggled}: {kept}");
    }
    let content = json!({"kind": upload["message"], "asset": upload["asset"]});
    let front = shown(
        &browser,
        &program,
        creative("drawing", &content),
        [0x8a, 0x2b, 0xe2],
    )
    .await;
    assert_eq!(front["kind"], "IMG");
    assert!(front["width"].as_u64() > Some(0));
    browser.stop().await;
}

/// A page that tries everything and writes down what came of it.
const HOSTILE: &str = r#"<!doctype html><html><body style="margin:0;background:#aa3377;height:100vh"><script>
const found = { origin: self.origin };
const tried = [];
const attempt = (name, run) => tried.push((async () => { try { found[name] = String(await run()); } catch (error) { found[name] = 'refused'; } })());
const soon = (run) => new Promise((done) => { run(done); setTimeout(() => done('refused'), 4000); });
attempt('fetch', () => fetch('BASE/v1/facts', { method: 'PUT', mode: 'no-cors', body: '{"stolen":{"value":1}}' }).then(() => 'passed'));
attempt('read', () => fetch('BASE/v1/campaigns').then((r) => r.text()));
attempt('xhr', () => soon((done) => { const x = new XMLHttpRequest(); x.onload = () => done('passed'); x.onerror = () => done('refused'); x.open('GET', 'BASE/healthz'); x.send(); }));
attempt('socket', () => soon((done) => { const s = new WebSocket('BASE/v1/cameras/demo/frames'.replace('http', 'ws')); s.onopen = () => done('passed'); s.onerror = () => done('refused'); }));
attempt('picture', () => soon((done) => { const i = new Image(); i.onload = () => done('passed'); i.onerror = () => done('refused'); i.src = 'BASE/static/mark.svg'; }));
attempt('beacon', () => { navigator.sendBeacon('BASE/v1/facts', '{"stolen":{"value":2}}'); return 'asked'; });
attempt('storage', () => { localStorage.setItem('a', 'b'); return 'passed'; });
attempt('cookie', () => { document.cookie = 'a=b'; return document.cookie ? 'passed' : 'refused'; });
attempt('parent', () => parent.document.title);
attempt('top', () => { top.location.href = 'about:blank'; return 'passed'; });
attempt('window', () => (window.open('about:blank') ? 'passed' : 'refused'));
attempt('camera', () => navigator.mediaDevices.getUserMedia({ video: true }).then(() => 'passed'));
Promise.all(tried).then(() => { found.done = true; document.body.dataset.found = JSON.stringify(found); });
</script></body></html>"#;

#[tokio::test]
async fn a_page_as_a_message_can_reach_nothing() {
    let Some(mut browser) = Browser::start(&[]).await else {
        return;
    };
    let program = Program::demo(&["--no-screen"]);
    let page = browser.page.clone();
    page.goto(&program.url("/screen/demo")).await.unwrap();
    let hostile = HOSTILE.replace("BASE", program.url("").as_str());
    let message = uploaded(&program, "page", "page.html", hostile.as_bytes());
    let front = shown(&browser, &program, message, [0xaa, 0x33, 0x77]).await;
    assert_eq!(front["kind"], "IFRAME");

    let frame = page
        .find(fantoccini::Locator::Css(".layer.front iframe"))
        .await
        .unwrap();
    frame.enter_frame().await.unwrap();
    let found = until(&page, "return document.body.dataset.found ?? ''", |text| {
        text.as_str().is_some_and(|text| text.contains("done"))
    })
    .await;
    let found: Value = serde_json::from_str(found.as_str().unwrap()).unwrap();
    assert_eq!(found["origin"], "null", "an origin of its own: {found}");
    let attempts = "fetch read xhr socket picture storage cookie parent top window camera";
    for attempt in attempts.split(' ') {
        assert_eq!(found[attempt], "refused", "{attempt}: {found}");
    }
    page.enter_parent_frame().await.unwrap();
    let address = page.current_url().await.unwrap();
    assert!(
        address.path().ends_with("/screen/demo"),
        "still here: {address}"
    );
    assert_eq!(program.get("/v1/facts"), json!({}), "nothing arrived");
    browser.stop().await;
}
