//! What somebody in front of a screen may do about being looked at.

use std::time::Duration;

use regard_commitments::{LegalBasis, Profile};
use regard_domain::ScreenId;
use regard_engine::Heartbeat;

use crate::client::Answer;
use crate::world::World;

fn screen() -> ScreenId {
    ScreenId::new("demo").unwrap()
}

fn heartbeat(world: &World) {
    let heartbeat = Heartbeat {
        player: "test".to_owned(),
        notice_hash: world.engine.notice().hash().to_string(),
        in_view: true,
    };
    world.engine.heartbeat(&screen(), heartbeat).unwrap();
}

async fn until_open(world: &World, open: bool) {
    for _ in 0..600 {
        heartbeat(world);
        let view = world.engine.screen(&screen()).unwrap();
        if view.borrow().camera_open == open {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the camera should be open: {open}");
}

/// The path of the code on the screen now.
fn place(world: &World) -> String {
    let now = world.engine.now();
    let code = world.engine.place_codes().on_screen(&screen(), now);
    format!("/screen/demo/here/{code}")
}

/// The path of the code on the printed sign.
fn sign(world: &World) -> String {
    let code = world.engine.place_codes().on_sign(&screen());
    format!("/screen/demo/here/{code}")
}

async fn post(world: &World, path: &str) -> Answer {
    world.post(path).send().await
}

#[tokio::test]
async fn whoever_stands_there_shuts_the_camera() {
    let world = World::open().await;
    until_open(&world, true).await;
    let here = place(&world);
    let page = world.get(&format!("{here}?lang=en")).send().await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("Do not look at me"), "{}", page.text());
    assert!(
        !page.text().contains("I agree"),
        "nothing waits for it here"
    );

    let answer = post(&world, &format!("{here}/object")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        answer.json::<serde_json::Value>()["cameras"],
        serde_json::json!(["demo"])
    );
    until_open(&world, false).await;
    // Health is told once a second.
    for _ in 0..100 {
        let page = world.get(&format!("{here}?lang=en")).send().await;
        if page.text().contains("stays shut for another 15 min") {
            world.stop().await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the page does not say that the camera is shut");
}

#[tokio::test]
async fn browsers_come_back_to_the_page() {
    let world = World::open().await;
    let here = place(&world);
    let press = |path: String| {
        let request = world.post(&path).header("accept", "text/html");
        async { request.send().await }
    };
    let answer = press(format!("{here}/object")).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some(&*here))
    );
    let answer = press(format!("{here}/agree")).await;
    let page = format!("{here}?mistake=refused");
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some(&*page))
    );
    let page = world.get(&format!("{page}&lang=en")).send().await;
    assert!(page.text().contains("cannot be done here"));
    world.stop().await;
}

/// Whoever reads the easy words comes back to them.
#[tokio::test]
async fn the_easy_page_has_the_button_and_stays_easy() {
    let world = World::open().await;
    let here = place(&world);
    let page = world.get(&format!("{here}?easy=yes&lang=de")).send().await;
    let text = page.text();
    let action = format!("action=\"{here}/object?easy=yes&amp;lang=de\"");
    assert!(
        text.contains("Drücken Sie den Knopf") && text.contains(&action),
        "{text}"
    );
    let pressed = world
        .post(&format!("{here}/object?easy=yes&lang=de"))
        .header("accept", "text/html")
        .send()
        .await;
    let back = format!("{here}?easy=yes&lang=de");
    assert_eq!(
        (pressed.status, pressed.header("location")),
        (303, Some(&*back))
    );
    let lured = world
        .post(&format!("{here}/object?lang=%0d%0ax:y"))
        .header("accept", "text/html")
        .send()
        .await;
    assert_eq!(lured.header("location"), Some(&*here));
    world.stop().await;
}

