use serde_json::{Value, json};

use regard_server::{BindError, Server, ServerConfig};

use crate::world::{World, example_of};

/// Every address of the document with an example for each parameter.
async fn routes(world: &World) -> Vec<(String, String)> {
    let document: Value = world.get("/openapi.json").send().await.json();
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let id = if path.contains("campaigns") {
            "spring"
        } else {
            "demo"
        };
        let path = example_of(path, id);
        for method in methods.as_object().unwrap().keys() {
            found.push((method.to_uppercase(), path.clone()));
        }
    }
    found
}

/// Streams go on; the rest ends.
fn is_stream(path: &str) -> bool {
    path.ends_with("/events") || path == "/v1/live"
}

#[tokio::test]
async fn every_answer_carries_the_headers() {
    let world = World::open().await;
    let mut all = routes(&world).await;
    all.push(("GET".to_owned(), "/nothing/here".to_owned()));
    assert!(all.len() > 35, "{}", all.len());
    for (method, path) in all {
        let request = match method.as_str() {
            "GET" => world.get(&path),
            "POST" => world.post(&path),
            "PUT" => world.put(&path),
            "DELETE" => world.delete(&path),
            other => panic!("{other}"),
        };
        let answer = if is_stream(&path) {
            request.stream().await.0
        } else {
            request.send().await
        };
        assert!(answer.status < 500, "{method} {path}: {}", answer.status);
        assert_ne!(answer.status, 405, "{method} {path}");
        let csp = answer.header("content-security-policy").unwrap();
        assert!(csp.starts_with("default-src 'none'"), "{path}");
        assert!(!csp.contains("unsafe"), "{path}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}: {name}");
        }
        let camera = answer
            .header("permissions-policy")
            .unwrap()
            .contains("camera=(self)");
        let has_camera =
            matches!(&*path, "/console" | "/enroll" | "/verify") || path.starts_with("/study/");
        assert_eq!(camera, has_camera, "{path}");
        assert!(answer.header("access-control-allow-origin").is_none());
    }
    world.stop().await;
}

#[tokio::test]
async fn foreign_names_and_foreign_pages_are_turned_away() {
    let world = World::open().await;
    for path in [
        "/",
        "/console",
        "/v1/decisions",
        "/assets/x.png",
        "/nothing",
    ] {
        let answer = world.get(path).header("host", "evil.example").send().await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (421, "foreign_host"),
            "{path}"
        );
    }
    let facts = json!({"rain": {"value": true}});
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
    ] {
        let answer = world
            .put("/v1/facts")
            .header(name, value)
            .json(&facts)
            .send()
            .await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (403, "foreign_origin")
        );
    }
    let own = format!("http://{}", world.address);
    let answer = world
        .put("/v1/facts")
        .header("origin", &own)
        .json(&facts)
        .send()
        .await;
    assert_eq!(answer.status, 204);
    let socket = world
        .get("/v1/cameras/demo/frames")
        .header("upgrade", "websocket")
        .header("origin", "https://evil.example");
    assert_eq!(socket.send().await.code(), "foreign_origin");
    world.stop().await;
}

#[tokio::test]
async fn a_closed_console_opens_for_the_token_only() {
    let world = World::closed().await;
    for (method, path) in routes(&world).await {
        let is_console = path == "/console"
            || path == "/metrics"
            || path.starts_with("/console/")
            || (path.starts_with("/v1/") && !path.starts_with("/v1/screens/"));
        // A claim is made by whoever has the token of it, and a go goes on with whoever has its name; so does a sitting.
        let is_claim = path.starts_with("/v1/captures/")
            || path == "/v1/verifications"
            || path.starts_with("/v1/sittings");
        if !is_console || is_claim {
            continue;
        }
        let request = match method.as_str() {
            "GET" => world.get(&path),
            "POST" => world.post(&path),
            "DELETE" => world.delete(&path),
            _ => world.put(&path),
        };
        let answer = request.send().await;
        // A person's own record opens for that person's token, and the console's is none.
        let code = if path.starts_with("/v1/persons/me") {
            "person_token_unknown"
        } else {
            "token_missing"
        };
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (401, code),
            "{path}"
        );
    }
    let health = |token: &str| world.get("/v1/health").bearer(token);
    assert_eq!(health("wrong").send().await.code(), "token_wrong");
    assert_eq!(health(&world.token).send().await.status, 200);
    let page = world.page("/console").await;
    assert_eq!(
        (page.status, page.header("location")),
        (303, Some("/login?next=/console"))
    );
    for open in ["/", "/privacy", "/screen/demo", "/healthz", "/openapi.json"] {
        assert_eq!(world.page(open).await.status, 200, "{open}");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_session_begins_with_the_token_and_ends() {
    let world = World::closed().await;
    assert_eq!(world.log_in("wrong", None).await.status, 401);
    let answer = world.log_in(&world.token, None).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/console"))
    );
    let set = answer
        .headers
        .iter()
        .find(|(name, value)| name == "set-cookie" && value.starts_with("regard_session="));
    let set = &set.unwrap().1;
    assert!(
        set.contains("HttpOnly") && set.contains("SameSite=Strict"),
        "{set}"
    );
    let session = answer.cookie("regard_session").unwrap();
    let own = format!("http://{}", world.address);
    let get = world
        .get("/console")
        .header("cookie", &session)
        .send()
        .await;
    assert_eq!(get.status, 200);
    assert!(get.text().contains("Log out"));
    let change = json!({"rain": {"value": true}});
    let bare = world
        .put("/v1/facts")
        .header("cookie", &session)
        .json(&change);
    assert_eq!(bare.send().await.code(), "foreign_origin");
    let put = world
        .put("/v1/facts")
        .header("cookie", &session)
        .header("origin", &own);
    assert_eq!(put.json(&change).send().await.status, 204);
    for forged in ["regard_session=1.00", "regard_session=", "regard_session"] {
        let answer = world
            .get("/v1/health")
            .header("cookie", forged)
            .send()
            .await;
        assert_eq!(answer.status, 401, "{forged}");
    }
    // Out: with the form of this session, and then nowhere in again.
    let hidden = get.text().split("name=\"form\" value=\"").nth(1).unwrap();
    let hidden = hidden.split('"').next().unwrap();
    let out = world
        .post("/logout")
        .header("cookie", &session)
        .header("origin", &own)
        .header("content-type", "application/x-www-form-urlencoded")
        .bytes(format!("form={hidden}").into_bytes())
        .send()
        .await;
    assert_eq!(out.status, 303);
    let after = world.get("/v1/health").header("cookie", &session);
    assert_eq!(after.send().await.code(), "token_missing");
    world.stop().await;
}

#[tokio::test]
async fn nobody_outside_is_served_by_accident() {
    let world = World::open().await;
    let config = |adjust: fn(&mut ServerConfig)| {
        let mut config = ServerConfig::new(world.data.path().join("assets"), [0; 32]);
        config.listen = "0.0.0.0:0".parse().unwrap();
        adjust(&mut config);
        config
    };
    let refused = Server::bind(config(|_| {}), world.engine.clone()).await;
    assert!(matches!(refused, Err(BindError::NotLoopback(_))));
    let refused = Server::bind(config(|c| c.allow_remote = true), world.engine.clone()).await;
    assert!(matches!(refused, Err(BindError::NoToken(_))));
    let mut taken = config(|_| {});
    taken.listen = world.address;
    let refused = Server::bind(taken, world.engine.clone()).await;
    assert!(matches!(refused, Err(BindError::Listen { .. })));
    world.stop().await;
}
