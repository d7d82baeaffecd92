//! Attacks, by name.

use std::time::{Duration, Instant};

use regard_server::AdminToken;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::uploads::png;
use crate::world::World;

/// Longer than the server waits for the head of a request, and far shorter than for ever.
const PATIENCE: Duration = Duration::from_secs(40);

/// Sends bytes as they are; all that comes back until the server closes.
async fn raw(world: &World, bytes: &[u8]) -> String {
    let mut socket = TcpStream::connect(world.address).await.unwrap();
    // The server may close before it has read all of it.
    let _ = socket.write_all(bytes).await;
    let mut answer = Vec::new();
    let read = timeout(PATIENCE, socket.read_to_end(&mut answer)).await;
    read.expect("the server ends the connection")
        .unwrap_or_default();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_screen_token_is_no_admin_token() {
    let world = World::closed().await;
    let (id, token) = world
        .make_token(&json!({"role": "screen", "screens": ["demo"]}))
        .await;
    for request in [
        world.get("/v1/tokens"),
        world.post("/v1/tokens").json(&json!({"role": "admin"})),
        world.delete(&format!("/v1/tokens/{id}")),
        world.get("/v1/decisions"),
        world.get("/console"),
        world.put("/v1/campaigns").json(&json!([])),
        world.post("/v1/assets").file("x", b"x"),
    ] {
        let answer = request.bearer(&token).send().await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (403, "role_missing")
        );
    }
    // Written over, its role is another text, and its secret another secret.
    let raised = token.replace("rgd_screen_", "rgd_admin_");
    let answer = world.get("/v1/tokens").bearer(&raised).send().await;
    assert_eq!(answer.code(), "token_wrong");
    let session = world
        .log_in(&token, None)
        .await
        .cookie("regard_session")
        .unwrap();
    let answer = world
        .get("/v1/tokens")
        .header("cookie", &session)
        .send()
        .await;
    assert_eq!(answer.code(), "role_missing");
    world.stop().await;
}

/// A page of another site can send forms with the cookies of the browser, but knows nothing of what stands
/// hidden in ours, and says where it comes from.
#[tokio::test]
async fn cross_site_request_forgery() {
    let world = World::closed().await;
    let session = world
        .log_in(&world.token, None)
        .await
        .cookie("regard_session")
        .unwrap();
    let form = "application/x-www-form-urlencoded";
    let own = format!("http://{}", world.address);
    let with = |path: &str, origin: &str| {
        world
            .post(path)
            .header("cookie", &session)
            .header("content-type", form)
            .header("origin", origin)
    };
    for path in ["/logout", "/login", "/v1/tokens", "/v1/assets"] {
        let answer = with(path, "https://evil.example").send().await;
        assert_eq!(answer.code(), "foreign_origin", "{path}");
    }
    for hidden in ["", "form=", "form=00"] {
        let answer = with("/logout", &own).bytes(hidden.into()).send().await;
        assert_eq!(answer.code(), "foreign_form", "{hidden}");
    }
    let alive = world.get("/v1/health").header("cookie", &session);
    assert_eq!(alive.send().await.status, 200, "the session goes on");
    // A login that somebody else chose: without the cookie and the hidden value of one form.
    let body = format!("token={}&form=00&next=/console", world.token).into_bytes();
    let answer = with("/login", &own).bytes(body).send().await;
    assert_eq!(
        (answer.status, answer.cookie("regard_session")),
        (403, None)
    );
    world.stop().await;
}

#[tokio::test]
async fn session_fixation() {
    let world = World::closed().await;
    let planted = format!("regard_session={}", "a".repeat(64));
    let answer = world.log_in(&world.token, Some(&planted)).await;
    let first = answer.cookie("regard_session").unwrap();
    assert_ne!(first, planted);
    let health = |session: &str| world.get("/v1/health").header("cookie", session);
    assert_eq!(health(&planted).send().await.status, 401);
    // Who logs in again gets another session, and the one before is none any more.
    let second = world.log_in(&world.token, Some(&first)).await;
    let second = second.cookie("regard_session").unwrap();
    assert_ne!(first, second);
    assert_eq!(health(&first).send().await.status, 401);
    assert_eq!(health(&second).send().await.status, 200);
    world.stop().await;
}

