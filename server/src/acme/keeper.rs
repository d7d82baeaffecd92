//! Sees to it that there is a certificate: orders it, renews it, and goes on trying.

use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use regard_domain::{Clock, Timestamp};
use regard_engine::create_private_folder;

use super::carrier::{Carrier, Heard, LONGEST_WAIT};
use super::error::AcmeError;
use super::issued::Issued;
use super::standing::AcmeStanding;
use super::{account, order};
use crate::AcmeConfig;
use crate::certificate::Validity;
use crate::tls::{InForce, Tls};

/// Longest time for one try, with all the names and all the waiting.
const TRY_PATIENCE: Duration = Duration::from_secs(600);

/// Longest sleep: clocks are set, and machines wake up.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// Shortest sleep, and shortest pause between tries whatever is configured.
const SHORTEST_SLEEP: Duration = Duration::from_millis(50);

/// Sees to it that there is a certificate.
pub(crate) struct Keeper {
    config: AcmeConfig,
    tls: Arc<Tls>,
    /// As it stands on the wall: it may be set, and then it is right.
    clock: Arc<dyn Clock>,
    standing: RwLock<AcmeStanding>,
}

impl Keeper {
    /// Puts what was issued before in force, and knows when to ask again.
    ///
    /// # Errors
    /// As the system says, when the folder cannot be made or read.
    pub(crate) fn open(
        config: AcmeConfig,
        tls: Arc<Tls>,
        clock: Arc<dyn Clock>,
    ) -> io::Result<Self> {
        create_private_folder(&config.folder)?;
        let kept = AcmeStanding::read(&config.folder).unwrap_or_default();
        let directory = config.directory.to_string();
        // Without its file a certificate for these names counts as one of this authority.
        let issued_by = match &kept {
            Some(kept) => kept.issued_by.clone(),
            None => Some(directory.clone()),
        };
        let mut standing = kept
            .filter(|kept| kept.directory == directory && kept.domains == config.domains)
            .unwrap_or_default();
        standing.domains.clone_from(&config.domains);
        standing.directory.clone_from(&directory);
        standing.issued_by = None;
        // Whoever starts the program anew has done something about what failed, unless the authority asked to wait. One that
        // starts again and again by itself asks no more often than one that goes on.
        let waits_until = standing.next_try_at_micros;
        standing.next_try_at_micros = rested_at(&standing, &config, clock.now());
        standing.valid_until_micros = None;
        match Issued::read(&config.folder)?.map(|issued| issued.usable(&config.domains)) {
            None => {}
            Some(Ok((in_force, validity, is_for_all))) => {
                tls.take_up(in_force);
                standing.valid_until_micros = Some(validity.until.as_micros());
                if is_for_all && issued_by.as_ref() == Some(&directory) {
                    let renewal_at = validity.renewal_at().as_micros();
                    standing.next_try_at_micros = standing.next_try_at_micros.max(renewal_at);
                }
                standing.issued_by = issued_by;
            }
            Some(Err(why)) => tracing::warn!(why, "the certificate that was issued cannot be used"),
        }
        if standing.is_told_to_wait {
            standing.next_try_at_micros = standing.next_try_at_micros.max(waits_until);
        }
        Ok(Self {
            config,
            tls,
            clock,
            standing: RwLock::new(standing),
        })
    }

