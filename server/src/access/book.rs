//! The tokens that are known, and which of them have proven themselves.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hmac::{Hmac, Mac};
use regard_commitments::{Role, TokenId, is_same_secret};
use regard_domain::Timestamp;
use regard_engine::{Token, TokenRecord};
use sha2::Sha256;
use tokio::sync::Semaphore;

/// What a token that has proven itself lets its holder do.
pub(crate) type Pass = Arc<TokenRecord>;

/// Tokens that are proven at once. Each takes 19 MiB and a core for some tens of milliseconds: the rest wait.
const N_PROVING: usize = 2;

/// How often the row of a token in use is written again.
const KEEP_EVERY: Duration = Duration::from_secs(86_400);

/// One token.
struct Known {
    pass: Pass,
    /// HMAC of its text under a key of this process, once Argon2 has said that it is right. A heartbeat
    /// comes four times a second, and must not cost 20 MB each.
    proof: Option<[u8; 32]>,
    /// When its row was written last, as far as this process knows.
    kept_at: Timestamp,
}

/// What is seen of a token without proving it.
pub(crate) enum Glance {
    /// There is no such token, or its time is over.
    Unknown,
    /// It was proven before.
    Proven(Pass),
    /// It is to be proven against this.
    Unproven(String),
}

/// The tokens that are known. Ids are public; only secrets are compared, and those in constant time.
pub(crate) struct TokenBook {
    known: Mutex<BTreeMap<TokenId, Known>>,
    key: [u8; 32],
    proving: Semaphore,
}

