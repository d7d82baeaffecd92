//! A person's own page: each right by its form, and what others try.

use std::collections::BTreeMap;

use regard_commitments::{EntryBody, ErasureProof, LedgerEntry};
use serde_json::{Value, json};

use crate::client::{Answer, Request};
use crate::world::World;

/// Somebody's browser: it keeps cookies, and fills in what stands hidden in the forms it was shown.
pub(crate) struct Browser<'a> {
    world: &'a World,
    cookies: BTreeMap<String, String>,
    /// The page it shows.
    pub(crate) text: String,
}

/// The values of a hidden field, in the order of the page.
pub(crate) fn hidden<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
    let begins = format!("name=\"{name}\" value=\"");
    let parts = text.split(&begins).skip(1);
    parts.filter_map(|part| part.split('"').next()).collect()
}

fn encoded(text: &str) -> String {
    text.bytes().map(|b| format!("%{b:02X}")).collect()
}

impl<'a> Browser<'a> {
    fn new(world: &'a World) -> Self {
        Self {
            world,
            cookies: BTreeMap::new(),
            text: String::new(),
        }
    }

    fn with_cookies(&self, request: Request) -> Request {
        let pairs: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if pairs.is_empty() {
            request
        } else {
            request.header("cookie", &pairs.join("; "))
        }
    }

    fn keep(&mut self, answer: &Answer) {
        for (name, set) in &answer.headers {
            if name == "set-cookie" {
                let (name, rest) = set.split_once('=').unwrap();
                let value = rest.split(';').next().unwrap();
                if value.is_empty() {
                    self.cookies.remove(name);
                } else {
                    self.cookies.insert(name.to_owned(), value.to_owned());
                }
            }
        }
        if answer
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("text/html"))
        {
            self.text = answer.text().to_owned();
        }
    }

    async fn get(&mut self, path: &str) -> Answer {
        let request = self
            .with_cookies(self.world.get(path))
            .header("accept", "text/html");
        let answer = request.send().await;
        self.keep(&answer);
        answer
    }

    async fn send(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        let request = self
            .with_cookies(self.world.post(path))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("origin", &format!("http://{}", self.world.address))
            .bytes(body.join("&").into_bytes());
        let answer = request.send().await;
        self.keep(&answer);
        answer
    }

    /// Presses a button of the page it shows, and follows to the page after it.
    pub(crate) async fn press(&mut self, act: &str, fields: &[(&str, &str)]) -> Answer {
        let form = hidden(&self.text, "form")
            .first()
            .copied()
            .unwrap_or_default()
            .to_owned();
        assert!(
            self.text.contains(&format!("action=\"/me/{act}\"")),
            "{act} is offered: {}",
            self.text
        );
        let all: Vec<(&str, &str)> = [("form", form.as_str()), ("lang", "en")]
            .into_iter()
            .chain(fields.iter().copied())
            .collect();
        let answer = self.send(&format!("/me/{act}"), &all).await;
        if answer.status == 303 {
            let next = answer.header("location").unwrap().to_owned();
            assert!(next.starts_with("/me?lang=en"), "{next}");
            return self.get(&next).await;
        }
        answer
    }

    pub(crate) async fn open(world: &'a World, token: &str) -> Self {
        let mut browser = Self::new(world);
        browser.get("/me?lang=en").await;
        let opened = browser.press("open", &[("token", token)]).await;
        assert_eq!(opened.status, 200, "{}", opened.text());
        browser
    }

    pub(crate) fn shows(&self, words: &str) -> bool {
        self.text.contains(words)
    }
}

async fn enrolled(world: &World, is_minor: bool) -> String {
    let body = json!({ "is_minor": is_minor });
    let enrolled: Value = world.post("/v1/persons").json(&body).send().await.json();
    assert!(enrolled["page"].as_str().unwrap().ends_with("/me"));
    enrolled["token"].as_str().unwrap().to_owned()
}

pub(crate) fn as_person(request: Request, token: &str) -> Request {
    request.header("authorization", &format!("Person {token}"))
}