#[tokio::test]
async fn guessing_is_locked_out_by_address_and_by_token() {
    let world = World::closed().await;
    let (_, other) = world.make_token(&json!({"role": "operator"})).await;
    let last = if other.ends_with('0') { "1" } else { "0" };
    let wrong = format!("{}{last}", &other[..other.len() - 1]);
    for _ in 0..5 {
        assert_eq!(world.log_in(&wrong, None).await.status, 401);
    }
    let answer = world.log_in(&wrong, None).await;
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (429, Some("60"))
    );
    assert_eq!(
        world.log_in(&other, None).await.status,
        429,
        "even the right one"
    );
    let shown = world.get("/v1/health").bearer(&other).send().await;
    assert_eq!(shown.code(), "locked_out");
    // Whoever has proven a token before goes on: nobody outside can stop a screen.
    let proven = world.get("/v1/health").bearer(&world.token).send().await;
    assert_eq!(proven.status, 200);
    world.stop().await;
}

#[tokio::test]
async fn path_traversal() {
    let world = World::open().await;
    // A picture that a message could well show, but for where it lies.
    let folder = world.data.path().join("assets");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(world.data.path().join("secret.png"), png()).unwrap();
    std::os::unix::fs::symlink("../secret.png", folder.join("link.png")).unwrap();
    std::fs::write(folder.join("ours.png"), png()).unwrap();
    for path in [
        "/assets/..%2fsecret.png",
        "/assets/%2e%2e%2fsecret.png",
        "/assets/link.png",
        "/assets/ours.png",
        "/static/../../Cargo.toml",
        "/static/%2e%2e/%2e%2e/Cargo.toml",
        "/static/..%2f..%2fCargo.toml",
        "/assets/../site.key",
        "/assets/..%2fsite.key",
        "/assets/%2e%2e%2fregard.db",
        "/assets/..%5csite.key",
        "/assets/site.key%00.png",
    ] {
        let answer = world.get(path).send().await;
        assert!(
            matches!(answer.status, 400 | 404),
            "{path}: {}",
            answer.status
        );
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json"),
            "{path}"
        );
    }
    let with = |asset: &str| {
        json!([{"id": "x", "name": "x", "creative": [
            {"id": "a", "name": "a", "alt_text": "a picture", "content": {"kind": "image", "asset": asset}}]}])
    };
    let absolute = world.data.path().join("secret.png");
    for asset in ["../site.key", "../secret.png", absolute.to_str().unwrap()] {
        let answer = world.put("/v1/campaigns").json(&with(asset)).send().await;
        let text = answer.text();
        assert!(
            answer.status == 422 && text.contains("asset"),
            "{asset}: {text}"
        );
    }
    // The test can fail: the same picture in the folder is taken.
    let answer = world
        .put("/v1/campaigns")
        .json(&with("ours.png"))
        .send()
        .await;
    assert!(answer.status < 300, "{}", answer.text());
    world.stop().await;
}

/// An answer that says so; or none, when the server closed while we were still talking.
fn check_turned_away(answer: &str) {
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
        "{answer}"
    );
}

#[tokio::test]
async fn oversized_requests() {
    let world = World::open().await;
    let facts = format!("{{\"a\": {{\"value\": \"{}\"}}}}", "x".repeat(2 << 20));
    let answer = world
        .put("/v1/facts")
        .header("content-type", "application/json")
        .bytes(facts.into_bytes());
    assert_eq!(answer.send().await.code(), "too_large");
    let head = format!(
        "GET /healthz HTTP/1.1\r\nHost: {}\r\nX-Long: {}\r\n\r\n",
        world.address,
        "x".repeat(64 << 10)
    );
    check_turned_away(&raw(&world, head.as_bytes()).await);
    let path = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(128 << 10));
    check_turned_away(&raw(&world, path.as_bytes()).await);
    let many: String = (0..500).map(|n| format!("X-{n}: 1\r\n")).collect();
    let many = format!(
        "GET /healthz HTTP/1.1\r\nHost: {}\r\n{many}\r\n",
        world.address
    );
    check_turned_away(&raw(&world, many.as_bytes()).await);
    world.stop().await;
}

