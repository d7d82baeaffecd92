//! Who may do what: tokens, sessions, and the one table of routes and roles.

mod acquainted;
mod book;
mod forms;
mod guest;
mod layer;
mod lockout;
mod own;
mod rights;
mod sessions;

use std::net::IpAddr;

use regard_commitments::{Actor, AdminAct, Digest, TokenId};
use regard_domain::Timestamp;
use regard_engine::{Engine, EngineError, NewToken, Token, TokenRecord};
use tokio::sync::watch;

use crate::problem::Problem;

pub(crate) use book::{Glance, Pass, TokenBook};
pub(crate) use forms::{FORM_COOKIE, Forms, OWN_FORM_COOKIE};
pub(crate) use guest::Guest;
pub(crate) use layer::{admit, locked_out};
pub(crate) use lockout::Lockout;
pub(crate) use own::{MAX_OWN_AGE, MAX_OWN_IDLE, OWN_COOKIE, Own, OwnPages};
pub(crate) use rights::{may, sees_exact_sums};
pub(crate) use sessions::{COOKIE, SessionKey, Sessions, max_age};

/// Tokens that may be live at once: more than a site has people, screens and devices.
const MAX_LIVE_TOKENS: usize = 1_000;

/// Everything that knows who may come in.
pub(crate) struct Access {
    engine: Engine,
    pub(crate) book: TokenBook,
    pub(crate) sessions: Sessions,
    pub(crate) lockout: Lockout,
    pub(crate) forms: Forms,
    /// Persons at their own record: they have no role and reach nothing else.
    pub(crate) own: OwnPages,
    /// Told whenever a token or a session ends.
    endings: watch::Sender<()>,
}

/// Why nobody comes in with what was shown.
pub(crate) enum TurnedAway {
    /// No such token, or not its secret, or its time is over.
    Wrong,
    /// Too many wrong ones from that address or for that token.
    LockedOut,
}

impl Access {
    /// Knows these tokens; `key` is fresh at every start.
    pub(crate) fn new(engine: Engine, records: Vec<TokenRecord>, key: [u8; 32]) -> Self {
        Self {
            engine,
            book: TokenBook::new(records, key),
            sessions: Sessions::default(),
            lockout: Lockout::default(),
            forms: Forms::new(key),
            own: OwnPages::default(),
            endings: watch::channel(()).0,
        }
    }

    /// What lets a token in that was shown just now. One that was proven before costs a hash; one that was
    /// not costs Argon2, and a wrong one counts against whoever showed it and against the token.
    pub(crate) async fn pass(
        &self,
        text: &str,
        from: IpAddr,
        counts_unknown: bool,
    ) -> Result<Pass, TurnedAway> {
        let now = self.engine.now();
        let token = Token::read(text);
        let glance = match &token {
            Some(token) => self.book.glance(token, now),
            None => Glance::Unknown,
        };
        let (token, verifier) = match (glance, token) {
            (Glance::Proven(pass), _) => return Ok(self.prolonged(pass, now).await),
            (Glance::Unproven(verifier), Some(token)) => (token, verifier),
            (Glance::Unknown | Glance::Unproven(_), _) => {
                return Err(self.unknown(from, counts_unknown, now).await);
            }
        };
        let Some(attempt) = self.lockout.attempt(from, Some(token.id()), now) else {
            return Err(TurnedAway::LockedOut);
        };
        match self.book.prove(token, verifier, now).await {
            Some(pass) => {
                self.lockout.forgive(attempt);
                Ok(self.prolonged(pass, now).await)
            }
            None => {
                self.tell_lockout(attempt.locked_now(), now).await;
                Err(TurnedAway::Wrong)
            }
        }
    }

    async fn unknown(&self, from: IpAddr, counts: bool, now: Timestamp) -> TurnedAway {
        if !counts {
            return TurnedAway::Wrong;
        }
        match self.lockout.attempt(from, None, now) {
            None => TurnedAway::LockedOut,
            Some(attempt) => {
                self.tell_lockout(attempt.locked_now(), now).await;
                TurnedAway::Wrong
            }
        }
    }

    /// Rows of tokens in use are written again once a day, so that the period promised for credentials
    /// does not end them while they serve.
    async fn prolonged(&self, pass: Pass, now: Timestamp) -> Pass {
        if self.book.is_due(&pass.id, now)
            && let Err(error) = self.engine.keep_token(&pass).await
        {
            tracing::warn!(token = %pass.id, %error, "the row of a token was not prolonged");
        }
        pass
    }

    /// Enters in the ledger whom too many wrong tokens locked out, by a hash.
    pub(crate) async fn tell_lockout(&self, locked: Vec<String>, now: Timestamp) {
        for subject in locked {
            if !self.lockout.may_tell(now) {
                tracing::warn!("more lockouts than the ledger is told of in an hour");
                return;
            }
            let subject = self.forms.digest("lockout", &subject);
            // Without a ledger the log has to do: nobody may come in on that account.
            let told = self
                .engine
                .administered(AdminAct::LockedOut, Actor::Stranger {}, subject);
            if let Err(error) = told.await {
                tracing::warn!(%error, "the ledger is not told of a lockout");
            }
        }
    }