#[tokio::test]
async fn every_right_works_by_form() {
    let world = World::open().await;
    let token = enrolled(&world, false).await;
    let mut me = Browser::open(&world, &token).await;
    let number = token.split('_').nth(1).unwrap();
    assert!(me.shows(number) && me.shows("You have agreed to nothing"));
    assert!(!me.shows(&token) && !me.shows("<script"));

    // Agreeing: one button for each purpose.
    let offers = hidden(&me.text, "offer")
        .iter()
        .map(|offer| (*offer).to_owned())
        .collect::<Vec<_>>();
    assert_eq!(offers.len(), 3, "personalise, learn, research");
    me.press("agree", &[("offer", &offers[0])]).await;
    assert!(
        me.shows("The receipt is in your record") && me.shows(">holds<"),
        "{}",
        me.text
    );
    // The same form sent again is no consent.
    let again = me.press("agree", &[("offer", &offers[0])]).await;
    assert_eq!(again.status, 403);
    assert!(me.shows("consent_missing"));

    // Correcting: what cannot be read comes back to be mended.
    let unread = me
        .press("correct", &[("preferences", "no name & <b>")])
        .await;
    assert_eq!(unread.status, 422);
    assert!(
        me.shows("no name &#38; &#60;b&#62;</textarea>"),
        "{}",
        me.text
    );
    let long = me
        .press(
            "correct",
            &[("preferences", &format!("a: {}", "x".repeat(20_000)))],
        )
        .await;
    assert_eq!(long.status, 422);
    me.press("correct", &[("preferences", "language: nl\r\ntea: green")])
        .await;
    assert!(
        me.shows("Saved.") && me.shows("language: nl\ntea: green"),
        "{}",
        me.text
    );

    // Taking it along: the same as the interface for programs gives.
    let file = me.get("/me/record.json").await;
    assert!(
        file.header("content-disposition")
            .unwrap()
            .starts_with("attachment")
    );
    let api: Value = as_person(world.get("/v1/persons/me"), &token)
        .send()
        .await
        .json();
    assert_eq!(file.json::<Value>(), api);
    assert_eq!(
        api["preferences"],
        json!({"language": "nl", "tea": "green"})
    );
    assert!(me.shows(api["consents"][0]["receipt"].as_str().unwrap()));

    // Blocking and lifting it.
    me.press("freeze", &[]).await;
    assert!(me.shows("Blocked since") && me.shows(">blocked<"));
    me.press("unfreeze", &[]).await;
    assert!(!me.shows("Blocked since") && me.shows(">holds<"));

    // Taking back: one button, no question.
    assert_eq!(hidden(&me.text, "purpose"), ["personalise"]);
    me.press("withdraw", &[("purpose", "personalise")]).await;
    assert!(
        me.shows("destroyed") && me.shows(">taken back<") && hidden(&me.text, "purpose").is_empty()
    );
    let held: Value = me.get("/me/record.json").await.json();
    assert_eq!(
        (&held["consents"][0]["is_live"], &held["preferences"]),
        (&json!(false), &Value::Null)
    );

    goes(&mut me, &token).await;
    world.stop().await;
}

/// Erases the record by its form: only with the box ticked; the proof is there until the page is closed.
async fn goes(me: &mut Browser<'_>, token: &str) {
    me.get("/me?lang=en").await;
    assert_eq!(me.press("erase", &[]).await.status, 422);
    assert!(me.shows("tick the box first"));
    me.press("erase", &[("sure", "yes")]).await;
    assert!(
        me.shows("Your record is erased") && me.shows("regard erasure verify"),
        "{}",
        me.text
    );
    let proof: ErasureProof = me.get("/me/proof.json").await.json();
    assert!(proof.verify(None).is_ok());
    assert_eq!(
        as_person(me.world.get("/v1/persons/me"), token)
            .send()
            .await
            .status,
        401
    );
    assert_eq!(me.get("/me/record.json").await.status, 401);
    me.get("/me?lang=en").await;
    me.press("close", &[]).await;
    assert!(me.shows("Your page is closed") && me.shows("Never enrolled here?"));
    assert_eq!(me.get("/me/proof.json").await.status, 401);
}