#[tokio::test]
async fn a_code_that_was_never_shown_does_nothing() {
    let world = World::open().await;
    until_open(&world, true).await;
    let path = "/screen/demo/here/0123456789ab";
    let page = world.get(&format!("{path}?lang=en")).send().await;
    assert_eq!(page.status, 410);
    assert!(
        page.text()
            .contains("Scan the code on the screen once more")
    );
    assert!(!page.text().contains("<form"));
    for act in ["object", "agree", "withdraw"] {
        let answer = post(&world, &format!("{path}/{act}")).await;
        assert_eq!(
            (answer.status, &*answer.code()),
            (410, "code_expired"),
            "{act}"
        );
    }
    let answer = post(&world, "/screen/none/here/0123456789ab/object").await;
    assert_eq!(answer.code(), "unknown_screen");
    until_open(&world, true).await;
    world.stop().await;
}

#[tokio::test]
async fn the_sign_is_limited_and_the_screen_never() {
    let world = World::open().await;
    let (here, sign) = (place(&world), sign(&world));
    for _ in 0..4 {
        assert_eq!(post(&world, &format!("{sign}/object")).await.status, 200);
    }
    let answer = post(&world, &format!("{sign}/object")).await;
    assert_eq!((answer.status, &*answer.code()), (429, "sign_used_up"));
    for _ in 0..20 {
        assert_eq!(post(&world, &format!("{here}/object")).await.status, 200);
    }
    // Having seen the sign once is not being there now.
    let answer = post(&world, &format!("{sign}/agree")).await;
    assert_eq!((answer.status, &*answer.code()), (410, "code_expired"));
    world.stop().await;
}

/// Repeated use alerts the operator, and is refused to nobody on site.
#[tokio::test]
async fn repeated_objections_alert_the_operator_and_none_is_refused() {
    let world = World::open().await;
    let here = place(&world);
    for n in 1..=6 {
        assert_eq!(post(&world, &format!("{here}/object")).await.status, 200);
        // Health is told once a second.
        let told = async |world: &World| {
            let health: serde_json::Value = world.get("/v1/health").send().await.json();
            (
                health["screens"][0].clone(),
                health["objections_last_hour"].clone(),
            )
        };
        let mut patience = 0..200;
        let screen = loop {
            let (screen, in_all) = told(&world).await;
            if screen["objections_last_hour"] == n && in_all == n {
                break screen;
            }
            patience.next().expect("health tells of the objection");
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        assert_eq!(screen["objections_repeated"], n >= 4, "{n}");
    }
    let metrics = world.get("/metrics").send().await;
    let counted = "regard_objections_total{screen=\"demo\"} 6";
    assert!(metrics.text().contains(counted), "{}", metrics.text());
    world.stop().await;
}

#[tokio::test]
async fn in_the_netherlands_the_camera_waits_for_an_agreement() {
    let world = World::promising(|commitments| {
        commitments.profile = "nl".to_owned();
        commitments.legal_basis = LegalBasis::Consent;
        let profile = Profile::named("nl").unwrap();
        for (kind, period) in &mut commitments.retention {
            if let Some(longest) = profile.max_retention(*kind) {
                *period = (*period).min(longest);
            }
        }
    })
    .await;
    let here = place(&world);
    until_open(&world, false).await;
    let page = world.get(&format!("{here}?lang=nl")).send().await;
    assert!(page.text().contains("Ik ga akkoord"), "{}", page.text());
    let answer = post(&world, &format!("{here}/agree")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(
        answer.json::<serde_json::Value>()["until_micros"].as_i64()
            > Some(world.engine.now().as_micros())
    );
    until_open(&world, true).await;
    let answer = post(&world, &format!("{here}/withdraw")).await;
    assert_eq!(answer.status, 200);
    assert!(!world.engine.screen(&screen()).unwrap().borrow().camera_open);
    world.stop().await;
}

/// Whoever could fetch the code from afar could act as if they were there.
#[tokio::test]
async fn the_code_is_for_the_screen_alone() {
    let world = World::new(|config| {
        config.listen = "0.0.0.0:0".parse().unwrap();
        config.allow_remote = true;
        config.admin_token = regard_server::AdminToken::IfMissing;
    })
    .await;
    for path in ["/screen/demo/qr.svg", "/v1/screens/demo/events"] {
        let answer = world.get(path).send().await;
        assert_eq!(answer.status, 401, "{path}");
    }
    world.stop().await;
}
