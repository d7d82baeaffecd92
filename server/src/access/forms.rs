//! Forms that only our own pages can send: what stands hidden in them nobody else can make.

use axum::http::HeaderMap;
use hmac::{Hmac, Mac};
use regard_commitments::{Digest, is_same_secret};
use regard_engine::to_hex;
use sha2::Sha256;

use super::sessions::{SessionKey, cookie_of};

/// Cookie that binds the login form to the browser it was made for, while there is no session yet.
pub(crate) const FORM_COOKIE: &str = "regard_form";

/// The same for the form that takes the token of a person.
pub(crate) const OWN_FORM_COOKIE: &str = "regard_own_form";

/// Makes and checks the hidden values of forms.
///
/// # Source
/// OWASP, Cross-Site Request Forgery Prevention: signed double submit for the login form, a synchronizer
/// token bound to the session for the others.
pub(crate) struct Forms {
    key: [u8; 32],
}

impl Forms {
    pub(crate) const fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    fn mac(&self, purpose: &str, text: &str) -> [u8; 32] {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.update(b"regard form v1");
        mac.update(&(purpose.len() as u64).to_be_bytes());
        mac.update(purpose.as_bytes());
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// A hash that nobody can make any more once the program has ended: of what is not to be found out.
    pub(crate) fn digest(&self, purpose: &str, text: &str) -> Digest {
        Digest::from_bytes(self.mac(purpose, text))
    }

    /// What stands hidden in the login form of the browser that holds this cookie.
    pub(crate) fn of_login(&self, cookie: &str) -> String {
        to_hex(&self.mac("login", cookie))
    }

    /// What stands hidden in the form for a person's token, in the browser that holds this cookie.
    pub(crate) fn of_opening(&self, cookie: &str) -> String {
        to_hex(&self.mac("opening", cookie))
    }

    /// Whether a form for a person's token was made for the browser that sends it.
    pub(crate) fn is_own_opening(&self, headers: &HeaderMap, hidden: &str) -> bool {
        cookie_of(headers, OWN_FORM_COOKIE)
            .is_some_and(|cookie| is_same(&self.of_opening(cookie), hidden))
    }

    /// What stands hidden in the forms of a person's page.
    pub(crate) fn of_own(&self, page: &SessionKey) -> String {
        to_hex(&self.mac("own", &page.as_text()))
    }

    /// Whether a form was made for this page of a person.
    pub(crate) fn is_of_own(&self, page: &SessionKey, hidden: &str) -> bool {
        is_same(&self.of_own(page), hidden)
    }

    /// What stands hidden in the forms of a session.
    pub(crate) fn of_session(&self, session: &SessionKey) -> String {
        to_hex(&self.mac("session", &session.as_text()))
    }

    /// Whether a login form was made for the browser that sends it.
    pub(crate) fn is_own_login(&self, headers: &HeaderMap, hidden: &str) -> bool {
        cookie_of(headers, FORM_COOKIE)
            .is_some_and(|cookie| is_same(&self.of_login(cookie), hidden))
    }

    /// Whether a form was made for this session.
    pub(crate) fn is_of_session(&self, session: &SessionKey, hidden: &str) -> bool {
        is_same(&self.of_session(session), hidden)
    }
}

/// Takes the same time whichever bytes differ.
fn is_same(ours: &str, sent: &str) -> bool {
    is_same_secret(ours.as_bytes(), sent.as_bytes())
}
