//! What is answered where a token, a clock, a picture or a request is wrong: each has a name.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use regard_commitments::Custody;
use serde_json::{Value, json};

use super::{Film, Me, actor, live, pictures};

/// Begins to look into the claim of a face token; status and code of the answer.
async fn claimed(film: &Film, token: &Value) -> (u16, String) {
    let claim = json!({"mode": live(), "face_token": token});
    let answer = film.post("/v1/verifications", None, &claim).await;
    let code = if answer.status == 201 {
        String::new()
    } else {
        answer.code()
    };
    (answer.status, code)
}

async fn agree_again(film: &Film, me: &Me, purpose: &str) {
    let asked = json!({"purpose": purpose});
    let offer = film.made("/v1/persons/me/offers", Some(&me.token), &asked);
    let given = json!({"offer": offer.await["offer"]});
    film.made("/v1/persons/me/consents", Some(&me.token), &given)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_whose_time_is_over_says_so_and_a_renewed_consent_does_not_bring_it_back() {
    let film = Film::new(Custody::InPersonsHands).await;
    let me = film.come(&["verify"]).await;
    let enrolled = film.enroll(&me).await;
    let token = &enrolled["face_token"];
    assert_eq!(claimed(&film, token).await.0, 201);
    let until = enrolled["until"].as_i64().unwrap();
    let left = |film: &Film| {
        let micros = until - regard_domain::Clock::now(&*film.clock).as_micros();
        Duration::from_micros(u64::try_from(micros).unwrap())
    };
    // An hour before its end the person agrees anew: the consent goes on, the token does not.
    film.clock.wait(left(&film) - Duration::from_secs(3_600));
    agree_again(&film, &me, "verify").await;
    assert_eq!(claimed(&film, token).await.0, 201, "it still holds");
    film.clock.wait(left(&film));
    let over = claimed(&film, token).await;
    assert_eq!(over, (422, "face_token_expired".to_owned()));
    // And when the consent has run out as well, that is what is said.
    film.clock.wait(Duration::from_secs(400 * 86_400));
    let over = claimed(&film, token).await;
    assert_eq!(over, (403, "consent_expired".to_owned()));
    film.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_another_site_and_one_that_was_changed_are_told_apart() {
    let (here, elsewhere) = (
        Film::new(Custody::InPersonsHands).await,
        Film::new(Custody::InPersonsHands).await,
    );
    let me = elsewhere.come(&["verify"]).await;
    let token = elsewhere.enroll(&me).await["face_token"].clone();
    let foreign = claimed(&here, &token).await;
    assert_eq!(foreign, (422, "foreign_face_token".to_owned()));
    // One letter is another: base45 of a text that nobody signed.
    let text = token.as_str().unwrap();
    let at = text.len() / 2;
    let other = if text.as_bytes()[at] == b'A' {
        "B"
    } else {
        "A"
    };
    let changed = json!(format!("{}{other}{}", &text[..at], &text[at + 1..]));
    let (status, code) = claimed(&elsewhere, &changed).await;
    assert_eq!(status, 422);
    assert!(
        ["not_a_face_token", "foreign_face_token"].contains(&&*code),
        "{code}"
    );
    let cut = json!(&text[..at]);
    assert_eq!(
        claimed(&elsewhere, &cut).await,
        (422, "not_a_face_token".to_owned())
    );
    here.world.stop().await;
    elsewhere.world.stop().await;
}

/// The connection breaks off in the middle of a picture: nothing of it counts, and the go goes on.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_breaks_off_leaves_nothing_and_ends_nothing() {
    let film = Film::new(Custody::InPersonsHands).await;
    let me = film.come(&["verify"]).await;
    let body = json!({"mode": live()});
    let begun = film
        .made("/v1/persons/me/faces", Some(&me.token), &body)
        .await;
    let capture = begun["capture"].as_str().unwrap();
    let address = film.world.address;
    let picture = actor().alive(0);
    let path = format!("/v1/captures/{capture}/pictures");
    for part in [0, 1, picture.len() / 2] {
        let mut socket = TcpStream::connect(address).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: multipart/form-data; boundary=cut\r\n\
             Content-Length: {}\r\n\r\n--cut\r\nContent-Disposition: form-data; name=\"picture\"\r\n\r\n",
            picture.len() + 100
        );
        socket.write_all(head.as_bytes()).unwrap();
        socket.write_all(&picture[..part]).unwrap();
        socket.shutdown(std::net::Shutdown::Write).unwrap();
        // Answered with an error or with nothing; never as if it were whole.
        let mut answer = String::new();
        let _ = socket.read_to_string(&mut answer);
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 400"),
            "{part}: {answer}"
        );
    }
    assert_eq!(film.film(&begun).await, json!([]));
    let ended = film.end(&begun).await;
    assert_eq!(ended.status, 200, "{}", ended.text());
    film.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_has_a_name() {
    let film = Film::new(Custody::InPersonsHands).await;
    let nobody = film.come(&[]).await;
    let live = json!({"mode": live()});
    let without = film.post("/v1/persons/me/faces", Some(&nobody.token), &live);
    assert_eq!(without.await.code(), "consent_missing");
    for (body, code) in [
        (json!({"mode": {"kind": "live"}}), "bad_claim"),
        (
            json!({"mode": {"kind": "live"}, "face_token": "hello"}),
            "not_a_face_token",
        ),
        (
            json!({"mode": {"kind": "live"}, "face_token": "RGT1:"}),
            "not_a_face_token",
        ),
        (
            json!({"mode": {"kind": "live"}, "face_token": "HC1:NCFOXN"}),
            "not_a_face_token",
        ),
        (
            json!({"mode": {"kind": "live"}, "face_token": "x", "fmr": 0.5}),
            "bad_rate",
        ),
        (
            json!({"mode": {"kind": "live"}, "face_token": "x", "audience": "till"}),
            "bad_assertion",
        ),
        (
            json!({"mode": {"kind": "live"}, "face_token": "x", "audience": "a b", "nonce": "n"}),
            "bad_assertion",
        ),
    ] {
        let answer = film.post("/v1/verifications", None, &body).await;
        assert_eq!((answer.status, &*answer.code()), (422, code), "{body}");
    }
    film.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_pictures_has_a_name() {
    let film = Film::new(Custody::InPersonsHands).await;
    let me = film.come(&["verify"]).await;
    let live = json!({"mode": live()});
    let begun = film
        .made("/v1/persons/me/faces", Some(&me.token), &live)
        .await;
    let path = format!(
        "/v1/captures/{}/pictures",
        begun["capture"].as_str().unwrap()
    );
    let ahead = actor().alive(0);
    let now = film.millis();
    let huge = [&ahead[..], &vec![0; 12 << 20]].concat();
    let send = async |path: &str, all: &[(Option<f64>, &[u8])]| {
        let answer = pictures(film.world.post(path), all).send().await;
        (answer.status, answer.code())
    };
    for (bytes, status, code) in [
        (&b""[..], 422, "bad_picture"),
        (b"not a picture at all", 415, "not_a_picture"),
        (&ahead[..ahead.len() / 2], 422, "bad_picture"),
        (&huge, 413, "picture_too_large"),
    ] {
        let answer = send(&path, &[(None, bytes)]).await;
        assert_eq!(answer, (status, code.to_owned()), "{} bytes", bytes.len());
    }
    assert_eq!(send(&path, &[]).await, (422, "picture_missing".to_owned()));
    let cut = pictures(film.world.post(&path), &[])
        .bytes(b"--cut\r\nContent-Disposition: form-data; name=\"picture\"\r\n\r\nhalf".to_vec());
    let cut = cut.send().await;
    assert_eq!(
        (cut.status, &*cut.code()),
        (400, "bad_body"),
        "half-written"
    );
    // The first picture says how far the clocks are apart; one that does not go on with it is not believed.
    let first = pictures(film.world.post(&path), &[(Some(5.0), &ahead)])
        .send()
        .await;
    assert_eq!(first.status, 200, "{}", first.text());
    assert_eq!(
        send(&path, &[(Some(now), &ahead)]).await,
        (422, "clock_skew".to_owned())
    );
    assert_eq!(
        send(&path, &[(Some(f64::NAN), &ahead)]).await,
        (422, "bad_time".to_owned())
    );
    // Several faces are said at once.
    let unknown = format!("/v1/captures/{}/pictures", "0".repeat(32));
    assert_eq!(
        send(&unknown, &[(None, &ahead)]).await,
        (404, "unknown_capture".to_owned())
    );
    let gone = film
        .world
        .delete(path.trim_end_matches("/pictures"))
        .send()
        .await;
    assert_eq!(gone.status, 204);
    assert_eq!(
        send(&path, &[(None, &ahead)]).await,
        (404, "unknown_capture".to_owned())
    );
    film.world.stop().await;
}
