//! Recognition as those see it who run the site: galleries, who enrolled, error rates, attempts, and looking for somebody who asks.

use regard_commitments::{AdminAct, Custody};
use serde_json::{Value, json};

use super::{Film, live};

async fn get(film: &Film, path: &str) -> Value {
    let answer = film.world.get(path).send().await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

async fn text(film: &Film, path: &str) -> String {
    let answer = film.world.get(path).send().await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.text().to_owned()
}

/// Attempts as kind, outcome and code.
async fn attempts(film: &Film) -> Vec<(Value, Value, Value)> {
    let told = get(film, "/v1/recognition/attempts?limit=500").await;
    let all = told["attempts"].as_array().unwrap();
    all.iter()
        .map(|one| {
            (
                one["kind"].clone(),
                one["outcome"].clone(),
                one["code"].clone(),
            )
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_told_with_what_is_known_of_them() {
    let film = Film::new(Custody::InPersonsHands).await;
    let curve = get(&film, "/v1/recognition/curve").await;
    let marks = |points: &Value, rate: &str| -> Vec<bool> {
        let points = points.as_array().unwrap();
        let rate = |point: &Value| match rate {
            "fmr" => point["threshold"]["fmr"].clone(),
            other => point[other].clone(),
        };
        points
            .iter()
            .map(|point| rate(point)["is_extrapolated"].as_bool().unwrap())
            .collect()
    };
    assert_eq!(marks(&curve["verify"], "fmr"), [false, false, false, true]);
    // From ten thousand persons on a thousandth of strangers asks for rates that nobody counted.
    let searches = marks(&curve["identify"], "fpir");
    assert!(
        searches.is_sorted() && !searches[0] && searches[7],
        "{searches:?}"
    );
    let rows = curve["rows"].as_array().unwrap();
    let fnmr = rows
        .iter()
        .map(|row| row["threshold"]["fnmr"]["value"].as_f64().unwrap());
    assert!(
        fnmr.is_sorted(),
        "the rarer false matches are, the more are missed"
    );
    for (path, name) in [
        ("/console/plots/det.svg", "Error trade-off"),
        ("/console/plots/open-set.svg?theme=dark", "miss somebody"),
    ] {
        let svg = text(&film, path).await;
        assert!(svg.contains("<svg") && svg.contains(name), "{path}");
    }
    let bad = film
        .world
        .get("/v1/recognition/attempts?limit=501")
        .send()
        .await;
    assert_eq!((bad.status, &*bad.code()), (422, "bad_limit"));
    film.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_enrolled_is_told_by_pseudonym_with_consents_and_quality_and_the_ledger_says_who_read()
{
    let film = Film::new(Custody::Controller).await;
    let me = film.come(&["identify", "personalise"]).await;
    film.enroll(&me).await;
    let page = get(&film, "/v1/persons").await;
    let one = &page["persons"][0];
    assert_eq!(one["person"], json!(me.person));
    let consents = one["consents"].as_array().unwrap();
    let purposes: Vec<&str> = consents
        .iter()
        .map(|one| one["purpose"].as_str().unwrap())
        .collect();
    assert_eq!(purposes, ["identify", "personalise"]);
    for consent in consents {
        assert!(consent["until"].as_i64() > consent["given_at"].as_i64());
    }
    let face = &one["faces"][0];
    assert!(
        (50..=100).contains(&face["quality"].as_u64().unwrap()),
        "{face}"
    );
    assert!(!face["weakest"].as_str().unwrap().is_empty());
    // On the page, only when asked for.
    let without = text(&film, "/console/recognition").await;
    assert!(!without.contains(&me.person) && without.contains("Show who enrolled"));
    let with = text(&film, "/console/recognition?persons=yes").await;
    assert!(with.contains(&me.person) && with.contains("of 100, least in"));
    let n_read = film.world.told_times(AdminAct::RowsRead, 2).await;
    assert_eq!(
        n_read, 2,
        "the API, and the page that was asked for persons"
    );
    // The person reads the same about themselves.
    let export = film.world.get("/v1/persons/me");
    let export = export.header("authorization", &format!("Person {}", me.token));
    let export: Value = export.send().await.json();
    assert_eq!(
        export["templates"][0]["quality"]["overall"],
        face["quality"]
    );
    // Gone with the consent it hangs on.
    let path = "/v1/persons/me/consents/identify";
    let withdrawn = film.world.delete(path);
    let withdrawn = withdrawn.header("authorization", &format!("Person {}", me.token));
    assert_eq!(withdrawn.send().await.status, 204);
    let page = get(&film, "/v1/persons").await;
    assert_eq!(page["persons"][0]["faces"], json!([]));
    film.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_face_in_its_persons_hands_not_even_the_quality_is_kept() {
    let film = Film::new(Custody::InPersonsHands).await;
    let me = film.come(&["verify"]).await;
    film.enroll(&me).await;
    let page = get(&film, "/v1/persons").await;
    let face = &page["persons"][0]["faces"][0];
    assert_eq!(
        (&face["in_token"], &face["quality"]),
        (&json!(true), &Value::Null)
    );
    film.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_asks_at_the_desk_is_found_and_nobody_who_did_not() {
    let film = Film::new(Custody::Controller).await;
    let me = film.come(&["identify"]).await;
    film.enroll(&me).await;
    let path = "/v1/galleries/visitors/searches";
    let asked = json!({"reason": "lost_token", "has_asked": true});
    let refused = film.post(path, None, &asked).await;
    assert_eq!(
        (refused.status, &*refused.code()),
        (403, "feature_not_in_profile"),
        "not armed"
    );
    let armed = film.world.put("/v1/galleries/visitors/armed");
    assert_eq!(
        armed.json(&json!({"is_armed": true})).send().await.status,
        204
    );
    for (body, status, code) in [
        (
            json!({"reason": "lost_token", "has_asked": false}),
            403,
            "act_missing",
        ),
        (
            json!({"reason": "curious", "has_asked": true}),
            422,
            "bad_body",
        ),
        (json!({"has_asked": true}), 422, "bad_body"),
    ] {
        let answer = film.post(path, None, &body).await;
        assert_eq!((answer.status, &*answer.code()), (status, code), "{body}");
    }
    let elsewhere = film
        .post("/v1/galleries/others/searches", None, &asked)
        .await;
    assert_eq!(
        (elsewhere.status, &*elsewhere.code()),
        (404, "unknown_gallery")
    );
    let begun = film.made(path, None, &asked).await;
    assert_eq!(film.film(&begun).await, json!([]));
    let found: Value = film.end(&begun).await.json();
    assert_eq!(found["person"], json!(me.person), "{found}");
    let searched = film.world.told_times(AdminAct::GallerySearched, 2).await;
    assert_eq!(
        searched, 2,
        "also the one that was refused afterwards: the ledger says who wanted to"
    );
    film.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_say_what_they_came_to_and_nothing_of_anybody() {
    let film = Film::new(Custody::InPersonsHands).await;
    let me = film.come(&["verify"]).await;
    let nobody = film.come(&[]).await;
    let body = json!({"mode": live()});
    let refused = film
        .post("/v1/persons/me/faces", Some(&nobody.token), &body)
        .await;
    assert_eq!(refused.code(), "consent_missing");
    let token = film.enroll(&me).await["face_token"].clone();
    let foreign = json!({"mode": live(), "face_token": "RGT1:"});
    film.post("/v1/verifications", None, &foreign).await;
    let claim = json!({"mode": live(), "face_token": token});
    let begun = film.made("/v1/verifications", None, &claim).await;
    let path = format!("/v1/captures/{}", begun["capture"].as_str().unwrap());
    assert_eq!(film.world.delete(&path).send().await.status, 204);
    film.made("/v1/verifications", None, &claim).await;
    // Whoever walks away leaves nothing open.
    film.clock.wait(std::time::Duration::from_secs(300));
    let refused = Value::from("consent_missing");
    let told = attempts(&film).await;
    let expected = [
        ("verify", "ran_out", Value::Null),
        ("verify", "given_up", Value::Null),
        ("verify", "not_matched", Value::Null),
        ("enroll", "accepted", Value::Null),
        ("enroll", "refused", refused),
    ];
    let expected: Vec<(Value, Value, Value)> = expected
        .map(|(kind, outcome, code)| (json!(kind), json!(outcome), code))
        .into();
    assert_eq!(told, expected);
    let raw = text(&film, "/v1/recognition/attempts").await;
    assert!(
        !raw.contains(&me.person) && !raw.contains("similarity"),
        "{raw}"
    );
    let page = text(&film, "/console/recognition").await;
    assert!(page.contains("given_up") && page.contains("consent_missing"));
    film.clock.wait(std::time::Duration::from_secs(86_400));
    assert!(attempts(&film).await.is_empty(), "a day and no longer");
    film.world.stop().await;
}
