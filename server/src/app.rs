//! What every request can reach.

use std::sync::Arc;

use axum::extract::FromRef;
use regard_engine::Engine;
use tokio::sync::watch;

use crate::ServerConfig;
use crate::assets::AssetLibrary;
use crate::auth::LoginLimiter;
use crate::presence::SignLimiter;
use crate::routes::TileRoots;

/// What every request can reach. Cheap to clone.
#[derive(Clone)]
pub(crate) struct App(Arc<Parts>);

/// The parts behind an [`App`].
pub(crate) struct Parts {
    pub(crate) engine: Engine,
    pub(crate) config: ServerConfig,
    pub(crate) assets: Arc<AssetLibrary>,
    pub(crate) logins: LoginLimiter,
    pub(crate) signs: SignLimiter,
    pub(crate) tile_roots: TileRoots,
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
