//! Studies over the wire: who may make them, who takes part, what is told, what is left when somebody goes.

use regard_commitments::{Category, ProcessingPurpose, Scope};
use regard_domain::{CreativeId, SittingId};
use regard_engine::{Participant, Seated, SittingMark};
use regard_evaluation::Answer as Said;
use regard_testkit::clip;
use serde_json::{Value, json};

use crate::client::Answer;
use crate::world::World;

const ADULT: Participant = Participant {
    agrees: true,
    is_adult: true,
};

fn plan(min_participants: u32) -> Value {
    let text = |title: &str| json!({"kind": "text", "title": title});
    let creative =
        |id: &str| json!({"id": id, "name": id, "duration_millis": 2_200, "content": text(id)});
    json!({
        "id": "spring", "title": "Spring <b>", "explanation": "What we show",
        "creative": [creative("coffee")],
        "question": [{"id": "liking", "kind": "liking", "text": "Did you like it?"}],
        "rest_millis": 1_000, "min_participants": min_participants,
    })
}

async fn make(world: &World, plan: &Value) -> Answer {
    world.post("/v1/studies").json(plan).send().await
}

/// The texts of invitations.
async fn invited(world: &World, n: usize) -> Vec<String> {
    let invitations = world.post("/v1/studies/spring/invitations");
    let answer = invitations.json(&json!({"n": n})).send().await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let links: Vec<String> =
        serde_json::from_value(answer.json::<Value>()["links"].clone()).unwrap();
    let token = |link: &String| link.rsplit('/').next().unwrap().to_owned();
    links.iter().map(token).collect()
}

async fn report(world: &World) -> Value {
    let answer = world.get("/v1/studies/spring/report").send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// A camera that goes on by its own clock.
struct Camera {
    frames: Vec<Vec<u8>>,
    now: f64,
}

impl Camera {
    fn new() -> Self {
        Self {
            // Of the man in the demonstration's clip.
            frames: clip::frames()[..19].to_vec(),
            now: 0.0,
        }
    }

    /// So many frames, so far apart.
    async fn film(&mut self, world: &World, seated: &Seated, (n, gap): (usize, f64)) {
        for at in 0..n {
            let frame = self.frames[at % self.frames.len()].clone();
            let seen = world
                .engine
                .studies()
                .picture(seated.sitting, frame, self.now);
            assert_eq!(seen.await.unwrap().n_faces, 1);
            self.now += gap;
        }
    }

    async fn mark(
        &self,
        world: &World,
        seated: &Seated,
        mark: SittingMark,
    ) -> regard_engine::SittingSeen {
        let marked = world.engine.studies().mark(seated.sitting, mark, self.now);
        marked.await.unwrap()
    }

    /// A whole sitting; `n` frames of each part.
    async fn sit(&mut self, world: &World, seated: &Seated, n: usize, liking: u8) {
        self.mark(world, seated, SittingMark::Rest).await;
        self.film(world, seated, (4, 200.0)).await;
        assert!(self.mark(world, seated, SittingMark::End).await.has_neutral);
        let coffee = CreativeId::new("coffee").unwrap();
        self.mark(world, seated, SittingMark::Message(coffee.clone()))
            .await;
        self.film(world, seated, (n, 2_200.0 / n as f64)).await;
        self.mark(world, seated, SittingMark::End).await;
        let studies = world.engine.studies();
        let answers = [(CreativeId::new("liking").unwrap(), Said::Liking(liking))];
        studies
            .answer(seated.sitting, &coffee, answers.into())
            .await
            .unwrap();
        assert!(studies.get_up(seated.sitting).await.unwrap());
    }
}

#[tokio::test]
async fn a_study_is_made_by_those_who_may_and_from_a_plan_without_mistakes() {
    let world = World::open().await;
    assert_eq!(make(&world, &plan(5)).await.status, 201);
    assert_eq!(make(&world, &plan(5)).await.code(), "study_exists");
    let mut bad = plan(5);
    bad["id"] = json!("bad");
    bad["creative"][0]["duration_millis"] = json!(1);
    bad["question"][0]["kind"] = json!("text");
    let answer = make(&world, &bad).await;
    assert_eq!((answer.status, answer.code().as_str()), (422, "bad_plan"));
    assert_eq!(
        answer.json::<Value>()["mistakes"].as_array().unwrap().len(),
        2
    );
    // Movements of a fraction of a second are not among what these commitments promise.
    let mut quick = plan(5);
    quick["id"] = json!("quick");
    quick["movements"] = json!({"shortest_millis": 40});
    assert_eq!(make(&world, &quick).await.code(), "purpose_not_promised");
    let page = world.page("/console/studies").await;
    assert!(
        page.text().contains("Spring &#60;b&#62;"),
        "{}",
        page.text()
    );
    world.post("/v1/studies/spring/close").send().await;
    let invite = world.post("/v1/studies/spring/invitations");
    let answer = invite.json(&json!({"n": 1})).send().await;
    assert_eq!(answer.code(), "study_closed");
    // Outside of a laboratory fewer than five are told of to nobody.
    let shop = World::promising(|commitments| commitments.profile = "eu".to_owned()).await;
    let answer = make(&shop, &plan(2)).await;
    assert_eq!(answer.code(), "feature_not_in_profile", "{}", answer.text());
    assert_eq!(make(&shop, &plan(5)).await.status, 201);
}

#[tokio::test]
async fn strangers_see_no_study_and_no_report() {
    let world = World::closed().await;
    for path in [
        "/v1/studies",
        "/v1/studies/spring",
        "/v1/studies/spring/report",
        "/v1/studies/spring/priors",
        "/console/studies",
    ] {
        assert_eq!(world.get(path).send().await.status, 401, "{path}");
    }
    assert_eq!(make(&world, &plan(5)).await.status, 401);
    let answer = world.page("/study/rgi_00").await;
    assert_eq!(answer.status, 410);
    assert!(answer.text().contains("This invitation is not good"));
    // No place is held for the camera of a sitting that nobody sits.
    let socket = world
        .get(&format!("/v1/sittings/{}/frames", SittingId::from_bits(7)))
        .header("upgrade", "websocket")
        .header("connection", "upgrade")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let answer = socket.send().await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (404, "unknown_sitting")
    );
}

