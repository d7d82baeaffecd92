//! What is answered to whom (RFC 8555, section 7).

use std::sync::Arc;
use std::thread;

use rcgen::{CertificateSigningRequestParams, SanType};
use rustls::pki_types::CertificateSigningRequestDer;
use serde_json::{Value, json};

use super::http::{Answer, Request};
use super::jws::{Jws, Key, decode};
use super::proof;
use super::state::{Account, Authorization, Number, Order, Problem, Shared, State, Status};

/// When orders and proofs end that are not used: long after any test.
const EXPIRES: &str = "2099-01-01T00:00:00Z";

/// Answers a request.
pub(super) fn answer(shared: &Arc<Shared>, request: &Request) -> Answer {
    let answer = match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/directory") => Ok(directory(shared)),
        ("HEAD", "/new-nonce") => Ok(Answer::new(200, "text/plain", "")),
        ("GET", "/new-nonce") => Ok(Answer::new(204, "text/plain", "")),
        ("POST", path) => post(shared, request, path),
        _ => Err(malformed(
            405,
            "everything but directory and nonces is asked for by POST",
        )),
    };
    let mut state = shared.state();
    state.tally.n_requests += 1;
    let answer = answer.unwrap_or_else(|problem| {
        state.tally.problems.push(problem.kind.to_owned());
        let answer = problem.answer();
        let wait = state
            .rules
            .rate_limited_secs
            .filter(|_| problem.kind == "rateLimited");
        match wait {
            Some(secs) => answer.with("retry-after", secs.to_string()),
            None => answer,
        }
    });
    answer.with("replay-nonce", state.nonce())
}

fn malformed(status: u16, detail: &str) -> Problem {
    Problem::new(status, "malformed", detail)
}

fn unauthorized(detail: &str) -> Problem {
    Problem::new(403, "unauthorized", detail)
}

fn directory(shared: &Shared) -> Answer {
    let order = if shared.state().rules.leads_elsewhere {
        "https://ca.elsewhere.invalid/new-order".to_owned()
    } else {
        shared.url("/new-order")
    };
    Answer::json(
        200,
        &json!({
            "newNonce": shared.url("/new-nonce"),
            "newAccount": shared.url("/new-account"),
            "newOrder": order,
            "meta": {"termsOfService": shared.url("/terms")},
        }),
    )
}

/// A request whose signature, nonce and address were checked.
struct Checked<'r> {
    shared: &'r Arc<Shared>,
    path: &'r str,
    account: Number,
    jws: Jws,
}

fn post(shared: &Arc<Shared>, request: &Request, path: &str) -> Result<Answer, Problem> {
    if request.kind != "application/jose+json" {
        return Err(malformed(415, "expected application/jose+json"));
    }
    let jws = Jws::read(&request.body)?;
    check_nonce(shared, &jws)?;
    if jws.text("url") != Some(shared.url(path).as_str()) {
        return Err(unauthorized("it is signed for another address"));
    }
    let (jwk, kid) = (jws.header.get("jwk"), jws.text("kid"));
    match (path, jwk, kid) {
        ("/new-account", Some(jwk), None) => {
            let key = Key::read(jwk)?;
            jws.check(&key)?;
            new_account(shared, &key, &jws)
        }
        ("/new-account", ..) => Err(malformed(400, "expected the key itself, and no account")),
        (_, None, Some(kid)) => {
            let unknown = || Problem::new(400, "accountDoesNotExist", "there is no such account");
            let account = shared.number_of(kid, "/account/").ok_or_else(unknown)?;
            let key = {
                let state = shared.state();
                let found = state.accounts.get(&account).ok_or_else(unknown)?;
                found.key.clone()
            };
            jws.check(&key)?;
            let checked = Checked {
                shared,
                path,
                account,
                jws,
            };
            checked.answer()
        }
        (..) => Err(malformed(400, "expected an account, and no key")),
    }
}

/// Section 6.5: every nonce is good for one request, whatever becomes of that.
fn check_nonce(shared: &Shared, jws: &Jws) -> Result<(), Problem> {
    let mut state = shared.state();
    let is_known = jws
        .text("nonce")
        .is_some_and(|nonce| state.nonces.remove(nonce));
    let is_refused = state.rules.n_bad_nonces > 0;
    state.rules.n_bad_nonces = state.rules.n_bad_nonces.saturating_sub(1);
    if is_known && !is_refused {
        return Ok(());
    }
    Err(Problem::new(
        400,
        "badNonce",
        "the nonce is unknown, or was used",
    ))
}

fn object(payload: &[u8]) -> Result<Value, Problem> {
    let value = serde_json::from_slice::<Value>(payload).ok();
    value
        .filter(Value::is_object)
        .ok_or_else(|| malformed(400, "the payload is no object"))
}

