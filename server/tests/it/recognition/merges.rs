//! Two records of one person over the wire: made one by whoever shows both tokens, or at the desk; found as one; two again.

use regard_commitments::{AdminAct, Custody};
use serde_json::{Value, json};

use super::{Film, Me, live};
use crate::client::Answer;
use crate::own::Browser;

impl Film {
    async fn undo(&self, path: &str, token: Option<&str>) -> Answer {
        let request = self.world.delete(path);
        let request = match token {
            Some(token) => request.header("authorization", &format!("Person {token}")),
            None => request,
        };
        request.send().await
    }

    async fn export(&self, me: &Me) -> Value {
        let request = self.world.get("/v1/persons/me");
        let request = request.header("authorization", &format!("Person {}", me.token));
        request.send().await.json()
    }

    /// Who is found by the face of the actor.
    async fn identified(&self) -> Value {
        let button = json!({"kind": "button"});
        let act = self.made("/v1/acts", None, &button).await;
        let searching = json!({"mode": live(), "act": act["act"]});
        let begun = self.made("/v1/identifications", None, &searching).await;
        assert_eq!(self.film(&begun).await, json!([]));
        self.end(&begun).await.json::<Value>()["person"].clone()
    }

    /// Two records of the face in front of the camera, which can be found.
    async fn two_enrolled(&self) -> [Me; 2] {
        let both = [
            self.come(&["identify"]).await,
            self.come(&["identify"]).await,
        ];
        for me in &both {
            self.enroll(me).await;
        }
        both
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_records_of_one_person_are_found_as_one_until_either_ends() {
    let film = Film::new(Custody::Controller).await;
    let [one, other] = film.two_enrolled().await;
    let armed = film.world.put("/v1/galleries/visitors/armed");
    let armed = armed.json(&json!({"is_armed": true})).send().await;
    assert_eq!(armed.status, 204, "{}", armed.text());
    let merges = "/v1/galleries/visitors/merges";
    let wish =
        |has_asked: bool| json!({"from": one.person, "into": other.person, "has_asked": has_asked});
    let refused = film.post(merges, None, &wish(false)).await;
    assert_eq!((refused.status, &*refused.code()), (403, "act_missing"));
    let others = "/v1/galleries/others/merges";
    let elsewhere = film.post(others, None, &wish(true)).await;
    assert_eq!(elsewhere.code(), "unknown_gallery");
    let merged = film.made(merges, None, &wish(true)).await;
    assert_eq!(
        (&merged["from"], &merged["into"]),
        (&json!(one.person), &json!(other.person))
    );
    assert_eq!(film.identified().await, json!(other.person));
    for me in [&one, &other] {
        let told = film.export(me).await["merges"].clone();
        assert_eq!(told[0]["from"], json!(one.person));
        assert_eq!(told.as_array().unwrap().len(), 1);
    }
    let again = film.post(merges, None, &wish(true)).await;
    assert_eq!((again.status, &*again.code()), (409, "already_one"));
    // The person undoes it with either token, and makes them one again with both.
    let mine = "/v1/persons/me/merges";
    let undo = format!("{mine}/{}", one.person);
    let undone = film.undo(&undo, Some(&other.token)).await;
    assert_eq!(undone.status, 200, "{}", undone.text());
    let nothing = film.undo(&undo, Some(&other.token)).await;
    assert_eq!((nothing.status, &*nothing.code()), (404, "not_merged"));
    let no_token = json!({"token": "rgp_no"});
    let wrong = film.post(mine, Some(&one.token), &no_token).await;
    assert_eq!(
        (wrong.status, &*wrong.code()),
        (401, "person_token_unknown")
    );
    let its_own = json!({"token": one.token});
    let own = film.post(mine, Some(&one.token), &its_own).await;
    assert_eq!((own.status, &*own.code()), (422, "one_record"));
    let both = json!({"token": other.token});
    let merged = film.made(mine, Some(&one.token), &both).await;
    assert_eq!(merged["from"], json!(other.person));
    assert_eq!(film.identified().await, json!(one.person));
    // Withdrawn, the other is found as itself.
    let path = "/v1/persons/me/consents/identify";
    let withdrawn = film.undo(path, Some(&one.token)).await;
    assert_eq!(withdrawn.status, 204, "{}", withdrawn.text());
    assert_eq!(film.identified().await, json!(other.person));
    assert_eq!(film.export(&other).await["merges"], json!([]));
    let refused = film.post(merges, None, &wish(true)).await;
    assert_eq!(
        (refused.status, &*refused.code()),
        (403, "consent_withdrawn")
    );
    let told = film.world.told_times(AdminAct::RecordsMerged, 1).await;
    assert_eq!(told, 1, "what persons do themselves is theirs");
    film.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_two_people_are_refused_and_one_erasure_takes_both_of_one() {
    let film = Film::new(Custody::Controller).await;
    let [one, other] = film.two_enrolled().await;
    let stranger = film.come(&["identify"]).await;
    let merges = "/v1/galleries/visitors/merges";
    let wish =
        |from: &Me, into: &Me| json!({"from": from.person, "into": into.person, "has_asked": true});
    let faceless = film.post(merges, None, &wish(&one, &stranger)).await;
    assert_eq!(
        (faceless.status, &*faceless.code()),
        (403, "consent_missing")
    );
    let apart = "/v1/galleries/visitors/two-people";
    let nobody = json!({"one": one.person, "other": "0".repeat(32)});
    let unknown = film.post(apart, None, &nobody).await;
    assert_eq!((unknown.status, &*unknown.code()), (404, "unknown_person"));
    let two = json!({"one": one.person, "other": stranger.person});
    let noted = film.post(apart, None, &two).await;
    assert_eq!(noted.status, 204, "{}", noted.text());
    film.enroll(&stranger).await;
    for (from, into) in [(&one, &stranger), (&stranger, &one)] {
        let refused = film.post(merges, None, &wish(from, into)).await;
        assert_eq!((refused.status, &*refused.code()), (409, "two_people"));
    }
    film.made(merges, None, &wish(&one, &other)).await;
    // Their own page says it, and parts them.
    let mut page = Browser::open(&film.world, &other.token).await;
    let told = format!("{} answers as {} since", one.person, other.person);
    assert!(page.shows(&told), "{}", page.text);
    let foreign = [("record", stranger.person.as_str())];
    assert_eq!(page.press("part", &foreign).await.status, 422);
    let parted = page.press("part", &[("record", one.person.as_str())]).await;
    assert_eq!(parted.status, 200, "{}", parted.text());
    assert!(page.shows("It answers for itself again.") && !page.shows(&told));
    film.made(merges, None, &wish(&one, &other)).await;
    let path = format!("{merges}/{}?two_people=true", one.person);
    let undone = film.undo(&path, None).await;
    assert_eq!(undone.status, 200, "{}", undone.text());
    let refused = film.post(merges, None, &wish(&other, &one)).await;
    assert_eq!(refused.code(), "two_people");
    assert_eq!(film.export(&one).await["n_told_apart"], 2);
    film.world.told_times(AdminAct::MergeUndone, 1).await;
    film.world.told_times(AdminAct::RecordsToldApart, 1).await;
    // What is one goes as one.
    film.made(merges, None, &wish(&stranger, &other)).await;
    let erased = film.undo("/v1/persons/me", Some(&other.token)).await;
    assert_eq!(erased.status, 200, "{}", erased.text());
    let gone = film.undo("/v1/persons/me", Some(&stranger.token)).await;
    assert_eq!((gone.status, &*gone.code()), (401, "person_token_unknown"));
    let left: Value = film.world.get("/v1/persons").send().await.json();
    assert_eq!(left["persons"].as_array().unwrap().len(), 1);
    assert_eq!(left["persons"][0]["person"], json!(one.person));
    film.world.stop().await;
}