    /// Makes a token: it counts from now on, and the ledger says so.
    ///
    /// # Errors
    /// The [`Problem`] to answer with.
    pub(crate) async fn make(
        &self,
        new: NewToken,
        by: Actor,
    ) -> Result<(Token, TokenRecord), Problem> {
        self.engine.check_ledger()?;
        let now = self.engine.now();
        if self.book.n_live(now) >= MAX_LIVE_TOKENS {
            let detail = format!("{MAX_LIVE_TOKENS} tokens are live already");
            let status = axum::http::StatusCode::CONFLICT;
            return Err(Problem::new(status, "too_many_tokens", detail)
                .remedy("revoke tokens that are not used any more"));
        }
        let made = tokio::task::spawn_blocking(move || new.make(now)).await;
        let made = made.map_err(|error| Problem::internal("token_not_made", &error))?;
        let (token, record) =
            made.map_err(|error| Problem::invalid("bad_token", error.to_string()))?;
        self.keep(record.clone(), AdminAct::TokenMade, by).await?;
        Ok((token, record))
    }

    /// Keeps a token and tells the ledger.
    pub(crate) async fn keep(
        &self,
        record: TokenRecord,
        act: AdminAct,
        by: Actor,
    ) -> Result<(), EngineError> {
        let subject = Digest::of(&[record.id.as_str().as_bytes()]);
        self.engine.keep_token(&record).await?;
        self.book.put(record);
        self.endings.send_replace(());
        self.engine.administered(act, by, subject).await
    }

    /// Revokes a token at once: its sessions and streams end. Nothing when there is no such token.
    ///
    /// # Errors
    /// The [`Problem`] to answer with; the token is revoked then until the program ends.
    pub(crate) async fn revoke(&self, id: &TokenId, by: Actor) -> Result<Option<()>, Problem> {
        let Some(record) = self.book.revoked(id, self.engine.now()) else {
            return Ok(None);
        };
        let n_ended = self.end_sessions_of(id).await;
        tracing::info!(token = %id, sessions = n_ended, "a token was revoked");
        self.keep(record, AdminAct::TokenRevoked, by).await?;
        Ok(Some(()))
    }

    async fn end_sessions_of(&self, id: &TokenId) -> usize {
        let ended = self.sessions.end_all_of(id);
        for key in &ended {
            self.forget(key).await;
        }
        self.endings.send_replace(());
        ended.len()
    }

    /// Begins a session for whoever showed a token, and ends the one they came with.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub(crate) async fn begin_session(
        &self,
        pass: &Pass,
        before: Option<&SessionKey>,
    ) -> Result<String, Problem> {
        if let Some(before) = before {
            self.end_session(before).await;
        }
        let now = self.engine.now();
        let (cookie, key) = self
            .sessions
            .begin(pass, now)
            .map_err(|error| Problem::internal("no_entropy", &error))?;
        if pass.role.is_of_a_thing() {
            // Nobody stands beside a screen to log it in again after a restart.
            let name = key.setting_name();
            let kept = self.engine.put_setting(&name, pass.id.to_string()).await;
            if let Err(error) = kept {
                tracing::warn!(%error, "the session of a screen ends with the program");
            }
        }
        Ok(cookie)
    }

    /// Ends a session here, whatever its browser still holds.
    pub(crate) async fn end_session(&self, key: &SessionKey) {
        if self.sessions.end(key) {
            self.forget(key).await;
            self.endings.send_replace(());
        }
    }

    async fn forget(&self, key: &SessionKey) {
        let name = key.setting_name();
        if let Err(error) = self.engine.store().remove_setting(&name).await {
            // It may come back with the next start, but not without its token.
            tracing::warn!(%error, "the row of a session was not removed");
        }
    }

    /// Takes up the sessions of screens and devices that were there when the program ended.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) async fn take_up_sessions(&self) -> Result<(), EngineError> {
        let now = self.engine.now();
        for setting in self
            .engine
            .store()
            .settings(sessions::SETTING_PREFIX)
            .await?
        {
            let found = SessionKey::of_setting(&setting.name)
                .zip(setting.value.parse().ok())
                .and_then(|(key, id)| Some((key, self.book.pass_of(&id, now)?)));
            if let Some((key, pass)) = found {
                self.sessions.take_up(key, &pass, now);
                self.engine
                    .put_setting(&setting.name, setting.value)
                    .await?;
            } else {
                self.engine.store().remove_setting(&setting.name).await?;
            }
        }
        Ok(())
    }

    /// Resolves when somebody may not be here any more: their token or session has ended.
    pub(crate) async fn gone(&self, guest: &Guest) {
        let mut endings = self.endings.subscribe();
        loop {
            let now = self.engine.now();
            if !self.is_welcome(guest, now) {
                return;
            }
            // An expiry tells nobody: it is looked for twice a minute.
            let look = std::time::Duration::from_secs(30);
            let _ = tokio::time::timeout(look, endings.changed()).await;
        }
    }

    fn is_welcome(&self, guest: &Guest, now: Timestamp) -> bool {
        match guest {
            Guest::Stranger | Guest::Machine => true,
            Guest::Token(pass) => self.book.pass_of(&pass.id, now).is_some(),
            Guest::Session(pass, key) => {
                self.sessions.is_live(key, now) && self.book.pass_of(&pass.id, now).is_some()
            }
        }
    }
}