#[tokio::test]
async fn whoever_never_enrolled_gets_the_honest_page_in_five_languages() {
    let world = World::open().await;
    let token = enrolled(&world, false).await;
    let mut me = Browser::open(&world, &token).await;
    for (lang, honest, held) in [
        ("en", "Never enrolled here?", "You have agreed to nothing."),
        ("fr", "Jamais inscrit ici", "Vous n’avez consenti à rien."),
        (
            "de",
            "Nie hier eingetragen?",
            "Sie haben zu nichts eingewilligt.",
        ),
        ("es", "¿Nunca se inscribió aquí?", "No ha consentido nada."),
        (
            "nl",
            "Nooit hier ingeschreven?",
            "U hebt nergens toestemming voor gegeven.",
        ),
    ] {
        let mine = me.get(&format!("/me?lang={lang}")).await;
        assert!(mine.text().contains(held), "{lang}: {}", mine.text());
        let page = world
            .get("/me")
            .header("accept-language", lang)
            .send()
            .await;
        assert_eq!(
            (page.status, page.header("content-language")),
            (200, Some(lang))
        );
        let text = page.text();
        assert!(
            text.contains(honest) && !text.contains("<script"),
            "{lang}: {text}"
        );
        for text in [text, mine.text()] {
            assert!(text.contains(&format!("<html lang=\"{lang}\">")));
            assert!(
                !text.contains(['{', '}']),
                "{lang}: everything is filled in"
            );
            // Where to complain, and the way to what the screen does; from there the way back.
            assert!(
                text.contains("edpb.europa.eu")
                    && text.contains(&format!("href=\"/privacy?lang={lang}\""))
            );
        }
        let privacy = world
            .get(&format!("/screen/demo/privacy?lang={lang}"))
            .send()
            .await;
        assert!(
            privacy
                .text()
                .contains(&format!("href=\"/me?lang={lang}\"")),
            "{lang}"
        );
    }
    world.stop().await;
}

#[tokio::test]
async fn a_guardian_agrees_for_a_minor() {
    let world = World::open().await;
    let token = enrolled(&world, true).await;
    let mut me = Browser::open(&world, &token).await;
    assert!(me.shows("As guardian, I agree") && me.shows("a guardian agrees for you"));
    let offer = hidden(&me.text, "offer")[0].to_owned();
    let alone = me.press("agree", &[("offer", &offer)]).await;
    assert_eq!(alone.status, 403);
    assert!(me.shows("minor_protection"));
    let offer = hidden(&me.text, "offer")[0].to_owned();
    me.press("agree", &[("offer", &offer), ("by_guardian", "yes")])
        .await;
    assert!(me.shows("(by a guardian)"), "{}", me.text);
    world.stop().await;
}

#[tokio::test]
async fn own_page_session_fixation() {
    let world = World::open().await;
    let token = enrolled(&world, false).await;
    let mut me = Browser::new(&world);
    let planted = "a".repeat(64);
    me.cookies.insert("regard_own".to_owned(), planted.clone());
    me.get("/me?lang=en").await;
    me.press("open", &[("token", &token)]).await;
    let first = me.cookies["regard_own"].clone();
    assert_ne!(first, planted);
    let mut thief = Browser::new(&world);
    thief.cookies.insert("regard_own".to_owned(), planted);
    assert_eq!(thief.get("/me/record.json").await.status, 401);
    // Whoever opens again has another cookie, and the one before opens nothing.
    let mut again = Browser::new(&world);
    again.get("/me?lang=en").await;
    let (form, text) = (again.cookies["regard_own_form"].clone(), again.text.clone());
    me.cookies.insert("regard_own_form".to_owned(), form);
    let sent = [("form", hidden(&text, "form")[0]), ("token", &token)];
    assert_eq!(me.send("/me/open", &sent).await.status, 303);
    assert_ne!(me.cookies["regard_own"], first);
    thief.cookies.insert("regard_own".to_owned(), first);
    assert_eq!(thief.get("/me/record.json").await.status, 401);
    assert_eq!(me.get("/me/record.json").await.status, 200);
    world.stop().await;
}

