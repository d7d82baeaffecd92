//! Zones drawn on the console: by hand, and as numbers.

use fantoccini::actions::{InputSource, MOUSE_BUTTON_LEFT, MouseActions, PointerAction};
use fantoccini::key::Key;
use fantoccini::{Client, Locator};
use serde_json::{Value, json};

use crate::driver::Browser;
use crate::page::{eval, press, save, until, wait_for};
use crate::program::Program;

/// Where a part of the stage is on the page, `x` and `y` from 0 to 1.
async fn place(page: &Client, x: f64, y: f64) -> (f64, f64) {
    let script = format!(
        "const svg = document.getElementById('zone-drawing'), box = svg.viewBox.baseVal;
        const at = new DOMPoint({x} * box.width, {y} * box.height).matrixTransform(svg.getScreenCTM());
        return [at.x, at.y];"
    );
    let at = eval(page, &script).await;
    (at[0].as_f64().unwrap(), at[1].as_f64().unwrap())
}

/// Presses at the first place, goes over the others, and lets go at the last.
async fn pull(page: &Client, places: &[(f64, f64)]) {
    let mut mouse = MouseActions::new("mouse".to_owned());
    for (n, (x, y)) in places.iter().enumerate() {
        let (x, y) = place(page, *x, *y).await;
        mouse = mouse.then(PointerAction::MoveTo {
            duration: None,
            x,
            y,
        });
        if n == 0 {
            mouse = mouse.then(PointerAction::Down {
                button: MOUSE_BUTTON_LEFT,
            });
        }
    }
    mouse = mouse.then(PointerAction::Up {
        button: MOUSE_BUTTON_LEFT,
    });
    page.perform_actions(mouse).await.unwrap();
}

fn in_force(program: &Program) -> Value {
    program.get("/v1/cameras/demo/zones")
}

async fn visitors(page: &Client, n: &str) {
    until(
        page,
        "return document.getElementById('n-visitors').innerText",
        |now| *now == n,
    )
    .await;
}

async fn saved(page: &Client, version: u32) {
    press(page, "zone-save").await;
    let words = format!("version {version}");
    let state = "return document.getElementById('zone-state').innerText";
    until(page, state, |text| {
        text.as_str().is_some_and(|text| text.contains(&words))
    })
    .await;
}

#[tokio::test]
async fn zones_are_drawn_on_the_stage_and_hold_at_once() {
    let Some(mut browser) = Browser::start(&[]).await else {
        return;
    };
    let program = Program::demo(&[]);
    let page = browser.page.clone();
    browser.resize(1440, 1400);
    page.goto(&program.url("/console")).await.unwrap();
    visitors(&page, "1").await;
    press(&page, "draw-zones").await;
    // Where faces stood is shown as warmth, without any picture.
    until(
        &page,
        "return document.querySelectorAll('#zone-drawing .warm').length",
        |n| n.as_u64() > Some(0),
    )
    .await;

    // By hand: a rectangle over all of it, then nobody is seen any more.
    pull(&page, &[(0.012, 0.03), (0.5, 0.5), (0.999, 0.999)]).await;
    saved(&page, 1).await;
    let zones = in_force(&program);
    let corners = zones["zones"][0].as_array().unwrap();
    assert_eq!(
        (corners.len(), &zones["version"]),
        (4, &json!(1)),
        "{zones}"
    );
    // What comes near the edge of the picture reaches it.
    assert_eq!(
        (&corners[0][0], &corners[2]),
        (&json!(0), &json!([1000, 1000]))
    );
    visitors(&page, "0").await;
    save(&page, "zones").await;

    // As numbers, with the keyboard alone: the right edge to the tenth of a percent.
    let inputs = page
        .find_all(Locator::Css("#zone-list input"))
        .await
        .unwrap();
    assert_eq!(inputs.len(), 8);
    for right in [2, 4] {
        // Everything in the field is selected and typed over.
        let keys = format!(
            "{}a{}12.5\t",
            char::from(Key::Control),
            char::from(Key::Null)
        );
        inputs[right].send_keys(&keys).await.unwrap();
    }
    saved(&page, 2).await;
    let corners = in_force(&program)["zones"][0].clone();
    assert_eq!(
        (&corners[1][0], &corners[2][0]),
        (&json!(125), &json!(125)),
        "{corners}"
    );
    visitors(&page, "1").await;

    // A shape, corner by corner; then one of its corners is pulled elsewhere.
    press(&page, "zone-shape").await;
    for corner in [(0.6, 0.1), (0.9, 0.1), (0.75, 0.4)] {
        pull(&page, &[corner]).await;
    }
    press(&page, "zone-finish").await;
    pull(&page, &[(0.9, 0.1), (0.95, 0.2)]).await;
    saved(&page, 3).await;
    let near = |value: &Value, expected: i64| (value.as_i64().unwrap() - expected).abs() <= 3;
    let shape = in_force(&program)["zones"][1].clone();
    for (place, (x, y)) in [(600, 100), (950, 200), (750, 400)].into_iter().enumerate() {
        assert!(
            near(&shape[place][0], x) && near(&shape[place][1], y),
            "{shape}"
        );
    }

    // Taken away again; what was not saved is not in force.
    for n in (0..2).rev() {
        let remove = page
            .find_all(Locator::Css("#zone-list button"))
            .await
            .unwrap();
        assert_eq!(remove.len(), n + 1);
        remove[0].clone().click().await.unwrap();
    }
    assert_eq!(in_force(&program)["version"], 3);
    saved(&page, 4).await;
    assert_eq!(in_force(&program)["zones"], json!([]));
    browser.stop().await;
}

/// Whoever draws on zones that somebody else changed meanwhile is told, and nothing is lost.
#[tokio::test]
async fn zones_changed_elsewhere_are_not_overwritten() {
    let Some(mut browser) = Browser::start(&[]).await else {
        return;
    };
    let program = Program::demo(&[]);
    let page = browser.page.clone();
    page.goto(&program.url("/console")).await.unwrap();
    until(
        &page,
        "return document.getElementById('draw-zones').hidden",
        |hidden| *hidden == false,
    )
    .await;
    press(&page, "draw-zones").await;
    let state = "return document.getElementById('zone-state').innerText";
    until(&page, state, |text| text == "None in force.").await;
    let zone = json!([[0, 0], [10, 0], [10, 10]]);
    program.send(
        "PUT",
        "/v1/cameras/demo/zones",
        &json!({"based_on": 0, "zones": [zone]}),
    );
    press(&page, "zone-rectangle").await;
    press(&page, "zone-save").await;
    until(&page, state, |text| {
        text.as_str()
            .is_some_and(|text| text.contains("changed meanwhile"))
    })
    .await;
    wait_for("the other's zone stays", || {
        in_force(&program)["zones"] == json!([zone])
    })
    .await;
    browser.stop().await;
}
