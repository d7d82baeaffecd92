//! Faces over the wire: enrolled, verified, identified, by somebody who follows the challenges; and what is answered where
//! anything is wrong. Nothing of a picture, a template or an embedding leaves.

mod desk;
mod hooks;
mod leaks;
mod merges;
mod wrong;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use regard_commitments::{
    Assertion, AssertionFor, Commitments, ConsentPurpose, Custody, Dpia, VerifyingKey,
};
use regard_domain::{Clock, Timestamp};
use regard_server::ServerConfig;
use regard_testkit::actor::Actor;
use serde_json::{Value, json};

use crate::client::{Answer, Request};
use crate::world::World;

/// Time between two frames: as slow as a challenge allows, so that there are few.
const FRAME: Duration = Duration::from_millis(125);

static ACTOR: OnceLock<Actor> = OnceLock::new();

fn actor() -> &'static Actor {
    ACTOR.get_or_init(Actor::new)
}

/// Time that goes with the frames.
struct FilmClock(AtomicI64);

impl FilmClock {
    fn wait(&self, time: Duration) {
        let micros = i64::try_from(time.as_micros()).unwrap();
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for FilmClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

fn promise(document: &mut Commitments, custody: Custody) {
    document.consent_purposes = ConsentPurpose::ALL.iter().copied().collect();
    document.custody = custody;
    document.custody_justification = Some("an access gate with a guard beside it".to_owned());
    document.alternative_path = Some("the guard looks at the card".to_owned());
    document.dpia = Some(Dpia {
        reference: "DPIA 7".to_owned(),
        signed_by: "the officer".to_owned(),
        signed_on: "2026-05-01".parse().unwrap(),
        configuration: None,
    });
}

/// A site whose time goes with the frames.
struct Film {
    world: World,
    clock: Arc<FilmClock>,
}

/// Somebody with the token of their record.
struct Me {
    person: String,
    token: String,
}

fn pictures(request: Request, all: &[(Option<f64>, &[u8])]) -> Request {
    let mut body = Vec::new();
    for (taken_at, picture) in all {
        if let Some(at) = taken_at {
            let head = "--cut\r\nContent-Disposition: form-data; name=\"taken_at\"\r\n\r\n";
            body.extend_from_slice(format!("{head}{at}\r\n").as_bytes());
        }
        let head = "--cut\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"a.jpg\"\r\n\
                    Content-Type: image/jpeg\r\n\r\n";
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(picture);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--cut--\r\n");
    request
        .header("content-type", "multipart/form-data; boundary=cut")
        .bytes(body)
}

impl Film {
    async fn new(custody: Custody) -> Self {
        Self::with(custody, |_| {}).await
    }

    async fn with(custody: Custody, adjust: impl FnOnce(&mut ServerConfig)) -> Self {
        // 2026-06-01.
        let clock = Arc::new(FilmClock(AtomicI64::new(1_780_272_000_000_000)));
        let data = tempfile::tempdir().unwrap();
        let known = Arc::clone(&clock) as Arc<dyn Clock>;
        let change = |document: &mut Commitments| promise(document, custody);
        let open = |config: &mut ServerConfig| {
            config.open_console = true;
            adjust(config);
        };
        let world = World::at(data, known, change, open);
        Self {
            world: world.await,
            clock,
        }
    }

    async fn post(&self, path: &str, token: Option<&str>, body: &Value) -> Answer {
        let request = self.world.post(path).json(body);
        let request = match token {
            Some(token) => request.header("authorization", &format!("Person {token}")),
            None => request,
        };
        request.send().await
    }

    async fn made(&self, path: &str, token: Option<&str>, body: &Value) -> Value {
        let answer = self.post(path, token, body).await;
        assert_eq!(answer.status, 201, "{path}: {}", answer.text());
        answer.json()
    }

    async fn come(&self, purposes: &[&str]) -> Me {
        let enrolled = self.made("/v1/persons", None, &json!({})).await;
        let text = |name: &str| enrolled[name].as_str().unwrap().to_owned();
        let me = Me {
            person: text("person"),
            token: text("token"),
        };
        for purpose in purposes {
            let asked = json!({"purpose": purpose});
            let offer = self.made("/v1/persons/me/offers", Some(&me.token), &asked);
            let given = json!({"offer": offer.await["offer"]});
            self.made("/v1/persons/me/consents", Some(&me.token), &given)
                .await;
        }
        me
    }

    fn millis(&self) -> f64 {
        self.clock.now().as_micros() as f64 / 1e3
    }

    async fn look(&self, capture: &str, picture: &[u8]) -> Value {
        let path = format!("/v1/captures/{capture}/pictures");
        let all = [(Some(self.millis()), picture)];
        let answer = pictures(self.world.post(&path), &all).send().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json::<Value>()["pictures"][0].clone()
    }

    /// Follows the challenges to their end with what the actor does; why it failed, if it did.
    async fn film(&self, begun: &Value) -> Value {
        let capture = begun["capture"].as_str().unwrap();
        let mut step = begun["step"].clone();
        let mut began = None;
        for number in 0..400 {
            self.clock.wait(FRAME);
            let now = self.millis();
            let picture = match step["kind"].as_str().unwrap() {
                "look_ahead" => actor().alive(number),
                "turn" => actor().turned(step["direction"].as_str().unwrap()),
                "colors" => {
                    if began.is_none() {
                        began = Some(now);
                        let body = json!({"at_millis": now});
                        let path = format!("/v1/captures/{capture}/colors");
                        let noted = self.post(&path, None, &body).await;
                        assert_eq!(noted.status, 204, "{}", noted.text());
                    }
                    let shown = (now - began.unwrap() - FRAME.as_millis() as f64).max(0.0);
                    actor().lit(shown_color(&step["colors"], shown))
                }
                "done" => return json!([]),
                other => panic!("{other}"),
            };
            let seen = self.look(capture, &picture).await;
            step = seen["step"].clone();
            if seen["faults"] != json!([]) {
                return seen["faults"].clone();
            }
        }
        panic!("it did not end: {step}");
    }

    async fn end(&self, begun: &Value) -> Answer {
        let path = format!("/v1/captures/{}/end", begun["capture"].as_str().unwrap());
        self.world.post(&path).send().await
    }

    async fn enroll(&self, me: &Me) -> Value {
        let body = json!({"mode": live(), "act": "qr"});
        let begun = self.made("/v1/persons/me/faces", Some(&me.token), &body);
        let begun = begun.await;
        assert_eq!(self.film(&begun).await, json!([]));
        let ended = self.end(&begun).await;
        assert_eq!(ended.status, 200, "{}", ended.text());
        ended.json()
    }
}

fn live() -> Value {
    json!({"kind": "live", "can_color": true})
}

fn shown_color(colors: &Value, mut shown_millis: f64) -> [u8; 3] {
    for step in colors.as_array().unwrap() {
        let lasts = step["lasts_millis"].as_f64().unwrap();
        if shown_millis < lasts {
            let hex = step["color"].as_str().unwrap().trim_start_matches('#');
            let number = u32::from_str_radix(hex, 16).unwrap();
            let [_, red, green, blue] = number.to_be_bytes();
            return [red, green, blue];
        }
        shown_millis -= lasts;
    }
    [60; 3]
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_enrols_and_logs_in_elsewhere_by_their_token_and_face() {
    let film = Film::new(Custody::InPersonsHands).await;
    let me = film.come(&["verify"]).await;
    let enrolled = film.enroll(&me).await;
    assert_eq!(
        (&enrolled["kind"], &enrolled["custody"]),
        (&json!("enrolled"), &json!("in_persons_hands"))
    );
    assert_eq!(enrolled["purposes"], json!(["verify"]));
    let svg = enrolled["face_token_qr_svg"].as_str().unwrap();
    assert!(svg.contains("<svg"));
    let wanted = json!({
        "mode": live(), "face_token": enrolled["face_token"], "fmr": 1e-5,
        "audience": "till", "nonce": "n-0",
    });
    let begun = film.made("/v1/verifications", None, &wanted).await;
    let early = film.end(&begun).await;
    assert_eq!((early.status, &*early.code()), (409, "capture_unfinished"));
    assert_eq!(film.film(&begun).await, json!([]));
    let ended = film.end(&begun).await;
    assert_eq!(ended.status, 200, "{}", ended.text());
    let ended: Value = ended.json();
    assert_eq!(
        (&ended["kind"], &ended["is_match"]),
        (&json!("verified"), &json!(true))
    );
    let fmr = ended["threshold"]["fmr"]["value"].as_f64().unwrap();
    assert!((5e-6..2e-5).contains(&fmr), "{fmr}");
    assert!(ended["similarity"].as_f64() > ended["threshold"]["similarity"].as_f64());
    // The application checks what it was given with the published key.
    let keys: Value = film.world.get("/.well-known/jwks.json").send().await.json();
    let x = URL_SAFE_NO_PAD.decode(keys["keys"][0]["x"].as_str().unwrap());
    let key = VerifyingKey::from_bytes(&x.unwrap().try_into().unwrap()).unwrap();
    let till = AssertionFor::new("till", "n-0").unwrap();
    let assertion = ended["assertion"].as_str().unwrap();
    let said = Assertion::verify(assertion, &key, &till, film.clock.now()).unwrap();
    assert_eq!(said.amr, ["face", "turn", "colors"]);
    assert!(!assertion.contains(&me.person) && said.sub != me.person);
    // It is over.
    let again = film.end(&begun).await;
    assert_eq!((again.status, &*again.code()), (404, "unknown_capture"));

    // The face is listed without its numbers; removed, its token opens nothing, in every copy.
    let as_me = |request: Request| request.header("authorization", &format!("Person {}", me.token));
    let listed = as_me(film.world.get("/v1/persons/me/faces")).send().await;
    let listed: Value = listed.json();
    assert_eq!(listed["faces"][0]["template"], enrolled["template"]);
    let template = enrolled["template"].as_str().unwrap();
    let path = format!("/v1/persons/me/faces/{template}");
    for (status, code) in [(204, None), (404, Some("unknown_face"))] {
        let removed = as_me(film.world.delete(&path)).send().await;
        assert_eq!(removed.status, status);
        if let Some(code) = code {
            assert_eq!(removed.code(), code);
        }
    }
    let refused = film.post("/v1/verifications", None, &wanted).await;
    assert_eq!(
        (refused.status, &*refused.code()),
        (422, "face_token_unknown")
    );
    film.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_given_again_and_a_face_is_enrolled_once() {
    let film = Film::new(Custody::InPersonsHands).await;
    let me = film.come(&["verify"]).await;
    let body = json!({"mode": live()});
    let begin = |key: &'static str, body: Value| {
        let request = film.world.post("/v1/persons/me/faces").json(&body);
        request
            .header("authorization", &format!("Person {}", me.token))
            .header("idempotency-key", key)
            .send()
    };
    let (one, two) = (
        begin("k-1", body.clone()).await,
        begin("k-1", body.clone()).await,
    );
    assert_eq!((one.status, two.status), (201, 201));
    assert_eq!(one.body, two.body);
    assert_eq!(one.header("idempotent-replayed"), None);
    assert_eq!(two.header("idempotent-replayed"), Some("true"));
    let other = begin("k-1", json!({"mode": {"kind": "photos"}})).await;
    assert_eq!(
        (other.status, &*other.code()),
        (422, "idempotency_key_reused")
    );
    assert_ne!(begin("k-2", body.clone()).await.body, one.body);
    let bad = begin("k 3", body).await;
    assert_eq!((bad.status, &*bad.code()), (400, "bad_idempotency_key"));
    let begun: Value = one.json();
    assert_eq!(film.film(&begun).await, json!([]));
    let end = || {
        let path = format!("/v1/captures/{}/end", begun["capture"].as_str().unwrap());
        film.world
            .post(&path)
            .header("idempotency-key", "e-1")
            .send()
    };
    let (one, two) = (end().await, end().await);
    assert_eq!(
        (one.status, one.body),
        (200, two.body),
        "the token is there once more"
    );
    let custodian = film.world.engine.custodian();
    let who = custodian.authenticate(&me.token).await.unwrap();
    assert_eq!(custodian.faces(&who).await.unwrap().len(), 1);
    film.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gallery_is_searched_only_armed_and_after_an_act() {
    let film = Film::new(Custody::Controller).await;
    let (me, other) = (
        film.come(&["identify", "verify"]).await,
        film.come(&["identify"]).await,
    );
    let enrolled = film.enroll(&me).await;
    assert_eq!(enrolled["face_token"], Value::Null);
    let search = |act: Value| json!({"mode": live(), "act": act});
    let nothing = search(Value::Null);
    let refused = film.post("/v1/identifications", None, &nothing).await;
    assert_eq!(refused.code(), "feature_not_in_profile");
    let armed = film.world.put("/v1/galleries/visitors/armed");
    let armed = armed.json(&json!({"is_armed": true})).send().await;
    assert_eq!(armed.status, 204, "{}", armed.text());
    let unknown = film.world.post("/v1/galleries/others/rekey").send().await;
    assert_eq!((unknown.status, &*unknown.code()), (404, "unknown_gallery"));
    let rekeyed = film.world.post("/v1/galleries/visitors/rekey").send().await;
    let rekeyed: Value = rekeyed.json();
    assert_eq!(rekeyed, json!({"n_templates": 1, "n_left_out": 0}));
    let standing: Value = film.world.get("/v1/recognition").send().await.json();
    assert_eq!(
        standing["galleries"],
        json!([{
            "gallery": "visitors", "is_armed": true, "n_persons": 1, "n_templates": 1, "max_templates": 1_000_000,
            "index": "exact", "custody": "controller", "turned_over_at": film.clock.now().as_micros(),
        }])
    );
    assert!(
        standing["kinds"]
            .as_array()
            .unwrap()
            .iter()
            .all(|kind| kind["is_on"] == true)
    );
    let refused = film.post("/v1/identifications", None, &nothing).await;
    assert_eq!(refused.code(), "act_missing");
    let act = film
        .made("/v1/acts", None, &json!({"kind": "button"}))
        .await;
    let searching = search(act["act"].clone());
    let begun = film.made("/v1/identifications", None, &searching).await;
    assert_eq!(film.film(&begun).await, json!([]));
    let found: Value = film.end(&begun).await.json();
    assert_eq!(found["person"], json!(me.person), "{found}");
    assert!(found["fpir"]["value"].as_f64() < Some(2e-3), "{found}");
    let used = film.post("/v1/identifications", None, &searching).await;
    assert_eq!(used.code(), "act_missing");

    // By id, and page by page.
    let path = format!("/v1/persons/{}/verifications", me.person);
    let begun = film.made(&path, None, &json!({"mode": live()})).await;
    assert_eq!(film.film(&begun).await, json!([]));
    let ended: Value = film.end(&begun).await.json();
    assert_eq!(ended["is_match"], true, "{ended}");
    let path = format!("/v1/persons/{}/verifications", other.person);
    let refused = film.post(&path, None, &json!({"mode": live()})).await;
    assert_eq!((refused.status, &*refused.code()), (403, "consent_missing"));
    let (mut after, mut known) = (String::new(), Vec::new());
    loop {
        let path = format!("/v1/persons?limit=1{after}");
        let page: Value = film.world.get(&path).send().await.json();
        let persons = page["persons"].as_array().unwrap();
        known.extend(
            persons
                .iter()
                .map(|one| (one["person"].clone(), one["n_faces"].clone())),
        );
        let Some(next) = page["next"].as_str() else {
            break;
        };
        after = format!("&after={next}");
    }
    known.sort_by_key(|(person, _)| person.to_string());
    let mut all = vec![
        (json!(me.person), json!(1)),
        (json!(other.person), json!(0)),
    ];
    all.sort_by_key(|(person, _)| person.to_string());
    assert_eq!(known, all);
    film.world.stop().await;
}