#[tokio::test]
async fn own_page_cross_site_request_forgery() {
    let world = World::open().await;
    let token = enrolled(&world, false).await;
    let mut me = Browser::open(&world, &token).await;
    let set = me.cookies["regard_own"].clone();
    let form = hidden(&me.text, "form")[0].to_owned();
    let offer = hidden(&me.text, "offer")[0].to_owned();
    let acts = [
        "agree", "withdraw", "correct", "freeze", "unfreeze", "erase", "close",
    ];
    for act in acts {
        // Another site's page sends the cookie and even the right form: it says where it comes from.
        let foreign = world
            .post(&format!("/me/{act}"))
            .header("cookie", &format!("regard_own={set}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("origin", "https://evil.example")
            .bytes(format!("form={form}&sure=yes&offer={offer}&purpose=learn").into_bytes());
        assert_eq!(foreign.send().await.code(), "foreign_origin", "{act}");
        // Without what stands hidden in the forms of this very page nothing is done.
        for hidden in ["", "00", &"0".repeat(64)] {
            let fields = [
                ("form", hidden),
                ("sure", "yes"),
                ("offer", &*offer),
                ("purpose", "learn"),
            ];
            let answer = me.send(&format!("/me/{act}"), &fields).await;
            assert_eq!(answer.status, 403, "{act} {hidden}");
        }
    }
    // A login that somebody else chose.
    let answer = me
        .send("/me/open", &[("form", "00"), ("token", &token)])
        .await;
    assert_eq!((answer.status, answer.cookie("regard_own")), (403, None));
    let held: Value = me.get("/me/record.json").await.json();
    assert_eq!(
        (&held["consents"], &held["frozen_at"]),
        (&json!([]), &Value::Null)
    );
    world.stop().await;
}

#[tokio::test]
async fn nobody_reaches_somebody_elses_page() {
    let world = World::closed().await;
    let operator = format!("Bearer {}", world.token);
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let request = world.post("/v1/persons").header("authorization", &operator);
        let enrolled: Value = request.json(&json!({})).send().await.json();
        tokens.push(enrolled["token"].as_str().unwrap().to_owned());
    }
    let mut mine = Browser::open(&world, &tokens[0]).await;
    let mut theirs = Browser::open(&world, &tokens[1]).await;
    // The form of one page does nothing on another.
    let (form, offer) = (
        hidden(&mine.text, "form")[0].to_owned(),
        hidden(&mine.text, "offer")[0].to_owned(),
    );
    for act in ["freeze", "erase", "close"] {
        let answer = theirs
            .send(&format!("/me/{act}"), &[("form", &form), ("sure", "yes")])
            .await;
        assert_eq!(answer.status, 403, "{act}");
    }
    // An offer to one person is none to another.
    theirs.get("/me?lang=en").await;
    assert_eq!(
        theirs.press("agree", &[("offer", &offer)]).await.status,
        403
    );
    // The page opens no console, and a session of the console opens no page.
    let own = format!(
        "regard_own={0}; regard_session={0}",
        mine.cookies["regard_own"]
    );
    assert_eq!(
        world
            .get("/v1/health")
            .header("cookie", &own)
            .send()
            .await
            .status,
        401
    );
    let session = world
        .log_in(&world.token, None)
        .await
        .cookie("regard_session")
        .unwrap();
    let value = session.split_once('=').unwrap().1;
    let as_own = format!("regard_own={value}; {session}");
    assert_eq!(
        world
            .get("/me/record.json")
            .header("cookie", &as_own)
            .send()
            .await
            .status,
        401
    );
    let bearer = world
        .get("/me/record.json")
        .header("authorization", &operator);
    assert_eq!(bearer.send().await.status, 401);
    // A record that is erased elsewhere closes every page of it.
    assert_eq!(
        as_person(world.delete("/v1/persons/me"), &tokens[0])
            .send()
            .await
            .status,
        200
    );
    assert_eq!(mine.get("/me/record.json").await.status, 401);
    mine.get("/me?lang=en").await;
    assert!(mine.shows("Never enrolled here?"));
    assert_eq!(theirs.get("/me/record.json").await.status, 200);
    world.stop().await;
}

#[tokio::test]
async fn wrong_tokens_of_persons_are_locked_out_and_the_console_is_not() {
    let world = World::closed().await;
    let operator = format!("Bearer {}", world.token);
    let request = world.post("/v1/persons").header("authorization", &operator);
    let enrolled: Value = request.json(&json!({})).send().await.json();
    let token = enrolled["token"].as_str().unwrap();
    let wrong = format!(
        "{}{}",
        &token[..token.len() - 4],
        if token.ends_with("0000") {
            "1111"
        } else {
            "0000"
        }
    );
    let mut guesser = Browser::new(&world);
    for sent in [&wrong, &wrong, "", &world.token, &token.to_uppercase()] {
        guesser.get("/me?lang=en").await;
        assert_eq!(
            guesser.press("open", &[("token", sent)]).await.status,
            401,
            "{sent}"
        );
    }
    guesser.get("/me?lang=en").await;
    let answer = guesser.press("open", &[("token", token)]).await;
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (429, Some("60"))
    );
    assert!(guesser.shows("Wait a minute"));
    assert_eq!(
        world.log_in(&world.token, None).await.status,
        303,
        "the console goes on"
    );
    world.told_of(regard_commitments::AdminAct::LockedOut).await;
    world.stop().await;
}

