//! The socket, and the server behind it.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use regard_engine::Engine;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::ServerConfig;
use crate::app::{App, Parts};
use crate::assets::AssetLibrary;
use crate::auth::LoginLimiter;
use crate::presence::SignLimiter;
use crate::routes::{TileRoots, router};

/// How long requests that run may go on after the end was asked for.
const GRACE: Duration = Duration::from_secs(3);

/// Why the server cannot begin.
#[derive(Debug, Error)]
pub enum BindError {
    /// Others could reach it, which was not asked for.
    #[error("address {0} can be reached from outside, which needs allow_remote")]
    NotLoopback(SocketAddr),
    /// Others could reach it, and there is no token to keep them out.
    #[error("address {0} can be reached from outside, which needs an admin token")]
    NoToken(SocketAddr),
    /// The address is taken, or not ours.
    #[error("address {address} cannot be listened on")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The asset folder cannot be made.
    #[error("the asset folder cannot be made")]
    Assets(#[source] io::Error),
}

/// The server stopped for a reason of its own.
#[derive(Debug, Error)]
#[error("the server stopped")]
pub struct ServeError(#[source] io::Error);

/// The web side of one engine.
#[derive(Debug)]
pub struct Server {}

impl Server {
    /// Takes the address; requests that come wait until [`Bound::run`].
    ///
    /// # Errors
    /// [`BindError`] says why there is no server.
    pub async fn bind(config: ServerConfig, engine: Engine) -> Result<Bound, BindError> {
        let address = config.listen;
        if !address.ip().is_loopback() {
            if !config.allow_remote {
                return Err(BindError::NotLoopback(address));
            }
            if config.admin_token_hash.is_none() {
                return Err(BindError::NoToken(address));
            }
        }
        tokio::fs::create_dir_all(&config.asset_dir)
            .await
            .map_err(BindError::Assets)?;
        let failed = |source| BindError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (end, ending) = watch::channel(false);
        let assets = Arc::new(AssetLibrary::new(config.asset_dir.clone()));
        let config = ServerConfig {
            listen: address,
            ..config
        };
        let (logins, signs) = (LoginLimiter::default(), SignLimiter::default());
        let app = App::new(Parts {
            engine,
            config,
            assets,
            logins,
            signs,
            tile_roots: TileRoots::default(),
            ending,
        });
        Ok(Bound {
            listener,
            address,
            app,
            end,
        })
    }
}

/// A server that has its address.
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
    app: App,
    end: watch::Sender<bool>,
}

impl Bound {
    /// The address; with port 0 in the configuration the port that was found free.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` resolves, then ends streams at once and lets requests end for 3 s.
    ///
    /// # Errors
    /// [`ServeError`] when the socket failed.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) -> Result<(), ServeError> {
        let Self {
            listener, app, end, ..
        } = self;
        let service = router(&app).into_make_service_with_connect_info::<SocketAddr>();
        let ended = {
            let app = app.clone();
            async move { app.ended().await }
        };
        let serve = axum::serve(listener, service).with_graceful_shutdown(ended);
        let mut serving = std::pin::pin!(serve.into_future());
        tokio::select! {
            done = &mut serving => return done.map_err(ServeError),
            () = shutdown => {}
        }
        // Nobody waits for the answer: whoever listens ends.
        end.send_replace(true);
        match tokio::time::timeout(GRACE, serving).await {
            Ok(done) => done.map_err(ServeError),
            Err(_) => Ok(()),
        }
    }
}