impl TokenBook {
    pub(crate) fn new(records: Vec<TokenRecord>, key: [u8; 32]) -> Self {
        let book = Self {
            known: Mutex::default(),
            key,
            proving: Semaphore::new(N_PROVING),
        };
        for record in records {
            book.put(record);
        }
        book
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<TokenId, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn proof(&self, token: &Token) -> [u8; 32] {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.update(b"regard token v1");
        mac.update(token.text().as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// What is known of a token at first sight.
    pub(crate) fn glance(&self, token: &Token, now: Timestamp) -> Glance {
        let proof = self.proof(token);
        let known = self.known();
        let Some(one) = known.get(token.id()).filter(|one| one.pass.is_live(now)) else {
            return Glance::Unknown;
        };
        match &one.proof {
            Some(known) if is_same_secret(known, &proof) => Glance::Proven(Arc::clone(&one.pass)),
            Some(_) | None => Glance::Unproven(one.pass.verifier.clone()),
        }
    }

    /// Proves a token against what is kept of it; the proof holds until it is revoked or ends.
    pub(crate) async fn prove(
        &self,
        token: Token,
        verifier: String,
        now: Timestamp,
    ) -> Option<Pass> {
        let place = self.proving.acquire().await.ok()?;
        let proving = tokio::task::spawn_blocking(move || {
            let is_proven = token.is_proven_by(&verifier);
            (is_proven, token, verifier)
        });
        let (is_proven, token, verifier) = proving.await.ok()?;
        drop(place);
        let proof = self.proof(&token);
        let mut known = self.known();
        // It may have been revoked, or replaced, in the meantime.
        let one = known.get_mut(token.id())?;
        let is_the_same = one.pass.is_live(now) && one.pass.verifier == verifier;
        if !(is_proven && is_the_same) {
            return None;
        }
        one.proof = Some(proof);
        Some(Arc::clone(&one.pass))
    }

    /// A token that is live, by its id: for sessions, which it began.
    pub(crate) fn pass_of(&self, id: &TokenId, now: Timestamp) -> Option<Pass> {
        let known = self.known();
        let one = known.get(id).filter(|one| one.pass.is_live(now))?;
        Some(Arc::clone(&one.pass))
    }

    /// Puts a token in, in place of the one of its id.
    pub(crate) fn put(&self, record: TokenRecord) {
        let known = Known {
            kept_at: record.made_at,
            pass: Arc::new(record),
            proof: None,
        };
        self.known().insert(known.pass.id.clone(), known);
    }

    /// Ends a token here and now; its record, to be kept.
    pub(crate) fn revoked(&self, id: &TokenId, now: Timestamp) -> Option<TokenRecord> {
        let mut known = self.known();
        let one = known.get_mut(id)?;
        let mut record = TokenRecord::clone(&one.pass);
        record.revoked_at.get_or_insert(now);
        one.pass = Arc::new(record.clone());
        one.proof = None;
        Some(record)
    }

    /// Whether the row of a token is to be written again; says so once a day.
    pub(crate) fn is_due(&self, id: &TokenId, now: Timestamp) -> bool {
        let mut known = self.known();
        let Some(one) = known.get_mut(id) else {
            return false;
        };
        let is_due = now.saturating_since(one.kept_at) >= KEEP_EVERY;
        if is_due {
            one.kept_at = now;
        }
        is_due
    }

    /// All of them, in order of id.
    pub(crate) fn all(&self) -> Vec<Pass> {
        let known = self.known();
        known.values().map(|one| Arc::clone(&one.pass)).collect()
    }

    /// How many open anything.
    pub(crate) fn n_live(&self, now: Timestamp) -> usize {
        let known = self.known();
        known.values().filter(|one| one.pass.is_live(now)).count()
    }

    /// The live tokens of a role.
    pub(crate) fn live_of(&self, role: Role, now: Timestamp) -> Vec<TokenId> {
        let all = self.all().into_iter();
        all.filter(|pass| pass.role == role && pass.is_live(now))
            .map(|pass| pass.id.clone())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use regard_engine::NewToken;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    #[tokio::test]
    async fn a_token_is_proven_once_and_revoked_at_once() {
        let (token, record) = NewToken::of(Role::Operator).make(NOW).unwrap();
        let verifier = record.verifier.clone();
        let id = record.id.clone();
        let book = TokenBook::new(vec![record], [1; 32]);
        let read = |text: &str| Token::read(text).unwrap();
        let glance = |text: &str| book.glance(&read(text), NOW);
        assert!(matches!(glance(token.text()), Glance::Unproven(_)));
        let last = if token.text().ends_with('0') {
            "1"
        } else {
            "0"
        };
        let wrong = format!("{}{last}", &token.text()[..token.text().len() - 1]);
        assert!(
            book.prove(read(&wrong), verifier.clone(), NOW)
                .await
                .is_none()
        );
        assert!(matches!(glance(token.text()), Glance::Unproven(_)));
        let pass = book.prove(read(token.text()), verifier.clone(), NOW).await;
        assert_eq!(pass.unwrap().role, Role::Operator);
        assert!(matches!(glance(token.text()), Glance::Proven(_)));
        assert!(
            matches!(glance(&wrong), Glance::Unproven(_)),
            "its proof proves no other"
        );
        // A role that was written over is another text, and so another secret.
        let raised = token.text().replace("_operator_", "_admin_");
        assert!(matches!(glance(&raised), Glance::Unproven(_)));
        assert!(
            book.prove(read(&raised), verifier.clone(), NOW)
                .await
                .is_none()
        );

        assert!(book.revoked(&id, NOW).unwrap().revoked_at.is_some());
        assert!(matches!(glance(token.text()), Glance::Unknown));
        assert!(book.pass_of(&id, NOW).is_none());
        assert!(
            book.prove(read(token.text()), verifier, NOW)
                .await
                .is_none()
        );
        assert_eq!(book.n_live(NOW), 0);
    }

    #[test]
    fn a_row_is_due_once_a_day() {
        let (_, record) = NewToken::of(Role::Operator).make(NOW).unwrap();
        let id = record.id.clone();
        let book = TokenBook::new(vec![record], [1; 32]);
        let tomorrow = NOW.plus(KEEP_EVERY);
        assert!(!book.is_due(&id, NOW));
        assert!(book.is_due(&id, tomorrow));
        assert!(!book.is_due(&id, tomorrow));
    }
}