/// The token comes in the body of one form, and is in nothing that is sent back, kept by the browser or written down.
#[tokio::test]
async fn the_token_stands_in_no_address_cookie_or_page() {
    let world = World::open().await;
    let token = enrolled(&world, false).await;
    let secret = token.split('_').nth(2).unwrap();
    let mut me = Browser::new(&world);
    me.get("/me?lang=en").await;
    let form = hidden(&me.text, "form")[0].to_owned();
    let answer = me
        .send("/me/open", &[("form", &form), ("token", &token)])
        .await;
    assert_eq!(answer.status, 303);
    for (name, value) in &answer.headers {
        assert!(!value.contains(secret), "{name}");
    }
    let set = answer
        .headers
        .iter()
        .find(|(_, value)| value.starts_with("regard_own="))
        .unwrap();
    for part in ["Path=/me", "HttpOnly", "SameSite=Strict"] {
        assert!(set.1.contains(part), "{}", set.1);
    }
    let page = me.get("/me?lang=en").await;
    assert!(!page.text().contains(secret));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert_eq!(page.header("referrer-policy"), Some("same-origin"));
    assert!(!me.get("/me/record.json").await.text().contains(secret));
    // What a link from elsewhere claims is not said to whoever did nothing.
    let lured = world.get("/me?lang=en&done=withdrawn").send().await;
    assert!(!lured.text().contains("destroyed"));
    // Nor does the ledger name anybody.
    let rows = world
        .engine
        .store()
        .ledger_range(0..u64::MAX)
        .await
        .unwrap();
    let number = token.split('_').nth(1).unwrap();
    let mut n_enrolled = 0;
    for row in &rows {
        let bytes = row.bytes.as_ref().unwrap();
        let text = String::from_utf8_lossy(bytes);
        assert!(!text.contains(secret) && !text.contains(number));
        let entry = LedgerEntry::from_leaf_bytes(bytes).unwrap();
        n_enrolled += usize::from(matches!(entry.body, EntryBody::Enrolled { .. }));
    }
    assert_eq!(n_enrolled, 1);
    world.stop().await;
}
