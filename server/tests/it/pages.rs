use crate::world::World;

#[tokio::test]
async fn pages_are_there_and_unknown_ones_are_not() {
    let world = World::open().await;
    let index = world.page("/").await;
    assert!(index.text().contains("href=\"/screen/demo\""));
    assert!(
        world
            .page("/screen/demo")
            .await
            .text()
            .contains("data-screen=\"demo\"")
    );
    assert!(
        world
            .page("/console")
            .await
            .text()
            .contains("<h1>Console</h1>")
    );
    for (path, code) in [
        ("/screen/none", "unknown_screen"),
        ("/screen/%22%3E", "bad_path"),
        ("/screen/none/privacy", "unknown_screen"),
        ("/screen/none/qr.svg", "unknown_screen"),
        ("/static/../Cargo.toml", "no_such_file"),
        ("/nothing", "no_such_page"),
    ] {
        assert_eq!(world.page(path).await.code(), code, "{path}");
    }
    world.stop().await;
}

/// Every page names only files of this server, and each is there.
#[tokio::test]
async fn pages_load_from_here_alone() {
    let world = World::open().await;
    for path in [
        "/",
        "/console",
        "/screen/demo",
        "/privacy",
        "/privacy?easy=yes",
        "/me",
        "/login",
    ] {
        let page = world.page(path).await;
        let text = page.text();
        assert!(
            !text.contains("style=\"") && !text.contains("onclick"),
            "{path}"
        );
        for attribute in ["src=\"", "href=\""] {
            for part in text.split(attribute).skip(1) {
                let target = part.split('"').next().unwrap();
                // A link away is followed by people, never by the page.
                let is_link = part.contains("rel=\"noreferrer\"") && attribute == "href=\"";
                assert!(
                    is_link || target.is_empty() || target.starts_with(['/', '?', '#']),
                    "{path}: {target}"
                );
                if target.starts_with("/static/") {
                    assert_eq!(world.get(target).send().await.status, 200, "{target}");
                }
            }
        }
    }
    world.stop().await;
}

#[tokio::test]
async fn the_privacy_page_speaks_five_languages() {
    let world = World::open().await;
    for (lang, word) in [
        ("en", "Your rights"),
        ("fr", "Vos droits"),
        ("de", "Ihre Rechte"),
        ("es", "Sus derechos"),
        ("nl", "Uw rechten"),
    ] {
        for request in [
            world.get(&format!("/privacy?lang={lang}")),
            world
                .get("/screen/demo/privacy")
                .header("accept-language", &format!("ja, {lang};q=0.4")),
        ] {
            let page = request.send().await;
            assert_eq!(page.header("content-language"), Some(lang));
            let text = page.text();
            assert!(
                text.contains(&format!("<html lang=\"{lang}\">")) && text.contains(word),
                "{lang}"
            );
            // What the owner wrote is text, never markup.
            assert!(
                text.contains("Prices &#60;b&#62;in view&#60;/b&#62;"),
                "{text}"
            );
            assert!(!text.contains("<script"), "works without scripts");
        }
    }
    let page = world.get("/privacy?lang=xx").send().await;
    assert_eq!(page.header("content-language"), Some("en"));
    world.stop().await;
}

/// As a page writes it.
fn escaped(text: &str) -> String {
    text.replace('&', "&#38;")
        .replace('<', "&#60;")
        .replace('>', "&#62;")
        .replace('"', "&#34;")
        .replace('\'', "&#39;")
}

#[tokio::test]
async fn the_notice_in_easy_words_is_a_page_in_five_languages() {
    let world = World::open().await;
    let texts = world.engine.notice().texts.clone();
    assert_eq!(texts.len(), 5);
    for text in texts {
        let lang = text.language.tag();
        for path in ["/privacy", "/screen/demo/privacy"] {
            // The page with all words leads there, visibly, and there is a way back.
            let full = world.get(&format!("{path}?lang={lang}")).send().await;
            let link = format!("href=\"?easy=yes&amp;lang={lang}\"");
            assert!(full.text().contains(&link), "{lang}");
            let easy = world.get(&format!("{path}?easy&lang={lang}")).send().await;
            assert_eq!(easy.header("content-language"), Some(lang));
            let page = easy.text();
            assert!(page.contains(&format!("href=\"?lang={lang}\"")), "{lang}");
            assert!(
                !page.contains("<script") && !page.contains(['{', '}']),
                "{lang}: {page}"
            );
            let said = [&text.easy.title, &text.easy.object]
                .into_iter()
                .chain(&text.easy.lines)
                .chain(&text.easy.ask);
            for line in said {
                assert!(page.contains(&escaped(line)), "{lang}: {line}: {page}");
            }
        }
    }
    world.stop().await;
}

#[tokio::test]
async fn the_privacy_page_says_where_frames_can_come_to_be() {
    // A laboratory whose camera is the browser's: seen from this machine, and from outside.
    let here = World::open().await;
    let outside = World::new(|config| {
        config.open_console = true;
        config.public_url = Some("https://signage.example".to_owned());
    })
    .await;
    for (lang, from_browser, on_this_computer, elsewhere, never) in [
        (
            "en",
            "come from a browser",
            "on this computer; it leaves",
            "also from another computer",
            "It never leaves",
        ),
        (
            "fr",
            "viennent d’un navigateur",
            "sur cet ordinateur ; elle",
            "depuis un autre ordinateur",
            "ne quitte jamais",
        ),
        (
            "de",
            "kommen aus einem Browser",
            "auf diesem Rechner ansehen",
            "von einem anderen Rechner",
            "verlässt den Rechner nie",
        ),
        (
            "es",
            "vienen de un navegador",
            "en este ordenador; no sale",
            "desde otro ordenador",
            "Nunca sale",
        ),
        (
            "nl",
            "komen uit een browser",
            "op deze computer bekijken",
            "vanaf een andere computer",
            "verlaat de computer nooit",
        ),
    ] {
        for (world, said, unsaid) in [
            (&here, on_this_computer, elsewhere),
            (&outside, elsewhere, on_this_computer),
        ] {
            let page = world.get(&format!("/privacy?lang={lang}")).send().await;
            let text = page.text();
            assert!(
                text.contains(from_browser) && text.contains(said),
                "{lang}: {text}"
            );
            assert!(
                !text.contains(unsaid) && !text.contains(never),
                "{lang}: {text}"
            );
        }
    }
    here.stop().await;
    outside.stop().await;
}

#[tokio::test]
async fn the_code_leads_to_the_page_under_the_name_the_player_used() {
    let world = World::open().await;
    let code = world.get("/screen/demo/qr.svg").send().await;
    assert_eq!(code.header("content-type"), Some("image/svg+xml"));
    let other = world
        .get("/screen/demo/qr.svg")
        .header("host", "localhost")
        .send()
        .await;
    assert_ne!(code.body, other.body);
    world.stop().await;
}

#[tokio::test]
async fn scripts_are_known_again_by_their_tag() {
    let world = World::open().await;
    let script = world.get("/static/player.js").send().await;
    assert_eq!(
        script.header("content-type"),
        Some("text/javascript; charset=utf-8")
    );
    let tag = script.header("etag").unwrap();
    let again = world
        .get("/static/player.js")
        .header("if-none-match", tag)
        .send()
        .await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    world.stop().await;
}