    /// How it stands.
    pub(crate) fn standing(&self) -> AcmeStanding {
        let standing = self.standing.read();
        standing.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Goes on for ever.
    pub(crate) async fn run(self: Arc<Self>) {
        loop {
            let left = self.left(self.clock.now());
            if left.is_zero() {
                self.try_once().await;
            } else {
                tokio::time::sleep(left.clamp(SHORTEST_SLEEP, LONGEST_SLEEP)).await;
            }
        }
    }

    /// How long until the authority is asked again. A pause longer than any that is made comes of a clock that was set back
    /// since, and is over.
    fn left(&self, now: Timestamp) -> Duration {
        let standing = self.standing();
        let left = standing.next_try().saturating_since(now);
        let is_pause = standing.n_failures > 0;
        if is_pause && left > LONGEST_WAIT.max(self.config.shortest_pause) {
            return Duration::ZERO;
        }
        left
    }

    /// Asks for a certificate, puts it in force, and says how that went.
    async fn try_once(&self) {
        let heard = Heard::default();
        let outcome = match self.note_try() {
            Ok(()) => {
                let asked = tokio::time::timeout(TRY_PATIENCE, self.obtain(heard.clone())).await;
                let slow = || AcmeError::Slow(self.config.directory.clone());
                asked.unwrap_or_else(|_| Err(slow()))
            }
            Err(error) => Err(error),
        };
        let now = self.clock.now();
        let standing = match outcome {
            Ok((in_force, validity)) => {
                self.tls.take_up(in_force);
                let valid_until_micros = validity.until.as_micros();
                tracing::info!(
                    valid_until_micros,
                    "a certificate was issued and is in force"
                );
                self.succeeded(validity, now)
            }
            Err(error) => self.failed(&error, heard.wait(), now),
        };
        if let Err(error) = self.keep(standing) {
            tracing::warn!(%error, "how it stands with the certificate cannot be kept");
        }
    }

    /// Writes down that the authority is about to be asked: a program that dies meanwhile does not ask at once when it starts
    /// again, and one that cannot write has nothing issued that it could not keep.
    fn note_try(&self) -> Result<(), AcmeError> {
        let standing = AcmeStanding {
            tried_at_micros: self.clock.now().as_micros(),
            ..self.standing()
        };
        let path = self.config.folder.clone();
        self.keep(standing)
            .map_err(|source| AcmeError::Keep { path, source })
    }

    fn keep(&self, standing: AcmeStanding) -> io::Result<()> {
        let kept = standing.keep(&self.config.folder);
        let mut place = self
            .standing
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *place = standing;
        kept
    }

    fn succeeded(&self, validity: Validity, now: Timestamp) -> AcmeStanding {
        // An authority whose certificates are spent when they come is not asked without end.
        let soonest = now.plus(self.config.shortest_pause.max(SHORTEST_SLEEP));
        AcmeStanding {
            directory: self.config.directory.to_string(),
            domains: self.config.domains.clone(),
            valid_until_micros: Some(validity.until.as_micros()),
            issued_by: Some(self.config.directory.to_string()),
            next_try_at_micros: validity.renewal_at().max(soonest).as_micros(),
            tried_at_micros: self.standing().tried_at_micros,
            ..AcmeStanding::default()
        }
    }

    fn failed(&self, error: &AcmeError, wait: Option<Duration>, now: Timestamp) -> AcmeStanding {
        let before = self.standing();
        let n_failures = before.n_failures.saturating_add(1);
        let own = self.config.pause_after(n_failures).max(SHORTEST_SLEEP);
        let asked = wait.unwrap_or_default();
        let pause = own.max(asked);
        let (reason, remedy) = (error.told(), error.remedy());
        let again_in_secs = pause.as_secs();
        tracing::warn!(
            error = reason,
            remedy,
            again_in_secs,
            "there is no new certificate; the one before stays"
        );
        AcmeStanding {
            next_try_at_micros: now.plus(pause).as_micros(),
            n_failures,
            last_error: Some(reason),
            remedy: Some(remedy),
            is_told_to_wait: asked > own,
            ..before
        }
    }

    async fn obtain(&self, heard: Heard) -> Result<(InForce, Validity), AcmeError> {
        let carrier = Carrier::new(&self.config, heard);
        let issued = match self.order(carrier.clone()).await {
            // The authority was set up anew, as those of shops are: another account is made, once.
            Err(error) if error.is_of_unknown_account() => {
                account::forget(&self.config)?;
                self.order(carrier).await?
            }
            other => other?,
        };
        let (directory, now) = (&self.config.directory, self.clock.now());
        let checked = issued.check(directory, &self.config.domains, now)?;
        issued.keep(&self.config.folder)?;
        Ok(checked)
    }

    async fn order(&self, carrier: Carrier) -> Result<Issued, AcmeError> {
        let account = account::open(&self.config, carrier).await?;
        order::order(&account, &self.config, self.tls.challenges()).await
    }
}

/// When the shortest pause after the last try is over, in microseconds since 1970. Of a try that is still to come, by a clock
/// that was ahead, nothing is known.
fn rested_at(standing: &AcmeStanding, config: &AcmeConfig, now: Timestamp) -> i64 {
    let tried_at = Timestamp::from_micros(standing.tried_at_micros);
    if tried_at > now {
        return 0;
    }
    tried_at.plus(config.shortest_pause).as_micros()
}

#[cfg(test)]
mod tests;
