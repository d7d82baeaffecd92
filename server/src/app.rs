//! What every request can reach.

use std::sync::Arc;

use axum::extract::FromRef;
use regard_commitments::{AdminAct, Digest};
use regard_engine::{Engine, EngineError};
use tokio::sync::watch;

use crate::ServerConfig;
use crate::access::{Access, Guest};
use crate::acme::Keeper;
use crate::assets::AssetLibrary;
use crate::compat::rekognition::Repeats;
use crate::idempotency::Answered;
use crate::presence::SignLimiter;
use crate::routes::TileRoots;
use crate::tls::Tls;
use crate::webhooks::Webhooks;

/// What every request can reach. Cheap to clone.
#[derive(Clone)]
pub(crate) struct App(Arc<Parts>);

/// The parts behind an [`App`].
pub(crate) struct Parts {
    pub(crate) engine: Engine,
    pub(crate) config: ServerConfig,
    pub(crate) assets: Arc<AssetLibrary>,
    pub(crate) signs: SignLimiter,
    /// How many enrol by themselves in front of each screen.
    pub(crate) newcomers: SignLimiter,
    pub(crate) tile_roots: TileRoots,
    pub(crate) access: Access,
    pub(crate) answered: Answered,
    pub(crate) webhooks: Arc<Webhooks>,
    /// Requests of the Rekognition interface that may be sent again.
    pub(crate) repeats: Repeats,
    /// What encrypts; nothing: nothing does.
    pub(crate) tls: Option<Arc<Tls>>,
    /// Who sees to it that an authority issues certificates, where one does.
    pub(crate) keeper: Option<Arc<Keeper>>,
    /// Becomes true when the server is to end: streams that would go on for ever watch it.
    pub(crate) ending: watch::Receiver<bool>,
}

impl App {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Resolves when the server is to end.
    pub(crate) async fn ended(&self) {
        let mut ending = self.ending.clone();
        // A sender that is gone means the same.
        let _ = ending.wait_for(|is_ending| *is_ending).await;
    }

    /// Resolves when the server is to end, or when whoever asked may not be here any more.
    pub(crate) async fn over_for(&self, guest: &Guest) {
        tokio::select! {
            () = self.ended() => {}
            () = self.access.gone(guest) => {}
        }
    }

    /// Enters in the ledger what a guest did to something; the ledger keeps its hash.
    pub(crate) async fn did(
        &self,
        guest: &Guest,
        act: AdminAct,
        subject: &[u8],
    ) -> Result<(), EngineError> {
        let subject = Digest::of(&[subject]);
        self.engine.administered(act, guest.actor(), subject).await
    }
}

impl std::ops::Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl FromRef<App> for Engine {
    fn from_ref(app: &App) -> Self {
        app.engine.clone()
    }
}