fn texts(value: &Value) -> Vec<String> {
    let texts = value.as_array().into_iter().flatten();
    texts.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Section 7.3.
fn new_account(shared: &Shared, key: &Key, jws: &Jws) -> Result<Answer, Problem> {
    let wish = object(&jws.payload)?;
    let rules = shared.state().rules.clone();
    let known = {
        let state = shared.state();
        let mut accounts = state.accounts.iter();
        accounts
            .find(|(_, account)| account.key == *key)
            .map(|(number, _)| *number)
    };
    let (number, status) = match known {
        Some(number) => (number, 200),
        None if wish["onlyReturnExisting"] == true => {
            return Err(Problem::new(
                400,
                "accountDoesNotExist",
                "no account has this key",
            ));
        }
        None => {
            if rules.wants_terms && wish["termsOfServiceAgreed"] != true {
                let detail = "the terms have to be agreed to";
                return Err(Problem::new(403, "userActionRequired", detail));
            }
            if let Some((id, secret)) = &rules.external_account {
                check_binding(
                    shared,
                    &wish["externalAccountBinding"],
                    jws,
                    (id.as_str(), secret.as_slice()),
                )?;
            }
            let contact = texts(&wish["contact"]);
            if contact
                .iter()
                .any(|address| !address.starts_with("mailto:"))
            {
                return Err(Problem::new(400, "unsupportedContact", "expected mailto:"));
            }
            let mut state = shared.state();
            let number = state.number();
            state.tally.n_accounts += 1;
            state.tally.contact.clone_from(&contact);
            let key = key.clone();
            state.accounts.insert(number, Account { key, contact });
            (number, 201)
        }
    };
    Ok(account(shared, number, status))
}

/// Section 7.3.4.
fn check_binding(
    shared: &Shared,
    binding: &Value,
    outer: &Jws,
    (id, secret): (&str, &[u8]),
) -> Result<(), Problem> {
    if binding.is_null() {
        let detail = "an external account is needed";
        return Err(Problem::new(403, "externalAccountRequired", detail));
    }
    let inner = Jws::read(binding.to_string().as_bytes())?;
    inner.check_hmac(secret)?;
    let is_bound = inner.text("kid") == Some(id)
        && inner.text("url") == Some(shared.url("/new-account").as_str())
        && inner.header.get("nonce").is_none()
        && Some(&object(&inner.payload)?) == outer.header.get("jwk");
    is_bound
        .then_some(())
        .ok_or_else(|| unauthorized("the external account is bound to something else"))
}

fn account(shared: &Shared, number: Number, status: u16) -> Answer {
    let state = shared.state();
    let contact = state
        .accounts
        .get(&number)
        .map(|account| account.contact.clone());
    Answer::json(status, &json!({"status": "valid", "contact": contact}))
        .with("location", shared.url(&format!("/account/{number}")))
}

impl Checked<'_> {
    fn answer(&self) -> Result<Answer, Problem> {
        let parts: Vec<&str> = self.path.trim_start_matches('/').split('/').collect();
        let number = parts
            .get(1)
            .and_then(|number| number.parse::<Number>().ok());
        match (parts.first().copied(), number, parts.get(2).copied()) {
            (Some("new-order"), None, None) => self.new_order(),
            (Some("account"), Some(number), None) if number == self.account => self.account(),
            (Some("order"), Some(number), None) => self.asked_for(|| self.order(number)),
            (Some("order"), Some(number), Some("finalize")) => self.finalize(number),
            (Some("authorization"), Some(number), None) => {
                self.asked_for(|| self.authorization(number))
            }
            (Some("challenge"), Some(number), Some(kind)) => self.challenge(number, kind),
            (Some("certificate"), Some(number), None) => {
                self.asked_for(|| self.certificate(number))
            }
            _ => Err(malformed(404, "there is nothing here")),
        }
    }

    /// Section 6.3: what is only read is asked for with nothing.
    fn asked_for(&self, what: impl FnOnce() -> Result<Answer, Problem>) -> Result<Answer, Problem> {
        if self.jws.payload.is_empty() {
            return what();
        }
        Err(malformed(400, "expected an empty payload"))
    }

    /// Section 7.3.2.
    fn account(&self) -> Result<Answer, Problem> {
        if !self.jws.payload.is_empty() {
            let contact = texts(&object(&self.jws.payload)?["contact"]);
            let mut state = self.shared.state();
            state.tally.contact.clone_from(&contact);
            if let Some(account) = state.accounts.get_mut(&self.account) {
                account.contact = contact;
            }
        }
        Ok(account(self.shared, self.account, 200))
    }

    /// Section 7.4.
    fn new_order(&self) -> Result<Answer, Problem> {
        let wish = object(&self.jws.payload)?;
        let mut state = self.shared.state();
        if state.rules.rate_limited_secs.is_some() {
            return Err(Problem::new(429, "rateLimited", "too many orders of late"));
        }
        let mut identifiers = Vec::new();
        for identifier in wish["identifiers"].as_array().into_iter().flatten() {
            let text = |name: &str| identifier[name].as_str().unwrap_or_default().to_owned();
            let (kind, value) = (text("type"), text("value"));
            if !matches!(kind.as_str(), "dns" | "ip") {
                return Err(Problem::new(400, "unsupportedIdentifier", kind));
            }
            if state.rules.rejected.contains(&value) {
                let detail = format!("not issued for {value}");
                return Err(Problem::new(400, "rejectedIdentifier", detail));
            }
            identifiers.push((kind, value));
        }
        if identifiers.is_empty() {
            return Err(malformed(400, "expected identifiers"));
        }
        let mut authorizations = Vec::new();
        for identifier in &identifiers {
            let number = state.number();
            let authorization = Authorization {
                account: self.account,
                identifier: identifier.clone(),
                status: Status::Pending,
                token: State::secret(),
                challenges: state.rules.challenges.clone(),
                chosen: None,
                error: None,
            };
            state.authorizations.insert(number, authorization);
            authorizations.push(number);
        }
        let number = state.number();
        let n_processing = state.rules.n_processing;
        let order = Order {
            account: self.account,
            identifiers,
            authorizations,
            status: Status::Pending,
            n_processing,
            certificate: None,
        };
        let answer = Answer::json(201, &self.shown(number, &order));
        state.orders.insert(number, order);
        state.tally.n_orders += 1;
        let url = self.shared.url(&format!("/order/{number}"));
        Ok(answer.with("location", url))
    }

    /// An order, as section 7.1.3 has it.
    fn shown(&self, number: Number, order: &Order) -> Value {
        let url = |path: String| self.shared.url(&path);
        let identifiers = order.identifiers.iter();
        let identifiers: Vec<Value> = identifiers
            .map(|(kind, value)| json!({"type": kind, "value": value}))
            .collect();
        let authorizations = order.authorizations.iter();
        let authorizations: Vec<String> = authorizations
            .map(|number| url(format!("/authorization/{number}")))
            .collect();
        let mut shown = json!({
            "status": order.status.name(),
            "expires": EXPIRES,
            "identifiers": identifiers,
            "authorizations": authorizations,
            "finalize": url(format!("/order/{number}/finalize")),
        });
        if let Some(number) = order.certificate.filter(|_| order.status == Status::Valid) {
            shown["certificate"] = url(format!("/certificate/{number}")).into();
        }
        shown
    }

    fn order(&self, number: Number) -> Result<Answer, Problem> {
        let mut state = self.shared.state();
        let retry_after = state.rules.order_retry_after;
        let order = state.orders.get_mut(&number);
        let order = order
            .filter(|order| order.account == self.account)
            .ok_or_else(|| unauthorized("it is no order of this account"))?;
        let mut answer = Answer::json(200, &self.shown(number, order));
        let is_finished = matches!(order.status, Status::Valid | Status::Invalid);
        if let Some(wait) = retry_after.filter(|_| !is_finished) {
            answer = answer.with("retry-after", wait);
        }
        if order.status == Status::Processing {
            order.n_processing = order.n_processing.saturating_sub(1);
            if order.n_processing == 0 {
                order.status = Status::Valid;
            }
        }
        Ok(answer)
    }

    fn authorization(&self, number: Number) -> Result<Answer, Problem> {
        let state = self.shared.state();
        let found = state.authorizations.get(&number);
        let found = found
            .filter(|found| found.account == self.account)
            .ok_or_else(|| unauthorized("it is no authorization of this account"))?;
        let (kind, value) = &found.identifier;
        let offered = found.challenges.iter();
        let challenges: Vec<Value> = offered
            .map(|kind| self.shown_challenge(number, found, kind))
            .collect();
        Ok(Answer::json(
            200,
            &json!({
                "status": match found.status {
                    Status::Pending | Status::Ready | Status::Processing => "pending",
                    Status::Valid => "valid",
                    Status::Invalid => "invalid",
                },
                "expires": EXPIRES,
                "identifier": {"type": kind, "value": value},
                "challenges": challenges,
            }),
        ))
    }

    /// A challenge, as section 7.1.5 has it.
    fn shown_challenge(&self, number: Number, of: &Authorization, kind: &str) -> Value {
        let is_chosen = of.chosen == Some(kind);
        let status = if is_chosen {
            of.status
        } else {
            Status::Pending
        };
        let mut shown = json!({
            "type": kind,
            "url": self.shared.url(&format!("/challenge/{number}/{kind}")),
            "token": of.token,
            "status": status.name(),
        });
        if let Some(error) = of.error.as_ref().filter(|_| is_chosen) {
            shown["error"] = error.value();
        }
        shown
    }

    /// Section 7.5.1: whoever says that it is there is looked at, in their own time.
    fn challenge(&self, number: Number, kind: &str) -> Result<Answer, Problem> {
        object(&self.jws.payload)?;
        let mut state = self.shared.state();
        let account = state.accounts.get(&self.account);
        let print = account
            .map(|account| account.key.thumbprint())
            .unwrap_or_default();
        let found = state.authorizations.get_mut(&number);
        let found = found
            .filter(|found| found.account == self.account)
            .ok_or_else(|| unauthorized("it is no authorization of this account"))?;
        let offered = found.challenges.iter().find(|offered| **offered == kind);
        let kind = *offered.ok_or_else(|| malformed(404, "this challenge is not offered"))?;
        if found.status == Status::Pending {
            found.status = Status::Processing;
            found.chosen = Some(kind);
            let wanted = proof::Wanted {
                name: found.identifier.1.clone(),
                token: found.token.clone(),
                text: format!("{}.{print}", found.token),
            };
            let shared = Arc::clone(self.shared);
            thread::spawn(move || proof::look(&shared, number, kind, &wanted));
        }
        Ok(Answer::json(
            200,
            &self.shown_challenge(number, found, kind),
        ))
    }

    /// Section 7.4: the request is for the names of the order, all of them and no other, and by a key of its own.
    fn finalize(&self, number: Number) -> Result<Answer, Problem> {
        let bad = |detail: &str| Problem::new(400, "badCSR", detail);
        let wish = object(&self.jws.payload)?;
        let csr = decode(wish["csr"].as_str().unwrap_or_default())?;
        let request =
            CertificateSigningRequestParams::from_der(&CertificateSigningRequestDer::from(csr));
        let mut request = request.map_err(|error| bad(&error.to_string()))?;
        let mut state = self.shared.state();
        let (lifetime, instead) = (state.rules.lifetime, state.rules.issues_for.clone());
        let account = state.accounts.get(&self.account);
        let is_other_key = account.is_some_and(|account| {
            rcgen::PublicKeyData::der_bytes(&request.public_key) != account.key.point()
        });
        if !is_other_key {
            return Err(bad("the key is that of the account"));
        }
        let order = state.orders.get(&number);
        let order = order
            .filter(|order| order.account == self.account)
            .ok_or_else(|| unauthorized("it is no order of this account"))?;
        if order.status != Status::Ready {
            let detail = format!("the order is {}", order.status.name());
            return Err(Problem::new(403, "orderNotReady", detail));
        }
        let mut wanted: Vec<String> = order
            .identifiers
            .iter()
            .map(|(_, name)| name.clone())
            .collect();
        let mut asked: Vec<String> = request
            .params
            .subject_alt_names
            .iter()
            .map(name_of)
            .collect();
        wanted.sort();
        asked.sort();
        if wanted != asked {
            return Err(bad("the names are not those of the order"));
        }
        if let Some(names) = instead {
            let other = rcgen::CertificateParams::new(names).expect("names");
            request.params.subject_alt_names = other.subject_alt_names;
        }
        let issued = self.shared.house().sign_request(request, lifetime);
        state.tally.issued.push(issued.der().to_vec());
        let chain = format!("{}{}", issued.pem(), self.shared.house().pem());
        let certificate = state.number();
        state
            .certificates
            .insert(certificate, (self.account, chain));
        let order = state.orders.get_mut(&number).expect("it was found above");
        order.certificate = Some(certificate);
        order.status = if order.n_processing == 0 {
            Status::Valid
        } else {
            Status::Processing
        };
        Ok(Answer::json(200, &self.shown(number, order)))
    }

    /// Section 7.4.2.
    fn certificate(&self, number: Number) -> Result<Answer, Problem> {
        let state = self.shared.state();
        let found = state.certificates.get(&number);
        let (_, chain) = found
            .filter(|(account, _)| *account == self.account)
            .ok_or_else(|| unauthorized("it is no certificate of this account"))?;
        let kind = "application/pem-certificate-chain";
        Ok(Answer::new(200, kind, chain.clone()))
    }
}

fn name_of(name: &SanType) -> String {
    match name {
        SanType::DnsName(name) => name.to_string(),
        SanType::IpAddress(address) => address.to_string(),
        _ => "something else".to_owned(),
    }
}
