//! Somebody who was recognised is welcomed at a screen: from then on their wishes take part in what it shows.

use std::time::{Duration, Instant};

use regard_domain::{ScreenId, TrackId};
use thiserror::Error;

use crate::command::Command;
use crate::custody::CustodyError;
use crate::handle::{Engine, EngineError};
use crate::recognition::{RecognitionError, Visitor};

/// How long somebody who was recognised may take to be seen, alone, before the screen, and how often that is looked at.
const PATIENCE: Duration = Duration::from_secs(3);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Why somebody who was recognised is not welcomed.
#[derive(Debug, Error)]
pub enum WelcomeError {
    /// Nobody, or more than one, is before the screen; or the engine records, which holds nothing of a person.
    #[error("who was recognised cannot be told from others before this screen")]
    NotAlone,
    /// The gate, or the consent.
    #[error(transparent)]
    Recognition(#[from] RecognitionError),
    /// What belongs to the person.
    #[error(transparent)]
    Custody(#[from] CustodyError),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl Engine {
    /// Welcomes somebody who was recognised at a screen before which they are the only one: their track gains a person, under
    /// a grant that ends when they leave or take their consent back, and their wishes take part at once.
    ///
    /// # Privacy
    /// Works under the consent to `personalise`; nothing of the wishes is logged, recorded or learned from.
    ///
    /// # Errors
    /// [`WelcomeError`].
    pub async fn welcome(
        &self,
        screen: &ScreenId,
        visitor: Visitor<'_>,
    ) -> Result<(), WelcomeError> {
        self.screen(screen)?;
        let track = self.alone_before(screen).await?;
        self.welcome_track(screen, visitor, track).await
    }

    /// The same for somebody who was recognised as the one of that track.
    pub(crate) async fn welcome_track(
        &self,
        screen: &ScreenId,
        visitor: Visitor<'_>,
        track: TrackId,
    ) -> Result<(), WelcomeError> {
        let grant = self.recognizer().personalize(visitor, track).await?;
        let person = grant.person();
        let wishes = self.custodian().wishes(person).await?.facts;
        let grant = Box::new(grant);
        let is_there = self
            .ask(|reply| Command::Welcome {
                screen: screen.clone(),
                grant,
                wishes,
                reply,
            })
            .await?;
        if !is_there {
            self.recognizer().track_ended(track);
            return Err(WelcomeError::NotAlone);
        }
        self.custodian().count_visit(person).await?;
        Ok(())
    }

    /// The track of whoever is the only one before a screen, as soon as there is one: whoever looked at their phone until now
    /// is not always seen at once.
    async fn alone_before(&self, screen: &ScreenId) -> Result<TrackId, WelcomeError> {
        let began = Instant::now();
        loop {
            let alone = self.ask(|reply| Command::Alone {
                screen: screen.clone(),
                reply,
            });
            match alone.await? {
                Some(track) => return Ok(track),
                None if began.elapsed() > PATIENCE => return Err(WelcomeError::NotAlone),
                None => tokio::time::sleep(LOOK_AGAIN).await,
            }
        }
    }
}