#[tokio::test]
async fn an_invitation_seats_one_who_agrees_once() {
    let world = World::open().await;
    make(&world, &plan(5)).await;
    let tokens = invited(&world, 2).await;
    let page = world.page(&format!("/study/{}?lang=de", tokens[0])).await;
    assert_eq!(page.status, 200);
    assert!(
        page.text().contains("Spring &#60;b&#62;") && page.text().contains("Was gemessen wird")
    );
    assert!(
        page.header("permissions-policy")
            .unwrap()
            .contains("camera=(self)")
    );
    let sit = async |token: &str, agrees: bool, is_adult: bool| {
        let body =
            json!({"invitation": token, "agrees": agrees, "is_adult": is_adult, "language": "en"});
        world.post("/v1/sittings").json(&body).send().await
    };
    assert_eq!(sit(&tokens[0], false, true).await.code(), "consent_missing");
    assert_eq!(
        sit(&tokens[0], true, false).await.code(),
        "minor_protection"
    );
    // Neither used it up.
    let seated = sit(&tokens[0], true, true).await;
    assert_eq!(seated.status, 201, "{}", seated.text());
    let seated: Value = seated.json();
    assert_eq!(seated["creatives"][0]["title"], "coffee");
    assert_eq!(seated["receipt"].as_str().unwrap().split('.').count(), 3);
    assert_eq!(
        sit(&tokens[0], true, true).await.code(),
        "invitation_not_good"
    );
    // Whoever gets up before anything was shown leaves nothing behind.
    let path = format!("/v1/sittings/{}/end", seated["sitting"].as_str().unwrap());
    let ended: Value = world.post(&path).send().await.json();
    assert_eq!(ended["is_kept"], false);
    assert_eq!(world.post(&path).send().await.code(), "unknown_sitting");
    assert_eq!(report(&world).await["n_participants"], 0);
    let known: Value = world.get("/v1/studies/spring").send().await.json();
    assert_eq!(
        (&known["study"]["n_invited"], &known["study"]["n_came"]),
        (&json!(2), &json!(1))
    );
}

