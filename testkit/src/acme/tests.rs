use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rcgen::{CertificateParams, KeyPair};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

use super::http::{Answer, Request};
use super::protocol;
use super::state::{Shared, Status};
use crate::authority::Authority;

/// Somebody who orders, by hand.
struct Client {
    shared: Arc<Shared>,
    key: EcdsaKeyPair,
    rng: SystemRandom,
    account: Option<String>,
}

fn header(answer: &Answer, wanted: &str) -> String {
    let found = answer.headers.iter().find(|(name, _)| *name == wanted);
    found.map(|(_, value)| value.clone()).unwrap_or_default()
}

fn body(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

fn kind(answer: &Answer) -> String {
    let kind = body(answer)["type"].as_str().unwrap_or_default().to_owned();
    kind.trim_start_matches("urn:ietf:params:acme:error:")
        .to_owned()
}

fn encoded(text: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(text)
}

impl Client {
    fn new() -> Self {
        let shared = Shared::new(Authority::new("house"), "https://ca.lan".to_owned());
        Self::with(Arc::new(shared))
    }

    fn with(shared: Arc<Shared>) -> Self {
        let rng = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let made = EcdsaKeyPair::generate_pkcs8(algorithm, &rng).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(algorithm, made.as_ref(), &rng).unwrap();
        Self {
            shared,
            key,
            rng,
            account: None,
        }
    }

    fn registered() -> Self {
        let mut client = Self::new();
        client.register();
        client
    }

    fn register(&mut self) {
        let answer = self.post(
            "/new-account",
            &json!({"contact": ["mailto:it@shop.example"]}),
        );
        assert_eq!(answer.status, 201);
        self.account = Some(header(&answer, "location"));
    }

    fn jwk(&self) -> Value {
        let point = self.key.public_key().as_ref();
        json!({"kty": "EC", "crv": "P-256", "x": encoded(&point[1..33]), "y": encoded(&point[33..])})
    }

    fn nonce(&self) -> String {
        header(
            &self.ask("HEAD", "/new-nonce", "", Vec::new()),
            "replay-nonce",
        )
    }

    fn ask(&self, method: &str, path: &str, kind: &str, body: Vec<u8>) -> Answer {
        let request = Request {
            method: method.to_owned(),
            path: path.to_owned(),
            kind: kind.to_owned(),
            body,
        };
        protocol::answer(&self.shared, &request)
    }

    fn header_for(&self, path: &str) -> Value {
        let mut header = json!({
            "alg": "ES256", "nonce": self.nonce(), "url": format!("https://ca.lan{path}"),
        });
        match &self.account {
            Some(account) => header["kid"] = account.clone().into(),
            None => header["jwk"] = self.jwk(),
        }
        header
    }

    fn signed(&self, header: &Value, payload: &str) -> Value {
        let (protected, payload) = (encoded(header.to_string()), encoded(payload));
        let text = format!("{protected}.{payload}");
        let signature = self.key.sign(&self.rng, text.as_bytes()).unwrap();
        json!({"protected": protected, "payload": payload, "signature": encoded(signature)})
    }

    fn send(&self, path: &str, signed: &Value) -> Answer {
        self.ask(
            "POST",
            path,
            "application/jose+json",
            signed.to_string().into_bytes(),
        )
    }

    fn post(&self, path: &str, payload: &Value) -> Answer {
        self.send(
            path,
            &self.signed(&self.header_for(path), &payload.to_string()),
        )
    }

    fn get(&self, path: &str) -> Answer {
        self.send(path, &self.signed(&self.header_for(path), ""))
    }

    /// The path of a new order for some names.
    fn order(&self, names: &[&str]) -> String {
        let names = names
            .iter()
            .map(|name| json!({"type": "dns", "value": name}));
        let wish = json!({"identifiers": names.collect::<Vec<_>>()});
        let answer = self.post("/new-order", &wish);
        assert_eq!(answer.status, 201);
        header(&answer, "location").replace("https://ca.lan", "")
    }

    /// As if every proof had been found.
    fn prove_all(&self) {
        let mut state = self.shared.state();
        for authorization in state.authorizations.values_mut() {
            authorization.status = Status::Valid;
        }
        state.move_on();
    }

    fn finalize(&self, order: &str, names: &[&str], key: &KeyPair) -> Answer {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let params = CertificateParams::new(names).unwrap();
        let request = params.serialize_request(key).unwrap();
        let csr = encoded(request.der());
        self.post(&format!("{order}/finalize"), &json!({"csr": csr}))
    }
}

#[test]
fn a_nonce_is_good_for_one_request() {
    let client = Client::registered();
    let signed = client.signed(&client.header_for("/new-order"), "{}");
    assert_eq!(kind(&client.send("/new-order", &signed)), "malformed");
    let again = client.send("/new-order", &signed);
    assert_eq!((again.status, kind(&again).as_str()), (400, "badNonce"));
    assert!(!header(&again, "replay-nonce").is_empty());
    let mut header = client.header_for("/new-order");
    header["nonce"] = "made-up".into();
    let made_up = client.send("/new-order", &client.signed(&header, "{}"));
    assert_eq!(kind(&made_up), "badNonce");
}

#[test]
fn only_the_key_of_the_account_signs_and_for_one_address_alone() {
    let client = Client::registered();
    let other = Client::with(Arc::clone(&client.shared));
    let foreign = other.signed(&client.header_for("/new-order"), "{}");
    let answer = client.send("/new-order", &foreign);
    assert_eq!(
        (answer.status, kind(&answer).as_str()),
        (403, "unauthorized")
    );

    let elsewhere = client.signed(&client.header_for("/new-account"), "{}");
    assert_eq!(kind(&client.send("/new-order", &elsewhere)), "unauthorized");

    let mut changed = client.signed(&client.header_for("/new-order"), "{}");
    changed["payload"] = encoded(r#"{"identifiers": []}"#).into();
    assert_eq!(kind(&client.send("/new-order", &changed)), "unauthorized");

    let mut unprotected = client.signed(&client.header_for("/new-order"), "{}");
    unprotected["header"] = json!({});
    assert_eq!(kind(&client.send("/new-order", &unprotected)), "malformed");

    let mut weak = client.header_for("/new-order");
    weak["alg"] = "none".into();
    let answer = client.send("/new-order", &client.signed(&weak, "{}"));
    assert_eq!(kind(&answer), "badSignatureAlgorithm");

    let mut both = client.header_for("/new-order");
    both["jwk"] = client.jwk();
    let answer = client.send("/new-order", &client.signed(&both, "{}"));
    assert_eq!(kind(&answer), "malformed");

    client.shared.state().forget();
    assert_eq!(kind(&client.get("/order/1")), "accountDoesNotExist");
}

#[test]
fn nothing_but_directory_and_nonces_is_got() {
    let client = Client::registered();
    let order = client.order(&["a.lan"]);
    assert_eq!(client.ask("GET", &order, "", Vec::new()).status, 405);
    assert_eq!(
        client
            .ask("POST", &order, "application/json", Vec::new())
            .status,
        415
    );
    let directory = client.ask("GET", "/directory", "", Vec::new());
    assert_eq!(body(&directory)["newOrder"], "https://ca.lan/new-order");
    assert_eq!(client.ask("GET", "/new-nonce", "", Vec::new()).status, 204);
    assert_eq!(body(&client.get(&order))["status"], "pending");
    assert_eq!(kind(&client.post(&order, &json!({}))), "malformed");
    let mut stranger = Client::with(Arc::clone(&client.shared));
    stranger.register();
    assert_eq!(kind(&stranger.get(&order)), "unauthorized");
}

#[test]
fn only_what_was_ordered_and_proven_is_issued() {
    let client = Client::registered();
    let key = KeyPair::generate().unwrap();
    let order = client.order(&["a.lan", "b.lan"]);
    let early = client.finalize(&order, &["a.lan", "b.lan"], &key);
    assert_eq!(kind(&early), "orderNotReady");
    client.prove_all();
    assert_eq!(body(&client.get(&order))["status"], "ready");
    for names in [
        &["a.lan"][..],
        &["a.lan", "c.lan"],
        &["a.lan", "b.lan", "c.lan"],
    ] {
        assert_eq!(kind(&client.finalize(&order, names, &key)), "badCSR");
    }
    let nonsense = client.post(&format!("{order}/finalize"), &json!({"csr": "AAAA"}));
    assert_eq!(kind(&nonsense), "badCSR");
    let issued = client.finalize(&order, &["b.lan", "a.lan"], &key);
    assert_eq!(body(&issued)["status"], "valid");
    let certificate = body(&issued)["certificate"]
        .as_str()
        .unwrap()
        .replace("https://ca.lan", "");
    let chain = String::from_utf8(client.get(&certificate).body).unwrap();
    assert_eq!(chain.matches("BEGIN CERTIFICATE").count(), 2);
    assert_eq!(client.shared.state().tally.issued.len(), 1);
}

#[test]
fn a_proof_that_fails_ends_the_order() {
    let client = Client::registered();
    let order = client.order(&["a.lan", "b.lan"]);
    {
        let mut state = client.shared.state();
        let first = state.authorizations.values_mut().next().unwrap();
        first.status = Status::Invalid;
        state.move_on();
    }
    assert_eq!(body(&client.get(&order))["status"], "invalid");
}

#[test]
fn an_external_account_is_bound_by_its_key() {
    let client = Client::new();
    let secret = b"a key of thirty-two bytes or so..".to_vec();
    client.shared.state().rules.external_account = Some(("kid-1".to_owned(), secret.clone()));
    let bound = |secret: &[u8], id: &str, jwk: &Value| {
        let header = json!({"alg": "HS256", "kid": id, "url": "https://ca.lan/new-account"});
        let (protected, payload) = (encoded(header.to_string()), encoded(jwk.to_string()));
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
        let tag = ring::hmac::sign(&key, format!("{protected}.{payload}").as_bytes());
        json!({"protected": protected, "payload": payload, "signature": encoded(tag)})
    };
    let check = |binding: Value| {
        let wish = json!({"externalAccountBinding": binding});
        let answer = client.post("/new-account", &wish);
        if answer.status == 201 {
            String::new()
        } else {
            kind(&answer)
        }
    };
    let other = Client::with(Arc::clone(&client.shared));
    assert_eq!(check(Value::Null), "externalAccountRequired");
    assert_eq!(
        check(bound(b"another", "kid-1", &client.jwk())),
        "unauthorized"
    );
    assert_eq!(
        check(bound(&secret, "kid-2", &client.jwk())),
        "unauthorized"
    );
    assert_eq!(check(bound(&secret, "kid-1", &other.jwk())), "unauthorized");
    assert_eq!(check(bound(&secret, "kid-1", &client.jwk())), "");
}
