//! The socket, and the server behind it.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use regard_backends::StoreError;
use regard_commitments::{Actor, AdminAct, Role};
use regard_engine::{BadToken, Engine, EngineError, NewToken, Token, WallClock};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::access::Access;
use crate::acme::{self, Keeper};
use crate::app::{App, Parts};
use crate::assets::AssetLibrary;
use crate::compat::rekognition::Repeats;
use crate::connectors;
use crate::idempotency::Answered;
use crate::listener;
use crate::presence::SignLimiter;
use crate::routes::{TileRoots, router};
use crate::tls::{Tls, TlsError};
use crate::webhooks::Webhooks;
use crate::{AcmeConfig, AdminToken, ServerConfig};

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
    /// The port on which an authority looks for its proof is taken, or not ours to take.
    #[error(
        "address {address}, where the certificate authority looks for its proof, cannot be listened on; free the port, give \
         this program the right to it (CAP_NET_BIND_SERVICE), or set http_port under [server.tls.acme] and lead port 80 there"
    )]
    Challenge {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The folder of what an authority issues cannot be used.
    #[error("{} cannot be used for account and certificate", folder.display())]
    Certificates {
        /// Which.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The asset folder cannot be made.
    #[error("the asset folder cannot be made")]
    Assets(#[source] io::Error),
    /// There is no encryption, which was asked for.
    #[error("the connection cannot be encrypted")]
    Tls(#[from] TlsError),
    /// The tokens that are kept cannot be read.
    #[error("the tokens cannot be read")]
    Tokens(#[from] StoreError),
    /// The admin token cannot be made.
    #[error("the admin token cannot be made")]
    MakeToken(#[from] BadToken),
    /// The admin token, or what else is to be kept of who may come in, cannot be kept.
    #[error("the admin token cannot be kept")]
    KeepToken(#[from] EngineError),
}

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
        if !address.ip().is_loopback() && !config.allow_remote {
            return Err(BindError::NotLoopback(address));
        }
        let records = engine.tokens().await?;
        let access = Access::new(engine.clone(), records, config.session_key);
        let has_admin = !access.book.live_of(Role::Admin, engine.now()).is_empty();
        if !address.ip().is_loopback() && config.admin_token == AdminToken::Keep && !has_admin {
            return Err(BindError::NoToken(address));
        }
        tokio::fs::create_dir_all(&config.asset_dir)
            .await
            .map_err(BindError::Assets)?;
        let tls = match config.tls.clone() {
            Some(files) => Some(Arc::new(Tls::open(files, &config)?)),
            None => None,
        };
        let keeper = keeper(&config, tls.as_ref())?;
        let proving = proving(&config).await?;
        let failed = |source| BindError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        // Not before the address is ours: a token nobody is shown must not be the one that counts.
        let fresh = admin_token(&access, &engine, config.admin_token).await?;
        access.take_up_sessions().await?;
        let (end, ending) = watch::channel(false);
        let assets = Arc::new(AssetLibrary::new(config.asset_dir.clone()));
        let config = ServerConfig {
            listen: address,
            ..config
        };
        let webhooks = Arc::new(Webhooks::new(config.webhooks.clone()));
        let app = App::new(Parts {
            engine,
            config,
            assets,
            tile_roots: TileRoots::default(),
            signs: SignLimiter::default(),
            newcomers: SignLimiter::of_newcomers(),
            access,
            answered: Answered::default(),
            webhooks,
            repeats: Repeats::default(),
            tls,
            keeper,
            ending,
        });
        Ok(Bound {
            listener,
            proving,
            address,
            app,
            end,
            fresh,
        })
    }
}

/// Who sees to it that an authority issues certificates, where one is named.
fn keeper(config: &ServerConfig, tls: Option<&Arc<Tls>>) -> Result<Option<Arc<Keeper>>, BindError> {
    let Some((acme, tls)) = config.acme.as_ref().zip(tls) else {
        return Ok(None);
    };
    // Certificates are dated by others, whose clocks go on when this machine's is set.
    let clock = Arc::new(WallClock {});
    let keeper = Keeper::open(acme.clone(), Arc::clone(tls), clock);
    let keeper = keeper.map_err(|source| BindError::Certificates {
        folder: acme.folder.clone(),
        source,
    })?;
    Ok(Some(Arc::new(keeper)))
}

/// Where an authority looks for texts, where that is how it is shown that names lead here.
async fn proving(config: &ServerConfig) -> Result<Option<TcpListener>, BindError> {
    let acme = config.acme.as_ref().filter(|_| config.tls.is_some());
    let Some(port) = acme.and_then(AcmeConfig::http_port) else {
        return Ok(None);
    };
    let address = SocketAddr::new(config.listen.ip(), port);
    let failed = |source| BindError::Challenge { address, source };
    TcpListener::bind(address).await.map(Some).map_err(failed)
}

/// Makes the admin token where that is wished for; it is kept, and in the ledger, before anyone sees it.
async fn admin_token(
    access: &Access,
    engine: &Engine,
    wish: AdminToken,
) -> Result<Option<Token>, BindError> {
    let old = access.book.live_of(Role::Admin, engine.now());
    match wish {
        AdminToken::Keep => return Ok(None),
        AdminToken::IfMissing if !old.is_empty() => return Ok(None),
        AdminToken::IfMissing | AdminToken::Replace => {}
    }
    let (token, record) = NewToken::first_admin(engine.now())?;
    access
        .keep(record, AdminAct::TokenMade, Actor::Machine {})
        .await?;
    for id in old {
        if let Some(record) = access.book.revoked(&id, engine.now()) {
            access
                .keep(record, AdminAct::TokenRevoked, Actor::Machine {})
                .await?;
        }
    }
    Ok(Some(token))
}

/// A server that has its address.
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
    app: App,
    end: watch::Sender<bool>,
    fresh: Option<Token>,
    /// Where an authority looks for texts.
    proving: Option<TcpListener>,
}

impl Bound {
    /// The address; with port 0 in the configuration the port that was found free.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Scheme, address and port: what a browser on this machine is given.
    pub fn url(&self) -> String {
        format!("{}://{}", self.app.config.scheme(), self.address)
    }

    /// Where an authority looks for the proof of `http-01`; nothing where no such proof is given.
    pub fn proving_address(&self) -> Option<SocketAddr> {
        self.proving.as_ref()?.local_addr().ok()
    }

    /// The admin token, if it was made just now: to be shown this once.
    pub fn fresh_token(&self) -> Option<&str> {
        self.fresh.as_ref().map(Token::text)
    }

    /// Serves until `shutdown` resolves, then ends streams at once and lets requests end for 3 s.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) {
        let Self {
            listener,
            proving,
            app,
            end,
            ..
        } = self;
        let ended = {
            let app = app.clone();
            async move { app.ended().await }
        };
        let hooks = Arc::clone(&app.webhooks).run(app.engine.clone(), app.ending.clone());
        let hooks = tokio::spawn(hooks);
        let keeping = keep_certificate(&app, proving);
        let mut telling = std::pin::pin!(connectors::run(
            app.engine.clone(),
            app.config.connectors.clone(),
            Arc::clone(&app.webhooks),
        ));
        let mut serving = std::pin::pin!(listener::serve(
            listener,
            router(&app),
            app.tls.clone(),
            ended
        ));
        tokio::select! {
            // It ends only when told to.
            () = &mut serving => return,
            // It never ends by itself.
            () = &mut telling => {}
            () = shutdown => {}
        }
        // Nobody waits for the answer: whoever listens ends.
        end.send_replace(true);
        // What does not end by itself is cut.
        let _ = tokio::time::timeout(GRACE, serving).await;
        hooks.abort();
        for task in keeping {
            task.abort();
        }
    }
}

/// Sees to it that there is a certificate of an authority, where one is named, and shows the proofs it asks for.
fn keep_certificate(app: &App, proving: Option<TcpListener>) -> Vec<JoinHandle<()>> {
    let mut tasks = Vec::new();
    if let Some((proving, tls)) = proving.zip(app.tls.as_ref()) {
        let texts = acme::router(Arc::clone(tls.challenges()));
        let ended = {
            let app = app.clone();
            async move { app.ended().await }
        };
        tasks.push(tokio::spawn(listener::serve(proving, texts, None, ended)));
    }
    if let Some(keeper) = &app.keeper {
        tasks.push(tokio::spawn(Arc::clone(keeper).run()));
    }
    tasks
}
