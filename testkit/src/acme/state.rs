//! What an authority knows.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::http::Answer;
use super::jws::Key;
use super::{PATIENCE, Rules, Tally};
use crate::authority::Authority;

/// A number of an account, an order, an authorization or a certificate.
pub(super) type Number = u64;

/// What is wrong, in the words of RFC 8555, section 6.7.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    pub(super) status: u16,
    pub(super) kind: &'static str,
    pub(super) detail: String,
}

impl Problem {
    pub(super) fn new(status: u16, kind: &'static str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self {
            status,
            kind,
            detail,
        }
    }

    /// As it stands in orders and challenges.
    pub(super) fn value(&self) -> Value {
        let kind = format!("urn:ietf:params:acme:error:{}", self.kind);
        json!({"type": kind, "detail": self.detail, "status": self.status})
    }

    pub(super) fn answer(&self) -> Answer {
        let body = self.value().to_string();
        Answer::new(self.status, "application/problem+json", body)
    }
}

/// Somebody who orders.
pub(super) struct Account {
    pub(super) key: Key,
    pub(super) contact: Vec<String>,
}

/// How far something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Pending,
    Ready,
    Processing,
    Valid,
    Invalid,
}

impl Status {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ready => "ready",
            Self::Processing => "processing",
            Self::Valid => "valid",
            Self::Invalid => "invalid",
        }
    }
}

/// An order.
pub(super) struct Order {
    pub(super) account: Number,
    /// Kind and value of each name.
    pub(super) identifiers: Vec<(String, String)>,
    pub(super) authorizations: Vec<Number>,
    pub(super) status: Status,
    /// How often it is still being processed when it is asked for.
    pub(super) n_processing: u32,
    pub(super) certificate: Option<Number>,
}

/// The proof of one name.
pub(super) struct Authorization {
    pub(super) account: Number,
    pub(super) identifier: (String, String),
    pub(super) status: Status,
    pub(super) token: String,
    /// The challenges that are offered.
    pub(super) challenges: Vec<&'static str>,
    /// The one that is being looked at, or was.
    pub(super) chosen: Option<&'static str>,
    pub(super) error: Option<Problem>,
}

/// What changes.
pub(super) struct State {
    pub(super) rules: Rules,
    pub(super) tally: Tally,
    pub(super) nonces: BTreeSet<String>,
    pub(super) accounts: BTreeMap<Number, Account>,
    pub(super) orders: BTreeMap<Number, Order>,
    pub(super) authorizations: BTreeMap<Number, Authorization>,
    /// Chains as PEM, and whose they are.
    pub(super) certificates: BTreeMap<Number, (Number, String)>,
    last: Number,
    leads_to: Option<SocketAddr>,
    is_over: bool,
}

impl State {
    /// A number that nothing has yet.
    pub(super) fn number(&mut self) -> Number {
        self.last += 1;
        self.last
    }

    /// A text that nobody can guess.
    pub(super) fn secret() -> String {
        use base64::Engine as _;
        let random = ring::rand::generate::<[u8; 16]>(&ring::rand::SystemRandom::new());
        let random = random.expect("the system has random numbers").expose();
        base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(random)
    }

    /// A nonce that may be used once.
    pub(super) fn nonce(&mut self) -> String {
        let nonce = Self::secret();
        self.nonces.insert(nonce.clone());
        nonce
    }

    /// Forgets accounts and orders.
    pub(super) fn forget(&mut self) {
        self.accounts.clear();
        self.orders.clear();
        self.authorizations.clear();
    }

    /// Moves orders on whose names are all proven, or one is not.
    pub(super) fn move_on(&mut self) {
        for order in self.orders.values_mut() {
            if order.status != Status::Pending {
                continue;
            }
            let authorizations = order.authorizations.iter();
            let mut proofs = authorizations.filter_map(|number| self.authorizations.get(number));
            let is_refused = proofs.clone().any(|proof| proof.status == Status::Invalid);
            if is_refused {
                order.status = Status::Invalid;
            } else if proofs.all(|proof| proof.status == Status::Valid) {
                order.status = Status::Ready;
            }
        }
    }
}

/// What its threads share.
pub(super) struct Shared {
    house: Authority,
    /// What its addresses begin with.
    base: String,
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    pub(super) fn new(house: Authority, base: String) -> Self {
        let state = State {
            rules: Rules::default(),
            tally: Tally::default(),
            nonces: BTreeSet::new(),
            accounts: BTreeMap::new(),
            orders: BTreeMap::new(),
            authorizations: BTreeMap::new(),
            certificates: BTreeMap::new(),
            last: 0,
            leads_to: None,
            is_over: false,
        };
        Self {
            house,
            base,
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    pub(super) const fn house(&self) -> &Authority {
        &self.house
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An address of its own.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The number at the end of an address of its own.
    pub(super) fn number_of(&self, url: &str, before: &str) -> Option<Number> {
        let rest = url.strip_prefix(&self.base)?.strip_prefix(before)?;
        rest.parse().ok()
    }

    pub(super) fn lead_to(&self, address: SocketAddr) {
        self.state().leads_to = Some(address);
        self.changed.notify_all();
    }

    /// Where names lead, as soon as somebody has said it.
    pub(super) fn leads_to(self: &Arc<Self>) -> Option<SocketAddr> {
        let known = self
            .changed
            .wait_timeout_while(self.state(), PATIENCE, |state| {
                state.leads_to.is_none() && !state.is_over
            });
        let (state, _) = known.unwrap_or_else(PoisonError::into_inner);
        state.leads_to
    }

    pub(super) fn end(&self) {
        self.state().is_over = true;
        self.changed.notify_all();
    }

    pub(super) fn is_over(&self) -> bool {
        self.state().is_over
    }
}