/// Heads that never end, and bodies that never come, hold a connection for seconds and not for ever.
#[tokio::test]
async fn slow_requests() {
    let world = World::open().await;
    let began = Instant::now();
    let silent = raw(&world, b"");
    let half = raw(&world, b"GET /healthz HTTP/1.1\r\nHost: ");
    let body = format!(
        "PUT /v1/facts HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{",
        world.address
    );
    let body = raw(&world, body.as_bytes());
    let (silent, half, body) = tokio::join!(silent, half, body);
    assert!(
        silent.is_empty() || silent.starts_with("HTTP/1.1 4"),
        "{silent}"
    );
    assert!(half.is_empty() || half.starts_with("HTTP/1.1 4"), "{half}");
    assert!(body.starts_with("HTTP/1.1 408"), "{body}");
    assert!(
        began.elapsed() >= Duration::from_secs(5),
        "patience with slow lines"
    );
    let well = world.get("/healthz").send().await;
    assert_eq!(well.status, 200);
    world.stop().await;
}

#[tokio::test]
async fn header_injection() {
    let world = World::closed().await;
    for next in [
        "/a%0d%0aset-cookie:%20x=1",
        "%2f%2fevil.example",
        "https%3a%2f%2fevil.example",
        "/%5cevil.example",
    ] {
        let page = world.page(&format!("/login?next={next}")).await;
        assert_eq!(page.status, 200);
        assert!(!page.text().contains("evil.example\""), "{next}");
        assert!(page.cookie("x").is_none(), "{next}");
    }
    let page = world.page("/console%0d%0aset-cookie:%20x=1").await;
    assert!(page.cookie("x").is_none());
    let page = world.page("/screen/a&next=//evil.example").await;
    assert_eq!(
        page.header("location"),
        None,
        "players are open on loopback"
    );
    let lines = format!(
        "GET /healthz HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer x\r\n y\r\n\r\n",
        world.address
    );
    assert!(
        raw(&world, lines.as_bytes())
            .await
            .starts_with("HTTP/1.1 400")
    );
    world.stop().await;
}

/// Two requests in one, by lengths that contradict each other: a proxy in front would see one.
#[tokio::test]
async fn request_smuggling() {
    let world = World::closed().await;
    for lengths in [
        "Content-Length: 4\r\nContent-Length: 5",
        "Content-Length: -1",
        "Transfer-Encoding: xchunked",
    ] {
        let text = format!(
            "POST /healthz HTTP/1.1\r\nHost: {}\r\n{lengths}\r\n\r\n0\r\n\r\nGET /v1/health HTTP/1.1\r\n\r\n",
            world.address
        );
        let answer = raw(&world, text.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{lengths}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{lengths}: {answer}");
    }
    world.stop().await;
}

#[tokio::test]
async fn foreign_origin_and_foreign_host() {
    let world = World::new(|config| {
        config.open_console = true;
        config.admin_token = AdminToken::Keep;
    })
    .await;
    let fact = json!({"rain": {"value": true}});
    for origin in ["https://evil.example", "null", "http://localhost:1"] {
        let answer = world.put("/v1/facts").header("origin", origin).json(&fact);
        assert_eq!(answer.send().await.code(), "foreign_origin", "{origin}");
    }
    let rebound = world
        .get("/console")
        .header("host", "evil.example")
        .send()
        .await;
    assert_eq!(rebound.code(), "foreign_host");
    world.stop().await;
}