#[tokio::test]
async fn movements_are_added_up_for_the_report_alone_and_who_withdraws_is_gone_from_it() {
    let world = World::promising(|commitments| {
        commitments.scopes = commitments.scopes.with(Scope::MicroExpression);
        commitments.purposes.insert(ProcessingPurpose::Research);
        commitments.categories.insert(Category::MicroExpression);
    })
    .await;
    let mut quick = plan(2);
    quick["movements"] = json!({"shortest_millis": 200});
    assert_eq!(make(&world, &quick).await.status, 201);
    let mut people = Vec::new();
    for (token, liking) in invited(&world, 2).await.iter().zip([3, 6]) {
        let seated = world.engine.studies().sit_down(token, ADULT).await.unwrap();
        let mut camera = Camera::new();
        camera.mark(&world, &seated, SittingMark::Check).await;
        camera.film(&world, &seated, (42, 50.0)).await;
        let seen = camera.mark(&world, &seated, SittingMark::Checked).await;
        assert_eq!(seen.movements, regard_engine::MovementStanding::Granted);
        camera.sit(&world, &seated, 44, liking).await;
        people.push(seated.token.reveal().to_string());
    }
    let both = report(&world).await;
    assert_eq!(both["n_participants"], 2);
    assert_eq!(both["creatives"][0]["liking"]["mean"], 4.5, "{both}");
    let html = async || {
        let page = world
            .get("/v1/studies/spring/report?format=html")
            .send()
            .await;
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.contains("style-src 'unsafe-inline'"), "{policy}");
        page.text().to_owned()
    };
    assert!(html().await.contains("Movements of a fraction of a second"));
    // The report of plays brings its own styles, too.
    let plays = world.get("/v1/reports/plays?format=html").send().await;
    assert_eq!(plays.status, 200, "{}", plays.text());
    let policy = plays.header("content-security-policy").unwrap();
    assert!(policy.contains("style-src 'unsafe-inline'"), "{policy}");
    let pdf = world
        .get("/v1/studies/spring/report?format=pdf")
        .send()
        .await;
    assert!(pdf.body.starts_with(b"%PDF-"));
    // What leaves the study knows nothing of them, and of fewer than five nothing at all.
    let priors: Value = world.get("/v1/studies/spring/priors").send().await.json();
    assert!(priors["policy_state"].is_null(), "{priors}");
    assert_eq!(priors["priors"]["suppressed"], json!(["coffee"]));
    for text in [both.to_string(), priors.to_string()] {
        assert!(!text.contains("movement"), "{text}");
    }
    // Their own record has all of it.
    let authorization = format!("Person {}", people[0]);
    let own = world
        .get("/v1/persons/me")
        .header("authorization", &authorization);
    let own: Value = own.send().await.json();
    assert_eq!(own["studies"].as_array().unwrap().len(), 2, "{own}");
    let withdraw = world.delete("/v1/persons/me/consents/research");
    let answer = withdraw
        .header("authorization", &authorization)
        .send()
        .await;
    assert_eq!(answer.status, 204);
    let one = report(&world).await;
    assert_eq!(one["n_participants"], 1);
    assert_eq!(one["creatives"][0]["suppressed"]["needed"], 2);
    assert!(
        !html()
            .await
            .contains("Movements of a fraction of a second</h3>")
    );
}

#[tokio::test]
async fn whoever_withdraws_while_they_sit_leaves_nothing() {
    let world = World::open().await;
    make(&world, &plan(2)).await;
    let token = invited(&world, 1).await.remove(0);
    let studies = world.engine.studies();
    let seated = studies.sit_down(&token, ADULT).await.unwrap();
    let camera = Camera::new();
    camera.mark(&world, &seated, SittingMark::Rest).await;
    let authorization = format!("Person {}", seated.token.reveal().as_str());
    let erase = world
        .delete("/v1/persons/me")
        .header("authorization", &authorization);
    assert_eq!(erase.send().await.status, 200);
    let frame = camera.frames[0].clone();
    let looked = studies.picture(seated.sitting, frame, 100.0).await;
    assert!(matches!(
        looked,
        Err(regard_engine::StudyError::UnknownSitting)
    ));
    assert!(studies.get_up(seated.sitting).await.is_err());
    assert_eq!(report(&world).await["n_participants"], 0);
}

#[tokio::test]
async fn whoever_gets_up_twice_at_once_gets_up_once() {
    let world = World::open().await;
    make(&world, &plan(2)).await;
    let token = invited(&world, 1).await.remove(0);
    let studies = world.engine.studies();
    let seated = studies.sit_down(&token, ADULT).await.unwrap();
    let mut camera = Camera::new();
    let coffee = SittingMark::Message(CreativeId::new("coffee").unwrap());
    camera.mark(&world, &seated, coffee).await;
    camera.now += 2_200.0;
    camera.mark(&world, &seated, SittingMark::End).await;
    let (one, other) = tokio::join!(
        studies.get_up(seated.sitting),
        studies.get_up(seated.sitting)
    );
    let (kept, refused) = if one.is_ok() {
        (one, other)
    } else {
        (other, one)
    };
    assert!(kept.unwrap(), "what they gave is kept");
    assert!(matches!(
        refused,
        Err(regard_engine::StudyError::UnknownSitting)
    ));
    assert_eq!(report(&world).await["n_participants"], 1);
}
